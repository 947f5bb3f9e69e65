"""Waiting for the cluster, with an end that is said at once when it cannot come up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dwh.aws.states import FULL, HOPELESS
from dwh.commands import DESTROY
from dwh.console import Console, duration
from dwh.errors import AwsError
from dwh.provision.patience import polls
from dwh.provision.redshift import find_cluster
from dwh.provision.site import Site

# What others report of AWS, such as https://github.com/turbot/steampipe-plugin-aws/pull/462 and
# https://github.com/hashicorp/terraform-provider-aws/pull/1120; the local target needs seconds for each.
CREATION = "4 to 8 minutes"
SWITCH = "a few minutes"
DELETION = "2 to 7 minutes"
LATE_SECONDS = 60.0


def usable(cluster: dict[str, Any]) -> bool:
    """Whether the cluster can be connected to and will take changes.

    ``available`` is not enough: while ``ClusterAvailabilityStatus`` is
    "Modifying" the next change is refused, and COPY needs the role in sync.
    """
    return state(cluster) == "available"


def connectable(cluster: dict[str, Any]) -> bool:
    """Whether waiting is over: the cluster is usable, or its disks are full, which no waiting changes."""
    return usable(cluster) or cluster["ClusterStatus"] == FULL


def known(cluster: dict[str, Any]) -> bool:
    """Whether the cluster has an address, so that dwh.cfg can name it."""
    return bool(cluster.get("Endpoint", {}).get("Address"))


def state(cluster: dict[str, Any]) -> str:
    """The state of a cluster, and what is not ready yet about one that is available."""
    status: str = cluster["ClusterStatus"]
    if status != "available":
        return status
    availability = cluster.get("ClusterAvailabilityStatus", "Available")
    if availability != "Available":
        return f"available, but its availability is {availability}"
    for role in cluster.get("IamRoles", []):
        if role.get("ApplyStatus") != "in-sync":
            name = role.get("IamRoleArn", "").rpartition("/")[2]
            return f"available, but its role {name} is {role.get('ApplyStatus')}, not in-sync"
    return status if known(cluster) else "available, but without an endpoint"


def for_cluster(
    console: Console,
    site: Site,
    *,
    minutes: float,
    enough: Callable[[dict[str, Any]], bool] = connectable,
    late: str = "",
) -> dict[str, Any]:
    """Wait until the cluster is as far as it needs to be.

    Args:
        console: shows a line in place, or a heartbeat.
        site: where.
        minutes: the longest wait.
        enough: whether it is.
        late: a status that our own call has just ended, and that AWS may still show for a while.

    Raises:
        AwsError: a state that waiting does not change, or the time is up.
    """
    now = "creating"
    usually = SWITCH if late else CREATION
    with console.waiting(f"cluster {site.name}", usually * site.target.billed) as wait:
        for _ in polls(minutes * 60):
            cluster = find_cluster(site)
            now = state(cluster) if cluster else "not there yet"
            if cluster and enough(cluster):
                return cluster
            if cluster and not (cluster["ClusterStatus"] == late and wait.elapsed < LATE_SECONDS):
                check_hope(site, cluster)
            wait.update(now)
        raise AwsError(
            f"the cluster {site.name} is still {now} after {duration(wait.elapsed)}",
            hint=f"run the step again, with a longer --timeout than {minutes:g}",
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
            f"the cluster {cluster['ClusterIdentifier']} could not be made", hint=f"{DESTROY}, then create again"
        )


def until_paused(console: Console, site: Site, *, minutes: float) -> None:
    """Wait until the cluster is paused.

    Raises:
        AwsError: it is gone, or the time is up.
    """
    status = "pausing"
    with console.waiting(f"cluster {site.name}", SWITCH * site.target.billed) as wait:
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
    with console.waiting(f"cluster {site.name}", DELETION * site.target.billed) as wait:
        for _ in polls(minutes * 60):
            cluster = find_cluster(site)
            if cluster is None:
                return wait.elapsed
            status = cluster["ClusterStatus"]
            wait.update(status)
        raise AwsError(
            f"the cluster {site.name} is still {status} after {duration(wait.elapsed)}",
            hint=f"{DESTROY} again, with a longer --timeout",
        )
