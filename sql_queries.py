"""Every statement that runs in the warehouse, as text with a name.

The way of the data: COPY fills the staging tables; ``staged_events`` and
``staged_songs`` say what each record means and what becomes of it; the star is
inserted from there; the audits look at it before COMMIT. The
statements are Redshift's SQL and run unchanged on the local target. Values
come in as psycopg2 parameters, ``%(name)s``; nothing is formatted into text.

A play is known by its key (user_id, session_id, start_time, item_in_session);
``load_id`` numbers the loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

# --- Tables: staging ---
# One column per key of the source, wide enough in bytes. Every column may be
# empty: what a record lacks is counted by the load, not refused by COPY.
# EVEN: a staging table is written and read whole, once.

CREATE_STAGING_EVENTS = """
CREATE TABLE IF NOT EXISTS staging_events (
    artist          VARCHAR(1024)    ENCODE ZSTD,
    auth            VARCHAR(64)      ENCODE ZSTD,
    first_name      VARCHAR(256)     ENCODE ZSTD,
    gender          VARCHAR(16)      ENCODE ZSTD,
    item_in_session INTEGER          ENCODE AZ64,
    last_name       VARCHAR(256)     ENCODE ZSTD,
    length          DOUBLE PRECISION ENCODE ZSTD,
    level           VARCHAR(16)      ENCODE ZSTD,
    location        VARCHAR(512)     ENCODE ZSTD,
    method          VARCHAR(16)      ENCODE ZSTD,
    page            VARCHAR(64)      ENCODE ZSTD,
    registration    DOUBLE PRECISION ENCODE ZSTD,
    session_id      BIGINT           ENCODE AZ64,
    song            VARCHAR(1024)    ENCODE ZSTD,
    status          INTEGER          ENCODE AZ64,
    ts              BIGINT           ENCODE AZ64,
    user_agent      VARCHAR(1024)    ENCODE ZSTD,
    user_id         VARCHAR(64)      ENCODE ZSTD
)
DISTSTYLE EVEN
"""

CREATE_STAGING_SONGS = """
CREATE TABLE IF NOT EXISTS staging_songs (
    num_songs        INTEGER          ENCODE AZ64,
    artist_id        VARCHAR(64)      ENCODE ZSTD,
    artist_latitude  DOUBLE PRECISION ENCODE ZSTD,
    artist_longitude DOUBLE PRECISION ENCODE ZSTD,
    artist_location  VARCHAR(1024)    ENCODE ZSTD,
    artist_name      VARCHAR(1024)    ENCODE ZSTD,
    song_id          VARCHAR(64)      ENCODE ZSTD,
    title            VARCHAR(1024)    ENCODE ZSTD,
    duration         DOUBLE PRECISION ENCODE ZSTD,
    year             INTEGER          ENCODE AZ64
)
DISTSTYLE EVEN
"""

# --- Tables: star ---
# Keys are informational on Redshift: the planner believes them and nobody
# enforces them, so the audits below do.
# https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html

# Dimension, one row per user. ALL: small, and joined to plays by every slice.
CREATE_USERS = """
CREATE TABLE IF NOT EXISTS users (
    user_id    INTEGER      NOT NULL ENCODE RAW,
    first_name VARCHAR(256)          ENCODE ZSTD,
    last_name  VARCHAR(256)          ENCODE ZSTD,
    gender     VARCHAR(16)           ENCODE ZSTD,
    level      VARCHAR(16)           ENCODE ZSTD,
    PRIMARY KEY (user_id)
)
DISTSTYLE ALL
SORTKEY (user_id)
"""

# Dimension, one row per artist. ALL: it changes slowly and is joined by artist_id,
# which cannot be the distribution key of plays (most plays have none).
CREATE_ARTISTS = """
CREATE TABLE IF NOT EXISTS artists (
    artist_id VARCHAR(64)      NOT NULL ENCODE RAW,
    name      VARCHAR(1024)             ENCODE ZSTD,
    location  VARCHAR(1024)             ENCODE ZSTD,
    latitude  DOUBLE PRECISION          ENCODE ZSTD,
    longitude DOUBLE PRECISION          ENCODE ZSTD,
    PRIMARY KEY (artist_id)
)
DISTSTYLE ALL
SORTKEY (artist_id)
"""

# Dimension, one row per song. ALL, for the same reason as artists.
CREATE_SONGS = """
CREATE TABLE IF NOT EXISTS songs (
    song_id   VARCHAR(64)      NOT NULL ENCODE RAW,
    title     VARCHAR(1024)             ENCODE ZSTD,
    artist_id VARCHAR(64)               ENCODE ZSTD,
    year      INTEGER                   ENCODE AZ64,
    duration  DOUBLE PRECISION          ENCODE ZSTD,
    PRIMARY KEY (song_id),
    FOREIGN KEY (artist_id) REFERENCES artists (artist_id)
)
DISTSTYLE ALL
SORTKEY (song_id)
"""

# Dimension, one row per moment at which something was played (UTC; weekday 0 is
# Sunday; ISO week). It grows with the plays, so it is spread by its key.
CREATE_TIME = """
CREATE TABLE IF NOT EXISTS time (
    start_time TIMESTAMP NOT NULL ENCODE RAW,
    hour       SMALLINT  NOT NULL ENCODE AZ64,
    day        SMALLINT  NOT NULL ENCODE AZ64,
    week       SMALLINT  NOT NULL ENCODE AZ64,
    month      SMALLINT  NOT NULL ENCODE AZ64,
    year       SMALLINT  NOT NULL ENCODE AZ64,
    weekday    SMALLINT  NOT NULL ENCODE AZ64,
    PRIMARY KEY (start_time)
)
DISTSTYLE KEY
DISTKEY (start_time)
SORTKEY (start_time)
"""

# Fact, one row per play. DISTKEY user_id: even, never NULL, and what listeners,
# sessions and retention group by. (song_id is NULL for most plays: as the key
# it would put them all on one slice.) SORTKEY start_time: questions ask for a
# range of time, and new plays arrive at its end.
CREATE_SONGPLAYS = """
CREATE TABLE IF NOT EXISTS songplays (
    songplay_id BIGINT        NOT NULL ENCODE AZ64,
    start_time  TIMESTAMP     NOT NULL ENCODE RAW,
    user_id     INTEGER       NOT NULL ENCODE AZ64,
    level       VARCHAR(16)            ENCODE ZSTD,
    song_id     VARCHAR(64)            ENCODE ZSTD,
    artist_id   VARCHAR(64)            ENCODE ZSTD,
    session_id  BIGINT        NOT NULL ENCODE AZ64,
    location    VARCHAR(512)           ENCODE ZSTD,
    user_agent  VARCHAR(1024)          ENCODE ZSTD,
    PRIMARY KEY (songplay_id),
    FOREIGN KEY (start_time) REFERENCES time (start_time),
    FOREIGN KEY (user_id) REFERENCES users (user_id),
    FOREIGN KEY (song_id) REFERENCES songs (song_id),
    FOREIGN KEY (artist_id) REFERENCES artists (artist_id)
)
DISTSTYLE KEY
DISTKEY (user_id)
SORTKEY (start_time)
"""

# --- Tables: what the loads remember ---
# They make a load incremental and its result independent of the order in which
# files arrive. Written in the load's own transaction; analysts never need them.

# Which objects of the sources are loaded, in which version (the ETag).
CREATE_LOAD_OBJECTS = """
CREATE TABLE IF NOT EXISTS load_objects (
    object_key VARCHAR(1100) NOT NULL ENCODE ZSTD,
    etag       VARCHAR(128)  NOT NULL ENCODE ZSTD,
    size       BIGINT        NOT NULL ENCODE AZ64,
    records    BIGINT                 ENCODE AZ64,
    loaded_at  TIMESTAMP     NOT NULL ENCODE AZ64,
    load_id    BIGINT        NOT NULL ENCODE AZ64,
    PRIMARY KEY (object_key)
)
DISTSTYLE EVEN
"""

# The account of each load: what became of every record it read.
CREATE_LOAD_HISTORY = """
CREATE TABLE IF NOT EXISTS load_history (
    load_id    BIGINT        NOT NULL ENCODE RAW,
    loaded_at  TIMESTAMP     NOT NULL ENCODE AZ64,
    table_name VARCHAR(127)  NOT NULL ENCODE ZSTD,
    outcome    VARCHAR(64)   NOT NULL ENCODE ZSTD,
    records    BIGINT        NOT NULL ENCODE AZ64,
    detail     VARCHAR(4096)          ENCODE ZSTD
)
DISTSTYLE EVEN
SORTKEY (load_id)
"""

# The full key of every play, and the song it named: what tells a play that is
# there already, and finds its song when the song comes later. It numbers the
# plays, and songplays takes the number: by it the two know each other's rows.
CREATE_LOAD_PLAYS = """
CREATE TABLE IF NOT EXISTS load_plays (
    songplay_id     BIGINT           NOT NULL IDENTITY(0, 1) ENCODE AZ64,
    user_id         INTEGER          NOT NULL ENCODE AZ64,
    session_id      BIGINT           NOT NULL ENCODE AZ64,
    start_time      TIMESTAMP        NOT NULL ENCODE RAW,
    item_in_session INTEGER          NOT NULL ENCODE AZ64,
    song            VARCHAR(1024)             ENCODE ZSTD,
    artist          VARCHAR(1024)             ENCODE ZSTD,
    length          DOUBLE PRECISION          ENCODE ZSTD,
    load_id         BIGINT           NOT NULL ENCODE AZ64,
    PRIMARY KEY (user_id, session_id, start_time, item_in_session)
)
DISTSTYLE KEY
DISTKEY (user_id)
SORTKEY (start_time)
"""

# Every distinct song record ever delivered: one song_id or artist_id may come
# with several spellings, and plays may name any of them.
CREATE_LOAD_SONGS = """
CREATE TABLE IF NOT EXISTS load_songs (
    song_id          VARCHAR(64)      NOT NULL ENCODE RAW,
    title            VARCHAR(1024)             ENCODE ZSTD,
    artist_id        VARCHAR(64)               ENCODE ZSTD,
    year             INTEGER                   ENCODE AZ64,
    duration         DOUBLE PRECISION          ENCODE ZSTD,
    artist_name      VARCHAR(1024)             ENCODE ZSTD,
    artist_location  VARCHAR(1024)             ENCODE ZSTD,
    artist_latitude  DOUBLE PRECISION          ENCODE ZSTD,
    artist_longitude DOUBLE PRECISION          ENCODE ZSTD,
    load_id          BIGINT           NOT NULL ENCODE AZ64
)
DISTSTYLE ALL
SORTKEY (song_id)
"""

# The latest event of every user: the level that an older file must not turn back.
CREATE_LOAD_USERS = """
CREATE TABLE IF NOT EXISTS load_users (
    user_id         INTEGER      NOT NULL ENCODE RAW,
    first_name      VARCHAR(256)          ENCODE ZSTD,
    last_name       VARCHAR(256)          ENCODE ZSTD,
    gender          VARCHAR(16)           ENCODE ZSTD,
    level           VARCHAR(16)           ENCODE ZSTD,
    ts              BIGINT       NOT NULL ENCODE AZ64,
    session_id      BIGINT                ENCODE AZ64,
    item_in_session INTEGER               ENCODE AZ64,
    load_id         BIGINT       NOT NULL ENCODE AZ64,
    PRIMARY KEY (user_id)
)
DISTSTYLE ALL
SORTKEY (user_id)
"""

STAGING_TABLES = ("staging_events", "staging_songs")
STAR_TABLES = ("users", "artists", "songs", "time", "songplays")
LOAD_TABLES = ("load_objects", "load_history", "load_plays", "load_songs", "load_users")
TABLES = STAGING_TABLES + STAR_TABLES + LOAD_TABLES
LOCKED_TABLES = ("load_objects", "load_history", "staging_events", "staging_songs")

# In this order: what is referred to comes first.
CREATE = {
    "staging_events": CREATE_STAGING_EVENTS,
    "staging_songs": CREATE_STAGING_SONGS,
    "users": CREATE_USERS,
    "artists": CREATE_ARTISTS,
    "songs": CREATE_SONGS,
    "time": CREATE_TIME,
    "songplays": CREATE_SONGPLAYS,
    "load_objects": CREATE_LOAD_OBJECTS,
    "load_history": CREATE_LOAD_HISTORY,
    "load_plays": CREATE_LOAD_PLAYS,
    "load_songs": CREATE_LOAD_SONGS,
    "load_users": CREATE_LOAD_USERS,
}

# The braces take an identifier of CREATE (psycopg2.sql), never a value.
DROP_TABLE = "DROP TABLE IF EXISTS {}"
COUNT_ROWS = "SELECT COUNT(*) FROM {}"
DELETE_ROWS = "DELETE FROM {}"
TRUNCATE_TABLE = "TRUNCATE TABLE {}"
ANALYZE_TABLE = "ANALYZE {}"
VACUUM_TABLE = "VACUUM {}"

# Which tables of this project are there?
EXISTING = """
SELECT table_name
FROM information_schema.tables
WHERE table_schema = 'public'
"""

# --- Load: extract ---

# One load at a time: every writer takes this lock first, and readers of the star
# never need it. (Locking the star itself would make readers wait.)
LOCK_LOADS = "LOCK load_objects, load_history, staging_events, staging_songs"

# Milliseconds that a statement may take, waiting for locks included.
SET_STATEMENT_TIMEOUT = "SET statement_timeout TO %(milliseconds)s"

# Which sessions hold a lock on these tables? Readers wait for one of the mode AccessExclusiveLock; '%' is any mode.
LOCK_HOLDERS = """
SELECT DISTINCT txn_owner, pid, txn_start
FROM svv_transactions
INNER JOIN pg_class ON pg_class.oid = svv_transactions.relation
WHERE pg_class.relname IN %(tables)s
    AND granted
    AND lock_mode LIKE %(mode)s
    AND pid <> PG_BACKEND_PID()
