"""Implicit conversion: what becomes text or BOOLEAN unasked, and that nothing else changes its meaning by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import psycopg2
import pytest

import sql_queries
from dwh.local.redshift.dialect import lexer, statements

# https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html#r_Type_conversion
FORMS = [
    *("v = 1", "v = i", "i = v", "v = b", "s = v", "v <> 2", "v > 0", "v <= i", "v BETWEEN 0 AND 5", "v IN (1, 2)"),
    *("c = 1", "i = c", "CASE v WHEN 1 THEN true END", "DECODE(v, 1, true)", "NULLIF(v, 1) IS NULL"),
    *("f = '0.1'::varchar", "r = '0.5'::varchar"),
    *("d = '2018-11-01'::varchar", "ts = '2018-11-01 20:57:10.796'::varchar", "'10:20:00'::varchar = tm"),
    *("i LIKE '1%'", "d LIKE '2018-11-%'", "n NOT LIKE '2%'", "ts ILIKE '%796'", "i SIMILAR TO '(1|2)'", "i ~ '^1$'"),
    *("LEN(i) = 1", "LEN(n) = 4", "LEFT(i, 1) = '1'", "RIGHT(d, 2) = '01'", "UPPER(i) = '1'", "LOWER(d) < '2019'"),
    *("SUBSTRING(ts, 1, 4) = '2018'", "SUBSTRING(ts FROM 6 FOR 2) = '11'", "SUBSTR(d, 6) = '11-01'", "TRIM(b) = '1'"),
    *("CONCAT('a', 1) = 'a1'", "CONCAT(1, d) = '12018-11-01'", "CONCAT(i, v) = '11'", "LPAD(i, 3, 0) = '001'"),
    *("REPLACE(n, '.', ',') = '1,50'", "REPLACE(1234, 2, 'x') = '1x34'", "SPLIT_PART(d, '-', 1) = '2018'"),
    *("CHARINDEX('.', n) = 2", "STRPOS(n, 5) = 3", "POSITION('-' IN d) = 5", "REVERSE(123) = '321'"),
    *("MD5(1) = MD5('1')", "SHA2(n, 256) = SHA2('1.50', 256)"),
    *("t = 1", "i <> (NOT t)", "t = b", "t <> 0", "t IN (0, 1)"),
    *("REGEXP_REPLACE(123, '2', 4) = '143'", "TO_DATE(20181101, 'YYYYMMDD') = d", "REPEAT(i, 3) = '111'"),
    # A DECIMAL is compared as a number.
    *("n = v2", "v2 = n", "v = 1.0", "n < '10'::varchar", "n IN (v, v2)"),
]
# BOOLEAN is not in the table, and clusters refuse it (datafold/data-diff#280, metabase#80004).
NEITHER = ["t = v", "v = t", "LEN(t) = 1", "t LIKE 't%'", "t < 1", "t = 1.0", "d = 1", "ts = 1", "v + 1 = 2"]


@pytest.fixture
def row(plain_sql):
    plain_sql.run("""
        DROP TABLE IF EXISTS forms;
        CREATE TEMP TABLE forms (i int, s smallint, b bigint, n numeric(8,2), f float, r real, d date, ts timestamp,
                                 tm time, t boolean, v varchar(30), v2 varchar(30), c char(10));
        INSERT INTO forms VALUES
        (1, 1, 1, 1.5, 0.1, 0.5, '2018-11-01', '2018-11-01 20:57:10.796', '10:20', true, '1', '1.5', '1')
    """)
    return plain_sql


@pytest.mark.parametrize("condition", FORMS)
def test_what_is_no_text_becomes_text(row, condition):
    assert row.run(f"SELECT i FROM forms WHERE {condition}") == [(1,)]


@pytest.mark.parametrize("condition", NEITHER)
def test_what_is_not_documented_stays_an_error(row, condition):
    with pytest.raises(psycopg2.errors.UndefinedFunction, match="does not exist"):
        row.run(f"SELECT i FROM forms WHERE {condition}")


@pytest.mark.parametrize("value", ["t::varchar", "CAST(t AS char(5))", "t || 'x'", "LISTAGG(t)"])
def test_a_boolean_does_not_become_text(row, value):
    with pytest.raises(psycopg2.errors.CannotCoerce, match="cannot cast type boolean to character varying"):
        row.run(f"SELECT {value} FROM forms")


def test_a_string_that_is_no_number_cannot_be_compared_with_a_decimal(row):
    with pytest.raises(psycopg2.Error, match="invalid input syntax for type numeric"):
        row.run("SELECT i FROM forms WHERE n = CAST('abc' AS varchar)")


def test_numbers_are_compared_as_text_and_not_as_numbers(row):
    assert row.run("SELECT i FROM forms WHERE i = CAST('01' AS varchar)") == []
    assert row.run("SELECT i FROM forms WHERE CAST('9' AS varchar) > 10") == [(1,)]
    assert row.run("SELECT i FROM forms WHERE CAST('1 ' AS varchar) = i") == [(1,)]  # trailing blanks do not count


def test_integers_become_boolean_where_they_are_assigned_or_a_condition(row):
    row.run("CREATE TEMP TABLE IF NOT EXISTS flags (n int, t boolean)")
    row.run("INSERT INTO flags VALUES (1, 0), (2, 5); INSERT INTO flags SELECT 3, i FROM forms")
    row.run("INSERT INTO flags SELECT 4, b - 1 FROM forms; INSERT INTO flags SELECT 5, s FROM forms")
    assert row.run("SELECT t FROM flags ORDER BY n") == [(False,), (True,), (True,), (False,), (True,)]
    row.run("UPDATE flags SET t = n - 1 WHERE n < 3")
    assert row.run("SELECT t FROM flags WHERE n < 3 ORDER BY n") == [(False,), (True,)]
    assert row.one("SELECT COUNT(*) FROM flags WHERE 1") == 5
    assert row.one("SELECT COUNT(*) FROM flags WHERE 1 AND NOT (n - 1)") == 1
    row.run("DROP TABLE flags")


# What a driver gives no type for, and what PostgreSQL asks of it.
UNTYPED = [
    ("SELECT 1 FROM kinds WHERE i = $1", "integer"),
    ("SELECT 1 FROM kinds WHERE v = $1", "character varying"),
    ("SELECT 1 FROM kinds WHERE d >= $1", "date"),
    ("SELECT 1 FROM kinds WHERE i IN ($1, 5)", "integer"),
    ("SELECT 1 FROM kinds WHERE v IN ($1, 'a')", "character varying"),
    ("SELECT 1 FROM kinds WHERE i BETWEEN $1 AND 9", "integer"),
    ("SELECT 1 FROM kinds WHERE v LIKE $1", "text"),
    ("SELECT 1 FROM kinds WHERE i LIKE $1", "text"),
    ("SELECT CASE i WHEN $1 THEN 1 END FROM kinds", "integer"),
    ("SELECT LEFT($1, 2)", "text"),
    ("SELECT CONCAT(v, $1) FROM kinds", "text"),
    ("INSERT INTO kinds (t) VALUES ($1)", "boolean"),
]


@pytest.mark.parametrize(("sql", "kind"), UNTYPED, ids=[sql for sql, _ in UNTYPED])
def test_a_parameter_without_a_type_gets_that_of_the_other_side(server, sql, kind):
    with transaction(server, "CREATE TEMP TABLE kinds (i int, v varchar(9), d date, t boolean)") as system:
        system.execute(f"PREPARE asked AS {statements.translate(lexer.tokenize(sql)).sql}")
        system.execute("SELECT parameter_types::text FROM pg_prepared_statements WHERE name = 'asked'")
        assert system.fetchone()[0].strip('{}"') == kind
        system.execute("DEALLOCATE asked")


# Before conversion.sql: what it made is dropped, in a transaction that is rolled back.
WITHOUT = """
    DO $$
    DECLARE
        made regprocedure;
    BEGIN
        FOR made IN SELECT p.oid::regprocedure FROM pg_operator JOIN pg_proc p ON p.oid = oprcode
                    WHERE pronamespace = 'redshift'::regnamespace AND proname = oprname LOOP
            EXECUTE format('DROP FUNCTION %s CASCADE', made);
        END LOOP;
    END $$;
    DROP TYPE redshift.string CASCADE;
    DROP CAST (bigint AS boolean);
    DROP CAST (smallint AS boolean);
    UPDATE pg_cast SET castcontext = 'e' WHERE castsource = 'int4'::regtype AND casttarget = 'bool'::regtype;
