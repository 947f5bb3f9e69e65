"""The local target's process: its life, its clusters, its S3. Everything runs on real processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from botocore.exceptions import ClientError
from launcher_fixtures import (
    BUCKET,
    CLUSTER,
    NAME,
    ROOT,
    TRUST,
    Place,
    create,
    gone,
    query,
    status,
    wait_for,
)

from dwh.errors import ConfigError, TargetError
from dwh.local import postgres


@pytest.fixture
def place(tmp_path):
    """A project whose local target is not running yet."""
    found = Place(tmp_path)
    yield found
    found.target().stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A project whose cluster runs; its tests leave it as they find it."""
    found = Place(tmp_path_factory.mktemp("shared"))
    target = found.target()
    target.start()
    create(target)
    yield found
    target.stop()


@pytest.fixture
def target(shared):
    with shared.target() as found:
        yield found


@pytest.fixture
def redshift(target):
    return target.client("redshift")


def refused(call, code, **options):
    """The call is answered with this error; its message."""
    with pytest.raises(ClientError) as error:
        call(**options)
    assert error.value.response["Error"]["Code"] == code
    return error.value.response["Error"]["Message"]


# --- the process --------------------------------------------------------------------------------


def test_outlives_the_step_that_started_it_and_is_found_by_the_next(place):
    script = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from launcher_fixtures import Place\n"
        "place = Place(Path(sys.argv[1])); place.target().start(); print(place.launcher())"
    )
    paths = [str(ROOT), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", script, str(place.folder), *paths], capture_output=True, text=True, check=True
    )
    pid = int(done.stdout)
    assert not gone(pid)
    assert os.getsid(pid) == pid  # a session of its own: Ctrl-C in the step's terminal does not reach it
    assert place.target().client("sts").get_caller_identity()["Account"] == "123456789012"
    assert stat.S_IMODE((place.state / "launcher.json").stat().st_mode) == 0o600


def test_start_again_changes_nothing(place):
    place.target().start()
    first = place.launcher()
    place.target().start()
    assert place.launcher() == first


def test_two_starts_at_once_make_one_launcher(place):
    with ThreadPoolExecutor(2) as pool:
        for found in [pool.submit(place.target().start) for _ in range(2)]:
            found.result()
    running = [
        line
        for pid in Path("/proc").glob("[0-9]*")
        if "dwh.local.launcher" in (line := postgres.command_line(int(pid.name))) and str(place.state) in line
    ]
    assert len(running) <= 1  # nothing is listed where there is no /proc
    assert place.target().client("s3").list_buckets()["Buckets"][0]["Name"] == BUCKET


def test_stop_leaves_nothing_and_may_be_repeated(place):
    target = place.target()
    target.start()
    create(target)
    launcher, database = place.launcher(), place.database()
    target.stop()
    assert gone(launcher)
    assert gone(database)
    assert not place.state.exists()
    target.stop()
    assert target.describe() == "local target · not running"


def test_not_running_is_said_with_the_next_step(place):
    for call in (lambda: place.target().client("s3"), place.target().connect):
        with pytest.raises(TargetError, match="the local target is not running") as error:
            call()
        assert error.value.hint == "python create_cluster.py"


def test_killed_launcher_is_noticed_and_the_next_start_clears_up(place):
    place.target().start()
    create(place.target())
    orphan = place.database()
    os.kill(place.launcher(), signal.SIGKILL)
    wait_for(lambda: gone(place.launcher()))
    assert not gone(orphan)
    for call in (lambda: place.target().client("redshift"), place.target().connect):
        with pytest.raises(TargetError, match="the local target is not running"):
            call()
    assert place.target().describe() == "local target · not running"
    place.target().start()
    assert gone(orphan)
    assert place.target().client("redshift").describe_clusters()["Clusters"] == []


