"""Answers as charts: PNG of fixed size, the same bytes for the same data.

The title is the question, the line below it says what the figures rest on. The
colours are of the Okabe-Ito set, which people tell apart with any colour vision;
heat runs from light to dark in one hue, so that it survives a grey printer.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from rich.cells import cell_len, set_cell_size

from dwh.console import plain
from dwh.insights import notes
from dwh.insights.frames import LEVELS, WEEKDAYS, Answer
from dwh.insights.window import monday

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dwh.insights import Report

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#8a8f98"
INK, SOFT_INK, GRID, PAPER = "#1f2430", "#5b6270", "#dfe3e8", "#ffffff"
LEVEL_COLORS = {"free": ORANGE, "paid": BLUE}
HEAT = LinearSegmentedColormap.from_list("heat", ["#f1f6fb", "#9ecae1", "#2f7fbc", "#08306b"])
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# For titles in scripts that DejaVu Sans, which comes with matplotlib, does not have.
MORE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "Yu Gothic",
    "Microsoft YaHei",
    "Arial Unicode MS",
)
DPI = 150
# What a chart can hold: the bars of a ranking, the weeks with a value written in each cell, the rows.
RANKS, HEAT_LABELS, HEAT_ROWS = 20, 16, 26


@dataclass(frozen=True)
class Shape:
    """Where a chart is looked at: its width in inches and how much text a line holds."""

    width: float
    line: int
    label: int
    narrow: bool


WIDE = Shape(width=9.0, line=96, label=38, narrow=False)
PHONE = Shape(width=4.5, line=44, label=20, narrow=True)


def draw(answer: Answer, report: Report, shape: Shape = WIDE) -> bytes:
    """The chart of an answer.

    Args:
        answer: of an insight that has a chart.
        report: what it belongs to: the range and the match rate.
        shape: for a page, or for a phone.

    Returns:
        A PNG file.
    """
    paint, height = CHARTS[answer.insight.name]
    with mpl.rc_context(_look()), warnings.catch_warnings():
        # A character that no font has is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(shape.width, height(answer, shape)), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(figure)
        top = _title(figure, answer, report, shape)
        axes = figure.add_subplot()
        figure.set_layout_engine("constrained", rect=(0.01, 0.01, 0.98, top - 0.01), w_pad=0.05, h_pad=0.05)
        if _empty(answer):
            axes.axis("off")
            axes.text(0.5, 0.5, "Nothing to show in this range.", ha="center", color=SOFT_INK)
        else:
            paint(axes, answer, shape)
        file = io.BytesIO()
        # The version of matplotlib would be written into the file.
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _look() -> Any:
    installed = set(font_manager.get_font_names())
    return {
        **dict(mpl.rcParamsDefault),
        "backend": "agg",
        "font.family": ["DejaVu Sans", *(name for name in MORE_FONTS if name in installed)],
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": SOFT_INK,
        "axes.edgecolor": GRID,
        "xtick.color": SOFT_INK,
        "ytick.color": INK,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        # A title with two dollar signs is not a formula.
        "text.parse_math": False,
    }


def _title(figure: Figure, answer: Answer, report: Report, shape: Shape) -> float:
    """Write question and range, and return where the space below them begins, as a part of the height."""
    inches = figure.get_figheight()
    y = 0.16
    question = textwrap.wrap(answer.insight.question, int(shape.line * 0.72))
    facts = [notes.reach(report.survey), notes.match(report.survey)]
    rest = facts if shape.narrow else [" · ".join(facts)]
    for lines, size, color, weight, height in ((question, 13, INK, "bold", 0.26), (rest, 9, SOFT_INK, "normal", 0.19)):
        for line in lines:
            figure.text(0.15 / shape.width, 1 - y / inches, line, size=size, color=color, weight=weight, va="top")
            y += height
    return 1 - (y + 0.08) / inches


def _empty(answer: Answer) -> bool:
    number = {"weekday_hour": "avg_plays", "weekly_retention": "active"}.get(answer.insight.name, "plays")
    return not sum(record[number] or 0 for record in answer.records)


# --- Rankings ---


def _ranking_height(answer: Answer, shape: Shape) -> float:
    rows = min(max(3, len(answer.rows)), RANKS)
    return 1.5 + (0.46 if answer.insight.name == "top_songs" else 0.34) * rows


def _ranking(axes: Axes, answer: Answer, shape: Shape) -> None:
    """One bar a row, the first on top, its value at its end."""
    records = answer.records[:RANKS]
    values = [record["plays"] for record in records]
    axes.barh(range(len(records)), values, color=BLUE, height=0.68)
    axes.set_yticks(range(len(records)), [_label(record, answer, shape) for record in records])
    axes.invert_yaxis()
    axes.set_ylim(max(len(records), 3) - 0.4, -0.6)
    axes.set_xlim(0, max(values) * (1.3 if shape.narrow else 1.14))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    for n, record in enumerate(records):
        share = f"  {notes.percent(record['share_pct'])}" if "share_pct" in record else ""
        axes.annotate(f"{record['plays']:,}{share}", (values[n], n), (4, 0), textcoords="offset points", va="center")


def _label(record: dict[str, Any], answer: Answer, shape: Shape) -> str:
    names = ("title", "artist") if answer.insight.name == "top_songs" else (answer.insight.columns[1].name,)
    return "\n".join(_cut(plain(record[name]), shape.label) for name in names)


# --- Hours and weekdays ---


def _fixed(wide: float, phone: float) -> Callable[[Answer, Shape], float]:
    return lambda answer, shape: phone if shape.narrow else wide


def _hours(axes: Axes, answer: Answer, shape: Shape) -> None:
    """A bar an hour, the peak in its own colour."""
    plays = [record["plays"] for record in answer.records]
    peak = plays.index(max(plays))
    axes.bar(range(24), plays, color=[ORANGE if hour == peak else BLUE for hour in range(24)], width=0.8)
    axes.set_xticks(range(0, 24, 3 if shape.narrow else 1))
    axes.set_xlabel("hour of the day, UTC")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.01, y=0.12)
    shown = {peak, plays.index(min(plays))} if shape.narrow else range(24)
    for hour in shown:
        weight = "bold" if hour == peak else "normal"
        _above(axes, hour, plays[hour], _short(plays[hour]), weight=weight, size=8.5)


def _heatmap(axes: Axes, answer: Answer, shape: Shape) -> None:
    """Weekdays by hours; on a phone, hours by weekdays."""
    grid = [[r["avg_plays"] for r in answer.records if r["weekday"] == weekday] for weekday in WEEKDAYS]
    if shape.narrow:
        grid = [list(column) for column in zip(*grid, strict=True)]
    _cells(axes, grid, _short)
    hours = [f"{hour:02d}" for hour in range(24)]
    x, y = (WEEKDAYS, hours) if shape.narrow else (hours, WEEKDAYS)
    axes.set_xticks(range(len(x)), x)
    axes.set_yticks(range(len(y)), y)
    axes.set_xlabel("plays in that hour (UTC) of an average day")


def _cells(axes: Axes, grid: Sequence[Sequence[float | None]], text: Callable[[float], str]) -> None:
    """A heatmap with its values written in; what is not known stays white."""
    known = [value for row in grid for value in row if value is not None]
    biggest = max(known, default=0) or 1
    values = [[float("nan") if value is None else value for value in row] for row in grid]
    axes.imshow(values, cmap=HEAT, vmin=0, vmax=biggest, aspect="auto")
    axes.set_xticks([n - 0.5 for n in range(1, len(grid[0]))], minor=True)
    axes.set_yticks([n - 0.5 for n in range(1, len(grid))], minor=True)
    axes.grid(which="minor", axis="both", color=PAPER, linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            if value is not None and text(value):
                axes.text(x, y, text(value), ha="center", va="center", size=8, color=_ink_on(HEAT(value / biggest)))


def _ink_on(color: tuple[float, float, float, float]) -> str:
    """Dark or light text, whichever is read better on a colour (relative luminance, as WCAG 2 has it)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.2 else PAPER


