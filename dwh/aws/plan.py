"""A plan: one small object per resource, shown by a dry run and applied by a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dwh.aws.site import Site
from dwh.console import Console

CHANGING = {"created": "would create", "updated": "would update", "deleted": "would delete"}


class NotOffered(Exception):
    """A stand-in of AWS does not have a call; said as a warning."""


def nothing() -> None:
    """The effect of a change that changes nothing."""


@dataclass(frozen=True)
class Change:
    """What becomes of one resource.

    Args:
        kind: what it is, for the reader.
        name: its name.
        word: created, updated, deleted, unchanged, or exists for what is not ours and serves as it is.
        note: what is worth knowing about it.
        apply: makes it so.
    """

    kind: str
    name: str
    word: str
    note: str = ""
    apply: Callable[[], None] = nothing

    @property
    def changes(self) -> bool:
        """Whether applying it would change anything."""
        return self.word in CHANGING


# Looks at one resource, with reading calls only, and says what would become of it.
Planner = Callable[[Site], Change]


def show(console: Console, changes: Sequence[Change], *, would: bool = False) -> None:
    """Print a line per resource: what became of it, or what would."""
    for change in changes:
        word = CHANGING.get(change.word, change.word) if would else change.word
        console.line(change.kind, change.name, word, change.note)


def look(site: Site, planners: Sequence[Planner]) -> list[Change]:
    """Look at everything before anything is made.

    A refusal (a name taken by somebody else, a call that is not allowed) so leaves nothing behind.
    """
    return [planner(site) for planner in planners]


def apply(console: Console, site: Site, planners: Sequence[Planner], seen: Sequence[Change]) -> int:
    """Apply a plan, a line per resource.

    What has to change is looked at once more: the ids of what stands before it are known only now.

    Returns:
        How many resources changed.
    """
    changed = 0
    for planner, before in zip(planners, seen, strict=True):
        change = planner(site) if before.changes else before
        try:
            change.apply()
        except NotOffered as gap:
            change = replace(change, word="unchanged", note="left out")
            console.warn(str(gap))
        changed += change.changes
        show(console, [change])
    return changed
