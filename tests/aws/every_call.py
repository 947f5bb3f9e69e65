"""A fault at every call that changes something, in every course of the two provisioning steps.

Each time on an account of its own, which holds things of other people too: the step meets the fault, then plain runs
follow. In the end nothing of ours may be left, and nothing of the others' may be touched.

    .venv/bin/python -m tests.aws.every_call                     # all of them, some minutes
    .venv/bin/python -m tests.aws.every_call --course create     # one course
    .venv/bin/python -m tests.aws.every_call --fault "denied"    # one fault
    .venv/bin/python -m tests.aws.every_call --reads             # a fault at every call that only looks, instead
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import botocore.client
import botocore.endpoint
import botocore.retries.quota
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

ROOT = Path(__file__).parents[2]
sys.path[:0] = [text for text in (str(ROOT), str(ROOT / "tests")) if text not in sys.path]

from aws import account as accounts  # noqa: E402
from aws.names import ACCOUNT, READING, REGION  # noqa: E402
from project import Ran  # noqa: E402

from dwh.aws.target import AwsTarget  # noqa: E402
from dwh.errors import Terminated  # noqa: E402

NAME = "sparkify-dwh"
ROLE = "sparkify-redshift-s3-read"
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"
SNAPSHOT = "sparkify-last"
PRICE = "$0.54 an hour"
ANY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


class Fault(NamedTuple):
    """What goes wrong at one call.

    Args:
        name: for the table.
        codes: the exit codes that a step may end with.
        says: what it must say, all of them.
    """

    name: str
    codes: tuple[int, ...]
    says: tuple[str, ...] = ()


FAULTS = (
    # The call is carried out, its answer is lost, and botocore sends it once more.
    Fault("answer lost", (0,)),
    # The same with every answer to this call; later calls get through.
    Fault("all answers lost", (0,), ("AWS cannot be reached",)),
    # Nothing gets through any more, from after the call or from before it.
    Fault("line cut after", (1,), ("AWS cannot be reached",)),
    Fault("line cut before", (1,), ("AWS cannot be reached",)),
    Fault("denied", (1,), ("AWS does not allow it to this user", "attach assets/iam_policy.json")),
    Fault("throttled", (1,), ("asks to slow down", "again")),
    Fault("Ctrl-C before", (130,), ("interrupted: ",)),
    Fault("Ctrl-C after", (130,), ("interrupted: ",)),
    Fault("SIGTERM after", (143,), ("interrupted: ",)),
    Fault("killed after", (-9,)),
)


# The boundary is an administrator's to write: the operator's policy does not help.
BOUNDARYS_CALLS = ("CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion")
BOUNDARYS_WORDS = ("this user may not", "the policy sparkify-boundary", "dministrator")


@dataclass(frozen=True)
class Course:
    """A way through the steps.

    Args:
        name: for the table.
        before: what is done first, without a fault.
        step: the step that meets it.
        then: the plain runs that follow; the last one removes everything.
    """

    name: str
    before: Callable[[accounts.Aws], None]
    step: tuple[str, ...]
    then: tuple[tuple[str, ...], ...]


CREATE, DESTROY = ("create_cluster",), ("destroy_cluster", "--yes")
LAST = (*DESTROY, "--final-snapshot", SNAPSHOT)


def nothing(_aws):
    """An account in which create_cluster.py has never run."""


def created(aws):
    """Everything is there."""
    assert aws.run(*CREATE).code == 0


def drifted(aws):
    """Everything is there, and somebody has changed as much of it as can be changed back."""
    created(aws)
    s3, iam, ec2, redshift = (aws.client(name) for name in ("s3", "iam", "ec2", "redshift"))
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.delete_public_access_block(Bucket=BUCKET)
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(TRUST))
    iam.delete_role_policy(RoleName=ROLE, PolicyName="read-source-data")
    iam.delete_role_permissions_boundary(RoleName=ROLE)
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/sparkify-boundary"
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=json.dumps(ANY), SetAsDefault=True)
    group = ec2.describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    anywhere = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=anywhere)
    ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=anywhere)
    reset = [{"ParameterName": "require_ssl", "ParameterValue": "false"}]
    redshift.modify_cluster_parameter_group(ParameterGroupName=NAME, Parameters=reset)
    redshift.modify_cluster(ClusterIdentifier=NAME, AutomatedSnapshotRetentionPeriod=1)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    redshift.modify_cluster_iam_roles(ClusterIdentifier=NAME, RemoveIamRoles=[arn])
    redshift.disable_logging(ClusterIdentifier=NAME)


def paused(aws):
    """The cluster is paused."""
    created(aws)
    assert aws.run(*CREATE, "--pause").code == 0


def used(aws):
    """Manifests have been written, and somebody has attached a policy of theirs to our role."""
    created(aws)
    for _ in range(2):
        aws.client("s3").put_object(Bucket=BUCKET, Key="manifests/one.json", Body=b"{}")
    aws.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/theirs")


COURSES = (
    Course("create", nothing, CREATE, (CREATE, DESTROY)),
    Course("create, destroyed at once", nothing, CREATE, (DESTROY,)),
    Course("update", drifted, CREATE, (CREATE, DESTROY)),
    Course("pause", created, (*CREATE, "--pause"), ((*CREATE, "--pause"), DESTROY)),
    Course("resume", paused, (*CREATE, "--resume"), ((*CREATE, "--resume"), CREATE, DESTROY)),
    Course("destroy", used, DESTROY, (DESTROY,)),
    Course("destroy, created again", used, DESTROY, (CREATE, DESTROY)),
    Course("destroy, snapshot kept", created, LAST, (LAST,)),
)


def neighbours(aws):
    """Things of other people in the same account, some of them named almost as ours."""
    s3, iam, ec2, redshift = (aws.client(name) for name in ("s3", "iam", "ec2", "redshift"))
    tags = [{"Key": "project", "Value": "theirs"}, {"Key": "cluster", "Value": NAME}]
    s3.create_bucket(Bucket=f"{BUCKET}-2", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=f"{BUCKET}-2", Key="theirs", Body=b"theirs")
    iam.create_role(RoleName=f"{ROLE}-2", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)
    iam.put_role_policy(RoleName=f"{ROLE}-2", PolicyName="read-source-data", PolicyDocument=json.dumps(ANY))
    iam.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(ANY))
    theirs = [{"ResourceType": "security-group", "Tags": tags}]
    group = ec2.create_security_group(GroupName=f"{NAME}-2", Description="theirs", TagSpecifications=theirs)
    subnets = [found["SubnetId"] for found in ec2.describe_subnets()["Subnets"]]
    redshift.create_cluster_subnet_group(
        ClusterSubnetGroupName=f"{NAME}-2", Description="theirs", SubnetIds=subnets, Tags=tags
    )
    redshift.create_cluster_parameter_group(
        ParameterGroupName=f"{NAME}-2", ParameterGroupFamily="redshift-2.0", Description="theirs", Tags=tags
    )
    redshift.create_cluster(
        ClusterIdentifier=f"{NAME}-2",
        NodeType="ra3.large",
        MasterUsername="theirs",
        MasterUserPassword="Theirs123",
        ClusterSubnetGroupName=f"{NAME}-2",
        VpcSecurityGroupIds=[group["GroupId"]],
        Tags=tags,
    )


def portrait(aws):
    """Everything in the account, as a text."""
    s3, iam, ec2, redshift = (aws.client(name) for name in ("s3", "iam", "ec2", "redshift"))
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    seen = {
        "clusters": redshift.describe_clusters()["Clusters"],
        "snapshots": [
            [snapshot["SnapshotIdentifier"], snapshot["Tags"]]
            for snapshot in redshift.describe_cluster_snapshots()["Snapshots"]
            if snapshot["SnapshotType"] == "manual"
        ],
        "parameter groups": redshift.describe_cluster_parameter_groups()["ParameterGroups"],
        "subnet groups": redshift.describe_cluster_subnet_groups()["ClusterSubnetGroups"],
        "security groups": ec2.describe_security_groups()["SecurityGroups"],
        "route tables": ec2.describe_route_tables()["RouteTables"],
        "endpoints": [found for found in endpoints if found["State"] != "deleted"],
        "roles": {name: iam.list_role_policies(RoleName=name)["PolicyNames"] for name in roles},
        "attached": {name: iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] for name in roles},
        "policies": [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]],
        "buckets": {name: s3.list_object_versions(Bucket=name).get("Versions", []) for name in buckets},
    }
    return json.dumps(seen, default=str, indent=1, sort_keys=True)


@contextlib.contextmanager
def faulty(fault, number, *, reads=False):
    """Let the n-th call meet the fault.

    Args:
        fault: one of FAULTS.
        number: counted from 1; only calls that change something count.
        reads: only calls that look count, instead.
    """
    made, meets = botocore.client.BaseClient._make_api_call, botocore.endpoint.Endpoint._do_get_response
    state = {"count": 0, "lose": 0, "cut": False, "call": ""}

    def call(client, operation, arguments):
        state["count"] += operation.startswith(READING) == reads
        hit = operation.startswith(READING) == reads and state["count"] == number
        if hit:
            state["call"] = operation
            service = client.meta.service_model.service_name
            _before(fault.name, service, operation, state)
        try:
            return made(client, operation, arguments)
        finally:
            if hit:
                state["lose"] = 0 if fault.name == "all answers lost" else state["lose"]
                _after(fault.name)

    def respond(endpoint, request, model, context):
        if state["cut"]:
            return None, EndpointConnectionError(endpoint_url=endpoint.host)
        answer = meets(endpoint, request, model, context)
        if state["lose"]:
            state["lose"] -= 1
            state["cut"] = fault.name == "line cut after"
            return None, ConnectionClosedError(endpoint_url=endpoint.host)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        patch.setattr(botocore.endpoint.Endpoint, "_do_get_response", respond)
        # The clients are shared by many runs, and so would be what botocore allows itself in tries.
        patch.setattr(botocore.retries.quota.RetryQuota, "acquire", lambda *_args: True)
        yield state


def _before(name, service, operation, state):
    if name == "Ctrl-C before":
        raise KeyboardInterrupt
    if name == "denied":
        code = {"ec2": "UnauthorizedOperation"}.get(service, "403" if operation.startswith("Head") else "AccessDenied")
        raise ClientError({"Error": {"Code": code, "Message": "not authorized to perform this"}}, operation)
    if name == "throttled":
        code = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}.get(service, "Throttling")
        raise ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, operation)
    state["cut"] = name == "line cut before"
    state["lose"] = {"answer lost": 1, "all answers lost": 99, "line cut after": 1}.get(name, 0)


def _after(name):
    if name == "Ctrl-C after":
        raise KeyboardInterrupt
    if name == "SIGTERM after":
        raise Terminated
    if name == "killed after":
        raise Killed


CLIENTS = {}


@contextlib.contextmanager
def world():
    """An account with neighbours, and the steps on it."""
    original = AwsTarget.client

    def client(target, service):
        # Most of the time of a run goes into making clients, and here are thousands of runs.
        if service not in CLIENTS:
            CLIENTS[service] = original(target, service)
        return CLIENTS[service]

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(AwsTarget, "client", client)
        accounts.refused_as_by_aws(patch)
        accounts.parameters_kept(patch)
        with accounts.on_moto(patch):
            aws = accounts.steps(Path(folder), patch)
            neighbours(aws)
            yield aws


def calls_of(course, *, reads=False):
    """The calls that the step of a course makes, in their order."""
    with world() as aws:
        course.before(aws)
        aws.calls.clear()
        ran = aws.run(*course.step)
        assert ran.code == 0, ran.err
        return [call for call in aws.calls if call.split(":")[1].startswith(READING) == reads]


@dataclass(frozen=True)
class Outcome:
    """What became of one fault at one call.

    Args:
        code: exit code of the step that met it.
        said: what it ended with.
        then: exit codes of the plain runs.
        wrong: what should not be so.
    """

    code: int
    said: str
    then: tuple[int, ...]
    wrong: list[str]


def outcome(course, number, fault, *, reads=False):
    """Run a course with the fault at one of its calls."""
    with world() as aws:
        before = portrait(aws)
        course.before(aws)
        with faulty(fault, number, reads=reads) as state:
            try:
                ran = aws.run(*course.step)
            except Killed:
                ran = Ran(-9, "", "")
        wrong = _complaints(aws, course, fault, ran, state["call"])
        then = [aws.run(*step) for step in course.then]
        wrong += [f"the run after that: {after.err}" for after in then if after.code]
        wrong += _left(aws, course, before)
        said = [line for line in ran.err.splitlines() if line.startswith(("error", "interrupted"))]
        return Outcome(ran.code, (said or ran.err.splitlines() or [""])[-1], tuple(run.code for run in then), wrong)


def _complaints(aws, course, fault, ran, call):
    """What the step that met the fault should have done and said otherwise."""
    wrong = []
    if ran.code not in _codes(fault, call):
        wrong.append(f"exit code {ran.code}: {ran.err}")
    if "Traceback" in ran.err:
        wrong.append(ran.err)
    if ran.code in (0, -9):
        return wrong
    says = BOUNDARYS_WORDS if fault.name == "denied" and call in BOUNDARYS_CALLS else fault.says
    wrong += [f"does not say {text!r}: {ran.err}" for text in says if text not in ran.err]
    here = [one["ClusterIdentifier"] for one in aws.client("redshift").describe_clusters()["Clusters"]]
    if NAME in here and course.name not in ("pause", "resume") and PRICE not in ran.err:
        wrong.append(f"does not say what the cluster costs: {ran.err}")
    if course.step[0] == "destroy_cluster" and call != "DescribeClusterSnapshots":  # that is the last one
        if "destroy_cluster.py again" not in ran.err and "nothing was changed" not in ran.err:
            wrong.append(f"does not say how to go on: {ran.err}")
        if not aws.value("dwh_arn_role"):
            wrong.append("the keys of dwh.cfg are gone although something is left")
    elif call == "EnableLogging" and not aws.value("dwh_endpoint"):
        wrong.append("the cluster is there and dwh.cfg does not name it")
    return wrong


def _codes(fault, call):
    """The exit codes that a fault may end with at a call."""
    if call == "CreateTags" and fault.name in ("denied", "throttled"):
        return (0,)  # a warning: the snapshot keeps the data without our tags as well
    if call.startswith(READING) and fault.codes in ((0,), (1,)):
        # Some looks are made again later, and what only the last lines need is a warning.
        return (0, 1)
    return fault.codes


def _left(aws, course, before):
    """What is there in the end that was not there before, or is not as it was."""
    wrong = []
    after = portrait(aws)
    if course.step == LAST:
        kept = json.loads(after)["snapshots"]
        tags = [
            {"Key": "project", "Value": NAME},
            {"Key": "cluster", "Value": NAME},
            {"Key": "region", "Value": REGION},
        ]
        if kept != [[SNAPSHOT, tags]]:
            wrong.append(f"the snapshot is not kept with our tags: {kept}")
        after = json.dumps(json.loads(after) | {"snapshots": []}, indent=1, sort_keys=True)
    if after != before:
        one, other = before.splitlines(), after.splitlines()
        wrong.append("\n".join(["the account is another:", *(line for line in other if line not in one)]))
    if aws.value("dwh_endpoint") or aws.value("dwh_arn_role"):
        wrong.append("the keys of dwh.cfg are not cleared")
    return wrong


def _print(course, call, fault, found):
    word = "WRONG" if found.wrong else "ok"
    then = " ".join(map(str, found.then))
    print(f"{word:<6}{course.name:<26}{call:<40}{fault.name:<17}{found.code:>4}  then {then:<5} {found.said}")
    for text in found.wrong:
        print("".join(f"          {line}\n" for line in text.splitlines()), end="", flush=True)


def main(argv=None):
    """Print a line for each call and fault; the exit code is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--course", choices=[course.name for course in COURSES], action="append")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS], action="append")
    parser.add_argument("--reads", action="store_true")
    args = parser.parse_args(argv)
    bad = count = 0
    with accounts.read_once():
        for course in [course for course in COURSES if course.name in (args.course or (course.name,))]:
            for number, call in enumerate(calls_of(course, reads=args.reads), 1):
                for fault in [fault for fault in FAULTS if fault.name in (args.fault or (fault.name,))]:
                    found = outcome(course, number, fault, reads=args.reads)
                    _print(course, call, fault, found)
                    bad, count = bad + bool(found.wrong), count + 1
    print(f"{count} faults, {bad} of them end badly")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
