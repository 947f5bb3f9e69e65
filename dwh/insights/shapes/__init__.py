"""The six shapes of an answer. Each finishes it, says it in a sentence, prints it, draws it and writes it as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from dwh.insights.answer import Answer, Record
from dwh.insights.layout import Style
from dwh.insights.question import Question
from dwh.insights.shapes import cohorts, facts, heat, levels, ranking, series
from dwh.insights.svg import Drawing
from dwh.insights.window import Window


class Shape(Protocol):
    """What each of the modules here has."""

    def finish(self, question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
        """The rows of the answer from those of the statement: the ones that were missing are there."""
        ...

    def sentence(self, answer: Answer) -> str:
        """The answer in a sentence; empty where there is nothing to say."""
        ...

    def notes(self, answer: Answer) -> Sequence[str]:
        """What a reader must know, beyond the notes of the head."""
        ...

    def lines(self, answer: Answer, style: Style) -> tuple[list[str], list[str]]:
        """The table on a terminal, and notes about what it leaves out."""
        ...

    def chart(self, answer: Answer) -> Drawing | None:
        """The chart; none where there would be nothing to see."""
        ...

    def table(self, answer: Answer) -> str:
        """The table as HTML."""
        ...


SHAPES = cast(
    Mapping[str, Shape],
    {
        "facts": facts,
        "ranking": ranking,
        "series": series,
        "levels": levels,
        "heat map": heat,
        "cohorts": cohorts,
    },
)
