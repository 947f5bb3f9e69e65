"""What a table on the page is made of: sortable headings, cells with the value that they are sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any, NamedTuple

from dwh.insights import words
from dwh.insights.question import Column

MOST_COLUMNS = 5  # that a phone has room for, whatever is in them


class Heading(NamedTuple):
    """A heading; a ``derived`` column gives way on a phone."""

    text: str
    number: bool = True
    derived: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """Rows of an answer."""
    derived = [bool(column.formula) and len(columns) > MOST_COLUMNS for column in columns]
    headings = [Heading(c.heading, c.is_number, gives_way) for c, gives_way in zip(columns, derived, strict=True)]
    return grid(headings, [list(map(cell, row, columns, derived)) for row in rows])


def grid(headings: Sequence[Heading], rows: Sequence[Sequence[str]]) -> str:
    """A table that can be sorted, from finished cells."""
    head = "".join(
        f'<th scope="col" class="{_classes(heading)}"><button type="button">{escape(heading.text)}</button></th>'
        for heading in headings
    )
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def turned(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """A line a figure, a column a row: what has few rows and many figures."""
    lines = []
    first = 1 if len(rows) > 1 else 0
    if first:
        names = "".join(f'<th scope="col" class="n">{escape(words.cell(row[0], columns[0]))}</th>' for row in rows)
        lines.append(f"<thead><tr><td></td>{names}</tr></thead>")
    lines.append("<tbody>")
    for place, column in enumerate(columns[first:], first):
        figures = "".join(cell(row[place], column) for row in rows)
        lines.append(f'<tr><th scope="row">{escape(column.heading)}</th>{figures}</tr>')
    return '<table class="facts">' + "\n".join(lines) + "\n</tbody></table>"


def cell(value: Any, column: Column, derived: bool = False, shown: str = "") -> str:
    """A cell with a value; ``data-v`` is what it is sorted by, ``shown`` what is read if not the value as usual."""
    shown, more = escape(shown or words.cell(value, column)), " derived" if derived else ""
    if column.is_number:
        key = "" if value is None else value.toordinal() if isinstance(value, date) else f"{value:g}"
        return f'<td class="n{more}" data-v="{key}">{shown}</td>'
    return f'<td class="{"text" if column.kind == "text" else ""}{more}" dir="auto">{shown}</td>'


def _classes(heading: Heading) -> str:
    return " ".join(["n"] * heading.number + ["derived"] * heading.derived)
