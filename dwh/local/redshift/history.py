"""What has run, for SYS_QUERY_HISTORY and the views beside it.

In a table of PostgreSQL's it would be part of the client's transaction, which may be read-only, or be undone. So each
session appends lines to files beside PostgreSQL's, which sql/history.sql reads: one when a statement begins, and one
when it ends. There are two files, each for so many statements in turn.
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
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dwh.local.redshift.dialect.lexer import Tokens, code, word_set, words

if TYPE_CHECKING:
    from psycopg2.extensions import connection

FOLDER = "history"
EACH = 2000  # statements of a file
LONGEST = 4000  # characters of a statement, as in SYS_QUERY_HISTORY
LAST = struct.Struct("<q")  # the number of the last query
# query_type: https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html
KINDS = {
    **{verb: verb for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")},
    **dict.fromkeys(("WITH", "("), "SELECT"),
    **dict.fromkeys(("CREATE", "DROP", "ALTER", "TRUNCATE", "GRANT", "REVOKE", "COMMENT"), "DDL"),
    **dict.fromkeys(("FETCH", "EXECUTE", "EXPLAIN", "SHOW"), "OTHER"),
}
# The strings after one of these words are secrets; a text without any of the parts has none of them. In a statement
# about users every string is one: a word that is misspelt is no reason to show what comes after it.
SECRET = word_set("PASSWORD CREDENTIALS ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN TOKEN MASTER_SYMMETRIC_KEY")
PARTS = ("password", "credentials", "_key", "token")
MASK = "'***'"


class History:
    """The files, which the listener opens and its sessions inherit."""

    def __init__(self, place: Path) -> None:
        """Open them in the folder of PostgreSQL's files, whose owner reads them."""
        owner = place.stat()
        (place / FOLDER).mkdir(mode=0o700, exist_ok=True)
        folder = os.open(place / FOLDER, os.O_DIRECTORY | os.O_NOFOLLOW)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_APPEND
        self._state, *self._files = (os.open(name, flags, 0o600, dir_fd=folder) for name in ("state", "0", "1"))
        for made in (folder, self._state, *self._files):
            os.fchown(made, owner.st_uid, owner.st_gid)
        os.close(folder)
        if os.fstat(self._state).st_size < mmap.PAGESIZE:
            os.write(self._state, bytes(mmap.PAGESIZE))  # a disk that is full later has it then
        self._last = mmap.mmap(self._state, mmap.PAGESIZE)

    def next(self) -> int:
        """The number of a query that begins."""
        fcntl.lockf(self._state, fcntl.LOCK_EX)
        try:
            number = int(LAST.unpack_from(self._last)[0]) + 1
            LAST.pack_into(self._last, 0, number)
            if number % EACH == 0:
                os.ftruncate(self._files[number // EACH % 2], 0)
        finally:
            fcntl.lockf(self._state, fcntl.LOCK_UN)
        return number

    def write(self, line: list[Any]) -> None:
        """Append a line, which begins with its number; a disk that is full loses it, and must not lose a statement."""
        data = msgspec.json.encode(line)
        if not data.isascii():  # PostgreSQL would refuse a character of which the rest is still to come
            data = json.dumps(line).encode()
        with suppress(OSError):
            os.write(self._files[line[0] // EACH % 2], b"\n" + data)


class Recorder:
    """Takes down what one session runs."""

    def __init__(self, history: History, session: connection) -> None:
        self._history = history
        with session.cursor() as cursor:
            cursor.execute("SELECT current_user::regrole::oid::int, pg_backend_pid(), current_database()")
            self._session = cursor.fetchone() or ()

    def begin(self, statement: Tokens) -> list[Any]:
        """A statement begins; its line, to end with."""
        line = [self._history.next(), *self._session, _kind(statement), _now(), None, "running", None, None]
        line.append(_text(statement, line[4]))
        self._history.write(line)
        return line

    def end(self, line: list[Any], *, done: bool, rows: int | None, error: Mapping[str, str]) -> None:
        """It has ended.

        Args:
            line: of its beginning.
            done: it succeeded.
            rows: that the client was given.
            error: what the client was told, by PostgreSQL's letters.
        """
        status = "success" if done else "canceled" if error.get("C") == "57014" else "failed"
        returned = (rows if line[4] in ("SELECT", "OTHER") else 0) if done else None
        message = error.get("M") if MASK not in line[-1] else "***"  # which might quote the secret
        line[6:10] = [_now(), status, returned, message]
        self._history.write(line)


def _now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def _kind(statement: Tokens) -> str:
    """The type of a query, as SYS_QUERY_HISTORY has it."""
    kind = KINDS.get(next(token for token in statement if not token.is_blank).upper, "UTILITY")
    said = [token.upper for token in code(statement)] if kind == "DDL" else []
    made_full = any(one == "AS" and two in ("SELECT", "WITH", "(") for one, two in pairwise(said))
    return "CTAS" if made_full and "TABLE" in said[:4] else kind


def _text(statement: Tokens, kind: str) -> str:
    """The beginning of a statement of a kind, its secrets masked."""
    text = ""
    for token in statement:
        text += token.text
        if len(text) > LONGEST:
            break
    users = kind == "DDL" and words(statement, 2)[1] in ("USER", "ROLE", "GROUP")
    if users or any(part in text.lower() for part in PARTS):
        text, after = "", users
        for token in statement:
            masked = after and token.kind in ("string", "dollar")
            text += MASK if masked else token.text
            goes_on = masked or token.is_blank or token.upper in ("AS", "=", "TO", "(")
            after = users or token.name.upper() in SECRET or (after and goes_on)
    return text.strip()[:LONGEST]
