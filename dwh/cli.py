"""What every step script shares: its options, and the one place where an error becomes an exit code."""

from __future__ import annotations

import signal
import sys

try:
    import argparse
    import importlib
    import logging
    import traceback
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import contextmanager, suppress
    from functools import partial
    from pathlib import Path
    from types import FrameType
    from typing import Any, TextIO

    from dwh import __version__, bugs, config, fit
    from dwh.aws.errors import explained
    from dwh.console import Console, open_closed, plain
    from dwh.errors import DwhError, Terminated, note
    from dwh.keys import KEYS, TARGETS
    from dwh.step import Step
    from dwh.target import open_target
except ImportError as error:  # the first thing that a new user can meet
    raise SystemExit(
        f"error: {error}\nhint: Python 3.11 or newer and the packages are needed: pip install -r requirements.txt"
    ) from None
except KeyboardInterrupt:  # Ctrl-C as soon as it was started
    print("interrupted", file=sys.stderr)
    raise SystemExit(128 + signal.SIGINT) from None

EXIT_CODES = (
    "exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration, 3 refused, "
    "130 interrupted (Ctrl-C), 143 terminated"
)
NOT_ASKED = "nothing is asked here; accepted for scripts that pass it to every step"
RESOURCES = "what was changed, or what a dry run would change"


class _Parser(argparse.ArgumentParser):
    """A parser whose help is a result like any other: argparse itself is silent when it cannot be written."""

    console: Console | None = None

    def _print_message(self, message: str, file: Any = None) -> None:
        console = self.console or Console()
        if file is sys.stderr:
            console.tell(message, end="")
        else:
            console.result(message, end="")


def step_parser(
    doc: str | None, *, changes: bool = False, yes: str = NOT_ASKED, json: str = RESOURCES
) -> argparse.ArgumentParser:
    """A parser with the common options, its help text taken from the script's docstring.

    Args:
        doc: the docstring: purpose, a blank line, then what it changes and examples.
        changes: the step creates, changes or destroys: adds --dry-run and --yes.
        yes: what --yes means in this step.
        json: what --format json prints in this step.
    """
    purpose, _, rest = (doc or "").strip().partition("\n\n")
    parser = _Parser(
        description=purpose,
        epilog=f"{rest.strip()}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common = parser.add_argument_group("common options")
    common.add_argument("--config", metavar="PATH", default="dwh.cfg", help="configuration file (default: dwh.cfg)")
    common.add_argument(
        "--env-file", metavar="PATH", type=Path, help="file with KEY and SECRET (default: .env beside dwh.cfg)"
    )
    common.add_argument("--target", choices=TARGETS, help="where to run (default: [TARGET] in dwh.cfg)")
    common.add_argument("--region", metavar="NAME", help="AWS region of the cluster (default: [AWS] in dwh.cfg)")
    common.add_argument(
        "--profile", metavar="NAME", help="profile of ~/.aws/config, in place of KEY and SECRET (default: none)"
    )
    common.add_argument("-v", "--verbose", action="store_true", help="show origins of settings, SQL, calls, tracebacks")
    common.add_argument("-q", "--quiet", action="store_true", help="show results, warnings and errors only")
    common.add_argument("--no-color", action="store_true", help="no colour (also: NO_COLOR)")
    common.add_argument("--version", action="version", version=f"sparkify {__version__}")
    if changes:
        common.add_argument("--dry-run", action="store_true", help="show what would be done and change nothing")
        common.add_argument("--yes", action="store_true", help=yes)
        common.add_argument(
            "--format",
            choices=("table", "json"),
            default="table",
            help=f"how to print the result; json: {json} (default: table)",
        )
    return parser


def run(
    build_parser: Callable[[], argparse.ArgumentParser],
    argv: Sequence[str] | None,
    body: Callable[[Step], int | None],
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Parse, configure, run the body of a step, and turn what it raises into an exit code.

    Args:
        build_parser: makes the parser of the step's options.
        argv: the options; None takes those of the process, which then ends with the step.
        body: the work of the step.
        out: where results go; each stream is by default that of the process.
        err: where everything else goes.
        stdin: where answers are typed.

    Raises:
        SystemExit: as argparse ends a process: with 0 after --help, with 2 after a wrong option.
    """
    open_closed()
    screen = partial(Console, out=out, err=err, stdin=stdin)
    console = screen()
    previous = signal.signal(signal.SIGTERM, _terminated)
    parser, args, settings = argparse.ArgumentParser(), argparse.Namespace(), None
    try:
        parser = build_parser()
        if isinstance(parser, _Parser):
            parser.console = console
        args = parser.parse_args(argv)
        console = screen(quiet=args.quiet, verbose=args.verbose, color=False if args.no_color else None)
        settings = config.load(
            args.config, args.target, env_file=args.env_file, region=args.region, profile=args.profile
        )
        for warning in settings.warnings:
            console.warn(warning)
        for line in origins(settings) if args.verbose else ():
            console.tell(line)
        _load_driver()
        with _shown_log(console), explained(), open_target(settings, console) as target:
            return body(Step(args, settings, console, target)) or 0
    except DwhError as error:
        console.error(error)
        if console.verbose:
            _tell_lines(console, "".join(traceback.format_exception(error)))
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        _ignore_signals(argv is None)
        left = note(interrupt)
        console.tell("\n" + fit.wrapped(f"interrupted{left and f': {left}'}", console.width))
        return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)
    except Exception as error:
        console.error(DwhError(f"{parser.prog} stopped with an error that it does not know", hint=bugs.REPORT))
        _tell_lines(console, bugs.report(error, parser, args, settings))
        return 1
    finally:
        # What others have written to a standard error that takes nothing would make the exit code 120.
        console.tell(end="")
        signal.signal(signal.SIGTERM, previous)
        _ignore_signals(argv is None)


def origins(settings: config.Settings) -> Iterator[str]:
    """A line for each setting: its value, which of a secret is not shown, and where it is from."""
    for key in KEYS:
        setting = getattr(settings, key.name)
        shown = ("no", "yes")[setting] if isinstance(setting, bool) else setting
        value = "is empty" if setting in (None, "") else f"= {shown}"
        yield f"[{key.section}] {key.option} {value} ({settings.origins[key.name]})"
    for name in config.SECRET_NAMES:
        value = f"= {bugs.HIDDEN} ({settings.origins[name]})" if getattr(settings, name.lower()) else "is not set"
        yield f"{name} {value}"


def _load_driver() -> None:
    """Import psycopg2 with signals held back: its C module loses a Ctrl-C that comes while it is imported."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        with suppress(ImportError):  # those who need it say so
            importlib.import_module("psycopg2")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _ignore_signals(ending: bool) -> None:
    """Ignore Ctrl-C and SIGTERM in a process that is about to end: they would only show a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM) if ending else ():
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _shown_log(console: Console) -> Iterator[None]:
    """Show our own log lines. Never those of botocore, whose DEBUG lines hold passwords."""
    logger, handler = logging.getLogger("dwh"), logging.StreamHandler(console.err)
    if not console.verbose:
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


def _tell_lines(console: Console, text: str) -> None:
    """A text of many lines, which cannot drive the terminal whatever it quotes."""
    for line in text.splitlines():
        console.tell(plain(line))


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated
