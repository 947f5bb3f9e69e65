"""What the checks on AWS write down: all that was seen, and nothing that must stay at home."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
from project import Project

from dwh.console import Console
from tests.aws.live import place, record
from tests.aws.live.course import FAILED, LEFT_OUT, OK, ONLY_AWS, Outcome, Run

ACCOUNT, KEY, SECRET, PASSWORD = "210987654321", "AKIACANARYKEYCANARY1", "canary/secret+canary", "CanaryPassword1"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run on AWS with secrets, whose checks have seen some of them."""
    for name, value in (("KEY", KEY), ("SECRET", SECRET), ("DB_PASSWORD", PASSWORD)):
        monkeypatch.setenv(name, value)
    folder = tmp_path / "sparkify-check-0a1b"
    folder.mkdir()
    Project(folder)
    site = SimpleNamespace(name=folder.name, account=ACCOUNT, region="us-west-2")
    return Run(place.Place(folder, "aws"), Console(err=io.StringIO()), site)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("arn:aws:iam::123456789012:role/x", "arn:aws:iam::ACCOUNT:role/x"),
        ("s3://sparkify-check-0a1b-123456789012-us-west-2/a", "s3://sparkify-check-0a1b-ACCOUNT-us-west-2/a"),
        ("tcp 5439 from 203.0.113.7/32 only", "tcp 5439 from ADDRESS/32 only"),
        ("key ASIAABCDEFGHIJKLMNOP.", "key KEY."),
        ("x.c1a2b3c4d5e6.us-west-2.redshift.amazonaws.com", "x.HOST.us-west-2.redshift.amazonaws.com"),
        (
            "ts 1542245473574, Redshift 1.0.63269, 3.4.2 20041017",
            "ts 1542245473574, Redshift 1.0.63269, 3.4.2 20041017",
        ),
        ("hidden words", "WORD words"),
    ],
)
def test_what_is_masked_and_what_is_not(text, clean):
    assert record.masked(text, {"hidden": "WORD"}) == clean


def test_nothing_secret_is_written(run, tmp_path):
    run.outcomes["create"] = Outcome(
        OK,
        f"{ACCOUNT} {SECRET}",
        seen={"deep": [{"text": f"{KEY} {PASSWORD} {run.place.folder}/dwh.cfg 203.0.113.7"}]},
        alike={"bucket": f"{run.site.name}-{ACCOUNT}"},
    )
    record.keep(run, tmp_path / "results")
    written = "".join(path.read_text() for path in (tmp_path / "results").iterdir())
    for secret in (ACCOUNT, KEY, SECRET, PASSWORD, str(tmp_path), "203.0.113.7", run.site.name):
        assert secret not in written
    seen = record.read(tmp_path / "results")["create"]
    assert seen["note"] == "ACCOUNT SECRET"
    assert seen["seen"] == {"deep": [{"text": "KEY PASSWORD FOLDER/dwh.cfg ADDRESS"}]}
    assert seen["alike"] == {"bucket": "NAME-ACCOUNT"}


def test_a_run_replaces_what_it_has_tried_and_nothing_else(run, tmp_path):
    run.outcomes |= {"create": Outcome(OK, "first"), "probe": Outcome(FAILED, "first | second\nline")}
    run.outcomes["of another version"] = Outcome(OK)
    record.keep(run, tmp_path)
    run.outcomes.clear()
    run.outcomes |= {"create": Outcome(OK, "again"), "probe": Outcome(LEFT_OUT), "zones": Outcome(ONLY_AWS)}
    page = record.keep(run, tmp_path).read_text()
    known = record.read(tmp_path)
    assert {name: seen["note"] for name, seen in known.items()} == {"create": "again", "probe": "first | second\nline"}
    assert "| ok, 0.0s: again |" in page
    assert "| failed, 0.0s: first \\| second line |" in page
    assert page.count("not run yet") == len(record.ALL) - 2
    assert page.startswith("# What AWS answered\n")
    assert f"Runs: {known['create']['on']}, us-west-2, 1 × ra3.large." in page


def test_the_page_is_that_of_what_was_observed():
    assert (record.HERE / record.RESULTS).read_text() == record.results(record.read())


def test_what_was_observed_comes_from_aws_and_holds_no_account():
    text = json.dumps(record.read())
    assert record.masked(text, {}) == text
    assert {seen["target"] for seen in record.read().values()} <= {"aws"}


def entry(**alike):
    return {"alike": alike}


def test_an_answer_of_the_local_target_that_aws_does_not_give_is_told():
    aws = {"lock": entry(sqlstate="57014"), "tags": entry(), "pause": entry(state="paused"), "same": entry(rows=7)}
    local = {"lock": entry(sqlstate="55P03"), "tags": entry(other=1), "same": entry(rows=7)}
    assert record.differences(aws, local) == ["lock: sqlstate is '57014' on AWS, '55P03' on the local target"]
