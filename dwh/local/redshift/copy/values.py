"""One JSON value into one column, by every rule of COPY: the exact way.

A reader takes a value as ``exact.loads`` gives it (numbers as ``Literal``) and returns the text for
PostgreSQL, or None for NULL; it raises ``FieldError`` when the value does not fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from dwh.local.redshift.copy import datetimes, errors
from dwh.local.redshift.copy.errors import FieldError
from dwh.local.redshift.copy.exact import Literal, compact
from dwh.local.redshift.copy.grammar import Copy

Reader = Callable[[Any], str | None]

INTEGERS = {"int2": (15, "Short"), "int4": (31, "Integer"), "int8": (63, "Long")}
TRUE = frozenset(("t", "true", "y", "yes", "1"))
FALSE = frozenset(("f", "false", "n", "no", "0"))
BLANK = " \t\r\n"
_WIDE = Context(prec=400)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]+")


@dataclass(frozen=True)
class Column:
    """A column to load. ``type`` is PostgreSQL's name; ``size`` is bytes, or the precision of a number."""

    name: str
    type: str
    size: int = 0
    scale: int = 0
    not_null: bool = False
    generated: bool = False

    @property
    def length(self) -> str:
        """Its length, as STL_LOAD_ERRORS shows it."""
        return f"{self.size},{self.scale}" if self.type == "numeric" else str(self.size)


def reader(column: Column, copy: Copy) -> Reader:
    """The exact reader of a column.

    Raises:
        RedshiftError: never; types that COPY cannot load were refused when the table was made.
    """
    if column.type in ("varchar", "bpchar"):
        return _character(column, copy)
    if column.type == "super":
        return lambda value: compact(_valid_utf8(value))
    return _blank_is_null(_SCALARS[column.type](column, copy))


def as_text(value: Any) -> str:
    """The text of any value: a string itself, a number as written, a container as JSON."""
    return str(value) if isinstance(value, str) else compact(value)


def _blank_is_null(convert: Callable[[str, bool], str | None]) -> Reader:
    """An empty or blank string is NULL in every column that holds no text."""

    def read(value: Any) -> str | None:
        text = as_text(value)
        if not text.strip(BLANK):
            return None
        return convert(text, type(value) is Literal)

    return read


def _character(column: Column, copy: Copy) -> Reader:
    empty_null, blank_null = copy.has("EMPTYASNULL"), copy.has("BLANKSASNULL")
    trim = copy.has("TRIMBLANKS") and column.type == "varchar"
    varchar = column.type == "varchar"

    def read(value: Any) -> str | None:
        text = as_text(value)
        if "\0" in text:
            text = _cut_at_nul(text)
        if _SURROGATE.search(text):
            text = _replaced(text, copy.replacement) if varchar else text
        if trim:
            text = text.rstrip(BLANK)
        if (empty_null and not text) or (blank_null and text and not text.strip(BLANK)):
            return None
        if not varchar and not text.isascii():
            raise FieldError(errors.BAD_UTF8, errors.MULTIBYTE.format(_first_foreign(text)))
        data = text.encode()
        if len(data) > column.size:
            if not copy.has("TRUNCATECOLUMNS"):
                raise FieldError(errors.OUT_OF_RANGE, errors.TOO_LONG)
            text = data[: column.size].decode("utf-8", "ignore")
        return text

    return read


def _cut_at_nul(text: str) -> str:
    """A NUL ends the value; a value that begins with one is an error (observed, not documented)."""
    if text[0] == "\0":
        raise FieldError(errors.NUL, "Invalid null byte - field longer than 1 byte")
    return text.partition("\0")[0]


def _first_foreign(text: str) -> str:
    data = "".join(char for char in text if not char.isascii())[:2].encode("utf-8", "surrogatepass")
    return data[:4].hex(" ")


def _raw_bytes(text: str) -> bytes:
    """The bytes that lone surrogates stand for: bad input bytes, or an escaped half of a pair."""
    return b"".join(
        bytes([ord(char) - 0xDC00]) if 0xDC80 <= ord(char) <= 0xDCFF else char.encode("utf-8", "surrogatepass")
        for char in text
    )


def _replaced(text: str, replacement: str | None) -> str:
    """Invalid UTF-8 replaced byte for byte (ACCEPTINVCHARS), or refused."""
    if replacement is not None:
        return _SURROGATE.sub(lambda match: replacement * len(_raw_bytes(match[0])), text)
    match = _SURROGATE.search(text)
    data = _raw_bytes(match[0]) if match else b""
    raise FieldError(errors.BAD_UTF8, errors.CODEPOINTS.format(data[:4].hex(" "), _utf8_error(data)))


def _utf8_error(data: bytes) -> int:
    """The guide's number for what is wrong with a byte sequence."""
    first = data[0]
    if first == 0xED and len(data) > 1 and data[1] >= 0xA0:
        return 5  # a surrogate
    if first < 0xC0 or first > 0xFD:
        return 3  # no byte that may begin a sequence
    if first > 0xF7:
        return 1  # more than four bytes
    return 2 if len(data) == 1 else 4  # cut short, or a bad byte follows


