"""What each call to AWS asks of IAM, and what a policy answers.

Which resource and which condition keys an action has is AWS's word:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aws.names import ACCOUNT, REGION

ROLES, POLICIES = f"arn:aws:iam::{ACCOUNT}:role/", f"arn:aws:iam::{ACCOUNT}:policy/"
LINKED_ROLE = f"{ROLES}aws-service-role/redshift.amazonaws.com/AWSServiceRoleForRedshift"
REDSHIFT, EC2 = f"arn:aws:redshift:{REGION}:{ACCOUNT}:", f"arn:aws:ec2:{REGION}:{ACCOUNT}:"

# S3 names its permissions after what they protect, not after the call.
OF_BUCKETS = {
    "HeadBucket": ["ListBucket"],
    "ListObjectsV2": ["ListBucket"],
    "ListObjectVersions": ["ListBucketVersions"],
    "GetPublicAccessBlock": ["GetBucketPublicAccessBlock"],
    "PutPublicAccessBlock": ["PutBucketPublicAccessBlock"],
    "GetBucketEncryption": ["GetEncryptionConfiguration"],
    "PutBucketEncryption": ["PutEncryptionConfiguration"],
    "GetBucketLifecycleConfiguration": ["GetLifecycleConfiguration"],
    "PutBucketLifecycleConfiguration": ["PutLifecycleConfiguration"],
    # What is given at creation needs a permission of its own.
    "CreateBucket": ["CreateBucket", "PutBucketOwnershipControls", "TagResource"],
}
# Redshift passes these on to EC2 in the name of the caller:
# https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html
OF_SUBNET_GROUPS = ("AccountAttributes", "Addresses", "AvailabilityZones", "InternetGateways")
# And these to KMS, for a cluster with a key of one's own: the dependent actions of CreateCluster at
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshift.html
OF_KEYS = ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey", "RetireGrant")


@dataclass(frozen=True)
class Ask:
    """One question to IAM."""

    action: str
    resource: str = "*"
    context: dict[str, Any] = field(default_factory=dict)


# --- What a policy answers ---


def listed(value):
    return value if isinstance(value, list) else [value]


def allows(policy, ask):
    """Whether a policy allows it: some statement does, and none denies it."""
    effects = {statement["Effect"] for statement in listed(policy["Statement"]) if speaks(statement, ask)}
    return "Allow" in effects and "Deny" not in effects


def speaks(statement, ask):
    """Whether a statement is about it. An operator or element that is not known here is an error, never a pass."""
    assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, statement
    actions = [action.lower() for action in listed(statement["Action"])]
    return (
        any(fnmatchcase(ask.action.lower(), action) for action in actions)
        and any(fnmatchcase(ask.resource, resource) for resource in listed(statement["Resource"]))
        and all(
            met(operator, key, [str(value) for value in listed(values)], ask.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


MATCHES = {
    "StringEquals": lambda value, pattern: value == pattern,
    "Bool": lambda value, pattern: value == pattern,
    "StringLike": fnmatchcase,
    "ArnLike": fnmatchcase,
}


def met(operator, key, patterns, context):
    """Whether a condition is met; one on a key that the request does not have is not."""
    kind, _, name = operator.rpartition(":")
    assert kind in ("", "ForAllValues"), operator
    values = {given.lower(): value for given, value in context.items()}.get(key.lower())
    if values is None:
        return kind == "ForAllValues"
    return all(any(MATCHES[name](value, pattern) for pattern in patterns) for value in listed(values))


# --- What a call asks ---


def asks(service, operation, arguments, read):
    """Everything that a call asks of IAM.

    Args:
        service: as botocore calls it.
        operation: as botocore calls it.
        arguments: of the call.
        read: makes another call of the same service.
    """
    return ASKS[service](operation, arguments, read)


def asks_sts(operation, _arguments, _read):
    return [] if operation == "GetCallerIdentity" else [Ask(f"sts:{operation}")]


def asks_s3(operation, arguments, _read):
    bucket = f"arn:aws:s3:::{arguments['Bucket']}" if "Bucket" in arguments else "*"
    if operation == "DeleteObjects":
        keys = [one["Key"] for one in arguments["Delete"]["Objects"]]
        return [
            Ask(f"s3:{kind}", f"{bucket}/{key}") for key in keys for kind in ("DeleteObject", "DeleteObjectVersion")
        ]
    if "Key" in arguments:
        return [Ask(f"s3:{operation}", f"{bucket}/{arguments['Key']}")]
    made = [Ask(f"s3:{action}", bucket) for action in OF_BUCKETS.get(operation, [operation])]
    # Who may write a bucket's policy can let himself read: said openly instead.
    return [*made, Ask("s3:GetObject", f"{bucket}/any")] if operation == "PutBucketPolicy" else made


def asks_iam(operation, arguments, read):
    if "RoleName" in arguments:
        name = arguments["RoleName"]
        context = tags_given(arguments.get("Tags", []))
        if operation != "CreateRole":
            role = found(read, "GetRole", {"RoleName": name}).get("Role", {})
            context |= tags_there(role.get("Tags", []))
            bound = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
            context |= {"iam:PermissionsBoundary": bound} if bound else {}
        if "PermissionsBoundary" in arguments:
            context["iam:PermissionsBoundary"] = arguments["PermissionsBoundary"]
        ask = Ask(f"iam:{operation}", ROLES + name, context)
        return [ask, Ask("iam:TagRole", ask.resource, context)] if "Tags" in arguments else [ask]
    if operation == "CreatePolicy":
        return [Ask("iam:CreatePolicy", POLICIES + arguments["PolicyName"], tags_given(arguments.get("Tags", [])))]
    return [Ask(f"iam:{operation}", arguments.get("PolicyArn", "*"))]


def asks_ec2(operation, arguments, read):
    if operation == "CreateSecurityGroup":
        return made_in_a_vpc(operation, "security-group", arguments, [f"vpc/{arguments['VpcId']}"])
    if operation == "CreateVpcEndpoint":
        used = [f"vpc/{arguments['VpcId']}", *(f"route-table/{one}" for one in arguments["RouteTableIds"])]
        return made_in_a_vpc(
            operation, "vpc-endpoint", arguments, used, {"ec2:VpceServiceName": arguments["ServiceName"]}
        )
    things = [(f"security-group/{arguments['GroupId']}", arguments["GroupId"])] if "GroupId" in arguments else []
    if operation == "DeleteVpcEndpoints":
        things = [(f"vpc-endpoint/{one}", one) for one in arguments["VpcEndpointIds"]]
    context = {
        thing: tags_there(read("DescribeTags", {"Filters": [{"Name": "resource-id", "Values": [thing]}]})["Tags"])
        for _, thing in things
    }
    return [Ask(f"ec2:{operation}", EC2 + arn, context[thing]) for arn, thing in things] or [Ask(f"ec2:{operation}")]


def made_in_a_vpc(operation, kind, arguments, used, more=None):
    """A new thing has the tags of the request as its own; what it is put into is asked about without them."""
    tags = tags_given([tag for given in arguments.get("TagSpecifications", []) for tag in given["Tags"]])
    new = f"{EC2}{kind}/new"
    return [
        Ask(f"ec2:{operation}", new, {**tags, **(more or {})}),
        *(Ask(f"ec2:{operation}", EC2 + thing) for thing in used),
        *([Ask("ec2:CreateTags", new, {**tags, "ec2:CreateAction": operation})] if tags else []),
    ]


def asks_redshift(operation, arguments, read):
    if operation == "GetClusterCredentials":
        cluster = arguments["ClusterIdentifier"]
        names = [f"dbuser:{cluster}/{arguments['DbUser']}", f"dbname:{cluster}/{arguments['DbName']}"]
        return [Ask(f"redshift:{operation}", REDSHIFT + name) for name in names]
    if operation == "CreateTags":
        return [Ask(f"redshift:{operation}", arguments["ResourceName"], tags_given(arguments["Tags"]))]
    one = operation in ("DescribeClusterParameters", "DescribeLoggingStatus")
    if operation.startswith("Describe") and not one:
        return [Ask(f"redshift:{operation}")]
    kinds = {"ParameterGroupName": "parametergroup", "ClusterSubnetGroupName": "subnetgroup"}
    given = (
        "ClusterIdentifier" if "ClusterIdentifier" in arguments else next(kind for kind in kinds if kind in arguments)
    )
    arn = f"{REDSHIFT}{kinds.get(given, 'cluster')}:{arguments[given]}"
    if operation.startswith("Create"):
        context = tags_given(arguments.get("Tags", []))
        made = [Ask(f"redshift:{operation}", arn, context)]
        made += [Ask("redshift:CreateTags", arn, context)] if context else []
    else:
        tags = found(read, "DescribeTags", {"ResourceName": arn}).get("TaggedResources", [])
        made = [Ask(f"redshift:{operation}", arn, tags_there([tag["Tag"] for tag in tags]))]
    return [*made, *handed_on(operation, arguments)]


def handed_on(operation, arguments):
    """What Redshift asks other services for in the name of the caller."""
    roles = arguments.get("IamRoles", []) + arguments.get("AddIamRoles", [])
    yield from (Ask("iam:PassRole", role, {"iam:PassedToService": "redshift.amazonaws.com"}) for role in roles)
    if operation == "CreateClusterSubnetGroup":
        yield from (Ask(f"ec2:Describe{what}") for what in OF_SUBNET_GROUPS)
        yield Ask("iam:CreateServiceLinkedRole", LINKED_ROLE, {"iam:AWSServiceName": "redshift.amazonaws.com"})
    if "FinalClusterSnapshotIdentifier" in arguments:
        names = f"{arguments['ClusterIdentifier']}/{arguments['FinalClusterSnapshotIdentifier']}"
        yield Ask("redshift:CreateClusterSnapshot", f"{REDSHIFT}snapshot:{names}")
    if "KmsKeyId" in arguments:
        context = {"kms:ViaService": f"redshift.{REGION}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}
        yield from (Ask(f"kms:{action}", arguments["KmsKeyId"], context) for action in OF_KEYS)


def tags_given(tags):
    """Tags of a request as condition keys."""
    keys = {"aws:TagKeys": [tag["Key"] for tag in tags]} if tags else {}
    return {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags} | keys


def tags_there(tags):
    """Tags of a resource as condition keys."""
    return {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags}


def found(read, operation, arguments):
    """What a call finds; nothing when there is no such thing."""
    from botocore.exceptions import ClientError

    try:
        return read(operation, arguments)
    except ClientError:
        return {}


ASKS = {"sts": asks_sts, "s3": asks_s3, "iam": asks_iam, "ec2": asks_ec2, "redshift": asks_redshift}
