"""How far a COPY is, asked on a connection of its own while the load's connection waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg2

import sql_queries
from dwh import warehouse
from dwh.console import plural
from dwh.errors import DwhError
from dwh.target import Target

if TYPE_CHECKING:
    from psycopg2.extensions import connection

UNKNOWN = "running"


@contextmanager
def of_copy(target: Target, session: int, objects: int) -> Iterator[Callable[[], str]]:
    """What tells how far the COPY of a session is; it connects when it is first asked.

    A load must not fail because its progress is not known: then it is "running".

    Args:
        target: where the load runs.
        session: the process id of its session.
        objects: how many it reads.
    """
    opened: list[connection] = []

    def ask() -> str:
        try:
            if not opened:
                opened.append(target.connect())
                opened[0].autocommit = True
            with opened[0].cursor() as cur:
                counts = warehouse.rows(cur, sql_queries.COPY_PROGRESS, {"session": session})
        except (psycopg2.Error, DwhError):
            return UNKNOWN
        if not counts:
            return UNKNOWN
        read, loaded = counts[0]
        return f"{read:,} of {plural(objects, 'object')}, {plural(loaded, 'row')}"

    try:
        yield ask
    finally:
        for conn in opened:
            with suppress(psycopg2.Error):
                conn.close()
