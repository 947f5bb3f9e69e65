"""The local Redshift as a server: transactions, cancel, limits, clients that go away. Over the wire."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import struct
import threading
import time

import psutil
import psycopg2
import pytest
from psycopg2 import errors

from dwh.local.redshift import listener
from tests.local.conftest import BUCKET, DATABASE, PASSWORD, ROLE, USER


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.fixture
def session(connect):
    made = connect()
    made.autocommit = True
    return made


def run(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else cursor.statusmessage


def raw(endpoint, *, tls=True):
    """A connection without a driver."""
    made = socket.create_connection(("127.0.0.1", endpoint.port), timeout=10)
    if not tls:
        return made
    made.sendall(struct.pack("!ii", 8, 80877103))
    assert made.recv(1) == b"S"
    return ssl.create_default_context(cafile=endpoint.authority).wrap_socket(made, server_hostname="localhost")


def everything(made):
    """What the server sends until it hangs up."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while data := made.recv(65536):
            heard += data
    return heard


# --- strings of several statements ---


def test_several_statements_are_one_transaction(session):
    run(session, "CREATE TABLE t (a int)")
    with pytest.raises(errors.DivisionByZero):
        run(session, "INSERT INTO t VALUES (1); INSERT INTO t SELECT 1 / 0; INSERT INTO t VALUES (3)")
    assert run(session, "SELECT COUNT(*) FROM t") == [(0,)]
    assert run(session, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); SELECT COUNT(*) FROM t") == [(2,)]


def test_a_string_may_end_its_transaction_and_begin_another(session):
    run(session, "CREATE TABLE t (a int)")
    with pytest.raises(errors.DivisionByZero):
        run(session, "INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); SELECT 1 / 0")
    assert run(session, "SELECT a FROM t") == [(1,)]
    run(session, "BEGIN; INSERT INTO t VALUES (3)")
    assert session.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INTRANS
    run(session, "ROLLBACK")
    assert run(session, "INSERT INTO t VALUES (4); ROLLBACK; SELECT a FROM t") == [(1,)]


def test_vacuum_is_alone(session):
    with pytest.raises(errors.ActiveSqlTransaction):
        run(session, "SELECT 1; VACUUM")
    assert run(session, "VACUUM") == "VACUUM"


@pytest.mark.parametrize(
    ("sql", "tag"),
    [
        ("CREATE TABLE made (a int, b varchar(9)) DISTKEY (a)", "CREATE TABLE"),
        ("INSERT INTO t VALUES (1), (2)", "INSERT 0 2"),
        ("ALTER TABLE t ADD COLUMN c int", "ALTER TABLE"),
        ("ALTER TABLE t ALTER SORTKEY NONE", "ALTER TABLE"),
        ("ANALYZE t", "ANALYZE"),
        ("TRUNCATE t", "TRUNCATE TABLE"),
        ("SET query_group TO 'x'", "SET"),
    ],
)
def test_what_was_done_is_said_by_its_own_name(session, sql, tag):
    run(session, "CREATE TABLE t (a int)")
    assert run(session, sql) == tag
    assert not [text for text in session.notices if "redshift" in text]


def test_copy_says_so(session, aws):
    aws.put("data/1", '{"a": 1}')
    run(session, "CREATE TABLE t (a int)")
    assert run(session, f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'") == "COPY"


def test_an_alias_of_the_list_may_be_used_in_it_and_in_where_also_inside_a_transaction(connect):
    inside = connect()
    run(inside, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (5)")
    assert run(inside, "SELECT a + 1 AS b, b * 2 AS c FROM t WHERE b > 2") == [(6, 12)]
    with pytest.raises(errors.UndefinedColumn):
        run(inside, "SELECT a + 1 AS b, nothing FROM t")
    inside.rollback()


# --- who may come in ---


def test_a_plain_connection_is_refused_where_the_parameter_group_says_so(connect):
    with pytest.raises(psycopg2.OperationalError, match="SSL off"):
        connect(sslmode="disable")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "nobody-here"}, "password authentication failed"),
        ({"dbname": "elsewhere"}, 'database "elsewhere" does not exist'),
        ({"client_encoding": "LATIN1"}, "client_encoding"),
    ],
)
def test_who_is_not_let_in_is_told_why(connect, options, complaint):
    with pytest.raises(psycopg2.OperationalError, match=complaint):
        connect(**options)


