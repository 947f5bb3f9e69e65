"""destroy_cluster.py on an account of moto's."""

from __future__ import annotations

import io
import json
import re

import pytest
from aws.account import answers as scripted
from aws.account import in_state, refusal, waits_pass_at_once
from aws.names import ACCOUNT, REGION
from botocore.exceptions import ClientError

NAME = "sparkify-dwh"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
DELETE_SNAPSHOT = (
    f"aws redshift delete-cluster-snapshot --region {REGION} "
    f"--snapshot-identifier sparkify-last --snapshot-cluster-identifier {NAME}"
)
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"


class Terminal(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self):
        return True


@pytest.fixture
def created(aws):
    assert aws.create().code == 0
    return aws


def test_everything_goes_and_the_keys_are_cleared(created):
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert created.left() == []
    assert (created.value("dwh_endpoint"), created.value("dwh_arn_role")) == ("", "")
    assert "Nothing of this cluster is billed any more." in ran.err
    assert ran.out == ""


def test_a_second_time_there_is_nothing_to_do_and_nothing_to_ask(created):
    created.destroy("--yes")
    created.calls.clear()
    ran = created.destroy(stdin=io.StringIO())
    assert ran.code == 0
    assert "Nothing to do" in ran.err
    assert created.changing_calls == []


def test_it_lists_what_goes_and_waits_for_the_name(created):
    ran = created.destroy(stdin=Terminal(f"{NAME}\n"))
    assert ran.code == 0
    asked = ran.err.split(f"Type {NAME} to confirm:")[0]
    assert f"account {ACCOUNT} · {REGION}" in asked
    for kind in (
        "Cluster",
        "S3 endpoint",
        "Security group",
        "Subnet group",
        "Parameter group",
        "IAM role",
        "IAM boundary",
        "Work bucket",
    ):
        assert any(line.startswith(kind) and "to delete" in line for line in asked.splitlines()), kind
    assert "would delete" not in asked
    assert "There is no undo and no snapshot." in asked
    assert re.search(
        rf"account {ACCOUNT}, {REGION}\. The cluster holds rows that could not be counted, and has cost at most about "
        r"\$0\.0\d since \d{4}-\d\d-\d\d \d\d:\d\d UTC \(list price, storage apart\)\. "
        r"There is no undo and no snapshot\.\n",
        asked,
    )
    assert created.left() == []


@pytest.mark.parametrize("stdin", [Terminal(), io.StringIO()], ids=["terminal", "none"])
def test_while_a_deletion_is_under_way_nothing_is_asked_and_the_rest_goes(created, answers, stdin):
    def gone(call):
        created.client("redshift").delete_cluster(ClusterIdentifier=NAME, SkipFinalClusterSnapshot=True)
        return call()

    answers("DescribeClusters", *[in_state("deleting")] * 4, gone)
    ran = created.destroy(stdin=stdin)
    assert ran.code == 0, ran.err
    assert "to confirm" not in ran.err
    assert f"The deletion of {NAME} is under way" in ran.err
    assert ran.err.endswith("Gone.\n")
    assert created.left() == []


@pytest.mark.parametrize("typed", ["yes\n", "\n", "", "sparkify\n"])
def test_another_answer_refuses(created, typed):
    before = created.left()
    created.calls.clear()
    assert created.destroy(stdin=Terminal(typed)).code == 3
    assert created.changing_calls == []
    assert created.left() == before


@pytest.mark.parametrize("where", ["look", "prompt"])
def test_ctrl_c_before_the_name_is_typed_changes_nothing(created, monkeypatch, where):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    typing = Terminal()
    if where == "look":
        monkeypatch.setattr("dwh.provision.removal.things", interrupt)
    else:
        monkeypatch.setattr(typing, "readline", interrupt)
    created.calls.clear()
    ran = created.destroy(stdin=typing)
    assert ran.code == 130
    said = "\ninterrupted: nothing was changed; a cluster that is there is still billed ($0.54 an hour)\n"
    assert ran.err.endswith(said)
    assert created.changing_calls == []


