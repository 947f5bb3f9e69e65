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
CREATE FUNCTION pg_catalog.format_encoding(number integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT (string_to_array('none az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd', ' '))[number + 1]
$$;
CREATE FUNCTION redshift.encoding_number(name text) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
SELECT (array_position(string_to_array('none az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k zstd', ' '), name) - 1)::smallint
$$;

-- https://docs.aws.amazon.com/redshift/latest/dg/viewing-distribution-styles.html
-- The checks of lengths and the zone maps are ours: a table has neither constraints of that kind nor indexes.
DO $$
BEGIN
    EXECUTE format('CREATE VIEW redshift.pg_class AS SELECT %s,
        CASE t.diststyle WHEN ''KEY'' THEN 1 WHEN ''ALL'' THEN 8 WHEN ''AUTO'' THEN 10 ELSE 0 END::smallint AS reldiststyle,
        false AS relhasoids
        FROM pg_catalog.pg_class AS c LEFT JOIN redshift.table_attributes AS t ON t.tbl = c.oid',
        (SELECT string_agg(CASE attname WHEN 'relhasindex' THEN 'false AS relhasindex'
                                        WHEN 'relchecks' THEN '0::smallint AS relchecks' ELSE 'c.' || quote_ident(attname) END,
                           ', ' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = 'pg_class'::regclass AND attnum > 0));
END $$;

CREATE VIEW redshift.pg_attribute AS
SELECT a.*, coalesce(e.distkey, false) AS attisdistkey, coalesce(e.sortkey, 0) AS attsortkeyord,
       redshift.encoding_number(coalesce(e.encoding, 'none')) AS attencodingtype
FROM pg_catalog.pg_attribute AS a
LEFT JOIN redshift.encodings AS e ON e.tbl = a.attrelid AND e.attnum = a.attnum;
CREATE VIEW redshift.pg_attrdef AS
SELECT d.*, pg_get_expr(d.adbin, d.adrelid) AS adsrc FROM pg_catalog.pg_attrdef AS d;

-- There are no external tables and no late-binding views here.
CREATE VIEW pg_catalog.svv_external_schemas AS
SELECT NULL::int AS esoid, NULL::smallint AS eskind, NULL::varchar(128) AS schemaname, NULL::int AS esowner,
       NULL::varchar(128) AS databasename, NULL::varchar(1024) AS esoptions WHERE false;
CREATE VIEW pg_catalog.svv_external_tables AS
SELECT NULL::varchar(128) AS redshift_database_name, NULL::varchar(128) AS schemaname, NULL::varchar(128) AS tablename,
       NULL::varchar(128) AS tabletype, NULL::varchar(1024) AS location, NULL::varchar(128) AS input_format,
       NULL::varchar(128) AS output_format, NULL::varchar(128) AS serialization_lib, NULL::varchar(1024) AS serde_parameters,
       NULL::int AS compressed, NULL::varchar(1024) AS parameters WHERE false;
CREATE VIEW pg_catalog.svv_external_columns AS
SELECT NULL::varchar(128) AS redshift_database_name, NULL::varchar(128) AS schemaname, NULL::varchar(128) AS tablename,
       NULL::varchar(128) AS columnname, NULL::varchar(128) AS external_type, NULL::int AS columnnum, NULL::int AS part_key,
       NULL::varchar(8) AS is_nullable WHERE false;
CREATE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql STABLE AS
    'SELECT NULL::name, NULL::name, NULL::name, NULL::varchar, NULL::int WHERE false';
GRANT SELECT ON redshift.pg_class, redshift.pg_attribute, redshift.pg_attrdef, pg_catalog.svv_external_schemas, pg_catalog.svv_external_tables,
    pg_catalog.svv_external_columns TO PUBLIC;
