"""Every refusal that is waited for, where it can come from; every other one is final."""

from __future__ import annotations

import json

import pytest
from aws.account import refusal
from aws.every_call import ANY, CREATE, DESTROY, LAST, created, drifted, nothing, used
from botocore.exceptions import EndpointConnectionError
from project import some

from dwh.aws import connecting
from dwh.aws.errors import EXPLAINED
from dwh.provision import patience, waiting

PAUSE = (*CREATE, "--pause")
ROLE = "sparkify-redshift-s3-read"

# Code -> seconds that it is waited for, and the calls that may be refused with it: what is there before, the step,
# and the call.
SITES = {
    "BucketAlreadyOwnedByYou": (600, [(nothing, CREATE, "CreateBucket")]),
    "BucketNotEmpty": (60, [(created, DESTROY, "DeleteBucket")]),
    "BucketNotFoundFault": (30, [(nothing, CREATE, "EnableLogging")]),
    "ClusterAlreadyExists": (30, [(nothing, CREATE, "CreateCluster")]),
    "ClusterNotFound": (30, [(nothing, CREATE, "EnableLogging"), (created, DESTROY, "DeleteCluster")]),
    "ClusterParameterGroupAlreadyExists": (30, [(nothing, CREATE, "CreateClusterParameterGroup")]),
    "ClusterParameterGroupNotFound": (
        30,
        [
            (nothing, CREATE, "ModifyClusterParameterGroup"),
            (nothing, CREATE, "CreateCluster"),
            (created, DESTROY, "DeleteClusterParameterGroup"),
        ],
    ),
    "ClusterSubnetGroupAlreadyExists": (30, [(nothing, CREATE, "CreateClusterSubnetGroup")]),
    "ClusterSubnetGroupNotFoundFault": (
        30,
        [(nothing, CREATE, "CreateCluster"), (created, DESTROY, "DeleteClusterSubnetGroup")],
    ),
    "ConcurrentModification": (60, [(nothing, CREATE, "PutRolePolicy"), (created, DESTROY, "DeleteRolePolicy")]),
    "DeleteConflict": (60, [(created, DESTROY, "DeleteRole")]),
    "DependencyViolation": (600, [(created, DESTROY, "DeleteSecurityGroup")]),
    "EntityAlreadyExists": (30, [(nothing, CREATE, "CreateRole")]),
    "EntityTemporarilyUnmodifiable": (60, [(drifted, CREATE, "UpdateAssumeRolePolicy")]),
    "InvalidClusterParameterGroupState": (
        180,
        [(nothing, CREATE, "ModifyClusterParameterGroup"), (created, DESTROY, "DeleteClusterParameterGroup")],
    ),
    "InvalidClusterState": (
        300,
        [
            (drifted, CREATE, "ModifyClusterIamRoles"),
            (drifted, CREATE, "ModifyCluster"),
            (nothing, CREATE, "EnableLogging"),
            (created, PAUSE, "PauseCluster"),
            (created, DESTROY, "DeleteCluster"),
            (created, LAST, "CreateTags"),
        ],
    ),
    "InvalidClusterSubnetGroupStateFault": (180, [(created, DESTROY, "DeleteClusterSubnetGroup")]),
    "InvalidGroup.Duplicate": (30, [(nothing, CREATE, "CreateSecurityGroup")]),
    "InvalidGroup.NotFound": (
        30,
        [(nothing, CREATE, "AuthorizeSecurityGroupIngress"), (created, DESTROY, "DeleteSecurityGroup")],
    ),
    "InvalidPermission.Duplicate": (30, [(nothing, CREATE, "AuthorizeSecurityGroupIngress")]),
    "InvalidPermission.NotFound": (30, [(drifted, CREATE, "RevokeSecurityGroupIngress")]),
    "InvalidVpcEndpointId.NotFound": (30, [(created, DESTROY, "DeleteVpcEndpoints")]),
    "NoSuchBucket": (30, [(nothing, CREATE, "PutBucketTagging"), (created, DESTROY, "DeleteBucket")]),
    "NoSuchEntity": (
        30,
        [
            (nothing, CREATE, "PutRolePolicy"),
            (created, DESTROY, "DeleteRolePolicy"),
            (used, DESTROY, "DetachRolePolicy"),
            (created, DESTROY, "DeleteRole"),
        ],
    ),
    "OperationAborted": (
        600,
        [
            (nothing, CREATE, "CreateBucket"),
            (nothing, CREATE, "PutBucketPolicy"),
            (created, DESTROY, "DeleteBucket"),
        ],
    ),
    "ResourceNotFoundFault": (30, [(created, LAST, "CreateTags")]),
    "RouteAlreadyExists": (180, [(nothing, CREATE, "CreateVpcEndpoint")]),
}
EVERY_SITE = [pytest.param(code, *site, id=f"{code}-{site[2]}") for code, (_, sites) in SITES.items() for site in sites]


