"""The parts of free and paid listening along time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dwh.insights import html, layout, svg, words
from dwh.insights.answer import Answer, Record, Row, computed, filled, steps
from dwh.insights.layout import Cells, Style
from dwh.insights.question import Question
from dwh.insights.shapes import series
from dwh.insights.window import Window

LEVELS = ("free", "paid")
# From the bottom of a stack. Any other level is on top.
STACKED = ("paid", "free")
# The shade of a level on a terminal; any other level has one of its own.
GLYPHS = {"free": 1, "paid": 4}


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """A row a step and level."""
    first, level = question.columns[:2]
    levels = sorted({*LEVELS, *(row[level.name] for row in rows)})
    keys = {first.name: steps(first, window, rows), level.name: levels}
    return computed(question, filled(question, rows, keys), window)


def _totals(answer: Answer) -> Counter[str]:
    """How much each level has, most first in the alphabet."""
    totals: Counter[str] = Counter()
    for row, value in zip(answer.rows, answer.measures, strict=True):
        totals[row[1]] += value or 0
    return totals


def sentence(answer: Answer) -> str:
    """What each level has of all."""
    totals, unit = _totals(answer), answer.question.measured.heading
    everything = totals.total()
    if not everything:
        return ""
    parts = [
        f"{words.cell(level, answer.question.columns[1])} {value:,} ({words.percent(100 * value / everything)})"
        for level, value in sorted(totals.items())
        if value
    ]
    return f"Of {everything:,} {unit}: {', '.join(parts)}."


def _by_step(rows: list[Row]) -> dict[Any, dict[str, Row]]:
    found: dict[Any, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row[0], {})[row[1]] = row
    return found


def lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A line a step: what each level has, and how it adds up."""
    rows, more = series.recent(answer.rows)
    first, level, *values = answer.question.columns
    by_step, levels = _by_step(rows), list(dict.fromkeys(row[1] for row in rows))
    columns = [layout.cells(first, list(by_step), style)]
    for name in levels:
        heading = words.cell(name, level)
        for place, column in enumerate(values, 2):
            if column.kind == "count":
                figures = [of_step[name][place] for of_step in by_step.values()]
                first_of_level = place == 2
                columns.append(layout.cells(column, figures, style, heading if first_of_level else column.heading))
    glyphs = {name: style.shades[GLYPHS.get(name, 2)] for name in levels}
    stacks = [[(glyphs[name], of_step[name][2]) for name in levels] for of_step in by_step.values()]
    biggest = max(sum(value for _, value in stack) for stack in stacks)
    if width := layout.room(columns, style):
        bars = [layout.stack(stack, biggest, width) for stack in stacks]
        columns.append(Cells("", bars, right=False, tint=True))
        more = [*more, f"Bars: {', '.join(f'{glyphs[name]} {words.cell(name, level)}' for name in levels)}."]
    shown, no_room = layout.lay_out(columns, style)
    return shown, [*more, *no_room]


def chart(answer: Answer) -> svg.Drawing | None:
    """Stacked columns; many days as weeks. One level alone is no stack."""
    first, level = answer.question.columns[:2]
    unit = answer.question.measured.heading
    totals = _totals(answer)
    by_step = _by_step(answer.rows)
    if len(by_step) < 2 or not totals.total():
        return None
    order = [name for name in (*STACKED, *sorted(set(totals) - set(STACKED))) if totals[name]]
    measure = [column.name for column in answer.question.columns].index(answer.question.measure)
    values = {name: [(at, of[name][measure] or 0) for at, of in by_step.items()] for name in order}
    a_step = f" a {first.kind}"
    if first.kind == "day" and len(by_step) > series.MOST_DAYS:
        values, a_step = {name: series.weekly(days) for name, days in values.items()}, " a week"
    bars = []
    for number, (at, _) in enumerate(values[order[0]]):
        label = words.step(at, first)
        parts = [(_kind(name), values[name][number][1], name) for name in order]
        total = sum(value for _, value, _ in parts)
        tip = "{}: {:,} of {:,} {}, {}"
        bars.append(svg.Bar(label, tuple((k, v, tip.format(label, v, total, unit, name)) for k, v, name in parts)))
    key = tuple((_kind(name), f"{words.cell(name, level)}: {totals[name]:,}") for name in order)
    return svg.columns(bars, f"{unit}{a_step}", sentence(answer), key if len(order) > 1 else ())


def _kind(level: str) -> str:
    """The class of a level; the colours are the same everywhere."""
    return level if level in LEVELS else "other"


def table(answer: Answer) -> str:
    """A row a step, the levels side by side."""
    first, level, *values = answer.question.columns
    by_step = _by_step(answer.rows)
    levels = list(dict.fromkeys(row[1] for row in answer.rows))
    headings = [html.Heading(first.heading, first.is_number)]
    for name in levels:
        shown = words.cell(name, level)
        headings += [html.Heading(f"{shown} {c.heading}", derived=c.kind == "percent") for c in values]
    rows = [
        [html.cell(at, first)]
        + [
            html.cell(of[name][place], column, column.kind == "percent")
            for name in levels
            for place, column in enumerate(values, 2)
        ]
        for at, of in by_step.items()
    ]
    return html.grid(headings, rows)
