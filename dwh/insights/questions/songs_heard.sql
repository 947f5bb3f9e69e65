-- Which songs are heard most?
--
-- group: Music
-- order: 10
-- shape: ranking
-- things: songs
-- measure: plays
-- columns:
--   rank      | rank | #
--   title     | text
--   artist    | text
--   plays     | count
--   listeners | count
--   known     | flag
-- notes:
--   By the text of the logs, case and spelling as delivered. A play that names no song is left out.
--   Known: the catalogue has a song of this title and artist.

-- tied: how many songs have the same count; found: how many songs there are in all.
-- Served by: the sort key (start_time), the dist key (user_id) of the ledger; load_songs is on every node.
SELECT
    RANK() OVER (ORDER BY heard.plays DESC) AS rank,
    heard.title AS title,
    heard.artist AS artist,
    heard.plays AS plays,
    heard.listeners AS listeners,
    CASE WHEN catalogue.title IS NULL THEN FALSE ELSE TRUE END AS known,
    COUNT(*) OVER (PARTITION BY heard.plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT title, artist, SUM(plays) AS plays, COUNT(*) AS listeners
    FROM (
        SELECT RTRIM(song) AS title, COALESCE(RTRIM(artist), '') AS artist, user_id, COUNT(*) AS plays
        FROM load_plays
        WHERE start_time >= %(since)s AND start_time < %(until)s AND RTRIM(song) <> ''
        GROUP BY RTRIM(song), COALESCE(RTRIM(artist), ''), user_id
    ) AS listened
    GROUP BY title, artist
) AS heard
LEFT JOIN (
    SELECT DISTINCT RTRIM(title) AS title, RTRIM(artist_name) AS artist
    FROM load_songs
) AS catalogue ON catalogue.title = heard.title AND catalogue.artist = heard.artist
ORDER BY heard.plays DESC, heard.listeners DESC, heard.title, heard.artist
LIMIT %(limit)s
