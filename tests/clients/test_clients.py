"""Clients that people use, led to the local target by ``python -m dwh.local env`` and by nothing else: make clients."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pristine import put_cfg
from project import ROOT, clean_environment

HERE = Path(__file__).parent
# The bin folder of an environment with tests/clients/requirements.txt.
CLIENTS = os.environ.get("CLIENTS", "")
needs_clients = pytest.mark.skipif(not CLIENTS, reason="CLIENTS names no environment of clients: make clients")


def run(command, cwd, environ=None):
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def here(servers, tmp_path_factory):
    """A project with a loaded warehouse: its folder, and the environment that leads there."""
    folder = tmp_path_factory.mktemp("clients")
    put_cfg(folder)
    environ = clean_environment(folder)
    for step in ("create_cluster", "create_tables", "etl"):
        run([sys.executable, ROOT / f"{step}.py", "--quiet"], folder, environ)
    told = json.loads(run([sys.executable, "-m", "dwh.local", "env", "--format", "json"], folder, environ))
    yield folder, environ | told
    run([sys.executable, ROOT / "destroy_cluster.py", "--yes", "--quiet"], folder, environ)


@needs_clients
@pytest.mark.parametrize("script", sorted(path.stem for path in HERE.glob("*.py") if path.stem != Path(__file__).stem))
def test_a_client(here, script):
    run([Path(CLIENTS) / "python", HERE / f"{script}.py"], *here)


@needs_clients
def test_dbt_builds_twice_and_documents(here, tmp_path):
    shutil.copytree(HERE / "dbt", tmp_path / "dbt")
    environ = here[1] | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    for words in ("build", "build", "docs generate"):
        said = run([Path(CLIENTS) / "dbt", *words.split(), "--profiles-dir", "."], tmp_path / "dbt", environ)
        assert "ERROR=0" in said or words != "build", said


@pytest.mark.skipif(not shutil.which("aws"), reason="the aws command is not installed")
def test_the_aws_command(here):
    (cluster,) = json.loads(run(["aws", "redshift", "describe-clusters", "--output", "json"], *here))["Clusters"]
    assert cluster["ClusterStatus"] == "available"


@pytest.mark.skipif(not shutil.which("psql"), reason="psql is not installed: apt install postgresql-client")
def test_psql(here):
    assert "songplays" in run(["psql", "-c", r"\dt"], *here)
    described = run(["psql", "-c", r"\d songplays"], *here)
    assert "songplay_id | bigint" in described
    assert "redshift" not in described
    assert '"songplays_pkey" PRIMARY KEY, btree (songplay_id)' in described
    assert "FOREIGN KEY (user_id) REFERENCES users(user_id)" in described
    assert run(["psql", "-At", "-c", "SELECT COUNT(*) > 0 FROM songplays"], *here) == "t\n"


def test_the_variables_are_printed_for_a_shell(here):
    folder, environ = here
    told = run(["sh", "-c", f'eval "$({sys.executable} -m dwh.local env)"; echo $PGHOST:$PGPORT'], folder, environ)
    assert told == f"{environ['PGHOST']}:{environ['PGPORT']}\n"
