"""Answers as CSV and JSON: plain values, two decimals, times in UTC."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from dwh.insights.frames import Answer


def to_csv(answer: Answer) -> str:
    """A plain table with a header line; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in answer.insight.columns])
    writer.writerows([_csv(value) for value in row] for row in answer.rows)
    return text.getvalue()


def to_json(answers: Sequence[Answer]) -> str:
    """One answer: a list with an object a row. Several: an object that holds such a list a name."""
    tables = {
        answer.insight.name: [{name: _json(value) for name, value in record.items()} for record in answer.records]
        for answer in answers
    }
    content: Any = tables if len(answers) > 1 else tables[answers[0].insight.name]
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _csv(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    return _json(value)


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 2) if isinstance(value, float) else value
