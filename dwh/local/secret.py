"""The launcher's secret: who knows it may talk to the local target.

It is the access key of our AWS clients, and the launcher's own paths ask for it too. Before it is sent, the launcher
proves on the same connection that it knows it: another user's program may listen on the port of a launcher that was
killed, and learns nothing. The caller proves itself in the same breath, so that a stranger cannot even ask.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import re
import secrets
import socket
import time
import urllib.parse
from collections.abc import Mapping
from email.message import Message
from typing import Any

HOST = "127.0.0.1"
PROOF_PATH = "/_local/status"
NONCE, PROOF = "X-Nonce", "X-Proof"
PATIENCE_SECONDS = 5
# As the ways to sign a request of AWS have it: "AWS4-HMAC-SHA256 Credential=KEY/date/...", and of old "AWS KEY:...".
_IN_HEADER = re.compile(r"(?:\bCredential=|^AWS )([^/:,\s]+)")


class Unproven(ConnectionError):
    """What listens on the port does not know the secret."""


def new() -> str:
    """A secret that passes for an access key: 160 random bits as capitals and digits."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def access_key(environ: Mapping[str, Any]) -> str:
    """The access key of a request: in its header, or in the address if that was signed beforehand."""
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        found = _IN_HEADER.search(header)
        return str(found[1]) if found else ""
    asked: dict[str, str] = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
    return asked.get("X-Amz-Credential", "").partition("/")[0] or asked.get("AWSAccessKeyId", "")


def shown(environ: Mapping[str, Any], token: str) -> bool:
    """Whether a request shows that its sender knows the secret."""
    return _same(access_key(environ), token)


def credential(token: str) -> dict[str, str]:
    """The header that shows the secret to the launcher's own paths."""
    return {"Authorization": f"Local Credential={token}"}


def answer(headers: Message, token: str) -> bytes | None:
    """The launcher's proof that it knows the secret, as HTTP, for a caller who proves the same; else None."""
    nonce = headers.get(NONCE, "")
    if not _same(headers.get(PROOF, ""), _proof(token, "caller", nonce)):
        return None
    return _answer(token, nonce)


def demand(connection: socket.socket, token: str) -> None:
    """Have the other end of a new connection prove that it knows the secret; the connection goes on after that.

    Raises:
        Unproven: it does not.
        OSError: the connection broke.
    """
    nonce = secrets.token_hex(16)
    head = (
        f"GET {PROOF_PATH} HTTP/1.1",
        f"Host: {HOST}",
        f"{NONCE}: {nonce}",
        f"{PROOF}: {_proof(token, 'caller', nonce)}",
    )
    patience, deadline = connection.gettimeout(), time.monotonic() + PATIENCE_SECONDS
    connection.sendall("".join(f"{line}\r\n" for line in (*head, "")).encode())
    expected, heard = _answer(token, nonce), b""
    while heard != expected:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        piece = connection.recv(len(expected) - len(heard))
        heard += piece
        if not piece or not expected.startswith(heard):
            raise Unproven("another program answers")
    connection.settimeout(patience)


def connect(port: int, token: str, timeout: float) -> http.client.HTTPConnection:
    """A connection to the launcher, which has proven itself on it.

    Raises:
        OSError: nothing answers there, or another program.
    """
    made = http.client.HTTPConnection(HOST, port, timeout=timeout)
    made.connect()
    # Never open it again by itself: that would be another connection.
    made.auto_open = 0
    try:
        demand(made.sock, token)
    except BaseException:
        made.close()
        raise
    return made


def _proof(token: str, who: str, nonce: str) -> str:
    return hmac.new(token.encode(), f"{who}:{nonce}".encode(), hashlib.sha256).hexdigest()


def _answer(token: str, nonce: str) -> bytes:
    proof = _proof(token, "launcher", nonce)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(proof)}\r\n\r\n{proof}".encode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
