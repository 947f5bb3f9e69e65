-- Logs of COPY. Each row is written twice: by the session, for the rest of its transaction (whose snapshot
-- is older than the log's), and by a second connection, to outlast a rollback. The views fold equal rows.
CREATE TABLE redshift.load_errors (
    userid int, slice int, tbl int, starttime timestamp, session int, query int, filename text, line_number bigint,
    colname text, type text, col_length text, position int, raw_line text, raw_field_value text, err_code int,
    err_reason text, place int);
CREATE TABLE redshift.load_history (
    user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
    table_name text, start_time timestamp, end_time timestamp, data_source text, file_format text,
    loaded_rows bigint, loaded_bytes bigint, source_file_count int, source_file_bytes bigint,
    file_count_scanned int, file_bytes_scanned bigint, error_count bigint);
-- Loads that run now, as far as they are.
CREATE TABLE redshift.load_progress (
    query_id bigint PRIMARY KEY, user_id int, transaction_id bigint, session_id int, database_name text,
    table_name text, start_time timestamp, data_source text, loaded_rows bigint, bytes bigint, files int,
    error_count bigint);
CREATE TABLE redshift.load_commits (
    userid int, query int, filename text, lines_scanned int, errors int, curtime timestamp);
CREATE INDEX ON redshift.load_commits (query);
CREATE TABLE redshift.last_copy (session int, began timestamptz, query int, loaded bigint);
GRANT INSERT, UPDATE, DELETE ON redshift.load_progress TO PUBLIC;
GRANT INSERT ON redshift.load_errors, redshift.load_history, redshift.load_commits, redshift.last_copy TO PUBLIC;

CREATE VIEW pg_catalog.stl_load_errors AS
SELECT userid, slice, tbl, starttime, session, query, filename::char(256), line_number, colname::char(127),
       type::char(10), col_length::char(10), position, raw_line::char(1024), raw_field_value::char(1024), err_code,
       err_reason::char(100), 0 AS is_partial, 0::bigint AS start_offset, (-1)::bigint AS copy_job_id
FROM (SELECT DISTINCT * FROM redshift.load_errors) AS e;

CREATE VIEW pg_catalog.sys_load_error_detail AS
SELECT e.userid AS user_id, e.query::bigint AS query_id, h.transaction_id, e.session AS session_id,
       current_database()::char(64) AS database_name, e.tbl AS table_id, e.starttime AS start_time,
       e.filename::char(256) AS file_name, e.line_number, e.colname::char(127) AS column_name,
       e.type::char(10) AS column_type, e.col_length::char(10) AS column_length, e.position,
       e.err_code AS error_code, e.err_reason::char(512) AS error_message
FROM (SELECT DISTINCT * FROM redshift.load_errors) AS e
LEFT JOIN (SELECT DISTINCT query_id, transaction_id FROM redshift.load_history) AS h ON h.query_id = e.query;

CREATE VIEW pg_catalog.sys_load_history AS
SELECT user_id, query_id, transaction_id, session_id, database_name, status, table_name, start_time, end_time,
       (extract(epoch FROM end_time - start_time) * 1000000)::bigint AS duration, data_source, file_format,
       loaded_rows, loaded_bytes, source_file_count, source_file_bytes, file_count_scanned, file_bytes_scanned,
       error_count, (-1)::bigint AS copy_job_id
FROM (
    SELECT DISTINCT * FROM redshift.load_history
    UNION ALL
    SELECT p.user_id, p.query_id, p.transaction_id, p.session_id, p.database_name, 'running', p.table_name, p.start_time,
           NULL, p.data_source, 'JSON', p.loaded_rows, p.bytes, p.files, p.bytes, p.files, p.bytes, p.error_count
    FROM redshift.load_progress AS p
    JOIN pg_stat_get_activity(NULL) AS a ON a.pid = p.session_id -- one that was killed runs no more
) AS h;

CREATE VIEW pg_catalog.stl_load_commits AS
SELECT userid, query, 0 AS slice, ''::char(256) AS name, filename::char(256), 0 AS byte_offset, lines_scanned,
       errors, curtime, 1 AS status, 'JSON'::char(16) AS file_format, 0 AS is_partial, 0::bigint AS start_offset,
       (-1)::bigint AS copy_job_id
FROM (SELECT DISTINCT * FROM redshift.load_commits) AS c;

-- When this session began. PostgreSQL hides it from a user for whom the login was lent.
CREATE FUNCTION redshift.session_began() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT backend_start FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())';
CREATE VIEW redshift.my_last_copy AS
SELECT query, loaded FROM redshift.last_copy
WHERE session = pg_backend_pid() AND began >= redshift.session_began()
ORDER BY query DESC LIMIT 1;
CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
AS 'SELECT coalesce((SELECT loaded FROM redshift.my_last_copy), 0)';
CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS integer LANGUAGE sql STABLE
AS 'SELECT coalesce((SELECT query FROM redshift.my_last_copy), -1)';

