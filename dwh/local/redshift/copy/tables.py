"""The table that COPY loads: its columns, and which of them are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwh.local.redshift.copy.errors import MISSING, NULL_IN_NOT_NULL, internal
from dwh.local.redshift.copy.grammar import Copy
from dwh.local.redshift.copy.lines import OPTIONS
from dwh.local.redshift.copy.values import Column
from dwh.local.redshift.dialect.lexer import identifier, word_set
from dwh.local.redshift.errors import RedshiftError, not_supported

if TYPE_CHECKING:
    from dwh.local.redshift.backend import Connection

# Types of PostgreSQL whose values COPY can load; SUPER is a domain of its own.
LOADABLE = word_set(
    """
    varchar bpchar super int2 int4 int8 numeric float4 float8 bool date timestamp timestamptz time timetz
    """
)
_COLUMNS = """
SELECT c.oid::int, a.attname, t.typname, a.atttypmod, a.attnotnull, a.attidentity, a.atthasdef
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.oid = %s::regclass
ORDER BY a.attnum
"""


@dataclass(frozen=True)
class Table:
    """The table, and the columns to load in the order of the lines."""

    oid: int
    columns: list[Column]
    copy_sql: str


def describe(session: Connection, copy: Copy) -> Table:
    """Lock the table against other writers and look up its columns.

    Raises:
        RedshiftError: there is no such column, the column list and EXPLICIT_IDS contradict each other,
            or every row would lack a value.
        psycopg2.Error: there is no such table.
    """
    with session.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {copy.table.sql} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_COLUMNS, (copy.table.sql,))
        rows = cursor.fetchall()
    found = {row[1]: row for row in rows}
    always = [row[1] for row in rows if row[5] == "a"]
    wanted = copy.columns if copy.columns is not None else _all(copy, found, always)
    _check(copy, wanted, found, always)
    _check_left_out(rows, wanted)
    columns = [_column(found[name]) for name in wanted]
    for column in columns:
        if column.type not in LOADABLE:
            raise not_supported(f"COPY into a column of the type {column.type}")
    names = ", ".join(identifier(name) for name in wanted)
    return Table(rows[0][0], columns, f"COPY {copy.table.sql} ({names}) FROM STDIN WITH ({OPTIONS})")


def _all(copy: Copy, found: dict[str, tuple[object, ...]], always: list[str]) -> list[str]:
    """Without a column list: every column, but for IDENTITY ones unless EXPLICIT_IDS is given."""
    return [name for name in found if copy.has("EXPLICIT_IDS") or name not in always]


def _check(copy: Copy, wanted: list[str], found: dict[str, tuple[object, ...]], always: list[str]) -> None:
    for name in wanted:
        if name not in found:
            raise RedshiftError(f'column "{name}" of relation "{copy.table.table}" does not exist', "42703")
        if wanted.count(name) > 1:
            raise RedshiftError(f'column "{name}" specified more than once', "42701")
    listed = [name for name in always if name in wanted]
    if listed and not copy.has("EXPLICIT_IDS"):
        raise RedshiftError("Cannot copy into an IDENTITY column without EXPLICIT_IDS", "0A000")
    if copy.has("EXPLICIT_IDS") and (not always or listed != always):
        raise RedshiftError(
            "EXPLICIT_IDS cannot be specified when the IDENTITY column is not in the column list", "0A000"
        )


def _check_left_out(rows: list[tuple[object, ...]], wanted: list[str]) -> None:
    """A column that no row could fill fails the load at once, and not row by row as on Redshift."""
    for _, name, _, _, not_null, identity, has_default in rows:
        if not_null and not identity and not has_default and name not in wanted:
            raise internal(f'{MISSING}: "{name}" is not in the column list', NULL_IN_NOT_NULL, "", 0)


def _column(row: tuple[object, ...]) -> Column:
    _, name, kind, modifier, not_null, identity, *_ = row
    size = scale = 0
    if kind in ("varchar", "bpchar"):
        size = int(str(modifier)) - 4
    elif kind == "numeric":
        size, scale = (int(str(modifier)) - 4) >> 16 & 0xFFFF, (int(str(modifier)) - 4) & 0x7FF
    return Column(str(name), str(kind), size, scale, bool(not_null), identity == "d")
