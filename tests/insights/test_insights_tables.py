"""What a person sees on the terminal."""

from __future__ import annotations

import io
import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from made import SONGS, made_star
from rich.cells import cell_len
from star import Artist, Play, Song, Star, User

from dwh.console import Console
from dwh.insights import layout, terminal
from dwh.insights.layout import Style

GOLDEN = Path(__file__).parent / "golden"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_all_tables_at_80_columns(database):
    """The golden file is what is printed; UPDATE_GOLDEN=1 writes it anew, to be read before it is kept."""
    text = terminal.render(database.ask(made_star(), limit=5), Style()) + "\n"
    golden = GOLDEN / "made.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("blocks", [True, False])
def test_no_line_is_wider_than_asked(database, width, blocks):
    text = terminal.render(database.ask(made_star()), Style(width, blocks=blocks))
    assert max(map(cell_len, text.splitlines())) <= width


def test_a_narrow_terminal_cuts_texts_first(database):
    block = terminal.block(database.ask(made_star(), "top_songs").answers[0], Style(width=60))
    assert max(map(cell_len, block.splitlines())) <= 60
    assert "…" in block


def test_columns_line_up_under_wide_characters(database):
    """A Chinese character takes two columns; the numbers after it must still be one below the other."""
    lines = terminal.block(database.ask(made_star(), "top_songs").answers[0], Style()).splitlines()
    assert any("東京" in line for line in lines)
    assert len({cell_len(line) for line in lines[1:11]}) == 1


def test_a_level_cannot_drive_the_terminal_either(database):
    star = Star([Play(1, datetime(2018, 1, 1, 12), 1, "\x1b[31mé")], [User(1, "A", "B", None, "free")])
    for style in (Style(), Style(blocks=False)):
        text = terminal.render(database.ask(star), style)
        assert "\x1b" not in text
        assert text.isascii() is not style.blocks
        assert text.count("\\x1b[31m") > 2


def test_control_characters_are_shown_and_not_sent(database):
    text = terminal.render(database.ask(made_star(), "top_songs"), Style())
    assert "Bell\\x07 and \\x1b[31mred" in text
    assert "\x07" not in text
    assert "\x1b" not in text


def test_colour_only_adds_escapes(database):
    report = database.ask(made_star())
    colored = terminal.render(report, Style(color=True))
    assert "\x1b[1mWhich songs of the catalogue are played most?\x1b[0m" in colored
    assert ESCAPE.sub("", colored) == terminal.render(report, Style())


def test_without_block_characters_it_is_ascii(database):
    text = terminal.render(database.ask(made_star()), Style(blocks=False))
    assert text.isascii()
    assert "##########" in text


def test_ties_share_a_rank_and_the_cut_says_so(database):
    """Six songs have one play: two of them fit."""
    report = database.ask(made_star(), "top_songs", limit=5)
    ranks = [row[0] for row in report.answers[0].rows]
    assert ranks == [1, 2, 2, 4, 4]
    assert "5 of 9 songs, by plays; 4 more with the count of the last." in report.answers[0].notes


def test_the_match_rate_is_said_where_it_applies_and_nowhere_else(database):
    report = database.ask(made_star())
    said = {answer.question.name for answer in report.answers if "17 of 21 plays (81.0%)" in " ".join(answer.notes)}
    assert said == {"top_songs", "top_artists", "songs_by_decade"}


def test_long_series_end_with_their_last_days(database):
    start = datetime(2018, 1, 1, 12)
    star = Star([Play(n, start + timedelta(days=n), 1, "free") for n in range(100)], [User(1, "A", "B", None, "free")])
    report = database.ask(star)
    text = terminal.render(report, Style())
    assert "2018-04-10" in text
    assert "The last 31 of 100: --format csv has all." in text
    assert "Here are 15 of 15 cohorts, 9 of 15 weeks: --format csv has all." in text
    assert max(map(cell_len, text.splitlines())) <= 80
    assert len(report.answer("daily_activity").rows) == 100


def test_no_play_has_a_song(database):
    star = Star([Play(1, datetime(2018, 1, 1, 12), 1, "free")], [User(1, "A", "B", None, "free")])
    text = terminal.render(database.ask(star), Style())
    assert "1 play · 1 listener · 1 session" in text
    assert "Only plays of a song in the catalogue: 0 of 1 play (0.0%)" in text
    assert text.count("Nothing to show in this range.") == 3


def test_markup_in_names_is_text(database):
    star = Star(
        [Play(1, datetime(2018, 1, 1, 12), 1, "free", "S", "A")],
        [User(1, "A", "B", None, "free")],
        [Song("S", "[bold]{x} %s", "A", 2000, 1.0)],
        [Artist("A", "[/]")],
    )
    assert "[bold]{x} %s  [/]" in terminal.render(database.ask(star, "top_songs"), Style())


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (io.StringIO(), {}, Style(80, color=False)),
        (Terminal(), {"COLUMNS": "120", "TERM": "xterm"}, Style(100, color=True)),
        (Terminal(), {"COLUMNS": "72", "TERM": "xterm"}, Style(72, color=True)),
        (Terminal(), {"COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}, Style(80, color=False)),
        (Terminal(), {"COLUMNS": "80", "TERM": "dumb"}, Style(80, color=False)),
        (io.TextIOWrapper(io.BytesIO(), "ascii"), {}, Style(80, color=False, blocks=False)),
        (io.TextIOWrapper(io.BytesIO(), "cp1252"), {}, Style(80, color=False, blocks=False)),
    ],
)
def test_style_follows_the_stream(monkeypatch, stream, environ, expected):
    for name in ("NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert terminal.style_of(Console(out=stream)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, ""), (1, "▏"), (50, "█████"), (100, "██████████"), (55, "█████▌"), (99.9, "██████████"), (0.001, "▏")],
)
def test_bars(value, expected):
    assert layout.bar(value, 100, 10, Style()) == expected


def test_the_made_star_has_what_it_should():
    """The oddities that the golden file must show."""
    star = made_star()
    assert any(play.song_id is None for play in star.plays)
    assert any(user.gender is None for user in star.users)
    assert {play.user_id for play in star.plays if play.session_id == 7} == {1, 2}
    assert len(SONGS) == len({song.song_id for song in SONGS})
