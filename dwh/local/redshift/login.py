"""The start of a connection: TLS, the password, and what a client is told at first."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from dwh.local.redshift import backend, protocol, relay
from dwh.local.redshift.backend import Connection
from dwh.local.redshift.channel import Channel
from dwh.local.redshift.dialect.refusals import ENCODINGS, SETTINGS
from dwh.local.redshift.errors import RedshiftError
from dwh.local.redshift.protocol import ProtocolError
from dwh.local.redshift.roles import SYSTEM

# What Redshift says of itself: clients parse it, and some know Redshift by the last one.
TOLD = {
    "server_version": "8.0.2",
    "server_encoding": "UTF8",
    "integer_datetimes": "on",
    "standard_conforming_strings": "off",
    "padb_version": "1.0.0",
    "padb_revision": "local",
}
# The encodings of clients: all are UTF-8, but for what says nothing about it.
KEY_BYTES = 4
# A part of PostgreSQL's refusal -> its SQLSTATE, which libpq does not hand on.
STATES = (
    ("password authentication", "28P01"),
    ("does not exist", "3D000"),
    ("pg_hba.conf", "28000"),
    ("invalid value", "22023"),
)


@dataclass(frozen=True)
class Door:
    """What it takes to let clients in.

    Args:
        socket: the folder of PostgreSQL's socket.
        sessions: a folder in which each session is written down, for who cancels it.
        context: of TLS.
        require_ssl: refuse a connection without.
    """

    socket: Path
    sessions: Path
    context: ssl.SSLContext
    require_ssl: bool


def admit(client: Channel, door: Door, *, full: str) -> Connection | None:
    """Let a client in; None for one that only came to cancel a statement, or to look.

    Args:
        client: a connection that was just accepted.
        door: see there.
        full: why nobody is let in any more, or nothing.

    Raises:
        RedshiftError: the client may not come in.
        ProtocolError: it does not speak the protocol.
        Gone: it has hung up.
    """
    code, body = _negotiate(client, door)
    if code == protocol.CANCEL:
        cancel(door.sessions, body)
        return None
    if code != protocol.VERSION:
        raise RedshiftError(f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}: server supports 3.0", "0A000")
    asked = protocol.startup(body)
    if door.require_ssl and not client.encrypted:
        user, database = asked.get("user", ""), asked.get("database", "")
        raise RedshiftError(f'no pg_hba.conf entry for user "{user}", database "{database}", SSL off', "28000")
    if full:
        raise RedshiftError(full, "53300")
    return _log_in(client, door, asked)


def _negotiate(client: Channel, door: Door) -> tuple[int, bytes]:
    asked = set()
    while True:
        code, body = client.startup()
        if code in asked:
            raise ProtocolError("asked twice for the same")
        asked.add(code)
        if code == protocol.TLS and not client.encrypted:
            client.send(b"S")
            client.encrypt(door.context)
        elif code in (protocol.TLS, protocol.KERBEROS):
            client.send(b"N")
        else:
            return code, body


def _log_in(client: Channel, door: Door, asked: dict[str, str]) -> Connection:
    user = asked.get("user", "")
    if not user:
        raise RedshiftError("no PostgreSQL user name specified in startup packet", "28000")
    settings = _settings(asked)
    client.send(protocol.CLEARTEXT_PASSWORD)
    kind, body = client.receive()
    if kind != b"p":
        raise ProtocolError("expected password response")
    (password,), _ = protocol.strings(body, 1)
    if not password or user == SYSTEM:
        raise RedshiftError(f'password authentication failed for user "{user}"', "28P01")
    database = asked.get("database") or user
    try:
        return backend.connect(door.socket, user=user, password=password, database=database, settings=settings)
    except psycopg2.OperationalError as error:
        said = re.sub(r"^.*?FATAL:\s+", "", str(error).strip(), flags=re.DOTALL).partition("\n")[0]
        raise RedshiftError(said, next((state for part, state in STATES if part in said), "08004")) from None


def _settings(asked: dict[str, str]) -> dict[str, str]:
    """The settings that a client sets at the start, by name or as ``-c name=value``; Redshift passes over others."""
    wanted = {name.lower(): value for name, value in asked.items()}
    options = re.findall(r"(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)", wanted.pop("options", ""))
    wanted |= {name.lower().replace("-", "_"): re.sub(r"\\(.)", r"\1", value) for name, value in options}
    encoding = wanted.pop("client_encoding", "UTF8").strip("'\"").upper()
    if encoding not in ENCODINGS:
        raise RedshiftError(f'invalid value for parameter "client_encoding": "{encoding}"', "22023")
    return {name: value for name, value in wanted.items() if name in SETTINGS}


@contextmanager
def known(door: Door, connection: Connection) -> Iterator[bytes]:
    """Have the session written down, for who cancels its statements; the key that the client is given for that."""
    key, pid = secrets.token_bytes(KEY_BYTES), connection.get_backend_pid()
    place = door.sessions / f"{pid}-{os.getpid()}"
    place.write_bytes(key)
    try:
        yield protocol.message(b"K", pid.to_bytes(4, "big") + key)
    finally:
        with suppress(OSError):
            place.unlink()


def welcome(client: Channel, connection: Connection, key: bytes) -> None:
    """Tell a client that it is in."""
    told = {name: connection.get_parameter_status(name) for name in relay.TOLD} | TOLD
    parameters = b"".join(protocol.parameter(name, value) for name, value in told.items() if value is not None)
    client.send(protocol.AUTHENTICATED + parameters + key + protocol.ready(protocol.IDLE))


def cancel(sessions: Path, body: bytes) -> None:
    """Cancel the statement of the session that the request names, if the key is that of the session."""
    pid = int.from_bytes(body[:4], "big")
    for place in sessions.glob(f"{pid}-*"):
        with suppress(OSError):
            if len(body) == KEY_BYTES + 4 and hmac.compare_digest(place.read_bytes(), body[4:]):
                # As pg_cancel_backend does it; the process of the session is told too, which may be reading S3.
                for process in (int(place.name.partition("-")[2]), pid):
                    os.kill(process, signal.SIGINT)


def forget(sessions: Path, process: int) -> None:
    """Remove what a session that was killed has left written down."""
    for place in sessions.glob(f"*-{process}"):
        place.unlink(missing_ok=True)
