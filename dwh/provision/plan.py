"""A plan: one small object per resource, shown by a dry run and applied by a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dwh.console import Console, duration, tally
from dwh.errors import AwsError
from dwh.provision import patience
from dwh.provision.site import Site
from dwh.step import Step

# What a change is called in the line of a plan. "unknown" is what may not even be looked at: applying it looks again,
# and fails with the reason.
CHANGING = {
    "created": "would create",
    "recreated": "would recreate",
    "updated": "would update",
    "deleted": "would delete",
    "paused": "would be paused",
    "available": "would be available",
    "unknown": "unknown",
}


class NotOffered(Exception):
    """An emulator of AWS does not have a call; said as a warning."""


def nothing() -> None:
    """The effect of a change that changes nothing."""


@dataclass(frozen=True)
class Change:
    """What becomes of one resource.

    Args:
        kind: what it is, for the reader.
        name: its name.
        word: created, recreated, updated, deleted, paused, available; unchanged, exists for what is not ours and
            serves as it is, gone for what is not there, or unknown for what AWS does not let us look at.
        note: what is worth knowing about it.
        apply: makes it so.
    """

    kind: str
    name: str
    word: str
    note: str = ""
    apply: Callable[[], object] = nothing

    @property
    def planned(self) -> str:
        """The word for it in a plan."""
        return CHANGING.get(self.word, self.word)

    @property
    def changes(self) -> bool:
        """Whether applying it would change anything."""
        return self.word in CHANGING


# Looks at one resource, with reading calls only, and says what would become of it.
Planner = Callable[[Site], Change]


def show(console: Console, changes: Sequence[Change]) -> None:
    """Print a line per resource: what became of it."""
    for change in changes:
        console.line(change.kind, change.name, change.word, change.note)


def propose(step: Step, changes: Sequence[Change]) -> None:
    """Print a line per resource: what would become of it. That is the result of a dry run."""
    for change in changes if step.args.format == "table" else ():
        step.console.line(change.kind, change.name, change.planned, change.note, result=True)


def close(step: Step, changes: Sequence[Change], then: str = "") -> None:
    """The last line of a step: how many resources became what, or would; before it the JSON, where that is wanted.

    Args:
        step: a dry run or a real one.
        changes: every resource that it looked at.
        then: a sentence to end the line with.
    """
    would, then = step.args.dry_run, then or "Nothing was changed." * step.args.dry_run
    if step.args.format == "json":
        step.console.data(as_data(changes, would=would))
    ordered = sorted(changes, key=lambda change: not change.changes)
    words = [change.planned.replace("would ", "to ") if would else change.word for change in ordered]
    step.console.say(f"{'Plan: ' * would}{tally(words) or '0 changed'}. {then}".rstrip())


def as_data(changes: Sequence[Change], *, would: bool) -> dict[str, Any]:
    """What became of every resource, or would, for JSON: each in the words of its line, and how many of each word."""
    words = [change.planned if would else change.word for change in changes]
    resources = [
        {"kind": change.kind, "name": change.name, "status": word, "note": change.note}
        for change, word in zip(changes, words, strict=True)
    ]
    return {"dry_run": would, "resources": resources, "counts": Counter(words)}


def look(site: Site, planners: Sequence[Planner]) -> list[Change]:
    """Look at everything before anything is made.

    A refusal (a name taken by somebody else, a call that is not allowed) so leaves nothing behind.
    """
    return [planner(site) for planner in planners]


def apply(console: Console, site: Site, planners: Sequence[Planner], seen: Sequence[Change]) -> list[Change]:
    """Apply a plan, a line per resource.

    Returns:
        What became of each.
    """
    done = []
    for planner, before in zip(planners, seen, strict=True):
        try:
            change = settle(console, site, planner) if before.changes else before
            if before.word == "created" and change.word == "updated":
                change = before  # it belongs to what was created a moment ago
        except NotOffered as gap:
            change = replace(before, word="unchanged", note="left out")
            console.warn(str(gap))
        done.append(change)
        show(console, [change])
    return done


def settle(console: Console, site: Site, planner: Planner, *, minutes: float = 0) -> Change:
    """Make one resource what it should be, whatever becomes of the answers.

    It is looked at once more first: the ids of what comes before it are known only now. A call that fails says
    little: it may have been carried out and its answer lost, and botocore, which sends it again, then hears that
    it is there already, or gone. So the resource is looked at again, and what is as it should be is done. What
    passes by itself is waited for, with a line that says so.

    Args:
        console: shows a wait.
        site: where.
        planner: looks at the resource.
        minutes: be patient for that long at least with what passes.

    Returns:
        What was done; or what is there, if it has become another's meanwhile.

    Raises:
        AwsError: it cannot be done, or not within the time.
    """
    wanted = left = planner(site)
    with console.waiting(f"{wanted.kind} {wanted.name}") as wait:
        for elapsed in patience.turns():
            failure = _failure(left)
            if failure is None:
                break
            left = _look_again(site, planner, failure)
            if not left.changes:
                break
            seconds, why = patience.with_refusal(failure)
            limit = seconds and max(seconds, minutes * 60)
            if elapsed >= limit:
                raise failure
            wait.update(f"{why} (at most {duration(limit)})")
    return left if left.word == "exists" else wanted


def _failure(change: Change) -> Exception | None:
    """Apply a change; the refusal, if there was one."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        change.apply()
    except (AwsError, BotoCoreError, ClientError) as failure:
        return failure
    return None


def _look_again(site: Site, planner: Planner, failure: Exception) -> Change:
    """What is still to be done after a failure.

    Raises:
        AwsError: what is there now is not ours.
        Exception: the failure, when this look fails as well.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return planner(site)
    except (BotoCoreError, ClientError):
        raise failure from None
