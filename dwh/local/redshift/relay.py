"""Between the client and PostgreSQL: statements go up, and their answers come down as they are, or not at all.

While libpq waits for no answer, its socket can be read and written like any other. So rows pass through without being
looked at, and what a session sends besides the client's statements, a lock or the record of a distribution key, is
answered to nobody.
"""

from __future__ import annotations

import os
import re
import select
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dwh.local.redshift import protocol
from dwh.local.redshift.channel import HUNG_UP, Channel, Gone
from dwh.local.redshift.dialect import refusals

CHUNK = 1 << 18
# The name of our statements among the client's.
HIDDEN = "redshift hidden"
# What makes PostgreSQL give up a transaction in which the error was ours.
FAIL = "DO $$BEGIN RAISE EXCEPTION 'refused'; END$$"
# What ends rows of text: CommandComplete, or PortalSuspended, before ReadyForQuery. Neither can be in a row, whose
# values have no NUL: the tag would have to be the row's own length, which is then more than a gigabyte.
_READY = re.compile(rb"Z\x00\x00\x00\x05[ITE]\Z")
_END = re.compile(rb"(?:(?:[A-Z]{2,} \d+|[A-Z]{4,})\x00|s\x00\x00\x00\x04)Z\x00\x00\x00\x05[ITE]\Z")
_LONGEST_END = 64
# Bytes that wait for what comes after them: an error ends rows as well, and is not handed on as it is.
HELD = 1 << 16
# The settings whose values clients are told of, as Redshift tells them.
TOLD = ("client_encoding", "DateStyle", "TimeZone", "application_name", "session_authorization", "is_superuser")

_ENDS = {b"1": b"P", b"2": b"B", b"3": b"C", b"n": b"D", b"T": b"D", b"C": b"E", b"I": b"E", b"s": b"E", b"Z": b"S"}


@dataclass
class Expected:
    """One answer that PostgreSQL owes.

    Attributes:
        to: the kind of message that it answers: P, B, D, E, C or S, and Q for one statement of a simple query.
        hidden: the client did not ask for it.
        name: of the prepared statement that is described.
        tried: an error that a column is not known is no error yet: it may be an alias.
        text: its rows are text throughout.
        tag: what the client is told was done, where that is not what PostgreSQL says.
    """

    to: bytes
    hidden: bool = False
    name: str | None = None
    tried: bool = False
    text: bool = False
    tag: str = ""


SYNC = Expected(b"S", hidden=True)  # the session says itself that it is ready


