"""Redshift's types: what each is in PostgreSQL, and its default length."""

from __future__ import annotations

from dwh.local.redshift.dialect.lexer import Tokens, closing
from dwh.local.redshift.errors import RedshiftError, not_supported, refused, syntax

VARCHAR_BYTES, CHAR_BYTES = 65535, 4096

# Redshift's names of types -> what each is in PostgreSQL, where {} takes the arguments, and their default.
TYPES: dict[str, tuple[str, str]] = {
    name: (pattern, default)
    for pattern, default, names in (
        ("varchar({})", "256", "VARCHAR, CHARACTER VARYING, NVARCHAR"),
        ("varchar(256)", "", "TEXT"),
        ("char({})", "1", "CHAR, CHARACTER, NCHAR"),
        ("char(256)", "", "BPCHAR"),
        ("numeric({})", "18,0", "NUMERIC, DECIMAL"),
        ("smallint", "", "SMALLINT, INT2"),
        ("integer", "", "INTEGER, INT, INT4"),
        ("bigint", "", "BIGINT, INT8"),
        ("real", "", "REAL, FLOAT4"),
        ("double precision", "", "DOUBLE PRECISION, FLOAT8, FLOAT"),
        ("boolean", "", "BOOLEAN, BOOL"),
        ("date", "", "DATE"),
        ("timestamp", "", "TIMESTAMP, TIMESTAMP WITHOUT TIME ZONE"),
        ("timestamptz", "", "TIMESTAMPTZ, TIMESTAMP WITH TIME ZONE"),
        ("time", "", "TIME, TIME WITHOUT TIME ZONE"),
        ("timetz", "", "TIMETZ, TIME WITH TIME ZONE"),
        ("super", "", "SUPER"),
    )
    for name in names.split(", ")
}
CHARACTER_TYPES = frozenset(("VARCHAR", "NVARCHAR", "TEXT", "CHAR", "CHARACTER", "NCHAR", "BPCHAR"))
# Types that Redshift has and the stand-in has not.
OTHER_TYPES = frozenset(("VARBYTE", "VARBINARY", "BINARY", "GEOMETRY", "GEOGRAPHY", "HLLSKETCH", "INTERVAL"))
# In a cast, a type without a length takes the value as it is; only NUMERIC keeps its default.
_CASTS = dict.fromkeys(("VARCHAR", "CHARACTER VARYING", "NVARCHAR", "TEXT"), "varchar")
_CATALOG = frozenset(("REGCLASS", "REGTYPE", "REGPROC", "OID", "NAME", "INTERVAL"))


def read_type(tokens: Tokens, start: int, *, cast: bool = False) -> tuple[str, int]:
    """Translate the type that stands at ``start``; gives PostgreSQL's text and the place after it.

    ``cast`` says that it is the type of a cast, not of a column.

    Raises:
        RedshiftError: Redshift, or the stand-in, has no such type, or its length is out of range.
    """
    if cast and [token.text.lower() for token in tokens[start : start + 2]] == ["pg_catalog", "."]:
        start += 2
    name, place = "", start
    for end in range(min(start + 4, len(tokens)), start, -1):
        candidate = " ".join(token.upper for token in tokens[start:end])
        if candidate in TYPES:
            name, place = candidate, end
            break
    first = tokens[start].upper if start < len(tokens) else ""
    if not name:
        if cast and first in _CATALOG:
            return first.lower(), start + 1
        if first in OTHER_TYPES:
            raise not_supported(f"the type {first}")
        raise RedshiftError(f'type "{first.lower()}" does not exist', "42704", hint=_INSTEAD.get(first, ""))
    pattern, default = TYPES[name]
    values = default
    if cast and name in _CASTS and not (place < len(tokens) and tokens[place].text == "("):
        return _CASTS[name], place
    if place < len(tokens) and tokens[place].text == "(":
        end = closing(tokens, place)
        given = "".join(token.upper for token in tokens[place + 1 : end])
        values, place = given, end + 1
        if "{}" not in pattern and name not in ("TEXT", "BPCHAR", "FLOAT"):
            raise syntax("(")
    if place < len(tokens) and tokens[place].text == "[":
        raise refused("an array type", "use SUPER")
    return pattern.format(_checked(pattern, values)), place


_INSTEAD = {
    "JSON": "use SUPER",
    "JSONB": "use SUPER",
    "UUID": "use VARCHAR(36)",
    "SERIAL": "use BIGINT IDENTITY(0, 1)",
    "BIGSERIAL": "use BIGINT IDENTITY(0, 1)",
    "BYTEA": "use VARBYTE",
}


def _checked(pattern: str, values: str) -> str:
    if pattern.startswith(("varchar", "char")) and "{}" in pattern:
        limit, kind = (VARCHAR_BYTES, "varchar") if pattern.startswith("varchar") else (CHAR_BYTES, "char")
        if values == "MAX":
            return str(limit)
        if not values.isdigit() or int(values) < 1:
            raise RedshiftError(f"length for type {kind} must be at least 1", "22023")
        if int(values) > limit:
            raise RedshiftError(f"length for type {kind} cannot exceed {limit}", "22023")
    if pattern.startswith("numeric"):
        precision = values.split(",")[0]
        if not precision.isdigit() or not 1 <= int(precision) <= 38:
            raise RedshiftError(f"NUMERIC precision {precision} must be between 1 and 38", "22023")
    return values
