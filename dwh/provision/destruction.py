"""The course of destroy_cluster.py: find what is ours, ask, delete, wait, remove the rest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import sql_queries
from dwh import fit, writeback
from dwh.aws.errors import THEN_AGAIN, explained, noted
from dwh.commands import CREATE, DESTROY
from dwh.console import duration, plural
from dwh.errors import AwsError, ConfigError, DwhError, TargetError
from dwh.provision import plan, prices, redshift, removal, waiting
from dwh.provision.plan import Change
from dwh.provision.removal import Thing
from dwh.provision.site import Site
from dwh.step import Step

# A question must not wait for a statement.
COUNTING_SECONDS = 10
CLEARED = {"dwh_endpoint": "", "dwh_arn_role": ""}
# Hints that help create_cluster.py, or say what is said anyway.
NO_REMEDIES = ("", CREATE, "run the step again")


@dataclass(frozen=True)
class Remains:
    """What is there.

    Args:
        site: where; None when the target itself is not there.
        cluster: the cluster of our name, if it carries our tags.
        stranger: whether a cluster of our name is there that is not ours.
        rest: everything else and what becomes of it, in the order in which it can go.
    """

    site: Site | None
    cluster: dict[str, Any] | None = None
    stranger: bool = False
    rest: list[tuple[Thing, Change]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing is there that this project made."""
        return self.cluster is None and not any(change.changes for _, change in self.rest)


def look(step: Step) -> Remains:
    """What is there, looked for by tags, before anything is asked or removed.

    Raises:
        AwsError: the cluster cannot be looked at, or the final snapshot that is asked for cannot be made.
    """
    args = step.args
    with noted(prices.nothing_changed(step)):
        step.console.say(step.target.describe())
        try:
            site = Site.open(step.target, read_only=args.dry_run)
        except TargetError:
            return Remains(None)
        remains = find(site, keep_network=args.keep_network)
        if args.final_snapshot and remains.cluster and remains.cluster["ClusterStatus"] not in removal.GOING:
            removal.check_snapshot(site, args.final_snapshot)
        return remains


def find(site: Site, *, keep_network: bool) -> Remains:
    """Look for everything that this project made. A cluster of our name without our tags is not ours."""
    cluster = redshift.find_cluster(site)
    ours = cluster if cluster is not None and site.owns(cluster.get("Tags")) else None
    looked = [(thing, removal.look(thing, site)) for thing in removal.things(site, ours, keep_network=keep_network)]
    there = [(thing, change) for thing, change in looked if change.word != removal.GONE]
    return Remains(site, ours, cluster is not None and ours is None, there)


def nothing_to_do(step: Step, remains: Remains) -> None:
    """Say that nothing is there, and tidy up what costs nothing."""
    name, settings, console = step.settings.cluster_identifier, step.settings, step.console
    others = redshift.other_clusters(remains.site) if remains.site else []
    changes = [change for _, change in remains.rest]
    cleared = []
    if not step.args.dry_run and not others:
        cleared = _clear(step)
        step.target.stop()
    _tell_of_stranger(step, remains)
    if step.args.dry_run:
        plan.propose(step, changes)
    else:
        plan.show(console, changes)
    changes += cleared
    if remains.site and step.target.billed and not step.args.dry_run:
        changes += _tag_snapshot(step, remains.site)
    nothing = "nothing else" if remains.stranger or remains.rest else "nothing"
    console.say(f"Nothing to do: {nothing} of {name} is left in {settings.region}.")
    for other in others:
        console.warn(f"another cluster of this project is there: {other} (cluster_identifier in {settings.path.name})")
    _tell_what_stays(step, remains)
    plan.close(step, changes)


def _tell_of_stranger(step: Step, remains: Remains) -> None:
    if remains.stranger:
        name = step.settings.cluster_identifier
        step.console.warn(f"a cluster {name} is there without our tags: it is not ours, and left as it is")


def show(step: Step, remains: Remains) -> None:
    """List what will go: the plan of a dry run, or what comes before the question."""
    args, console, cluster, word = step.args, step.console, remains.cluster, "to delete"
    changes = [change for _, change in remains.rest]
    if cluster is not None:
        kept = f"its data kept in snapshot {args.final_snapshot}" if args.final_snapshot else "with all its data"
        note = f"{cluster['ClusterStatus']}, {kept}"
        changes.insert(0, Change("Cluster", cluster["ClusterIdentifier"], "deleted", note))
    console.say("To be deleted:")
    if args.dry_run:
        plan.propose(step, changes)
        _tell_of_stranger(step, remains)
        plan.close(step, changes)
    else:
        plan.show(console, [replace(change, word=word) if change.word == "deleted" else change for change in changes])
        _tell_of_stranger(step, remains)


def confirm(step: Step, remains: Remains) -> None:
    """Ask for the name of the cluster, unless it is being deleted already.

    Raises:
        RefusedError: it was not typed, or there is no terminal.
    """
    name, cluster = step.settings.cluster_identifier, remains.cluster
    if cluster is not None and cluster["ClusterStatus"] in removal.GOING:
        step.console.say(f"The deletion of {name} is under way: it is waited for, then the rest goes.")
        return
    if not step.args.yes and step.console.stdin.isatty():
        step.console.tell(fit.wrapped(_stakes(step, remains), step.console.width))
    with noted(prices.nothing_changed(step)):
        step.console.confirm(f"Type {name} to confirm:", name, yes=step.args.yes)


