-- Where do the listeners live?
--
-- group: Where and how
-- order: 150
-- shape: ranking
-- things: locations
-- measure: users
-- columns:
--   rank           | rank    | #
--   location       | text
--   users          | count   | listeners
--   plays          | count
--   plays_per_user | ratio   | plays per listener
--   share_pct      | percent | share of plays
-- notes:
--   A listener who plays from several places counts in each.

-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    RANK() OVER (ORDER BY users DESC) AS rank,
    location,
    users,
    plays,
    CAST(plays AS DOUBLE PRECISION) / users AS plays_per_user,
    100 * CAST(plays AS DOUBLE PRECISION) / SUM(plays) OVER () AS share_pct,
    COUNT(*) OVER (PARTITION BY users) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT location, COUNT(*) AS users, SUM(plays) AS plays
    FROM (
        SELECT COALESCE(NULLIF(location, ''), 'unknown') AS location, user_id, COUNT(*) AS plays
        FROM songplays
        WHERE start_time >= %(since)s AND start_time < %(until)s
        GROUP BY COALESCE(NULLIF(location, ''), 'unknown'), user_id
    ) AS listened
    GROUP BY location
) AS counted
ORDER BY users DESC, plays DESC, location
LIMIT %(limit)s
