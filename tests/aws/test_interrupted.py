"""Killed at every call that changes something: the next run finishes, and destroy leaves nothing behind."""

from __future__ import annotations

import botocore.client
import pytest
from aws.names import READING

from dwh.aws.target import AwsTarget

# As many as create_cluster.py and destroy_cluster.py make on an empty account; the first test counts them.
CREATING = 20
DESTROYING = 9


CLIENTS = {}


@pytest.fixture(autouse=True)
def clients_made_once(monkeypatch):
    """Most of the time of a run goes into making clients, and here are a hundred runs."""
    original = AwsTarget.client

    def client(target, service):
        if service not in CLIENTS:
            CLIENTS[service] = original(target, service)
        return CLIENTS[service]

    monkeypatch.setattr(AwsTarget, "client", client)


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


@pytest.fixture
def killed_at():
    """Run a step that dies when AWS has done the n-th changing call, before it hears of it.

    To die before the next call leaves the same account behind.
    """

    def run(number, step):
        counted = iter(range(1, 10_000))
        original = botocore.client.BaseClient._make_api_call

        def call(client, operation, arguments):
            answer = original(client, operation, arguments)
            if not operation.startswith(READING) and next(counted) == number:
                raise Killed
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
            with pytest.raises(Killed):
                step()

    return run


def test_the_counts_are_those_of_a_whole_run(aws):
    aws.create()
    assert len(aws.changing_calls) == CREATING
    aws.calls.clear()
    aws.destroy("--yes")
    assert len(aws.changing_calls) == DESTROYING


@pytest.mark.parametrize("number", range(1, CREATING + 1))
def test_a_killed_create_is_removed(aws, killed_at, number):
    killed_at(number, aws.create)
    removed = aws.destroy("--yes")
    assert removed.code == 0, removed.err
    assert aws.left() == []


@pytest.mark.parametrize("number", range(1, CREATING + 1))
def test_a_killed_create_is_finished(aws, killed_at, number):
    killed_at(number, aws.create)
    finished = aws.create()
    assert finished.code == 0, finished.err
    assert aws.value("dwh_endpoint")
    assert aws.destroy("--yes").code == 0
    assert aws.left() == []


@pytest.mark.parametrize("number", range(1, DESTROYING + 1))
def test_a_killed_destroy_is_finished(aws, killed_at, number):
    aws.create()
    killed_at(number, lambda: aws.destroy("--yes"))
    assert aws.destroy("--yes").code == 0
    assert aws.left() == []
    assert (aws.value("dwh_endpoint"), aws.value("dwh_arn_role")) == ("", "")


def test_ctrl_c_while_waiting_says_what_goes_on_and_what_it_costs(aws, monkeypatch):
    from dwh.aws import waiting

    def interrupt(_cluster):
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "usable", interrupt)
    ran = aws.create()
    assert ran.code == 130
    assert "the cluster sparkify-dwh goes on and is billed ($0.54 an hour) until python destroy_cluster.py" in ran.err
    assert "Traceback" not in ran.err


def test_ctrl_c_while_creating_says_what_stays(aws, monkeypatch):
    from dwh.aws import network

    def interrupt(_site):
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "default_vpc", interrupt)
    ran = aws.create()
    assert ran.code == 130
    assert "interrupted: what was made stays" in ran.err
