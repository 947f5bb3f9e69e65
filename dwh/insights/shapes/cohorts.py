"""Who came in one week, and came back in the weeks after."""

from __future__ import annotations

from datetime import date

from dwh.console import plural
from dwh.insights import html, svg, words
from dwh.insights.answer import Answer, Record, Row, filled
from dwh.insights.layout import Cells, Style, lay_out
from dwh.insights.question import Question
from dwh.insights.shapes.series import MOST_LINES
from dwh.insights.window import WEEK, Window, monday

FEW = 20  # a share of fewer listeners says little: counts, not per cent
MOST_COHORTS, MOST_WEEKS = 26, 12


def finish(question: Question, rows: list[Record], window: Window, limit: int) -> list[Record]:
    """A row a cohort and week; what was not observed is not known."""
    cohort, week, size, active, share = (column.name for column in question.columns[:5])
    rows = filled(question, rows, {cohort: window.weeks, week: range(len(window.weeks))})
    sizes = {row[cohort]: row[active] for row in rows if row[week] == 0}
    for row in rows:
        row[size] = sizes[row[cohort]]
        if row[week] and not _full_days(row[cohort] + row[week] * WEEK, window):
            row[active] = None
        row[share] = None if row[active] is None or not row[size] else 100 * row[active] / row[size]
    return rows


def _full_days(week: date, window: Window) -> int:
    """How many days of a week were observed in full."""
    return sum(week <= day < week + WEEK for day in window.full_days)


def returned(answer: Answer) -> tuple[date, int, int] | None:
    """The last cohort of some size whose next week was seen in full: its week, its size, how many came back then.

    The first cohort does not count: it holds everybody who was there before.
    """
    first = monday(answer.window.first_day)
    found = [
        (week, size, active)
        for week, offset, size, active, _ in answer.rows
        if offset == 1 and size and week != first and _full_days(week + WEEK, answer.window) == 7
    ]
    return max(found, key=lambda row: (row[1] >= FEW, row[0]), default=None)


def sentence(answer: Answer) -> str:
    """How many of a cohort came back the week after."""
    found = returned(answer)
    if not found:
        return ""
    week, size, back = found
    return f"Of {plural(size, 'listener')} new in the week of {words.day(week)}, {back:,} came back the week after."


def notes(answer: Answer) -> list[str]:
    """What is not known of the first cohort and of the last week."""
    window, said = answer.window, []
    if window.weeks[0] == monday(window.first_day):
        said.append("The first cohort holds everybody who was there before: its true first week is not known.")
    seen = _full_days(window.weeks[-1], window)
    if seen < 7:
        days = plural(seen, "full day")
        said.append(
            f"The week of {words.day(window.weeks[-1])} was seen on {days} of 7: its shares are so far, lower bounds."
        )
    return said


def _grid(answer: Answer) -> tuple[list[date], list[int], dict[tuple[date, int], Row]]:
    cells = {(row[0], row[1]): row for row in answer.rows}
    return list(dict.fromkeys(row[0] for row in answer.rows)), list(dict.fromkeys(row[1] for row in answer.rows)), cells


def lines(answer: Answer, style: Style) -> tuple[list[str], list[str]]:
    """A triangle: a line a cohort, a column a week."""
    cohorts, offsets, cells = _grid(answer)
    shown, weeks = cohorts[-MOST_LINES:], offsets[: max(1, (style.width - 22) // 6)]
    cohort, _, size = answer.question.columns[:3]
    columns = [
        Cells(cohort.heading, [str(week) for week in shown], right=False),
        Cells(size.heading, [f"{cells[week, 0][2]:,}" for week in shown]),
    ]
    for offset in weeks:
        values = [cells[week, offset][4] for week in shown]
        columns.append(Cells(f"+{offset}", ["" if value is None else f"{value:.0f}%" for value in values]))
    more = []
    if len(shown) < len(cohorts) or len(weeks) < len(offsets):
        parts = f"{len(shown)} of {len(cohorts)} cohorts, {len(weeks)} of {len(offsets)} weeks"
        more.append(f"Here are {parts}: --format csv has all.")
    return lay_out(columns, style)[0], more


def chart(answer: Answer) -> svg.Drawing | None:
    """A triangle from the week after the first on."""
    cohorts, offsets, cells = _grid(answer)
    shown = [week for week in cohorts if cells[week, 0][2]][-MOST_COHORTS:]
    weeks = [n for n in offsets[1 : MOST_WEEKS + 1] if any(cells[week, n][3] is not None for week in shown)]
    if len(shown) < 2 or not weeks:
        return None

    def one(row: Row) -> svg.Cell | None:
        if row[3] is None:
            return None
        week = row[0] + row[1] * WEEK
        so_far = ", so far" if _full_days(week, answer.window) < 7 else ""
        tip = f"New in the week of {words.day(row[0])}: {row[3]:,} of {row[2]:,} in week +{row[1]}{so_far}"
        if row[2] < FEW:
            return svg.Cell(row[4], f"{row[3]:,} of {row[2]:,}", tip, pale=True)
        return svg.Cell(row[4], f"{row[4]:.0f}%{'*' if so_far else ''}", tip)

    return svg.heat(
        [f"+{n}" for n in weeks],
        [_name(answer, week, cells[week, 0][2]) for week in shown],
        [[one(cells[week, n]) for n in weeks] for week in shown],
        "share of a week's new listeners who came back, by weeks later (* so far)",
        sentence(answer),
        left=132,
        scale=lambda value: f"{value:.0f}%",
        biggest=100,
    )


def _name(answer: Answer, week: date, size: int) -> str:
    """The week of a cohort, and its size; the first holds everybody before the second."""
    cohort = answer.question.columns[0]
    first = week == monday(answer.window.first_day)
    return f"{f'before {words.step(week + WEEK, cohort)}' if first else words.step(week, cohort)} ({size:,})"


def table(answer: Answer) -> str:
    """A row a cohort and week that was seen."""
    columns = answer.question.columns
    return html.table(columns, [row for row in answer.rows if row[2] and row[3] is not None])
