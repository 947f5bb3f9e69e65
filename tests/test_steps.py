"""Every step: its help, its place in the order, and what it says when something is missing."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from project import PLAY, ROOT, SONG, STEPS, clean_environment, heed_ctrl_c


@pytest.mark.parametrize("name", STEPS)
def test_help_says_purpose_options_and_exit_codes(folder, name):
    ran = folder.step(name, "--help")
    assert ran.code == 0
    for word in ("Examples:", "--config", "--target", "exit codes: 0 done"):
        assert word in ran.out


@pytest.mark.parametrize("name", STEPS)
def test_help_says_the_default_of_every_option_with_a_value(name):
    for action in importlib.import_module(name).build_parser()._actions:
        if action.option_strings and action.nargs != 0:
            assert "(default: " in action.help, action.option_strings


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("create_cluster", "nothing is asked here"),
        ("create_tables", "with --recreate: drop tables that hold rows"),
        ("etl", "with --full: remove what is no longer in S3 (else: refuse)"),
        ("destroy_cluster", "do not ask for the name of the cluster"),
    ],
)
def test_help_says_what_yes_means_in_each_step(name, meaning):
    assert meaning in " ".join(importlib.import_module(name).build_parser().format_help().split())


@pytest.mark.parametrize("name", STEPS)
def test_help_imports_nothing_heavy(folder, name):
    heavy = ("boto3", "pandas", "resvg_py", "moto", "numpy")
    probe = (
        f"import sys, runpy; sys.argv = ['{name}.py', '--help']\n"
        f"try: runpy.run_path(r'{ROOT / name}.py', run_name='__main__')\n"
        f"except SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], env=clean_environment(folder.folder), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", STEPS)
def test_packages_that_are_not_installed(folder, name):
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / f"{name}.py")], cwd=folder.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "hint: Python 3.11 or newer and the packages are needed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", STEPS)
def test_no_configuration_file(folder, name):
    folder.cfg.unlink()
    ran = folder.step(name)
    assert ran.code == 2
    assert "there is no configuration file" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", STEPS)
def test_an_unknown_target_is_a_usage_error(folder, name):
    assert folder.step(name, "--target", "azure").code == 2


@pytest.mark.parametrize("name", ["create_tables", "etl", "business_insights"])
def test_a_step_before_create_cluster_names_it(folder, name):
    ran = folder.step(name)
    assert ran.code in (1, 2)
    assert "hint: python create_cluster.py" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", ["etl", "business_insights"])
def test_a_step_before_create_tables_names_it(cluster, name):
    with cluster.connect() as conn, conn.cursor() as cur:
        for table in ("songplays", "songs", "artists", "users", "time"):
            cur.execute(f"DROP TABLE IF EXISTS {table}")
        conn.commit()
    ran = cluster.main(name)
    assert ran.code == 1
    assert re.search(r"error: there is no table \w+ in the warehouse\nhint: python create_tables.py", ran.err)


def test_insights_of_an_empty_warehouse_name_etl(warehouse):
    ran = warehouse.main("business_insights")
    assert ran.code == 1
    assert "python etl.py" in ran.err


def test_create_tables_twice_and_recreate(warehouse):
    again = warehouse.main("create_tables")
    assert again.code == 0
    assert "Nothing to do" in again.err
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    refused = warehouse.main("create_tables", "--recreate")
    assert refused.code == 3
    assert "songplays has 1 row\n" in refused.err
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 1
    recreated = warehouse.main("create_tables", "--recreate", "--yes")
    assert recreated.code == 0
    assert re.search(r"Table +songplays +recreated  1 row dropped\n", recreated.err)
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 0
    assert re.search(r"Table +songplays +recreated\n", warehouse.main("create_tables", "--recreate").err)


def test_a_dry_run_of_recreate_shows_what_would_be_lost_and_refused(warehouse):
    empty = warehouse.main("create_tables", "--recreate", "--dry-run")
    assert "drop" not in empty.out
    assert empty.err.endswith("\nPlan: 12 to recreate. Nothing was changed.\n")
    warehouse.events("a", PLAY, {**PLAY, "itemInSession": 1})
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    ran = warehouse.main("create_tables", "--recreate", "--dry-run")
    assert ran.code == 0
    assert re.search(r"Table +songplays +would recreate would drop 2 rows\n", ran.out)
    assert re.search(r"Table +songs +would recreate would drop 1 row\n", ran.out)
    reason = "without --yes a run would be refused, since tables hold rows"
    assert ran.err.endswith(f"\nPlan: 12 to recreate. Nothing was changed; {reason}.\n")
    agreed = warehouse.main("create_tables", "--recreate", "--yes", "--dry-run")
    assert agreed.err.endswith("\nPlan: 12 to recreate. Nothing was changed.\n")
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 2


def test_create_tables_dry_run_creates_nothing(warehouse):
    with warehouse.connect() as conn, conn.cursor() as cur:
        cur.execute("DROP TABLE load_songs")
        conn.commit()
    ran = warehouse.main("create_tables", "--dry-run")
    assert re.search(r"Table +load_songs +would create\n", ran.out)
    assert ran.err.endswith("\nPlan: 1 to create, 11 exist. Nothing was changed.\n")
    assert warehouse.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'load_songs'") == 0


def test_another_data_folder_warns_of_what_was_loaded_before(warehouse, tmp_path):
    other = tmp_path / "other"
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    shutil.copytree(warehouse.data, other)
    warning = "warning: the warehouse still holds what was loaded from"
    # Nothing is loaded yet.
    assert warning not in warehouse.main("create_cluster", "--data", str(other)).err
    assert warehouse.main("etl").code == 0
    changed = warehouse.main("create_cluster", "--data", str(warehouse.data))
    assert f"{warning} {other}: python create_tables.py --recreate --yes empties it" in changed.err
    assert changed.code == 0
    assert warning not in warehouse.main("create_cluster").err


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"]])
def test_a_snapshot_that_would_keep_nothing_is_refused_before_anything_goes(warehouse, more):
    ran = warehouse.main("destroy_cluster", *more, "--final-snapshot", "snap1")
    assert ran.code == 1
    assert "error: a final snapshot cannot be made here\n" in ran.err
    assert "  nothing was changed\n" in ran.err
    assert "hint: leave out --final-snapshot: the data goes with the cluster\n" in ran.err
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 0


def test_ctrl_c_is_130_without_a_traceback(warehouse):
    warehouse.events("a", *({**PLAY, "itemInSession": number} for number in range(60_000)))
    warehouse.songs(SONG)
    step = subprocess.Popen(
        [sys.executable, str(ROOT / "etl.py")],
        cwd=warehouse.folder,
        env=clean_environment(warehouse.folder),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    line = step.stderr.readline()
    time.sleep(0.3)
    step.send_signal(signal.SIGINT)
    said = line + step.stderr.read()
    assert step.wait(30) == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 0


def unread(project, name, *args, stream="stderr"):
    """Run a step whose reader of one stream has gone away, as in ``step 2>&1 | head``."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, str(ROOT / f"{name}.py"), *args],
            cwd=project.folder,
            # Buffers are what Python stumbles over at its exit.
            env=clean_environment(project.folder, PYTHONUNBUFFERED=""),
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer},
        )
    finally:
        os.close(writer)


