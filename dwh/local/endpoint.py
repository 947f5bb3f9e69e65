"""The process of a cluster's endpoint, and how it is started: the local Redshift, which asks our launcher about AWS.

``python -m dwh.local.endpoint`` is told what to do by a line of JSON on standard input, and ends when that is closed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import io
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dwh.local import secret
from dwh.local.redshift import listener
from dwh.local.redshift.aws import Entry, Role, Roles
from dwh.local.redshift.errors import PostgresError

MODULE = "dwh.local.endpoint"  # __name__ is __main__ in the process itself
HOST = listener.HOST
STOP_SECONDS = 10
ANSWER_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Launcher:
    """What the launcher is asked through: its port and its secret, and for which cluster."""

    port: int
    token: str
    region: str
    cluster: str

    def roles(self) -> Roles:
        """See ``Aws``."""
        return Roles(**_there(self._ask("roles", self.region, self.cluster)))

    def role(self, arn: str) -> Role | None:
        """See ``Aws``."""
        found = self._ask("role", arn)
        return found and Role(**found)

    def bucket_region(self, bucket: str) -> str:
        """See ``Aws``."""
        return str(_there(self._ask("bucket", bucket)))

    def prefix(self, bucket: str, prefix: str) -> list[Entry]:
        """See ``Aws``."""
        return [Entry(**found) for found in self._ask("prefix", bucket, prefix)]

    def keys(self, bucket: str, keys: Sequence[str]) -> list[Entry | None]:
        """See ``Aws``."""
        return [found and Entry(**found) for found in _there(self._ask("keys", bucket, list(keys)))]

    @contextmanager
    def read(self, bucket: str, key: str) -> Iterator[IO[bytes]]:
        """See ``Aws``."""
        status, body = self._post("content", bucket, key)
        yield io.BytesIO(body if status == http.client.OK else b"")

    def _ask(self, what: str, *about: Any) -> Any:
        return json.loads(self._post(what, *about)[1])

    def _post(self, what: str, *about: Any) -> tuple[int, bytes]:
        with contextlib.closing(secret.connect(self.port, self.token, timeout=ANSWER_SECONDS)) as connection:
            connection.request("POST", f"/_local/{what}", json.dumps(about), secret.credential(self.token))
            answer = connection.getresponse()
            return answer.status, answer.read()


def _there(found: Any) -> Any:
    if found is None:
        raise LookupError
    return found


class Endpoint:
    """The process, as whoever starts it holds it."""

    def __init__(self, settings: listener.Settings, launcher: Launcher) -> None:
        self.settings = settings
        self.launcher = launcher
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections.

        Raises:
            PostgresError: it does not.
        """
        sessions = self.settings.sessions
        sessions.mkdir(0o700, exist_ok=True)
        for left in sessions.iterdir():
            left.unlink()
        told = {"settings": dataclasses.asdict(self.settings), "launcher": dataclasses.asdict(self.launcher)}
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # Ctrl-C is for the step
        )
        stdin, stdout = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        stdin.write(json.dumps(told, default=str).encode() + b"\n")
        stdin.flush()
        if stdout.readline() != b"ready\n":
            self._process.kill()
            raise PostgresError(
                f"the endpoint of {self.launcher.cluster} does not start on port {self.settings.port}",
                hint="the launcher's log says why",
            )

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it and its sessions; nothing to do when it has ended."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def free_port(preferred: int) -> int:
    """A free TCP port on loopback: ``preferred`` when it is free."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As the listener does: a port in TIME_WAIT is free, one that is listened on is not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise PostgresError(f"no free port on {HOST}")


def main() -> int:
    """Serve until standard input ends; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    told = json.loads(sys.stdin.buffer.readline())
    settings: dict[str, Any] = told["settings"]
    settings |= {name: Path(settings[name]) for name in ("socket", "sessions", "certificate")}
    os.umask(0o077)
    listener.listen(listener.Settings(**settings), Launcher(**told["launcher"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
