"""From the rows of a statement to the frame of an insight: gaps filled, types set, notes written."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import pandas as pd

from dwh.insights import notes
from dwh.insights.catalogue import Column, Insight, Kind
from dwh.insights.window import WEEK, Window

Row = tuple[Any, ...]
Record = dict[str, Any]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEVELS = ("free", "paid")
UNKNOWN = "unknown"

# Nullable types: a count that is not known must not turn the others into floats.
DTYPES: Mapping[Kind, str] = {
    "rank": "Int64",
    "count": "Int64",
    "number": "Int64",
    "ratio": "Float64",
    "percent": "Float64",
    "flag": "boolean",
    "mark": "boolean",
}


@dataclass(frozen=True)
class Answer:
    """The answer to one insight.

    Args:
        insight: what was asked.
        frame: the answer, with the columns of the insight.
        notes: what a reader must know to read it right, a sentence each.
    """

    insight: Insight
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """The frame as plain Python values, None where there is none."""
        columns = [self.frame[column.name].astype(object) for column in self.insight.columns]
        return [tuple(None if pd.isna(value) else value for value in row) for row in zip(*columns, strict=True)]

    @property
    def records(self) -> list[Record]:
        """The rows by name of column."""
        names = [column.name for column in self.insight.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def make(
    insight: Insight, names: Sequence[str], rows: Iterable[Row], window: Window, survey: Mapping[str, Any]
) -> Answer:
    """The answer of an insight from what its statement returned.

    Args:
        insight: what was asked.
        names: the columns that came back.
        rows: the rows that came back.
        window: the range of time.
        survey: the row of ``coverage`` for the same range; empty for coverage itself.
    """
    raw = [dict(zip(names, map(_number, row), strict=True)) for row in rows]
    finish = FINISH.get(insight.name, _as_it_is)
    frame = _frame(finish(raw, window), insight.columns)
    answer = Answer(insight, frame)
    return Answer(insight, frame, notes.write(insight, raw, answer.records, window, survey))


def _number(value: Any) -> Any:
    """Sums come back as Decimal, but are whole."""
    return int(value) if isinstance(value, Decimal) else value


def _frame(records: Sequence[Record], columns: Sequence[Column]) -> pd.DataFrame:
    return pd.DataFrame({column.name: _series([row[column.name] for row in records], column) for column in columns})


def _series(values: Sequence[Any], column: Column) -> pd.Series[Any]:
    if column.kind == "text":
        values = [value or UNKNOWN for value in values]
    return pd.Series(values, dtype=DTYPES.get(column.kind, "object"))


# --- What a statement cannot return: hours, days and weeks in which nothing was played ---


def _as_it_is(rows: list[Record], window: Window) -> list[Record]:
    return rows


def _filled(rows: Iterable[Record], keys: Mapping[str, Sequence[Any]], zeros: Sequence[str]) -> list[Record]:
    """One row for every combination of keys; ``zeros`` are the columns of a row that was missing."""
    there = {tuple(row[name] for name in keys): row for row in rows}
    missing = dict.fromkeys(zeros, 0)
    return [{**dict(zip(keys, key, strict=True)), **there.get(key, missing)} for key in product(*keys.values())]


def _coverage(rows: list[Record], window: Window) -> list[Record]:
    return [{**row, "full_days": len(window.full_days)} for row in rows]


def _songs_by_decade(rows: list[Record], window: Window) -> list[Record]:
    known = [row for row in rows if row["decade"] is not None]
    decades = range(known[0]["decade"], known[-1]["decade"] + 1, 10) if known else ()
    full = _filled(known, {"decade": decades}, ["songs", "songs_played", "plays"])
    plays = sum(row["plays"] for row in full)
    return [{**row, "share_pct": _percent(row["plays"], plays)} for row in full]


def _plays_by_hour(rows: list[Record], window: Window) -> list[Record]:
    full = _filled(rows, {"hour": range(24)}, ["plays", "users", "share_pct"])
    return [{**row, "plays_per_day": _ratio(row["plays"], len(window.days))} for row in full]


def _weekday_hour(rows: list[Record], window: Window) -> list[Record]:
    # The statement counts weekdays from Sunday, people from Monday.
    named = [{**row, "weekday": WEEKDAYS[row["weekday"] - 1]} for row in rows]
    full = _filled(named, {"weekday": WEEKDAYS, "hour": range(24)}, ["plays", "full_day_plays"])
    observed = Counter(WEEKDAYS[day.weekday()] for day in window.full_days)
    return [
        {
            **row,
            "days_observed": observed[row["weekday"]],
            "avg_plays": _ratio(row["full_day_plays"], observed[row["weekday"]]),
        }
        for row in full
    ]


def _daily_activity(rows: list[Record], window: Window) -> list[Record]:
    full = _filled(rows, {"date": window.days}, ["plays", "active_users"])
    plays = [row["plays"] for row in full]
    return [
        {
            **row,
            "plays_per_user": row.get("plays_per_user"),
            "plays_7d_avg": sum(plays[n - 6 : n + 1]) / 7 if n >= 6 else None,
            "partial_day": window.is_partial(row["date"]),
        }
        for n, row in enumerate(full)
    ]


def _plays_by_level(rows: list[Record], window: Window) -> list[Record]:
    levels = sorted({*LEVELS, *(row["level"] for row in rows)})
    full = _filled(rows, {"date": window.days, "level": levels}, ["plays", "users"])
    played = {row["date"] for row in rows}
    return [{"share_pct": 0 if row["date"] in played else None, **row} for row in full]


def _level_changes(rows: list[Record], window: Window) -> list[Record]:
    return _filled(rows, {"week": window.weeks}, ["upgrades", "downgrades", "users"])


def _stickiness(rows: list[Record], window: Window) -> list[Record]:
    full_days = Counter(day.replace(day=1) for day in window.full_days)
    months = []
    for row in _filled(rows, {"month": window.months}, ["mau", "full_day_users"]):
        month, days = row["month"], full_days[row["month"]]
        daily = _ratio(row["full_day_users"], days)
        months.append(
            {
                **row,
                "days_observed": days,
                "full_month": days == monthrange(month.year, month.month)[1],
                "avg_dau": daily,
                "stickiness_pct": None if daily is None else _percent(daily, row["mau"]),
            }
        )
    return months


def _weekly_retention(rows: list[Record], window: Window) -> list[Record]:
    weeks = window.weeks
    full = _filled(rows, {"cohort": weeks, "week_offset": range(len(weeks))}, ["active"])
    sizes = {row["cohort"]: row["active"] for row in full if row["week_offset"] == 0}
    cells = []
    for row in full:
        size = sizes[row["cohort"]]
        active = row["active"] if _observed(row["cohort"], row["week_offset"], window) else None
        retained = None if active is None else _percent(active, size)
        cells.append({**row, "cohort_size": size, "active": active, "retained_pct": retained})
    return cells


def _observed(cohort: date, offset: int, window: Window) -> bool:
    """Whether a cohort's week was observed: one full day of it at least."""
    week = cohort + offset * WEEK
    return offset == 0 or any(week <= day < week + WEEK for day in window.full_days)


def _ratio(number: float, of: float) -> float | None:
    return number / of if of else None


def _percent(number: float, of: float) -> float | None:
    return 100 * number / of if of else None


FINISH: dict[str, Callable[[list[Record], Window], list[Record]]] = {
    "coverage": _coverage,
    "songs_by_decade": _songs_by_decade,
    "plays_by_hour": _plays_by_hour,
    "weekday_hour": _weekday_hour,
    "daily_activity": _daily_activity,
    "plays_by_level": _plays_by_level,
    "level_changes": _level_changes,
    "stickiness": _stickiness,
    "weekly_retention": _weekly_retention,
}
