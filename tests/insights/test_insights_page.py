"""The page and the charts."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from html import escape
from html.parser import HTMLParser
from itertools import product

import pytest
from made import made_star, random_star
from star import Artist, Play, Song, Star, User

from dwh import insights
from dwh.insights import export, slides, svg
from dwh.insights.page import asset, page
from dwh.insights.shapes import SHAPES

NAMES = [question.name for question in insights.questions()]
USERS = [User(1, "A", "B", None, "free")]
ONE = Star([Play(1, datetime(2018, 1, 1, 12), 1, "free")], USERS)


class Page(HTMLParser):
    """What a page refers to, its anchors, its tags and its words by section."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags, self.words, self.section = [], [], [], {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values, self.section))
        if tag == "section":
            self.section = values["id"]
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src", "srcset") if name in values]

    def handle_data(self, data):
        self.words[self.section] = self.words.get(self.section, "") + data

    def of(self, tag, section):
        return [values for found, values, where in self.tags if (found, where) == (tag, section)]


@pytest.fixture(scope="module")
def report(database):
    return database.ask(made_star())


@pytest.fixture(scope="module")
def html(report):
    return page(report)


@pytest.fixture(scope="module")
def parsed(html):
    return Page(html)


def test_the_page_has_an_anchor_a_question_and_needs_no_network(html, parsed):
    assert [name for name in parsed.ids if name in NAMES] == NAMES
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(link.startswith("data:text/csv;") or link[1:] in parsed.ids for link in parsed.links)
    assert {f"#{name}" for name in NAMES} <= set(parsed.links)
    assert not {"link", "iframe", "img"} & {tag for tag, _, _ in parsed.tags}
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_allows_the_one_script_by_its_hash(html):
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in html


def test_the_page_is_well_formed(html):
    body = re.sub(r"<(meta)([^>]*)>", r"<\1\2/>", html.replace("<!DOCTYPE html>", ""))
    body = re.sub(r"<(style|script)>.*?</\1>", "", body, flags=re.DOTALL).replace("&nbsp;", " ")
    ET.fromstring(re.sub(r"=(notes|0)>", r'="\1">', body))


def test_names_are_text_on_the_page(html):
    assert "&quot;Quoted&quot; &amp; it&#x27;s 100% &lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold" not in html
    assert "\x1b" not in html
    assert "東京の夜" in html


def test_a_section_has_question_notes_table_csv_and_sql(html, parsed, report):
    for answer in report.answers:
        name = answer.question.name
        section = html.split(f'<section id="{name}">')[1].split("</section>")[0]
        assert section.count(escape(answer.question.title)) == (
            2 if name in drawn(report) else 1
        )  # h2, and the chart's name
        assert all(escape(note) in section for note in answer.notes)
        (link,) = [values for values in parsed.of("a", name) if "download" in values]
        assert link["download"] == f"{name}.csv"
        assert base64.b64decode(link["href"].partition(",")[2]).decode() == export.to_csv(answer)
        assert "%(" not in parsed.words[name]
        assert "-- Served by: " in parsed.words[name]


def drawn(report):
    return {answer.question.name for answer in report.answers if SHAPES[answer.question.shape].chart(answer)}


def test_the_sql_on_the_page_gives_the_rows_of_its_table(database, report):
    """Pasted into any client: here psycopg2 without parameters."""
    with database.connect() as conn, conn.cursor() as cur:
        for answer in report.answers:
            cur.execute(answer.sql)
            assert len(cur.fetchall()) == len(answer.raw)


def test_headings_sort_by_values_and_not_by_what_is_shown(parsed):
    cells = [values for values in parsed.of("td", "top_listeners") if "data-v" in values]
    assert {cell["data-v"] for cell in cells} >= {"7", "1", "33.3333"}
    assert len(parsed.of("button", "top_listeners")) == 7


def test_the_findings_lead_to_their_sections(parsed):
    links = [values["href"][1:] for values in parsed.of("a", "findings")]
    assert links[:3] == ["daily_activity", "daily_activity", "level_changes"]


def test_the_definitions_and_the_command_are_at_the_end(html):
    assert "<b>Listener</b>" in html.split("<footer>")[1]
    assert "python business_insights.py --output DIR" in html.split("<footer>")[1]


# --- Nothing much to show ---


