"""Whatever happens to a load, a plain rerun ends in what one clean run gives.

The suite tries some of the points at which a load can be killed. FAULTS=all tries every one.
"""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from project import ALL_FAULTS, PLAY, ROOT, SONG, Project, clean_environment, heed_ctrl_c
from proxy import Proxy
from psycopg2 import extensions

from dwh import connecting

STEPPING = Path(__file__).with_name("stepping.py")
EVERY = 1 if ALL_FAULTS else 41
KILLED = -9


def days(*numbers):
    return {
        f"2018-11-{day:02}": [
            {**PLAY, "ts": 1541030400000 + day * 86_400_000 + n, "itemInSession": n, "userId": str(day % 3 + 1)}
            for n in range(5)
        ]
        for day in numbers
    }


EARLIER, LATER = days(1, 2), days(2, 3, 4)
LATER["2018-11-02"] += [{**PLAY, "ts": 1541030400000, "itemInSession": 99, "userId": "8", "level": "paid"}]
SONGS = [SONG, {**SONG, "song_id": "SO2", "title": "Second Song"}]


def start(project, earlier):
    """New tables, with an earlier load or none, and the files of the next load in place."""
    project.empty()
    assert project.main("create_tables", "--recreate", "--yes", "-q").code == 0
    if earlier:
        start_files(project, EARLIER, [SONG])
        assert project.main("etl", "-q").code == 0
    start_files(project, {**EARLIER, **LATER}, SONGS)


def start_files(project, days, songs):
    for name, events in days.items():
        project.events(name, *events)
    project.songs(*songs)


