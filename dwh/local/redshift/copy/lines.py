"""Rows made into lines for PostgreSQL's COPY: CSV whose fields are JSON's, which a C library writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

# Takes the column's default.
GENERATED = msgspec.Raw(b"\\D")
# How PostgreSQL reads the lines. Text always has quotation marks, so that none of it looks like NULL or DEFAULT.
OPTIONS = r"FORMAT csv, ESCAPE E'\\', NULL 'null', DEFAULT E'\\D'"

_encode = msgspec.json.Encoder().encode_lines
# JSON escapes more than CSV knows: all but \" and \\ must stand for themselves.
_FOREIGN = re.compile(rb'\\[^"\\]')
_ESCAPE = re.compile(rb"\\(?:u00[0-9a-f]{2}|.)", re.DOTALL)
_MEANT = {b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t", b"\\b": b"\b", b"\\f": b"\f"}


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """The lines of rows of texts, numbers, booleans and NULLs (None).

    Raises:
        ValueError: there is a NUL in a text, which PostgreSQL cannot hold.
    """
    # A line break in a text is escaped: those between the arrays are the only ones.
    text = b"\n".join(_encode(rows).split(b"]\n["))[1:-2]
    if not text:
        return b""
    if _FOREIGN.search(text):
        text = _ESCAPE.sub(_meaning, text)
    return text + b"\n"


def _meaning(escape: re.Match[bytes]) -> bytes:
    text = escape[0]
    if not text.startswith(b"\\u"):
        return _MEANT.get(text, text)
    character = bytes([int(text[2:], 16)])
    if character == b"\0":
        raise ValueError("a NUL")
    return character
