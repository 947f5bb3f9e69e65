-- How much do people listen each day?
--
-- group: When
-- order: 60
-- shape: series
-- measure: plays
-- columns:
--   date           | day
--   plays          | count
--   active_users   | count                       | listeners
--   plays_per_user | ratio                       | plays per listener
--   plays_7d_avg   | ratio = 7-day mean of plays | 7-day mean
--   partial_day    | mark = seen in part         | in part
-- notes:
--   Seen in part: {partial_days}.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    date,
    SUM(plays) AS plays,
    COUNT(*) AS active_users,
    CAST(SUM(plays) AS DOUBLE PRECISION) / COUNT(*) AS plays_per_user
FROM (
    SELECT CAST(start_time AS DATE) AS date, user_id, COUNT(*) AS plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s
    GROUP BY CAST(start_time AS DATE), user_id
) AS listened
GROUP BY date
ORDER BY date
