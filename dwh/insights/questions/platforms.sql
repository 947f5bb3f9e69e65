-- With which browsers and systems do people listen?
--
-- group: Where and how
-- order: 170
-- shape: ranking
-- things: platforms
-- measure: plays
-- columns:
--   rank      | rank    | #
--   browser   | text
--   os        | text    | system
--   users     | count   | listeners
--   plays     | count
--   share_pct | percent | share of plays
-- notes:
--   A listener of several platforms counts in each.

-- The order of the tests matters: Chrome calls itself Safari too, an iPhone calls itself Mac OS X.
-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    RANK() OVER (ORDER BY plays DESC) AS rank,
    browser,
    os,
    users,
    plays,
    100 * CAST(plays AS DOUBLE PRECISION) / SUM(plays) OVER () AS share_pct,
    COUNT(*) OVER (PARTITION BY plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT browser, os, COUNT(DISTINCT user_id) AS users, SUM(plays) AS plays
    FROM (
        SELECT
            CAST(CASE
                WHEN user_agent IS NULL OR user_agent = '' THEN 'unknown'
                WHEN STRPOS(user_agent, 'MSIE') > 0 OR STRPOS(user_agent, 'Trident') > 0 THEN 'Internet Explorer'
                WHEN STRPOS(user_agent, 'Edge/') > 0 OR STRPOS(user_agent, 'Edg/') > 0 THEN 'Edge'
                WHEN STRPOS(user_agent, 'OPR/') > 0 OR STRPOS(user_agent, 'Opera') > 0 THEN 'Opera'
                WHEN STRPOS(user_agent, 'Firefox') > 0 THEN 'Firefox'
                WHEN STRPOS(user_agent, 'Chromium') > 0 THEN 'Chromium'
                WHEN STRPOS(user_agent, 'Chrome') > 0 THEN 'Chrome'
                WHEN STRPOS(user_agent, 'Safari') > 0 THEN 'Safari'
                ELSE 'other'
            END AS VARCHAR(32)) AS browser,
            CAST(CASE
                WHEN user_agent IS NULL OR user_agent = '' THEN 'unknown'
                WHEN STRPOS(user_agent, 'iPhone') > 0 OR STRPOS(user_agent, 'iPad') > 0 THEN 'iOS'
                WHEN STRPOS(user_agent, 'Android') > 0 THEN 'Android'
                WHEN STRPOS(user_agent, 'Windows') > 0 THEN 'Windows'
                WHEN STRPOS(user_agent, 'Mac OS X') > 0 OR STRPOS(user_agent, 'Macintosh') > 0 THEN 'macOS'
                WHEN STRPOS(user_agent, 'CrOS') > 0 THEN 'ChromeOS'
                WHEN STRPOS(user_agent, 'Linux') > 0 THEN 'Linux'
                ELSE 'other'
            END AS VARCHAR(32)) AS os,
            user_id,
            plays
        FROM (
            SELECT user_agent, user_id, COUNT(*) AS plays
            FROM songplays
            WHERE start_time >= %(since)s AND start_time < %(until)s
            GROUP BY user_agent, user_id
        ) AS by_agent
    ) AS named
    GROUP BY browser, os
) AS counted
ORDER BY plays DESC, users DESC, browser, os
LIMIT %(limit)s
