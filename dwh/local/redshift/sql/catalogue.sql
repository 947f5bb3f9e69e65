-- What tools read of pg_catalog and PostgreSQL does not have there. A statement that names one of these relations reads
-- ours instead (dialect/refusals.py, CATALOGUE).

-- How columns are encoded: by PG_TABLE_DEF's rule where nothing was said.
CREATE VIEW redshift.encodings AS
SELECT a.attrelid AS tbl, a.attnum,
       coalesce(ca.encoding,
           CASE WHEN c.relpersistence = 't' OR ca.sortkey <> 0 THEN 'none'
                WHEN a.atttypid IN ('bool'::regtype, 'float4'::regtype, 'float8'::regtype, 'super'::regtype) THEN 'none'
                WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype, 'text'::regtype) THEN 'lzo'
                ELSE 'az64' END)::varchar(32) AS encoding,
       coalesce(ca.distkey, false) AS distkey, coalesce(ca.sortkey, 0) AS sortkey
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
LEFT JOIN redshift.column_attributes AS ca ON ca.tbl = a.attrelid AND ca.attnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped;

-- The numbers under which Redshift keeps encodings are not documented: these are good for FORMAT_ENCODING alone.
CREATE FUNCTION redshift.encoding_names() RETURNS text[] IMMUTABLE RETURN string_to_array(
    'none az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd', ' ');
CREATE FUNCTION pg_catalog.format_encoding(number integer) RETURNS text IMMUTABLE RETURN (redshift.encoding_names())[number + 1];

