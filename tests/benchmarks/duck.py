"""The reference: DuckDB reads the same files from the disk into the same star, and answers the same questions.

    python tests/benchmarks/duck.py DATA DATABASE        load, and print how many rows each table has
    python tests/benchmarks/duck.py --ask DATABASE       time the questions of dwh/insights, a line each

What people would write who want the star and no cluster: no ledger, no audits, nothing incremental.
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
SELECT * FROM read_json($logs, format = 'newline_delimited', columns = {
    artist: 'VARCHAR', auth: 'VARCHAR', firstName: 'VARCHAR', gender: 'VARCHAR', itemInSession: 'INTEGER',
    lastName: 'VARCHAR', length: 'DOUBLE', level: 'VARCHAR', location: 'VARCHAR', method: 'VARCHAR', page: 'VARCHAR',
    registration: 'DOUBLE', sessionId: 'BIGINT', song: 'VARCHAR', status: 'INTEGER', ts: 'BIGINT',
    userAgent: 'VARCHAR', userId: 'VARCHAR'
})
"""
SONGS = """
CREATE TABLE staging_songs AS
SELECT * FROM read_json($songs, columns = {
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
SELECT CAST(userId AS INTEGER) AS user_id, sessionId AS session_id, epoch_ms(ts) AS start_time,
    song, artist, length, level, location, userAgent AS user_agent
FROM staging_events WHERE page = 'NextSong' AND userId <> ''
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY userId, sessionId, ts, itemInSession ORDER BY song, artist, length, level, location, userAgent
) = 1;

CREATE TABLE songplays AS
SELECT ROW_NUMBER() OVER () AS songplay_id, plays.start_time, plays.user_id, plays.level, found.song_id,
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
FROM (SELECT DISTINCT start_time FROM songplays);

CREATE VIEW load_plays AS SELECT user_id, start_time, song, artist FROM plays;
CREATE VIEW load_songs AS SELECT title, artist_name FROM staging_songs;

CHECKPOINT
"""


def load(data: str, database: str) -> None:
    """Fill a new database, and print the rows of each table of the star."""
    for path in (Path(database), Path(f"{database}.wal")):
        path.unlink(missing_ok=True)
    with duckdb.connect(database) as conn:
        conn.execute(EVENTS, {"logs": f"{data}/log_data/**/*.json"})
        conn.execute(SONGS, {"songs": f"{data}/song_data/**/*.json"})
        conn.execute(STAR)
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
    ask(sys.argv[2]) if sys.argv[1] == "--ask" else load(sys.argv[1], sys.argv[2])
