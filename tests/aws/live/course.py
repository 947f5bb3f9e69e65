"""How the checks run: in order, within a budget, and whatever happens with a removal at the end."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from botocore.exceptions import ClientError

from dwh import warehouse
from dwh.aws.errors import explained
from dwh.config import Settings
from dwh.console import Console, plain
from dwh.errors import DwhError
from dwh.provision.site import Site
from tests.aws.live.place import Place, Ran, step

OK, FAILED, ONLY_AWS, LEFT_OUT = "ok", "failed", "only AWS can say", "left out"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Failed(Exception):
    """A check did not find what it should; the text says what it found."""


class LeftOut(Exception):
    """A check cannot be made here; the text says why."""


class Stopped(KeyboardInterrupt):
    """The checks end here: Ctrl-C, SIGTERM, a closed terminal, or the end of the budget."""

    def __init__(self, number: int, over_budget: bool) -> None:
        super().__init__()
        self.reason = "the budget is used up" if over_budget else "interrupted"
        self.exit_code = 1 if over_budget else 130 if number == signal.SIGINT else 143


@dataclass
class Outcome:
    """What became of one check.

    ``seen`` is what was observed; ``alike`` is the part of it that the local target must give as well.
    """

    status: str
    note: str = ""
    seconds: float = 0.0
    seen: dict[str, Any] = field(default_factory=dict)
    alike: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """What the checks work with.

    Args:
        place: the folder with the configuration.
        console: where people read.
        site: the account and the names in it.
        nodes: of the cluster.
    """

    place: Place
    console: Console
    site: Site
    nodes: int = 1
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    """What one check leaves for a later one."""
    now: Outcome = field(default_factory=lambda: Outcome(FAILED))

    @property
    def settings(self) -> Settings:
        """The configuration as it is now."""
        return self.place.settings()

    @property
    def on_aws(self) -> bool:
        """Whether it is AWS that answers."""
        return self.place.target == "aws"

    def saw(self, **observed: Any) -> None:
        """Keep what the running check has observed."""
        self.now.seen |= observed

    def saw_alike(self, **observed: Any) -> None:
        """Keep what the running check has observed, and the local target must give as well."""
        self.now.alike |= observed

    def step(self, name: str, *args: str, code: int = 0, show: bool = False, **more: Any) -> Ran:
        """Run a step of the project on the cluster of the checks.

        Args:
            name: of the script.
            args: its options.
            code: the exit code that it must end with.
            show: show what it says, as it comes.
            more: see ``place.step``.

        Raises:
            Failed: it ended with another exit code.
        """
        ran = step(self.place, name, *args, console=self.console if show else None, **more)
        expect(ran.code == code, f"{name} ended with {ran.code}, not {code}: {complaint(ran.err)}")
        return ran

    @contextlib.contextmanager
    def session(self, *, autocommit: bool = False):
        """A cursor on a connection of its own, rolled back at the end; Ctrl-C is heard while the server works."""
        with self.place.open() as target, contextlib.closing(target.connect()) as conn:
            conn.autocommit = autocommit
            with conn.cursor() as cur, warehouse.interruptible(conn):
                yield cur


@dataclass(frozen=True)
class Check:
    """One thing that is tried.

    Args:
        name: in one word.
        work: does it and gives a note; raises ``Failed`` or ``LeftOut``. Its docstring says what has to come of it.
        settles: the open questions that it answers, by their numbers.
        needs: the checks that must not have failed before.
        minutes: that it takes on a cluster, as a guess; what needs no cluster costs nothing.
        aws_only: the local target has no answer.
        optional: only where it is asked for, or costs nothing.
    """

    name: str
    work: Callable[[Run], str | None]
    settles: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()
    minutes: float = 0.0
    aws_only: bool = False
    optional: bool = False

    @property
    def tries(self) -> str:
        """What is tried, in a sentence."""
        return str(inspect.getdoc(self.work)).partition("\n")[0].rstrip(".")


def expect(truth: Any, otherwise: str) -> None:
    """Fail the running check unless something holds."""
    if not truth:
        raise Failed(otherwise)


def run_all(run: Run, checks: list[Check], ending: list[Check], minutes: float) -> Stopped | None:
    """Run the checks, then those of the ending: the first of these removes everything, whatever happened before.

    Returns:
        What stopped the checks before their end, if something did.
    """
    stopped: list[Stopped] = []
    with heard_once(minutes) as ears:
        try:
            try:
                for check in checks:
                    attempt(run, check)
            finally:
                # From here on nothing is heard: what was made must go.
                ears.closed = True
        except Stopped as stop:
            stopped.append(stop)
        finally:
            finish(run, checks, ending, stopped)
    return stopped[0] if stopped else None


def finish(run: Run, checks: list[Check], ending: list[Check], stopped: list[Stopped]) -> None:
    """Say which checks were not reached, and remove what was made."""
    reason = stopped[0].reason if stopped else "not reached"
    for check in checks:
        run.outcomes.setdefault(check.name, Outcome(LEFT_OUT, reason))
    if not run.place.begun:
        return
    removal, *afterwards = ending
    run.console.say("Removing what was made. Ctrl-C does not stop this." if stopped else "")
    attempt(run, removal)
    for check in afterwards:
        if stopped:
            run.outcomes[check.name] = Outcome(LEFT_OUT, reason)
        else:
            attempt(run, check)


@dataclass
class Ears:
    """Whether signals are heard, and whether the next one is the end of the budget."""

    closed: bool = False
    over_budget: bool = False


@contextlib.contextmanager
def heard_once(minutes: float):
    """Let the first signal, or the end of the budget, raise ``Stopped``; what comes after it is not heard.

    So nothing keeps the removal from running: not a second Ctrl-C, not the terminal that closes. The end of the
    budget comes as SIGTERM, since that ends a statement of psycopg2 as well (``warehouse.interruptible``).
    """
    ears = Ears()

    def hear(number, _frame):
        if not ears.closed:
            ears.closed = True
            raise Stopped(number, ears.over_budget)

    def end_of_budget():
        ears.over_budget = True
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.signal(number, hear) for number in SIGNALS}
    if before[signal.SIGHUP] == signal.SIG_IGN:  # by nohup
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    timer = threading.Timer(minutes * 60, end_of_budget)
    timer.daemon = True
    timer.start()
    try:
        yield ears
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def attempt(run: Run, check: Check) -> None:
    """Run one check and keep what became of it; only ``Stopped`` goes on from here."""
    outcome = run.outcomes[check.name] = run.now = Outcome(FAILED, "cut off")
    if check.aws_only and not run.on_aws:
        outcome.status, outcome.note = ONLY_AWS, ""
        return
    if reason := unmet(run, check):
        outcome.status, outcome.note = LEFT_OUT, reason
        return
    run.console.say(f"{check.name}: {check.tries}")
    began = time.monotonic()
    try:
        with explained():
            outcome.note = check.work(run) or ""
        outcome.status = OK
    except LeftOut as gap:
        outcome.status, outcome.note = LEFT_OUT, str(gap)
    except Failed as failure:
        outcome.note = str(failure)
    except Stopped as stop:
        outcome.note = stop.reason
        raise
    except (DwhError, psycopg2.Error) as error:
        outcome.note = told(error)
    except Exception as error:
        # A fault of the check itself: it must not keep the others, and the removal, from running.
        outcome.note = f"{type(error).__name__}: {error}"
        run.console.debug(traceback.format_exc())
    finally:
        outcome.seconds = time.monotonic() - began
        word = outcome.status if outcome.status in (OK, FAILED) else "warn"
        run.console.check(word, plain(f"{check.name}{f': {outcome.note}' if outcome.note else ''}"))


def unmet(run: Run, check: Check) -> str:
    """Why a check cannot be made, or nothing: another one, that it builds on, did not end well."""
    for name in check.needs:
        found = run.outcomes.get(name)
        if found is None or found.status in (FAILED, LEFT_OUT):
            return f"needs {name}"
    return ""


def complaint(said: str) -> str:
    """The error that a step ended with, or its last line."""
    found = re.findall(r"^error: .*(?:\n  .*)*", said, re.MULTILINE)
    return " / ".join((found[-1] if found else said.strip().rpartition("\n")[2]).splitlines())


def told(error: BaseException) -> str:
    """What an error says, its details included, and the statement that the warehouse did not take."""
    if isinstance(error, psycopg2.Error):
        statement = getattr(error.cursor, "query", None) or b""
        return f"{warehouse.first_line(error)} (SQLSTATE {error.pgcode}) at: {brief(statement.decode())}"
    details = " / ".join(getattr(error, "detail", "").splitlines())
    cause = f"; {told(error.__cause__)}" if isinstance(error.__cause__, psycopg2.Error) else ""
    return f"{error}{f' ({details})' if details else ''}{cause}"


def brief(statement: str) -> str:
    """A statement in a line, cut where it gets long."""
    line = " ".join(statement.split())
    return line if len(line) <= 200 else f"{line[:200]}…"


def refusal(error: psycopg2.Error) -> dict[str, Any]:
    """What the server said of an error, to be kept."""
    return {"sqlstate": error.pgcode, "text": str(error).strip()}


def denied(error: ClientError) -> bool:
    """Whether it is about what the user may do, and not about the thing itself."""
    return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
