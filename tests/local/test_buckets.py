"""The local S3: a mirror of the data folder, and the bulk read."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal

import pytest
from launcher_fixtures import BUCKET, place, refused, shared, target, wait_for  # noqa: F401

from dwh.errors import ConfigError
from dwh.local.target import LocalTarget


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ([], "there is no data folder"),
        (["log_data/2018/a.json"], "no song files under song_data/"),
        (["song_data/A/B/C/a.json"], "no log files under log_data/"),
        (["readme.txt"], "no log files under log_data/ and no song files under song_data/"),
    ],
)
def test_a_data_folder_that_will_not_do(place, left, message):
    shutil.rmtree(place.data)
    for name in left:
        place.put(name, b"{}")
    for start in (place.target().start, lambda: place.target(data_dir=None).start(place.data)):
        with pytest.raises(ConfigError, match=message) as error:
            start()
        assert str(place.data) in error.value.message
    assert not place.state.exists()


def test_no_folder_named_is_generated_sample_data(place):
    target = place.target(data_dir=None)
    target.start()
    assert "generated sample (30 log files, 1,500 songs)" in target.describe()
    assert len(target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="log_data/")["Contents"]) == 30
    made = (place.state / "sample").stat().st_mtime_ns
    target.start()
    assert (place.state / "sample").stat().st_mtime_ns == made


def test_a_folder_given_once_stays(place):
    given = place.folder / "given"
    shutil.copytree(place.data, given)
    place.target().start(given)
    place.target().start()
    assert f"data: {given} (1 log file, 1 song)" in place.target().describe()
    place.target().start(place.data)
    assert f"data: {place.data} " in place.target().describe()


def test_a_folder_given_once_stays_when_the_process_was_killed(place):
    given = place.folder / "given"
    shutil.copytree(place.data, given)
    place.target(data_dir=None).start(given)
    os.kill(place.launcher(), signal.SIGKILL)
    wait_for(lambda: "not running" in place.target().describe())
    place.target(data_dir=None).start()
    assert f"data: {given} (1 log file, 1 song)" in place.target().describe()


def test_of_data_dir_and_a_folder_given_the_later_word_counts(place):
    given, edited = place.folder / "given", place.folder / "edited"
    shutil.copytree(place.data, given)
    shutil.copytree(place.data, edited)
    place.target().start(given)
    place.target(data_dir=edited).start()
    assert f"data: {edited} " in place.target().describe()
    place.target(data_dir=edited).start(given)
    place.target(data_dir=edited).start()
    assert f"data: {given} " in place.target().describe()


def test_the_end_of_the_target_forgets_the_folder(place):
    given = place.folder / "given"
    shutil.copytree(place.data, given)
    place.target().start(given)
    place.target().stop()
    place.target().start()
    assert f"data: {place.data} " in place.target().describe()


def test_a_start_tells_which_folder_another_takes_the_place_of(place):
    other = place.folder / "other"
    shutil.copytree(place.data, other)
    found = [place.target().start(data) for data in (None, None, other, None, place.data)]
    assert found == ["", "", str(place.data), "", str(other)]


def test_a_start_that_was_cut_off_leaves_no_data(place, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalTarget, "_sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.target().start()
    monkeypatch.undo()
    port = place.state_file()["port"]
    assert place.target().describe() == f"local target · 127.0.0.1:{port} · no data yet"
    assert place.target().client("s3").list_buckets()["Buckets"] == []
    place.target().start()
    assert f"data: {place.data} " in place.target().describe()


def test_folder_becomes_keys_under_the_configured_prefixes(place):
    place.put("log_json_path.json", b'{"jsonpaths": []}')
    place.put("log_data/.DS_Store", b"")
    place.put("unrelated.txt", b"")
    target = place.target(
        log_data="s3://logs-bucket/some/logs/", song_data="s3://songs-bucket/s", log_jsonpath="s3://logs-bucket/p.json"
    )
    target.start()
    s3 = target.client("s3")
    keys = {
        bucket: [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        for bucket in ("logs-bucket", "songs-bucket")
    }
    assert keys == {
        "logs-bucket": ["p.json", "some/logs/2018/11/2018-11-01-events.json"],
        "songs-bucket": ["s/A/B/C/TRABC1.json"],
    }
    assert s3.get_object(Bucket="logs-bucket", Key="p.json")["Body"].read() == b'{"jsonpaths": []}'
    assert s3.get_bucket_location(Bucket="logs-bucket")["LocationConstraint"] == "us-west-2"


def test_objects_are_those_of_s3(shared, target):
    content = (shared.data / "log_data/2018/11/2018-11-01-events.json").read_bytes()
    s3, key = target.client("s3"), "log_data/2018/11/2018-11-01-events.json"
    found = s3.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == content
    assert found["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(content)
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=2-5")["Body"].read() == content[2:6]
    assert json.loads(s3.get_object(Bucket=BUCKET, Key="log_json_path.json")["Body"].read())["jsonpaths"][17]
    refused(s3.get_object, "NoSuchKey", Bucket=BUCKET, Key="nothing")


def test_s3_follows_the_folder_and_keeps_what_others_put(shared, target):
    def songs():
        found = target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="song_data/")["Contents"]
        return {item["Key"].rpartition("/")[2]: item["ETag"] for item in found}

    s3 = target.client("s3")
    s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="mine", Key="song_data/a", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="unload/a", Body=b"2")
    before = songs()
    shared.put("song_data/A/B/D/TRABD1.json", b"{}")
    shared.put("song_data/A/B/C/TRABC1.json", b'{"song_id": "SO2"}')
    after = songs()
    assert set(after) == {"TRABC1.json", "TRABD1.json"}
    assert after["TRABC1.json"] != before["TRABC1.json"]
    shutil.rmtree(shared.data / "song_data/A/B/D")
    s3.delete_object(Bucket=BUCKET, Key="song_data/A/B/C/TRABC1.json")
    assert set(songs()) == {"TRABC1.json"}
    assert s3.get_object(Bucket="mine", Key="song_data/a")["Body"].read() == b"1"
    assert s3.get_object(Bucket=BUCKET, Key="unload/a")["Body"].read() == b"2"


def test_the_versions_of_a_mirrored_bucket_can_be_listed(place):
    """The work bucket may hold the data as well; to be removed, it is listed with all versions."""
    target = place.target()
    target.start()
    s3 = target.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    listed = {found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert listed
    assert {found["Key"] for found in s3.list_object_versions(Bucket=BUCKET)["Versions"]} == listed


def test_a_prefix_is_all_its_objects_in_key_order(shared, target):
    names = [f"log_data/bulk/{name}.json" for name in ("b", "a", "ä", "Z", "a0")]
    for name in names:
        shared.put(name, name.encode() * 3)
    target.client("s3").put_object(Bucket=BUCKET, Key="log_data/bulk/put", Body=b"by hand")
    found = shared.inside("prefix", BUCKET, "log_data/bulk/")
    listed = target.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="log_data/bulk/")["Contents"]
    assert [entry["key"] for entry in found] == [item["Key"] for item in listed]
    assert [entry["size"] for entry in found] == [item["Size"] for item in listed]
    contents = dict(zip([entry["key"] for entry in found], shared.contents(found), strict=True))
    assert contents == {name: name.encode() * 3 for name in names} | {"log_data/bulk/put": b"by hand"}
    shutil.rmtree(shared.data / "log_data/bulk")
    target.client("s3").delete_object(Bucket=BUCKET, Key="log_data/bulk/put")


def test_keys_keep_their_order_and_what_is_missing_is_said(shared, target):
    keys = ["song_data/A/B/C/TRABC1.json", "nothing", "log_json_path.json", "song_data/A/B/C/TRABC1.json"]
    found = shared.inside("keys", BUCKET, keys)
    assert [entry and entry["key"] for entry in found] == [keys[0], None, *keys[2:]]
    assert next(shared.contents(found)) == (shared.data / keys[0]).read_bytes()


def test_big_and_empty_objects(shared, target):
    content = os.urandom(1 << 16) * 40
    shared.put("log_data/big/1.json", content)
    shared.put("log_data/big/2.json", b"")
    target.client("s3")
    assert list(shared.contents(shared.inside("prefix", BUCKET, "log_data/big/"))) == [content, b""]
    assert target.client("s3").head_object(Bucket=BUCKET, Key="log_data/big/1.json")["ETag"] == (
        f'"{hashlib.md5(content).hexdigest()}"'
    )
    shutil.rmtree(shared.data / "log_data/big")


def test_a_file_that_went_away_is_no_object(shared, target):
    shared.put("log_data/gone/1.json", b"{}")
    shared.put("log_data/gone/2.json", b"{}")
    target.client("s3")
    (shared.data / "log_data/gone/1.json").unlink()
    assert [entry["size"] for entry in shared.inside("prefix", BUCKET, "log_data/gone/")] == [2]
    assert shared.inside("keys", BUCKET, ["log_data/gone/1.json"]) == [None]
    shutil.rmtree(shared.data / "log_data/gone")


def test_an_unknown_bucket(shared):
    assert shared.inside("prefix", "no-such-bucket", "") == []
    assert shared.inside("keys", "no-such-bucket", ["a"]) is None
    assert shared.inside("bucket", "no-such-bucket") is None
    assert shared.inside("prefix", BUCKET, "no/such/prefix") == []
    assert shared.ask("POST", "/_local/content", [BUCKET, "nothing"])[0] == 404


def test_a_listing_is_what_moto_says(place):
    names = [f"song_data/A/B/{number:04}.json" for number in range(2_100)] + ["song_data/ü +&<%/ä b.json"]
    for name in names:
        place.put(name, name.encode())
    target = place.target()
    target.start()
    s3 = target.client("s3")
    s3.put_object(Bucket=BUCKET, Key="song_data/put", Body=b"by the API")

    def entries(**more):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="song_data/", **more)
        return [{key: entry[key] for key in ("Key", "Size", "ETag", "LastModified")} for page in pages
                for entry in page["Contents"]]  # fmt: skip

    found = entries()
    assert len(found) == len(names) + 2  # and the song that is there already
    assert found == entries(FetchOwner=True)  # moto answers what the short way does not know
    assert [entry["Key"] for entry in entries(PaginationConfig={"PageSize": 7, "MaxItems": 20})] == [
        entry["Key"] for entry in found[:20]
    ]
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="nothing/")["KeyCount"] == 0
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)
    assert place.inside("keys", BUCKET, []) == []
