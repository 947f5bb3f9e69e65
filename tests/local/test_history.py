"""What ran and what runs: SYS_QUERY_HISTORY, STL_QUERY, STV_INFLIGHT, STV_RECENTS and STV_SESSIONS."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import psycopg2
import pytest

from dwh.local.redshift import history, protocol
from tests.local.conftest import BUCKET, DATABASE, ROLE
from tests.local.test_server import answer, execute, logged_in, run, sessions, wait_for

SLOW = "SELECT COUNT(*) FROM pg_class a, pg_class b, pg_class c, pg_class d, pg_class e"


@pytest.fixture
def session(connect):
    made = connect()
    made.autocommit = True
    return made


def ran(session, pid=None, columns="TRIM(query_text), TRIM(query_type), TRIM(status), returned_rows"):
    """What a session has run, in its order; by default, this one before now."""
    mine = pid or session.get_backend_pid()
    where = f"session_id = {mine} AND query_text NOT LIKE '%sys_query_history%'"
    return run(session, f"SELECT {columns} FROM sys_query_history WHERE {where} ORDER BY query_id")


# --- SYS_QUERY_HISTORY.html ---


def test_statements_are_taken_down_with_what_came_of_them(session):
    run(session, "CREATE TABLE t (a int)")
    run(session, "INSERT INTO t VALUES (1), (2)")
    run(session, "CREATE TABLE u AS SELECT a FROM t; SELECT a FROM t; DELETE FROM t")
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        run(session, "WITH w AS (SELECT 1 AS b) SELECT a FROM w")
    run(session, "SELECT a FROM t")
    assert ran(session) == [
        ("CREATE TABLE t (a int)", "DDL", "success", 0),
        ("INSERT INTO t VALUES (1), (2)", "INSERT", "success", 0),
        ("CREATE TABLE u AS SELECT a FROM t", "CTAS", "success", 0),
        ("SELECT a FROM t", "SELECT", "success", 2),
        ("DELETE FROM t", "DELETE", "success", 0),
        ("WITH w AS (SELECT 1 AS b) SELECT a FROM w", "SELECT", "failed", None),
        ("SELECT a FROM t", "SELECT", "success", 0),
    ]
    ((who, where, error),) = ran(session, columns="username, database_name, error_message")[-2:-1]
    assert (who.strip(), where.strip()) == ("tester", DATABASE)
    assert error.strip() == 'column "a" does not exist'


def test_a_slow_statement_is_found(session):
    run(session, "SELECT 1")
    run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b WHERE MD5(a.relname || b.relname) = 'x'")
    slowest = (
        "SELECT elapsed_time, DATEDIFF(us, start_time, end_time), query_text FROM sys_query_history WHERE session_id = "
    )
    rows = run(session, f"{slowest} {session.get_backend_pid()} AND status = 'success' ORDER BY 1 DESC LIMIT 1")
    assert rows[0][0] == rows[0][1] > 10_000
    assert "MD5" in rows[0][2]


def test_a_rollback_and_a_lost_transaction_take_nothing_back(connect, session):
    other = connect()
    run(other, "SELECT 1")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        run(other, "SELECT 1 / 0")
    other.rollback()
    told = ran(session, other.get_backend_pid())
    assert [row[0] for row in told] == ["BEGIN", "SELECT 1", "SELECT 1 / 0", "ROLLBACK"]


def test_a_load_has_one_number_in_all_views(session, aws):
    aws.put("data/1", '{"a": 1}')
    run(session, "CREATE TABLE t (a int)")
    run(session, f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'")
    ((number, last, loaded),) = run(
        session,
        "SELECT q.query_id, pg_last_copy_id(), h.loaded_rows FROM sys_query_history q"
        " JOIN sys_load_history h ON h.query_id = q.query_id WHERE q.query_id = pg_last_copy_id()",
    )
    assert (number, loaded) == (last, 1)


def test_what_the_dialect_refuses_is_not_taken_down(session):
    with pytest.raises(psycopg2.errors.FeatureNotSupported):
        run(session, "SELECT a FROM t GROUP BY ALL")
    run(session, "SELECT 1")
    assert [row[0] for row in ran(session)] == ["SELECT 1"]


# --- what runs ---


def test_what_runs_is_seen_and_then_canceled(connect, session):
    busy = connect()
    busy.autocommit = True
    pid = busy.get_backend_pid()

    def query():
        with pytest.raises(psycopg2.errors.QueryCanceled):
            run(busy, SLOW)

    thread = threading.Thread(target=query)
    thread.start()
    inflight = f"SELECT query, TRIM(text) FROM stv_inflight WHERE pid = {pid}"
    wait_for(lambda: run(session, inflight))
    ((number, text),) = run(session, inflight)
    assert text == SLOW
    assert run(session, f"SELECT TRIM(status), TRIM(query) FROM stv_recents WHERE pid = {pid}") == [("Running", SLOW)]
    assert ran(session, pid) == [(SLOW, "SELECT", "running", None)]
    assert run(session, f"SELECT query FROM stl_query WHERE query = {number}") == []
    busy.cancel()
    thread.join()
    assert ran(session, pid) == [(SLOW, "SELECT", "canceled", None)]
    assert run(session, f"SELECT aborted FROM stl_query WHERE query = {number}") == [(1,)]
    assert run(session, inflight) == []


def test_what_a_killed_session_ran_runs_no_more(connect, session, endpoint):
    others = {child.pid for child in sessions(endpoint)}
    killed = connect()
    killed.autocommit = True
    pid = killed.get_backend_pid()
    (process,) = {child.pid for child in sessions(endpoint)} - others

    def query():
        with pytest.raises(psycopg2.OperationalError):
            run(killed, SLOW)

    thread = threading.Thread(target=query)
    thread.start()
    wait_for(lambda: run(session, f"SELECT 1 FROM stv_inflight WHERE pid = {pid}"))
    os.kill(process, signal.SIGKILL)
    thread.join()
    wait_for(lambda: ran(session, pid) == [(SLOW, "SELECT", "canceled", None)])


def test_sessions_are_listed_once_each(connect, session, aws):
    aws.put("data/1", '{"a": 1}')
    run(session, "CREATE TABLE t (a int)")
    run(session, f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'")  # opens a second connection
    other = connect()
    pids = (session.get_backend_pid(), other.get_backend_pid())
    rows = run(session, "SELECT process, TRIM(user_name), TRIM(db_name), starttime <= SYSDATE FROM stv_sessions")
    assert [row for row in rows if row[0] in pids] == [(pid, "tester", DATABASE, True) for pid in pids]
    assert len(rows) == len(set(rows))
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'redshift log'"
    assert run(session, f"SELECT COUNT(*) > 0 FROM ({ours}) AS ours") == [(True,)]
    assert run(session, f"SELECT COUNT(*) FROM stv_sessions WHERE process IN ({ours})") == [(0,)]


# --- r_STL_QUERY.html, r_PG_LAST_QUERY_ID.html ---


def test_stl_query_has_queries_and_no_utilities(session):
    run(session, "CREATE TABLE t (a int); INSERT INTO t VALUES (1); ANALYZE t")
    where = f"WHERE pid = {session.get_backend_pid()}"
    rows = run(session, f"SELECT query, TRIM(querytxt), aborted FROM stl_query {where}")
    assert [row[1:] for row in rows] == [("INSERT INTO t VALUES (1)", 0)]
    assert run(session, "SELECT pg_last_query_id()")[0][0] > rows[0][0]


def test_a_session_that_has_run_no_query_has_no_last_one(connect):
    assert run(connect(), "SELECT pg_last_query_id()") == [(-1,)]


# --- the extended protocol ---


def test_prepared_statements_are_taken_down(endpoint, session):
    with logged_in(endpoint) as made:
        answer(made, execute("CREATE TABLE t (a int)") + protocol.SYNC)
        answer(made, execute("INSERT INTO t VALUES (1), (2)") + protocol.SYNC)
        answer(made, execute("SELECT a FROM t AS prepared") + protocol.SYNC)
        answer(made, execute("DELETE FROM t") + execute("SELECT a FROM t") + protocol.SYNC)
        answer(made, execute("SELECT 'batch'") + execute("SELECT 1 / 0") + execute("SELECT 'never'") + protocol.SYNC)
        theirs = "SELECT session_id FROM sys_query_history WHERE query_text LIKE 'SELECT a FROM t AS prepared%'"
        ((pid,),) = run(session, theirs)
        rows = ran(session, pid, "TRIM(query_text), TRIM(status), returned_rows")
    # What is behind a failure in its batch is taken down only where it was sent on before the failure was known.
    assert rows[7:] in ([], [("SELECT 'never'", "failed", None)])
    assert rows[:7] == [
        ("CREATE TABLE t (a int)", "success", 0),
        ("INSERT INTO t VALUES (1), (2)", "success", 0),
        ("SELECT a FROM t AS prepared", "success", 2),
        ("DELETE FROM t", "success", 0),
        ("SELECT a FROM t", "success", None),
        ("SELECT 'batch'", "failed", None),
        ("SELECT 1 / 0", "failed", None),
    ]


def test_rows_in_portions_are_one_query(endpoint, session):
    with logged_in(endpoint) as made:
        some = protocol.message(b"E", b"\0\0\0\0\5")
        bound = execute("SELECT relname AS portions FROM pg_class").removesuffix(protocol.message(b"E", b"\0" * 5))
        answer(made, bound + some + some + some + protocol.SYNC)
    where = "query_text LIKE 'SELECT relname AS portions%'"
    assert run(session, f"SELECT TRIM(status), returned_rows FROM sys_query_history WHERE {where}") == [
        ("success", None)
    ]


# --- who sees what ---


def test_a_user_sees_only_what_is_the_users(connect, session):
    run(session, "CREATE USER reader PASSWORD 'Reader-Secret-1'")
    try:
        reader = connect(user="reader", password="Reader-Secret-1", dbname=DATABASE)
        reader.autocommit = True
        run(reader, "SELECT 42")
        own = run(reader, "SELECT query_text FROM sys_query_history ORDER BY 1")
        assert [text.strip()[:17] for (text,) in own] == ["SELECT 42", "SELECT query_text"]
        assert len(run(reader, "SELECT process FROM stv_sessions")) == 1
        for relation in ("stl_query", "stv_inflight", "stv_recents", "redshift.history()", "redshift.sessions()"):
            (count,) = run(reader, f"SELECT COUNT(DISTINCT userid) FROM {relation}")[0]
            assert count == 1, relation
        seen = run(session, "SELECT COUNT(*) FROM stl_query WHERE querytxt LIKE 'SELECT 42%'")
        assert seen == [(1,)]
        run(session, "SET SESSION AUTHORIZATION reader")
        assert run(session, "SELECT COUNT(DISTINCT userid) FROM stl_query") == [(1,)]
        run(session, "RESET SESSION AUTHORIZATION")
        reader.close()
    finally:
        run(session, "DROP USER reader")


SECRETS = (
    "CREATE USER masked PASSWORD 'Top-Secret-1'",
    "ALTER USER masked PASSWORD 'Top-Secret-2' VALID UNTIL '2030-01-01'",
    "ALTER USER masked WITH PASSWORD $$Top-Secret-3$$",
    "COPY t FROM 's3://b/k' CREDENTIALS AS 'aws_access_key_id=Top-Secret;aws_secret_access_key=Top-Secret' JSON 'auto'",
    "COPY t FROM 's3://b/k' ACCESS_KEY_ID 'Top-Secret' SECRET_ACCESS_KEY /* x */ 'Top-Secret' JSON 'auto'",
    "ALTER USER masked PASSWORD 'Top-Secret-4' VALID",
    "ALTER USER masked PASSWORD 'Abc' -- and\n'Top-Secret-6'\n\n'Top-Secret-7'",
    "ALTER USER masked PASSWORD ('Top-Secret-8')",
    "ALTER USER masked PASWORD U&'Top-Secret-9'",
    "CREATE ROLE masked \"password\" E'Top-Secret-10'",
    "COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id=A;'\n'aws_secret_access_key=Top-Secret' JSON 'auto'",
    "COPY t FROM 's3://b/k' \"credentials\" 'aws_access_key_id=A;aws_secret_access_key=Top-Secret' JSON 'auto'",
    "COPY t FROM 's3://b/k' IAM_ROLE 'arn' TOKEN 'Top-Secret' JSON 'auto'",
    "SELECT 1 FROM (SELECT 1 AS password) AS a WHERE password = 'Top-Secret-5'",  # the error names it
)


def test_secrets_are_masked(session, server):
    for statement in SECRETS:
        with contextlib.suppress(psycopg2.Error):
            run(session, statement)
    run(session, "DROP USER masked")
    assert not [file for file in (server.place / history.FOLDER).iterdir() if b"Top-Secret" in file.read_bytes()]
    texts = [row[0] for row in ran(session)]
    assert texts[0] == "CREATE USER masked PASSWORD '***'"
    assert texts[2] == "ALTER USER masked WITH PASSWORD '***'"
    assert ran(session, columns="error_message")[-2][0].strip() == "***"
    assert texts[3] == "COPY t FROM 's3://b/k' CREDENTIALS AS '***' JSON 'auto'"


# --- the files ---


def test_the_history_is_bounded_and_the_latest_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "EACH", 10)
    files = history.History(tmp_path)
    for _ in range(57):
        files.write([files.next(), "begins"])
    kept = [(tmp_path / history.FOLDER / name).read_text().split() for name in ("0", "1")]
    assert [[line for line in lines if "begins" in line] for lines in kept] == [
        [f'[{number},"begins"]' for number in range(40, 50)],
        [f'[{number},"begins"]' for number in range(50, 58)],
    ]
    assert history.History(tmp_path).next() == 58


def test_lines_that_are_cut_off_and_any_text_harm_nothing(session, server):
    with (server.place / history.FOLDER / "0").open("ab") as file:
        file.write(b'\n[7, 8, "caf\n\n[]\n{"a": 1}\nnull')
    text = 'SELECT \'café €\\\\ "x" \t \x01\' AS "naïve"'
    run(session, text)
    assert ran(session)[-1][0] == text


def test_sessions_number_their_queries_without_gap_or_double(connect, session):
    others = [connect() for _ in range(4)]
    for other in others:
        other.autocommit = True
    (first,) = run(session, "SELECT MAX(query_id) FROM sys_query_history")[0]
    threads = [threading.Thread(target=lambda made=made: [run(made, "SELECT 7") for _ in range(50)]) for made in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = run(
        session, f"SELECT query_id FROM sys_query_history WHERE query_id > {first} AND query_text LIKE 'SELECT 7%'"
    )
    assert sorted(number for (number,) in rows) == list(range(first + 1, first + 201))
