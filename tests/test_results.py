"""What a step prints on standard output for a program: plans, the account of a load, audits; and its line of counts."""

from __future__ import annotations

import json
import re

import pytest
from project import PLAY, SONG

import sql_queries

# A setting of each audit that a hand can break, once all is loaded.
BREACHES = """
INSERT INTO load_plays (user_id, session_id, start_time, item_in_session, song, artist, length, load_id)
    SELECT user_id, session_id, start_time, item_in_session, 'BjÃ¶rk', artist, length, load_id FROM load_plays;
INSERT INTO songplays SELECT * FROM songplays;
INSERT INTO users SELECT * FROM users;
INSERT INTO time SELECT * FROM time;
DELETE FROM artists;
UPDATE users SET level = 'gold';
UPDATE songs SET duration = -1;
UPDATE songplays SET song_id = NULL
"""
STAGED = ("event_keys", "song_keys", "other_event_keys", "complete_plays", "incomplete_plays")
OF_THE_STAR = (
    "plays_once",
    "plays_and_ledger",
    "unique_plays",
    "unique_dimensions",
    "keys_of_plays",
    "songs_and_artists",
    "unique_moments",
    "levels",
    "ranges",
    "encoding",
    "song_match",
)


def loaded(project):
    project.events("a", PLAY)
    project.songs(SONG)
    assert project.main("etl").code == 0
    return project


def as_json(ran, code=0):
    assert ran.code == code, ran.err
    return json.loads(ran.out)


def pasted(text):
    """The queries that were printed below the checks, by the name that each begins with."""
    found = re.findall(r"(?m)^ {9}-- (\w+)\n((?: {9}.*\n)+)", text)
    assert all(query.rstrip().endswith(";") for _, query in found)
    return dict(found)


# --- Plans ---


def test_a_dry_run_of_a_fresh_local_target_is_the_plan_of_the_run_and_starts_nothing(servers, folder):
    folder.events("a", PLAY)
    folder.songs(SONG)
    before = sorted(folder.folder.rglob("*"))
    planned = as_json(folder.step("create_cluster", "--dry-run", "--format", "json"))
    shown = folder.step("create_cluster", "--dry-run", "-q")
    assert sorted(folder.folder.rglob("*")) == before
    made = as_json(folder.step("create_cluster", "--format", "json"))
    once_more = as_json(folder.step("create_cluster", "--dry-run", "--format", "json"))
    gone = as_json(folder.step("destroy_cluster", "--dry-run", "--format", "json"))
    assert folder.step("destroy_cluster", "--yes").err.endswith("\n8 deleted, 1 updated. Gone.\n")

    assert planned["dry_run"] is True
    assert planned["counts"] == {"would create": 13, "would update": 1}
    assert shown.err == ""
    assert [line[:42].split() for line in shown.out.splitlines()] == [
        f"{one['kind']} {one['name']}".split() for one in planned["resources"]
    ]
    assert {line[43:55] for line in shown.out.splitlines()} == {"would create", "would update"}
    done = {"would create": "created", "would update": "updated"}
    expected = [{**one, "status": done[one["status"]]} for one in planned["resources"]]
    # The configuration is written before the audit logs are switched on, as planned.
    assert [(one["kind"], one["status"]) for one in made["resources"]] == [
        (one["kind"], one["status"]) for one in expected
    ]
    assert (made["dry_run"], made["counts"]) == (False, {"created": 13, "updated": 1})
    assert once_more["counts"] == {"unchanged": 14}
    assert gone["counts"] == {"would delete": 8}


def test_a_dry_run_of_a_fresh_local_target_refuses_the_data_that_the_run_would_refuse(servers, folder):
    for args in (["--dry-run"], ["--dry-run", "--format", "json"], []):
        ran = folder.step("create_cluster", "--data", "nowhere", *args)
        assert (ran.code, ran.out) == (2, "")
        assert "error: there is no data folder" in ran.err