def test_a_load_that_nobody_listens_to_is_finished(warehouse):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert unread(warehouse, "etl").returncode == 0
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 1


def test_a_creation_that_nobody_listens_to_is_finished(cluster):
    cluster.set("dwh_endpoint", "")
    assert unread(cluster, "create_cluster").returncode == 0
    assert cluster.settings().dwh_endpoint


def test_a_destruction_that_nobody_listens_to_is_finished(servers, folder):
    folder.events("a", PLAY)
    folder.songs(SONG)
    assert folder.step("create_cluster").code == 0
    assert unread(folder, "destroy_cluster", "--yes").returncode == 0
    assert not (folder.folder / ".local").exists()
    assert folder.settings().dwh_endpoint == ""


def test_a_failure_that_nobody_hears_of_keeps_its_exit_code(folder):
    assert unread(folder, "etl").returncode == 2


@pytest.mark.parametrize("args", [[], ["--list"]], ids=["tables", "list"])
def test_a_reader_who_has_seen_enough_is_no_failure(warehouse, args):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    done = unread(warehouse, "business_insights", *args, stream="stdout")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipeError" not in done.stderr


def test_a_variable_that_wins_over_what_is_written_is_named(cluster):
    ran = cluster.step("create_cluster", "--no-probe", DWH_ENDPOINT="127.0.0.9")
    assert ran.code == 0
    assert ran.words()["Configuration"] == "unchanged"
    assert "warning: DWH_ENDPOINT (environment) wins over what was written to dwh.cfg: unset it\n" in ran.err


def test_the_two_keys_that_the_readme_promises_are_written_to_dwh_cfg(cluster):
    """On AWS: tests/aws/test_create.py."""
    text = cluster.cfg.read_text()
    assert re.search(r"(?m)^dwh_endpoint = 127\.0\.0\.1$", text)
    assert re.search(r"(?m)^dwh_arn_role = arn:aws:iam::\d{12}:role/sparkify-redshift-s3-read$", text)
