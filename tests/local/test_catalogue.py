"""The catalogue that tools read: the relations that Redshift documents, with their columns, and the keys of tables."""

from __future__ import annotations

import psycopg2
import pytest

GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg/"
# A page of the guide -> the columns of its table, in their order.
DOCUMENTED = {
    "r_SVV_TABLES.html": "table_catalog table_schema table_name table_type remarks",
    "r_SVV_COLUMNS.html": (
        "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable data_type"
        " character_maximum_length numeric_precision numeric_precision_radix numeric_scale datetime_precision"
        " interval_type interval_precision character_set_catalog character_set_schema character_set_name"
        " collation_catalog collation_schema collation_name domain_name remarks"
    ),
    "r_SVV_ALL_TABLES.html": "database_name schema_name table_name table_acl table_type remarks",
    "r_SVV_ALL_COLUMNS.html": (
        "database_name schema_name table_name column_name ordinal_position column_default is_nullable data_type"
        " character_maximum_length numeric_precision numeric_scale remarks"
    ),
    "r_SVV_REDSHIFT_TABLES.html": "database_name schema_name table_name table_type table_acl remarks table_owner",
    "r_SVV_REDSHIFT_COLUMNS.html": (
        "database_name schema_name table_name column_name ordinal_position data_type column_default is_nullable "
        "encoding distkey sortkey column_acl remarks"
    ),
    "SYS_QUERY_HISTORY.html": (
        "user_id query_id query_label transaction_id session_id database_name query_type status result_cache_hit"
        " start_time end_time elapsed_time queue_time execution_time error_message returned_rows returned_bytes"
        " query_text redshift_version usage_limit compute_type compile_time planning_time lock_wait_time"
        " service_class_id service_class_name query_priority short_query_accelerated user_query_hash generic_query_hash"
        " query_hash_version result_cache_query_id username"
    ),
    "r_STL_QUERY.html": (
        "userid query label xid pid database querytxt starttime endtime aborted insert_pristine"
        " concurrency_scaling_status"
    ),
    "r_STV_INFLIGHT.html": (
        "userid slice query label xid pid starttime text suspended insert_pristine concurrency_scaling_status"
    ),
    "r_STV_RECENTS.html": "userid status starttime duration user_name db_name query pid",
    "r_STV_SESSIONS.html": "starttime process user_name db_name timeout_sec",
}


@pytest.fixture
def sql(plain_sql):
    """The session, in a schema that is made for the test."""
    plain_sql.run("DROP SCHEMA IF EXISTS tried CASCADE; CREATE SCHEMA tried; SET search_path TO tried")
    yield plain_sql
    plain_sql.run("DROP SCHEMA tried CASCADE; RESET search_path")


@pytest.mark.parametrize("page", DOCUMENTED)
def test_a_relation_has_the_columns_that_the_guide_names(plain_sql, page):
    relation = page.removeprefix("r_").removesuffix(".html")
    with plain_sql.connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {relation} LIMIT 0")
        assert " ".join(column.name for column in cursor.description) == DOCUMENTED[page], GUIDE + page


# --- tables and columns ---


@pytest.fixture
def made(sql):
    sql.run(
        "CREATE TABLE plays (id int NOT NULL, title varchar(40) ENCODE zstd, price numeric(8,2) DEFAULT 1.5)"
        " DISTKEY (id) SORTKEY (title, id);"
        " CREATE VIEW shown AS SELECT title FROM plays; CREATE MATERIALIZED VIEW counted AS SELECT 1 AS n FROM plays;"
        " COMMENT ON TABLE plays IS 'what was played'"
    )
    return sql


def test_tables_and_views_are_listed(made):
    assert made.run(
        "SELECT table_name, table_type, remarks FROM svv_tables WHERE table_schema = 'tried' ORDER BY 1"
    ) == [
        ("counted", "VIEW", None),
        ("plays", "BASE TABLE", "what was played"),
        ("shown", "VIEW", None),
    ]
    for relation in ("svv_all_tables", "svv_redshift_tables"):
        assert made.run(f"SELECT table_name, table_type FROM {relation} WHERE schema_name = 'tried' ORDER BY 1") == [
            ("counted", "VIEW"),
            ("plays", "TABLE"),
            ("shown", "VIEW"),
        ]


