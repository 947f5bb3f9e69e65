"""The questions put to the warehouse, on one cursor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import errorcodes

import sql_queries
from dwh import warehouse
from dwh.errors import WarehouseError
from dwh.insights.answer import Answer, frame_of, notes, records_of
from dwh.insights.question import Question, select
from dwh.insights.shapes import SHAPES
from dwh.insights.window import Window

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# Findings look at the first ten of a ranking, however few are shown.
RANKED = 10
HISTORY_SECONDS = 3
# The tables that the questions read: the star, and the ledger of plays with the spellings of songs.
READ = (*sql_queries.STAR_TABLES, "load_plays", "load_songs")


def find_window(cur: cursor, since: date | None, until: date | None) -> Window:
    """The range of time to look at.

    Raises:
        WarehouseError: there are no tables, no plays, or none in the range.
    """
    there = warehouse.existing(cur)
    missing = [table for table in READ if table not in there]
    if missing:
        raise warehouse.missing_table(missing[0])
    first, last = warehouse.rows(cur, sql_queries.PLAYS_RANGE)[0]
    if first is None:
        raise WarehouseError("there are no plays in the warehouse yet", hint="python etl.py")
    window = Window.of(first, last, since, until)
    if not window.days:
        raise _nothing(first.date(), last.date())
    return window


def last_load(cur: cursor) -> str:
    """The last load and its time; nothing where another session holds the history of the loads.

    To be asked in a transaction of its own: who reads this table in an open one makes every load wait.
    """
    try:
        with warehouse.within(cur, HISTORY_SECONDS):
            found = warehouse.rows(cur, sql_queries.LAST_LOAD)
    except (psycopg2.errors.QueryCanceled, psycopg2.errors.UndefinedTable, psycopg2.errors.InsufficientPrivilege):
        warehouse.rollback(cur.connection)
        return ""
    return f"Load {found[0][0]}, published {found[0][1]:%Y-%m-%d %H:%M} UTC" if found else ""


def coverage(cur: cursor, window: Window) -> Answer:
    """The answer that everything else rests on.

    Raises:
        WarehouseError: there are no plays in the range.
    """
    found = answer(cur, select(["coverage"])[0], window, 1, {})
    if not found.records[0]["plays"]:
        raise _nothing(window.first_day, window.last_day)
    return found


def answer(cur: cursor, question: Question, window: Window, limit: int, survey: Mapping[str, Any]) -> Answer:
    """Ask one question.

    Args:
        cur: a cursor.
        question: what to ask.
        window: the range of time.
        limit: rows of a ranking.
        survey: the row of ``coverage`` for the range; empty for coverage itself.

    Raises:
        ConfigError: the statement does not return what the head of its file names.
        WarehouseError: the server refused the statement.
    """
    parameters = window.parameters(max(limit, RANKED))
    try:
        rows = warehouse.rows(cur, question.sql, parameters)
    except psycopg2.ProgrammingError as error:
        if error.pgcode == errorcodes.UNDEFINED_TABLE:
            raise
        raise WarehouseError(
            f"the warehouse refused the question {question.name}: {warehouse.first_line(error)}",
            hint=f"fix dwh/insights/questions/{question.name}.sql",
        ) from error
    raw = records_of(question, [column.name for column in cur.description or ()], rows)
    shape = SHAPES[question.shape]
    frame = frame_of(shape.finish(question, raw, window, limit), question.columns)
    asked = Answer(question, frame, raw, window, survey, _literal(question.sql, window.parameters(limit)))
    return replace(asked, notes=(*shape.notes(asked), *notes(asked)))


def _literal(statement: str, parameters: Mapping[str, Any]) -> str:
    """A statement as it can be pasted into any client."""

    def literal(found: re.Match[str]) -> str:
        value = parameters.get(found[1])
        return f"TIMESTAMP '{value}'" if isinstance(value, datetime) else str(value)

    return re.sub(r"%\((\w+)\)s", literal, statement).replace("%%", "%")


def _nothing(first: date, last: date) -> WarehouseError:
    return WarehouseError(
        "there are no plays between --since and --until",
        hint=f"the warehouse holds plays from {first} to {last} (UTC)",
    )