def test_stop_after_a_kill_leaves_nothing(place):
    place.target().start()
    create(place.target())
    orphan = place.database()
    os.kill(place.launcher(), signal.SIGKILL)
    place.target().stop()
    assert gone(orphan)
    assert not place.state.exists()


def test_ends_when_its_folder_is_removed(place):
    place.target().start()
    create(place.target())
    launcher, database = place.launcher(), place.database()
    shutil.rmtree(place.state)
    wait_for(lambda: gone(launcher) and gone(database))


def test_sigterm_stops_its_databases(place):
    place.target().start()
    create(place.target())
    launcher, database = place.launcher(), place.database()
    os.kill(launcher, signal.SIGTERM)
    wait_for(lambda: gone(launcher))
    assert gone(database)


def test_a_stranger_on_the_port_is_not_taken_for_it(place):
    place.target().start()
    state = place.state_file()
    os.kill(state["pid"], signal.SIGKILL)
    wait_for(lambda: postgres.free_port(state["port"]) == state["port"])
    with socket.create_server(("127.0.0.1", state["port"])) as server:

        def answer():
            conn, _ = server.accept()
            conn.recv(1000)
            conn.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"token": "another"}')
            conn.close()

        threading.Thread(target=answer, daemon=True).start()
        assert place.target().describe() == "local target · not running"


def test_two_projects_side_by_side(place, shared, target):
    other = place.target()
    other.start()
    create(other)
    assert place.state_file()["port"] != shared.state_file()["port"]
    query(other, "CREATE TABLE mine (a int)")
    assert query(target, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == [(0,)]
    ports = {
        found.client("redshift").describe_clusters()["Clusters"][0]["Endpoint"]["Port"] for found in (other, target)
    }
    assert len(ports) == 2


def test_a_start_that_fails_names_the_log(place, monkeypatch):
    place.state.mkdir()
    (place.state / "clusters").touch()  # where the launcher makes a folder
    with pytest.raises(TargetError, match="does not come up") as error:
        place.target().start()
    assert "launcher.log" in error.value.hint
    assert "FileExistsError" in error.value.detail


def test_own_paths_answer_loopback_names_only(shared):
    assert shared.ask("GET", "/_local/status", headers={"Host": "evil.example"})[0] == 403
    assert shared.ask("GET", "/_local/nonsense")[0] == 404


def test_no_variable_leads_a_call_elsewhere(shared, monkeypatch, tmp_path):
    (tmp_path / "broken").write_text("[not a profile\n")
    for name, value in {
        "AWS_PROFILE": "nobody-has-this",
        "AWS_CONFIG_FILE": str(tmp_path / "broken"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "broken"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-central-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/nonexistent",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with shared.target() as target:
        assert "data" in target.describe()
        assert target.client("s3").list_buckets()["Buckets"]
        assert target.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert status(target.client("redshift")) == "available"


def test_secrets_are_in_no_file_and_no_argument(shared, target):
    login = target.client("redshift").get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
    secrets = [CLUSTER["MasterUserPassword"].encode(), login["DbPassword"].encode()]
    texts = [path.read_bytes() for path in shared.state.rglob("*") if path.is_file()]
    texts.append(postgres.command_line(shared.launcher()).encode())
    assert not [secret for secret in secrets for text in texts if secret in text]


# --- the data folder ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ([], "there is no data folder"),
        (["log_data/2018/a.json"], "no song files under song_data/"),
        (["song_data/A/B/C/a.json"], "no log files under log_data/"),
        (["readme.txt"], "no log files under log_data/ and no song files under song_data/"),
    ],
)
def test_a_data_folder_that_will_not_do(place, left, message):
    shutil.rmtree(place.data)
    for name in left:
        place.put(name, b"{}")
    for start in (place.target().start, lambda: place.target(data_dir=None).start(place.data)):
        with pytest.raises(ConfigError, match=message) as error:
            start()
        assert str(place.data) in error.value.message
    assert not place.state.exists()


def test_no_folder_named_is_generated_sample_data(place):
    target = place.target(data_dir=None)
    target.start()
    assert "generated sample (30 log files, 1500 songs)" in target.describe()
    assert len(target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="log_data/")["Contents"]) == 30
    made = (place.state / "sample").stat().st_mtime_ns
    target.start()
    assert (place.state / "sample").stat().st_mtime_ns == made


