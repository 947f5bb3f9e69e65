"""create_cluster.py --check on AWS: what it says of each state of a cluster, and that its calls only look."""

from __future__ import annotations

import datetime
import json

import psycopg2
import pytest
from aws.account import cluster_with, in_state, refusal
from aws.names import ACCOUNT, REGION
from project import PLAY, ROOT, SONG

from dwh.aws.states import HOPELESS
from dwh.target import open_target

NAME = "sparkify-dwh"
ROLE, POLICY = "sparkify-redshift-s3-read", "read-source-data"
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"
CONNECT = psycopg2.connect


def connection_arguments(project):
    """How to connect to the warehouse of the local target without a call to its AWS."""
    with open_target(project.settings()) as target:
        there = target.environment()
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
    names |= {"sslmode": "SSLMODE", "sslrootcert": "SSLROOTCERT"}
    return {name: there[f"PG{variable}"] for name, variable in names.items()}


@pytest.fixture
def place(warehouse):
    """How to connect to a warehouse in which a song and a play are loaded, and the folder that they are from."""
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    return connection_arguments(warehouse), warehouse.data


@pytest.fixture
def sparkify(place, aws, monkeypatch):
    """A cluster on moto whose database is that warehouse, with the same files in S3."""
    arguments, data = place
    monkeypatch.setattr(psycopg2, "connect", lambda **_arguments: CONNECT(**arguments))
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="udacity-dend", CreateBucketConfiguration={"LocationConstraint": REGION})
    for path in [one for one in data.rglob("*.json") if one.is_file()]:
        s3.put_object(Bucket="udacity-dend", Key=str(path.relative_to(data)), Body=path.read_bytes())
    s3.put_object(Bucket="udacity-dend", Key="log_json_path.json", Body=b"{}")
    assert aws.create("-q").code == 0
    aws.calls.clear()
    return aws


def hours_ago(hours):
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours)


def checked(ran, code=0):
    assert ran.code == code, ran.out + ran.err
    return {check["name"]: check for check in json.loads(ran.out)["checks"]}


def not_well(found):
    return {name for name, finding in found.items() if finding["status"] in ("warn", "failed")}


def test_all_is_well_and_every_call_only_looks(sparkify, answers):
    answers("DescribeClusters", then=cluster_with(ClusterCreateTime=hours_ago(10), TotalStorageCapacityInMegaBytes=1))
    before, cfg = sparkify.left(), sparkify.cfg.read_bytes()
    sparkify.calls.clear()
    ran = sparkify.create("--check")
    found = checked(sparkify.create("--check", "--format", "json"))
    calls = set(sparkify.calls)
    assert ran.code == 0, ran.out
    assert sparkify.changing_calls == []
    # A login that is lent for 15 minutes: it is asked for, and nothing is written with it.
    assert [call for call in calls if "Credentials" in call] == ["redshift:GetClusterCredentials"]
    assert (sparkify.left(), sparkify.cfg.read_bytes()) == (before, cfg)
    assert not_well(found) == set()
    assert found["credentials"]["message"] == (
        "KEY (environment) and SECRET (environment); for the database a login of 15 minutes from AWS"
    )
    assert found["target"]["message"] == f"aws · account {ACCOUNT} · {REGION}"
    assert found["target"]["data"] == {"target": "aws", "account": ACCOUNT, "region": REGION}
    assert found["cluster"]["data"]["cost_usd"] == pytest.approx(5.43, abs=0.01)
    assert " UTC (10h00m ago), about $5.43 until now (list price, storage and pauses apart)\n" in ran.out
    assert found["work bucket"]["data"] == {"bucket": BUCKET, "objects": 0, "bytes": 0}
    assert found["new files"]["data"] == {"new": {"staging_events": 0, "staging_songs": 0}, "gone": 0}
    assert found["space"]["data"]["free_bytes"] is None
    assert found["space"]["data"]["used_bytes"] > 0


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("paused", "python create_cluster.py --resume"),
        ("storage-full", "delete rows, or: aws redshift resize-cluster"),
        ("incompatible-network", HOPELESS["incompatible-network"]),
        ("resizing", "python create_cluster.py waits for it"),
    ],
)
def test_a_cluster_in_another_state_is_said_and_left_in_it(aws, answers, status, hint):
    aws.create("-q")
    aws.calls.clear()
    answers("DescribeClusters", then=in_state(status))
    found = checked(aws.create("--check", "--format", "json"), code=1)
    assert found["cluster"]["message"].startswith(f"{NAME} is {status}: 1 × ra3.large")
    assert found["cluster"]["hint"].startswith(hint)
    assert {found[name]["message"] for name in ("resources", "login")} == {"not looked at: it needs cluster"}
    assert found["work bucket"]["status"] == "ok"
    assert aws.changing_calls == []


