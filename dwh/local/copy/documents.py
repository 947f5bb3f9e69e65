"""A stream of bytes cut into JSON documents, each with the line it ends on.

A document may span lines, and two may touch. Lines that hold one document
each, the usual case, never come to the slow scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from dwh.local.copy import exact
from dwh.local.copy.errors import BAD_LINE, FieldError

# An object or array must fit 4 MB (Developer Guide, "COPY from JSON format").
MAX_DOCUMENT = 4 << 20
TOO_BIG = "JSON object or array exceeds the maximum size of 4194304 bytes"
INVALID = "Invalid JSON: {}"
BOM = b"\xef\xbb\xbf"

_STEP = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*"|[{}\[\]]|"')
_SPACE = re.compile(rb"[ \t\r\n]*")
_STRAY = re.compile(rb"[^\s{\[]+")
_NEW_START = re.compile(rb"\n(?=[{\[])")

# Raw bytes, parsed document (or why there is none), number of its last line.
Document = tuple[bytes, Any, int]


class Chunk:
    """Documents in the order of the file; ``values`` holds a FieldError where one could not be parsed."""

    __slots__ = ("lines", "raws", "values")

    def __init__(self, raws: list[bytes], values: list[Any], lines: list[int] | range) -> None:
        self.raws = raws
        self.values = values
        self.lines = lines


def chunks(blocks: Iterable[bytes], skip_lines: int = 0) -> Iterator[Chunk]:
    """Cut a stream into documents.

    Args:
        blocks: the bytes of one file.
        skip_lines: that many lines at the start hold no data (IGNOREHEADER).
    """
    rest, line = b"", 1
    first, skip = True, skip_lines
    for block in blocks:
        buffer = rest + block
        if first:
            if len(buffer) < len(BOM) and BOM.startswith(buffer):
                rest = buffer
                continue
            buffer, first = buffer.removeprefix(BOM), False
        while skip and (end := buffer.find(b"\n")) >= 0:
            buffer, skip, line = buffer[end + 1 :], skip - 1, line + 1
        if skip:
            rest = b""
            continue
        chunk, rest, line = _cut(buffer, line, final=False)
        if chunk.raws:
            yield chunk
    if rest and not skip:
        chunk, _, _ = _cut(rest.removeprefix(BOM) if first else rest, line, final=True)
        if chunk.raws:
            yield chunk


def _cut(buffer: bytes, line: int, *, final: bool) -> tuple[Chunk, bytes, int]:
    """The documents of a buffer, what is left of it, and the number of the line that the rest begins on."""
    end = len(buffer) if final else buffer.rfind(b"\n") + 1
    if end:
        head = buffer[:end]
        raws = head.split(b"\n")
        if not raws[-1]:
            raws.pop()
        try:
            values = list(map(orjson.loads, raws))
        except orjson.JSONDecodeError:
            pass
        else:
            if set(map(type, values)) <= {dict, list} and max(map(len, raws)) <= MAX_DOCUMENT:
                return Chunk(raws, values, range(line, line + len(raws))), buffer[end:], line + len(raws)
    return _scan(buffer, line, final=final)


def _scan(buffer: bytes, line: int, *, final: bool) -> tuple[Chunk, bytes, int]:
    raws: list[bytes] = []
    values: list[Any] = []
    lines: list[int] = []
    place = 0
    while True:
        start = _after_space(buffer, place)
        line += buffer.count(b"\n", place, start)
        place = start
        if place == len(buffer):
            break
        end = _document_end(buffer, place, final=final)
        if end is None:
            break
        raw = buffer[place:end]
        value = _parse(raw)
        if isinstance(value, FieldError) and (cut := _NEW_START.search(raw)):
            end = place + cut.start()  # the document never ended: the next line begins another
            raw = buffer[place:end]
        line += raw.count(b"\n")
        raws.append(raw)
        values.append(value)
        lines.append(line)
        place = end
    return Chunk(raws, values, lines), buffer[place:], line


def _after_space(buffer: bytes, place: int) -> int:
    match = _SPACE.match(buffer, place)
    return match.end() if match else place


def _document_end(buffer: bytes, start: int, *, final: bool) -> int | None:
    """Where the document at ``start`` ends; None when more bytes must be read to tell."""
    if buffer[start : start + 1] not in (b"{", b"["):
        match = _STRAY.match(buffer, start)
        end = match.end() if match else start + 1
        return end if final or end < len(buffer) else None
    depth = 0
    for step in _STEP.finditer(buffer, start):
        text = step[0]
        if text in (b"{", b"["):
            depth += 1
        elif text in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return step.end()
        elif text == b'"':  # a string that does not end on its line, or not yet
            newline = buffer.find(b"\n", step.end())
            if newline >= 0:
                return newline
            break
    if final:
        return len(buffer)
    if len(buffer) - start > MAX_DOCUMENT:
        cut = _NEW_START.search(buffer, start + MAX_DOCUMENT)
        return cut.start() if cut else len(buffer)  # too large, whatever follows
    return None


class Unclean:
    """A document whose strings hold bytes that are no UTF-8, or half a surrogate pair."""

    __slots__ = ("document",)

    def __init__(self, document: Any) -> None:
        self.document = document


def _parse(raw: bytes) -> Any:
    """The parsed document, or why there is none."""
    if len(raw) > MAX_DOCUMENT:
        return FieldError(BAD_LINE, TOO_BIG)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            return Unclean(exact.loads(raw))
        except (ValueError, RecursionError):
            return FieldError(BAD_LINE, INVALID.format(str(error).partition(":")[0]))
    return value if isinstance(value, (dict, list)) else FieldError(BAD_LINE, INVALID.format("not an object or array"))
