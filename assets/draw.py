"""Draw the two pictures of the README, or redraw them: ``make diagrams``.

The star schema is drawn from the DDL in sql_queries.py: first as text,
``sparkify_star_schema.dot``, then as a PNG. The architecture is drawn from
``dwh4.dot``, which is edited by hand: every part has its place in it, so that
graphviz only paints. Drawn with graphviz 2.43 and DejaVu Sans; another version
paints the same picture, though perhaps not the same bytes; another font does not fit.

Each PNG carries the SHA-256 of the text it was drawn from, so that a picture
that is older than its text can be told without graphviz.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import sql_queries

ASSETS = Path(__file__).parent
STAR = ASSETS / "sparkify_star_schema.dot"
ARCHITECTURE = ASSETS / "dwh4.dot"
# GitHub shows a README about 830 pixels wide. A point of the drawing is one of them, in two dots for sharp screens.
DPI = 144
FACT = "songplays"
# The dimensions beside the fact, from top to bottom in the order of its keys, so that no two lines cross.
LEFT = ("time", "users")
RIGHT = ("songs", "artists")
HASH_KEYWORD = b"Source-SHA256"

# --- The DDL ---


class Column(NamedTuple):
    """A column as the DDL declares it."""

    name: str
    type: str
    required: bool


class Table(NamedTuple):
    """A table as the DDL declares it; ``references`` maps a column to the table and column it refers to."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    references: Mapping[str, tuple[str, str]]
    diststyle: str
    distkey: str
    sortkey: tuple[str, ...]


CREATE_TABLE = re.compile(
    r"CREATE TABLE IF NOT EXISTS (?P<name>\w+) \((?P<body>.*)\)"
    r"\s+DISTSTYLE (?P<diststyle>\w+)(?:\s+DISTKEY \((?P<distkey>\w+)\))?(?:\s+SORTKEY \((?P<sortkey>[\w, ]+)\))?",
    re.DOTALL,
)
COLUMN = re.compile(
    r"(?P<name>\w+) +(?P<type>DOUBLE PRECISION|\w+(?:\(\d+\))?)(?P<required> +NOT NULL)?"
    r"(?P<identity> +IDENTITY\(\d+, \d+\))?(?: +ENCODE \w+)?"
)
PRIMARY_KEY = re.compile(r"PRIMARY KEY \((?P<columns>[\w, ]+)\)")
FOREIGN_KEY = re.compile(r"FOREIGN KEY \((?P<column>\w+)\) REFERENCES (?P<table>\w+) \((?P<key>\w+)\)")


def parse(ddl: str) -> Table:
    """The table that a CREATE TABLE of sql_queries.py declares.

    Raises:
        ValueError: a part of it is written in a way not known here. Nothing is left out silently.
    """
    whole = CREATE_TABLE.fullmatch(ddl.strip())
    if not whole:
        raise ValueError(f"not a CREATE TABLE that can be drawn: {ddl.strip()[:60]}")
    columns: list[Column] = []
    primary_key: tuple[str, ...] = ()
    references: dict[str, tuple[str, str]] = {}
    for text in re.split(r",\n\s*", whole["body"].strip()):
        if key := PRIMARY_KEY.fullmatch(text):
            primary_key = tuple(key["columns"].split(", "))
        elif foreign := FOREIGN_KEY.fullmatch(text):
            references[foreign["column"]] = (foreign["table"], foreign["key"])
        elif column := COLUMN.fullmatch(text):
            kind = column["type"] + (" IDENTITY" if column["identity"] else "")
            columns.append(Column(column["name"], kind, bool(column["required"])))
        else:
            raise ValueError(f"{whole['name']}: not a column or key that can be drawn: {text}")
    return Table(
        whole["name"],
        tuple(columns),
        primary_key,
        references,
        diststyle=whole["diststyle"],
        distkey=whole["distkey"] or "",
        sortkey=tuple(whole["sortkey"].split(", ")) if whole["sortkey"] else (),
    )


# --- The star schema as text ---
# Every size and place is given in points, so that neither a font nor a version of graphviz moves anything.

INK, GREY, LINE = "#1f2328", "#59636e", "#d0d7de"
STRIPES = ("white", "#f6f8fa")
FACT_COLOUR, DIMENSION_COLOUR = "#5b3cc4", "#0b6e75"
# What stands in a badge, with its ground and its ink.
BADGES = {
    "PK": ("#fff1c2", "#7a4d00"),
    "FK": ("#e3e8ee", "#3d4752"),
    "DIST": ("#d9f2dd", "#12652a"),
    "SORT": ("#dcebff", "#0a4a9f"),
}
# A table, its header and its rows; the room between tables, around them, and for the legend at the foot.
WIDTH, HEADER, ROW, BORDER = 244, 32, 23, 1
GAP_ACROSS, GAP_DOWN, MARGIN, LEGEND = 40, 26, 26, 26
LEGEND_TEXT = (
    "bold: NOT NULL     dashed: may be NULL     n rows refer to 1, or to 0..1     "
    "keys are declared for the planner and audited by etl.py"
)
TIGHT = 'CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
BARE = f'BORDER="0" {TIGHT}'
STAR_HEAD = f"""\
// Made from sql_queries.py by assets/draw.py: do not edit, run make diagrams.
digraph star_schema {{
    graph [dpi={DPI}, bgcolor=transparent, pad=0.02, outputorder=nodesfirst]
    node [shape=plain, fontname="DejaVu Sans", fontsize=10.5, fontcolor="{INK}"]
    edge [color="{GREY}", penwidth=1.4, arrowsize=0.7, dir=both, arrowtail=dot]
"""


