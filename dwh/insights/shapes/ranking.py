"""The first of many, by a count: equal counts share a rank."""

from __future__ import annotations

from dwh.insights import svg, words
from dwh.insights.answer import Answer, Record, computed
from dwh.insights.question import Question
from dwh.insights.window import Window

MOST_BARS = 10


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """The first rows, as many as were asked for."""
    return computed(question, [dict(row) for row in rows[:limit]], window)


def label(answer: Answer, record: Record) -> str:
    """What is ranked, in words: the texts of its row, or its number."""
    columns = answer.question.columns
    texts = [words.cell(record[c.name], c) for c in columns if c.kind == "text"]
    number = next((c for c in columns if c.kind == "number"), None)
    if number:
        texts = [f"{number.heading} {record[number.name]}", *texts]
    return ", ".join(texts)


def sentence(answer: Answer) -> str:
    """The first, or how many share the first place."""
    rows, measured = answer.records, answer.question.measured
    if not rows:
        return ""
    figure = words.figure(rows[0][measured.name], measured)
    found, tied = answer.raw[0].get("found", len(rows)), answer.raw[0].get("tied", 1)
    if found == 1:
        return f"The only one: {label(answer, rows[0])}, with {figure}."
    if tied > 1:
        return f"{tied:,} of {found:,} {answer.question.things} share the first place, with {figure} each."
    return f"The first of {found:,} {answer.question.things}: {label(answer, rows[0])}, with {figure}."


def notes(answer: Answer) -> list[str]:
    """How many were cut off, and whether the cut went through a tie."""
    rows, question = answer.records, answer.question
    if not rows or "found" not in answer.raw[0]:
        return []
    last = answer.raw[len(rows) - 1]
    tied = last.get("tied", 1) - sum(row[question.measure] == last[question.measure] for row in rows)
    if last["found"] <= len(rows):
        return []
    more = f"; {tied:,} more with the count of the last" if tied > 0 else ""
    return [f"{len(rows):,} of {last['found']:,} {question.things}, by {question.measured.heading}{more}."]


def chart(answer: Answer) -> svg.Drawing | None:
    """Bars across."""
    measured = answer.question.measured
    rows = [row for row in answer.records[:MOST_BARS] if row[measured.name]]
    if len(rows) < 2:
        return None
    bars = [(label(answer, row), row[measured.name], words.figure(row[measured.name], measured)) for row in rows]
    return svg.ranking(bars, "", f"{len(bars)} bars. {sentence(answer)}")
