-- How long is a listening session?
--
-- group: Where and how
-- order: 160
-- shape: facts
-- measure: median_minutes
-- columns:
--   level           | level
--   sessions        | count
--   users           | count   | listeners
--   median_plays    | ratio   | median plays
--   p90_plays       | ratio   | plays, 90th percentile
--   median_minutes  | ratio   | median minutes
--   p90_minutes     | ratio   | minutes, 90th percentile
--   single_play_pct | percent | sessions of one play
-- notes:
--   Level: at the start of the session. Minutes: from first to last play, a lower bound.

-- Of two levels at the same moment, the first in the alphabet is that of the session.
-- Redshift takes only one ORDER BY for all the percentiles of a SELECT, and no DISTINCT aggregate beside
-- them: so each session is in two rows, one a measure, and a user counts at the first of them.
-- https://docs.aws.amazon.com/redshift/latest/dg/r_PERCENTILE_CONT.html
-- Epochs are floored because EXTRACT drops the fraction on Redshift and keeps it on PostgreSQL.
-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    level,
    MAX(sessions) AS sessions,
    MAX(users) AS users,
    MAX(CASE WHEN measure = 'plays' THEN p50 END) AS median_plays,
    MAX(CASE WHEN measure = 'plays' THEN p90 END) AS p90_plays,
    MAX(CASE WHEN measure = 'minutes' THEN p50 END) AS median_minutes,
    MAX(CASE WHEN measure = 'minutes' THEN p90 END) AS p90_minutes,
    MAX(single_play_pct) AS single_play_pct
FROM (
    SELECT
        level,
        measure,
        COUNT(*) AS sessions,
        SUM(CASE WHEN place_of_user = 1 THEN 1 ELSE 0 END) AS users,
        PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY value) AS p50,
        PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY value) AS p90,
        100 * CAST(SUM(CASE WHEN plays = 1 THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / COUNT(*) AS single_play_pct
    FROM (
        SELECT
            whole.level,
            whole.plays,
            ROW_NUMBER() OVER (
                PARTITION BY measures.measure, whole.level, whole.user_id ORDER BY whole.session_id
            ) AS place_of_user,
            measures.measure,
            CASE
                WHEN measures.measure = 'plays' THEN CAST(whole.plays AS DOUBLE PRECISION)
                ELSE CAST(whole.seconds AS DOUBLE PRECISION) / 60
            END AS value
        FROM (
            SELECT
                user_id,
                session_id,
                MAX(CASE WHEN place = 1 THEN level END) AS level,
                SUM(plays) AS plays,
                -- not by EPOCH: it is an INTEGER on Redshift, and ends in 2038
                86400 * (CAST(MAX(last_play) AS DATE) - CAST(MIN(first_play) AS DATE))
                + 3600 * (EXTRACT(HOUR FROM MAX(last_play)) - EXTRACT(HOUR FROM MIN(first_play)))
                + 60 * (EXTRACT(MINUTE FROM MAX(last_play)) - EXTRACT(MINUTE FROM MIN(first_play)))
                + FLOOR(EXTRACT(SECOND FROM MAX(last_play))) - FLOOR(EXTRACT(SECOND FROM MIN(first_play))) AS seconds
            FROM (
                SELECT
                    user_id,
                    session_id,
                    level,
                    plays,
                    first_play,
                    last_play,
                    ROW_NUMBER() OVER (PARTITION BY user_id, session_id ORDER BY first_play, level) AS place
                FROM (
                    SELECT
                        user_id,
                        session_id,
                        COALESCE(level, 'unknown') AS level,
                        COUNT(*) AS plays,
                        MIN(start_time) AS first_play,
                        MAX(start_time) AS last_play
                    FROM songplays
                    WHERE start_time >= %(since)s AND start_time < %(until)s
                    GROUP BY user_id, session_id, COALESCE(level, 'unknown')
                ) AS listened
            ) AS parts
            GROUP BY user_id, session_id
        ) AS whole
        CROSS JOIN (
            SELECT CAST('plays' AS VARCHAR(8)) AS measure
            UNION ALL
            SELECT CAST('minutes' AS VARCHAR(8)) AS measure
        ) AS measures
    ) AS measured
    GROUP BY level, measure
) AS summed
GROUP BY level
ORDER BY level
