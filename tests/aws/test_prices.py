"""Prices come from a table that covers every node type that dwh.cfg takes."""

from __future__ import annotations

import dataclasses
import datetime

from dwh import keys
from dwh.aws import prices


def test_every_node_type_has_a_price():
    assert set(prices.HOURLY) == set(keys.NODE_COUNTS)


def test_the_prices_are_those_of_the_list():
    """https://aws.amazon.com/redshift/pricing/, us-east-1 and us-west-2, read on the day that the table names."""
    assert prices.HOURLY == {
        "ra3.large": 0.543,
        "ra3.xlplus": 1.086,
        "ra3.4xlarge": 3.26,
        "ra3.16xlarge": 13.04,
        "rg.large": 0.3801,
        "rg.xlarge": 0.7602,
        "rg.4xlarge": 3.0427,
        "rg.12xlarge": 9.128,
    }


def test_nodes_and_zones_multiply(aws):
    settings = aws.settings()
    assert prices.short(settings) == "$0.54 an hour"
    four = dataclasses.replace(settings, number_of_nodes=4, node_type="ra3.xlplus", multi_az=True)
    assert prices.short(four) == "$8.69 an hour"


def test_the_line_has_a_date_and_names_a_region_without_a_list(aws):
    settings = aws.settings()
    assert f"list price of {prices.READ_ON}" in prices.line(settings)
    assert "may differ" not in prices.line(settings)
    assert "eu-west-1 may differ" in prices.line(dataclasses.replace(settings, region="eu-west-1"))
    assert datetime.date.fromisoformat(prices.READ_ON)
