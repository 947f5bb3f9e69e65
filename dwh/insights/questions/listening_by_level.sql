-- How much do free and paid users listen?
--
-- group: Who
-- order: 100
-- shape: facts
-- measure: plays_per_user
-- columns:
--   level                 | level
--   users                 | count   | listeners
--   plays                 | count
--   plays_per_user        | ratio   | plays per listener
--   median_plays_per_user | ratio   | median plays
--   sessions_per_user     | ratio   | sessions per listener
--   share_pct             | percent | share of plays
-- notes:
--   Level: at the time of the play. A listener who changes level counts in each.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    level,
    users,
    plays,
    CAST(plays AS DOUBLE PRECISION) / users AS plays_per_user,
    median_plays_per_user,
    CAST(sessions AS DOUBLE PRECISION) / users AS sessions_per_user,
    100 * CAST(plays AS DOUBLE PRECISION) / SUM(plays) OVER () AS share_pct
FROM (
    SELECT
        level,
        COUNT(*) AS users,
        SUM(plays) AS plays,
        SUM(sessions) AS sessions,
        PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(plays AS DOUBLE PRECISION)) AS median_plays_per_user
    FROM (
        SELECT level, user_id, SUM(plays) AS plays, COUNT(*) AS sessions
        FROM (
            SELECT COALESCE(level, 'unknown') AS level, user_id, session_id, COUNT(*) AS plays
            FROM songplays
            WHERE start_time >= %(since)s AND start_time < %(until)s
            GROUP BY COALESCE(level, 'unknown'), user_id, session_id
        ) AS by_session
        GROUP BY level, user_id
    ) AS by_user
    GROUP BY level
) AS counted
ORDER BY level
