"""The permissions boundary of the role: whatever its policies say, it can read S3 and do nothing else.

One policy serves all clusters of the account. A user who may write it could widen it. So an operator with
``assets/iam_policy.json`` may not: an administrator makes it first, and the operator's roles must have it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dwh.errors import AwsError
from dwh.provision.plan import Change
from dwh.provision.site import PROJECT, Site

# As assets/iam_policy.json demands it.
NAME = "sparkify-boundary"
FILE = Path(__file__).parents[2] / "assets" / "iam_boundary.json"
KIND = "IAM boundary"
NOTE = "the most that the role can ever do: read S3"
# It belongs to no single cluster, so it has no tag that names one.
TAG = {"Key": "project", "Value": PROJECT}
MOST_VERSIONS = 5
CREATE = f"aws iam create-policy --policy-name {NAME} --policy-document file://assets/iam_boundary.json"
CHANGE = "aws iam create-policy-version --set-as-default --policy-document file://assets/iam_boundary.json"


def boundary_arn(site: Site) -> str:
    """The ARN of the boundary in the account of the site."""
    return f"arn:{site.partition}:iam::{site.account}:policy/{NAME}"


def boundary_policy(partition: str) -> dict[str, Any]:
    """What the boundary says.

    Args:
        partition: first part of every ARN.
    """
    text = FILE.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{partition}:")
    policy: dict[str, Any] = json.loads(text)
    return policy


def find_boundary(site: Site) -> dict[str, Any] | None:
    """The policy with the name of the boundary, or None."""
    iam = site.client("iam")
    try:
        policy: dict[str, Any] = iam.get_policy(PolicyArn=boundary_arn(site))["Policy"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return policy


def is_ours(policy: dict[str, Any]) -> bool:
    """Whether create_cluster.py made it, for this cluster or another."""
    return TAG in policy.get("Tags", [])


def plan_boundary(site: Site) -> Change:
    """The policy itself; the role is bound by it when it is made.

    Raises:
        AwsError: there is one that is not ours and that allows more.
    """
    policy = find_boundary(site)
    if policy is None:
        return Change(KIND, NAME, "created", NOTE, lambda: _create(site))
    document = _document(site, policy)
    if not is_ours(policy):
        _check_narrow(site, document)
        return Change(KIND, NAME, "exists", f"{NOTE}; an administrator's")
    if document == boundary_policy(site.partition):
        return Change(KIND, NAME, "unchanged", NOTE)
    return Change(KIND, NAME, "updated", NOTE, lambda: _update(site))


def _document(site: Site, policy: dict[str, Any]) -> dict[str, Any]:
    answer = site.client("iam").get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    document: dict[str, Any] = answer["PolicyVersion"]["Document"]
    return document


def _check_narrow(site: Site, document: dict[str, Any]) -> None:
    """Refuse a boundary that allows another action; an administrator may have narrowed it, to some buckets say."""
    if not _actions(document) <= _actions(boundary_policy(site.partition)):
        raise AwsError(
            f"the policy {NAME} allows more than assets/iam_boundary.json; nothing was changed",
            hint=f"as an administrator: {CHANGE} --policy-arn {boundary_arn(site)}",
        )


def _actions(document: dict[str, Any]) -> set[str]:
    """The actions that a policy allows, on whatever resource. NotAction, which allows all others, counts as ``*``."""
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    allowed = [statement.get("Action", "*") for statement in statements if statement["Effect"] == "Allow"]
    return {action for actions in allowed for action in ([actions] if isinstance(actions, str) else actions)}


def _create(site: Site) -> None:
    iam = site.client("iam")
    with _administrators_work(f"the policy {NAME} is missing, and this user may not make it", CREATE):
        iam.create_policy(
            PolicyName=NAME,
            PolicyDocument=json.dumps(boundary_policy(site.partition)),
            Description="The most that a role of a Sparkify cluster can do",
            Tags=[TAG],
        )


def _update(site: Site) -> None:
    """Another default version; the oldest one goes when there are as many as there may be."""
    iam, arn = site.client("iam"), boundary_arn(site)
    problem = f"the policy {NAME} does not say what assets/iam_boundary.json says, and this user may not change it"
    with _administrators_work(problem, f"{CHANGE} --policy-arn {arn}"):
        others = _other_versions(site)
        if len(others) + 1 >= MOST_VERSIONS:
            iam.delete_policy_version(PolicyArn=arn, VersionId=others[0])
        document = json.dumps(boundary_policy(site.partition))
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


def _other_versions(site: Site) -> list[str]:
    """The versions that are not in force, the oldest first."""
    pages = site.client("iam").get_paginator("list_policy_versions").paginate(PolicyArn=boundary_arn(site))
    versions = [version for page in pages for version in page["Versions"] if not version["IsDefaultVersion"]]
    return [version["VersionId"] for version in sorted(versions, key=lambda version: version["CreateDate"])]


@contextmanager
def _administrators_work(problem: str, command: str) -> Iterator[None]:
    """Name the command for an administrator when the user may not write the boundary: an operator may not."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        raise AwsError(problem, hint=f"as an administrator, once: {command}") from None


def remove_boundary(site: Site) -> None:
    """Delete the boundary with all its versions."""
    iam, arn = site.client("iam"), boundary_arn(site)
    problem = f"this user may not delete the policy {NAME}, which costs nothing; an administrator can"
    with _administrators_work(problem, f"aws iam delete-policy --policy-arn {arn}"):
        for version in _other_versions(site):
            iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        iam.delete_policy(PolicyArn=arn)
