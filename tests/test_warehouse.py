"""What is tried again, and how a refusal is told."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg2
import pytest
from psycopg2 import errors

from dwh import copying, warehouse
from dwh.console import Console
from dwh.errors import DataError, TargetError, UnreachableError, WarehouseError


def server_error(kind, text, code=None):
    error = kind(text)
    if code:
        error.__setstate__({"pgcode": code, "pgerror": text})
    return error


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (server_error(psycopg2.OperationalError, "server closed the connection unexpectedly"), True),
        (server_error(psycopg2.InterfaceError, "connection already closed"), True),
        (server_error(errors.SerializationFailure, "could not serialize", "40001"), True),
        (server_error(errors.DeadlockDetected, "deadlock detected", "40P01"), True),
        (server_error(errors.InternalError_, "ERROR: 1023 DETAIL: Serializable isolation violation", "XX000"), True),
        (server_error(errors.InternalError_, "Load into table 'x' failed.", "XX000"), False),
        (server_error(errors.SyntaxError, "syntax error", "42601"), False),
        (server_error(errors.UndefinedTable, "no such table", "42P01"), False),
        (server_error(errors.QueryCanceled, "canceled on user's request", "57014"), False),
        (TargetError("no cluster"), False),
        (DataError("bad record"), False),
    ],
)
def test_what_is_tried_again(error, again):
    assert warehouse.is_transient(error) is again


TRANSIENT = {
    "serializable isolation violation": "ERROR:  1023\nDETAIL:  Serializable isolation violation on table - 100",
    "conflict with concurrent transaction": "could not complete because of conflict with concurrent transaction",
    "could not open relation with oid": "ERROR:  could not open relation with OID 4711",
    "not authorized to assume iam role": "User arn:... is not authorized to assume IAM Role arn:...",
    "not authorized to get credentials of role": "Not authorized to get credentials of role arn:...",
}


def test_the_table_of_transient_texts_is_whole():
    assert set(TRANSIENT) == set(warehouse.TRANSIENT_TEXTS)


@pytest.mark.parametrize("text", TRANSIENT)
@pytest.mark.parametrize("code", ["XX000", "40001", "25000"])
def test_what_redshift_says_in_words_is_tried_again_whatever_its_code(text, code):
    assert warehouse.is_transient(server_error(errors.InternalError_, TRANSIENT[text], code))


@pytest.mark.parametrize("code", ["40001", "40P01", "57P01", "57P02", "57P03"])
def test_these_states_are_tried_again_whatever_the_words(code):
    assert {"40001", "40P01", "57P01", "57P02", "57P03"} == warehouse.TRANSIENT_STATES
    assert warehouse.is_transient(server_error(errors.InternalError_, "so it is", code))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("ERROR:  syntax error at or near FROM\nLINE 1: ...", "ERROR:  syntax error at or near FROM"),
        (
            "ERROR:  1023\nDETAIL:  Serializable isolation violation on table - 100, transactions forming the cycle",
            "ERROR:  1023: Serializable isolation violation on table - 100, transactions forming the cycle",
        ),
        (
            "ERROR:  Spectrum Scan Error\nDETAIL:  \n  -----\n  error:  Spectrum Scan Error\n  code:      15001\n"
            "  context:   Access Denied\n  query:     12\n",
            "ERROR:  Spectrum Scan Error: Access Denied",
        ),
        ("", "OperationalError"),
    ],
)
def test_an_error_is_told_in_a_line_that_says_something(said, line):
    assert warehouse.first_line(psycopg2.OperationalError(said)) == line


@pytest.mark.parametrize(
    ("notices", "told"),
    [
        (["INFO:  Load into table 'x' completed, 3 record(s) loaded successfully.\n"], 0),
        (["... 3 record(s) loaded successfully.\n", "... 2 record(s) could not be loaded.  Check\n"], 2),
        (["... 2 record(s) could not be loaded.  Check\n", "... 3 record(s) loaded successfully.\n"], 2),
        ([], 0),
    ],
)
def test_what_copy_left_out_is_read_from_any_of_its_notices(notices, told):
    assert copying._announced_left_out(SimpleNamespace(notices=notices)) == told


class FakeTarget:
    """A target whose connections fail, one error after another."""

    settings = SimpleNamespace(statement_timeout=0)

    def __init__(self, *failures):
        self.failures = list(failures)
        self.connections = 0

    def connect(self):
        self.connections += 1
        return FakeConnection(self.failures.pop(0) if self.failures else None)


class FakeConnection:
    closed = 0
    rowcount = -1

    def __init__(self, failure):
        self.failure = failure
        self.rolled_back = False

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, statement, parameters=None):
        return None

    def commit(self):
        if self.failure:
            raise self.failure

    def rollback(self):
        raise psycopg2.InterfaceError("connection already closed")

    def close(self):
        self.closed = 1


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def test_a_server_that_was_never_there_is_not_waited_for():
    class Closed:
        attempts = 0

        def connect(self):
            self.attempts += 1
            raise UnreachableError("nothing listens there")

    closed = Closed()
    with pytest.raises(UnreachableError):
        warehouse.transaction(closed, Console(quiet=True), lambda cur: None)
    assert closed.attempts == 1


def test_a_server_that_goes_away_is_waited_for():
    class Restarting(FakeTarget):
        def connect(self):
            if self.connections == 1:
                self.connections += 1
                raise UnreachableError("nothing listens there")
            return super().connect()

    target = Restarting(psycopg2.OperationalError("server closed the connection unexpectedly"))
    assert warehouse.transaction(target, Console(quiet=True), lambda cur: "done") == "done"
    assert target.connections == 3


def test_each_attempt_has_its_own_connection_and_there_is_an_end():
    lost = [psycopg2.OperationalError("connection lost") for _ in range(10)]
    target = FakeTarget(*lost)
    with pytest.raises(UnreachableError, match="connection lost"):
        warehouse.transaction(target, Console(quiet=True), lambda cur: None)
    assert target.connections == warehouse.ATTEMPTS


def test_the_first_error_is_not_hidden_by_the_rollback():
    target = FakeTarget(server_error(errors.SyntaxError, "syntax error at FROM", "42601"))
    with pytest.raises(WarehouseError, match="syntax error at FROM"):
        warehouse.transaction(target, Console(quiet=True), lambda cur: None)
    assert target.connections == 1


def test_a_transient_failure_is_followed_by_success():
    target = FakeTarget(server_error(errors.SerializationFailure, "could not serialize", "40001"))
    assert warehouse.transaction(target, Console(quiet=True), lambda cur: "done") == "done"
    assert target.connections == 2
