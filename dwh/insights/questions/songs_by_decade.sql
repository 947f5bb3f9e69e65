-- From which decades are the songs, and which are played?
--
-- group: Music
-- order: 50
-- shape: series
-- measure: plays
-- columns:
--   decade       | decade
--   songs        | count                       | songs in catalogue
--   songs_played | count
--   plays        | count
--   share_pct    | percent = plays / all plays | share of plays
-- notes:
--   Only plays of a song in the catalogue: {matched}.

-- The row without a decade counts the songs of unknown year.
-- Served by: the sort key (start_time); songs is on every node.
SELECT
    songs.year / 10 * 10 AS decade,
    COUNT(*) AS songs,
    COUNT(counted.song_id) AS songs_played,
    COALESCE(SUM(counted.plays), 0) AS plays
FROM songs
LEFT JOIN (
    SELECT song_id, COUNT(*) AS plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s AND song_id IS NOT NULL
    GROUP BY song_id
) AS counted ON counted.song_id = songs.song_id
GROUP BY songs.year / 10 * 10
ORDER BY decade
