"""The database of the tests of insights, one a worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from on_postgres import DATABASE, PASSWORD, USER, Database

from tests.redshift import running


@pytest.fixture(scope="session")
def database(servers, tmp_path_factory):
    with running(tmp_path_factory.mktemp("redshift"), user=USER, password=PASSWORD, database=DATABASE) as place:
        made = Database(place)
        made.create()
        yield made
