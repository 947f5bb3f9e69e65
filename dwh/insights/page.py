"""All answers on one page: HTML that needs nothing else, on a screen, a phone and paper.

Colours follow the reader's light or dark setting. A policy in the page forbids it the network, and every script but
the one that sorts its tables.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from dwh.insights import export, words
from dwh.insights.findings import Finding, findings
from dwh.insights.question import questions
from dwh.insights.shapes import SHAPES

if TYPE_CHECKING:
    from dwh.insights import Report
    from dwh.insights.answer import Answer
    from dwh.insights.svg import Drawing

OPEN_ROWS = 12
MOST_CSV = 1_000_000
DEFINITIONS = (
    ("Play", "a song that was heard: one event of the logs."),
    ("Listener", "a user with a play."),
    ("Session", "a user and a session number; its length is from first to last play, a lower bound."),
    ("Level", "free or paid, at the time of the play; “level now” is today's."),
    ("Week", "from Monday."),
    ("Seen in part", "the first and the last day of the data, which begin and end with a play."),
)


def page(report: Report) -> str:
    """The whole page."""
    short = findings(report)
    script = asset("page.js")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_hash(script)}'"
    sections = "\n".join(_section(answer, short) for answer in report.answers)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title(report))}</title>
<style>
{asset("page.css")}{_foot_of_paper(report)}</style>
</head>
<body>
<a class="skip" href="#main">To the answers</a>
{_header(report)}
{_short(short)}
{_links(report)}
<main id="main">
{sections}
</main>
{_footer(report)}
<script>{script}</script>
</body>
</html>
"""


def title(report: Report) -> str:
    """The title of the page, and of every chart that leaves it."""
    sample = "SAMPLE · " if report.about.generated else ""
    return f"{sample}Sparkify listening, {words.period(report.window.since, report.window.until)}"


@cache
def asset(name: str) -> str:
    """The text of a file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _foot_of_paper(report: Report) -> str:
    """Title and load in the margin of every sheet."""
    text = f"{title(report)} · {report.about.load}".removesuffix(" · ")
    quoted = re.sub(r'[\\"<\n]', lambda found: f"\\{ord(found[0]):x} ", text)
    left = f'@bottom-left {{ content: "{quoted}"; font: 8pt sans-serif; }}'
    return f"@page {{ margin: 14mm; {left} @bottom-right {{ content: counter(page); font: 8pt sans-serif; }} }}\n"


def _header(report: Report) -> str:
    window, survey, about = report.window, report.survey, report.about
    days, full = len(window.days), len(window.full_days)
    shown = "" if len(report.answers) == len(questions()) else f"{len(report.answers)} of {len(questions())} questions"
    seen = "" if full == days else f"{full:,} of {days:,} days in full"
    lines = [
        f"{words.volume(survey)} · {words.reach(survey)}",
        " · ".join(part for part in (about.source and f"Source: {about.source}", about.load, about.options) if part),
        " · ".join(part for part in (seen, shown) if part),
    ]
    sample = f'<p class="sample">{words.SAMPLE.format("on this page")}</p>\n' if about.generated else ""
    heading = title(report).removeprefix("SAMPLE · ")
    body = "\n".join(f'<p class="soft">{escape(line)}</p>' for line in lines if line)
    return f"<header>\n{sample}<h1>{escape(heading)}</h1>\n{body}\n</header>"


def _short(short: list[Finding]) -> str:
    if not short:
        return ""
    items = "\n".join(
        f'<li><strong>{escape(f.strong)}</strong>{escape(f.rest)} <a href="#{f.section}">more</a></li>' for f in short
    )
    return f'<section id="findings">\n<h2>In short</h2>\n<ol>\n{items}\n</ol>\n</section>'


def _links(report: Report) -> str:
    groups = []
    for group, answers in groupby(report.answers, key=lambda answer: answer.question.group):
        links = ", ".join(
            f'<a href="#{answer.question.name}">{answer.question.name.replace("_", " ")}</a>' for answer in answers
        )
        groups.append(f"<b>{escape(group)}</b>: {links}")
    return f'<nav aria-label="Questions">{" · ".join(groups)}</nav>'


def _footer(report: Report) -> str:
    definitions = "\n".join(f"<p><b>{term}</b>: {text}</p>" for term, text in DEFINITIONS)
    options = f"{report.about.options} --output DIR".strip()
    made = f"All times are UTC. This page was made with <code>python business_insights.py {escape(options)}</code>."
    return f"<footer>\n{definitions}\n<p>{made}</p>\n</footer>"


def _section(answer: Answer, short: list[Finding]) -> str:
    question, shape = answer.question, SHAPES[answer.question.shape]
    found = next((str(finding) for finding in short if finding.section == question.name), "")
    sentence = found or (shape.sentence(answer) if answer.rows else "") or _nothing(answer)
    drawing = shape.chart(answer) if answer.rows else None
    parts = [
        f'<section id="{question.name}">',
        f"<h2>{escape(question.title)}</h2>",
        f"<p>{escape(sentence)}</p>" if sentence else "",
        _figure(question.name, question.title, drawing) if drawing else "",
        "".join(["<ul class=notes>", *(f"<li>{escape(note)}</li>" for note in answer.notes), "</ul>"]),
        _table(answer, bool(drawing)),
        _csv_link(answer),
        f"<details><summary>SQL</summary><pre tabindex=0>{escape(answer.sql)}</pre></details>",
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _nothing(answer: Answer) -> str:
    """What is said of an answer in which nothing was counted; nothing where something was."""
    if answer.rows and any(answer.measures):
        return ""
    if not answer.rows:
        return f"No {answer.question.things} in this range."
    first = answer.question.columns[0]
    left_out = any(row.get(first.name, 0) is None for row in answer.raw)
    return f"No {answer.question.measured.heading}{f' of a known {first.heading}' if left_out else ''} in this range."


def _figure(name: str, what: str, drawing: Drawing) -> str:
    key = "".join(f'<i class="{kind}"></i>{escape(text)}' for kind, text in drawing.key)
    return (
        f'<figure style="--left:{drawing.left}px">'
        + (f'<p class="key">{key}</p>' if key else "")
        + (f'<p class="unit">{escape(drawing.unit)}</p>' if drawing.unit else "")
        + f'<svg class="chart" role="img" aria-labelledby="{name}-t {name}-d" width="100%" height="{drawing.height}">'
        f'<title id="{name}-t">{escape(what)}</title><desc id="{name}-d">{escape(drawing.says)}</desc>'
        f"{drawing.body}</svg></figure>"
    )


def _table(answer: Answer, drawn: bool) -> str:
    if not answer.rows:
        return ""
    table = SHAPES[answer.question.shape].table(answer)
    if not drawn and len(answer.rows) <= OPEN_ROWS:
        return table
    shown = table.count("<tr>") - 1  # without the headings
    return f"<details><summary>Table, {shown:,} rows</summary>\n{table}\n</details>"


def _csv_link(answer: Answer) -> str:
    name, content = f"{answer.question.name}.csv", export.to_csv(answer).encode()
    rows = f"{name}, {len(answer.rows):,} row{'' if len(answer.rows) == 1 else 's'}"
    if len(content) > MOST_CSV:
        return f'<p class="tools">{rows}: too large for this page; --output writes it as a file.</p>'
    data = base64.b64encode(content).decode("ascii")
    return f'<p class="tools"><a download="{name}" href="data:text/csv;charset=utf-8;base64,{data}">{rows}</a></p>'
