"""The role that the cluster reads S3 with: trusted only to our cluster and user, able to read only our prefixes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dwh.provision.boundary import boundary_arn
from dwh.provision.plan import Change
from dwh.provision.site import Site
from dwh.provision.storage import MANIFESTS, bucket_name
from dwh.text import split_uri

POLICY_NAME = "read-source-data"


def trust_policy(site: Site) -> dict[str, Any]:
    """Who may take the role: Redshift, on behalf of our user in our cluster.

    Redshift sends the ARN of the database user as the external id:
    https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
    Whether the ``IAM:`` of a login that AWS lends is part of it is said nowhere, so both forms are named:
    https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html
    """
    user = site.settings.db_user
    users = [site.redshift_arn(f"dbuser:{site.name}/{name}") for name in (user, f"IAM:{user}")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "redshift.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": users}},
            }
        ],
    }


def read_policy(partition: str, prefixes: Sequence[str], key: str) -> dict[str, Any]:
    """What the role may do: list and read what begins with one of the prefixes, and read one object.

    COPY lists a prefix, and reads its objects, the JSONPaths file and the manifest:
    https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html

    Args:
        partition: first part of every ARN.
        prefixes: ``s3://bucket/prefix`` each.
        key: ``s3://bucket/key`` of the JSONPaths file.
    """
    buckets: dict[str, list[str]] = {}
    for pattern in [*(f"{prefix}*" for prefix in prefixes), key]:
        bucket, rest = split_uri(pattern)
        buckets.setdefault(bucket, []).append(rest)
    statements = [
        statement
        for bucket, patterns in buckets.items()
        for statement in _read_bucket(f"arn:{partition}:s3:::{bucket}", patterns)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _read_bucket(arn: str, patterns: list[str]) -> list[dict[str, Any]]:
    listed = {"StringLike": {"s3:prefix": patterns}}
    return [
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": arn},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn, "Condition": listed},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{arn}/{pattern}" for pattern in patterns]},
    ]


def role_policy(site: Site) -> dict[str, Any]:
    """What the role of this site may read: the source data, and our manifests."""
    settings = site.settings
    manifests = f"s3://{bucket_name(site)}/{MANIFESTS}"
    return read_policy(site.partition, [settings.log_data, settings.song_data, manifests], settings.log_jsonpath)


def plan_role(site: Site) -> Change:
    """The role, whom it trusts, and the boundary that it stays in."""
    iam = site.client("iam")
    name, trust, bound = site.settings.role_name, trust_policy(site), boundary_arn(site)
    note = f"only for {site.settings.db_user} of {site.name}"
    role = find_role(site, name)
    if role is None:

        def create() -> None:
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(trust),
                PermissionsBoundary=bound,
                Description=f"Reads the source data of the cluster {site.name}",
                Tags=site.tag_list,
            )

        return Change("IAM role", name, "created", note, create)
    site.adopt("IAM role", name, role.get("Tags"), "role_name")
    bounded = boundary_of(role) == bound
    trusted = role["AssumeRolePolicyDocument"] == trust
    if bounded and trusted:
        return Change("IAM role", name, "unchanged", note)

    def update() -> None:
        if not bounded:  # first: the operator may change a role only inside its boundary
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=bound)
        if not trusted:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    return Change("IAM role", name, "updated", note, update)


def plan_policy(site: Site) -> Change:
    """What the role may read."""
    iam = site.client("iam")
    role, policy = site.settings.role_name, role_policy(site)
    note = "reads only log_data, song_data, log_jsonpath and our manifests"
    try:
        document = iam.get_role_policy(RoleName=role, PolicyName=POLICY_NAME)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        document = None
    if document == policy:
        return Change("IAM policy", POLICY_NAME, "unchanged", note)

    def put() -> None:
        iam.put_role_policy(RoleName=role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy))

    return Change("IAM policy", POLICY_NAME, "updated" if document else "created", note, put)


def find_role(site: Site, name: str) -> dict[str, Any] | None:
    """A role by its name, or None."""
    iam = site.client("iam")
    try:
        role: dict[str, Any] = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return role


def our_role(site: Site, name: str) -> dict[str, Any] | None:
    """Our role of that name, or None.

    Raises:
        NotOursError: the name is taken by one that is not ours.
    """
    role = find_role(site, name)
    if role is not None:
        site.adopt("IAM role", name, role.get("Tags"), "role_name")
    return role


def other_policies(site: Site) -> list[str]:
    """The policies of our role that create_cluster.py did not make: they let the cluster do more than it should."""
    iam, name = site.client("iam"), site.settings.role_name
    try:
        pages = iam.get_paginator("list_role_policies").paginate(RoleName=name)
        inline = [policy for page in pages for policy in page["PolicyNames"] if policy != POLICY_NAME]
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        return inline + [policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"]]
    except iam.exceptions.NoSuchEntityException:
        return []


def boundary_of(role: dict[str, Any]) -> str:
    """The ARN of a role's permissions boundary, empty without one."""
    return str(role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))


def remove_role(site: Site, name: str) -> None:
    """Delete a role; its inline policies and attachments must go first."""
    iam = site.client("iam")
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
        for policy in page["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)
