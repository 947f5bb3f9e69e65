"""Statements on the warehouse: run, counted, and kept whole in one transaction."""

from __future__ import annotations

import logging
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg2
import tenacity
from psycopg2 import errorcodes, sql

import sql_queries
from dwh.commands import CREATE, CREATE_TABLES, ETL
from dwh.console import Console, duration, plain
from dwh.errors import DwhError, UnreachableError, WarehouseError, if_interrupted
from dwh.target import Target

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

T = TypeVar("T")
log = logging.getLogger(__name__)
Parameters = Mapping[str, Any]

ATTEMPTS = 4
# A timer of this process comes so many seconds after the time-out of the server.
GRACE_SECONDS = 5.0
COMMITTING = "it came with the COMMIT: run the step again, it goes on from whatever was published"
# Also what it says of a role made a minute ago, which Redshift does not see yet.
ROLE_TEXTS = ("not authorized to assume iam role", "not authorized to get credentials of role")
# A pattern of what the server says of a COPY, the sentence for the user, and what to do. The first that fits counts.
COPY_FAILURES = (
    (
        r"S3ServiceException.*\bStatus 403",
        "COPY may not read the data: {}",
        f"the cluster's role may not read it: after a change of [S3] run {CREATE}, which updates the "
        "role; a boundary that an administrator has narrowed must allow it too",
    ),
    (
        f"(?i){'|'.join(ROLE_TEXTS)}",
        "COPY may not take the role: {}",
        "the role's trust must name this cluster and db_user, and the role must be attached to the cluster: "
        f"{CREATE} puts both right",
    ),
    (
        r"S3ServiceException.*\bStatus 301",
        "COPY may not read the data: {}",
        "the bucket is in another region: set region under [S3] in dwh.cfg",
    ),
    (
        r"(?i)JSONPath",
        "COPY cannot use the JSONPaths file: {}",
        "fix the file that log_jsonpath in dwh.cfg names: one path for each of the 18 columns, in their order",
    ),
    (
        r"The specified S3 prefix '.*' does not exist",
        "COPY did not find what the step had seen in S3: {}",
        "it was removed after the step had listed it: run the step again, it lists S3 anew; "
        "a file of log_jsonpath has to be put back first",
    ),
)

# What a whole transaction may be tried again for, on a new connection. Redshift reports a serializable isolation
# violation, its error 1023, under XX000, the state of many other errors; that of the other texts is not documented.
# https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html
TRANSIENT_STATES = {
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.ADMIN_SHUTDOWN,
    errorcodes.CRASH_SHUTDOWN,
    errorcodes.CANNOT_CONNECT_NOW,
}
TRANSIENT_TEXTS = (
    "serializable isolation violation",
    "conflict with concurrent transaction",
    "could not open relation with oid",
    *ROLE_TEXTS,
)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed on a new connection: never for wrong SQL or data."""
    if not isinstance(error, psycopg2.Error):
        return False
    if error.pgcode in TRANSIENT_STATES:
        return True
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) and error.pgcode is None:
        return True  # the connection is gone: the server said nothing
    return any(words in str(error).lower() for words in TRANSIENT_TEXTS)


def execute(cur: cursor, statement: str | sql.Composable, parameters: Parameters | None = None) -> int:
    """Run one statement and return the number of rows it touched.

    Raises:
        psycopg2.Error: as the server says it.
    """
    _run(cur, statement, parameters)
    return max(cur.rowcount, 0)


def rows(cur: cursor, statement: str | sql.Composable, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
    """Run one query and return its rows."""
    _run(cur, statement, parameters)
    return cur.fetchall()


def _run(cur: cursor, statement: str | sql.Composable, parameters: Parameters | None) -> None:
    """Execute, and tell ``--verbose`` the statement as it is in sql_queries, without its values."""
    text = statement if isinstance(statement, str) else statement.as_string(cur)
    log.debug("%s", text.strip())
    started = time.monotonic()
    cur.execute(statement, parameters)
    log.debug("-- %s rows, %s", cur.rowcount, duration(time.monotonic() - started))


def value(cur: cursor, statement: str | sql.Composable, parameters: Parameters | None = None) -> Any:
    """Run one query and return the first column of its first row."""
    return rows(cur, statement, parameters)[0][0]


def on_table(statement: str, table: str) -> sql.Composed:
    """A statement of sql_queries whose braces take the name of a table."""
    return sql.SQL(statement).format(sql.Identifier(table))


def existing(cur: cursor) -> set[str]:
    """The project's tables and views that are there."""
    return {name for (name,) in rows(cur, sql_queries.EXISTING)} & set(sql_queries.CREATE)


