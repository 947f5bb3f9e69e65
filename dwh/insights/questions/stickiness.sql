-- How much of a month's audience listens on an average day?
--
-- group: Who
-- order: 140
-- shape: facts
-- measure: stickiness_pct
-- columns:
--   month          | month
--   days_observed  | count = full days
--   full_month     | flag = seen in full
--   mau            | count                                  | monthly listeners
--   avg_dau        | ratio = full_day_users / days_observed | daily listeners
--   stickiness_pct | percent = avg_dau / mau                | stickiness
-- notes:
--   Stickiness: average daily listeners (of the full days) over monthly listeners.
--   It can be compared between months that were seen in full.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT month, COUNT(*) AS mau, SUM(full_days) AS full_day_users
FROM (
    SELECT
        month,
        user_id,
        SUM(CASE WHEN date >= CAST(%(full_since)s AS DATE) AND date < CAST(%(full_until)s AS DATE) THEN 1 ELSE 0 END)
            AS full_days
    FROM (
        SELECT
            user_id,
            CAST(start_time AS DATE) AS date,
            CAST(DATE_TRUNC('month', MIN(start_time)) AS DATE) AS month
        FROM songplays
        WHERE start_time >= %(since)s AND start_time < %(until)s
        GROUP BY user_id, CAST(start_time AS DATE)
    ) AS days
    GROUP BY month, user_id
) AS months
GROUP BY month
ORDER BY month
