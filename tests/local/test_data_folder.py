"""The data folder as people have it: what cannot be an object is named and left out, and the rest is there."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import io
import os
import stat
import tempfile
from pathlib import Path

import pytest
from launcher_fixtures import BUCKET, place  # noqa: F401
from project import some

from dwh.console import Console
from dwh.errors import ConfigError

EVENTS = "log_data/2018/11/2018-11-01-events.json"
SONG = "song_data/A/B/C/TRABC1.json"
JSONPATHS = "log_json_path.json"


def start(place, **settings):
    """Start the target; the keys of its S3, and what was said."""
    target = place.target(**settings)
    said = io.StringIO()
    target._console = Console(out=said, err=said)
    target.start()
    pages = target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [item["Key"] for page in pages for item in page.get("Contents", [])], said.getvalue()


def loop(logs):
    (logs / "loop.json").symlink_to("loop.json")


def nowhere(logs):
    (logs / "nowhere.json").symlink_to("no-such-file")


def around(logs):
    (logs / "around").symlink_to("..")


def around_twice(logs):
    (logs / "in").mkdir()
    (logs / "in" / "out").symlink_to(logs)


def everything(logs):
    (logs / "everything").symlink_to("/")


def after_9999(logs):
    made = Path(os.environ["LATE"])
    os.utime(made, (0, 253_402_300_800))
    (logs / "late.json").symlink_to(made)


def before_1970(logs):
    (logs / "early.json").touch()
    os.utime(logs / "early.json", (0, -1))


def not_utf8(logs):
    (Path(os.fsdecode(os.fsencode(logs) + b"/caf\xe9.json"))).touch()


def folder_not_utf8(logs):
    odd = Path(os.fsdecode(os.fsencode(logs) + b"/\xff\xfe"))
    odd.mkdir()
    (odd / "a.json").touch()


def too_long(logs):
    deep = logs.joinpath(*["d" * 200] * 5)
    deep.mkdir(parents=True)
    (deep / "e.json").touch()


def too_long_in_bytes(logs):
    deep = logs.joinpath(*["ä" * 100] * 5)
    deep.mkdir(parents=True)
    (deep / "e.json").touch()


def pipe(logs):
    os.mkfifo(logs / "pipe.json")


def device(logs):
    (logs / "null.json").symlink_to(os.devnull)


ODD = {
    loop: "loop.json: Too many levels of symbolic links",
    nowhere: "nowhere.json: No such file or directory",
    around: "around: a link that leads back to a folder around it",
    everything: "everything: a link that leads back to a folder around it",
    around_twice: "in/out: a link that leads back to a folder around it",
    after_9999: "late.json: its date is not between 1970 and 9999",
    before_1970: "early.json: its date is not between 1970 and 9999",
    not_utf8: r"caf\udce9.json: its name is not UTF-8",
    folder_not_utf8: r"\udcff\udcfe: its name is not UTF-8",
    too_long: "e.json: its key in S3 would be longer than 1,024 bytes",
    too_long_in_bytes: "e.json: its key in S3 would be longer than 1,024 bytes",
    pipe: "pipe.json: neither a file nor a folder",
    device: "null.json: neither a file nor a folder",
}


@pytest.fixture
def memory(monkeypatch):
    """A file on a file system that has dates after 9999, which many have not."""
    if not os.path.isdir("/dev/shm"):
        pytest.skip("there is no file system in memory here")
    handle, path = tempfile.mkstemp(dir="/dev/shm", prefix="dwh-test-")
    os.close(handle)
    monkeypatch.setenv("LATE", path)
    yield
    os.unlink(path)


@pytest.mark.parametrize("odd", some(ODD, 3), ids=lambda odd: odd.__name__)
def test_what_cannot_be_an_object_is_named_and_left_out(place, odd, request):
    if odd is after_9999:
        request.getfixturevalue("memory")
    try:
        odd(place.data / "log_data/2018/11")
    except OSError as error:
        pytest.skip(f"this file system has no such file: {error}")
    keys, said = start(place)
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert said.count("warning: left out of the local S3: ") == 1  # and not once a call
    assert f"{place.data}/log_data/2018/11/" in said
    assert ODD[odd] in said
    assert place.target().describe().endswith("(1 log file, 1 song)")


def test_many_odd_files_are_counted(place):
    for number in range(13):
        (place.data / f"log_data/{number:02}.json").symlink_to("no-such-file")
    keys, said = start(place)
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert said.count("No such file") == 10
    assert "warning: left out of the local S3: 3 more" in said


def test_links_are_followed_as_aws_s3_sync_follows_them(place):
    elsewhere = place.folder / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "a.json").write_text("{}")
    (place.data / "log_data" / "folder").symlink_to(elsewhere)
    (place.data / "log_data" / "again").symlink_to(elsewhere)
    (place.data / "log_data" / "file.json").symlink_to(elsewhere / "deep" / "a.json")
    keys, said = start(place)
    assert [key for key in keys if key.startswith("log_data/")] == [
        EVENTS, "log_data/again/deep/a.json", "log_data/file.json", "log_data/folder/deep/a.json",
    ]  # fmt: skip
    assert said == ""


def test_a_folder_of_links_is_a_data_folder(place):
    linked = place.folder / "linked"
    linked.mkdir()
    for name in ("log_data", "song_data"):
        (linked / name).symlink_to(place.data / name)
    (place.folder / "link").symlink_to(linked)
    keys, said = start(place, data_dir=place.folder / "link")
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert said == ""


@pytest.mark.parametrize("odd", some([loop, nowhere, before_1970, device], 2), ids=lambda odd: odd.__name__)
def test_an_odd_jsonpaths_file_gives_way_to_the_standard_one_and_is_named(place, odd):
    odd(place.data)
    (made,) = [path for path in place.data.iterdir() if path.name.endswith(".json")]
    made.rename(place.data / JSONPATHS)
    keys, said = start(place)
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert f"{JSONPATHS}: " in said
    assert "the standard one takes its place" in said
    body = place.target().client("s3").get_object(Bucket=BUCKET, Key=JSONPATHS)["Body"].read()
    assert b"$['artist']" in body


def test_a_file_that_becomes_odd_later_goes_and_the_rest_stays(place):
    place.put("log_data/b.json", b"{}")
    assert "log_data/b.json" in start(place)[0]
    os.utime(place.data / "log_data/b.json", (0, -5))
    keys, said = start(place)
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert "b.json: its date" in said


def test_odd_files_alone_make_no_data_folder(place):
    (place.data / EVENTS).unlink()
    loop(place.data / "log_data")
    with pytest.raises(ConfigError, match="has no log files under log_data/") as error:
        place.target().start()
    assert "loop.json: Too many levels of symbolic links" in error.value.detail
    assert not place.state.exists()


@pytest.mark.parametrize("name", ["loop", "x" * 300, "x/" * 3000 + "x", "a\nb", "caf\udce9"])
def test_a_data_folder_that_cannot_be_is_said(place, name):
    (place.folder / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="there is no data folder"):
        place.target(data_dir=None).start(place.folder / name)


def test_a_data_folder_whose_name_is_not_utf8_serves(place):
    odd = Path(os.fsdecode(os.fsencode(place.folder) + b"/donn\xe9es"))
    place.data.rename(odd)
    place.target(data_dir=None).start(odd)
    assert place.target(data_dir=None).describe().endswith("(1 log file, 1 song)")
    s3 = place.target(data_dir=None).client("s3")
    assert s3.get_object(Bucket=BUCKET, Key=EVENTS)["Body"].read() == b'{"page": "Home"}\n'
    assert len(next(place.contents(place.inside("prefix", BUCKET, "log_data/")))) == 17


@pytest.mark.parametrize("name", some(["a b+c&d<e>%f.json", "tab\there.json", "ünïcödé.json", "\x01.json"], 2))
def test_any_other_name_is_a_key(place, name):
    place.put(f"log_data/{name}", b"{}")
    keys, said = start(place)
    assert f"log_data/{name}" in keys
    assert said == ""
    assert place.target().client("s3").get_object(Bucket=BUCKET, Key=f"log_data/{name}")["Body"].read() == b"{}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(place):
    place.put("log_data/shut.json", b"{}")
    (place.data / "log_data/shut.json").chmod(0)
    (place.data / "log_data/shut").mkdir(0)
    keys, said = start(place)
    assert keys == [EVENTS, JSONPATHS, SONG]
    assert "shut.json: you may not read it" in said
    assert "shut: Permission denied" in said
    assert stat.S_IMODE((place.data / "log_data/shut.json").stat().st_mode) == 0
