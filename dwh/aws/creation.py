"""The course of create_cluster.py: plan, apply, wait, write down, try a connection."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dwh import writeback
from dwh.aws import iam, network, plan, prices, redshift, storage, waiting
from dwh.aws.errors import explained
from dwh.aws.site import Site
from dwh.cli import Step
from dwh.config import Settings
from dwh.console import duration
from dwh.errors import AwsError, DwhError, TargetError
from dwh.target import open_target

if TYPE_CHECKING:
    from dwh.aws.plan import Change, Planner

DESTROY = "python destroy_cluster.py"

# In this order: each needs the ones before it.
RESOURCES: tuple[Planner, ...] = (
    storage.plan_bucket,
    storage.plan_bucket_rules,
    iam.plan_role,
    iam.plan_policy,
    network.plan_endpoint,
    network.plan_group,
    network.plan_rules,
    redshift.plan_subnet_group,
    redshift.plan_parameter_group,
    redshift.plan_parameters,
    redshift.plan_cluster,
)
# These need a cluster that is available.
AFTERWARDS: tuple[Planner, ...] = (redshift.plan_logging,)


@contextmanager
def prepared(step: Step) -> Iterator[Site | None]:
    """The site of the step, with all that can be checked before anything is made.

    It is None in a dry run on a target that would have to be started first.

    Raises:
        ConfigError: dwh.cfg could not be written, or DB_PASSWORD is none that Redshift takes.
    """
    settings, target, dry_run = step.settings, step.target, step.args.dry_run
    if settings.db_password:
        redshift.check_password(settings.db_password)
    before = ""
    if not dry_run:
        writeback.check_writable(settings.path)
        before = target.start(step.args.data)
    step.console.say(target.describe())
    if before:
        _warn_of_loads(step, before)
    with waiting.noted(f"what was made stays; the same command goes on, {DESTROY} removes it"):
        try:
            site = Site.open(target, read_only=dry_run)
        except TargetError:
            if not dry_run:
                raise
            site = None
        yield site


def _warn_of_loads(step: Step, before: str) -> None:
    """Another data set is there now: say that the next load would be added to what is loaded from the one before."""
    from dwh import warehouse

    # No cluster yet, or none that answers: nothing to warn of.
    with suppress(DwhError):
        if warehouse.transaction(step.target, step.console, warehouse.holds_loads):
            step.console.warn(
                f"the warehouse still holds what was loaded from {before}: "
                "python create_tables.py --recreate --yes empties it"
            )


def show_plan(step: Step, site: Site) -> None:
    """Print what a run would do; the site cannot change anything."""
    changes = plan.look(site, RESOURCES + AFTERWARDS)
    changes.append(_plan_config(site, redshift.our_cluster(site)))
    plan.show(step.console, changes, would=True)
    count = sum(change.changes for change in changes)
    if step.target.billed:
        step.console.say(f"The cluster costs {prices.line(step.settings)}.")
    step.console.say(f"Nothing was changed; a run would change {count} of {len(changes)}.")


def carry_out(step: Step, site: Site) -> None:
    """Create what is missing, wait for the cluster, and write down where it is."""
    args, settings, console = step.args, step.settings, step.console
    cluster = redshift.our_cluster(site)
    if cluster is not None:
        waiting.check_hope(site, cluster)
    elif step.target.billed:
        console.say(f"The cluster costs {prices.line(settings)}.")
    seen = plan.look(site, RESOURCES)
    with _what_stays(), explained():
        changed = plan.apply(console, site, RESOURCES, seen)
    if args.no_wait and not _usable(site):
        console.say("The cluster is being made, and billed once it is available. To finish: python create_cluster.py")
        return
    cost = f" and is billed ({prices.short(settings)})" if step.target.billed else ""
    note = f"the cluster {site.name} goes on{cost} until {DESTROY}; python create_cluster.py waits again"
    cluster = waiting.for_cluster(console, site, minutes=args.timeout, note=note)
    changed += plan.apply(console, site, AFTERWARDS, plan.look(site, AFTERWARDS))
    change = _plan_config(site, cluster)
    change.apply()
    plan.show(console, [change])
    _warn_of_reboot(step, cluster)
    found = dataclasses.replace(settings, dwh_endpoint=cluster["Endpoint"]["Address"], dwh_arn_role=site.role_arn)
    _try_connection(step, found)
    if not changed + change.changes:
        console.say("Nothing to do.")
    if step.target.billed:
        console.say(f"The cluster is billed, {prices.short(settings)}, until you run: {DESTROY}")
    console.say("Next: python create_tables.py")


@contextmanager
def _what_stays() -> Iterator[None]:
    """What was made before a failure is not taken back: the next run goes on from there."""
    try:
        yield
    except AwsError as error:
        error.detail = f"{error.detail}\nwhat was made so far stays; {DESTROY} removes it".strip()
        raise


def _usable(site: Site) -> bool:
    cluster = redshift.find_cluster(site)
    return cluster is not None and waiting.usable(cluster)


def _plan_config(site: Site, cluster: dict[str, Any] | None) -> Change:
    """The two keys of dwh.cfg."""
    path, settings = site.settings.path, site.settings
    host = (cluster or {}).get("Endpoint", {}).get("Address")
    wanted = {"dwh_endpoint": host, "dwh_arn_role": site.role_arn}
    have = {"dwh_endpoint": settings.dwh_endpoint, "dwh_arn_role": settings.dwh_arn_role}
    if wanted == have:
        return plan.Change("Configuration", path.name, "unchanged")
    before = [f"{key} was {have[key]}" for key in wanted if have[key] and have[key] != wanted[key]]
    note = "; ".join(before) or "dwh_endpoint, dwh_arn_role"
    values = {key: value for key, value in wanted.items() if value}
    return plan.Change("Configuration", path.name, "updated", note, lambda: _write(site, values))


def _write(site: Site, values: dict[str, str]) -> None:
    writeback.write(site.settings.path, values)


def _warn_of_reboot(step: Step, cluster: dict[str, Any]) -> None:
    groups = cluster.get("ClusterParameterGroups", [])
    if any(group.get("ParameterApplyStatus") == "pending-reboot" for group in groups):
        name = cluster["ClusterIdentifier"]
        step.console.warn(
            f"a changed parameter waits for a restart: aws redshift reboot-cluster --cluster-identifier {name}"
        )


def _try_connection(step: Step, settings: Settings) -> None:
    """``SELECT 1``; a cluster that cannot be reached from here is a warning, for it is there all the same."""
    console, started = step.console, time.monotonic()
    try:
        with open_target(settings, console) as target, closing(target.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchone()
            tls = "TLS" if connection.info.ssl_in_use else "no TLS, on this machine only"
    except DwhError as error:
        console.line("Connection", "SELECT 1", "failed")
        reason = "; access = private: only machines in the VPC reach it" if settings.access == "private" else ""
        console.warn(f"{error.message}{reason} ({error.hint})")
    else:
        console.line("Connection", "SELECT 1", "ok", f"{duration(time.monotonic() - started)}, {tls}")