CREATE VIEW pg_catalog.pg_table_def AS
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
       format_type(a.atttypid, a.atttypmod)::varchar(128) AS type, e.encoding, e.distkey, e.sortkey, a.attnotnull AS "notnull"
FROM redshift.encodings AS e
JOIN pg_class AS c ON c.oid = e.tbl
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = e.tbl AND a.attnum = e.attnum
WHERE n.nspname NOT IN ('redshift', 'information_schema', 'pg_catalog') AND n.nspname = ANY (current_schemas(true))
ORDER BY schemaname, tablename, a.attnum;

-- The rows of a table, counted, if the session may read it.
CREATE FUNCTION redshift.rows_of(tbl oid) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    found bigint;
BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid = tbl AND NOT pg_is_other_temp_schema(relnamespace)
               AND has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT')) THEN
        EXECUTE format('SELECT count(*) FROM %s', tbl::regclass) INTO found;
    END IF;
    RETURN found;
END $$;

CREATE VIEW pg_catalog.svv_table_info AS
SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid::int AS table_id, c.relname::text AS "table",
       CASE WHEN t.autoencode THEN 'Y, AUTO(ENCODE)' ELSE 'Y' END AS encoded,
       CASE t.diststyle WHEN 'KEY' THEN 'KEY(' || dist.attname || ')' WHEN 'AUTO' THEN 'AUTO(ALL)' ELSE t.diststyle END
           AS diststyle,
       CASE WHEN sort.attname IS NULL THEN CASE WHEN t.autosort THEN 'AUTO(SORTKEY)' END
            WHEN t.interleaved THEN 'INTERLEAVED' ELSE sort.attname::text END AS sortkey1,
       (SELECT coalesce(max(atttypmod - 4), 0) FROM pg_attribute WHERE attrelid = c.oid AND atttypid = 'varchar'::regtype)::int
           AS max_varchar,
       sort.encoding AS sortkey1_enc,
       (SELECT count(*) FROM redshift.column_attributes WHERE tbl = c.oid AND sortkey <> 0)::int AS sortkey_num,
       ceil(pg_total_relation_size(c.oid) / 1048576.0)::bigint AS size, NULL::numeric(10, 4) AS pct_used, 0::bigint AS empty,
       NULL::numeric(5, 2) AS unsorted, NULL::numeric(5, 2) AS stats_off,
       redshift.rows_of(c.oid)::numeric(38, 0) AS tbl_rows, NULL::numeric(19, 2) AS skew_sortkey1,
       NULL::numeric(19, 2) AS skew_rows, redshift.rows_of(c.oid)::numeric(38, 0) AS estimated_visible_rows,
       NULL::text AS risk_event, NULL::numeric(12, 2) AS vacuum_sort_benefit, t.created AS create_time
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN redshift.table_attributes AS t ON t.tbl = c.oid
LEFT JOIN LATERAL (SELECT a.attname FROM redshift.column_attributes k JOIN pg_attribute a ON a.attrelid = k.tbl
    AND a.attnum = k.attnum WHERE k.tbl = c.oid AND k.distkey LIMIT 1) AS dist ON true
LEFT JOIN LATERAL (SELECT a.attname, coalesce(k.encoding, 'none') AS encoding FROM redshift.column_attributes k
    JOIN pg_attribute a ON a.attrelid = k.tbl AND a.attnum = k.attnum WHERE k.tbl = c.oid AND abs(k.sortkey) = 1 LIMIT 1)
    AS sort ON true
WHERE c.relkind = 'r' AND redshift.rows_of(c.oid) > 0;  -- empty tables are not listed

-- Who holds locks: STV_LOCKS and the like in one view.
CREATE VIEW pg_catalog.svv_transactions AS
SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, coalesce(a.backend_xid::text, '0')::bigint AS xid, a.pid,
       a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode, l.locktype AS lockable_object_type,
       l.relation::int AS relation, l.granted
FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE a.datname = current_database();
