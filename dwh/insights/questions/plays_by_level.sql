-- How do free and paid listening develop?
--
-- group: Who
-- order: 90
-- shape: levels
-- measure: plays
-- columns:
--   date      | day
--   level     | level
--   plays     | count
--   users     | count   | listeners
--   share_pct | percent | share of plays
-- notes:
--   Level: at the time of the play. A listener who changes within a day counts in both.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    date,
    level,
    SUM(plays) AS plays,
    COUNT(*) AS users,
    100 * CAST(SUM(plays) AS DOUBLE PRECISION) / SUM(SUM(plays)) OVER (PARTITION BY date) AS share_pct
FROM (
    SELECT CAST(start_time AS DATE) AS date, COALESCE(level, 'unknown') AS level, user_id, COUNT(*) AS plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s
    GROUP BY CAST(start_time AS DATE), COALESCE(level, 'unknown'), user_id
) AS listened
GROUP BY date, level
ORDER BY date, level
