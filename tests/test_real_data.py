"""The figures that the real Sparkify data must give, step by step."""

from __future__ import annotations

import pytest
from project import Project


@pytest.fixture(scope="module")
def loaded(servers, tmp_path_factory, sparkify_data):
    project = Project(tmp_path_factory.mktemp("real"))
    project.set("data_dir", "")
    for step, *args in (["create_cluster", "--data", str(sparkify_data)], ["create_tables"], ["etl"]):
        ran = project.step(step, *args)
        assert ran.code == 0, ran.err
    project.etl_said = ran.err
    yield project
    project.step("destroy_cluster", "--yes")


COUNTS = {
    "staging_events": 8056,
    "staging_songs": 71,
    "songplays": 6820,
    "users": 97,
    "songs": 71,
    "artists": 69,
    "time": 6813,
}


@pytest.mark.parametrize(("table", "rows"), COUNTS.items())
def test_rows(loaded, table, rows):
    assert loaded.value(f"SELECT COUNT(*) FROM {table}") == rows


def test_the_one_play_whose_song_is_known(loaded):
    matched = loaded.query("""
        SELECT songs.title, artists.name, songplays.user_id
        FROM songplays
        JOIN songs ON songs.song_id = songplays.song_id
        JOIN artists ON artists.artist_id = songplays.artist_id
    """)
    assert matched == [("Setanta matins", "Elena", 15)]


def test_users_by_the_level_of_their_latest_event(loaded):
    assert dict(loaded.query("SELECT level, COUNT(*) FROM users GROUP BY level")) == {"free": 75, "paid": 22}
    changed = loaded.query("""
        SELECT users.level
        FROM users
        JOIN (SELECT user_id FROM staging_events WHERE user_id <> ''
              GROUP BY user_id HAVING COUNT(DISTINCT level) > 1) AS changed
            ON CAST(changed.user_id AS INTEGER) = users.user_id
    """)
    assert changed == [("paid",)] * 8


def test_an_unknown_year_is_null(loaded):
    assert loaded.value("SELECT COUNT(*) FROM songs WHERE year IS NULL") == 43


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("users", "user_id"),
        ("songs", "song_id"),
        ("artists", "artist_id"),
        ("time", "start_time"),
        ("songplays", "songplay_id"),
    ],
)
def test_no_key_twice(loaded, table, key):
    assert loaded.value(f"SELECT COUNT(*) - COUNT(DISTINCT {key}) FROM {table}") == 0


@pytest.mark.parametrize(
    ("dimension", "key"),
    [("users", "user_id"), ("time", "start_time"), ("songs", "song_id"), ("artists", "artist_id")],
)
def test_every_key_of_a_play_has_its_row(loaded, dimension, key):
    orphans = loaded.value(f"""
        SELECT COUNT(*) FROM songplays LEFT JOIN {dimension} ON {dimension}.{key} = songplays.{key}
        WHERE songplays.{key} IS NOT NULL AND {dimension}.{key} IS NULL
    """)
    assert orphans == 0


def test_plays_by_level_hour_weekday_and_day(loaded):
    assert dict(loaded.query("SELECT level, COUNT(*) FROM songplays GROUP BY level")) == {"paid": 5591, "free": 1229}
    by_time = "SELECT {0}, COUNT(*) FROM songplays JOIN time ON time.start_time = songplays.start_time GROUP BY {0}"
    hours = dict(loaded.query(by_time.format("time.hour")))
    assert max(hours.items(), key=lambda item: item[1]) == (16, 542)
    weekdays = dict(loaded.query(by_time.format("time.weekday")))
    assert [weekdays[day] for day in (1, 2, 3, 4, 5, 6, 0)] == [1014, 1071, 1364, 1052, 1295, 628, 396]
    days = loaded.query(by_time.format("CAST(songplays.start_time AS DATE)") + " ORDER BY 2 DESC LIMIT 1")
    assert [(str(day), plays) for day, plays in days] == [("2018-11-15", 479)]


def test_milliseconds_survive(loaded):
    assert loaded.query("SELECT DISTINCT TO_CHAR(start_time, 'MS') FROM songplays") == [("796",)]


def test_the_load_says_what_became_of_every_record(loaded):
    assert "8,056 read = 6,820 inserted + 1,236 not a play" in loaded.etl_said
    assert "1 of 6,820 plays found a song" in loaded.etl_said
    accounted = loaded.query("""
        SELECT table_name, SUM(CASE WHEN outcome = 'read' THEN records ELSE 0 END),
            SUM(CASE WHEN outcome = 'read' THEN 0 ELSE records END)
        FROM load_history WHERE table_name IN ('users', 'songs', 'artists', 'time', 'songplays')
        GROUP BY table_name
    """)
    assert len(accounted) == 5
    assert all(read == rest for _, read, rest in accounted)


def test_a_second_load_changes_nothing(loaded):
    before = loaded.digest()
    again = loaded.step("etl")
    assert again.code == 0, again.err
    assert "Nothing to do" in again.err
    assert loaded.digest() == before


def test_a_full_load_gives_the_same_star(loaded):
    before = loaded.digest()
    again = loaded.step("etl", "--full")
    assert again.code == 0, again.err
    assert loaded.digest() == before


def test_the_audits_pass_on_what_is_there(loaded):
    ran = loaded.step("etl", "--audit")
    assert ran.code == 0, ran.err
    assert ran.err.endswith(" 2 warn, 0 failed.\n")
