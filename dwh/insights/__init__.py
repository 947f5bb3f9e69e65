"""The answers to the analytics team's questions: query, frame, and then table, file, chart or report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dwh.insights.question import Question, questions, select

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.insights.answer import Answer
    from dwh.insights.window import Window

__all__ = ["About", "Question", "Report", "collect", "questions", "select"]


@dataclass(frozen=True)
class About:
    """Where a report comes from, in words for somebody who was not there.

    Args:
        source: the target and its data, without a path, a user or an address.
        generated: the data is the generated sample.
        load: the last load and its time; empty when it is not known.
        options: those of the step that change what is in the report.
    """

    source: str = ""
    generated: bool = False
    load: str = ""
    options: str = ""


@dataclass(frozen=True)
class Report:
    """The answers to some questions, all of the same range and the same moment.

    Args:
        window: the range of time.
        survey: the row of ``coverage`` for that range: the header of everything.
        answers: in the order asked for.
        about: where it comes from.
    """

    window: Window
    survey: Mapping[str, Any]
    answers: tuple[Answer, ...]
    about: About = About()

    def answer(self, name: str) -> Answer | None:
        """The answer to the question of that name, if it was asked and has rows."""
        return next((answer for answer in self.answers if answer.question.name == name and answer.rows), None)


def collect(
    cur: cursor,
    chosen: Sequence[Question] = (),
    *,
    limit: int = 10,
    since: date | None = None,
    until: date | None = None,
    about: About | None = None,
) -> Report:
    """Ask the warehouse.

    Args:
        cur: a cursor; all the questions are asked in its transaction.
        chosen: what to ask; everything by default.
        limit: rows of a ranking.
        since: the first day to look at (UTC), by default the first that there is.
        until: the last day to look at, by default the last that there is.
        about: where the report comes from.

    Raises:
        ConfigError: the file of a question does not fit its statement.
        WarehouseError: there are no tables, no plays, or none in the range; or a statement was refused.
        psycopg2.Error: as the server says it, where trying again may help.
    """
    from dwh.insights import ask

    window = ask.find_window(cur, since, until)
    coverage = ask.coverage(cur, window)
    survey = coverage.records[0]
    answers = tuple(
        coverage if question is coverage.question else ask.answer(cur, question, window, limit, survey)
        for question in chosen or questions()
    )
    return Report(window, survey, answers, about or About())
