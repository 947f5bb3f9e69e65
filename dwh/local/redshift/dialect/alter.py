"""ALTER TABLE, one action at a time as Redshift has it."""

from __future__ import annotations

import json
from collections.abc import Callable

from dwh.local.redshift.dialect import ddl
from dwh.local.redshift.dialect.datatypes import read_type
from dwh.local.redshift.dialect.lexer import Name, Tokens, identifier
from dwh.local.redshift.dialect.reader import Reader
from dwh.local.redshift.errors import not_supported, refused, syntax


def alter_table(tokens: Tokens, rewrite: Callable[[Tokens], str]) -> tuple[str, ...]:
    """Translate ALTER TABLE; the statements of PostgreSQL that do it.

    Raises:
        RedshiftError: an action that Redshift, or the stand-in, does not have.
    """
    reader = Reader(tokens, 2)
    table = reader.name()
    alter = f"ALTER TABLE {table.sql}"
    if reader.take("ADD"):
        return _add(reader, table, rewrite)
    if reader.take("DROP"):
        return (_drop(reader, table),)
    if reader.take("RENAME"):
        return (f"{alter} RENAME {_rename(reader)}",)
    if reader.take("OWNER", "TO"):
        return (f"{alter} OWNER TO {identifier(_last(reader))}",)
    if reader.take("ALTER"):
        return (_attribute(reader, table),)
    raise not_supported(f"ALTER TABLE ... {reader.word}")


def _last(reader: Reader) -> str:
    name = reader.next().name
    if reader.word:
        raise syntax(reader.raw)
    return name


def _add(reader: Reader, table: Name, rewrite: Callable[[Tokens], str]) -> tuple[str, ...]:
    if reader.word in ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        return (ddl.perform("add_key", table, json.dumps(ddl.table_key(reader))),)
    attributes = ddl.Attributes()
    reader.take("COLUMN")
    definition = ddl.column(reader, attributes, rewrite)
    if "IDENTITY" in definition or attributes.keys:
        raise refused("ADD COLUMN with IDENTITY, PRIMARY KEY or UNIQUE")
    return f"ALTER TABLE {table.sql} ADD COLUMN {definition}", attributes.statement(table, "extend")


def _drop(reader: Reader, table: Name) -> str:
    if reader.take("CONSTRAINT"):
        return ddl.perform("drop_key", table, reader.next().name)
    reader.take("COLUMN")
    column = reader.next().name
    how = " CASCADE" if reader.take("CASCADE") else ""
    reader.take("RESTRICT")
    return f"ALTER TABLE {table.sql} DROP COLUMN {identifier(column)}{how}"


def _rename(reader: Reader) -> str:
    if reader.take("TO"):
        return f"TO {identifier(_last(reader))}"
    reader.take("COLUMN")
    old = reader.next().name
    reader.need("TO")
    return f"COLUMN {identifier(old)} TO {identifier(_last(reader))}"


def _attribute(reader: Reader, table: Name) -> str:
    """ALTER DISTSTYLE, DISTKEY, SORTKEY, ENCODE AUTO, and ALTER COLUMN."""
    if reader.take("COLUMN"):
        return _column(reader, table)
    attributes = ddl.Attributes()
    change = "diststyle"
    if reader.take("DISTSTYLE"):
        attributes.diststyle = ddl.style(reader)
        if attributes.diststyle == "KEY":
            reader.need("DISTKEY")
            attributes.distribute_by(reader.next().name)
    elif reader.take("DISTKEY"):
        attributes.distribute_by(reader.next().name)
    elif reader.take("COMPOUND", "SORTKEY") or reader.word == "SORTKEY":
        reader.take("SORTKEY")
        change = "sortkey"
        if not (reader.take("AUTO") or reader.take("NONE")):
            attributes.sort_by(reader.names())
    elif reader.take("ENCODE", "AUTO"):
        change = "encoding"
    else:
        raise not_supported(f"ALTER TABLE ... ALTER {reader.word}")
    if reader.word:
        raise syntax(reader.raw)
    attributes.finish()
    return attributes.statement(table, f"change_{change}")


def _column(reader: Reader, table: Name) -> str:
    name = reader.next().name
    if reader.take("TYPE"):
        kind, reader.place = read_type(reader.tokens, reader.place)
        if not kind.startswith("varchar") or reader.word:
            raise refused("ALTER COLUMN TYPE to anything but VARCHAR", "add a column and UPDATE it")
        return ddl.perform("resize", table, name, kind)
    if reader.take("ENCODE"):
        attributes = ddl.Attributes()
        attributes.column(name)["encoding"] = ddl.encoding(reader)
        return attributes.statement(table, "change_encoding")
    raise not_supported(f"ALTER COLUMN ... {reader.word}")
