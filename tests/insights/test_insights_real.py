"""The figures of the public data: November 2018."""

from __future__ import annotations

from datetime import date

import pytest
from second import Second
from star import read_sparkify


@pytest.fixture(scope="module")
def star(sparkify_data):
    return read_sparkify(sparkify_data)


@pytest.fixture(scope="module")
def real(database, star):
    report = database.ask(star)
    return {answer.insight.name: answer.records for answer in report.answers}


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
    top = [(row["location"].split("-")[0].split(",")[0], row["plays"]) for row in real["top_locations"][:5]]
    assert top == [("San Francisco", 691), ("Portland", 665), ("Lansing", 557), ("Chicago", 475), ("Atlanta", 456)]
    assert real["top_locations"][1]["location"].endswith("ME")


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
