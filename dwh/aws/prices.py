"""What a cluster costs, from AWS's price lists; no call is made for it."""

from __future__ import annotations

from dwh.config import Settings

READ_ON = "2026-10-05"
LISTED_IN = ("us-east-1", "us-west-2")

# US dollars for one node and one hour, on demand, in us-east-1 and us-west-2:
# https://aws.amazon.com/redshift/pricing/
HOURLY = {
    "ra3.large": 0.543,
    "ra3.xlplus": 1.086,
    "ra3.4xlarge": 3.26,
    "ra3.16xlarge": 13.04,
    "rg.large": 0.3801,
    "rg.xlarge": 0.7602,
    "rg.4xlarge": 3.0427,
    "rg.12xlarge": 9.128,
}
HOURS_A_MONTH = 730


def hourly(settings: Settings) -> float:
    """US dollars an hour for the cluster that the settings describe."""
    return HOURLY[settings.node_type] * settings.number_of_nodes * (2 if settings.multi_az else 1)


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


def nothing_changed(settings: Settings, *, billed: bool) -> str:
    """For a run that ends before it could even look: what it left alone may cost money."""
    return "nothing was changed" + f"; a cluster that is there is still billed ({short(settings)})" * billed
