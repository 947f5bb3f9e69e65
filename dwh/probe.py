"""Can COPY read the data? Tried with one object, and nothing loaded, as soon as there is a cluster.

It goes the whole way of a load: the role and its trust, the network from the cluster to S3, the manifest in the
work bucket, the JSONPaths file, the region. Each can be wrong by itself, and a load would find out after minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

import sql_queries
from dwh import warehouse
from dwh.commands import CREATE
from dwh.console import Console, duration
from dwh.errors import WarehouseError
from dwh.sources import copy_parameters, find_work_bucket, put_manifest, smallest_object
from dwh.target import Target

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

SECONDS = 60
NO_WAY = (
    "the cluster does not reach S3. With enhanced VPC routing its way is in the VPC: look at the S3 gateway endpoint "
    "and the route tables, at network ACLs and DNS, and at port 443 to S3 in the security group; "
    f"{CREATE} makes the endpoint and the rule anew"
)


def probe(target: Target, console: Console) -> str:
    """Let COPY read one object of the event logs, without loading it.

    Args:
        target: with a cluster; its settings name the role.
        console: where another attempt is said: a role made a minute ago may not be known to Redshift yet.

    Returns:
        The address of the object.

    Raises:
        DataError: there is no object.
        WarehouseError: COPY cannot read it; the hint says which part of the way is wrong.
        TargetError: the cluster cannot be reached.
    """
    settings, s3 = target.settings, target.client("s3")
    smallest = smallest_object(s3, settings.log_data, target.sources())
    bucket = find_work_bucket(target, s3)
    source = put_manifest(s3, bucket, "probe", [smallest]) if bucket else smallest.uri
    parameters = copy_parameters(settings, source)
    statement = sql_queries.COPY_PROBE + (sql_queries.MANIFEST if bucket else "")

    def work(cur: cursor) -> None:
        warehouse.execute(cur, sql_queries.CREATE_PROBE_EVENTS)
        try:
            with warehouse.within(cur, SECONDS):
                warehouse.execute(cur, statement, parameters)
        except psycopg2.errors.QueryCanceled as error:
            raise WarehouseError(f"COPY had not read {smallest.uri} after {duration(SECONDS)}", hint=NO_WAY) from error

    warehouse.transaction(target, console, work)
    return smallest.uri
