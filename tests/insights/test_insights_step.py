"""The step as a person runs it."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest
from made import made_star
from on_postgres import OnDatabase
from pristine import put_cfg
from star import Star

import business_insights
from dwh import cli, insights


@pytest.fixture
def run(database, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "open_target", lambda *_: OnDatabase(database))
    config = put_cfg(tmp_path)

    def run(*args):
        code = business_insights.main(["--config", str(config), "--target", "local", *args])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def filled(database):
    database.fill(made_star())


@pytest.mark.usefixtures("filled")
def test_with_no_arguments_all_are_printed(run):
    code, out, err = run()
    assert code == 0
    assert err == "a test\n"
    assert out.startswith(
        "Sparkify plays, 2018-11-01 21:30 to 2018-11-20 04:30 UTC\n21 plays · 5 listeners · 17 sessions\n"
    )
    places = [out.index(insight.question) for insight in insights.INSIGHTS]
    assert places == sorted(places)


@pytest.mark.usefixtures("filled")
def test_only_some_in_the_order_asked_for(run):
    code, out, _ = run("--only", "sessions", "top_songs", "--only", "sessions", "stickiness")
    asked = [insight.question for insight in insights.INSIGHTS if insight.question in out]
    assert code == 0
    assert len(asked) == 3
    assert out.index("How long is") < out.index("Which songs") < out.index("How much of a month")


@pytest.mark.usefixtures("filled")
def test_names_with_commas_between(run):
    assert (
        run("--only", "sessions,stickiness", "--format", "json")[1]
        == run("--only", "sessions", "stickiness", "--format", "json")[1]
    )


@pytest.mark.usefixtures("filled")
def test_limit_since_and_until(run):
    code, out, _ = run("--only", "top_listeners", "--limit", "1", "--since", "2018-11-03", "--until", "2018-11-08")
    assert code == 0
    assert "2018-11-03 00:00 to 2018-11-08 16:00 UTC" in out
    assert "1 of 3 listeners." in out


@pytest.mark.usefixtures("filled")
def test_csv_is_a_plain_table_and_nothing_else(run):
    code, out, _ = run("--only", "weekday_hour", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == 168
    assert rows[0] == {"weekday": "Mon", "hour": "0", "plays": "0", "days_observed": "3", "avg_plays": "0.0"}


@pytest.mark.usefixtures("filled")
def test_json_of_one_and_of_all(run):
    assert [row["rank"] for row in json.loads(run("--only", "top_songs", "--format", "json")[1])][:3] == [1, 2, 2]
    code, out, _ = run("--format", "json")
    assert code == 0
    assert list(json.loads(out)) == list(insights.NAMES)


@pytest.mark.usefixtures("filled")
def test_output_writes_files_and_says_which(run, tmp_path):
    code, out, err = run("--output", str(tmp_path / "out"), "--only", "level_changes", "top_locations")
    assert (code, out) == (0, "")
    names = ["level_changes.csv", "report.html", "top_locations.csv", "top_locations.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert all(name in err for name in names)


def test_csv_of_several_needs_output(run):
    code, out, err = run("--format", "csv")
    assert (code, out) == (2, "")
    assert "--only NAME" in err
    assert "--output DIR" in err


def test_an_unknown_name_is_met_with_a_suggestion(run):
    code, _, err = run("--only", "top_song", "coverage")
    assert code == 2
    assert "there is no insight top_song; did you mean top_songs?" in err
    assert "hint: python business_insights.py --list" in err


def test_days_the_wrong_way_round(run):
    assert run("--since", "2018-11-05", "--until", "2018-11-01")[0] == 2


@pytest.mark.parametrize(
    "args", [("--limit", "0"), ("--limit", "-1"), ("--limit", "x"), ("--since", "yesterday"), ("--format", "xml")]
)
def test_options_that_make_no_sense(run, args, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(*args)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "args", [("--since", "2019-01-01"), ("--until", "2018-10-01"), ("--since", "2018-11-04", "--until", "2018-11-04")]
)
def test_a_range_without_plays(run, args):
    code, out, err = run(*args)
    assert (code, out) == (1, "")
    assert "there are no plays between --since and --until" in err
    assert "hint: the warehouse holds plays from 2018-11-01 to 2018-11-20 (UTC)" in err


def test_an_empty_warehouse_says_what_to_run(run, database):
    database.fill(Star())
    code, out, err = run()
    assert (code, out) == (1, "")
    assert "hint: python etl.py" in err


def test_missing_tables_say_what_to_run(run, database):
    database.drop()
    try:
        code, out, err = run()
    finally:
        database.create()
    assert (code, out) == (1, "")
    assert "hint: python create_tables.py" in err


def test_list_needs_no_warehouse_nor_configuration(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        business_insights.main(["--list"])
    assert stopped.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(insights.NAMES)
    assert all(line.endswith("?") and len(line) <= 80 for line in lines)


def test_questions_and_names_are_each_their_own():
    assert len(set(insights.NAMES)) == 16
    assert len({insight.question for insight in insights.INSIGHTS}) == 16
    assert all(len(insight.question) + len(insight.name) < 78 for insight in insights.INSIGHTS)


def test_heavy_libraries_wait_until_they_are_used():
    """In a new interpreter, the help of the step loads none of them."""
    import subprocess

    code = (
        "import sys, business_insights as b; b.build_parser().format_help();"
        "print([m for m in ('pandas', 'matplotlib', 'psycopg2', 'boto3', 'rich', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("filled")
def test_tables_need_no_matplotlib(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run()[0] == 0
