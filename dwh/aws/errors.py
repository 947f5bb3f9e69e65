"""What AWS answers when it refuses, as a sentence and a next step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dwh.commands import CREATE
from dwh.errors import AwsError, DwhError, RefusedError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

THEN_AGAIN = ", then run the step again"
AGAIN = f"wait a minute{THEN_AGAIN}"
LATER = f"wait a few minutes{THEN_AGAIN}"
POLICY = f"attach assets/iam_policy.json to the user (README, step 1){THEN_AGAIN}"
NEW_KEY = "make a new access key in the IAM console and put it into .env"

NOT_ACCEPTED = ("SignatureDoesNotMatch", "IncompleteSignature", "InvalidAccessKeyId", "AuthorizationHeaderMalformed")

# Code of AWS -> what it means here, and what to do.
# A code is not the name of the exception class: most of Redshift's lack its "Fault".
EXPLAINED: dict[str, tuple[str, str]] = {
    # Who we are.
    "InvalidClientTokenId": ("AWS does not know the access key", NEW_KEY),
    "UnrecognizedClientException": ("AWS does not know the access key", NEW_KEY),
    "InvalidAccessKeyId": ("AWS does not know the access key", NEW_KEY),
    "AuthFailure": ("AWS does not accept the access key in this region", "is the region enabled for the account?"),
    "SignatureDoesNotMatch": ("the secret does not belong to the access key", "copy SECRET into .env again, whole"),
    "IncompleteSignature": ("the access key or the secret is not complete", "copy KEY and SECRET into .env again"),
    "ExpiredToken": ("the login has expired", "log in again (aws sso login), or renew KEY and SECRET in .env"),
    "ExpiredTokenException": ("the login has expired", "log in again (aws sso login), or renew KEY and SECRET in .env"),
    "RequestExpired": ("AWS rejected the request as expired", "set this machine's clock right"),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it right, then run the step again"),
    "OptInRequired": (
        "the account may not use this service or region yet",
        "finish signing up, or take another region",
    ),
    # What we may do.
    "AccessDenied": ("AWS does not allow it to this user", POLICY),
    "AccessDeniedException": ("AWS does not allow it to this user", POLICY),
    "UnauthorizedOperation": ("AWS does not allow it to this user", POLICY),
    "DependentServiceAccessDenied": ("Redshift may not use a service that it needs", POLICY),
    # The cluster.
    "ClusterAlreadyExists": (
        "a cluster of this name exists already",
        "run the step again to adopt it if it is ours",
    ),
    "ClusterNotFound": ("there is no such cluster in this region", CREATE),
    "InvalidClusterState": ("the cluster is busy with another change", LATER),
    "InsufficientClusterCapacity": (
        "AWS has no free machines of this node type",
        "wait, or choose another node_type or region in dwh.cfg",
    ),
    "ClusterQuotaExceeded": ("the account has as many clusters as it may", "remove one, or ask AWS for a higher quota"),
    "NumberOfNodesQuotaExceeded": ("the account has as many nodes as it may", "lower number_of_nodes, or ask for more"),
    "NumberOfNodesPerClusterLimitExceeded": ("too many nodes for one cluster", "lower number_of_nodes in dwh.cfg"),
    "ClusterParameterGroupNotFound": ("the parameter group is gone", CREATE),
    "ClusterParameterGroupAlreadyExists": ("a parameter group of this name exists already", CREATE),
    "InvalidClusterParameterGroupState": (
        "the parameter group is in use or being changed",
        AGAIN,
    ),
    "ClusterSubnetGroupNotFoundFault": ("the subnet group is gone", CREATE),
    "ClusterSubnetGroupAlreadyExists": ("a subnet group of this name exists already", CREATE),
    "InvalidClusterSubnetGroupStateFault": ("the subnet group is in use", AGAIN),
    "InvalidSubnet": ("a subnet cannot hold the cluster", "look at the default subnets of the region's default VPC"),
    "InvalidVPCNetworkStateFault": (
        "the VPC cannot hold the cluster",
        "a public cluster needs an internet gateway in its VPC; see also VPC Block Public Access",
    ),
    "ClusterSnapshotAlreadyExists": ("a snapshot of this name exists already", "choose another --final-snapshot NAME"),
    "ClusterSnapshotNotFound": ("there is no such snapshot", "run the step again"),
    "ResourceNotFoundFault": ("there is no such resource", "run the step again"),
    "InvalidClusterSnapshotState": ("the snapshot is being made or copied", LATER),
    "SnapshotQuotaExceeded": ("the account has as many snapshots as it may", "delete old ones"),
    "UnsupportedOperation": (
        "Redshift does not offer this for the cluster",
        "look at node_type, multi_az in dwh.cfg",
    ),
    "UnsupportedOptionFault": ("Redshift does not offer this option", "look at node_type, multi_az in dwh.cfg"),
    "DependentServiceUnavailableFault": (
        "a service that Redshift needs is down",
        AGAIN,
    ),
    "DependentServiceRequestThrottlingFault": ("AWS asks to slow down", AGAIN),
    "BucketNotFoundFault": ("the bucket for the audit logs is gone", CREATE),
    "InsufficientS3BucketPolicyFault": ("Redshift may not write to the bucket for the audit logs", CREATE),
    "TagLimitExceededFault": ("the resource has as many tags as it may", "remove some"),
    "InvalidParameterValue": ("AWS does not accept a value", "look at the keys of [CLUSTER] in dwh.cfg"),
    "InvalidParameterCombination": ("AWS does not accept the values together", "look at [CLUSTER] in dwh.cfg"),
    "ValidationError": ("AWS does not accept a value", "look at the keys in dwh.cfg"),
    # IAM.
    "EntityAlreadyExists": ("a role of this name exists already", "run the step again"),
    "NoSuchEntity": ("there is no such role or policy", CREATE),
    "ConcurrentModification": ("IAM is busy with another change of the role", AGAIN),
    "EntityTemporarilyUnmodifiable": ("IAM is busy with another change of the role", AGAIN),
    "DeleteConflict": ("something is still attached to the role", f"detach it in the IAM console{THEN_AGAIN}"),
    "MalformedPolicyDocument": ("IAM does not accept the policy", "look at the addresses of [S3] in dwh.cfg"),
    "LimitExceeded": ("the account has as many of these as it may", "remove some, or ask AWS for a higher quota"),
    # EC2.
    "DependencyViolation": ("something still uses it", LATER),
    "InvalidGroup.Duplicate": ("a security group of this name exists already", "run the step again"),
    "InvalidGroup.NotFound": ("the security group is gone", CREATE),
    "InvalidPermission.Duplicate": ("the rule exists already", "run the step again"),
    "InvalidPermission.NotFound": ("the rule is gone", "run the step again"),
    "InvalidVpcEndpointId.NotFound": ("the endpoint is gone", "run the step again"),
    "RouteAlreadyExists": ("the VPC has a way to S3 already, or that of a deleted endpoint still", LATER),
    "VpcEndpointLimitExceeded": ("the VPC has as many endpoints as it may", "remove some, or ask for a higher quota"),
    "RulesPerSecurityGroupLimitExceeded": ("the security group has as many rules as it may", "remove some"),
    "SecurityGroupLimitExceeded": ("the VPC has as many security groups as it may", "remove some"),
    # S3.
    "NoSuchBucket": ("there is no such bucket", f"look at [S3] in dwh.cfg, or {CREATE}"),
    "BucketAlreadyExists": (
        "another account has a bucket of this name",
        "choose another cluster_identifier in dwh.cfg",
    ),
    "BucketAlreadyOwnedByYou": ("the bucket exists already, or S3 has not let go of its name yet", LATER),
    "OperationAborted": (
        "S3 is busy with the bucket: it keeps the name of a deleted one for minutes, up to an hour",
        LATER,
    ),
    "BucketNotEmpty": ("the bucket was written to while it was being removed", "run the step again"),
    "NoSuchKey": ("there is no such object", "look at [S3] in dwh.cfg"),
    "PermanentRedirect": ("the bucket is in another region", "look at region under [S3] in dwh.cfg"),
    "301": ("the bucket is in another region", "look at region under [S3] in dwh.cfg"),
    "403": ("AWS does not allow it to this user", POLICY),
    "404": ("there is no such bucket", f"look at [S3] in dwh.cfg, or {CREATE}"),
    "TooManyBuckets": ("the account has as many buckets as it may", "remove some, or ask for a higher quota"),
    # AWS itself.
    "Throttling": ("AWS asks to slow down, and several tries did not help", AGAIN),
    "ThrottlingException": ("AWS asks to slow down", AGAIN),
    "RequestLimitExceeded": ("AWS asks to slow down", AGAIN),
    "SlowDown": ("S3 asks to slow down", AGAIN),
    "InternalFailure": ("AWS had a failure of its own", AGAIN),
    "InternalError": ("AWS had a failure of its own", AGAIN),
    "ServiceUnavailable": ("the service is not available now", AGAIN),
}


@contextmanager
def explained() -> Iterator[None]:
    """Turn what boto3 raises into an ``AwsError`` that says what to do.

    Raises:
        AwsError: in place of an error of AWS, of the connection to it, or of the credentials.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    # Without their cause: a traceback would show texts of theirs that can hold the values of a request.
    except ClientError as error:
        raise client_error(error) from None
    except BotoCoreError as error:
        raise connection_error(error) from None
    except ResponseParserError:
        raise AwsError("the answer is not one of AWS's", hint="is AWS_ENDPOINT_URL set, or a proxy between?") from None


