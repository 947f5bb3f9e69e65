"""Statements and transactions: what Redshift refuses, what commits, what waits."""

from __future__ import annotations

import io
import threading

import psycopg2
import pytest
from psycopg2 import extras, sql

from dwh import connecting
from dwh.local.redshift.dialect.refusals import SYSTEM_INSTEAD
from tests.local.conftest import DATABASE, PASSWORD, USER, VARIABLES_OF_LIBPQ

REFUSED = [
    ("SELECT DISTINCT ON (a) a FROM t", "DISTINCT ON"),
    ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"),
    ("DELETE FROM t RETURNING a", "RETURNING"),
    ("SELECT '{}' -> 'a'", "JSON"),
    ("SELECT ARRAY[1, 2]", "array"),
    ("SELECT COUNT(*) FILTER (WHERE a > 1) FROM t", "FILTER"),
    ("SELECT * FROM t, LATERAL (SELECT 1) x", "LATERAL"),
    ("SELECT * FROM t TABLESAMPLE system (10)", "TABLESAMPLE"),
    ("WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x", "MATERIALIZED"),
    ("SELECT SUM(a) OVER w FROM t WINDOW w AS (PARTITION BY a)", "WINDOW"),
    ("SELECT * FROM t FOR UPDATE", "FOR UPDATE"),
    ("SELECT * FROM t FETCH FIRST 3 ROWS ONLY", "FETCH FIRST"),
    ("SELECT * FROM (VALUES (1), (2)) v", "VALUES"),
    ("TRUNCATE t, u", "TRUNCATE"),
    ("TRUNCATE t CASCADE", "TRUNCATE"),
    ("SELECT to_timestamp(1541105830)", "TO_TIMESTAMP"),
    ("SELECT * FROM generate_series(1, 3)", "generate_series"),
    ("SELECT string_agg(a, ',') FROM t", "string_agg"),
    ("SELECT array_agg(a) FROM t", "array_agg"),
    ("SELECT unnest(a) FROM t", "unnest"),
    ("SELECT json_agg(a) FROM t", "json_agg"),
    ("SELECT age(SYSDATE)", "age"),
    ("SELECT now()", "now"),
    ("SELECT CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("SELECT gen_random_uuid()", "gen_random_uuid"),
    ("SELECT nextval('s')", "nextval"),
    ("SELECT CONCAT('a', 'b', 'c')", "concat"),
    ("SELECT 1 IS DISTINCT FROM 2", "DISTINCT FROM"),
    ("SAVEPOINT s", "SAVEPOINT"),
    ("ROLLBACK TO SAVEPOINT s", "SAVEPOINT"),
    ("DO $$ BEGIN END $$", "DO"),
    ("COPY t TO STDOUT", "syntax error"),
    ("LOCK t IN SHARE MODE", "LOCK"),
    ("SET work_mem TO '1GB'", "work_mem"),
    ("SET error_on_nondeterministic_update TO true", "error_on_nondeterministic_update"),
    ("SET error_on_nondeterministic_update = 'on'", "error_on_nondeterministic_update"),
    ("UNLOAD ('SELECT 1') TO 's3://b/k' IAM_ROLE 'x'", "not supported by the local target"),
    ("SELECT * FROM t PIVOT (SUM(a) FOR b IN (1, 2))", "PIVOT"),
    ("SELECT a, COUNT(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
    ("SELECT LAG(a) IGNORE NULLS OVER (ORDER BY a) FROM t", "IGNORE NULLS"),
    ("SELECT doc[0] FROM t", "SUPER"),
    (
        "MERGE INTO t AS x USING u ON t.a = u.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "alias",
    ),
    (
        "MERGE INTO t USING (SELECT 1 AS a) u ON t.a = u.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED"
        " THEN INSERT VALUES (1)",
        "subquery",
    ),
    ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "WHEN NOT MATCHED"),
    (
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED AND u.a > 1 THEN DELETE WHEN NOT MATCHED THEN"
        " INSERT VALUES (1)",
        "WHEN MATCHED",
    ),
    ("MERGE INTO t USING u ON t.a = u.a REMOVE DUPLICATES", "REMOVE DUPLICATES"),
    ("FOO BAR", "syntax error"),
    ("EXPLAIN CREATE TABLE u (a int)", "EXPLAIN"),
    ("EXPLAIN CREATE TEMP TABLE u FOOKEY (a) AS SELECT 1 AS a", "syntax error"),
    ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
    ("EXPLAIN VACUUM", "EXPLAIN"),
    ("EXPLAIN SELECT now()", "now"),
    ("EXPLAIN", "syntax error"),
    ("SELECT * FROM stl_scan", "the system table stl_scan"),
    ("SELECT * FROM pg_catalog.stv_blocklist b", "the system table stv_blocklist"),
    ("SELECT 1 FROM pg_class c JOIN SVL_COMPILE q ON q.query = c.oid", "the system table svl_compile"),
    ("SELECT 1 FROM pg_class, sys_vacuum_history", "the system table sys_vacuum_history"),
    ("SELECT [", "syntax error"),
    ("SELECT 1 FROM t WHERE a = ]", "syntax error"),
    ("SELECT FROM WHERE [x", "syntax error"),
    ("PREPARE p (int", "syntax error"),
    ("PREPARE p AS INSERT INTO t VALUES (1)", "PREPARE of a statement that changes data is not supported by the local"),
    (
        "PREPARE p AS MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE"
        " WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "PREPARE of a statement that changes data",
    ),
    ("PREPARE p AS WITH w AS (SELECT 1 AS a) DELETE FROM t", "PREPARE of a statement that changes data"),
    (
        "WITH w AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM w",
        "WITH before INSERT is not supported by Amazon Redshift",
    ),
    ("DECLARE c BINARY CURSOR FOR SELECT 1", "a BINARY cursor is not supported by Amazon Redshift"),
    ('DECLARE "c" NO SCROLL binary CURSOR FOR SELECT 1', "a BINARY cursor"),
    ('SELECT "sum"(a) OVER (ORDER BY a) FROM t', "require a frame clause"),
    ("SELECT pg_catalog.sum(a) OVER (ORDER BY a) FROM t", "require a frame clause"),
    ("SELECT REGEXP_SUBSTR('ab', 'a|ab', 1, 1, 'p')", "a Perl pattern with alternatives"),
    ("SELECT REGEXP_COUNT('ab', 'a+?', 1, 'ip')", "a Perl pattern with alternatives or lazy quantifiers"),
    ("CANCEL", "syntax error"),
    ("CANCEL 1.5", "syntax error"),
    ("CANCEL 12 13", "syntax error"),
    ("SELECT RATIO_TO_REPORT(a) FROM t", "syntax error"),
    ("SELECT RATIO_TO_REPORT(a) OVER (ORDER BY a) FROM t", "syntax error"),
    ("SELECT LISTAGG(DISTINCT a) OVER () FROM t", "LISTAGG(DISTINCT x) as a window function"),
    ("CREATE TABLE numbered (a int IDENTITY)", "IDENTITY without a seed"),
    ("SELECT * FROM t, u WHERE t.a = u.a(+)", "the (+) of an outer join"),
    (
        "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER (PARTITION BY a) FROM t",
        "PERCENTILE_CONT or PERCENTILE_DISC as a window",
    ),
    (
        "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a) OVER () FROM t",
        "PERCENTILE_CONT or PERCENTILE_DISC as a window",
    ),
]
# Names that begin like those of system tables, and are none or are there.
NOT_REFUSED = (
    "SELECT COUNT(*) FROM stl_load_errors",
    "SELECT COUNT(*) FROM pg_catalog.svv_table_info",
    "SELECT COUNT(*) FROM svv_external_tables t JOIN svv_external_columns c ON c.tablename = t.tablename",
    "WITH stl_mine AS (SELECT 1 AS a) SELECT a FROM stl_mine",
    "SELECT 1 AS a, 2 AS stl_b",
)


@pytest.mark.parametrize("statement", NOT_REFUSED)
def test_not_refused(plain_sql, statement):
    plain_sql.run(statement)


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("SET client_encoding TO 'LATIN1'", 'invalid value for parameter "client_encoding": "LATIN1"'),
        ("SET SESSION client_encoding = win1252", 'invalid value for parameter "client_encoding"'),
        ("CANCEL 99999999999", "integer out of range"),
    ],
)
def test_values_that_are_not_taken(plain_sql, statement, complaint):
    with pytest.raises(psycopg2.DataError, match=complaint):
        plain_sql.run(statement)
    assert plain_sql.one("SELECT 'é'") == "é"


