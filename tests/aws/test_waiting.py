"""Waits through states that moto never shows."""

from __future__ import annotations

import io
import itertools
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from dwh.aws import redshift, removal, waiting
from dwh.aws.errors import explained, retried
from dwh.console import Console
from dwh.errors import AwsError, TargetError

READY = {
    "ClusterAvailabilityStatus": "Available",
    "Endpoint": {"Address": "here"},
    "IamRoles": [{"ApplyStatus": "in-sync"}],
}


def cluster(status, **more):
    return {"ClusterIdentifier": "sparkify-dwh", "ClusterStatus": status, **more}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_POLL", 0.001)
    monkeypatch.setattr(waiting, "LONGEST_POLL", 0.001)


@pytest.fixture
def console():
    return Console(err=io.StringIO(), out=io.StringIO())


@pytest.fixture
def site():
    return SimpleNamespace(name="sparkify-dwh", target=SimpleNamespace(billed=True))


@pytest.fixture
def shows(monkeypatch):
    """Let describe_clusters show these states, one after the other, and the last one for ever."""

    def show(*states):
        coming = itertools.chain(states[:-1], itertools.repeat(states[-1]))
        for module in (waiting, redshift):
            monkeypatch.setattr(module, "find_cluster", lambda _site: next(coming))

    return show


def wait(console, site, minutes=1.0):
    return waiting.for_cluster(console, site, minutes=minutes, note="it goes on")


@pytest.mark.parametrize(
    "not_yet",
    [
        cluster("creating"),
        cluster("available", **READY | {"ClusterAvailabilityStatus": "Modifying"}),
        cluster("available", **READY | {"IamRoles": [{"ApplyStatus": "adding"}]}),
        cluster("available", **READY | {"Endpoint": {}}),
        cluster("modifying", **READY),
        None,
    ],
)
def test_it_waits_until_the_cluster_can_be_used(console, site, shows, not_yet):
    shows(not_yet, not_yet, cluster("available", **READY))
    assert wait(console, site)["ClusterStatus"] == "available"


@pytest.mark.parametrize("status", sorted(waiting.HOPELESS))
def test_a_hopeless_state_is_said_at_once(console, site, shows, status):
    shows(cluster("creating"), cluster(status))
    with pytest.raises(AwsError, match=f"the cluster sparkify-dwh is {status}") as raised:
        wait(console, site, minutes=1000)
    assert raised.value.hint


def test_a_target_that_knows_why_its_cluster_failed_is_asked(console, site, shows):
    site.target.failure = lambda name: TargetError(f"{name}: the disk is full")
    shows(cluster("hardware-failure", ClusterAvailabilityStatus="Failed"))
    with pytest.raises(TargetError, match="sparkify-dwh: the disk is full"):
        wait(console, site, minutes=1000)


def test_a_failed_availability_is_said_at_once(console, site, shows):
    shows(cluster("creating", ClusterAvailabilityStatus="Failed"))
    with pytest.raises(AwsError, match="could not be made"):
        wait(console, site, minutes=1000)


def test_the_time_runs_out(console, site, shows):
    shows(cluster("creating"))
    with pytest.raises(AwsError, match="is still creating after") as raised:
        wait(console, site, minutes=0.0005)
    assert "--timeout" in raised.value.hint


def test_a_change_of_state_is_a_line(console, site, shows):
    shows(cluster("creating"), cluster("creating"), cluster("modifying"), cluster("available", **READY))
    wait(console, site)
    shown = console.err.getvalue().splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in shown] == ["creating", "modifying"]
    assert "usually" in shown[0]


def test_polls_start_soon_and_slow_down(monkeypatch):
    slept = []
    monkeypatch.setattr(waiting, "FIRST_POLL", 0.2)
    monkeypatch.setattr(waiting, "LONGEST_POLL", 15.0)
    clock = itertools.count(0, 0)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(waiting.time, "sleep", slept.append)
    for turn, _ in enumerate(waiting.polls(3600)):
        if turn == 20:
            break
    assert slept[0] == pytest.approx(0.2)
    assert slept[-1] == pytest.approx(15.0)
    assert slept == sorted(slept)


def test_the_end_of_a_cluster_is_when_aws_does_not_know_it(console, site, shows):
    shows(cluster("final-snapshot"), cluster("deleting"), None)
    assert waiting.until_gone(console, site, minutes=1) >= 0
    shows(cluster("deleting"))
    with pytest.raises(AwsError, match="is still deleting after"):
        waiting.until_gone(console, site, minutes=0.0005)


class Refusing:
    """A Redshift client that refuses to delete the cluster a few times."""

    class exceptions:
        class ClusterNotFoundFault(Exception):
            pass

        class InvalidClusterStateFault(Exception):
            pass

    def __init__(self, times):
        self.times, self.asked = times, []

    def delete_cluster(self, **request):
        self.asked.append(request)
        if len(self.asked) <= self.times:
            raise self.exceptions.InvalidClusterStateFault


def test_deleting_waits_for_a_state_that_allows_it(console, site, shows):
    client = Refusing(2)
    site.client = lambda _service: client
    shows(cluster("creating"))
    removal.delete_cluster(console, site, minutes=1, snapshot=None)
    assert client.asked == [{"ClusterIdentifier": "sparkify-dwh", "SkipFinalClusterSnapshot": True}] * 3
    assert "it cannot be deleted yet" in console.err.getvalue()


def test_a_cluster_that_is_going_is_not_deleted_again(console, site, shows):
    client = Refusing(0)
    site.client = lambda _service: client
    for status in (cluster("deleting"), cluster("final-snapshot"), None):
        shows(status)
        removal.delete_cluster(console, site, minutes=1, snapshot="last")
    assert client.asked == []


def test_a_final_snapshot_is_asked_for(console, site, shows):
    client = Refusing(0)
    site.client = lambda _service: client
    shows(cluster("available"))
    removal.delete_cluster(console, site, minutes=1, snapshot="last")
    assert client.asked[0]["SkipFinalClusterSnapshot"] is False
    assert client.asked[0]["FinalClusterSnapshotIdentifier"] == "last"


def refusal(code, text=""):
    return ClientError({"Error": {"Code": code, "Message": text}}, "CreateCluster")


@pytest.fixture
def no_sleep(monkeypatch):
    import tenacity.nap

    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda _seconds: None)


def failing(*errors):
    coming = iter(errors)

    def call():
        error = next(coming, None)
        if error:
            raise error
        return "done"

    return call


@pytest.mark.parametrize("text", redshift.ROLE_NOT_VISIBLE)
def test_a_role_that_is_not_visible_yet_is_waited_for(no_sleep, text):
    late = refusal("InvalidParameterValue", f"The IAM role is not valid. It {text}.")
    assert retried(failing(late, late), texts=redshift.ROLE_NOT_VISIBLE, seconds=60) == "done"


def test_another_refusal_is_not_tried_again(no_sleep):
    with pytest.raises(ClientError, match="Password"):
        retried(
            failing(refusal("InvalidParameterValue", "Password"), None), texts=redshift.ROLE_NOT_VISIBLE, seconds=60
        )


def test_waiting_for_a_role_has_an_end(no_sleep):
    late = refusal("InvalidParameterValue", redshift.ROLE_NOT_VISIBLE[0])
    with explained(), pytest.raises(ClientError):
        retried(failing(late, late, late), texts=redshift.ROLE_NOT_VISIBLE, seconds=0)
