"""create_cluster.py --check on the local target: what it says, and that it changes nothing."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re

from project import PLAY, SONG
from test_streams import on_terminal

import sql_queries
from dwh.target import open_target

NAMES = [
    "versions",
    "settings",
    "credentials",
    "target",
    "cluster",
    "resources",
    "work bucket",
    "data",
    "login",
    "tables",
    "last load",
    "new files",
    "space",
]
NEEDS_THE_TARGET = NAMES[4:]


def loaded(project):
    project.events("a", PLAY)
    project.songs(SONG)
    assert project.main("etl").code == 0
    return project


def state_of(project):
    """Everything that a check could change: files, the warehouse, S3, and the cluster."""
    files = {
        path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file() and ".local" not in str(path)
    }
    rows = {
        name: sorted(map(repr, project.query(f"SELECT * FROM {name}"))) for name in ("load_objects", "load_history")
    }
    with open_target(project.settings()) as target:
        s3, redshift = target.client("s3"), target.client("redshift")
        held = {
            bucket["Name"]: [(one["Key"], one["ETag"], one["LastModified"]) for one in listed.get("Contents", [])]
            for bucket in s3.list_buckets()["Buckets"]
            for listed in [s3.list_objects_v2(Bucket=bucket["Name"])]
        }
        clusters = redshift.describe_clusters()["Clusters"]
    return files, sorted(os.listdir(project.folder / ".local")), rows, project.digest(), held, clusters


def checked(ran, code=0):
    """The findings by name, of --format json."""
    assert ran.code == code, ran.out + ran.err
    content = json.loads(ran.out)
    assert content["ok"] == (code == 0)
    return {check["name"]: check for check in content["checks"]}


def statuses(findings):
    return {name: finding["status"] for name, finding in findings.items()}


def test_a_loaded_warehouse_is_well_and_nothing_is_changed(warehouse):
    loaded(warehouse)
    before = state_of(warehouse)
    ran = warehouse.step("create_cluster", "--check")
    quiet = warehouse.step("create_cluster", "--check", "-q")
    found = checked(warehouse.step("create_cluster", "--check", "--format", "json"))
    assert state_of(warehouse) == before

    assert ran.code == 0
    assert [line[8:19].strip() for line in ran.out.splitlines() if line[:1].isalpha()] == NAMES
    assert {line[:8].strip() for line in ran.out.splitlines() if line[:1].isalpha()} == {"ok"}
    assert ran.err == "13 ok, 0 warn, 0 failed, 0 skipped. Nothing was changed.\n"
    assert (quiet.err, len(quiet.out.splitlines())) == ("", len(ran.out.splitlines()))
    assert "\n                    songplays 1 row\n" in ran.out
    assert "\n                    [CLUSTER] db_port = 5439 (dwh.cfg)\n" in ran.out

    assert statuses(found) == dict.fromkeys(NAMES, "ok")
    assert all(set(one) == {"name", "status", "message", "hint", "details", "data"} for one in found.values())
    figures = {name: finding["data"] for name, finding in found.items()}
    assert set(figures["versions"]["versions"]) > {"sparkify", "Python", "boto3", "psycopg2-binary"}
    assert figures["settings"]["settings"]["[CLUSTER] db_port"] == {"value": 5439, "from": "dwh.cfg"}
    assert figures["settings"]["secrets"] == {name: {"from": None} for name in ("KEY", "SECRET", "DB_PASSWORD")}
    assert figures["target"] == {"target": "local", "account": "123456789012", "region": "us-west-2"}
    created = figures["cluster"].pop("created")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    assert figures["cluster"] == {"state": "available", "nodes": "1 × ra3.large", "cost_usd": None}
    assert figures["resources"] == {"differing": 0}
    assert figures["data"] == {"files": {"staging_events": 1, "staging_songs": 1}}
    assert (figures["login"]["host"], figures["login"]["tls"]) == ("127.0.0.1", "TLSv1.3")
    rows = {"songplays": 1, "users": 1, "songs": 1, "artists": 1, "time": 1, "load_objects": 2}
    assert figures["tables"]["rows"].items() >= rows.items()
    assert figures["last load"]["load_id"] == 1
    assert figures["new files"] == {"new": {"staging_events": 0, "staging_songs": 0}, "gone": 0}
    assert figures["space"]["used_bytes"] > 0
    assert figures["space"]["free_bytes"] > 0


def test_a_terminal_gets_lines_that_fit_and_whole_names(warehouse):
    loaded(warehouse)
    shown = on_terminal(warehouse, "create_cluster --check", columns=80).decode()
    shown = re.sub(r"\x1b\[\d+m", "", shown)
    long = [line[20:].split() for line in shown.splitlines() if len(line) > 80]
    assert all(len(words) == 1 for words in long)
    assert f"\n{' ' * 20}arn:aws:iam::123456789012:role/sparkify-redshift-s3-read\n" in shown
    assert {line[:20].strip() for line in shown.splitlines() if len(line) <= 80} >= {"ok      space", ""}


def test_only_questions_are_put_to_the_warehouse(warehouse, caplog):
    loaded(warehouse)
    caplog.set_level(logging.DEBUG, "dwh.warehouse")
    assert warehouse.main("create_cluster", "--check").code == 0
    asked = {record.args[0].split()[0] for record in caplog.records if not record.msg.startswith("--")}
    assert asked == {"SELECT", "SET"}


def test_a_load_that_is_running_is_not_waited_for(warehouse):
    loaded(warehouse)
    with contextlib.closing(warehouse.connect()) as load, load.cursor() as cur:
        cur.execute(sql_queries.LOCK_LOADS)
        found = checked(warehouse.step("create_cluster", "--check", "--format", "json", timeout=30))
    not_read = ("tables", "last load", "new files", "space")
    assert statuses(found) == dict.fromkeys(NAMES, "ok") | dict.fromkeys(not_read, "skipped")
    assert found["tables"]["message"] == "not looked at: another session has locked them, as a load does"
    assert "sparkify_admin, session " in found["tables"]["details"][0]
    with contextlib.closing(warehouse.connect()) as reader, reader.cursor() as cur:
        cur.execute("SELECT COUNT(*) FROM load_objects")
        found = checked(warehouse.main("create_cluster", "--check", "--format", "json"))
    assert statuses(found) == dict.fromkeys(NAMES, "ok")


def test_new_and_changed_files_are_named_and_not_loaded(warehouse):
    loaded(warehouse)
    warehouse.events("a", PLAY, {**PLAY, "itemInSession": 1})
    for number in range(6):
        warehouse.events(f"b{number}", {**PLAY, "sessionId": 10 + number})
    before = state_of(warehouse)
    ran = warehouse.main("create_cluster", "--check")
    assert ran.code == 0
    name = "s3://udacity-dend/log_data/2018/11/"
    indented = "\n                    "
    assert (
        f"warn    new files   7 files not loaded yet, or changed since{indented}{name}a.json{indented}{name}b0"
        in ran.out
    )
    assert f"{indented}and 2 more{indented}next: python etl.py\n" in ran.out
    assert ran.err == "12 ok, 1 warn, 0 failed, 0 skipped. Nothing was changed.\n"
    assert state_of(warehouse) == before


def test_files_that_are_loaded_and_gone_are_counted(warehouse):
    loaded(warehouse)
    warehouse.events("b", {**PLAY, "sessionId": 10})
    assert warehouse.main("etl").code == 0
    (warehouse.data / "log_data" / "2018" / "11" / "b.json").unlink()
    found = checked(warehouse.main("create_cluster", "--check", "--format", "json"))["new files"]
    assert (found["status"], found["data"]["gone"], found["hint"]) == ("warn", 1, "python etl.py --full --dry-run")
    assert found["message"] == "1 file loaded but no longer in S3, whose rows are still there"


def test_what_is_missing_is_said_with_the_next_step_and_the_rest_is_looked_at(warehouse):
    warehouse.events("a", PLAY)
    found = checked(warehouse.main("create_cluster", "--check", "--format", "json"), code=1)
    assert (found["data"]["status"], found["data"]["message"]) == (
        "failed",
        "there is no data under s3://udacity-dend/song_data/",
    )
    assert (found["last load"]["message"], found["last load"]["hint"]) == ("nothing is loaded yet", "python etl.py")
    assert (found["new files"]["status"], found["new files"]["message"]) == (
        "skipped",
        "not looked at: it needs data",
    )
    assert found["space"]["status"] == "ok"
    with warehouse.connect() as conn, conn.cursor() as cur:
        cur.execute("DROP TABLE load_songs")
        conn.commit()
    found = checked(warehouse.main("create_cluster", "--check", "--format", "json"), code=1)
    assert (found["tables"]["message"], found["tables"]["hint"]) == (
        "1 of 12 are missing: load_songs",
        "python create_tables.py",
    )
    assert found["last load"]["status"] == "skipped"


def test_a_cluster_that_is_not_as_the_configuration_has_it(warehouse):
    loaded(warehouse)
    warehouse.set("snapshot_days", "9")
    warehouse.set("db_name", "another")
    try:
        found = checked(warehouse.main("create_cluster", "--check", "--format", "json"), code=1)
    finally:
        warehouse.set("snapshot_days", "7")
        warehouse.set("db_name", "sparkify")
    assert found["resources"]["message"] == "1 of 14 are not as dwh.cfg has them"
    assert found["resources"]["details"] == [
        "the cluster sparkify-dwh exists, and dwh.cfg asks for another one",
        "db_name is sparkify on the cluster, another in dwh.cfg",
    ]
    assert found["resources"]["hint"] == "set the keys back, or python destroy_cluster.py first"
    assert found["login"]["status"] == "failed"
    assert found["tables"]["message"] == "not looked at: it needs login"
    assert found["work bucket"]["status"] == found["data"]["status"] == "ok"


def test_a_paused_cluster_is_said_and_stays_paused(warehouse):
    loaded(warehouse)
    assert warehouse.main("create_cluster", "--pause").code == 0
    try:
        ran = warehouse.main("create_cluster", "--check")
        again = warehouse.main("create_cluster", "--pause")
    finally:
        assert warehouse.main("create_cluster", "--resume").code == 0
    assert ran.code == 1
    lines = ran.out.splitlines()
    (number,) = [
        number for number, line in enumerate(lines) if line.startswith("failed  cluster     sparkify-dwh is paused:")
    ]
    assert lines[number + 1].strip() == "next: python create_cluster.py --resume"
    assert "skipped login       not looked at: it needs cluster" in lines
    assert again.err.endswith("\n1 unchanged.\n")


def test_a_target_that_was_not_made_is_said_and_not_started(folder):
    files = sorted(folder.folder.rglob("*"))
    ran = folder.step("create_cluster", "--check")
    found = checked(folder.step("create_cluster", "--check", "--format", "json"), code=1)
    assert sorted(folder.folder.rglob("*")) == files
    assert ran.code == 1
    sentence = (
        "failed  target      the local target is not running\n                    next: python create_cluster.py\n"
    )
    assert sentence in ran.out
    assert ran.err == "3 ok, 0 warn, 1 failed, 9 skipped. Nothing was changed.\n"
    assert statuses(found) == {
        **dict.fromkeys(NAMES[:3], "ok"),
        "target": "failed",
        **dict.fromkeys(NEEDS_THE_TARGET, "skipped"),
    }


def test_secrets_are_named_by_their_origin_only(folder):
    (folder.folder / ".env").write_text("KEY=AKIACANARYKEYCANARY1\nSECRET=canary/secret\nDB_PASSWORD=CanaryPassword1\n")
    (folder.folder / ".env").chmod(0o600)
    for args in (["--format", "json"], ["-v"]):
        ran = folder.step("create_cluster", "--check", "--target", "local", *args, DB_PASSWORD="CanaryPassword2")
        assert "Canary" not in ran.out + ran.err
        assert "CANARY" not in ran.out + ran.err
        assert "canary" not in ran.out + ran.err
        assert "KEY = **** (.env)" in ran.out
        assert "DB_PASSWORD = **** (environment)" in ran.out


def test_a_configuration_that_cannot_be_read_is_an_error_of_its_own(folder):
    folder.set("number_of_nodes", "many")
    ran = folder.step("create_cluster", "--check", "--format", "json")
    assert (ran.code, ran.out) == (2, "")
    assert "[CLUSTER] number_of_nodes must be a whole number" in ran.err


def test_one_of_pause_resume_and_check(folder):
    ran = folder.step("create_cluster", "--check", "--pause")
    assert ran.code == 2
    assert "not allowed with argument" in ran.err
