"""A chart as a file of its own, for slides: SVG, and PNG made from it. White, with title, period and load."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from dwh.insights import svg, words
from dwh.insights.page import asset, title

if TYPE_CHECKING:
    from dwh.insights import Report
    from dwh.insights.answer import Answer

WIDTH, MARGIN, ZOOM = 900, 32, 2
# DejaVu Sans, cut by pyftsubset to Latin, Greek and Cyrillic letters; its licence is in the file's name table.
# For other letters the fonts of the machine are looked through.
FONT = Path(__file__).with_name("DejaVuSans.ttf")
LAST_LETTER, MARKS = 0x45F, range(0x2000, 0x2070)
VARIABLE = re.compile(r"--([\w-]+): (#\w+);")


def draw(answer: Answer, report: Report, drawing: svg.Drawing) -> str:
    """The chart as an SVG that needs nothing else.

    Args:
        answer: what the chart is of.
        report: what it belongs to.
        drawing: the chart itself.
    """
    lines = [f"{title(report)} · {words.volume(report.survey)}", report.about.load]
    heading = [svg.text(f"{MARGIN}", 44, answer.question.title, "heading")]
    heading += [svg.text(f"{MARGIN}", 68 + 18 * n, line, "axis") for n, line in enumerate(filter(None, lines))]
    y, left = 68 + 18 * len(heading[1:]), MARGIN + drawing.left
    heading.append(_key(drawing, y))
    y += 26 if drawing.key else 0
    heading.append(svg.text(f"{MARGIN}", y, drawing.unit, "axis"))
    y += 14
    height = y + drawing.height + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{WIDTH}" height="{height}" role="img">'
        f"<title>{escape(answer.question.title)}</title><desc>{escape(drawing.says)}</desc>"
        f"<style>{_style()}</style>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(heading)}'
        f'<svg x="{left}" y="{y}" width="{WIDTH - left - MARGIN}" height="{drawing.height}" overflow="visible">'
        f"{drawing.body}</svg></svg>\n"
    )


def png(drawn: str) -> bytes:
    """The same as PNG, twice as large."""
    import resvg_py

    ours = all(ord(character) <= LAST_LETTER or ord(character) in MARKS for character in drawn)
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, zoom=ZOOM, skip_system_fonts=ours, font_files=[str(FONT)]))


def _key(drawing: svg.Drawing, y: int) -> str:
    out, x = [], MARGIN
    for kind, name in drawing.key:
        mark = f'<rect x="{x}" y="{y - 10}" width="12" height="12" class="{kind}"/>'
        out += [mark, svg.text(f"{x + 18}", y, name, "axis")]
        x += 40 + 8 * len(name)
    return "".join(out)


@cache
def _style() -> str:
    """The part of the page's style that is of charts, in its light colours."""
    css = asset("page.css")
    colours = dict(VARIABLE.findall(css.partition("@media")[0]))
    charts = css.partition("/* charts */")[2].partition("/* end of charts */")[0]
    filled = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], charts)
    return f'.chart{{font-family:"DejaVu Sans",sans-serif}}.heading{{font-size:20px}}{filled}'
