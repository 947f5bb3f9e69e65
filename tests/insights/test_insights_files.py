"""CSV, JSON, charts and the page."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import xml.etree.ElementTree as ET
from datetime import datetime
from html import escape
from html.parser import HTMLParser

import pandas as pd
import pytest
from made import made_star
from star import Artist, Play, Song, Star, User

from dwh import insights
from dwh.errors import ConfigError
from dwh.insights import charts, export, files
from dwh.insights.frames import Answer
from dwh.insights.report import page

CHARTS = [insight.name for insight in insights.INSIGHTS if insight.chart]
NO_SONGS = Star([Play(1, datetime(2018, 1, 1, 12), 1, "free")], [User(1, "A", "B", None, "free")])


@pytest.fixture(scope="module")
def report(database):
    return database.ask(made_star())


@pytest.fixture(scope="module")
def written(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    return folder, {path.name: word for path, word in files.write(report, folder)}


def test_the_eight_that_deserve_a_chart():
    assert len(CHARTS) == 8
    assert set(charts.CHARTS) == set(CHARTS)


def test_output_has_a_csv_each_eight_charts_and_the_page(written):
    folder, words = written
    expected = {f"{name}.csv" for name in insights.NAMES} | {f"{name}.png" for name in CHARTS} | {"report.html"}
    assert set(words) == {path.name for path in folder.iterdir()} == expected
    assert set(words.values()) == {"created"}


def test_the_same_data_gives_the_same_bytes(database, written):
    """Asked and drawn a second time: every file is unchanged."""
    folder, _ = written
    assert {word for _, word in files.write(database.ask(made_star()), folder)} == {"unchanged"}


def test_other_data_updates_the_files(database, tmp_path):
    list(files.write(database.ask(made_star(), "top_songs", limit=3), tmp_path))
    words = {path.name: word for path, word in files.write(database.ask(made_star(), "top_songs", limit=4), tmp_path)}
    assert words == {"top_songs.csv": "updated", "top_songs.png": "updated", "report.html": "updated"}


def test_json_files(database, tmp_path):
    report = database.ask(made_star(), "level_changes")
    assert [path.name for path, _ in files.write(report, tmp_path, "json")] == ["level_changes.json", "report.html"]
    assert json.loads((tmp_path / "level_changes.json").read_text())[0]["week"] == "2018-10-29"


def test_a_folder_that_cannot_be_written(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"coverage\.csv cannot be written"):
        list(files.write(report, tmp_path / "file"))


def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(b"old")
    monkeypatch.setattr(files.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        files._write(tmp_path / "a.csv", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"old"


# --- JSON and CSV ---


def test_json_of_one_is_a_list_and_of_several_an_object(report):
    coverage, songs = report.answers[:2]
    assert json.loads(export.to_json([coverage]))[0]["first_play"] == "2018-11-01T21:30:00.000Z"
    both = json.loads(export.to_json([coverage, songs]))
    assert list(both) == ["coverage", "top_songs"]
    assert both["top_songs"][2]["title"] == "東京の夜"
    assert json.loads(export.to_json([report.answers[6]]))[0]["partial_day"] is True


def test_csv_quotes_what_needs_it(report):
    text = export.to_csv(report.answers[1])
    assert '2,"""Quoted"" & it\'s 100% <b>bold</b>",Beta,3,2\n' in text
    assert "\r" not in text
    assert (
        export.to_csv(report.answers[0])
        .splitlines()[1]
        .startswith("2018-11-01 21:30:00.000,2018-11-20 04:30:00.000,21,")
    )


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
    assert [row["title"] for row in json.loads(export.to_json([answer]))] == [
        text or "unknown" for text in FORMULAS + TEXTS
    ]


def test_files_have_the_quote_as_well(database, tmp_path):
    list(files.write(database.ask(titled(["=1+1"]), "top_songs"), tmp_path))
    assert (tmp_path / "top_songs.csv").read_text() == "rank,title,artist,plays,listeners\n1,'=1+1,'@rtist,1,1\n"