ORDER BY txn_start, pid
"""

# Which number does this load get, and when does it begin? How many records have the loads before it staged, and
# how many rows lie in the staging tables still, from a load that was not published?
THIS_LOAD = """
SELECT
    COALESCE(MAX(load_id), 0) + 1 AS load_id,
    GETDATE() AS loaded_at,
    NVL(SUM(CASE WHEN outcome = 'staged' AND table_name = 'staging_events' THEN records END), 0) AS earlier_events,
    NVL(SUM(CASE WHEN outcome = 'staged' AND table_name = 'staging_songs' THEN records END), 0) AS earlier_songs,
    (SELECT COUNT(*) FROM staging_events) AS events_left,
    (SELECT COUNT(*) FROM staging_songs) AS songs_left
FROM load_history
"""

# Which objects are loaded, in which version?
LOADED_OBJECTS = "SELECT object_key, etag FROM load_objects"

# COMPUPDATE and STATUPDATE OFF: a staging table is used once, analysing it costs more
# than it saves. https://docs.aws.amazon.com/redshift/latest/dg/c_best-practices-use-copy.html
COPY_EVENTS = """
COPY staging_events (
    artist, auth, first_name, gender, item_in_session, last_name, length, level, location,
    method, page, registration, session_id, song, status, ts, user_agent, user_id
)
FROM %(source)s
IAM_ROLE %(role)s
REGION %(region)s
FORMAT AS JSON %(jsonpaths)s
MAXERROR %(max_errors)s
COMPUPDATE OFF
STATUPDATE OFF
"""

COPY_SONGS = """
COPY staging_songs
FROM %(source)s
IAM_ROLE %(role)s
REGION %(region)s
FORMAT AS JSON 'auto'
MAXERROR %(max_errors)s
COMPUPDATE OFF
STATUPDATE OFF
"""

# May COPY read an object? It goes through it and loads nothing, into a table that goes with the session.
# What is wrong with single records is a load's affair.
CREATE_PROBE_EVENTS = CREATE_STAGING_EVENTS.replace("TABLE IF NOT EXISTS staging_events", "TEMP TABLE probe_events")

COPY_PROBE = """
COPY probe_events
FROM %(source)s
IAM_ROLE %(role)s
REGION %(region)s
FORMAT AS JSON %(jsonpaths)s
MAXERROR 100000
COMPUPDATE OFF
STATUPDATE OFF
NOLOAD
"""

# Appended to a COPY whose source is a manifest of objects, not a prefix.
MANIFEST = "MANIFEST\n"

# How far is the COPY that a session runs: objects read, rows loaded?
# https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_HISTORY.html
COPY_PROGRESS = """
SELECT COALESCE(file_count_scanned, 0), COALESCE(loaded_rows, 0)
FROM sys_load_history
WHERE session_id = %(session)s AND status = 'running'
ORDER BY query_id DESC
LIMIT 1
"""

# How many records did the last COPY of this session load?
LAST_COPY_COUNT = "SELECT PG_LAST_COPY_COUNT()"

# Which files did the last COPY of this session read, and how many lines of each?
LAST_COPY_FILES = """
SELECT TRIM(filename), SUM(lines_scanned)
FROM stl_load_commits
WHERE query = PG_LAST_COPY_ID()
GROUP BY TRIM(filename)
"""

# Which records did the last COPY of this session leave out, though it succeeded?
LEFT_OUT = """
SELECT TRIM(filename), line_number, TRIM(colname), TRIM(err_reason), TRIM(raw_field_value)
FROM stl_load_errors
WHERE query = PG_LAST_COPY_ID()
ORDER BY filename, line_number
"""

# Why did a COPY of this session fail? A failed one has no id once it is rolled back, only a time.
LOAD_ERRORS = """
SELECT TRIM(filename), line_number, TRIM(colname), TRIM(err_reason), TRIM(raw_field_value)
FROM stl_load_errors
WHERE session = %(session)s AND starttime >= %(since)s
ORDER BY starttime, filename, line_number
LIMIT %(limit)s
"""

# The same from the newer view, for what STL does not show: it holds only what ran on the main cluster, not on
# one of concurrency scaling or of Multi-AZ. The newer view does not have the value.
# https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
# https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
NEWER_VIEW_EXISTS = "SELECT COUNT(*) FROM pg_class WHERE relname = 'sys_load_error_detail'"

LOAD_ERRORS_ANYWHERE = """
SELECT TRIM(file_name), line_number, TRIM(column_name), TRIM(error_message), CAST('' AS VARCHAR(1)) AS raw_field_value
FROM sys_load_error_detail
WHERE session_id = %(session)s AND start_time >= %(since)s
ORDER BY start_time, file_name, line_number
LIMIT %(limit)s
"""

# Which session is this, and what is the server's clock, as the load errors record them?
SESSION = "SELECT PG_BACKEND_PID(), GETDATE()"

# Which server is it?
SERVER_VERSION = "SELECT VERSION()"

# How many megabytes do the tables take? Empty ones are not listed.
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html
SPACE_OF_TABLES = "SELECT COALESCE(SUM(size), 0) FROM svv_table_info WHERE schema = 'public'"

# --- Load: transform ---

# How many staged events fill each key of the source, plays and others apart, and from when to when are they?
FILLED_EVENTS = """
CREATE TEMP TABLE filled_events AS
SELECT
    CAST(CASE WHEN page = 'NextSong' THEN 'play' ELSE 'other' END AS VARCHAR(16)) AS kind,
    COUNT(*) AS records,
    COUNT(artist) AS artist, COUNT(auth) AS auth, COUNT(first_name) AS first_name, COUNT(gender) AS gender,
    COUNT(item_in_session) AS item_in_session, COUNT(last_name) AS last_name, COUNT(length) AS length,
    COUNT(level) AS level, COUNT(location) AS location, COUNT(method) AS method, COUNT(page) AS page,
    COUNT(registration) AS registration, COUNT(session_id) AS session_id, COUNT(song) AS song,
    COUNT(status) AS status, COUNT(ts) AS ts, COUNT(user_agent) AS user_agent, COUNT(user_id) AS user_id,
    -- milliseconds of the years 2000 to 2099
    MIN(CASE WHEN ts >= 946684800000 AND ts < 4102444800000 THEN ts END) AS first_ts,
    MAX(CASE WHEN ts >= 946684800000 AND ts < 4102444800000 THEN ts END) AS last_ts
