"""What COPY leaves in the system tables.

A row is written by the session, whose transaction reads from a snapshot that is older than the log, and by a
second connection, so that it survives a rollback; the views fold the two.
"""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from dwh.local.redshift.copy.errors import LoadError
from dwh.local.redshift.copy.grammar import Copy
from dwh.local.redshift.copy.lines import OPTIONS, lines
from dwh.local.redshift.copy.objects import S3Object
from dwh.local.redshift.copy.tables import Table

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.local.redshift.backend import Connection

_ERROR = "INSERT INTO redshift.load_errors VALUES %s"
_HISTORY = """
INSERT INTO redshift.load_history
VALUES (%(userid)s, %(query)s, %(transaction)s, %(session)s, %(database)s, %(status)s, %(table)s, %(began)s, %(ended)s,
        %(source)s, 'JSON', %(loaded)s, %(bytes)s, %(files)s, %(bytes)s, %(files)s, %(bytes)s, %(errors)s)
"""
_COMMITS = f"COPY redshift.load_commits FROM STDIN WITH ({OPTIONS})"
_RUNNING = """
INSERT INTO redshift.load_progress
VALUES (%(query)s, %(userid)s, %(transaction)s, %(session)s, %(database)s, %(table)s, %(began)s, %(source)s,
        %(loaded)s, %(bytes)s, %(files)s, %(errors)s)
ON CONFLICT (query_id) DO UPDATE SET (loaded_rows, bytes, files, error_count)
    = (excluded.loaded_rows, excluded.bytes, excluded.files, excluded.error_count)
"""
_ENDED = "DELETE FROM redshift.load_progress WHERE query_id = %s"
# Seconds between two notes of how far a load is.
PAUSE = 1.0
_LAST = "INSERT INTO redshift.last_copy VALUES (%s, clock_timestamp(), %s, %s)"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class LoadLog:
    """Counts one load and writes it down."""

    def __init__(self, session: Connection, copy: Copy, table: Table) -> None:
        self._session = session
        self._copy = copy
        self._table = table
        self._files: dict[str, list[int]] = {}
        self._bytes = 0
        self._told = 0.0
        self.query = session.query
        self.began = _now()
        self.loaded = 0
        self.errors: list[LoadError] = []
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT current_user::regrole::oid::int, (pg_current_xact_id()::text)::bigint, current_database()"
            )
            self._userid, self._transaction, self._database = cursor.fetchone() or (0, 0, "")

    @property
    def failed(self) -> bool:
        """Are there as many errors as MAXERROR allows? 0 and 1 both mean the first."""
        return len(self.errors) >= self._copy.max_errors and not self._copy.has("IGNOREALLERRORS")

    def scan(self, item: S3Object) -> None:
        """An object is read."""
        self._files.setdefault(item.url, [0, 0])
        self._bytes += item.size

    def count(self, url: str, loaded: int, failed: int = 0) -> None:
        """Documents of a file were converted."""
        self.loaded += loaded
        self._files[url][0] += loaded + failed

    def progress(self) -> None:
        """Let others see how far the load is, in SYS_LOAD_HISTORY."""
        if time.monotonic() - self._told >= PAUSE:
            self._session.check_client()
            with self._session.log() as cursor:
                cursor.execute(_RUNNING, self._history("running"))
            self._told = time.monotonic()

    def error(self, error: LoadError) -> None:
        """A document does not fit."""
        self.errors.append(error)
        if error.filename in self._files:
            self._files[error.filename][1] += 1

    def completed(self) -> None:
        """Write down a load that succeeded."""
        now = _now().isoformat(" ")
        rows = [(self._userid, self.query, url, count, errors, now) for url, (count, errors) in self._files.items()]
        history = self._history("completed")
        loaded = 0 if self._copy.has("NOLOAD") else self.loaded
        with self._session.cursor() as own, self._session.log() as lasting:
            for cursor in (own, lasting):
                self._write_errors(cursor)
                cursor.execute(_HISTORY, history)
                cursor.copy_expert(_COMMITS, io.BytesIO(lines(rows)))
            lasting.execute(_ENDED, (self.query,))
            own.execute(_LAST, (self._session.get_backend_pid(), self.query, loaded))

    def aborted(self) -> None:
        """Write down a load that failed, on the second connection alone: the transaction is lost."""
        self.loaded = 0
        with self._session.log() as cursor:
            self._write_errors(cursor)
            cursor.execute(_HISTORY, self._history("aborted"))
            cursor.execute(_ENDED, (self.query,))
            if self.errors:
                cursor.execute(_LAST, (self._session.get_backend_pid(), self.query, 0))

    def _write_errors(self, cursor: cursor) -> None:
        if not self.errors:
            return
        pid = self._session.get_backend_pid()
        rows = [
            (self._userid, 0, self._table.oid, self.began, pid, self.query, error.filename, error.line, error.column,
             error.type, error.length, error.position, error.raw_line, error.raw_value, error.code, error.reason, place)
            for place, error in enumerate(self.errors)
        ]  # fmt: skip
        execute_values(cursor, _ERROR, rows, page_size=1000)

    def _history(self, status: str) -> dict[str, Any]:
        return {
            "userid": self._userid,
            "query": self.query,
            "transaction": self._transaction,
            "session": self._session.get_backend_pid(),
            "database": self._database,
            "status": status,
            "table": self._copy.table.table,
            "began": self.began,
            "ended": _now(),
            "source": self._copy.source,
            "loaded": self.loaded,
            "bytes": self._bytes,
            "files": len(self._files),
            "errors": len(self.errors),
        }