"""
# Which operators and functions PostgreSQL chooses for expressions; or the error.
RESOLVE = """
    CREATE FUNCTION pg_temp.resolved(expressions text[]) RETURNS text[] LANGUAGE plpgsql AS $f$
    DECLARE
        expression text;
        found text;
        result text[] := '{}';
    BEGIN
        FOREACH expression IN ARRAY expressions LOOP
            BEGIN
                EXECUTE 'CREATE TEMP VIEW seen AS SELECT ' || expression || ' AS x';
                SELECT coalesce(string_agg(CASE m[1] WHEN 'opno' THEN m[2]::oid::regoperator::text
                                                     ELSE m[2]::oid::regprocedure::text END, ' '), '') INTO found
                FROM pg_rewrite, regexp_matches(ev_action, ':(opno|funcid) (\\d+)', 'g') AS m
                WHERE ev_class = 'seen'::regclass;
                RAISE EXCEPTION USING ERRCODE = 'ZZ000'; -- the view goes
            EXCEPTION WHEN SQLSTATE 'ZZ000' THEN result := result || found;
                      WHEN OTHERS THEN result := result || SQLSTATE::text;
            END;
        END LOOP;
        RETURN result;
    END $f$
"""
CONVERTED = [
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
]
STRINGS = ["text", "varchar", "bpchar", "name"]
OTHERS = ["bool", "interval", "oid", "regclass", "super", "json"]
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~", "||", "+", "-", "*", "/"]
# Fewer types where there are more arguments.
FEW = ["int4", "int8", "numeric", "date", "text", "varchar", "bpchar", "name", "bool", ""]
FEWER = ["int4", "text", "varchar", ""]


def null(kind: str) -> str:
    """A value of a type; of none, one whose type is not known yet, as that of a literal or a parameter."""
    return f"NULL::{kind}" if kind else "NULL"


@contextmanager
def transaction(server: Any, *before: str) -> Iterator[Any]:
    with server.system("template1") as system:
        settings = ["BEGIN", "SET LOCAL event_triggers = off", "SET LOCAL allow_system_table_mods = on"]
        system.execute(";".join([*settings, *before]))
        yield system
        system.execute("ROLLBACK")


def resolved(server: Any, expressions: list[str], *before: str) -> dict[str, str]:
    with transaction(server, *before, RESOLVE) as system:
        system.execute("SELECT pg_temp.resolved(%s)", (expressions,))
        return dict(zip(expressions, system.fetchone()[0], strict=True))


def compare(server: Any, expressions: list[str]) -> dict[str, str]:
    """What resolves with conversion.sql and does not without it. Nothing may resolve differently."""
    before, after = resolved(server, expressions, WITHOUT), resolved(server, expressions)
    new = {text: after[text] for text in expressions if before[text] != after[text]}
    assert [(text, before[text], found) for text, found in new.items() if before[text] != "42883"] == []
    assert [text for text, found in new.items() if found == "42725"] == []  # none has become ambiguous
    return new


def test_no_operator_means_something_else(server):
    kinds = ["", *CONVERTED, *STRINGS, '"char"', *OTHERS]
    new = compare(server, [f"{null(a)} {name} {null(b)}" for name, a, b in product(OPERATORS, kinds, kinds)])
    texts = [*STRINGS, '"char"']
    expected = {f"{null(a)} {name} {null(b)}" for name, a, b in product(OPERATORS[:6], CONVERTED, texts)}
    expected |= {f"{null(b)} {name} {null(a)}" for name, a, b in product(OPERATORS[:6], CONVERTED, texts)}
    expected |= {f"{null(a)} {name} {null(b)}" for name, a, b in product(OPERATORS[6:12], CONVERTED, [*texts, ""])}
    for a, b in product(["int2", "int4", "int8"], ["=", "<>"]):
        expected |= {f"{null('bool')} {b} {null(a)}", f"{null(a)} {b} {null('bool')}"}
    assert set(new) == expected


def test_no_function_means_something_else(server):
    with transaction(server) as system:
        system.execute("""
            SELECT DISTINCT pronamespace::regnamespace || '.' || quote_ident(proname), pronargs FROM pg_proc
            WHERE 'redshift.string'::regtype = ANY (proargtypes) AND prorettype <> 'redshift.string'::regtype
              AND proname NOT LIKE '%~%' AND proname <> 'string_out'
        """)
        made = system.fetchall()
    assert len(made) > 40
    expressions = []
    for name, count in made:
        kinds = [["", *CONVERTED, *STRINGS, *OTHERS]] * 2, [FEW] * 3, [FEWER] * count
        chosen = kinds[0][:count] if count < 3 else kinds[1] if count == 3 else kinds[2]
        expressions += [f"{name}({', '.join(map(null, given))})" for given in product(*chosen)]
    new = compare(server, expressions)
    assert "pg_catalog.len(NULL::int4)" in new
    # What is no text and becomes none: BOOLEAN and the types of the catalogue.
    other = [text for text, found in new.items() if any(f"::{kind}" in text for kind in OTHERS) and "bool" not in found]
    assert other == []


PARAMETERS = {
    **dict.fromkeys(("since", "full_since", "first"), "2018-11-01"),
    **dict.fromkeys(("until", "full_until", "last"), "2018-12-01"),
    "limit": 10,
    "load_id": 1,
}


def run_order() -> list[str]:
    """The tables, every statement of a load as it runs, the audits and the insights."""
    load = [statement for fill in sql_queries.STAR for statement in fill.statements]
    checks = [audit.query for audit in sql_queries.AUDITS]
    made = [*sql_queries.CREATE.values(), sql_queries.FILLED_EVENTS, *sql_queries.TRANSFORM, *load]
    return [*made, *checks, *sql_queries.INSIGHTS.values()]


def plans(server: Any, *before: str) -> list[str]:
    """How PostgreSQL runs them, one after the other, on empty tables."""
    found = []
    with transaction(server, *before) as system:
        for text in run_order():
            sql = statements.translate(lexer.tokenize(system.mogrify(text, PARAMETERS).decode())).sql
            if "CREATE TABLE IF NOT EXISTS" not in text:
                system.execute(f"EXPLAIN (VERBOSE) {sql}")
                found += [row for (row,) in system.fetchall()]
            system.execute(sql)
    return found


def test_the_plans_of_the_project_stay_what_they_are(server):
    after = plans(server)
    assert len(after) > 500
    assert after == plans(server, WITHOUT)


def test_a_join_of_a_number_and_a_text_goes_by_hash(row):
    plan = "\n".join(line for (line,) in row.run("EXPLAIN SELECT 1 FROM forms a JOIN forms b ON a.i = b.v"))
    assert "Hash Join" in plan