FROM staging_events
GROUP BY kind
"""

# From when to when are the staged plays? Outside of this range no play that was loaded
# can be one of them, and its blocks need not be read (start_time is the sort key).
STAGED_RANGE = """
SELECT
    TIMESTAMP 'epoch' + MIN(first_ts) / 1000 * INTERVAL '1 second',
    TIMESTAMP 'epoch' + (MAX(last_ts) / 1000 + 1) * INTERVAL '1 second'
FROM filled_events
WHERE kind = 'play'
"""

# What does each staged event say, and what becomes of it as a play? One row an event.
# An event may be delivered twice: the key decides, and among different contents of one
# key a total order. Redshift casts before it filters when it likes to, so every cast is guarded.
# Texts lose their trailing blanks, which do not count when Redshift compares: else the bytes that
# end in the star would depend on which of two equal texts came first.
STAGED_EVENTS = """
CREATE TEMP TABLE staged_events DISTKEY (user_id) AS
SELECT
    CAST(CASE
        WHEN events.page IS NULL OR events.page <> 'NextSong' THEN 'not a play'
        WHEN events.user_id IS NULL AND TRIM(events.source_user_id) <> '' THEN 'odd user id'
        WHEN events.user_id IS NULL THEN 'no user'
        WHEN events.start_time IS NULL THEN 'no time'
        WHEN events.session_id IS NULL THEN 'no session'
        WHEN events.place > 1 THEN 'duplicate'
        WHEN known.load_id IS NOT NULL THEN 'already there'
        ELSE 'new'
    END AS VARCHAR(16)) AS outcome,
    events.start_time, events.user_id, events.session_id, events.item_in_session, events.ts,
    events.song, events.artist, events.length, events.level,
    events.first_name, events.last_name, events.gender, events.location, events.user_agent
FROM (
    SELECT
        user_id, source_user_id, session_id, start_time, item_in_session, ts, page,
        song, artist, length, level, first_name, last_name, gender, location, user_agent,
        ROW_NUMBER() OVER (
            PARTITION BY start_time, user_id, session_id, item_in_session, page
            ORDER BY song, artist, length, level, location, user_agent
        ) AS place
    FROM (
        SELECT
            CASE -- nine digits fit an INTEGER, ten up to its largest; to count them in the pattern takes twice the time
                WHEN OCTET_LENGTH(user_id) <= 9 AND user_id ~ '^[0-9]+$' THEN CAST(user_id AS INTEGER)
                WHEN TRIM(user_id) ~ '^[0-9]+([.]0+)?$' AND (
                    OCTET_LENGTH(SPLIT_PART(TRIM(user_id), '.', 1)) <= 9
                    OR (
                        OCTET_LENGTH(SPLIT_PART(TRIM(user_id), '.', 1)) = 10
                        AND SPLIT_PART(TRIM(user_id), '.', 1) <= '2147483647'
                    )
                )
                THEN CAST(SPLIT_PART(TRIM(user_id), '.', 1) AS INTEGER)
            END AS user_id,
            user_id AS source_user_id,
            CASE
                WHEN ts >= 946684800000 AND ts < 4102444800000
                THEN TIMESTAMP 'epoch' + ts / 1000 * INTERVAL '1 second'
                    + (ts - ts / 1000 * 1000) * INTERVAL '1 millisecond'
            END AS start_time,
            session_id, COALESCE(item_in_session, -1) AS item_in_session, ts, RTRIM(page) AS page,
            RTRIM(song) AS song, RTRIM(artist) AS artist, COALESCE(length, 0) AS length, RTRIM(level) AS level,
            RTRIM(first_name) AS first_name, RTRIM(last_name) AS last_name, RTRIM(gender) AS gender,
            RTRIM(location) AS location, RTRIM(user_agent) AS user_agent
        FROM staging_events
    ) AS typed
) AS events
LEFT JOIN load_plays AS known
    ON known.user_id = events.user_id
    AND known.session_id = events.session_id
    AND known.start_time = events.start_time
    AND known.item_in_session = events.item_in_session
    AND known.start_time >= %(first)s AND known.start_time < %(last)s
"""

# What becomes of each user's staged events: how many become what, how many of them have a time, since when and
# until when are they? Read in place of the events wherever a count will do.
STAGED_COUNTS = """
CREATE TEMP TABLE staged_counts DISTKEY (user_id) AS
SELECT
    user_id, outcome,
    COUNT(*) AS records,
    COUNT(start_time) AS timed,
    MIN(start_time) AS first_moment,
    MAX(CASE WHEN start_time IS NOT NULL THEN ts END) AS latest_ts
FROM staged_events
GROUP BY user_id, outcome
"""

# What does each staged song say, with '' and year 0 as what they are: unknown? One row a song record,
# its texts without trailing blanks.
STAGED_SONGS = """
CREATE TEMP TABLE staged_songs AS
SELECT
    RTRIM(song_id) AS song_id,
    RTRIM(title) AS title,
    RTRIM(artist_id) AS artist_id,
    CASE WHEN year > 0 THEN year END AS year,
    duration,
    RTRIM(artist_name) AS artist_name,
    CASE WHEN TRIM(artist_location) <> '' THEN RTRIM(artist_location) END AS artist_location,
    artist_latitude,
    artist_longitude,
    CAST(CASE
        WHEN song_id IS NULL OR TRIM(song_id) = '' THEN 'no song'
        WHEN artist_id IS NULL OR TRIM(artist_id) = '' THEN 'no artist'
        ELSE 'complete'
    END AS VARCHAR(16)) AS outcome