def test_a_writer_with_with_waits_for_the_other_writer(warehouse, connect):
    warehouse.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    other = connect()
    other.cursor().execute("WITH w AS (SELECT 1 AS a) DELETE FROM t USING w WHERE t.a = w.a")
    locked = "SELECT COUNT(*) FROM svv_transactions WHERE lock_mode = 'ShareRowExclusiveLock'"
    assert warehouse.one(locked) == 1
    other.commit()
    warehouse.run("WITH w AS (SELECT 2 AS a) UPDATE t SET a = 3 FROM w WHERE t.a = w.a")
    assert warehouse.run("SELECT a FROM t") == [(3,)]


def test_system_tables_are_refused_with_what_serves_instead(plain_sql):
    with pytest.raises(psycopg2.Error) as raised:
        plain_sql.run("SELECT * FROM stv_tbl_perm")
    assert raised.value.diag.message_hint == "use svv_table_info"
    for instead in set(SYSTEM_INSTEAD.values()):
        plain_sql.run(f"SELECT * FROM {instead}")


def test_navigation_into_super_by_a_dot_is_named(plain_sql):
    with pytest.raises(psycopg2.Error) as raised:
        plain_sql.run("SELECT doc.a FROM (SELECT JSON_PARSE('{\"a\":1}') AS doc) AS d")
    assert "navigation into SUPER is not supported by the local target" in raised.value.diag.message_hint


