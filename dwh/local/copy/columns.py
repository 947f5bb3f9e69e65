"""Many JSON values into one column: the fast way, whose checks are C calls over all values at once.

A reader returns the texts for PostgreSQL's COPY, or raises ``Doubt`` when it cannot vouch for them; the column
is then done value by value (``values``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from dwh.local.copy.grammar import Copy
from dwh.local.copy.values import BLANK, INTEGERS, Column

# Takes the values, and the bytes of the longest document that they come from.
Reader = Callable[[Sequence[Any], int], Sequence[str]]

# How a NULL is written: one character that no JSON number holds and that text has escaped.
NULL = "\x01"
ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", NULL: "\\x01"})
EXACT_FLOAT = 10**15
_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)


class Doubt(Exception):
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


def _never(values: Sequence[Any], longest: int) -> Sequence[str]:
    raise Doubt


_NUMBERS = {int}, {int, type(None)}, {type(None)}
_FLOATS = frozenset((int, float, type(None)))


def _present(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if value is not None] if None in values else values


def _filled(values: Sequence[Any], texts: Sequence[str]) -> Sequence[str]:
    """The texts of the values that are there, with a NULL in the place of each that is not."""
    if len(texts) == len(values):
        return texts
    following = iter(texts)
    return [NULL if value is None else next(following) for value in values]


def _character(column: Column, copy: Copy) -> Reader:
    empty_null, blank_null = copy.has("EMPTYASNULL"), copy.has("BLANKSASNULL")
    trim = copy.has("TRIMBLANKS") and column.type == "varchar"
    size, varchar, not_null = column.size, column.type == "varchar", column.not_null

    def read(values: Sequence[Any], longest: int) -> Sequence[str]:
        nulls = 0
        try:
            joined = "".join(values)
        except TypeError:  # a NULL is among them, or what is no string
            values = [NULL if value is None else value for value in values]
            nulls = values.count(NULL)
            joined = _joined(values)
        if joined.count(NULL) != nulls or "\0" in joined:
            raise Doubt
        # A value is no longer than its document: an escape takes more bytes than what it stands for.
        if longest > size and not _fits(values, size, joined.isascii()):
            raise Doubt
        if not varchar and not joined.isascii():
            raise Doubt
        if trim:
            values = [value.rstrip(BLANK) for value in values]
        if empty_null and "" in values:
            values = [value or NULL for value in values]
        if blank_null and any(map(str.isspace, values)):
            values = [NULL if value and not value.strip(BLANK) else value for value in values]
        if not_null and NULL in values:
            raise Doubt
        if "\\" in joined or "\n" in joined or "\t" in joined or "\r" in joined:
            return [value if value == NULL else value.translate(ESCAPES) for value in values]
        return values

    return read


def _joined(values: Sequence[Any]) -> str:
    try:
        return "".join(values)
    except TypeError:
        raise Doubt from None


def _fits(values: Sequence[str], size: int, ascii_only: bool) -> bool:
    """Do all values fit in bytes? No character has more than four."""
    longest = max(map(len, values))
    if ascii_only:
        return longest <= size
    return longest * 4 <= size or max(len(value.encode()) for value in values) <= size


def _dumped(values: Sequence[Any]) -> list[str]:
    """The texts of numbers; orjson writes a list of them faster than Python one by one."""
    return orjson.dumps(values).decode()[1:-1].replace("null", NULL).split(",")


def _integer(column: Column) -> Reader:
    bits, _ = INTEGERS[column.type]
    digits = len(str(1 << bits)) - 1
    lowest, highest = -(1 << bits), (1 << bits) - 1

    def read(values: Sequence[Any], longest: int) -> Sequence[str]:
        if set(map(type, values)) not in _NUMBERS:
            raise Doubt
        texts = _dumped(values)
        if max(map(len, texts)) > digits:
            present = _present(values)
            if min(present) < lowest or max(present) > highest:
                raise Doubt
        return texts

    return read


def _floating(values: Sequence[Any], longest: int) -> Sequence[str]:
    if not set(map(type, values)) <= _FLOATS:
        raise Doubt
    return _dumped(values)


def _numeric(column: Column, copy: Copy) -> Reader:
    scale = column.scale
    limit = min(10 ** (column.size - scale), EXACT_FLOAT)

    def read(values: Sequence[Any], longest: int) -> Sequence[str]:
        present = _present(values)
        if not set(map(type, present)) <= _FLOATS:
            raise Doubt
        if present and (max(present) >= limit or min(present) <= -limit):
            raise Doubt
        texts = list(map(repr, present))
        # PostgreSQL would round further digits; COPY cuts them off. An exponent is left to the exact way too,
        # and so is a number whose digits a float may not have kept.
        if any(len(text) > 16 or len(text.partition(".")[2]) > scale or "e" in text for text in texts):
            raise Doubt
        return _filled(values, texts)

    return read


def _boolean(values: Sequence[Any], longest: int) -> Sequence[str]:
    present = _present(values)
    if present and set(map(type, present)) != {bool}:
        raise Doubt
    return _filled(values, ["t" if value else "f" for value in present])


def _date(values: Sequence[Any], longest: int) -> Sequence[str]:
    present = _present(values)
    try:
        if not all(map(_DATE.fullmatch, present)):
            raise Doubt
        for value in present:
            date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Doubt from None
    return _filled(values, present)


_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)


def _timestamp(values: Sequence[Any], longest: int) -> Sequence[str]:
    present = _present(values)
    try:
        if not all(map(_TIMESTAMP.fullmatch, present)):
            raise Doubt
        for value in present:
            datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Doubt from None
    return _filled(values, present)


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


def _epoch_millis(values: Sequence[Any], longest: int) -> Sequence[str]:
    kinds = set(map(type, values))
    if kinds not in _NUMBERS:
        raise Doubt
    present = values if kinds == {int} else _present(values)
    days, clock, millis = _days, _clock, _millis
    texts = [f"{days[value // _DAY]} {clock[value % _DAY // 1000]}{millis[value % 1000]}" for value in present]
    return _filled(values, texts)
