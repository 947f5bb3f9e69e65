"""Answers as tables for a terminal: the question as title, bars beside magnitudes, notes below."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TextIO

from rich.cells import cell_len, set_cell_size

from dwh.console import Console, plain
from dwh.insights import notes
from dwh.insights.catalogue import Column
from dwh.insights.frames import WEEKDAYS, Answer

if TYPE_CHECKING:
    from dwh.insights import Report

GAP = "  "
BAR_WIDTH = 24
TEXT_AT_LEAST = 8
# Longer series end with their last days on a terminal; files hold them whole.
SERIES = ("daily_activity", "plays_by_level", "level_changes", "stickiness")
SERIES_ROWS = 31
BOLD, DIM, TINT = "1", "2", "36"
# The shade of a level; any other level has one of its own.
GLYPHS = {"free": 1, "paid": 4}
EIGHTHS = "▏▎▍▌▋▊▉█"
SHADES = " ░▒▓█"
PLAIN_SHADES = " .+*#"


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

    @property
    def ellipsis(self) -> str:
        """What stands for text that was cut off."""
        return "…" if self.blocks else "..."

    @property
    def nothing(self) -> str:
        """What stands for a value that is not known."""
        return "–" if self.blocks else "-"


@dataclass(frozen=True)
class Cells:
    """One column of a table, as text."""

    heading: str
    cells: list[str]
    right: bool = True
    shrinks: bool = False
    tint: bool = False


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
    return "\n\n".join([header(report, style), *(block(answer, style) for answer in report.answers)])


def header(report: Report, style: Style) -> str:
    """What all the tables rest on."""
    survey = report.survey
    volume = notes.volume(survey) if style.blocks else notes.volume(survey).replace(" · ", ", ")
    title = style.paint(f"Sparkify plays, {notes.reach(survey)}", BOLD)
    return "\n".join([title, volume, notes.match(survey)])


def block(answer: Answer, style: Style) -> str:
    """One answer: title, table, notes."""
    insight = answer.insight
    space = style.width - cell_len(insight.question) - cell_len(insight.name)
    title = style.paint(insight.question, BOLD) + " " * max(2, space) + style.paint(insight.name, DIM)
    body, more = LAYOUTS.get(insight.name, _table)(answer, style)
    footnotes = [
        style.paint(line, DIM)
        for note in (*more, *answer.notes)
        for line in textwrap.wrap(_encodable(note, style), style.width, break_long_words=False)
    ]
    return "\n".join([title, *body, *footnotes])


# --- Cells ---


def cell(value: Any, column: Column, style: Style) -> str:
    """A value as people read it."""
    if value is None:
        return style.nothing
    if column.kind == "count":
        return f"{value:,}"
    if column.kind == "ratio":
        return f"{value:,.1f}"
    if column.kind == "percent":
        return notes.percent(value)
    if column.kind in ("flag", "mark"):
        return "yes" if value else "no" if column.kind == "flag" else ""
    if column.kind == "month":
        return f"{value:%Y-%m}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, date) and column.name == "date":
        return f"{WEEKDAYS[value.weekday()]} {value}"
    return _encodable(plain(str(value)), style)


def bar(value: float, biggest: float, width: int, style: Style) -> str:
    """A bar of a magnitude, in eighths of a character where the terminal has them."""
    eighths = round(8 * width * value / biggest) if biggest else 0
    if not style.blocks:
        return "#" * round(eighths / 8)
    whole, rest = divmod(eighths, 8)
    # Something is never drawn as nothing.
    return EIGHTHS[-1] * whole + (EIGHTHS[rest - 1] if rest else "") or (EIGHTHS[0] if value else "")


def _encodable(text: str, style: Style) -> str:
    return text if style.blocks else text.encode("ascii", "backslashreplace").decode("ascii")


# --- Layout ---


def lay_out(columns: Sequence[Cells], style: Style) -> list[str]:
    """Columns side by side, headings first; texts are cut where the width asks for it."""
    widths = _fit(columns, style.width)
    lines = [style.paint(_line([c.heading for c in columns], columns, widths, style), DIM)]
    for row in zip(*(column.cells for column in columns), strict=True):
        lines.append(_line(row, columns, widths, style, tint=True))
    return lines


def _line(
    row: Sequence[str], columns: Sequence[Cells], widths: Sequence[int], style: Style, *, tint: bool = False
) -> str:
    parts = []
    for text, column, width in zip(row, columns, widths, strict=True):
        shown = _cut(text, width, style)
        space = " " * (width - cell_len(shown))
        if tint and column.tint:
            shown = style.paint(shown, TINT)
        parts.append(space + shown if column.right else shown + space)
    return GAP.join(parts).rstrip()


def _fit(columns: Sequence[Cells], width: int) -> list[int]:
    """Widths that fit: the widest text gives way first."""
    widths = [max(map(cell_len, [column.heading, *column.cells])) for column in columns]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width:
        texts = [n for n, column in enumerate(columns) if column.shrinks and widths[n] > TEXT_AT_LEAST]
        if not texts:
            break
        widths[max(texts, key=lambda n: widths[n])] -= 1
    return widths


def _cut(text: str, width: int, style: Style) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - len(style.ellipsis)).rstrip() + style.ellipsis


def _recent(answer: Answer) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The rows to show of an answer, and a note when some are left to the files."""
    rows = answer.rows
    steps = sorted({row[0] for row in rows}) if answer.insight.name in SERIES else []
    if len(steps) <= SERIES_ROWS:
        return rows, []
    first = steps[-SERIES_ROWS]
    return [row for row in rows if row[0] >= first], [
        f"The last {SERIES_ROWS} of {len(steps):,}: --format csv has all."
    ]


