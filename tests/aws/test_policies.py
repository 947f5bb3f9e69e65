"""What the cluster may read, what the person needs who runs the steps, and what that person cannot get."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import botocore.client
import pytest
from aws.permissions import LINKED_ROLE, POLICIES, REDSHIFT, ROLES, Ask, allows, asks, listed
from botocore.exceptions import ClientError
from project import PLAY, SONG, Project, some

from dwh import config
from dwh.provision import boundary, iam, storage

ROOT = Path(__file__).parents[2]
NAME, ACCOUNT, REGION = "sparkify-dwh", "123456789012", "us-west-2"
WORK = f"arn:aws:s3:::{NAME}-{ACCOUNT}-{REGION}"
BOUNDARY, ROLE = f"{POLICIES}sparkify-boundary", f"{ROLES}sparkify-redshift-s3-read"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
OURS = {"aws:ResourceTag/project": NAME}
MADE = {"aws:RequestTag/project": NAME, "aws:TagKeys": ["project", "cluster", "region"]}
BOUND = {"iam:PermissionsBoundary": BOUNDARY}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
# A hint names it; no step calls it.
ONLY_HINTED = {"redshift:RebootCluster"}


def operator_policy():
    return json.loads((ROOT / "assets/iam_policy.json").read_text())


def may(action, resource="*", **context):
    """Whether the operator may do it."""
    return allows(operator_policy(), Ask(action, resource, context))


class Operator:
    """Somebody whose user has assets/iam_policy.json, and nothing else."""

    def __init__(self):
        self.asked = []
        self.away = False

    @contextlib.contextmanager
    def stands_by(self):
        """What happens meanwhile is an administrator's work."""
        self.away = True
        yield
        self.away = False

    def check(self, service, operation, arguments, read):
        if self.away or asked_by_the_cluster():
            return
        for ask in asks(service, operation, arguments, read):
            self.asked.append(ask)
            if not allows(operator_policy(), ask):
                text = f"not authorized to perform: {ask.action} on resource: {ask.resource}, {ask.context}"
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": text}}, operation)


def asked_by_the_cluster():
    """Whether it is COPY of the local target that asks, with the rights of the cluster."""
    frame = sys._getframe()
    while frame := frame.f_back:
        if "/dwh/local/redshift/copy/" in frame.f_code.co_filename:
            return True
    return False


@pytest.fixture
def operator(monkeypatch):
    """From here on, calls are the operator's, and IAM refuses what the policy does not allow."""
    made = Operator()
    original = botocore.client.BaseClient._make_api_call

    def call(client, operation, arguments):
        service = client.meta.service_model.service_name
        made.check(service, operation, arguments, lambda other, given: original(client, other, given))
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return made


def make_boundary(client):
    """The administrator's part of step 1."""
    text = (ROOT / "assets/iam_boundary.json").read_text()
    client.create_policy(PolicyName="sparkify-boundary", PolicyDocument=text)


def run_all_steps(project, operator):
    """Every step, with the changes that a second create_cluster.py makes and the ways to end."""
    project.events("one", PLAY)
    project.songs(SONG)
    project.set("encryption_key", KEY)
    with operator.stands_by():
        project.start()
        make_boundary(project.client("iam"))
    for step, *args in (
        ("create_cluster",),
        ("create_tables",),
        ("etl",),
        ("business_insights",),
        ("create_cluster", "--check"),
        ("create_cluster", "--pause"),
        ("create_cluster", "--resume"),
    ):
        ran = project.main(step, *args)
        assert ran.code == 0, ran.err
    project.set("snapshot_days", "8")
    project.set("access", "10.0.0.0/8")
    with operator.stands_by():
        tamper(project)
    ran = project.main("create_cluster")
    assert ran.code == 0, ran.err
    with operator.stands_by():
        client, name = project.client("iam"), project.settings().role_name
        policy = client.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(EVERYTHING))
        client.attach_role_policy(RoleName=name, PolicyArn=policy["Policy"]["Arn"])
    # The local target has no snapshots: it is asked for one, and nothing goes.
    assert project.main("destroy_cluster", "--yes", "--final-snapshot", "sparkify-last").code == 1
    ran = project.main("destroy_cluster", "--yes")
    assert ran.code == 0, ran.err


