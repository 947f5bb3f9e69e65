"""What reaches which stream, and what a terminal never sees."""

from __future__ import annotations

import io
import os
import time

import pytest

from dwh.console import Console, duration, plain
from dwh.errors import ConfigError, DwhError, RefusedError


class Terminal(io.StringIO):
    def isatty(self):
        return True


def console(**options):
    return Console(out=io.StringIO(), err=io.StringIO(), **options)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0001, "1ms"), (0.012, "12ms"), (0.4, "0.4s"), (9.94, "9.9s"), (12.4, "12s"), (221, "3m41s"), (3720, "1h02m")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_control_characters_are_made_visible():
    assert plain("a\x1b[31mb\nc\u202e 日本") == "a\\x1b[31mb\\nc\\u202e 日本"


def test_results_and_everything_else_take_different_streams():
    screen = console()
    screen.result("42")
    screen.say("working")
    assert screen.out.getvalue() == "42\n"
    assert screen.err.getvalue() == "working\n"


def test_quiet_keeps_results_warnings_and_failed_checks():
    screen = console(quiet=True)
    screen.say("working")
    screen.line("Table", "users", "created")
    screen.check("ok", "fine")
    screen.check("warn", "not so fine")
    screen.warn("look")
    assert screen.err.getvalue() == "  warn   not so fine\nwarning: look\n"


def test_an_error_is_a_sentence_its_details_and_a_hint():
    screen = console()
    screen.error(ConfigError("two problems", hint="fix them", detail="one\nother", debug="request id 1"))
    assert screen.err.getvalue() == "error: two problems\n  one\n  other\nhint: fix them\n"


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Console(err=Terminal()).colored(Terminal())
    assert not Console().colored(io.StringIO())
    assert not Console(color=False).colored(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Console().colored(Terminal())


def test_a_wait_without_a_terminal_tells_changes_only():
    screen = console()
    with screen.waiting("cluster") as wait:
        for status in ("creating", "creating", "creating", "available"):
            wait.update(status)
    assert [line.split(",")[0] for line in screen.err.getvalue().splitlines()] == [
        "  cluster: creating",
        "  cluster: available",
    ]


def test_a_wait_on_a_terminal_stays_on_one_line_and_goes_away(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Console(err=Terminal())
    with screen.waiting("cluster") as wait:
        wait.update("creating")
        wait.update("available")
    assert "\n" not in screen.err.getvalue()
    assert screen.err.getvalue().endswith("\r\x1b[2K")


def test_a_long_call_shows_on_a_terminal_and_goes_away(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Console(err=Terminal())
    with screen.busy("copying"):
        while "copying: running" not in screen.err.getvalue():
            time.sleep(0.05)
    assert screen.err.getvalue().endswith("\r\x1b[2K")


def test_a_short_call_shows_nothing_where_lines_stay():
    screen = console()
    with screen.busy("copying"):
        pass
    assert screen.err.getvalue() == ""


def test_nobody_there_to_confirm():
    screen = console(stdin=io.StringIO("sparkify\n"))
    with pytest.raises(RefusedError, match="there is no terminal"):
        screen.confirm("Type sparkify:", "sparkify", yes=False)
    screen.confirm("Type sparkify:", "sparkify", yes=True)


def test_the_typed_word_must_be_the_word():
    console(stdin=Terminal("sparkify\n")).confirm("Type sparkify:", "sparkify", yes=False)
    with pytest.raises(RefusedError, match="not confirmed"):
        console(stdin=Terminal("yes\n")).confirm("Type sparkify:", "sparkify", yes=False)


def test_a_question_that_nobody_sees_is_not_waited_on():
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as unread, pytest.raises(RefusedError, match="there is no terminal"):
        Console(err=unread, stdin=Terminal("sparkify\n")).confirm("Type sparkify:", "sparkify", yes=False)


def test_what_an_error_quotes_cannot_drive_the_terminal():
    err = io.StringIO()
    Console(err=err).error(DwhError("bad \x1b[31m", hint="see \x07", detail="one\ntwo \x9b2J"))
    assert err.getvalue() == "error: bad \\x1b[31m\n  one\n  two \\x9b2J\nhint: see \\x07\n"
