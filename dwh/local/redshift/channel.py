"""The client's end of a session: messages in, bytes out, over TLS or without."""

from __future__ import annotations

import select
import socket
import ssl

from dwh.local.redshift.protocol import LARGEST, LARGEST_STARTUP, ProtocolError

# The other end has closed, or both have. Linux tells the first by an event of its own.
HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
STRANGER_SECONDS = 30.0
LARGEST_STRANGER = 1 << 16  # bytes of a message before the login


class Gone(Exception):
    """The client has closed the connection, or it broke."""


class Channel:
    """A connection that was accepted."""

    def __init__(self, accepted: socket.socket) -> None:
        self._socket = accepted
        self._buffer = bytearray()
        self._largest = LARGEST_STRANGER
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.settimeout(STRANGER_SECONDS)

    @property
    def encrypted(self) -> bool:
        """Whether it is TLS."""
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """Its descriptor, for poll."""
        return self._socket.fileno()

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Go on with TLS.

        Raises:
            ProtocolError: the client has sent more, unencrypted: somebody may have put it there.
            Gone: the client does not take the certificate.
        """
        if self._buffer:
            raise ProtocolError("received unencrypted data after SSL request")
        try:
            self._socket = context.wrap_socket(self._socket, server_side=True)
        except OSError:
            raise Gone from None

    def trust(self) -> None:
        """Wait for messages as long as it takes: the client has logged in."""
        self._socket.settimeout(None)
        self._largest = LARGEST

    def has_more(self) -> bool:
        """Whether bytes of the client are here already."""
        return bool(self._buffer) or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0)

    def is_closed(self) -> bool:
        """Whether the client has hung up, without reading what it may have sent before."""
        poll = select.poll()
        poll.register(self._socket, HUNG_UP)
        return bool(poll.poll(0))

    def startup(self) -> tuple[int, bytes]:
        """The first message of a connection, which has no kind: its code, and the rest.

        Raises:
            ProtocolError: it is none.
            Gone: the client has.
        """
        size = int.from_bytes(self._take(4), "big") - 4
        if not 4 <= size <= LARGEST_STARTUP:
            raise ProtocolError("invalid length of startup packet")
        body = self._take(size)
        return int.from_bytes(body[:4], "big"), body[4:]

    def receive(self) -> tuple[bytes, bytes]:
        """The next message: its kind and its body.

        Raises:
            ProtocolError: it is longer than any that is taken.
            Gone: the client has.
        """
        kind = self._take(1)
        size = int.from_bytes(self._take(4), "big") - 4
        if not 0 <= size <= self._largest:
            raise ProtocolError("invalid message length")
        return kind, self._take(size)

    def send(self, data: bytes | memoryview) -> None:
        """Send all of it.

        Raises:
            Gone: the client has.
        """
        try:
            self._socket.sendall(data)
        except OSError:
            raise Gone from None

    def close(self) -> None:
        """End the connection; with TLS, as TLS wants it."""
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.settimeout(1)
                self._socket.unwrap()
        except (OSError, ValueError):
            pass
        self._socket.close()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                raise Gone from None
            if not data:
                raise Gone
            self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