def tamper(project):
    """Loosen the role's trust, take its boundary, and take the role from the cluster."""
    client, name = project.client("iam"), project.settings().role_name
    trust = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    del trust["Statement"][0]["Condition"]
    client.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    client.delete_role_permissions_boundary(RoleName=name)
    arn = project.settings().dwh_arn_role
    project.client("redshift").modify_cluster_iam_roles(ClusterIdentifier=NAME, RemoveIamRoles=[arn])


class Running(Project):
    """A project whose account can be tampered with."""

    def start(self):
        from dwh.target import open_target

        open_target(self.settings()).start(None)

    def client(self, service):
        from dwh.target import open_target

        return open_target(self.settings()).client(service)


def test_the_operators_policy_allows_the_calls_of_the_steps_and_no_more(servers, tmp_path, operator):
    """Each call with its own resource and condition keys: what the policy does not allow is refused."""
    run_all_steps(Running(tmp_path), operator)
    # A final snapshot needs a target that has them.
    asked = {ask.action for ask in operator.asked} | {"redshift:CreateClusterSnapshot"}
    allowed = {action for statement in operator_policy()["Statement"] for action in listed(statement["Action"])}
    assert allowed - asked == ONLY_HINTED


def test_an_operator_creates_and_destroys_on_aws(aws, operator):
    with operator.stands_by():
        make_boundary(aws.client("iam"))
    for ran in (aws.create(), aws.create(), aws.destroy("--yes", "--final-snapshot", "sparkify-last")):
        assert ran.code == 0, ran.err
    assert Ask("redshift:CreateClusterSnapshot", f"{REDSHIFT}snapshot:{NAME}/sparkify-last") in operator.asked
    with operator.stands_by():
        assert aws.left() == ["sparkify-boundary", "sparkify-last"]


def test_an_operator_cannot_make_the_boundary_and_is_told_who_can(aws, operator):
    ran = aws.create()
    assert ran.code == 1
    assert "the policy sparkify-boundary is missing, and this user may not make it" in ran.err
    with operator.stands_by():
        assert aws.left() == []


def test_a_role_of_an_earlier_version_gets_its_boundary_from_the_operator(aws, operator):
    with operator.stands_by():
        make_boundary(aws.client("iam"))
        aws.create()
        aws.client("iam").delete_role_permissions_boundary(RoleName="sparkify-redshift-s3-read")
    assert aws.create().words()["IAM role"] == "updated"
    assert aws.destroy("--yes").code == 0


@pytest.mark.parametrize("statement", ["UseTheKey", "LendTheKey"])
def test_a_key_of_ones_own_needs_its_statements_in_the_operators_policy(aws, operator, monkeypatch, statement):
    with operator.stands_by():
        make_boundary(aws.client("iam"))
    aws.set("encryption_key", KEY)
    policy = operator_policy()
    without = {**policy, "Statement": [one for one in policy["Statement"] if one["Sid"] != statement]}
    monkeypatch.setattr(sys.modules[__name__], "operator_policy", lambda: without)
    ran = aws.create()
    assert ran.code == 1
    assert "create cluster: AWS does not allow it to this user" in ran.err
    assert "not authorized to perform: kms:" in ran.err
    monkeypatch.setattr(sys.modules[__name__], "operator_policy", lambda: policy)
    assert aws.create().code == 0


# --- What the operator cannot get ---

