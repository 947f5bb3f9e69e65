"""Values and spans of time as people read them, on a terminal and on a page alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.cells import cell_len, set_cell_size

from dwh.console import plain, plural
from dwh.insights.question import Column

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SAMPLE = "SAMPLE DATA: every listener, song and play {} is generated."
Survey = Mapping[str, Any]


def cell(value: Any, column: Column, nothing: str = "–") -> str:
    """A value in a table; ``nothing`` stands for one that is not known."""
    if value is None:
        return nothing
    if column.kind in FORMATS:
        return FORMATS[column.kind](value)
    return plain(str(value))


def percent(value: float) -> str:
    """One decimal; a share too small for it is not shown as nothing, nor one just short of all as all."""
    if 0 < value < 0.05:
        return "<0.1%"
    return ">99.9%" if 99.95 <= value < 100 else f"{value:.1f}%"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "count": lambda value: f"{value:,}",
    "ratio": lambda value: f"{value:,.1f}",
    "percent": percent,
    "flag": lambda value: "yes" if value else "no",
    "mark": lambda value: "yes" if value else "",
    "month": lambda value: f"{value:%Y-%m}",
    "hour": lambda value: f"{value:02}:00",
    "decade": lambda value: f"{value}s",
    "day": lambda value: f"{WEEKDAYS[value.weekday()]} {value}",
    "moment": lambda value: f"{value:%Y-%m-%d %H:%M} UTC",
}


def figure(value: Any, column: Column) -> str:
    """A value with its unit: ``37 plays``, ``1 play``, ``15.0 plays per listener``, ``62.0% share of plays``."""
    unit = column.heading
    if column.kind == "count" and value == 1:
        first, _, rest = unit.partition(" ")
        unit = f"{first.removesuffix('s')} {rest}".rstrip()
    return f"{cell(value, column)} {unit}"


def step(value: Any, column: Column) -> str:
    """A step of time in a sentence or on an axis: ``5 Nov``, ``16:00 UTC``, ``Mon``, ``November 2018``."""
    if column.kind in ("day", "week"):
        return f"{value.day} {MONTHS[value.month - 1][:3]}"
    if column.kind == "month":
        return f"{MONTHS[value.month - 1]} {value.year}"
    return cell(value, column)


def day(value: date) -> str:
    """``5 November``."""
    return f"{value.day} {MONTHS[value.month - 1]}"


def period(first: date, last: date) -> str:
    """``1 to 30 November 2018``, with no more of the first day than tells it from the last."""
    end = f"{day(last)} {last.year}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {end}"
    return f"{day(first)} to {end}" if first.year == last.year else f"{day(first)} {first.year} to {end}"


def reach(survey: Survey) -> str:
    """From when to when: ``2018-11-01 21:01 to 2018-11-30 19:54 UTC``."""
    first, last = (f"{survey[name]:%Y-%m-%d %H:%M}" for name in ("first_play", "last_play"))
    return f"{first} to {last} UTC"


def days(survey: Survey) -> str:
    """From which day to which: ``2018-11-01 to 2018-11-30 (UTC)``."""
    return f"{survey['first_play']:%Y-%m-%d} to {survey['last_play']:%Y-%m-%d} (UTC)"


def volume(survey: Survey) -> str:
    """How much: plays, listeners and sessions."""
    counts = (("plays", "play"), ("users", "listener"), ("sessions", "session"))
    return " · ".join(plural(survey[name], noun) for name, noun in counts)


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Text that fits so many columns; a Chinese character takes two."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - len(ellipsis)).rstrip() + ellipsis