def test_the_tables_as_json(warehouse):
    with warehouse.connect() as conn, conn.cursor() as cur:
        cur.execute("DROP TABLE load_songs")
        conn.commit()
    planned = as_json(warehouse.main("create_tables", "--dry-run", "--format", "json"))
    assert planned["counts"] == {"exists": 11, "would create": 1}
    made = as_json(warehouse.step("create_tables", "--format", "json"))
    assert {"kind": "Table", "name": "load_songs", "status": "created", "note": ""} in made["resources"]
    assert (made["dry_run"], made["counts"]) == (False, {"exists": 11, "created": 1})
    assert warehouse.main("create_tables").err.endswith("\n12 exist. Nothing to do. Next: python etl.py\n")


def test_what_a_load_would_copy_as_json_and_quietly(warehouse):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG, {**SONG, "song_id": "SO2"})
    size = {name: sum(f.stat().st_size for f in (warehouse.data / name).rglob("*.json")) for name in ("log_data",)}
    planned = as_json(warehouse.step("etl", "--dry-run", "--format", "json"))
    songs = sum(path.stat().st_size for path in (warehouse.data / "song_data").rglob("*.json"))
    assert planned == {
        "dry_run": True,
        "copy": [
            {"table": "staging_events", "objects": 1, "bytes": size["log_data"]},
            {"table": "staging_songs", "objects": 2, "bytes": songs},
        ],
        "remove": [],
    }
    quiet = warehouse.main("etl", "--dry-run", "-q")
    assert quiet.err == ""
    assert [line.split()[:3] for line in quiet.out.splitlines()] == [
        ["would", "copy", "staging_events"],
        ["would", "copy", "staging_songs"],
    ]


def test_what_a_full_load_would_remove_as_json(warehouse):
    loaded(warehouse)
    (warehouse.data / "log_data/2018/11/a.json").unlink()
    warehouse.events("b", {**PLAY, "sessionId": 9})
    planned = as_json(warehouse.main("etl", "--full", "--dry-run", "--format", "json"))
    assert planned["remove"] == ["1 play of 2018-11-01"]


# --- A load and its audits ---


def test_the_account_of_a_load_as_json(warehouse):
    warehouse.events("a", PLAY, {**PLAY, "page": "Home"}, "{")
    warehouse.songs(SONG)
    account = as_json(warehouse.step("etl", "--max-errors", "1", "--format", "json"))
    checks = account.pop("checks")
    (left_out,) = account["copied"][0].pop("left_out")
    assert re.match(r"s3://udacity-dend/log_data/2018/11/a\.json, line ", left_out)
    assert account == {
        "published": True,
        "load_id": 1,
        "copied": [
            {"table": "staging_events", "objects": 1, "records": 2},
            {"table": "staging_songs", "objects": 1, "records": 1, "left_out": []},
        ],
        "accounts": [
            {"table": "songs", "read": 1, "inserted": 1, "outcomes": {"duplicate": 0}},
            {"table": "artists", "read": 1, "inserted": 1, "outcomes": {"duplicate": 0}},
            {
                "table": "users",
                "read": 2,
                "inserted": 1,
                "outcomes": {"no user id": 0, "no time": 0, "duplicate": 1, "already there": 0},
            },
            {"table": "songplays", "read": 2, "inserted": 1, "outcomes": {"not a play": 1}},
            {"table": "time", "read": 1, "inserted": 1, "outcomes": {"duplicate": 0, "already there": 0}},
        ],
        "counts": {"ok": 16, "warn": 0, "failed": 0},
    }
    assert [check["name"] for check in checks] == [*STAGED, *OF_THE_STAR]
    assert checks[-1] == {
        "name": "song_match",
        "status": "ok",
        "message": "1 of 1 play found a song in the catalogue (100.0 %)",
        "exceptions": 0,
        "query": "",
        "rows": [],
    }
    nothing = warehouse.main("etl", "--format", "json")
    assert as_json(nothing) == {
        "published": False,
        "load_id": None,
        "copied": [],
        "accounts": [],
        "checks": [],
        "counts": {"ok": 0, "warn": 0, "failed": 0},
    }
    assert nothing.err.endswith("\n0 objects loaded. Next: python business_insights.py\n")