FOREIGN_ROLE, FOREIGN_BOUND = f"{ROLES}sparkify-admin", {"iam:PermissionsBoundary": f"{POLICIES}sparkify-wide"}
ADMINISTRATOR = {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
SECURITY_GROUP, ENDPOINT = (f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/x-1" for kind in ("security-group", "vpc-endpoint"))
S3 = {"ec2:VpceServiceName": f"com.amazonaws.{REGION}.s3"}
VIA_REDSHIFT = {"kms:ViaService": f"redshift.{REGION}.amazonaws.com", "kms:GrantIsForAWSResource": "true"}

# What is tried, and what differs from what is allowed.
DENIED = {
    "a role without a boundary": ("iam:CreateRole", ROLE, MADE),
    "a role with AdministratorAccess as its boundary": ("iam:CreateRole", ROLE, MADE | ADMINISTRATOR),
    "a role with a boundary of another name": ("iam:CreateRole", ROLE, MADE | FOREIGN_BOUND),
    "a role of another name": ("iam:CreateRole", f"{ROLES}other", MADE | BOUND),
    "a role without our tag": ("iam:CreateRole", ROLE, BOUND),
    "AdministratorAccess attached to our role": ("iam:AttachRolePolicy", ROLE, OURS | BOUND),
    "a policy for a role without a boundary": ("iam:PutRolePolicy", FOREIGN_ROLE, OURS),
    "a policy for a role with another boundary": ("iam:PutRolePolicy", FOREIGN_ROLE, OURS | FOREIGN_BOUND),
    "the trust of a role without a boundary": ("iam:UpdateAssumeRolePolicy", FOREIGN_ROLE, OURS),
    "the trust of a role with another boundary": ("iam:UpdateAssumeRolePolicy", FOREIGN_ROLE, OURS | FOREIGN_BOUND),
    "a Deny taken from a role without a boundary": ("iam:DeleteRolePolicy", FOREIGN_ROLE, OURS),
    "the boundary taken from our role": ("iam:DeleteRolePermissionsBoundary", ROLE, OURS | BOUND),
    "another boundary for our role": ("iam:PutRolePermissionsBoundary", ROLE, OURS | ADMINISTRATOR),
    "our boundary for a role that is not ours": ("iam:PutRolePermissionsBoundary", FOREIGN_ROLE, BOUND),
    "a role that is not ours deleted": ("iam:DeleteRole", FOREIGN_ROLE, BOUND),
    "a policy for a role of another name": ("iam:PutRolePolicy", f"{ROLES}other", OURS | BOUND),
    "a role tagged as another project's": (
        "iam:TagRole",
        ROLE,
        {"aws:RequestTag/project": "other", "aws:TagKeys": ["project"]},
    ),
    "a role of another name tagged": ("iam:TagRole", f"{ROLES}other", MADE),
    "a tag that opens other doors": ("iam:TagRole", ROLE, MADE | {"aws:TagKeys": ["project", "department"]}),
    "the boundary made": ("iam:CreatePolicy", BOUNDARY, MADE),
    "the boundary written anew": ("iam:CreatePolicyVersion", BOUNDARY, OURS),
    "another version of the boundary in force": ("iam:SetDefaultPolicyVersion", BOUNDARY, OURS),
    "a version of the boundary deleted": ("iam:DeletePolicyVersion", BOUNDARY, OURS),
    "the boundary deleted": ("iam:DeletePolicy", BOUNDARY, OURS),
    "the boundary tagged as ours": ("iam:TagPolicy", BOUNDARY, MADE),
    "any other policy": ("iam:CreatePolicy", f"{POLICIES}sparkify-mine", MADE),
    "the operator's own policy": ("iam:CreatePolicyVersion", f"{POLICIES}sparkify-operator", OURS),
    "the role passed to EC2": ("iam:PassRole", ROLE, OURS | BOUND | {"iam:PassedToService": "ec2.amazonaws.com"}),
    "the role passed to Lambda": ("iam:PassRole", ROLE, OURS | BOUND | {"iam:PassedToService": "lambda.amazonaws.com"}),
    "another role passed": ("iam:PassRole", f"{ROLES}admin", {"iam:PassedToService": "redshift.amazonaws.com"}),
    "another service's role": (
        "iam:CreateServiceLinkedRole",
        LINKED_ROLE.replace("redshift", "organizations"),
        {"iam:AWSServiceName": "organizations.amazonaws.com"},
    ),
    "a role taken": ("sts:AssumeRole", ROLE, OURS | BOUND),
    "a policy for a user": ("iam:PutUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/operator", {}),
    "a managed policy for a user": ("iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/operator", {}),
    "a key of another user": ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/admin", {}),
    "an instance": ("ec2:RunInstances", "*", MADE),
    "a function": ("lambda:CreateFunction", "*", MADE),
    "a cluster without our tag": ("redshift:CreateCluster", f"{REDSHIFT}cluster:{NAME}", {}),
    "a cluster of our name that is not ours": ("redshift:DeleteCluster", f"{REDSHIFT}cluster:sparkify-prod", {}),
    "a role for a cluster that is not ours": ("redshift:ModifyClusterIamRoles", f"{REDSHIFT}cluster:sparkify-prod", {}),
    "a cluster of another name": ("redshift:ModifyCluster", f"{REDSHIFT}cluster:prod", OURS),
    "a cluster of another name tagged": ("redshift:CreateTags", f"{REDSHIFT}cluster:prod", MADE),
    "a login as another user": ("redshift:GetClusterCredentials", f"{REDSHIFT}dbuser:{NAME}/rdsdb", {}),
    "a login on another cluster": ("redshift:GetClusterCredentials", f"{REDSHIFT}dbuser:prod/sparkify_admin", {}),
    "another snapshot restored": ("redshift:RestoreFromClusterSnapshot", f"{REDSHIFT}snapshot:prod/last", OURS),
    "a snapshot given away": ("redshift:AuthorizeSnapshotAccess", f"{REDSHIFT}snapshot:{NAME}/last", OURS),
    "a security group without our tag": ("ec2:CreateSecurityGroup", SECURITY_GROUP, {}),
    "a security group that is not ours": ("ec2:AuthorizeSecurityGroupIngress", SECURITY_GROUP, {}),
    "our tag on a security group that is there": ("ec2:CreateTags", SECURITY_GROUP, MADE),
    "a tag on a machine": (
        "ec2:CreateTags",
        f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1",
        MADE | {"ec2:CreateAction": "CreateSecurityGroup"},
    ),
    "an endpoint of another service": (
        "ec2:CreateVpcEndpoint",
        ENDPOINT,
        MADE | {"ec2:VpceServiceName": f"com.amazonaws.{REGION}.ec2"},
    ),
    "an endpoint of somebody's service": (
        "ec2:CreateVpcEndpoint",
        ENDPOINT,
        MADE | {"ec2:VpceServiceName": f"com.amazonaws.vpce.{REGION}.vpce-svc-0123456789"},
    ),
    "an endpoint without our tag": ("ec2:CreateVpcEndpoint", ENDPOINT, S3),
    "an endpoint that is not ours": ("ec2:DeleteVpcEndpoints", ENDPOINT, S3),
    "a key used without Redshift": ("kms:Decrypt", KEY, {}),
    "a key used through another service": ("kms:Decrypt", KEY, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}),
    "a key lent without Redshift": ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"}),
    "a key lent to somebody": ("kms:CreateGrant", KEY, VIA_REDSHIFT | {"kms:GrantIsForAWSResource": "false"}),
    "a key's policy": ("kms:PutKeyPolicy", KEY, VIA_REDSHIFT),
    "an object of another bucket": ("s3:GetObject", "arn:aws:s3:::prod/secret", {}),
    "the policy of another bucket": ("s3:PutBucketPolicy", "arn:aws:s3:::prod", {}),
}


@pytest.mark.parametrize("attempt", DENIED)
def test_the_operator_cannot_get(attempt):
    action, resource, context = DENIED[attempt]
    assert not may(action, resource, **context)


# The same actions as they are meant: without these, the test above could pass for a reason of its own.
ALLOWED = [
    ("iam:CreateRole", ROLE, MADE | BOUND),
    ("iam:PutRolePolicy", ROLE, OURS | BOUND),
    ("iam:UpdateAssumeRolePolicy", ROLE, OURS | BOUND),
    ("iam:DeleteRolePolicy", ROLE, OURS | BOUND),
    ("iam:PutRolePermissionsBoundary", ROLE, OURS | BOUND),
    ("iam:DeleteRole", ROLE, OURS),
    ("iam:TagRole", ROLE, MADE),
    ("iam:PassRole", ROLE, {"iam:PassedToService": "redshift.amazonaws.com"}),
    ("iam:CreateServiceLinkedRole", LINKED_ROLE, {}),
    ("redshift:CreateCluster", f"{REDSHIFT}cluster:{NAME}", MADE),
    ("redshift:DeleteCluster", f"{REDSHIFT}cluster:{NAME}", OURS),
    ("redshift:ModifyClusterIamRoles", f"{REDSHIFT}cluster:{NAME}", OURS),
    ("redshift:ModifyCluster", f"{REDSHIFT}cluster:{NAME}", OURS),
    ("redshift:CreateTags", f"{REDSHIFT}cluster:{NAME}", MADE),
    ("redshift:GetClusterCredentials", f"{REDSHIFT}dbuser:{NAME}/sparkify_admin", {}),
    ("ec2:CreateSecurityGroup", SECURITY_GROUP, MADE),
    ("ec2:AuthorizeSecurityGroupIngress", SECURITY_GROUP, OURS),
    ("ec2:CreateTags", SECURITY_GROUP, MADE | {"ec2:CreateAction": "CreateSecurityGroup"}),
    ("ec2:CreateVpcEndpoint", ENDPOINT, MADE | S3),
    ("ec2:DeleteVpcEndpoints", ENDPOINT, OURS),
    ("kms:Decrypt", KEY, VIA_REDSHIFT),
    ("kms:CreateGrant", KEY, VIA_REDSHIFT),
    ("s3:GetObject", f"{WORK}/manifests/1", {}),
    ("s3:PutBucketPolicy", WORK, {}),
]


@pytest.mark.parametrize(("action", "resource", "context"), ALLOWED)
def test_what_the_operator_is_meant_to_do_is_allowed(action, resource, context):
    assert may(action, resource, **context)


def test_what_is_denied_is_denied_for_its_difference_alone():
    """Every action of the policy that is tried in vain is allowed in another form, or is in no statement at all."""
    named = {action for statement in operator_policy()["Statement"] for action in listed(statement["Action"])}
    assert {action for action, *_ in DENIED.values()} & named <= {action for action, *_ in ALLOWED}


def test_a_role_that_the_operator_has_widened_and_taken_reads_s3_and_nothing_else(aws, operator):
    """Any policy and any trust: both are the operator's to write. The boundary is what is left."""
    with operator.stands_by():
        make_boundary(aws.client("iam"))
    assert aws.create().code == 0
    client, role = aws.client("iam"), aws.settings().role_name
    client.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    everybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [everybody]}
    client.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    arn = client.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    found = client.get_policy(PolicyArn=arn)["Policy"]
    bound = client.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]["Document"]
    known = [f"{service}:{name}" for service in botocore_services() for name in operations(service)]
    known += ["s3:ListBucket", "s3:GetBucketLocation", "iam:PassRole", "redshift:CreateClusterUser"]
    resources = ["*", "arn:aws:s3:::prod", "arn:aws:s3:::prod/secret", ROLE, BOUNDARY, KEY]
    assert len(known) > 10_000
    asked = [*some(known, 20), *(action for action in known if action.startswith(("s3:", "iam:", "sts:", "kms:")))]
    got = {action for action in asked for resource in resources if allows(bound, Ask(action, resource))}
    assert got == {"s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"}


