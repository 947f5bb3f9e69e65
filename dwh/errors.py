"""Errors, in families named after who must act.

Every foreseeable failure is one of these: a sentence, the next step to take
(``hint``), and the exit code of the script. Anything else that escapes a step
is a bug, of which ``dwh.bugs`` says what to report.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class DwhError(Exception):
    """A foreseeable failure.

    Args:
        message: What went wrong, one sentence, no trailing full stop.
        hint: What to do next, as a command where there is one.
        detail: Further lines for the reader, shown under the message
            (for example the rows of the load errors).
        debug: Shown with ``--verbose`` only (AWS code and request id).
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", *, detail: str = "", debug: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.debug = debug


class ConfigError(DwhError):
    """Your files must change: dwh.cfg, .env, or the options on the command line."""

    exit_code = 2


class RefusedError(DwhError):
    """You must confirm: the step would destroy something and was not told to."""

    exit_code = 3


class AwsError(DwhError):
    """AWS refused, or a resource there is in the wrong state."""


class TargetError(DwhError):
    """The target of the steps cannot be reached: no cluster, or the local target is down."""


class UnreachableError(TargetError):
    """The cluster is there but does not answer, or the connection was lost: trying again may help."""


class WarehouseError(DwhError):
    """The warehouse refused a statement, or the tables are not as the step needs them."""


class DataError(DwhError):
    """The source data must change: a COPY found a bad record, or an audit failed."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: it unwinds like Ctrl-C, so that transactions roll back and waits say what goes on without us."""


@contextmanager
def if_interrupted(left: str) -> Iterator[None]:
    """Say with Ctrl-C and SIGTERM here what they leave."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(left)
        raise


def note(end: BaseException) -> str:
    """What stays or goes on without us, if whoever was at work left a note; the innermost one."""
    return next(iter(getattr(end, "__notes__", [])), "")
