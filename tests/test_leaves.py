"""The small rooms that import nothing of ours: text, files, options."""

from __future__ import annotations

import argparse
import os

import pytest

from dwh import files, options, text


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/a/b.json", ("bucket", "a/b.json")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket", ("bucket", "")),
    ],
)
def test_an_address_in_s3_has_two_parts(uri, parts):
    assert text.split_uri(uri) == parts


@pytest.mark.parametrize(
    ("word", "said"),
    [("regoin", "; did you mean region?"), ("REGION", "; did you mean region?"), ("elephant", "")],
)
def test_a_word_that_was_meant(word, said):
    assert text.did_you_mean(word, ["region", "DB_NAME"]) == said


def test_how_alike_two_words_must_be():
    assert text.closest("DB_PORT", ["DB_PASSWORD"]) == "DB_PASSWORD"
    assert text.closest("DB_PORT", ["DB_PASSWORD"], 0.8) == ""


@pytest.mark.parametrize(("given", "number"), [("0", 0), ("7", 7), ("9", 9)])
def test_a_whole_number(given, number):
    assert options.whole_number(0, 9)(given) == number


@pytest.mark.parametrize("given", ["-1", "10", "1.0", "", " 1", "x", "²", "١"])
def test_no_such_whole_number(given):
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number from 0 to 9, not "):
        options.whole_number(0, 9)(given)


@pytest.mark.parametrize("given", ["0", "-1", "inf", "nan", "x", ""])
def test_no_minutes(given):
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        options.minutes(given)


def test_a_file_is_written_whole_with_its_mode(tmp_path):
    path = tmp_path / "file"
    for content in (b"old", b"new\r\n"):
        files.write_whole(path, content, 0o640)
        assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, b"new", 0o600)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]
