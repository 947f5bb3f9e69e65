-- What do these figures rest on?
--
-- group: The data
-- order: 180
-- shape: facts
-- measure: plays
-- columns:
--   first_play    | moment
--   last_play     | moment
--   plays         | count
--   matched_plays | count             | plays of a known song
--   match_pct     | percent           | share of a known song
--   users         | count             | listeners
--   sessions      | count
--   songs_played  | count             | known songs played
--   full_days     | count = full days | days seen in full

-- A session is a (user_id, session_id): session numbers alone are not unique. The plays are grouped by
-- session and by song in one reading; in the rows of the songs user_id is NULL, which no play has.
-- Served by: the sort key (start_time), the dist key (user_id).
SELECT
    MIN(first_play) AS first_play,
    MAX(last_play) AS last_play,
    SUM(CASE WHEN user_id IS NOT NULL THEN plays END) AS plays,
    SUM(CASE WHEN user_id IS NOT NULL THEN matched_plays END) AS matched_plays,
    100 * CAST(SUM(CASE WHEN user_id IS NOT NULL THEN matched_plays END) AS DOUBLE PRECISION)
        / SUM(CASE WHEN user_id IS NOT NULL THEN plays END) AS match_pct,
    COUNT(DISTINCT user_id) AS users,
    COUNT(user_id) AS sessions,
    COUNT(song_id) AS songs_played
FROM (
    SELECT
        user_id,
        session_id,
        song_id,
        MIN(start_time) AS first_play,
        MAX(start_time) AS last_play,
        COUNT(*) AS plays,
        -- of the artist, which is set together with the song and is none of the columns grouped by
        COUNT(artist_id) AS matched_plays
    FROM songplays
    WHERE start_time >= %(since)s AND start_time < %(until)s
    GROUP BY GROUPING SETS ((user_id, session_id), (song_id))
) AS counted
