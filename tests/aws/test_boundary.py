"""The permissions boundary of the role: who makes it, who may widen it, and when it goes."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.client
import pytest
from aws.names import ACCOUNT
from botocore.exceptions import ClientError

from dwh.provision import boundary

FILE = Path(__file__).parents[2] / "assets" / "iam_boundary.json"
NAME, ROLE = "sparkify-boundary", "sparkify-redshift-s3-read"
ARN = f"arn:aws:iam::{ACCOUNT}:policy/{NAME}"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def asset():
    return json.loads(FILE.read_text())


def policy_of(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def in_force(aws):
    iam = aws.client("iam")
    version = iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=ARN, VersionId=version)["PolicyVersion"]["Document"]


def make(aws, document, **more):
    """As an administrator makes it, by the command of the operator's page."""
    aws.client("iam").create_policy(PolicyName=NAME, PolicyDocument=json.dumps(document), **more)


def set_version(aws, document):
    aws.client("iam").create_policy_version(PolicyArn=ARN, PolicyDocument=json.dumps(document), SetAsDefault=True)


def bound_to(aws, role=ROLE):
    return aws.client("iam").get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]


@pytest.fixture
def refused(monkeypatch):
    """Let calls be refused, as IAM refuses them to the operator."""
    original = botocore.client.BaseClient._make_api_call
    operations = set()

    def call(client, operation, arguments):
        if operation in operations:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no identity-based policy"}}, operation)
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return operations.update


def test_the_boundary_lets_read_s3_and_nothing_else():
    actions = [action for statement in asset()["Statement"] for action in boundary._actions(policy_of(statement))]
    assert sorted(actions) == ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]
    assert {statement["Effect"] for statement in asset()["Statement"]} == {"Allow"}


def test_the_page_of_the_operator_has_the_command_that_makes_it():
    assert f"`{boundary.CREATE}`" in (FILE.parents[1] / "dwh/aws/README.md").read_text()


def test_the_role_is_made_inside_the_boundary(aws):
    assert aws.create().code == 0
    assert bound_to(aws) == ARN
    assert in_force(aws) == asset()


def test_a_role_without_a_boundary_gets_it(aws):
    aws.create()
    aws.client("iam").delete_role_permissions_boundary(RoleName=ROLE)
    assert aws.create().words()["IAM role"] == "updated"
    assert bound_to(aws) == ARN


@pytest.mark.parametrize("versions", [1, 4])  # five is the most that IAM takes
def test_one_of_ours_that_was_changed_is_put_right_however_many_versions_it_has(aws, versions):
    aws.create()
    for _ in range(versions):
        set_version(aws, policy_of(EVERYTHING))
    assert aws.create().words()["IAM boundary"] == "updated"
    assert in_force(aws) == asset()
    assert aws.destroy("--yes").code == 0
    assert aws.left() == []


def test_one_that_an_administrator_made_serves_and_stays(aws):
    make(aws, asset())
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ran.words()["IAM boundary"] == "exists"
    assert bound_to(aws) == ARN
    ran = aws.destroy("--yes")
    assert ran.code == 0, ran.err
    assert aws.left() == [NAME]


