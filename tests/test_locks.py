"""Waiting for the locks of others ends, and names them."""

from __future__ import annotations

import contextlib
import time

import pytest
from project import PLAY, SONG

import sql_queries
from dwh import warehouse as statements


@pytest.fixture
def impatient(warehouse):
    """A project with a load in it, that waits a second for a lock."""
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl", "-q").code == 0
    warehouse.set("lock_timeout", "1")
    yield warehouse
    warehouse.set("lock_timeout", "60")


@contextlib.contextmanager
def held(project, statement):
    with contextlib.closing(project.connect()) as conn, conn.cursor() as cur:
        cur.execute(statement)
        yield
        conn.rollback()


def test_a_load_ends_also_where_the_time_out_of_statements_does_not_count_the_wait(impatient, monkeypatch):
    monkeypatch.setattr(sql_queries, "SET_STATEMENT_TIMEOUT", "SELECT %(milliseconds)s")
    monkeypatch.setattr(statements, "GRACE_SECONDS", 0.2)
    impatient.events("b", PLAY)
    with held(impatient, "LOCK load_objects"):
        began = time.monotonic()
        ran = impatient.main("etl")
    assert ran.code == 1
    assert "error: another session has held the tables of the load for more than 1.0s" in ran.err
    assert "held by" in ran.err
    assert time.monotonic() - began < 30


def test_dropping_tables_waits_for_readers_no_longer_than_a_load_for_loads(impatient):
    """A BI tool with an open transaction holds the tables of the star that it has read."""
    before = impatient.digest()
    with held(impatient, "SELECT COUNT(*) FROM songplays"):
        began = time.monotonic()
        ran = impatient.main("create_tables", "--recreate", "--yes")
    assert ran.code == 1
    assert "error: another session has held the tables to drop for more than 1.0s" in ran.err
    assert "held by" in ran.err
    assert time.monotonic() - began < 30
    assert impatient.digest() == before
