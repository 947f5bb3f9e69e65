"""The statements themselves."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from made import made_star

import sql_queries
from dwh import insights
from dwh.insights.window import Window

WINDOW = Window.of(datetime(2018, 11, 1, 21), datetime(2018, 11, 20, 4))
# Not on Redshift, or not the same there: see the developer guide on unsupported PostgreSQL features and functions.
NOT_ON_REDSHIFT = (
    r"FILTER *\(|GENERATE_SERIES|DISTINCT ON|LATERAL|STRING_AGG|ARRAY_AGG|::|QUALIFY|NOW\(\)|IS DISTINCT FROM"
)

# https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html
RESERVED = """
    aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
    blanksasnull both bytedict bzip2 case cast check collate column constraint create credentials cross current_date
    current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta delta32k desc
    disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for foreign freeze
    from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner intersect
    interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop minus mostly16
    mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or order outer overlaps
    parallel partition percent permissions pivot placing primary raw readratio recover references rejectlog resort
    respect restore right select session_user similar snapshot some sysdate system table tag tdes text255 text32k then
    timestamp to top trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when where with
    without
"""


def scans(plan, table):
    return (plan.get("Relation Name") == table) + sum(scans(part, table) for part in plan.get("Plans", ()))


@pytest.mark.parametrize("insight", insights.INSIGHTS, ids=lambda insight: insight.name)
def test_each_reads_songplays_once(database, insight):
    database.fill(made_star())
    with database.plain() as conn, conn.cursor() as cur:
        cur.execute("SET max_parallel_workers_per_gather = 0")
        cur.execute(f"EXPLAIN (FORMAT JSON) {insight.sql}", WINDOW.parameters(10))
        plan = cur.fetchone()[0]
    assert scans((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"], "songplays") == 1


@pytest.mark.parametrize("insight", insights.INSIGHTS, ids=lambda insight: insight.name)
def test_each_is_in_the_language_of_both(insight):
    assert not re.search(NOT_ON_REDSHIFT, insight.sql, re.IGNORECASE)
    assert "%(until)s" in insight.sql
    aliases = {name.lower() for name in re.findall(r"\bAS (\w+)", insight.sql)}
    assert not aliases & set(RESERVED.split())
    # Redshift takes one ORDER BY for all percentiles of a SELECT, and no DISTINCT aggregate beside them.
    for select in insight.sql.split("SELECT"):
        assert len(set(re.findall(r"WITHIN GROUP \((.*)\) AS", select))) <= 1
        assert "WITHIN GROUP" not in select or "DISTINCT" not in select


@pytest.mark.parametrize("insight", insights.INSIGHTS, ids=lambda insight: insight.name)
def test_the_statement_returns_the_columns_that_are_not_computed(database, insight):
    """Whatever the statement returns beyond the insight's columns is known by name."""
    with closing(database.connect()) as conn, conn.cursor() as cur:
        cur.execute(insight.sql, WINDOW.parameters(10))
        returned = {column.name for column in cur.description}
    helpers = {"tied", "found", "full_day_plays", "full_day_users"}
    assert returned - helpers <= {column.name for column in insight.columns}


def test_every_statement_of_the_section_is_an_insight():
    text = Path(sql_queries.__file__).read_text(encoding="utf-8").partition("# --- Insights ---")[2]
    names = set(re.findall(r"^([A-Z_]+) = ", text, re.MULTILINE))
    assert names == {name.upper() for name in insights.NAMES} | {"PLAYS_RANGE"}
    for name in names:
        comment = text.split(f"\n{name} = ")[0].rpartition("\n\n")[2]
        assert "?" in comment.split("# Served by:")[0]
        assert "# Served by:" in comment
