"""Charts as flat SVG: widths in per cent and heights in pixels, so that one drawing serves every width.

Text keeps its size. What is left of a plot is drawn at negative x: the place around it leaves room. Colours are
classes of ``page.css``; ``wide`` and ``narrow`` mark what only a wide or a narrow place shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from dwh.insights import words

LEFT, BOTTOM, TOP = 40, 24, 22  # room for the numbers left of a plot, for those below it, above it
ROW, BAR, CELL = 40, 12, 26  # a row of a ranking, the bar in it; a row of a heat map
STEPS = 9  # shades of a heat map
WIDE_TEXT, NARROW_TEXT = 92, 40
MOST_COLUMNS = 24  # of which each has a figure


@dataclass(frozen=True)
class Drawing:
    """A chart.

    Args:
        body: its marks.
        height: in pixels.
        unit: what its figures count, in words.
        says: the one sentence for somebody who cannot see it.
        left: the room that it needs at its left, in pixels.
        key: the class and the name of each kind of mark, where there are several.
    """

    body: str
    height: int
    unit: str
    says: str
    left: int = 0
    key: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Bar:
    """A column of a chart: its label, and the parts that are stacked in it, from the bottom: (class, value, tip)."""

    label: str
    parts: tuple[tuple[str, float, str], ...]

    @property
    def total(self) -> float:
        """How high it is."""
        return sum(value for _, value, _ in self.parts)


def text(x: str, y: float, content: str, kind: str, anchor: str = "start") -> str:
    """A word; ``kind`` is its classes."""
    return f'<text x="{x}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(content)}</text>'


def rect(x: str, y: float, width: str, height: float, kind: str, tip: str) -> str:
    """A mark, which says ``tip`` when somebody points at it."""
    return (
        f'<rect x="{x}" y="{y:g}" width="{width}" height="{height:g}" class="{kind}">'
        f"<title>{escape(tip)}</title></rect>"
    )


def line(x1: str, y1: float, x2: str, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1}" y1="{y1:g}" x2="{x2}" y2="{y2:g}" class="{kind}"/>'


def pct(part: float) -> str:
    """A part of the width."""
    return f"{round(100 * part, 2):g}%"


def short(value: float) -> str:
    """A figure beside a mark, in four characters or so: ``542``, ``5.2``, ``1.2k``, ``15k``, ``1.2M``."""
    size, letter = (1_000_000, "M") if value >= 999_500 else (1000, "k") if value >= 1000 else (1, "")
    part = value / size
    whole = round(part, 1) == int(part) or part >= (10 if letter else 100)
    return (f"{part:.0f}" if whole else f"{part:.1f}") + letter


def marks(biggest: float) -> list[float]:
    """Three to six round figures from 0 that hold the biggest value."""
    size = 10.0 ** (len(str(int(biggest))) - 1)
    size = next(step for step in (size / 5, size / 2, size, 2 * size) if biggest / step <= 5)
    size = max(1.0, size) if biggest >= 3 else size
    return [size * n for n in range(int(-(-biggest // size)) + 1)]


def ranking(rows: Sequence[tuple[str, float, str]], unit: str, says: str) -> Drawing:
    """Bars across: words above each, its figure at the right. Rows: words, value, figure with unit."""
    biggest = max(value for _, value, _ in rows) or 1
    body = []
    for number, (label, value, figure) in enumerate(rows):
        y = ROW * number
        body += [
            _label(y + 14, label),
            text("100%", y + 14, figure, "figure", "end"),
            rect("0", y + 20, "100%", BAR, "track", f"{label}: {figure}"),
            rect("0", y + 20, pct(value / biggest), BAR, "bar strong", f"{label}: {figure}"),
        ]
    return Drawing("".join(body), ROW * len(rows), unit, says)


def _label(y: float, label: str) -> str:
    wide, narrow = words.cut(label, WIDE_TEXT), words.cut(label, NARROW_TEXT)
    if wide == narrow:
        return text("0", y, label, "")
    return text("0", y, wide, "wide") + text("0", y, narrow, "narrow")


def columns(bars: Sequence[Bar], unit: str, says: str, key: tuple[tuple[str, str], ...] = ()) -> Drawing:
    """Columns upwards, the highest with its figure, the others too where there is room."""
    height, wide = 240, 1 / len(bars)
    top = max(bar.total for bar in bars)
    every = -(-len(bars) // 12)

    def inner(y: Callable[[float], float]) -> str:
        out = []
        for number, bar in enumerate(bars):
            below, middle = 0.0, pct(wide * (number + 0.5))
            peak = bar.total == top and not key
            for kind, value, tip in bar.parts:
                if value:
                    low, high = y(below), y(below + value)
                    kinds = f"{kind} strong" if peak else kind
                    out.append(rect(pct(wide * (number + 0.1)), high, pct(wide * 0.8), low - high, kinds, tip))
                below += value
            if bar.total == top or len(bars) <= MOST_COLUMNS:
                kinds = "value strong" if bar.total == top else "value wide"
                out.append(text(middle, y(bar.total) - 5, short(bar.total), kinds, "middle"))
            if number % every == 0:
                narrow = "axis" if number % (2 * every) == 0 else "axis wide"
                out.append(text(middle, height - 6, bar.label, narrow, "middle"))
        return "".join(out)

    return Drawing(_plot(height, top, inner), height, unit, says, LEFT, key)


@dataclass(frozen=True)
class Point:
    """A point of a line: its label, its value, the mean up to it, whether it was seen in part, and its tip."""

    label: str
    value: float
    mean: float | None
    partial: bool
    tip: str


def lines(points: Sequence[Point], unit: str, says: str, key: tuple[tuple[str, str], ...], labelled: int) -> Drawing:
    """A thin line, its mean as a thick one, hollow points where something was seen in part.

    Args:
        points: from left to right.
        unit: what the figures count.
        says: the one sentence.
        key: the class and the name of each kind of mark.
        labelled: the first point that has its label below; then every seventh, or fewer of them.
    """
    height, count = 260, len(points)
    top = max(point.value for point in points)
    every = 7 * -(-count // 70)

    def x(number: int) -> str:
        return pct((number + 0.5) / count)

    def inner(y: Callable[[float], float]) -> str:
        daily = [(x(n), y(point.value)) for n, point in enumerate(points)]
        means = [(x(n), y(point.mean)) for n, point in enumerate(points) if point.mean is not None]
        out = [_curve(daily, "day"), _curve(means, "mean")]
        peaks = [n for n, point in enumerate(points) if point.value == top]
        for n, point in enumerate(points):
            out.append(
                f'<circle cx="{x(n)}" cy="{y(point.value):g}" r="3.5" class="{"part" if point.partial else "point"}">'
                f"<title>{escape(point.tip)}</title></circle>"
            )
            if n % every == labelled % every:
                kind = "axis" if (n - labelled) // every % 2 == 0 else "axis wide"
                out.append(text(x(n), height - 6, point.label, kind, "middle"))
        peak = peaks[0]
        side = "end" if peak > 0.8 * count else "start" if peak < 0.2 * count else "middle"
        out.append(text(x(peak), y(top) - 8, f"{points[peak].label}: {top:,.0f}", "value strong", side))
        return "".join(out)

    return Drawing(_plot(height, top, inner), height, unit, says, LEFT, key)


def _curve(points: Sequence[tuple[str, float]], kind: str) -> str:
    return "".join(line(*start, *end, kind) for start, end in pairwise(points))


def _plot(height: int, biggest: float, inner: Callable[[Callable[[float], float]], str]) -> str:
    """Lines across with their figures at the left, and the marks in front of them."""
    ticks = marks(biggest)
    top = ticks[-1] or 1

    def y(value: float) -> float:
        return round(TOP + (height - TOP - BOTTOM) * (1 - value / top), 1)

    grid = "".join(line("0", y(tick), "100%", y(tick), "grid") for tick in ticks)
    return grid + "".join(text("-6", y(tick) + 4, short(tick), "axis", "end") for tick in ticks) + inner(y)


@dataclass(frozen=True)
class Cell:
    """A cell of a heat map: its value (None: never observed), the figure in it, its tip, and whether it is pale."""

    value: float | None
    figure: str
    tip: str
    pale: bool = False


def heat(
    across: Sequence[str], down: Sequence[str], cells: Sequence[Sequence[Cell | None]], unit: str, says: str,
    *, left: int, scale: Callable[[float], str], biggest: float,
) -> Drawing:  # fmt: skip
    """Cells in nine steps from light to dark, with their scale below; None is no cell at all."""
    wide, figures = 1 / len(across), "" if len(across) <= 8 else " wide"
    every = 1 if len(across) <= 8 else 3
    out = [
        text(pct(wide * (n + 0.5)), 14, label, "axis" if n % every == 0 else "axis wide", "middle")
        for n, label in enumerate(across)
    ]
    for row, (label, of_row) in enumerate(zip(down, cells, strict=True)):
        y = 22 + CELL * row
        out.append(text(f"-{left}", y + CELL / 2 + 4, label, "axis"))
        there = [(n, cell, _shade(cell, biggest)) for n, cell in enumerate(of_row) if cell]
        out += [_cell(n, wide, y, cell, shade) for n, cell, shade in there]
        out += [
            text(pct(wide * (n + 0.5)), y + CELL / 2 + 4, cell.figure, f"cell t{shade}{figures}", "middle")
            for n, cell, shade in there
        ]
    y = 22 + CELL * len(down) + 10
    out += [rect(pct(0.04 * n), y, "4%", 10, f"h{n}", scale(biggest * (n + 1) / STEPS)) for n in range(STEPS)]
    out += [text("0", y + 24, scale(0), "axis"), text(pct(0.04 * STEPS), y + 24, scale(biggest), "axis", "end")]
    return Drawing("".join(out), y + 30, unit, says, left)


def _cell(number: int, wide: float, y: int, cell: Cell, shade: int) -> str:
    x, end = pct(wide * number), pct(wide * (number + 1))
    if cell.value is None:  # never observed is not the same as nothing
        return rect(x, y, pct(wide), CELL, "unseen", cell.tip) + line(x, y + CELL, end, y, "hatch")
    return rect(x, y, pct(wide), CELL, f"h{shade}", cell.tip)


def _shade(cell: Cell, biggest: float) -> int:
    if cell.pale or not cell.value or not biggest:
        return 0
    return min(STEPS - 1, int(STEPS * cell.value / biggest))
