"""Both steps as processes of their own, against a moto server that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).parents[2]
# Runs a step that is killed as soon as AWS has answered the named call.
KILLED_AFTER = """
import os, signal, sys
import botocore.client
operation = sys.argv.pop(1)
original = botocore.client.BaseClient._make_api_call
def call(client, called, arguments):
    answer = original(client, called, arguments)
    if called == operation:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
botocore.client.BaseClient._make_api_call = call
import create_cluster
sys.exit(create_cluster.main())
"""


@pytest.fixture
def parameters():
    """This server is moto as it comes."""


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def left(server):
    options = {
        "endpoint_url": server,
        "region_name": "us-west-2",
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
    }
    redshift, ec2, iam, s3 = (boto3.client(name, **options) for name in ("redshift", "ec2", "iam", "s3"))
    return [
        *redshift.describe_clusters()["Clusters"],
        *redshift.describe_cluster_subnet_groups()["ClusterSubnetGroups"],
        *iam.list_roles()["Roles"],
        *s3.list_buckets()["Buckets"],
        *(one for one in ec2.describe_security_groups()["SecurityGroups"] if one["GroupName"] != "default"),
        *(one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"] if one["State"] != "deleted"),
    ]


def test_create_and_destroy_with_no_secret_on_the_command_line(start, server):
    running, lines = start(str(ROOT / "create_cluster.py")), []
    while running.poll() is None:
        if Path("/proc").is_dir():
            lines.append(Path(f"/proc/{running.pid}/cmdline").read_text())
        time.sleep(0.05)
    code, out, err = finish(running)
    assert code == 0, err
    assert f"endpoint {server}" in err
    assert "does not offer ModifyClusterParameterGroup: it was left out" in err
    assert not any("testing" in text for text in (*lines, out, err))
    assert len(left(server)) == 6
    code, _, err = finish(start(str(ROOT / "destroy_cluster.py"), "--yes"))
    assert code == 0, err
    assert left(server) == []


@pytest.mark.parametrize("operation", ["CreateSecurityGroup", "CreateCluster"])
def test_a_process_that_is_killed_leaves_what_the_next_one_finishes(start, server, operation):
    assert finish(start("-c", KILLED_AFTER, operation))[0] == -signal.SIGKILL
    code, _, err = finish(start(str(ROOT / "create_cluster.py")))
    assert code == 0, err
    assert finish(start(str(ROOT / "destroy_cluster.py"), "--yes"))[0] == 0
    assert left(server) == []