FROM staging_songs
"""

# Which complete song records are staged that no load has seen?
NEW_SONGS = """
CREATE TEMP TABLE new_songs AS
SELECT DISTINCT
    song_id, title, artist_id, year, duration,
    artist_name, artist_location, artist_latitude, artist_longitude
FROM staged_songs
WHERE outcome = 'complete'
EXCEPT
SELECT
    song_id, title, artist_id, year, duration,
    artist_name, artist_location, artist_latitude, artist_longitude
FROM load_songs
"""

# Which older plays may now have a song, or a better one?
PLAYS_TO_MATCH = """
CREATE TEMP TABLE plays_to_match DISTKEY (user_id) AS
SELECT DISTINCT plays.songplay_id, plays.user_id, plays.start_time, plays.song, plays.artist, plays.length
FROM load_plays AS plays
INNER JOIN new_songs AS songs ON songs.title = plays.song AND songs.artist_name = plays.artist
"""

# --- Load: what would vanish when everything is loaded anew ---

# Which plays are there now?
EARLIER_PLAYS = """
CREATE TEMP TABLE earlier_plays DISTKEY (user_id) AS
SELECT user_id, session_id, start_time, item_in_session
FROM load_plays
"""

# Which users, songs and artists are there now?
EARLIER_KEYS = """
CREATE TEMP TABLE earlier_keys AS
SELECT CAST('users' AS VARCHAR(16)) AS table_name, CAST(user_id AS VARCHAR(64)) AS id FROM users
UNION ALL
SELECT CAST('songs' AS VARCHAR(16)), song_id FROM songs
UNION ALL
SELECT CAST('artists' AS VARCHAR(16)), artist_id FROM artists
"""

# Which of these plays are not among the staged ones, by day?
VANISHING_PLAYS = """
SELECT CAST(earlier.start_time AS DATE) AS day, COUNT(*) AS plays
FROM earlier_plays AS earlier
LEFT JOIN staged_events AS staged
    ON staged.user_id = earlier.user_id
    AND staged.session_id = earlier.session_id
    AND staged.start_time = earlier.start_time
    AND staged.item_in_session = earlier.item_in_session
    AND staged.outcome = 'new'
WHERE staged.outcome IS NULL
GROUP BY CAST(earlier.start_time AS DATE)
ORDER BY day
"""

# How many of these users, songs and artists are not among the staged ones?
VANISHING_KEYS = """
SELECT table_name, COUNT(*) AS vanishing
FROM (
    SELECT table_name, id
    FROM earlier_keys
    EXCEPT
    SELECT table_name, id
    FROM (
        SELECT CAST('users' AS VARCHAR(16)) AS table_name, CAST(user_id AS VARCHAR(64)) AS id
        FROM staged_counts
        WHERE timed > 0
        UNION ALL
        SELECT CAST('songs' AS VARCHAR(16)), song_id FROM staged_songs WHERE outcome = 'complete'
        UNION ALL
        SELECT CAST('artists' AS VARCHAR(16)), artist_id FROM staged_songs WHERE outcome = 'complete'
    ) AS staged
) AS missing
GROUP BY table_name
ORDER BY table_name
"""

# --- Load: the account of every record ---

# How many rows does each table of the star have, in the range of this load? Asked before and after
# the inserts. (What the server says of an INSERT is not relied on: of a table that lies on every
# node it may count each copy.)
STAR_ROWS = """
SELECT CAST('songs' AS VARCHAR(16)) AS table_name, COUNT(*) AS records FROM songs
UNION ALL
SELECT CAST('artists' AS VARCHAR(16)) AS table_name, COUNT(*) AS records FROM artists
UNION ALL
SELECT CAST('users' AS VARCHAR(16)) AS table_name, COUNT(*) AS records FROM users
UNION ALL
SELECT CAST('songplays' AS VARCHAR(16)) AS table_name, COUNT(*) AS records
FROM songplays
WHERE start_time >= %(first)s AND start_time < %(last)s
UNION ALL
SELECT CAST('time' AS VARCHAR(16)) AS table_name, COUNT(*) AS records
FROM time
WHERE start_time >= %(first)s AND start_time < %(last)s
"""

# What becomes of the records that each table of the star is fed with and that make no new row, by
# outcome? Asked before the inserts; with the rows inserted, the outcomes must add up to the records.
# (Every text literal has a type: Redshift refuses one without as soon as it is compared or sorted.)
ACCOUNT_OF_RECORDS = """
WITH keys AS ( -- of the song records, each with the number of records that have it
    SELECT CAST('songs' AS VARCHAR(16)) AS table_name, song_id AS id, COUNT(*) AS records
    FROM staged_songs
    WHERE outcome = 'complete'
    GROUP BY song_id
    UNION ALL
    SELECT CAST('artists' AS VARCHAR(16)) AS table_name, artist_id AS id, COUNT(*) AS records
    FROM staged_songs
    WHERE outcome = 'complete'
    GROUP BY artist_id
)
-- songs and artists
SELECT named.table_name, staged_songs.outcome, COUNT(*) AS records
FROM staged_songs
CROSS JOIN (
    SELECT CAST('songs' AS VARCHAR(16)) AS table_name
    UNION ALL
    SELECT CAST('artists' AS VARCHAR(16)) AS table_name
) AS named
WHERE staged_songs.outcome <> 'complete'
GROUP BY named.table_name, staged_songs.outcome
UNION ALL
SELECT table_name, CAST('duplicate' AS VARCHAR(16)) AS outcome, SUM(records) - COUNT(*) AS records
FROM keys
GROUP BY table_name
UNION ALL
SELECT keys.table_name, CAST('already there' AS VARCHAR(16)) AS outcome, COUNT(*) AS records
FROM keys
LEFT JOIN songs ON keys.table_name = 'songs' AND songs.song_id = keys.id
LEFT JOIN artists ON keys.table_name = 'artists' AND artists.artist_id = keys.id
WHERE songs.song_id IS NOT NULL OR artists.artist_id IS NOT NULL
GROUP BY keys.table_name
UNION ALL
-- users
SELECT
    CAST('users' AS VARCHAR(16)) AS table_name, CAST('no user id' AS VARCHAR(16)) AS outcome, SUM(records) AS records
FROM staged_counts
WHERE user_id IS NULL
UNION ALL
SELECT CAST('users' AS VARCHAR(16)), CAST('no time' AS VARCHAR(16)), SUM(records - timed)
FROM staged_counts
WHERE user_id IS NOT NULL
UNION ALL
SELECT CAST('users' AS VARCHAR(16)), CAST('duplicate' AS VARCHAR(16)), SUM(timed) - COUNT(DISTINCT user_id)
FROM staged_counts
WHERE user_id IS NOT NULL AND timed > 0
UNION ALL
SELECT CAST('users' AS VARCHAR(16)), CAST('already there' AS VARCHAR(16)), COUNT(DISTINCT staged_counts.user_id)
FROM staged_counts
INNER JOIN users AS known ON known.user_id = staged_counts.user_id
WHERE staged_counts.timed > 0
UNION ALL
-- songplays
SELECT CAST('songplays' AS VARCHAR(16)), outcome, SUM(records)
FROM staged_counts
WHERE outcome <> 'new'
GROUP BY outcome
UNION ALL
-- time
SELECT
    CAST('time' AS VARCHAR(16)), CAST('duplicate' AS VARCHAR(16)), COUNT(*) - COUNT(DISTINCT start_time)
FROM staged_events
WHERE outcome = 'new'
UNION ALL
SELECT CAST('time' AS VARCHAR(16)), CAST('already there' AS VARCHAR(16)), COUNT(*)
FROM time AS known
WHERE start_time >= %(first)s AND start_time < %(last)s
    AND EXISTS (SELECT 1 FROM staged_events WHERE outcome = 'new' AND staged_events.start_time = known.start_time)
"""

# --- Load: the star ---

# Remember the new song records.
INSERT_LOAD_SONGS = """
INSERT INTO load_songs (
    song_id, title, artist_id, year, duration,
    artist_name, artist_location, artist_latitude, artist_longitude, load_id
)
SELECT
    song_id, title, artist_id, year, duration,
    artist_name, artist_location, artist_latitude, artist_longitude, CAST(%(load_id)s AS BIGINT)
FROM new_songs
"""

# A song or artist that came with another content is chosen anew among all of them.
DELETE_STALE_SONGS = """
DELETE FROM songs
WHERE song_id IN (SELECT song_id FROM new_songs)
"""

# One row per song_id: the earliest known year, then the first by every other column.
INSERT_SONGS = """
INSERT INTO songs (song_id, title, artist_id, year, duration)
SELECT DISTINCT song_id, title, artist_id, year, duration
FROM (
    SELECT
        song_id, title, artist_id, year, duration,
        ROW_NUMBER() OVER (PARTITION BY song_id ORDER BY year, title, artist_id, duration) AS place
    FROM load_songs
    WHERE song_id IN (SELECT song_id FROM new_songs)
) AS variants
WHERE place = 1
    AND NOT EXISTS (SELECT 1 FROM songs AS known WHERE known.song_id = variants.song_id)
