"""The step as a person runs it."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import webbrowser
from types import SimpleNamespace

import pytest
from made import made_star
from on_postgres import OnDatabase
from pristine import put_cfg
from star import Star

import business_insights
from dwh import cli, insights
from dwh.aws.target import AwsTarget
from dwh.config import load
from dwh.console import Console
from dwh.insights import ask

NAMES = [question.name for question in insights.questions()]


@pytest.fixture
def target(database):
    return OnDatabase(database)


@pytest.fixture
def run(target, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "open_target", lambda *_: target)
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
    assert err == f"a test\n{len(NAMES)} answered.\n"
    assert out.startswith(
        "Sparkify listening, 2018-11-01 21:30 to 2018-11-20 04:30 UTC\n"
        "21 plays · 5 listeners · 17 sessions\nLoad 7, published 2018-12-01 06:30 UTC\n\nIn short\n1. "
    )
    places = [out.index(question.title) for question in insights.questions()]
    assert places == sorted(places)


@pytest.mark.usefixtures("filled")
def test_only_some_in_the_order_asked_for(run):
    code, out, _ = run("--only", "sessions", "top_songs", "--only", "sessions", "stickiness")
    asked = [question.title for question in insights.questions() if question.title in out]
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
    assert "1 of 3 listeners, by plays." in out


@pytest.mark.usefixtures("filled")
def test_csv_is_a_plain_table_and_nothing_else(run):
    code, out, _ = run("--only", "weekday_hour", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == 168
    assert rows[0] == {"weekday": "Mon", "hour": "0", "plays": "0", "days_observed": "3", "avg_plays": "0.0"}


@pytest.mark.usefixtures("filled")
def test_json_of_one_and_of_all(run):
    assert [row["rank"] for row in json.loads(run("--only", "top_songs", "--format", "json")[1])["top_songs"]][:3] == [
        1,
        2,
        2,
    ]
    code, out, _ = run("--format", "json")
    assert code == 0
    assert list(json.loads(out)) == NAMES


@pytest.mark.usefixtures("filled")
def test_output_writes_files_and_says_which(run, tmp_path):
    code, out, err = run("--output", str(tmp_path / "out"), "--only", "level_changes", "top_locations")
    assert code == 0
    names = ["level_changes.csv", "level_changes.png", "level_changes.svg", "report.html"]
    names += ["top_locations.csv", "top_locations.png", "top_locations.svg"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert all(name in err for name in names)
    assert err.splitlines()[-1] == "7 created."
    report = f"Report: {(tmp_path / 'out' / 'report.html').as_uri()}"
    assert re.fullmatch(r"Loaded: \d+ plays · \d+ listeners · \d+ sessions, \S+ to \S+ \(UTC\)\n" + report + "\n", out)


@pytest.mark.usefixtures("filled")
def test_a_quiet_report_says_what_it_shows_that_it_is_generated_and_where_it_is(run, target, tmp_path):
    target.is_sample = True
    code, out, err = run("--output", str(tmp_path), "--only", "sessions", "--since", "2018-11-05", "--quiet")
    assert (code, err) == (0, "")
    shown, generated, report = out.splitlines()
    assert shown.startswith("In this range: ")
    assert generated == "The data is generated: a sample."
    assert report.startswith("Report: file://")


@pytest.mark.usefixtures("filled")
def test_files_that_a_run_did_not_renew_are_named(run, tmp_path):
    run("--output", str(tmp_path), "--only", "top_locations", "sessions")
    (tmp_path / "mine.csv").write_text("")
    _, _, err = run("--output", str(tmp_path), "--only", "sessions", "--format", "json")
    left = [line.split()[1].rpartition("/")[2] for line in err.splitlines() if line.endswith("not renewed")]
    assert left == ["top_locations.csv", "top_locations.svg", "top_locations.png", "sessions.csv"]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("there", [True, False])
def test_open_opens_the_report_where_there_is_a_browser(run, tmp_path, monkeypatch, there):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or there)
    code, _, err = run("--output", str(tmp_path), "--only", "sessions", "--open")
    assert (code, opened) == (0, [(tmp_path / "report.html").as_uri()])
    assert ("there is no browser" in err) is not there


def test_open_needs_a_report(run):
    code, _, err = run("--open")
    assert code == 2
    assert "--output DIR" in err


@pytest.mark.usefixtures("filled")
def test_generated_data_is_said_above_the_tables_and_on_the_page(run, target, tmp_path):
    target.is_sample = True
    assert run("--only", "sessions")[1].startswith("SAMPLE DATA: every listener, song and play below is generated.\n")
    run("--only", "songs_heard", "--limit", "3", "--output", str(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert "<title>SAMPLE · Sparkify listening, 1 to 20 November 2018</title>" in page
    assert "SAMPLE DATA: every listener, song and play on this page is generated." in page
    assert "Source: a test, made data · Load 7, published 2018-12-01 06:30 UTC · --only songs_heard --limit 3" in page
    assert "18 of 20 days in full · 1 of 18 questions" in page
    assert "SAMPLE · " in (tmp_path / "songs_heard.svg").read_text()
    target.is_sample = False
    assert "SAMPLE" not in run()[1]


@pytest.mark.usefixtures("filled")
def test_a_load_that_holds_its_history_is_not_waited_for(run, database, monkeypatch):
    monkeypatch.setattr(ask, "HISTORY_SECONDS", 0.2)
    with database.plain() as conn, conn.cursor() as cur:
        cur.execute("LOCK load_history")
        code, out, _ = run("--only", "sessions")
        conn.rollback()
    assert code == 0
    assert "published" not in out


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


@pytest.mark.parametrize(
    ("data_dir", "said"),
    [("", "The data is generated: a sample."), ("mine", "The data is not the generated sample.")],
)
def test_list_needs_no_warehouse_and_says_whether_the_data_is_generated(tmp_path, capsys, data_dir, said):
    config = put_cfg(tmp_path)
    config.write_text(re.sub(r"(?m)^data_dir =.*$", f"data_dir = {data_dir}", config.read_text()))
    assert business_insights.main(["--list", "--config", str(config), "--target", "local"]) == 0
    *lines, empty, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.endswith("?") and len(line) <= 80 for line in lines)
    assert (empty, last) == ("", said)


def test_a_report_from_aws_names_no_address_and_no_whole_account(tmp_path, monkeypatch):
    sts = SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012"})
    monkeypatch.setattr(AwsTarget, "client", lambda *_: sts)
    with AwsTarget(load(put_cfg(tmp_path), "aws", {}), Console()) as target:
        said = "Amazon Redshift, cluster sparkify-dwh, database sparkify, us-west-2, account …9012"
        assert (target.provenance(), target.generated()) == (said, False)


def test_questions_and_names_are_each_their_own():
    assert len({question.title for question in insights.questions()}) == len(NAMES) == 18
    assert NAMES[:4] == ["songs_heard", "artists_heard", "top_songs", "top_artists"]
    assert all(len(question.title) + len(question.name) < 78 for question in insights.questions())


def test_heavy_libraries_wait_until_they_are_used():
    """In a new interpreter, the help of the step loads none of them."""
    import subprocess

    code = (
        "import sys, business_insights as b; b.build_parser().format_help();"
        "print([m for m in ('pandas', 'resvg_py', 'psycopg2', 'boto3', 'rich', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("filled")
def test_tables_need_nothing_that_draws(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert run()[0] == 0
