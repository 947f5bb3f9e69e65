"""What PostgreSQL takes and Redshift refuses, as data: patterns, names of functions, and Redshift's way to say it.

Sources: Redshift Database Developer Guide, "Unsupported PostgreSQL features", "Unsupported PostgreSQL functions",
"SQL functions supported on the leader node", and the syntax of each statement.
"""

from __future__ import annotations

import re

from dwh.local.redshift.dialect.lexer import word_set
from dwh.local.redshift.errors import RedshiftError, not_supported, refused

# Searched in the statement in lower case, its strings, quoted names and comments emptied. The first hit counts.
CONSTRUCTS = (
    (r"^\s*(create|drop)\s+(unique\s+)?index\b", "an index", "use SORTKEY"),
    (
        r"^\s*(create|drop|alter)\s+(or\s+replace\s+)?(trigger|rule|sequence|domain|extension|type|tablespace|aggregate|operator|policy|event)\b",
        "a trigger, rule, sequence, domain, extension or type",
        "use IDENTITY for numbers",
    ),
    (r"^\s*do\b", "DO", ""),
    (r"^\s*declare\s+\S+\s+((insensitive|asensitive|no|scroll)\s+)*binary\b", "a BINARY cursor", ""),
    (
        r"^\s*(savepoint|release|rollback\s+(work\s+|transaction\s+)?to)\b",
        "SAVEPOINT",
        "one transaction is all or nothing",
    ),
    (r"^\s*(listen|notify|unlisten|cluster|reindex|values|table)\b", "the statement", ""),
    (r"\bas\s*\(\s*(insert|update|delete|merge)\b", "a statement that changes data in WITH", ""),
    (r"^\s*explain\s*(verbose\s*)?\((?!\s*(select|with)\b)", "EXPLAIN with options in parentheses", ""),
    (r"^\s*create\s+schema\b.*\b(create|grant)\b", "CREATE SCHEMA with what is in it", "create it afterwards"),
    (r"^\s*alter\s+user\b.*\bset\s+(?!search_path|statement_timeout|query_group)", "this setting of a user", ""),
    (r"\bdistinct\s+on\s*\(", "SELECT DISTINCT ON", "use QUALIFY ROW_NUMBER() OVER (PARTITION BY ...) = 1"),
    (r"\bon\s+conflict\b", "ON CONFLICT", "use MERGE, or DELETE and INSERT in one transaction"),
    (r"\breturning\b", "RETURNING", ""),
    (r"->>?|#>>?|@>|<@", "a JSON or array operator", "use JSON_EXTRACT_PATH_TEXT"),
    # The leader node has arrays of its own for queries of the catalogue.
    (r"^(?!.*\bpg_catalog\.).*(\barray\s*\[|\[\s*\])", "an array", "use SUPER"),
    (r"\bfilter\s*\(\s*where\b", "FILTER (WHERE ...)", "use SUM(CASE WHEN ... THEN 1 END)"),
    (r"\blateral\b", "LATERAL", "use a join or a window function"),
    (r"\btablesample\b", "TABLESAMPLE", "use WHERE RANDOM() < ..."),
    (r"\bas\s+(not\s+)?materialized\s*\(", "AS MATERIALIZED", "leave the word out"),
    (r"\bwindow\s+\w+\s+as\s*\(", "the WINDOW clause", "write the window after each OVER"),
    (r"\bfor\s+(no\s+key\s+update|update|share|key\s+share)\b", "FOR UPDATE", "use LOCK"),
    (r"\bfetch\s+(first|next)\s.*\bonly\b", "FETCH FIRST", "use LIMIT"),
    (r"\bwith\s+ties\b", "WITH TIES", "use RANK"),
    (r"(\bfrom|\bjoin|,)\s*\(\s*values\b", "VALUES as a table", "use SELECT ... UNION ALL SELECT ..."),
    (
        r"^\s*truncate\s+(table\s+)?[\w.\"#]+\s*(,|cascade\b|restrict\b|restart\b|continue\b)",
        "TRUNCATE of several tables, CASCADE and RESTART",
        "truncate one table",
    ),
    (
        r"^\s*alter\s+table\b[^;]*\badd\b[^;(]*(\([^)]*\))?[^;(]*,\s*add\b",
        "ALTER TABLE with two ADDs",
        "add one column a statement",
    ),
    (
        r"\bto_timestamp\s*\([^(),]*(\([^()]*\))?[^(),]*\)",
        "TO_TIMESTAMP of an epoch",
        "use TIMESTAMP 'epoch' + seconds * INTERVAL '1 second'",
    ),
    (r"\bis\s+(not\s+)?distinct\s+from\b", "IS DISTINCT FROM", "use NVL, or compare and test for NULL"),
    (r"\brows\s+from\s*\(", "ROWS FROM", ""),
    (r"\boverriding\s+\w+\s+value\b", "OVERRIDING VALUE", "leave the IDENTITY column out, or COPY with EXPLICIT_IDS"),
    (r"\bcreate\s+(unlogged|foreign)\s+table\b", "an UNLOGGED or FOREIGN table", ""),
    (r"\b(inherits|partition\s+of|tablespace)\b\s*\(?", "INHERITS, PARTITION OF and TABLESPACE", ""),
    (r"\bconcurrently\b", "CONCURRENTLY", ""),
    (r"\b(current_|local)time(stamp)?\b", "CURRENT_TIMESTAMP on tables", "use GETDATE() or SYSDATE"),
    (r"^\s*lock\b.*\bmode\b", "LOCK with a mode", "LOCK table: the mode is ACCESS EXCLUSIVE"),
    (r"\bgenerated\s+always\b", "GENERATED ALWAYS AS", "use IDENTITY(seed, step)"),
)

