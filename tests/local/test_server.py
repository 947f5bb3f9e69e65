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

from dwh.local.redshift import listener, protocol
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


def test_a_copy_that_is_wrong_undoes_what_came_before_it(connect, session):
    with pytest.raises(errors.InternalError_):
        run(session, "CREATE TABLE t (a int); COPY t FROM 's3://b/k' IAM_ROLE 'nonsense' JSON 'auto'")
    assert run(session, "SELECT COUNT(*) FROM pg_class WHERE relname = 't'") == [(0,)]
    inside = connect()
    run(inside, "CREATE TABLE t (a int)")
    with pytest.raises(errors.InternalError_):
        run(inside, "COPY t FROM 's3://b/k' IAM_ROLE 'nonsense' JSON 'auto'")
    assert inside.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR
    inside.rollback()


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


# --- messages that no driver sends so ---


def parse(sql, name=""):
    return protocol.message(b"P", protocol.text(name, sql) + b"\0\0")


BIND = protocol.message(b"B", b"\0\0" + b"\0\0" * 3)
EXECUTE = protocol.message(b"E", b"\0" + b"\0" * 4)
CLOSE = protocol.message(b"C", b"P\0")


def execute(sql):
    return parse(sql) + BIND + EXECUTE


def answer(made, data):
    """The kinds of the messages that come back for this, up to ReadyForQuery, and what the last one says."""
    made.sendall(data)
    heard, kinds, place = b"", "", 0
    while True:
        while len(heard) - place >= 5:
            end = place + 1 + int.from_bytes(heard[place + 1 : place + 5], "big")
            if end > len(heard):
                break
            kinds += heard[place : place + 1].decode()
            if kinds.endswith("Z"):
                return kinds.replace("D", ""), kinds.count("D"), heard[end - 1 : end]
            place = end
        data = made.recv(65536)
        assert data, kinds
        heard, place = heard[place:] + data, 0


MANY = "SELECT a.relname, b.relname FROM pg_class a, pg_class b"


@pytest.mark.parametrize(
    "data",
    [
        execute(MANY) + CLOSE + protocol.FLUSH + protocol.SYNC,
        parse(MANY) + BIND + protocol.message(b"E", b"\0\0\0\x23\0") + EXECUTE + protocol.FLUSH + protocol.SYNC,
        execute(MANY) * 3 + protocol.SYNC,
        (execute(MANY) + protocol.SYNC),
    ],
    ids=["close", "in two portions", "a pipeline", "plain"],
)
def test_no_row_is_lost_whatever_follows_it(endpoint, session, data):
    ((count,),) = run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b")
    with logged_in(endpoint) as made:
        _, rows, state = answer(made, data)
        assert (rows % count, state) == (0, b"I")
        assert rows >= count


def test_a_row_of_ninety_columns_is_no_end(session):
    """Its count of columns is a NUL and a Z; a first value of five bytes makes it look like ReadyForQuery."""
    columns = ", ".join(["'Title'", *["''"] * 88, f"REPEAT('x', {8192 - 7 - 90 * 4 - 5})"])
    rows = run(session, f"SELECT {columns} FROM pg_class LIMIT 200")
    assert [row[0] for row in rows] == ["Title"] * 200


def test_a_long_plan_has_an_end(session):
    """EXPLAIN is done with no number of rows."""
    run(session, "CREATE TEMP TABLE plain (a VARCHAR(1000))")
    arms = " UNION ALL ".join(f"SELECT a FROM plain WHERE a = '{number}{'x' * 500}'" for number in range(1000))
    assert len(run(session, f"EXPLAIN {arms}")) > 1000
    assert run(session, "SELECT 1") == [(1,)]


def test_an_error_after_rows_ends_a_string(session):
    failing = "SELECT a.relname, 1 / (CAST(b.oid AS INT) - CAST(a.oid AS INT)) FROM pg_class a, pg_class b"
    with pytest.raises(errors.DivisionByZero) as raised:
        run(session, f"{failing}; COMMIT; CREATE TABLE oops (a int)")
    assert raised.value.diag.source_file is None
    assert run(session, "SELECT COUNT(*) FROM pg_class WHERE relname = 'oops'") == [(0,)]


@pytest.mark.parametrize("begin", [b"", execute("BEGIN")])
def test_what_we_refuse_after_a_flush_undoes_what_came_before(endpoint, session, begin):
    run(session, "CREATE TABLE t (a int)")
    with logged_in(endpoint) as made:
        made.sendall(begin + execute("INSERT INTO t VALUES (10)") + protocol.FLUSH)
        kinds, _, state = answer(made, execute("SELECT now()") + protocol.SYNC)
        assert "E" in kinds
        assert state == (b"E" if begin else b"I")
    assert run(session, "SELECT COUNT(*) FROM t") == [(0,)]


