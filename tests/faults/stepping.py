"""Run a step in which something happens before its N-th statement: it is killed, its server is, or it waits.

    python tests/faults/stepping.py ACTION N STEP [ARGUMENT ...]

ACTION is ``kill`` (SIGKILL to this process), ``kill-server`` (SIGKILL to the
PostgreSQL of the local target), or ``pause:FILE`` (write FILE.there, then wait
until FILE is there). COMMIT counts as a statement.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))


def postmaster_pid(state_dir):
    """The process id of the one PostgreSQL that a local target runs."""
    (home,) = (Path(state_dir) / "clusters").iterdir()
    place = home / "place"
    data = (Path(place.read_text().strip()) if place.exists() else home) / "data"
    return int((data / "postmaster.pid").read_text().split()[0])


def kill(_argument):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_server(_argument):
    os.kill(postmaster_pid(Path.cwd() / ".local"), signal.SIGKILL)


def pause(argument):
    Path(f"{argument}.there").touch()
    deadline = time.monotonic() + 60
    while not Path(argument).exists() and time.monotonic() < deadline:
        time.sleep(0.01)


ACTIONS = {"kill": kill, "kill-server": kill_server, "pause": pause}


def act_before(number, action):
    """Call ``action`` before the statement or COMMIT of that number, counted over all connections."""
    from psycopg2 import extensions

    from dwh import connecting

    count = 0

    def counted():
        nonlocal count
        count += 1
        if count == number:
            action()

    class Cursor(extensions.cursor):
        def execute(self, *args):
            counted()
            super().execute(*args)

    class Connection(extensions.connection):
        def commit(self):
            counted()
            super().commit()

    real = connecting.arguments
    connecting.arguments = lambda **place: real(**place) | {"connection_factory": Connection, "cursor_factory": Cursor}
    return lambda: count


def main(argv):
    name, _, argument = argv[0].partition(":")
    counter = act_before(int(argv[1]), lambda: ACTIONS[name](argument))
    code = importlib.import_module(argv[2]).main(argv[3:])
    print(f"statements: {counter()}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
