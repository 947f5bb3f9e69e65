"""What a table on a terminal is made of: columns of text that fit its width, and bars."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from rich.cells import cell_len

from dwh.insights import words
from dwh.insights.question import Column

GAP = "  "
BAR_WIDTH = 24
TEXT_AT_LEAST = 8
BOLD, DIM, TINT = "1", "2", "36"
EIGHTHS = "▏▎▍▌▋▊▉█"
SHADES = " ░▒▓█"
PLAIN_SHADES = " .+*#"
MARKS = {"…": "...", "–": "-", "·": ",", "’": "'"}


@dataclass(frozen=True)
class Style:
    """What the terminal can show.

    Args:
        width: columns of text.
        color: whether to send colours.
        blocks: whether it can show block characters, the ellipsis and the dash.
    """

    width: int = 80
    color: bool = False
    blocks: bool = True

    def paint(self, text: str, code: str) -> str:
        """Text in a colour or weight."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text.strip() else text

    def encodable(self, text: str) -> str:
        """Text that the terminal can show, with escapes for what it cannot."""
        if self.blocks:
            return text
        for mark, plain in MARKS.items():
            text = text.replace(mark, plain)
        return text.encode("ascii", "backslashreplace").decode("ascii")

    @property
    def ellipsis(self) -> str:
        """What stands for text that was cut off."""
        return self.encodable("…")

    @property
    def shades(self) -> str:
        """Five steps from nothing to full."""
        return SHADES if self.blocks else PLAIN_SHADES


@dataclass(frozen=True)
class Cells:
    """One column of a table, as text; its heading may have several lines."""

    heading: str
    cells: list[str]
    right: bool = True
    shrinks: bool = False
    tint: bool = False

    @property
    def width(self) -> int:
        """How wide its widest text is."""
        return max(map(cell_len, [*self.heading.split("\n"), *self.cells]))

    def narrowed(self) -> Cells:
        """The same with its heading on two lines, where one would make it wider than its cells."""
        width = max(map(len, [*self.heading.split(), *self.cells]))
        lines = next(lines for n in count(width) if len(lines := textwrap.wrap(self.heading, n)) <= 2)
        return replace(self, heading="\n".join(lines))


def cells(column: Column, values: Sequence[Any], style: Style, heading: str = "") -> Cells:
    """A column of an answer."""
    return Cells(
        style.encodable(heading or column.heading),
        [style.encodable(words.cell(value, column)) for value in values],
        right=column.is_number,
        shrinks=column.kind == "text",
    )


def lay_out(columns: Sequence[Cells], style: Style) -> tuple[list[str], list[str]]:
    """Columns side by side, headings first, and a note when there is no room for the last of them.

    Texts are cut where the width asks for it.
    """
    least = [min(column.width, TEXT_AT_LEAST) if column.shrinks else column.width for column in columns]
    fitting = max((n for n in range(1, len(least) + 1) if _total(least[:n]) <= style.width), default=1)
    shown, left = columns[:fitting], [column.heading.replace("\n", " ") for column in columns[fitting:]]
    widths = _fit(shown, style.width)
    headings = [column.heading.split("\n") for column in shown]
    deep = max(map(len, headings))
    lines = [
        style.paint(_line(row, shown, widths, style), DIM)
        for row in zip(*([""] * (deep - len(heading)) + heading for heading in headings), strict=True)
    ]
    for row in zip(*(column.cells for column in shown), strict=True):
        lines.append(_line(row, shown, widths, style, tint=True))
    return lines, [f"No room here for {words.listed(left)}: --format csv has all."] if left else []


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _line(
    row: Sequence[str], columns: Sequence[Cells], widths: Sequence[int], style: Style, *, tint: bool = False
) -> str:
    parts = []
    for text, column, width in zip(row, columns, widths, strict=True):
        shown = words.cut(text, width, style.ellipsis)
        space = " " * (width - cell_len(shown))
        if tint and column.tint:
            shown = style.paint(shown, TINT)
        parts.append(space + shown if column.right else shown + space)
    return GAP.join(parts).rstrip()


def _fit(columns: Sequence[Cells], width: int) -> list[int]:
    """Widths that fit: the widest text gives way first."""
    widths = [column.width for column in columns]
    while _total(widths) > width:
        texts = [n for n, column in enumerate(columns) if column.shrinks and widths[n] > TEXT_AT_LEAST]
        if not texts:
            break
        widths[max(texts, key=lambda n: widths[n])] -= 1
    return widths


def room(beside: Sequence[Cells], style: Style) -> int:
    """How wide bars can be beside other columns; 0 when there is no place for any."""
    left = style.width - sum(column.width + len(GAP) for column in beside)
    shrunk = sum(max(0, column.width - TEXT_AT_LEAST) for column in beside if column.shrinks)
    return min(BAR_WIDTH, max(left, min(TEXT_AT_LEAST, left + shrunk))) if left + shrunk >= TEXT_AT_LEAST else 0


def bar(value: float, biggest: float, width: int, style: Style) -> str:
    """A bar of a magnitude, in eighths of a character where the terminal has them."""
    eighths = round(8 * width * value / biggest) if biggest else 0
    if not style.blocks:
        return "#" * round(eighths / 8)
    whole, rest = divmod(eighths, 8)
    # Something is never drawn as nothing.
    return EIGHTHS[-1] * whole + (EIGHTHS[rest - 1] if rest else "") or (EIGHTHS[0] if value else "")


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Any]], measure: Column, style: Style
) -> tuple[list[str], list[str]]:
    """Rows of an answer, with bars beside what is measured; and a note when there is no room for all columns."""
    shown = [cells(column, [row[n] for row in rows], style) for n, column in enumerate(columns)]
    place = columns.index(measure)
    values = [row[place] or 0 for row in rows]
    if room(shown, style) < BAR_WIDTH:
        shown = [column.narrowed() for column in shown]
    if rows and (width := room(shown, style)):
        bars = Cells("", [bar(value, max(values), width, style) for value in values], right=False, tint=True)
        shown.insert(place + 1, bars)
    return lay_out(shown, style)


def stack(parts: Sequence[tuple[str, int]], biggest: int, width: int) -> str:
    """Parts of a whole, end to end: each ends where their sum so far ends."""
    text, total = "", 0
    for glyph, value in parts:
        total += value
        text += glyph * (round(width * total / biggest) - len(text) if biggest else 0)
    return text


def shade(value: float | None, biggest: float, shades: str) -> str:
    """Nothing is blank; anything else falls into one of four equal steps."""
    if not value:
        return shades[0]
    return shades[next(n for n in range(1, 5) if value <= biggest * n / 4 or n == 4)]