def test_settings_of_the_start_are_taken(connect):
    made = connect(options="-c statement_timeout=1234 -c search_path=elsewhere,public", application_name="a test")
    assert run(made, "SHOW statement_timeout") == [("1234ms",)]
    assert run(made, "SHOW search_path") == [("elsewhere,public",)]


def test_a_client_is_told_that_it_is_redshift(session):
    assert session.server_version == 80002
    assert session.get_parameter_status("padb_version")
    assert "Redshift" in run(session, "SELECT version()")[0][0]


def test_there_is_a_limit_and_it_is_said_in_redshifts_words(endpoint, session):
    idle = [raw(endpoint) for _ in range(listener.MOST)]
    try:
        with pytest.raises(psycopg2.OperationalError, match=r"connection limit .* exceeded for non-bootstrap users"):
            endpoint.connect().close()
        assert run(session, "SELECT 1") == [(1,)]
    finally:
        for made in idle:
            made.close()
    wait_for(lambda: len(sessions(endpoint)) < 10)
    endpoint.connect().close()


def sessions(endpoint):
    return psutil.Process(endpoint.endpoint._process.pid).children()


RUBBISH = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff" + b"x" * 100,
    struct.pack("!ii", 8, 12345),
    struct.pack("!ii", 12, 3 << 16) + b"user",
    struct.pack("!ii", 9, 3 << 16) + b"\0",
    bytes(range(256)) * 4,
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
@pytest.mark.parametrize("tls", [True, False])
def test_rubbish_is_answered_with_an_error_and_nobody_else_notices(endpoint, session, rubbish, tls):
    with raw(endpoint, tls=tls) as made:
        made.sendall(rubbish)
        heard = everything(made)
    assert not heard or heard.startswith((b"E", b"N"))
    assert run(session, "SELECT 1") == [(1,)]


def logged_in(endpoint):
    made = raw(endpoint)
    body = b"user\0" + USER.encode() + b"\0database\0" + DATABASE.encode() + b"\0\0"
    made.sendall(struct.pack("!ii", len(body) + 8, 3 << 16) + body)
    assert made.recv(9)[:1] == b"R"
    password = PASSWORD.encode() + b"\0"
    made.sendall(b"p" + struct.pack("!i", len(password) + 4) + password)
    heard = b""
    while not heard.endswith(b"Z\0\0\0\5I"):
        heard += made.recv(65536)
    return made


@pytest.mark.parametrize(
    "rubbish",
    [b"?\0\0\0\4", b"Q\0\0\0\0", b"Q\x7f\xff\xff\xff", b"Q\0\0\0\5x", b"Q\0\0\0\6\xff\0", b"B\0\0\0\7a\0bS\0\0\0\4"],
)
def test_rubbish_in_a_session_ends_that_session(endpoint, session, rubbish):
    with logged_in(endpoint) as made:
        made.sendall(rubbish)
        heard = everything(made)
    assert heard.startswith(b"E")
    assert b"08P01" in heard
    assert run(session, "SELECT 1") == [(1,)]


# --- cancel, and clients that go away ---


def test_cancel_ends_the_statement_and_not_the_session(session):
    threading.Timer(0.3, session.cancel).start()
    with pytest.raises(errors.QueryCanceled):
        run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b, pg_class c, pg_class d, pg_class e")
    assert run(session, "SELECT 1") == [(1,)]


def test_cancel_ends_a_wait_for_a_lock(connect, session):
    run(session, "CREATE TABLE t (a int)")
    holder, waiter = connect(), connect()
    run(holder, "LOCK t")
    threading.Timer(0.3, waiter.cancel).start()
    with pytest.raises(errors.QueryCanceled):
        run(waiter, "LOCK t")