def test_no_cluster_and_one_of_another_are_said(aws, answers):
    found = checked(aws.create("--check", "--format", "json"), code=1)
    assert found["cluster"]["message"] == f"there is no cluster {NAME} in {REGION}"
    assert found["work bucket"]["message"] == f"there is no bucket {BUCKET}"
    assert {found[name]["hint"] for name in ("cluster", "work bucket")} == {"python create_cluster.py"}
    assert "NoSuchBucket" in found["data"]["message"] or "bucket" in found["data"]["message"]
    assert aws.left() == []
    aws.create("-q")
    answers("DescribeClusters", then=cluster_with(Tags=[]))
    found = checked(aws.create("--check", "--format", "json"), code=1)
    assert f"there is already a cluster named {NAME}, and it is not ours" in found["cluster"]["message"]


def test_what_differs_or_may_not_be_looked_at_is_named_and_the_rest_is_looked_at(sparkify, answers):
    sparkify.client("iam").delete_role_policy(RoleName=ROLE, PolicyName=POLICY)
    answers("DescribeLoggingStatus", then=refusal("AccessDenied", "DescribeLoggingStatus"))
    sparkify.calls.clear()
    found = checked(sparkify.create("--check", "--format", "json"), code=1)
    assert not_well(found) == {"resources"}
    assert found["resources"]["message"] == "2 of 14 are not as dwh.cfg has them"
    assert found["resources"]["details"][0].startswith(f"IAM policy {POLICY}: would create ")
    assert found["resources"]["details"][1] == "describe logging status: AWS does not allow it to this user"
    assert found["resources"]["hint"].startswith("python create_cluster.py; attach assets/iam_policy.json")
    assert sparkify.changing_calls == []


def test_a_database_that_cannot_be_reached_is_said_and_the_rest_is_looked_at(sparkify, monkeypatch):
    def refuse(**_arguments):
        raise psycopg2.OperationalError("connection to server failed: timeout expired")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    found = checked(sparkify.create("--check", "--format", "json"), code=1)
    assert not_well(found) == {"login"}
    assert "it does not answer" in found["login"]["message"]
    assert "access = private" in found["login"]["hint"]
    assert found["data"]["status"] == found["resources"]["status"] == "ok"


def test_credentials_of_boto3s_own_are_named_by_their_kind(aws, monkeypatch):
    monkeypatch.delenv("KEY")
    monkeypatch.delenv("SECRET")
    found = checked(aws.create("--check", "--format", "json"), code=1)
    assert found["credentials"]["message"] == (
        "boto3's own (env, profile default); for the database a login of 15 minutes from AWS"
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name)
        found = checked(aws.create("--check", "--format", "json"), code=1)
    assert (found["credentials"]["status"], found["credentials"]["message"]) == (
        "failed",
        "there are no AWS credentials",
    )
    assert found["cluster"]["message"] == "not looked at: it needs target"


def test_as_a_process_it_prints_json_and_nothing_else(start):
    step = start(str(ROOT / "create_cluster.py"), "--check", "--format", "json", "-q")
    out, err = step.communicate(timeout=60)
    content = json.loads(out)
    assert (step.returncode, err, content["ok"]) == (1, "", False)
    assert [check["name"] for check in content["checks"] if check["status"] == "failed"] == [
        "cluster",
        "work bucket",
        "data",
    ]
    assert content["counts"] == {"ok": 4, "warn": 0, "failed": 3, "skipped": 6}
