"""The course of destroy_cluster.py: find what is ours, ask, delete, wait, remove the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from dwh import writeback
from dwh.aws import plan, prices, redshift, removal, waiting
from dwh.aws.plan import Change
from dwh.aws.site import Site
from dwh.cli import Step
from dwh.console import duration
from dwh.errors import AwsError, TargetError, noted

CLEARED = {"dwh_endpoint": "", "dwh_arn_role": ""}


@dataclass(frozen=True)
class Remains:
    """What is there of ours.

    Args:
        site: where; None when the target itself is not there.
        cluster: our cluster, if it exists.
        rest: everything else, in the order in which it can go.
    """

    site: Site | None
    cluster: dict[str, Any] | None
    rest: list[Change]

    @property
    def empty(self) -> bool:
        """Whether nothing of ours is there."""
        return self.cluster is None and not any(change.changes for change in self.rest)


@noted("nothing was changed")
def look(step: Step) -> Remains:
    """What is there, looked for by tags, before anything is asked or removed.

    Raises:
        ConfigError: dwh.cfg could not be written.
        AwsError: the final snapshot that is asked for cannot be made.
    """
    args = step.args
    if not args.dry_run:
        writeback.check_writable(step.settings.path)
    step.console.say(step.target.describe())
    try:
        site = Site.open(step.target, read_only=args.dry_run)
    except TargetError:
        return Remains(None, None, [])
    remains = find(site, keep_network=args.keep_network)
    if args.final_snapshot and remains.cluster and remains.cluster["ClusterStatus"] not in removal.GOING:
        removal.check_snapshot(site, args.final_snapshot)
    return remains


def find(site: Site, *, keep_network: bool) -> Remains:
    """Look for everything of ours. A cluster of our name without our tags is not ours."""
    cluster = redshift.find_cluster(site)
    rest = removal.inventory(site, keep_network=keep_network)
    if cluster is not None and not site.owns(cluster.get("Tags")):
        return Remains(site, None, [Change("Cluster", site.name, "exists", removal.NOT_OURS), *rest])
    return Remains(site, cluster, rest)


def nothing_to_do(step: Step, remains: Remains) -> None:
    """Say that nothing is there, and tidy up what costs nothing."""
    others = redshift.other_clusters(remains.site) if remains.site else []
    if not step.args.dry_run and not others:
        _clear(step)
        step.target.stop()
    name, settings = step.settings.cluster_identifier, step.settings
    step.console.say(f"Nothing to do: nothing of {name} is left in {settings.region}.")
    for other in others:
        step.console.warn(
            f"another cluster of this project is there: {other} (cluster_identifier in {settings.path.name})"
        )


def show(step: Step, remains: Remains) -> None:
    """List what will go."""
    args, console, cluster = step.args, step.console, remains.cluster
    word = "would delete" if args.dry_run else "to delete"
    console.say("To be deleted:")
    if cluster is not None:
        kept = f"its data kept in snapshot {args.final_snapshot}" if args.final_snapshot else "with all its data"
        console.line("Cluster", cluster["ClusterIdentifier"], word, f"{cluster['ClusterStatus']}, {kept}")
    plan.show(console, [replace(change, word=word) if change.changes else change for change in remains.rest])
    if args.dry_run:
        console.say("Nothing was changed.")


@noted("nothing was changed")
def confirm(step: Step, remains: Remains) -> None:
    """Ask for the name of the cluster.

    Raises:
        RefusedError: it was not typed, or nobody is there to type it.
    """
    name = step.settings.cluster_identifier
    undo = "" if step.args.final_snapshot or remains.cluster is None else " There is no undo and no snapshot."
    step.console.confirm(f"Delete this?{undo} Type {name} to confirm:", name, yes=step.args.yes)


@noted("run destroy_cluster.py again to remove the rest")
def carry_out(step: Step, remains: Remains) -> None:
    """Remove the cluster, then everything that it used.

    Raises:
        AwsError: something could not be removed; the rest is gone.
    """
    console, site = step.console, remains.site
    if site is None:
        return
    if remains.cluster is not None:
        _delete_cluster(step, site)
    left = removal.remove(console, remains.rest)
    _clear(step)
    if left:
        raise AwsError(
            f"{len(left)} of {len(remains.rest)} could not be removed",
            hint="run destroy_cluster.py again in a few minutes",
            detail="\n".join(left),
        )
    step.target.stop()
    if step.args.final_snapshot and step.target.billed:
        console.say(f"The snapshot {step.args.final_snapshot} is billed until you delete it.")
    elif step.target.billed:
        console.say("Nothing of this cluster is billed any more.")
    console.say("Gone.")


def _delete_cluster(step: Step, site: Site) -> None:
    args = step.args
    with noted(f"the cluster may still be there and billed ({prices.short(step.settings)}): run it again"):
        removal.delete_cluster(step.console, site, minutes=args.timeout, snapshot=args.final_snapshot)
    seconds = waiting.until_gone(step.console, site, minutes=args.timeout)
    step.console.line("Cluster", site.name, "deleted", f"after {duration(seconds)}")


def _clear(step: Step) -> None:
    """Empty the two keys of dwh.cfg."""
    path = step.settings.path
    before = writeback.write(path, CLEARED)
    if before:
        was = "; ".join(f"{key} was {value}" for key, value in before.items())
        step.console.line("Configuration", path.name, "updated", was)
