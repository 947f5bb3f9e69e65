"""The process of the local target: the AWS API on a loopback port, and the databases of its clusters.

Started by ``LocalTarget.start`` and by nobody else: ``python -m dwh.local.launcher STATE_DIR``.
It outlives the step that started it and ends when it is told to (SIGTERM), or when its
state file goes away. All its state is in memory; at its end the databases and their files go too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dwh.errors import TargetError
from dwh.files import write_whole
from dwh.local import certificate, secret, state
from dwh.local.redshift import homes, postgres
from dwh.local.redshift.errors import PostgresError

MODULE = "dwh.local.launcher"  # __name__ is __main__ in the process itself
LOCKED = 75  # exit code: another launcher runs on this folder
POLL_SECONDS = 1.0
STRANGER_SECONDS = 30  # for each piece of what somebody sends who has not proven himself
STATE, LOCK, LOG, HOMES = "launcher.json", state.MARK, "launcher.log", "clusters"

log = logging.getLogger(MODULE)


def main(state_dir: Path) -> int:
    """Serve until told to end; the exit code."""
    os.chdir("/")
    os.umask(0o077)
    token = secret.new()
    _log_without(token)
    state.check(state_dir)
    lock = take_lock(state_dir)
    if lock is None:
        return LOCKED
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    clear_homes(state_dir)
    server = _serve(state_dir, token)
    try:
        _write_state(state_dir, {"pid": os.getpid(), "port": server.port, "token": token})
        log.info("ready on port %s", server.port)
        while not done.wait(POLL_SECONDS) and _state_is_ours(state_dir, token):
            pass
    finally:
        log.info("ending")
        server.shutdown()
        _end_databases()
        if _state_is_ours(state_dir, token):  # the folder may have been removed, and made again for another
            (state_dir / STATE).unlink()
    return 0


def _log_without(token: str) -> None:
    """Write the log on standard error, and the secret never: a library may quote the request that holds it."""

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return super().format(record).replace(token, "SECRET")

    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _end_databases() -> None:
    from dwh.local.api.app import clusters

    for cluster in clusters():
        cluster.destroy()


def take_lock(state_dir: Path) -> IO[bytes] | None:
    """The folder's lock, held as long as the file is open; None when a launcher has it."""
    lock = (state_dir / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def clear_homes(state_dir: Path) -> None:
    """Stop and remove the databases that a killed launcher left behind.

    Raises:
        TargetError: one of them is not ours.
    """
    for home in check_homes(state_dir):
        log.info("removing %s", home)
        with _as_target_error():
            postgres.remove(home)


def check_homes(state_dir: Path) -> list[Path]:
    """The homes of the databases of a launcher that has ended.

    Raises:
        TargetError: one of them is not ours.
    """
    folder = state_dir / HOMES
    found = list(folder.iterdir()) if folder.is_dir() else []
    with _as_target_error():
        for home in found:
            homes.place_of(home)
    return found


@contextlib.contextmanager
def _as_target_error() -> Iterator[None]:
    """What the local Redshift raises, in the words of the steps."""
    try:
        yield
    except PostgresError as error:
        raise TargetError(error.message, error.hint, detail=error.detail) from None


def _serve(state_dir: Path, token: str) -> Any:
    from dwh.local.api.app import create_app

    (state_dir / HOMES).mkdir(exist_ok=True)
    certificate.make(state_dir)
    app = create_app(state_dir, state_dir / HOMES, token)
    server = serve(app, token)
    app.serve_from(server.port)
    return server


@contextlib.contextmanager
def empty() -> Iterator[tuple[int, str]]:
    """The AWS API of an empty account, for a run that only looks: port and secret. It cannot hold a cluster."""
    from dwh.local.api.app import create_app

    token, nowhere = secret.new(), Path(os.devnull)
    server = serve(create_app(nowhere, nowhere, token), token)
    try:
        yield server.port, token
    finally:
        server.shutdown()


def serve(app: Any, token: str) -> Any:
    """Serve an application on a free port, on a thread of its own, for callers who know the secret."""
    # werkzeug comes with moto; one thread a connection is all that a step needs.
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"
        # After the proof a connection counts as a dialogue: the body of an answer would wait for the head's receipt.
        disable_nagle_algorithm = True
        timeout = STRANGER_SECONDS

        def run_wsgi(self) -> None:
            """Werkzeug ends the connection after each answer; after the proof the caller's request comes on it."""
            proof = secret.answer(self.headers, token) if self.path == secret.PROOF_PATH else None
            if proof is None:
                super().run_wsgi()
                return
            self.connection.settimeout(None)  # COPY may take its time between two objects
            self.wfile.write(proof)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Successful requests are not worth a line."""
            if str(code).startswith("5"):
                super().log_request(code, size)

        def log_error(self, *_: Any) -> None:
            """What is no request at all is a stranger's."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _write_state(state_dir: Path, about: dict[str, Any]) -> None:
    """The file by which later steps find us: whole or not at all, and for this user only."""
    write_whole(state_dir / STATE, json.dumps(about).encode(), 0o600)


def _state_is_ours(state_dir: Path, token: str) -> bool:
    try:
        return bool(json.loads((state_dir / STATE).read_text(encoding="utf-8"))["token"] == token)
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except TargetError as failure:
        sys.exit(f"error: {failure.message}")