def test_prepare_and_execute(plain_sql):
    plain_sql.run("PREPARE sum_of (int, varchar(3)) AS SELECT $1 + 1, NVL($2, 'none')")
    assert plain_sql.run("EXECUTE sum_of (1, NULL)") == [(2, "none")]
    plain_sql.run("DEALLOCATE sum_of")


def test_a_name_may_hold_any_character_of_several_bytes(plain_sql):
    # The ASCII letters are folded: https://docs.aws.amazon.com/redshift/latest/dg/r_names.html
    names = "\U0001f3b5", "a\u200eb", "GRÖßE", "\u00a0Ä"
    columns = ", ".join(f"{name} int" for name in names)
    plain_sql.run(
        f"DROP TABLE IF EXISTS many; CREATE TEMP TABLE many ({columns}); INSERT INTO many VALUES (1, 2, 3, 4)"
    )
    assert plain_sql.run(f"SELECT {', '.join(names)} FROM many m WHERE m.\U0001f3b5=1") == [(1, 2, 3, 4)]
    assert plain_sql.run('SELECT "GrÖße" FROM many') == [(3,)]


@pytest.mark.parametrize(("statement", "message"), REFUSED, ids=[case[0] for case in REFUSED])
def test_refused_by_name(plain_sql, statement, message):
    with pytest.raises(psycopg2.Error) as raised:
        plain_sql.run(statement)
    assert message.lower() in raised.value.diag.message_primary.lower()
    assert raised.value.pgcode in ("0A000", "42883", "42601", "42704")
    assert "CONTEXT" not in str(raised.value)


def test_what_looks_alike_is_let_through(plain_sql):
    plain_sql.run("""
        DROP TABLE IF EXISTS lookalike;
        CREATE TEMP TABLE lookalike (age int, mode varchar(20), returning_user int, "now" int);
        INSERT INTO lookalike (age, mode) VALUES (1, 'ON CONFLICT -> []'), (2, 'x');
    """)
    assert plain_sql.one("SELECT COUNT(*) /* DISTINCT ON (x) */ FROM lookalike WHERE mode <> 'RETURNING'") == 2
    assert plain_sql.run(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT SUM(i) FROM n"
    ) == [(6,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 AS a, a + 1 AS b",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "INSERT INTO explained SELECT NVL(a, 2) FROM explained",
        "UPDATE explained SET a = 3",
        "DELETE explained WHERE a = 1",
        "CREATE TEMP TABLE made DISTKEY (a) SORTKEY (a) AS SELECT a FROM explained",
        "CREATE TABLE made AS (SELECT a FROM explained)",
    ],
)
@pytest.mark.parametrize("verb", ["EXPLAIN", "EXPLAIN VERBOSE"])
def test_a_plan_is_shown_and_nothing_is_done(plain_sql, verb, statement):
    plain_sql.run("DROP TABLE IF EXISTS explained; CREATE TABLE explained (a int); INSERT INTO explained VALUES (1)")
    assert "cost=" in plain_sql.run(f"{verb} {statement}")[0][0]
    assert plain_sql.run("SELECT a FROM explained") == [(1,)]
    assert plain_sql.one("SELECT COUNT(*) FROM pg_class WHERE relname = 'made'") == 0


