-- Do listeners come back in the weeks after their first play?
--
-- group: Who
-- order: 130
-- shape: cohorts
-- measure: retained_pct
-- columns:
--   cohort       | week    | week from
--   week_offset  | number  | weeks later
--   cohort_size  | count   | listeners
--   active       | count   | came back
--   retained_pct | percent | share

-- Reads from the first play on: a user belongs to the week (from Monday) of the first play ever.
-- A play on the last day, which is partial, does not count as a return.
-- Served by: the dist key (user_id): each user's plays are on one slice.
SELECT cohort, (week - cohort) / 7 AS week_offset, COUNT(*) AS active
FROM (
    SELECT
        week,
        first_in_week,
        MIN(week) OVER (PARTITION BY user_id) AS cohort,
        MIN(first_in_week) OVER (PARTITION BY user_id) AS first_play
    FROM (
        SELECT user_id, CAST(DATE_TRUNC('week', start_time) AS DATE) AS week, MIN(start_time) AS first_in_week
        FROM songplays
        WHERE start_time < %(until)s
        GROUP BY user_id, CAST(DATE_TRUNC('week', start_time) AS DATE)
    ) AS weeks
) AS returned
WHERE first_play >= %(since)s AND (week = cohort OR first_in_week < %(full_until)s)
GROUP BY cohort, week
ORDER BY cohort, week_offset
