-- Which artists of the catalogue are played most?
--
-- group: Music
-- order: 40
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
--   Only plays of a song in the catalogue: {matched}; artists_heard has all that was heard.

-- The plays are grouped by user and by song in one reading; in the rows of the songs user_id is NULL, which no play has.
-- Served by: the sort key (start_time), the dist key (user_id); artists is on every node.
SELECT
    RANK() OVER (ORDER BY counted.plays DESC) AS rank,
    artists.name AS artist,
    counted.plays AS plays,
    counted.listeners AS listeners,
    counted.songs AS songs,
    COUNT(*) OVER (PARTITION BY counted.plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT
        artist_id,
        SUM(CASE WHEN user_id IS NOT NULL THEN plays END) AS plays,
        COUNT(user_id) AS listeners,
        COUNT(song_id) AS songs
    FROM (
        SELECT artist_id, song_id, user_id, COUNT(*) AS plays
        FROM songplays
        WHERE start_time >= %(since)s AND start_time < %(until)s AND artist_id IS NOT NULL
        GROUP BY GROUPING SETS ((artist_id, user_id), (artist_id, song_id))
    ) AS listened
    GROUP BY artist_id
) AS counted
LEFT JOIN artists ON artists.artist_id = counted.artist_id
ORDER BY counted.plays DESC, counted.listeners DESC, artists.name, counted.artist_id
LIMIT %(limit)s