def test_nobody_at_the_terminal_refuses(created):
    created.calls.clear()
    ran = created.destroy(stdin=io.StringIO(f"{NAME}\n"))
    assert ran.code == 3
    assert "hint: run the step again with --yes" in ran.err
    assert created.changing_calls == []


def test_a_dry_run_does_nothing_even_with_yes(created):
    before = created.left()
    created.calls.clear()
    ran = created.destroy("--dry-run", "--yes")
    assert ran.code == 0
    assert ran.out.count("would delete") == 8
    assert ran.err.endswith("\nPlan: 8 to delete. Nothing was changed.\n")
    assert created.changing_calls == []
    assert created.left() == before
    assert created.value("dwh_endpoint") != ""


def test_it_finds_what_is_ours_without_the_keys_of_the_configuration(created):
    created.set("dwh_endpoint", "")
    created.set("dwh_arn_role", "")
    created.set("role_name", "another-name-by-now")
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_a_final_snapshot_is_kept_and_said(created):
    ran = created.destroy("--yes", "--final-snapshot", "sparkify-last")
    assert ran.code == 0
    assert created.left() == ["sparkify-last"]
    assert f"warning: the snapshot sparkify-last is billed until you delete it: {DELETE_SNAPSHOT}\n" in ran.err
    assert "Nothing of this cluster is billed" not in ran.err


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"]])
def test_the_name_of_another_snapshot_is_refused_before_anything_goes(created, more):
    created.client("redshift").create_cluster_snapshot(ClusterIdentifier=NAME, SnapshotIdentifier="sparkify-last")
    before = created.left()
    ran = created.destroy(*more, "--final-snapshot", "sparkify-last")
    assert ran.code == 1
    assert "error: there is a snapshot sparkify-last already\n  nothing was changed" in ran.err
    assert "hint: choose another --final-snapshot NAME\n" in ran.err
    assert created.left() == before


def test_a_destruction_that_was_cut_off_goes_on_with_its_snapshot(created, answers):
    """The snapshot that is there is the one that it makes."""
    redshift = created.client("redshift")
    redshift.create_cluster_snapshot(ClusterIdentifier=NAME, SnapshotIdentifier="sparkify-last")

    def gone(call):
        redshift.delete_cluster(ClusterIdentifier=NAME, SkipFinalClusterSnapshot=True)
        return call()

    answers("DescribeClusters", *[in_state("final-snapshot")] * 4, gone)
    ran = created.destroy("--yes", "--final-snapshot", "sparkify-last")
    assert ran.code == 0, ran.err
    assert "already" not in ran.err
    assert created.left() == ["sparkify-last"]


def test_a_snapshot_name_is_checked_first(aws):
    ran = aws.destroy("--final-snapshot", "Not_A_Name")
    assert ran.code == 2
    assert aws.calls == []


def test_the_network_can_be_kept(created):
    ran = created.destroy("--yes", "--keep-network")
    assert ran.code == 0
    (left,) = created.left()
    assert left.startswith("vpce-")


def test_objects_and_their_earlier_versions_go_with_the_bucket(created):
    s3 = created.client("s3")
    for _ in range(3):
        s3.put_object(Bucket=BUCKET, Key="manifests/one.json", Body=b"{}")
    s3.delete_object(Bucket=BUCKET, Key="manifests/one.json")
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_what_resists_is_listed_and_the_rest_goes(created, monkeypatch):
    from dwh.provision import iam

    def refuse(_site, name):
        raise ClientError({"Error": {"Code": "DeleteConflict", "Message": "must detach"}}, "DeleteRole")

    monkeypatch.setattr(iam, "remove_role", refuse)
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert created.left() == ["sparkify-redshift-s3-read"]
    assert "1 of 7 could not be removed" in ran.err
    assert "IAM role sparkify-redshift-s3-read: delete role: something is still attached to the role" in ran.err
    monkeypatch.undo()


def test_a_policy_that_somebody_attached_does_not_keep_the_role(created):
    iam = created.client("iam")
    arn = iam.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="sparkify-redshift-s3-read", PolicyArn=arn)
    assert created.destroy("--yes").code == 0
    assert created.left() == ["theirs"]


