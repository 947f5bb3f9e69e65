"""The guide's examples give what the guide says, or are refused by name."""

from __future__ import annotations

from datetime import date, datetime

import psycopg2
import pytest
from guide_examples import AGGREGATES, EXAMPLES, GUIDE, ROW, ROWS, Refused


def cases(pages):
    return [
        pytest.param(expression, result, id=f"{GUIDE}{page}: {expression}")
        for page, examples in pages.items()
        for expression, result in examples
    ]


@pytest.fixture(scope="module")
def tables(plain_sql):
    plain_sql.run(f"DROP TABLE IF EXISTS ticket; {ROW}; DROP TABLE IF EXISTS numbers; {ROWS}")
    yield plain_sql
    plain_sql.run("DROP TABLE ticket; DROP TABLE numbers")


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


@pytest.mark.parametrize(("expression", "result"), cases(EXAMPLES))
def test_an_example_of_the_guide(tables, expression, result):
    if isinstance(result, Refused):
        with pytest.raises(psycopg2.Error) as caught:
            tables.run(f"SELECT {expression} FROM ticket")
        assert result.text in str(caught.value)
    else:
        check(tables.one(f"SELECT {expression} FROM ticket"), result)


@pytest.mark.parametrize(("expression", "result"), cases(AGGREGATES))
def test_an_aggregate_of_the_guide(tables, expression, result):
    check(tables.one(f"SELECT {expression} FROM numbers"), result)
