"""Answers on a terminal: what they rest on, the findings, and a table each with its notes below."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len

from dwh.console import Console
from dwh.insights import words
from dwh.insights.findings import findings
from dwh.insights.layout import BOLD, DIM, EIGHTHS, SHADES, Style
from dwh.insights.shapes import SHAPES

if TYPE_CHECKING:
    from dwh.insights import Report
    from dwh.insights.answer import Answer

NOTHING = "Nothing to show in this range."


def style_of(console: Console) -> Style:
    """What a console's standard output can show: 80 columns, or what the terminal has up to 100."""
    stream = console.out
    terminal = stream.isatty()
    width = min(100, max(40, shutil.get_terminal_size().columns)) if terminal else 80
    return Style(width, console.colored(stream), _can_encode(stream, SHADES + EIGHTHS + "…–·"))


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def render(report: Report, style: Style) -> str:
    """All the answers of a report under one header."""
    parts = [header(report, style), short(report, style), *(block(answer, style) for answer in report.answers)]
    return "\n\n".join(part for part in parts if part)


def header(report: Report, style: Style) -> str:
    """What all the tables rest on."""
    bold = [words.SAMPLE.format("below")] if report.about.generated else []
    bold.append(f"Sparkify listening, {words.reach(report.survey)}")
    lines = [style.paint(line, BOLD) for text in bold for line in _wrapped(text, style)]
    lines += _wrapped(words.volume(report.survey), style) + _wrapped(report.about.load, style)
    return "\n".join(lines)


def short(report: Report, style: Style) -> str:
    """The findings."""
    lines = []
    for number, finding in enumerate(findings(report), 1):
        first, *rest = _wrapped(f"{number}. {finding}", style, "   ")
        lines += [first, *rest]
    return "\n".join([style.paint("In short", BOLD), *lines]) if lines else ""


def block(answer: Answer, style: Style) -> str:
    """One answer: title, table, notes."""
    question = answer.question
    space = style.width - cell_len(question.title) - cell_len(question.name)
    name = style.paint(question.name, DIM)
    title = "\n".join(style.paint(line, BOLD) for line in _wrapped(question.title, style))
    title += (" " * space if space > 1 else "\n") + name
    body, more = SHAPES[question.shape].lines(answer, style) if answer.rows else ([NOTHING], [])
    notes = [style.paint(line, DIM) for note in (*more, *answer.notes) for line in _wrapped(note, style)]
    return "\n".join([title, *body, *notes])


def _wrapped(text: str, style: Style, indent: str = "") -> list[str]:
    return textwrap.wrap(style.encodable(text), style.width, break_long_words=False, subsequent_indent=indent)
