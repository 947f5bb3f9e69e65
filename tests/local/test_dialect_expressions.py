"""Expressions: what Redshift means by them, where PostgreSQL means something else."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import psycopg2
import pytest

EXPRESSIONS = [
    # DATEDIFF counts boundaries.
    ("DATEDIFF(day, '2018-11-01 23:59:59', '2018-11-02 00:00:01')", 1),
    ("DATEDIFF(year, DATE '2017-12-31', DATE '2018-01-01')", 1),
    ("DATEDIFF(month, TIMESTAMP '2018-01-31', TIMESTAMP '2018-02-01')", 1),
    ("datediff('hour', '2018-11-01 10:59', '2018-11-01 11:01')", 1),
    ("DATEDIFF(hour, '2018-11-01 10:00', '2018-11-01 10:40')", 0),
    ("DATEDIFF(qtr, '2018-03-31', '2018-04-01')", 1),
    ("DATEDIFF(week, '2018-11-03', '2018-11-04')", 1),
    ("DATEDIFF(ms, '2018-11-01 00:00:00.001', '2018-11-01 00:00:01')", 999),
    ("DATEDIFF(day, '2018-11-02', '2018-11-01')", -1),
    ("DATEDIFF(min, TIME '10:00:59', TIME '10:01:00')", 1),
    ("DATEADD(month, 1, '2018-01-31')", datetime(2018, 2, 28)),
    ("DATEADD(day, -1, DATE '2018-11-01')", datetime(2018, 10, 31)),
    ("DATEADD(ms, 1541105830796, TIMESTAMP 'epoch')", datetime(2018, 11, 1, 20, 57, 10, 796000)),
    ("DATEADD('q', 1, TIMESTAMP '2018-11-30')", None),
    ("DATE_TRUNC('week', DATE '2018-11-01')", datetime(2018, 10, 29)),
    ("DATE_TRUNC('month', '2018-11-15 10:00')", datetime(2018, 11, 1)),
    # EXTRACT gives integers, DATE_PART floating point.
    ("EXTRACT(second FROM TIMESTAMP '2009-09-09 12:08:43.189717')", 43),
    ("DATE_PART(sec, TIMESTAMP '2009-09-09 12:08:43.189717')", 43.189717),
    ("EXTRACT(weekday FROM TIMESTAMP '2018-11-04')", 0),
    ("EXTRACT(dow FROM DATE '2018-11-03')", 6),
    ("EXTRACT(week FROM DATE '2018-12-31')", 1),
    ("EXTRACT(ms FROM TIMESTAMP '2009-09-09 12:08:43.189717')", 189),
    ("EXTRACT(us FROM TIMESTAMP '2009-09-09 12:08:43.189717')", 717),
    ("EXTRACT('yr' FROM TIMESTAMP '2018-12-31')", 2018),
    # The guide's own values: the decade 201 is that of 2000 to 2009.
    ("EXTRACT(decade FROM TIMESTAMP '1999-02-16 20:38:40')", 200),
    ("EXTRACT(decade FROM DATE '2000-02-16')", 201),
    ("DATE_PART(decade, TIMESTAMP '2010-02-16')", 202.0),
    ("EXTRACT(century FROM TIMESTAMP '2000-12-16 12:21:13')", 20),
    ("EXTRACT(ms FROM TIME '18:25:33.123456')", 123),
    ("EXTRACT(us FROM TIME '18:25:33.123456')", 456),
    ("EXTRACT(ms FROM TIMETZ '18:25:33.123456 EST')", 123),
    ("EXTRACT(us FROM TIMESTAMPTZ '2009-09-09 12:08:43.189717')", 717.0),
    ("EXTRACT(ms FROM TIMESTAMPTZ '2009-09-09 12:08:43.189717')", 189.0),
    ("DATE_PART(ms, TIME '18:25:33.5')", 33500.0),
    ("DATE_PART(hour, TIMETZ '18:25:33.5 UTC')", 18.0),
    ("EXTRACT(epoch FROM TIMESTAMP '2018-11-01 20:57:10.796')", 1541105830),
    ("DATE_PART('dw', TIMESTAMP '2018-11-05')", 1.0),
    ("TIMESTAMP 'epoch' + 1541105830796 / 1000 * INTERVAL '1 second'", datetime(2018, 11, 1, 20, 57, 10)),
    ("TIMESTAMP 'epoch' + 1541105830796 / 1000.0 * INTERVAL '1 second'", datetime(2018, 11, 1, 20, 57, 10, 796000)),
    ("CONVERT_TIMEZONE('America/New_York', TIMESTAMP '2018-11-01 12:00')", datetime(2018, 11, 1, 8)),
    ("CONVERT_TIMEZONE('EST', 'PST', TIMESTAMP '2018-11-01 12:00')", datetime(2018, 11, 1, 9)),
    ("LAST_DAY(DATE '2018-02-10')", date(2018, 2, 28)),
    ("ADD_MONTHS(DATE '2018-02-28', 1)", datetime(2018, 3, 31)),
    ("ADD_MONTHS('2008-03-31', 1)", datetime(2008, 4, 30)),
    # Arithmetic of TIME, as in the guide's DATEADD and DATEDIFF.
    ("DATEADD(minute, 5, TIME '10:00')", time(10, 5)),
    ("DATEDIFF(hour, TIMETZ '10:00 UTC', TIMETZ '12:00 UTC')", 2),
    ("DATE '2000-01-02' + TIME '20:00'", datetime(2000, 1, 2, 20)),
    ("TIME '10:00' + INTERVAL '1 hour'", time(11)),
    ("NEXT_DAY('2018-11-01', 'Tuesday')", date(2018, 11, 6)),
    ("TRUNC(TIMESTAMP '2018-11-01 23:59')", date(2018, 11, 1)),
    ("TRUNC(20.259, 2)", Decimal("20.25")),
    ("ROUND(2.5::float)", 3.0),
    ("TO_CHAR(TIMESTAMP '2018-11-04', 'D')", "1"),
    ("TRIM(TO_CHAR(DATE '2018-11-04', 'Day'))", "Sunday"),
    ("TO_DATE('20181104', 'YYYYMMDD')", date(2018, 11, 4)),
    # https://docs.aws.amazon.com/redshift/latest/dg/r_TO_DATE_function.html
    ("TO_DATE('20010631', 'YYYYMMDD', FALSE)", date(2001, 7, 1)),
    ("TO_DATE('31-Jun-2001', 'DD-Mon-YYYY')", date(2001, 7, 1)),
    ("TO_DATE('02 Oct 2001', 'DD Mon YYYY', TRUE)", date(2001, 10, 2)),
    ("TO_TIMESTAMP('2011-12-18 23:38:15', 'YYYY-MM-DD HH24:MI:SS', TRUE) = '2011-12-18 23:38:15+00'", True),
    # NULLs, conditions, strings.
    ("NVL(NULL, NULL, 3)", 3),
    ("NVL2(NULL, 1, 2)", 2),
    ("DECODE(NULL, NULL, 'null', 'other')", "null"),
    ("DECODE(2, 1, 'one', 2, 'two')", "two"),
    ("DECODE(9, 1, 'one', 2, DECODE(1, 1, 'x'), 'else')", "else"),
    ("CONCAT('a', NULL)", None),
    ("'a' || NULL", None),
    ("LEN('ä ')", 2),
    ("OCTET_LENGTH('ä')", 2),
    ("CHARINDEX('b', 'abc')", 2),
    ("REGEXP_REPLACE('a1b2', '[0-9]')", "ab"),
    ("REGEXP_REPLACE('a.b.c', '\\\\.', '-')", "a-b-c"),
    ("REGEXP_REPLACE('a1b2', '[0-9]', '', 3)", "a1b"),
    ("REGEXP_REPLACE('the Fox', 'FOX', 'quick fox', 1, 'i')", "the quick fox"),
    ("REGEXP_SUBSTR('x@y.org', '@[^.]*')", "@y"),
    ("REGEXP_SUBSTR('x@y.org', 'none')", ""),
    ("REGEXP_SUBSTR('This is a word', 'This is a ([a-z]+)', 1, 1, 'e')", "word"),
    ("REGEXP_SUBSTR('the fox', 'FOX', 1, 1, 'ie')", "fox"),
    ("REGEXP_SUBSTR('a (b)', '\\\\(b', 1, 1, 'e')", "(b"),
    ("REGEXP_INSTR('the fox', 'FOX', 1, 1, 0, 'i')", 5),
    ("REGEXP_COUNT('a\\nb', 'a.b', 1, 'p')", 1),
    # https://docs.aws.amazon.com/redshift/latest/dg/REGEXP_COUNT.html: words of letters and digits
    ("REGEXP_COUNT('ab3 a 12 x9', '(?=[^ ]*[a-z])(?=[^ ]*[0-9])[^ ]+', 1, 'p')", 2),
    # As many digits as Redshift shows: 6 of REAL, 15 of DOUBLE PRECISION.
    ("CAST(19999.99::real AS VARCHAR)", "20000"),
    ("CAST(0.1::float + 0.2::float AS VARCHAR)", "0.3"),
    ("JSON_EXTRACT_PATH_TEXT('{\"a\": {\"b\": 5}}', 'a', 'b')", "5"),
    ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[10, 20]', 1)", "20"),
    ("JSON_EXTRACT_PATH_TEXT('{broken', 'a', true)", None),
    ("JSON_EXTRACT_PATH_TEXT('{\"true\": 1}', 'true')", "1"),
    ("JSON_EXTRACT_PATH_TEXT('{\"a\": 1}', 'a', FALSE)", "1"),
    ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[10', 1, true)", None),
    ("JSON_ARRAY_LENGTH('[10', true)", None),
    ("IS_VALID_JSON('{')", False),
    ('JSON_SERIALIZE(JSON_PARSE(\'{"b":1,"a":2}\'))', '{"b":1,"a":2}'),
    ("7 / 2", 3),
    ("'abc'::varchar(2)", "ab"),
    ("1.5::decimal", Decimal(2)),
    ("CAST('12' AS INT) + CONVERT(INTEGER, '3')", 15),
    ("GREATEST(1, NULL, 3)", 3),
    ("'a' ILIKE 'A'", True),
    ("SHA2('a', 256) = SHA2('a', 0)", True),
    ("CASE WHEN 'x' IN ('x ', 'y') THEN 1 ELSE 0 END", 0),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_value(plain_sql, expression, value):
    if expression.startswith("DATEADD('q'"):
        with pytest.raises(psycopg2.Error, match="not recognized"):
            plain_sql.one(f"SELECT {expression}")
        return
    found = plain_sql.one(f"SELECT {expression}")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "arguments", ["'20010631', 'YYYYMMDD', TRUE", "'20011301', 'YYYYMMDD'", "'31 June 2001', 'DD Month YYYY'"]
)
def test_what_to_date_does_not_take(plain_sql, arguments):
    with pytest.raises(psycopg2.errors.DatetimeFieldOverflow):
        plain_sql.one(f"SELECT TO_DATE({arguments})")


AGGREGATES = [
    ("AVG(n)", 2),  # of 1, 2, 4: 2.33 cut
    ("AVG(d)", Decimal("2.33")),
    ("AVG(f)", pytest.approx(7 / 3)),
    ("AVG(n::bigint)", 2),
    ("MEDIAN(n)", Decimal(2)),
    ("MEDIAN(f)", 2.0),
    ("LISTAGG(s, ',') WITHIN GROUP (ORDER BY n DESC)", "c,a"),
    ("LISTAGG(DISTINCT g, '-') WITHIN GROUP (ORDER BY g)", "x-y"),
    ("LISTAGG(n) WITHIN GROUP (ORDER BY n)", "124"),
    ("APPROXIMATE COUNT(DISTINCT g)", 2),
    ("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY n)", 2.0),
    ("SUM(n)", 7),
    ("COUNT(DISTINCT pad)", 1),
]


@pytest.fixture
def numbers(plain_sql):
    plain_sql.run("""
        DROP TABLE IF EXISTS numbers;
        CREATE TEMP TABLE numbers (n int, d decimal(8,2), f float, s varchar(5), g varchar(5), pad varchar(5));
        INSERT INTO numbers VALUES (1, 1.00, 1, 'a', 'x', 'p'), (2, 2, 2, '', 'x', 'p '), (4, 4, 4, 'c', 'y', 'p  ')
    """)
    return plain_sql


@pytest.mark.parametrize(("expression", "value"), AGGREGATES, ids=[text for text, _ in AGGREGATES])
def test_aggregate(numbers, expression, value):
    found = numbers.one(f"SELECT {expression} FROM numbers")
    assert found == value


def test_averages_and_medians_as_window_functions(numbers):
    rows = numbers.run(
        "SELECT n, AVG(n) OVER (PARTITION BY g), MEDIAN(n) OVER (PARTITION BY g) FROM numbers ORDER BY n"
    )
    assert rows == [(1, 1, Decimal("1.5")), (2, 1, Decimal("1.5")), (4, 4, Decimal(4))]


def test_trailing_blanks_do_not_count(numbers):
    assert numbers.one("SELECT COUNT(*) FROM numbers WHERE pad = 'p'") == 3
    assert numbers.one("SELECT COUNT(*) FROM (SELECT DISTINCT pad FROM numbers) d") == 1
    assert numbers.one("SELECT COUNT(*) FROM (SELECT pad FROM numbers GROUP BY pad) d") == 1
    assert numbers.one("SELECT COUNT(*) FROM numbers a JOIN numbers b ON a.pad = b.pad") == 9
    assert numbers.one("SELECT COUNT(*) FROM numbers WHERE pad IN ('q', 'p    ')") == 3
    assert numbers.one("SELECT COUNT(*) FROM numbers WHERE pad <> 'p'") == 0
    assert numbers.one("SELECT COUNT(*) FROM (SELECT pad FROM numbers UNION SELECT 'p   '::varchar) u") == 1


def test_clocks(plain_sql):
    now, today, start = plain_sql.run("SELECT GETDATE(), SYSDATE::date, SYSDATE")[0]
    assert now.tzinfo is None
    assert now.microsecond == 0
    assert start.tzinfo is None
    assert today == start.date()


def test_sysdate_is_the_start_of_the_transaction(connect):
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT SYSDATE")
        first = cursor.fetchone()
        cursor.execute("SELECT pg_sleep(0.01); SELECT SYSDATE")
        assert cursor.fetchone() == first


QUERIES = [
    ("SELECT n FROM numbers t QUALIFY ROW_NUMBER() OVER (PARTITION BY g ORDER BY n DESC) = 1 ORDER BY n", [(2,), (4,)]),
    (
        "SELECT n, ROW_NUMBER() OVER (PARTITION BY g ORDER BY n) AS place FROM numbers t QUALIFY place = 1 ORDER BY n",
        [(1, 1), (4, 1)],
    ),
    ("SELECT * FROM numbers AS t WHERE n < 4 QUALIFY RANK() OVER (ORDER BY n DESC) = 1", [(2, 2, 2.0, "", "x", "p ")]),
    ("SELECT COUNT(*) FROM (SELECT n FROM numbers t QUALIFY RANK() OVER (ORDER BY n) < 3) q", [(2,)]),
    # An alias of an aggregate, in the condition; of an expression, where a column of its name would win.
    # https://docs.aws.amazon.com/redshift/latest/dg/r_QUALIFY_clause.html
    (
        "SELECT g, COUNT(*) AS many FROM numbers GROUP BY g QUALIFY ROW_NUMBER() OVER (ORDER BY many DESC) = 1",
        [("x", 2)],
    ),
    ("SELECT g, SUM(n) total FROM numbers GROUP BY g QUALIFY total = MAX(total) OVER () ORDER BY 1", [("y", 4)]),
    ("SELECT -n AS f FROM numbers QUALIFY RANK() OVER (ORDER BY f) = 1", [(-1,)]),
    # https://docs.aws.amazon.com/redshift/latest/dg/r_WF_RATIO_TO_REPORT.html
    ("SELECT n, RATIO_TO_REPORT(n) OVER (PARTITION BY g) FROM numbers WHERE n <> 2", [(1, 1.0), (4, 1.0)]),
    ("SELECT RATIO_TO_REPORT(n * 2) OVER () FROM numbers WHERE n <> 2 ORDER BY 1", [(0.2,), (0.8,)]),
    # https://docs.aws.amazon.com/redshift/latest/dg/r_WF_LISTAGG.html
    (
        "SELECT n, LISTAGG(n, '-') WITHIN GROUP (ORDER BY n DESC) OVER (PARTITION BY g) FROM numbers ORDER BY n",
        [(1, "2-1"), (2, "2-1"), (4, "4")],
    ),
    ("SELECT LISTAGG(s) OVER () FROM numbers WHERE n = 4", [("c",)]),
    ("SELECT TOP 2 n FROM numbers ORDER BY n DESC", [(4,), (2,)]),
    ("SELECT n FROM numbers MINUS SELECT 1 ORDER BY n", [(2,), (4,)]),
    ("SELECT n * 10 AS ten, ten + 1 AS eleven, eleven - ten FROM numbers WHERE n = 1", [(10, 11, 1)]),
    ("SELECT n + 1 AS n, n * 2 AS twice FROM numbers ORDER BY twice LIMIT 1", [(2, 2)]),  # the column wins
    ("WITH q AS (SELECT n AS a, a + 1 AS b FROM numbers) SELECT SUM(b) FROM q", [(10,)]),
    ('SELECT n AS "Upper Name" FROM numbers WHERE "N" = 1', [(1,)]),
]


@pytest.mark.parametrize(("query", "rows"), QUERIES, ids=[text for text, _ in QUERIES])
def test_query(numbers, query, rows):
    assert [tuple(map(_float, row)) for row in numbers.run(query)] == rows


def _float(value):
    return float(value) if isinstance(value, Decimal) else value


def test_lateral_aliases_inside_a_transaction(connect):
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2 AS a, a * a AS b, b * a AS c")
        assert cursor.fetchall() == [(2, 4, 8)]


def test_quoted_identifiers_fold(warehouse):
    warehouse.run('CREATE TABLE "Mixed" ("UserId" int); INSERT INTO MIXED ("USERID") VALUES (1)')
    assert warehouse.run('SELECT userid, "Mixed"."UserID" FROM mixed') == [(1, 1)]


def test_strings_and_comments_stay(plain_sql):
    assert plain_sql.run("""SELECT 'NVL(a) -- "X"', /* SYSDATE */ 'it''s' -- DISTINCT ON (x)""") == [
        ('NVL(a) -- "X"', "it's")
    ]


def test_redshifts_functions_leave_a_query_its_parallel_workers(warehouse):
    """One function that a worker may not run keeps PostgreSQL from using any, for the whole of a query."""
    warehouse.run(f"CREATE TABLE digits (d INT); INSERT INTO digits VALUES {', '.join(f'({d})' for d in range(10))}")
    warehouse.run(
        "CREATE TABLE many AS SELECT REPEAT('123,', 100) AS text, DATE '2018-11-01' + a.d AS day"
        " FROM digits a, digits b, digits c, digits d, digits e"
    )
    for value in (
        "MAX(SPLIT_PART(text, ',', 1))",
        "MAX(EXTRACT(week FROM day))",
        "MAX(DATEADD(month, 1, day))",
        "MEDIAN(LEN(text))",
        "MAX(day || text)",
        "COUNT(TO_DATE(20181130 + LEN(text) % 2, 'YYYYMMDD', FALSE))",  # goes on from an error
    ):
        plan = "\n".join(line for (line,) in warehouse.run(f"EXPLAIN SELECT {value} FROM many"))
        assert "Workers Planned" in plan, value
        assert warehouse.one(f"SELECT {value} FROM many") is not None
    with pytest.raises(psycopg2.Error) as caught:
        warehouse.run("SELECT COUNT(CAST(SPLIT_PART(text, ',', 2) || 'x' AS INT)) FROM many")
    assert "parallel worker" not in str(caught.value)
