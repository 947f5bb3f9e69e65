"""What is ours in the account, found by its tags, and how each thing is removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dwh.aws import boundary, iam, network, redshift, storage, waiting
from dwh.aws.errors import explained, retried
from dwh.aws.plan import Change
from dwh.aws.site import Site
from dwh.console import Console
from dwh.errors import AwsError, DwhError

NOT_OURS = "not ours, left as it is"
# States of a cluster whose deletion has been asked for.
GOING = ("deleting", "final-snapshot")


def inventory(site: Site, *, keep_network: bool = False) -> list[Change]:
    """Everything of ours but the cluster, in an order in which it can be removed.

    Args:
        site: where to look.
        keep_network: leave the S3 gateway endpoint to the VPC.
    """
    found = [*_endpoints(site, keep_network), *_groups(site)]
    found += _redshift_groups(site)
    roles = _roles(site)
    found += [
        _ours(site, "IAM role", name, role.get("Tags"), _bound(iam.remove_role, site, name))
        for name, role in roles.items()
    ]
    found += _boundary(site, [role for role in roles.values() if site.owns(role.get("Tags"))])
    found += _bucket(site)
    return found


def _endpoints(site: Site, keep: bool) -> list[Change]:
    word = "unchanged" if keep else "deleted"
    return [
        Change("S3 endpoint", endpoint, word, "kept" if keep else "", _bound(network.remove_endpoint, site, endpoint))
        for endpoint in network.our_endpoints(site)
    ]


def _groups(site: Site) -> list[Change]:
    return [
        Change(
            "Security group", group["GroupName"], "deleted", apply=_bound(network.remove_group, site, group["GroupId"])
        )
        for group in network.our_groups(site)
    ]


def _redshift_groups(site: Site) -> list[Change]:
    client = site.client("redshift")
    kinds: list[tuple[str, dict[str, Any] | None, Callable[..., Any], str]] = [
        (
            "Subnet group",
            redshift.find_subnet_group(site),
            client.delete_cluster_subnet_group,
            "ClusterSubnetGroupName",
        ),
        (
            "Parameter group",
            redshift.find_parameter_group(site),
            client.delete_cluster_parameter_group,
            "ParameterGroupName",
        ),
    ]
    busy = ("InvalidClusterSubnetGroupStateFault", "InvalidClusterParameterGroupState")
    return [
        _ours(site, kind, site.name, group.get("Tags"), _retrying(delete, argument, site.name, busy))
        for kind, group, delete, argument in kinds
        if group is not None
    ]


def _roles(site: Site) -> dict[str, dict[str, Any]]:
    """The role by its name in dwh.cfg, and the ones that the cluster or dwh.cfg still point to."""
    names = {site.settings.role_name, site.settings.dwh_arn_role.rpartition("/")[2]}
    cluster = redshift.find_cluster(site)
    names |= {role["IamRoleArn"].rpartition("/")[2] for role in (cluster or {}).get("IamRoles", [])}
    found = {name: iam.find_role(site, name) for name in sorted(names - {""})}
    return {name: role for name, role in found.items() if role is not None}


def _boundary(site: Site, roles: list[dict[str, Any]]) -> list[Change]:
    """The boundary that our roles share with those of other clusters: it goes with the last one."""
    from botocore.exceptions import ClientError

    try:
        found = boundary.find_boundary(site)
    except ClientError as error:
        # The cluster, which is billed, must not wait for it.
        return [Change(boundary.KIND, boundary.NAME, "deleted", apply=_raising(error))]
    if found is None:
        return []
    if not boundary.is_ours(found):
        return [Change(boundary.KIND, boundary.NAME, "exists", NOT_OURS)]
    bounded = sum(iam.boundary_of(role) == found["Arn"] for role in roles)
    if found.get("PermissionsBoundaryUsageCount", 0) > bounded:
        return [Change(boundary.KIND, boundary.NAME, "exists", "other roles need it, left as it is")]
    return [Change(boundary.KIND, boundary.NAME, "deleted", apply=_bound(boundary.remove_boundary, site))]


def _bucket(site: Site) -> list[Change]:
    note = f"s3://{storage.bucket_name(site)}"
    try:
        found = storage.find_bucket(site)
    except AwsError:
        return [Change("Work bucket", site.name, "exists", f"{note}, {NOT_OURS}")]
    if found is None:
        return []
    return [Change("Work bucket", site.name, "deleted", note, _bound(storage.remove_bucket, site))]


def _ours(site: Site, kind: str, name: str, tags: Any, remove: Callable[[], None]) -> Change:
    return Change(kind, name, "deleted", apply=remove) if site.owns(tags) else Change(kind, name, "exists", NOT_OURS)


def _raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _bound(call: Callable[..., None], *args: Any) -> Callable[[], None]:
    return lambda: call(*args)


def _retrying(delete: Callable[..., Any], argument: str, name: str, codes: tuple[str, ...]) -> Callable[[], None]:
    return lambda: retried(lambda: delete(**{argument: name}), codes=codes, seconds=180)


def remove(console: Console, changes: list[Change]) -> list[str]:
    """Remove one thing after the other; one that resists does not save the rest.

    Returns:
        What could not be removed, with the reason.
    """
    left = []
    for change in changes:
        if not change.changes:
            console.line(change.kind, change.name, change.word, change.note)
            continue
        try:
            with explained():
                change.apply()
        except DwhError as error:
            console.line(change.kind, change.name, "failed", error.message)
            left.append(f"{change.kind} {change.name}: {error.message}")
            continue
        console.line(change.kind, change.name, "deleted")
    return left


def check_snapshot(site: Site, name: str) -> None:
    """Find out whether a final snapshot can be made, before anything goes.

    Raises:
        AwsError: its name is taken, or there are no snapshots here.
    """
    client = site.client("redshift")
    try:
        client.describe_cluster_snapshots(SnapshotIdentifier=name)
    except client.exceptions.ClusterSnapshotNotFoundFault:
        return
    except client.exceptions.UnsupportedOperationFault as error:
        raise AwsError(
            "a final snapshot cannot be made here; nothing was changed",
            hint="leave out --final-snapshot: the data goes with the cluster",
            detail=error.response["Error"]["Message"],
        ) from None
    raise AwsError(
        f"there is a snapshot {name} already; nothing was changed", hint="choose another --final-snapshot NAME"
    )


def delete_cluster(console: Console, site: Site, *, minutes: float, snapshot: str | None) -> None:
    """Ask AWS to delete the cluster, as soon as its state allows it.

    Args:
        console: shows the wait.
        site: where.
        minutes: the longest wait.
        snapshot: name of a final snapshot, which outlives the cluster and is billed.

    Raises:
        AwsError: the time is up.
    """
    final: dict[str, Any] = {"SkipFinalClusterSnapshot": True}
    if snapshot:
        final = {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": snapshot}
    client = site.client("redshift")
    with console.waiting(f"cluster {site.name}") as wait:
        for _ in waiting.polls(minutes * 60):
            cluster = redshift.find_cluster(site)
            if cluster is None or cluster["ClusterStatus"] in GOING:
                return
            try:
                client.delete_cluster(ClusterIdentifier=site.name, **final)
                return
            except client.exceptions.ClusterNotFoundFault:
                return  # gone between the look and the call
            except client.exceptions.InvalidClusterStateFault:
                wait.update(f"{cluster['ClusterStatus']}, it cannot be deleted yet")
    raise AwsError(f"the cluster {site.name} cannot be deleted yet", hint="run it again, with a longer --timeout")