def test_what_comes_before_a_refusal_in_a_batch_has_its_answer(endpoint, session):
    run(session, "CREATE TABLE t (a int)")
    with logged_in(endpoint) as made:
        batch = execute("BEGIN") + execute("INSERT INTO t VALUES (1)") + execute("COMMIT") + execute("SELECT now()")
        kinds, _, _ = answer(made, batch + protocol.SYNC)
        assert kinds == "12C" * 3 + "EZ"
    assert run(session, "SELECT a FROM t") == [(1,)]


def test_a_write_in_the_batch_of_its_begin_locks_too(endpoint, session):
    run(session, "CREATE TABLE t (a int)")
    with logged_in(endpoint) as made:
        assert answer(made, execute("BEGIN") + execute("INSERT INTO t VALUES (1)") + protocol.SYNC)[2] == b"T"
        held = "SELECT lock_mode FROM svv_transactions WHERE relation = 't'::regclass::int"
        assert ("ShareRowExclusiveLock",) in run(session, held)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS a -- x\r, generate_series(1, 3)",
        "SELECT 1 -- x\r; SAVEPOINT hidden",
        "SELECT 1 /* /* */ '*/ , generate_series(1, 2) --'",
        "SELECT $é$ ' $é$ , generate_series(1, 2) --'",
        'SELECT "generate_series"(1, 3)',
        "SELECT pg_catalog.generate_series(1, 3)",
        "SELECT \"set_config\"('standard_conforming_strings', 'on', false)",
        "SELECT pg_advisory_lock(1)",
        "EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM t",
        "WITH d AS (DELETE FROM t) SELECT 1",
        "PREPARE p AS UPDATE t SET a = 1",
        "CREATE SCHEMA s2 CREATE TABLE t (a int)",
    ],
)
def test_nothing_hides_from_the_dialect(session, sql):
    run(session, "CREATE TABLE t (a int)")
    with pytest.raises(psycopg2.Error) as raised:
        run(session, sql)
    assert raised.value.pgcode in ("42883", "0A000", "42601")


@pytest.mark.parametrize(
    "sql", ["CREATE", "ALTER", "INSERT INTO t SELECT TOP", "SELECT " + "(" * 3000 + "1" + ")" * 3000]
)
def test_a_statement_that_breaks_off_is_an_error_and_not_the_end(session, sql):
    with pytest.raises(psycopg2.Error) as raised:
        run(session, sql)
    assert raised.value.pgcode in ("42601", "54001", "42703", "42P01")
    assert run(session, "SELECT 1") == [(1,)]


def test_no_setting_of_the_start_hides_another(connect):
    made = connect(application_name="x\ty z\\")
    assert run(made, "SELECT 1") == [(1,)]
    assert run(connect(application_name="x\t-c\twork_mem=1MB"), "SHOW work_mem") == [("64MB",)]


def test_a_function_after_on_is_a_function(session):
    run(session, "CREATE TABLE t (d timestamp); INSERT INTO t VALUES ('2020-01-01')")
    assert run(session, "SELECT COUNT(*) FROM t a JOIN t b ON DATEDIFF(day, a.d, b.d) = 0") == [(1,)]


# --- cancel, and clients that go away ---


def test_cancel_ends_the_statement_and_not_the_session(session):
    threading.Timer(0.3, session.cancel).start()
    with pytest.raises(errors.QueryCanceled):
        run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b, pg_class c, pg_class d, pg_class e")
    assert run(session, "SELECT 1") == [(1,)]


def test_the_statement_cancel_ends_the_statement_of_another_session(connect, session):
    # https://docs.aws.amazon.com/redshift/latest/dg/r_CANCEL.html
    other = connect()
    pid = session.info.backend_pid
    threading.Timer(0.3, run, (other, f"CANCEL {pid} 'Too long'")).start()
    with pytest.raises(errors.QueryCanceled):
        run(session, "SELECT COUNT(*) FROM pg_class a, pg_class b, pg_class c, pg_class d, pg_class e")
    with pytest.raises(errors.InternalError_, match="Session 1 does not exist"):
        run(other, "CANCEL 1")


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


@pytest.mark.parametrize("by", ["request", "statement"])
def test_cancel_ends_a_copy(connect, session, aws, by):
    statement, canceled = slow_copy(aws, session), connect()
    pid = canceled.info.backend_pid

    def cancel():
        wait_for(lambda: run(session, RUNNING) != [(0,)])
        if by == "request":
            canceled.cancel()
        else:
            run(session, f"CANCEL {pid}")

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
