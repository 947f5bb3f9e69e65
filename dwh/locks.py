"""Waiting for the locks of other sessions, with an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2

import sql_queries
from dwh import warehouse
from dwh.config import Settings
from dwh.console import duration
from dwh.errors import WarehouseError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


THE_LOADS = "the tables of the load"


def lock_loads(cur: cursor, settings: Settings) -> None:
    """Become the only writer.

    Raises:
        WarehouseError: another session held the lock for ``lock_timeout``.
    """
    with waiting(cur, settings, sql_queries.LOCKED_TABLES, THE_LOADS):
        warehouse.execute(cur, sql_queries.LOCK_LOADS)


def truncate(cur: cursor, settings: Settings, tables: Sequence[str]) -> None:
    """Empty tables of the load by TRUNCATE, which commits, and become the only writer after it.

    Raises:
        WarehouseError: another session held a lock for ``lock_timeout``.
    """
    with waiting(cur, settings, sql_queries.LOCKED_TABLES, THE_LOADS):
        for table in tables:
            warehouse.execute(cur, warehouse.on_table(sql_queries.TRUNCATE_TABLE, table))
        cur.connection.commit()
        warehouse.execute(cur, sql_queries.LOCK_LOADS)


@contextmanager
def waiting(cur: cursor, settings: Settings, tables: Sequence[str], what: str) -> Iterator[None]:
    """Let statements wait for the locks of others, no longer than ``lock_timeout``.

    Redshift has no time-out of its own for locks: the statement's serves. Whether that counts the wait of a LOCK
    is documented nowhere, so a timer of this process cancels the statement too, some seconds later.

    Args:
        cur: in the transaction.
        settings: with both time-outs.
        tables: the tables that the statements lock.
        what: a name for these.

    Raises:
        WarehouseError: another session held a lock all the time; the detail names it.
    """
    try:
        with warehouse.within(cur, settings.lock_timeout):
            yield
    except psycopg2.errors.QueryCanceled as error:
        warehouse.rollback(cur.connection)
        raise WarehouseError(
            f"another session has held {what} for more than {duration(settings.lock_timeout)}",
            hint="wait for it to end, or ask its owner to end it, then run the step again",
            detail="\n".join(holders(cur, tables)),
        ) from error
    warehouse.limit(cur, settings.statement_timeout)


def holders(cur: cursor, tables: Sequence[str], mode: str = "%") -> list[str]:
    """A line for each other session that holds a lock of a mode, by default of any, on one of the tables."""
    found = warehouse.rows(cur, sql_queries.LOCK_HOLDERS, {"tables": tuple(tables), "mode": mode})
    return [f"held by {owner.strip()}, session {pid}, since {start}" for owner, pid, start in found]
