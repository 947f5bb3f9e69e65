"""The connection of a session to the PostgreSQL behind it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from psycopg2 import extensions

from dwh.local.redshift import postgres
from dwh.local.redshift.aws import Aws
from dwh.local.redshift.history import Recorder

# Redshift takes its snapshot at the first statement that touches data and keeps it, the default isolation
# (SNAPSHOT) of clusters made today; strings have backslash escapes, clocks are UTC, UNKNOWN text is quiet,
# REAL is shown by 6 digits and DOUBLE PRECISION by 15 (guide, extra_float_digits).
SETTINGS = {
    "default_transaction_isolation": "repeatable read",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "extra_float_digits": "0",
}
SEND_BUFFER = 4 << 20  # bytes
LOG = "redshift log"  # the name of second connections, by which STV_SESSIONS passes over them


class Connection(extensions.connection):
    """A connection to PostgreSQL in autocommit, and what COPY needs to know of its session."""

    aws: Aws
    recorder: Recorder
    # The number of the query that runs.
    query = 0
    # The folder of PostgreSQL's socket, and of its files.
    place: Path
    # Whether a transaction is open. libpq does not know: statements pass by it.
    in_transaction: Callable[[], bool]
    # Raises when the client has gone: what it asked for is not wanted any more.
    check_client: Callable[[], None]
    _log_in: Callable[[], extensions.connection]
    _log: extensions.connection | None = None

    def log(self) -> extensions.cursor:
        """A cursor on a second connection that commits by itself: what it writes survives a rollback here."""
        if self._log is None or self._log.closed:
            self._log = self._log_in()
            self._log.autocommit = True
        return self._log.cursor()

    def close(self) -> None:
        """Close the connection and its log."""
        if self._log is not None:
            self._log.close()
        super().close()


def connect(place: Path, *, user: str, password: str, database: str, settings: dict[str, str]) -> Connection:
    """Log in to PostgreSQL.

    Args:
        place: the folder of its socket.
        user: of the database.
        password: the user's.
        database: its name.
        settings: what the client wants to be set, beside ``SETTINGS``.

    Raises:
        psycopg2.OperationalError: PostgreSQL does not answer, or refuses.
    """
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in (SETTINGS | settings).items())
    arguments = {"user": user, "password": password, "dbname": database, "options": options}
    made: Connection = postgres.dial(place, connection_factory=Connection, **arguments)
    made.autocommit = True
    made.place = place
    with socket.socket(fileno=os.dup(made.fileno())) as line:
        # Room for COPY to go on while PostgreSQL is still at the lines before; the system gives what it allows.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    made._log_in = partial(postgres.dial, place, **arguments, application_name=LOG)
    return made


def _escaped(value: str) -> str:
    return re.sub(r"([\s\\])", r"\\\1", value)
