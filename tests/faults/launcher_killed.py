"""Run a step in which the local target's process is killed before the N-th time that the step turns to it.

    python tests/faults/launcher_killed.py N STEP [ARGUMENT ...]

It is run in the project's folder. At its end it says on standard error how often the step turned to the process.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))


def kill_before(number):
    """Kill the launcher before that connection to it; gives a function that says how many there were."""
    from dwh.local import secret

    demand, count = secret.demand, 0

    def counted(connection, token):
        nonlocal count
        count += 1
        if count == number:
            os.kill(json.loads(Path(".local/launcher.json").read_text())["pid"], signal.SIGKILL)
        demand(connection, token)

    secret.demand = counted
    return lambda: count


def main(argv):
    counter = kill_before(int(argv[0]))
    code = importlib.import_module(argv[1]).main(argv[2:])
    print(f"turned to it: {counter()}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
