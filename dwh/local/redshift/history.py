"""What has run, for SYS_QUERY_HISTORY and the views beside it.

In a table of PostgreSQL's it would be part of the client's transaction, which may be read-only, or be undone. So each
session appends lines to one of two files beside PostgreSQL's, which sql/history.sql reads: one when a statement begins,
and one when it ends. When a file is full, the other one begins anew.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from dwh.local.redshift.dialect.lexer import Tokens, code, word_set

FOLDER = "history"
LARGEST = 2 << 20  # bytes of a file, about
OVERHEAD = 120  # bytes of a line without the statement, about
LONGEST = 4000  # characters of a statement, as in SYS_QUERY_HISTORY
# The number of the last query, that of the file that is written to, and its size.
STATE = struct.Struct("<qqq")
# query_type: https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html
KINDS = {
    **{verb: verb for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")},
    **dict.fromkeys(("WITH", "("), "SELECT"),
    **dict.fromkeys(("DROP", "ALTER", "TRUNCATE", "GRANT", "REVOKE", "COMMENT"), "DDL"),
}
# A string after one of these words is a secret; a text without any of the parts has none of them.
SECRET = word_set("PASSWORD CREDENTIALS ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN MASTER_SYMMETRIC_KEY")
PARTS = ("password", "credentials", "_key", "_token")
MASK = "'***'"
CANCELED = "57014"


class History:
    """The files, which the listener opens and its sessions inherit."""

    def __init__(self, place: Path) -> None:
        """Open them in the folder of PostgreSQL's files, whose owner reads them."""
        owner = place.stat()
        (place / FOLDER).mkdir(mode=0o700, exist_ok=True)
        folder = os.open(place / FOLDER, os.O_DIRECTORY | os.O_NOFOLLOW)
        self._state, *self._files = (
            os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flag, 0o600, dir_fd=folder)
            for name, flag in (("state", 0), ("0", os.O_APPEND), ("1", os.O_APPEND))
        )
        for made in (folder, self._state, *self._files):
            os.fchown(made, owner.st_uid, owner.st_gid)
        os.close(folder)
        if os.fstat(self._state).st_size < mmap.PAGESIZE:
            os.write(self._state, bytes(mmap.PAGESIZE))  # a disk that is full later has it then
        self._shared = mmap.mmap(self._state, mmap.PAGESIZE)

    def begin(self, line: list[Any]) -> int:
        """Write the line of a statement that begins, which gets the next number; the file that it is in."""
        fcntl.lockf(self._state, fcntl.LOCK_EX)
        try:
            last, place, size = STATE.unpack_from(self._shared)
            line[0] = last + 1
            if size > LARGEST:
                place, size = 1 - place, 0
                os.ftruncate(self._files[place], 0)
            # Its line at the end is about as long as that of its beginning.
            STATE.pack_into(self._shared, 0, line[0], place, size + 2 * (len(line[-1]) + OVERHEAD))
        finally:
            fcntl.lockf(self._state, fcntl.LOCK_UN)
        self.write(line, place)
        return int(place)

    def write(self, line: list[Any], place: int) -> None:
        """Append a line to a file; a disk that is full loses it, and must not lose a statement."""
        data = msgspec.json.encode(line)
        if not data.isascii():  # PostgreSQL would refuse a character of which the rest is still to come
            data = json.dumps(line).encode()
        with suppress(OSError):
            os.write(self._files[place], b"\n" + data)


@dataclass
class Recorder:
    """Takes down what one session runs.

    Args:
        history: the files.
        user: its number.
        pid: of the session, as clients know it.
        database: its name.
    """

    history: History
    user: int
    pid: int
    database: str
    label: str = "default"  # QUERY_GROUP

    def begin(self, statement: Tokens) -> Running:
        """A statement begins."""
        text, secrets = _text(statement)
        facts = self.user, self.pid, self.database, _kind(statement), self.label
        line = [0, *facts, time.time_ns() // 1000, None, "running", None, None, text]
        return Running(self, statement, secrets, line, self.history.begin(line))


@dataclass
class Running:
    """A statement that runs."""

    recorder: Recorder
    statement: Tokens
    secrets: list[str]
    line: list[Any]
    place: int

    @property
    def number(self) -> int:
        """The number of the query."""
        return int(self.line[0])

    def end(self, *, done: bool, rows: int | None = None, error: Mapping[str, str] | None = None) -> None:
        """It has ended.

        Args:
            done: it succeeded.
            rows: that the client was given.
            error: what the client was told, by PostgreSQL's letters; none if it had gone.
        """
        error = error or {}
        status = "success" if done else "failed" if error.get("C", CANCELED) != CANCELED else "canceled"
        message = error.get("M", "")
        for secret in self.secrets:
            message = message.replace(secret, MASK)
        returned = (rows if self.line[4] in ("SELECT", "OTHER") else 0) if done else None
        self.line[7:11] = [time.time_ns() // 1000, status, returned, message or None]
        self.recorder.history.write(self.line, self.place)
        if done and self.line[4] == "UTILITY":
            self._note_label()

    def _note_label(self) -> None:
        """SET and RESET of QUERY_GROUP label the statements that come."""
        words = code(self.statement)
        if [word.upper for word in words[1:2]] == ["QUERY_GROUP"]:
            self.recorder.label = words[-1].value if words[-1].kind == "string" else "default"


def _kind(statement: Tokens) -> str:
    """The type of a query, as SYS_QUERY_HISTORY has it."""
    verb = next(token for token in statement if not token.is_blank).upper
    if verb != "CREATE":
        return KINDS.get(verb, "OTHER" if verb in ("FETCH", "EXECUTE", "EXPLAIN", "SHOW") else "UTILITY")
    words = [word.upper for word in code(statement)]
    full = any(one == "AS" and two in ("SELECT", "WITH", "(") for one, two in pairwise(words))
    return "CTAS" if full and "TABLE" in words[1:4] else "DDL"


def _text(statement: Tokens) -> tuple[str, list[str]]:
    """The beginning of a statement, its secrets masked, and these."""
    text = ""
    for token in statement:
        text += token.text
        if len(text) > LONGEST:
            break
    lower = text.lower()
    if not any(part in lower for part in PARTS):
        return text.strip()[:LONGEST], []
    text, secrets, after = "", [], False
    for token in statement:
        if after and token.kind in ("string", "dollar"):
            secrets += [token.text, token.text.strip("'")]
            text, after = text + MASK, False
            continue
        text += token.text
        after = token.upper in SECRET or (after and (token.is_blank or token.upper in ("AS", "=", "TO")))
    return text.strip()[:LONGEST], [secret for secret in secrets if secret]