def test_columns_are_listed_with_their_types(made):
    asked = "SELECT column_name, ordinal_position, is_nullable, data_type, character_maximum_length, numeric_precision,"
    expected = [
        ("id", 1, "NO", "integer", None, 32, 0),
        ("title", 2, "YES", "character varying", 40, None, None),
        ("price", 3, "YES", "numeric", None, 8, 2),
    ]
    for relation, name in (("svv_columns", "table"), ("pg_catalog.svv_all_columns", "schema")):
        schema = "table_schema" if name == "table" else "schema_name"
        where = f"WHERE {schema} = 'tried' AND table_name = 'plays' ORDER BY 2"
        assert made.run(f"{asked} numeric_scale FROM {relation} {where}") == expected
    assert made.run(
        "SELECT column_name, data_type, encoding, distkey, sortkey FROM svv_redshift_columns"
        " WHERE schema_name = 'tried' AND table_name = 'plays' ORDER BY ordinal_position"
    ) == [
        ("id", "integer", "none", True, 2),
        ("title", "character varying(40)", "zstd", False, 1),
        ("price", "numeric(8,2)", "az64", False, 0),
    ]


def test_a_user_sees_what_the_user_may_see(made):
    seen = "SELECT COUNT(*) FROM svv_tables WHERE table_schema = 'tried'"
    made.run("CREATE USER onlooker PASSWORD 'Onlooker-1'; GRANT USAGE ON SCHEMA tried TO onlooker")
    try:
        made.run("SET SESSION AUTHORIZATION onlooker")
        assert made.one(seen) == 0
        made.run("RESET SESSION AUTHORIZATION; GRANT SELECT ON plays TO onlooker; SET SESSION AUTHORIZATION onlooker")
        assert made.one(seen) == 1
    finally:
        made.run(
            "RESET SESSION AUTHORIZATION; REVOKE ALL ON plays FROM onlooker; REVOKE ALL ON SCHEMA tried FROM onlooker"
        )
        made.run("DROP USER onlooker")


# --- keys: CREATE TABLE, https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html ---

KEYS = (
    "CREATE TABLE parent (a int PRIMARY KEY, b int UNIQUE); CREATE TABLE child (x int NOT NULL, y int NOT NULL "
    "REFERENCES parent, z int REFERENCES nowhere (z), CONSTRAINT pair PRIMARY KEY (y, x), "
    "FOREIGN KEY (z) REFERENCES parent (b))"
)


@pytest.fixture
def keys(sql):
    sql.run(KEYS)
    return sql


def test_keys_are_constraints_that_can_be_read(keys):
    assert keys.run(
        "SELECT conname, contype, conrelid::regclass::text, conkey, confrelid::regclass::text, confkey,"
        " pg_catalog.pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint ORDER BY 1"
    ) == [
        ("child_y_fkey", "f", "child", [2], "parent", [1], "FOREIGN KEY (y) REFERENCES parent(a)"),
        ("child_z_fkey1", "f", "child", [3], "parent", [2], "FOREIGN KEY (z) REFERENCES parent(b)"),
        ("pair", "p", "child", [2, 1], "-", None, "PRIMARY KEY (y, x)"),
        ("parent_b_key", "u", "parent", [2], "-", None, "UNIQUE (b)"),
        ("parent_pkey", "p", "parent", [1], "-", None, "PRIMARY KEY (a)"),
    ]


def test_the_information_schema_knows_the_keys(keys):
    assert keys.run(
        "SELECT constraint_name, constraint_type, enforced FROM information_schema.table_constraints"
        " WHERE table_schema = 'tried' ORDER BY 1"
    ) == [
        ("child_y_fkey", "FOREIGN KEY", "NO"),
        ("child_z_fkey", "FOREIGN KEY", "NO"),
        ("child_z_fkey1", "FOREIGN KEY", "NO"),
        ("pair", "PRIMARY KEY", "NO"),
        ("parent_b_key", "UNIQUE", "NO"),
        ("parent_pkey", "PRIMARY KEY", "NO"),
    ]
    assert keys.run(
        "SELECT k.column_name, k.ordinal_position, r.unique_constraint_name, u.table_name, u.column_name"
        " FROM information_schema.key_column_usage k"
        " JOIN information_schema.referential_constraints r ON r.constraint_name = k.constraint_name"
        " JOIN information_schema.constraint_column_usage u ON u.constraint_name = k.constraint_name ORDER BY 1"
    ) == [("y", 1, "parent_pkey", "parent", "a"), ("z", 1, "parent_b_key", "parent", "b")]
    rows = keys.run(
        "SELECT column_name FROM information_schema.key_column_usage WHERE constraint_name = 'pair' ORDER BY 1 DESC"
    )
    assert rows == [("y",), ("x",)]


def test_keys_are_indexes_that_drivers_ask_for(keys):
    # As redshift_connector and the JDBC driver ask for primary keys, and awswrangler.
    assert keys.run(
        "SELECT ct.relname, a.attname, a.attnum, ci.relname FROM pg_catalog.pg_namespace n, pg_catalog.pg_class ct,"
        " pg_catalog.pg_class ci, pg_catalog.pg_attribute a, pg_catalog.pg_index i WHERE ct.oid = i.indrelid AND"
        " ci.oid = i.indexrelid AND a.attrelid = ci.oid AND i.indisprimary AND ct.relnamespace = n.oid ORDER BY 1, 3"
    ) == [("child", "y", 1, "pair"), ("child", "x", 2, "pair"), ("parent", "a", 1, "parent_pkey")]
    assert keys.run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'tried' AND tablename = 'child'"
    ) == [("pair", "CREATE UNIQUE INDEX pair ON tried.child USING btree (y, x)")]


def test_keys_follow_their_table(keys):
    keys.run("ALTER TABLE parent RENAME TO elder; ALTER TABLE elder RENAME COLUMN a TO number")
    assert keys.run("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY conname") == [
        ("FOREIGN KEY (y) REFERENCES elder(number)",),
        ("FOREIGN KEY (z) REFERENCES elder(b)",),
    ]
    keys.run("ALTER TABLE child DROP COLUMN z; ALTER TABLE child DROP CONSTRAINT pair; DROP TABLE elder")
    assert keys.run("SELECT conname FROM pg_constraint") == []
    keys.run("ALTER TABLE child ADD PRIMARY KEY (x)")
    assert keys.run("SELECT conname FROM pg_constraint") == [("child_pkey",)]


def test_nothing_of_ours_is_a_key_or_an_index(sql):
    sql.run("CREATE TABLE plain (a int IDENTITY(0, 1), b varchar(3)) SORTKEY (a)")
    assert sql.run("SELECT relname, relhasindex, relchecks FROM pg_class WHERE relname ~ 'plain|zone maps|_seq$'") == [
        ("plain", False, 0)
    ]
    for relation in ("pg_constraint", "pg_index", "pg_indexes"):
        assert sql.one(f"SELECT COUNT(*) FROM {relation}") == 0
    assert sql.one("SELECT COUNT(*) FROM pg_namespace WHERE nspname = 'redshift'") == 0


def test_drivers_may_write_a_number_and_a_word_as_one(plain_sql):
    # As redshift_connector asks for columns.
    assert plain_sql.one("SELECT CASE 2 WHEN 1 THEN 3WHEN 2 THEN -4ELSE 5 END") == -4


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE w (a int, PRIMARY KEY (b))", 'column "b" named in key does not exist'),
        (
            "CREATE TABLE w (a int, CONSTRAINT k UNIQUE (a), CONSTRAINT k UNIQUE (a))",
            'constraint "k" for relation "w" already',
        ),
    ],
)
def test_a_wrong_key_is_an_error(sql, statement, message):
    with pytest.raises(psycopg2.Error, match=message):
        sql.run(statement)