# --- Days ---


def _daily(axes: Axes, answer: Answer, shape: Shape) -> None:
    """Plays a day, and their average over seven days; days seen in part are hollow."""
    records = answer.records
    plays = [record["plays"] for record in records]
    average = [float("nan") if record["plays_7d_avg"] is None else record["plays_7d_avg"] for record in records]
    days = range(len(records))
    axes.plot(days, plays, color=BLUE, linewidth=1.2, marker="o", markersize=3.5, label="plays a day")
    partial = [n for n in days if records[n]["partial_day"]]
    axes.plot(
        partial,
        [plays[n] for n in partial],
        "o",
        color=BLUE,
        markerfacecolor=PAPER,
        markersize=5,
        label="day seen in part",
    )
    if len(records) >= 7:
        axes.plot(days, average, color=ORANGE, linewidth=2.5, label="average of 7 days")
    axes.set_ylim(0, max(plays) * 1.15)
    axes.grid(visible=True)
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _date_axis(axes, [record["date"] for record in records], shape)
    peak = plays.index(max(plays))
    _above(axes, peak, plays[peak], f"{_day(records[peak]['date'])}: {plays[peak]:,}", weight="bold")
    _legend(axes, shape)


def _levels(axes: Axes, answer: Answer, shape: Shape) -> None:
    """A stacked bar a day: free below, paid above."""
    records = answer.records
    days = list(dict.fromkeys(record["date"] for record in records))
    total = sum(record["plays"] for record in records)
    bottom = [0] * len(days)
    levels = sorted({record["level"] for record in records}, key=lambda level: (level not in LEVELS, level))
    for level in levels:
        plays = [record["plays"] for record in records if record["level"] == level]
        label = f"{level}: {sum(plays):,} plays, {notes.percent(100 * sum(plays) / total)}"
        axes.bar(range(len(days)), plays, bottom=bottom, color=LEVEL_COLORS.get(level, GREY), width=0.85, label=label)
        bottom = [below + more for below, more in zip(bottom, plays, strict=True)]
    axes.set_ylim(0, max(bottom) * 1.15)
    axes.grid(visible=True)
    axes.spines["left"].set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _date_axis(axes, days, shape)
    peak = bottom.index(max(bottom))
    _above(axes, peak, bottom[peak], f"{_day(days[peak])}: {bottom[peak]:,}", weight="bold")
    _legend(axes, shape)