def test_a_page_with_one_play(database):
    report = database.ask(ONE)
    html = page(report)
    assert drawn(report) == {"plays_by_hour"}
    assert "No artists in this range." in html
    assert "Only plays of a song in the catalogue: 0 of 1 play (0.0%)" in html
    assert "The catalogue knows the song of no play in 1" in html


def test_a_question_with_the_same_count_everywhere(database):
    plays = [Play(n, datetime(2018, 1, 1) + timedelta(hours=n), 1, "free") for n in range(24)]
    assert "All 24 are equal: 1 play each." in page(database.ask(Star(plays, USERS), "plays_by_hour"))


@pytest.mark.parametrize("days", [119, 400])
def test_many_days_are_drawn_as_weeks(database, days):
    plays = [Play(n, datetime(2018, 1, 1, 12) + timedelta(days=n), 1, "free") for n in range(days)]
    html = page(database.ask(Star(plays, USERS), "daily_activity", "plays_by_level"))
    assert ("plays a week" in html) is (days > 120)
    assert html.count("<rect") < 120 * 2 + 20


TITLES = (
    "</script><script>alert(1)</script>",
    "x" * 300,
    "שלום עולם",
    "a\u202eb\x00c".replace("\x00", "\x07"),
    "<svg onload=x>",
)


def test_titles_of_every_kind(database):
    songs = [Song(f"S{n}", title, "A", 2000, 1.0) for n, title in enumerate(TITLES)]
    plays = [Play(n, datetime(2018, 1, 1, 12), 1, "free", f"S{n}", "A") for n in range(len(TITLES))]
    report = database.ask(Star(plays, USERS, songs, [Artist("A", "@")]), "top_songs")
    html = page(report)
    assert html.count("<script>") == 1
    assert "\x07" not in html
    assert "\u202e" not in html
    assert "x" * 300 in html  # whole in the table
    assert all(len(text) < 100 for text in re.findall(r"<text[^>]*>([^<]*)</text>", html))
    assert not [tag for tag, values, _ in Page(html).tags if any(name.startswith("on") for name in values)]
    assert len(slides.png(slide(report, "top_songs"))) > 1000


# --- Charts as files ---


def slide(report, name):
    answer = report.answer(name)
    return slides.draw(answer, report, SHAPES[answer.question.shape].chart(answer))


def size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_a_slide_is_twice_as_large_as_its_svg_and_stands_alone(report):
    for name in sorted(drawn(report)):
        drawing = slide(report, name)
        root = ET.fromstring(drawing)
        assert size(slides.png(drawing)) == (2 * int(root.get("width")), 2 * int(root.get("height")))
        assert "Sparkify listening, 1 to 20 November 2018" in drawing
        assert "var(" not in drawing


def test_a_picture_with_words_differs_from_one_without(report):
    """Words are not drawn at all where no font is found, and nothing says so."""
    drawing = slide(report, "plays_by_hour")
    assert slides.png(drawing) != slides.png(re.sub(r"(<text[^>]*>)[^<]*", r"\1", drawing))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (7, "7"), (5.25, "5.2"), (542.4, "542"), (1234, "1.2k"), (5000, "5k"), (40_123, "40k"), (2e6, "2M")],
)
def test_figures_beside_marks_are_short(value, shown):
    assert svg.short(value) == shown


# --- Colours ---


def themes():
    css = asset("page.css")
    colours = [dict(re.findall(r"--([\w-]+): (#\w{6});", part)) for part in css.split("@media")[:2]]
    return {"light": colours[0], "dark": colours[0] | colours[1]}


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_have_a_contrast_of_four_and_a_half_and_marks_of_three(theme):
    colours = themes()[theme]
    words = [*product(("ink", "soft", "link"), ("paper", "card")), *((f"t{n}", f"h{n}") for n in range(9))]
    marks = [(mark, "paper") for mark in ("bar", "pale", "free", "paid", "other")]
    assert [pair for pair in words if contrast(*(colours[name] for name in pair)) < 4.5] == []
    assert [pair for pair in marks if contrast(*(colours[name] for name in pair)) < 3] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_on_heat_have_the_ink_with_more_contrast(theme):
    colours = themes()[theme]
    for n in range(9):
        better = max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, colours[f"h{n}"]))
        assert colours[f"t{n}"] == better


def test_any_star_makes_a_page(database):
    for seed in range(3):
        Page(page(database.ask(random_star(seed))))