NUMBER = f'shape=plaintext, width=0, height=0, margin=0, fontname="DejaVu Sans Bold", fontsize=9.5, fontcolor="{GREY}"'


class Placed(NamedTuple):
    """A table and the place of its middle on the canvas, y upwards."""

    table: Table
    x: float
    y: float


def star_dot(create: Mapping[str, str]) -> str:
    """The star schema in graphviz's language, made from the CREATE statements of its tables.

    Raises:
        ValueError: a statement is written in a way not known here.
    """
    tables = {name: parse(create[name]) for name in (*LEFT, FACT, *RIGHT)}
    places = layout(tables)
    edges = [
        edge(child, column, places[parent], key)
        for child in places.values()
        for column, (parent, key) in child.table.references.items()
    ]
    return "\n".join([STAR_HEAD, card(tables), *map(node, places.values()), "", *edges, "}", ""])


def height(table: Table) -> int:
    """The height of a table, in points."""
    return 2 * BORDER + HEADER + ROW * len(table.columns)


def layout(tables: Mapping[str, Table]) -> dict[str, Placed]:
    """The fact in the middle of the canvas, the dimensions in a column on either side."""
    places = {}
    for group, column in ((LEFT, -1), ((FACT,), 0), (RIGHT, 1)):
        top = (sum(height(tables[name]) for name in group) + GAP_DOWN * (len(group) - 1)) / 2
        for name in group:
            places[name] = Placed(tables[name], column * (WIDTH + GAP_ACROSS), top - height(tables[name]) / 2)
            top -= height(tables[name]) + GAP_DOWN
    return places


def card(tables: Mapping[str, Table]) -> str:
    """The ground of the picture, light on every page, and the legend at its foot."""
    tallest = max(sum(height(tables[name]) for name in group) for group in (LEFT, RIGHT)) + GAP_DOWN
    across, down = 3 * WIDTH + 2 * GAP_ACROSS + 2 * MARGIN, tallest + 2 * MARGIN + LEGEND
    return f"""\
    card [shape=box, style="rounded,filled", fillcolor=white, color="{LINE}", label="", fixedsize=true,
        width={across / 72:.3f}, height={down / 72:.3f}, pos="0,{-LEGEND / 2:g}"]
    legend [shape=plaintext, fontsize=9.5, fontcolor="{GREY}", pos="0,{-(tallest + LEGEND + MARGIN) / 2:g}",
        label="{LEGEND_TEXT}"]
"""


def node(placed: Placed) -> str:
    """A table: a header, and a row with a port for every column."""
    table = placed.table
    colour = FACT_COLOUR if table.name == FACT else DIMENSION_COLOUR
    header = [
        cell(WIDTH - 126, f'<FONT POINT-SIZE="13" COLOR="white"><B>{table.name}</B></FONT>'),
        cell(110, f'<FONT POINT-SIZE="9.5" COLOR="white">DISTSTYLE {table.diststyle}</FONT>', align="RIGHT"),
    ]
    rows = [band(f'BGCOLOR="{colour}"', HEADER, header)]
    rows += [row(table, column, STRIPES[index % 2]) for index, column in enumerate(table.columns)]
    start = f'<TABLE BORDER="{BORDER}" COLOR="{colour}" BGCOLOR="{colour}" {TIGHT}>'
    head = f'    {table.name} [pos="{placed.x:g},{placed.y:g}", label=<{start}'
    return "\n        ".join([head, *rows, "</TABLE>>]"])


def row(table: Table, column: Column, ground: str) -> str:
    """A column: its key, its name (bold when it must have a value), its type, and what it distributes or sorts."""
    key = "PK" if column.name in table.primary_key else "FK" if column.name in table.references else ""
    places = [("DIST", column.name == table.distkey), ("SORT", column.name in table.sortkey)]
    badges = [cell(33, badge(word), align="RIGHT") for word, there in places if there]
    cells = [
        cell(27, badge(key) if key else " "),
        cell(76, f"<B>{column.name}</B>" if column.required else column.name),
        cell(WIDTH - 119 - 33 * len(badges), f'<FONT POINT-SIZE="9.5" COLOR="{GREY}">{column.type}</FONT>'),
        *badges,
    ]
    return band(f'PORT="{column.name}" BGCOLOR="{ground}"', ROW, cells)


