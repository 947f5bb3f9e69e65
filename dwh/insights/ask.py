"""The questions put to the warehouse, on one cursor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import sql_queries
from dwh import warehouse
from dwh.errors import WarehouseError
from dwh.insights.catalogue import Insight
from dwh.insights.frames import Answer, make
from dwh.insights.window import Window

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def find_window(cur: cursor, since: date | None, until: date | None) -> Window:
    """The range of time to look at.

    Raises:
        WarehouseError: there are no tables, no plays, or none in the range.
    """
    missing = [table for table in sql_queries.STAR_TABLES if table not in warehouse.existing(cur)]
    if missing:
        raise WarehouseError(f"there is no table {missing[0]} in the warehouse", hint="python create_tables.py")
    first, last = warehouse.rows(cur, sql_queries.PLAYS_RANGE)[0]
    if first is None:
        raise WarehouseError("there are no plays in the warehouse yet", hint="python etl.py")
    window = Window.of(first, last, since, until)
    if not window.days:
        raise _nothing(first.date(), last.date())
    return window


def answer(cur: cursor, insight: Insight, window: Window, limit: int, survey: Mapping[str, Any]) -> Answer:
    """Ask one question.

    Args:
        cur: a cursor.
        insight: the question.
        window: the range of time.
        limit: rows of a ranking.
        survey: the row of ``coverage`` for the range; empty for coverage itself.

    Raises:
        WarehouseError: there are no plays in the range.
    """
    rows = warehouse.rows(cur, insight.sql, window.parameters(limit))
    names = [column.name for column in cur.description or ()]
    if insight.name == "coverage" and not rows[0][names.index("plays")]:
        raise _nothing(window.first_day, window.last_day)
    return make(insight, names, rows, window, survey)


def _nothing(first: date, last: date) -> WarehouseError:
    return WarehouseError(
        "there are no plays between --since and --until",
        hint=f"the warehouse holds plays from {first} to {last} (UTC)",
    )
