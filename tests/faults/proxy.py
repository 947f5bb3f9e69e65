"""A proxy on 127.0.0.1 between a step and its server, which cuts the connection when told to."""

from __future__ import annotations

import socket
import threading


class Proxy:
    """Passes bytes on until it has seen enough.

    Args:
        upstream: (host, port) of the server.
        cut_after: messages (chunks) from the client after which the connection is cut; None is never.
        lose_answer_to: cut when the server answers a chunk of the client that holds this text.
    """

    def __init__(self, upstream, *, cut_after=None, lose_answer_to=None):
        self.upstream = upstream
        self.cut_after = cut_after
        self.lose_answer_to = lose_answer_to
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = socket.create_connection(self.upstream)
        losing = threading.Event()
        back = threading.Thread(target=self._answers, args=(server, client, losing), daemon=True)
        back.start()
        self._requests(client, server, losing)
        back.join(10)
        for end in (client, server):
            end.close()

    def _requests(self, client, server, losing):
        seen = 0
        while chunk := self._receive(client):
            seen += 1
            if self.lose_answer_to and self.lose_answer_to in chunk:
                self.lose_answer_to = None
                losing.set()
            server.sendall(chunk)
            if self.cut_after is not None and seen >= self.cut_after:
                self.cut_after = None
                self._cut(client, server)
                return
        self._shut(server)

    def _answers(self, server, client, losing):
        while chunk := self._receive(server):
            if losing.is_set():
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
