"""How the statements of a session are carried out, whichever of the two protocols they came by."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg2

from dwh.local.redshift import protocol
from dwh.local.redshift.backend import Connection
from dwh.local.redshift.channel import Channel, Gone
from dwh.local.redshift.copy import run
from dwh.local.redshift.dialect import lexer, statements
from dwh.local.redshift.errors import RedshiftError
from dwh.local.redshift.protocol import FAILED, IDLE
from dwh.local.redshift.relay import Relay, worded

# libpq's transaction status -> ours.
STATES = {0: IDLE, 2: protocol.IN_TRANSACTION, 3: FAILED}


class Engine:
    """Carries out plans for one client, and tells it what came of them."""

    def __init__(self, client: Channel, backend: Connection) -> None:
        self.client = client
        self.backend = backend
        self.relay = Relay(client, backend.fileno(), backend.place)
        # A transaction that the client did not begin: it ends with the string of statements, or with the Sync.
        self.implicit = False
        backend.in_transaction = lambda: self.relay.state != IDLE
        backend.check_client = self._check_client
        self._copying = False
        self._running: list[list[Any]] = []
        signal.signal(signal.SIGINT, self._canceled)

    def begin(self, statement: lexer.Tokens) -> None:
        """Take down that a statement begins."""
        if not self._running:
            self.relay.rows, self.relay.said = None, {}
        self._running.append(self.backend.recorder.begin(statement))
        self.backend.query = self._running[-1][0]

    def end(self, *, done: bool) -> None:
        """Take down that those that have begun have ended: one, or a batch whose answers came together."""
        rows = self.relay.rows if len(self._running) == 1 else None
        for line in self._running:
            self.backend.recorder.end(line, done=done, rows=rows, error=self.relay.said)
        self._running.clear()

    def run(self, plan: statements.Plan, statement: lexer.Tokens, *, several: bool = False) -> bool:
        """Carry out a plan, and tell the client; whether it succeeded.

        Raises:
            RedshiftError: it is refused.
        """
        if plan.control and self.implicit:
            return self._control(plan)
        if plan.copy:
            return self._copy(statement)
        if plan.alone and (several or self.relay.state != IDLE):
            raise RedshiftError(f"{plan.alone} cannot run inside a transaction block", "25001")
        done = self._with_aliases(plan, statement) if plan.laterals else self._send(plan)
        if done and plan.commits and self.relay.state != IDLE:
            self.implicit = False
            return self.hidden("COMMIT")
        return done

    def _send(self, plan: statements.Plan, *, tried: bool = False) -> bool:
        lock = [plan.lock] if plan.writes else []
        return self.relay.simple([*lock, plan.sql, *plan.after], len(lock), tag=plan.tag, tried=tried)

    def _with_aliases(self, plan: statements.Plan, statement: lexer.Tokens) -> bool:
        """Run what may use an alias in its own list: a column of that name would win, so it is tried without first."""
        known: frozenset[str] = frozenset()
        while True:
            with self.attempt():
                done = self._send(plan, tried=True)
            name = self.relay.unknown
            if not name or self.relay.failed:
                return done
            if name in known:
                return self.refuse(RedshiftError(f'column "{name}" does not exist', "42703"))
            known |= {name}
            plan = statements.translate(statement, known)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """In a transaction, let it go on if PostgreSQL does not know a column."""
        inside = self.relay.state != IDLE
        if inside:
            self.hidden("SAVEPOINT redshift")
        yield
        if inside and self.relay.unknown:
            unknown = self.relay.unknown
            self.hidden("ROLLBACK TO SAVEPOINT redshift", "RELEASE SAVEPOINT redshift")
            self.relay.unknown = unknown
        elif inside and not self.relay.failed:
            self.hidden("RELEASE SAVEPOINT redshift")

    def hidden(self, *sql: str) -> bool:
        """Run statements that the client does not see, but for an error."""
        return self.relay.simple(sql, None)

    # --- transactions ---------------------------------------------------------------------------

    def begin_implicit(self) -> None:
        """Begin a transaction that the client did not ask for."""
        self.hidden("BEGIN")
        self.implicit = True

    def end_implicit(self, *, failed: bool = False) -> None:
        """End it: an error has undone it."""
        if self.implicit:
            self.implicit = False
            self.hidden("ROLLBACK" if failed or self.relay.state == FAILED else "COMMIT")

    def _control(self, plan: statements.Plan) -> bool:
        """BEGIN, COMMIT and ROLLBACK in a string of statements: the transaction is the client's now, or over."""
        self.implicit = False
        if plan.control == "BEGIN":
            self.client.send(protocol.complete("BEGIN"))
            return True
        return self.relay.simple([plan.sql])

    def refuse(self, error: RedshiftError) -> bool:
        """Tell the client of an error of ours; a transaction is lost with it."""
        if self.relay.state not in (IDLE, FAILED):
            self.relay.abort()
        self.relay.said = {"C": error.sqlstate, "M": error.message}
        self.client.send(protocol.error(error.message, error.sqlstate, detail=error.detail, hint=error.hint))
        return False

    # --- COPY -----------------------------------------------------------------------------------

    def _copy(self, statement: lexer.Tokens) -> bool:
        if self.relay.state == FAILED:  # PostgreSQL says so
            return self.relay.simple(["SELECT 1"])
        try:
            with self._by_libpq():
                run.copy(self.backend, lexer.code(statement))
        except RedshiftError as error:
            return self.refuse(error)
        except psycopg2.Error as error:
            self.relay.said = _told(error, self.backend.place)
            self.client.send(protocol.fields(self.relay.said))
            return False
        self.client.send(protocol.complete("COPY"))
        return True

    @contextmanager
    def _by_libpq(self) -> Iterator[None]:
        """Let libpq talk to PostgreSQL itself, and take over what it has heard."""
        self._copying = True
        try:
            with self.backend.cursor() as cursor:
                cursor.execute("SELECT 1")  # or it would not know of a transaction when COPY fails at once
            yield
        except (RedshiftError, psycopg2.Error):
            self._after_libpq()
            raise
        self._after_libpq()

    def _after_libpq(self) -> None:
        self._copying = False
        status = self.backend.get_transaction_status()
        if status not in STATES:
            raise Gone
        self.relay.state = STATES[status]
        for said in self.backend.notices:
            severity, _, text = said.strip().partition(":  ")
            self.client.send(protocol.notice(text, severity))
        self.backend.notices.clear()

    def _check_client(self) -> None:
        if self.client.is_closed():
            raise Gone

    def _canceled(self, _signal: int, _frame: FrameType | None) -> None:
        """The client cancels. PostgreSQL was told as well; COPY may be at work here, between two of its statements."""
        if self._copying:
            self._copying = False
            raise RedshiftError("Query cancelled on user's request", "57014")


def _told(error: psycopg2.Error, place: Path) -> dict[str, str]:
    """What PostgreSQL told libpq, for the client."""
    diag = error.diag
    said = {
        "S": "ERROR",
        "V": "ERROR",
        "C": error.pgcode or "XX000",
        "M": diag.message_primary or str(error).strip(),
        "D": diag.message_detail or "",
        "H": diag.message_hint or "",
    }
    return worded(said, place)
