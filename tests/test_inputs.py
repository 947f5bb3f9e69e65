"""Every kind of bad or odd input: it loads right, or it fails loudly and whole, naming the file."""

from __future__ import annotations

import gzip
import json

import pytest
from project import EVENT, PLAY, SONG

GOOD = json.dumps(PLAY)
OTHER = json.dumps({**PLAY, "itemInSession": 1})


def with_value(key, text):
    """A play as text, with one value written as it stands."""
    return json.dumps({**PLAY, "itemInSession": 2, key: "@"}).replace('"@"', text)


def load(project, content, *args):
    project.file("log_data/2018/11/odd.json", content)
    project.songs(SONG)
    ran = project.main("etl", *args)
    assert "Traceback" not in ran.err
    return ran


LOADS = {
    "objects that touch": (GOOD + OTHER, 2),
    "Windows lines": (f"{GOOD}\r\n{OTHER}\r\n", 2),
    "blank lines and no final newline": (f"\n \n{GOOD}\n\n{OTHER}", 2),
    "an object over several lines": (json.dumps(PLAY, indent=2), 1),
    "keys in another order": (json.dumps(dict(reversed(PLAY.items()))), 1),
    "unknown keys": (json.dumps({**PLAY, "new": 1, "nested": {"a": [1]}}), 1),
    "a key that is not there": (json.dumps({k: v for k, v in PLAY.items() if k != "method"}) + GOOD, 1),
    "the same key twice": (GOOD[:-1] + ', "level": "free"}', 1),
    "an object where text is expected": (with_value("location", '{"city": ["Oslo"]}') + GOOD, 2),
    "a number as text": (with_value("status", '"200"'), 1),
    "a string as long as its column": (with_value("userAgent", f'"{"x" * 1024}"'), 1),
    "a lone surrogate pair written out": (with_value("location", r'"\ud83c\udfb5"'), 1),
}


@pytest.mark.parametrize("name", LOADS)
def test_what_loads(warehouse, name):
    content, plays = LOADS[name]
    ran = load(warehouse, content)
    assert ran.code == 0, ran.err
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == plays


FAILS = {
    "a malformed line": f"{GOOD}\n{{oops}}\n",
    "a truncated last line": GOOD + GOOD[: len(GOOD) // 2],
    "a comma between objects": f"{GOOD},{OTHER}",
    "brackets around everything": f"[{GOOD},{OTHER}]",
    "UTF-16": GOOD.encode("utf-16"),
    "bytes that are not UTF-8": GOOD.replace("London", "L\xf8ndon").encode("latin-1").replace(b"\\u00f8", b"\xf8"),
    "text longer than its column in bytes": with_value("location", f'"{"é" * 300}"'),
    "2^31 into an integer": with_value("status", "2147483648"),
    "2^63 into a bigint": with_value("sessionId", "9223372036854775808"),
    "NaN": with_value("length", "NaN"),
    "Infinity": with_value("length", "Infinity"),
    "text in a number": with_value("sessionId", '"many"'),
    "a boolean in a number": with_value("sessionId", "true"),
    "a record over 4 MB": with_value("extra", f'"{"x" * 4_200_000}"'),
    "gzip without GZIP": gzip.compress(GOOD.encode()),
    "a file that is no JSON": b"\x00\x00\x00\x01Bud1\x00\x00",
}


@pytest.mark.parametrize("name", FAILS)
def test_what_fails_whole_and_names_the_file(warehouse, name):
    warehouse.events("good", {**PLAY, "itemInSession": 9})
    ran = load(warehouse, FAILS[name])
    assert ran.code == 1, ran.err
    assert "odd.json" in ran.err
    assert "hint:" in ran.err
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 0
    assert warehouse.value("SELECT COUNT(*) FROM staging_events") == 0


@pytest.mark.parametrize("content", ["\ufeff" + GOOD, with_value("location", r'"a\u0000b"')], ids=["BOM", "NUL"])
def test_what_may_load_or_fail_but_never_by_half(warehouse, content):
    ran = load(warehouse, content)
    plays = warehouse.value("SELECT COUNT(*) FROM songplays")
    assert (ran.code, plays) in [(0, 1), (1, 0)]
    if ran.code:
        assert "odd.json" in ran.err
    else:
        assert warehouse.query("SELECT artist FROM staging_events") == [("The Example",)]


def test_an_empty_file_is_no_error(warehouse):
    warehouse.events("good", PLAY)
    ran = load(warehouse, "")
    assert ran.code == 0, ran.err


def test_an_empty_prefix_fails_before_anything_is_emptied(warehouse):
    assert load(warehouse, GOOD).code == 0
    before = warehouse.digest()
    (warehouse.data / "log_data/2018/11/odd.json").unlink()
    ran = warehouse.main("etl")
    assert ran.code == 1
    assert "error: there is no data under s3://udacity-dend/log_data/" in ran.err
    assert f"hint: check [S3] in dwh.cfg, and the folder {warehouse.data} that fills the local S3" in ran.err
    assert warehouse.digest() == before


def test_a_folder_whose_name_begins_alike_is_not_read(warehouse):
    warehouse.file("log_data_old/2018/x.json", OTHER)
    assert load(warehouse, GOOD).code == 0
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 1


def test_more_objects_than_one_listing_holds(warehouse):
    for number in range(1_100):
        song = {**SONG, "song_id": f"SO{number}"}
        warehouse.file(f"song_data/A/TR{number}.json", json.dumps(song))
    assert load(warehouse, json.dumps(EVENT)).code == 0
    assert warehouse.value("SELECT COUNT(*) FROM staging_songs") == 1_100 + 1


def test_without_a_work_bucket_the_whole_prefix_is_read_and_nothing_doubles(warehouse, monkeypatch):
    assert load(warehouse, GOOD).code == 0
    monkeypatch.setattr("dwh.load.find_work_bucket", lambda *_: None)
    warehouse.events("new", {**PLAY, "itemInSession": 3})
    ran = warehouse.main("etl")
    assert ran.code == 0, ran.err
    assert "there is no work bucket" in ran.err
    assert "2 read = 1 inserted + 1 already there" in ran.err
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 2


def test_an_object_that_comes_again_in_another_version_is_read_again(warehouse):
    assert load(warehouse, GOOD).code == 0
    assert load(warehouse, GOOD + OTHER).code == 0
    assert warehouse.value("SELECT COUNT(*) FROM songplays") == 2
    assert warehouse.value("SELECT COUNT(*) FROM load_objects WHERE object_key LIKE '%/odd.json'") == 1
