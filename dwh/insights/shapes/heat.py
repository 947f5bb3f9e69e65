"""The hours of a week: a row a weekday, 24 hours across."""

from __future__ import annotations

from dwh.insights import html, svg, words
from dwh.insights.answer import Answer, Record, Row, computed, filled, steps
from dwh.insights.layout import DIM, TINT, Style, shade
from dwh.insights.question import Question
from dwh.insights.window import Window
from dwh.insights.words import WEEKDAYS


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """A row a weekday and hour."""
    keys = {column.name: steps(column, window, rows) for column in question.columns[:2]}
    return computed(question, filled(question, rows, keys), window)


def _cells(answer: Answer) -> dict[tuple[str, int], tuple[Row, float | None]]:
    """Row and measure by weekday and hour."""
    return {(row[0], row[1]): (row, value) for row, value in zip(answer.rows, answer.measures, strict=True)}


def _biggest(answer: Answer) -> float:
    return max((value for value in answer.measures if value is not None), default=0)


def sentence(answer: Answer) -> str:
    """The hour with most."""
    biggest = _biggest(answer)
    if not biggest:
        return ""
    peaks = [f"{row[0]} {row[1]:02}:00 UTC" for row, value in _cells(answer).values() if value == biggest]
    figure = words.figure(biggest, answer.question.measured)
    return f"Most: {words.listed(peaks) if len(peaks) < 4 else f'{len(peaks)} hours of the week'}, with {figure}."


def notes(answer: Answer) -> list[str]:
    """Weekdays that were never seen from midnight to midnight."""
    never = [day for day in WEEKDAYS if _cells(answer)[day, 0][1] is None]
    return [f"Never seen in full: {words.listed(never)}."] if never else []


def lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A line a weekday, two characters an hour; one where two have no room."""
    cells, biggest, shades = _cells(answer), _biggest(answer), style.shades
    wide = 2 if style.width >= 70 else 1
    count = answer.question.columns[2]
    heading = "".join(f"{hour:<{3 * wide}}" for hour in range(0, 24, 3))
    lines = [style.paint(f"UTC  {heading} {count.heading:>6}", DIM)]
    for day in WEEKDAYS:
        hours = [cells[day, hour] for hour in range(24)]
        heat = "".join(wide * shade(value, biggest, shades) for _, value in hours)
        total = sum(row[2] for row, _ in hours)
        lines.append(f"{day}  {style.paint(heat, TINT)} {total:>6,}")
    unit = answer.question.measured.heading
    steps_of = "  ".join(f"{2 * shades[n]} to {biggest * n / 4:,.1f}" for n in range(1, 5))
    return lines, [f"{unit[:1].upper()}{unit[1:]}: {steps_of}."] if biggest else []


def chart(answer: Answer) -> svg.Drawing | None:
    """Weekdays down, hours across."""
    biggest, measured = _biggest(answer), answer.question.measured
    if not biggest:
        return None
    cells = _cells(answer)

    def one(day: str, hour: int) -> svg.Cell:
        value = cells[day, hour][1]
        shown = "never seen in full" if value is None else words.figure(value, measured)
        return svg.Cell(value, _figure(value, biggest), f"{day} {hour:02}:00: {shown}")

    return svg.heat(
        [f"{hour:02}" for hour in range(24)],
        WEEKDAYS,
        [[one(day, hour) for hour in range(24)] for day in WEEKDAYS],
        f"{measured.heading}, hour UTC",
        sentence(answer),
        left=svg.LEFT,
        scale=lambda value: _figure(value, biggest),
        biggest=biggest,
    )


def _figure(value: float | None, biggest: float) -> str:
    """A figure in a cell: all of them with as many decimals, and none of them wide."""
    if value is None:
        return "–"
    return svg.short(value) if biggest >= 1000 else f"{value:.{0 if biggest >= 100 else 1}f}"


def table(answer: Answer) -> str:
    """Hours down and weekdays across, which fits a phone."""
    cells, hour, measured = _cells(answer), answer.question.columns[1], answer.question.measured
    biggest = _biggest(answer)
    headings = [html.Heading(hour.heading), *(html.Heading(day) for day in WEEKDAYS)]
    rows = []
    for n in range(24):
        values = [cells[day, n][1] for day in WEEKDAYS]
        rows.append(
            [html.cell(n, hour), *(html.cell(value, measured, shown=_figure(value, biggest)) for value in values)]
        )
    return html.grid(headings, rows)