def test_a_wrong_key_cancels_nothing(endpoint, session):
    pid = session.get_backend_pid()
    done = threading.Event()

    def query():
        run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b, pg_class c")
        done.set()

    thread = threading.Thread(target=query)
    thread.start()
    for key in (0, 1, 2**31 - 1):
        with raw(endpoint) as made:
            made.sendall(struct.pack("!iiii", 16, 80877102, pid, key))
            assert everything(made) == b""
    thread.join(60)
    assert done.is_set()


def slow_copy(aws, session):
    """A COPY that takes a while: rows that each go the exact way."""
    aws.put("data/1", '{"a": 1.0, "b": "x"}\n' * 1_000_000)
    run(session, "CREATE TABLE t (a int, b varchar(3))")
    return f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'"


RUNNING = "SELECT COUNT(*) FROM sys_load_history WHERE status = 'running'"


def test_cancel_ends_a_copy(connect, session, aws):
    statement, canceled = slow_copy(aws, session), connect()

    def cancel():
        wait_for(lambda: run(session, RUNNING) != [(0,)])
        canceled.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(errors.QueryCanceled):
        run(canceled, statement)
    thread.join()
    assert run(session, "SELECT COUNT(*) FROM t") == [(0,)]


def test_a_client_that_goes_away_in_a_copy_leaves_nothing(connect, session, aws, endpoint):
    statement = slow_copy(aws, session)
    leaving = connect()
    before = {child.pid for child in sessions(endpoint)}

    def begin():
        with contextlib.suppress(psycopg2.Error):
            run(leaving, statement)

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    wait_for(lambda: run(session, RUNNING) != [(0,)])
    with socket.socket(fileno=os.dup(leaving.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: len({child.pid for child in sessions(endpoint)} & before) < len(before))
    assert run(session, "SELECT COUNT(*) FROM t") == [(0,)]
    thread.join(30)


def test_a_killed_session_rolls_back_and_takes_nobody_with_it(connect, session, endpoint):
    run(session, "CREATE TABLE t (a int)")
    others = {child.pid for child in sessions(endpoint)}
    killed = connect()
    run(killed, "INSERT INTO t VALUES (1)")
    (process,) = {child.pid for child in sessions(endpoint)} - others
    os.kill(process, signal.SIGKILL)
    with pytest.raises(psycopg2.OperationalError):
        run(killed, "SELECT 1")
    held = "SELECT COUNT(*) FROM svv_transactions WHERE relation = 't'::regclass::int"
    wait_for(lambda: run(session, held) == [(0,)])
    assert run(session, "SELECT COUNT(*) FROM t") == [(0,)]


def test_a_session_that_postgresql_ends_is_told(connect, session):
    ended = connect()
    run(session, f"SELECT pg_terminate_backend({ended.get_backend_pid()})")
    with pytest.raises(psycopg2.OperationalError):
        run(ended, "SELECT 1")


# --- what it costs ---


def test_a_large_result_streams_through(session, endpoint):
    mine = next(child for child in sessions(endpoint) if child.pid == process_of(endpoint, session))
    run(session, "CREATE TEMP TABLE many (a varchar(1000))")
    run(session, "INSERT INTO many SELECT REPEAT('x', 1000) FROM pg_class a, pg_class b LIMIT 60000")
    run(session, "SELECT 1")
    before, most = mine.memory_info().rss, 0
    watching = threading.Event()

    def watch():
        nonlocal most
        while not watching.wait(0.01):
            most = max(most, mine.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    assert len(run(session, "SELECT a FROM many")) == 60_000
    watching.set()
    thread.join()
    assert most - before < 20 << 20


def process_of(endpoint, connection):
    """The process of a session, from the name under which it can be canceled."""
    (place,) = endpoint.endpoint.settings.sessions.glob(f"{connection.get_backend_pid()}-*")
    return int(place.name.partition("-")[2])


def test_idle_sessions_cost_no_processor(connect, endpoint):
    idle = [connect() for _ in range(5)]
    processes = [psutil.Process(process_of(endpoint, made)) for made in idle]
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(0.5)
    assert sum(sum(process.cpu_times()[:2]) for process in processes) - before < 0.05