@pytest.fixture
def two(connect):
    """Two sessions outside autocommit, and a table with one row."""
    first, second = connect(), connect()
    with first.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int, b varchar(9)); INSERT INTO t VALUES (1, 'x')")
    first.commit()
    return first, second


def run(session, statement):
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def test_truncate_commits(two):
    first, _ = two
    run(first, "INSERT INTO t VALUES (2)")
    run(first, "CREATE TABLE u (a int)")
    run(first, "TRUNCATE TABLE t")
    first.rollback()
    assert run(first, "SELECT (SELECT COUNT(*) FROM t), (SELECT COUNT(*) FROM u)") == [(0, 0)]


def test_truncate_commits_an_explicit_transaction(warehouse):
    warehouse.run("CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1); TRUNCATE t; ROLLBACK")
    assert warehouse.one("SELECT COUNT(*) FROM t") == 0


def test_vacuum_needs_autocommit(two):
    first, _ = two
    with pytest.raises(psycopg2.errors.ActiveSqlTransaction, match="VACUUM cannot run inside a transaction block"):
        run(first, "VACUUM t")
    first.rollback()
    first.autocommit = True
    for statement in (
        "VACUUM",
        "VACUUM t",
        "VACUUM FULL t TO 99 PERCENT",
        "vacuum delete only t boost",
        "VACUUM SORT ONLY",
        "VACUUM REINDEX t",
    ):
        run(first, statement)
    for statement in ("ANALYZE", "ANALYZE t (a)", "ANALYZE VERBOSE t PREDICATE COLUMNS", "analyze t all columns"):
        run(first, statement)


def test_an_error_ends_the_transaction(two):
    first, _ = two
    run(first, "INSERT INTO t VALUES (2)")
    with pytest.raises(psycopg2.errors.FeatureNotSupported):
        run(first, "SAVEPOINT s")
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        run(first, "SELECT 1")
    first.rollback()
    assert run(first, "SELECT COUNT(*) FROM t") == [(1,)]


def test_a_snapshot_is_kept(two):
    first, second = two
    assert run(first, "SELECT COUNT(*) FROM t") == [(1,)]
    run(second, "INSERT INTO t VALUES (2)")
    second.commit()
    assert run(first, "SELECT COUNT(*) FROM t") == [(1,)]
    first.commit()
    assert run(first, "SELECT COUNT(*) FROM t") == [(2,)]


def in_background(session, statement):
    outcome = {}

    def work():
        try:
            outcome["rows"] = run(session, statement)
        except psycopg2.Error as error:
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, outcome


def test_writers_of_one_table_wait_and_readers_do_not(two, connect):
    first, second = two
    run(first, "INSERT INTO t VALUES (2)")
    thread, outcome = in_background(second, "INSERT INTO t VALUES (3)")
    thread.join(0.3)
    assert thread.is_alive()
    assert run(connect(), "SELECT COUNT(*) FROM t") == [(1,)]
    first.commit()
    thread.join(30)
    assert outcome == {"rows": None}
    second.commit()
    assert run(first, "SELECT COUNT(*) FROM t") == [(3,)]


def test_a_conflict_is_error_1023(two):
    first, second = two
    run(second, "SELECT COUNT(*) FROM t")
    run(first, "UPDATE t SET a = 2")
    thread, outcome = in_background(second, "UPDATE t SET a = 3")
    thread.join(0.3)
    first.commit()
    thread.join(30)
    error = outcome["error"]
    assert isinstance(error, psycopg2.InternalError)
    assert error.pgcode == "XX000"
    assert error.diag.message_primary == "1023"
    assert error.diag.message_detail.startswith("Serializable isolation violation on table")
    second.rollback()
    assert run(second, "SELECT a FROM t") == [(2,)]


