"""The answers to the analytics team's questions: query, frame, and then table, file, chart or report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dwh.insights.catalogue import INSIGHTS, NAMES, Insight, select

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.insights.frames import Answer
    from dwh.insights.window import Window

__all__ = ["INSIGHTS", "NAMES", "Insight", "Report", "collect", "select"]


@dataclass(frozen=True)
class Report:
    """The answers to some insights, all of the same range and the same moment.

    Args:
        window: the range of time.
        survey: the row of ``coverage`` for that range: the header of everything.
        answers: in the order asked for.
    """

    window: Window
    survey: Mapping[str, Any]
    answers: tuple[Answer, ...]


def collect(
    cur: cursor,
    insights: Sequence[Insight] = INSIGHTS,
    *,
    limit: int = 10,
    since: date | None = None,
    until: date | None = None,
) -> Report:
    """Ask the warehouse.

    Args:
        cur: a cursor; all the questions are asked in its transaction.
        insights: what to ask.
        limit: rows of a ranking.
        since: the first day to look at (UTC), by default the first that there is.
        until: the last day to look at, by default the last that there is.

    Raises:
        WarehouseError: there are no tables, no plays, or none in the range.
        psycopg2.Error: as the server says it.
    """
    from dwh.insights.ask import answer, find_window

    window = find_window(cur, since, until)
    coverage = answer(cur, INSIGHTS[0], window, limit, {})
    survey = coverage.records[0]
    answers = [coverage if each is INSIGHTS[0] else answer(cur, each, window, limit, survey) for each in insights]
    return Report(window, survey, tuple(answers))
