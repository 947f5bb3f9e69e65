-- How many users change level, as seen in their plays?
--
-- group: Who
-- order: 110
-- shape: series
-- measure: upgrades
-- columns:
--   week       | week  | week from
--   upgrades   | count
--   downgrades | count
--   users      | count | listeners
-- notes:
--   {sum upgrades}, {sum downgrades} in all.
--   A change shows only when a play follows it: a lower bound.

-- Reads from the first play on, since a change shows only against the play before it.
-- Served by: the dist key (user_id): each user's plays are on one slice.
SELECT
    CAST(DATE_TRUNC('week', start_time) AS DATE) AS week,
    SUM(CASE WHEN level = 'paid' THEN 1 ELSE 0 END) AS upgrades,
    SUM(CASE WHEN level = 'free' THEN 1 ELSE 0 END) AS downgrades,
    COUNT(DISTINCT user_id) AS users
FROM (
    SELECT
        user_id,
        start_time,
        level,
        LAG(level) OVER (PARTITION BY user_id ORDER BY start_time, songplay_id) AS level_before
    FROM songplays
    WHERE start_time < %(until)s AND level IS NOT NULL
) AS played
WHERE start_time >= %(since)s
    AND ((level_before = 'free' AND level = 'paid') OR (level_before = 'paid' AND level = 'free'))
GROUP BY CAST(DATE_TRUNC('week', start_time) AS DATE)
ORDER BY week