def _stakes(step: Step, remains: Remains) -> str:
    """Where the cluster is, what it holds and what it has cost, for the user who is asked."""
    cluster, site = remains.cluster, remains.site
    where = f"account {site.account}, {site.region}" if site and step.target.billed else "the local target"
    if cluster is None:
        return f"This is {where}: there is no cluster."
    cost = prices.so_far(cluster) if step.target.billed else "nothing"
    held = f"The cluster holds {_rows(step, cluster)}" + (f", and has cost {cost}" if cost else "")
    undo = "" if step.args.final_snapshot else " There is no undo and no snapshot."
    return f"This is {where}. {held}.{undo}"


def _rows(step: Step, cluster: dict[str, Any]) -> str:
    """How many rows go with the cluster, as far as it says so within seconds."""
    import psycopg2

    from dwh import warehouse

    unknown = "rows that could not be counted"
    if not waiting.connectable(cluster):
        return unknown
    try:
        with closing(step.target.connect()) as conn, conn.cursor() as cur:
            warehouse.limit(cur, COUNTING_SECONDS)
            tables = warehouse.existing(cur)
            counts = [warehouse.value(cur, warehouse.on_table(sql_queries.COUNT_ROWS, table)) for table in tables]
    except (psycopg2.Error, DwhError):
        return unknown
    return f"{plural(sum(counts), 'row')} in {plural(len(tables), 'table')}"


def carry_out(step: Step, remains: Remains) -> None:
    """Remove the cluster, then everything that it used.

    Raises:
        AwsError: something could not be removed; the rest is gone.
    """
    console, site = step.console, remains.site
    if site is None:
        return
    done = [_delete_cluster(step, site)] if remains.cluster is not None else []
    before = "the cluster was deleted" if remains.cluster else "there was no cluster to delete"
    with noted(f"{before}; run {DESTROY} again to remove the rest"):
        done += _tag_snapshot(step, site)
        removed, left = removal.remove(console, site, remains.rest)
        if left:
            raise _not_removed(left, len(remains.rest))
    with noted(f"run {DESTROY} again to make sure that nothing is left"):
        _look_for_another(step, site)
    done += [*removed, *_clear(step)]
    step.target.stop()
    _tell_what_stays(step, remains)
    plan.close(step, done, "Gone.")


def _delete_cluster(step: Step, site: Site) -> Change:
    args, console = step.args, step.console
    billed = prices.if_billed(step, " and billed")
    with noted(f"the cluster may still be there{billed}: run {DESTROY} again"):
        deletion = partial(removal.plan_cluster, snapshot=args.final_snapshot)
        plan.settle(console, site, deletion, minutes=args.timeout)
    billed = prices.if_billed(step, ", and it is billed until then")
    with noted(f"the deletion of the cluster goes on{billed}; run {DESTROY} again to remove the rest"):
        seconds = waiting.until_gone(console, site, minutes=args.timeout)
    done = Change("Cluster", site.name, "deleted", f"after {duration(seconds)}")
    plan.show(console, [done])
    return done


def _tag_snapshot(step: Step, site: Site) -> list[Change]:
    """Mark the final snapshot as ours, if there is to be one. A refusal is a warning: it keeps the data all the same.

    The same command tries it again, also when nothing else is left to do.
    """
    name = step.args.final_snapshot
    if not name:
        return []
    try:
        with explained():
            change = plan.settle(step.console, site, partial(removal.plan_snapshot, name=name))
    except AwsError as error:
        step.console.warn(f"the snapshot {name} does not carry our tags: {error.message} ({error.hint})")
        return []
    plan.show(step.console, [change])
    return [change]


def _not_removed(left: Sequence[tuple[Thing, DwhError]], count: int) -> AwsError:
    """What is left and why, and what helps before the next run."""
    hints = dict.fromkeys(error.hint.removesuffix(THEN_AGAIN) for _, error in left)
    remedies = [hint for hint in hints if hint not in NO_REMEDIES] or ["wait a few minutes"]
    lines = [[f"{thing.kind} {thing.name}: {error.message}", error.detail] for thing, error in left]
    return AwsError(
        f"{len(left)} of {count} could not be removed",
        hint=f"{'; '.join(remedies)}, then run {DESTROY} again",
        detail="\n".join(text for line in lines for text in line if text),
    )


def _look_for_another(step: Step, site: Site) -> None:
    """Make sure of what the last lines say: create_cluster.py may have run meanwhile.

    Raises:
        AwsError: the cluster was created again.
    """
    cluster = redshift.find_cluster(site)
    if cluster is not None and site.owns(cluster.get("Tags")):
        billed = prices.if_billed(step, ", and is billed")
        raise AwsError(f"a cluster {site.name} was created meanwhile{billed}", hint=f"{DESTROY} again")


def _tell_what_stays(step: Step, remains: Remains) -> None:
    """What is left in spite of everything, and costs money: nothing, or snapshots."""
    console, site, name = step.console, remains.site, step.settings.cluster_identifier
    if site is None or not step.target.billed:
        return
    try:
        with noted("everything was removed but for snapshots, if there are any"):
            kept = redshift.snapshots(site, ours=remains.stranger)
    except AwsError as error:
        console.warn(f"whether snapshots of {name} are there and billed is not known: {error.message}")
        return
    for snapshot in kept:
        console.warn(
            f"the snapshot {snapshot} is billed until you delete it: {redshift.unkeep_command(site, snapshot)}"
        )
    if not kept and not remains.stranger:
        console.say("Nothing of this cluster is billed any more.")


def _clear(step: Step) -> list[Change]:
    """Empty the two keys of dwh.cfg; where it cannot be written they stay, and are said."""
    path = step.settings.path
    try:
        before = writeback.write(path, CLEARED)
    except ConfigError as error:
        step.console.warn(f"{error.message}; {' and '.join(CLEARED)} stay in it: empty them by hand")
        return []
    was = "; ".join(f"{key} was {value}" for key, value in before.items())
    done = [Change("Configuration", path.name, "updated", was)] if before else []
    plan.show(step.console, done)
    return done
