"""What a load does with its input, good and bad."""

from __future__ import annotations

import json
import logging
import re

import pytest
from project import EVENT, PLAY, SONG

import sql_queries
from dwh.target import open_target

PLAYS = "SELECT user_id, session_id, start_time, song_id FROM songplays ORDER BY start_time, session_id, songplay_id"


def load(project, *args, code=0):
    ran = project.main("etl", *args)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    return ran.err


def play(**fields):
    return {**PLAY, **fields}


def song(**fields):
    return {**SONG, **fields}


def test_only_next_song_is_a_play_but_any_page_makes_a_user(warehouse):
    warehouse.events("a", play(), {**EVENT, "userId": "8"}, {**EVENT, "page": "nextsong", "userId": "9"})
    warehouse.songs(song())
    load(warehouse)
    assert [row[0] for row in warehouse.query(PLAYS)] == [7]
    assert warehouse.query("SELECT user_id FROM users ORDER BY 1") == [(7,), (8,), (9,)]


def test_an_unmatched_play_keeps_its_row(warehouse):
    warehouse.events("a", play(song="Unheard of"), play(itemInSession=1, artist="Someone else"))
    warehouse.songs(song())
    load(warehouse)
    assert [row[3] for row in warehouse.query(PLAYS)] == [None, None]


def test_a_play_never_fans_out(warehouse):
    warehouse.events("a", play(length=200.4))
    warehouse.songs(song(song_id="SO3", duration=200.9), song(song_id="SO2"), song(), song(song_id="SO0", duration=90))
    load(warehouse)
    assert [row[3] for row in warehouse.query(PLAYS)] == ["SO1"]


def test_the_same_event_counts_once_in_one_file_or_two(warehouse):
    warehouse.events("a", play(), play(), EVENT)
    warehouse.events("a copy", play(), EVENT)
    warehouse.songs(song())
    said = load(warehouse)
    assert "left out" not in said
    assert len(warehouse.query(PLAYS)) == 1
    assert "1 inserted + 2 duplicate + 2 not a play" in said


def test_two_plays_of_one_session_at_one_moment_are_two(warehouse):
    warehouse.events("a", play(itemInSession=1))
    warehouse.songs(song())
    load(warehouse)
    warehouse.events("b", play(itemInSession=2), play(itemInSession=1))
    load(warehouse)
    assert len(warehouse.query(PLAYS)) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"userId": ""}, "no user"),
        ({"userId": "abc"}, "odd user id"),
        ({"ts": None}, "no time"),
        ({"ts": 0}, "no time"),
        ({"ts": -5}, "no time"),
        ({"ts": 1541105830}, "no time"),
        ({"ts": 99999999999999}, "no time"),
        ({"sessionId": None}, "no session"),
    ],
)
def test_an_incomplete_play_is_left_out_and_counted(warehouse, fields, reason):
    warehouse.events("a", play(itemInSession=5), play(**fields))
    warehouse.songs(song())
    assert f"2 read = 1 inserted + 1 {reason}" in load(warehouse)
    assert len(warehouse.query(PLAYS)) == 1


@pytest.mark.parametrize("user", ["026", " 26 ", "26", "26.0", 26, 26.0])
def test_a_user_id_is_a_number(warehouse, user):
    warehouse.events("a", play(userId=user))
    warehouse.songs(song())
    load(warehouse)
    assert warehouse.query("SELECT user_id FROM users") == [(26,)]


def test_the_latest_level_wins_also_over_an_older_file_that_comes_later(warehouse):
    warehouse.events("b", play(level="paid", ts=1541200000000))
    warehouse.songs(song())
    load(warehouse)
    warehouse.events("a", play(level="free", ts=1541100000000))
    load(warehouse)
    assert warehouse.query("SELECT user_id, level FROM users") == [(7, "paid")]
    warehouse.events("c", {**EVENT, "level": "free", "page": "Submit Downgrade", "ts": 1541300000000})
    load(warehouse)
    assert warehouse.query("SELECT user_id, level FROM users") == [(7, "free")]


def test_an_artist_is_chosen_by_a_stated_order_whatever_comes_first(warehouse):
    variants = [
        song(song_id="SO1", artist_name="Example, The", artist_location="Oslo"),
        song(song_id="SO2", artist_name="The Example", artist_latitude=59.9, artist_longitude=10.7),
        song(song_id="SO3", artist_name="A. N. Example"),
    ]
    warehouse.events("a", EVENT)
    for number, variant in enumerate(reversed(variants)):
        warehouse.file(f"song_data/A/TR{number}.json", json.dumps(variant))
        load(warehouse)
    assert warehouse.query("SELECT name, location FROM artists") == [("Example, The", "Oslo")]