def band(attributes: str, tall: int, cells: list[str]) -> str:
    """A row as wide as the table, with 8 points free on either side of its cells."""
    free = cell(8, " ")
    return (
        f'<TR><TD {attributes} FIXEDSIZE="TRUE" WIDTH="{WIDTH}" HEIGHT="{tall}">'
        f"<TABLE {BARE}><TR>{free}{''.join(cells)}{free}</TR></TABLE></TD></TR>"
    )


def cell(width: int, content: str, *, align: str = "LEFT") -> str:
    """A part of a row, its width in points."""
    return f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{ROW}" ALIGN="{align}">{content}</TD>'


def badge(word: str) -> str:
    """A word on a rounded ground of its own colour."""
    ground, ink = BADGES[word]
    size = f'FIXEDSIZE="TRUE" WIDTH="{10 + 5 * len(word)}" HEIGHT="15"'
    return (
        f'<TABLE {size} {BARE} STYLE="ROUNDED" BGCOLOR="{ground}">'
        f'<TR><TD {size}><FONT POINT-SIZE="8.5" COLOR="{ink}"><B>{word}</B></FONT></TD></TR></TABLE>'
    )


def level(placed: Placed, column: str) -> float:
    """The height on the canvas of the middle of a column's row."""
    above = [each.name for each in placed.table.columns].index(column)
    return placed.y + height(placed.table) / 2 - BORDER - HEADER - ROW * (above + 0.5)


def edge(child: Placed, column: str, parent: Placed, key: str) -> str:
    """A foreign key, from its column to the column it refers to: a curve that leaves and arrives level.

    At its ends is how many rows there are: n refer to one, or to none where the key may be NULL.
    """
    leaves = -1 if parent.x < child.x else 1
    # Between neighbours the curve arrives from the other side, within a column it goes around.
    arrives, bend = (leaves, 20) if parent.x == child.x else (-leaves, 24)
    half = WIDTH / 2 + BORDER
    start, end = (child.x + leaves * half, level(child, column)), (parent.x + arrives * half, level(parent, key))
    # The dot and the arrow take the first 5 and the last 7 points.
    curve = [moved(start, leaves * 5), moved(start, leaves * bend), moved(end, arrives * bend), moved(end, arrives * 7)]
    required = next(each.required for each in child.table.columns if each.name == column)
    path = f"s,{moved(start)} e,{moved(end)} {' '.join(curve)}"
    # Both on the side to which the curve goes: the ends of the fact's neighbouring keys stay apart.
    side = 9 if end[1] > start[1] else -9
    one, apart, style = ("1", 7, "solid") if required else ("0..1", 12, "dashed")
    return "\n".join(
        [
            f'    {child.table.name}:{column} -> {parent.table.name}:{key} [style={style}, pos="{path}"]',
            number("n", (start[0] + leaves * 7, start[1] + side)),
            number(one, (end[0] + arrives * apart, end[1] + side)),
        ]
    )


def number(text: str, middle: tuple[float, float]) -> str:
    """How many rows are at one end of a foreign key."""
    return f'    "{text} at {moved(middle)}" [{NUMBER}, pos="{moved(middle)}", label="{text}"]'


def moved(point: tuple[float, float], by: float = 0) -> str:
    """A point of the canvas, moved to the right, as graphviz writes it."""
    return f"{point[0] + by:g},{point[1]:g}"


# --- Pictures ---


def png(text: str, dot: str) -> bytes:
    """The picture of a text in graphviz's language, with the hash of that text in it.

    Args:
        text: The drawing; every part of it has its place.
        dot: Path of graphviz's program.

    Raises:
        subprocess.CalledProcessError: graphviz cannot read the text; its own words are on stderr.
    """
    # -n2: take the places from the text, and paint.
    command = [dot, "-Kneato", "-n2", "-Tpng"]
    drawn = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout  # noqa: S603
    chunk = b"tEXt" + HASH_KEYWORD + b"\0" + digest(text).encode()
    # After the signature and the header, which are always 8 and 25 bytes: https://www.w3.org/TR/png-3/#5Chunk-layout
    return drawn[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + drawn[33:]


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Write the text of the star schema, then draw both pictures; 1 when graphviz is missing."""
    STAR.write_text(star_dot(sql_queries.CREATE))
    dot = shutil.which("dot")
    if not dot:
        print("error: the program dot is not on PATH, so the pictures are not drawn", file=sys.stderr)
        print("hint: apt-get install graphviz fonts-dejavu-core, or brew install graphviz font-dejavu", file=sys.stderr)
        return 1
    for source in (ARCHITECTURE, STAR):
        picture = source.with_suffix(".png")
        picture.write_bytes(png(source.read_text(), dot))
        print(f"drawn: assets/{picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