"""

DELETE_STALE_ARTISTS = """
DELETE FROM artists
WHERE artist_id IN (SELECT artist_id FROM new_songs)
"""

# One row per artist_id: a known location before none, known coordinates before
# none, then the first name, location and coordinates in order.
INSERT_ARTISTS = """
INSERT INTO artists (artist_id, name, location, latitude, longitude)
SELECT DISTINCT artist_id, name, location, latitude, longitude
FROM (
    SELECT
        artist_id, artist_name AS name, artist_location AS location,
        artist_latitude AS latitude, artist_longitude AS longitude,
        ROW_NUMBER() OVER (
            PARTITION BY artist_id
            ORDER BY
                CASE WHEN artist_location IS NULL THEN 1 ELSE 0 END,
                CASE WHEN artist_latitude IS NULL OR artist_longitude IS NULL THEN 1 ELSE 0 END,
                artist_name, artist_location, artist_latitude, artist_longitude
        ) AS place
    FROM load_songs
    WHERE artist_id IN (SELECT artist_id FROM new_songs)
) AS variants
WHERE place = 1
    AND NOT EXISTS (SELECT 1 FROM artists AS known WHERE known.artist_id = variants.artist_id)
"""

# Which users have their latest event, on any page, in this load? The latest that is staged is
# ranked together with the one that is remembered.
LATEST_USERS = """
CREATE TEMP TABLE latest_users AS
SELECT user_id, first_name, last_name, gender, level, ts, session_id, item_in_session
FROM (
    SELECT
        user_id, first_name, last_name, gender, level, ts, session_id, item_in_session, staged,
        ROW_NUMBER() OVER (
            PARTITION BY user_id
            ORDER BY ts DESC, session_id DESC, item_in_session DESC, level, first_name, last_name, gender, staged
        ) AS place
    FROM (
        SELECT
            events.user_id, events.first_name, events.last_name, events.gender, events.level,
            events.ts, events.session_id, events.item_in_session, 1 AS staged
        FROM staged_events AS events
        INNER JOIN staged_counts AS latest
            ON latest.user_id = events.user_id
            AND latest.outcome = events.outcome
            AND latest.latest_ts = events.ts
        UNION ALL
        SELECT user_id, first_name, last_name, gender, level, ts, session_id, item_in_session, 0 AS staged
        FROM load_users
    ) AS events
) AS ranked
WHERE place = 1 AND staged = 1
"""

DELETE_LOAD_USERS = """
DELETE FROM load_users
USING latest_users
WHERE latest_users.user_id = load_users.user_id
"""

INSERT_LOAD_USERS = """
INSERT INTO load_users (
    user_id, first_name, last_name, gender, level, ts, session_id, item_in_session, load_id
)
SELECT
    user_id, first_name, last_name, gender, level, ts, session_id, item_in_session, CAST(%(load_id)s AS BIGINT)
FROM latest_users
"""

# Bring known users up to date: their level is that of their latest event.
UPDATE_USERS = """
UPDATE users
SET first_name = latest.first_name, last_name = latest.last_name, gender = latest.gender, level = latest.level
FROM latest_users AS latest
WHERE latest.user_id = users.user_id
"""

INSERT_USERS = """
INSERT INTO users (user_id, first_name, last_name, gender, level)
SELECT DISTINCT user_id, first_name, last_name, gender, level
FROM latest_users
WHERE NOT EXISTS (SELECT 1 FROM users AS known WHERE known.user_id = latest_users.user_id)
"""

# Which song does a play mean? The record of that title and artist name whose
# duration is closest (where the length is known), then the smallest song_id: one, or none.
SONG_MATCHES = """
CREATE TEMP TABLE song_matches AS
SELECT song, artist, length, song_id, artist_id
FROM (
    SELECT
        heard.song, heard.artist, heard.length, songs.song_id, songs.artist_id,
        ROW_NUMBER() OVER (
            PARTITION BY heard.song, heard.artist, heard.length
            ORDER BY
                CASE WHEN heard.length > 0 THEN ABS(songs.duration - heard.length) END,
                songs.song_id,
                songs.artist_id
        ) AS place
    FROM (
        SELECT DISTINCT song, artist, length FROM staged_events WHERE outcome = 'new'
        UNION
        SELECT DISTINCT song, artist, length FROM plays_to_match
    ) AS heard
    INNER JOIN load_songs AS songs ON songs.title = heard.song AND songs.artist_name = heard.artist
) AS candidates
WHERE place = 1
"""

# Older plays whose song has come only now, or whose closest song has. (A user's plays lie on one slice.)
UPDATE_SONGPLAYS = """
UPDATE songplays
SET song_id = matches.song_id, artist_id = matches.artist_id
FROM plays_to_match AS heard
INNER JOIN song_matches AS matches
    ON matches.song = heard.song
    AND matches.artist = heard.artist
    AND matches.length = heard.length
WHERE heard.user_id = songplays.user_id
    AND heard.songplay_id = songplays.songplay_id
"""

# Number the new plays.
INSERT_LOAD_PLAYS = """
INSERT INTO load_plays (user_id, session_id, start_time, item_in_session, song, artist, length, load_id)
SELECT user_id, session_id, start_time, item_in_session, song, artist, length, CAST(%(load_id)s AS BIGINT)
FROM staged_events
WHERE outcome = 'new'
"""

# Every new play keeps its row, whether its song is known or not.
INSERT_SONGPLAYS = """
INSERT INTO songplays (songplay_id, start_time, user_id, level, song_id, artist_id, session_id, location, user_agent)
SELECT
    numbered.songplay_id, plays.start_time, plays.user_id, plays.level, matches.song_id, matches.artist_id,
    plays.session_id, plays.location, plays.user_agent
FROM staged_events AS plays
INNER JOIN load_plays AS numbered
    ON numbered.user_id = plays.user_id
    AND numbered.session_id = plays.session_id
    AND numbered.start_time = plays.start_time
    AND numbered.item_in_session = plays.item_in_session
    AND numbered.load_id = %(load_id)s
    AND numbered.start_time >= %(first)s AND numbered.start_time < %(last)s
LEFT JOIN song_matches AS matches
    ON matches.song = plays.song
    AND matches.artist = plays.artist
    AND matches.length = plays.length
WHERE plays.outcome = 'new'
"""

INSERT_TIME = """
INSERT INTO time (start_time, hour, day, week, month, year, weekday)
SELECT
    start_time,
    EXTRACT(hour FROM start_time),
    EXTRACT(day FROM start_time),
    EXTRACT(week FROM start_time),
    EXTRACT(month FROM start_time),
    EXTRACT(year FROM start_time),
    EXTRACT(dow FROM start_time)
