"""What has run, for SYS_QUERY_HISTORY and the views beside it.

In a table of PostgreSQL's it would be part of the client's transaction, which may be read-only, or be undone. So each
session appends lines to one of two files beside PostgreSQL's, which sql/history.sql reads: one when a statement begins,
and one when it ends. When a file is full, the other one begins anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from dwh.local.redshift.dialect.lexer import Tokens, code, word_set

FOLDER = "history"
LARGEST = 2 << 20  # bytes of a file
LONGEST = 4000  # characters of a statement, as in SYS_QUERY_HISTORY
STATE = struct.Struct("<qq")  # the number of the last query, and of the file that is written to
# query_type: https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html
KINDS = {
    **{verb: verb for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")},
    **dict.fromkeys(("WITH", "("), "SELECT"),
    **dict.fromkeys(("CREATE", "DROP", "ALTER", "TRUNCATE", "GRANT", "REVOKE", "COMMENT"), "DDL"),
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
        if os.fstat(self._state).st_size != STATE.size:
            os.pwrite(self._state, STATE.pack(0, 0), 0)

    def begin(self, line: list[Any]) -> int:
        """Write the line of a statement that begins, which gets the next number; the file that it is in."""
        fcntl.lockf(self._state, fcntl.LOCK_EX)
        try:
            last, place = STATE.unpack(os.pread(self._state, STATE.size, 0))
            line[0] = last + 1
            if os.fstat(self._files[place]).st_size > LARGEST:
                place = 1 - place
                os.ftruncate(self._files[place], 0)
            os.pwrite(self._state, STATE.pack(line[0], place), 0)
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
        words = code(statement)
        text, secrets = _text(statement)
        running = Running(self, words, secrets)
        running.line = [0, self.user, self.pid, self.database, _kind(words), self.label, _now(), None, "running"]
        running.line += [None, None, text]
        running.place = self.history.begin(running.line)
        return running


@dataclass
class Running:
    """A statement that runs."""

    recorder: Recorder
    words: Tokens
    secrets: list[str]
    line: list[Any] = field(default_factory=list)
    place: int = 0

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
        self.line[7:11] = [_now(), status, returned, message or None]
        self.recorder.history.write(self.line, self.place)
        if done and [word.upper for word in self.words[1:2]] == ["QUERY_GROUP"]:
            value = self.words[-1]
            self.recorder.label = value.value if value.kind == "string" else "default"


def _now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def _kind(words: Tokens) -> str:
    """The type of a query, as SYS_QUERY_HISTORY has it."""
    verb = words[0].upper
    if verb == "CREATE" and "TABLE" in [word.upper for word in words[1:4]]:
        full = any(one.upper == "AS" and two.upper in ("SELECT", "WITH", "(") for one, two in pairwise(words))
        return "CTAS" if full else "DDL"
    return KINDS.get(verb, "OTHER" if verb in ("FETCH", "EXECUTE", "EXPLAIN", "SHOW") else "UTILITY")


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
