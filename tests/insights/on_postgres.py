"""A local Redshift with the star's tables, and a way to ask it about any star."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace

import star as stars

import sql_queries
from dwh import insights

TABLES = (*sql_queries.STAR_TABLES, "load_plays", "load_songs", "load_history")
USER, PASSWORD, DATABASE = "analyst", "Correct-Horse-1", "warehouse"


class Database:
    """The star of a test, and sessions on it that speak Redshift's SQL."""

    def __init__(self, place):
        self._place = place
        self.connect = place.connect

    def plain(self):
        return closing(self._place.plain())

    def create(self):
        with closing(self.connect()) as conn, conn.cursor() as cur:
            for name in TABLES:
                cur.execute(sql_queries.CREATE[name])
            conn.commit()

    def drop(self):
        with closing(self.connect()) as conn, conn.cursor() as cur:
            for name in reversed(TABLES):
                cur.execute(f"DROP TABLE {name}")
            conn.commit()

    def fill(self, star):
        with self.plain() as conn:
            stars.fill(conn, star)

    def ask(self, star, *names, **options):
        """The report on a star."""
        return self.put(star, insights.select(names), **options)

    def put(self, star, questions, **options):
        """The same for questions that have no file."""
        self.fill(star)
        with closing(self.connect()) as conn, conn.cursor() as cur:
            return insights.collect(cur, questions, **options)


class OnDatabase:
    """A target whose warehouse is the database of the tests."""

    def __init__(self, database):
        self.connect = database.connect
        self.settings = SimpleNamespace(statement_timeout=0)
        self.is_sample = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def describe(self):
        return "a test"

    def provenance(self):
        return "a test, made data"

    def generated(self):
        return self.is_sample