def prepared(aws, before):
    aws.client("iam").create_policy(PolicyName="theirs", PolicyDocument=json.dumps(ANY))
    before(aws)


def test_the_table_is_whole():
    assert {code: seconds for code, (seconds, _) in SITES.items()} == {
        code: wait.seconds for code, wait in patience.PASSING.items()
    }


def test_each_has_a_sentence_for_when_it_did_not_pass():
    assert set(patience.PASSING) <= set(EXPLAINED)


@pytest.mark.parametrize(("code", "before", "step", "call"), some(EVERY_SITE, 4))
def test_what_passes_is_waited_for_with_a_line_that_says_so(aws, answers, code, before, step, call):
    prepared(aws, before)
    answers(call, refusal(code, call), refusal(code, call))
    ran = aws.run(*step)
    assert ran.code == 0, ran.err
    assert f": {patience.PASSING[code].why} (at most " in ran.err
    assert "warning" not in ran.err.replace("warning: the snapshot sparkify-last is billed", "")


@pytest.mark.parametrize("code", some(SITES, 4))
def test_every_wait_has_an_end(aws, answers, monkeypatch, code):
    from aws.account import waits_pass_at_once

    seconds, ((before, step, call), *_) = SITES[code]
    prepared(aws, before)
    clock = waits_pass_at_once(monkeypatch)
    answers(call, then=refusal(code, call))
    ran = aws.run(*step)
    if step == LAST:  # tags on a snapshot that is kept all the same
        assert (ran.code, "does not carry our tags" in ran.err) == (0, True)
    else:
        assert ran.code == 1
        assert "hint: " in ran.err
    assert seconds <= clock.slept <= seconds + 2 * patience.LONGEST_POLL


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "ClusterQuotaExceeded",
        "InvalidParameterValue",
        "LimitExceeded",
        "Throttling",
        "BucketAlreadyExists",
    ],
)
def test_other_refusals_are_final(code):
    assert patience.with_refusal(refusal(code)).seconds == 0


def test_a_lost_connection_is_tried_again_while_looks_get_through():
    assert patience.with_refusal(EndpointConnectionError(endpoint_url="https://x")).seconds == 30


TEXTS = (
    "The IAM role arn:x is not valid. The IAM role must delegate access to an Amazon Redshift account.",
    "Not authorized to get credentials of role arn:x",
    "User arn:y is not authorized to assume IAM Role arn:x",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_role_that_redshift_does_not_see_yet_is_waited_for(aws, answers, text):
    late = refusal("InvalidParameterValue", "CreateCluster", text)
    answers("CreateCluster", late, late)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ": Redshift does not see the role yet (at most 3m00s), " in ran.err


def test_a_boundary_that_iam_does_not_see_yet_is_waited_for(aws, answers):
    late = refusal("InvalidInput", "CreateRole", "Scope ARN: arn:x does not exist or is not attachable.")
    answers("CreateRole", late)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ": IAM does not see the boundary of the role yet (at most 1m00s), " in ran.err


def test_each_of_these_texts_is_one_of_aws():
    said = [*TEXTS, "Scope ARN: arn:x does not exist or is not attachable."]
    for known, text in zip(patience.PASSING_TEXTS, said, strict=True):
        assert known in text


def test_the_same_code_with_another_text_is_final(aws, answers):
    answers("CreateCluster", refusal("InvalidParameterValue", "CreateCluster", "The password is too short."))
    ran = aws.create()
    assert ran.code == 1
    assert "AWS says: The password is too short" in ran.err


def test_the_states_without_hope_and_what_helps():
    assert {state: hint.split(":")[0] for state, hint in waiting.HOPELESS.items()} == {
        "incompatible-network": "the VPC or its subnets changed",
        "incompatible-parameters": "a parameter does not fit",
        "incompatible-hsm": "the hardware key store cannot be reached",
        "incompatible-restore": "the snapshot does not fit",
        "hardware-failure": "a single node has failed",
        "deleting": "it is being deleted",
        "final-snapshot": "it is being deleted",
        "paused": "python create_cluster.py --resume",
    }


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("could not translate host name", True),
        ("Connection refused", True),
        ("timeout expired", False),
        ("password authentication failed", False),
    ],
)
def test_which_complaints_of_a_new_endpoint_may_pass(text, passes):
    assert connecting.passing(f"connection to server failed: {text}") is passes