def botocore_services():
    return botocore.session.get_session().get_available_services()


def operations(service):
    """The names of a service's calls, as its model lists them."""
    model = botocore.session.get_session().get_component("data_loader").load_service_model(service, "service-2")
    return model["operations"]


# --- The policy as a text ---


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


def test_the_boundary_that_the_operators_policy_demands_is_the_one_that_the_role_gets(aws):
    pattern = f"arn:aws:iam::*:policy/{boundary.NAME}"
    assert fnmatchcase(boundary.boundary_arn(aws.site()), pattern)
    for statement in operator_policy()["Statement"]:
        writes = {"iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PutRolePermissionsBoundary"}
        if writes & set(listed(statement["Action"])):
            assert statement["Condition"]["ArnLike"] == {"iam:PermissionsBoundary": pattern}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_operators_policy_fits_into_a_managed_policy(partition):
    """IAM counts every character but blanks: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    text = (ROOT / "assets/iam_policy.json").read_text().replace("arn:aws:", f"arn:{partition}:")
    assert len(re.sub(r"\s", "", text)) <= 6144


# What parliament says, and why it stays.
EXPLAINED_FINDINGS = {
    # AWS lists the key for this action; parliament's copy of AWS's reference is older.
    "Unknown condition iam:PermissionsBoundary for action iam:UpdateAssumeRolePolicy",
    # A call that is asked about several resources, each by a statement of its own, since only the new thing has the
    # condition keys. So does AWS: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-policy-examples.html
    "ec2:CreateSecurityGroup needs arn:*:ec2:*:*:security-group/*",
    "ec2:CreateVpcEndpoint needs arn:*:ec2:*:*:vpc-endpoint/*",
    "ec2:CreateVpcEndpoint needs arn:*:ec2:*:*:vpc/*",
}


def findings(policy):
    """What parliament has to say, in words."""
    parliament = pytest.importorskip("parliament", reason="parliament is not installed: pip install parliament")
    for found in parliament.analyze_policy_string(policy, include_community_auditors=False).findings:
        details = found.detail if isinstance(found.detail, list) else [found.detail or found.issue]
        for detail in details:
            yield detail if isinstance(detail, str) else f"{detail['action']} needs {detail['required_format']}"


def test_parliament_finds_nothing_that_is_not_explained():
    assert set(findings((ROOT / "assets/iam_policy.json").read_text())) == EXPLAINED_FINDINGS
    assert set(findings((ROOT / "assets/iam_boundary.json").read_text())) == set()


def test_parliament_finds_nothing_in_what_the_role_may_do(aws):
    assert set(findings(json.dumps(iam.role_policy(aws.site())))) == set()


def test_only_redshift_for_our_user_in_our_cluster_may_take_the_role(aws):
    users = f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:{NAME}"
    assert iam.trust_policy(aws.site()) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "redshift.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": [f"{users}/sparkify_admin", f"{users}/IAM:sparkify_admin"]}
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("user", "taken"),
    [
        ("sparkify_admin", True),
        ("IAM:sparkify_admin", True),
        ("somebody", False),
        ("IAM:somebody", False),
        ("sparkify_admin2", False),
    ],
)
def test_the_trust_takes_both_forms_of_our_user(aws, user, taken):
    """Which one Redshift sends for a login that AWS lends is documented nowhere."""
    (statement,) = iam.trust_policy(aws.site())["Statement"]
    trust = {"Statement": [{**{key: statement[key] for key in ("Effect", "Action", "Condition")}, "Resource": "*"}]}
    sent = f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:{NAME}/{user}"
    assert allows(trust, Ask("sts:AssumeRole", context={"sts:ExternalId": sent})) is taken


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


def bucket_of(identifier, region=REGION):
    settings = config.load(ROOT / "dwh.cfg", "local", {})
    return replace(settings, cluster_identifier=identifier, region=region).work_bucket(ACCOUNT)


@pytest.mark.parametrize(
    ("identifier", "region"),
    [("sparkify-dwh", "us-west-2"), ("a" * 63, "us-west-2"), ("x-" * 31 + "x", "ap-southeast-2")],
)
def test_the_name_of_the_work_bucket_is_one_that_s3_takes(identifier, region):
    name = bucket_of(identifier, region)
    assert len(name) <= 63
    assert name.endswith(f"-{ACCOUNT}-{region}")
    assert "--" not in name
    assert name == bucket_of(identifier, region)


def test_long_names_of_clusters_have_buckets_of_their_own():
    names = {bucket_of("a" * 60 + end) for end in ("aaa", "aab", "")}
    assert len(names) == 3
