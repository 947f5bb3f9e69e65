"""The course of create_cluster.py: plan, apply, wait, write down, try a connection."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from dwh import writeback
from dwh.aws.errors import noted
from dwh.aws.states import FULL
from dwh.commands import CREATE, CREATE_TABLES, DESTROY
from dwh.config import Settings
from dwh.console import duration
from dwh.errors import DataError, DwhError
from dwh.provision import boundary, iam, network, plan, prices, redshift, storage, waiting
from dwh.provision.site import Site
from dwh.step import Step
from dwh.target import open_target

if TYPE_CHECKING:
    from dwh.provision.plan import Change, Planner

# In this order: each needs the ones before it.
RESOURCES: tuple[Planner, ...] = (
    boundary.plan_boundary,
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
def prepared(step: Step) -> Iterator[Site]:
    """The site of the step, with all that can be checked before anything is made.

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
    with noted(prices.nothing_changed(step)):
        step.console.say(target.describe())
    if before:
        _warn_of_loads(step, before)
    note = "nothing was changed" if dry_run else _what_stays(step)
    with noted(note), target.planned(step.args.data) if dry_run else nullcontext(target) as there:
        yield Site.open(there, read_only=dry_run)
    if before:  # once more, where the next step is named
        _warn_of_loads(step, before)


def _what_stays(step: Step) -> str:
    """For a run that ends too soon: what was made is not taken back, the next run goes on from there."""
    billed = prices.if_billed(step, ", and a cluster that is there is billed")
    return f"what was made so far stays{billed}: the same command goes on, {DESTROY} removes it"


def _warn_of_loads(step: Step, before: str) -> None:
    """Another data set is there now: say that the next load would be added to what is loaded from the one before."""
    from dwh import warehouse

    # No cluster yet, or none that answers: nothing to warn of.
    with suppress(DwhError):
        if warehouse.transaction(step.target, step.console, warehouse.holds_loads):
            step.console.warn(
                f"the warehouse still holds what was loaded from {before}: {CREATE_TABLES} --recreate --yes empties it"
            )


def show_plan(step: Step, site: Site) -> None:
    """Print what a run would do; the site cannot change anything."""
    changes = plan.look(site, EVERYTHING)
    plan.propose(step, changes)
    _warn_of_policies(step, site)
    if step.target.billed:
        step.console.say(f"The cluster costs {prices.line(step.settings)}.")
    plan.close(step, changes)


def carry_out(step: Step, site: Site) -> None:
    """Create what is missing, wait for the cluster, and write down where it is."""
    args, console = step.args, step.console
    done = _make(step, site)
    with noted(_goes_on(step)):
        if args.no_wait and not _ready(step, site):
            console.say(f"The cluster is being made, and billed once it is available. To finish: {CREATE}")
            plan.close(step, done)
            return
        done += _finish(step, site)
    if not any(change.changes for change in done):
        console.say("Nothing to do.")
    if step.target.billed:
        console.say(f"The cluster is billed, {prices.short(step.settings)}, until you run: {DESTROY}")
    plan.close(step, done, f"Next: {CREATE_TABLES}")


def _make(step: Step, site: Site) -> list[Change]:
    """Everything up to the cluster itself; a refusal while looking leaves nothing behind."""
    with noted(prices.nothing_changed(step)):
        cluster = redshift.our_cluster(site)
    still = f"; {_goes_on(step)}" if cluster else ""
    with noted(f"nothing was changed{still}"):
        # A paused cluster, or one whose disks are full, still gets its rules.
        if cluster and cluster["ClusterStatus"] != "paused":
            waiting.check_hope(site, cluster)
        seen = plan.look(site, RESOURCES)
    if step.target.billed and not cluster:
        step.console.say(f"The cluster costs {prices.line(step.settings)}.")
    done = plan.apply(step.console, site, RESOURCES, seen)
    _warn_of_policies(step, site)
    return done


def _finish(step: Step, site: Site) -> list[Change]:
    """What takes a cluster. dwh.cfg comes first: nothing that fails later keeps its address back."""
    console, minutes = step.console, step.args.timeout
    done = [_write_down(step, site, waiting.for_cluster(console, site, minutes=minutes, enough=waiting.known))]
    cluster = waiting.for_cluster(console, site, minutes=minutes)
    done += plan.apply(console, site, AFTERWARDS, plan.look(site, AFTERWARDS))
    _warn_of_state(step, site, cluster)
    host = cluster["Endpoint"]["Address"]
    settings = dataclasses.replace(step.settings, dwh_endpoint=host, dwh_arn_role=site.role_arn)
    if _try_connection(step, settings) and not step.args.no_probe:
        _try_copy(step, settings)
    return done