FROM (SELECT DISTINCT start_time FROM staged_events WHERE outcome = 'new') AS moments
WHERE NOT EXISTS (
    SELECT 1
    FROM time AS known
    WHERE known.start_time = moments.start_time
        AND known.start_time >= %(first)s AND known.start_time < %(last)s
)
"""

# --- Load: what the loads remember ---

# An object that came in a new version replaces its earlier row.
DELETE_LOAD_OBJECTS = "DELETE FROM load_objects WHERE object_key IN %(keys)s"

INSERT_LOAD_OBJECTS = """
INSERT INTO load_objects (object_key, etag, size, records, loaded_at, load_id)
VALUES %s
"""

INSERT_LOAD_HISTORY = """
INSERT INTO load_history (load_id, loaded_at, table_name, outcome, records, detail)
VALUES %s
"""

# From which moment on does this load touch the fact?
FIRST_NEW_PLAY = """
SELECT MIN(moment)
FROM (
    SELECT first_moment AS moment FROM staged_counts WHERE outcome = 'new'
    UNION ALL
    SELECT start_time FROM plays_to_match
) AS touched
"""

# --- Load: in which order ---


class Staging(NamedTuple):
    """A staging table: the key of [S3] in dwh.cfg that names its source, and the COPY that fills it."""

    table: str
    source: str
    copy: str


class Fill(NamedTuple):
    """A table of the star: the table whose records it is fed with, and the statements that bring it up to date.

    ``after`` are the staging tables that give these statements something to do: if all of them are empty, nothing is
    sent. (On a new cluster a statement takes seconds when it comes for the first time, also if it finds no rows.)
    """

    table: str
    source: str
    after: tuple[str, ...]
    statements: tuple[str, ...]


# First the staging tables are emptied and filled;
STAGING = (
    Staging("staging_events", "log_data", COPY_EVENTS),
    Staging("staging_songs", "song_data", COPY_SONGS),
)

# then temporary tables say what the records mean, and nothing else is written;
TRANSFORM = (
    STAGED_EVENTS,
    STAGED_COUNTS,
    STAGED_SONGS,
    NEW_SONGS,
    PLAYS_TO_MATCH,
)

# then the star is filled, and beside it what the loads remember. The audits follow, and COMMIT.
# A song that comes late is looked for in the plays, too.
EVENTS, SONGS = ("staging_events",), ("staging_songs",)
STAR = (
    Fill("songs", "staging_songs", SONGS, (INSERT_LOAD_SONGS, DELETE_STALE_SONGS, INSERT_SONGS)),
    Fill("artists", "staging_songs", SONGS, (DELETE_STALE_ARTISTS, INSERT_ARTISTS)),
    Fill(
        "users",
        "staging_events",
        EVENTS,
        (LATEST_USERS, DELETE_LOAD_USERS, INSERT_LOAD_USERS, UPDATE_USERS, INSERT_USERS),
    ),
    Fill(
        "songplays",
        "staging_events",
        EVENTS + SONGS,
        (SONG_MATCHES, UPDATE_SONGPLAYS, INSERT_LOAD_PLAYS, INSERT_SONGPLAYS),
    ),
    Fill("time", "songplays", EVENTS, (INSERT_TIME,)),
)

# What grows with the records of each staging table, and with either.
GROWS = {
    "staging_events": ("users", "time", "songplays", "load_plays", "load_users"),
    "staging_songs": ("artists", "songs", "load_songs"),
}
GROWS_ANYWAY = ("load_objects", "load_history")

# --- Audits ---


class Audit(NamedTuple):
    """A question whose answer is a row: ``exceptions``, which should be 0, and an ``example`` of one in words.

    ``name`` is how people speak of it, ``expectation`` what should hold.
    ``error`` keeps a load from being published; ``warn`` is printed. ``staged``
    audits look at the staging tables and make sense only while loading.
    ``rows`` finds the records that it speaks of, as a statement to paste, printed where there are exceptions; what is
    staged is there until the next load, if the load was published.
    ``%(since)s`` leaves out the plays before the first one that a load touched.
    ``enough`` is for what a few odd records may show by themselves: with fewer records than that, which the
    query counts as ``among``, an error is only a warning. (A load must not stop for ever at a record that a larger
    load would publish.)

    The planner believes declared keys, and may answer from the declaration what it is asked about them: "is it
    unique?", "has it a row there?". So what is grouped by or joined on is an expression, never the bare key.
    https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html
    """

    name: str
    expectation: str
    severity: Literal["error", "warn"]
    query: str
    rows: str
    staged: bool = False
    enough: int = 0


# Which staged plays lack a user, a time or a session, or have one that is not valid?
INCOMPLETE_PLAYS = """
SELECT user_id, ts, session_id, item_in_session, song, artist
FROM staging_events
WHERE RTRIM(page) = 'NextSong'
    AND (
        user_id IS NULL
        OR NOT TRIM(user_id) ~ '^[0-9]+([.]0+)?$'
        OR OCTET_LENGTH(SPLIT_PART(TRIM(user_id), '.', 1)) > 10
        OR (OCTET_LENGTH(SPLIT_PART(TRIM(user_id), '.', 1)) = 10
            AND SPLIT_PART(TRIM(user_id), '.', 1) > '2147483647')
        OR ts IS NULL OR ts < 946684800000 OR ts >= 4102444800000
        OR session_id IS NULL
    )
"""

AUDITS = (
    Audit(
        "event_keys",
        "no source key of the events that a play needs has gone missing",
        "error",
        """
SELECT
    CASE
        WHEN records > 0 AND (page = 0 OR ts = 0 OR level = 0) THEN 1
        WHEN plays > 0 AND (user_id = 0 OR session_id = 0 OR song = 0 OR artist = 0) THEN 1
        ELSE 0
    END AS exceptions,
    CASE WHEN page = 0 OR ts = 0 OR level = 0 THEN records ELSE plays END AS among,
    'filled: page ' || CAST(page AS VARCHAR) || ', ts ' || CAST(ts AS VARCHAR) || ', level ' || CAST(level AS VARCHAR)
    || '; of plays: userId ' || CAST(user_id AS VARCHAR) || ', sessionId ' || CAST(session_id AS VARCHAR)
    || ', song ' || CAST(song AS VARCHAR) || ', artist ' || CAST(artist AS VARCHAR) AS example
FROM (
    SELECT
        SUM(records) AS records, SUM(page) AS page, SUM(ts) AS ts, SUM(level) AS level,
        SUM(CASE WHEN kind = 'play' THEN records ELSE 0 END) AS plays,
        SUM(CASE WHEN kind = 'play' THEN user_id ELSE 0 END) AS user_id,
        SUM(CASE WHEN kind = 'play' THEN session_id ELSE 0 END) AS session_id,
        SUM(CASE WHEN kind = 'play' THEN song ELSE 0 END) AS song,
        SUM(CASE WHEN kind = 'play' THEN artist ELSE 0 END) AS artist
    FROM filled_events
) AS filled
""",
        """
SELECT page, ts, level, user_id, session_id, song, artist
FROM staging_events
WHERE page IS NULL OR ts IS NULL OR level IS NULL
    OR (page = 'NextSong'
        AND (user_id IS NULL OR session_id IS NULL OR song IS NULL OR artist IS NULL))
""",
        staged=True,
        enough=20,
    ),
    Audit(
        "song_keys",
        "no source key of the songs that a song needs has gone missing",
        "error",
        """
SELECT
    CASE
        WHEN COUNT(*) > 0
            AND (COUNT(song_id) = 0 OR COUNT(artist_id) = 0 OR COUNT(title) = 0 OR COUNT(artist_name) = 0)
        THEN 1 ELSE 0
    END AS exceptions,
    COUNT(*) AS among,
    'filled: song_id ' || CAST(COUNT(song_id) AS VARCHAR) || ', artist_id ' || CAST(COUNT(artist_id) AS VARCHAR)
    || ', title ' || CAST(COUNT(title) AS VARCHAR) || ', artist_name ' || CAST(COUNT(artist_name) AS VARCHAR) AS example
FROM staging_songs
""",
        """
SELECT song_id, artist_id, title, artist_name
FROM staging_songs
WHERE song_id IS NULL OR artist_id IS NULL OR title IS NULL OR artist_name IS NULL
""",
        staged=True,
        enough=20,
    ),
    Audit(
        "other_event_keys",
        "the other source keys are filled somewhere",
        "warn",
        """
SELECT
    CASE
        WHEN auth = 0 OR first_name = 0 OR gender = 0 OR item_in_session = 0 OR last_name = 0 OR length = 0
            OR location = 0 OR method = 0 OR registration = 0 OR status = 0 OR user_agent = 0
        THEN 1 ELSE 0
    END AS exceptions,
    'filled: auth ' || CAST(auth AS VARCHAR) || ', firstName ' || CAST(first_name AS VARCHAR)
    || ', gender ' || CAST(gender AS VARCHAR) || ', itemInSession ' || CAST(item_in_session AS VARCHAR)
    || ', lastName ' || CAST(last_name AS VARCHAR) || ', length ' || CAST(length AS VARCHAR)
    || ', location ' || CAST(location AS VARCHAR) || ', method ' || CAST(method AS VARCHAR)
    || ', registration ' || CAST(registration AS VARCHAR) || ', status ' || CAST(status AS VARCHAR)
    || ', userAgent ' || CAST(user_agent AS VARCHAR) AS example
FROM (
    SELECT
        SUM(auth) AS auth, SUM(first_name) AS first_name, SUM(gender) AS gender,
        SUM(item_in_session) AS item_in_session, SUM(last_name) AS last_name, SUM(length) AS length,
        SUM(location) AS location, SUM(method) AS method, SUM(registration) AS registration,
        SUM(status) AS status, SUM(user_agent) AS user_agent
    FROM filled_events
    WHERE kind = 'play'
) AS filled
""",
        """
SELECT
    auth, first_name, gender, item_in_session, last_name, length, location,
    method, registration, status, user_agent
FROM staging_events
WHERE page = 'NextSong'
    AND (auth IS NULL OR first_name IS NULL OR gender IS NULL
        OR item_in_session IS NULL OR last_name IS NULL OR length IS NULL
        OR location IS NULL OR method IS NULL OR registration IS NULL
        OR status IS NULL OR user_agent IS NULL)
