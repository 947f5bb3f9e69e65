"""What a cluster costs, from AWS's price lists; no call is made for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dwh.config import Settings
from dwh.keys import NODE_TYPES
from dwh.step import Step

READ_ON = "2026-10-05"
LISTED_IN = ("us-east-1", "us-west-2")

HOURS_A_MONTH = 730


def hourly(settings: Settings) -> float:
    """US dollars an hour for the cluster that the settings describe."""
    return NODE_TYPES[settings.node_type].hourly * settings.number_of_nodes * (2 if settings.multi_az else 1)


def line(settings: Settings) -> str:
    """The price in one line, with its date and the regions where it holds."""
    price = hourly(settings)
    text = f"about ${price:,.2f} an hour, ${price * HOURS_A_MONTH:,.0f} a month (list price of {READ_ON}"
    if settings.region in LISTED_IN:
        return f"{text}, storage apart)"
    return f"{text} in {LISTED_IN[0]}; {settings.region} may differ, storage apart)"


def short(settings: Settings) -> str:
    """The price of an hour, in two words."""
    return f"${hourly(settings):,.2f} an hour"


def spent(cluster: Mapping[str, Any], since: datetime) -> float | None:
    """US dollars that a cluster has cost since then by the list price, had it never been paused; None if it has none.

    Args:
        cluster: as AWS describes it.
        since: a moment with its time zone.
    """
    node = NODE_TYPES.get(cluster["NodeType"])
    if node is None:
        return None
    copies = 2 if str(cluster.get("MultiAZ", "")).lower() in ("enabled", "true") else 1
    hours = (datetime.now(UTC) - since).total_seconds() / 3600
    return max(hours, 0) * node.hourly * int(cluster["NumberOfNodes"]) * copies


def so_far(cluster: Mapping[str, Any]) -> str:
    """What a cluster has cost since it was created; nothing where AWS does not say when that was.

    At most: that it may have been paused is not known.
    """
    created = cluster.get("ClusterCreateTime")
    if created is None or (dollars := spent(cluster, created)) is None:
        return ""
    since = f"{created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"at most about ${dollars:,.2f} since {since} (list price, storage apart)"


def if_billed(step: Step, words: str) -> str:
    """Words that say that the cluster is billed, with the price of an hour; nothing where the target is free."""
    return f"{words} ({short(step.settings)})" * step.target.billed


def nothing_changed(step: Step) -> str:
    """For a run that ends before it could even look: what it left alone may cost money."""
    return f"nothing was changed{if_billed(step, '; a cluster that is there is still billed')}"