def _ready(step: Step, site: Site) -> bool:
    """Whether there is nothing to wait for; what is known of the cluster is written down in any case."""
    cluster = redshift.find_cluster(site)
    if cluster is None:
        return False
    if waiting.known(cluster):
        _write_down(step, site, cluster)
    waiting.check_hope(site, cluster)
    return waiting.connectable(cluster)


def _write_down(step: Step, site: Site, cluster: dict[str, Any]) -> Change:
    """Name the cluster in dwh.cfg."""
    change = _plan_config(site, cluster)
    change.apply()
    plan.show(step.console, [change])
    _warn_of_overrides(step)
    return change


def _warn_of_overrides(step: Step) -> None:
    """Say that the next steps will not go by what was written, since something wins over it."""
    settings = step.settings
    for key, value in writeback.written(settings.path).items():
        origin = settings.origins[key]
        if origin not in (settings.path.name, "default") and getattr(settings, key) != value:
            step.console.warn(f"{key.upper()} ({origin}) wins over what was written to {settings.path.name}: unset it")


def _goes_on(step: Step) -> str:
    """What a cluster that is there goes on to do, and to cost, whatever becomes of this run."""
    billed = prices.if_billed(step, " and is billed")
    return (
        f"the cluster {step.settings.cluster_identifier} goes on{billed} until {DESTROY}; the same command finishes it"
    )


def _plan_config(site: Site, cluster: dict[str, Any] | None) -> Change:
    """The two keys of dwh.cfg."""
    path = site.settings.path
    host = (cluster or {}).get("Endpoint", {}).get("Address")
    wanted = {"dwh_endpoint": host, "dwh_arn_role": site.role_arn}
    have = writeback.written(path)
    if wanted == have:
        return plan.Change("Configuration", path.name, "unchanged")
    before = [f"{key} was {have[key]}" for key in wanted if have[key] and have[key] != wanted[key]]
    note = "; ".join(before) or "dwh_endpoint, dwh_arn_role"
    values = {key: value for key, value in wanted.items() if value}
    return plan.Change("Configuration", path.name, "updated", note, lambda: _write(site, values))


EVERYTHING: tuple[Planner, ...] = (*RESOURCES, lambda site: _plan_config(site, redshift.our_cluster(site)), *AFTERWARDS)


def _write(site: Site, values: dict[str, str]) -> None:
    writeback.write(site.settings.path, values)


def _warn_of_policies(step: Step, site: Site) -> None:
    for policy in iam.other_policies(site):
        step.console.warn(
            f"the role {step.settings.role_name} has another policy, {policy}: the cluster may do what it allows; "
            "this project did not make it, so it was left as it is"
        )


def _warn_of_state(step: Step, site: Site, cluster: dict[str, Any]) -> None:
    """What the user has to do about a cluster that is there."""
    groups = cluster.get("ClusterParameterGroups", [])
    if any(group.get("ParameterApplyStatus") == "pending-reboot" for group in groups):
        step.console.warn(
            f"a changed parameter waits for a restart: aws redshift reboot-cluster --cluster-identifier {site.name}"
        )
    if cluster["ClusterStatus"] == FULL:
        step.console.warn(
            f"the disks of the cluster are full ({FULL}): it can be connected to; delete rows, or resize it: "
            f"{redshift.resize_command(site, cluster)} (assets/iam_policy.json does not allow that call); "
            f"then write its node_type and number_of_nodes into {site.settings.path.name}"
        )


def _try_connection(step: Step, settings: Settings) -> bool:
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
        return False
    console.line("Connection", "SELECT 1", "ok", f"{duration(time.monotonic() - started)}, {tls}")
    return True


def _try_copy(step: Step, settings: Settings) -> None:
    """Read one object as a load would, so that what a load needs is found missing now, and not after minutes.

    Raises:
        DwhError: COPY cannot read it. That there is no data yet is a warning.
    """
    from dwh.probe import probe

    console, started = step.console, time.monotonic()
    try:
        tried = console.busy("trying COPY on one object", usually="seconds")
        with open_target(settings, console) as target, tried:
            address = probe(target, console)
    except DataError as error:
        console.line("Probe", "COPY NOLOAD", "left out")
        console.warn(f"{error.message}: whether COPY can read it is not known yet")
        return
    except DwhError:
        console.line("Probe", "COPY NOLOAD", "failed")
        raise
    console.line("Probe", "COPY NOLOAD", "ok", f"{duration(time.monotonic() - started)}, {address}")