def _table(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """The table that most answers are."""
    rows, more = _recent(answer)
    columns = [
        Cells(
            column.title,
            [cell(row[n], column, style) for row in rows],
            right=column.kind not in ("text", "date", "moment", "flag", "mark"),
            shrinks=column.kind == "text",
        )
        for n, column in enumerate(answer.insight.columns)
    ]
    bars = answer.insight.bar
    if bars and rows:
        place = answer.insight.columns.index(bars)
        columns.insert(place + 1, _bars([row[place] for row in rows], columns, style))
    return lay_out(columns, style), more


def _bars(values: Sequence[float], beside: Sequence[Cells], style: Style) -> Cells:
    """A column of bars, as wide as the others leave room for."""
    width = max(TEXT_AT_LEAST, min(BAR_WIDTH, _room(beside, style)))
    return Cells("", [bar(value, max(values), width, style) for value in values], right=False, tint=True)


def _room(beside: Sequence[Cells], style: Style) -> int:
    return style.width - sum(max(map(cell_len, [c.heading, *c.cells])) + len(GAP) for c in beside)


# --- Answers with a shape of their own ---


def _coverage(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    columns = answer.insight.columns
    values = [cell(value, column, style) for value, column in zip(answer.rows[0], columns, strict=True)]
    names = max(len(column.title) for column in columns)
    return [f"{column.title.ljust(names)}{GAP}{value}" for column, value in zip(columns, values, strict=True)], []


def _plays_by_level(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A line a day: plays and listeners of each level, and how they add up."""
    rows, more = _recent(answer)
    levels = list(dict.fromkeys(row[1] for row in rows))
    by_day: dict[date, dict[str, tuple[Any, ...]]] = {}
    for row in rows:
        by_day.setdefault(row[0], {})[row[1]] = row
    when, which, plays, users, share = answer.insight.columns
    columns = [Cells("date", [cell(day, when, style) for day in by_day], right=False)]
    for level in levels:
        of_level = [by_level[level] for by_level in by_day.values()]
        columns.append(Cells(cell(level, which, style), [cell(row[2], plays, style) for row in of_level]))
        columns.append(Cells("users", [cell(row[3], users, style) for row in of_level]))
    columns.append(Cells("paid share", [cell(of_day["paid"][4], share, style) for of_day in by_day.values()]))
    width = max(TEXT_AT_LEAST, min(BAR_WIDTH, _room(columns, style)))
    shades = SHADES if style.blocks else PLAIN_SHADES
    glyphs = {level: shades[GLYPHS.get(level, 2)] for level in levels}
    biggest = max(sum(row[2] for row in of_day.values()) for of_day in by_day.values())
    stacks = [[(glyphs[level], of_day[level][2]) for level in levels] for of_day in by_day.values()]
    columns.append(Cells("", [_stack(stack, biggest, width) for stack in stacks], right=False, tint=True))
    legend = ", ".join(f"{glyphs[level]} {cell(level, which, style)}" for level in levels)
    return lay_out(columns, style), [*more, f"Bars: {legend}."]


def _stack(parts: Sequence[tuple[str, int]], biggest: int, width: int) -> str:
    """Parts of a whole, end to end: each ends where their sum so far ends."""
    text, total = "", 0
    for glyph, value in parts:
        total += value
        text += glyph * (round(width * total / biggest) - len(text) if biggest else 0)
    return text


def _weekday_hour(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A heatmap: a line a weekday, two characters an hour."""
    rows = answer.rows
    shades = SHADES if style.blocks else PLAIN_SHADES
    biggest = max((row[4] or 0 for row in rows), default=0)
    lines = [style.paint(f"UTC  {''.join(f'{hour:<6}' for hour in range(0, 24, 3))} plays  full days", DIM)]
    for weekday in WEEKDAYS:
        hours = [row for row in rows if row[0] == weekday]
        heat = "".join(2 * _shade(row[4], biggest, shades) for row in hours)
        total, days = sum(row[2] for row in hours), hours[0][3]
        lines.append(f"{weekday}  {style.paint(heat, TINT)} {total:>5,}  {days:>9,}")
    steps = "  ".join(f"{2 * shades[n]} to {biggest * n / 4:,.1f}" for n in range(1, 5))
    return lines, [f"Plays an hour, on average: {steps}."] if biggest else []


def _shade(value: float | None, biggest: float, shades: str) -> str:
    """Nothing is blank; anything else falls into one of four equal steps."""
    if not value:
        return shades[0]
    step = next(n for n in range(1, 5) if value <= biggest * n / 4 or n == 4)
    return shades[step]


def _weekly_retention(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A triangle: a line a cohort, a column a week."""
    rows = answer.rows
    cohorts = list(dict.fromkeys(row[0] for row in rows))
    offsets = list(dict.fromkeys(row[1] for row in rows))
    room = max(1, (style.width - 22) // 6)
    shown, weeks = cohorts[-SERIES_ROWS:], offsets[:room]
    cells = {(row[0], row[1]): row for row in rows}
    columns = [
        Cells("week from", [str(cohort) for cohort in shown], right=False),
        Cells("users", [f"{cells[cohort, 0][2]:,}" for cohort in shown]),
    ]
    for offset in weeks:
        values = [cells[cohort, offset][4] for cohort in shown]
        columns.append(Cells(f"+{offset}", ["" if value is None else f"{value:.0f}%" for value in values]))
    more = []
    if len(shown) < len(cohorts) or len(weeks) < len(offsets):
        parts = f"{len(shown)} of {len(cohorts)} cohorts, {len(weeks)} of {len(offsets)} weeks"
        more.append(f"Here are {parts}: --format csv has all.")
    return lay_out(columns, style), more


LAYOUTS: dict[str, Callable[[Answer, Style], tuple[list[str], list[str]]]] = {
    "coverage": _coverage,
    "plays_by_level": _plays_by_level,
    "weekday_hour": _weekday_hour,
    "weekly_retention": _weekly_retention,
}
