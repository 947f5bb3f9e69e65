"""The same statements by three drivers, which speak the two protocols in their own ways, give the same."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import psycopg
import psycopg2
import pytest
import redshift_connector
from test_dialect_expressions import AGGREGATES, EXPRESSIONS, QUERIES

from tests.local.conftest import BUCKET, DATABASE, PASSWORD, ROLE, USER

WRONG = [
    *("SELECT nothing", "SELECT * FROM nowhere", "SELECT 1 / 0", "SELEC 1"),
    *("SELECT DISTINCT ON (1) 1", "SAVEPOINT s", "VACUUM nowhere", "COPY nowhere FROM 'x'"),
]


@pytest.fixture(scope="module")
def drivers(endpoint):
    """A session in autocommit for each, and how to ask it."""
    login = {"host": "127.0.0.1", "port": endpoint.port, "user": USER, "password": PASSWORD}
    plain = endpoint.connect()
    plain.autocommit = True
    three = psycopg.connect(
        **login, dbname=DATABASE, sslmode="verify-full", sslrootcert=endpoint.authority, autocommit=True
    )
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = endpoint.authority
    try:
        amazons = redshift_connector.connect(**login, database=DATABASE)
    finally:
        os.environ.pop("SSL_CERT_FILE") if before is None else os.environ.update(SSL_CERT_FILE=before)
    amazons.autocommit = True
    yield plain, three, amazons
    for made in (plain, three, amazons):
        made.close()


def ask(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


STATEMENTS = [f"SELECT {text}" for text, _ in EXPRESSIONS] + [text for text, _ in [*AGGREGATES, *QUERIES]]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_same_rows(drivers, sql):
    plain, three, amazons = drivers
    try:
        expected = ask(plain, sql)
    except psycopg2.Error as error:  # refused: by all, and for the same reason
        check_refused(drivers, sql, error)
        return
    if "GETDATE" in sql.upper() or "SYSDATE" in sql.upper() or "RANDOM" in sql.upper():
        return
    assert ask(three, sql) == expected
    # By the extended protocol, as each driver has it with a parameter and with binary results.
    asked = f"SELECT * FROM ({sql}) asked WHERE 1 = %s"
    if "%" not in sql and ";" not in sql and not sql.lstrip().upper().startswith("WITH"):
        try:
            nested = ask(plain, asked, (1,))
        except psycopg2.Error:
            return  # a column that is named twice
        assert ask(three, asked, (1,)) == nested
        assert [tuple(row) for row in three.execute(asked, (1,), binary=True).fetchall()] == nested
        assert list(map(close, ask(amazons, asked, (1,)))) == list(map(close, nested))


def close(row):
    """redshift_connector gives decimals as numbers of another kind."""
    return tuple(float(value) if isinstance(value, float | Decimal) else value for value in row)


# What a driver gives a type, and what it does not (the extended protocol has both); also in binary.
TYPED = [
    ("i = %s AND v = %s", (5, "5")),
    ("i = %s AND v = %s", ("5", 5)),
    ("i IN (%s, %s) AND v IN (%s, %s)", (5, 6, "5", "6")),
    ("v IN (%s, %s)", (5, 6)),
    ("v BETWEEN %s AND %s AND i BETWEEN %s AND %s", ("1", "9", 1, 9)),
    ("t = %s AND t = %s", (True, 1)),
    ("n = %s AND n = %s", (Decimal("1.50"), "1.5")),
    ("d = %s AND d = %s", (date(2018, 11, 1), "2018-11-01")),
    ("LEFT(i, %s) = %s AND LEFT(v, %s) = %s", (1, "5", 1, "5")),
    ("CONCAT(v, %s) = %s", (1, "51")),
    ("CASE v WHEN %s THEN i END = %s", (5, 5)),
    ("i LIKE %s AND d LIKE %s", ("5%", "2018%")),
]


@pytest.mark.parametrize(("condition", "parameters"), TYPED)
def test_parameters_are_converted_as_values_are(drivers, condition, parameters):
    _, three, _ = drivers
    for connection in drivers:
        ask(
            connection, "CREATE TEMP TABLE IF NOT EXISTS typed (i int, v varchar(9), t boolean, n decimal(8,2), d date)"
        )
        ask(connection, "DELETE FROM typed")
        ask(connection, "INSERT INTO typed VALUES (5, '5', true, 1.5, '2018-11-01')")
    sql = f"SELECT i FROM typed WHERE {condition}"
    assert [ask(connection, sql, parameters) for connection in drivers] == [[(5,)]] * 3
    assert three.execute(sql, parameters, binary=True).fetchall() == [(5,)]
    with psycopg.ClientCursor(three) as inlined:
        assert inlined.execute(sql, parameters).fetchall() == [(5,)]


def test_an_integer_parameter_goes_into_a_boolean(drivers):
    for connection in drivers:
        ask(connection, "CREATE TEMP TABLE flagged (t boolean)")
        ask(connection, "INSERT INTO flagged VALUES (%s)", (1,))
        ask(connection, "UPDATE flagged SET t = %s WHERE t = %s", (0, 1))
        assert ask(connection, "SELECT t FROM flagged") == [(False,)]
        ask(connection, "DROP TABLE flagged")


@pytest.mark.parametrize("sql", WRONG)
def test_the_same_errors(drivers, sql):
    with pytest.raises(psycopg2.Error) as raised:
        ask(drivers[0], sql)
    check_refused(drivers, sql, raised.value)


def check_refused(drivers, sql, expected):
    _, three, amazons = drivers
    for parameters in (None, ()):
        with pytest.raises(psycopg.Error) as raised:
            ask(three, sql.replace("%", "%%") if parameters is not None else sql, parameters)
        assert raised.value.sqlstate == expected.pgcode
        assert raised.value.diag.message_primary == expected.diag.message_primary
    with pytest.raises(redshift_connector.Error) as raised:
        ask(amazons, sql.replace("%", "%%"))
    assert expected.pgcode in str(raised.value)


def test_ddl_copy_and_writes_by_each(drivers, copies):
    copies.aws.put("data/file.json", '{"a": 1, "b": "x"}')
    for connection in drivers:
        ask(connection, "CREATE TEMP TABLE loaded (a int, b varchar(9)) DISTKEY (a) SORTKEY (b)")
        ask(connection, f"COPY loaded FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO loaded (a, b) VALUES (%s, %s)", [(2, "y"), (3, "z")])
        ask(connection, "UPDATE loaded SET b = %s WHERE a = %s", ("new", 3))
        ask(connection, "DELETE FROM loaded WHERE a = %s", (2,))
        assert ask(connection, "SELECT a, b FROM loaded ORDER BY a") == [(1, "x"), (3, "new")]
        ask(connection, "DROP TABLE loaded")


def test_a_string_in_super_stays_a_string_by_each(drivers):
    # https://docs.aws.amazon.com/redshift/latest/dg/parse_json.html
    for connection in drivers:
        ask(connection, "CREATE TEMP TABLE documents (n int, doc super)")
        for n, text in enumerate(("abc", '{"a":1}', None)):
            ask(connection, "INSERT INTO documents VALUES (%s, %s)", (n, text))
        ask(connection, "INSERT INTO documents VALUES (%s, JSON_PARSE(%s))", (3, '{"a": 1}'))
        ask(connection, "UPDATE documents SET doc = %s WHERE n = %s", ("new", 2))
        found = ask(connection, "SELECT doc FROM documents ORDER BY n")
        assert found == [('"abc"',), ('"{\\"a\\":1}"',), ('"new"',), ('{"a":1}',)]
        assert ask(connection, "SELECT CAST(%s AS SUPER)", ("[1]",)) == [('"[1]"',)]
        ask(connection, "DROP TABLE documents")


def test_a_write_that_fails_leaves_nothing_in_the_way_of_the_next(drivers):
    _, three, _ = drivers
    three.execute("CREATE TEMP TABLE after_it (a int)")
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            three.execute("INSERT INTO nowhere VALUES (%s)", (1,))
        three.execute("INSERT INTO after_it VALUES (%s)", (1,))
    assert three.execute("SELECT COUNT(*) FROM after_it").fetchone() == (2,)
    three.execute("DROP TABLE after_it")


def test_a_pipeline_is_one_transaction(drivers, endpoint):
    _, three, _ = drivers

    def in_a_pipeline(*statements):
        with three.pipeline():
            return [three.execute(sql, parameters) for sql, parameters in statements][-1]

    made = ("CREATE TABLE piped (a int) SORTKEY (a)", None), ("INSERT INTO piped VALUES (%s)", (1,))
    with pytest.raises(psycopg.errors.DivisionByZero):
        in_a_pipeline(*made, ("SELECT 1 / %s", (0,)))
    with pytest.raises(psycopg.errors.UndefinedTable):
        three.execute("SELECT * FROM piped")
    assert in_a_pipeline(*made, ("SELECT a AS b, b + 1 AS c FROM piped", None)).fetchall() == [(1, 2)]
    three.execute("DROP TABLE piped")


def test_a_cursor_is_read_by_portions(drivers):
    _, three, _ = drivers
    with three.transaction(), three.cursor(name="walk") as cursor:
        cursor.itersize = 3
        cursor.execute("SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 ORDER BY 1")
        assert [row[0] for row in cursor] == [1, 2, 3, 4]


def test_writers_by_the_extended_protocol_wait_for_each_other_and_lose_nothing(endpoint, drivers):
    _, three, _ = drivers
    three.execute("CREATE TABLE counted (n int)")
    three.execute("INSERT INTO counted VALUES (0)")
    login = {"host": "127.0.0.1", "port": endpoint.port, "user": USER, "password": PASSWORD, "dbname": DATABASE}

    def add(_):
        tls = {"sslmode": "verify-full", "sslrootcert": endpoint.authority}
        with psycopg.connect(**login, **tls, autocommit=True) as mine:
            for _ in range(10):
                mine.execute("UPDATE counted SET n = n + %s", (1,))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    assert three.execute("SELECT n FROM counted").fetchall() == [(30,)]
    three.execute("DROP TABLE counted")
