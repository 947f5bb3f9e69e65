"""Every step with streams that are closed or full, in a folder that is gone, on odd terminals: what it does then."""

from __future__ import annotations

import fcntl
import io
import itertools
import json
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
import time
from contextlib import closing

import pytest
from project import PLAY, ROOT, SONG, STEPS, Ran, clean_environment, some, without_powers

from dwh.console import Console
from dwh.errors import DwhError, RefusedError

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")

# name: how a shell does it.
FAULTS = {
    "stdin closed": "<&-",
    "stdout closed": ">&-",
    "stderr closed": "2>&-",
    "all closed": "<&- >&- 2>&-",
    "stdout full": ">/dev/full",
    "stderr full": "2>/dev/full",
}
LOST_RESULT = {"stdout closed", "all closed", "stdout full"}
UNHEARD = {"stderr closed", "all closed", "stderr full"}

# step and options: exit code, and whether it has a result for standard output.
RUNS = {
    "create_cluster": (0, False),
    "create_tables": (0, False),
    "etl": (0, False),
    "business_insights --only top_songs coverage": (0, True),
    "business_insights --only top_songs --format csv": (0, True),
    "business_insights --only top_songs --format json": (0, True),
    "create_cluster --dry-run": (0, True),
    "etl --audit --format json": (0, True),
    "destroy_cluster": (3, False),
    "business_insights --list": (0, True),
}
for step in STEPS:
    RUNS |= {f"{step} --help": (0, True), f"{step} --version": (0, True), f"{step} --nonsense": (2, False)}


@pytest.fixture(scope="module")
def loaded(cluster):
    """A project with a song, whose title would drive a terminal, and a play of it."""
    cluster.empty()
    title = "\x1b[31mRed\x9b0m"
    cluster.events("a", {**PLAY, "song": title})
    cluster.songs({**SONG, "title": title})
    for step in (["create_tables", "--recreate", "--yes"], ["etl"]):
        ran = cluster.main(*step)
        assert ran.code == 0, ran.err
    return cluster


@pytest.fixture(scope="module")
def undisturbed(loaded):
    """What each run prints on standard output when nothing is wrong."""
    kept = {}

    def result(run):
        if run not in kept:
            kept[run] = shell(loaded, run).out
        return kept[run]

    return result


