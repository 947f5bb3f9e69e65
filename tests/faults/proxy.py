"""A proxy on 127.0.0.1 between a step and its server, which cuts the connection when told to."""

from __future__ import annotations

import socket
import threading


class Proxy:
    """Passes bytes on until it has seen enough.

    Args:
        upstream: (host, port) of the server.
        cut_after: messages (chunks) from the client after which the connection is cut; None is never.
    """

    def __init__(self, upstream, *, cut_after=None):
        self.upstream = upstream
        self.cut_after = cut_after
        self.cuts = 0
        self._losing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def lose_answers(self):
        """Cut the connection as soon as the server answers what comes next."""
        self._losing.set()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.create_connection(self.upstream)
        back = threading.Thread(target=self._answers, args=(server, client), daemon=True)
        back.start()
        self._requests(client, server)
        back.join(10)
        for end in (client, server):
            end.close()

    def _requests(self, client, server):
        seen = 0
        while chunk := self._receive(client):
            seen += 1
            server.sendall(chunk)
            if self.cut_after is not None and seen >= self.cut_after:
                self.cut_after = None
                self._cut(client, server)
                return
        self._shut(server)

    def _answers(self, server, client):
        while chunk := self._receive(server):
            if self._losing.is_set():
                self._losing.clear()
                self._cut(client, server)
                return
            try:
                client.sendall(chunk)
            except OSError:
                return
        self._shut(client)

    def _cut(self, *ends):
        self.cuts += 1
        for end in ends:
            self._shut(end)

    @staticmethod
    def _receive(end):
        try:
            return end.recv(65536)
        except OSError:
            return b""

    @staticmethod
    def _shut(end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
