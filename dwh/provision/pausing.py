"""Pause and resume: compute is not billed while a cluster is paused, storage is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dwh.aws.errors import noted
from dwh.commands import CREATE
from dwh.errors import AwsError
from dwh.provision import plan, prices, redshift, waiting
from dwh.provision.plan import Change
from dwh.provision.site import Site
from dwh.step import Step


def switch(step: Step, site: Site) -> None:
    """Pause or resume the cluster, as the options say.

    Raises:
        AwsError: we have no cluster, or its state does not allow it.
    """
    args, console, wanted = step.args, step.console, "paused" if step.args.pause else "available"
    with noted("nothing was changed"):
        change = plan_switch(site, wanted)
    if args.dry_run:
        plan.propose(step, [change])
        plan.close(step, [change])
        return
    with noted(_billed(step, wanted)):
        plan.settle(console, site, partial(plan_switch, wanted=wanted))
        if args.no_wait:
            change = replace(change, word="updated" if change.changes else "unchanged", note=f"soon {wanted}")
        elif wanted == "paused":
            waiting.until_paused(console, site, minutes=args.timeout)
        else:
            waiting.for_cluster(console, site, minutes=args.timeout, late="paused")
    plan.show(console, [change])
    plan.close(step, [change])


def _billed(step: Step, wanted: str) -> str:
    """For a run that ends too soon: what the cluster costs meanwhile."""
    price = prices.if_billed(step, ", and is billed")
    until = " until it is paused" if wanted == "paused" else " as soon as it has resumed"
    return f"the cluster goes on{price}{until}; run the step again to see"


def plan_switch(site: Site, wanted: str) -> Change:
    """What it takes to bring the cluster to "paused" or "available".

    Raises:
        AwsError: we have no cluster, or its state does not allow it.
    """
    cluster = redshift.our_cluster(site)
    if cluster is None:
        raise AwsError(f"there is no cluster {site.name} in {site.region}", hint=CREATE)
    status, client = cluster["ClusterStatus"], site.client("redshift")
    note = ("only storage is billed" if wanted == "paused" else "billed again") if site.target.billed else ""
    if status == wanted or (status, wanted) in (("pausing", "paused"), ("resuming", "available")):
        return Change("Cluster", site.name, "unchanged", note)
    if wanted == "paused" and status == "available":
        return Change("Cluster", site.name, wanted, note, lambda: client.pause_cluster(ClusterIdentifier=site.name))
    if wanted == "available" and status == "paused":
        return Change("Cluster", site.name, wanted, note, lambda: client.resume_cluster(ClusterIdentifier=site.name))
    raise AwsError(
        f"the cluster {site.name} is {status}: it cannot become {wanted} now", hint="wait a few minutes, then again"
    )
