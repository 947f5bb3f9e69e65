"""A database of its own for each worker, AWS from moto in this process, and sessions on the two."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from psycopg2.extensions import connection

from dwh.local.redshift import postgres
from tests.redshift import Place, running

USER, PASSWORD, DATABASE = "tester", "Correct-Horse-1", "warehouse"
REGION, BUCKET, CLUSTER = "us-west-2", "test-bucket", "test-cluster"
ROLE = "arn:aws:iam::123456789012:role/reader"
# What another database of the user's may need, and would break a connection to ours.
VARIABLES_OF_LIBPQ = {
    "PGHOSTADDR": "192.0.2.1",
    "PGSERVICE": "elsewhere",
    "PGSSLMODE": "require",
    "PGSSLROOTCERT": "system",
    "PGSSLNEGOTIATION": "direct",
    "PGCHANNELBINDING": "require",
    "PGOPTIONS": "-c search_path=elsewhere",
    "PGCLIENTENCODING": "LATIN1",
    "PGTZ": "America/New_York",
}


@dataclass
class Aws:
    """AWS, as moto has it in this process."""

    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
            )
        return self.clients[service]

    def put(self, key: str, body: str | bytes, bucket: str = BUCKET) -> None:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def make_bucket(self, name: str, region: str = REGION) -> None:
        s3 = boto3.client("s3", region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})

    def make_role(self, name: str, policy: dict[str, Any] | None, service: str = "redshift.amazonaws.com") -> str:
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(policy))
        return str(role["Role"]["Arn"])

    def make_cluster(self, name: str, roles: list[str]) -> None:
        self.client("redshift").create_cluster(
            ClusterIdentifier=name,
            NodeType="ra3.large",
            ClusterType="single-node",
            MasterUsername=USER,
            MasterUserPassword=PASSWORD,
            DBName=DATABASE,
            IamRoles=roles,
        )


def reading(bucket: str, prefix: str = "*") -> dict[str, Any]:
    """A policy that lets a role read a bucket, or what lies under a prefix of it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/{prefix}"},
        ],
    }


@pytest.fixture(scope="session")
def endpoint(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A local Redshift, which asks the moto of this process about S3 and roles."""
    folder = tmp_path_factory.mktemp("redshift")
    with running(folder, user=USER, password=PASSWORD, database=DATABASE, region=REGION, cluster=CLUSTER) as place:
        yield place


@pytest.fixture(scope="session")
def server(endpoint: Place) -> postgres.Server:
    """The PostgreSQL behind it."""
    return endpoint.server


@pytest.fixture
def aws(servers: None) -> Iterator[Aws]:
    """AWS with one bucket, and a cluster whose role reads it."""
    with mock_aws():
        api = Aws()
        api.make_bucket(BUCKET)
        api.make_cluster(CLUSTER, [api.make_role("reader", reading(BUCKET))])
        yield api


@pytest.fixture
def connect(endpoint: Place, aws: Aws) -> Iterator[Callable[..., connection]]:
    """Opens sessions, in a schema that is empty and goes with the test."""
    opened: list[connection] = []

    def open_session(**options: Any) -> connection:
        opened.append(endpoint.connect(**options))
        return opened[-1]

    yield open_session
    for made in opened:
        made.close()
    with endpoint.plain() as plain:
        plain.cursor().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC")
    plain.close()


class Warehouse:
    """A session in autocommit, and short ways to ask it."""

    def __init__(self, connection: connection, aws: Aws) -> None:
        self.connection = connection
        self.aws = aws

    def run(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run SQL; the rows of the last statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, parameters: Any = None) -> Any:
        """The first value of the first row."""
        return self.run(sql, parameters)[0][0]

    def copy(self, body: str | bytes, options: str = "", *, columns: str = "", json: str = "'auto'") -> None:
        """Put a file into S3 and COPY it into the table ``t``."""
        self.aws.put("data/file.json", body)
        self.run(f"COPY t {columns} FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON {json} {options}")

    def loaded(self, table: str, body: str | bytes, options: str = "", **more: Any) -> list[tuple[Any, ...]]:
        """Make table ``t`` with these columns, load a file, and give its rows in the order of the first column."""
        self.run(f"DROP TABLE IF EXISTS t; CREATE TABLE t ({table})")
        self.copy(body, options, **more)
        return self.run("SELECT * FROM t ORDER BY 1")

    def errors(self) -> list[dict[str, Any]]:
        """What the last COPY left in STL_LOAD_ERRORS."""
        names = "filename line_number colname type col_length position raw_line raw_field_value err_code err_reason"
        rows = self.run(
            f"SELECT {names.replace(' ', ', ')} FROM stl_load_errors"
            " WHERE session = pg_backend_pid() AND query = pg_last_copy_id() ORDER BY filename, line_number"
        )
        return [
            dict(zip(names.split(), [v.rstrip() if isinstance(v, str) else v for v in row], strict=True))
            for row in rows
        ]

    def notices(self) -> str:
        """Every notice so far."""
        return "".join(self.connection.notices)


@pytest.fixture
def warehouse(connect: Callable[..., connection], aws: Aws) -> Warehouse:
    """A session in autocommit."""
    connection = connect()
    connection.autocommit = True
    return Warehouse(connection, aws)


@pytest.fixture(scope="module")
def plain_sql(endpoint: Place) -> Iterator[Warehouse]:
    """A session in autocommit for what asks no AWS and leaves nothing behind."""
    made = endpoint.connect()
    made.autocommit = True
    yield Warehouse(made, Aws())
    made.close()


@pytest.fixture(scope="module")
def copies(endpoint: Place) -> Iterator[Warehouse]:
    """One session in autocommit for all the loads of a module, into a table ``t`` that each makes anew."""
    with mock_aws():
        api = Aws()
        api.make_bucket(BUCKET)
        api.make_cluster(CLUSTER, [api.make_role("reader", reading(BUCKET))])
        made = endpoint.connect()
        made.autocommit = True
        warehouse = Warehouse(made, api)
        yield warehouse
        warehouse.run("DROP TABLE IF EXISTS t")
        made.close()
