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
    SELECT artist, SUM(plays) AS plays, COUNT(DISTINCT user_id) AS listeners, COUNT(DISTINCT song) AS songs
    FROM (
        SELECT RTRIM(artist) AS artist, NULLIF(RTRIM(song), '') AS song, user_id, COUNT(*) AS plays
        FROM load_plays
        WHERE start_time >= %(since)s AND start_time < %(until)s AND RTRIM(artist) <> ''
        GROUP BY RTRIM(artist), NULLIF(RTRIM(song), ''), user_id
    ) AS listened
    GROUP BY artist
) AS heard
ORDER BY plays DESC, listeners DESC, artist
LIMIT %(limit)s
