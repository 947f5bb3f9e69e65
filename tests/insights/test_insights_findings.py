"""Each rule speaks from its threshold on, and is silent below."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from dwh.insights import Report
from dwh.insights.findings import findings
from dwh.insights.window import Window

SURVEY = {"plays": 1000, "users": 50, "matched_plays": 1000}
DAY = date(2018, 1, 1)  # a Monday
WINDOW = Window.of(datetime(2018, 1, 1), datetime(2018, 3, 1))


def answer(name, rows, columns=()):
    question = SimpleNamespace(name=name, columns=columns)
    window = SimpleNamespace(first_day=DAY, full_days=[DAY + timedelta(days=n) for n in range(1, 60)])
    return SimpleNamespace(question=question, records=rows, raw=rows, rows=rows, window=window)


def said(answers, **survey):
    """The findings, by section, of a report that has these answers and no others."""
    report = Report(WINDOW, SURVEY | survey, tuple(answers))
    return [(finding.section, str(finding)) for finding in findings(report)]


def listeners(together):
    return [answer("top_listeners", [{"share_pct": 9.6, "cumulative_pct": together}] * 10)]


@pytest.mark.parametrize(("together", "users", "speaks"), [(40, 30, True), (39.9, 30, False), (90, 29, False)])
def test_concentration(together, users, speaks):
    expected = f"10 of {users} listeners make {together:.0f}% of the plays. The first alone makes 10%."
    assert said(listeners(together), users=users) == [("top_listeners", expected)] * speaks


@pytest.mark.parametrize(("plays", "speaks"), [(350, True), (349, False)])
def test_level(plays, speaks):
    rows = [{"level": "free", "users": 40, "plays": 1000 - plays}, {"level": "paid", "users": 10, "plays": plays}]
    expected = [("listening_by_level", "Paid listeners are 10 of 50 and make 35% of the plays.")]
    assert said([answer("listening_by_level", rows)]) == expected * speaks


def days(counts):
    """The answer to daily_activity; the first and the last day are partial."""
    rows = [
        {"date": DAY + timedelta(days=n), "plays": count, "partial_day": False} for n, count in enumerate(counts, 1)
    ]
    edges = [{"date": day, "plays": 999, "partial_day": True} for day in (DAY, DAY + timedelta(days=len(counts) + 1))]
    return answer("daily_activity", [edges[0], *rows, edges[1]])


TREND = "The last seven full days brought {} plays than the seven before ({} against {})."


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [(100, 110, TREND.format("10% more", 770, 700)), (100, 90, TREND.format("10% fewer", 630, 700)), (100, 109, None)],
)
def test_trend(before, last, expected):
    found = [text for _, text in said([days([before] * 7 + [last] * 7)]) if "seven" in text]
    assert found == ([expected] if expected else [])


def test_trend_needs_fourteen_full_days_and_counts_where_there_are_few():
    assert not [text for _, text in said([days([100] * 6 + [200] * 7)]) if "seven" in text]
    assert [text for _, text in said([days([1] * 7 + [2] * 7)]) if "seven" in text] == [TREND.format("more", 14, 7)]


@pytest.mark.parametrize(("weekend", "speaks"), [(74, True), (75, False), (133, False), (134, True)])
def test_weekend(weekend, speaks):
    counts = [weekend if (DAY + timedelta(days=n)).weekday() >= 5 else 100 for n in range(1, 15)]
    found = [text for _, text in said([days(counts)]) if "weekend" in text]
    change = "26% fewer" if weekend < 100 else "34% more"
    assert found == [f"A weekend day has {change} plays than a weekday: {weekend} against 100."] * speaks


def test_weekend_needs_two_whole_ones():
    counts = [1 if (DAY + timedelta(days=n)).weekday() >= 5 else 100 for n in range(1, 13)]  # ends on a Saturday
    assert not [text for _, text in said([days(counts)]) if "weekend" in text]


def hours(three, other=0):
    counts = [other] * 24
    counts[22:24], counts[0] = [three, three], three
    return [answer("plays_by_hour", [{"hour": n, "plays": count} for n, count in enumerate(counts)])]


@pytest.mark.parametrize(("three", "other", "speaks"), [(35, 20, True), (34, 20, False), (60, 15, False)])
def test_hours(three, other, speaks):
    """20 per cent of 500 plays or more, over midnight too."""
    found = [text for section, text in said(hours(three, other)) if "holds" in text]
    assert found == ["22:00 to 01:00 UTC holds 20% of the plays."] * speaks


def test_hours_that_share_the_peak_are_all_named():
    counts = [200 if n in (3, 12) else 10 for n in range(24)]
    rows = [{"hour": n, "plays": count} for n, count in enumerate(counts)]
    text = said([answer("plays_by_hour", rows)])[0][1]
    assert text.startswith("01:00 to 04:00, 02:00 to 05:00")
    assert "each hold" in text


TITLE = (SimpleNamespace(name="title", kind="text", heading="title"),)


def songs(first, second, listeners=5):
    rows = [{"title": "T", "plays": first, "listeners": listeners}, {"title": "U", "plays": second, "listeners": 9}]
    return [answer("songs_heard", rows, TITLE)]


@pytest.mark.parametrize(
    ("first", "second", "listeners", "speaks"),
    [(55, 50, 5, True), (54, 50, 5, False), (109, 100, 5, False), (110, 100, 5, True), (55, 50, 4, False)],
)
def test_the_song_most_heard(first, second, listeners, speaks):
    expected = [("songs_heard", f"Most heard: T, with {first} plays by {listeners} listeners.")]
    assert said(songs(first, second, listeners)) == expected * speaks


@pytest.mark.parametrize(
    ("up", "down", "expected"),
    [(0, 0, None), (1, 0, "1 change from free to paid, 0 back"), (8, 1, "8 changes from free to paid, 1 back")],
)
def test_changes(up, down, expected):
    found = said([answer("level_changes", [{"upgrades": up, "downgrades": down}])])
    assert found == ([("level_changes", f"{expected}, as far as plays show.")] if expected else [])


@pytest.mark.parametrize(("size", "speaks"), [(20, True), (19, False)])
def test_return(size, speaks):
    second = DAY + timedelta(weeks=1)
    rows = [(DAY, 1, 90, 9, 10.0), (second, 1, size, 7, 35.0)]
    expected = [
        ("weekly_retention", f"7 of the {size} listeners new in the week of 8 January came back the week after.")
    ]
    assert said([answer("weekly_retention", rows)]) == expected * speaks


@pytest.mark.parametrize(("matched", "speaks"), [(499, True), (500, False), (0, True)])
def test_the_caveat(matched, speaks):
    found = said([answer("top_songs", [{}])], matched_plays=matched)
    known = f"{matched} plays" if matched else "no play"
    expected = f"The catalogue knows the song of {known} in 1,000: rankings by catalogue say little; "
    assert found == [("top_songs", expected + "see songs_heard and artists_heard.")] * speaks


def test_five_at_most_and_the_caveat_is_the_last():
    weekend = [200 if (DAY + timedelta(days=n)).weekday() >= 5 else 100 for n in range(1, 8)]
    many = [*listeners(62), days([*weekend, *(2 * n for n in weekend)]), *hours(200, 10), *songs(99, 1)]
    found = said([*many, answer("top_songs", [{}])], matched_plays=1)
    assert [section for section, _ in found] == [
        "top_listeners",
        "daily_activity",
        "daily_activity",
        "plays_by_hour",
        "top_songs",
    ]


def test_plain_facts_fill_up_to_three_and_ties_are_said():
    facts = [days([5, 7]), answer("plays_by_hour", [{"hour": 3, "plays": 4}, {"hour": 4, "plays": 4}])]
    found = [text for _, text in said([*facts, answer("coverage", [{}])])]
    assert found[1:] == ["2 hours share the peak, with 4 plays each.", "20.0 plays a listener: 1,000 by 50."]