-- https://docs.aws.amazon.com/redshift/latest/dg/viewing-distribution-styles.html
-- Checks of lengths, zone maps and sequences are ours: a table has no other constraints and indexes than its keys. The row of
-- a key is that of an index of PostgreSQL's, but for what it is the index of.
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT string_agg(CASE attname WHEN 'relhasindex' THEN 'coalesce(k.indexed, false)' WHEN 'relchecks' THEN '0::smallint'
                                       WHEN 'relhastriggers' THEN 'coalesce(k.refers, false)' ELSE 'c.' || attname END
                          || ' AS ' || attname, ', ' ORDER BY attnum) AS tables,
               string_agg(CASE attname WHEN 'oid' THEN 'k.oid' WHEN 'relname' THEN 'k.name' WHEN 'relnatts' THEN 'cardinality(k.columns)'
                                       WHEN 'relnamespace' THEN 'k.relnamespace' WHEN 'relowner' THEN 'k.relowner'
                                       WHEN 'reltuples' THEN '0' WHEN 'relpages' THEN '0' ELSE 'c.' || attname END,
                          ', ' ORDER BY attnum) AS indexes
        FROM pg_attribute WHERE attrelid = 'pg_class'::regclass AND attnum > 0
    LOOP
        EXECUTE format('CREATE VIEW redshift.pg_class AS SELECT %s,
            CASE t.diststyle WHEN ''KEY'' THEN 1 WHEN ''ALL'' THEN 8 WHEN ''AUTO'' THEN 10 ELSE 0 END::smallint AS reldiststyle,
            false AS relhasoids
            FROM pg_catalog.pg_class AS c LEFT JOIN redshift.table_attributes AS t ON t.tbl = c.oid
            LEFT JOIN (SELECT tbl, bool_or(kind <> ''f'') AS indexed, bool_or(kind = ''f'') AS refers FROM redshift.known_keys
                       GROUP BY tbl) AS k ON k.tbl = c.oid
            WHERE c.relkind NOT IN (''i'', ''S'') OR c.oid < 16384
            UNION ALL SELECT %s, 0, false
            FROM redshift.known_keys AS k JOIN pg_catalog.pg_class AS c ON c.oid = ''pg_class_oid_index''::regclass
            WHERE k.kind <> ''f''', item.tables, item.indexes);
    END LOOP;
    EXECUTE format('CREATE VIEW redshift.pg_attribute AS
        SELECT a.*, coalesce(e.distkey, false) AS attisdistkey, coalesce(e.sortkey, 0) AS attsortkeyord,
               (array_position(redshift.encoding_names(), coalesce(e.encoding, ''none'')) - 1)::smallint AS attencodingtype
        FROM pg_catalog.pg_attribute AS a
        LEFT JOIN redshift.encodings AS e ON e.tbl = a.attrelid AND e.attnum = a.attnum
        UNION ALL SELECT %s, false, 0, 0
        FROM redshift.known_keys AS k CROSS JOIN LATERAL unnest(k.columns) WITH ORDINALITY AS u (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.tbl AND a.attnum = u.number WHERE k.kind <> ''f''',
        (SELECT string_agg(CASE attname WHEN 'attrelid' THEN 'k.oid' WHEN 'attnum' THEN 'u.place::smallint' ELSE 'a.' || attname END,
                           ', ' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = 'pg_attribute'::regclass AND attnum > 0));
END $$;
CREATE VIEW redshift.pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE nspname NOT IN ('redshift', 'pg_toast');
CREATE VIEW redshift.pg_attrdef AS
SELECT d.*, pg_get_expr(d.adbin, d.adrelid) AS adsrc FROM pg_catalog.pg_attrdef AS d;

-- There are no external tables and no late-binding views here.
CREATE VIEW pg_catalog.svv_external_schemas AS
SELECT * FROM json_to_recordset('[]') AS e (esoid int, eskind smallint, schemaname varchar(128), esowner int, databasename varchar(128),
    esoptions varchar(1024));
CREATE VIEW pg_catalog.svv_external_tables AS
SELECT * FROM json_to_recordset('[]') AS e (redshift_database_name varchar(128), schemaname varchar(128), tablename varchar(128),
    tabletype varchar(128), location varchar(1024), input_format varchar(128), output_format varchar(128), serialization_lib varchar(128),
    serde_parameters varchar(1024), compressed int, parameters varchar(1024));
CREATE VIEW pg_catalog.svv_external_columns AS
SELECT * FROM json_to_recordset('[]') AS e (redshift_database_name varchar(128), schemaname varchar(128), tablename varchar(128),
    columnname varchar(128), external_type varchar(128), columnnum int, part_key int, is_nullable varchar(8));
CREATE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql STABLE AS
    'SELECT NULL::name, NULL::name, NULL::name, NULL::varchar, NULL::int WHERE false';

-- Tables, views and their columns, as far as the user may see them. A materialized view is a view on Redshift, too.
CREATE VIEW redshift.relations AS
SELECT c.oid, current_database()::varchar(128) AS database_name, n.nspname::varchar(128) AS schema_name,
       c.relname::varchar(128) AS table_name, c.relkind = 'r' AS is_table, c.relacl::text::varchar(128) AS acl,
       obj_description(c.oid, 'pg_class')::varchar(256) AS remarks, pg_get_userbyid(c.relowner)::varchar(128) AS owner
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname NOT IN ('redshift', 'pg_toast') AND NOT pg_is_other_temp_schema(n.oid)
      AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, REFERENCES')
           OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'));
CREATE VIEW redshift.columns AS
SELECT r.database_name, r.schema_name, r.table_name, a.attname::varchar(128) AS column_name, a.attnum::int AS ordinal_position,
       pg_get_expr(d.adbin, d.adrelid)::varchar(4000) AS column_default,
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END::varchar(3) AS is_nullable,
       format_type(a.atttypid, NULL)::varchar(128) AS data_type, format_type(a.atttypid, a.atttypmod)::varchar(128) AS whole_type,
       information_schema._pg_char_max_length(a.atttypid, a.atttypmod) AS character_maximum_length,
       information_schema._pg_numeric_precision(a.atttypid, a.atttypmod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(a.atttypid, a.atttypmod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(a.atttypid, a.atttypmod) AS numeric_scale,
       information_schema._pg_datetime_precision(a.atttypid, a.atttypmod) AS datetime_precision,
       e.encoding, coalesce(e.distkey, false) AS distkey, coalesce(e.sortkey, 0) AS sortkey, a.attacl::text::varchar(128) AS acl,
       col_description(a.attrelid, a.attnum)::varchar(256) AS remarks
FROM redshift.relations AS r
JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN redshift.encodings AS e ON e.tbl = a.attrelid AND e.attnum = a.attnum;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLES.html and the like, one page a view
CREATE VIEW pg_catalog.svv_tables AS
SELECT database_name::text AS table_catalog, schema_name::text AS table_schema, table_name::text,
       CASE WHEN is_table THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type, remarks::text
FROM redshift.relations;
CREATE VIEW pg_catalog.svv_columns AS
SELECT database_name::text AS table_catalog, schema_name::text AS table_schema, table_name::text, column_name::text,
       ordinal_position, column_default::text, is_nullable::text, data_type::text, character_maximum_length, numeric_precision,
       numeric_precision_radix, numeric_scale, datetime_precision, NULL::text AS interval_type, NULL::text AS interval_precision,
       NULL::text AS character_set_catalog, NULL::text AS character_set_schema, NULL::text AS character_set_name,
       NULL::text AS collation_catalog, NULL::text AS collation_schema, NULL::text AS collation_name, NULL::text AS domain_name,
       remarks::text
FROM redshift.columns;
CREATE VIEW pg_catalog.svv_all_tables AS
SELECT database_name, schema_name, table_name, acl AS table_acl,
       CASE WHEN is_table THEN 'TABLE' ELSE 'VIEW' END::varchar(128) AS table_type, remarks
FROM redshift.relations;
CREATE VIEW pg_catalog.svv_all_columns AS
SELECT database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
       character_maximum_length, numeric_precision, numeric_scale, remarks
FROM redshift.columns;
CREATE VIEW pg_catalog.svv_redshift_tables AS
SELECT database_name, schema_name, table_name, CASE WHEN is_table THEN 'TABLE' ELSE 'VIEW' END::varchar(128) AS table_type,
       acl AS table_acl, remarks, owner AS table_owner
FROM redshift.relations;
CREATE VIEW pg_catalog.svv_redshift_columns AS
SELECT database_name, schema_name, table_name, column_name, ordinal_position, whole_type AS data_type, column_default, is_nullable,
       encoding::varchar(128), distkey, sortkey, acl AS column_acl, remarks
FROM redshift.columns;