def _valid_utf8(value: Any) -> Any:
    text = compact(value)
    if _SURROGATE.search(text):
        _replaced(text, None)
    return value


def _integer(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    bits, kind = INTEGERS[column.type]

    def convert(text: str, is_number: bool) -> str:
        try:
            # A JSON number with an empty fraction, 12.0 or 1e3, is a whole number; the text '12.0' is not.
            number = _whole(text) if is_number else int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
        except ValueError:
            number = None
        if number is None:
            raise _invalid_digit(text, kind)
        if not -(1 << bits) <= number < 1 << bits:
            raise FieldError(errors.OUT_OF_RANGE, f"Overflow, Column type: {kind}")
        return str(number)

    return convert


def _whole(text: str) -> int | None:
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:  # its exponent has too many digits
        return None if "-" in text else 10**30
    if not -400 < number.adjusted() < 400:
        return 10**30 if number > 1 else None
    return int(number) if number == number.to_integral_value(context=_WIDE) else None


def _invalid_digit(text: str, kind: str) -> FieldError:
    match = re.match(r"[+-]?[0-9]*", text)
    place = min(match.end() if match else 0, len(text) - 1)
    return FieldError(
        errors.INVALID_DIGIT, f"Invalid digit, Value '{text[place]}', Pos {place}, Type: {kind}", position=place
    )


def _numeric(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    rounding = ROUND_HALF_UP if copy.has("ROUNDEC") else ROUND_DOWN
    unit = Decimal(1).scaleb(-column.scale)
    limit = Decimal(10) ** (column.size - column.scale)

    def convert(text: str, is_number: bool) -> str:
        if not _NUMBER.fullmatch(text):
            raise _invalid_digit(text, "Decimal")
        try:
            number = Decimal(text)
        except InvalidOperation:  # its exponent has too many digits
            raise _overflow(text) from None
        if number.adjusted() < -300:
            number = Decimal(0)
        if abs(number) >= limit * 10:
            raise _overflow(text)
        number = number.quantize(unit, rounding=rounding, context=_WIDE)
        if abs(number) >= limit:
            raise _overflow(text)
        return f"{number:f}"

    def _overflow(text: str) -> FieldError:
        return FieldError(errors.OUT_OF_RANGE, f"Numeric data overflow (result precision), Value '{text}'")

    return convert


def _floating(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    largest = 3.4028234663852886e38 if column.type == "float4" else 1.7976931348623157e308

    def convert(text: str, is_number: bool) -> str:
        if not _NUMBER.fullmatch(text):
            raise FieldError(errors.BAD_FLOAT, f"Invalid digit, Value '{text[0]}', Pos 0, Type: Double")
        if not math.isfinite(number := float(text)) or abs(number) > largest:
            raise FieldError(errors.OUT_OF_RANGE, "Overflow, Column type: Double")
        return repr(number) if column.type == "float8" else _float4(number)

    return convert


def _float4(number: float) -> str:
    return "0" if 0 < abs(number) < 1e-45 else repr(number)


def _boolean(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    def convert(text: str, is_number: bool) -> str:
        word = text.strip(BLANK).lower()
        if word not in TRUE and word not in FALSE:
            raise FieldError(errors.BAD_BOOLEAN, "Unknown boolean format")
        return "t" if word in TRUE else "f"

    return convert


def _moment(
    read: Callable[[str], str], code: int, reason: Callable[[str], str], any_date: bool
) -> Callable[[str, bool], str | None]:
    def convert(text: str, is_number: bool) -> str | None:
        try:
            return read(text)
        except (ValueError, OverflowError):
            if any_date:
                return None
            raise FieldError(code, reason(text)) from None

    return convert


def _date(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    shown = copy.dateformat or datetimes.DEFAULT_DATE

    def reason(text: str) -> str:
        if len(text) < 10 and shown == datetimes.DEFAULT_DATE:
            return "Invalid Date Format - length must be 10 or more"
        return f"Invalid date format or value [{shown}]"

    return _moment(datetimes.date_reader(copy.dateformat), errors.BAD_DATE, reason, copy.has("ACCEPTANYDATE"))


def _timestamp(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    zone = column.type == "timestamptz"
    shown = copy.timeformat or ("YYYY-MM-DD HH24:MI:SSOF" if zone else "YYYY-MM-DD HH24:MI:SS")
    read = datetimes.timestamp_reader(copy.timeformat, zone=zone)
    reason = f"Invalid timestamp format or value [{shown}]"
    return _moment(read, errors.BAD_TIMESTAMP, lambda text: reason, copy.has("ACCEPTANYDATE"))


def _time(column: Column, copy: Copy) -> Callable[[str, bool], str | None]:
    return _moment(datetimes.time_reader, errors.BAD_TIMESTAMP, lambda text: "Invalid time format or value", False)


_SCALARS: dict[str, Callable[[Column, Copy], Callable[[str, bool], str | None]]] = {
    **dict.fromkeys(INTEGERS, _integer),
    "numeric": _numeric,
    **dict.fromkeys(("float4", "float8"), _floating),
    "bool": _boolean,
    "date": _date,
    **dict.fromkeys(("timestamp", "timestamptz"), _timestamp),
    **dict.fromkeys(("time", "timetz"), _time),
}
