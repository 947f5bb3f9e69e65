-- Which artists are heard most?
--
-- group: Music
-- order: 20
-- shape: ranking
-- things: artists
-- measure: plays
-- columns:
--   rank      | rank | #
--   artist    | text
--   plays     | count
--   listeners | count
--   songs     | count
-- notes:
--   By the text of the logs, case and spelling as delivered. A play that names no artist is left out.

-- The plays are grouped by user and by song in one reading; in the rows of the songs user_id is NULL, which no play has.
-- Served by: the sort key (start_time), the dist key (user_id) of the ledger.
SELECT
    RANK() OVER (ORDER BY plays DESC) AS rank,
    artist,
    plays,
    listeners,
    songs,
    COUNT(*) OVER (PARTITION BY plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT
        artist,
        SUM(CASE WHEN user_id IS NOT NULL THEN plays END) AS plays,
        COUNT(user_id) AS listeners,
        COUNT(song) AS songs
    FROM (
        SELECT artist, song, user_id, COUNT(*) AS plays
        FROM (
            SELECT RTRIM(artist) AS artist, NULLIF(RTRIM(song), '') AS song, user_id
            FROM load_plays
            WHERE start_time >= %(since)s AND start_time < %(until)s AND RTRIM(artist) <> ''
        ) AS trimmed
        GROUP BY GROUPING SETS ((artist, user_id), (artist, song))
    ) AS counted
    GROUP BY artist
) AS heard
ORDER BY plays DESC, listeners DESC, artist
LIMIT %(limit)s