def test_a_load_that_fails_has_an_account_too(warehouse):
    warehouse.events("a", {**PLAY, "level": "gold"})
    warehouse.songs(SONG)
    ran = warehouse.main("etl", "--format", "json")
    account = as_json(ran, code=1)
    assert (account["published"], account["counts"]) == (False, {"ok": 15, "warn": 0, "failed": 1})
    (failed,) = [check for check in account["checks"] if check["status"] == "failed"]
    assert (failed["name"], failed["exceptions"]) == ("levels", 2)
    assert "\n15 ok, 0 warn, 1 failed.\nerror: 1 check failed; nothing was published\n" in ran.err
    assert failed["rows"] == [
        "found_in songplays, user_id 7, start_time 2018-11-01 20:57:10.796000, level gold",
        "found_in users, user_id 7, level gold",
    ]
    assert "".join(f"\n         -- {row}" for row in failed["rows"]) in ran.err
    assert "the load is rolled back, and its rows with it: the first ones are shown" in ran.err
    assert warehouse.query(failed["query"]) == []
    refused = warehouse.data / "log_data/2018/11/a.json"
    refused.write_text("{")
    assert as_json(warehouse.main("etl", "--format", "json"), code=1)["published"] is False


def test_the_query_below_an_audit_finds_its_rows_when_it_is_pasted(warehouse):
    loaded(warehouse)
    good = warehouse.main("etl", "--audit")
    assert (good.out, pasted(good.err)) == ("", {})
    assert good.err.endswith("\n11 ok, 0 warn, 0 failed.\n")
    with warehouse.connect() as conn, conn.cursor() as cur:
        for statement in BREACHES.split(";"):
            cur.execute(statement)
        conn.commit()
    for more in ([], ["-q"]):
        ran = warehouse.main("etl", "--audit", *more)
        assert ran.code == 1
        queries = pasted(ran.err)
        assert list(queries) == list(OF_THE_STAR)
    assert [name for name, query in queries.items() if not warehouse.query(query)] == []
    answers = as_json(warehouse.step("etl", "--audit", "--format", "json"), code=1)
    assert answers["counts"] == {"ok": 0, "warn": 2, "failed": 9}
    assert {one["name"]: warehouse.query(one["query"]) for one in answers["checks"]} == {
        name: warehouse.query(query) for name, query in queries.items()
    }


def test_the_query_below_an_audit_of_what_is_staged_finds_its_rows_after_the_load(warehouse):
    warehouse.events("a", {**PLAY, "userId": "x", "artist": None, "auth": None})
    warehouse.songs({**SONG, "title": None})
    ran = warehouse.main("etl")
    assert ran.code == 0, ran.err
    assert ran.err.endswith("\n10 ok, 5 warn, 0 failed. Next: python business_insights.py\n")
    queries = pasted(ran.err)
    assert list(queries) == list(STAGED)
    assert {name: len(warehouse.query(query)) for name, query in queries.items()} == dict.fromkeys(STAGED, 1)


def test_the_query_of_an_audit_finds_nothing_where_nothing_is_wrong(good_star):
    audits = (*sql_queries.AUDITS, sql_queries.MATCHES)
    found = {check.name: good_star.query(check.rows, {"since": "1970-01-01"}) for check in audits}
    assert found == {name: [] for name in (*STAGED, *OF_THE_STAR)}


@pytest.fixture(scope="module")
def good_star(cluster):
    cluster.empty()
    assert cluster.main("create_tables", "--recreate", "--yes", "-q").code == 0
    return loaded(cluster)


def test_json_is_all_that_standard_output_holds_on_a_terminal_or_not(good_star):
    ran = good_star.step("etl", "--audit", "-q", "--format", "json", PYTHONIOENCODING="ascii")
    assert ran.err == ""
    assert as_json(ran)["counts"] == {"ok": 11, "warn": 0, "failed": 0}
    assert "text is encoded once (\\u00c3 is the mark" in ran.out