def test_a_number_is_a_number_whatever_its_sign():
    insight = insights.select(["listening_by_level"])[0]
    frame = pd.DataFrame([["=1+1", -1, -2, -0.5, -3, 0.0, -99.5]], columns=[column.name for column in insight.columns])
    assert export.to_csv(Answer(insight, frame)).splitlines()[1] == "'=1+1,-1,-2,-0.5,-3,0.0,-99.5"


# --- Charts ---


def size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("shape", [charts.WIDE, charts.PHONE], ids=["wide", "phone"])
def test_a_chart_has_its_width_whatever_the_data(report, database, name, shape):
    answer = next(answer for answer in report.answers if answer.insight.name == name)
    width, height = size(charts.draw(answer, report, shape))
    assert width == round(shape.width * charts.DPI)
    assert 300 < height < 1500


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_without_data_says_so(database, name, monkeypatch):
    """One play on one day, without a song: no rankings of songs, no full day, but no error either."""
    report = database.ask(NO_SONGS, name)
    drawn = texts_of(report.answers[0], report, monkeypatch)
    empty = name in ("top_songs", "top_artists", "weekday_hour")
    assert any("Nothing to show" in text for text in drawn) is empty


def test_a_chart_is_titled_with_question_range_and_match_rate(report, monkeypatch):
    answer = report.answers[1]
    drawn = texts_of(answer, report, monkeypatch)
    assert answer.insight.question in drawn
    assert "2018-11-01 21:30 to 2018-11-20 04:30 UTC · 17 of 21 plays matched to a song (81.0%)" in drawn


def test_a_chart_shows_its_values_and_no_control_characters(report, monkeypatch):
    drawn = texts_of(report.answers[1], report, monkeypatch)
    assert {"5", "3", "1"} <= set(drawn)
    assert "Bell\\x07 and \\x1b[31mred\nZoë & Co" in drawn


def texts_of(answer, report, monkeypatch):
    """Every text in the figure of an answer."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    kept = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: (kept.append(figure), save(figure, *a, **k))[1])
    charts.draw(answer, report)
    return [text.get_text() for text in kept[0].findobj(Text)]


def test_dollars_in_a_title_are_no_formula(database):
    star = Star(
        [Play(1, datetime(2018, 1, 1, 12), 1, "free", "S", "A")],
        [User(1, "A", "B", None, "free")],
        [Song("S", r"$\frac{1}$ & $x^$", "A", 2000, 1.0)],
        [Artist("A", "$$")],
    )
    report = database.ask(star, "top_songs")
    assert size(charts.draw(report.answers[0], report))


# --- The page ---


class Links(HTMLParser):
    """What a page refers to, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src", "srcset") if name in values]


@pytest.fixture(scope="module")
def html(written):
    return (written[0] / "report.html").read_text(encoding="utf-8")


def test_the_page_has_an_anchor_an_insight_and_needs_no_network(html):
    links = Links(html)
    assert [name for name in links.ids if name in insights.NAMES] == list(insights.NAMES)
    assert all(link.startswith("data:image/png;base64,") or link[1:] in links.ids for link in links.links)
    assert {f"#{name}" for name in insights.NAMES} <= set(links.links)
    assert links.tags.count("img") == links.tags.count("source") == 8
    assert not {"script", "link", "iframe"} & set(links.tags)
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_is_well_formed(html):
    body = re.sub(r"<(meta|img|source)([^>]*)>", r"<\1\2/>", html.replace("<!DOCTYPE html>", ""))
    ET.parse(io.StringIO(body))


def test_names_are_text_on_the_page(html):
    assert "&quot;Quoted&quot; &amp; it&#x27;s 100% &lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "東京の夜" in html


def test_the_page_has_the_figures_of_every_table(html, report):
    for answer in report.answers:
        section = html.split(f'<section id="{answer.insight.name}">')[1].split("</section>")[0]
        assert escape(answer.insight.question) in section
        assert section.count("<tr>") >= 2
        for note in answer.notes:
            assert escape(note) in section


def test_a_page_without_any_song(database):
    report = database.ask(NO_SONGS)
    html = page(report, {})
    assert "plays matched to a song" in html
    assert "Left out: 1 of 1 play, with no known song." in html