def test_a_late_song_finds_its_own_play_among_those_of_one_moment(warehouse):
    """IDENTITY does not follow the place in the session: what else is known of the plays tells them apart."""
    warehouse.songs(song(song_id="SO0", title="Another"))
    warehouse.events("1", play(itemInSession=2, level="paid", song="Second"))
    load(warehouse)
    warehouse.events("2", play(itemInSession=1, level="free", song="First"))
    load(warehouse)
    warehouse.songs(song(song_id="SO1", title="First"), song(song_id="SO2", title="Second"))
    load(warehouse)
    assert warehouse.query("SELECT level, song_id FROM songplays ORDER BY level") == [("free", "SO1"), ("paid", "SO2")]


def test_a_small_load_may_lack_what_a_play_does_not_need(warehouse):
    warehouse.events("a", play(gender=None, registration=None))
    warehouse.songs({key: value for key, value in song().items() if key != "year"})
    assert "warn" in load(warehouse)
    assert len(warehouse.query(PLAYS)) == 1


def test_a_play_of_unknown_length_takes_the_smallest_song_id(warehouse):
    warehouse.events("a", play(length=None))
    warehouse.songs(song(song_id="SO2", duration=10), song(song_id="SO1", duration=300))
    load(warehouse)
    assert [row[3] for row in warehouse.query(PLAYS)] == ["SO1"]


@pytest.mark.parametrize("number", ["-1", "x", "100000"])
def test_max_errors_is_what_copy_takes(warehouse, number):
    assert warehouse.main("etl", "--max-errors", number).code == 2


def test_late_files_end_in_the_same_star_as_one_load_of_everything(warehouse):
    one = play(song="Late Song", length=100.0)
    two = play(song="Late Song", length=100.0, itemInSession=1)
    other = play(ts=1541105830800, itemInSession=2, song="Setanta", level="paid")
    songs = [
        song(song_id="SO9", title="Late Song", duration=101.0),
        song(song_id="SO8", title="Late Song", duration=100.2, year=0),
        song(song_id="SO8", title="Late Song!", duration=100.2, year=2001),
    ]
    warehouse.events("3", one, other)
    warehouse.songs(song())
    load(warehouse)
    for number, late in enumerate(songs):
        warehouse.file(f"song_data/B/TR{number}.json", json.dumps(late))
        load(warehouse)
    warehouse.events("1", two)
    warehouse.events("3", one, other, play(ts=1541105830900, itemInSession=3))
    load(warehouse)
    piecemeal = warehouse.star()
    load(warehouse, "--full")
    assert warehouse.star() == piecemeal
    assert [row[3] for row in warehouse.query(PLAYS)] == ["SO8", "SO8", None, "SO1"]


def test_a_load_costs_what_is_new(warehouse):
    for day in range(5):
        warehouse.events(f"{day}", play(ts=1541105830796 + day))
    warehouse.songs(song())
    load(warehouse)
    warehouse.events("new", play(ts=1541105830896))
    said = load(warehouse)
    assert "1 object " in said
    assert warehouse.value("SELECT COUNT(*) FROM staging_events") == 1
    assert len(warehouse.query(PLAYS)) == 6
    assert "Nothing to do" in load(warehouse)


