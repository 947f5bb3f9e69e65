"""The guide's examples give what the guide says, or are refused by name."""

from __future__ import annotations

from datetime import date, datetime

import psycopg2
import pytest
from guide_examples import AGGREGATES, EXAMPLES, GUIDE, ROW, ROWS, VALUES, WINDOWS, Refused


def cases(pages):
    return [
        pytest.param(expression, result, id=f"{GUIDE}{page}: {expression}")
        for page, examples in pages.items()
        for expression, result in examples
    ]


@pytest.fixture(scope="module")
def tables(plain_sql):
    plain_sql.run(f"{ROW}; {ROWS}; {VALUES}")
    yield plain_sql
    plain_sql.run("DROP TABLE ticket; DROP TABLE numbers; DROP TABLE ranked")


def check(found, result):
    if isinstance(result, float):
        assert isinstance(found, float)
        assert found == pytest.approx(result, rel=1e-11)
    elif isinstance(result, str):
        assert str(found) == result
        assert isinstance(found, str | date | datetime)
    else:
        assert found == result
        assert isinstance(found, bool) == isinstance(result, bool)
        assert not isinstance(found, float)


def refused(tables, sql, result):
    with pytest.raises(psycopg2.Error) as caught:
        tables.run(sql)
    assert result.text in str(caught.value)


@pytest.mark.parametrize(("expression", "result"), cases(EXAMPLES))
def test_an_example_of_the_guide(tables, expression, result):
    if isinstance(result, Refused):
        refused(tables, f"SELECT {expression} FROM ticket", result)
    else:
        check(tables.one(f"SELECT {expression} FROM ticket"), result)


@pytest.mark.parametrize(("expression", "result"), cases(AGGREGATES))
def test_an_aggregate_of_the_guide(tables, expression, result):
    check(tables.one(f"SELECT {expression} FROM numbers"), result)


@pytest.mark.parametrize(("expression", "result"), cases(WINDOWS))
def test_a_window_function_of_the_guide(tables, expression, result):
    sql = f"SELECT {expression} FROM ranked ORDER BY v"
    if isinstance(result, Refused):
        refused(tables, sql, result)
    else:
        assert [value for (value,) in tables.run(sql)] == result