def holds_loads(cur: cursor) -> bool:
    """Whether anything has been loaded."""
    return "load_objects" in existing(cur) and value(cur, on_table(sql_queries.COUNT_ROWS, "load_objects")) > 0


def require_tables(cur: cursor) -> None:
    """Check that create_tables.py has run.

    Raises:
        WarehouseError: some tables are missing.
    """
    there = existing(cur)
    missing = [name for name in sql_queries.CREATE if name not in there]
    if missing:
        raise missing_table(missing[0])


def require_rows(cur: cursor) -> None:
    """Check that there is something in the star.

    Raises:
        WarehouseError: tables are missing, or all of the star's are empty.
    """
    require_tables(cur)
    if not any(value(cur, on_table(sql_queries.COUNT_ROWS, table)) for table in sql_queries.STAR_TABLES):
        raise WarehouseError("nothing is loaded yet", hint=ETL)


def missing_table(name: str) -> WarehouseError:
    """create_tables.py has not run, or somebody dropped a table."""
    return WarehouseError(f"there is no table {name} in the warehouse", hint=CREATE_TABLES)


def transaction(
    target: Target, console: Console, work: Callable[[cursor], T], *, undone: str = "nothing was changed"
) -> T:
    """Run ``work`` in one transaction and commit it; on a transient failure, run all of it again.

    Each attempt has a connection of its own. The answer to a COMMIT may be lost with the
    connection: ``work`` must be right whether or not the attempt before it was published.

    Args:
        target: where.
        console: where each further attempt is said.
        work: the statements.
        undone: what Ctrl-C before the COMMIT leaves, for the reader.

    Raises:
        WarehouseError: the server refused, or every attempt failed.
        DwhError: whatever ``work`` raises of that family, after a rollback.
    """
    retrying = tenacity.Retrying(
        retry=_worth_another_attempt,
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=15),
        before_sleep=lambda state: console.warn(f"{_reason(state)}; trying the whole transaction again"),
        reraise=True,
    )
    try:
        with if_interrupted(undone):
            return retrying(partial(_attempt, target, work))
    except psycopg2.Error as error:
        raise as_warehouse_error(error) from error