def test_data_at_another_address_needs_a_role_that_may_read_it(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    warehouse.set("log_data", "s3://udacity-dend/elsewhere/")
    said = load(warehouse, code=1)
    assert "error: COPY may not read the data: S3ServiceException:Access Denied,Status 403" in said
    assert "hint: the cluster's role may not read it: after a change of [S3] run python create_cluster.py" in said
    assert warehouse.main("create_cluster").code == 0
    load(warehouse)
    warehouse.set("log_data", "s3://udacity-dend/log_data/")
    assert warehouse.main("create_cluster").code == 0


def trust_of(warehouse, *users):
    """Let the role trust these users of the cluster, and no others."""
    settings = warehouse.settings()
    iam = open_target(settings).client("iam")
    trust = iam.get_role(RoleName=settings.role_name)["Role"]["AssumeRolePolicyDocument"]
    (named,) = [statement["Condition"]["StringEquals"] for statement in trust["Statement"]]
    cluster = named["sts:ExternalId"][0].rpartition("/")[0]
    named["sts:ExternalId"] = [f"{cluster}/{user}" for user in users]
    iam.update_assume_role_policy(RoleName=settings.role_name, PolicyDocument=json.dumps(trust))


@pytest.mark.parametrize("user", ["sparkify_admin", "IAM:sparkify_admin"])
def test_either_form_of_the_user_in_the_roles_trust_will_do(warehouse, user):
    warehouse.events("a", play())
    warehouse.songs(song())
    trust_of(warehouse, user)
    load(warehouse)
    assert warehouse.main("create_cluster").code == 0


def test_a_role_that_trusts_another_user_gets_a_hint_that_names_the_trust(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    trust_of(warehouse, "somebody")
    said = load(warehouse, code=1)
    assert (
        "error: COPY may not take the role: User arn:aws:redshift:us-west-2:123456789012:dbuser:sparkify-dwh/" in said
    )
    assert "dbuser:sparkify-dwh/IAM:sparkify_admin is not authorized to assume IAM Role" in said
    assert "hint: the role's trust must name this cluster and db_user" in said
    assert warehouse.main("create_cluster").code == 0
    load(warehouse)


def test_a_malformed_line_fails_whole_and_names_file_line_and_reason(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    load(warehouse)
    before = warehouse.star()
    warehouse.events("b", play(ts=1541105830999), '{"artist": "cut o')
    said = load(warehouse, code=1)
    assert "error: COPY refused 1 record of staging_events\n" in said
    assert "b.json, line 2" in said
    assert "--max-errors" in said
    assert warehouse.star() == before


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("y" * 60, f"(value: {'y' * 60})"),
        ("y" * 300, f"(value of 300 characters: {'y' * 60}…)"),
        ("y" * 5000, f"(value of over 1,000 characters: {'y' * 60}…)"),
    ],
    ids=["short", "long", "longer than the log holds"],
)
def test_a_refused_value_is_shown_as_far_as_a_person_reads(warehouse, value, shown):
    warehouse.events("a", play(level=value))
    warehouse.songs(song())
    assert f"column level: String length exceeds DDL length {shown}\n" in load(warehouse, code=1)


def test_more_refused_records_than_are_shown(warehouse):
    warehouse.events("a", *(play(sessionId="x") for _ in range(30)))
    warehouse.songs(song())
    said = load(warehouse, "--max-errors", "25", code=1)
    assert "error: COPY refused 20 records or more of staging_events\n" in said
    assert said.count("a.json, line") == 20


def test_bad_lines_may_be_left_out_and_are_listed_and_counted(warehouse):
    warehouse.events("a", play(), play(sessionId="not a number"), play(itemInSession=2))
    warehouse.songs(song())
    said = load(warehouse, "--max-errors", "1")
    assert "warning: left out: s3://udacity-dend/log_data/2018/11/a.json, line 2" in said
    assert "\nrecords\n  events     3 read = 2 staged + 1 left out\n" in said
    assert re.search(r"\nLoad 1 published in \d+\.\ds; 1 record left out\.\n", said)
    assert len(warehouse.query(PLAYS)) == 2
    rejected = warehouse.query("SELECT table_name, records, detail FROM load_history WHERE outcome = 'rejected'")
    assert [(table, records) for table, records, _ in rejected] == [("staging_events", 1)]
    assert "a.json, line 2" in rejected[0][2]


def test_more_bad_lines_than_allowed_fail(warehouse):
    warehouse.events("a", play(), play(sessionId="x"), play(sessionId="y"))
    warehouse.songs(song())
    load(warehouse, "--max-errors", "1", code=1)
    assert warehouse.query(PLAYS) == []


def renamed(key, record):
    return {key + "Name" if name == key else name: text for name, text in record.items()}


@pytest.mark.parametrize("key", ["artist", "song", "userId", "page", "ts"])
def test_a_renamed_key_stops_the_load(warehouse, key):
    warehouse.events("a", *(renamed(key, play(itemInSession=n)) for n in range(20)))
    warehouse.songs(song())
    said = load(warehouse, code=1)
    assert "nothing was published" in said
    assert warehouse.query(PLAYS) == []


def test_a_level_that_is_neither_free_nor_paid_stops_the_load(warehouse):
    warehouse.events("a", play(level="trial"))
    warehouse.songs(song())
    assert "level is free or paid" in load(warehouse, code=1)


def test_odd_text_comes_through_byte_for_byte(warehouse):
    odd = "quote \" ' back\\slash \t tab \n line, 日本 🎵 '; DROP TABLE users; -- ${x} %s {}"
    warehouse.events("a", play(song=odd, artist=odd, userAgent=odd, location=odd))
    warehouse.songs(song(title=odd, artist_name=odd))
    load(warehouse)
    assert warehouse.query(
        "SELECT songplays.location, title, name FROM songplays JOIN songs USING (song_id) "
        "JOIN artists ON artists.artist_id = songs.artist_id"
    ) == [(odd, odd, odd)]


def test_files_without_records_are_no_load(warehouse):
    warehouse.events("a")
    warehouse.file("song_data/A/TR1.json", "\n")
    assert "hold no records" in load(warehouse, code=1)


def test_windows_lines_blank_lines_and_no_final_newline(warehouse):
    lines = [json.dumps(play()), "", "  ", json.dumps(play(itemInSession=1))]
    warehouse.file("log_data/a.json", "\r\n".join(lines))
    warehouse.songs(json.dumps(SONG, indent=2))
    load(warehouse)
    assert len(warehouse.query(PLAYS)) == 2


def test_a_dry_run_loads_nothing(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    ran = warehouse.main("etl", "--dry-run")
    assert re.search(r"would copy +staging_events +1 object", ran.out)
    assert ran.err.endswith("\nPlan: 2 objects to copy. Nothing was changed.\n")
    assert warehouse.query(PLAYS) == []


def test_a_dry_run_with_nothing_new_says_so(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    load(warehouse)
    ran = warehouse.main("etl", "--dry-run")
    assert ran.out == ""
    assert ran.err.endswith("\nNothing to do: every object is loaded.\nPlan: 0 objects to copy. Nothing was changed.\n")


def test_the_audit_finds_what_someone_broke_by_hand(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    load(warehouse)
    assert "0 warn, 0 failed." in load(warehouse, "--audit")
    with warehouse.connect() as conn, conn.cursor() as cur:
        cur.execute("INSERT INTO users (user_id, level) VALUES (7, 'free')")
        conn.commit()
    assert "no key twice in users" in load(warehouse, "--audit", code=1)


def test_the_cost_of_a_new_day_does_not_depend_on_what_is_there(warehouse, caplog):
    """Neither the statements nor the records read from S3: what grows is only what the audits look through."""
    costs = []
    for day, plays in enumerate([10, 5_000]):
        warehouse.events(f"{day} earlier", *(play(itemInSession=n, ts=1541105830796 + day) for n in range(plays)))
        warehouse.songs(song())
        load(warehouse)
        warehouse.events(f"{day} new", play(ts=1541205830796 + day))
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="dwh"):
            load(warehouse)
        said = [record.msg % record.args for record in caplog.records if record.name == "dwh.warehouse"]
        # A statement is logged, then its rows and time. VACUUM follows what was in the staging tables before, ANALYZE
        # how much the tables have grown.
        statements = [text for text in said if not text.startswith(("-- ", "VACUUM", "ANALYZE"))]
        costs.append((len(statements), warehouse.value("SELECT COUNT(*) FROM staging_events")))
    assert costs[0] == costs[1]
    assert costs[0][1] == 1


@pytest.mark.parametrize("key", ["song", "ts", "level"])
def test_a_few_records_that_lack_a_key_only_warn(warehouse, key):
    """Alone they prove nothing, and a load that stopped at them would stop for ever."""
    warehouse.events("a", *(renamed(key, play(itemInSession=n)) for n in range(19)))
    warehouse.songs(song())
    said = load(warehouse) if key != "level" else load(warehouse, code=1)
    assert re.search(r"\n +warn +no source key of the events that a play needs has gone missing: filled: ", said)


def test_a_song_without_a_title_stops_nothing(warehouse):
    warehouse.events("a", play())
    warehouse.songs(song())
    load(warehouse)
    warehouse.songs(song(), song(song_id="SO2", title=None))
    warehouse.events("b", play(itemInSession=1))
    said = load(warehouse)
    assert re.search(r"warn +no source key of the songs that a song needs has gone missing: filled: .*title 0", said)
    assert len(warehouse.query(PLAYS)) == 2


def test_twenty_songs_without_a_title_stop_the_load(warehouse):
    warehouse.events("a", play())
    warehouse.songs(*(renamed("title", song(song_id=f"SO{n}")) for n in range(20)))
    assert "failed no source key of the songs that a song needs has gone missing" in load(warehouse, code=1)


@pytest.mark.parametrize(("plays", "code", "word"), [(19, 0, "warn"), (20, 1, "failed")])
def test_a_file_with_times_in_seconds_is_not_published_as_an_empty_day(warehouse, plays, code, word):
    warehouse.events("a", *(play(ts=1541105830 + n, itemInSession=n) for n in range(plays)))
    warehouse.songs(song())
    said = load(warehouse, code=code)
    reason = f"some play is complete: none of {plays} is, and the first reason is: no time"
    assert re.search(rf"{word} +{reason}\n", said)


@pytest.mark.parametrize(("incomplete", "word"), [(1, "ok"), (2, "warn")])
def test_more_than_a_hundredth_of_incomplete_plays_is_said(warehouse, incomplete, word):
    complete = [play(itemInSession=n) for n in range(100 - incomplete)]
    warehouse.events("a", *complete, *(play(userId="", itemInSession=200 + n) for n in range(incomplete)), EVENT)
    warehouse.songs(song())
    said = load(warehouse)
    share = ": 2 of 100 are (2.0 %)" if word == "warn" else ""
    expectation = r"at most 1 % of the plays are incomplete \(without a user, a time or a session\)"
    assert re.search(rf"{word} +{expectation}{re.escape(share)}\n", said)


@pytest.mark.parametrize(
    ("user", "number"),
    [("2147483647", 2147483647), ("1000000000.0", 1000000000), ("0000000026", 26), ("2147483648", None)],
)
def test_a_user_id_of_ten_digits_is_one_if_it_fits(warehouse, user, number):
    warehouse.events("a", play(userId=user), play(userId="1"))
    warehouse.songs(song())
    load(warehouse)
    assert (number,) in [*warehouse.query("SELECT user_id FROM users"), (None,)]
    assert len(warehouse.query(PLAYS)) == (1 if number is None else 2)


def test_the_audit_of_an_empty_star_says_that_nothing_is_loaded(warehouse):
    said = load(warehouse, "--audit", code=1)
    assert "error: nothing is loaded yet\nhint: python etl.py\n" in said
    assert "ok" not in said


def test_trailing_blanks_do_not_count_whatever_comes_first(warehouse):
    """Redshift takes 'Ada' and 'Ada  ' for equal: which of the two is kept must not be chance."""
    blank, bare = "  ", ""
    stars = []
    for first, second in ((blank, bare), (bare, blank)):
        warehouse.empty()
        assert warehouse.main("create_tables", "--recreate", "--yes", "-q").code == 0
        for end in (first, second):
            name = f"with {len(end)} blanks"
            text = {key: f"{PLAY[key]}{end}" for key in ("firstName", "lastName", "gender", "level", "location")}
            warehouse.events(
                name, play(**text, userAgent=f"agent{end}", song=f"First Song{end}", page=f"NextSong{end}")
            )
            keys = {key: f"{SONG[key]}{end}" for key in ("song_id", "artist_id", "title", "artist_name")}
            warehouse.file(f"song_data/{name}.json", json.dumps(song(**keys, artist_location=f"Oslo{end}")))
            load(warehouse)
        stars.append(warehouse.star())
        texts = warehouse.query(
            "SELECT first_name, last_name, gender, users.level, songplays.location, user_agent, title, name,"
            " artists.location, songs.song_id, songs.artist_id FROM songplays JOIN users USING (user_id)"
            " JOIN songs USING (song_id) JOIN artists ON artists.artist_id = songs.artist_id"
        )
        assert len(texts) == 1
        assert all(text == text.rstrip() for text in texts[0])
    assert stars[0] == stars[1]


def test_two_plays_of_one_moment_keep_their_songs_whatever_else_is_alike(warehouse):
    """They differ in their place in the session, which songplays does not have, and in nothing else that it has."""
    alike = [("a|b", "c"), ("a", "b|c"), (None, ""), ("", None)]
    for number, (location, agent) in enumerate(alike):
        event = play(itemInSession=9 - number, song=f"Song {number}", location=location, userAgent=agent)
        warehouse.events(f"{number}", event)
        warehouse.songs(song(song_id="SO0", title="Another"))
        load(warehouse)
    warehouse.songs(*(song(song_id=f"SO{number + 1}", title=f"Song {number}") for number in range(len(alike))))
    load(warehouse)
    found = warehouse.query("SELECT location, user_agent, song_id FROM songplays ORDER BY song_id")
    assert found == [(*pair, f"SO{number + 1}") for number, pair in enumerate(alike)]
    assert warehouse.query(
        "SELECT plays.song_id, numbered.song FROM songplays AS plays JOIN load_plays AS numbered"
        " ON numbered.songplay_id = plays.songplay_id ORDER BY 1"
    ) == [(f"SO{number + 1}", f"Song {number}") for number in range(len(alike))]


# --- what --full would remove ---


def month(project, days):
    """One play a day, of a user of its own, and a song for each day."""
    for day in days:
        event = play(ts=1541030400000 + day * 86_400_000, userId=str(day), song=f"Song {day}")
        project.events(f"2018-11-{day + 1:02}", event)
        title = song(song_id=f"SO{day}", artist_id=f"AR{day % 2}", title=f"Song {day}")
        project.file(f"song_data/TR{day}.json", json.dumps(title))


def remove(project, days):
    for day in days:
        (project.data / f"log_data/2018/11/2018-11-{day + 1:02}.json").unlink()
        (project.data / f"song_data/TR{day}.json").unlink()


GONE = ["3 plays of 2018-11-02 to 2018-11-04", "1 play of 2018-11-06", "1 artist", "4 songs", "4 users"]


@pytest.fixture
def thinned(warehouse):
    """Six days loaded, of which one and its song are still in S3."""
    month(warehouse, range(1, 6))
    load(warehouse)
    remove(warehouse, (1, 2, 3, 5))
    return warehouse


def test_full_refuses_to_remove_what_is_no_longer_in_s3(thinned):
    before = thinned.star()
    said = load(thinned, "--full", code=3)
    assert "error: --full would remove what is no longer in S3; nothing was changed\n" in said
    assert "".join(f"  {line}\n" for line in GONE) in said
    assert "hint: python etl.py keeps it; python etl.py --full --yes removes it\n" in said
    assert thinned.star() == before
    assert "Nothing to do" in load(thinned)


def test_a_full_dry_run_says_what_would_vanish_and_changes_nothing(thinned):
    before, manifests = thinned.digest(), manifests_of(thinned)
    ran = thinned.main("etl", "--full", "--dry-run")
    assert "".join(f"would remove {line}\n" for line in GONE) in ran.out
    assert "without --yes a run would be refused" in ran.err
    assert ran.err.endswith(" to copy. Nothing was changed.\n")
    assert (thinned.digest(), manifests_of(thinned)) == (before, manifests)
    assert "refused" not in load(thinned, "--full", "--dry-run", "--yes")


def manifests_of(project):
    with open_target(project.settings()) as target:
        s3 = target.client("s3")
        (bucket,) = [found["Name"] for found in s3.list_buckets()["Buckets"] if found["Name"].startswith("sparkify-")]
        return [found["LastModified"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_full_with_consent_removes_and_says_it(thinned):
    said = load(thinned, "--full", "--yes")
    assert "".join(f"warning: removed, since it is no longer in S3: {line}\n" for line in GONE) in said
    assert [row[3] for row in thinned.query(PLAYS)] == ["SO4"]


def test_full_asks_nothing_where_nothing_vanishes(warehouse):
    month(warehouse, range(1, 4))
    load(warehouse)
    assert "would remove" not in warehouse.main("etl", "--full", "--dry-run").out
    assert "removed" not in load(warehouse, "--full")


def test_full_sees_what_vanished_from_an_object_that_is_still_there(warehouse):
    warehouse.events("a", play(), play(itemInSession=1))
    warehouse.songs(song())
    load(warehouse)
    warehouse.events("a", play())
    load(warehouse)
    assert "  1 play of 2018-11-01\n" in load(warehouse, "--full", code=3)


# --- objects that change while they are read ---


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something after the COPY of the events, before anybody looks at S3 again."""

    def prepare(before, after):
        from dwh import copying as statements

        copy = statements.copy

        def changing(cur, table, statement, parameters):
            if table != "staging_events":
                return copy(cur, table, statement, parameters)
            before()
            done = copy(cur, table, statement, parameters)
            after()
            return done

        monkeypatch.setattr(statements, "copy", changing)

    yield prepare
    monkeypatch.undo()


def test_an_object_that_changed_while_it_was_read_is_read_again(warehouse, meanwhile, monkeypatch):
    """A, then B while COPY reads, then A again: its content is what was listed, and yet it was not read."""
    many = [play(itemInSession=n) for n in range(10)]
    path = warehouse.data / "log_data/2018/11/a.json"
    warehouse.events("a", *many)
    warehouse.songs(song())
    aside = path.with_suffix(".aside")

    def swap():
        path.rename(aside)
        warehouse.events("a", *many[:4])

    meanwhile(swap, lambda: aside.rename(path))
    said = load(warehouse)
    assert "warning: 1 object changed while being read, such as s3://udacity-dend/log_data/2018/11/a.json" in said
    assert len(warehouse.query(PLAYS)) == 4
    monkeypatch.undo()
    load(warehouse)
    assert len(warehouse.query(PLAYS)) == 10
    assert "Nothing to do" in load(warehouse)


def test_an_object_that_went_while_it_was_read_stays_out_of_the_ledger(warehouse, meanwhile, monkeypatch):
    warehouse.events("a", play())
    warehouse.events("b", play(itemInSession=1))
    warehouse.songs(song())
    meanwhile(lambda: None, lambda: (warehouse.data / "log_data/2018/11/b.json").unlink())
    assert "warning: 1 object changed while being read" in load(warehouse)
    assert len(warehouse.query(PLAYS)) == 2
    assert warehouse.value("SELECT COUNT(*) FROM load_objects") == 2


def test_the_account_counts_rows_and_not_what_the_server_says_of_an_insert(warehouse, monkeypatch):
    """Of a table that lies on every node the server may count each copy."""
    from dwh import warehouse as statements

    execute = statements.execute
    monkeypatch.setattr(statements, "execute", lambda *args: 4 * execute(*args))
    month(warehouse, range(1, 4))
    said = load(warehouse)
    assert "  users      3 read = 3 inserted\n" in said
    assert re.search(r"insert +songs +3 rows", said)
    load(warehouse, "--full")


@pytest.mark.parametrize("options", [(), ("--max-errors", "1")])
def test_load_errors_that_stl_does_not_show_are_read_from_the_newer_view(warehouse, monkeypatch, options):
    """STL holds what ran on the main cluster alone."""
    for name in ("LEFT_OUT", "LOAD_ERRORS"):
        monkeypatch.setattr(sql_queries, name, getattr(sql_queries, name).replace("WHERE", "WHERE FALSE AND"))
    warehouse.events("a", play(), play(sessionId="not a number"))
    warehouse.songs(song())
    said = load(warehouse, *options, code=0 if options else 1)
    assert "a.json, line 2, column session_id: " in said


def test_records_that_no_view_names_are_counted_all_the_same(warehouse, monkeypatch):
    monkeypatch.setattr(sql_queries, "LEFT_OUT", sql_queries.LEFT_OUT.replace("WHERE", "WHERE FALSE AND"))
    monkeypatch.setattr(sql_queries, "NEWER_VIEW_EXISTS", "SELECT 0")
    warehouse.events("a", play(), play(sessionId="not a number"))
    warehouse.songs(song())
    said = load(warehouse, "--max-errors", "1")
    assert "warning: left out: a record that the load errors do not name" in said
    assert "  events     2 read = 1 staged + 1 left out\n" in said
    warehouse.events("b", play(sessionId="x"), play(sessionId="y"))
    load(warehouse, "--max-errors", "1", code=1)


def test_an_object_that_goes_between_listing_and_copy_is_said_and_the_next_run_loads_the_rest(warehouse, monkeypatch):
    from dwh import copying as statements

    warehouse.events("a", play())
    warehouse.events("b", play(itemInSession=1))
    warehouse.songs(song())
    real = statements.copy

    def copy(*args):
        (warehouse.data / "log_data/2018/11/b.json").unlink(missing_ok=True)
        return real(*args)

    monkeypatch.setattr(statements, "copy", copy)
    said = load(warehouse, code=1)
    assert "COPY did not find what the step had seen in S3: The specified S3 prefix 'log_data/2018/11/b.json'" in said
    assert "hint: it was removed after the step had listed it: run the step again" in said
    assert len(warehouse.query(PLAYS)) == 0
    load(warehouse)
    assert len(warehouse.query(PLAYS)) == 1
