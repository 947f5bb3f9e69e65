"""destroy_cluster.py on an account of moto's."""

from __future__ import annotations

import io
import json

import pytest
from aws.names import ACCOUNT, REGION
from botocore.exceptions import ClientError

NAME = "sparkify-dwh"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}
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


def test_a_second_time_there_is_nothing_to_do_and_nothing_to_ask(created, monkeypatch):
    created.destroy("--yes")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    created.calls.clear()
    ran = created.destroy()
    assert ran.code == 0
    assert "Nothing to do" in ran.err
    assert created.changing_calls == []


def test_it_lists_what_goes_and_waits_for_the_name(created, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal(f"{NAME}\n"))
    ran = created.destroy()
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
    assert created.left() == []


@pytest.mark.parametrize("typed", ["yes\n", "\n", "", "sparkify\n"])
def test_another_answer_refuses(created, monkeypatch, typed):
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    before = created.left()
    created.calls.clear()
    assert created.destroy().code == 3
    assert created.changing_calls == []
    assert created.left() == before


@pytest.mark.parametrize("where", ["look", "prompt"])
def test_ctrl_c_before_the_name_is_typed_changes_nothing(created, monkeypatch, where):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    typing = Terminal()
    monkeypatch.setattr("sys.stdin", typing)
    if where == "look":
        monkeypatch.setattr("dwh.aws.removal.inventory", interrupt)
    else:
        monkeypatch.setattr(typing, "readline", interrupt)
    created.calls.clear()
    ran = created.destroy()
    assert ran.code == 130
    assert ran.err.endswith("\ninterrupted: nothing was changed\n")
    assert created.changing_calls == []


def test_nobody_at_the_terminal_refuses(created, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{NAME}\n"))
    created.calls.clear()
    ran = created.destroy()
    assert ran.code == 3
    assert "hint: run the step again with --yes" in ran.err
    assert created.changing_calls == []


def test_a_dry_run_does_nothing_even_with_yes(created):
    before = created.left()
    created.calls.clear()
    ran = created.destroy("--dry-run", "--yes")
    assert ran.code == 0
    assert ran.err.count("would delete") == 8
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
    assert "The snapshot sparkify-last is billed until you delete it." in ran.err


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"]])
def test_the_name_of_another_snapshot_is_refused_before_anything_goes(created, more):
    created.client("redshift").create_cluster_snapshot(ClusterIdentifier=NAME, SnapshotIdentifier="sparkify-last")
    before = created.left()
    ran = created.destroy(*more, "--final-snapshot", "sparkify-last")
    assert ran.code == 1
    assert "error: there is a snapshot sparkify-last already; nothing was changed\n" in ran.err
    assert "hint: choose another --final-snapshot NAME\n" in ran.err
    assert created.left() == before


def test_a_destruction_that_was_cut_off_goes_on_with_its_snapshot(created, monkeypatch):
    """The snapshot that is there is the one that it makes."""
    redshift = created.client("redshift")
    redshift.create_cluster_snapshot(ClusterIdentifier=NAME, SnapshotIdentifier="sparkify-last")
    found = redshift.describe_clusters(ClusterIdentifier=NAME)["Clusters"][0] | {"ClusterStatus": "final-snapshot"}
    monkeypatch.setattr("dwh.aws.redshift.find_cluster", lambda _site: found)
    monkeypatch.setattr("dwh.aws.waiting.find_cluster", lambda _site: None)
    ran = created.destroy("--yes", "--final-snapshot", "sparkify-last")
    assert "already" not in ran.err


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
    from dwh.aws import iam

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


def test_a_read_only_configuration_is_said_first(created):
    created.cfg.chmod(0o444)
    created.calls.clear()
    assert created.destroy("--yes").code == 2
    assert created.calls == []


def test_a_cluster_of_another_region_is_not_taken_for_gone(created):
    text = created.cfg.read_text()
    created.cfg.write_text(text.replace("region = us-west-2", "region = us-east-1", 1))
    ran = created.destroy("--yes")
    assert ran.code == 2
    assert "dwh_endpoint is in us-west-2, and region under [AWS] is us-east-1" in ran.err
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
    assert "nothing of another-name is left in us-west-2" in ran.err
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