# What Redshift has and the stand-in has not.
MISSING = (
    (r"^\s*unload\b", "UNLOAD"),
    (r"^\s*(call|create\s+(or\s+replace\s+)?(procedure|function|library|model))\b", "a procedure or function"),
    (r"^\s*create\s+(external|datashare)\b", "an external schema, an external table or a datashare"),
    (r"\bwith\s+no\s+schema\s+binding\b", "WITH NO SCHEMA BINDING"),
    (r"\bgroup\s+by\s+all\b", "GROUP BY ALL"),
    (r"(\*|\bselect\b[^;]*)\s+exclude\s*\(?\s*[\w\"]", "SELECT * EXCLUDE"),
    (r"\b(pivot|unpivot)\s*\(", "PIVOT"),
    (r"\b(ignore|respect)\s+nulls\b", "IGNORE NULLS"),
    (
        r"^(?!.*\bpg_catalog\.).*(\b(?!(select|from|where|and|or|not|on|by|in|values)\b)[a-z_]\w*|\"q\"|\))\s*\[[^][]+\]",
        "navigation into SUPER",
    ),
    (r"\(\s*\+\s*\)", "the (+) of an outer join"),
    (
        r"\bpercentile_(cont|disc)\s*\([^()]*\)\s*within\s+group\s*\(([^()]|\([^()]*\))*\)\s*over\b",
        "PERCENTILE_CONT or PERCENTILE_DISC as a window function",
    ),
    (r"\bconnect\s+by\b|\bstart\s+with\b", "CONNECT BY"),
    (r"^\s*alter\s+table\b.*\bappend\s+from\b", "ALTER TABLE APPEND"),
    (r"^\s*analyze\s+compression\b", "ANALYZE COMPRESSION"),
    (r"\bremove\s+duplicates\b", "MERGE ... REMOVE DUPLICATES"),
)

# Redshift's functions: those that PostgreSQL has under the same name and meaning, and those that sql/ defines.
# A call of any other function is refused, or PostgreSQL's own would run where Redshift has none.
FUNCTIONS = word_set(
    """
    avg count max min sum stddev stddev_samp stddev_pop variance var_samp var_pop bool_and bool_or bit_and
    bit_or listagg median percentile_cont percentile_disc any_value row_number rank dense_rank ntile lag lead
    first_value last_value nth_value cume_dist percent_rank ratio_to_report grouping coalesce nvl nvl2 nullif decode
    greatest least getdate dateadd date_add datediff date_diff date_part date_trunc extract convert_timezone
    add_months last_day months_between next_day to_timestamp to_date to_char to_number date_part_year date_cmp
    timestamp_cmp timezone date abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees dexp dlog1 dlog10 exp
    floor ln log mod pi power pow radians random round sign sin sqrt tan trunc ascii btrim char_length
    character_length charindex chr concat initcap left len length textlen lower lpad ltrim md5 octet_length
    overlay position quote_ident quote_literal regexp_count regexp_instr regexp_replace regexp_substr repeat
    replace replicate reverse right rpad rtrim sha2 split_part strpos substring substr
    translate trim upper to_hex json_extract_path_text json_extract_array_element_text json_array_length
    is_valid_json is_valid_json_array json_parse json_serialize can_json_parse current_schema current_schemas
    current_database current_user session_user user version has_table_privilege
    has_schema_privilege has_database_privilege format_encoding format_type col_description obj_description cast convert
    """
)
INSTEAD = {
    "age": "use DATEDIFF",
    "array_agg": "use LISTAGG",
    "clock_timestamp": "use GETDATE() or SYSDATE",
    "gen_random_uuid": "make keys in the data, or use IDENTITY",
    "generate_series": "use WITH RECURSIVE, or a table of numbers",
    "json_agg": "use LISTAGG",
    "make_date": "use TO_DATE",
    "mode": "count and rank",
    "nextval": "use IDENTITY",
    "now": "use GETDATE() or SYSDATE",
    "regexp_match": "use REGEXP_SUBSTR",
    "regexp_matches": "use REGEXP_SUBSTR",
    "string_agg": "use LISTAGG(x, ',') WITHIN GROUP (ORDER BY ...)",
    "unnest": "use SUPER",
}

