"""Waiting for the locks of other sessions, with an end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

import sql_queries
from dwh import warehouse
from dwh.config import Settings
from dwh.console import duration
from dwh.errors import WarehouseError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def lock_loads(cur: cursor, settings: Settings) -> None:
    """Become the only writer.

    Raises:
        WarehouseError: another session held the lock for ``lock_timeout``.
    """
    execute_waiting(cur, settings, [sql_queries.LOCK_LOADS], sql_queries.LOCKED_TABLES, "the tables of the load")


def execute_waiting(
    cur: cursor, settings: Settings, statements: Iterable[str | sql.Composable], tables: Sequence[str], what: str
) -> None:
    """Run statements that wait for the locks of others, no longer than ``lock_timeout``.

    Redshift has no time-out of its own for locks: the statement's serves. Whether that counts the wait of a LOCK
    is documented nowhere, so a timer of this process cancels the statement too, some seconds later.

    Args:
        cur: in the transaction.
        settings: with both time-outs.
        statements: what to run.
        tables: the tables that it locks.
        what: a name for these.

    Raises:
        WarehouseError: another session held a lock all the time; the detail names it.
    """
    try:
        with warehouse.within(cur, settings.lock_timeout):
            for statement in statements:
                warehouse.execute(cur, statement)
    except psycopg2.errors.QueryCanceled as error:
        warehouse.rollback(cur.connection)
        holders = warehouse.rows(cur, sql_queries.LOCK_HOLDERS, {"tables": tuple(tables)})
        raise WarehouseError(
            f"another session has held {what} for more than {duration(settings.lock_timeout)}",
            hint="wait for it to end, or ask its owner to end it, then run the step again",
            detail="\n".join(f"held by {owner.strip()}, session {pid}, since {start}" for owner, pid, start in holders),
        ) from error
    warehouse.limit(cur, settings.statement_timeout)