def test_lock_first_sees_what_was_committed_before_it_got_the_lock(two):
    first, second = two
    run(first, "LOCK t")
    thread, outcome = in_background(second, "LOCK TABLE t; UPDATE t SET a = a + 1; SELECT a FROM t")
    thread.join(0.3)
    run(first, "UPDATE t SET a = 10")
    first.commit()
    thread.join(30)
    assert outcome == {"rows": [(11,)]}


def test_merge(two):
    first, _ = two
    run(first, "CREATE TEMP TABLE u (a int, b varchar(9)); INSERT INTO u VALUES (1, 'new'), (2, 'two')")
    merge = (
        "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = u.b WHEN NOT MATCHED THEN"
        " INSERT VALUES (u.a, u.b)"
    )
    run(first, merge)
    assert run(first, "SELECT a, b FROM t ORDER BY a") == [(1, "new"), (2, "two")]
    run(first, "INSERT INTO u VALUES (1, 'again')")
    with pytest.raises(psycopg2.InternalError, match="Found multiple matches to update the same tuple"):
        run(first, merge)


def test_delete_without_from_and_with_using(two):
    first, _ = two
    run(
        first,
        "DELETE t WHERE a = 9; CREATE TABLE u (a int); INSERT INTO u VALUES (1); DELETE FROM t USING u WHERE t.a = u.a",
    )
    assert run(first, "SELECT COUNT(*) FROM t") == [(0,)]


def test_settings(plain_sql):
    plain_sql.run(
        "SET query_group TO 'nightly'; SET enable_result_cache_for_session TO off; SET statement_timeout TO 60000;"
        " SET error_on_nondeterministic_update TO false"
    )
    assert plain_sql.one("SHOW query_group") == "nightly"
    plain_sql.run("RESET query_group; RESET statement_timeout")


def test_ways_to_execute(two):
    first, _ = two
    with first.cursor(cursor_factory=extras.RealDictCursor) as cursor:
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(5, "it's"), (6, "50%")])
        assert cursor.rowcount == 2
        extras.execute_values(cursor, "INSERT INTO t (a, b) VALUES %s", [(7, "x\\y"), (8, None)])
        extras.execute_batch(cursor, "INSERT INTO t VALUES (%s)", [(9,), (10,)])
        cursor.execute(
            sql.SQL("SELECT NVL({}, 'none') AS b FROM {} WHERE a > %s ORDER BY a").format(
                sql.Identifier("B"), sql.Identifier("T")
            ),
            (4,),
        )
        assert [row["b"] for row in cursor.fetchall()] == ["it's", "50%", "x\\y", "none", "none", "none"]
    with first.cursor(name="walk") as cursor:
        cursor.itersize = 2
        cursor.execute("SELECT NVL2(b, a, -a) FROM t ORDER BY a")
        assert [row[0] for row in cursor] == [1, 5, 6, 7, -8, -9, -10]
    with pytest.raises(psycopg2.Error), first.cursor() as cursor:
        cursor.copy_expert("COPY t TO STDOUT", io.StringIO())


def test_an_empty_statement_is_an_error(plain_sql):
    with pytest.raises(psycopg2.ProgrammingError):
        plain_sql.run(" -- nothing\n")


def test_super_comes_back_as_text(plain_sql):
    # Without the blanks between its parts: https://docs.aws.amazon.com/redshift/latest/dg/parse_json.html
    parsed = plain_sql.one("""SELECT JSON_PARSE('{"a b": [1, "x  y", "\\\\" ", 2.50]\n}')""")
    assert parsed == '{"a b":[1,"x  y","\\" ",2.50]}'
    with pytest.raises(psycopg2.Error, match="invalid input syntax for type json"):
        plain_sql.one("SELECT JSON_PARSE('1 2')")


