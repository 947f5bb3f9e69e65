"""A fault at every changing call: plain runs end well after it, nothing is left, nothing foreign is touched.

``python -m tests.aws.every_call`` prints the whole table; here FAULTS=all tests it. By default every call meets the
faults after which AWS and the step disagree most, and every fourth of the others.
"""

from __future__ import annotations

import pytest
from aws import every_call
from aws.every_call import COURSES, FAULTS
from project import ALL_FAULTS

pytestmark = pytest.mark.usefixtures("servers")

CREATING = (
    "iam:CreatePolicy",
    "s3:CreateBucket",
    "s3:PutBucketTagging",
    "s3:PutPublicAccessBlock",
    "s3:PutBucketEncryption",
    "s3:PutBucketVersioning",
    "s3:PutBucketPolicy",
    "s3:PutBucketLifecycleConfiguration",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "ec2:CreateVpcEndpoint",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupEgress",
    "redshift:CreateClusterSubnetGroup",
    "redshift:CreateClusterParameterGroup",
    "redshift:ModifyClusterParameterGroup",
    "redshift:CreateCluster",
    "redshift:EnableLogging",
)
UPDATING = (
    "iam:CreatePolicyVersion",
    "s3:PutPublicAccessBlock",
    "s3:PutBucketPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:UpdateAssumeRolePolicy",
    "iam:PutRolePolicy",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupEgress",
    "redshift:ModifyClusterParameterGroup",
    "redshift:ModifyClusterIamRoles",
    "redshift:ModifyCluster",
    "redshift:EnableLogging",
)
DESTROYING = (
    "redshift:DeleteCluster",
    "ec2:DeleteVpcEndpoints",
    "redshift:DeleteClusterSubnetGroup",
    "redshift:DeleteClusterParameterGroup",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:DeleteRole",
    "iam:DeletePolicy",
    "s3:DeleteObjects",
    "s3:DeleteBucket",
    "ec2:DeleteSecurityGroup",
)
# What each course changes, in this order; the first test holds it to the steps.
CALLS = {
    "create": CREATING,
    "create, destroyed at once": CREATING,
    "update": UPDATING,
    "pause": ("redshift:PauseCluster",),
    "resume": ("redshift:ResumeCluster",),
    "destroy": DESTROYING,
    "destroy, created again": DESTROYING,
    "destroy, snapshot kept": (
        DESTROYING[0],
        "redshift:CreateTags",
        *(call for call in DESTROYING[1:] if call not in ("iam:DetachRolePolicy", "s3:DeleteObjects")),
    ),
}
ALWAYS = ("answer lost", "denied")
# The same calls once more, with another end.
VARIANTS = ("create, destroyed at once", "destroy, created again")


def chosen():
    """Course, number of the call, its name and the fault."""
    for course in COURSES:
        for number, call in enumerate(CALLS[course.name], 1):
            for place, fault in enumerate(FAULTS):
                always = fault.name in ALWAYS and course.name not in VARIANTS
                if ALL_FAULTS or (number + place) % (5 if always else 20) == 0:
                    yield pytest.param(course, number, fault, id=f"{course.name}-{call}-{fault.name}")


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_these_are_all_the_changing_calls(course):
    assert every_call.calls_of(course) == list(CALLS[course.name])


@pytest.mark.parametrize(("course", "number", "fault"), list(chosen()))
def test_a_fault_at_a_call_ends_well(course, number, fault):
    assert every_call.outcome(course, number, fault).wrong == []


def test_the_table_is_printed_and_its_exit_code_tells(capsys, monkeypatch):
    assert every_call.main(["--course", "pause", "--fault", "answer lost"]) == 0
    assert "ok    pause                     redshift:PauseCluster" in capsys.readouterr().out
    monkeypatch.setattr(every_call, "_left", lambda *_args: ["something is left"])
    assert every_call.main(["--course", "pause", "--fault", "answer lost"]) == 1
    assert "something is left" in capsys.readouterr().out