def shell(project, run, redirect="", before="", **environ):
    """Run a step by a shell that changes its streams, or does something else before."""
    name, *args = run.split()
    done = subprocess.run(
        ["/bin/sh", "-c", f'{before} exec "$@" {redirect}', "sh", sys.executable, str(ROOT / f"{name}.py"), *args],
        cwd=project.folder,
        env=clean_environment(project.folder, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    for sign in ("Traceback", "Exception ignored", "Errno"):
        assert sign not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(("run", "fault"), some(itertools.product(RUNS, FAULTS), 13))
def test_no_stream_makes_a_step_stumble(loaded, undisturbed, run, fault):
    code, prints = RUNS[run]
    lost = prints and fault in LOST_RESULT
    ran = shell(loaded, run, FAULTS[fault])
    assert ran.code == (1 if lost else code), ran.err
    assert ran.out == ("" if fault in LOST_RESULT else undisturbed(run))
    assert bool(ran.out) == (prints and not lost)
    if fault in UNHEARD:
        assert ran.err == ""
    elif lost:
        reason = "it is closed" if fault == "stdout closed" else "No space left on device"
        said = ran.err.replace("\n  nothing was changed\n", "\n")
        assert f"error: the result cannot be written to standard output: {reason}\nhint: " in said


BUFFERED = ["etl --help", "etl --nonsense", "business_insights --only top_songs --format csv"]
FULL = [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"]


@pytest.mark.parametrize(("run", "redirect"), some(itertools.product(BUFFERED, FULL), 4))
def test_with_buffers_it_is_the_same(loaded, run, redirect):
    """What a buffer still holds would fail at the exit of Python, with exit code 120."""
    code, prints = RUNS[run]
    lost = prints and redirect.startswith(">")
    assert shell(loaded, run, redirect, PYTHONUNBUFFERED="").code == (1 if lost else code)


def test_a_cluster_is_made_and_destroyed_with_every_stream_closed(servers, folder):
    folder.events("a", PLAY)
    folder.songs(SONG)
    for run in ("create_cluster", "create_tables", "etl"):
        assert shell(folder, run, FAULTS["all closed"]).code == 0
    assert folder.value("SELECT COUNT(*) FROM songplays") == 1
    assert shell(folder, "destroy_cluster --yes", FAULTS["all closed"]).code == 0
    assert not (folder.folder / ".local").exists()


def test_nothing_else_takes_the_place_of_a_closed_stream(folder):
    """A file, a connection or a child would get what is meant for the stream."""
    report = folder.folder / "report"
    code = (
        "import os, subprocess, sys; from dwh.console import open_closed; open_closed()\n"
        f"with open({str(report)!r}, 'w') as file:\n"
        "    child = subprocess.run(['/bin/sh', '-c', 'cat <&0 && echo x >&1 || echo y >&2 || echo fine >&9'],"
        " pass_fds=[file.fileno()], check=False)\n"
        "    print(file.fileno() > 2, [os.readlink(f'/proc/self/fd/{n}') for n in range(3)], file=file)\n"
        "    print([os.get_inheritable(n) for n in range(3)], repr(sys.stdin.read()), file=file)\n"
    )
    subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code],
        env=clean_environment(folder.folder),
        check=True,
    )
    assert report.read_text() == f"True {['/dev/null'] * 3}\n[True, True, True] ''\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_result_that_is_written_in_part_is_an_error(loaded, tmp_path, unbuffered):
    """A disk that fills up takes the beginning, and says nothing until it is asked again."""
    limit = "ulimit -f 1;"
    ran = shell(loaded, "business_insights --format json", f">{tmp_path}/all.json", limit, PYTHONUNBUFFERED=unbuffered)
    assert ran.code == 1
    assert "error: the result cannot be written to standard output: File too large\n" in ran.err
    assert 0 < (tmp_path / "all.json").stat().st_size <= 1024


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stream_that_does_not_block_gets_everything(undisturbed, loaded, unbuffered):
    """As another program may leave a terminal or a pipe: a write that would wait fails."""
    run = "business_insights --format json --limit 99"
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    name, *args = run.split()
    step = subprocess.Popen(
        [sys.executable, str(ROOT / f"{name}.py"), *args],
        cwd=loaded.folder,
        env=clean_environment(loaded.folder, PYTHONUNBUFFERED=unbuffered),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    time.sleep(4)  # until the pipe is full
    with os.fdopen(reader, "rb") as pipe:
        got = pipe.read().decode()
    assert step.wait(60) == 0, got
    assert got.startswith("local target")
    said = re.search(r"\d+ answered(, \d+ without rows)?\.\n$", got)
    assert got[: said.start()].partition("\n")[2] == undisturbed(run)


@pytest.mark.parametrize("step", STEPS)
def test_a_working_folder_that_is_gone_is_named(loaded, step):
    gone = "mkdir gone && cd gone && rmdir ../gone &&"
    ran = shell(loaded, step, before=gone)
    assert ran.code == 2
    assert "error: the folder that you are in cannot be found: " in ran.err
    assert "hint: change to the project's folder\n" in ran.err


@pytest.mark.parametrize("run", some([run for run in RUNS if "--version" not in run], 5))
def test_from_a_folder_that_is_gone_everything_else_works(loaded, undisturbed, run):
    code, _ = RUNS[run]
    gone = "mkdir gone && cd gone && rmdir ../gone &&"
    ran = shell(loaded, f"{run} --config {loaded.cfg}", before=gone)
    assert ran.code == code, ran.err
    assert ran.out == undisturbed(run)


def test_a_local_target_starts_from_a_folder_that_is_gone(servers, folder):
    folder.events("a", PLAY)
    folder.songs(SONG)
    gone = "mkdir gone && cd gone && rmdir ../gone &&"
    assert shell(folder, f"create_cluster --config {folder.cfg} --data {folder.data}", before=gone).code == 0
    refused = shell(folder, f"create_cluster --config {folder.cfg} --data data", before=gone)
    assert refused.code == 2
    assert "argument --data: 'data': the folder that you are in is gone" in refused.err
    assert shell(folder, f"destroy_cluster --yes --config {folder.cfg}", before=gone).code == 0


# --- Prompts ---


class Terminal(io.StringIO):
    """A terminal that a test types into; ``broken`` is raised in place of a line."""

    def __init__(self, broken):
        super().__init__()
        self._broken = broken

    def isatty(self):
        return True

    def readline(self, *_):
        raise self._broken


@pytest.mark.parametrize(
    "broken", [OSError(5, "Input/output error"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")]
)
def test_an_answer_that_cannot_be_read_confirms_nothing(broken):
    with pytest.raises(RefusedError, match="not confirmed"):
        Console(err=io.StringIO(), stdin=Terminal(broken)).confirm("Type sparkify:", "sparkify", yes=False)


@pytest.mark.parametrize("fault", ["stderr closed", "stderr full", "all closed"])
def test_a_prompt_that_nobody_sees_is_not_waited_on(loaded, fault):
    """Somebody sits at the terminal, but the question goes nowhere."""
    here, there = pty.openpty()
    with closing(os.fdopen(here, "wb", buffering=0)), closing(os.fdopen(there, "rb", buffering=0)) as typed:
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {FAULTS[fault]}', "sh", sys.executable, str(ROOT / "destroy_cluster.py")],
            cwd=loaded.folder,
            env=clean_environment(loaded.folder),
            stdin=typed,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


# --- Terminals ---


def on_terminal(project, run, columns=80, **environ):
    """Run a step with standard output on a terminal of some width; what it showed there."""
    name, *args = run.split()
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    step = subprocess.Popen(
        [sys.executable, str(ROOT / f"{name}.py"), *args],
        cwd=project.folder,
        env=clean_environment(project.folder, **environ),
        stdin=subprocess.DEVNULL,
        stdout=there,
        stderr=subprocess.PIPE,
    )
    os.close(there)
    shown = b""
    with os.fdopen(here, "rb", buffering=0) as screen:
        while True:
            try:
                shown += screen.read(65536)
            except OSError:  # Linux: the other side is closed
                break
    said = step.stderr.read()
    step.stderr.close()
    assert step.wait(60) == 0, said
    assert b"Traceback" not in said
    return shown.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("columns", some([0, 1, 20, 41, 300], 2))
def test_a_terminal_of_any_width_will_do(loaded, columns):
    assert b"Which songs are heard most?" in on_terminal(loaded, "business_insights", columns, TERM="xterm")
    assert b"exit codes:" in b" ".join(on_terminal(loaded, "etl --help", columns).split())


KINDS = [{"COLUMNS": "0"}, {"COLUMNS": "20"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}]
PRINTED = ["business_insights", "business_insights --only top_songs --format csv"]


@pytest.mark.parametrize(("run", "environ"), some(itertools.product(PRINTED, KINDS), 3))
def test_a_terminal_of_any_kind_will_do(loaded, run, environ):
    """TERM is not set, too."""
    assert b"\\x1b[3" in on_terminal(loaded, run, **environ)


def test_csv_and_json_on_a_terminal_cannot_drive_it(loaded):
    shown = on_terminal(loaded, "business_insights --only top_songs --format csv")
    assert shown == b"rank,title,artist,plays,listeners\n1,\\x1b[31mRed\\x9b0m,The Example,1,1\n"
    shown = on_terminal(loaded, "business_insights --only top_songs --format json").decode()
    assert not {"\x1b", "\x9b"} & set(shown)
    assert json.loads(shown)["top_songs"][0]["title"] == "\x1b[31mRed\x9b0m"


def test_in_a_file_csv_and_json_are_exact(loaded):
    csv = shell(loaded, "business_insights --only top_songs --format csv").out
    assert csv == "rank,title,artist,plays,listeners\n1,\x1b[31mRed\x9b0m,The Example,1,1\n"
    assert "\x9b0m" in shell(loaded, "business_insights --only top_songs --format json").out


def test_what_a_file_cannot_hold_is_no_traceback_and_no_half_of_a_result(loaded):
    ran = shell(loaded, "business_insights --only top_songs --format csv", PYTHONIOENCODING="ascii")
    assert (ran.code, ran.out) == (1, "")
    assert "error: standard output is ascii, which has no '\\\\x9b': nothing was printed\n" in ran.err
    assert "hint: set PYTHONIOENCODING=utf-8\n" in ran.err


# --- The folder of --output ---


def a_file(folder):
    folder.write_text("mine")


def below_a_file(folder):
    folder.parent.rmdir()
    folder.parent.write_text("mine")


def read_only(folder):
    folder.mkdir(mode=0o555)


def in_a_read_only_one(folder):
    folder.parent.chmod(0o555)


def a_link_to_itself(folder):
    folder.symlink_to(folder)


def a_folder_for_a_file(folder):
    (folder / "top_songs.csv").mkdir(parents=True)


FOLDERS = {
    a_file: "File exists",
    below_a_file: "Not a directory",
    read_only: "Permission denied",
    in_a_read_only_one: "Permission denied",
    a_link_to_itself: "File exists",
    a_folder_for_a_file: "Is a directory",
}


@pytest.mark.parametrize("state", some(FOLDERS, 2))
def test_a_folder_that_takes_no_files_is_named(loaded, tmp_path, state):
    folder = tmp_path / "above" / "out"
    folder.parent.mkdir()
    state(folder)
    ran = loaded.step("business_insights", "--only", "top_songs", "--output", str(folder), preexec_fn=without_powers)
    folder.parent.chmod(0o755)
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {folder}/top_songs.csv cannot be written: {FOLDERS[state]}\nhint: name another folder" in ran.err
    assert "Traceback" not in ran.err


def test_a_disk_that_fills_up_leaves_whole_files_alone(loaded, tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    try:
        ran = loaded.step("business_insights", "--only", "top_songs", "--output", str(tmp_path / "out"))
        files = sorted(path.name for path in (tmp_path / "out").iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert ran.code == 2
    assert "report.html cannot be written: No space left on device\nhint: name another folder" in ran.err
    assert files == ["top_songs.csv"]


def test_a_limit_on_files_is_met_like_a_full_disk(loaded, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    ran = loaded.step("business_insights", "--only", "top_songs", "--output", str(tmp_path / "out"), preexec_fn=limit)
    assert ran.code == 2
    assert "report.html cannot be written: File too large\nhint: name another folder" in ran.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["top_songs.csv"]


def test_a_pipe_in_the_place_of_a_file_is_not_read(loaded, tmp_path):
    os.mkfifo(tmp_path / "top_songs.csv")
    ran = loaded.step("business_insights", "--only", "top_songs", "--output", str(tmp_path), timeout=60)
    assert ran.code == 0
    assert (tmp_path / "top_songs.csv").is_file()
    page = (tmp_path / "report.html").read_text()
    assert f"Source: local target, {loaded.data.name} (1 log file, 1 song) · Load 1, " in page
    assert str(loaded.folder) not in page


# --- What is no fault of the surroundings ---


def test_verbose_shows_the_traceback_of_an_error_and_where_nobody_hears_it_nothing_fails(folder):
    folder.cfg.unlink()
    assert "Traceback" in folder.step("etl", "--verbose").err
    assert shell(folder, "etl --verbose", "2>/dev/full").code == 2


def test_a_result_that_is_lost_is_an_error_of_the_step():
    with open("/dev/full", "w") as full, pytest.raises(DwhError) as caught:
        Console(out=full).result("42")
    assert caught.value.exit_code == 1