STORED = [
    # Without JSON_PARSE the value is a single string: https://docs.aws.amazon.com/redshift/latest/dg/parse_json.html
    ("""INSERT INTO documents VALUES ('{"a":1}')""", '"{\\"a\\":1}"'),
    ("INSERT INTO documents (doc) VALUES ('abc')", '"abc"'),
    ("INSERT INTO documents VALUES ('5')", '"5"'),
    ("INSERT INTO documents VALUES (5)", "5"),
    ("INSERT INTO documents VALUES (1.50)", "1.50"),
    ("INSERT INTO documents VALUES (true)", "true"),
    ("INSERT INTO documents VALUES (NULL)", None),
    ("""INSERT INTO documents VALUES (JSON_PARSE('{"a":1}'))""", '{"a":1}'),
    ("""INSERT INTO documents SELECT '{"a":1}'""", '"{\\"a\\":1}"'),
    ("""INSERT INTO documents SELECT DISTINCT '[1]' AS x""", '"[1]"'),
    ("INSERT INTO documents SELECT 'x'::varchar UNION SELECT 'x'", '"x"'),
    ("INSERT INTO documents VALUES (JSON_PARSE('[1]')); UPDATE documents SET doc = '[2]' WHERE 1 = 1", '"[2]"'),
    ("INSERT INTO documents VALUES ('x'); UPDATE documents SET doc = doc", '"x"'),
    ("INSERT INTO documents VALUES (CAST('{}' AS SUPER))", '"{}"'),
    ("INSERT INTO documents SELECT '{}'::super", '"{}"'),
    ("INSERT INTO documents SELECT '[1]' AS a FROM (SELECT 1 AS n) x GROUP BY 1", '"[1]"'),
    ("ALTER TABLE documents ADD n super DEFAULT '[]'; INSERT INTO documents (n) VALUES (DEFAULT)", '"[]"'),
    (
        "INSERT INTO documents VALUES ('it''s'), (JSON_PARSE('1')); DELETE FROM documents WHERE doc::varchar <> '1'",
        "1",
    ),
    ("INSERT INTO documents SELECT NVL(doc, JSON_PARSE('[]')) FROM (SELECT NULL::super AS doc) AS d", "[]"),
]


@pytest.mark.parametrize(("statement", "stored"), STORED, ids=[case[0] for case in STORED])
def test_a_string_in_super_stays_a_string(plain_sql, statement, stored):
    plain_sql.run("DROP TABLE IF EXISTS documents; CREATE TEMP TABLE documents (doc super)")
    plain_sql.run(statement)
    column = "n" if "ADD n" in statement else "doc"
    assert plain_sql.run(f"SELECT {column} FROM documents") == [(stored,)]


def test_a_string_in_super_loses_its_quotes_as_text(plain_sql):
    values = "'a \"b\"'::super, JSON_PARSE('\"c\"'), JSON_PARSE('2.50'), JSON_PARSE('null'), NULL::super"
    casts = ", ".join(f"CAST({value} AS VARCHAR)" for value in values.split(", "))
    assert plain_sql.run(f"SELECT {casts}") == [('a "b"', "c", "2.50", None, None)]
    assert plain_sql.one("SELECT JSON_SERIALIZE('c'::super)") == '"c"'
    with pytest.raises(psycopg2.Error, match="array or object in SUPER to VARCHAR is not supported"):
        plain_sql.run("SELECT JSON_PARSE('[1]')::varchar(5)")


def test_who_holds_locks(two):
    first, second = two
    run(first, "LOCK t")
    holders = run(
        second,
        "SELECT txn_owner, pid FROM svv_transactions WHERE granted AND lock_mode ="
        " 'AccessExclusiveLock' AND relation = 't'::regclass::int",
    )
    assert holders == [(USER, first.get_backend_pid())]


def test_a_session_in_five_lines(endpoint):
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DATEDIFF(day, '2018-11-01', GETDATE()) > 0")
        assert cursor.fetchone() == (True,)
    connection.close()


def test_variables_of_libpq_change_nothing_for_a_step(endpoint, monkeypatch):
    for name, value in VARIABLES_OF_LIBPQ.items():
        monkeypatch.setenv(name, value)
    connection = connecting.connect(
        host="127.0.0.1", port=endpoint.port, database=DATABASE, user=USER, password=PASSWORD, roots=endpoint.authority
    )
    assert run(connection, "SELECT 'ソング'") == [("ソング",)]
    assert run(connection, "SHOW timezone") == [("UTC",)]
    connection.close()
