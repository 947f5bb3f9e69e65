"""The work bucket: COPY manifests and audit logs. Small, private, emptied by itself, removed with the cluster."""

from __future__ import annotations

import json
from typing import Any

from dwh.aws.errors import AGAIN, POLICY
from dwh.errors import AwsError
from dwh.provision.plan import Change
from dwh.provision.site import Site

MANIFESTS = "manifests/"
AUDIT = "audit/"
MANIFEST_DAYS = 7
AUDIT_DAYS = 90


def bucket_name(site: Site) -> str:
    """The name of the site's work bucket."""
    return site.settings.work_bucket(site.account)


def bucket_policy(site: Site) -> dict[str, Any]:
    """TLS only, and the audit logs of our own cluster.

    Since August 2025 audit logs are written by Redshift's service principal:
    https://docs.aws.amazon.com/redshift/latest/mgmt/db-auditing.html
    """
    arn = f"arn:{site.partition}:s3:::{bucket_name(site)}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "AuditLogs",
                "Effect": "Allow",
                "Principal": {"Service": "redshift.amazonaws.com"},
                "Action": ["s3:GetBucketAcl", "s3:PutObject"],
                "Resource": [arn, f"{arn}/{AUDIT}*"],
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": site.account,
                        "aws:SourceArn": site.redshift_arn(f"cluster:{site.name}"),
                    }
                },
            },
        ],
    }


def lifecycle() -> dict[str, Any]:
    """Objects go by themselves; earlier versions a day later."""
    rules = [_expiry("manifests", MANIFESTS, MANIFEST_DAYS), _expiry("audit-logs", AUDIT, AUDIT_DAYS)]
    return {"Rules": rules}


def _expiry(rule: str, prefix: str, days: int) -> dict[str, Any]:
    return {
        "ID": rule,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }


# SSE-S3 and not KMS: audit logs cannot be delivered to a bucket that KMS encrypts.
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}
NOT_PUBLIC = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
OWNER_ONLY = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def plan_bucket(site: Site) -> Change:
    """The bucket itself."""
    name = bucket_name(site)
    if find_bucket(site) is not None:
        return Change("Work bucket", site.name, "unchanged", f"s3://{name}")

    def create() -> None:
        where: dict[str, Any] = {"Tags": site.tag_list}
        if site.region != "us-east-1":  # the one region that must not be named
            where["LocationConstraint"] = site.region
        site.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration=where, ObjectOwnership="BucketOwnerEnforced"
        )

    return Change("Work bucket", site.name, "created", f"s3://{name}", create)


def find_bucket(site: Site) -> dict[str, str] | None:
    """The tags of our work bucket, or None when there is no such bucket.

    Raises:
        NotOursError: it carries the tags of another, or none and is not empty.
        AwsError: it cannot be looked at.
    """
    from botocore.exceptions import ClientError

    s3, name = site.client("s3"), bucket_name(site)
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=site.account)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchBucket"):
            return None
        if code in ("403", "AccessDenied"):
            raise AwsError(
                f"the bucket {name} cannot be looked at: AWS does not allow it to this user, or another account has it",
                hint=f"if another account has it, choose another cluster_identifier in dwh.cfg; else {POLICY}",
            ) from None
        raise
    tags = (_rule_in_place(site, "bucket_tagging", "Tagging") or {}).get("TagSet", [])
    # One without tags is ours while it is empty: the tags of a creation that was cut off may be missing.
    if tags or "Contents" in s3.list_objects_v2(Bucket=name, ExpectedBucketOwner=site.account, MaxKeys=1):
        site.adopt("bucket", name, tags, "cluster_identifier")
    return {tag["Key"]: tag["Value"] for tag in tags}


def rules(site: Site) -> list[tuple[str, str, dict[str, Any]]]:
    """Every rule of the bucket: its name in S3's calls, the argument that sets it, and its value."""
    return [
        ("bucket_tagging", "Tagging", {"TagSet": site.tag_list}),
        ("public_access_block", "PublicAccessBlockConfiguration", NOT_PUBLIC),
        ("bucket_ownership_controls", "OwnershipControls", OWNER_ONLY),
        ("bucket_encryption", "ServerSideEncryptionConfiguration", ENCRYPTION),
        ("bucket_versioning", "VersioningConfiguration", {"Status": "Enabled"}),
        ("bucket_policy", "Policy", bucket_policy(site)),
        ("bucket_lifecycle_configuration", "LifecycleConfiguration", lifecycle()),
    ]


def plan_bucket_rules(site: Site) -> Change:
    """Tags, privacy, encryption, versions, policy and expiry of the bucket."""
    name = bucket_name(site)
    note = f"encrypted, private, TLS only; audit logs kept {AUDIT_DAYS} days"
    new = find_bucket(site) is None
    missing = [rule for rule in rules(site) if new or not _same(rule[2], _rule_in_place(site, rule[0], rule[1]))]
    if not missing:
        return Change("Bucket rules", site.name, "unchanged", note)

    def put() -> None:
        for rule, argument, value in missing:
            body = json.dumps(value) if argument == "Policy" else value
            call = getattr(site.client("s3"), f"put_{rule}")
            call(Bucket=name, ExpectedBucketOwner=site.account, **{argument: body})

    return Change("Bucket rules", site.name, "created" if new else "updated", note, put)


def _rule_in_place(site: Site, rule: str, argument: str) -> Any:
    """The value that a rule of the bucket has, None when it was never set."""
    from botocore.exceptions import ClientError

    try:
        answer = getattr(site.client("s3"), f"get_{rule}")(Bucket=bucket_name(site), ExpectedBucketOwner=site.account)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code.startswith("NoSuch") or code.endswith("NotFoundError"):
            return None
        raise
    # Some answers wrap the value in the name of the argument, others are the value.
    found = answer.get(argument, answer)
    return json.loads(found) if argument == "Policy" else found


def _same(wanted: Any, found: Any) -> bool:
    """Whether everything wanted is there; AWS adds keys of its own and another order."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_same(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(found, list) and len(found) == len(wanted)
        return same_length and all(any(_same(one, other) for other in found) for one in wanted)
    return bool(wanted == found)


def remove_bucket(site: Site) -> None:
    """Delete the bucket with everything in it, earlier versions too.

    Raises:
        AwsError: something in it does not go.
    """
    s3, name = site.client("s3"), bucket_name(site)
    before: list[dict[str, str]] = []
    # From the start each time: a list that goes on where the page before ended skips what moves up.
    while objects := _versions(s3.list_object_versions(Bucket=name, ExpectedBucketOwner=site.account)):
        if objects == before:
            raise AwsError(f"objects of {name} are there still after they were deleted", hint=AGAIN)
        _delete(site, objects)
        before = objects
    s3.delete_bucket(Bucket=name, ExpectedBucketOwner=site.account)


def _versions(page: dict[str, Any]) -> list[dict[str, str]]:
    """The versions and delete markers on one page of a listing, at most 1,000."""
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def _delete(site: Site, objects: list[dict[str, str]]) -> None:
    request = {"Objects": objects, "Quiet": True}
    answer = site.client("s3").delete_objects(
        Bucket=bucket_name(site), ExpectedBucketOwner=site.account, Delete=request
    )
    refused = answer.get("Errors", [])  # S3 says so in an answer that is not an error
    if refused:
        codes = {error.get("Code") for error in refused}
        raise AwsError(
            f"{len(refused)} objects of {bucket_name(site)} were not deleted: {refused[0].get('Message', '')}",
            hint=POLICY if "AccessDenied" in codes else AGAIN,
        )
