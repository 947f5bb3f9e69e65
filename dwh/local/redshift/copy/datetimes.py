"""Dates and times as COPY reads them: TIMEFORMAT, DATEFORMAT, 'auto' and the epochs.

A reader takes the text of a value and gives ISO text for PostgreSQL; it raises ``ValueError`` for a value
that does not fit. Values are UTC unless they say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from dwh.local.redshift.errors import RedshiftError

Reader = Callable[[str], str]

DEFAULT_DATE = "YYYY-MM-DD"
DEFAULT_TIMESTAMP = "YYYY-MM-DD HH:MI:SS"
DEFAULT_TIMESTAMPTZ = "YYYY-MM-DD HH:MI:SSOF"
EPOCHS = {"epochsecs": 1_000_000, "epochmillisecs": 1_000}
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
# Hours from UTC: Eastern, Central, Mountain and Pacific time, in winter and in summer.
ZONES = dict.fromkeys(("utc", "gmt", "z"), 0) | {
    f"{zone}{season}t": hours - place for place, zone in enumerate("ecmp") for season, hours in (("s", -5), ("d", -4))
}

# The parts of a format, longest first, and what each reads. HH is the 24-hour clock here, unlike in TO_CHAR;
# SS takes up to six digits of a fraction.
_PARTS = (
    ("YYYY", r"(?P<year>\d{4})"),
    ("YY", r"(?P<year2>\d{2})"),
    ("MONTH", r"(?P<month_name>[A-Za-z]{3,9})"),
    ("MON", r"(?P<month_name>[A-Za-z]{3,9})"),
    ("MM", r"(?P<month>\d{1,2})"),
    ("DD", r"(?P<day>\d{1,2})"),
    ("HH24", r"(?P<hour>\d{1,2})"),
    ("HH12", r"(?P<hour12>\d{1,2})"),
    ("HH", r"(?P<hour>\d{1,2})"),
    ("MI", r"(?P<minute>\d{1,2})"),
    ("SS", r"(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,6}))?"),
    ("AM", r"(?P<meridian>[AaPp][Mm])"),
    ("PM", r"(?P<meridian>[AaPp][Mm])"),
    ("OF", r"(?P<zone>[+-]\d{1,2}(?::?\d{2})?)"),
    ("TZ", r"(?P<zone>[A-Za-z]+|[+-]\d{1,2}(?::?\d{2})?)"),
)


@lru_cache
def format_pattern(text: str) -> re.Pattern[str]:
    """The pattern of a TIMEFORMAT or DATEFORMAT."""
    pattern, place = "", 0
    while place < len(text):
        for part, regex in _PARTS:
            if text[place : place + len(part)].upper() == part:
                pattern += regex
                place += len(part)
                break
        else:
            pattern += re.escape(text[place])
            place += 1
    try:
        return re.compile(pattern)
    except re.error:
        raise RedshiftError(f"Invalid date or time format '{text}': a part stands in it twice", "22023") from None


_MONTH = rf"(?P<month_name>{'|'.join(MONTHS)})[a-z]*"
_YEAR = r"(?:(?P<year>\d{4})|(?P<year2>\d{2}))"
_SECOND = r"(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6})\d*)?)?"
_CLOCK = rf"(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}}){_SECOND}(?:\s*(?P<meridian>AM|PM))?"
_ZONE = r"(?:\s*(?P<zone>Z|[A-Z]{3,4}|[+-]\d{1,2}(?::?\d{2})?))?"
_COMPACT_CLOCK = r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?"
_TIME = rf"(?:[T\s]\s*{_CLOCK}{_ZONE})?"
_ERA = r"(?:\s+(?P<era>BC|AD))?"

# What 'auto' recognizes: the formats that the guide lists under "Using automatic recognition".
_AUTO = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<year>\d{{4}})(?P<mark>[-/])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_TIME}{_ERA}",
        rf"(?P<month>\d{{1,2}})(?P<mark>[-.])(?P<day>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}){_TIME}{_ERA}",
        rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/{_YEAR}{_TIME}{_ERA}",
        rf"{_MONTH}[\s-](?P<day>\d{{1,2}}),?[\s-]{_YEAR}{_TIME}{_ERA}",
        rf"(?P<day>\d{{1,2}})[\s-]{_MONTH}[\s-]{_YEAR}{_TIME}{_ERA}",
        rf"(?P<year>\d{{4}})[\s-]{_MONTH}[\s-](?P<day>\d{{1,2}}){_TIME}{_ERA}",
        rf"(?P<day>\d{{1,2}})\s{_MONTH}\s{_CLOCK}\s(?P<year>\d{{4}}){_ZONE}",
        rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s)?{_MONTH}\s(?P<day>\d{{1,2}})\s{_CLOCK}\s(?P<year>\d{{4}}){_ZONE}",
        rf"{_YEAR}(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[T\s]{_COMPACT_CLOCK}{_ZONE})?",
        r"(?P<year>\d{4})\.(?P<yearday>\d{3})",
        rf"J(?P<julian>\d{{1,7}}){_TIME}",
    )
)


def date_reader(dateformat: str) -> Reader:
    """The reader of DATE columns; any time of day in a value is left out."""
    if dateformat == "auto":
        return lambda text: _iso(_recognize(text), clock=False, zone=False)
    pattern = format_pattern(dateformat or DEFAULT_DATE)

    def read(text: str) -> str:
        # "If the format has no time, it is ignored" (guide, DATEFORMAT): the value may go on after the date.
        match = pattern.match(text)
        if match is None or (match.end() < len(text) and text[match.end()] not in " T"):
            raise ValueError(text)
        return _iso(match, clock=False, zone=False)

    return read


def timestamp_reader(timeformat: str, *, zone: bool) -> Reader:
    """The reader of TIMESTAMP columns, or with ``zone`` of TIMESTAMPTZ."""
    if timeformat == "auto":
        return lambda text: _iso(_recognize(text), clock=True, zone=zone)
    if timeformat in EPOCHS:
        unit = EPOCHS[timeformat]
        return lambda text: _epoch(text, unit, zone=zone)
    patterns = [format_pattern(timeformat or DEFAULT_TIMESTAMP)]
    if zone and not timeformat:
        patterns.insert(0, format_pattern(DEFAULT_TIMESTAMPTZ))

    def read(text: str) -> str:
        for pattern in patterns:
            if match := pattern.fullmatch(text):
                return _iso(match, clock=True, zone=zone)
        raise ValueError(text)

    return read


def time_reader(text: str) -> str:
    """The reader of TIME and TIMETZ columns."""
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?([+-]\d\d(:?\d\d)?)?", text):
        raise ValueError(text)
    return text


def _recognize(text: str) -> re.Match[str]:
    for pattern in _AUTO:
        if match := pattern.fullmatch(text):
            return match
    raise ValueError(text)


def _epoch(text: str, unit: int, *, zone: bool) -> str:
    match = re.fullmatch(r"(-?\d+)(?:\.(\d*))?", text)
    if match is None:
        raise ValueError(text)
    fraction = ((match[2] or "") + "000000")[:6]
    micros = int(match[1]) * unit + (int(fraction) * unit // 1_000_000) * (-1 if text[0] == "-" else 1)
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=micros)
    except OverflowError:
        raise ValueError(text) from None
    return moment.isoformat(" ") + ("+00" if zone else "")


def _iso(match: re.Match[str], *, clock: bool, zone: bool) -> str:
    """The parts that a pattern read, as one valid ISO date or timestamp."""
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    day = _day(parts)
    era = " BC" if parts.get("era", "").upper() == "BC" else ""
    if not clock:
        return f"{day.isoformat()}{era}"
    moment = datetime(
        day.year,
        day.month,
        day.day,
        _hour(parts),
        int(parts.get("minute", 0)),
        int(parts.get("second", 0)),
        int(parts.get("fraction", "0").ljust(6, "0")),
    )
    offset = _offset(parts.get("zone", ""))
    if zone:
        return f"{moment.replace(tzinfo=timezone(offset)).astimezone(UTC).replace(tzinfo=None).isoformat(' ')}+00{era}"
    return f"{moment.isoformat(' ')}{era}"


def _day(parts: dict[str, str]) -> date:
    if "julian" in parts:
        # Day 1,721,426 of the Julian count is 0001-01-01.
        return date.fromordinal(int(parts["julian"]) - 1_721_425)
    year = int(parts["year"]) if "year" in parts else _century(int(parts.get("year2", 70)), parts.get("era") or "")
    if "yearday" in parts:
        day = date(year, 1, 1) + timedelta(days=int(parts["yearday"]) - 1)
        if day.year != year or parts["yearday"] == "000":
            raise ValueError(parts["yearday"])
        return day
    month = MONTHS[parts["month_name"][:3].lower()] if "month_name" in parts else int(parts.get("month", 1))
    return date(year, month, int(parts.get("day", 1)))


def _century(year: int, era: str) -> int:
    """Two digits: 70 to 99 are 1970 to 1999, the rest 2000 to 2069, as in PostgreSQL; before Christ, themselves."""
    if era.upper() == "BC":
        return year
    return year + (1900 if year >= 70 else 2000)


def _hour(parts: dict[str, str]) -> int:
    hour = int(parts.get("hour12", parts.get("hour", 0)))
    meridian = parts.get("meridian", "").upper()
    if not meridian:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if meridian == "PM" else 0)


def _offset(text: str) -> timedelta:
    if not text:
        return timedelta()
    if text[0] in "+-":
        digits = text[1:].replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        return (timedelta(hours=hours, minutes=minutes)) * (-1 if text[0] == "-" else 1)
    if text.lower() not in ZONES:
        raise ValueError(text)
    return timedelta(hours=ZONES[text.lower()])