def _worth_another_attempt(state: tenacity.RetryCallState) -> bool:
    """Transient errors; and a server that is not there, if it was there before: it may be starting again."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, UnreachableError):
        return state.attempt_number > 1
    return error is not None and is_transient(error)


def _attempt(target: Target, work: Callable[[cursor], T]) -> T:
    with closing(target.connect()) as conn:
        try:
            with conn.cursor() as cur, interruptible(conn):
                limit(cur, target.settings.statement_timeout)
                result = work(cur)
        except BaseException:
            rollback(conn)
            raise
        with if_interrupted(COMMITTING):
            conn.commit()
        return result


def limit(cur: cursor, seconds: int) -> None:
    """Bound every statement from here on, waiting for locks included; 0 is no bound."""
    execute(cur, sql_queries.SET_STATEMENT_TIMEOUT, {"milliseconds": seconds * 1000})


@contextmanager
def within(cur: cursor, seconds: int) -> Iterator[None]:
    """Limit the statements from here on; a timer of this process cancels the one that still runs some seconds later.

    For waits of which it is not documented whether ``statement_timeout`` counts them.

    Raises:
        psycopg2.errors.QueryCanceled: the time was up.
    """

    def cancel() -> None:
        with suppress(psycopg2.Error):
            cur.connection.cancel()

    limit(cur, seconds)
    timer = threading.Timer(seconds + GRACE_SECONDS, cancel)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def interruptible(conn: connection) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM cancel the statement that runs.

    psycopg2 waits for the server in C, where Python handles no signal. A thread
    hears of it through the wake-up descriptor and asks the server to cancel.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=_cancel_on_signal, args=(reader, conn), daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        listener.join()
        reader.close()


def _cancel_on_signal(reader: socket.socket, conn: connection) -> None:
    while signals := reader.recv(1):
        if signals[0] in (signal.SIGINT, signal.SIGTERM):
            with suppress(psycopg2.Error):
                conn.cancel()


def rollback(conn: connection) -> None:
    """Roll back if the connection still can; a dead one has rolled back by itself.

    Without the guard, the InterfaceError of a dead connection would hide the first error.
    """
    try:
        conn.rollback()
    except psycopg2.Error:
        conn.close()


def _reason(state: tenacity.RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return first_line(error) if error else "the load was interrupted"


def first_line(error: BaseException) -> str:
    """What the server said, in a line: its first one, with the sense from further down where that is only a number."""
    text = str(error).strip()
    first = next(iter(text.splitlines()), type(error).__name__)
    # "ERROR: 1023" with "DETAIL: Serializable isolation violation", or a box of lines, one of which is "context:".
    more = re.search(r"^\s*context:\s*(\S.*)$", text, re.MULTILINE)
    if more is None and re.fullmatch(r"(ERROR:)?\s*\d+", first):
        more = re.search(r"^DETAIL:\s*(\w.*)$", text, re.MULTILINE)
    return plain(f"{first}: {more[1]}" if more else first)


def as_warehouse_error(error: psycopg2.Error) -> WarehouseError | UnreachableError:
    """A sentence and a next step for what the server said."""
    if error.pgcode is None:
        return UnreachableError(
            f"the connection to the warehouse was lost: {first_line(error)}",
            hint="run the step again; nothing was changed unless the load was published already",
        )
    said = first_line(error)
    if error.pgcode == errorcodes.UNDEFINED_TABLE and (table := re.search(r'relation "(.+?)" does not exist', said)):
        return missing_table(table[1])
    for pattern, message, hint in COPY_FAILURES:
        if re.search(pattern, said):
            return WarehouseError(message.format(said), hint=hint)
    if error.pgcode == errorcodes.DISK_FULL:
        hint = error.diag.message_hint or "free space on the cluster, or add a node"
        return WarehouseError(f"the disk of the warehouse is full: {said}", hint=f"{hint}, then run the step again")
    hints = {
        errorcodes.UNDEFINED_COLUMN: f"the tables are of another version: {CREATE_TABLES} --recreate --yes, then {ETL}",
        errorcodes.INSUFFICIENT_PRIVILEGE: "run the step as the owner of the tables, or ask for the privilege",
        errorcodes.QUERY_CANCELED: "run the step again, or raise statement_timeout in dwh.cfg",
    }
    return WarehouseError(
        f"the warehouse refused a statement: {said}",
        hint=hints.get(error.pgcode, "nothing was changed; run the step again with --verbose to see the statement"),
        debug=f"SQLSTATE {error.pgcode}",
    )


def maintain(target: Target, console: Console, emptied: Sequence[str], grown: Sequence[str]) -> None:
    """After a load: reclaim what was deleted, and refresh the planner's statistics.

    Outside the load's transaction: VACUUM refuses one, and a failure here is no failure of the load.
    """
    if not emptied and not grown:
        return
    try:
        with closing(target.connect()) as conn:
            conn.autocommit = True
            with conn.cursor() as cur:
                for table in emptied:
                    execute(cur, on_table(sql_queries.VACUUM_TABLE, table))
                for table in grown:
                    execute(cur, on_table(sql_queries.ANALYZE_TABLE, table))
    except (psycopg2.Error, DwhError) as error:
        console.warn(f"the load is published, but VACUUM and ANALYZE after it failed: {first_line(error)}")