def _date_axis(axes: Axes, days: Sequence[date], shape: Shape) -> None:
    """About six dates, on Mondays where there are some."""
    mondays = [n for n, day in enumerate(days) if monday(day) == day]
    places = mondays if len(mondays) > 1 else list(range(len(days)))
    step = -(-len(places) // (5 if shape.narrow else 9))
    axes.set_xticks(places[::step], [_day(days[n]) for n in places[::step]])
    axes.set_xlim(-0.7, len(days) - 0.3)


def _legend(axes: Axes, shape: Shape) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=1 if shape.narrow else 3,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.4,
        fontsize=9,
    )


# --- Weeks ---


def _retention_height(answer: Answer, shape: Shape) -> float:
    return 1.9 + 0.32 * min(max(4, len({row[0] for row in answer.rows})), HEAT_ROWS)


def _retention(axes: Axes, answer: Answer, shape: Shape) -> None:
    """A triangle: a row a cohort, a column a week; the first cohort is marked."""
    records = answer.records
    cohorts = list(dict.fromkeys(record["cohort"] for record in records))
    grid = [[record["retained_pct"] for record in records if record["cohort"] == cohort] for cohort in cohorts]
    sizes = {record["cohort"]: record["cohort_size"] for record in records}
    many = len(cohorts) > HEAT_LABELS or (shape.narrow and len(cohorts) > 7)
    _cells(axes, grid, lambda value: "" if many else f"{value:.0f}%")
    marked = any(note.startswith("The first cohort") for note in answer.notes)
    names = [f"{_day(day)}{'*' if marked and n == 0 else ''}  ({sizes[day]:,})" for n, day in enumerate(cohorts)]
    step = -(-len(cohorts) // HEAT_ROWS)
    axes.set_yticks(range(0, len(cohorts), step), names[::step])
    step = -(-len(cohorts) // (9 if shape.narrow else 18))
    axes.set_xticks(range(0, len(cohorts), step), [f"+{n}" for n in range(0, len(cohorts), step)])
    remark = "\n* left-censored: holds all who were there before" if marked else ""
    axes.set_xlabel(f"weeks after the week of the first play (users){remark}", size=9)


# --- Text ---


def _above(axes: Axes, x: float, y: float, text: str, *, weight: str, size: float = 9) -> None:
    axes.annotate(text, (x, y), (0, 4), textcoords="offset points", ha="center", weight=weight, size=size)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _short(value: float) -> str:
    """At most four characters, so that it fits above a bar or in a cell: 7.2, 310, 1.2k, 42k."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}" if value < 9.95 * size else f"{value / size:.0f}{unit}"
    return f"{value:.1f}" if isinstance(value, float) and value < 9.95 else f"{value:.0f}"


CHARTS: dict[str, tuple[Callable[[Axes, Answer, Shape], None], Callable[[Answer, Shape], float]]] = {
    "top_songs": (_ranking, _ranking_height),
    "top_artists": (_ranking, _ranking_height),
    "top_locations": (_ranking, _ranking_height),
    "plays_by_hour": (_hours, _fixed(4.2, 3.6)),
    "weekday_hour": (_heatmap, _fixed(4.0, 7.0)),
    "daily_activity": (_daily, _fixed(4.6, 4.2)),
    "plays_by_level": (_levels, _fixed(4.6, 4.2)),
    "weekly_retention": (_retention, _retention_height),
}
