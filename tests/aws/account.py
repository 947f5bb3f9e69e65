"""The two provisioning steps on an empty account of moto's, in this process, with made-up credentials."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import time

import boto3
import botocore.client
import botocore.session
import psycopg2
import pytest
from aws.names import READING, REGION
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend
from moto.iam.access_control import PermissionResult
from moto.redshift.exceptions import RedshiftClientError
from moto.redshift.models import RedshiftBackend
from moto.redshift.responses import RedshiftResponse
from moto.s3.models import FakeBucket
from moto.server import ThreadedMotoServer
from pristine import put_cfg, set_key
from project import clean_environment, heed_ctrl_c, run_main

from dwh import config, probe
from dwh.aws.target import AwsTarget
from dwh.console import Console
from dwh.provision import patience
from dwh.provision.site import Site


@functools.cache
def client_of(service):
    """A client for the tests themselves."""
    return boto3.client(service, region_name=REGION)


class Aws:
    """A folder with a dwh.cfg, and an account that is empty at first."""

    def __init__(self, folder):
        self.folder = folder
        self.cfg = put_cfg(folder)
        self.calls = []

    def set(self, option, text):
        set_key(self.cfg, option, text)

    def value(self, option):
        return getattr(self.settings(), option)

    def settings(self):
        return config.load(self.cfg, "aws")

    def site(self, **options):
        return Site.open(AwsTarget(self.settings(), Console(quiet=True)), **options)

    def run(self, step, *args, stdin=None):
        return run_main(step, ["--config", str(self.cfg), "--target", "aws", *args], stdin)

    def create(self, *args):
        return self.run("create_cluster", *args)

    def destroy(self, *args, stdin=None):
        return self.run("destroy_cluster", *args, stdin=stdin)

    def client(self, service):
        return client_of(service)

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

    def execute(self, text, _parameters=None):
        if text != "SELECT 1":
            raise psycopg2.OperationalError("this one knows no tables")

    def fetchone(self):
        return (1,)

    def close(self):
        pass


@contextlib.contextmanager
def read_once():
    """Let botocore read each service's model once: reading EC2's takes longer than a whole run of a step."""
    loader = botocore.session.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_args: loader)
        yield


def parameters_kept(patch):
    """Give moto the two calls that it lacks, and an answer that knows of one."""
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
        answer = original(self)
        values.pop(self._get_param("ParameterGroupName"), None)
        return answer

    def roles(self):
        cluster = self.redshift_backend.describe_clusters(self._get_param("ClusterIdentifier"))[0]
        cluster.iam_roles_arn = [*dict.fromkeys([*cluster.iam_roles_arn, *(self._get_param("AddIamRoles") or [])])]
        for arn in self._get_param("RemoveIamRoles") or []:
            cluster.iam_roles_arn.remove(arn)
        return ActionResult({"Cluster": cluster})

    patch.setattr(RedshiftResponse, "modify_cluster_iam_roles", roles, raising=False)
    patch.setattr(RedshiftResponse, "modify_cluster_parameter_group", modify, raising=False)
    patch.setattr(RedshiftResponse, "describe_cluster_parameters", describe)
    patch.setattr(RedshiftResponse, "delete_cluster_parameter_group", delete)
    return values


def refused_as_by_aws(patch):
    """Let moto refuse what AWS refuses and moto lets pass."""
    # moto reads over the conditions of a bucket policy: one that demands TLS would deny everything.
    patch.setattr(FakeBucket, "get_permission", lambda *_args: PermissionResult.NEUTRAL)
    offered(patch)
    _no_second_group(patch, "subnet", "subnet_groups", "ClusterSubnetGroupAlreadyExists")
    _no_second_group(patch, "parameter", "parameter_groups", "ClusterParameterGroupAlreadyExists")
    _groups_in_use_stay(patch)
    _one_gateway_a_route_table(patch)
    _final_snapshots_without_tags(patch)
    _switched_once(patch)


def offered(patch, zones="abcd"):
    """Give moto the call that says in which zones a node type is to be had."""

    def describe(self):
        names = [{"Name": f"{self.region}{letter}"} for letter in zones]
        options = [
            {"ClusterType": kind, "NodeType": self._get_param("NodeType"), "AvailabilityZones": names}
            for kind in ("single-node", "multi-node")
        ]
        return ActionResult({"OrderableClusterOptions": options})

    patch.setattr(RedshiftResponse, "describe_orderable_cluster_options", describe, raising=False)


def _no_second_group(patch, kind, held, code):
    original = getattr(RedshiftBackend, f"create_cluster_{kind}_group")

    def create(self, *args, **kwargs):
        name = args[0] if args else kwargs[f"cluster_{kind}_group_name"]
        if name in getattr(self, held):
            raise RedshiftClientError(code, f"The {kind} group already exists")
        return original(self, *args, **kwargs)

    patch.setattr(RedshiftBackend, f"create_cluster_{kind}_group", create)


def _groups_in_use_stay(patch):
    """What a cluster uses cannot be deleted."""
    uses = {
        "subnet": ("InvalidClusterSubnetGroupStateFault", lambda cluster: [cluster.cluster_subnet_group_name]),
        "parameter": ("InvalidClusterParameterGroupState", lambda cluster: cluster.cluster_parameter_group_name),
    }
    for kind, (code, used) in uses.items():
        original = getattr(RedshiftBackend, f"delete_cluster_{kind}_group")

        def delete(self, name, original=original, code=code, used=used):
            if any(name in used(cluster) for cluster in self.clusters.values()):
                raise RedshiftClientError(code, "The group is in use")
            return original(self, name)

        patch.setattr(RedshiftBackend, f"delete_cluster_{kind}_group", delete)

    def delete_security_group(self, name=None, group_id=None, original=EC2Backend.delete_security_group):
        from moto.redshift.models import redshift_backends

        clusters = redshift_backends[self.account_id][self.region_name].clusters.values()
        if any(group_id in cluster.vpc_security_group_ids for cluster in clusters):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        return original(self, name, group_id)

    patch.setattr(EC2Backend, "delete_security_group", delete_security_group)


def _one_gateway_a_route_table(patch):
    """A route table has one way to S3; a token that was seen before makes no second endpoint."""

    def create(self, *args, original=EC2Backend.create_vpc_endpoint, **kwargs):
        there = [one for one in self.vpc_end_points.values() if one.state != "deleted"]
        token = kwargs.get("client_token")
        again = next((one for one in there if token and one.client_token == token), None)
        if again:
            return again
        wanted = set(kwargs.get("route_table_ids") or ())
        if any(wanted & set(one.route_table_ids or ()) for one in there):
            raise EC2ClientError("RouteAlreadyExists", "route table already has a route to the prefix list")
        return original(self, *args, **kwargs)

    patch.setattr(EC2Backend, "create_vpc_endpoint", create)


def _final_snapshots_without_tags(patch):
    """AWS documents no tags of the cluster on its final snapshot."""

    def delete(self, original=RedshiftBackend.delete_cluster, **kwargs):
        name = kwargs.get("final_cluster_snapshot_identifier")
        answer = original(self, **kwargs)
        if name:
            self.snapshots[name].tags = []
        return answer

    patch.setattr(RedshiftBackend, "delete_cluster", delete)


def _switched_once(patch):
    """Only an available cluster can be paused, and only a paused one resumed."""
    for word, wanted in (("pause", "available"), ("resume", "paused")):
        original = getattr(RedshiftBackend, f"{word}_cluster")

        def switch(self, cluster_id, original=original, wanted=wanted):
            cluster = self.clusters.get(cluster_id)
            if cluster and cluster.status != wanted:
                raise RedshiftClientError("InvalidClusterState", f"The cluster is {cluster.status}")
            return original(self, cluster_id)

        patch.setattr(RedshiftBackend, f"{word}_cluster", switch)


@contextlib.contextmanager
def on_moto(patch):
    """An empty account of moto's, and keys that open nothing else."""
    # Images of machines are no concern of ours, and reading them takes a second.
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        for name in ("KEY", "SECRET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield


def steps(folder, patch):
    """The steps on that account: calls are recorded, nothing leaves the machine, no wait takes long."""
    made = Aws(folder)
    original = botocore.client.BaseClient._make_api_call

    @functools.wraps(original)
    def record(client, operation, arguments):
        made.calls.append(f"{client.meta.service_model.service_name}:{operation}")
        return original(client, operation, arguments)

    patch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    patch.setattr(AwsTarget, "caller_ip", lambda _target: "203.0.113.7")
    patch.setattr(psycopg2, "connect", lambda **_arguments: FakeConnection())
    # Nor is there a database for COPY.
    patch.setattr(probe, "probe", lambda _target, _console: "s3://udacity-dend/log_data/one.json")
    waits_pass_at_once(patch)
    return made


def waits_pass_at_once(patch):
    """Every wait for AWS: its pauses take no time, and count all the same."""
    clock = Clock()
    patch.setattr(patience, "time", clock)
    patch.setattr("botocore.endpoint.time", clock)
    return clock


def answers(patch, operation, *scripted, then=None):
    """Script the answers to one operation.

    Args:
        patch: pytest's MonkeyPatch.
        operation: such as "DescribeClusters".
        scripted: one for each call, in their order: None for the real answer, an exception, or a function that is
            given the real call, to make or not, and gives the answer.
        then: the same for every call after these.
    """
    original, coming = botocore.client.BaseClient._make_api_call, iter(scripted)

    def call(client, called, arguments):
        answer = next(coming, then) if called == operation else None
        if isinstance(answer, ClientError):
            # As botocore does: an exception of the client's own, where its model names the code.
            raise client.exceptions.from_code(answer.response["Error"]["Code"])(answer.response, called)
        if isinstance(answer, BaseException):
            raise answer
        real = functools.partial(original, client, called, arguments)
        return answer(real) if answer else real()

    patch.setattr(botocore.client.BaseClient, "_make_api_call", call)


def refusal(code, operation="AnyCall", text="Because."):
    """What boto3 raises when AWS answers with an error."""
    return ClientError({"Error": {"Code": code, "Message": text}}, operation)


def cluster_with(**keys):
    """The real answer of DescribeClusters, with other values of some keys of each cluster."""

    def answer(call):
        real = call()
        return {**real, "Clusters": [{**cluster, **keys} for cluster in real["Clusters"]]}

    return answer


def in_state(status):
    """The real answer of DescribeClusters with another status."""
    return cluster_with(ClusterStatus=status)


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self):
        self.slept = 0.0

    def monotonic(self):
        return self.slept

    def time(self):
        return time.time()

    def sleep(self, seconds):
        self.slept += seconds


@contextlib.contextmanager
def server():
    """The address of a moto server in this process."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        yield "http://{}:{}".format(*running.get_host_and_port())
    finally:
        running.stop()


def start(folder, url, *command):
    """A step as a process in a folder of its own, on a moto server."""
    environ = clean_environment(folder, KEY="testing", SECRET="testing", AWS_ENDPOINT_URL=url)
    return subprocess.Popen(
        [sys.executable, *command, "--target", "aws"],
        env=environ | {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