def test_an_administrator_may_narrow_it(aws):
    narrow = policy_of(
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::udacity-dend/*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    )
    make(aws, narrow)
    assert aws.create().code == 0
    assert in_force(aws) == narrow


@pytest.mark.parametrize(
    "statement",
    [
        EVERYTHING,
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    ],
)
def test_one_that_is_not_ours_and_allows_more_is_refused_before_anything_is_made(aws, statement):
    make(aws, policy_of(statement))
    before = aws.left()
    aws.calls.clear()
    ran = aws.create()
    assert ran.code == 1
    assert f"error: the policy {NAME} allows more than assets/iam_boundary.json; nothing was changed" in ran.err
    assert "hint: as an administrator: aws iam create-policy-version --set-as-default" in ran.err
    assert aws.changing_calls == []
    assert aws.left() == before


def test_an_operator_without_it_is_told_who_makes_it_and_nothing_is_left_behind(aws, refused):
    refused({"CreatePolicy"})
    ran = aws.create()
    assert ran.code == 1
    assert f"error: the policy {NAME} is missing, and this user may not make it" in ran.err
    assert (
        f"hint: as an administrator, once: aws iam create-policy --policy-name {NAME} "
        "--policy-document file://assets/iam_boundary.json" in ran.err
    )
    assert aws.left() == []


def test_an_operator_whose_boundary_was_widened_is_told_who_puts_it_right(aws, refused):
    aws.create()
    set_version(aws, policy_of(EVERYTHING))
    refused({"ListPolicyVersions", "CreatePolicyVersion"})
    ran = aws.create()
    assert ran.code == 1
    assert f"the policy {NAME} does not say what assets/iam_boundary.json says, and this user may not" in ran.err
    assert f"file://assets/iam_boundary.json --policy-arn {ARN}" in ran.err


def test_an_operator_cannot_delete_what_an_administrator_created_and_is_told_so(aws, refused):
    aws.create()
    refused({"ListPolicyVersions", "DeletePolicy"})
    ran = aws.destroy("--yes")
    assert ran.code == 1
    assert f"IAM boundary {NAME}: this user may not delete the policy {NAME}, which costs nothing" in ran.err
    assert aws.left() == [NAME]


def test_a_boundary_that_may_not_be_looked_at_does_not_keep_the_cluster(aws, refused):
    aws.create()
    refused({"GetPolicy"})
    ran = aws.destroy("--yes")
    assert ran.code == 1
    assert f"IAM boundary {NAME}: get policy: AWS does not allow it to this user" in ran.err
    assert aws.left() == [NAME]


def test_a_boundary_that_vanishes_while_it_is_deleted_counts_as_deleted(aws, monkeypatch):
    aws.create()
    original = botocore.client.BaseClient._make_api_call

    def call(client, operation, arguments):
        answer = original(client, operation, arguments)
        if operation == "DeletePolicy":
            answer = original(client, operation, arguments)  # tried again: the first answer was lost
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    assert aws.destroy("--yes").code == 0
    assert aws.left() == []


def test_a_boundary_whose_first_answer_was_lost_counts_as_made(aws, monkeypatch):
    original = botocore.client.BaseClient._make_api_call

    def call(client, operation, arguments):
        if operation == "CreatePolicy":
            original(client, operation, arguments)
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert in_force(aws) == asset()


def test_a_boundary_that_iam_does_not_see_yet_is_waited_for(aws, monkeypatch):
    original = botocore.client.BaseClient._make_api_call
    text = f"Scope ARN: {ARN} does not exist or is not attachable."
    unseen = [ClientError({"Error": {"Code": "NoSuchEntity", "Message": text}}, "CreateRole")]

    def call(client, operation, arguments):
        if operation == "CreateRole" and unseen:
            raise unseen.pop()
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert bound_to(aws) == ARN


def test_the_last_cluster_of_the_account_takes_the_boundary_along(aws):
    aws.create()
    for option in ("cluster_identifier", "role_name"):
        aws.set(option, "sparkify-two")
    aws.set("dwh_endpoint", "")
    assert aws.create().words()["IAM boundary"] == "unchanged"
    ran = aws.destroy("--yes")
    assert ran.code == 0
    assert "other roles need it, left as it is" in ran.err
    assert bound_to(aws) == ARN
    for option, text in {"cluster_identifier": "sparkify-dwh", "role_name": ROLE}.items():
        aws.set(option, text)
    assert aws.destroy("--yes").code == 0
    assert aws.left() == []


def test_the_boundary_is_written_in_the_partition_of_the_account():
    resources = [statement["Resource"] for statement in boundary.boundary_policy("aws-us-gov")["Statement"]]
    assert resources == ["arn:aws-us-gov:s3:::*", "arn:aws-us-gov:s3:::*/*"]
