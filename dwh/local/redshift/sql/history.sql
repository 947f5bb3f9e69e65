-- What runs and has run, from the files of history.py; and the sessions. A user sees what is the user's, a superuser everything.
-- Security definer: only a superuser of PostgreSQL reads files. The user is then the one that the session acts as.
CREATE FUNCTION redshift.may_see(userid oid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
SELECT oid = userid OR pg_has_role(oid, 'pg_read_all_stats', 'USAGE') FROM pg_roles
WHERE rolname = CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END
$$;
CREATE FUNCTION redshift.sessions() RETURNS TABLE (pid int, userid oid, database name, began timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
SELECT a.pid, a.usesysid, d.datname, a.backend_start FROM pg_stat_get_activity(NULL) AS a JOIN pg_database AS d ON d.oid = a.datid
WHERE d.datname = current_database() AND a.backend_type = 'client backend' AND a.application_name <> 'redshift log'
      AND (redshift.may_see(a.usesysid) OR a.pid = pg_backend_pid())
$$;
CREATE FUNCTION redshift.history() RETURNS TABLE (
    query bigint, userid int, pid int, database text, kind text, starttime timestamp, endtime timestamp, elapsed bigint,
    status text, rows bigint, error text, statement text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
WITH lines AS MATERIALIZED (
    SELECT CASE WHEN line IS JSON ARRAY THEN line::jsonb END AS l -- one that is cut off is none
    FROM (VALUES ('0'), ('1')) AS f (name), LATERAL string_to_table(
        pg_read_file(format('%s/../history/%s', current_setting('data_directory'), name), true), E'\n') AS line
), statements AS (
    SELECT DISTINCT ON ((l->>0)::bigint) (l->>0)::bigint AS query, (l->>1)::int AS userid, (l->>2)::int AS pid, l->>3 AS database,
           l->>4 AS kind, (l->>5)::bigint AS began, (l->>6)::bigint AS ended, l->>7 AS status, (l->>8)::bigint AS rows,
           l->>9 AS error, l->>10 AS statement
    FROM lines WHERE (l->>1)::oid = ANY (ARRAY(SELECT oid FROM pg_roles WHERE redshift.may_see(oid)))
    ORDER BY (l->>0)::bigint, ended NULLS LAST
)
SELECT s.query, s.userid, s.pid, s.database, s.kind, 'epoch'::timestamp + s.began * interval '1 us',
       'epoch'::timestamp + s.ended * interval '1 us',
       coalesce(s.ended, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) - s.began,
       CASE WHEN s.ended IS NULL AND a.pid IS NULL THEN 'canceled' ELSE s.status END, s.rows, s.error, s.statement
FROM statements AS s
LEFT JOIN pg_stat_get_activity(NULL) AS a -- a statement of a session that was killed runs no more
    ON a.pid = s.pid AND extract(epoch FROM a.backend_start) * 1000000 <= s.began
$$;
CREATE FUNCTION pg_catalog.pg_last_query_id() RETURNS integer STABLE
RETURN coalesce((SELECT max(query)::int FROM redshift.history() WHERE pid = pg_backend_pid() AND endtime IS NOT NULL
                 AND kind NOT IN ('DDL', 'UTILITY', 'OTHER')), -1);

-- What is not known here is NULL: the label, the transaction, bytes, the times of compilation, planning and locks, hashes.
CREATE VIEW pg_catalog.sys_query_history AS
SELECT userid AS user_id, query AS query_id, NULL::char(320) AS query_label, NULL::bigint AS transaction_id, pid AS session_id,
       database::char(128) AS database_name, kind::char(32) AS query_type, status::char(10), false AS result_cache_hit,
       starttime AS start_time, endtime AS end_time, elapsed AS elapsed_time, 0::bigint AS queue_time, elapsed AS execution_time,
       error::char(512) AS error_message, rows AS returned_rows, NULL::bigint AS returned_bytes, statement::char(4000) AS query_text,
       NULL::char(256) AS redshift_version, NULL::char(150) AS usage_limit, 'primary'::varchar(32) AS compute_type,
       NULL::bigint AS compile_time, NULL::bigint AS planning_time, NULL::bigint AS lock_wait_time, NULL::int AS service_class_id,
       NULL::char(64) AS service_class_name, NULL::char(20) AS query_priority, NULL::char(10) AS short_query_accelerated,
       NULL::char(40) AS user_query_hash, NULL::char(40) AS generic_query_hash, NULL::int AS query_hash_version,
       0 AS result_cache_query_id, pg_get_userbyid(userid::oid)::char(128) AS username
FROM redshift.history();
CREATE VIEW pg_catalog.stl_query AS
SELECT userid, query::int, NULL::char(320) AS label, NULL::bigint AS xid, pid, database::char(32), statement::char(4000) AS querytxt, starttime,
       endtime, CASE status WHEN 'success' THEN 0 ELSE 1 END AS aborted, 0 AS insert_pristine, 0 AS concurrency_scaling_status
FROM redshift.history() WHERE kind NOT IN ('DDL', 'UTILITY', 'OTHER') AND endtime IS NOT NULL;
CREATE VIEW pg_catalog.stv_inflight AS
SELECT userid, 0 AS slice, query::int, NULL::char(320) AS label, NULL::bigint AS xid, pid, starttime,
       statement::char(100) AS text, 0 AS suspended, 0 AS insert_pristine, 0 AS concurrency_scaling_status
FROM redshift.history() WHERE status = 'running' AND kind NOT IN ('DDL', 'UTILITY', 'OTHER');
CREATE VIEW pg_catalog.stv_recents AS
SELECT userid, CASE status WHEN 'running' THEN 'Running' ELSE 'Done' END::char(20) AS status, starttime, elapsed::int AS duration,
       pg_get_userbyid(userid::oid)::char(50) AS user_name, database::char(50) AS db_name, statement::char(600) AS query,
       CASE status WHEN 'running' THEN pid ELSE -1 END AS pid
FROM redshift.history() AS h ORDER BY h.query DESC LIMIT 100;
CREATE VIEW pg_catalog.stv_sessions AS
SELECT began AT TIME ZONE 'UTC' AS starttime, pid AS process, pg_get_userbyid(userid)::char(50) AS user_name,
       database::char(50) AS db_name, 0 AS timeout_sec
FROM redshift.sessions();
