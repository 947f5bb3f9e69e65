"""The table of what is kept and what is not, in dwh/local/README.md: each of its words has a proof.

A proof is a statement that runs; one and its answer; one that is refused, with a name that is in the claim and in the
error; or a test of this folder. A claim without a proof fails, and so does a proof that is not true any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from project import ROOT

from dwh.local.redshift.dialect import refusals

HERE = ROOT / "tests" / "local"


@dataclass(frozen=True)
class Runs:
    sql: str
    answer: Any = None


@dataclass(frozen=True)
class Refused:
    sql: str
    name: str


@dataclass(frozen=True)
class Shown:
    test: str


NOTE = Shown("")  # says why, or of Redshift what no statement here can show
ROLE = "arn:aws:iam::123456789012:role/s"
COPY = "COPY t FROM 's3://b/k' IAM_ROLE 'arn:aws:iam::123456789012:role/r' "

# The subject of a row -> its claims, as they are written in either column, and their proofs.
PROOFS: dict[str, dict[str, Any]] = {
    "COPY, format": {
        "JSON `'auto'`": Shown("test_copy_rules.py::test_documents"),
        "`'auto ignorecase'`": Shown("test_copy_rules.py::test_keys_match_exactly_and_are_folded_with_ignorecase"),
        "`'noshred'`": Shown("test_copy_rules.py::test_noshred"),
        "JSONPaths": Shown("test_copy_jsonpaths.py::test_path"),
        "objects over lines or touching": Shown("test_copy_rules.py::test_documents"),
        "other formats": Refused(COPY + "CSV", "format"),
    },
    "COPY, options": {
        "all that go with JSON, in any order": Shown("test_copy_rules.py::test_option"),
        "the others and unknown words are refused": Shown("test_copy_rules.py::test_refused"),
        "LZOP": Refused(COPY + "JSON 'auto' LZOP", "LZOP"),
        "ENCRYPTED": Refused(COPY + "JSON 'auto' ENCRYPTED", "ENCRYPTED"),
        "access keys": Refused(
            "COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id=a;aws_secret_access_key=b' JSON 'auto'",
            "access keys",
        ),
        "chains of roles": Refused(
            "CREATE TEMP TABLE t (a int); " + COPY.replace("/r'", f"/r,{ROLE}'") + "JSON 'auto'", "chain"
        ),
    },
    "COPY, source": {
        "key prefix": Shown("test_copy_sources.py::test_the_source_is_a_prefix"),
        "with paging": Shown("test_copy_sources.py::test_more_than_one_page_of_objects"),
        "MANIFEST": Shown("test_copy_sources.py::test_manifest"),
        "GZIP, BZIP2, ZSTD": Shown("test_copy_rules.py::test_compression"),
        "REGION": Shown("test_copy_sources.py::test_another_region_must_be_named"),
        "only S3": Shown("test_copy_rules.py::test_refused"),
    },
    "COPY, role": {
        "must exist, trust Redshift, be attached to the cluster": Shown(
            "test_copy_sources.py::test_a_role_that_cannot_be_assumed"
        ),
        "allow ListBucket and GetObject": Shown("test_copy_sources.py::test_what_the_role_may_read"),
        "the policies that AWS manages (AmazonS3ReadOnlyAccess, ...) are there": Shown(
            "test_clusters.py::test_the_policies_that_aws_manages_are_there"
        ),
        "The hint of a 403 says what the role may not read, in words that are not Redshift's": Shown(
            "test_copy_sources.py::test_a_403_names_the_prefix_and_the_slash"
        ),
        "a permissions boundary is heeded": Shown(
            "test_copy_sources.py::test_a_role_reads_no_more_than_its_boundary_allows"
        ),
        "of IAM conditions only `s3:prefix` and `sts:ExternalId`, any other grants nothing": Shown(
            "test_copy_sources.py::test_a_managed_policy_and_an_external_id"
        ),
        "the user in a trust may have `IAM:` in front or not": Shown(
            "test_copy_sources.py::test_a_managed_policy_and_an_external_id"
        ),
    },
    "COPY, result": {
        "one atomic statement": Shown("test_copy_sources.py::test_one_bad_file_undoes_all"),
        "MAXERROR": Shown("test_copy_rules.py::test_maxerror"),
        "INFO notices": Shown("test_copy_rules.py::test_noload_reports_and_loads_nothing"),
        "XX000 and Redshift's texts": Shown("test_copy_sources.py::test_no_object_at_all"),
        "STL_LOAD_ERRORS": Runs("SELECT * FROM stl_load_errors LIMIT 0"),
        "SYS_LOAD_ERROR_DETAIL": Runs("SELECT * FROM sys_load_error_detail LIMIT 0"),
        "SYS_LOAD_HISTORY": Runs("SELECT * FROM sys_load_history LIMIT 0"),
        "(they survive a rollback": Shown("test_copy_sources.py::test_load_errors_survive_a_rollback"),
        "a load that runs is in it, noted once a second)": Shown("test_server.py::test_cancel_ends_a_copy"),
        "STL_LOAD_COMMITS": Runs("SELECT * FROM stl_load_commits LIMIT 0"),
        "`pg_last_copy_count()`": Runs("SELECT pg_last_copy_count()"),
        "`pg_last_copy_id()`": Runs("SELECT pg_last_copy_id()"),
        "slices are all 0": Runs("SELECT COUNT(*) FROM stl_load_errors WHERE slice <> 0", [(0,)]),
        "STL_REPLACEMENTS is missing": NOTE,
        "a column list without a NOT NULL column that has no DEFAULT fails as a whole: no MAXERROR, no rows in"
        " STL_LOAD_ERRORS": Shown("test_copy_rules.py::test_a_column_that_is_left_out_and_may_not_be_null"),
    },
    "COPY, broken JSON": {
        "an error with file and last line": Shown("test_copy_rules.py::test_bad_documents"),
        "reading goes on at the next line that begins with `{` or `[`": Shown("test_copy_rules.py::test_bad_documents"),
        "its err_reason is not documented: ours begins `Invalid JSON:`": Shown(
            "test_copy_rules.py::test_bad_documents"
        ),
    },
    "lengths": {
        "VARCHAR, CHAR count bytes in COPY, INSERT and UPDATE": Shown(
            "test_dialect_tables.py::test_lengths_count_bytes"
        ),
        "defaults 256 and 1": Shown("test_dialect_tables.py::test_what_pg_table_def_shows"),
        "MAX is 65535": Runs(
            "CREATE TEMP TABLE r (a varchar(max)); INSERT INTO r VALUES (REPEAT('x', 65535)); DROP TABLE r"
        ),
        "`CAST(x AS VARCHAR(n))` cuts by characters": Runs("SELECT CAST('äöü' AS VARCHAR(2))", [("äö",)]),
        "excess blanks after multibyte text are an error": NOTE,
    },
    "comparison": {
        "trailing blanks of VARCHAR do not count in `=`, `<`, IN, joins, GROUP BY, DISTINCT, UNION, ORDER BY": Shown(
            "test_dialect_expressions.py::test_trailing_blanks_do_not_count"
        ),
        "they do where both sides are expressions that PostgreSQL types as text: `LOWER(a) = LOWER(b)`, `a \\|\\| b`, "
        "two literals": Runs("SELECT LOWER('a ') = LOWER('a')", [(False,)]),
    },
    "keys": {
        "PRIMARY KEY, UNIQUE, FOREIGN KEY recorded, never enforced": Shown(
            "test_dialect_tables.py::test_keys_are_noted_and_not_enforced"
        ),
        "NOT NULL is": Shown("test_dialect_tables.py::test_keys_are_noted_and_not_enforced"),
        "shown by pg_constraint": Shown("test_catalogue.py::test_keys_are_constraints_that_can_be_read"),
        "pg_index, pg_indexes": Shown("test_catalogue.py::test_keys_are_indexes_that_drivers_ask_for"),
        "the information_schema, so": Shown("test_catalogue.py::test_the_information_schema_knows_the_keys"),
        "by `\\d`, SQLAlchemy and drivers": Shown("../clients/test_clients.py::test_a_client"),
        "a foreign key to a table that is not there yet is taken, and shown by the information_schema alone": Shown(
            "test_catalogue.py::test_the_information_schema_knows_the_keys"
        ),
    },
    "attributes": {
        "DISTKEY, DISTSTYLE, SORTKEY, ENCODE of tables and columns checked, recorded, shown by PG_TABLE_DEF": Shown(
            "test_dialect_tables.py::test_what_pg_table_def_shows"
        ),
        "SVV_TABLE_INFO": Shown("test_dialect_tables.py::test_what_svv_table_info_shows"),
        "but for zone maps they change no plan: a BRIN index on a leading sort key that is a number or a time, brought "
        "up to date by ANALYZE": NOTE,
        "skew and unsorted are NULL": Runs(
            "SELECT COUNT(*) FROM svv_table_info WHERE unsorted IS NOT NULL OR skew_rows IS NOT NULL", [(0,)]
        ),
    },
    "types": {
        "SUPER is text that is valid JSON": Runs("SELECT JSON_PARSE('[1]')", [("[1]",)]),
        "a string that is stored in it without JSON_PARSE stays a string": Shown(
            "test_dialect_statements.py::test_a_string_in_super_stays_a_string"
        ),
        "`NVL`, `CASE` and `UNION` of a SUPER and a bare literal give a string": NOTE,
        "IDENTITY(seed, step), with gaps": Shown("test_dialect_tables.py::test_identity_takes_no_values"),
        "`#temp` tables": Runs("CREATE TABLE #r (a int); DROP TABLE #r"),
        "VARBYTE": Refused("CREATE TABLE r (a varbyte(5))", "VARBYTE"),
        "GEOMETRY": Refused("CREATE TABLE r (a geometry)", "GEOMETRY"),
        "HLLSKETCH": Refused("CREATE TABLE r (a hllsketch)", "HLLSKETCH"),
        "INTERVAL columns": Refused("CREATE TABLE r (a interval year to month)", "INTERVAL"),
        "navigation into SUPER": Refused("SELECT doc[0] FROM t", "navigation into SUPER"),
    },
    "names": {
        "fold to lower case, even when quoted": Runs('SELECT a FROM (SELECT 1 AS "A") AS r', [(1,)]),
        "may hold any character of several bytes": Shown(
            "test_dialect_statements.py::test_a_name_may_hold_any_character_of_several_bytes"
        ),
        "enable_case_sensitive_identifier": Refused(
            "SET enable_case_sensitive_identifier TO on", "enable_case_sensitive_identifier"
        ),
        "names of more than 63 bytes": Refused(f"SELECT 1 AS {'x' * 64}", "63 bytes"),
    },
    "transactions": {
        "TRUNCATE commits": Shown("test_dialect_statements.py::test_truncate_commits"),
        "VACUUM needs autocommit": Shown("test_dialect_statements.py::test_vacuum_needs_autocommit"),
        "no SAVEPOINT": Shown("test_dialect_statements.py::test_refused_by_name"),
        "an error ends the transaction": Shown("test_dialect_statements.py::test_an_error_ends_the_transaction"),
        "one snapshot per transaction": Shown("test_dialect_statements.py::test_a_snapshot_is_kept"),
    },
    "concurrent writers": {
        "of one table wait for each other": Shown(
            "test_dialect_statements.py::test_writers_of_one_table_wait_and_readers_do_not"
        ),
        "readers never wait, except for LOCK": Shown(
            "test_dialect_statements.py::test_writers_of_one_table_wait_and_readers_do_not"
        ),
        "A transaction that changes rows which another changed after its snapshot gets error 1023 (XX000)": Shown(
            "test_dialect_statements.py::test_a_conflict_is_error_1023"
        ),
        "Redshift's SERIALIZABLE also refuses cycles of reads and writes": NOTE,
        "this is its SNAPSHOT, the default of new clusters": NOTE,
    },
    "dates": {
        "DATEDIFF by boundaries": Runs("SELECT DATEDIFF(year, '2019-12-31', '2020-01-01')", [(1,)]),
        "DATEADD": Runs("SELECT DATEADD(month, 1, '2020-01-31'::date)"),
        "EXTRACT (integer)": Runs("SELECT EXTRACT(year FROM '2020-01-31'::date)", [(2020,)]),
        "DATE_PART (float)": Runs("SELECT DATE_PART(year, '2020-01-31'::date)", [(2020.0,)]),
        "DATE_TRUNC": Runs("SELECT DATE_TRUNC('month', '2020-01-31'::timestamp)"),
        "GETDATE": Runs("SELECT GETDATE()"),
        "SYSDATE": Runs("SELECT SYSDATE"),
        "CONVERT_TIMEZONE": Runs("SELECT CONVERT_TIMEZONE('UTC', 'EST', '2020-01-31'::timestamp)"),
        "all abbreviations of date parts": Runs("SELECT EXTRACT(qtr FROM '2020-01-31'::date)", [(1,)]),
        "TO_DATE counts on after the last day of a month, unless it is strict": Runs(
            "SELECT TO_DATE('20010631', 'YYYYMMDD') = '2001-07-01'", [(True,)]
        ),
        "TO_TIMESTAMP is always strict": NOTE,
        "NOW": Refused("SELECT NOW()", "NOW"),
        "CURRENT_TIMESTAMP": Refused("SELECT CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        "since they fail on tables there": NOTE,
    },
    "aggregates": {
        "AVG of integers is whole": Runs("SELECT AVG(a) FROM (SELECT 1 AS a UNION ALL SELECT 2) AS r", [(1,)]),
        "of NUMERIC keeps its scale": Shown("test_dialect_expressions.py::test_aggregate"),
        "MEDIAN": Runs("SELECT MEDIAN(a) FROM (SELECT 1 AS a) AS r"),
        "LISTAGG": Runs("SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a) FROM (SELECT 'x' AS a) AS r", [("x",)]),
        "also as a window function": Runs("SELECT LISTAGG(a) OVER () FROM (SELECT 'x' AS a) AS r", [("x",)]),
        "RATIO_TO_REPORT": Runs("SELECT RATIO_TO_REPORT(a) OVER () FROM (SELECT 2 AS a) AS r", [(1.0,)]),
        "APPROXIMATE COUNT (exact here)": Runs(
            "SELECT APPROXIMATE COUNT(DISTINCT a) FROM (SELECT 1 AS a) AS r", [(1,)]
        ),
        "LISTAGG(DISTINCT x) OVER": Refused(
            "SELECT LISTAGG(DISTINCT a) OVER () FROM (SELECT 'x' AS a) AS r", "LISTAGG(DISTINCT x)"
        ),
        "PERCENTILE_CONT of integers is DOUBLE PRECISION, where the guide says NUMERIC": NOTE,
        "aggregates with different WITHIN GROUP orders are taken": NOTE,
    },
    "implicit conversion": {
        "numbers, dates and times to text where a string is compared or a string function takes them (a string to a "
        "number where that is a DECIMAL)": Shown("test_conversion.py::test_what_is_no_text_becomes_text"),
        "integers to BOOLEAN where one is assigned or compared, or is a condition": Shown(
            "test_conversion.py::test_integers_become_boolean_where_they_are_assigned_or_a_condition"
        ),
        "BOOLEAN to text": Refused("SELECT CAST(true AS varchar)", "BOOLEAN"),
        "by a cast too, as clusters do": NOTE,
        "the guide does not list it": NOTE,
        "`varchar + 1`, `COALESCE(varchar, 1)`: errors, as on Redshift": Shown(
            "test_conversion.py::test_what_is_not_documented_stays_an_error"
        ),
    },
    "window functions": {
        "an aggregate with ORDER BY needs a frame of ROWS": Shown("test_guide.py::test_a_window_function_of_the_guide"),
        "LAG and LEAD take no default": Shown("test_guide.py::test_a_window_function_of_the_guide"),
        "PERCENTILE_CONT": Refused(
            "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a) OVER () FROM (SELECT 1 AS a) AS r", "PERCENTILE_CONT"
        ),
        "PERCENTILE_DISC": Refused(
            "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a) OVER () FROM (SELECT 1 AS a) AS r", "PERCENTILE_DISC"
        ),
        "with OVER": NOTE,
        "IGNORE NULLS": Refused("SELECT LAG(a) IGNORE NULLS OVER (ORDER BY a) FROM t", "IGNORE NULLS"),
    },
    "NUMERIC arithmetic": {
        "as in PostgreSQL": NOTE,
        "precision and scale of a quotient differ: round what you print": NOTE,
    },
    "casts to NUMERIC": {
        "round": Runs("SELECT CAST(a AS NUMERIC(3, 1)) FROM (SELECT 1.55 AS a) AS r", [(Decimal("1.6"),)]),
        "The guide says that explicit casts of values selected from tables are not rounded (1.55 to 1.5), and its own "
        "example of CAST rounds 109.652 to 109.7. One report from a cluster (lightdash#22386) has 50.5 become 50. It "
        "is not settled which casts cut, so none does here": NOTE,
    },
    "queries": {
        "QUALIFY": Runs("SELECT a FROM (SELECT 1 AS a) AS r QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1", [(1,)]),
        "TOP": Runs("SELECT TOP 1 a FROM (SELECT 1 AS a) AS r", [(1,)]),
        "MINUS": Runs("SELECT 1 MINUS SELECT 2", [(1,)]),
        "lateral aliases": Runs("SELECT 1 AS a, a + 1 AS b", [(1, 2)]),
        "NVL": Runs("SELECT NVL(NULL, 2)", [(2,)]),
        "NVL2": Runs("SELECT NVL2(NULL, 1, 2)", [(2,)]),
        "DECODE": Runs("SELECT DECODE(1, 1, 'x', 'y')", [("x",)]),
        "CONVERT": Runs("SELECT CONVERT(INTEGER, '1')", [(1,)]),
        "MERGE with Redshift's limits": Shown("test_dialect_statements.py::test_merge"),
        "PREPARE and EXECUTE": Shown("test_dialect_statements.py::test_prepare_and_execute"),
        "PREPARE of a statement that changes data": Refused(
            "PREPARE r AS DELETE FROM t", "PREPARE of a statement that changes data"
        ),
        "the (+) of an outer join": Refused("SELECT * FROM t, u WHERE t.a = u.a (+)", "(+)"),
        "GROUP BY ALL": Refused("SELECT a, COUNT(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
        "EXCLUDE": Refused("SELECT * EXCLUDE (a) FROM t", "EXCLUDE"),
        "PIVOT": Refused("SELECT * FROM t PIVOT (SUM(a) FOR b IN (1, 2))", "PIVOT"),
        "CONNECT BY": Refused("SELECT a FROM t START WITH a = 1 CONNECT BY a = PRIOR b", "CONNECT BY"),
        "REMOVE DUPLICATES": Refused("MERGE INTO t USING u ON t.a = u.a REMOVE DUPLICATES", "REMOVE DUPLICATES"),
    },
    "EXPLAIN": {
        "of the statements that Redshift explains": Shown(
            "test_dialect_statements.py::test_a_plan_is_shown_and_nothing_is_done"
        ),
        "the plan is PostgreSQL's: no `DS_` words, and of CREATE TABLE AS that of its query": Runs(
            "EXPLAIN CREATE TABLE r AS SELECT 1 AS a"
        ),
    },
    "functions": {
        "those of `refusals.FUNCTIONS`": Shown("test_dialect_expressions.py::test_value"),
        "any other, such as FNV_HASH: refused by name": Refused("SELECT FNV_HASH('a')", "FNV_HASH"),
    },
    "system tables": {
        "those above": NOTE,
        "any other of STL, STV, SVV, SVL, SVCS and SYS: refused by name, with what serves instead": Shown(
            "test_dialect_statements.py::test_system_tables_are_refused_with_what_serves_instead"
        ),
    },
    "strings": {
        "a backslash in a literal is an escape": Runs("SELECT LEN('\\\\')", [(1,)]),
        "a text or NULL without a type below the top of a query: Redshift refuses it once it is compared, grouped or "
        "sorted, PostgreSQL takes it for text. It cannot be refused here without refusing what Redshift takes;"
        " `tests/test_sql_rules.py` holds the project's own statements to it": NOTE,
    },
    "floating point": {
        "REAL is shown by 6 digits": Runs("SELECT CAST(CAST(19999.99 AS real) AS varchar)", [("20000",)]),
        "DOUBLE PRECISION by 15": Runs("SELECT CAST(CAST(0.1 AS float8) + 0.2 AS varchar)", [("0.3",)]),
        "(`extra_float_digits` 0)": Runs("SHOW extra_float_digits", [("0",)]),
    },
    "several matches in UPDATE ... FROM": {
        "one of them counts": NOTE,
        "`error_on_nondeterministic_update` on": Refused(
            "SET error_on_nondeterministic_update TO on", "error_on_nondeterministic_update"
        ),
    },
    "CANCEL": {
        "of a session's statement, by its process ID": Shown(
            "test_server.py::test_the_statement_cancel_ends_the_statement_of_another_session"
        ),
        "the message is not shown": NOTE,
        "a COPY that is still listing S3 goes on": NOTE,
    },
    "users": {
        "the master user does what a superuser of Redshift does with users, and with their tables and sessions": Shown(
            "test_logins.py::test_the_master_has_the_rights_of_every_user"
        ),
        "SET SESSION AUTHORIZATION": Shown("test_logins.py::test_the_master_may_act_as_another_user_for_a_while"),
        "it is no superuser of PostgreSQL: a VACUUM or ANALYZE of the whole database warns that it passes over eleven "
        "tables of PostgreSQL's own": Shown(
            "test_logins.py::test_what_is_passed_over_with_a_warning_is_not_done_either"
        ),
        "`SESSION_USER` stays the user that logged in": Runs("SELECT SESSION_USER", [("tester",)]),
    },
    "access keys": {
        "one, the launcher's secret": Shown("test_callers.py::test_the_key_is_what_lets_in"),
        "keys that IAM makes, sessions of STS, S3's form POST: refused": Shown(
            "test_callers.py::test_an_unknown_key_is_refused_as_aws_refuses_it"
        ),
    },
    "snapshots of a cluster": {
        "making, listing and restoring one, a final one too: refused": Shown(
            "test_clusters.py::test_what_is_not_modelled_is_refused_by_name"
        ),
    },
    "lists of tables and columns": {
        **{
            f"SVV_{name}": Runs(f"SELECT * FROM svv_{name} LIMIT 0")
            for name in ("TABLES", "COLUMNS", "ALL_TABLES", "ALL_COLUMNS", "REDSHIFT_TABLES", "REDSHIFT_COLUMNS")
        },
        "a user sees what the user may use": Shown("test_catalogue.py::test_a_user_sees_what_the_user_may_see"),
        **{
            f"SVV_EXTERNAL_{name}": Runs(f"SELECT COUNT(*) FROM svv_external_{name}", [(0,)])
            for name in ("SCHEMAS", "TABLES", "COLUMNS")
        },
        "pg_get_late_binding_view_cols() are empty": Shown(
            "../clients/test_clients.py::test_dbt_builds_twice_and_documents"
        ),
    },
    "history of statements": {
        **{
            name: Runs(f"SELECT * FROM {name} LIMIT 0")
            for name in ("SYS_QUERY_HISTORY", "STL_QUERY", "STV_INFLIGHT", "STV_RECENTS", "STV_SESSIONS")
        },
        "pg_last_query_id()": Shown("test_history.py::test_stl_query_has_queries_and_no_utilities"),
        "a load has one number in all views": Shown("test_history.py::test_a_load_has_one_number_in_all_views"),
        "passwords and access keys are masked": Shown("test_history.py::test_secrets_are_masked"),
        "a user sees the user's own, the master user everything": Shown(
            "test_history.py::test_a_user_sees_only_what_is_the_users"
        ),
        "the latest 2,000 to 4,000 statements are kept": Shown(
            "test_history.py::test_the_history_is_bounded_and_the_latest_is_kept"
        ),
        "labels, transaction IDs, bytes, hashes, and times of queues, locks and compilation are NULL or 0": Runs(
            "SELECT COUNT(*) FROM sys_query_history WHERE transaction_id IS NOT NULL OR queue_time <> 0", [(0,)]
        ),
        "a query of the catalogue counts as any other": Shown("test_history.py::test_a_slow_statement_is_found"),
        "what the dialect refuses is not taken down": Shown(
            "test_history.py::test_what_the_dialect_refuses_is_not_taken_down"
        ),
        "statements sent in one batch share its end, and how it ended": Shown(
            "test_history.py::test_prepared_statements_are_taken_down"
        ),
        "after SET SESSION AUTHORIZATION they are still those of the user who logged in": Shown(
            "test_history.py::test_a_user_sees_only_what_is_the_users"
        ),
    },
    "not there": {
        "UNLOAD": Refused("UNLOAD ('SELECT 1') TO 's3://b/k' IAM_ROLE 'x'", "UNLOAD"),
        "functions and procedures": Refused("CREATE PROCEDURE p() AS $$ $$ LANGUAGE plpgsql", "procedure"),
        "external schemas": Refused(
            "CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'd' IAM_ROLE 'r'", "external schema"
        ),
        "late-binding views (WITH NO SCHEMA BINDING)": Refused(
            "CREATE VIEW r AS SELECT 1 AS a WITH NO SCHEMA BINDING", "WITH NO SCHEMA BINDING"
        ),
        "ALTER TABLE APPEND": Refused("ALTER TABLE t APPEND FROM u", "ALTER TABLE APPEND"),
        "ANALYZE COMPRESSION": Refused("ANALYZE COMPRESSION t", "ANALYZE COMPRESSION"),
        "GRANT's finer points are as in PostgreSQL": NOTE,
    },
}
# What links claims.
LINKS = re.compile(r"\b(and|are|refused)\b|[\W_]")


def rows() -> dict[str, list[str]]:
    """The rows of the table: the subject, and the two other cells."""
    text = (ROOT / "dwh" / "local" / "README.md").read_text(encoding="utf-8").partition("## What is kept")[2]
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]
    return {subject: [kept, not_kept] for subject, kept, not_kept in cells}


ROWS = rows()


def test_every_row_has_proofs_and_every_proof_a_row():
    assert list(ROWS) == list(PROOFS)


@pytest.mark.parametrize("subject", PROOFS)
def test_every_claim_has_a_proof(subject):
    cells = ROWS[subject]
    left = "; ".join(cells)
    for claim in sorted(PROOFS[subject], key=len, reverse=True):
        assert claim in "; ".join(cells), f"{claim}: a proof of what is claimed no more"
        left = left.replace(claim, " ", 1)
    assert not LINKS.sub("", left), f"without a proof: {left}"


@pytest.mark.parametrize("subject", PROOFS)
def test_what_is_said_to_be_refused_is_proven_by_a_refusal_and_nothing_else_is(subject):
    parts = re.split(r"[.;] ", "; ".join(ROWS[subject]))
    for claim, proof in PROOFS[subject].items():
        if isinstance(proof, Runs | Refused):
            said = ["refused" in part for part in parts if claim in part]
            assert isinstance(proof, Refused) in said, f"{claim}: {parts}"


CLAIMS = [(f"{subject}: {claim}", claim, proof) for subject in PROOFS for claim, proof in PROOFS[subject].items()]


@pytest.mark.parametrize(("claim", "proof"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS])
def test_the_claim_is_true(copies, claim, proof):
    if isinstance(proof, Runs):
        answer = copies.run(proof.sql)
        assert proof.answer in (None, answer)
    elif isinstance(proof, Refused):
        said = refusal(copies, proof.sql)
        assert proof.name.lower() in claim.lower()
        assert proof.name.lower() in said.lower(), said
    elif proof is not NOTE:
        file, _, name = proof.test.partition("::")
        assert f"\ndef {name}(" in (HERE / file).read_text(encoding="utf-8")


def refusal(session, statement):
    """What a statement is refused with."""
    with pytest.raises(psycopg2.Error) as raised:
        session.run(statement)
    assert raised.value.pgcode in ("0A000", "42883", "42846"), raised.value
    return raised.value.diag.message_primary


def test_everything_that_the_local_target_lacks_is_in_the_table(copies):
    proofs = [proof for _, _, proof in CLAIMS if isinstance(proof, Refused)]
    said = [refusal(copies, proof.sql) for proof in proofs]
    assert [name for _, name in refusals.MISSING if not any(text.startswith(name) for text in said)] == []