def test_a_read_only_configuration_keeps_its_two_keys_and_nothing_else(created):
    endpoint = created.value("dwh_endpoint")
    created.cfg.chmod(0o444)
    for ran in (created.destroy("--yes"), created.destroy("--yes")):
        assert ran.code == 0, ran.err
        assert f"warning: {created.cfg} is read-only; dwh_endpoint and dwh_arn_role stay in it" in ran.err
    assert created.left() == []
    assert created.value("dwh_endpoint") == endpoint
    created.cfg.chmod(0o644)
    assert "stay in it" not in created.destroy("--yes").err
    assert created.value("dwh_endpoint") == ""


def test_a_cluster_of_another_region_is_not_taken_for_gone(created):
    text = created.cfg.read_text()
    created.cfg.write_text(text.replace("region = us-west-2", "region = us-east-1", 1))
    ran = created.destroy("--yes")
    assert ran.code == 2
    assert "dwh_endpoint is in us-west-2, and the region is us-east-1 (dwh.cfg)" in ran.err
    created.cfg.write_text(text)
    assert created.destroy("--yes").code == 0


def test_a_cluster_of_another_account_is_not_taken_for_gone(created):
    created.set("dwh_arn_role", "arn:aws:iam::999999999999:role/sparkify-redshift-s3-read")
    for ran in (created.destroy("--yes"), created.create()):
        assert ran.code == 2
        assert f"a cluster of account 999999999999, and these credentials are of account {ACCOUNT}" in ran.err
    assert created.value("dwh_endpoint") != ""


def test_a_cluster_whose_name_was_lost_is_pointed_out(created):
    endpoint = created.value("dwh_endpoint")
    created.set("cluster_identifier", "another-name")
    created.set("role_name", "another-name")
    created.set("dwh_arn_role", "")
    ran = created.destroy("--yes")
    assert ran.code == 0
    assert "nothing else of another-name is left in us-west-2" in ran.err
    assert f"another cluster of this project is there: {NAME}" in ran.err
    assert created.value("dwh_endpoint") == endpoint


def test_two_clusters_do_not_take_each_other_down(created, tmp_path):
    created.set("cluster_identifier", "sparkify-two")
    created.set("role_name", "sparkify-two")
    created.set("dwh_endpoint", "")
    assert created.create().code == 0
    both = created.left()
    assert created.destroy("--yes").code == 0
    assert created.left() == [name for name in both if "sparkify-two" not in name]


# --- What may not be looked at, or resists ---

LOOKS = {
    "S3 endpoint": "DescribeVpcEndpoints",
    "Subnet group": "DescribeClusterSubnetGroups",
    "Parameter group": "DescribeClusterParameterGroups",
    "IAM role": "GetRole",
    "Work bucket": "HeadBucket",
    "Security group": "DescribeSecurityGroups",
}


def denied(call):
    return refusal("403" if call == "HeadBucket" else "AccessDenied", call)


@pytest.mark.parametrize("kind", LOOKS)
def test_what_may_not_be_looked_at_is_listed_and_the_rest_goes(created, answers, kind):
    keys = created.value("dwh_endpoint"), created.value("dwh_arn_role")
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, LOOKS[kind], then=denied(LOOKS[kind]))
        listed = created.destroy("--dry-run")
        assert listed.words()[kind] == "unknown"
        ran = created.destroy("--yes")
    assert ran.code == 1
    assert ran.words()[kind] == "failed"
    assert ran.words()["Cluster"] == "deleted"
    count = 2 if kind == "IAM role" else 1  # whether its boundary may go depends on the role
    assert f"error: {count} of 7 could not be removed" in ran.err
    assert "AWS does not allow it to this user" in ran.err.split("could not be removed")[1]
    assert "hint: " in ran.err
    assert "attach assets/iam_policy.json to the user" in ran.err.split("hint: ")[1]
    assert "then run python destroy_cluster.py again" in ran.err.split("hint: ")[1]
    assert len(created.left()) == count
    assert "billed any more" not in ran.err
    assert (created.value("dwh_endpoint"), created.value("dwh_arn_role")) == keys
    again = created.destroy("--yes")
    assert again.code == 0, again.err
    assert created.left() == []
    assert created.value("dwh_arn_role") == ""


