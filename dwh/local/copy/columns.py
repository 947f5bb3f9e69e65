"""Many JSON values into one column: the fast way, whose checks are C calls over all values at once.

A reader returns the texts for PostgreSQL's COPY, or raises ``Doubt`` when it cannot vouch for them; the column
is then done value by value (``values``). NULLs never come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from dwh.local.copy.grammar import Copy
from dwh.local.copy.values import INTEGERS, Column

Reader = Callable[[Sequence[Any]], Sequence[str]]

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
EXACT_FLOAT = 10**15
_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)


class Doubt(Exception):  # noqa: N818 - it is no error
    """The fast way cannot vouch for this column."""


def reader(column: Column, copy: Copy) -> Reader:
    """The fast reader of a column."""
    if column.type in ("varchar", "bpchar"):
        return _character(column, copy)
    if column.type in INTEGERS:
        return _integer(column)
    if column.type == "float8":
        return _floating
    if column.type == "numeric":
        return _numeric(column, copy)
    if column.type == "bool":
        return _boolean
    if column.type == "timestamp":
        if copy.timeformat == "epochmillisecs":
            return _epoch_millis
        if copy.timeformat in ("", "YYYY-MM-DD HH:MI:SS"):
            return _timestamp
    if column.type == "date" and copy.dateformat in ("", "YYYY-MM-DD", "auto"):
        return _date
    return _never


def _never(values: Sequence[Any]) -> Sequence[str]:
    raise Doubt


def _only(values: Sequence[Any], kind: type) -> None:
    if set(map(type, values)) != {kind}:
        raise Doubt


def _joined(values: Sequence[Any]) -> str:
    try:
        return "".join(values)
    except TypeError:
        raise Doubt from None


def _character(column: Column, copy: Copy) -> Reader:
    empty_null, blank_null = copy.has("EMPTYASNULL"), copy.has("BLANKSASNULL")
    trim = copy.has("TRIMBLANKS") and column.type == "varchar"
    size, varchar = column.size, column.type == "varchar"

    def read(values: Sequence[Any]) -> Sequence[str]:
        joined = _joined(values)
        if "\0" in joined:
            raise Doubt
        if not joined.isascii():
            if not varchar or (max(map(len, values)) * 4 > size and max(len(v.encode()) for v in values) > size):
                raise Doubt
        elif max(map(len, values)) > size:
            raise Doubt
        if (empty_null and "" in values) or (blank_null and any(map(str.isspace, values))):
            raise Doubt
        if trim:
            values = [value.rstrip(" \t\r\n") for value in values]
        if "\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined:
            return [value.translate(ESCAPES) for value in values]
        return values

    return read


def _integer(column: Column) -> Reader:
    bits, _ = INTEGERS[column.type]
    lowest, highest = -(1 << bits), (1 << bits) - 1

    def read(values: Sequence[Any]) -> Sequence[str]:
        _only(values, int)
        if min(values) < lowest or max(values) > highest:
            raise Doubt
        return list(map(str, values))

    return read


def _floating(values: Sequence[Any]) -> Sequence[str]:
    if not set(map(type, values)) <= {int, float}:
        raise Doubt
    return list(map(repr, map(float, values)))


def _numeric(column: Column, copy: Copy) -> Reader:
    scale = column.scale
    limit = min(10 ** (column.size - scale), EXACT_FLOAT)

    def read(values: Sequence[Any]) -> Sequence[str]:
        if not set(map(type, values)) <= {int, float}:
            raise Doubt
        if max(values) >= limit or min(values) <= -limit:
            raise Doubt
        texts = list(map(repr, values))
        # PostgreSQL would round further digits; COPY cuts them off. An exponent is left to the exact way too,
        # and so is a number whose digits a float may not have kept.
        if any(len(text) > 16 or len(text.partition(".")[2]) > scale or "e" in text for text in texts):
            raise Doubt
        return texts

    return read


def _boolean(values: Sequence[Any]) -> Sequence[str]:
    _only(values, bool)
    return ["t" if value else "f" for value in values]


def _date(values: Sequence[Any]) -> Sequence[str]:
    joined = _joined(values)
    if len(joined) != 10 * len(values) or not joined.isascii():
        raise Doubt
    try:
        # Of ten characters, fromisoformat takes YYYY-MM-DD and YYYY-Www-D; the W is asked for.
        days = list(map(date.fromisoformat, values))
    except ValueError:
        raise Doubt from None
    if "W" in joined or not days:
        raise Doubt
    return values


_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)


def _timestamp(values: Sequence[Any]) -> Sequence[str]:
    try:
        if not all(map(_TIMESTAMP.fullmatch, values)):
            raise Doubt
        for value in values:
            datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Doubt from None
    return values


class _Days(dict[int, str]):
    """The ISO date of a day counted from 1970-01-01, made when it is first asked for."""

    def __missing__(self, day: int) -> str:
        try:
            text = (_EPOCH + timedelta(days=day)).isoformat()
        except OverflowError:
            raise Doubt from None
        if len(self) < 100_000:
            self[day] = text
        return text


class _Clock(dict[int, str]):
    """The time of day of a second, made when it is first asked for."""

    def __missing__(self, second: int) -> str:
        text = self[second] = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        return text


_days, _clock = _Days(), _Clock()
_millis = [f".{number:03}" for number in range(1000)]


def _epoch_millis(values: Sequence[Any]) -> Sequence[str]:
    _only(values, int)
    days, clock, millis = _days, _clock, _millis
    return [
        f"{days[value // _DAY]} {clock[value % _DAY // 1000]}{millis[value % 1000]}"
        for value in values
    ]
