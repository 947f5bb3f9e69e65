"""The range of time that the insights look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Window:
    """The days that are looked at, within the days that the warehouse holds. All days are UTC.

    Args:
        since: the first day looked at.
        until: the last day looked at.
        first_day: the day of the first play in the warehouse.
        last_day: the day of the last one. Of these two days only a part was
            observed, so that averages leave them out.
    """

    since: date
    until: date
    first_day: date
    last_day: date

    @classmethod
    def of(cls, first: datetime, last: datetime, since: date | None = None, until: date | None = None) -> Window:
        """The window of a request, cut to what the warehouse holds."""
        return cls(
            since=max(since or first.date(), first.date()),
            until=min(until or last.date(), last.date()),
            first_day=first.date(),
            last_day=last.date(),
        )

    @property
    def days(self) -> list[date]:
        """Every day of the window."""
        return [self.since + n * DAY for n in range((self.until - self.since).days + 1)]

    @property
    def full_days(self) -> list[date]:
        """The days that were observed from midnight to midnight."""
        return [day for day in self.days if not self.is_partial(day)]

    @property
    def partial_days(self) -> list[date]:
        """The days that were observed in part."""
        return [day for day in self.days if self.is_partial(day)]

    @property
    def weeks(self) -> list[date]:
        """The Monday of every week that the window touches."""
        first, last = monday(self.since), monday(self.until)
        return [first + n * WEEK for n in range((last - first).days // 7 + 1)]

    @property
    def months(self) -> list[date]:
        """The first of every month that the window touches."""
        return sorted({day.replace(day=1) for day in self.days})

    def is_partial(self, day: date) -> bool:
        """Whether only a part of a day was observed."""
        return day in (self.first_day, self.last_day)

    def parameters(self, limit: int) -> Mapping[str, Any]:
        """The parameters of the statements."""
        return {
            "since": _midnight(self.since),
            "until": _midnight(self.until + DAY),
            "full_since": _midnight(max(self.since, self.first_day + DAY)),
            "full_until": _midnight(min(self.until + DAY, self.last_day)),
            "limit": limit,
        }


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - day.weekday() * DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
