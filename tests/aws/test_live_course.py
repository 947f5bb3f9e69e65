"""The checks on AWS: whatever happens in one of them, what was made is removed."""

from __future__ import annotations

import io
import os
import signal
import time
from types import SimpleNamespace

import psycopg2
import pytest

from dwh.console import Console
from dwh.errors import WarehouseError
from tests.aws.live import checks, free, place
from tests.aws.live.course import Check, Failed, LeftOut, Run, expect, heard_once, run_all


@pytest.fixture
def run(tmp_path):
    """A run that has begun to make something."""
    spot = place.Place(tmp_path, "aws", begun=True)
    return Run(spot, Console(err=io.StringIO()), SimpleNamespace(name="sparkify-check-test"))


def check(work, **more):
    work.__doc__ = "It is tried."
    return Check(work.__name__, work, **more)


def good(run):
    return "done"


def bad(run):
    expect(1 == 2, "one is not two")


def course(run, *works, minutes=1.0):
    """Run checks of these works, and the ending; what stopped them."""
    return run_all(run, [check(work) for work in works], [check(removal), check(afterwards)], minutes)


def removal(run):
    run.memory["removed"] = run.memory.get("removed", 0) + 1
    run.place.begun = False


def afterwards(run):
    pass


def found(run):
    return {name: (outcome.status, outcome.note) for name, outcome in run.outcomes.items()}


def test_a_failed_check_is_told_and_the_next_one_goes_on(run):
    assert course(run, bad, good) is None
    assert found(run) == {
        "bad": ("failed", "one is not two"),
        "good": ("ok", "done"),
        "removal": ("ok", ""),
        "afterwards": ("ok", ""),
    }
    assert "failed bad: one is not two" in run.console.err.getvalue()


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (WarehouseError("the warehouse refused", detail="a\nb"), "the warehouse refused (a / b)"),
        (psycopg2.ProgrammingError("no such thing"), "no such thing (SQLSTATE None) at: "),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (AssertionError(), "AssertionError: "),
    ],
)
def test_an_error_in_a_check_is_that_check_s_alone(run, error, note):
    def broken(run):
        raise error

    course(run, broken, good)
    assert found(run)["broken"] == ("failed", note)
    assert found(run)["good"] == ("ok", "done")
    assert run.memory["removed"] == 1


def test_what_builds_on_a_failed_check_is_left_out_and_the_rest_is_not(run):
    def gap(run):
        raise LeftOut("the user may not")

    rows = [check(bad), check(good, needs=("bad",)), check(gap), check(afterwards, needs=("gap",))]
    run_all(run, rows, [check(removal)], 1)
    assert found(run)["good"] == ("left out", "needs bad")
    assert found(run)["gap"] == ("left out", "the user may not")
    assert found(run)["afterwards"] == ("left out", "needs gap")
    assert found(run)["removal"] == ("ok", "")


def test_what_only_aws_can_say_is_neither_passed_nor_left_out_elsewhere(run):
    run.place.target = "local"
    run_all(run, [check(bad, aws_only=True)], [check(removal)], 1)
    assert found(run)["bad"] == ("only AWS can say", "")


@pytest.fixture
def hangup_is_heard():
    """Undo nohup, under which the tests may run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)],
    ids=lambda value: str(value),
)
@pytest.mark.usefixtures("hangup_is_heard")
def test_a_signal_ends_the_checks_and_what_was_made_is_removed(run, number, code):
    def pressed(run):
        os.kill(os.getpid(), number)
        time.sleep(30)

    before = signal.getsignal(number)
    stopped = course(run, good, pressed, bad)
    assert (stopped.exit_code, stopped.reason) == (code, "interrupted")
    assert run.memory["removed"] == 1
    assert found(run) == {
        "good": ("ok", "done"),
        "pressed": ("failed", "interrupted"),
        "bad": ("left out", "interrupted"),
        "removal": ("ok", ""),
        "afterwards": ("left out", "interrupted"),
    }
    assert signal.getsignal(number) == before


def test_the_end_of_the_budget_ends_the_checks_and_what_was_made_is_removed(run):
    def hanging(run):
        time.sleep(30)

    began = time.monotonic()
    stopped = course(run, hanging, good, minutes=0.005)
    assert time.monotonic() - began < 10
    assert (stopped.exit_code, stopped.reason) == (1, "the budget is used up")
    assert found(run)["hanging"] == ("failed", "the budget is used up")
    assert found(run)["good"] == ("left out", "the budget is used up")
    assert run.memory["removed"] == 1


def test_nothing_interrupts_the_removal(run):
    def pressed(run):
        os.kill(os.getpid(), signal.SIGINT)

    def stubborn(run):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        removal(run)

    for works in ([pressed], [good]):
        run.place.begun = True
        run_all(run, [check(work) for work in works], [check(stubborn)], 1)
        assert found(run)["stubborn"] == ("ok", "")
    assert run.memory["removed"] == 2


def test_a_crash_of_the_course_itself_does_not_keep_the_removal_from_running(run, monkeypatch):
    monkeypatch.setattr("tests.aws.live.course.unmet", lambda run, check: "" if check.name == "removal" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        course(run, good)
    assert run.memory["removed"] == 1


def test_where_nothing_was_made_nothing_is_removed(run):
    run.place.begun = False
    course(run, good)
    assert found(run) == {"good": ("ok", "done")}


def test_a_removal_that_fails_leaves_the_place_for_another_one(run):
    def failing(run):
        raise Failed("the security group stays")

    run_all(run, [], [check(failing), check(good, needs=("failing",))], 1)
    assert run.place.begun
    assert found(run)["good"] == ("left out", "needs failing")


def test_what_is_ignored_stays_ignored():
    """As under nohup: a terminal that closes does not end the checks then."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heard_once(1):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


# --- The table of the checks ---


def test_every_check_builds_on_earlier_ones_and_settles_questions_that_are_asked():
    seen = set()
    for row in checks.ALL:
        assert set(row.needs) <= seen, row.name
        assert row.name not in seen
        assert set(row.settles) <= set(checks.QUESTIONS), row.name
        assert row.tries, row.name
        seen.add(row.name)
    assert {number for row in checks.ALL for number in row.settles} == set(checks.QUESTIONS)


def test_what_is_free_needs_no_cluster_and_nothing_else_is_among_it():
    assert [row.name for row in checks.chosen(["free"], optional=False)] == [row.name for row in checks.FREE]
    assert not any(row.minutes or row.needs for row in checks.FREE)
    assert all(row.minutes for row in checks.PAID)


def test_a_named_check_comes_with_what_it_builds_on_in_order():
    assert [row.name for row in checks.chosen(["probe"], optional=False)] == ["bucket", "create", "connect", "probe"]


def test_all_but_the_optional_ones_run_unless_they_are_asked_for():
    names = [row.name for row in checks.chosen([], optional=False)]
    assert "pause" not in names
    assert [*names, "pause"] == [row.name for row in checks.chosen([], optional=True)]
    assert "pause" in [row.name for row in checks.chosen(["pause"], optional=False)]


def test_the_free_call_that_the_operators_policy_lacks_is_allowed_by_the_one_beside_it():
    assert '"access-analyzer:ValidatePolicy"' in (place.ROOT / "tests/aws/live/iam_policy.json").read_text()
    assert '"redshift:DescribeOrderableClusterOptions"' in (place.ROOT / "assets/iam_policy.json").read_text()
    assert free.EXTRA.startswith("tests/aws/live/iam_policy.json")
