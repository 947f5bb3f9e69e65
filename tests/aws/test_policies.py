"""What the cluster may read, and what the person needs who runs the steps."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.client
import pytest
from project import PLAY, SONG, Project

from dwh.aws import iam, storage

ROOT = Path(__file__).parents[2]
NAME, ACCOUNT, REGION = "sparkify-dwh", "123456789012", "us-west-2"
WORK = f"arn:aws:s3:::{NAME}-{ACCOUNT}-{REGION}"

# S3 names its permissions after what they protect, not after the call.
PERMISSIONS = {
    "s3:HeadBucket": ["s3:ListBucket"],
    "s3:ListObjectsV2": ["s3:ListBucket"],
    "s3:ListObjectVersions": ["s3:ListBucketVersions"],
    "s3:DeleteObjects": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    "s3:GetPublicAccessBlock": ["s3:GetBucketPublicAccessBlock"],
    "s3:PutPublicAccessBlock": ["s3:PutBucketPublicAccessBlock"],
    "s3:GetBucketEncryption": ["s3:GetEncryptionConfiguration"],
    "s3:PutBucketEncryption": ["s3:PutEncryptionConfiguration"],
    "s3:GetBucketLifecycleConfiguration": ["s3:GetLifecycleConfiguration"],
    "s3:PutBucketLifecycleConfiguration": ["s3:PutLifecycleConfiguration"],
    # Everybody may ask who they are.
    "sts:GetCallerIdentity": [],
    # What is given at creation needs a permission of its own, and so does a role that is handed over.
    "s3:CreateBucket": ["s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:TagResource"],
    "iam:CreateRole": ["iam:CreateRole", "iam:TagRole"],
    "ec2:CreateSecurityGroup": ["ec2:CreateSecurityGroup", "ec2:CreateTags"],
    "ec2:CreateVpcEndpoint": ["ec2:CreateVpcEndpoint", "ec2:CreateTags"],
    "redshift:CreateCluster": ["redshift:CreateCluster", "redshift:CreateTags", "iam:PassRole"],
    "redshift:DeleteCluster": ["redshift:DeleteCluster", "redshift:CreateClusterSnapshot"],
    # Redshift passes these on to EC2 and IAM in the name of the caller when it makes a cluster:
    # https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html
    "redshift:CreateClusterSubnetGroup": [
        "redshift:CreateClusterSubnetGroup",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInternetGateways",
        "iam:CreateServiceLinkedRole",
    ],
    # Who may write a bucket's policy can let himself read: said openly instead.
    "s3:PutBucketPolicy": ["s3:PutBucketPolicy", "s3:GetObject"],
}


def operator_policy():
    return json.loads((ROOT / "assets/iam_policy.json").read_text())


def listed(value):
    return value if isinstance(value, list) else [value]


@pytest.fixture
def recorded(monkeypatch):
    calls = set()
    original = botocore.client.BaseClient._make_api_call

    def record(client, operation, arguments):
        calls.add(f"{client.meta.service_model.service_name}:{operation}")
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    return calls


def run_all_steps(project):
    """Every step, with the changes that a second create_cluster.py makes and the ways to end."""
    project.events("one", PLAY)
    project.songs(SONG)
    for step, *args in (
        ("create_cluster",),
        ("create_tables",),
        ("etl",),
        ("business_insights",),
        ("create_cluster", "--pause"),
        ("create_cluster", "--resume"),
    ):
        assert project.main(step, *args).code == 0
    project.set("snapshot_days", "8")
    project.set("access", "10.0.0.0/8")
    client = project.client("iam")
    name = project.settings().role_name
    trust = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    del trust["Statement"][0]["Condition"]
    client.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    arn = project.settings().dwh_arn_role
    project.client("redshift").modify_cluster_iam_roles(ClusterIdentifier=NAME, RemoveIamRoles=[arn])
    policy = client.create_policy(
        PolicyName="theirs", PolicyDocument=json.dumps(iam.read_policy("aws", ["s3://b/p"], "s3://b/k"))
    )
    assert project.main("create_cluster").code == 0
    client.attach_role_policy(RoleName=name, PolicyArn=policy["Policy"]["Arn"])
    # The local target has no snapshots: it is asked for one, and nothing goes.
    assert project.main("destroy_cluster", "--yes", "--final-snapshot", "sparkify-last").code == 1
    assert project.main("destroy_cluster", "--yes").code == 0


class Running(Project):
    """A project whose account can be tampered with, unrecorded."""

    def client(self, service):
        from dwh.target import open_target

        return open_target(self.settings()).client(service)


def test_the_operators_policy_allows_the_calls_of_the_steps_and_no_more(tmp_path, recorded):
    run_all_steps(Running(tmp_path))
    # Our tampering, and what the cluster itself asks in the name of its role.
    others = {"iam:CreatePolicy", "iam:AttachRolePolicy", "s3:GetBucketLocation"}
    needed = {permission for call in recorded - others for permission in PERMISSIONS.get(call, [call])}
    allowed = {action for statement in operator_policy()["Statement"] for action in listed(statement["Action"])}
    assert needed - allowed == set()
    assert allowed - needed == set()


def test_the_operators_policy_is_no_administrators():
    for statement in operator_policy()["Statement"]:
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in actions)
        reads_only = all(action.split(":")[1].startswith("Describe") for action in actions)
        assert reads_only or "*" not in resources
        if "iam:PassRole" in actions:
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"] == "redshift.amazonaws.com"


def test_the_operators_policy_fits_the_names_of_the_configuration(aws):
    settings, site = aws.settings(), aws.site()
    resources = {one for statement in operator_policy()["Statement"] for one in listed(statement["Resource"])}
    for name in (settings.cluster_identifier, settings.role_name, storage.bucket_name(site)):
        assert name.startswith("sparkify-")
    assert f"arn:aws:redshift:*:*:dbname:sparkify-*/{settings.db_name}" in resources
    assert f"arn:aws:redshift:*:*:dbuser:sparkify-*/{settings.db_user}" in resources
    assert f"arn:aws:s3:::{settings.log_data.split('/')[2]}" in resources


def test_only_redshift_for_our_user_in_our_cluster_may_take_the_role(aws):
    assert iam.trust_policy(aws.site()) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "redshift.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {
                        "sts:ExternalId": f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:{NAME}/sparkify_admin"
                    }
                },
            }
        ],
    }


def test_the_role_reads_our_prefixes_and_nothing_else(aws):
    source = "arn:aws:s3:::udacity-dend"
    prefixes = ["log_data/*", "song_data/*", "log_json_path.json"]
    assert iam.role_policy(aws.site())["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": source},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": source,
            "Condition": {"StringLike": {"s3:prefix": prefixes}},
        },
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{source}/{prefix}" for prefix in prefixes]},
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": WORK},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": WORK,
            "Condition": {"StringLike": {"s3:prefix": ["manifests/*"]}},
        },
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{WORK}/manifests/*"]},
    ]


def test_nothing_managed_is_attached_to_the_role(aws):
    aws.create()
    client = aws.client("iam")
    name = aws.settings().role_name
    assert client.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert client.list_role_policies(RoleName=name)["PolicyNames"] == ["read-source-data"]


def test_audit_logs_come_from_our_cluster_alone(aws):
    statement = storage.bucket_policy(aws.site())["Statement"][1]
    assert statement["Principal"] == {"Service": "redshift.amazonaws.com"}
    assert statement["Resource"] == [WORK, f"{WORK}/audit/*"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:{NAME}",
    }


@pytest.mark.parametrize(
    ("identifier", "region"),
    [("sparkify-dwh", "us-west-2"), ("a" * 63, "us-west-2"), ("x-" * 31 + "x", "ap-southeast-2")],
)
def test_the_name_of_the_work_bucket_is_one_that_s3_takes(identifier, region):
    name = storage.work_bucket_name(ACCOUNT, region, identifier)
    assert len(name) <= 63
    assert name.endswith(f"-{ACCOUNT}-{region}")
    assert "--" not in name
    assert name == storage.work_bucket_name(ACCOUNT, region, identifier)


def test_long_names_of_clusters_have_buckets_of_their_own():
    names = {storage.work_bucket_name(ACCOUNT, REGION, "a" * 60 + end) for end in ("aaa", "aab", "")}
    assert len(names) == 3