# Words that stand before a parenthesis and call nothing.
NO_CALL = word_set(
    """
    all and any as between by case check columns cube distinct else end except exists filter foreign from full
    group grouping having identity ilike in inner intersect interval into is join key like limit minus not
    offset on operator or order outer over partition primary qualify range recursive references returns rollup rows
    select set sets similar some sortkey distkey table then to top union unique using values when where with
    within varchar char character varying numeric decimal float time timestamp nvarchar nchar bpchar
    """
)
# A name before a parenthesis is a table, and no function, after one of these.
BEFORE_TABLE = frozenset(("INTO", "TABLE", "VIEW", "REFERENCES", "AS", "EXISTS", ")", ".", "COPY"))

NEVER = re.compile(
    r"set_config|current_setting|generate_\w+|lo_\w+|lo\w*(read|write)|pg_(try_)?advisory\w*|pg_notify|pg_export_snapshot"
    r"|query_to_xml\w*|dblink\w*|now|clock_timestamp|statement_timestamp|transaction_timestamp"
)

# Relations and functions of pg_catalog that show more, or less, on Redshift: ours are in the schema redshift
# (sql/keys.sql, sql/catalogue.sql).
CATALOGUE = word_set(
    """
    pg_namespace pg_class pg_attribute pg_attrdef pg_constraint pg_index pg_indexes pg_get_constraintdef pg_get_indexdef
    """
)

# System tables that are not there, and what says the same.
SYSTEM_INSTEAD = {
    name: instead
    for instead, names in {
        "pg_namespace": "svv_all_schemas svv_redshift_schemas",
        "pg_stat_activity": "stv_inflight stv_recents stv_sessions stl_sessions",
        "pg_user": "svl_user_info svv_user_info svv_users",
        "stl_load_errors": "stl_loaderror_detail",
        "stl_load_commits": "stl_file_scan stl_s3client stl_s3list",
        "svv_table_info": "stv_blocklist stv_tbl_perm svv_diskusage stv_partitions",
        "svv_transactions": "stv_locks",
        "sys_load_history": "stv_load_state sys_load_detail",
    }.items()
    for name in names.split()
}

# Settings of Redshift that PostgreSQL lacks; they are remembered for the session and do nothing.
OWN_SETTINGS = word_set(
    """
    query_group enable_result_cache_for_session wlm_query_slot_count analyze_threshold_percent
    enable_vacuum_boost describe_field_name_in_uppercase json_serialization_enable json_parse_truncate_strings
    error_on_nondeterministic_update mv_enable_aqmv_for_session
    """
)
SETTINGS = word_set(
    """
    search_path statement_timeout datestyle timezone extra_float_digits client_encoding application_name
    """
)
# Of clients: Redshift converts none, and the server reads statements as UTF-8.
ENCODINGS = ("UTF8", "UTF-8", "UNICODE", "SQL_ASCII")


def check(text: str) -> None:
    """Refuse the constructs that Redshift, or the stand-in, does not have.

    Args:
        text: the statement, blanked (``lexer.blanked``).

    Raises:
        RedshiftError: naming the construct and Redshift's way to say it.
    """
    for pattern, construct, instead in CONSTRUCTS:
        if re.search(pattern, text, re.DOTALL):
            raise refused(construct, instead)
    for pattern, construct in MISSING:
        if re.search(pattern, text, re.DOTALL):
            raise not_supported(construct)


def check_hidden(name: str) -> None:
    """Refuse a function that is quoted or qualified, where a name that is not known may be one of the catalogue's.

    Raises:
        RedshiftError: it changes how statements are read, or is one of PostgreSQL's own.
    """
    if NEVER.fullmatch(name):
        raise RedshiftError(f"function {name} is not supported by the local target", "42883")


def system_table(message: str) -> RedshiftError | None:
    """What to say in place of "relation ... does not exist", if it is a system table of Redshift."""
    found = re.match(r'relation "(?:pg_catalog\.)?((?:stl|stv|svv|svl|svcs|sys)_\w+)" does not exist', message)
    if found is None:
        return None
    instead = SYSTEM_INSTEAD.get(found[1], "")
    return not_supported(f"the system table {found[1]}", f"use {instead}" if instead else "")


def check_function(name: str) -> None:
    """Refuse a function that Redshift, or the stand-in, does not have.

    Raises:
        RedshiftError: with Redshift's way to say it, where there is one.
    """
    if name not in FUNCTIONS and not name.startswith(("pg_", "has_")):
        raise RedshiftError(
            f"function {name} is not supported by the local target", "42883", hint=INSTEAD.get(name, "")
        )
    check_hidden(name)
