"""Text that fits a terminal: cut to its width, or wrapped between words."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TextIO

WIDTH = 80
"""What a step's lines fit, on a terminal that is not narrower."""
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def columns(stream: TextIO) -> int | None:
    """The columns of a terminal, however it is resized meanwhile; None for another stream, whose lines stay whole."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except OSError:
        return WIDTH


def step_width(stream: TextIO) -> int | None:
    """The columns that a step's lines fit; None where no terminal shows them."""
    shown = columns(stream)
    return shown and min(shown, WIDTH)


def cells(text: str) -> int:
    """The columns that a text takes: two for a Chinese character, none for a colour or an accent of its own."""
    shown = STYLE.sub("", text)
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in shown if not unicodedata.combining(c))


def cut(text: str, width: int) -> str:
    """A text without colours, in so many columns at most."""
    if cells(text) <= width:
        return text
    while text and cells(text) >= width:
        text = text[:-1]
    return f"{text.rstrip()}…"[: max(width, 0)]


def wrapped(text: str, width: int | None, indent: str = "  ") -> str:
    """A text in lines of so many columns, broken between words alone, so that an address can be copied.

    Args:
        text: without line breaks; the gaps within a line stay as they are.
        width: None leaves it whole.
        indent: of every line but the first.
    """
    lines = [""]
    for gap, word in re.findall(r"(\s*)(\S+)", text) if width else [("", text)]:
        if width and lines[-1].strip() and cells(lines[-1] + gap + word) > width:
            lines.append(indent + word)
        else:
            lines[-1] += gap + word
    return "\n".join(lines)


def squeezed(text: str) -> str:
    """Columns of text side by side, with no more than two spaces between them."""
    return re.sub(r"(?<=\S) {3,}", "  ", text)


def beside(head: str, note: str, width: int | None, under: int) -> str:
    """A line of columns and a note at its end, or beneath it where both do not fit.

    Args:
        head: the columns.
        note: nothing, or what is worth knowing.
        width: None leaves all of it on one line.
        under: the column at which a note beneath begins, unless not even the columns fit.
    """
    whole = f"{head} {note}".rstrip()
    if width is None or cells(whole) <= width:
        return whole
    if cells(head.rstrip()) > width:
        head, under = squeezed(head), 2
    lines = [wrapped(head.rstrip(), width), wrapped(" " * under + note, width, " " * under)]
    return "\n".join(lines[: 2 if note else 1])