def test_a_folder_given_once_stays(place):
    given = place.folder / "given"
    shutil.copytree(place.data, given)
    place.target().start(given)
    place.target().start()
    assert f"data: {given} (1 log files, 1 songs)" in place.target().describe()
    place.target().start(place.data)
    assert f"data: {place.data} " in place.target().describe()


def test_folder_becomes_keys_under_the_configured_prefixes(place):
    place.put("log_json_path.json", b'{"jsonpaths": []}')
    place.put("log_data/.DS_Store", b"")
    place.put("unrelated.txt", b"")
    target = place.target(
        log_data="s3://logs-bucket/some/logs/", song_data="s3://songs-bucket/s", log_jsonpath="s3://logs-bucket/p.json"
    )
    target.start()
    s3 = target.client("s3")
    keys = {
        bucket: [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        for bucket in ("logs-bucket", "songs-bucket")
    }
    assert keys == {
        "logs-bucket": ["p.json", "some/logs/2018/11/2018-11-01-events.json"],
        "songs-bucket": ["s/A/B/C/TRABC1.json"],
    }
    assert s3.get_object(Bucket="logs-bucket", Key="p.json")["Body"].read() == b'{"jsonpaths": []}'
    assert s3.get_bucket_location(Bucket="logs-bucket")["LocationConstraint"] == "us-west-2"


def test_objects_are_those_of_s3(shared, target):
    content = (shared.data / "log_data/2018/11/2018-11-01-events.json").read_bytes()
    s3, key = target.client("s3"), "log_data/2018/11/2018-11-01-events.json"
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == content
    assert found["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(content)
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=2-5")["Body"].read() == content[2:6]
    assert json.loads(s3.get_object(Bucket=BUCKET, Key="log_json_path.json")["Body"].read())["jsonpaths"][17]
    refused(s3.get_object, "NoSuchKey", Bucket=BUCKET, Key="nothing")


def test_s3_follows_the_folder_and_keeps_what_others_put(shared, target):
    def songs():
        found = target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="song_data/")["Contents"]
        return {item["Key"].rpartition("/")[2]: item["ETag"] for item in found}

    s3 = target.client("s3")
    s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="mine", Key="song_data/a", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="unload/a", Body=b"2")
    before = songs()
    shared.put("song_data/A/B/D/TRABD1.json", b"{}")
    shared.put("song_data/A/B/C/TRABC1.json", b'{"song_id": "SO2"}')
    after = songs()
    assert set(after) == {"TRABC1.json", "TRABD1.json"}
    assert after["TRABC1.json"] != before["TRABC1.json"]
    shutil.rmtree(shared.data / "song_data/A/B/D")
    s3.delete_object(Bucket=BUCKET, Key="song_data/A/B/C/TRABC1.json")
    assert set(songs()) == {"TRABC1.json"}
    assert s3.get_object(Bucket="mine", Key="song_data/a")["Body"].read() == b"1"
    assert s3.get_object(Bucket=BUCKET, Key="unload/a")["Body"].read() == b"2"


# --- the bulk read ------------------------------------------------------------------------------


