-- Who listens most, and how much of all listening is theirs?
--
-- group: Who
-- order: 120
-- shape: ranking
-- things: listeners
-- measure: plays
-- columns:
--   rank           | rank    | #
--   user_id        | number  | user
--   level_now      | text
--   plays          | count
--   sessions       | count
--   share_pct      | percent | share of plays
--   cumulative_pct | percent | together
-- notes:
--   Together they make {last cumulative_pct} of all plays. Level: today's.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    RANK() OVER (ORDER BY counted.plays DESC) AS rank,
    counted.user_id AS user_id,
    users.level AS level_now,
    counted.plays AS plays,
    counted.sessions AS sessions,
    100 * CAST(counted.plays AS DOUBLE PRECISION) / SUM(counted.plays) OVER () AS share_pct,
    100 * CAST(
        SUM(counted.plays) OVER (
            ORDER BY counted.plays DESC, counted.sessions DESC, counted.user_id ROWS UNBOUNDED PRECEDING
        ) AS DOUBLE PRECISION
    ) / SUM(counted.plays) OVER () AS cumulative_pct,
    COUNT(*) OVER (PARTITION BY counted.plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT user_id, SUM(plays) AS plays, COUNT(*) AS sessions
    FROM (
        SELECT user_id, session_id, COUNT(*) AS plays
        FROM songplays
        WHERE start_time >= %(since)s AND start_time < %(until)s
        GROUP BY user_id, session_id
    ) AS listened
    GROUP BY user_id
) AS counted
LEFT JOIN users ON users.user_id = counted.user_id
ORDER BY counted.plays DESC, counted.sessions DESC, counted.user_id
LIMIT %(limit)s
