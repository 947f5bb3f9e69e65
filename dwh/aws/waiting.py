"""Waiting for the cluster, with an end that is said at once when it cannot come up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dwh.aws.redshift import find_cluster
from dwh.aws.site import Site
from dwh.console import Console, duration
from dwh.errors import AwsError

FIRST_POLL = 0.2
LONGEST_POLL = 15.0
USUAL = " (usually 4 to 8 minutes)"

# States that no waiting mends, and what to do about each:
# https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html
HOPELESS = {
    "incompatible-network": "the VPC or its subnets changed: python destroy_cluster.py, then create again",
    "incompatible-parameters": "a parameter does not fit: python destroy_cluster.py, then create again",
    "incompatible-hsm": "the hardware key store cannot be reached: python destroy_cluster.py, then create again",
    "incompatible-restore": "the snapshot does not fit: python destroy_cluster.py, then create again",
    "hardware-failure": "a single node has failed: python destroy_cluster.py, then create again",
    "storage-full": "the disks are full: choose more or larger nodes in dwh.cfg",
    "deleting": "it is being deleted: wait until it is gone, then create again",
    "final-snapshot": "it is being deleted: wait until it is gone, then create again",
    "paused": "python create_cluster.py --resume",
}


def polls(timeout: float) -> Iterator[None]:
    """One turn per look: soon at first, then every quarter of a minute, until the time is up.

    Args:
        timeout: seconds.
    """
    end = time.monotonic() + timeout
    pause = FIRST_POLL
    while True:
        yield
        if time.monotonic() + pause > end:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL)


def usable(cluster: dict[str, Any]) -> bool:
    """Whether the cluster can be connected to and will take changes.

    ``available`` alone is not enough: while ``ClusterAvailabilityStatus`` is
    "Modifying" the next change is refused, and COPY needs the role in sync.
    """
    roles = cluster.get("IamRoles", [])
    return (
        cluster["ClusterStatus"] == "available"
        and cluster.get("ClusterAvailabilityStatus", "Available") == "Available"
        and all(role.get("ApplyStatus") == "in-sync" for role in roles)
        and bool(cluster.get("Endpoint", {}).get("Address"))
    )


def for_cluster(console: Console, site: Site, *, minutes: float, note: str) -> dict[str, Any]:
    """Wait until the cluster is usable.

    Args:
        console: shows a line in place, or a heartbeat.
        site: where.
        minutes: the longest wait.
        note: for a person who interrupts: what goes on, and what it costs.

    Raises:
        AwsError: a state that waiting does not mend, or the time is up.
    """
    status = "creating"
    with console.waiting(f"cluster {site.name}") as wait, noted(note):
        for _ in polls(minutes * 60):
            cluster = find_cluster(site)
            status = cluster["ClusterStatus"] if cluster else "not there yet"
            if cluster and usable(cluster):
                return cluster
            if cluster:
                check_hope(site, cluster)
            wait.update(f"{status}{USUAL * site.target.billed}")
        raise AwsError(
            f"the cluster {site.name} is still {status} after {duration(wait.elapsed)}",
            hint=f"it goes on without us: run the step again, with a longer --timeout than {minutes:g}",
        )


def check_hope(site: Site, cluster: dict[str, Any]) -> None:
    """Say at once that a cluster will not become available.

    Raises:
        DwhError: with what to do about its state.
    """
    status, failed = cluster["ClusterStatus"], cluster.get("ClusterAvailabilityStatus") == "Failed"
    if status in HOPELESS:
        known = site.target.failure(site.name) if failed else None
        raise known or AwsError(f"the cluster {cluster['ClusterIdentifier']} is {status}", hint=HOPELESS[status])
    if failed:
        raise AwsError(
            f"the cluster {cluster['ClusterIdentifier']} could not be made",
            hint="python destroy_cluster.py, then again",
        )


def until_paused(console: Console, site: Site, *, minutes: float) -> None:
    """Wait until the cluster is paused.

    Raises:
        AwsError: it is gone, or the time is up.
    """
    status = "pausing"
    with console.waiting(f"cluster {site.name}") as wait, noted("the cluster goes on pausing"):
        for _ in polls(minutes * 60):
            cluster = find_cluster(site)
            status = cluster["ClusterStatus"] if cluster else "gone"
            if status == "paused":
                return
            if cluster is None:
                break
            wait.update(status)
        raise AwsError(f"the cluster {site.name} is {status}, not paused", hint="run the step again to look")


def until_gone(console: Console, site: Site, *, minutes: float) -> float:
    """Wait until AWS does not know the cluster any more.

    Returns:
        Seconds that it took.

    Raises:
        AwsError: the time is up.
    """
    status = "deleting"
    note = "the deletion goes on; run destroy_cluster.py again to remove the rest"
    with console.waiting(f"cluster {site.name}") as wait, noted(note):
        for _ in polls(minutes * 60):
            cluster = find_cluster(site)
            if cluster is None:
                return wait.elapsed
            status = cluster["ClusterStatus"]
            wait.update(status)
        raise AwsError(
            f"the cluster {site.name} is still {status} after {duration(wait.elapsed)}",
            hint="it goes on without us: run destroy_cluster.py again, with a longer --timeout",
        )


@contextmanager
def noted(note: str) -> Iterator[None]:
    """Leave a note on Ctrl-C, for the line that the step ends with."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(note)
        raise
