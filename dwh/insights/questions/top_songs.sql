-- Which songs of the catalogue are played most?
--
-- group: Music
-- order: 30
-- shape: ranking
-- things: songs
-- measure: plays
-- columns:
--   rank      | rank | #
--   title     | text
--   artist    | text
--   plays     | count
--   listeners | count
-- notes:
--   Only plays of a song in the catalogue: {matched}; songs_heard has all that was heard.

-- tied: how many songs have the same count; found: how many songs there are in all.
-- Served by: the sort key (start_time), the dist key (user_id); songs and artists are on every node.
SELECT
    RANK() OVER (ORDER BY counted.plays DESC) AS rank,
    songs.title AS title,
    artists.name AS artist,
    counted.plays AS plays,
    counted.listeners AS listeners,
    COUNT(*) OVER (PARTITION BY counted.plays) AS tied,
    COUNT(*) OVER () AS found
FROM (
    SELECT song_id, SUM(plays) AS plays, COUNT(*) AS listeners
    FROM (
        SELECT song_id, user_id, COUNT(*) AS plays
        FROM songplays
        WHERE start_time >= %(since)s AND start_time < %(until)s AND song_id IS NOT NULL
        GROUP BY song_id, user_id
    ) AS listened
    GROUP BY song_id
) AS counted
LEFT JOIN songs ON songs.song_id = counted.song_id
LEFT JOIN artists ON artists.artist_id = songs.artist_id
ORDER BY counted.plays DESC, counted.listeners DESC, songs.title, artists.name, counted.song_id
LIMIT %(limit)s
