"""Draw the two pictures of the README, or redraw them: ``make diagrams``.

The star schema is drawn from the DDL in sql_queries.py: first as text,
``sparkify_star_schema.dot``, then as a PNG. The architecture is drawn from
``dwh4.dot``, which is edited by hand: every part has its place in it, so that
graphviz only paints. Drawn with graphviz 2.43 and DejaVu Sans; another version
paints the same picture, though perhaps not the same bytes.

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
PICTURES = {STAR: "dot"}

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
    references = {}
    for part in re.split(r",\n", whole["body"].strip()):
        text = part.strip()
        if key := PRIMARY_KEY.fullmatch(text):
            primary_key = tuple(key["columns"].split(", "))
        elif foreign := FOREIGN_KEY.fullmatch(text):
            references[foreign["column"]] = (foreign["table"], foreign["key"])
        elif column := COLUMN.fullmatch(text):
            kind = column["type"] + (" IDENTITY" if column["identity"] else "")
            columns.append(Column(column["name"], kind, bool(column["required"])))
        else:
            raise ValueError(f"{whole['name']}: not a column or key that can be drawn: {text}")
    sortkey = tuple((whole["sortkey"] or "").split(", ")) if whole["sortkey"] else ()
    return Table(
        whole["name"], tuple(columns), primary_key, references, whole["diststyle"], whole["distkey"] or "", sortkey
    )


# --- The star schema as text ---

INK, GREY, LINE = "#1f2328", "#59636e", "#d0d7de"
STRIPES = ("white", "#f6f8fa")
FACT_COLOUR, DIMENSION_COLOUR = "#5b3cc4", "#0b6e75"
# What stands in a badge, with its background and its ink.
BADGES = {
    "PK": ("#fff1c2", "#7a4d00"),
    "FK": ("#e3e8ee", "#3d4752"),
    "DIST": ("#d9f2dd", "#12652a"),
    "SORT": ("#dcebff", "#0a4a9f"),
}
TABLE_WIDTH = 244

STAR_HEAD = f"""\
// Made from sql_queries.py by assets/draw.py: do not edit, run make diagrams.
digraph star_schema {{
    graph [rankdir=LR, dpi={DPI}, bgcolor=transparent, pad=0.03, ranksep=0.72, nodesep=0.36, splines=spline]
    node [shape=plain, fontname="DejaVu Sans", fontsize=10.5, fontcolor="{INK}"]
    edge [dir=both, color="{GREY}", penwidth=1.3, arrowsize=0.75]
"""


def star_dot(create: Mapping[str, str]) -> str:
    """The star schema in graphviz's language, made from the CREATE statements of its tables."""
    tables = {name: parse(create[name]) for name in (*LEFT, FACT, *RIGHT)}
    card = [f'        graph [style="rounded,filled", color="{LINE}", fillcolor=white, margin=18]']
    card += [node(table) for table in tables.values()]
    card += [f"        {{ rank=same; {'; '.join(group)} }}" for group in (LEFT, (FACT,), RIGHT)]
    # Invisible edges keep the sides in their order: dot would sort them by its own taste.
    card += [f"        {group[0]} -> {group[1]} [style=invis]" for group in (LEFT, RIGHT)]
    edges = [edge(table, column, *to) for table in tables.values() for column, to in table.references.items()]
    return "\n".join([STAR_HEAD, "    subgraph cluster_card {", *card, "    }", "", *edges, "}", ""])


def node(table: Table) -> str:
    """A table: a header, and a row with a port for every column."""
    colour = FACT_COLOUR if table.name == FACT else DIMENSION_COLOUR
    header = [
        cell(TABLE_WIDTH - 122, f'<FONT POINT-SIZE="13" COLOR="white"><B>{table.name}</B></FONT>'),
        cell(110, f'<FONT POINT-SIZE="9" COLOR="white">DISTSTYLE {table.diststyle}</FONT>', align="RIGHT"),
    ]
    rows = [band(f'BGCOLOR="{colour}"', 32, header)]
    rows += [row(table, column, STRIPES[index % 2]) for index, column in enumerate(table.columns)]
    start = f'<TABLE BORDER="1" COLOR="{colour}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
    return "\n            ".join([f"        {table.name} [label=<{start}", *rows, "</TABLE>>]"])


def row(table: Table, column: Column, background: str) -> str:
    """A column: its key, its name (bold when it must have a value), its type, and what it distributes or sorts."""
    key = "PK" if column.name in table.primary_key else "FK" if column.name in table.references else ""
    places = [("DIST", column.name == table.distkey), ("SORT", column.name in table.sortkey)]
    badges = [cell(38, badge(word), align="RIGHT") for word, there in places if there]
    cells = [
        cell(30, badge(key) if key else " "),
        cell(84, f"<B>{column.name}</B>" if column.required else column.name),
        cell(TABLE_WIDTH - 126 - 38 * len(badges), f'<FONT POINT-SIZE="9.5" COLOR="{GREY}">{column.type}</FONT>'),
        *badges,
    ]
    return band(f'PORT="{column.name}" BGCOLOR="{background}"', 23, cells)


def band(attributes: str, height: int, cells: list[str]) -> str:
    """A row as wide as the table. Every size is given in points, so that no font moves a column."""
    return (
        f'<TR><TD {attributes} FIXEDSIZE="TRUE" WIDTH="{TABLE_WIDTH}" HEIGHT="{height}">'
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{"".join(cells)}</TR></TABLE></TD></TR>'
    )


def cell(width: int, content: str, *, align: str = "LEFT") -> str:
    """A part of a row, its width in points."""
    return f'<TD FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="20" ALIGN="{align}">{content}</TD>'


def badge(word: str) -> str:
    """A word on a rounded ground of its own colour."""
    ground, ink = BADGES[word]
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED" BGCOLOR="{ground}"><TR>'
        f'<TD FIXEDSIZE="TRUE" WIDTH="{10 + 6 * len(word)}" HEIGHT="14">'
        f'<FONT POINT-SIZE="8" COLOR="{ink}"><B>{word}</B></FONT></TD></TR></TABLE>'
    )


def edge(table: Table, column: str, parent: str, key: str) -> str:
    """A foreign key, from column to column: many plays, and one parent or (where it may be NULL) none or one."""
    required = next(each.required for each in table.columns if each.name == column)
    head = "teetee" if required else "teeodot"
    if parent in LEFT:  # drawn from left to right all the same: dot ranks by the direction of the edge
        return f"    {parent}:{key}:e -> {table.name}:{column}:w [arrowtail={head}, arrowhead=crowodot]"
    side = "e" if table.name in RIGHT else "w"
    return f"    {table.name}:{column}:e -> {parent}:{key}:{side} [arrowtail=crowodot, arrowhead={head}]"


# --- Pictures ---


def png(text: str, engine: str) -> bytes:
    """The picture of a text in graphviz's language, with the hash of that text in it."""
    command = ["dot", f"-K{engine}", "-n2", "-Tpng"]
    drawn = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    chunk = b"tEXt" + HASH_KEYWORD + b"\0" + digest(text).encode()
    # After the signature and the header, which are always 8 and 25 bytes: https://www.w3.org/TR/png-3/#5Chunk-layout
    return drawn[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + drawn[33:]


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Write the text of the star schema, then draw both pictures. Returns 1 when graphviz is missing."""
    STAR.write_text(star_dot(sql_queries.CREATE))
    if not shutil.which("dot"):
        print("error: the program dot is not on PATH, so nothing was drawn", file=sys.stderr)
        print("hint: install the package graphviz (apt-get install graphviz, or brew install graphviz)", file=sys.stderr)
        return 1
    for source, engine in PICTURES.items():
        source.with_suffix(".png").write_bytes(png(source.read_text(), engine))
        print(f"drawn: {source.with_suffix('.png')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
