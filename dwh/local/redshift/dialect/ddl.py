"""CREATE TABLE and ALTER TABLE: what only Redshift has is taken out of the text and recorded beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dwh.local.redshift.dialect.datatypes import CHARACTER_TYPES, read_type
from dwh.local.redshift.dialect.lexer import (
    Name,
    Tokens,
    arguments,
    closing,
    identifier,
    literal,
    word_set,
)
from dwh.local.redshift.dialect.reader import Reader
from dwh.local.redshift.errors import RedshiftError, not_supported, refused, syntax

ENCODINGS = word_set(
    """
    AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 MOSTLY32 RAW RUNLENGTH TEXT255 TEXT32K ZSTD
    """
)
STYLES = frozenset(("AUTO", "EVEN", "KEY", "ALL"))


@dataclass
class Attributes:
    """What Redshift knows of a table and PostgreSQL has no place for."""

    diststyle: str = ""
    autosort: bool = True
    interleaved: bool = False
    autoencode: bool = True
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    parent: str = ""
    fits: bool = False
    """Its rows come from columns whose lengths were checked."""

    def column(self, name: str) -> dict[str, Any]:
        """The attributes of one column, to be filled in."""
        return self.columns.setdefault(name, {})

    def distribute_by(self, name: str) -> None:
        """Make a column the distribution key."""
        if any(column.get("distkey") for column in self.columns.values()):
            raise RedshiftError("Multiple DISTKEY columns are not allowed", "42601")
        self.column(name)["distkey"] = True

    def sort_by(self, names: list[str], *, interleaved: bool = False) -> None:
        """Make columns the sort key, in this order. The places of an interleaved key alternate in sign."""
        if not self.autosort:
            raise RedshiftError("Multiple SORTKEY definitions are not allowed", "42601")
        if interleaved and len(names) > 8:
            raise RedshiftError("An interleaved sort key cannot have more than 8 columns", "42601")
        self.autosort, self.interleaved = False, interleaved
        for place, name in enumerate(names, 1):
            self.column(name)["sortkey"] = -place if interleaved and place % 2 == 0 else place

    def finish(self) -> None:
        """Settle the distribution style.

        Raises:
            RedshiftError: the style and the key contradict each other.
        """
        has_key = any(column.get("distkey") for column in self.columns.values())
        if has_key and self.diststyle not in ("", "KEY"):
            raise RedshiftError(f"DISTSTYLE {self.diststyle} cannot be specified with a DISTKEY", "42601")
        if self.diststyle == "KEY" and not has_key:
            raise RedshiftError("DISTSTYLE KEY requires a DISTKEY column", "42601")
        self.diststyle = "KEY" if has_key else self.diststyle or "AUTO"

    def statement(self, table: Name, function: str = "adopt") -> str:
        """The statement that records the attributes once the table is there."""
        return perform(function, table, json.dumps(self.__dict__))


def perform(function: str, table: Name, *more: str) -> str:
    """The statement that calls a function of the stand-in for a table, and returns no rows."""
    values = ", ".join(map(literal, (table.sql, *more)))
    return f"DO $redshift$BEGIN PERFORM redshift.{function}({values}); END$redshift$"


def create_table(tokens: Tokens, rewrite: Callable[[Tokens], str]) -> tuple[str, tuple[str, ...]]:
    """Translate CREATE TABLE.

    Args:
        tokens: the meaningful tokens of the statement.
        rewrite: turns the tokens of a query or an expression into PostgreSQL's text.

    Returns:
        PostgreSQL's statement, and those that have to follow it.
    """
    reader, attributes = Reader(tokens, 1), Attributes()
    reader.take("LOCAL")
    temporary = reader.take("TEMP") or reader.take("TEMPORARY")
    reader.need("TABLE")
    exists = "IF NOT EXISTS " if reader.take("IF", "NOT", "EXISTS") else ""
    table = reader.name()
    temporary = temporary or table.table.startswith("#")
    body = ""
    statistics: tuple[str, ...] = ()
    if reader.word == "(":
        body = f" ({_body(reader.inside(), attributes, rewrite)})"
    _table_attributes(reader, attributes)
    attributes.finish()
    if reader.take("AS"):
        query = reader.tokens[reader.place :]
        if query and query[0].text == "(" and closing(query, 0) == len(query) - 1:
            query = query[1:-1]
        body += f" AS {rewrite(query)}"
        attributes.fits = not any(token.upper in CHARACTER_TYPES for token in query)
        # A table that is made full is analyzed at once (Developer Guide, "Analyzing tables").
        statistics = (f"ANALYZE {table.sql}",)
    elif reader.word or not body:
        raise syntax(reader.raw)
    sql = f"CREATE {'TEMP ' if temporary else ''}TABLE {exists}{table.sql}{body}"
    return sql, (*statistics, attributes.statement(table))


def _body(tokens: Tokens, attributes: Attributes, rewrite: Callable[[Tokens], str]) -> str:
    lines = []
    for part in arguments(tokens):
        reader = Reader(part)
        if reader.take("LIKE"):
            lines.append(_like(reader, attributes))
        elif reader.word in ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "EXCLUDE"):
            attributes.keys.append(table_key(reader))
        elif len(part) == 1:
            lines.append(identifier(part[0].name))  # CREATE TABLE t (a, b) AS ...
        else:
            lines.append(column(reader, attributes, rewrite))
    return ", ".join(lines)


def _like(reader: Reader, attributes: Attributes) -> str:
    parent = reader.name()
    attributes.parent = parent.sql
    defaults = ""
    while reader.word:
        if reader.take("INCLUDING", "DEFAULTS"):
            defaults = " INCLUDING DEFAULTS"
        elif not reader.take("EXCLUDING", "DEFAULTS"):
            raise syntax(reader.raw)
    return f"LIKE {parent.sql}{defaults}"


def table_key(reader: Reader) -> dict[str, Any]:
    """Read a PRIMARY KEY, UNIQUE or FOREIGN KEY: Redshift notes it and never enforces it."""
    name = reader.next().name if reader.take("CONSTRAINT") else None
    if reader.take("PRIMARY", "KEY"):
        return {"name": name, "kind": "p", "columns": reader.names()}
    if reader.take("UNIQUE"):
        return {"name": name, "kind": "u", "columns": reader.names()}
    if reader.take("FOREIGN", "KEY"):
        columns = reader.names()
        reader.need("REFERENCES")
        return {"name": name, "kind": "f", "columns": columns, **_reference(reader)}
    raise refused(f"a {reader.word} constraint")


def _reference(reader: Reader) -> dict[str, Any]:
    table = reader.name()
    return {"foreign_table": table.sql, "foreign_columns": reader.names() if reader.word == "(" else []}


def column(reader: Reader, attributes: Attributes, rewrite: Callable[[Tokens], str]) -> str:
    """Translate the definition of one column."""
    name = reader.next().name
    kind, reader.place = read_type(reader.tokens, reader.place)
    definition = [identifier(name), kind]
    not_null = False
    while reader.word:
        if reader.take("NOT", "NULL"):
            not_null = True
        elif reader.take("NULL"):
            continue
        elif reader.take("DEFAULT"):
            definition.append(f"DEFAULT {rewrite(_expression(reader))}")
        elif reader.word == "IDENTITY" or reader.take("GENERATED", "BY", "DEFAULT", "AS"):
            how = "ALWAYS" if reader.tokens[reader.place - 1].upper != "AS" else "BY DEFAULT"
            reader.need("IDENTITY")
            if reader.word != "(":
                raise not_supported("IDENTITY without a seed and a step", "write IDENTITY(0, 1)")
            definition.append(_identity(how, reader.inside()))
        elif reader.take("ENCODE"):
            attributes.column(name)["encoding"] = encoding(reader)
            attributes.autoencode = False
        elif reader.take("DISTKEY"):
            attributes.distribute_by(name)
        elif reader.take("SORTKEY"):
            attributes.sort_by([name])
        elif reader.take("PRIMARY", "KEY"):
            attributes.keys.append({"kind": "p", "columns": [name]})
            not_null = True
        elif reader.take("UNIQUE"):
            attributes.keys.append({"kind": "u", "columns": [name]})
        elif reader.take("REFERENCES"):
            attributes.keys.append({"kind": "f", "columns": [name], **_reference(reader)})
        elif reader.take("COLLATE", "CASE_SENSITIVE"):
            continue
        elif reader.word == "COLLATE":
            raise not_supported("COLLATE CASE_INSENSITIVE")
        elif reader.word in ("CHECK", "GENERATED"):
            raise refused(f"the column attribute {reader.word}")
        else:
            raise syntax(reader.raw)
    if not_null:
        definition.append("NOT NULL")
    return " ".join(definition)


_AFTER_DEFAULT = word_set(
    """
    NOT NULL IDENTITY GENERATED ENCODE DISTKEY SORTKEY PRIMARY UNIQUE REFERENCES COLLATE CHECK
    """
)


def _expression(reader: Reader) -> Tokens:
    start = reader.place
    reader.next()
    while reader.word and reader.word not in _AFTER_DEFAULT:
        reader.place = closing(reader.tokens, reader.place) + 1 if reader.word == "(" else reader.place + 1
    return reader.tokens[start : reader.place]


def _identity(how: str, inside: Tokens) -> str:
    numbers = "".join(token.text for token in inside).split(",")
    if len(numbers) != 2 or not all(number.lstrip("-").isdigit() for number in numbers):
        raise syntax("IDENTITY")
    seed, step = map(int, numbers)
    bound = f"MINVALUE {seed}" if step > 0 else f"MAXVALUE {seed}"
    # Many at a time, for each session: Redshift's numbers have gaps too.
    return f"GENERATED {how} AS IDENTITY (START WITH {seed} INCREMENT BY {step} {bound} CACHE 1000) NOT NULL"


def encoding(reader: Reader) -> str:
    """Read the name of an encoding; PG_TABLE_DEF shows RAW as none."""
    word = reader.next().upper
    if word not in ENCODINGS:
        raise RedshiftError(f'invalid encoding type "{word.lower()}"', "42601")
    return "none" if word == "RAW" else word.lower()


def _table_attributes(reader: Reader, attributes: Attributes, until: tuple[str, ...] = ("AS",)) -> None:
    while reader.word and reader.word not in until:
        if reader.take("BACKUP", "YES") or reader.take("BACKUP", "NO"):
            continue
        if reader.take("DISTSTYLE"):
            attributes.diststyle = style(reader)
        elif reader.take("DISTKEY"):
            for name in reader.names():
                attributes.distribute_by(name)
        elif reader.take("SORTKEY", "AUTO") or reader.take("ENCODE", "AUTO"):
            continue
        elif reader.take("INTERLEAVED", "SORTKEY"):
            attributes.sort_by(reader.names(), interleaved=True)
        elif reader.take("COMPOUND", "SORTKEY") or reader.take("SORTKEY"):
            attributes.sort_by(reader.names())
        else:
            raise syntax(reader.raw)


def style(reader: Reader) -> str:
    """Read a distribution style."""
    word = reader.next().upper
    if word not in STYLES:
        raise syntax(word.lower())
    return word


def create_materialized_view(tokens: Tokens, rewrite: Callable[[Tokens], str]) -> str:
    """Translate CREATE MATERIALIZED VIEW; its distribution and sort keys are checked and left out."""
    reader, attributes = Reader(tokens, 3), Attributes()
    view = reader.name()
    while reader.word != "AS":
        if reader.take("AUTO", "REFRESH", "YES") or reader.take("AUTO", "REFRESH", "NO"):
            continue
        start = reader.place
        _table_attributes(reader, attributes, until=("AS", "AUTO"))
        if reader.place == start:
            raise syntax(reader.raw)
    attributes.finish()
    return f"CREATE MATERIALIZED VIEW {view.sql} AS {rewrite(reader.tokens[reader.place + 1 :])}"
