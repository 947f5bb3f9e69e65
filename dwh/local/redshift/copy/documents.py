"""A stream of bytes cut into JSON documents, each with the line it ends on.

A document may span lines, and two may touch. Text that can be read all at once,
the usual case, never comes to the slow scan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dwh.local.redshift.copy import exact
from dwh.local.redshift.copy.errors import BAD_LINE, TOO_DEEP, FieldError

# An object or array must fit 4 MB (Developer Guide, "COPY from JSON format").
MAX_DOCUMENT = 4 << 20
TOO_BIG = "JSON object or array exceeds the maximum size of 4194304 bytes"
INVALID = "Invalid JSON: {}"
BOM = b"\xef\xbb\xbf"

_STEP = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*"|[{}\[\]]|"')
_SPACE = re.compile(rb"[ \t\r\n]*")
_STRAY = re.compile(rb"[^\s{\[]+")
_NEW_START = re.compile(rb"\n(?=[{\[])")

Row = Sequence[Any]
# Reads the rows of some text all at once, or gives None when it cannot vouch for them.
Reader = Callable[[bytes], list[Row] | None]


@dataclass(slots=True)
class Whole:
    """The rows of documents that were read all at once, their text, and the number of its first line."""

    rows: list[Row]
    data: bytes
    line: int


@dataclass(slots=True)
class Piecemeal:
    """Documents that were cut one by one; ``values`` holds a FieldError where one could not be parsed.

    Numbers are as they were written. ``lines`` are the numbers of the last line of each.
    """

    raws: list[bytes]
    values: list[Any]
    lines: Sequence[int]


Chunk = Whole | Piecemeal


def chunks(blocks: Iterable[bytes], read: Reader, skip_lines: int = 0) -> Iterator[Chunk]:
    """Cut a stream into documents.

    Args:
        blocks: the bytes of one file.
        read: tried first, on whole lines.
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
        if len(buffer) <= MAX_DOCUMENT and b"\n" not in buffer:
            rest = buffer  # the rest of the line may end a document, as it does in files of one line
            continue
        chunk, rest, line = _cut(buffer, line, read, final=False)
        yield chunk
    if rest and not skip:
        chunk, _, _ = _cut(rest.removeprefix(BOM) if first else rest, line, read, final=True)
        yield chunk


def piecemeal(whole: Whole) -> Piecemeal:
    """The same documents, cut one by one."""
    return _scan(whole.data, whole.line, final=True)[0]


def _cut(buffer: bytes, line: int, read: Reader, *, final: bool) -> tuple[Chunk, bytes, int]:
    """The documents of a buffer, what is left of it, and the number of the line that the rest begins on."""
    end = len(buffer) if final else buffer.rfind(b"\n") + 1
    # The reader tells nobody how long a document was: text that holds a too large one is for the scan.
    if 0 < end <= MAX_DOCUMENT:
        head = buffer[:end]
        rows = read(head)
        if rows is not None:
            return Whole(rows, head, line), buffer[end:], line + head.count(b"\n")
    return _scan(buffer, line, final=final)


def _scan(buffer: bytes, line: int, *, final: bool) -> tuple[Piecemeal, bytes, int]:
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
    return Piecemeal(raws, values, lines), buffer[place:], line


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


def _parse(raw: bytes) -> Any:
    """The parsed document, or why there is none."""
    if len(raw) > MAX_DOCUMENT:
        return FieldError(BAD_LINE, TOO_BIG)
    try:
        return exact.loads(raw)
    except RecursionError:
        return FieldError(BAD_LINE, TOO_DEEP)
    except ValueError as error:
        return FieldError(BAD_LINE, INVALID.format(str(error).partition(":")[0]))
