"""The reference: DuckDB reads the same files from the disk into the same star, and answers the same questions.

    python tests/benchmarks/duck.py DATA DATABASE           load, and print how many rows each table has
    python tests/benchmarks/duck.py --whole DATA DATABASE   the same with etl.py's ledger, accounts and audits
    python tests/benchmarks/duck.py --ask DATABASE          time the questions of dwh/insights, a line each

The first is what people would write who want the star and no cluster: no ledger, no audits, nothing incremental.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[2]))

TABLES = ("songplays", "users", "songs", "artists", "time")

EVENTS = """
CREATE TABLE staging_events AS
SELECT * FROM read_json($logs, format = 'newline_delimited', filename = true, columns = {
    artist: 'VARCHAR', auth: 'VARCHAR', firstName: 'VARCHAR', gender: 'VARCHAR', itemInSession: 'INTEGER',
    lastName: 'VARCHAR', length: 'DOUBLE', level: 'VARCHAR', location: 'VARCHAR', method: 'VARCHAR', page: 'VARCHAR',
    registration: 'DOUBLE', sessionId: 'BIGINT', song: 'VARCHAR', status: 'INTEGER', ts: 'BIGINT',
    userAgent: 'VARCHAR', userId: 'VARCHAR'
})
"""
SONGS = """
CREATE TABLE staging_songs AS
SELECT * FROM read_json($songs, filename = true, columns = {
    num_songs: 'INTEGER', artist_id: 'VARCHAR', artist_latitude: 'DOUBLE', artist_longitude: 'DOUBLE',
    artist_location: 'VARCHAR', artist_name: 'VARCHAR', song_id: 'VARCHAR', title: 'VARCHAR',
    duration: 'DOUBLE', year: 'INTEGER'
})
"""
STAR = """
CREATE TABLE songs AS
SELECT song_id, title, artist_id, NULLIF(year, 0) AS year, duration FROM staging_songs
QUALIFY ROW_NUMBER() OVER (PARTITION BY song_id ORDER BY NULLIF(year, 0), title, artist_id, duration) = 1;

CREATE TABLE artists AS
SELECT artist_id, artist_name AS name, NULLIF(artist_location, '') AS location,
    artist_latitude AS latitude, artist_longitude AS longitude
FROM staging_songs
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY artist_id
    ORDER BY NULLIF(artist_location, '') IS NULL, artist_latitude IS NULL, artist_name, artist_location
) = 1;

CREATE TABLE users AS
SELECT CAST(userId AS INTEGER) AS user_id, firstName AS first_name, lastName AS last_name, gender, level
FROM staging_events WHERE userId <> ''
QUALIFY ROW_NUMBER() OVER (PARTITION BY userId ORDER BY ts DESC, sessionId DESC, itemInSession DESC) = 1;

CREATE TEMP TABLE plays AS
SELECT ROW_NUMBER() OVER () AS songplay_id, CAST(userId AS INTEGER) AS user_id, sessionId AS session_id,
    epoch_ms(ts) AS start_time, itemInSession AS item_in_session,
    song, artist, length, level, location, userAgent AS user_agent
FROM staging_events WHERE page = 'NextSong' AND userId <> ''
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY userId, sessionId, ts, itemInSession ORDER BY song, artist, length, level, location, userAgent
) = 1;

CREATE TABLE songplays AS
SELECT plays.songplay_id, plays.start_time, plays.user_id, plays.level, found.song_id,
    found.artist_id, plays.session_id, plays.location, plays.user_agent
FROM plays
LEFT JOIN (
    SELECT heard.song, heard.artist, heard.length, songs.song_id, songs.artist_id
    FROM (SELECT DISTINCT song, artist, length FROM plays) AS heard
    JOIN staging_songs AS songs ON songs.title = heard.song AND songs.artist_name = heard.artist
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY heard.song, heard.artist, heard.length
        ORDER BY ABS(songs.duration - heard.length), songs.song_id
    ) = 1
) AS found ON found.song = plays.song AND found.artist = plays.artist AND found.length = plays.length;

