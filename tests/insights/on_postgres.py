"""A PostgreSQL with the stand-in and the star's tables, and a way to ask it about any star."""

from __future__ import annotations

from contextlib import closing
from types import SimpleNamespace

import star as stars

import sql_queries
from dwh import insights
from dwh.local.redshift import postgres, session

USER, PASSWORD, DATABASE = "analyst", "Correct-Horse-1", "warehouse"


class NoAws:
    """Insights read no S3."""

    def client(self, service):
        raise AssertionError(f"an insight asked for {service}")

    bulk = client

    def explained(self, _cluster, _error):
        return None


class Database:
    """The star of a test, and sessions on it that speak Redshift's SQL."""

    def __init__(self, server):
        self._place = {"host": server.host, "port": server.port}
        self._login = {"user": USER, "password": PASSWORD, "dbname": DATABASE}

    def plain(self):
        return closing(postgres.connect(port=self._place["port"], **self._login))

    def connect(self):
        return session.connect(**self._place, **self._login, aws=NoAws(), cluster_identifier="none")

    def create(self):
        with closing(self.connect()) as conn, conn.cursor() as cur:
            for name in sql_queries.STAR_TABLES:
                cur.execute(sql_queries.CREATE[name])
            conn.commit()

    def drop(self):
        with closing(self.connect()) as conn, conn.cursor() as cur:
            for name in reversed(sql_queries.STAR_TABLES):
                cur.execute(f"DROP TABLE {name}")
            conn.commit()

    def fill(self, star):
        with self.plain() as conn:
            stars.fill(conn, star)

    def ask(self, star, *names, **options):
        """The report on a star."""
        self.fill(star)
        with closing(self.connect()) as conn, conn.cursor() as cur:
            return insights.collect(cur, insights.select(names), **options)


class OnDatabase:
    """A target whose warehouse is the database of the tests."""

    def __init__(self, database):
        self.connect = database.connect
        self.settings = SimpleNamespace(statement_timeout=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def describe(self):
        return "a test"
