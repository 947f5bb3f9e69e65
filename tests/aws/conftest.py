"""The two provisioning steps on moto."""

from __future__ import annotations

import functools

import pytest
from aws import account as accounts
from moto.iam.models import ManagedPolicy
from pristine import put_cfg


@pytest.fixture(autouse=True)
def boundaries_counted(monkeypatch):
    """IAM says how many roles a policy bounds; moto always says none."""

    def count(policy):
        return sum(role.permissions_boundary_arn == policy.arn for role in policy.backend.roles.values())

    monkeypatch.setattr(ManagedPolicy, "permissions_boundary_usage_count", property(count), raising=False)


@pytest.fixture(autouse=True)
def parameters(monkeypatch):
    """Moto as AWS is, where the steps can tell the difference; the values of the parameter groups."""
    accounts.refused_as_by_aws(monkeypatch)
    return accounts.parameters_kept(monkeypatch)


@pytest.fixture
def account(servers, monkeypatch):
    """An empty account of moto's, and keys that open nothing else."""
    with accounts.on_moto(monkeypatch):
        yield


@pytest.fixture
def aws(tmp_path, monkeypatch, account):
    """The steps on that account."""
    return accounts.steps(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def server(servers):
    """The address of a moto server."""
    with accounts.server() as url:
        yield url


@pytest.fixture
def start(tmp_path, server):
    """Start a step as a process in a folder of its own, on that server."""
    put_cfg(tmp_path)
    return functools.partial(accounts.start, tmp_path, server)


@pytest.fixture
def answers(monkeypatch):
    """Script what AWS answers to a call, for states that moto never shows."""
    return functools.partial(accounts.answers, monkeypatch)
