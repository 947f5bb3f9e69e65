"""How long is waited for AWS to catch up with itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from dwh.errors import AwsError

FIRST_POLL = 0.2
LONGEST_POLL = 15.0


def turns() -> Iterator[float]:
    """One turn per look, without an end: soon at first, then every quarter of a minute.

    Yields:
        Seconds since the first turn.
    """
    started, pause = time.monotonic(), FIRST_POLL
    while True:
        yield time.monotonic() - started
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL)


def polls(timeout: float) -> Iterator[None]:
    """Turns until the time is up, with a last look after that.

    Args:
        timeout: seconds.
    """
    for elapsed in turns():
        yield
        if elapsed >= timeout:
            return


class NotThereYet(AwsError):
    """What a change builds on cannot be seen: made a moment ago, or removed by somebody else."""


class Patience(NamedTuple):
    """How long a refusal is worth another try, and what is said meanwhile."""

    seconds: float
    why: str


NONE = Patience(0, "")
SEEN_BEFORE = Patience(30, "AWS says that it is there, and does not show it yet")
NOT_SEEN = Patience(30, "AWS does not find what was made a moment ago, or what is being removed")
LOST = Patience(30, "the answer of AWS was lost")
AT_WORK = Patience(60, "IAM is busy with another change of the role")

# Code of AWS -> patience with it. These say that AWS sees another state than the one that it has shown, or that
# something lets go of it by itself; every other refusal is final. Sources:
# S3 keeps the name of a deleted bucket: https://github.com/aws/aws-cli/issues/2593; OperationAborted also comes from
#   two changes of one bucket: https://github.com/hashicorp/terraform-provider-aws/issues/26805
# IAM is consistent after a while only: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, and
#   DeleteConflict: https://github.com/hashicorp/terraform/pull/14707
# EC2 too: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
PASSING: dict[str, Patience] = {
    # Made already: by us, and the answer was lost; by another run; or deleted a moment ago.
    "BucketAlreadyOwnedByYou": Patience(600, "S3 has not let go of the bucket's name yet"),
    "ClusterAlreadyExists": SEEN_BEFORE,
    "ClusterParameterGroupAlreadyExists": SEEN_BEFORE,
    "ClusterSubnetGroupAlreadyExists": SEEN_BEFORE,
    "EntityAlreadyExists": SEEN_BEFORE,
    "InvalidGroup.Duplicate": SEEN_BEFORE,
    "InvalidPermission.Duplicate": SEEN_BEFORE,
    "RouteAlreadyExists": Patience(180, "the route of a deleted endpoint is still there"),
    # Gone already, or not to be seen yet.
    "BucketNotFoundFault": NOT_SEEN,
    "ClusterNotFound": NOT_SEEN,
    "ClusterParameterGroupNotFound": NOT_SEEN,
    "ClusterSubnetGroupNotFoundFault": NOT_SEEN,
    "InvalidGroup.NotFound": NOT_SEEN,
    "InvalidPermission.NotFound": NOT_SEEN,
    "InvalidVpcEndpointId.NotFound": NOT_SEEN,
    "NoSuchBucket": NOT_SEEN,
    "NoSuchEntity": NOT_SEEN,
    "ResourceNotFoundFault": NOT_SEEN,
    # In use, or being changed.
    "BucketNotEmpty": Patience(60, "the bucket is still written to"),
    "ConcurrentModification": AT_WORK,
    "DeleteConflict": AT_WORK,
    "DependencyViolation": Patience(600, "something still uses it: network interfaces of the cluster go slowly"),
    "EntityTemporarilyUnmodifiable": AT_WORK,
    "InvalidClusterParameterGroupState": Patience(180, "the parameter group is in use or being changed"),
    "InvalidClusterState": Patience(300, "the cluster is busy with another change"),
    "InvalidClusterSubnetGroupStateFault": Patience(180, "the subnet group is in use"),
    "OperationAborted": Patience(600, "S3 is busy with the bucket, or has not let go of its name yet"),
}

NOT_VISIBLE = Patience(180, "Redshift does not see the role yet")
# Part of AWS's message -> patience with it, where the code says nothing: a role that IAM knows and Redshift does
# not see yet, a boundary that was made a moment ago.
PASSING_TEXTS: dict[str, Patience] = {
    "must delegate access to an Amazon Redshift account": NOT_VISIBLE,
    "Not authorized to get credentials of role": NOT_VISIBLE,
    "is not authorized to assume IAM Role": NOT_VISIBLE,
    "is not attachable": Patience(60, "IAM does not see the boundary of the role yet"),
}


def with_refusal(error: Exception) -> Patience:
    """The patience that a refusal deserves; none for those that no waiting changes.

    Args:
        error: what a call of boto3 raised, or one of our own errors.
    """
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    if isinstance(error, NotThereYet):
        return NOT_SEEN
    if isinstance(error, ConnectionError | HTTPClientError):
        return LOST  # a look that gets no answer either ends it at once
    if not isinstance(error, ClientError):
        return NONE
    answer = error.response["Error"]
    message = answer.get("Message", "")
    by_text = next((patience for text, patience in PASSING_TEXTS.items() if text in message), None)
    return by_text or PASSING.get(answer["Code"], NONE)