class Relay:
    """The way to one PostgreSQL session and back."""

    def __init__(self, client: Channel, upstream: int, place: Path) -> None:
        self._client = client
        self._upstream = upstream
        self._place = place
        self._expected: deque[Expected] = deque()
        self._rest = b""
        self._in_rows = self._silent = False
        self.state = protocol.IDLE
        # Since the last Sync: whether an error came, and the name that PostgreSQL did not know.
        self.failed = False
        self.unknown = ""
        # Of what the client was last told: the rows that it was given, and what an error says.
        self.rows: int | None = None
        self.said: dict[str, str] = {}
        # Whether messages were sent since then, and whether the answer to it is the last that came.
        self.open = False
        self._synced = True
        # Name of a prepared statement -> the types of its columns, once it was described.
        self.types: dict[str, list[int]] = {}
        # Those of the parameters of the statement that was described last, as PostgreSQL sends them.
        self.parameters = b""

    @property
    def clean(self) -> bool:
        """Whether PostgreSQL owes no answer."""
        return not self._expected

    def ask(self, data: bytes, expected: Sequence[Expected]) -> None:
        """Send messages, and take down what comes back meanwhile.

        After an error PostgreSQL passes over everything up to the next Sync; then nothing is sent.
        """
        if self._synced:
            self.failed, self.unknown, self._synced = False, "", False
        self.open = SYNC not in expected
        if self.open and (self.failed or self.unknown):
            return
        self._expected.extend(expected)
        view = memoryview(data)
        poll = select.poll()
        poll.register(self._upstream, select.POLLIN | select.POLLOUT)
        while view:
            events = poll.poll()[0][1]
            if events & select.POLLIN:
                self._read()
            if events & select.POLLOUT:
                try:
                    view = view[os.write(self._upstream, view) :]
                except BlockingIOError:
                    pass
                except OSError:
                    raise Gone from None

    def simple(self, statements: Sequence[str], shown: int | None = 0, *, tag: str = "", tried: bool = False) -> bool:
        """Run statements as one simple query; whether they succeeded.

        Args:
            statements: PostgreSQL's SQL, one statement each.
            shown: which one's answer the client sees; None for none. Errors are always seen.
            tag: see ``Expected``.
            tried: see ``Expected``.
        """
        units = [Expected(b"Q", place != shown, tried=tried, text=True, tag=tag) for place in range(len(statements))]
        self.ask(protocol.query(";\n".join(statements)), [*units, SYNC])
        return self.settle()

    def besides(self, sql: str) -> None:
        """Run a statement of ours among the client's messages, which sees nothing of it but an error."""
        units = [Expected(kind, hidden=True) for kind in (b"C", b"C", b"P", b"B", b"E")]
        self.ask(protocol.run(sql, HIDDEN), units)

    def abort(self) -> None:
        """Have PostgreSQL undo what it has done since the last Sync, or since BEGIN; the client sees nothing of it."""
        self._silent = True
        self.besides(FAIL)
        self.ask(protocol.SYNC, [SYNC])
        self.settle()
        self._silent = False

    def settle(self) -> bool:
        """Wait until nothing is owed; whether no error has come since the last Sync."""
        poll = select.poll()
        poll.register(self._upstream, select.POLLIN)
        poll.register(self._client, HUNG_UP)
        while self._expected:
            for descriptor, _ in poll.poll():
                if descriptor != self._upstream:
                    raise Gone
                self._read()
        return not self.failed and not self.unknown

    def idle_news(self) -> None:
        """What PostgreSQL says of its own accord: a changed setting, or that it ends the session."""
        self._read()

    def _read(self) -> None:
        try:
            data = os.read(self._upstream, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            raise Gone from None
        if not data:
            raise Gone
        if self._streaming():
            self._stream(data)
        else:
            self._walk(data)

    # --- rows, unseen ---------------------------------------------------------------------------

    def _streaming(self) -> bool:
        """Whether rows of text are on their way, and nothing after them that is not the client's."""
        return self._in_rows and len(self._expected) == 2 and not self._expected[0].hidden and self._expected[1] is SYNC

    def _stream(self, data: bytes) -> None:
        data = self._rest + data
        if end := _END.search(data, max(0, len(data) - _LONGEST_END)):
            self._note_rows(end[0][:-7])
            self._client.send(memoryview(data)[:-6])
            self._end_stream(data[-1:])
        elif _READY.search(data, max(0, len(data) - 6)) and (place := _error_at(data)) >= 0:
            self._client.send(data[:place] + self._error(data[place + 5 : -6]))
            self._end_stream(data[-1:])
        else:
            self._client.send(memoryview(data)[:-HELD])
            self._rest = data[-HELD:]

    def _end_stream(self, state: bytes) -> None:
        self.state, self._rest, self._in_rows, self._synced = state, b"", False, True
        self._expected.clear()

    # --- messages, one by one -------------------------------------------------------------------

    def _walk(self, data: bytes) -> None:
        data = self._rest + data
        place, out = 0, bytearray()
        size = len(data)
        while size - place >= 5:
            end = place + 1 + int.from_bytes(data[place + 1 : place + 5], "big")
            if end > size:
                break
            kind = data[place : place + 1]
            if kind == b"D" and self._expected and not self._expected[0].hidden:
                out += data[place:end]
                self._in_rows = self._expected[0].text
            else:
                out += self._answer(kind, data[place + 5 : end])
            place = end
        self._rest = data[place:]
        if out:
            self._client.send(bytes(out))
        if self._streaming():
            rest, self._rest = self._rest, b""
            self._stream(rest)

    def _answer(self, kind: bytes, body: bytes) -> bytes:
        """What the client sees of a message."""
        if kind == b"E":
            return self._error(body)
        if kind == b"N":
            return b"" if self._expected and self._expected[0].hidden else protocol.message(kind, body)
        if kind == b"S":
            (name, value), _ = protocol.strings(body, 2)
            return protocol.parameter(name, value) if name in TOLD else b""
        if not self._expected or kind == b"A":
            return b""
        unit = self._expected[0]
        if kind == b"T":
            if unit.name is not None:
                self.types[unit.name] = protocol.column_types(body)
            body = protocol.known_types(body)
        if kind == b"t":
            self.parameters = body
        if kind == b"Z":
            self.state, self._synced = body, True
        if (unit.to == b"Q" and kind in b"CI") or _ENDS.get(kind) == unit.to:
            self._expected.popleft()
            self._in_rows = False
        if unit.hidden:
            return b""
        if kind == b"C":
            self._note_rows(body[:-1])
        return protocol.complete(unit.tag) if unit.tag and kind == b"C" else protocol.message(kind, body)

    def _note_rows(self, tag: bytes) -> None:
        count = tag.rpartition(b" ")[2]
        self.rows = int(count) if count.isdigit() else None

    def _error(self, body: bytes) -> bytes:
        """An error ends all that is owed up to the next Sync."""
        said = protocol.read_fields(body)
        tried = bool(self._expected) and self._expected[0].tried
        while self._expected and self._expected[0].to != b"S":
            self._expected.popleft()
        self._in_rows = False
        if tried and said.get("C") == "42703" and (name := re.search(r'column "([^"]+)" does not exist', said["M"])):
            self.unknown = name[1]
            return b""
        self.failed = True
        if self._silent:
            return b""
        self.said = worded(said, self._place)
        return protocol.fields(self.said)


def _error_at(data: bytes) -> int:
    """Where the error begins that is just before ReadyForQuery, at the end; -1 if that is something else."""
    place = end = len(data) - 6
    while (place := data.rfind(b"E", 0, place)) >= 0:
        size = int.from_bytes(data[place + 1 : place + 5], "big")
        if place + 1 + size == end and data[place + 5 : place + 6] == b"S":
            return place
    return -1


def _worded_missing(said: dict[str, str]) -> dict[str, str]:
    """A relation that is not there: a system table of Redshift's, or a column whose inside is asked for."""
    if missing := refusals.system_table(said["M"]):
        return said | {"C": missing.sqlstate, "M": missing.message, "H": missing.hint}
    if said["M"].startswith("missing FROM-clause entry"):
        hint = "if it is a column of type SUPER: navigation into SUPER is not supported by the local target"
        return {"H": hint} | said
    return said


def worded(said: dict[str, str], place: Path) -> dict[str, str]:
    """An error of PostgreSQL's as Redshift words it, without where in PostgreSQL it arose.

    Args:
        said: its fields, by PostgreSQL's letters.
        place: the folder of PostgreSQL's files, for who has to free space on its disk.
    """
    said = {letter: text for letter, text in said.items() if letter not in "WFLR"}
    if said.get("C") == "42P01":
        return _worded_missing(said)
    if said.get("C") == "40001":
        return said | {"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table", "H": ""}
    if said.get("C") == "21000" and said["M"].startswith("MERGE"):
        return said | {"C": "XX000", "M": "Found multiple matches to update the same tuple.", "D": "", "H": ""}
    return said | {"H": f"free space on the disk of {place}"} if said.get("C") == "53100" else said