def test_a_look_that_is_refused_once_is_made_again(created, answers):
    answers("HeadBucket", refusal("403", "HeadBucket"))
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert created.left() == []


def test_a_cluster_that_may_not_be_looked_at_keeps_everything(created):
    """It may be there and billed: what it uses does not go before it."""
    before = created.left()
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, "DescribeClusters", then=denied("DescribeClusters"))
        ran = created.destroy("--yes")
    assert ran.code == 1
    assert "error: describe clusters: AWS does not allow it to this user" in ran.err
    assert "nothing was changed; a cluster that is there is still billed ($0.54 an hour)" in ran.err
    assert "hint: attach assets/iam_policy.json to the user" in ran.err
    assert created.left() == before
    assert created.value("dwh_endpoint")


def test_a_refused_look_during_the_wait_says_what_goes_on(created, answers):
    answers("DescribeClusters", None, None, refusal("Throttling", "DescribeClusters"))
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert "the deletion of the cluster goes on, and it is billed until then ($0.54 an hour)" in ran.err
    assert "run python destroy_cluster.py again to remove the rest" in ran.err
    assert created.value("dwh_endpoint")
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_remedies_are_named_once_and_the_keys_stay(created, answers):
    answers("DeleteRole", refusal("AccessDenied", "DeleteRole"))
    answers("DeleteBucket", refusal("AccessDenied", "DeleteBucket"))
    answers("DeleteClusterSubnetGroup", refusal("Throttling", "DeleteClusterSubnetGroup"))
    ran = created.destroy("--yes")
    assert "error: 3 of 7 could not be removed" in ran.err
    assert "  the cluster was deleted; run python destroy_cluster.py again to remove the rest" in ran.err
    assert ran.err.splitlines()[-1] == (
        "hint: wait a minute; attach assets/iam_policy.json to the user (README, step 1), "
        "then run python destroy_cluster.py again"
    )
    assert created.value("dwh_endpoint")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ExpiredToken", "log in again (aws sso login), or renew KEY and SECRET in .env"),
        ("DeleteConflict", "detach it in the IAM console"),
        ("NoSuchEntity", "wait a few minutes"),
        ("Strange", "look the code up, or run the step again with -v"),
    ],
)
def test_the_remedy_is_that_of_the_refusal(created, answers, code, remedy):
    answers("DeleteRole", then=refusal(code, "DeleteRole"))
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert ran.err.endswith(f"hint: {remedy}, then run python destroy_cluster.py again\n")


def test_a_deletion_that_is_under_way_already_is_waited_for(created, answers):
    """The answer was lost, and the second call hears that the cluster is busy: it is being deleted."""
    answers("DeleteCluster", refusal("InvalidClusterState", "DeleteCluster"))

    def gone(call):
        redshift = created.client("redshift")
        redshift.delete_cluster(ClusterIdentifier=NAME, SkipFinalClusterSnapshot=True)
        return call()

    answers("DescribeClusters", None, None, *[in_state("deleting")] * 4, gone)
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert created.left() == []


def test_an_endpoint_that_ec2_says_is_gone_counts_as_removed(created, answers):
    def twice(call):
        call()
        error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": "is not there"}
        return {"Unsuccessful": [{"ResourceId": "vpce-1", "Error": error}]}

    answers("DeleteVpcEndpoints", twice)
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_an_endpoint_that_ec2_keeps_is_listed(created, answers):
    error = {"Code": "Unsupported", "Message": "It is in use."}
    answers("DeleteVpcEndpoints", lambda _call: {"Unsuccessful": [{"ResourceId": "vpce-1", "Error": error}]})
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert "S3 endpoint com.amazonaws.us-west-2.s3: the endpoint vpce-1 stays: It is in use." in ran.err


def test_a_deletion_that_aws_does_not_allow_says_what_is_billed(created, answers):
    before = created.left()
    answers("DeleteCluster", refusal("AccessDenied", "DeleteCluster"))
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert "the cluster may still be there and billed ($0.54 an hour): run python destroy_cluster.py again" in ran.err
    assert "hint: attach assets/iam_policy.json" in ran.err
    assert created.left() == before


# --- States of the cluster ---


