"""The statements themselves."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import datetime

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


@pytest.mark.parametrize("question", insights.questions(), ids=lambda question: question.name)
def test_each_reads_one_table_of_plays_once(database, question):
    database.fill(made_star())
    with database.plain() as conn, conn.cursor() as cur:
        cur.execute("SET max_parallel_workers_per_gather = 0")
        cur.execute(f"EXPLAIN (FORMAT JSON) {question.sql}", WINDOW.parameters(10))
        plan = cur.fetchone()[0]
    plan = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
    assert scans(plan, "songplays") + scans(plan, "load_plays") == 1


@pytest.mark.parametrize("question", insights.questions(), ids=lambda question: question.name)
def test_each_is_in_the_language_of_both(question):
    assert not re.search(NOT_ON_REDSHIFT, question.sql, re.IGNORECASE)
    assert "%(until)s" in question.sql
    aliases = {name.lower() for name in re.findall(r"\bAS (\w+)", question.sql)}
    assert not aliases & set(RESERVED.split())
    # Redshift takes one ORDER BY for all percentiles of a SELECT, and no DISTINCT aggregate beside them.
    for select in question.sql.split("SELECT"):
        assert len(set(re.findall(r"WITHIN GROUP \((.*)\) AS", select))) <= 1
        assert "WITHIN GROUP" not in select or "DISTINCT" not in select


@pytest.mark.parametrize("question", insights.questions(), ids=lambda question: question.name)
def test_the_statement_returns_the_columns_that_are_not_computed(database, question):
    """Whatever the statement returns beyond the insight's columns is known by name."""
    with closing(database.connect()) as conn, conn.cursor() as cur:
        cur.execute(question.sql, WINDOW.parameters(10))
        returned = {column.name for column in cur.description}
    helpers = {"tied", "found", "full_day_plays", "full_day_users"}
    assert returned - helpers <= {column.name for column in question.columns}


@pytest.mark.parametrize("question", insights.questions(), ids=lambda question: question.name)
def test_the_statement_says_what_serves_it(question):
    assert "-- Served by: " in question.sql


def test_sql_queries_offers_them_all():
    assert set(sql_queries.INSIGHTS) == {question.name for question in insights.questions()}
    assert all(question.sql in sql_queries.INSIGHTS[question.name] for question in insights.questions())
    with pytest.raises(AttributeError):
        _ = sql_queries.NO_SUCH_STATEMENT
