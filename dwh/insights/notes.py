"""What a reader must know to read an insight right: its footnotes, and the line about the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dwh.console import plural
from dwh.insights.catalogue import Insight
from dwh.insights.window import WEEK, Window, monday

Survey = Mapping[str, Any]
Records = Sequence[Mapping[str, Any]]


def write(insight: Insight, raw: Records, rows: Records, window: Window, survey: Survey) -> tuple[str, ...]:
    """The footnotes of an insight, a sentence each.

    Args:
        insight: what was asked.
        raw: what its statement returned.
        rows: the rows of the answer.
        window: the range of time.
        survey: the row of ``coverage`` for the same range; empty for coverage itself.
    """
    return tuple(_notes(insight, raw, rows, window, survey))


def reach(survey: Survey) -> str:
    """From when to when: ``2018-11-01 21:01 to 2018-11-30 19:54 UTC``."""
    return f"{survey['first_play']:%Y-%m-%d %H:%M} to {survey['last_play']:%Y-%m-%d %H:%M} UTC"


def volume(survey: Survey) -> str:
    """How much: plays, listeners and sessions."""
    return " · ".join(
        plural(survey[key], word) for key, word in (("plays", "play"), ("users", "listener"), ("sessions", "session"))
    )


def match(survey: Survey) -> str:
    """How many of the plays have a known song."""
    matched = f"{survey['matched_plays']:,} of {plural(survey['plays'], 'play')}"
    return f"{matched} matched to a song ({percent(survey['match_pct'])})"


def percent(value: float) -> str:
    """One decimal; a share too small for it is not shown as nothing, nor one just short of all as all."""
    if 0 < value < 0.05:
        return "<0.1%"
    return ">99.9%" if 99.95 <= value < 100 else f"{value:.1f}%"


def _notes(insight: Insight, raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    if insight.things and len(raw):
        yield from _ranking(insight, raw)
    if insight.name in NOTES:
        yield from NOTES[insight.name](raw, rows, window, survey)
    left_out = survey.get("plays", 0) - survey.get("matched_plays", 0)
    if insight.matched_only and left_out:
        yield f"Left out: {left_out:,} of {plural(survey['plays'], 'play')}, with no known song."


def _ranking(insight: Insight, raw: Records) -> Iterator[str]:
    """How many were cut off, and whether the cut went through a tie."""
    shown, found, last = len(raw), raw[0]["found"], raw[-1]
    tied = last["tied"] - sum(row["plays"] == last["plays"] for row in raw)
    if found > shown:
        more = f"; {tied:,} more with the same count as the last" if tied else ""
        yield f"{shown:,} of {found:,} {insight.things}{more}."


def _songs_by_decade(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    for row in raw:
        if row["decade"] is None:
            yield f"Left out: {plural(row['songs'], 'song')} of unknown year ({plural(row['plays'], 'play')})."


def _plays_by_hour(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield f"A day: averaged over the {plural(len(window.days), 'day')} of the range."


def _weekday_hour(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    if window.partial_days:
        yield f"Averages leave out {_days(window)}, observed in part."


def _daily_activity(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    if window.partial_days:
        yield f"Observed in part: {_days(window)}."


def _plays_by_level(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield "Level: at the time of the play. A user who changes within a day counts in both."


def _listening_by_level(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    both = sum(row["users"] for row in rows) - survey["users"]
    yield "Level: at the time of the play."
    if both:
        yield (
            f"{plural(both, 'user')} counted twice, once a level." if len(rows) == 2 else "A user counts in each level."
        )


def _level_changes(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    up, down = (sum(row[name] for row in rows) for name in ("upgrades", "downgrades"))
    yield f"{plural(up, 'upgrade')}, {plural(down, 'downgrade')} in all."
    yield "A change shows only when a play follows it: a lower bound."


def _top_listeners(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield f"Together they make {percent(rows[-1]['cumulative_pct'])} of all plays. Level: today's."


def _sessions(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield "Level: at the start of the session. Minutes: from first to last play, a lower bound."


def _platforms(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield "A user of several platforms counts in each."


def _stickiness(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    yield "Stickiness: average daily users (of the full days) over monthly users."
    if not all(row["full_month"] for row in rows):
        yield "It can be compared between months that were observed in full."


def _weekly_retention(raw: Records, rows: Records, window: Window, survey: Survey) -> Iterator[str]:
    if window.weeks[0] == monday(window.first_day):
        yield "The first cohort holds everybody who was there before: its true first week is not known."
    last = window.weeks[-1]
    seen = sum(last <= day < last + WEEK for day in window.full_days)
    if seen < 7:
        yield f"The week from {last} was observed on {plural(seen, 'full day')} of 7: its shares are lower bounds."


def _days(window: Window) -> str:
    return " and ".join(f"{day}" for day in window.partial_days)


NOTES: dict[str, Callable[[Records, Records, Window, Survey], Iterator[str]]] = {
    "songs_by_decade": _songs_by_decade,
    "plays_by_hour": _plays_by_hour,
    "weekday_hour": _weekday_hour,
    "daily_activity": _daily_activity,
    "plays_by_level": _plays_by_level,
    "listening_by_level": _listening_by_level,
    "level_changes": _level_changes,
    "top_listeners": _top_listeners,
    "sessions": _sessions,
    "platforms": _platforms,
    "stickiness": _stickiness,
    "weekly_retention": _weekly_retention,
}
