"""What the figures say, in a few computed sentences: each rule speaks from a threshold on, and is silent below.

No cause, no forecast, no adjective. A finding belongs to the section of a question, and is only said where that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwh.console import plural
from dwh.insights import words
from dwh.insights.shapes import cohorts, ranking

if TYPE_CHECKING:
    from dwh.insights import Report
    from dwh.insights.answer import Record

MOST, LEAST = 5, 3
FEW = 20  # of fewer than these a count is said, not a share
CATALOGUE = ("top_songs", "top_artists", "songs_by_decade")


@dataclass(frozen=True)
class Finding:
    """A sentence.

    Args:
        section: the name of the question that it is about.
        strong: its beginning, which has the figure.
        rest: what follows.
    """

    section: str
    strong: str
    rest: str = ""

    def __str__(self) -> str:
        """The whole sentence."""
        return f"{self.strong}{self.rest}"


def findings(report: Report) -> list[Finding]:
    """Three to five findings; fewer where the questions for them were not asked. The caveat is last."""
    caveats = list(_caveat(report))
    said = [finding for rule in RULES for finding in rule(report)][: MOST - len(caveats)]
    for rule in PLAIN_FACTS if len(said) + len(caveats) < LEAST else ():
        said += list(rule(report))[: LEAST - len(said) - len(caveats)]
    return said + caveats


def _records(report: Report, name: str) -> Sequence[Record]:
    answer = report.answer(name)
    return answer.records if answer else ()


def _share(part: float, whole: float) -> str:
    return f"{part:,} of {whole:,}" if whole < FEW else f"{100 * part / whole:.0f}%"


def _concentration(report: Report) -> Iterator[Finding]:
    answer = report.answer("top_listeners")
    first = answer.raw[:10] if answer else ()
    if report.survey["users"] < 30 or len(first) < 10 or first[-1]["cumulative_pct"] < 40:
        return
    share = f"10 of {report.survey['users']:,} listeners make {first[-1]['cumulative_pct']:.0f}% of the plays."
    yield Finding("top_listeners", share, f" The first alone makes {first[0]['share_pct']:.0f}%.")


def _level(report: Report) -> Iterator[Finding]:
    """The level that has more of the plays than of the listeners."""
    listeners, plays = report.survey["users"], report.survey["plays"]
    for row in _records(report, "listening_by_level"):
        if 100 * row["plays"] / plays - 100 * row["users"] / listeners >= 15:
            who = f"{row['level'].capitalize()} listeners are {row['users']:,} of {listeners:,}"
            yield Finding("listening_by_level", f"{who} and make {_share(row['plays'], plays)} of the plays.")
            return


def _full_days(report: Report) -> list[Record]:
    return [row for row in _records(report, "daily_activity") if not row["partial_day"]]


def _trend(report: Report) -> Iterator[Finding]:
    days = [row["plays"] for row in _full_days(report)]
    before, last = sum(days[-14:-7]), sum(days[-7:])
    if len(days) < 14 or not before or abs(last - before) < before / 10:
        return
    yield Finding(
        "daily_activity",
        f"The last seven full days brought {_change(last, before, before)} plays than the seven before",
        f" ({last:,} against {before:,}).",
    )


def _weekend(report: Report) -> Iterator[Finding]:
    days = {row["date"]: row["plays"] for row in _full_days(report)}
    weekend = [plays for day, plays in days.items() if day.weekday() >= 5]
    workdays = [plays for day, plays in days.items() if day.weekday() < 5]
    whole = sum(day.weekday() == 5 and any((other - day).days == 1 for other in days) for day in days)
    if whole < 2 or len(workdays) < 10 or not sum(workdays):
        return
    one, other = sum(weekend) / len(weekend), sum(workdays) / len(workdays)
    if 0.75 <= one / other <= 1.33:
        return
    yield Finding(
        "daily_activity",
        f"A weekend day has {_change(one, other, sum(workdays))} plays than a weekday",
        f": {one:,.0f} against {other:,.0f}." if min(one, other) >= FEW else f": {one:,.1f} against {other:,.1f}.",
    )


def _change(value: float, base: float, plays: int) -> str:
    much = f"{abs(100 * (value - base) / base):.0f}% " if plays >= FEW else ""
    return f"{much}{'more' if value > base else 'fewer'}"


def _hour(report: Report) -> Iterator[Finding]:
    hours = [row["plays"] for row in _records(report, "plays_by_hour")]
    if not hours or sum(hours) < 500:
        return
    spans = [sum(hours[(start + n) % 24] for n in range(3)) for start in range(24)]
    if max(spans) < sum(hours) / 5:
        return
    peaks = [f"{n:02}:00 to {(n + 3) % 24:02}:00" for n, plays in enumerate(spans) if plays == max(spans)]
    holds = "holds" if len(peaks) == 1 else "each hold"
    yield Finding("plays_by_hour", f"{words.listed(peaks)} UTC {holds} {_share(max(spans), sum(hours))} of the plays.")


def _heard(report: Report) -> Iterator[Finding]:
    for name, what in (("songs_heard", "Most heard"), ("artists_heard", "Most heard artist")):
        answer = report.answer(name)
        if answer is None:
            continue
        first, second = [*answer.raw[:2], {"plays": 0}][:2]
        lead = first["plays"] - second["plays"]
        if lead >= max(5, second["plays"] / 10) and first["listeners"] >= 5:
            who = ranking.label(answer, answer.records[0])
            by = f"{first['plays']:,} plays by {first['listeners']:,} listeners."
            yield Finding(name, f"{what}: {who}", f", with {by}")


def _changes(report: Report) -> Iterator[Finding]:
    rows = _records(report, "level_changes")
    up, down = (sum(row[name] for row in rows) for name in ("upgrades", "downgrades"))
    if up or down:
        said = f"{plural(up, 'change')} from free to paid, {down:,} back"
        yield Finding("level_changes", said, ", as far as plays show.")


def _return(report: Report) -> Iterator[Finding]:
    answer = report.answer("weekly_retention")
    found = cohorts.returned(answer) if answer else None
    if found and found[1] >= cohorts.FEW:
        said = f"{found[2]:,} of the {found[1]:,} listeners new in the week of {words.day(found[0])}"
        yield Finding("weekly_retention", said, " came back the week after.")


def _caveat(report: Report) -> Iterator[Finding]:
    matched, plays = report.survey["matched_plays"], report.survey["plays"]
    section = next((a.question.name for a in report.answers if a.question.name in CATALOGUE), None)
    if section and 2 * matched < plays:
        known = plural(matched, "play") if matched else "no play"
        said = f"The catalogue knows the song of {known} in {plays:,}"
        yield Finding(section, said, ": rankings by catalogue say little; see songs_heard and artists_heard.")


# --- Plain facts, where fewer rules hold ---


def _busiest_day(report: Report) -> Iterator[Finding]:
    yield from _peak(report, "daily_activity", "day", lambda row: f"{words.day(row['date'])}")


def _busiest_hour(report: Report) -> Iterator[Finding]:
    yield from _peak(report, "plays_by_hour", "hour", lambda row: f"{row['hour']:02}:00 UTC")


def _peak(report: Report, name: str, what: str, say: Callable[[Record], str]) -> Iterator[Finding]:
    rows = _records(report, name)
    most = max((row["plays"] for row in rows), default=0)
    peaks = [say(row) for row in rows if row["plays"] == most]
    if len(peaks) == 1:
        yield Finding(name, f"The busiest {what}: {peaks[0]}", f", with {plural(most, 'play')}.")
    elif most:
        each = f", with {plural(most, 'play')} each."
        yield Finding(name, f"{len(peaks):,} {what}s share the peak", each)


def _plays_a_listener(report: Report) -> Iterator[Finding]:
    if report.answer("coverage"):
        plays, users = report.survey["plays"], report.survey["users"]
        yield Finding("coverage", f"{plays / users:,.1f} plays a listener", f": {plays:,} by {users:,}.")


RULES = (_concentration, _level, _trend, _weekend, _hour, _heard, _changes, _return)
PLAIN_FACTS = (_busiest_day, _busiest_hour, _plays_a_listener)
