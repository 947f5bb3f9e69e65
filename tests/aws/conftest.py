"""The two provisioning steps on moto, in this process, with made-up credentials."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import NamedTuple

import boto3
import botocore.client
import botocore.session
import psycopg2
import pytest
from aws.names import READING, REGION
from moto import mock_aws
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.iam.models import ManagedPolicy
from moto.redshift.responses import RedshiftResponse
from moto.s3.models import FakeBucket
from pristine import put_cfg

from dwh import config
from dwh.aws import waiting
from dwh.aws.site import Site
from dwh.aws.target import AwsTarget
from dwh.console import Console

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a step printed, and its exit code."""

    code: int
    out: str
    err: str

    def words(self):
        """Kind of resource -> what became of it."""
        columns = [(line[:15].strip(), line[16:]) for line in self.err.splitlines() if line[:1].isupper()]
        known = ("created", "updated", "unchanged", "exists", "deleted", "failed", "ok")
        return {kind: word for kind, rest in columns for word in known if f" {word}" in rest}


class Aws:
    """A folder with a dwh.cfg, and an account that is empty at first."""

    def __init__(self, folder, capsys):
        self.folder = folder
        self.cfg = put_cfg(folder)
        self.calls = []
        self._capsys = capsys

    def set(self, option, text):
        lines = self.cfg.read_text().splitlines(keepends=True)
        self.cfg.write_text(
            "".join(f"{option} = {text}\n" if line.split(" =")[0] == option else line for line in lines)
        )

    def value(self, option):
        return getattr(self.settings(), option)

    def settings(self):
        return config.load(self.cfg, "aws")

    def site(self, **options):
        return Site.open(AwsTarget(self.settings(), Console(quiet=True)), **options)

    def run(self, step, *args):
        self._capsys.readouterr()
        try:
            code = importlib.import_module(step).main(["--config", str(self.cfg), "--target", "aws", *args])
        except SystemExit as stop:
            code = stop.code
        return Ran(code, *self._capsys.readouterr())

    def create(self, *args):
        return self.run("create_cluster", *args)

    def destroy(self, *args):
        return self.run("destroy_cluster", *args)

    def client(self, service):
        return boto3.client(service, region_name=REGION)

    @property
    def changing_calls(self):
        return [call for call in self.calls if not call.split(":")[1].startswith(READING)]

    def left(self):
        """Everything in the account that a new account does not have."""
        redshift, ec2, iam, s3 = (self.client(name) for name in ("redshift", "ec2", "iam", "s3"))
        groups = ec2.describe_security_groups()["SecurityGroups"]
        parameter_groups = [
            found["ParameterGroupName"] for found in redshift.describe_cluster_parameter_groups()["ParameterGroups"]
        ]
        gateways = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        return sorted(
            [
                *(found["ClusterIdentifier"] for found in redshift.describe_clusters()["Clusters"]),
                *(found["SnapshotIdentifier"] for found in redshift.describe_cluster_snapshots()["Snapshots"]),
                *(name for name in parameter_groups if not name.startswith("default.")),
                *(
                    found["ClusterSubnetGroupName"]
                    for found in redshift.describe_cluster_subnet_groups()["ClusterSubnetGroups"]
                ),
                *(group["GroupName"] for group in groups if group["GroupName"] != "default"),
                *(found["VpcEndpointId"] for found in gateways if found["State"] != "deleted"),
                *(role["RoleName"] for role in iam.list_roles()["Roles"]),
                *(policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]),
                *(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
            ]
        )


@pytest.fixture(scope="session", autouse=True)
def service_models_read_once():
    """Reading EC2's model takes longer than a whole run of a step."""
    loader = botocore.session.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_args: loader)
        yield


@pytest.fixture(autouse=True)
def boundaries_counted(monkeypatch):
    """IAM says how many roles a policy bounds; moto always says none."""

    def count(policy):
        return sum(role.permissions_boundary_arn == policy.arn for role in policy.backend.roles.values())

    monkeypatch.setattr(ManagedPolicy, "permissions_boundary_usage_count", property(count), raising=False)


@pytest.fixture(autouse=True)
def parameters(monkeypatch):
    """Give moto the one call that it lacks, and an answer that knows of it."""
    values = {}

    def modify(self):
        group = self._get_param("ParameterGroupName")
        changed = {one["ParameterName"]: one["ParameterValue"] for one in self._get_param("Parameters")}
        values.setdefault(group, {}).update(changed)
        return ActionResult({"ParameterGroupName": group})

    def describe(self):
        group = self._get_param("ParameterGroupName")
        self.redshift_backend.describe_cluster_parameters(group)
        listed = [{"ParameterName": name, "ParameterValue": value} for name, value in values.get(group, {}).items()]
        return ActionResult({"Parameters": listed})

    def delete(self, original=RedshiftResponse.delete_cluster_parameter_group):
        values.pop(self._get_param("ParameterGroupName"), None)
        return original(self)

    # moto reads over the conditions of a bucket policy: one that demands TLS would deny everything.
    monkeypatch.setattr(FakeBucket, "get_permission", lambda *_args: PermissionResult.NEUTRAL)
    monkeypatch.setattr(RedshiftResponse, "modify_cluster_parameter_group", modify, raising=False)
    monkeypatch.setattr(RedshiftResponse, "describe_cluster_parameters", describe)
    monkeypatch.setattr(RedshiftResponse, "delete_cluster_parameter_group", delete)
    return values


class FakeConnection:
    """As much of a psycopg2 connection as the last line of create_cluster.py needs."""

    class info:
        ssl_in_use = True

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, text):
        assert text == "SELECT 1"

    def fetchone(self):
        return (1,)

    def close(self):
        pass


@pytest.fixture
def account(monkeypatch):
    """An empty account of moto's, and keys that open nothing else."""
    # Images of machines are no concern of ours, and reading them takes a second.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        for name in ("KEY", "SECRET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        yield


@pytest.fixture
def aws(tmp_path, monkeypatch, capsys, account):
    """The steps on that account: calls are recorded, nothing leaves the machine, no wait takes long."""
    made = Aws(tmp_path, capsys)
    original = botocore.client.BaseClient._make_api_call

    @functools.wraps(original)
    def record(client, operation, arguments):
        made.calls.append(f"{client.meta.service_model.service_name}:{operation}")
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    monkeypatch.setattr(AwsTarget, "caller_ip", lambda _target: "203.0.113.7")
    monkeypatch.setattr(psycopg2, "connect", lambda **_arguments: FakeConnection())
    monkeypatch.setattr(waiting, "FIRST_POLL", 0.001)
    monkeypatch.setattr(waiting, "LONGEST_POLL", 0.001)
    return made