@contextmanager
def noted(note: str) -> Iterator[None]:
    """Say, when something ends the work here, what stays, what goes on without us, and what it costs.

    Ctrl-C, SIGTERM and errors alike. Of several notes the innermost is shown.

    Raises:
        AwsError: as ``explained``.
    """
    try:
        with explained():
            yield
    except RefusedError:  # it says itself that nothing was changed
        raise
    except (KeyboardInterrupt, DwhError) as end:
        end.add_note(note)
        raise


def client_error(error: ClientError) -> AwsError:
    """An answer of AWS as a sentence; its code and request id are for ``--verbose``."""
    code = error.response.get("Error", {}).get("Code", "")
    # When it did not accept the login, AWS may quote the whole request: the session token is part of it.
    text = "" if code in NOT_ACCEPTED else error.response.get("Error", {}).get("Message", "").rstrip(".")
    request = error.response.get("ResponseMetadata", {}).get("RequestId", "none")
    sentence, hint = EXPLAINED.get(code, ("AWS refused", "look the code up, or run the step again with -v"))
    what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.operation_name).lower()
    return AwsError(
        f"{what}: {sentence}",
        hint=hint,
        detail=f"AWS says: {text}" if text else "",
        debug=f"{error.operation_name} answered {code}, request id {request}",
    )


def connection_error(error: Exception) -> AwsError:
    """A failure before AWS could answer."""
    from botocore import exceptions

    kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], str, str]] = [
        (
            (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
            "there are no AWS credentials",
            "set KEY and SECRET in .env, or AWS_PROFILE, or run aws sso login; --target local needs none",
        ),
        (
            (exceptions.TokenRetrievalError, exceptions.UnauthorizedSSOTokenError, exceptions.SSOTokenLoadError),
            "the login has expired",
            "aws sso login",
        ),
        (
            exceptions.ProfileNotFound,
            "the AWS profile does not exist",
            "look at --profile or AWS_PROFILE, and ~/.aws/config",
        ),
        (
            (exceptions.HTTPClientError, exceptions.ConnectionError),
            "AWS cannot be reached",
            "is this machine online, and is the region right?",
        ),
    ]
    name = type(error).__name__
    for kind, sentence, hint in kinds:
        if isinstance(error, kind):
            return AwsError(sentence, hint=hint, debug=name)
    # Its text may hold the values of a request: name only the kind.
    return AwsError(f"the AWS library stopped with {name}", hint="run the step again with -v", debug=name)
