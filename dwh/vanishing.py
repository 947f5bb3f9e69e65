"""What would vanish when everything is loaded anew, because it is no longer in S3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import sql_queries
from dwh import warehouse
from dwh.commands import ETL
from dwh.console import Console, plural
from dwh.errors import RefusedError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

RANGES_SHOWN = 10


def note(cur: cursor) -> None:
    """Note what is there, before it is deleted."""
    for statement in (sql_queries.EARLIER_PLAYS, sql_queries.EARLIER_KEYS):
        warehouse.execute(cur, statement)


def look(cur: cursor) -> list[str]:
    """What was there and is not staged again, a line each: plays by range of days, then artists, songs, users."""
    ranges = day_ranges(warehouse.rows(cur, sql_queries.VANISHING_PLAYS))
    lines = [f"{plural(plays, 'play')} of {words}" for words, plays in ranges[:RANGES_SHOWN]]
    if len(ranges) > RANGES_SHOWN:
        lines.append(f"{plural(sum(plays for _, plays in ranges[RANGES_SHOWN:]), 'play')} of later days")
    keys = warehouse.rows(cur, sql_queries.VANISHING_KEYS)
    return lines + [plural(count, table.removesuffix("s")) for table, count in keys]


def day_ranges(days: Sequence[tuple[date, int]]) -> list[tuple[str, int]]:
    """Plays by day as plays by range of days, such as ``2018-11-01 to 2018-11-20``.

    Args:
        days: each day with its plays, in order.
    """
    ranges: list[tuple[date, date, int]] = []
    for day, plays in days:
        if ranges and ranges[-1][1] + timedelta(days=1) == day:
            first, _, before = ranges.pop()
            ranges.append((first, day, before + plays))
        else:
            ranges.append((day, day, plays))
    return [(str(first) if first == last else f"{first} to {last}", plays) for first, last, plays in ranges]


def require_consent(lost: Sequence[str], console: Console, *, given: bool) -> None:
    """Refuse to remove rows unasked.

    Raises:
        RefusedError: something would vanish, and there is no consent.
    """
    if lost and not given:
        raise RefusedError(
            "--full would remove what is no longer in S3; nothing was changed",
            hint=f"{ETL} keeps it; {ETL} --full --yes removes it",
            detail="\n".join(lost),
        )
    for line in lost:
        console.warn(f"removed, since it is no longer in S3: {line}")
