"""psql, logged in as the steps are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from on_postgres import DATABASE, PASSWORD, USER, OnDatabase
from pristine import put_cfg

from dwh import cli, psql


@pytest.fixture
def started(database, monkeypatch, tmp_path):
    """Runs the module, and gives what would have become of this process: program, arguments, environment."""
    monkeypatch.setattr(cli, "open_target", lambda *_: OnDatabase(database))
    config = put_cfg(tmp_path)
    seen = []
    monkeypatch.setattr(os, "execve", lambda *process: seen.append(process))

    def start(*args):
        code = psql.main(["--config", str(config), "--target", "local", *args])
        return code, seen[-1] if seen else None

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    return start


def test_the_login_is_in_the_environment_alone(started, capsys):
    code, (program, arguments, environ) = started("--", "-c", "SELECT 1")
    assert code == 0
    assert Path(program).name == "psql"
    assert arguments == ["psql", "-c", "SELECT 1"]
    assert (environ["PGUSER"], environ["PGDATABASE"], environ["PGPASSWORD"]) == (USER, DATABASE, PASSWORD)
    assert environ["PGHOST"] == "127.0.0.1"
    assert PASSWORD not in "".join(capsys.readouterr())
    assert "PGPASSWORD" not in os.environ


def test_no_other_variable_of_libpq_reaches_psql(started, monkeypatch):
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGSSLMODE": "require", "PGCHANNELBINDING": "require"}.items():
        monkeypatch.setenv(name, value)
    _, (_, _, environ) = started()
    assert environ["PGSSLMODE"] == "verify-full"
    assert Path(environ["PGSSLROOTCERT"]).is_file()
    assert not {"PGHOSTADDR", "PGCHANNELBINDING"} & set(environ)
    assert environ["PATH"] == os.environ["PATH"]


def test_without_psql_it_says_how_to_get_one(started, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda *_: None)
    assert started() == (1, None)
    assert "there is no psql on this machine" in capsys.readouterr().err
