"""The local target's process: how it starts, is found, ends, and is connected to. On real processes."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from launcher_fixtures import (  # noqa: F401
    BUCKET,
    CLUSTER,
    NAME,
    ROOT,
    available,
    create,
    gone,
    place,
    query,
    shared,
    status,
    target,
    wait_for,
)

from dwh.errors import ConfigError, TargetError
from dwh.local import endpoint
from dwh.local.redshift import processes


def test_outlives_the_step_that_started_it_and_is_found_by_the_next(place):
    script = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from launcher_fixtures import Place\n"
        "place = Place(Path(sys.argv[1])); place.target().start(); print(place.launcher())"
    )
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "local")]
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
    running = [pid for pid in psutil.pids() if processes.command_line(pid)[-1:] == [str(place.state)]]
    assert running == [place.launcher()]
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


@pytest.mark.parametrize("spelling", ["sub/../dwh.cfg", "link/dwh.cfg"])
def test_the_folder_may_be_spelt_in_another_way(place, spelling):
    (place.folder / "sub").mkdir()
    (place.folder / "link").symlink_to(place.folder)
    target = place.target(cfg=place.folder / spelling)
    target.start()
    create(target)
    launcher, database = place.launcher(), place.database()
    place.target().stop()
    assert gone(launcher)
    assert gone(database)


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
    wait_for(lambda: endpoint.free_port(state["port"]) == state["port"])
    with socket.create_server(("127.0.0.1", state["port"])) as server:

        def answer():
            conn, _ = server.accept()
            conn.recv(1000)
            conn.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"token": "another"}')
            conn.close()

        threading.Thread(target=answer, daemon=True).start()
        assert place.target().describe() == "local target · not running"


def test_two_projects_side_by_side(place, available, target):
    other = place.target()
    other.start()
    create(other)
    assert place.state_file()["port"] != available.state_file()["port"]
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


def test_no_variable_leads_a_call_elsewhere(available, monkeypatch, tmp_path):
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
    with available.target() as target:
        assert "data" in target.describe()
        assert target.client("s3").list_buckets()["Buckets"]
        assert target.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert status(target.client("redshift")) == "available"


def test_secrets_are_in_no_file_and_no_argument(available, target):
    login = target.client("redshift").get_cluster_credentials(ClusterIdentifier=NAME, DbUser="sparkify_admin")
    secrets = [CLUSTER["MasterUserPassword"].encode(), login["DbPassword"].encode()]
    texts = [path.read_bytes() for path in available.state.rglob("*") if path.is_file()]
    texts.append(" ".join(processes.command_line(available.launcher())).encode())
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_connection_speaks_to_the_cluster(available, target):
    with target.connect() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchall() == [("sparkify_admin", "sparkify")]
    assert not conn.autocommit
    conn.close()


def test_what_stands_in_the_way_of_a_connection(available, place):
    with pytest.raises(ConfigError, match="there is no cluster yet"):
        available.target(dwh_endpoint="").connect()
    with pytest.raises(ConfigError, match="belongs to the other target"):
        available.target(dwh_endpoint="sparkify-dwh.abc.us-west-2.redshift.amazonaws.com").connect()
    with pytest.raises(TargetError, match="there is no cluster no-such-cluster") as error:
        available.target(cluster_identifier="no-such-cluster").connect()
    assert error.value.hint == "python create_cluster.py"
    with pytest.raises(TargetError, match='database "elsewhere" does not exist'):
        available.target(db_name="elsewhere").connect()


def test_description_names_what_a_user_wants_to_know(shared, target):
    assert target.describe() == (
        f"local target · 127.0.0.1:{shared.state_file()['port']} · data: {shared.data} (1 log file, 1 song)"
    )
