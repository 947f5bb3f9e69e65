"""From the rows of a statement to the answer: what is missing filled in, columns computed, types set, notes written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import product
from typing import Any

import pandas as pd

from dwh.console import plural
from dwh.errors import ConfigError
from dwh.insights import words
from dwh.insights.question import FORMULA, HOLE, Column, Question
from dwh.insights.window import DAY, Window, monday

Row = tuple[Any, ...]
Record = dict[str, Any]

UNKNOWN = "unknown"
# Nullable types: a count that is not known must not turn the others into floats.
DTYPES = {
    **dict.fromkeys(("rank", "count", "number", "hour", "decade"), "Int64"),
    **dict.fromkeys(("ratio", "percent"), "Float64"),
    **dict.fromkeys(("flag", "mark"), "boolean"),
}


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Args:
        question: what was asked.
        frame: the answer, with the columns of the question.
        raw: what the statement returned, a dict a row; of a ranking at least the first ten.
        window: the range of time.
        survey: the row of ``coverage`` for the same range; empty for coverage itself.
        sql: the statement as it ran, its parameters filled in.
        notes: what a reader must know to read it right, a sentence each.
    """

    question: Question
    frame: pd.DataFrame
    raw: Sequence[Record]
    window: Window
    survey: Mapping[str, Any]
    sql: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[Row]:
        """The frame as plain Python values, None where there is none."""
        columns = [self.frame[column.name].astype(object) for column in self.question.columns]
        return [tuple(None if pd.isna(value) else value for value in row) for row in zip(*columns, strict=True)]

    @cached_property
    def records(self) -> list[Record]:
        """The rows by name of column."""
        names = [column.name for column in self.question.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    @property
    def measures(self) -> list[Any]:
        """What is drawn of each row, None where it is not known."""
        return [record[self.question.measure] for record in self.records]


def records_of(question: Question, names: Sequence[str], rows: Iterable[Row]) -> list[Record]:
    """What a statement returned, by name of column.

    Raises:
        ConfigError: a column that the head names was not returned.
    """
    missing = [name for name in _needed(question) if name not in names]
    if missing:
        raise ConfigError(
            f"dwh/insights/questions/{question.name}.sql: the statement returns no column {missing[0]}",
            hint="name it with AS in the statement, or take it out of the head",
        )
    records = [dict(zip(names, map(_number, row), strict=True)) for row in rows]
    for column in question.columns:
        for record in records if column.kind == "weekday" else ():
            record[column.name] = (record[column.name] - 1) % 7  # a statement counts from Sunday, people from Monday
    return records


def _needed(question: Question) -> list[str]:
    """The columns that a statement has to return: those without a formula, and what formulas refer to."""
    # The shape itself computes the size of a cohort, and the share of it that came back.
    by_shape = question.columns[2::2] if question.shape == "cohorts" else ()
    plain = [column.name for column in question.columns if not column.formula and column not in by_shape]
    asked = [
        name for c in question.columns if (found := FORMULA.fullmatch(c.formula)) for name in found.groups() if name
    ]
    computed = [column.name for column in question.columns if column.formula]
    return [name for name in dict.fromkeys([*plain, *asked]) if name not in (*computed, "days")]


def _number(value: Any) -> Any:
    """Sums come back as Decimal, but are whole."""
    return int(value) if isinstance(value, Decimal) else value


def frame_of(rows: Sequence[Record], columns: Sequence[Column]) -> pd.DataFrame:
    """Rows as a frame, each column of its type."""
    return pd.DataFrame({column.name: _series([row[column.name] for row in rows], column) for column in columns})


def _series(values: Sequence[Any], column: Column) -> pd.Series[Any]:
    if column.kind in ("text", "level"):
        values = [value or UNKNOWN for value in values]
    if column.kind == "weekday":
        values = [words.WEEKDAYS[value] for value in values]
    return pd.Series(values, dtype=DTYPES.get(column.kind, "object"))


# --- What a statement cannot return: hours, days and weeks in which nothing was played ---


def filled(question: Question, rows: Sequence[Record], keys: Mapping[str, Sequence[Any]]) -> list[Record]:
    """One row for every combination of the values of the keys.

    In a row that was missing, counts are 0 and other values are not known; a share is 0 beside other shares.
    """
    there = {tuple(row[name] for name in keys): row for row in rows}
    groups = {key[:-1] for key in there}
    shares = [column.name for column in question.columns if column.kind == "percent"]
    missing = {
        **{column.name: None for column in question.columns if not column.formula},
        **{name: 0 for row in rows[:1] for name, value in row.items() if isinstance(value, int)},
        **{column.name: 0 for column in question.columns if column.kind == "count"},
    }
    return [
        {
            **missing,
            **(dict.fromkeys(shares, 0) if key[:-1] in groups else {}),
            **there.get(key, {}),
            **dict(zip(keys, key, strict=True)),
        }
        for key in product(*keys.values())
    ]


def steps(column: Column, window: Window, rows: Sequence[Record]) -> Sequence[Any]:
    """Every step of a column that the range has; of decades, from the first to the last that is known."""
    if column.kind == "decade":
        known = sorted(row[column.name] for row in rows if row[column.name] is not None)
        return range(known[0], known[-1] + 1, 10) if known else ()
    of_window = {"day": window.days, "week": window.weeks, "month": window.months}
    return of_window.get(column.kind) or range(24 if column.kind == "hour" else 7)


def computed(question: Question, rows: list[Record], window: Window) -> list[Record]:
    """The rows with the columns that have a formula, in the order of the columns."""
    for column in question.columns:
        for number, row in enumerate(rows):
            if column.formula:
                row[column.name] = _value(column, question, rows, number, window)
    return rows


def _value(column: Column, question: Question, rows: Sequence[Record], number: int, window: Window) -> Any:
    first = question.columns[0]
    at: Any = rows[number].get(first.name)
    if column.formula == "full days":
        return len([day for day in window.full_days if _belongs(day, at, first.kind)])
    if column.formula == "seen in full":
        days = [at + n * DAY for n in range(31) if _belongs(at + n * DAY, at, first.kind)]
        return all(day in window.full_days for day in days)
    if column.formula == "seen in part":
        return window.is_partial(at)
    if mean := re.fullmatch(r"7-day mean of (\w+)", column.formula):
        last = [row[mean[1]] for row in rows[max(0, number - 6) : number + 1]]
        return sum(last) / 7 if len(last) == 7 else None
    over, under = column.formula.split(" / ")
    known = {**rows[number], "days": len(window.days)}
    below = sum(row[under[4:]] for row in rows) if under.startswith("all ") else known.get(under)
    scale, above = 100 if column.kind == "percent" else 1, known.get(over)
    return scale * above / below if below and above is not None else None


def _belongs(day: date, step: Any, kind: str) -> bool:
    """Whether a day is one of those that a row is about."""
    of_day = {"weekday": day.weekday(), "week": monday(day), "month": day.replace(day=1), "day": day}
    return kind not in of_day or bool(of_day[kind] == step)


# --- Notes ---


def notes(answer: Answer) -> tuple[str, ...]:
    """The notes of the head with their holes filled; one with nothing to say in a hole is left out."""
    filled_in = []
    for note in answer.question.notes:
        holes = {found[0]: _hole(answer, found[1]) for found in HOLE.finditer(note)}
        if all(holes.values()):
            filled_in.append(re.sub(HOLE, lambda found, holes=holes: holes[found[0]], note))  # type: ignore[misc]
    return tuple(filled_in)


def _hole(answer: Answer, hole: str) -> str:
    word, _, name = hole.partition(" ")
    window, survey, rows = answer.window, answer.survey, answer.records
    if word == "days":
        return plural(len(window.days), "day")
    if word == "partial_days":
        return words.listed([words.day(day) for day in window.partial_days])
    if word == "matched":
        share = words.percent(survey["match_pct"])
        return f"{survey['matched_plays']:,} of {plural(survey['plays'], 'play')} ({share})"
    column = answer.question.column(name)
    if word == "sum":
        return words.figure(sum(row[name] or 0 for row in rows), column)
    return words.cell(rows[-1][name], column) if rows else ""
