"""The processes of PostgreSQL: which are ours, and how they are stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

STOP_SECONDS = 10
# A fast shutdown writes everything to the disk first, an immediate one nothing; the last one kills.
ORDERLY = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
SHORT = ORDERLY[1:]
# No process has this id (Linux stops at 2^22, macOS at 99,998).
NO_PROCESS = 2**31 - 1


def recorded_pid(data: Path) -> int:
    """The process id in postmaster.pid, 0 when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_bytes().split(b"\n")[0])
    return 0


def is_ready(pid: int, data: Path) -> bool:
    """Whether the server has written into postmaster.pid that it takes connections, in the eighth line."""
    with contextlib.suppress(OSError, IndexError):
        lines = (data / "postmaster.pid").read_bytes().split(b"\n")
        return lines[0] == str(pid).encode() and lines[7].strip() == b"ready"
    return False


def is_ours(pid: int, data: Path) -> bool:
    """Whether ``pid`` is alive and is the server of this data directory.

    The command line tells both: ids are used again, and a dead process that
    nobody waits for (pid 1 of many containers does not) has none, while
    ``kill(pid, 0)`` still succeeds.
    """
    return pid > 0 and str(data) in command_line(pid)


def command_line(pid: int) -> list[str]:
    """The words of a living process's command line; none for one that is dead, a zombie included."""
    import psutil

    words: list[str] = []
    with contextlib.suppress(psutil.Error):
        words = psutil.Process(pid).cmdline()
    return words


def stop(pid: int, data: Path, signals: Sequence[signal.Signals] = ORDERLY) -> None:
    """Ask for one kind of shutdown after the other, until the server has ended."""
    for number in signals:
        if not is_ours(pid, data):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while is_ours(pid, data) and time.monotonic() < deadline:
            time.sleep(0.02)


def forget_dead(data: Path) -> None:
    """Let postmaster.pid of a killed server not stand in the way of the next start.

    PostgreSQL believes that the recorded process lives when any process has that
    id, a zombie included. Only the id is replaced: by the rest of the file the
    server still sees backends of the old one that use its shared memory.
    """
    pid = recorded_pid(data)
    if pid and not is_ours(pid, data):
        lock = data / "postmaster.pid"
        _, _, rest = lock.read_bytes().partition(b"\n")
        lock.write_bytes(f"{NO_PROCESS}\n".encode() + rest)