@pytest.mark.parametrize("status", ["creating", "modifying", "resizing", "rebooting"])
def test_a_cluster_that_is_busy_is_deleted_as_soon_as_it_can_be(created, answers, status):
    answers("DescribeClusters", *[in_state(status)] * 9)
    answers("DeleteCluster", *[refusal("InvalidClusterState", "DeleteCluster")] * 7)
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert "Cluster sparkify-dwh: the cluster is busy with another change (at most " in ran.err
    assert created.left() == []


def test_a_paused_cluster_is_deleted_where_aws_does_it(created):
    created.create("--pause")
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_a_paused_cluster_that_aws_does_not_delete_is_said_at_once(created, answers, monkeypatch):
    clock = waits_pass_at_once(monkeypatch)
    created.create("--pause")
    answers("DeleteCluster", refusal("InvalidClusterState", "DeleteCluster"))
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert clock.slept == 0
    assert "error: the cluster sparkify-dwh is paused, and AWS does not delete a paused one\n" in ran.err
    assert ran.err.endswith("hint: python create_cluster.py --resume, then python destroy_cluster.py again\n")
    assert created.create("--resume").code == 0
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_the_wait_for_a_busy_cluster_is_as_long_as_the_option_says(created, answers, monkeypatch):
    clock = waits_pass_at_once(monkeypatch)
    answers("DeleteCluster", then=refusal("InvalidClusterState", "DeleteCluster"))
    ran = created.destroy("--yes", "--timeout", "20")
    assert ran.code == 1
    assert 1200 <= clock.slept < 1230
    assert "delete cluster: the cluster is busy with another change" in ran.err
    assert "the cluster may still be there and billed" in ran.err


def test_two_at_once_both_end_well(created, answers):
    """The other one is faster at everything: what this one deletes is gone already."""
    other = []

    def faster(call):
        if not other:
            other.append(None)
            other[0] = created.destroy("--yes")
        return call()

    answers("DeleteCluster", faster)
    ran = created.destroy("--yes")
    assert other[0].code == 0, other[0].err
    assert ran.code == 0, ran.err
    assert created.left() == []
    assert created.value("dwh_endpoint") == ""


@pytest.mark.parametrize("call", ["DeleteVpcEndpoints", "DeleteClusterSubnetGroup", "DeleteRole", "DeleteBucket"])
def test_what_somebody_else_removed_meanwhile_counts_as_removed(created, answers, call):
    def both(real):
        real()
        return real()

    answers(call, both)
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert created.left() == []


def test_a_cluster_that_was_created_meanwhile_is_not_said_to_be_gone(created, answers):
    def then_created(call):
        answer = call()
        assert created.create().code == 0
        return answer

    answers("DeleteSecurityGroup", then_created)
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert "a cluster sparkify-dwh was created meanwhile, and is billed ($0.54 an hour)" in ran.err
    assert "hint: python destroy_cluster.py again" in ran.err
    assert "billed any more" not in ran.err
    assert created.value("dwh_endpoint")
    assert created.destroy("--yes").code == 0
    assert created.left() == []


def test_a_role_of_ours_that_became_anothers_meanwhile_is_left(created, answers):
    iam = created.client("iam")

    def replaced(call):
        iam.untag_role(RoleName="sparkify-redshift-s3-read", TagKeys=["project"])
        return call()

    answers("DeleteCluster", replaced)
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert ran.words()["IAM role"] == "exists"
    assert created.left() == ["sparkify-boundary", "sparkify-redshift-s3-read"]


# --- Strangers ---