def test_bulk_read_of_a_prefix_is_all_objects_in_key_order(shared, target):
    names = [f"log_data/bulk/{name}.json" for name in ("b", "a", "ä", "Z", "a0")]
    for name in names:
        shared.put(name, name.encode() * 3)
    target.client("s3").put_object(Bucket=BUCKET, Key="log_data/bulk/put", Body=b"by hand")
    found = shared.bulk(prefix="log_data/bulk/")
    listed = target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="log_data/bulk/")["Contents"]
    assert [head["key"] for head, _ in found] == [item["Key"] for item in listed]
    assert [head["etag"] for head, _ in found] == [item["ETag"] for item in listed]
    assert all(content == head["key"].encode() * 3 for head, content in found if not head["key"].endswith("put"))
    assert found[-2][1] == b"by hand"
    shutil.rmtree(shared.data / "log_data/bulk")
    target.client("s3").delete_object(Bucket=BUCKET, Key="log_data/bulk/put")


def test_bulk_read_of_keys_keeps_their_order_and_says_what_is_missing(shared, target):
    keys = ["song_data/A/B/C/TRABC1.json", "nothing", "log_json_path.json", "song_data/A/B/C/TRABC1.json"]
    found = shared.bulk(keys=keys)
    assert [head["key"] for head, _ in found] == keys
    assert [head["size"] > 0 for head, _ in found] == [True, False, True, True]
    assert found[1][0]["size"] == -1
    assert found[0][1] == (shared.data / keys[0]).read_bytes()


def test_bulk_read_of_big_and_empty_objects(shared, target):
    content = os.urandom(1 << 16) * 40
    shared.put("log_data/big/1.json", content)
    shared.put("log_data/big/2.json", b"")
    target.client("s3")
    found = shared.bulk(prefix="log_data/big/")
    assert [body for _, body in found] == [content, b""]
    assert found[0][0]["etag"] == f'"{hashlib.md5(content).hexdigest()}"'
    shutil.rmtree(shared.data / "log_data/big")


def test_bulk_read_of_a_file_that_went_away(shared, target):
    shared.put("log_data/gone/1.json", b"{}")
    shared.put("log_data/gone/2.json", b"{}")
    target.client("s3")
    (shared.data / "log_data/gone/1.json").unlink()
    assert [head["size"] for head, _ in shared.bulk(prefix="log_data/gone/")] == [-1, 2]
    shutil.rmtree(shared.data / "log_data/gone")


def test_bulk_read_of_an_unknown_bucket(shared):
    assert shared.ask("POST", "/_local/objects", {"bucket": "no-such-bucket", "prefix": ""})[0] == 404
    assert shared.bulk(prefix="no/such/prefix") == []


# --- clusters -----------------------------------------------------------------------------------


def test_life_of_a_cluster(target, shared):
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
    database = shared.database("another")
    postgres.connect(
        port=found["Endpoint"]["Port"], dbname="sparkify", user="sparkify_admin", password="Other-Horse-22"
    ).close()
    gone_soon = redshift.delete_cluster(ClusterIdentifier="another", SkipFinalClusterSnapshot=True)["Cluster"]
    assert gone_soon["ClusterStatus"] == "deleting"
    wait_for(lambda: len(redshift.describe_clusters()["Clusters"]) == 1)
    assert gone(database)
    refused(redshift.describe_clusters, "ClusterNotFound", ClusterIdentifier="another")
    redshift.get_waiter("cluster_deleted").wait(
        ClusterIdentifier="another", WaiterConfig={"Delay": 1, "MaxAttempts": 5}
    )


def test_pause_resume_and_reboot_keep_the_data(shared, target, redshift):
    query(target, "CREATE TABLE kept AS SELECT 1 AS a")
    database = shared.database()
    assert redshift.pause_cluster(ClusterIdentifier=NAME)["Cluster"]["ClusterStatus"] == "pausing"
    wait_for(lambda: status(redshift) == "paused")
    assert gone(database)
    refused(redshift.pause_cluster, "InvalidClusterState", ClusterIdentifier=NAME)
    with pytest.raises(TargetError, match="is paused"):
        target.connect()
    redshift.resume_cluster(ClusterIdentifier=NAME)
    wait_for(lambda: status(redshift) == "available")
    refused(redshift.resume_cluster, "InvalidClusterState", ClusterIdentifier=NAME)
    assert redshift.reboot_cluster(ClusterIdentifier=NAME)["Cluster"]["ClusterStatus"] == "rebooting"
    wait_for(lambda: status(redshift) == "available")
    assert query(target, "SELECT a FROM kept") == [(1,)]
    query(target, "DROP TABLE kept")


