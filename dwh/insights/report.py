"""All answers on one page: HTML that needs nothing else, on a screen, a phone and paper.

Charts come inside as data URIs, once for a page and once for a phone. Colours
follow the reader's light or dark setting; a policy in the page forbids it the network.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from dwh.console import plain
from dwh.insights import notes
from dwh.insights.catalogue import Column
from dwh.insights.frames import WEEKDAYS, Answer
from dwh.insights.tables import Style, cell

if TYPE_CHECKING:
    from dwh.insights import Report

# The cells of a page are those of a terminal of any width.
STYLE = Style()

LONG = 40

CSS = r"""
:root { color-scheme: light dark; --ink: #1f2430; --soft: #5b6270; --paper: #ffffff; --card: #f5f7f9;
  --line: #dfe3e8; --bar: #9ecae1; --link: #005a92; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a8b0bc; --paper: #14171c;
  --card: #1d2229; --line: #333a44; --bar: #1f5f8b; --link: #7cc0f0; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .75rem; }
a { color: var(--link); }
h2 a { color: inherit; text-decoration: none; }
h2 a::after { content: "\00a0#"; position: absolute; color: var(--soft); opacity: 0; }
h2 a:hover::after, h2 a:focus::after { opacity: 1; }
.soft, figcaption, footer { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.facts div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.facts dt { color: var(--soft); font-size: .875rem; }
.facts dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
nav ol { columns: 2 20rem; column-gap: 2rem; padding-left: 1.5rem; margin: 0 0 1rem; }
nav li { break-inside: avoid; padding: .125rem 0; }
section { border-top: 1px solid var(--line); padding: 1.75rem 0 .75rem; margin-top: 1rem; scroll-margin-top: 0; }
figure { margin: 0 0 1rem; }
img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .5rem; }
.table { overflow: auto; }
.long { max-height: 44rem; }
table { border-collapse: collapse; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: var(--paper); color: var(--soft); font-weight: 600; text-align: left;
  vertical-align: bottom; line-height: 1.25; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
td.text { white-space: normal; min-width: 9rem; overflow-wrap: anywhere; }
td:first-child, th:first-child { padding-left: .25rem; }
.number { text-align: right; }
.bar { background: linear-gradient(var(--bar), var(--bar)) no-repeat left center / var(--part) 70%; min-width: 10rem; }
.heat { text-align: center; padding: .3rem .4rem;
  background: color-mix(in srgb, var(--bar) var(--part), transparent); }
ul.notes { margin: .75rem 0; padding-left: 1.25rem; color: var(--soft); font-size: .9375rem; }
footer { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem; font-size: .875rem; }
@media (max-width: 40rem) { body { padding: 1rem 1rem 3rem; } h1 { font-size: 1.5rem; } table { font-size: .8125rem; }
  th, td { padding: .3rem .3rem; } .bar { min-width: 3.25rem; } td.text { min-width: 0; } }
@media print { :root { --ink: #000; --soft: #444; --paper: #fff; --card: #f3f3f3; --line: #ccc; --bar: #bcd9ea; }
  body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; }
  .table { max-height: none; overflow: visible; } th { position: static; }
  figure, tr, h2, .facts { break-inside: avoid; } h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def page(report: Report, charts: dict[str, tuple[bytes, bytes]]) -> str:
    """The whole page.

    Args:
        report: the answers.
        charts: by name of insight, its chart for a page and for a phone (PNG).
    """
    links = "\n".join(
        f'<li><a href="#{answer.insight.name}">{escape(answer.insight.question)}</a></li>' for answer in report.answers
    )
    sections = "\n".join(_section(answer, charts.get(answer.insight.name)) for answer in report.answers)
    reach = escape(notes.reach(report.survey))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Sparkify listening, {reach}</title>
<style>{CSS}</style>
</head>
<body>
<header>
<h1>Sparkify listening</h1>
<p class="soft">{reach}</p>
{_facts(report)}
</header>
<nav aria-label="Questions"><ol>
{links}
</ol></nav>
<main>
{sections}
</main>
<footer>All times are UTC. The data files beside this page hold the same figures.</footer>
</body>
</html>
"""


def _facts(report: Report) -> str:
    survey = report.survey
    facts = (
        ("plays", f"{survey['plays']:,}"),
        ("listeners", f"{survey['users']:,}"),
        ("sessions", f"{survey['sessions']:,}"),
        ("plays matched to a song", notes.percent(survey["match_pct"])),
    )
    return (
        '<dl class="facts">' + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts) + "</dl>"
    )


def _section(answer: Answer, chart: tuple[bytes, bytes] | None) -> str:
    name, question = answer.insight.name, escape(answer.insight.question)
    footnotes = "".join(f"<li>{escape(note)}</li>" for note in answer.notes)
    table = TABLES.get(name, _table)(answer)
    # A long table scrolls in a frame of its own on a screen; paper has it whole.
    long = " long" if table.count("<tr>") > LONG else ""
    return "\n".join(
        [
            f'<section id="{name}">',
            f'<h2><a href="#{name}">{question}</a></h2>',
            _figure(question, chart) if chart else "",
            f'<div class="table{long}" tabindex="0" role="region" aria-label="{question}">',
            table,
            "</div>",
            f'<ul class="notes">{footnotes}</ul>' if footnotes else "",
            "</section>",
        ]
    )


def _figure(question: str, chart: tuple[bytes, bytes]) -> str:
    wide, narrow = (f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}" for png in chart)
    return (
        f'<figure><picture><source media="screen and (max-width: 40rem)" srcset="{narrow}">'
        f'<img src="{wide}" alt="Chart: {question} Its figures are in the table below."></picture></figure>'
    )


# --- Tables ---


def _html(headings: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """A table from headings (class, text) and rows of finished cells."""
    head = "".join(f'<th scope="col" class="{kind}">{escape(text)}</th>' for kind, text in headings)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _td(value: Any, column: Column, part: float | None = None, look: str = "bar") -> str:
    """A cell; ``part`` (0 to 1) is its magnitude."""
    text = escape(cell(value, column, STYLE))
    if part is None:
        return f'<td class="{_class(column)}">{text}</td>'
    return f'<td class="{_class(column)} {look}" style="--part: {100 * part:.1f}%">{text}</td>'


def _class(column: Column) -> str:
    if column.kind == "text":
        return "text"
    return "" if column.kind in ("date", "month", "moment", "flag", "mark") else "number"


def _table(answer: Answer) -> str:
    columns, rows = answer.insight.columns, answer.rows
    biggest = {n: max((row[n] for row in rows), default=0) for n, column in enumerate(columns) if column.bar}
    return _html(
        [(_class(column), column.title) for column in columns],
        [
            [_td(row[n], column, row[n] / biggest[n] if biggest.get(n) else None) for n, column in enumerate(columns)]
            for row in rows
        ],
    )


def _coverage(answer: Answer) -> str:
    columns = answer.insight.columns
    rows = "\n".join(
        f'<tr><th scope="row">{escape(column.title)}</th>{_td(value, column)}</tr>'
        for column, value in zip(columns, answer.rows[0], strict=True)
    )
    return f"<table><tbody>\n{rows}\n</tbody></table>"


def _weekday_hour(answer: Answer) -> str:
    """Hours down, weekdays across: it fits a phone."""
    _, hour, _, _, average = answer.insight.columns
    cells = {(row[0], row[1]): row[4] for row in answer.rows}
    biggest = max((value or 0 for value in cells.values()), default=0) or 1
    rows = [
        [_td(n, hour), *(_td(cells[day, n], average, (cells[day, n] or 0) / biggest, "heat") for day in WEEKDAYS)]
        for n in range(24)
    ]
    return _html([("number", "hour UTC"), *(("heat", day) for day in WEEKDAYS)], rows)


def _plays_by_level(answer: Answer) -> str:
    """A row a day, the levels side by side."""
    when, _, plays, users, share = answer.insight.columns
    by_day: dict[date, dict[str, Sequence[Any]]] = {}
    for row in answer.rows:
        by_day.setdefault(row[0], {})[row[1]] = row
    levels = list(dict.fromkeys(row[1] for row in answer.rows))
    headings = [("", when.title)]
    for level in levels:
        headings += [("number", f"{plain(level)} {column.title}") for column in (plays, users, share)]
    rows = [
        [_td(day, when)]
        + [_td(of[level][n], column) for level in levels for n, column in ((2, plays), (3, users), (4, share))]
        for day, of in by_day.items()
    ]
    return _html(headings, rows)


def _weekly_retention(answer: Answer) -> str:
    """A row a cohort, a column a week."""
    cohort, _, size, _, retained = answer.insight.columns
    cells = {(row[0], row[1]): row for row in answer.rows}
    cohorts = list(dict.fromkeys(row[0] for row in answer.rows))
    offsets = list(dict.fromkeys(row[1] for row in answer.rows))
    rows = []
    for week in cohorts:
        values = [cells[week, offset][4] for offset in offsets]
        heat = ['<td class="heat"></td>' if v is None else _td(v, retained, v / 100, "heat") for v in values]
        rows.append([_td(week, cohort), _td(cells[week, 0][2], size), *heat])
    return _html([("", "week from"), ("number", "users"), *(("heat", f"+{offset}") for offset in offsets)], rows)


TABLES: dict[str, Callable[[Answer], str]] = {
    "coverage": _coverage,
    "weekday_hour": _weekday_hour,
    "plays_by_level": _plays_by_level,
    "weekly_retention": _weekly_retention,
}
