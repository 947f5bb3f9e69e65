"""The generated data: the same for the same seed, and of the shape of the real files."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from dwh.errors import ConfigError
from dwh.local import catalogue, folder, sample

# As the real files have them, in their order.
EVENT_KEYS = [
    *("artist", "auth", "firstName", "gender", "itemInSession", "lastName", "length", "level", "location"),
    *("method", "page", "registration", "sessionId", "song", "status", "ts", "userAgent", "userId"),
]
SONG_KEYS = [
    *("num_songs", "artist_id", "artist_latitude", "artist_longitude", "artist_location", "artist_name"),
    *("song_id", "title", "duration", "year"),
]


class Data:
    """What lies in a folder of sample data."""

    def __init__(self, root):
        self.root = root
        self.files = {name: Path(file.path) for name, file in sorted(folder.files(root / "log_data"))}
        self.by_file = {name: [json.loads(line) for line in path.open()] for name, path in self.files.items()}
        self.events = [event for events in self.by_file.values() for event in events]
        self.plays = [event for event in self.events if event["page"] == "NextSong"]
        self.songs = {name: json.loads(Path(file.path).read_text()) for name, file in folder.files(root / "song_data")}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("sample") / "data"
    sample.generate(root)
    return Data(root)


def digest(root):
    found = hashlib.sha256()
    for name, file in sorted(folder.files(root)):
        found.update(name.encode() + Path(file.path).read_bytes())
    return found.hexdigest()


def small(root, **options):
    sample.generate(root, **({"users": 5, "events": 200, "songs": 20, "days": 5} | options))
    return root


def test_same_seed_same_bytes_other_seed_others(tmp_path):
    first, again, other = (small(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert digest(first) == digest(again) != digest(other)


def test_default_is_a_month_of_about_a_hundred_users(data):
    assert len(data.events) == 8000
    assert list(data.files) == [f"2018/11/2018-11-{day:02}-events.json" for day in range(1, 31)]
    assert len(data.songs) == 1500
    assert 90 <= len({event["userId"] for event in data.events if event["userId"]}) <= 100
    folder.check(data.root)


@pytest.mark.parametrize(("events", "songs", "days", "users"), [(1, 1, 1, 1), (50, 3, 40, 2), (3000, 40, 2, 3)])
def test_sizes_are_kept(tmp_path, events, songs, days, users):
    data = Data(small(tmp_path / "data", events=events, songs=songs, days=days, users=users, start=date(2024, 2, 28)))
    assert (len(data.events), len(data.songs)) == (events, songs)
    assert len(data.files) <= days
    assert {event["userId"] for event in data.events} <= {"", *map(str, range(2, users + 2))}


def test_keys_and_types_are_those_of_the_real_files(data):
    types = {
        (str, type(None)): ("artist", "firstName", "gender", "lastName", "location", "song", "userAgent"),
        (str,): ("auth", "level", "method", "page", "userId"),
        (int,): ("itemInSession", "sessionId", "status", "ts"),
        (float, type(None)): ("length", "registration"),
    }
    for event in data.events:
        assert list(event) == EVENT_KEYS
        assert all(isinstance(event[key], kinds) for kinds, keys in types.items() for key in keys)
    for song in data.songs.values():
        assert list(song) == SONG_KEYS
        assert song["num_songs"] == 1
        assert len(song["song_id"]) == len(song["artist_id"]) == 18
        assert (song["artist_latitude"] is None) == (song["artist_longitude"] is None)


def test_jsonpaths_name_the_keys_in_order(data):
    paths = json.loads((data.root / "log_json_path.json").read_text())["jsonpaths"]
    assert paths == [f"$['{key}']" for key in EVENT_KEYS]


def test_songs_lie_in_folders_named_after_their_track(data):
    for name in data.songs:
        first, second, third, track = name.split("/")
        assert track.startswith(f"TR{first}{second}{third}")


def test_each_file_holds_its_day_in_order(data):
    for name, events in data.by_file.items():
        assert {datetime.fromtimestamp(event["ts"] / 1000, UTC).strftime("%Y/%m/%Y-%m-%d") for event in events} == {
            name[:18]
        }
        assert all(before["ts"] <= after["ts"] for before, after in pairwise(events))


def test_plays_have_a_song_and_other_pages_have_none(data):
    for event in data.events:
        assert (event["page"] == "NextSong") == (event["song"] is not None) == (event["artist"] is not None)
        assert (event["length"] is not None) == (event["song"] is not None)
    assert 0.7 < len(data.plays) / len(data.events) < 0.95


def test_anonymous_events_have_nobody(data):
    anonymous = [event for event in data.events if event["auth"] == "Logged Out"]
    assert anonymous
    for event in data.events:
        who = {
            event[key] is None for key in ("firstName", "lastName", "gender", "location", "registration", "userAgent")
        }
        assert who == {event["auth"] == "Logged Out"} == {event["userId"] == ""}
    assert not any(event["page"] == "NextSong" for event in anonymous)


def test_a_user_is_the_same_person_everywhere(data):
    people = defaultdict(set)
    for event in data.events:
        if event["userId"]:
            people[event["userId"]].add((event["firstName"], event["lastName"], event["gender"], event["registration"]))
    assert {len(found) for found in people.values()} == {1}


def test_a_session_is_one_users_and_counts_its_items(data):
    sessions = defaultdict(list)
    for event in data.events:
        sessions[event["sessionId"]].append(event)
    for events in sessions.values():
        assert len({event["userId"] for event in events if event["userId"]}) <= 1
        assert sorted(event["itemInSession"] for event in events) == list(range(len(events)))


def test_the_level_changes_through_submit_and_only_so(data):
    submitted = Counter(event["page"] for event in data.events if event["page"].startswith("Submit"))
    assert submitted["Submit Upgrade"] >= 2
    sessions = defaultdict(list)
    for event in sorted(data.events, key=lambda event: event["itemInSession"]):
        sessions[event["sessionId"]].append(event)
    for events in sessions.values():
        for before, after in pairwise(events):
            changed = before["level"] != after["level"]
            assert changed == before["page"].startswith("Submit")


def test_most_plays_are_in_the_catalogue_and_some_songs_are_favourites(data):
    known = {(song["title"], song["artist_name"]) for song in data.songs.values()}
    matched = [play for play in data.plays if (play["song"], play["artist"]) in known]
    assert 0.75 < len(matched) / len(data.plays) < 0.97
    plays = Counter((play["song"], play["artist"]) for play in matched).most_common()
    assert plays[0][1] > 5 * plays[len(plays) // 2][1]


def test_a_day_has_its_rhythm_and_a_week_its_weekend(data):
    hours = Counter(play["ts"] // 3_600_000 % 24 for play in data.plays)
    assert sum(hours[hour] for hour in range(14, 19)) > 3 * sum(hours[hour] for hour in range(1, 6))
    days = Counter(datetime.fromtimestamp(play["ts"] / 1000, UTC).weekday() for play in data.plays)
    assert max(days[5], days[6]) < min(days[day] for day in range(5))


def test_no_play_twice(data):
    keys = Counter((play["userId"], play["sessionId"], play["ts"]) for play in data.plays)
    assert max(keys.values()) == 1
    assert len({play["ts"] % 1000 for play in data.plays}) > 100


def test_the_deliberate_oddities_are_there(data):
    songs = data.songs.values()
    spellings, titles, remasters = defaultdict(set), defaultdict(set), Counter()
    for song in songs:
        spellings[song["artist_id"]].add((song["artist_name"], song["artist_location"]))
        titles[song["title"]].add(song["artist_id"])
        remasters[song["title"], song["artist_name"]] += 1
    assert sum(len(names) > 1 for names in spellings.values()) >= 5
    assert any(len(artists) > 1 for artists in titles.values())
    assert max(remasters.values()) > 1
    assert any(song["year"] == 0 for song in songs)
    assert any(song["artist_location"] == "" for song in songs)
    assert any(not song["title"].isascii() for song in songs)
    assert any(not event["lastName"].isascii() for event in data.events if event["lastName"])
    assert any(event["userAgent"].startswith('"') for event in data.events if event["userAgent"])
    assert len({song["song_id"] for song in songs}) == len(songs)


def test_every_plural_is_a_word():
    known = {"Echo": "Echoes", "Compass": "Compasses", "Ferry": "Ferries", "Jukebox": "Jukeboxes", "Valley": "Valleys"}
    assert {noun: catalogue._many(noun) for noun in known} == known
    irregular = {noun for noun in catalogue.words()["nouns"] if catalogue._many(noun) != f"{noun}s"}
    assert irregular == {"Balcony", "Compass", "Echo", "Ferry", "Firefly", "Jukebox", "Quarry"}


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        small(tmp_path)
    with pytest.raises(SystemExit) as end:
        sample.main([str(tmp_path)])
    assert end.value.code == 2
    assert capsys.readouterr().err == f"error: {tmp_path} is not empty\nhint: name a new folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_command_line(tmp_path, capsys):
    arguments = [
        "--users",
        "3",
        "--events",
        "40",
        "--songs",
        "4",
        "--days",
        "2",
        "--start",
        "2020-02-29",
        "--seed",
        "7",
    ]
    assert sample.main([str(tmp_path / "out"), *arguments]) == 0
    written, following = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{tmp_path}/out: 40 events in [12] log files?, 4 songs, log_json_path.json", written)
    assert following == f"Next: python create_cluster.py --target local --data {tmp_path}/out"
    assert Path(tmp_path, "out", "log_data", "2020", "02", "2020-02-29-events.json").is_file()
    for wrong in (["--events", "0"], ["--days", "x"], ["--start", "yesterday"], []):
        with pytest.raises(SystemExit) as end:
            sample.main([*wrong] if not wrong else [str(tmp_path / "other"), *wrong])
        assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_says_what_is_written_and_gives_examples(capsys):
    with pytest.raises(SystemExit) as stopped:
        sample.main(["--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for word in ("log_data/YYYY/MM/YYYY-MM-DD-events.json", "song_data/A/B/C/", "log_json_path.json", "Examples:"):
        assert word in said
    assert said.count("(default: ") == 6
