"""Values and options at the edge of what COPY reads: right, or an error that Redshift could give."""

from __future__ import annotations

import psycopg2
import pytest


@pytest.mark.parametrize("column", ["n int", "n bigint", "n numeric(10, 2)"])
@pytest.mark.parametrize("value", ["1e9999999999999999999", "-1e9999999999999999999"])
def test_an_exponent_of_any_length_is_a_load_error(copies, column, value):
    with pytest.raises(psycopg2.errors.InternalError_, match="Load into table 't' failed"):
        copies.loaded(column, f'{{"n": {value}}}')
    assert copies.errors()


def test_digits_of_other_scripts_are_no_digits(copies):
    with pytest.raises(psycopg2.errors.InternalError_, match="Load into table 't' failed"):
        copies.loaded("n int", '{"n": "\u0663"}')


def test_two_digits_before_christ_are_the_year_itself(copies):
    copies.loaded("n varchar(20)", '{"n": "x"}')
    copies.run("DROP TABLE IF EXISTS t; CREATE TABLE t (n date)")
    copies.copy('{"n": "Jan-08-95 BC"}', "DATEFORMAT 'auto'")
    assert copies.run("SELECT TO_CHAR(n, 'YYYY-MM-DD BC') FROM t") == [("0095-01-08 BC",)]


def test_a_format_with_a_part_twice_is_refused(copies):
    with pytest.raises(psycopg2.Error, match="a part stands in it twice"):
        copies.loaded("n timestamp", '{"n": "2020-01-02"}', "TIMEFORMAT 'YYYY-MM-DD HH:MI:SS.SSS'")


def test_credentials_that_name_no_role_are_refused(copies):
    copies.run("DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")
    with pytest.raises(psycopg2.Error, match="Invalid credentials"):
        copies.run("COPY t FROM 's3://some/d' CREDENTIALS 'aws_iam_role=nonsense' JSON 'auto'")
