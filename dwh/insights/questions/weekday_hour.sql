-- When in the week do people listen?
--
-- group: When
-- order: 80
-- shape: heat map
-- measure: avg_plays
-- columns:
--   weekday       | weekday
--   hour          | hour                                   | hour UTC
--   plays         | count
--   days_observed | count = full days
--   avg_plays     | ratio = full_day_plays / days_observed | plays an hour
-- notes:
--   Averages leave out {partial_days}, seen in part.

-- Weekday 0 is Sunday. Averages need days that were observed from midnight to midnight: full_day_plays.
-- Served by: the sort key (start_time).
SELECT
    CAST(EXTRACT(DOW FROM full_hour) AS INTEGER) AS weekday,
    CAST(EXTRACT(HOUR FROM full_hour) AS INTEGER) AS hour,
    SUM(plays) AS plays,
    SUM(CASE WHEN full_hour >= %(full_since)s AND full_hour < %(full_until)s THEN plays ELSE 0 END) AS full_day_plays
FROM (
    SELECT DATE_TRUNC('hour', start_time) AS full_hour, COUNT(*) AS plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s
    GROUP BY DATE_TRUNC('hour', start_time)
) AS counted
GROUP BY 1, 2
ORDER BY 1, 2
