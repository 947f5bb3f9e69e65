"""The extended protocol: statements that are prepared, bound to parameters, and run by portal.

Messages are kept until a Sync or a Flush asks for their answers: then it is known whether one of them changes a table,
and has to lock it before PostgreSQL takes a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass

from dwh.local.redshift import protocol
from dwh.local.redshift.dialect import lexer, statements
from dwh.local.redshift.engine import Engine
from dwh.local.redshift.errors import RedshiftError
from dwh.local.redshift.protocol import IDLE
from dwh.local.redshift.relay import HIDDEN, SYNC, Expected

# Bytes of messages that are kept; more than that are run as they come.
MOST_KEPT = 1 << 20
# What a statement that is kept here answers to Parse, Bind and Close.
ANSWERS = {b"P": protocol.PARSED, b"B": protocol.BOUND, b"C": protocol.CLOSED}
NOTHING = statements.Plan("")


@dataclass(frozen=True)
class Prepared:
    """A prepared statement: its text and its plan; that of an empty one is nothing, as PostgreSQL takes it."""

    tokens: lexer.Tokens
    plan: statements.Plan


@dataclass(frozen=True)
class Message:
    """A message of the client's, and what is known of the statement that it is about.

    Args:
        kind: P, B, D, E or C.
        body: without its length.
        prepared: the statement; None for one that PostgreSQL knows by itself, as a cursor that was declared.
        name: of the statement, or else of the portal.
        whole: it names the statement, not a portal.
        text: the columns of the portal all come as text.
    """

    kind: bytes
    body: bytes
    prepared: Prepared | None
    name: str
    whole: bool = False
    text: bool = True

    @property
    def own(self) -> bool:
        """Whether we answer it ourselves."""
        return self.prepared is not None and self.prepared.plan.own


class Extended:
    """What a session has prepared, and the messages that wait for a Sync."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._relay = engine.relay
        self._prepared: dict[str, Prepared] = {}
        self._portals: dict[str, tuple[Prepared | None, bool]] = {}
        self._kept: list[tuple[bytes, bytes]] = []
        self._size = 0
        # After an error everything is passed over, up to the next Sync.
        self._skipping = False
        # Since the last Sync, outside a transaction: whether something has run, or is bound and would be lost by one.
        self._ran = self._bound = False
        # Whether the client has begun a transaction since then, which its state does not show yet.
        self._begun = False

    def take(self, kind: bytes, body: bytes) -> None:
        """One message of the client."""
        if kind == b"S":
            self._run_kept()
            self._sync()
        elif kind == b"H":
            self._run_kept()
            if not self._skipping:
                self._flush()
        elif not self._skipping:
            self._kept.append((kind, body))
            self._size += len(body)
            if self._size > MOST_KEPT:
                self._run_kept()

    # --- a batch --------------------------------------------------------------------------------

    def _run_kept(self) -> None:
        kept, self._kept, self._size = self._kept, [], 0
        if self._skipping:
            return
        batch, refused = self._read_all(kept)
        if self._needs_block(batch):
            self._relay.besides("BEGIN")
            self._engine.implicit = True
        try:
            for message in batch:
                self._handle(message)
                if self._skipping:
                    return
            if refused:
                raise refused
        except RedshiftError as error:
            self._fail(error)

    def _read_all(self, kept: list[tuple[bytes, bytes]]) -> tuple[list[Message], RedshiftError | None]:
        """The messages up to the first that is refused, which is when those before it have run; and why it is."""
        batch: list[Message] = []
        for kind, body in kept:
            try:
                batch.append(self._read(kind, body))
            except RedshiftError as error:
                return batch, error
        return batch, None

    def _read(self, kind: bytes, body: bytes) -> Message:
        if kind == b"P":
            (name, sql), _ = protocol.strings(body, 2)
            return Message(kind, body, self._prepare(name, sql), name, whole=True)
        if kind == b"B":
            asked = protocol.bind(body)
            prepared = self._prepared.get(asked.statement)
            self._portals[asked.portal] = prepared, not any(asked.formats)
            return Message(kind, body, prepared, asked.statement, whole=True)
        if kind == b"E":
            (name,), _ = protocol.strings(body, 1)
            prepared, as_text = self._portals.get(name, (None, False))
            self._portals[name] = None, as_text  # another one has the rest of the rows
            return Message(kind, body, prepared, name, text=as_text)
        (name,), _ = protocol.strings(body[1:], 1)
        whole = body[:1] == b"S"
        prepared = self._prepared.get(name) if whole else self._portals.get(name, (None, False))[0]
        if kind == b"C":
            (self._prepared if whole else self._portals).pop(name, None)
        return Message(kind, body, prepared, name, whole=whole)

    def _prepare(self, name: str, sql: str) -> Prepared:
        parts = lexer.split(sql)
        if len(parts) > 1:
            raise RedshiftError("cannot insert multiple commands into a prepared statement", "42601")
        self._prepared[name] = Prepared(parts[0], statements.translate(parts[0])) if parts else Prepared([], NOTHING)
        self._relay.types.pop(name, None)
        return self._prepared[name]

    def _needs_block(self, batch: list[Message]) -> bool:
        """Whether the batch has to be a transaction of our own making, so that a lock can come before its snapshot."""
        if self._relay.state != IDLE or self._ran:
            return False
        plans = [message.prepared.plan for message in batch if message.kind == b"E" and message.prepared]
        if any(plan.control for plan in plans):
            return False
        return any(plan.writes for plan in plans) or (
            len(plans) > 1 and any(plan.own or plan.laterals for plan in plans)
        )

    # --- one message ----------------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        if message.own:
            self._answer_own(message)
        elif message.kind == b"P":
            self._parse(message)
        elif message.kind == b"B":
            self._bind(message)
        elif message.kind == b"E":
            self._execute(message)
        else:
            name = message.name if message.kind == b"D" and message.whole else None
            self._pass_on(message, Expected(message.kind, name=name))

    def _pass_on(self, message: Message, expected: Expected) -> None:
        self._relay.ask(protocol.message(message.kind, message.body), [expected])

    def _answer_own(self, message: Message) -> None:
        """What takes more than one statement of PostgreSQL's is kept here, and run at once when its turn has come."""
        if message.kind == b"B" and (count := protocol.bind(message.body).parameters):
            raise RedshiftError(f"bind message supplies {count} parameters, but the statement takes none", "08P01")
        if message.kind == b"E" and message.prepared and self._settled():
            prepared, several = message.prepared, self._engine.implicit
            self._engine.begin(prepared.tokens)
            self._skipping = not self._engine.run(prepared.plan, prepared.tokens, several=several)
        if message.kind == b"D":
            self._say((protocol.NO_PARAMETERS if message.whole else b"") + protocol.NO_DATA)
        elif message.kind in ANSWERS:
            self._say(ANSWERS[message.kind])

    def _parse(self, message: Message) -> None:
        (name, sql), types = protocol.strings(message.body, 2)
        if prepared := message.prepared:
            sql = prepared.plan.sql
            if prepared.plan.laterals and self._may_try():
                sql = self._known_aliases(prepared, types)
            self._lock(prepared)
            if "$" in sql and (prepared.plan.writes or "super" in sql.lower()) and not self._skipping:
                types = self._typed(sql, types)
        if not self._skipping:
            self._relay.ask(protocol.message(b"P", protocol.text(name, sql) + types), [Expected(b"P")])

    def _typed(self, sql: str, types: bytes) -> bytes:
        """The types of a statement's parameters: what PostgreSQL would read as SUPER is a string, as a literal is."""
        parse = protocol.message(b"P", protocol.text(HIDDEN, sql) + types)
        close, describe = (protocol.message(kind, b"S" + protocol.text(HIDDEN)) for kind in (b"C", b"D"))
        units = [Expected(kind, hidden=True) for kind in (b"C", b"P", b"D")]
        self._relay.ask(close + parse + describe + protocol.FLUSH, units)
        self._skipping = not self._relay.settle()
        return types if self._skipping else protocol.custom_as_text(self._relay.parameters, types)

    @property
    def _inside(self) -> bool:
        """Whether a transaction is open, or will be when PostgreSQL has come to what it was sent."""
        return self._engine.implicit or self._begun or self._relay.state != IDLE

    def _may_try(self) -> bool:
        """Whether a statement can be tried before the next Sync: one of ours must end nothing of the client's."""
        return (self._inside or not (self._ran or self._bound)) and self._settled()

    def _known_aliases(self, prepared: Prepared, types: bytes) -> str:
        """The statement in which each alias of its own list that PostgreSQL does not know is what it is the name of."""
        known: frozenset[str] = frozenset()
        plan = prepared.plan
        while True:
            parse = protocol.message(b"P", protocol.text(HIDDEN, plan.sql) + types)
            close = protocol.message(b"C", b"S" + protocol.text(HIDDEN))
            units = [Expected(b"C", hidden=True), Expected(b"P", hidden=True, tried=True), SYNC]
            with self._engine.attempt():
                self._relay.ask(close + parse + protocol.SYNC, units)
                self._relay.settle()
            name = self._relay.unknown
            if self._relay.failed:
                self._skipping = True
            if not name or name in known or self._skipping:
                return plan.sql
            known |= {name}
            plan = statements.translate(prepared.tokens, known)

    def _lock(self, prepared: Prepared) -> None:
        if prepared.plan.writes and self._inside:
            self._relay.besides(prepared.plan.lock)

    def _bind(self, message: Message) -> None:
        asked = protocol.bind(message.body)
        if message.prepared:
            self._lock(message.prepared)
        if any(asked.formats) and asked.statement not in self._relay.types:
            self._learn_types(asked.statement)
            if self._skipping:
                return
        self._bound = self._relay.state == IDLE
        types = self._relay.types.get(asked.statement, [])
        self._relay.ask(asked.as_text(types), [Expected(b"B")])

    def _learn_types(self, name: str) -> None:
        describe = protocol.message(b"D", b"S" + protocol.text(name)) + protocol.FLUSH
        self._relay.ask(describe, [Expected(b"D", hidden=True, name=name)])
        self._skipping = not self._relay.settle()
        self._relay.types.setdefault(name, [])

    def _execute(self, message: Message) -> None:
        if message.prepared and message.prepared.tokens and not self._relay.failed:
            self._engine.begin(message.prepared.tokens)
        if message.prepared and message.prepared.plan.control:
            self._engine.implicit, self._begun = False, message.prepared.plan.control == "BEGIN"
        self._ran = self._ran or self._relay.state == IDLE
        self._pass_on(message, Expected(b"E", text=message.text))

    # --- answers --------------------------------------------------------------------------------

    def _say(self, data: bytes) -> None:
        """An answer of ours, in its place after those that PostgreSQL owes."""
        if self._relay.clean or self._flush():
            self._engine.client.send(data)

    def _flush(self) -> bool:
        """Have what PostgreSQL owes; whether all went well."""
        if not self._relay.clean:
            if not self._ran and not self._bound:
                return self._settled()
            self._relay.ask(protocol.FLUSH, [])
            self._skipping = not self._relay.settle()
        return not self._skipping

    def _settled(self) -> bool:
        """Have what PostgreSQL owes, and let it end what it began by itself; whether all went well."""
        if self._relay.open:
            self._relay.ask(protocol.SYNC, [SYNC])
            self._skipping = not self._relay.settle()
        return not self._skipping

    def _sync(self) -> None:
        done = not self._skipping
        if self._engine.implicit and not self._skipping:
            self._relay.besides("COMMIT")
        if self._relay.open:
            self._relay.ask(protocol.SYNC, [SYNC])
            done = self._relay.settle() and done
            self._engine.implicit = self._engine.implicit and self._relay.state != IDLE
        self._engine.end_implicit(failed=self._skipping)
        self._engine.end(done=done)
        self._skipping = self._ran = self._bound = self._begun = False
        if self._relay.state == IDLE:
            self._portals.clear()
        self._engine.client.send(protocol.ready(self._relay.state))

    def _fail(self, error: RedshiftError) -> None:
        """Refuse a message in its turn; what has run since the last Sync is undone, as by an error of PostgreSQL's."""
        if self._relay.open:
            self._relay.ask(protocol.FLUSH, [])
            if not self._relay.settle():
                self._skipping = True
                return
            self._relay.abort()
        self._engine.refuse(error)
        self._skipping = True
