"""Each insight, from the warehouse and from plain Python, is the same."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime

import pytest
from made import made_star, random_star
from second import Second

from dwh import insights
from dwh.insights import export

RANGES = [
    {},
    {"since": date(2018, 11, 3)},
    {"until": date(2018, 11, 14)},
    {"since": date(2018, 11, 5), "until": date(2018, 11, 11)},
    {"since": date(2018, 11, 4), "until": date(2018, 11, 5)},
    {"since": date(2018, 11, 20)},
    {"since": date(2000, 1, 1), "until": date(2030, 1, 1)},
]


def same(value, other):
    if isinstance(value, float) or isinstance(other, float):
        return value is not None and other is not None and value == pytest.approx(other)
    return value == other


def differences(report, star, **options):
    second = Second(star, **options)
    for answer in report.answers:
        got, expected = answer.rows, second.rows(answer.question.name)
        if len(got) != len(expected):
            yield answer.question.name, got, expected
        for row, other in zip(got, expected, strict=False):
            if len(row) != len(other) or not all(map(same, row, other)):
                yield answer.question.name, row, other


@pytest.mark.parametrize(
    "options", RANGES, ids=lambda options: "-".join(f"{k}{v:%m%d}" for k, v in options.items()) or "all"
)
@pytest.mark.parametrize("limit", [10, 2, 100])
def test_the_made_star(database, options, limit):
    star = made_star()
    report = database.ask(star, limit=limit, **options)
    assert [answer.question.name for answer in report.answers] == [question.name for question in insights.questions()]
    assert list(differences(report, star, limit=limit, **options)) == []


@pytest.mark.parametrize("seed", range(12))
def test_stars_thrown_by_dice(database, seed):
    star = random_star(seed)
    assert list(differences(database.ask(star, limit=5), star, limit=5)) == []


@pytest.mark.parametrize("seed", range(12, 18))
def test_ranges_of_stars_thrown_by_dice(database, seed):
    star = random_star(seed)
    days = sorted(play.start_time.date() for play in star.plays)
    options = {"since": days[len(days) // 4], "until": days[3 * len(days) // 4]}
    assert list(differences(database.ask(star, **options), star, **options)) == []


def test_what_is_printed_is_what_was_computed(database):
    """CSV and JSON hold the same values, rounded to two decimals."""
    star = made_star()
    second = Second(star)
    for answer in database.ask(star).answers:
        expected = second.rows(answer.question.name)
        header, *lines = csv.reader(io.StringIO(export.to_csv(answer)))
        assert header == [column.name for column in answer.question.columns]
        assert lines == [[as_csv(value) for value in row] for row in expected]
        records = json.loads(export.to_json([answer]))[answer.question.name]
        assert [list(record) for record in records] == [header] * len(expected)
        assert [list(record.values()) for record in records] == [[as_json(value) for value in row] for row in expected]


def as_csv(value):
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")
    return str(value).lower() if isinstance(value, bool) else str(as_json(value))


def as_json(value):
    if isinstance(value, datetime):
        return value.isoformat("T", "milliseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 2) if isinstance(value, float) else value
