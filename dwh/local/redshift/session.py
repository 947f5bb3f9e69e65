"""One session: a client that has logged in, and what it asks."""

from __future__ import annotations

import select

from dwh.local.redshift import protocol
from dwh.local.redshift.backend import Connection
from dwh.local.redshift.channel import Channel, Gone
from dwh.local.redshift.dialect import lexer, statements
from dwh.local.redshift.engine import Engine
from dwh.local.redshift.errors import RedshiftError
from dwh.local.redshift.extended import Extended
from dwh.local.redshift.protocol import IDLE, ProtocolError


def serve(client: Channel, backend: Connection, alive: int) -> None:
    """Answer one message after the other until the client says goodbye.

    Args:
        client: that has logged in.
        backend: its connection to PostgreSQL.
        alive: a descriptor that can be read once the listener has gone, with which sessions end.

    Raises:
        Gone: the client, or PostgreSQL, has closed the connection.
        ProtocolError: what the client sends is no message.
    """
    engine = Engine(client, backend)
    extended = Extended(engine)
    while True:
        _wait(engine, alive)
        kind, body = client.receive()
        if kind == b"X":
            return
        if kind == b"Q":
            (sql,), _ = protocol.strings(body, 1)
            query(engine, sql)
        elif kind in b"PBDECHS":
            extended.take(kind, body)
        elif kind == b"F":
            engine.refuse(RedshiftError("function calls by the protocol are not supported", "0A000"))
            client.send(protocol.ready(engine.relay.state))
        elif kind not in b"dcf":  # what is left of a COPY from the client, which was refused
            raise ProtocolError(f"invalid frontend message type {kind[0]}")


def _wait(engine: Engine, alive: int) -> None:
    """Until the client says something; PostgreSQL may, too."""
    client, upstream = engine.client.fileno(), engine.backend.fileno()
    poll = select.poll()
    poll.register(client, select.POLLIN)
    poll.register(upstream, select.POLLIN)
    poll.register(alive, select.POLLIN)
    while not engine.client.has_more():
        ready = [descriptor for descriptor, _ in poll.poll()]
        if alive in ready:
            raise Gone
        if upstream in ready:
            engine.relay.idle_news()
        if client in ready:
            return


def query(engine: Engine, sql: str) -> None:
    """Run a string of statements, which are one transaction unless they say otherwise, and tell the client."""
    parts = lexer.split(sql)
    if not parts:
        engine.client.send(protocol.EMPTY_QUERY)
    for part in parts:
        if not _statement(engine, part, several=len(parts) > 1):
            break
    engine.end_implicit()
    engine.client.send(protocol.ready(engine.relay.state))


def _statement(engine: Engine, statement: lexer.Tokens, *, several: bool) -> bool:
    """Run one statement; whether it succeeded."""
    try:
        plan = statements.translate(statement)
        if several and engine.relay.state == IDLE and not plan.control and not plan.alone:
            engine.begin_implicit()
        engine.begin(statement)
        done = engine.run(plan, statement, several=several)
    except RedshiftError as error:
        done = engine.refuse(error)
    engine.end(done=done)
    return done