""",
        staged=True,
    ),
    # Such as a file whose times are in seconds: every play would be left out, and the day published empty.
    Audit(
        "complete_plays",
        "some play is complete",
        "error",
        """
SELECT
    CASE WHEN SUM(plays) > 0 AND SUM(complete) = 0 THEN 1 ELSE 0 END AS exceptions,
    SUM(plays) AS among,
    'none of ' || CAST(SUM(plays) AS VARCHAR) || ' is, and the first reason is: '
    || CAST(MIN(CASE WHEN plays > complete THEN outcome END) AS VARCHAR) AS example
FROM (
    SELECT
        outcome,
        CASE WHEN outcome <> 'not a play' THEN records ELSE 0 END AS plays,
        CASE WHEN outcome IN ('new', 'already there', 'duplicate') THEN records ELSE 0 END AS complete
    FROM staged_counts
) AS counted
""",
        INCOMPLETE_PLAYS,
        staged=True,
        enough=20,
    ),
    Audit(
        "incomplete_plays",
        "at most 1 % of the plays are incomplete (without a user, a time or a session)",
        "warn",
        """
SELECT
    CASE WHEN 100 * SUM(incomplete) > SUM(plays) THEN 1 ELSE 0 END AS exceptions,
    CAST(SUM(incomplete) AS VARCHAR) || ' of ' || CAST(SUM(plays) AS VARCHAR) || ' are ('
    || CAST(CAST(100.0 * SUM(incomplete) / NULLIF(SUM(plays), 0) AS DECIMAL(4, 1)) AS VARCHAR) || ' %%)' AS example
FROM (
    SELECT
        CASE WHEN outcome <> 'not a play' THEN records ELSE 0 END AS plays,
        CASE WHEN outcome IN ('odd user id', 'no user', 'no time', 'no session') THEN records ELSE 0 END AS incomplete
    FROM staged_counts
) AS counted
""",
        INCOMPLETE_PLAYS,
        staged=True,
    ),
    Audit(
        "plays_once",
        "no play was loaded twice",
        "error",
        """
SELECT
    COUNT(*) AS exceptions,
    MIN('user ' || CAST(user_key AS VARCHAR) || ' at ' || CAST(start_time AS VARCHAR)) AS example
FROM (
    SELECT user_id + 0 AS user_key, session_id, start_time, item_in_session
    FROM load_plays
    WHERE start_time >= %(since)s
    GROUP BY user_id + 0, session_id, start_time, item_in_session
    HAVING COUNT(*) > 1
) AS repeated
""",
        """
SELECT user_id + 0 AS user_id, session_id, start_time, item_in_session, COUNT(*) AS times
FROM load_plays
WHERE start_time >= %(since)s
GROUP BY user_id + 0, session_id, start_time, item_in_session
HAVING COUNT(*) > 1
""",
    ),
    # The two lie on the same slice by user_id, and number their rows alike.
    Audit(
        "plays_and_ledger",
        "songplays has one row for each play that was loaded",
        "error",
        """
SELECT
    COUNT(*) AS exceptions,
    'songplay_id ' || CAST(MIN(NVL(plays.songplay_id, numbered.songplay_id)) AS VARCHAR) AS example
FROM (SELECT user_id, songplay_id FROM songplays WHERE start_time >= %(since)s) AS plays
FULL JOIN (SELECT user_id, songplay_id FROM load_plays WHERE start_time >= %(since)s) AS numbered
    ON numbered.user_id = plays.user_id
    AND numbered.songplay_id = plays.songplay_id
WHERE plays.songplay_id IS NULL OR numbered.songplay_id IS NULL
""",
        """
SELECT plays.songplay_id AS in_songplays, numbered.songplay_id AS in_load_plays
FROM (SELECT user_id, songplay_id FROM songplays WHERE start_time >= %(since)s) AS plays
FULL JOIN (
    SELECT user_id, songplay_id FROM load_plays WHERE start_time >= %(since)s
) AS numbered
    ON numbered.user_id = plays.user_id
    AND numbered.songplay_id = plays.songplay_id
WHERE plays.songplay_id IS NULL OR numbered.songplay_id IS NULL
""",
    ),
    Audit(
        "unique_plays",
        "no key twice in songplays",
        "error",
        """
SELECT COUNT(*) - COUNT(DISTINCT songplay_id + 0) AS exceptions, CAST(NULL AS VARCHAR) AS example
FROM songplays
WHERE start_time >= %(since)s
""",
        """
SELECT songplay_id + 0 AS songplay_id, COUNT(*) AS times
FROM songplays
WHERE start_time >= %(since)s
GROUP BY songplay_id + 0
HAVING COUNT(*) > 1
""",
    ),
    Audit(
        "unique_dimensions",
        "no key twice in users, songs, artists",
        "error",
        """
SELECT COUNT(*) AS exceptions, MIN(id) AS example
FROM (
    SELECT 'user_id ' || CAST(user_id AS VARCHAR) AS id FROM users
    GROUP BY 'user_id ' || CAST(user_id AS VARCHAR) HAVING COUNT(*) > 1
    UNION ALL
    SELECT 'song_id ' || song_id AS id FROM songs GROUP BY 'song_id ' || song_id HAVING COUNT(*) > 1
    UNION ALL
    SELECT 'artist_id ' || artist_id AS id FROM artists GROUP BY 'artist_id ' || artist_id HAVING COUNT(*) > 1
) AS keys
""",
        """
SELECT 'user_id ' || CAST(user_id AS VARCHAR) AS id, COUNT(*) AS times
FROM users
GROUP BY 'user_id ' || CAST(user_id AS VARCHAR)
HAVING COUNT(*) > 1
UNION ALL
SELECT 'song_id ' || song_id AS id, COUNT(*) AS times
FROM songs
GROUP BY 'song_id ' || song_id
HAVING COUNT(*) > 1
UNION ALL
SELECT 'artist_id ' || artist_id AS id, COUNT(*) AS times
FROM artists
GROUP BY 'artist_id ' || artist_id
HAVING COUNT(*) > 1
""",
    ),
    Audit(
        "keys_of_plays",
        "every key of songplays has its dimension row",
        "error",
        """
SELECT COUNT(*) AS exceptions, 'songplay_id ' || CAST(MIN(songplay_id) AS VARCHAR) AS example
FROM (
    SELECT songplays.songplay_id
    FROM songplays
    LEFT JOIN users ON users.user_id = songplays.user_id + 0
    LEFT JOIN songs ON songs.song_id = songplays.song_id || ''
    LEFT JOIN artists ON artists.artist_id = songplays.artist_id || ''
    WHERE songplays.start_time >= %(since)s
        AND (
            users.user_id IS NULL
            OR (songplays.song_id IS NOT NULL AND songs.song_id IS NULL)
            OR (songplays.artist_id IS NOT NULL AND artists.artist_id IS NULL)
        )
    UNION ALL
    SELECT songplays.songplay_id
    FROM songplays
    LEFT JOIN time
        ON time.start_time = songplays.start_time + INTERVAL '0 second'
        AND time.start_time >= %(since)s
    WHERE songplays.start_time >= %(since)s
        AND time.start_time IS NULL
) AS orphans
""",
        """
SELECT
    plays.songplay_id, plays.start_time, plays.user_id, plays.song_id, plays.artist_id,
    time.start_time AS moment_there, users.user_id AS user_there,
    songs.song_id AS song_there, artists.artist_id AS artist_there
FROM songplays AS plays
LEFT JOIN time ON time.start_time = plays.start_time + INTERVAL '0 second'
LEFT JOIN users ON users.user_id = plays.user_id + 0
LEFT JOIN songs ON songs.song_id = plays.song_id || ''
LEFT JOIN artists ON artists.artist_id = plays.artist_id || ''
WHERE plays.start_time >= %(since)s
    AND (time.start_time IS NULL
        OR users.user_id IS NULL
        OR (plays.song_id IS NOT NULL AND songs.song_id IS NULL)
        OR (plays.artist_id IS NOT NULL AND artists.artist_id IS NULL))
""",
    ),
    Audit(
        "songs_and_artists",
        "every song and artist that was loaded is there, and each song's artist",
        "error",
        """
SELECT COUNT(*) AS exceptions, MIN('song_id ' || load_songs.song_id) AS example
FROM load_songs
LEFT JOIN songs ON songs.song_id = load_songs.song_id
LEFT JOIN artists ON artists.artist_id = load_songs.artist_id
LEFT JOIN artists AS credited ON credited.artist_id = songs.artist_id || ''
WHERE songs.song_id IS NULL
    OR artists.artist_id IS NULL
    OR credited.artist_id IS NULL
""",
        """
