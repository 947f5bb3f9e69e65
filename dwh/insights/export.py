"""Answers as CSV and JSON: plain values, two decimals, times in UTC."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from dwh.insights.answer import Answer

# What a spreadsheet may take for the beginning of a formula, or of another line:
# https://owasp.org/www-community/attacks/CSV_Injection; the full-width forms: WSTG-INPV-21 of OWASP's testing guide.
FORMULA = frozenset("=+-@＝＋－＠")
BREAKS = frozenset("\t\r\n")


def to_csv(answer: Answer, show: Callable[[str], str] = str) -> str:
    """A plain table with a header line; what is not known is empty.

    A text that a spreadsheet would take for a formula gets a ``'`` in front. Numbers stay as they are.

    Args:
        answer: the answer.
        show: what becomes of the text of a cell, before it is put between quotes.
    """
    rows = [[column.name for column in answer.question.columns], *answer.rows]
    return "".join(",".join(_quoted(show(_csv(value))) for value in row) + "\n" for row in rows)


def to_json(answers: Sequence[Answer]) -> str:
    """An object that holds, by the name of each question, a list with an object a row."""
    content = {
        answer.question.name: [{name: _json(value) for name, value in record.items()} for record in answer.records]
        for answer in answers
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def shown_json(text: str) -> str:
    """The same JSON for a terminal: characters that could drive it are written as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, str):
        return _harmless(value)
    return str(_json(value))


def _harmless(text: str) -> str:
    """Text with a ``'`` in front where it would be a formula; blanks and what cannot be seen do not hide one."""
    visible = next((c for c in text if c.isprintable() and c != " "), "")
    return f"'{text}" if visible in FORMULA or text[:1] in BREAKS else text


def _quoted(text: str) -> str:
    """A field as RFC 4180 has it. Not by Python's csv: until 3.11.9 it does not quote a carriage return (gh-67044)."""
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 2) if isinstance(value, float) else value
