"""Ctrl-C and SIGTERM: what a step says, how it ends, and what it leaves."""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import json
import signal
import subprocess
import sys
import time

import pytest
from project import PLAY, ROOT, SONG, STEPS, clean_environment, heed_ctrl_c, some

from dwh.local.redshift.copy.run import stream

EVENTS = 200_000  # a COPY that lasts long enough to be met
RUNNING = "SELECT COUNT(*) FROM sys_load_history WHERE status = 'running'"


def start(project, name, *args):
    return subprocess.Popen(
        [sys.executable, str(ROOT / f"{name}.py"), *args],
        cwd=project.folder,
        env=clean_environment(project.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A large log file."""
    head, tail = json.dumps({**PLAY, "itemInSession": 777_777}).split("777777")
    path = tmp_path_factory.mktemp("many") / "many.json"
    path.write_text("".join(f"{head}{n}{tail}\n" for n in range(EVENTS)))
    return path


@pytest.fixture
def loading(warehouse, many):
    """A project with one day loaded and a large one to come."""
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl", "-q").code == 0
    (warehouse.data / "log_data/2018/11/b.json").symlink_to(many)
    yield warehouse
    (warehouse.data / "log_data/2018/11/b.json").unlink()


@pytest.fixture
def copying(loading):
    """Starts a load, and gives its process when its COPY runs."""
    with contextlib.closing(loading.connect()) as conn, conn.cursor() as cur:
        conn.autocommit = True

        def found():
            load = start(loading, "etl")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                cur.execute(RUNNING)
                if cur.fetchone() != (0,):
                    return load
                assert load.poll() is None, "the load ended before its COPY was met"
            raise AssertionError("no COPY was seen")

        yield found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("times", [1, 8])
def test_a_load_that_is_interrupted_in_its_copy_changes_nothing(loading, copying, number, code, times):
    before = loading.star()
    load = copying()
    for _ in range(times):
        load.send_signal(number)
        time.sleep(0.03)
    _, said = load.communicate(timeout=60)
    assert "interrupted: nothing was published" in said
    assert "Traceback" not in said
    assert "error:" not in said
    assert load.returncode == code
    assert loading.star() == before


class Pressed(Exception):
    """What the signal of the next test raises."""


def test_no_moment_of_reading_the_lines_of_a_copy_loses_an_interrupt():
    def press(_signal, _frame):
        raise Pressed

    before = signal.signal(signal.SIGALRM, press)
    try:
        for _ in range(300):
            with pytest.raises(Pressed):
                read_until_pressed()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_until_pressed():
    """Read as psycopg2 does: in a loop in C, and with an error of its own of what is raised."""

    def chunks():
        signal.setitimer(signal.ITIMER_REAL, 0.0005)
        yield from itertools.repeat(b"x")

    with stream(chunks()) as source:
        try:
            collections.deque(iter(functools.partial(source.read, 8192), b""), maxlen=0)
        except Pressed:
            raise RuntimeError("error in .read() call") from None


def test_a_session_that_is_ended_in_its_copy_is_followed_by_another(loading, copying):
    load = copying()
    with contextlib.closing(loading.connect()) as conn:
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute("SELECT pg_terminate_backend(session_id) FROM sys_load_history WHERE status = 'running'")
    _, said = load.communicate(timeout=100)
    assert load.returncode == 0, said
    assert "trying the whole transaction again" in said
    assert loading.value("SELECT COUNT(*) FROM songplays") == EVENTS


# Runs a step, and presses Ctrl-C when it begins to import a module.
PRESSING = """
import os, runpy, signal, sys

class Presser:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Presser())
wanted, step = sys.argv[1:3]
del sys.argv[:2]
runpy.run_path(step, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("step", "module"),
    some(((step, module) for step in STEPS for module in ("logging", "dotenv", "dwh.target", "boto3", "psycopg2")), 3),
)
def test_ctrl_c_while_a_step_imports_shows_no_traceback(folder, step, module):
    folder.set("data_dir", "")
    ran = subprocess.run(
        [sys.executable, "-c", PRESSING, module, str(ROOT / f"{step}.py"), "--target", "aws"],
        cwd=folder.folder,
        env=clean_environment(folder.folder, KEY="testing", SECRET="testing", AWS_ENDPOINT_URL="http://127.0.0.1:9"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    if "interrupted" in ran.stderr:
        assert ran.returncode == 130
    else:  # it ended before that import, since there is no such AWS or no cluster
        assert module in ("boto3", "psycopg2")
        assert ran.returncode in (1, 2), ran.stderr
