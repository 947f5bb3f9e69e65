"""Documents made into rows the fast way: msgspec reads and checks them in C.

A struct has a field for each key that the columns read. Where msgspec can judge a column, its field has the
column's type and length; any other field is kept as it was written, and read by the exact way (``values``).
A value that its field does not admit makes the field such a one for the rest of the load: one odd column
slows down nobody but itself. What cannot be vouched for at all raises ``Doubt``; it is then read by the exact way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from dwh.local.redshift.copy import exact, values
from dwh.local.redshift.copy.errors import FieldError
from dwh.local.redshift.copy.grammar import Copy
from dwh.local.redshift.copy.jsonpaths import Path, follow
from dwh.local.redshift.copy.lines import GENERATED
from dwh.local.redshift.copy.values import INTEGERS, Column

# Values of a column that are remembered with their text: logs repeat themselves.
REMEMBERED = 4096
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOTHING = Raw(b"")
_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)

# Makes a column's values of its field's.
Texts = Callable[[Sequence[Any]], Sequence[Any]]


class Doubt(Exception):
    """The fast way cannot vouch for these documents."""


class Fields:
    """Reads documents for the columns of one COPY.

    Args:
        columns: the columns, in the order of the rows.
        paths: where each column's value is: a key of the document, or a path that begins with one.
        copy: the options.
    """

    def __init__(self, columns: Sequence[Column], paths: Sequence[Path], copy: Copy) -> None:
        self._columns = columns
        self._paths = paths
        self._copy = copy
        # Keys of any case, whole documents and elements of an array have no field.
        self._able = copy.json != "auto ignorecase" and all(path and isinstance(path[0], str) for path in paths)
        self._keys = list(dict.fromkeys(str(path[0]) for path in paths if path))
        self._typed = self._typable() if self._able else {}
        self._build()

    def rows(self, data: bytes) -> list[Sequence[Any]]:
        """The rows of the documents of some text.

        Raises:
            Doubt: they are not objects one after the other, are not valid JSON, or do not fit.
        """
        if not self._able:
            raise Doubt
        decoder = self._plain if data.isascii() else self._wide
        try:
            documents = decoder.decode_lines(data)
        except msgspec.ValidationError:
            self._loosen(data)
            return self.rows(data)
        except _UNREADABLE:
            raise Doubt from None
        found: list[Sequence[Any]] = list(map(msgspec.structs.astuple, documents))
        if self._straight or not found:
            return found
        fields = list(zip(*found, strict=True))
        return list(zip(*(texts(fields[place]) for place, texts in self._readers), strict=True))

    def _typable(self) -> dict[str, Column]:
        """The keys that one column reads whole, and whose values msgspec can judge."""
        heads = [path[0] for path in self._paths]
        return {
            str(path[0]): column
            for path, column in zip(self._paths, self._columns, strict=True)
            if len(path) == 1 and heads.count(path[0]) == 1 and _kind(column, self._copy, 1) is not None
        }

    def _build(self) -> None:
        # A length in characters is one in bytes where all is ASCII; elsewhere a character has four at most.
        self._plain, self._wide = (self._decoder(self._keys, width) for width in (1, 4))
        places = {key: place for place, key in enumerate(self._keys)}
        self._readers = [
            (places[str(path[0])], self._reader(column, path))
            for column, path in zip(self._columns, self._paths, strict=True)
            if path
        ]
        self._straight = self._keys == [path[0] for path in self._paths if path] and all(
            texts is _as_they_are for _, texts in self._readers
        )

    def _decoder(self, keys: Sequence[str], width: int) -> msgspec.json.Decoder[Any]:
        fields: list[Any] = []
        for place, key in enumerate(keys):
            column = self._typed.get(key)
            if column is None:
                fields.append((f"f{place}", Raw, _NOTHING))
            elif column.not_null:
                fields.append((f"f{place}", _kind(column, self._copy, width)))
            else:
                fields.append((f"f{place}", _kind(column, self._copy, width) | None, None))
        names = {f"f{place}": key for place, key in enumerate(keys)}
        return msgspec.json.Decoder(msgspec.defstruct("Document", fields, rename=names, gc=False, kw_only=True))

    def _loosen(self, data: bytes) -> None:
        """Find the keys whose values are not of their field's type, and keep those as they are written from now on.

        Raises:
            Doubt: the documents as such are wrong.
        """
        width = 1 if data.isascii() else 4
        if not _reads(self._decoder([], width), data):
            raise Doubt
        odd = [key for key in self._typed if not _reads(self._decoder([key], width), data)]
        if not odd:
            raise Doubt
        for key in odd:
            del self._typed[key]
        self._build()

    def _reader(self, column: Column, path: Path) -> Texts:
        if str(path[0]) not in self._typed:
            return _exactly(column, path, self._copy)
        return _epoch_millis if column.type == "timestamp" else _as_they_are


def _reads(decoder: msgspec.json.Decoder[Any], data: bytes) -> bool:
    try:
        decoder.decode_lines(data)
    except _UNREADABLE:
        return False
    return True


def _kind(column: Column, copy: Copy, width: int) -> Any:
    """The type that admits nothing but what fits the column as it is; None where there is none."""
    if column.generated:
        return None
    if column.type == "varchar" and not any(map(copy.has, ("EMPTYASNULL", "BLANKSASNULL", "TRIMBLANKS"))):
        return Annotated[str, Meta(max_length=column.size // width)]
    if column.type in INTEGERS:
        bits, _ = INTEGERS[column.type]
        return Annotated[int, Meta(ge=-(1 << bits), le=(1 << bits) - 1)]
    if column.type == "timestamp" and copy.timeformat == "epochmillisecs":
        return int
    return {"float8": float, "bool": bool}.get(column.type)


def _as_they_are(found: Sequence[Any]) -> Sequence[Any]:
    return found


def _exactly(column: Column, path: Path, copy: Copy) -> Texts:
    """The reader of a field that was kept as it was written."""
    convert, rest = values.reader(column, copy), path[1:]
    null = GENERATED if column.generated else None

    @lru_cache(REMEMBERED)
    def text(raw: bytes) -> Any:
        value = follow(exact.value(raw), rest) if raw else None
        found = None if value is None else convert(value)
        if found is None and column.not_null and not column.generated:
            raise Doubt
        return null if found is None else found

    def texts(found: Sequence[Any]) -> Sequence[Any]:
        try:
            return [text(bytes(raw)) for raw in found]
        except (FieldError, ValueError, RecursionError):
            raise Doubt from None

    return texts


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


def _epoch_millis(found: Sequence[Any]) -> Sequence[Any]:
    days, clock, millis = _days, _clock, _millis
    return [
        None if value is None else f"{days[value // _DAY]} {clock[value % _DAY // 1000]}{millis[value % 1000]}"
        for value in found
    ]
