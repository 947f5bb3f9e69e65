"""How many statements a load sends, and why each: on a new cluster one takes seconds when it first comes."""

from __future__ import annotations

import collections

import pytest
from project import PLAY, SONG
from psycopg2 import extensions

import sql_queries
from dwh import connecting

MOST = 50
NAMES = {text.strip(): name for name, text in vars(sql_queries).items() if name.isupper() and isinstance(text, str)}
VERBS = ("TRUNCATE", "ANALYZE", "VACUUM", "DELETE FROM", "INSERT INTO load_objects", "INSERT INTO load_history")

# What a load of one new day of events sends, a line for each reason.
DAY = {
    "a TRUNCATE commits: so there is a transaction before the one that publishes": ["BEGIN", "COMMIT"] * 2,
    "a limit for any statement, one for waiting, and the first again": ["SET_STATEMENT_TIMEOUT"] * 5,
    "one load at a time: in each of the two transactions": ["LOCK_LOADS"] * 2,
    "create_tables.py has run": ["EXISTING"],
    "what is new, before anything is emptied and once more as the only load": ["LOADED_OBJECTS"] * 2,
    "the number of the load, its time, and what another one left staged": ["THIS_LOAD"],
    "staging starts empty, and nothing is left for VACUUM": ["TRUNCATE"] * 2,
    "COPY: whose errors, the rows, how many, of which files": [
        "SESSION",
        "COPY_EVENTS",
        "LAST_COPY_COUNT",
        "LAST_COPY_FILES",
    ],
    "what is staged: counted, its range, each event, each user, each song": [
        "FILLED_EVENTS",
        "STAGED_RANGE",
        "STAGED_EVENTS",
        "STAGED_COUNTS",
        "STAGED_SONGS",
        "NEW_SONGS",
        "PLAYS_TO_MATCH",
    ],
    "the account: rows before, what becomes of the records, rows after": [
        "STAR_ROWS",
        "ACCOUNT_OF_RECORDS",
        "STAR_ROWS",
    ],
    "users, and what is remembered of them": [
        "LATEST_USERS",
        "DELETE_LOAD_USERS",
        "INSERT_LOAD_USERS",
        "UPDATE_USERS",
        "INSERT_USERS",
    ],
    "plays, their numbers and their songs": [
        "SONG_MATCHES",
        "UPDATE_SONGPLAYS",
        "INSERT_LOAD_PLAYS",
        "INSERT_SONGPLAYS",
    ],
    "moments": ["INSERT_TIME"],
    "what was read, and what became of it": ["INSERT INTO load_objects", "INSERT INTO load_history"],
    "the audits, of the plays since the first new one": ["FIRST_NEW_PLAY", "AUDIT_STAGING", "AUDIT_STAR"],
}
# What a day sends besides that brings new songs.
SONGS = {
    "COPY, as that of the events": ["SESSION", "COPY_SONGS", "LAST_COPY_COUNT", "LAST_COPY_FILES"],
    "songs, each chosen among its variants": ["INSERT_LOAD_SONGS", "DELETE_STALE_SONGS", "INSERT_SONGS"],
    "artists": ["DELETE_STALE_ARTISTS", "INSERT_ARTISTS"],
}
NOTHING = {
    "a limit for any statement, one for waiting, and the first again": ["BEGIN", *["SET_STATEMENT_TIMEOUT"] * 3],
    "one load at a time": ["LOCK_LOADS"],
    "what is new": ["EXISTING", "LOADED_OBJECTS", "COMMIT"],
}


def counted(*groups):
    return collections.Counter(name for group in groups for names in group.values() for name in names)


def name_of(statement):
    text = statement.decode() if isinstance(statement, bytes) else statement
    text = text.strip().removesuffix(sql_queries.MANIFEST.strip()).strip()
    return NAMES.get(text) or next((verb for verb in VERBS if text.startswith(verb)), text)


@pytest.fixture
def sent(monkeypatch):
    """The name of each statement that goes to the warehouse, those that psycopg2 sends by itself included."""
    names = []

    class Cursor(extensions.cursor):
        def execute(self, statement, parameters=None):
            if self.connection.status == extensions.STATUS_READY and not self.connection.autocommit:
                names.append("BEGIN")
            text = statement if isinstance(statement, str | bytes) else statement.as_string(self)
            names.append(name_of(text))
            super().execute(statement, parameters)

    class Connection(extensions.connection):
        def commit(self):
            names.append("COMMIT")
            super().commit()

    real = connecting.arguments
    factories = {"connection_factory": Connection, "cursor_factory": Cursor}
    monkeypatch.setattr(connecting, "arguments", lambda **place: real(**place) | factories)
    return names


@pytest.fixture
def month(warehouse):
    """A warehouse with a hundred plays and songs."""
    for day in range(20):
        warehouse.events(f"{day}", *(play(day, number) for number in range(5)))
    warehouse.songs(*({**SONG, "song_id": f"SO{number}", "title": f"Song {number}"} for number in range(100)))
    assert warehouse.main("etl", "-q").code == 0
    return warehouse


def play(day, number=0):
    return {**PLAY, "ts": 1541105830796 + day * 86_400_000, "itemInSession": number}


def load(project, sent):
    sent.clear()
    ran = project.main("etl", "-q")
    assert ran.code == 0, ran.err
    return collections.Counter(sent)


def test_a_load_of_one_new_day_sends_these_statements(month, sent):
    month.events("new", play(30))
    assert load(month, sent) == counted(DAY)
    assert counted(DAY).total() <= MOST


def test_a_new_day_with_new_songs_sends_these(month, sent):
    month.events("new", play(30))
    month.file("song_data/TR1.json", '{"song_id": "SO", "artist_id": "AR", "title": "New", "artist_name": "New"}')
    assert load(month, sent) == counted(DAY, SONGS)


def test_a_load_of_nothing_new_sends_these(month, sent):
    assert load(month, sent) == counted(NOTHING)


def test_statistics_are_refreshed_of_what_has_grown_by_a_tenth(month, sent):
    month.events("many", *(play(40, number) for number in range(20)))
    assert load(month, sent) - counted(DAY) == {"ANALYZE": 7}
    month.events("few", play(41))
    assert load(month, sent)["ANALYZE"] == 0


def test_small_loads_add_up_to_statistics(month, sent):
    analyzed = 0
    for number in range(12):
        month.events(f"day {number}", play(50 + number))
        analyzed += load(month, sent)["ANALYZE"]
    assert analyzed == 7


def test_a_full_load_refreshes_all_statistics(month, sent):
    sent.clear()
    assert month.main("etl", "-q", "--full").code == 0
    assert collections.Counter(sent)["ANALYZE"] == len(sql_queries.STAR_TABLES + sql_queries.LOAD_TABLES)