@pytest.mark.parametrize("asked", ["describe", "credentials"])
def test_killed_database_comes_back_with_its_data(shared, target, redshift, asked):
    query(target, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a")
    os.kill(shared.database(), signal.SIGKILL)
    if asked == "describe":
        assert status(redshift) == "available"
    else:
        redshift.get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
    assert query(target, "SELECT count(*) FROM kept") == [(1000,)]
    query(target, "DROP TABLE kept")


def test_a_database_that_does_not_start_is_a_failure_and_not_an_endless_wait(shared, target, redshift):
    (shared.state / "clusters" / "us-west-2-broken").touch()  # where its folder should be
    redshift.create_cluster(**CLUSTER | {"ClusterIdentifier": "broken"})
    wait_for(lambda: status(redshift, "broken") != "creating")
    found = redshift.describe_clusters(ClusterIdentifier="broken")["Clusters"][0]
    assert found["ClusterStatus"] == "hardware-failure"
    assert "Endpoint" not in found
    assert "broken" in (shared.state / "launcher.log").read_text()
    (shared.state / "clusters" / "us-west-2-broken").unlink()
    redshift.delete_cluster(ClusterIdentifier="broken", SkipFinalClusterSnapshot=True)
    wait_for(lambda: len(redshift.describe_clusters()["Clusters"]) == 1)


def test_wanted_port_is_taken_when_it_is_free_and_left_when_not(place):
    port = next(port for port in range(8191, 8216) if postgres.free_port(port) == port)
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


def test_final_snapshot_is_recorded(target, redshift):
    create(target, ClusterIdentifier="brief")
    for code, options in {
        "InvalidParameterCombination": {},
        "ClusterNotFound": {"ClusterIdentifier": "missing", "SkipFinalClusterSnapshot": True},
    }.items():
        refused(redshift.delete_cluster, code, **{"ClusterIdentifier": "brief"} | options)
    redshift.delete_cluster(ClusterIdentifier="brief", FinalClusterSnapshotIdentifier="last")
    wait_for(lambda: len(redshift.describe_clusters()["Clusters"]) == 1)
    found = redshift.describe_cluster_snapshots(SnapshotIdentifier="last")["Snapshots"]
    assert [item["ClusterIdentifier"] for item in found] == ["brief"]


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


def test_network_calls_that_provisioning_needs(target):
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


# --- connecting ---------------------------------------------------------------------------------


def test_connection_speaks_to_the_cluster(target):
    with target.connect() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchall() == [("sparkify_admin", "sparkify")]
    assert not conn.autocommit
    conn.close()


def test_what_stands_in_the_way_of_a_connection(shared, place):
    with pytest.raises(ConfigError, match="there is no cluster yet"):
        shared.target(dwh_endpoint="").connect()
    with pytest.raises(ConfigError, match="belongs to the other target"):
        shared.target(dwh_endpoint="sparkify-dwh.abc.us-west-2.redshift.amazonaws.com").connect()
    with pytest.raises(TargetError, match="there is no cluster no-such-cluster") as error:
        shared.target(cluster_identifier="no-such-cluster").connect()
    assert error.value.hint == "python create_cluster.py"
    with pytest.raises(TargetError, match='database "elsewhere" does not exist'):
        shared.target(db_name="elsewhere").connect()


def test_description_names_what_a_user_wants_to_know(shared, target):
    assert target.describe() == (
        f"local target · 127.0.0.1:{shared.state_file()['port']} · data: {shared.data} (1 log files, 1 songs)"
    )
