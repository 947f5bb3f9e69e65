"""Fixtures for whole steps on the local target, and the folder of real data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import botocore.session
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from project import Project

from dwh.local.redshift import binaries


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark each test that requests ``servers``, itself or through another fixture: make check leaves it out."""
    for item in items:
        if "servers" in item.fixturenames:
            item.add_marker("servers")


def pytest_report_header():
    """The PostgreSQL that the local target finds here, asked for its version; no server is started."""
    for folder in binaries.candidates():
        code, said = binaries.ask([folder / "postgres", "--version"])
        if code == 0:
            return f"{said.strip()}, in {folder}"
    return "PostgreSQL: none is found"


@pytest.fixture(scope="session")
def servers():
    """Requested by whatever starts a server, a local target, or moto's AWS: that takes seconds.

    botocore reads each service's model once: reading EC2's takes longer than a whole run of a step.
    Moto leaves out the images of machines: nothing here asks for one, and every reset makes thousands of them.
    """
    loader = botocore.session.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_args: loader)
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        yield


@pytest.fixture(autouse=True)
def no_aws_of_this_machine(monkeypatch):
    """Keep every test away from the AWS setup of whoever runs it."""
    secrets = ("KEY", "SECRET", "DB_PASSWORD")
    for name in [name for name in os.environ if name.startswith(("AWS_", "DWH_")) or name in secrets]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def sparkify_data():
    """The folder of real data that SPARKIFY_DATA names."""
    folder = os.environ.get("SPARKIFY_DATA")
    if not folder:
        pytest.skip("SPARKIFY_DATA names no folder with the real data")
    return Path(folder)


@pytest.fixture
def folder(request, tmp_path):
    """A project that has not run any step."""
    project = Project(tmp_path)
    yield project
    assert not project.started or "servers" in request.fixturenames, "this test must request the fixture servers"


@pytest.fixture(scope="session")
def cluster(servers, tmp_path_factory):
    """A project whose cluster runs, shared by all tests of a worker: each takes seconds to make and to destroy."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.events("first", "{}")
    project.songs("{}")
    created = project.step("create_cluster")
    assert created.code == 0, created.err
    yield project
    project.step("destroy_cluster", "--yes")


@pytest.fixture
def warehouse(cluster):
    """That project with new, empty tables and no source files."""
    cluster.empty()
    made = cluster.main("create_tables", "--recreate", "--yes", "-q")
    assert made.code == 0, made.err
    return cluster
