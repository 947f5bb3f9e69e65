"""Something counted along time: a row an hour, a day, a week, a month or a decade, none missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from dwh.insights import layout, svg, words
from dwh.insights.answer import Answer, Record, Row, computed, filled, steps
from dwh.insights.layout import Style
from dwh.insights.question import Column, Question
from dwh.insights.window import Window, monday

MOST_LINES = 31
MOST_DAYS = 120


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """A row a step. What belongs to no step is left out."""
    first = question.columns[0]
    known = [row for row in rows if row[first.name] is not None]
    return computed(question, filled(question, known, {first.name: steps(first, window, known)}), window)


def sentence(answer: Answer) -> str:
    """Where most is, and with how many it is shared."""
    first, measured = answer.question.columns[0], answer.question.measured
    known = [(row[0], value) for row, value in zip(answer.rows, answer.measures, strict=True) if value is not None]
    top = max((value for _, value in known), default=0)
    if not top:
        return ""
    peaks = [words.step(at, first) + (" UTC" if first.kind == "hour" else "") for at, value in known if value == top]
    figure = words.figure(top, measured)
    if len(known) == 1:
        return f"{figure[:1].upper()}{figure[1:]}, {peaks[0]}."
    if len(peaks) == len(known):
        return f"All {len(known)} are equal: {figure} each."
    each = f"{figure} each" if len(peaks) > 1 else figure
    return f"Most: {words.listed(peaks) if len(peaks) < 4 else f'{len(peaks)} of {len(known)}'}, with {each}."


def notes(answer: Answer) -> list[str]:
    """What has no step."""
    first, *others = answer.question.columns
    return [
        f"Left out, no {first.heading} known: "
        + words.listed([words.figure(row[c.name], c) for c in others if c.kind == "count" and not c.formula])
        + "."
        for row in answer.raw
        if row[first.name] is None
    ]


def recent(rows: list[Row]) -> tuple[list[Row], list[str]]:
    """The rows that a terminal shows of a long series, and a note when it leaves some to the files."""
    reached = sorted({row[0] for row in rows})
    if len(reached) <= MOST_LINES:
        return rows, []
    last = f"The last {MOST_LINES} of {len(reached):,}: --format csv has all."
    return [row for row in rows if row[0] >= reached[-MOST_LINES]], [last]


def lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A table with bars."""
    rows, more = recent(answer.rows)
    shown, no_room = layout.table(answer.question.columns, rows, answer.question.measured, style)
    return shown, [*more, *no_room]


def chart(answer: Answer) -> svg.Drawing | None:
    """A line over days, else columns; many days as weeks."""
    if len(answer.rows) < 2 or not any(answer.measures):
        return None
    first = answer.question.columns[0]
    if first.kind != "day":
        return _columns(answer, first, zip((row[0] for row in answer.rows), answer.measures, strict=True))
    if len(answer.rows) > MOST_DAYS:
        by_week = weekly((row[0], value) for row, value in zip(answer.rows, answer.measures, strict=True))
        return _columns(answer, first, by_week, " a week")
    return _lines(answer)


def weekly(days: Iterable[tuple[date, float]]) -> list[tuple[date, float]]:
    """The sums of weeks, by their Monday."""
    sums: dict[date, float] = {}
    for day, value in days:
        sums[monday(day)] = sums.get(monday(day), 0) + (value or 0)
    return list(sums.items())


def _columns(answer: Answer, first: Column, values: Iterable[tuple[date, float]], a_step: str = "") -> svg.Drawing:
    measured = answer.question.measured
    unit = f"{measured.heading}{a_step}"
    bars = []
    for at, value in values:
        label = f"{at:02}" if first.kind == "hour" else words.step(at, first)
        tip = f"{words.step(at, first)}: {words.cell(value, measured)} {unit}"
        bars.append(svg.Bar(label, (("bar", value or 0, tip),)))
    return svg.columns(bars, f"{unit}, {first.heading}", sentence(answer))


def _lines(answer: Answer) -> svg.Drawing:
    first, measured = answer.question.columns[0], answer.question.measured
    mean = next((c.name for c in answer.question.columns if c.formula.startswith("7-day mean")), None)
    part = next((c.name for c in answer.question.columns if c.formula == "seen in part"), None)
    points = []
    for row in answer.records:
        at, value = row[first.name], row[measured.name] or 0
        average = row[mean] if mean else None
        partial = bool(part and row[part])
        tip = f"{words.step(at, first)}: {words.figure(value, measured)}"
        tip += f", 7-day mean {average:,.1f}" if average is not None else ""
        tip += ", seen in part" if partial else ""
        points.append(svg.Point(words.step(at, first), value, average, partial, tip))
    key = [("day", "each day")]
    key += [("mean", "mean of 7 days")] if any(point.mean is not None for point in points) else []
    key += [("part", "day seen in part")] if any(point.partial for point in points) else []
    mondays = [n for n, row in enumerate(answer.rows) if row[0] == monday(row[0])]
    return svg.lines(points, f"{measured.heading} a day", sentence(answer), tuple(key), mondays[0] if mondays else 0)
