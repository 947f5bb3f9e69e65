"""CSV, JSON and the files of a run."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime

import pandas as pd
import pytest
from made import made_star
from star import Artist, Play, Song, Star, User

from dwh import insights
from dwh.errors import ConfigError
from dwh.insights import export, files
from dwh.insights.answer import Answer
from dwh.insights.window import Window

FACTS = {question.name for question in insights.questions() if question.shape == "facts"}


@pytest.fixture(scope="module")
def report(database):
    return database.ask(made_star())


@pytest.fixture(scope="module")
def written(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    return folder, {path.name: word for path, word in files.write(report, folder)}


def test_output_has_a_csv_each_charts_of_all_but_facts_and_the_page(written):
    folder, words = written
    names = {question.name for question in insights.questions()}
    expected = {f"{name}.csv" for name in names} | {"report.html"}
    expected |= {f"{name}.{ending}" for name in names - FACTS for ending in ("svg", "png")}
    assert set(words) == {path.name for path in folder.iterdir()} == expected
    assert set(words.values()) == {"created"}


def test_the_same_data_gives_the_same_bytes(database, written):
    """Asked and drawn a second time: every file is unchanged."""
    folder, _ = written
    assert {word for _, word in files.write(database.ask(made_star()), folder)} == {"unchanged"}


def test_other_data_updates_the_files(database, tmp_path):
    list(files.write(database.ask(made_star(), "top_songs", limit=3), tmp_path))
    words = {path.name: word for path, word in files.write(database.ask(made_star(), "top_songs", limit=4), tmp_path)}
    assert words == dict.fromkeys(("top_songs.csv", "top_songs.svg", "top_songs.png", "report.html"), "updated")


def test_json_files(database, tmp_path):
    report = database.ask(made_star(), "level_changes")
    names = [path.name for path, _ in files.write(report, tmp_path, "json")]
    assert names == ["level_changes.json", "level_changes.svg", "level_changes.png", "report.html"]
    assert json.loads((tmp_path / "level_changes.json").read_text())["level_changes"][0]["week"] == "2018-10-29"


def test_a_folder_that_cannot_be_written(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"songs_heard\.csv cannot be written"):
        list(files.write(report, tmp_path / "file"))


def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(b"old")
    monkeypatch.setattr(files.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        files._write(tmp_path / "a.csv", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"old"


# --- JSON and CSV ---


def test_json_is_an_object_by_name_always(report):
    coverage, songs = report.answer("coverage"), report.answer("top_songs")
    assert json.loads(export.to_json([coverage]))["coverage"][0]["first_play"] == "2018-11-01T21:30:00.000Z"
    both = json.loads(export.to_json([coverage, songs]))
    assert list(both) == ["coverage", "top_songs"]
    assert both["top_songs"][2]["title"] == "東京の夜"
    assert json.loads(export.to_json([report.answer("daily_activity")]))["daily_activity"][0]["partial_day"] is True


def test_csv_quotes_what_needs_it(report):
    text = export.to_csv(report.answer("top_songs"))
    assert '2,"""Quoted"" & it\'s 100% <b>bold</b>",Beta,3,2\n' in text
    assert "\r" not in text
    first = export.to_csv(report.answer("coverage")).splitlines()[1]
    assert first.startswith("2018-11-01 21:30:00.000,2018-11-20 04:30:00.000,21,")


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n1",
    "  =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\x01=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "-",
    '=1+1";=1+1',
)
TEXTS = ("a=1", "1-1", "'=1+1", '"=1+1"', "a\r=1+1", "a\n=1+1", "a,=1+1", "a;b", "–1", "")


def titled(titles):
    """A star with a song of each title, played in their order."""
    songs = [Song(f"S{n:02}", title, "A", 2000, 1.0) for n, title in enumerate(titles)]
    plays = [
        Play(n, datetime(2018, 1, 1, 12), 1, "free", song.song_id, "A")
        for n, song in enumerate(song for rank, song in enumerate(songs) for _ in range(len(songs) - rank))
    ]
    return Star(plays, [User(1, "A", "B", None, "free")], songs, [Artist("A", "@rtist")])


def test_a_text_that_would_be_a_formula_gets_a_quote_in_csv_and_nothing_else_changes(database):
    answer = database.ask(titled(FORMULAS + TEXTS), "top_songs", limit=99).answers[0]
    heading, *rows = csv.reader(io.StringIO(export.to_csv(answer), newline=""))
    assert heading == ["rank", "title", "artist", "plays", "listeners"]
    titles = [f"'{text}" for text in FORMULAS] + [text or "unknown" for text in TEXTS]
    assert [row[1] for row in rows] == titles
    assert [row[0] for row in rows] == [str(rank) for rank in range(1, len(titles) + 1)]
    assert {row[2] for row in rows} == {"'@rtist"}
    assert [row["title"] for row in json.loads(export.to_json([answer]))["top_songs"]] == [
        text or "unknown" for text in FORMULAS + TEXTS
    ]


def test_files_have_the_quote_as_well(database, tmp_path):
    list(files.write(database.ask(titled(["=1+1"]), "top_songs"), tmp_path))
    assert (tmp_path / "top_songs.csv").read_text() == "rank,title,artist,plays,listeners\n1,'=1+1,'@rtist,1,1\n"


def test_a_number_is_a_number_whatever_its_sign():
    question = insights.select(["listening_by_level"])[0]
    frame = pd.DataFrame([["=1+1", -1, -2, -0.5, -3, 0.0, -99.5]], columns=[column.name for column in question.columns])
    answer = Answer(question, frame, [], Window.of(datetime(2018, 1, 1), datetime(2018, 1, 2)), {})
    assert export.to_csv(answer).splitlines()[1] == "'=1+1,-1,-2,-0.5,-3,0.0,-99.5"
