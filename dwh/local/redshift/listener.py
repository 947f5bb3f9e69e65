"""The cluster's endpoint: it accepts connections, and forks a process for each, as PostgreSQL does.

A session that crashes or is killed takes nobody with it, two COPYs use two processors, and everything is imported
already when a client comes.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import ssl
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from dwh.local.redshift import login, protocol, session
from dwh.local.redshift.aws import Aws
from dwh.local.redshift.channel import Channel, Gone
from dwh.local.redshift.errors import RedshiftError
from dwh.local.redshift.history import History, Recorder

HOST = "127.0.0.1"
BACKLOG = 128
# Of sessions. Redshift's own limit is 500 or more, by node type; each is a process here.
MOST = 100
LOGIN_SECONDS = 60
MORE = 32  # that are told so; the others are hung up on
FULL = f'connection limit "{MOST}" exceeded for non-bootstrap users'

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What the listener is told.

    Args:
        port: to listen on, on loopback.
        socket: the folder of PostgreSQL's socket.
        sessions: a folder of its own, which is there and empty.
        certificate: a file with the endpoint's certificate and key.
        require_ssl: as the cluster's parameter group has it.
    """

    port: int
    socket: Path
    sessions: Path
    certificate: Path
    require_ssl: bool


def listen(settings: Settings, aws: Aws) -> None:
    """Serve until standard input ends, which it does with whoever started this process, or until SIGTERM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate)
    door = login.Door(settings.socket, settings.sessions, context, settings.require_ssl)
    Listener(door, aws, History(settings.socket)).serve(socket.create_server((HOST, settings.port), backlog=BACKLOG))


class Listener:
    """The accepting process and its children."""

    def __init__(self, door: login.Door, aws: Aws, history: History) -> None:
        self._door = door
        self._aws = aws
        self._history = history
        self._children: set[int] = set()
        self._ending = False
        # Only this process holds the end that is written to: a session sees by the other that it has gone.
        self._alive, self._held = os.pipe()

    def serve(self, server: socket.socket) -> None:
        """Accept until told to end; then end the sessions."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        wakeup, woken = socket.socketpair()
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        for readable in (server.fileno(), wakeup.fileno(), sys.stdin.fileno()):
            poll.register(readable, select.POLLIN)
        print("ready", flush=True)
        while not self._ending:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if wakeup.fileno() in ready:
                wakeup.recv(1 << 12)
            self._reap()
            if sys.stdin.fileno() in ready:
                self._ending = True
            elif server.fileno() in ready:
                self._accept(server)
        server.close()
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    def _end(self, *_: object) -> None:
        self._ending = True

    def _reap(self) -> None:
        """Take note of the sessions that have ended, killed ones too."""
        with suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._children.discard(child)
                login.forget(self._door.sessions, child)

    def _accept(self, server: socket.socket) -> None:
        try:
            accepted, _ = server.accept()
        except OSError:
            return
        with closing(accepted):
            if len(self._children) >= MOST + MORE:
                return
            full = FULL if len(self._children) >= MOST else ""
            try:
                child = os.fork()
            except OSError:  # no process to be had
                log.exception("a connection was turned away")
                return
            if child == 0:
                server.close()
                os.close(self._held)
                self._be_session(accepted, full)
            self._children.add(child)

    def _be_session(self, accepted: socket.socket, full: str) -> None:
        """What the forked process does; it does not return."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = 0
        try:
            attend(Channel(accepted), self._door, self._aws, self._history, self._alive, full=full)
        except BaseException:
            log.exception("a session has failed")
            code = 1
        finally:
            logging.shutdown()
            os._exit(code)


def attend(client: Channel, door: login.Door, aws: Aws, history: History, alive: int, *, full: str = "") -> None:
    """One connection from its first message to its last."""
    with closing(client), suppress(Gone):
        try:
            signal.alarm(LOGIN_SECONDS)  # who takes longer than that is a stranger, and this process ends
            connection = login.admit(client, door, full=full)
            signal.alarm(0)
            if connection is None:
                return
            connection.aws, connection.recorder = aws, Recorder(history, connection)
            with closing(connection), login.known(door, connection) as key:
                client.trust()
                login.welcome(client, connection, key)
                session.serve(client, connection, alive)
        except RedshiftError as refusal:
            client.send(protocol.error(refusal.message, refusal.sqlstate, severity="FATAL"))
        except protocol.ProtocolError as error:
            client.send(protocol.error(str(error), "08P01", severity="FATAL"))