def test_a_strangers_cluster_of_our_name_is_mentioned_and_left(created):
    redshift = created.client("redshift")
    redshift.delete_tags(ResourceName=f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:{NAME}", TagKeys=["project"])
    warning = f"warning: a cluster {NAME} is there without our tags: it is not ours, and left as it is"
    ran = created.destroy("--yes")
    assert warning in ran.err
    assert NAME in created.left()
    redshift.modify_cluster(ClusterIdentifier=NAME, ClusterParameterGroupName="default.redshift-2.0")
    for _ in range(2):
        ran = created.destroy("--yes", "--keep-network")
        assert warning in ran.err
        assert "nothing of sparkify-dwh is left" not in ran.err
        assert "billed any more" not in ran.err


def test_what_is_not_ours_is_listed_where_nothing_else_is_left(aws):
    aws.client("iam").create_role(RoleName="sparkify-redshift-s3-read", AssumeRolePolicyDocument=json.dumps(POLICY))
    ran = aws.destroy("--yes")
    assert ran.code == 0
    assert ran.words()["IAM role"] == "exists"
    assert "Nothing to do: nothing else of sparkify-dwh is left in us-west-2." in ran.err


# --- Snapshots ---


def test_the_final_snapshot_carries_our_tags(created):
    assert created.destroy("--yes", "--final-snapshot", "sparkify-last").code == 0
    (snapshot,) = created.client("redshift").describe_cluster_snapshots(SnapshotIdentifier="sparkify-last")["Snapshots"]
    tags = {tag["Key"]: tag["Value"] for tag in snapshot["Tags"]}
    assert tags == {"project": "sparkify-dwh", "cluster": NAME, "region": REGION}


def test_a_snapshot_of_before_is_said_to_be_billed(created):
    created.client("redshift").create_cluster_snapshot(ClusterIdentifier=NAME, SnapshotIdentifier="sparkify-last")
    for _ in range(2):
        ran = created.destroy("--yes")
        assert ran.code == 0
        assert f"the snapshot sparkify-last is billed until you delete it: {DELETE_SNAPSHOT}" in ran.err
        assert "Nothing of this cluster is billed" not in ran.err


def test_a_snapshot_of_another_cluster_is_not_tagged(created):
    redshift = created.client("redshift")
    redshift.create_cluster(
        ClusterIdentifier="theirs", NodeType="ra3.large", MasterUsername="theirs", MasterUserPassword="Theirs123"
    )
    redshift.create_cluster_snapshot(ClusterIdentifier="theirs", SnapshotIdentifier="sparkify-last")
    created.destroy("--yes")
    ran = created.destroy("--yes", "--final-snapshot", "sparkify-last")
    assert ran.words()["Snapshot"] == "exists"
    (snapshot,) = redshift.describe_cluster_snapshots(SnapshotIdentifier="sparkify-last")["Snapshots"]
    assert snapshot["Tags"] == []


def test_snapshots_that_may_not_be_looked_at_are_not_said_to_be_none(created, answers):
    answers("DescribeClusterSnapshots", refusal("AccessDenied", "DescribeClusterSnapshots"))
    ran = created.destroy("--yes")
    assert ran.code == 0
    assert "warning: whether snapshots of sparkify-dwh are there and billed is not known" in ran.err
    assert "Nothing of this cluster is billed" not in ran.err


# --- The work bucket ---


def test_more_versions_than_a_page_of_a_listing_go_in_one_run(created):
    from moto.s3.models import s3_backends

    s3 = created.client("s3")
    backend = s3_backends[ACCOUNT]["aws"]
    for number in range(2_100):
        backend.put_object(BUCKET, f"audit/{number % 700:05}", b"")
    for number in range(0, 700, 2):
        s3.delete_object(Bucket=BUCKET, Key=f"audit/{number:05}")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    found = [entry for page in pages for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    assert len(found) == 2_450
    ran = created.destroy("--yes")
    assert ran.code == 0, ran.err
    assert created.left() == []


def test_objects_that_stay_in_spite_of_everything_end_the_run(created, answers):
    created.client("s3").put_object(Bucket=BUCKET, Key="audit/one", Body=b"")
    answers("DeleteObjects", then=lambda _call: {})
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert f"objects of {BUCKET} are there still after they were deleted" in ran.err


def test_objects_that_may_not_be_deleted_are_told_with_what_helps(created, answers):
    created.client("s3").put_object(Bucket=BUCKET, Key="audit/one", Body=b"")
    errors = [{"Key": "audit/one", "Code": "AccessDenied", "Message": "Access Denied"}]
    answers("DeleteObjects", lambda _call: {"Errors": errors})
    ran = created.destroy("--yes")
    assert ran.code == 1
    assert f"1 objects of {BUCKET} were not deleted: Access Denied" in ran.err
    assert "hint: attach assets/iam_policy.json" in ran.err
