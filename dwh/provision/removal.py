"""What is ours in the account, found by its tags, and how each thing is removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from dwh.aws.errors import client_error, explained
from dwh.commands import CREATE, DESTROY
from dwh.console import Console
from dwh.errors import AwsError, DwhError
from dwh.provision import boundary, iam, network, plan, redshift, storage
from dwh.provision.plan import Change
from dwh.provision.site import NOT_OURS, NotOursError, Site

GONE = "gone"
# States of a cluster whose deletion has been asked for.
GOING = ("deleting", "final-snapshot")


class Thing(NamedTuple):
    """One thing that may be there.

    Args:
        kind: what it is, for the reader.
        name: its name.
        find: what there is of it, None or nothing if it is gone; raises NotOursError where it is another's.
        remove: deletes it; None leaves it.
        note: what is worth knowing about it.
    """

    kind: str
    name: str
    find: Callable[[Site], object]
    remove: Callable[[Site], None] | None
    note: str = ""


def things(site: Site, cluster: dict[str, Any] | None, *, keep_network: bool = False) -> list[Thing]:
    """Everything that may be ours but the cluster, in an order in which it can go.

    The security group is last: network interfaces of the cluster may hold it for minutes.

    Args:
        site: where to look.
        cluster: ours; roles that it still uses are looked at too.
        keep_network: leave the S3 gateway endpoint to the VPC.
    """
    name, roles = site.name, _roles(site, cluster)
    service, remove = f"com.amazonaws.{site.region}.s3", None if keep_network else network.remove_endpoints
    return [
        Thing("S3 endpoint", service, network.our_endpoints, remove, "kept" if keep_network else ""),
        Thing("Subnet group", name, redshift.find_subnet_group, redshift.remove_subnet_group),
        Thing("Parameter group", name, redshift.find_parameter_group, redshift.remove_parameter_group),
        *(_role(role) for role in roles),
        Thing(boundary.KIND, boundary.NAME, partial(_boundary, roles=roles), boundary.remove_boundary),
        Thing("Work bucket", name, storage.find_bucket, storage.remove_bucket, f"s3://{storage.bucket_name(site)}"),
        Thing("Security group", name, network.our_groups, network.remove_groups),
    ]


def _roles(site: Site, cluster: dict[str, Any] | None) -> list[str]:
    """The role by its name in dwh.cfg, and the ones that the cluster or dwh.cfg still point to."""
    arns = [site.settings.dwh_arn_role, *(role["IamRoleArn"] for role in (cluster or {}).get("IamRoles", []))]
    return sorted({site.settings.role_name, *(arn.rpartition("/")[2] for arn in arns)} - {""})


def _boundary(site: Site, *, roles: Sequence[str]) -> dict[str, Any] | None:
    """The boundary that our roles share with those of other clusters: it goes with the last one.

    Raises:
        NotOursError: an administrator made it, or other roles need it.
    """
    found = boundary.find_boundary(site)
    if found is None:
        return None
    if not boundary.is_ours(found):
        raise NotOursError(f"the policy {boundary.NAME} is an administrator's")
    ours = [role for role in (iam.find_role(site, name) for name in roles) if role and site.owns(role.get("Tags"))]
    bounded = sum(iam.boundary_of(role) == found["Arn"] for role in ours)
    if found.get("PermissionsBoundaryUsageCount", 0) > bounded:
        raise NotOursError(f"other roles need {boundary.NAME}", note="other roles need it, left as it is")
    return found


def _role(name: str) -> Thing:
    return Thing("IAM role", name, partial(iam.our_role, name=name), partial(iam.remove_role, name=name))


def planned(thing: Thing, site: Site) -> Change:
    """Look at one thing: only what carries our tags is removed."""
    try:
        found = thing.find(site)
    except NotOursError as error:
        return Change(thing.kind, thing.name, "exists", error.note)
    if found is None or found == []:
        return Change(thing.kind, thing.name, GONE)
    if thing.remove is None:
        return Change(thing.kind, thing.name, "unchanged", thing.note)
    return Change(thing.kind, thing.name, "deleted", thing.note, partial(thing.remove, site))


def look(thing: Thing, site: Site) -> Change:
    """Look at one thing before anything is removed; a look that is refused does not save the others."""
    from botocore.exceptions import ClientError

    try:
        return planned(thing, site)
    except ClientError as error:
        return Change(thing.kind, thing.name, "unknown", client_error(error).message)
    except AwsError as error:
        return Change(thing.kind, thing.name, "unknown", error.message)


def remove(
    console: Console, site: Site, removals: Sequence[tuple[Thing, Change]]
) -> tuple[list[Change], list[tuple[Thing, DwhError]]]:
    """Remove one thing after the other; one that resists does not save the rest.

    Returns:
        What became of the others, and what could not be removed, with the reason.
    """
    done: list[Change] = []
    left: list[tuple[Thing, DwhError]] = []
    for thing, change in removals:
        try:
            with explained():
                done.append(plan.settle(console, site, partial(planned, thing)) if change.changes else change)
        except DwhError as error:
            console.line(thing.kind, thing.name, "failed", error.message)
            left.append((thing, error))
            continue
        plan.show(console, done[-1:])
    return done, left


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
            "a final snapshot cannot be made here",
            hint="leave out --final-snapshot: the data goes with the cluster",
            detail=error.response["Error"]["Message"],
        ) from None
    raise AwsError(f"there is a snapshot {name} already", hint="choose another --final-snapshot NAME")


def plan_cluster(site: Site, *, snapshot: str | None) -> Change:
    """Delete our cluster, unless AWS is at it already.

    Args:
        site: where.
        snapshot: name of a final snapshot, which outlives the cluster and is billed.
    """
    final: dict[str, Any] = {"SkipFinalClusterSnapshot": True}
    if snapshot:
        final = {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": snapshot}
    cluster = redshift.find_cluster(site)
    if cluster is None:
        return Change("Cluster", site.name, GONE)
    if not site.owns(cluster.get("Tags")):
        return Change("Cluster", site.name, "exists", NOT_OURS)
    if cluster["ClusterStatus"] in GOING:
        return Change("Cluster", site.name, "unchanged", cluster["ClusterStatus"])
    delete = partial(_delete_cluster, site, cluster["ClusterStatus"], final)
    return Change("Cluster", site.name, "deleted", cluster["ClusterStatus"], delete)


def _delete_cluster(site: Site, status: str, final: dict[str, Any]) -> None:
    """Ask AWS to delete the cluster.

    Raises:
        AwsError: it is paused, and AWS refuses. AWS's guide deletes paused clusters, its API was seen to refuse:
            https://github.com/apache/airflow/pull/68922
    """
    client = site.client("redshift")
    try:
        client.delete_cluster(ClusterIdentifier=site.name, **final)
    except client.exceptions.InvalidClusterStateFault:
        if status != "paused":
            raise
        raise AwsError(
            f"the cluster {site.name} is paused, and AWS does not delete a paused one",
            hint=f"{CREATE} --resume, then {DESTROY} again",
        ) from None


def plan_snapshot(site: Site, *, name: str) -> Change:
    """Our tags on the final snapshot: the cluster does not hand its own on, and DeleteCluster takes none.

    https://docs.aws.amazon.com/redshift/latest/APIReference/API_DeleteCluster.html
    """
    client, kind = site.client("redshift"), "Snapshot"
    try:
        found = client.describe_cluster_snapshots(SnapshotIdentifier=name)["Snapshots"][0]
    except client.exceptions.ClusterSnapshotNotFoundFault:
        return Change(kind, name, GONE, "there is no such snapshot")
    if found["ClusterIdentifier"] != site.name:
        return Change(kind, name, "exists", "of another cluster, left as it is")
    if site.owns(found.get("Tags")):
        return Change(kind, name, "unchanged", "kept, with our tags")
    arn = site.redshift_arn(f"snapshot:{site.name}/{name}")
    tag = partial(client.create_tags, ResourceName=arn, Tags=site.tag_list)
    return Change(kind, name, "updated", "kept, with our tags", tag)
