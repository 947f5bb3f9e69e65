"""The probe of COPY says which part of the way is wrong, and loads nothing."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from project import PLAY, SONG

import sql_queries
from dwh import probe
from dwh.console import Console
from dwh.errors import DataError, WarehouseError
from dwh.target import open_target


@pytest.fixture
def probed(warehouse, monkeypatch):
    """Run the probe on a project with a file of events."""
    warehouse.events("large", *[PLAY] * 50)
    warehouse.events("small", PLAY)
    warehouse.songs(SONG)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)

    def run():
        with open_target(warehouse.settings()) as target:
            return probe.probe(target, Console(err=io.StringIO()))

    return run


def refused(probed, words):
    with pytest.raises(WarehouseError) as raised:
        probed()
    assert words in raised.value.hint
    return raised.value.message


def test_it_reads_the_smallest_object_and_loads_nothing(probed, warehouse):
    before = warehouse.digest()
    assert probed() == "s3://udacity-dend/log_data/2018/11/small.json"
    assert warehouse.digest() == before
    assert warehouse.value("SELECT COUNT(*) FROM pg_class WHERE relname = 'probe_events'") == 0


def test_it_needs_no_tables(probed, warehouse):
    with contextlib.closing(warehouse.connect()) as conn, conn.cursor() as cur:
        for name in reversed(sql_queries.CREATE):
            cur.execute(f"DROP TABLE {name}")
        conn.commit()
    assert probed()


def test_a_bad_record_is_a_load_s_affair(probed, warehouse):
    warehouse.events("small", "{")
    assert probed()


def test_no_data(probed, warehouse):
    warehouse.empty()
    with pytest.raises(DataError, match="there is no data under s3://udacity-dend/log_data/"):
        probed()


@pytest.fixture
def role(warehouse):
    """The role of the cluster, whose trust and policy may be changed; afterwards they are as before."""
    with open_target(warehouse.settings()) as target:
        iam, name = target.client("iam"), warehouse.settings().role_name
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        yield iam, name
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    assert warehouse.main("create_cluster").code == 0


def test_a_role_that_does_not_trust_the_user(probed, role):
    iam, name = role
    trust = {"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "arn:aws:redshift:us-west-2:123456789012:dbuser:x/y"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
    assert "not authorized to assume IAM Role" in refused(probed, "trust")


def test_a_role_that_may_not_read(probed, role):
    iam, name = role
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    assert "Access Denied" in refused(probed, "python create_cluster.py, which updates the role")


def test_a_jsonpaths_file_that_does_not_fit(probed, warehouse):
    warehouse.file("log_json_path.json", json.dumps({"jsonpaths": ["$.artist"]}))
    assert "JSONPaths file" in refused(probed, "log_jsonpath")


def test_a_bucket_in_another_region(probed, warehouse, monkeypatch):
    monkeypatch.setattr(sql_queries, "COPY_PROBE", sql_queries.COPY_PROBE.replace("%(region)s", "'eu-west-1'"))
    refused(probed, "region under [S3]")


@pytest.mark.parametrize("counted", [True, False], ids=["by the server", "by a timer"])
def test_a_cluster_that_does_not_reach_s3_is_not_waited_for_long(probed, warehouse, monkeypatch, counted):
    """As seen from here: a statement that does not come back."""
    monkeypatch.setattr(sql_queries, "COPY_PROBE", "LOCK load_objects; --")
    monkeypatch.setattr(probe, "SECONDS", 1)
    monkeypatch.setattr("dwh.warehouse.GRACE_SECONDS", 0.2)
    if not counted:
        monkeypatch.setattr(sql_queries, "SET_STATEMENT_TIMEOUT", "SELECT %(milliseconds)s")
    with contextlib.closing(warehouse.connect()) as conn, conn.cursor() as cur:
        cur.execute("LOCK load_objects")
        said = refused(probed, "S3 gateway endpoint")
        conn.rollback()
    assert said == "COPY had not read s3://udacity-dend/log_data/2018/11/small.json after 1.0s"
