"""The six shapes of an answer. Each finishes it, says it in a sentence, prints it, draws it and writes it as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dwh.insights import html, layout
from dwh.insights.answer import Answer, Record
from dwh.insights.layout import Style
from dwh.insights.question import Question
from dwh.insights.shapes import cohorts, facts, heat, levels, ranking, series
from dwh.insights.svg import Drawing
from dwh.insights.window import Window


def _lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    return layout.table(answer.question.columns, answer.rows, answer.question.measured, style)


def _table(answer: Answer) -> str:
    return html.table(answer.question.columns, answer.rows)


@dataclass(frozen=True)
class Shape:
    """What is done with an answer.

    Args:
        finish: from the rows of the statement those of the answer; the ones that were missing are there.
        sentence: the answer in a sentence; empty where there is nothing to say.
        notes: what a reader must know, beyond the notes of the head.
        lines: the table on a terminal, and notes about what it leaves out.
        chart: none where there would be nothing to see.
        table: the table as HTML.
    """

    finish: Callable[[Question, list[Record], Window, int], list[Record]]
    sentence: Callable[[Answer], str]
    notes: Callable[[Answer], Sequence[str]] = lambda _: ()
    lines: Callable[[Answer, Style], tuple[list[str], list[str]]] = _lines
    chart: Callable[[Answer], Drawing | None] = lambda _: None
    table: Callable[[Answer], str] = _table


SHAPES: Mapping[str, Shape] = {
    "facts": Shape(facts.finish, facts.sentence, lines=facts.lines, table=facts.table),
    "ranking": Shape(ranking.finish, ranking.sentence, ranking.notes, chart=ranking.chart),
    "series": Shape(series.finish, series.sentence, series.notes, series.lines, series.chart),
    "levels": Shape(levels.finish, levels.sentence, lines=levels.lines, chart=levels.chart, table=levels.table),
    "heat map": Shape(heat.finish, heat.sentence, heat.notes, heat.lines, heat.chart, heat.table),
    "cohorts": Shape(cohorts.finish, cohorts.sentence, cohorts.notes, cohorts.lines, cohorts.chart, cohorts.table),
}
