"""The checks on AWS, tried on the local target as a person starts them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from pristine import put_cfg
from project import PLAY, ROOT, SONG, clean_environment, heed_ctrl_c, slow

from dwh.console import Console
from tests.aws.live import checks, loads, place, record, statements, together
from tests.aws.live.course import Check, Failed, Run, run_all


@pytest.fixture
def start(servers, tmp_path):
    """Start the command in a folder of its own."""
    put_cfg(tmp_path)

    def run(*args):
        options = ["--target", "local", "--config", "dwh.cfg", "--folder", "runs", *args]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.aws.live", *options],
            cwd=tmp_path,
            env=clean_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,
        )

    return run


def ended(process, timeout=300):
    said = process.communicate(timeout=timeout)[1]
    return process.returncode, said


def nothing_is_left(tmp_path):
    """No folder of a run, and no process that works in it."""
    if [found for found in (tmp_path / "runs").iterdir() if found.is_dir()]:
        return False
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return str(tmp_path) not in listed


def outcomes(said):
    """Name of the check -> its status, of the table at the end."""
    table = said.rpartition("\n\n")[0].rpartition("\n\n")[2]
    statuses = "ok|failed|only AWS can say|left out"
    return dict(re.findall(rf"^(\w+) +({statuses})\b", table, re.MULTILINE))


def test_some_of_the_checks(start, tmp_path):
    code, said = ended(start("--only", "free", "wrong_root", "explain", "tags"))
    assert code == 0, said
    assert outcomes(said) == {
        **dict.fromkeys(("identity", "sources"), "ok"),
        **dict.fromkeys(("policies", "dry_runs", "zones", "wrong_root"), "only AWS can say"),
        **dict.fromkeys(("bucket", "create", "connect", "tables", "explain", "load", "tags", "destroy"), "ok"),
        **dict.fromkeys(("gone", "bucket_again"), "only AWS can say"),
    }
    assert "10 ok, 6 only AWS can say." in said
    assert nothing_is_left(tmp_path)
    seen = record.read(tmp_path / "runs")
    assert seen["explain"]["seen"]["planned"] > 80
    assert seen["tags"]["seen"]["told"] == dict.fromkeys(("INSERT", "UPDATE", "DELETE"), seen["tags"]["seen"]["rows"])
    assert {entry["target"] for entry in seen.values()} == {"local"}
    assert not (record.HERE / record.OBSERVED).exists() or record.read()["explain"]["target"] == "aws"


@slow
def test_ctrl_c_in_the_middle_leaves_nothing(start, tmp_path):
    process = start()
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("tables: "):
            break
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    code, rest = ended(process)
    assert code == 130, "".join(said) + rest
    assert "Traceback" not in rest
    assert outcomes(rest)["destroy"] == "ok"
    assert outcomes(rest)["load"] == "left out"
    assert nothing_is_left(tmp_path)


@slow
def test_the_budget_ends_a_run_and_nothing_is_left(start, tmp_path):
    code, said = ended(start("--budget-minutes", "0.03"))
    assert code == 1, said
    assert "the budget is used up" in said
    assert outcomes(said)["destroy"] == "ok"
    assert nothing_is_left(tmp_path)


def test_the_budget_ends_a_statement_that_the_server_works_on(warehouse):
    """psycopg2 waits in C, where Python hears no signal."""

    def waiting(run):
        """It waits for a lock."""
        with run.session() as cur:
            cur.execute("LOCK load_objects")

    run = Run(place.Place(warehouse.folder, "local"), Console(err=io.StringIO()), SimpleNamespace())
    with contextlib.closing(warehouse.connect()) as conn, conn.cursor() as cur:
        cur.execute("LOCK load_objects")
        began = time.monotonic()
        stopped = run_all(run, [Check("waiting", waiting)], [], 0.02)
    assert stopped.reason == "the budget is used up"
    assert time.monotonic() - began < 20


def test_every_parameter_of_the_statements_has_a_value():
    named = {name for _, text in statements.explainable() for name in re.findall(r"%\((\w+)\)s", text)}
    assert named <= set(statements.PARAMETERS)


def test_a_statement_that_the_server_does_not_take_is_named(warehouse, monkeypatch):
    monkeypatch.setattr(statements.sql_queries, "THIS_LOAD", "SELECT no_such_column FROM load_history")
    run = Run(place.Place(warehouse.folder, "local"), Console(err=io.StringIO()), SimpleNamespace())
    run_all(run, [Check("explain", statements.explain)], [], 1)
    outcome = run.outcomes["explain"]
    assert outcome.status == "failed"
    assert outcome.note.startswith("1 refused: THIS_LOAD: ")
    assert "(SQLSTATE 42703)" in outcome.note
    assert outcome.seen["planned"] > 75


# --- What is wrong is found ---


@pytest.fixture
def run(warehouse):
    """A run on a project with tables and no rows."""
    return Run(place.Place(warehouse.folder, "local"), Console(err=io.StringIO()), SimpleNamespace())


def execute(project, statement):
    with contextlib.closing(project.connect()) as conn, conn.cursor() as cur:
        cur.execute(statement)
        conn.commit()


def test_a_star_that_changed_is_found(run, warehouse):
    with loads.unchanged(run):
        pass
    with pytest.raises(Failed, match="users changed"), loads.unchanged(run):
        execute(warehouse, "INSERT INTO users (user_id) VALUES (7)")


def test_a_star_that_differs_from_the_local_one_is_found(run, warehouse, tmp_path, monkeypatch):
    stars = iter([{"users": ["(7, 'Ada')", "(8, 'Bo')"]}, {"users": ["(7, 'Ada')"]}])
    monkeypatch.setattr(loads, "star", lambda cur: next(stars))
    with pytest.raises(Failed, match=r"users: \"\(8, 'Bo'\)\" here, '' on the local target"):
        loads.compare(run, run.place)


def test_a_lock_that_is_given_twice_is_found(run, monkeypatch):
    monkeypatch.setattr(loads.sql_queries, "LOCK_LOADS", "SELECT 1")
    with pytest.raises(Failed, match="the lock was given to both"):
        together.lock(run)


def test_a_conflict_that_a_load_would_not_try_again_is_found(run, monkeypatch):
    monkeypatch.setattr("dwh.warehouse.is_transient", lambda error: False)
    with pytest.raises(Failed, match="it would not be tried again: 1023: Serializable isolation violation"):
        together.conflict(run)


def test_an_audit_that_finds_nothing_is_found(run, warehouse, monkeypatch):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl", "-q").code == 0
    assert loads.audits_find(run) == "4 breaches found"
    blind = [
        check._replace(query="SELECT 0") if check.name == "keys_of_plays" else check
        for check in loads.sql_queries.AUDITS
    ]
    monkeypatch.setattr(loads.sql_queries, "AUDITS", blind)
    with pytest.raises(Failed, match="nothing was found by keys_of_plays"):
        loads.audits_find(run)


def test_a_step_that_ends_otherwise_is_told_with_its_error(run, warehouse):
    with pytest.raises(Failed, match=r"etl ended with 1, not 0: error: nothing is loaded yet"):
        run.step("etl", "--audit")


# --- The place ---


def test_the_data_has_a_song_that_can_come_late(tmp_path):
    spot = place.Place(tmp_path, "local")
    name, song = place.generate(spot)
    assert not (tmp_path / "data" / name).exists()
    assert len(list((tmp_path / "data" / "song_data").rglob("*.json"))) == place.SONGS
    assert any((play["song"], play["artist"]) == (song["title"], song["artist_name"]) for play in place.plays(spot))


def test_a_place_has_names_of_its_own_and_the_user_s_other_settings(tmp_path):
    user = place.Place(tmp_path, "local")
    put_cfg(tmp_path)
    (tmp_path / ".env").write_text("KEY=k\nSECRET=s\n")
    text = user.cfg.read_text()
    for key, value in {
        "node_type": "ra3.4xlarge",
        "number_of_nodes": "4",
        "db_name": "mine",
        "access": "10.0.0.0/8",
    }.items():
        text = re.sub(rf"(?m)^{key} =.*", f"{key} = {value}", text)
    user.cfg.write_text(re.sub(r"(?m)^dwh_endpoint =.*\n", "", text))
    user.target = "aws"
    spot = place.make(user.settings(), 1, tmp_path / "runs")
    made = spot.settings()
    assert re.fullmatch(r"sparkify-check-[0-9a-f]{4}", made.cluster_identifier)
    assert made.role_name == made.cluster_identifier == spot.name
    assert (made.node_type, made.number_of_nodes) == ("ra3.large", 1)
    assert (made.db_name, made.access, made.dwh_endpoint) == ("mine", "10.0.0.0/8", "")
    assert (made.key, made.secret) == ("k", "s")
    assert (spot.folder / ".env").is_symlink()
    assert spot.folder.stat().st_mode & 0o777 == 0o700
    assert place.leftovers(tmp_path / "runs") == [spot.folder]


@slow
def test_every_check_passes_here_or_only_aws_can_say(start, tmp_path):
    began = time.monotonic()
    code, said = ended(start())
    assert code == 0, said
    assert time.monotonic() - began < 240
    expected = {check.name: "only AWS can say" if check.aws_only else "ok" for check in checks.ALL}
    assert outcomes(said) == expected
    assert nothing_is_left(tmp_path)
    assert record.differences(record.read(), record.read(tmp_path / "runs")) == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_passes_the_options_on():
    def shown(*variables):
        # make test runs this too, and what it hands down would become options of ours.
        environment = {
            name: text for name, text in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        }
        command = ["make", "-n", "--no-print-directory", "aws-check", *variables]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return " ".join(ran.stdout.split())

    assert shown("TARGET=local", "YES=1", "ONLY=free probe", "NODES=2", "PAUSE=1", "BUDGET=30").endswith(
        "-m tests.aws.live --target local --yes --only free probe --nodes 2 --pause --budget-minutes 30"
    )
    assert shown().endswith("-m tests.aws.live --target aws")
