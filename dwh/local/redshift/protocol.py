"""PostgreSQL's protocol, version 3, which Redshift speaks: messages made and read. Nothing here does I/O.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

VERSION = 3 << 16
TLS, KERBEROS, CANCEL = 80877103, 80877104, 80877102
# What a client may send in one message; PostgreSQL's limit is 1 GB, Redshift's statements have 16 MB at most.
LARGEST = 64 << 20
LARGEST_STARTUP = 10_000

CLEARTEXT_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"
AUTHENTICATED = b"R\0\0\0\x08\0\0\0\0"
PARSED, BOUND, CLOSED = b"1\0\0\0\4", b"2\0\0\0\4", b"3\0\0\0\4"
NO_DATA, EMPTY_QUERY = b"n\0\0\0\4", b"I\0\0\0\4"
NO_PARAMETERS = b"t\0\0\0\6\0\0"
SYNC, FLUSH = b"S\0\0\0\4", b"H\0\0\0\4"

IDLE, IN_TRANSACTION, FAILED = b"I", b"T", b"E"
# The first number of a type that is not PostgreSQL's own: the one behind SUPER. Clients do not know it, and get text.
FIRST_CUSTOM = 16384
TEXT, VARCHAR = 25, 1043


class ProtocolError(Exception):
    """What was sent is no message of the protocol."""


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message."""
    return kind + struct.pack("!i", len(body) + 4) + body


def text(*values: str) -> bytes:
    """Strings as the protocol has them, each with its end."""
    return b"".join(value.encode() + b"\0" for value in values)


def ready(state: bytes) -> bytes:
    """The server waits for the next statement."""
    return message(b"Z", state)


def complete(tag: str) -> bytes:
    """A statement is done."""
    return message(b"C", text(tag))


def parameter(name: str, value: str) -> bytes:
    """A setting that the client is told of."""
    return message(b"S", text(name, value))


def fields(values: Mapping[str, str], kind: bytes = b"E") -> bytes:
    """An error, or a notice, from PostgreSQL's letters and what stands under them."""
    return message(kind, b"".join(letter.encode() + text(value) for letter, value in values.items() if value) + b"\0")


def error(what: str, sqlstate: str = "XX000", *, detail: str = "", hint: str = "", severity: str = "ERROR") -> bytes:
    """An error of our own."""
    return fields({"S": severity, "V": severity, "C": sqlstate, "M": what, "D": detail, "H": hint})


def notice(what: str, severity: str = "INFO") -> bytes:
    """A notice of our own."""
    return fields({"S": severity, "V": severity, "C": "00000", "M": what}, b"N")


def read_fields(body: bytes) -> dict[str, str]:
    """What an error or a notice says, by PostgreSQL's letters."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def query(sql: str) -> bytes:
    """A simple query."""
    return message(b"Q", text(sql))


def run(sql: str, name: str) -> bytes:
    """One statement by the extended protocol; one before it of the same name may have failed, and be left."""
    return (
        message(b"C", b"P" + text(name))
        + message(b"C", b"S" + text(name))
        + message(b"P", text(name, sql) + b"\0\0")
        + message(b"B", text(name, name) + b"\0\0" * 3)
        + message(b"E", text(name) + b"\0\0\0\0")
    )


def startup(body: bytes) -> dict[str, str]:
    """What a client says of itself when it connects.

    Raises:
        ProtocolError: it is no such message.
    """
    parts = body.split(b"\0")
    try:
        words = [part.decode() for part in parts]
    except UnicodeDecodeError:
        raise ProtocolError("invalid startup packet") from None
    if len(words) < 3 or words[-2:] != ["", ""] or len(words) % 2:
        raise ProtocolError("invalid startup packet layout: expected terminator as last byte")
    return dict(zip(words[:-2:2], words[1:-2:2], strict=True))


def strings(body: bytes, count: int) -> tuple[list[str], bytes]:
    """The strings at the start of a message, and the rest of it.

    Raises:
        ProtocolError: there are not so many.
    """
    *parts, rest = body.split(b"\0", count)
    if len(parts) != count:
        raise ProtocolError("invalid string in message")
    try:
        return [part.decode() for part in parts], rest
    except UnicodeDecodeError:
        raise ProtocolError('invalid byte sequence for encoding "UTF8"') from None


@dataclass(frozen=True)
class Bind:
    """A Bind message, cut up to its result formats (0 is text, 1 binary)."""

    portal: str
    statement: str
    before: bytes
    formats: tuple[int, ...]
    parameters: int

    def as_text(self, types: Iterable[int]) -> bytes:
        """The same message, with the columns of types that the client does not know as text."""
        types = list(types)
        each = self.formats if len(self.formats) > 1 else self.formats * len(types)
        if not any(each) or max(types, default=0) < FIRST_CUSTOM:
            return self.message()
        each = tuple(0 if kind >= FIRST_CUSTOM else asked for kind, asked in zip(types, each, strict=False))
        return replace(self, formats=each).message()

    def message(self) -> bytes:
        """The message."""
        formats = struct.pack(f"!h{len(self.formats)}h", len(self.formats), *self.formats)
        return message(b"B", text(self.portal, self.statement) + self.before + formats)


def bind(body: bytes) -> Bind:
    """Read a Bind message.

    Raises:
        ProtocolError: it is malformed.
    """
    (portal, statement), rest = strings(body, 2)
    try:
        (count,) = struct.unpack_from("!h", rest)
        place = 2 + 2 * count
        (parameters,) = struct.unpack_from("!h", rest, place)
        place += 2
        for _ in range(parameters):
            (size,) = struct.unpack_from("!i", rest, place)
            place += 4 + max(size, 0)
        (count,) = struct.unpack_from("!h", rest, place)
        formats = struct.unpack_from(f"!{count}h", rest, place + 2)
    except struct.error:
        raise ProtocolError("invalid message format") from None
    if place + 2 + 2 * count != len(rest):
        raise ProtocolError("invalid message format")
    return Bind(portal, statement, rest[:place], formats, parameters)


def column_types(description: bytes) -> list[int]:
    """The types of the columns in the body of a RowDescription."""
    return [kind for _, kind in _type_places(description)]


def known_types(description: bytes) -> bytes:
    """The body of a RowDescription in which each type is one that the clients know."""
    found = bytearray(description)
    for place, kind in _type_places(description):
        if kind >= FIRST_CUSTOM:
            found[place : place + 10] = struct.pack("!ihi", VARCHAR, -1, -1)
    return bytes(found)


def custom_as_text(parameters: bytes, types: bytes) -> bytes:
    """The types that Parse gives its parameters: as they were given, unless PostgreSQL sees a custom one; that is text.

    Args:
        parameters: the body of the ParameterDescription that came of it.
        types: how Parse gave them.
    """
    (count,) = struct.unpack_from("!h", parameters)
    kinds = struct.unpack_from(f"!{count}i", parameters, 2)
    if max(kinds, default=0) < FIRST_CUSTOM:
        return types
    return struct.pack(f"!h{count}i", count, *(TEXT if kind >= FIRST_CUSTOM else kind for kind in kinds))


def _type_places(description: bytes) -> Iterable[tuple[int, int]]:
    """Where the type of each column is, and which."""
    (count,) = struct.unpack_from("!h", description)
    place = 2
    for _ in range(count):
        place = description.index(b"\0", place) + 1 + 6  # the name, the table and the number of the column
        yield place, struct.unpack_from("!i", description, place)[0]
        place += 12
