"""A few figures: one row, or a row a level or a month. They are their own chart."""

from __future__ import annotations

from dwh.insights import html, layout, words
from dwh.insights.answer import Answer, Record, computed, filled, steps
from dwh.insights.layout import Style
from dwh.insights.question import STEPS, Question
from dwh.insights.window import Window

FEW = 4


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """Months and the like without a row get one."""
    first = question.columns[0]
    if first.kind in STEPS:
        rows = filled(question, rows, {first.name: steps(first, window, rows)})
    return computed(question, rows, window)


def sentence(answer: Answer) -> str:
    """The measure of each row."""
    question, first = answer.question, answer.question.columns[0]
    said = [words.figure(value, question.measured) for value in answer.measures if value is not None]
    if len(said) != len(answer.rows) or len(said) > FEW:
        return ""
    if len(said) == 1:
        return f"{said[0][:1].upper()}{said[0][1:]}."
    return f"{'; '.join(f'{words.step(row[0], first)}: {text}' for row, text in zip(answer.rows, said, strict=True))}."


def _is_turned(answer: Answer) -> bool:
    return len(answer.rows) == 1 or (len(answer.rows) < FEW and len(answer.question.columns) > 5)


def lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A line a figure where there are many for few rows, else a table."""
    columns, rows = answer.question.columns, answer.rows
    if not _is_turned(answer):
        return layout.table(columns, rows, answer.question.measured, style)
    first = 1 if len(rows) > 1 else 0  # the column that names the rows
    turned = [layout.Cells("", [column.heading for column in columns[first:]], right=False, shrinks=True)]
    for row in rows:
        figures = [style.encodable(words.cell(v, c)) for v, c in zip(row[first:], columns[first:], strict=True)]
        name = style.encodable(words.cell(row[0], columns[0])) if first else ""
        turned.append(layout.Cells(name, figures, right=bool(first)))
    shown, no_room = layout.lay_out(turned, style)
    return shown[1 - first :], no_room


def table(answer: Answer) -> str:
    """The same as HTML."""
    return (html.turned if _is_turned(answer) else html.table)(answer.question.columns, answer.rows)
