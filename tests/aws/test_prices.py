"""Prices come from a table that covers every node type that dwh.cfg takes."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from dwh import keys
from dwh.provision import prices

# As AWS lists them, once more: a slip in the table must not go unseen.
LISTED = {
    "ra3.large": (1, 16, 0.543, True),
    "ra3.xlplus": (1, 16, 1.086, True),
    "ra3.4xlarge": (2, 32, 3.26, True),
    "ra3.16xlarge": (2, 128, 13.04, True),
    "rg.large": (1, 16, 0.3801, False),
    "rg.xlarge": (2, 16, 0.7602, False),
    "rg.4xlarge": (2, 32, 3.0427, False),
    "rg.12xlarge": (2, 128, 9.128, False),
}


@pytest.mark.parametrize("name", LISTED | keys.NODE_TYPES)
def test_a_row_of_the_node_types(name):
    found = keys.NODE_TYPES[name]
    assert (found.nodes.start, found.nodes.stop - 1, found.hourly, found.multi_az) == LISTED[name]


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


@pytest.mark.parametrize(
    ("cluster", "dollars"),
    [
        ({"NodeType": "ra3.large", "NumberOfNodes": 1}, 5.43),
        ({"NodeType": "ra3.xlplus", "NumberOfNodes": 2, "MultiAZ": "Enabled"}, 43.44),
        ({"NodeType": "ra3.large", "NumberOfNodes": 1, "MultiAZ": "Disabled"}, 5.43),
        ({"NodeType": "dc2.large", "NumberOfNodes": 1}, None),
    ],
)
def test_what_a_cluster_has_cost_since_it_was_made(cluster, dollars):
    """Its own nodes count, and not those of dwh.cfg; one of an older kind has no price here."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=10)
    spent = prices.spent(cluster, since)
    assert spent == (dollars and pytest.approx(dollars, abs=0.01))


def test_what_a_cluster_has_cost_is_counted_from_its_creation_by_its_own_nodes():
    created = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=10)
    cluster = {"ClusterCreateTime": created, "NodeType": "ra3.xlplus", "NumberOfNodes": 2, "MultiAZ": "Enabled"}
    said = prices.so_far(cluster)
    assert said == f"at most about $43.44 since {created:%Y-%m-%d %H:%M} UTC (list price, storage apart)"
    assert prices.so_far({**cluster, "NodeType": "dc2.large"}) == prices.so_far({"NodeType": "ra3.large"}) == ""
