"""etl.py, killed between its COPY and its COMMIT: ``python -m tests.aws.live.killed [options of etl.py]``."""

from __future__ import annotations

import os
import signal
import sys

import etl
from dwh import load


def die(*_args):
    """End at once, as a machine does that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    load.transform = die  # what comes after the COPY
    sys.exit(etl.main())