def stepping(project, action, number, *args, wait=True):
    process = subprocess.Popen(
        [sys.executable, str(STEPPING), action, str(number), "etl", *args],
        cwd=project.folder,
        env=clean_environment(project.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    if not wait:
        return process
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.fixture(scope="module")
def clean(cluster):
    """The star of one clean run, and how many statements it takes."""
    start(cluster, earlier=False)
    code, said = stepping(cluster, "kill", 10_000)
    assert code == 0, said
    return cluster.star(), int(re.search(r"statements: (\d+)", said)[1])


@pytest.mark.parametrize("earlier", [False, True], ids=["first load", "second load"])
def test_killed_before_any_statement(cluster, clean, earlier):
    star, statements = clean
    for number in range(1 + EVERY // 2, statements + 1, EVERY):
        start(cluster, earlier)
        before = cluster.star()
        code, said = stepping(cluster, "kill", number)
        assert code == KILLED, said
        assert cluster.star() in (before, star), f"half a load is visible after statement {number}"
        rerun = cluster.main("etl")
        assert rerun.code == 0, rerun.err
        assert cluster.star() == star, f"killed before statement {number}"


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_killed_server_comes_back_and_the_load_goes_on(cluster, clean, share):
    star, statements = clean
    start(cluster, earlier=True)
    code, said = stepping(cluster, "kill-server", int(statements * share))
    assert "Traceback" not in said
    if code:
        assert cluster.main("etl").code == 0
    assert cluster.star() == star


def through(project, monkeypatch, *, lose_commit=0, **behaviour):
    """Let the steps inside this process reach their server through a proxy; it loses the answer to one COMMIT."""
    real = connecting.arguments
    proxies = []
    commits = 0

    class Connection(extensions.connection):
        def commit(self):
            nonlocal commits
            commits += 1
            if commits == lose_commit:
                proxies[0].lose_answers()
            super().commit()

    def arguments(*, host, port, **place):
        if not proxies:
            proxies.append(Proxy((host, port), **behaviour))
        return real(host=host, port=proxies[0].port, **place) | {"connection_factory": Connection}

    monkeypatch.setattr(connecting, "arguments", arguments)
    return proxies


@pytest.mark.parametrize("commit", [1, 2], ids=["after TRUNCATE", "of the load"])
def test_a_lost_answer_to_commit(cluster, clean, monkeypatch, commit):
    star, _ = clean
    start(cluster, earlier=True)
    proxies = through(cluster, monkeypatch, lose_commit=commit)
    ran = cluster.main("etl")
    monkeypatch.undo()
    assert proxies[0].cuts == 1
    assert ran.code == 0, ran.err
    assert cluster.star() == star


@pytest.mark.parametrize("messages", [1, 40])
def test_a_connection_cut_in_the_middle(cluster, clean, monkeypatch, messages):
    star, _ = clean
    start(cluster, earlier=True)
    proxies = through(cluster, monkeypatch, cut_after=messages)
    ran = cluster.main("etl")
    monkeypatch.undo()
    assert proxies[0].cuts == 1
    assert "Traceback" not in ran.err
    if ran.code:
        assert "hint:" in ran.err
        assert cluster.main("etl").code == 0
    assert cluster.star() == star


@pytest.mark.parametrize("number", [1, 30])
def test_two_loads_at_once(cluster, clean, number, tmp_path):
    star, _ = clean
    start(cluster, earlier=True)
    go = tmp_path / "go"
    first = stepping(cluster, f"pause:{go}", number, wait=False)
    deadline = time.monotonic() + 30
    while not Path(f"{go}.there").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    second = stepping(cluster, "kill", 10_000, wait=False)
    time.sleep(1.0)
    go.touch()
    for process in (first, second):
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert cluster.star() == star


def test_a_load_that_waits_too_long_says_who_holds_the_lock(cluster, clean):
    start(cluster, earlier=False)
    cluster.set("lock_timeout", "1")
    try:
        with cluster.connect() as conn, conn.cursor() as cur:
            cur.execute("LOCK load_objects")
            ran = cluster.main("etl")
            conn.rollback()
    finally:
        cluster.set("lock_timeout", "60")
    assert ran.code == 1
    assert "another session has held the tables" in ran.err
    assert "held by" in ran.err


def test_ctrl_c_is_heard_while_the_server_works(cluster, clean):
    start(cluster, earlier=False)
    with cluster.connect() as conn, conn.cursor() as cur:
        cur.execute("LOCK load_objects")
        waiting = stepping(cluster, "kill", 10_000, wait=False)
        assert "local target" in waiting.stderr.readline()
        time.sleep(1.5)
        began = time.monotonic()
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=50)
        waited = time.monotonic() - began
        conn.rollback()
    assert "Traceback" not in said
    assert waiting.returncode == 130, said
    assert waited < 30  # and not the 60 seconds of lock_timeout


def test_readers_never_wait_and_see_the_old_star_or_the_new(cluster, clean, tmp_path):
    star, statements = clean
    start(cluster, earlier=True)
    before = cluster.value("SELECT COUNT(*) FROM songplays")
    go = tmp_path / "go"
    load = stepping(cluster, f"pause:{go}", statements - 12, wait=False)
    deadline = time.monotonic() + 30
    while not Path(f"{go}.there").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with cluster.connect() as conn, conn.cursor() as cur:
        cur.execute("SET statement_timeout TO 5000")
        cur.execute("SELECT COUNT(*) FROM songplays")
        assert cur.fetchone() == (before,)
    go.touch()
    assert load.wait(60) == 0
    assert cluster.star() == star


@pytest.fixture
def small_disk(servers, tmp_path):
    """A project whose server meets a full disk: to PostgreSQL, a file that may not grow is the same."""
    project = Project(tmp_path)
    start_files(project, EARLIER, [SONG])
    limit = (20_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    created = subprocess.run(
        [sys.executable, str(ROOT / "create_cluster.py")],
        cwd=project.folder,
        env=clean_environment(project.folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert created.returncode == 0, created.stderr
    yield project
    project.step("destroy_cluster", "--yes")


def test_a_full_disk_fails_loudly_and_whole(small_disk):
    assert small_disk.main("create_tables").code == 0
    assert small_disk.main("etl").code == 0
    before = small_disk.star()
    many = ({**PLAY, "ts": 1543000000000 + n, "itemInSession": n, "userAgent": "x" * 300} for n in range(70_000))
    small_disk.events("big", *many)
    ran = small_disk.main("etl")
    assert ran.code == 1, ran.err
    assert "Traceback" not in ran.err
    assert "hint:" in ran.err
    assert small_disk.star() == before
    (small_disk.data / "log_data/2018/11/big.json").unlink()
    small_disk.events("small", {**PLAY, "userId": "99"})
    assert small_disk.main("etl").code == 0
    assert small_disk.value("SELECT COUNT(*) FROM users WHERE user_id = 99") == 1
