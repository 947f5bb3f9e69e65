"""COPY: run, counted, and the records that it refused or left out, by name."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg2

import sql_queries
from dwh import warehouse
from dwh.console import plain, plural
from dwh.errors import DataError

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

LOAD_ERRORS_SHOWN = 20
UNNAMED = "a record that the load errors do not name"
VALUE_SHOWN = 60
# Characters of a value that stl_load_errors holds.
VALUE_LOGGED = 1024


@dataclass(frozen=True)
class Copied:
    """What one COPY did: records loaded, one line for each record it left out, lines read of each file."""

    records: int = 0
    rejected: tuple[str, ...] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def read(self) -> int:
        """Records loaded and left out."""
        return self.records + len(self.rejected)


def copy(cur: cursor, table: str, statement: str, parameters: warehouse.Parameters) -> Copied:
    """Run a COPY into a table in the open transaction.

    Args:
        cur: in the transaction.
        table: that it fills.
        statement: the COPY.
        parameters: its own, and what ``of_session`` gives.

    Raises:
        DataError: COPY refused records; the message lists file, line, column, reason and value.
        psycopg2.Error: it failed for another reason.
    """
    started = time.monotonic()
    del cur.connection.notices[:]
    try:
        warehouse.execute(cur, statement, parameters)
    except psycopg2.errors.InternalError_ as error:
        # The load errors can be read only after the failed transaction has ended.
        warehouse.rollback(cur.connection)
        refused = [] if cur.connection.closed else _refused(cur, parameters)
        if not refused:
            raise
        raise copy_refused(error, table, refused) from error
    records = int(warehouse.value(cur, sql_queries.LAST_COPY_COUNT))
    rejected = _rejected(cur, parameters)
    files = {name: int(lines) for name, lines in warehouse.rows(cur, sql_queries.LAST_COPY_FILES)}
    return Copied(records, tuple(rejected), files, time.monotonic() - started)


def of_session(cur: cursor) -> dict[str, Any]:
    """What tells the load errors of the next COPY from others: the session, and the server's time."""
    session, since = warehouse.rows(cur, sql_queries.SESSION)[0]
    return {"session": session, "since": since}


def _refused(cur: cursor, parameters: warehouse.Parameters) -> list[str]:
    """The records that made a COPY fail, a line each."""
    parameters = {**parameters, "limit": LOAD_ERRORS_SHOWN}
    errors = warehouse.rows(cur, sql_queries.LOAD_ERRORS, parameters) or _errors_anywhere(cur, parameters)
    return [_load_error(*row) for row in errors]


def _rejected(cur: cursor, parameters: warehouse.Parameters) -> list[str]:
    """The records that a COPY left out though it succeeded, a line each: as many as it said in its notice.

    A COPY that may have no error succeeds only without one.
    """
    announced = _announced_left_out(cur.connection)
    errors = warehouse.rows(cur, sql_queries.LEFT_OUT) if announced or parameters["max_errors"] > 1 else []
    if len(errors) < announced:
        errors = _errors_anywhere(cur, {**parameters, "limit": announced}) or errors
    return [_load_error(*row) for row in errors] + [UNNAMED] * (announced - len(errors))


def _errors_anywhere(cur: cursor, parameters: warehouse.Parameters) -> list[tuple[Any, ...]]:
    exists = warehouse.value(cur, sql_queries.NEWER_VIEW_EXISTS)
    return warehouse.rows(cur, sql_queries.LOAD_ERRORS_ANYWHERE, parameters) if exists else []


def _announced_left_out(conn: connection) -> int:
    """How many records the last COPY said that it left out, in one of its notices."""
    matches = (re.search(r"(\d+) record\(s\) could not be loaded", text) for text in conn.notices)
    return next((int(match[1]) for match in matches if match), 0)


def _load_error(file: str, line: int, column: str, reason: str, raw: str) -> str:
    where = f"{file}, line {line}" + (f", column {column}" if column else "")
    text = f"{where}: {reason}"
    return plain(f"{text} ({_value(raw)})" if raw else text)


def _value(raw: str) -> str:
    """A refused value, as far as a person reads: the whole of a long one would hide the reason."""
    if len(raw) <= VALUE_SHOWN:
        return f"value: {raw}"
    length = f"{len(raw):,}" if len(raw) < VALUE_LOGGED else "over 1,000"
    return f"value of {length} characters: {raw[:VALUE_SHOWN]}…"


def copy_refused(error: psycopg2.Error, table: str, refused: list[str]) -> DataError:
    """The records that made a COPY fail, as one error."""
    said = warehouse.first_line(error)
    more = " or more" if len(refused) == LOAD_ERRORS_SHOWN else ""
    # That the load failed, and where to look the records up: they are right below.
    reason = "" if re.match(r"Load into table .* failed", said) else f": {said}"
    return DataError(
        f"COPY refused {plural(len(refused), 'record')}{more} of {table}{reason}",
        hint="fix the records in the source, or leave out up to N of them with --max-errors N",
        detail="\n".join(refused),
    )