CREATE TABLE time AS
SELECT start_time, HOUR(start_time) AS hour, DAY(start_time) AS day, WEEK(start_time) AS week,
    MONTH(start_time) AS month, YEAR(start_time) AS year, DAYOFWEEK(start_time) AS weekday
FROM (SELECT DISTINCT start_time FROM songplays)
"""
# What the questions of dwh/insights read besides the star.
TEXTS = """
CREATE TABLE load_plays AS SELECT user_id, start_time, song, artist FROM plays;
CREATE TABLE load_songs AS SELECT title, artist_name FROM staging_songs
"""
# What etl.py remembers: key and text of each play, each variant of a song, the latest event of each user, the files.
LEDGER = """
CREATE TABLE load_plays AS
SELECT songplay_id, user_id, session_id, start_time, item_in_session, song, artist, length, 1 AS load_id FROM plays;

CREATE TABLE load_songs AS
SELECT DISTINCT song_id, title, artist_id, NULLIF(year, 0) AS year, duration, artist_name,
    NULLIF(artist_location, '') AS artist_location, artist_latitude, artist_longitude, 1 AS load_id
FROM staging_songs;

CREATE TABLE load_users AS
SELECT CAST(userId AS INTEGER) AS user_id, firstName AS first_name, lastName AS last_name, gender, level, ts,
    sessionId AS session_id, itemInSession AS item_in_session, 1 AS load_id
FROM staging_events WHERE userId <> ''
QUALIFY ROW_NUMBER() OVER (PARTITION BY userId ORDER BY ts DESC, sessionId DESC, itemInSession DESC) = 1;

CREATE TABLE load_objects AS
SELECT filename AS object_key, md5(filename) AS etag, COUNT(*) AS records, now() AS loaded_at, 1 AS load_id
FROM (SELECT filename FROM staging_events UNION ALL SELECT filename FROM staging_songs)
GROUP BY filename;

