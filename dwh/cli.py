"""What every step script shares: its options, and the one place where an error becomes an exit code."""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from dwh import __version__

try:
    from dwh import config
    from dwh.aws.errors import explained
    from dwh.console import Console
    from dwh.errors import DwhError, Terminated, note
    from dwh.keys import TARGETS
    from dwh.target import Target, open_target
except ImportError as error:  # the first thing that a new user can meet
    raise SystemExit(
        f"error: {error}\nhint: Python 3.11 or newer and the packages are needed: pip install -r requirements.txt"
    ) from None

EXIT_CODES = "exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration, 3 refused, 130 interrupted"
INTERRUPTED = 130
TERMINATED = 143
MOST = 99_999
NOT_ASKED = "nothing is asked here; accepted for scripts that pass it to every step"


@dataclass(frozen=True)
class Step:
    """What a step script works with."""

    args: argparse.Namespace
    settings: config.Settings
    console: Console
    target: Target


def step_parser(doc: str | None, *, changes: bool = False, yes: str = NOT_ASKED) -> argparse.ArgumentParser:
    """A parser with the common options, its help text taken from the script's docstring.

    Args:
        doc: the docstring: purpose, a blank line, then what it changes and examples.
        changes: the step creates, changes or destroys: adds --dry-run and --yes.
        yes: what --yes means in this step.
    """
    purpose, _, rest = (doc or "").strip().partition("\n\n")
    parser = argparse.ArgumentParser(
        description=purpose,
        epilog=f"{rest.strip()}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common = parser.add_argument_group("common options")
    common.add_argument("--config", metavar="PATH", default="dwh.cfg", help="configuration file (default: dwh.cfg)")
    common.add_argument("--target", choices=TARGETS, help="where to run (default: [TARGET] in dwh.cfg)")
    common.add_argument("-v", "--verbose", action="store_true", help="show SQL, AWS calls and tracebacks")
    common.add_argument("-q", "--quiet", action="store_true", help="show results, warnings and errors only")
    common.add_argument("--no-color", action="store_true", help="no colour (also: NO_COLOR)")
    common.add_argument("--version", action="version", version=f"sparkify {__version__}")
    if changes:
        common.add_argument("--dry-run", action="store_true", help="show what would be done and change nothing")
        common.add_argument("--yes", action="store_true", help=yes)
    return parser


def count(text: str) -> int:
    """An option's value that is a whole number. COPY takes no MAXERROR above 100,000."""
    if not text.isdecimal() or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {MOST:,}")
    return int(text)


def minutes(text: str) -> float:
    """An option's value: minutes, more than none."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None, body: Callable[[Step], int | None]) -> int:
    """Parse, configure, run the body of a step, and turn what it raises into an exit code."""
    args = parser.parse_args(argv)
    console = Console(quiet=args.quiet, verbose=args.verbose, color=False if args.no_color else None)
    previous = signal.signal(signal.SIGTERM, _terminated)
    try:
        settings = config.load(args.config, args.target)
        for warning in settings.warnings:
            console.warn(warning)
        with _shown_log(args.verbose), explained(), open_target(settings, console) as target:
            return body(Step(args, settings, console, target)) or 0
    except DwhError as error:
        console.error(error)
        if args.verbose:
            _traceback()
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        ended = isinstance(interrupt, Terminated)
        left = note(interrupt)
        console.tell(f"\n{'terminated' if ended else 'interrupted'}{left and f': {left}'}")
        return TERMINATED if ended else INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _shown_log(verbose: bool) -> Iterator[None]:
    """Show our own log lines. Never those of botocore, whose DEBUG lines hold passwords."""
    logger, handler = logging.getLogger("dwh"), logging.StreamHandler()
    if not verbose:
        yield
        return
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def _traceback() -> None:
    import traceback

    traceback.print_exc()


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated
