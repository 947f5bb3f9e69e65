"""The cluster: its request, its parameter and subnet groups, its audit logs, and its end."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dwh.aws.endpoints import is_amazon
from dwh.commands import CREATE, DESTROY
from dwh.errors import ConfigError
from dwh.keys import NODE_TYPES
from dwh.provision import network, storage
from dwh.provision.patience import NotThereYet
from dwh.provision.plan import Change, NotOffered
from dwh.provision.site import PROJECT, Site

FAMILY = "redshift-2.0"
# TLS for everybody, and statements in the audit logs.
PARAMETERS = {"require_ssl": "true", "enable_user_activity_logging": "true"}
PASSWORD_LENGTH = 48
# States in which a cluster takes a change, or will in a while.
CHANGEABLE = ("available", "modifying")


def random_password() -> str:
    """A password that satisfies Redshift (upper, lower, digit) and that is not kept."""
    alphabet = string.ascii_letters + string.digits
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(PASSWORD_LENGTH))
        if _mixed(password):
            return password


def _mixed(password: str) -> bool:
    """Whether it has an upper-case letter, a lower-case letter and a digit, as Redshift wants."""
    return all(any(test(c) for c in password) for test in (str.isupper, str.islower, str.isdigit))


def check_password(password: str) -> None:
    """Hold DB_PASSWORD to Redshift's rules, before AWS could refuse it.

    Raises:
        ConfigError: it breaks one; the password itself is not shown.
    """
    printable = all(33 <= ord(c) <= 126 and c not in "'\"\\/@" for c in password)
    if not (8 <= len(password) <= 64 and printable and _mixed(password)):
        raise ConfigError(
            "DB_PASSWORD is not one that Redshift takes",
            hint="8 to 64 printable characters, with an upper-case letter, a lower-case letter and a digit, "
            "without spaces, quotes, / \\ or @; or leave it empty",
        )


def cluster_request(site: Site, group: str, password: str) -> dict[str, Any]:
    """The arguments of create_cluster.

    Args:
        site: where.
        group: id of the security group.
        password: of the admin user.
    """
    settings = site.settings
    request: dict[str, Any] = {
        "ClusterIdentifier": site.name,
        "NodeType": settings.node_type,
        "ClusterType": "single-node" if settings.number_of_nodes == 1 else "multi-node",
        "MasterUsername": settings.db_user,
        "MasterUserPassword": password,
        "DBName": settings.db_name,
        "Port": settings.db_port,
        "Encrypted": True,
        "ClusterSubnetGroupName": site.name,
        "IamRoles": [site.role_arn],
        "Tags": site.tag_list,
        **changeable(site, group),
    }
    if settings.number_of_nodes > 1:
        request["NumberOfNodes"] = settings.number_of_nodes
    if settings.multi_az:
        request["MultiAZ"] = True
    if settings.encryption_key:
        request["KmsKeyId"] = settings.encryption_key
    return request


def changeable(site: Site, group: str) -> dict[str, Any]:
    """The part of the request that modify_cluster can change on a running cluster."""
    settings = site.settings
    request: dict[str, Any] = {
        "VpcSecurityGroupIds": [group],
        "ClusterParameterGroupName": site.name,
        "AutomatedSnapshotRetentionPeriod": settings.snapshot_days,
        "AllowVersionUpgrade": True,
        # Without a way from the VPC to the bucket, COPY would hang: only with the gateway endpoint.
        "EnhancedVpcRouting": site.same_region,
        "PubliclyAccessible": settings.access != "private",
    }
    if settings.maintenance_window:
        request["PreferredMaintenanceWindow"] = settings.maintenance_window
    return request


def resize_command(site: Site, cluster: dict[str, Any]) -> str:
    """The call of the AWS command line that doubles the nodes of a cluster.

    A single node takes a classic resize, which copies everything to a new cluster:
    https://docs.aws.amazon.com/redshift/latest/mgmt/managing-cluster-operations.html
    """
    nodes = cluster["NumberOfNodes"]
    doubled = min(2 * nodes, NODE_TYPES[cluster["NodeType"]].nodes.stop - 1)
    words = [
        "aws redshift resize-cluster",
        f"--region {site.region}",
        f"--cluster-identifier {site.name}",
        f"--node-type {cluster['NodeType']}",
        f"--number-of-nodes {doubled}",
    ]
    return " ".join([*words, "--cluster-type multi-node --classic"] if nodes == 1 else words)


def find_cluster(site: Site) -> dict[str, Any] | None:
    """The cluster with our name, or None; it may be another's."""
    redshift = site.client("redshift")
    try:
        cluster: dict[str, Any] = redshift.describe_clusters(ClusterIdentifier=site.name)["Clusters"][0]
    except redshift.exceptions.ClusterNotFoundFault:
        return None
    return cluster


def our_cluster(site: Site) -> dict[str, Any] | None:
    """Our cluster, or None.

    Raises:
        AwsError: the name is taken by a cluster that is not ours.
    """
    cluster = find_cluster(site)
    if cluster is not None:
        site.adopt("cluster", site.name, cluster.get("Tags"), "cluster_identifier")
    return cluster


def other_clusters(site: Site) -> list[str]:
    """The clusters of this project with other names, for whoever has lost their dwh.cfg."""
    pages = site.client("redshift").get_paginator("describe_clusters").paginate()
    clusters = [cluster for page in pages for cluster in page["Clusters"]]
    mark = {"Key": "project", "Value": PROJECT}
    return [
        cluster["ClusterIdentifier"]
        for cluster in clusters
        if mark in cluster.get("Tags", []) and cluster["ClusterIdentifier"] != site.name
    ]


def snapshots(site: Site, *, ours: bool = False) -> list[str]:
    """The manual snapshots of a cluster of our name: they outlive it, and are billed until they are deleted.

    Args:
        site: where to look.
        ours: only those with our tags.
    """
    pages = site.client("redshift").get_paginator("describe_cluster_snapshots").paginate(SnapshotType="manual")
    found = [snapshot for page in pages for snapshot in page["Snapshots"]]
    return [
        snapshot["SnapshotIdentifier"]
        for snapshot in found
        if snapshot["ClusterIdentifier"] == site.name and (site.owns(snapshot.get("Tags")) or not ours)
    ]


def unkeep_command(site: Site, snapshot: str) -> str:
    """The call of the AWS command line that deletes a snapshot."""
    return (
        f"aws redshift delete-cluster-snapshot --region {site.region} "
        f"--snapshot-identifier {snapshot} --snapshot-cluster-identifier {site.name}"
    )


def plan_subnet_group(site: Site) -> Change:
    """The subnet group, over two availability zones or more."""
    redshift, chosen = site.client("redshift"), site.once(network.subnets)
    note = f"{len(chosen)} subnets"
    group = find_subnet_group(site)
    if group is not None:
        return Change("Subnet group", site.name, "unchanged", f"{len(group['Subnets'])} subnets")

    def create() -> None:
        redshift.create_cluster_subnet_group(
            ClusterSubnetGroupName=site.name,
            Description=f"Where the cluster {site.name} may be",
            SubnetIds=chosen,
            Tags=site.tag_list,
        )

    return Change("Subnet group", site.name, "created", note, create)


def find_subnet_group(site: Site) -> dict[str, Any] | None:
    """Our subnet group, or None.

    Raises:
        NotOursError: the name is taken by one that is not ours.
    """
    redshift = site.client("redshift")
    try:
        answer = redshift.describe_cluster_subnet_groups(ClusterSubnetGroupName=site.name)
    except redshift.exceptions.ClusterSubnetGroupNotFoundFault:
        return None
    group: dict[str, Any] = answer["ClusterSubnetGroups"][0]
    site.adopt("subnet group", site.name, group.get("Tags"), "cluster_identifier")
    return group


def remove_subnet_group(site: Site) -> None:
    """Delete the subnet group."""
    site.client("redshift").delete_cluster_subnet_group(ClusterSubnetGroupName=site.name)


def plan_parameter_group(site: Site) -> Change:
    """A parameter group of our own: the default one cannot be changed."""
    redshift = site.client("redshift")
    if find_parameter_group(site) is not None:
        return Change("Parameter group", site.name, "unchanged")

    def create() -> None:
        redshift.create_cluster_parameter_group(
            ParameterGroupName=site.name,
            ParameterGroupFamily=FAMILY,
            Description=f"Parameters of the cluster {site.name}",
            Tags=site.tag_list,
        )

    return Change("Parameter group", site.name, "created", apply=create)


def find_parameter_group(site: Site) -> dict[str, Any] | None:
    """Our parameter group, or None.

    Raises:
        NotOursError: the name is taken by one that is not ours.
    """
    redshift = site.client("redshift")
    try:
        answer = redshift.describe_cluster_parameter_groups(ParameterGroupName=site.name)
    except redshift.exceptions.ClusterParameterGroupNotFoundFault:
        return None
    group: dict[str, Any] = answer["ParameterGroups"][0]
    site.adopt("parameter group", site.name, group.get("Tags"), "cluster_identifier")
    return group


def remove_parameter_group(site: Site) -> None:
    """Delete the parameter group."""
    site.client("redshift").delete_cluster_parameter_group(ParameterGroupName=site.name)


def plan_parameters(site: Site) -> Change:
    """The values in that group."""
    redshift = site.client("redshift")
    note = "TLS required, statements logged"
    try:
        pages = redshift.get_paginator("describe_cluster_parameters").paginate(ParameterGroupName=site.name)
        found = {entry["ParameterName"]: entry.get("ParameterValue") for page in pages for entry in page["Parameters"]}
    except redshift.exceptions.ClusterParameterGroupNotFoundFault:
        found = {}
    missing = {name: value for name, value in PARAMETERS.items() if found.get(name) != value}
    if not missing:
        return Change("Parameters", site.name, "unchanged", note)

    def put() -> None:
        values = [{"ParameterName": name, "ParameterValue": value} for name, value in missing.items()]
        with _offered(redshift, "ModifyClusterParameterGroup"):
            redshift.modify_cluster_parameter_group(ParameterGroupName=site.name, Parameters=values)

    return Change("Parameters", site.name, "updated" if found else "created", note, put)


@contextmanager
def _offered(client: Any, operation: str) -> Iterator[None]:
    """Let an emulator of AWS lack an operation; AWS itself may not."""
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ResponseParserError:
        url = client.meta.endpoint_url
        if is_amazon(url):
            raise
        raise NotOffered(f"{url} is not AWS and does not offer {operation}: it was left out") from None


def plan_cluster(site: Site) -> Change:
    """The cluster itself.

    Raises:
        AwsError: the name is taken by somebody else.
        ConfigError: dwh.cfg asks for what only a new cluster can have.
    """
    settings = site.settings
    note = f"{settings.number_of_nodes} × {settings.node_type}, encrypted"
    cluster = our_cluster(site)
    if cluster is None:
        return Change("Cluster", site.name, "created", note, lambda: _create(site))
    _check_fixed(site, cluster)
    # One that is being made, paused or full takes no change; the next run looks again.
    request = _differences(site, cluster) if cluster["ClusterStatus"] in CHANGEABLE else {}
    if not request:
        return Change("Cluster", site.name, "unchanged", f"{note}, {cluster['ClusterStatus']}")

    def modify() -> None:
        redshift, others = site.client("redshift"), dict(request)
        roles = others.pop("AddIamRoles", None)
        if roles:
            redshift.modify_cluster_iam_roles(ClusterIdentifier=site.name, AddIamRoles=roles)
        if others:
            redshift.modify_cluster(ClusterIdentifier=site.name, **others)

    return Change("Cluster", site.name, "updated", ", ".join(sorted(request)), modify)


def _create(site: Site) -> None:
    group = network.find_group(site)
    if group is None:
        raise NotThereYet(f"the security group {site.name} is not there", hint=CREATE)
    request = cluster_request(site, group["GroupId"], site.settings.db_password or random_password())
    site.client("redshift").create_cluster(**request)


def _check_fixed(site: Site, cluster: dict[str, Any]) -> None:
    """What cannot be changed on a running cluster, or only with hours of resizing."""
    settings = site.settings
    wanted: dict[str, tuple[object, object]] = {
        "node_type": (settings.node_type, cluster["NodeType"]),
        "number_of_nodes": (settings.number_of_nodes, cluster["NumberOfNodes"]),
        "db_name": (settings.db_name, cluster["DBName"]),
        "db_user": (settings.db_user, cluster["MasterUsername"]),
    }
    if "MultiAZ" in cluster:
        wanted["multi_az"] = (settings.multi_az, str(cluster["MultiAZ"]).lower() in ("enabled", "true"))
    host, port = cluster.get("Endpoint", {}).get("Address"), cluster.get("Endpoint", {}).get("Port")
    if host and is_amazon(f"https://{host}"):  # an emulator takes another port when this one is in use
        wanted["db_port"] = (settings.db_port, port)
    if ":key/" in settings.encryption_key:  # an alias does not say which key it is
        wanted["encryption_key"] = (settings.encryption_key, cluster.get("KmsKeyId"))
    differing = [
        f"{key} is {have} on the cluster, {want} in dwh.cfg" for key, (want, have) in wanted.items() if want != have
    ]
    if differing:
        raise ConfigError(
            f"the cluster {site.name} exists, and dwh.cfg asks for another one",
            hint=f"set the keys back, or {DESTROY} first",
            detail="\n".join(differing),
        )


def _differences(site: Site, cluster: dict[str, Any]) -> dict[str, Any]:
    """The changeable arguments whose value on the cluster is another."""
    group = network.find_group(site)
    wanted = changeable(site, group["GroupId"] if group else "")
    found: dict[str, Any] = {
        **cluster,
        "VpcSecurityGroupIds": [entry["VpcSecurityGroupId"] for entry in cluster.get("VpcSecurityGroups", [])],
        "ClusterParameterGroupName": cluster["ClusterParameterGroups"][0]["ParameterGroupName"],
        "PreferredMaintenanceWindow": cluster.get("PreferredMaintenanceWindow", "").lower(),
        **{key: value for key, value in cluster.get("PendingModifiedValues", {}).items() if value is not None},
    }
    changes = {key: value for key, value in wanted.items() if found.get(key) != value}
    if site.role_arn not in {role["IamRoleArn"] for role in cluster.get("IamRoles", [])}:
        changes["AddIamRoles"] = [site.role_arn]
    return changes


def plan_logging(site: Site) -> Change:
    """Audit logs: who connected, and what was run, into the work bucket.

    The bucket and not CloudWatch, whose log groups would outlive the cluster.
    """
    redshift, bucket = site.client("redshift"), storage.bucket_name(site)
    note = f"to s3://{bucket}/{storage.AUDIT}"
    try:
        status = redshift.describe_logging_status(ClusterIdentifier=site.name)
    except redshift.exceptions.ClusterNotFoundFault:
        status = {}
    if status.get("LoggingEnabled") and status.get("BucketName") == bucket:
        failure = status.get("LastFailureMessage")
        return Change("Audit logs", site.name, "unchanged", f"{note}; AWS says: {failure}" if failure else note)

    def enable() -> None:
        redshift.enable_logging(ClusterIdentifier=site.name, BucketName=bucket, S3KeyPrefix=storage.AUDIT)

    return Change("Audit logs", site.name, "created", note, enable)
