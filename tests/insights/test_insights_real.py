"""The figures of the public data: November 2018."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from second import Second
from star import read_sparkify

from dwh.insights.findings import findings


@pytest.fixture(scope="module")
def star(sparkify_data):
    return read_sparkify(sparkify_data)


@pytest.fixture(scope="module")
def report(database, star):
    return database.ask(star)


@pytest.fixture(scope="module")
def real(report):
    return {answer.question.name: answer.records for answer in report.answers}


def test_each_twice(database, star, real):
    from test_insights_twice import differences

    assert list(differences(database.ask(star), star)) == []


def test_coverage(real):
    (row,) = real["coverage"]
    assert (
        f"{row['first_play']:%Y-%m-%d %H:%M} {row['last_play']:%Y-%m-%d %H:%M}" == "2018-11-01 21:01 2018-11-30 19:54"
    )
    assert (row["plays"], row["matched_plays"], row["users"], row["sessions"]) == (6820, 1, 96, 776)
    assert (row["songs_played"], row["full_days"]) == (1, 28)


def test_heard(real):
    song, *_ = real["songs_heard"]
    assert (song["title"], song["artist"], song["plays"], song["known"]) == (
        "You're The One",
        "Dwight Yoakam",
        37,
        False,
    )
    first = [(row["artist"], row["plays"]) for row in real["artists_heard"][:3]]
    assert first == [("Coldplay", 58), ("Kings Of Leon", 55), ("Dwight Yoakam", 38)]


def test_findings(report):
    assert [str(finding) for finding in findings(report)] == [
        "10 of 96 listeners make 62% of the plays. The first alone makes 10%.",
        "Paid listeners are 22 of 96 and make 82% of the plays.",
        "A weekend day has 53% fewer plays than a weekday: 128 against 273.",
        "16:00 to 19:00 UTC holds 22% of the plays.",
        "The catalogue knows the song of 1 play in 6,820: rankings by catalogue say little; "
        "see songs_heard and artists_heard.",
    ]


def test_the_figures_of_the_guide(database, report):
    """Its three worked questions, as they are pasted into a client."""
    guide = (Path(__file__).parents[2] / "dwh/insights/README.md").read_text(encoding="utf-8")
    first, second, third = re.findall(r"```sql\n(SELECT.*?);\n```", guide, re.DOTALL)
    with closing(database.connect()) as conn, conn.cursor() as cur:
        cur.execute(first)
        assert cur.fetchall() == [("once", 4570, 4570), ("2 to 9 times", 705, 1928), ("10 times or more", 20, 322)]
        cur.execute(second)
        assert [row[:2] for row in cur.fetchall()] == [("free", 20), ("paid", 5)]
        cur.execute(third)
        assert [round(row[2]) for row in cur.fetchall()] == [98, 90]


def test_songs_and_artists(real):
    (song,) = real["top_songs"]
    assert (song["title"], song["artist"], song["plays"], song["listeners"]) == ("Setanta matins", "Elena", 1, 1)
    assert [row["artist"] for row in real["top_artists"]] == ["Elena"]
    assert sum(row["songs"] for row in real["songs_by_decade"]) == 71 - 43


def test_hours_and_days(real):
    by_hour = {row["hour"]: row["plays"] for row in real["plays_by_hour"]}
    assert max(by_hour, key=by_hour.get) == 16
    assert (by_hour[16], by_hour[3], min(by_hour.values())) == (542, 109, 109)
    by_weekday = {}
    for row in real["weekday_hour"]:
        by_weekday[row["weekday"]] = by_weekday.get(row["weekday"], 0) + row["plays"]
    assert list(by_weekday.values()) == [1014, 1071, 1364, 1052, 1295, 628, 396]
    by_day = {row["date"]: row["plays"] for row in real["daily_activity"]}
    assert max(by_day, key=by_day.get) == date(2018, 11, 15)
    assert by_day[date(2018, 11, 15)] == 479
    assert [row["date"].day for row in real["daily_activity"] if row["partial_day"]] == [1, 30]


def test_levels(real):
    levels = {row["level"]: row for row in real["listening_by_level"]}
    assert {level: (row["plays"], row["users"]) for level, row in levels.items()} == {
        "free": (1229, 82),
        "paid": (5591, 22),
    }
    assert round(levels["paid"]["plays_per_user"]) == 254
    assert round(levels["free"]["plays_per_user"]) == 15
    assert sum(row["plays"] for row in real["plays_by_level"] if row["level"] == "paid") == 5591
    assert sum(row["upgrades"] for row in real["level_changes"]) == 8
    assert sum(row["downgrades"] for row in real["level_changes"]) == 1


def test_listeners_and_places(real):
    assert sum(row["sessions"] for row in real["sessions"]) == 776
    assert round(real["top_listeners"][-1]["cumulative_pct"]) == 62
    assert len(real["top_listeners"]) == 10
    top = [(row["location"].split("-")[0], row["users"], row["plays"]) for row in real["top_locations"][:4]]
    assert top == [("New York", 10, 262), ("Houston", 4, 66), ("Chicago", 3, 475), ("Atlanta", 3, 456)]


def test_months_and_weeks(real, star):
    (month,) = real["stickiness"]
    assert (month["month"], month["mau"], month["days_observed"], month["full_month"]) == (
        date(2018, 11, 1),
        96,
        28,
        False,
    )
    sizes = {row["cohort"]: row["cohort_size"] for row in real["weekly_retention"]}
    assert sum(sizes.values()) == 96
    assert len(sizes) == 5
    assert len(Second(star).rows("weekly_retention")) == 25