CREATE TABLE load_history AS
SELECT 1 AS load_id, now() AS loaded_at, *
FROM (
    WITH outcomes AS (
        SELECT
            CASE
                WHEN page IS DISTINCT FROM 'NextSong' THEN 'not a play'
                WHEN COALESCE(userId, '') = '' THEN 'no user'
                WHEN ts IS NULL THEN 'no time'
                WHEN sessionId IS NULL THEN 'no session'
                ELSE 'play'
            END AS outcome, COUNT(*) AS records
        FROM staging_events GROUP BY ALL
    ),
    counts AS (
        SELECT COUNT(*) AS events, COUNT(*) FILTER (COALESCE(userId, '') = '') AS no_user,
            (SELECT COUNT(*) FROM staging_songs) AS songs
        FROM staging_events
    )
    SELECT 'songplays' AS table_name, outcome, records FROM outcomes WHERE outcome <> 'play'
    UNION ALL
    SELECT 'songplays', 'duplicate', records - (SELECT COUNT(*) FROM songplays) FROM outcomes WHERE outcome = 'play'
    UNION ALL SELECT 'songplays', 'inserted', COUNT(*) FROM songplays
    UNION ALL SELECT 'songplays', 'read', events FROM counts
    UNION ALL SELECT 'users', 'no user id', no_user FROM counts
    UNION ALL SELECT 'users', 'duplicate', events - no_user - (SELECT COUNT(*) FROM users) FROM counts
    UNION ALL SELECT 'users', 'inserted', COUNT(*) FROM users
    UNION ALL SELECT 'users', 'read', events FROM counts
    UNION ALL SELECT 'songs', 'duplicate', COUNT(*) - COUNT(DISTINCT song_id) FROM staging_songs
    UNION ALL SELECT 'songs', 'inserted', COUNT(*) FROM songs
    UNION ALL SELECT 'songs', 'read', songs FROM counts
    UNION ALL SELECT 'artists', 'duplicate', COUNT(*) - COUNT(DISTINCT artist_id) FROM staging_songs
    UNION ALL SELECT 'artists', 'inserted', COUNT(*) FROM artists
    UNION ALL SELECT 'artists', 'read', songs FROM counts
    UNION ALL SELECT 'time', 'duplicate', COUNT(*) - COUNT(DISTINCT start_time) FROM plays
    UNION ALL SELECT 'time', 'inserted', COUNT(*) FROM time
    UNION ALL SELECT 'time', 'read', COUNT(*) FROM songplays
)
"""
ACCOUNTS = """
SELECT table_name, SUM(CASE WHEN outcome = 'read' THEN records ELSE -records END) AS unaccounted
FROM load_history GROUP BY table_name HAVING unaccounted <> 0
"""
# The audits of etl.py, by their names there.
AUDITS = """
SELECT audit, exceptions
FROM (
    SELECT 'event_keys' AS audit, CAST(LEAST(page, ts, level, user_id, session_id, song, artist) = 0 AS INTEGER)
        AS exceptions
    FROM (
        SELECT COUNT(page) AS page, COUNT(ts) AS ts, COUNT(level) AS level,
            COUNT(userId) FILTER (page = 'NextSong') AS user_id,
            COUNT(sessionId) FILTER (page = 'NextSong') AS session_id,
            COUNT(song) FILTER (page = 'NextSong') AS song, COUNT(artist) FILTER (page = 'NextSong') AS artist
        FROM staging_events
    )
    UNION ALL
    SELECT 'song_keys', CAST(LEAST(COUNT(song_id), COUNT(artist_id), COUNT(title), COUNT(artist_name)) = 0 AS INTEGER)
    FROM staging_songs
    UNION ALL
    SELECT 'other_event_keys', CAST(LEAST(
        COUNT(auth), COUNT(firstName), COUNT(gender), COUNT(itemInSession), COUNT(lastName), COUNT(length),
        COUNT(location), COUNT(method), COUNT(registration), COUNT(status), COUNT(userAgent)) = 0 AS INTEGER)
    FROM staging_events WHERE page = 'NextSong'
    UNION ALL
    SELECT 'complete_plays', CAST(COUNT(*) = 0 AS INTEGER) FROM plays
    UNION ALL
    SELECT 'incomplete_plays', CAST(100 * COUNT(*) FILTER (userId = '' OR ts IS NULL OR sessionId IS NULL) > COUNT(*)
        AS INTEGER)
    FROM staging_events WHERE page = 'NextSong'
    UNION ALL
    SELECT 'plays_once', COUNT(*)
    FROM (
        SELECT 1 FROM load_plays GROUP BY user_id, session_id, start_time, item_in_session HAVING COUNT(*) > 1
    )
    UNION ALL
    SELECT 'plays_and_ledger', COUNT(*)
    FROM songplays FULL JOIN load_plays USING (user_id, songplay_id)
    WHERE songplays.start_time IS NULL OR load_plays.start_time IS NULL
    UNION ALL
    SELECT 'unique_plays', COUNT(*) - COUNT(DISTINCT songplay_id) FROM songplays
    UNION ALL
    SELECT 'unique_dimensions', (SELECT COUNT(*) - COUNT(DISTINCT user_id) FROM users)
        + (SELECT COUNT(*) - COUNT(DISTINCT song_id) FROM songs)
        + (SELECT COUNT(*) - COUNT(DISTINCT artist_id) FROM artists)
    UNION ALL
    SELECT 'keys_of_plays', COUNT(*)
    FROM songplays
    LEFT JOIN users USING (user_id)
    LEFT JOIN songs ON songs.song_id = songplays.song_id
    LEFT JOIN artists ON artists.artist_id = songplays.artist_id
    LEFT JOIN time ON time.start_time = songplays.start_time
    WHERE users.user_id IS NULL OR time.start_time IS NULL
        OR (songplays.song_id IS NOT NULL AND songs.song_id IS NULL)
        OR (songplays.artist_id IS NOT NULL AND artists.artist_id IS NULL)
    UNION ALL
    SELECT 'songs_and_artists', COUNT(*)
    FROM load_songs
    LEFT JOIN songs USING (song_id)
    LEFT JOIN artists ON artists.artist_id = load_songs.artist_id
    LEFT JOIN artists AS credited ON credited.artist_id = songs.artist_id
    WHERE songs.song_id IS NULL OR artists.artist_id IS NULL OR credited.artist_id IS NULL
    UNION ALL
    SELECT 'unique_moments', ABS((SELECT COUNT(*) FROM time) - (SELECT COUNT(DISTINCT start_time) FROM songplays))
    UNION ALL
    SELECT 'levels', (SELECT COUNT(*) FROM songplays WHERE level IS NULL OR level NOT IN ('free', 'paid'))
        + (SELECT COUNT(*) FROM users WHERE level IS NULL OR level NOT IN ('free', 'paid'))
    UNION ALL
    SELECT 'ranges', (SELECT COUNT(*) FROM time WHERE start_time < '2000-01-01' OR start_time >= '2100-01-01')
        + (SELECT COUNT(*) FROM songs WHERE duration <= 0)
        + (SELECT COUNT(*) FROM artists WHERE ABS(latitude) > 90 OR ABS(longitude) > 180)
    UNION ALL
    SELECT 'encoding', COUNT(*) FROM load_plays WHERE contains(song, 'Ã') OR contains(artist, 'Ã')
    UNION ALL
    SELECT 'matches', COUNT(*) - COUNT(song_id) FROM songplays
)
WHERE exceptions > 0
"""
# What etl.py only warns of.
WARNINGS = {"encoding", "matches", "other_event_keys", "incomplete_plays"}


def load(data: str, database: str, *, whole: bool = False) -> None:
    """Fill a new database, and print the rows of each table of the star; ``whole``: with what else etl.py does.

    Raises:
        AssertionError: an account does not close, or an audit found something.
    """
    for path in (Path(database), Path(f"{database}.wal")):
        path.unlink(missing_ok=True)
    with duckdb.connect(database) as conn:
        conn.execute(EVENTS, {"logs": f"{data}/log_data/**/*.json"})
        conn.execute(SONGS, {"songs": f"{data}/song_data/**/*.json"})
        conn.execute("BEGIN")
        conn.execute(STAR)
        conn.execute(LEDGER if whole else TEXTS)
        if whole:
            assert conn.execute(ACCOUNTS).fetchall() == []
            assert {name for name, _ in conn.execute(AUDITS).fetchall()} <= WARNINGS
        conn.execute("COMMIT")
        conn.execute("CHECKPOINT")
        for table in TABLES:
            print(table, conn.execute(f"SELECT COUNT(*) FROM {table}").fetchall()[0][0])


def ask(database: str) -> None:
    """Time each insight whose SQL DuckDB understands as it stands."""
    from dwh.insights.question import questions
    from dwh.insights.window import Window

    with duckdb.connect(database, read_only=True) as conn:
        first, last = conn.execute("SELECT MIN(start_time), MAX(start_time) FROM songplays").fetchall()[0]
        values = Window.of(first, last).parameters(10)
        for question in questions():
            statement = question.sql
            for name, value in values.items():
                written = str(value) if isinstance(value, int) else f"TIMESTAMP '{value}'"
                statement = statement.replace(f"%({name})s", written)
            started = time.perf_counter()
            try:
                conn.execute(statement.replace("%%", "%")).fetchall()
            except duckdb.Error as error:
                print(f"# {question.name}: {str(error).splitlines()[0]}", file=sys.stderr)
                continue
            print(question.name, f"{time.perf_counter() - started:.3f}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case "--ask", database:
            ask(database)
        case "--whole", data, database:
            load(data, database, whole=True)
        case data, database:
            load(data, database)
