"""A local target in a folder of its own, for the tests of the launcher."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import io
import json
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pristine import put_cfg

from dwh import config
from dwh.console import Console
from dwh.local import secret
from dwh.local.redshift import homes, postgres, processes
from dwh.local.target import LocalTarget

ROOT = Path(__file__).parents[2]
NAME = "sparkify-dwh"
BUCKET = "udacity-dend"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
CLUSTER = {
    "ClusterIdentifier": NAME,
    "NodeType": "ra3.large",
    "ClusterType": "single-node",
    "DBName": "sparkify",
    "MasterUsername": "sparkify_admin",
    "MasterUserPassword": "Correct-Horse-1",
}


class Place:
    """A folder with dwh.cfg and a data folder, and the target of its steps."""

    def __init__(self, folder):
        self.folder = folder
        self.state = folder / ".local"
        self.data = folder / "data"
        put_cfg(folder)
        self.put("log_data/2018/11/2018-11-01-events.json", b'{"page": "Home"}\n')
        self.put("song_data/A/B/C/TRABC1.json", b'{"song_id": "SO1"}')

    def put(self, name, content):
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def target(self, cfg=None, **settings):
        """The target as a step would open it, perhaps with another spelling of its configuration file."""
        found = config.load(cfg or self.folder / "dwh.cfg", "local", {})
        settings = {"data_dir": self.data, "dwh_endpoint": "127.0.0.1"} | settings
        return LocalTarget(dataclasses.replace(found, **settings), Console(out=io.StringIO(), err=io.StringIO()))

    def state_file(self):
        return json.loads((self.state / "launcher.json").read_text())

    def launcher(self):
        """The id of the launcher's process."""
        return self.state_file()["pid"]

    def database(self, name=NAME):
        """The id of the process of the cluster's database."""
        home = self.state / "clusters" / f"us-west-2-{name}"
        with contextlib.suppress(OSError):
            home = Path((home / "place").read_text().strip())
        return int((home / "data" / "postmaster.pid").read_text().splitlines()[0])

    def ask(self, method, path, body=None, headers=None):
        """A request to the launcher's own paths by somebody who knows the secret; status and body."""
        state = self.state_file()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", state["port"])) as conn:
            headers = secret.credential(state["token"]) | (headers or {})
            conn.request(method, path, json.dumps(body) if body else None, headers)
            answer = conn.getresponse()
            return answer.status, answer.read()

    def inside(self, what, *about):
        """What the local Redshift is told of S3 and roles."""
        status, body = self.ask("POST", f"/_local/{what}", about)
        assert status == 200
        return json.loads(body)

    def contents(self, entries):
        """The contents of objects that it was told of."""
        for entry in entries:
            if "path" in entry:
                yield Path(entry["path"]).read_bytes()
            else:
                yield self.ask("POST", "/_local/content", [BUCKET, entry["key"]])[1]


def gone(pid):
    """Whether the process has ended."""
    return not processes.command_line(pid)


def wait_for(condition):
    """Wait until it is true; the limit is there to end a broken test."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def status(redshift, name=NAME):
    return redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"]


def create(target, **options):
    """Create a cluster and wait until it is available."""
    redshift = target.client("redshift")
    options = CLUSTER | options
    redshift.create_cluster(**options)
    wait_for(lambda: status(redshift, options["ClusterIdentifier"]) != "creating")
    assert status(redshift, options["ClusterIdentifier"]) == "available"
    return redshift


def query(target, text, **login):
    """Run one statement on the cluster's PostgreSQL, with credentials of the API unless others are given."""
    if not login:
        found = target.client("redshift").get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
        login = {"user": found["DbUser"], "password": found["DbPassword"]}
    socket = homes.place_of(target.settings.state_dir / "clusters" / f"us-west-2-{NAME}")
    with contextlib.closing(postgres.dial(socket, dbname="sparkify", **login)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []


def refused(call, code, **options):
    """The call is answered with this error; its message."""
    with pytest.raises(ClientError) as error:
        call(**options)
    assert error.value.response["Error"]["Code"] == code
    return error.value.response["Error"]["Message"]


@pytest.fixture
def place(servers, tmp_path):
    """A project whose local target is not running yet."""
    found = Place(tmp_path)
    yield found
    found.target().stop()


@pytest.fixture(scope="module")
def shared(servers, tmp_path_factory):
    """A project whose local target runs; the tests leave it as they find it."""
    found = Place(tmp_path_factory.mktemp("shared"))
    found.target().start()
    yield found
    found.target().stop()


@pytest.fixture(scope="module")
def available(shared):
    """The same with a cluster."""
    create(shared.target())
    return shared


@pytest.fixture
def target(shared):
    with shared.target() as found:
        yield found


@pytest.fixture
def redshift(target, available):
    return target.client("redshift")
