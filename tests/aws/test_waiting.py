"""Waits through states that moto never shows."""

from __future__ import annotations

import io
import itertools
from types import SimpleNamespace

import pytest
from aws.account import waits_pass_at_once

from dwh.console import Console
from dwh.errors import AwsError, TargetError
from dwh.provision import patience, redshift, waiting

READY = {
    "ClusterAvailabilityStatus": "Available",
    "Endpoint": {"Address": "here"},
    "IamRoles": [{"ApplyStatus": "in-sync"}],
}


def cluster(status, **more):
    return {"ClusterIdentifier": "sparkify-dwh", "ClusterStatus": status, **more}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    return waits_pass_at_once(monkeypatch)


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
    return waiting.for_cluster(console, site, minutes=minutes)


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


def test_polls_start_soon_and_slow_down(clock, monkeypatch):
    slept = []
    monkeypatch.setattr(clock, "sleep", slept.append)
    for turn, _ in enumerate(patience.polls(3600)):
        if turn == 20:
            break
    assert slept[0] == pytest.approx(0.2)
    assert slept[-1] == pytest.approx(15.0)
    assert slept == sorted(slept)


def test_polls_look_once_more_when_the_time_is_up(clock):
    looked = [clock.monotonic() for _ in patience.polls(20)]
    assert looked[0] == 0
    assert looked[-2] < 20 <= looked[-1]


def test_the_end_of_a_cluster_is_when_aws_does_not_know_it(console, site, shows):
    shows(cluster("final-snapshot"), cluster("deleting"), None)
    assert waiting.until_gone(console, site, minutes=1) >= 0
    shows(cluster("deleting"))
    with pytest.raises(AwsError, match="is still deleting after"):
        waiting.until_gone(console, site, minutes=0.0005)