SELECT
    load_songs.song_id, load_songs.artist_id, songs.song_id AS song_there,
    artists.artist_id AS artist_there, credited.artist_id AS artist_of_song_there
FROM load_songs
LEFT JOIN songs ON songs.song_id = load_songs.song_id
LEFT JOIN artists ON artists.artist_id = load_songs.artist_id
LEFT JOIN artists AS credited ON credited.artist_id = songs.artist_id || ''
WHERE songs.song_id IS NULL OR artists.artist_id IS NULL OR credited.artist_id IS NULL
""",
    ),
    # None is missing, as the audit of the keys says: equal numbers then mean none twice, and none without a play.
    Audit(
        "unique_moments",
        "time has one row for each moment of a play",
        "error",
        """
SELECT ABS(
    (SELECT COUNT(*) FROM time WHERE start_time >= %(since)s)
    - (SELECT COUNT(DISTINCT start_time) FROM songplays WHERE start_time >= %(since)s)
) AS exceptions, CAST(NULL AS VARCHAR) AS example
""",
        """
SELECT moment, SUM(in_time) AS rows_of_time, SUM(in_songplays) AS moments_of_plays
FROM (
    SELECT start_time + INTERVAL '0 second' AS moment, 1 AS in_time, 0 AS in_songplays
    FROM time
    WHERE start_time >= %(since)s
    UNION ALL
    SELECT DISTINCT start_time AS moment, 0 AS in_time, 1 AS in_songplays
    FROM songplays
    WHERE start_time >= %(since)s
) AS moments
GROUP BY moment
HAVING SUM(in_time) <> SUM(in_songplays)
""",
    ),
    Audit(
        "levels",
        "level is free or paid",
        "error",
        """
SELECT COUNT(*) AS exceptions, MIN(example) AS example
FROM (
    SELECT
        'user ' || CAST(user_id AS VARCHAR) || ' at ' || CAST(start_time AS VARCHAR)
        || ' is ' || NVL(level, 'NULL') AS example
    FROM songplays
    WHERE start_time >= %(since)s AND (level IS NULL OR level NOT IN ('free', 'paid'))
    UNION ALL
    SELECT 'user ' || CAST(user_id AS VARCHAR) || ' is ' || NVL(level, 'NULL') AS example
    FROM users
    WHERE level IS NULL OR level NOT IN ('free', 'paid')
) AS others
""",
        """
SELECT CAST('songplays' AS VARCHAR(16)) AS found_in, user_id, start_time, level
FROM songplays
WHERE start_time >= %(since)s AND (level IS NULL OR level NOT IN ('free', 'paid'))
UNION ALL
SELECT CAST('users' AS VARCHAR(16)) AS found_in, user_id, CAST(NULL AS TIMESTAMP) AS start_time, level
FROM users
WHERE level IS NULL OR level NOT IN ('free', 'paid')
""",
    ),
    Audit(
        "ranges",
        "times, durations and coordinates are in range",
        "error",
        """
SELECT COUNT(*) AS exceptions, MIN(example) AS example
FROM (
    SELECT 'start_time ' || CAST(start_time AS VARCHAR) AS example
    FROM time
    WHERE start_time < '2000-01-01' OR start_time >= '2100-01-01'
    UNION ALL
    SELECT 'song_id ' || song_id || ' lasts ' || CAST(duration AS VARCHAR) AS example
    FROM songs
    WHERE duration <= 0
    UNION ALL
    SELECT
        'artist_id ' || artist_id || ' at ' || CAST(NVL(latitude, 0) AS VARCHAR)
        || ', ' || CAST(NVL(longitude, 0) AS VARCHAR) AS example
    FROM artists
    WHERE ABS(latitude) > 90 OR ABS(longitude) > 180
) AS others
""",
        """
SELECT 'start_time ' || CAST(start_time AS VARCHAR) AS out_of_range
FROM time
WHERE start_time < '2000-01-01' OR start_time >= '2100-01-01'
UNION ALL
SELECT 'song_id ' || song_id || ' lasts ' || CAST(duration AS VARCHAR) AS out_of_range
FROM songs
WHERE duration <= 0
UNION ALL
SELECT
    'artist_id ' || artist_id || ' at ' || CAST(NVL(latitude, 0) AS VARCHAR)
    || ', ' || CAST(NVL(longitude, 0) AS VARCHAR) AS out_of_range
FROM artists
WHERE ABS(latitude) > 90 OR ABS(longitude) > 180
""",
    ),
    Audit(
        "encoding",
        "text is encoded once (Ã is the mark of UTF-8 read as Latin-1)",
        "warn",
        """
SELECT COUNT(*) AS exceptions, MIN(CASE WHEN artist LIKE '%%Ã%%' THEN artist ELSE song END) AS example
FROM load_plays
WHERE start_time >= %(since)s
    AND (song LIKE '%%Ã%%' OR artist LIKE '%%Ã%%')
""",
        """
SELECT songplay_id, start_time, song, artist
FROM load_plays
WHERE start_time >= %(since)s
    AND (song LIKE '%%Ã%%' OR artist LIKE '%%Ã%%')
""",
    ),
)

# How many of the plays since a moment have no song? That is for the reader to judge: a song catalogue may be a sample.
MATCHES = Audit(
    "song_match",
    "plays found a song in the catalogue",
    "warn",
    """
SELECT COUNT(*) - COUNT(song_id) AS exceptions, COUNT(*) AS among, CAST(NULL AS VARCHAR) AS example
FROM songplays
WHERE start_time >= %(since)s
""",
    """
SELECT ledger.song, ledger.artist, COUNT(*) AS times
FROM songplays AS plays
INNER JOIN load_plays AS ledger
    ON ledger.user_id = plays.user_id
    AND ledger.songplay_id = plays.songplay_id
WHERE plays.start_time >= %(since)s AND plays.song_id IS NULL
GROUP BY ledger.song, ledger.artist
ORDER BY times DESC, ledger.song, ledger.artist
""",
    enough=1,
)


def one_statement(audits: Iterable[Audit]) -> str:
    """The questions of several audits as one statement, which gives a row for each: its name and its answer.

    A statement that comes for the first time takes seconds on a new cluster. Each query in it may be run by itself.
    """
    return "UNION ALL".join(map(_row, audits))


def _row(audit: Audit) -> str:
    among = "among" if audit.enough else "CAST(NULL AS BIGINT) AS among"
    return f"""
SELECT CAST('{audit.name}' AS VARCHAR(32)) AS audit, exceptions, {among}, CAST(example AS VARCHAR(1024)) AS example
FROM ({audit.query}) AS answer
"""  # noqa: S608 - every part of it is a text of this file


AUDIT_STAGING = one_statement(audit for audit in AUDITS if audit.staged)
AUDIT_STAR = one_statement(audit for audit in (*AUDITS, MATCHES) if not audit.staged)

# --- Insights ---
#
# A question of the analytics team is one file, dwh/insights/questions/NAME.sql: its head says what people read,
# and the statement below answers it. The questions look at the plays of a range of time:
#
#   %(since)s, %(until)s            the range: start_time from since up to, but without, until
#   %(full_since)s, %(full_until)s  the days of the range that were observed in full
#   %(limit)s                       rows of a ranking
#
# Each reads one table of plays, once: songplays, or the ledger load_plays, which has the text of the logs.
# Both are sorted by start_time, so that a range reads only its own blocks (zone maps). Hours, dates and
# weeks (UTC) are taken from start_time itself: the time table is nearly as long as songplays, and a join
# would read it for what an expression gives. Distinct users are counted by grouping twice, first by user:
# with user_id as DISTKEY the first grouping needs no traffic between the nodes.
#
# The statements stay in what Redshift and PostgreSQL have in common and agree on. Ratios are
# computed in DOUBLE PRECISION, because the scale of a DECIMAL quotient differs between the two.

if TYPE_CHECKING:
    INSIGHTS: Mapping[str, str]
else:

    def __getattr__(name: str) -> object:
        """``INSIGHTS``: the text of each question's file by its name, read when somebody asks for it."""
        if name == "INSIGHTS":
            return {path.stem: path.read_text(encoding="utf-8-sig") for path in sorted(QUESTIONS.glob("*.sql"))}
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


QUESTIONS = Path(__file__).with_name("dwh") / "insights" / "questions"

# Since when, and until when, does the warehouse hold plays?
# Served by: the sort key (start_time): minimum and maximum of each block are known without reading it.
PLAYS_RANGE = """
SELECT MIN(start_time) AS first_play, MAX(start_time) AS last_play
FROM songplays
"""

# Which load was published last, and when?
LAST_LOAD = """
SELECT load_id, loaded_at
FROM load_history
ORDER BY load_id DESC, loaded_at DESC
LIMIT 1
"""
