-- At what hour of the day do people listen?
--
-- group: When
-- order: 70
-- shape: series
-- measure: plays
-- columns:
--   hour          | hour                 | hour UTC
--   plays         | count
--   plays_per_day | ratio = plays / days | plays a day
--   users         | count                | listeners
--   share_pct     | percent              | share of plays
-- notes:
--   Plays a day: over the {days} of the range.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    hour,
    SUM(plays) AS plays,
    COUNT(*) AS users,
    100 * CAST(SUM(plays) AS DOUBLE PRECISION) / SUM(SUM(plays)) OVER () AS share_pct
FROM (
    SELECT CAST(EXTRACT(HOUR FROM start_time) AS INTEGER) AS hour, user_id, COUNT(*) AS plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s
    GROUP BY CAST(EXTRACT(HOUR FROM start_time) AS INTEGER), user_id
) AS listened
GROUP BY hour
ORDER BY hour
