"""The database of the tests of insights, one a worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from on_postgres import DATABASE, PASSWORD, USER, Database

from dwh.local.redshift import postgres


@pytest.fixture(scope="session")
def database(servers, tmp_path_factory):
    server = postgres.create(
        tmp_path_factory.mktemp("postgres") / "home",
        port=postgres.free_port(),
        user=USER,
        password=PASSWORD,
        database=DATABASE,
    )
    try:
        made = Database(server)
        made.create()
        yield made
    finally:
        server.destroy()
