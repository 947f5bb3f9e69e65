"""What a person sees: step lines, progress, prompts and tables.

Standard output carries results (tables, CSV, JSON). Everything else goes to
standard error, so that ``business_insights.py --format csv > file`` is clean.
When no one reads standard error any more, as in ``etl.py 2>&1 | head``, the step
goes on err_failed: a cluster half made would be billed all the same.
"""

from __future__ import annotations

import errno
import io
import json
import os
import select
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from dwh.errors import DwhError, RefusedError, note

HEARTBEAT_SECONDS = 60.0


def plain(text: str) -> str:
    """Make control characters visible, so that data cannot drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def duration(seconds: float) -> str:
    """``0.4s``, ``12s``, ``3m41s`` or ``1h02m``."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def plural(count: int, noun: str) -> str:
    """``1 object`` or ``14,896 objects``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def tally(words: Iterable[str], order: Iterable[str] = ()) -> str:
    """How often each word is there: ``13 created, 2 unchanged``.

    Args:
        words: one for each thing.
        order: these come first, even with 0; the others in the order in which they come.
    """
    counts = Counter(dict.fromkeys(order, 0))
    counts.update(words)
    return ", ".join(f"{count:,} {word}" for word, count in counts.items())


def open_closed() -> None:
    """Open /dev/null in place of each standard stream that is closed, as by ``2>&-``.

    Python has None for such a stream, and what is printed to None goes to standard output. The next file or
    connection to be opened would also take its descriptor, and with it what is meant for the stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free descriptor, which is the stream's own. Open only for reading: a write still fails.
            nowhere = os.open(os.devnull, os.O_RDONLY)
            os.set_inheritable(nowhere, True)
            # Without a buffer, which would fail at the exit of Python.
            raw = io.FileIO(nowhere, mode, closefd=False)
            setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True))


def put(stream: TextIO, text: str) -> None:
    """Write all of a text, at once.

    print() does not: with PYTHONUNBUFFERED it takes a part for the whole when a disk fills up, and it gives up when
    another program has made the stream non-blocking.

    Raises:
        OSError: the stream does not take it.
        UnicodeEncodeError: its encoding lacks a character; nothing was written.
    """
    try:
        descriptor = stream.fileno()
    except OSError:  # in memory
        print(text, end="", file=stream)
        return
    stream.flush()
    rest = memoryview(text.encode(stream.encoding, stream.errors or "strict"))
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def silence(stream: TextIO) -> None:
    """Point a stream that takes nothing any more at /dev/null: what it still holds would fail again at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Console:
    """The streams of a step, and how to write on them.

    Args:
        quiet: leave out everything but results, warnings and errors.
        verbose: also show SQL, AWS calls and tracebacks.
        color: False turns colour off; None asks the stream and ``NO_COLOR``.
        out: where results go.
        err: where everything else goes.
        stdin: where an answer to ``confirm`` is typed.

    A stream that is not given is that of the process.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        color: bool | None = None,
        out: TextIO | None = None,
        err: TextIO | None = None,
        stdin: TextIO | None = None,
    ) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.stdin = stdin or sys.stdin
        self.color = color
        # Set once writing to standard error has failed.
        self.err_failed = False

    def colored(self, stream: TextIO) -> bool:
        """Whether colour and redrawing are welcome on a stream."""
        if self.color is False or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def tell(self, text: str = "", end: str = "\n") -> None:
        """Write on standard error, even if no one reads it."""
        try:
            put(self.err, text + end)
        except OSError:
            silence(self.err)
            self.err_failed = True

    def say(self, text: str = "") -> None:
        """One line of progress."""
        if not self.quiet:
            self.tell(text)

    def debug(self, text: str) -> None:
        """One line for ``--verbose``."""
        if self.verbose:
            self.tell(text)

    def line(self, kind: str, name: str, word: str, note: str = "", *, result: bool = False) -> None:
        """One resource and what became of it, in columns: kind, name, word, note.

        Args:
            kind: what it is.
            name: its name.
            word: what became of it.
            note: what is worth knowing about it.
            result: it is what was asked for, as the plan of a dry run is: for standard output.
        """
        stream, show = (self.out, self.result) if result else (self.err, self.say)
        show(f"{kind:<15} {name:<30} {self._styled(f'{word:<10}', word, stream)} {note}".rstrip())

    def step(self, verb: str, table: str, rows: int, note: str, seconds: float) -> None:
        """One statement of a load: what it did to which table, and how long it took."""
        self.say(f"{verb:<7} {table:<15} {rows:>12,} rows   {note:<16} {duration(seconds):>6}")

    def check(self, word: str, text: str) -> None:
        """One check and its answer: ok, warn or failed. All but ok are shown even when quiet."""
        line = f"  {self._styled(f'{word:<7}', word)}{text}"
        if word == "ok":
            self.say(line)
        else:
            self.tell(line)

    def finding(self, word: str, name: str, lines: Sequence[str]) -> None:
        """What a check has found, as a result: ok, warn, failed or skipped, its name, and lines beside and below it."""
        first, *more = lines
        self.result(f"{self._styled(f'{word:<7}', word, self.out)} {name:<11} {first}")
        for line in more:
            self.result(f"{'':<19} {line}")

    def warn(self, text: str) -> None:
        """One line that is shown even when quiet."""
        self.tell(f"{self._styled('warning:', 'warn')} {text}")

    def error(self, error: DwhError) -> None:
        """What went wrong, its details, and the next step: a log that is quoted cannot drive the terminal either."""
        self.tell(f"{self._styled('error:', 'error')} {plain(error.message)}")
        for text in [*error.detail.splitlines(), *note(error).splitlines()]:
            self.tell(f"  {plain(text)}")
        if error.hint:
            self.tell(f"hint: {plain(error.hint)}")
        if self.verbose and error.debug:
            self.tell(f"debug: {error.debug}")

    def result(self, text: str, end: str = "\n") -> None:
        """Text of the result itself, on standard output. A terminal shows what it cannot encode as an escape.

        Raises:
            SystemExit: the reader has seen enough, as in ``| head``: that is no failure.
            DwhError: standard output is closed, its disk is full, or its encoding lacks a character.
        """
        encoding = self.out.encoding or "utf-8"
        if self.out.isatty():
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        try:
            put(self.out, text + end)
        except BrokenPipeError:
            silence(self.out)
            raise SystemExit(0) from None
        except UnicodeEncodeError as error:
            raise DwhError(
                f"standard output is {encoding}, which has no {plain(text[error.start])!r}: nothing was printed",
                hint="set PYTHONIOENCODING=utf-8",
            ) from None
        except OSError as error:
            silence(self.out)
            reason = "it is closed" if error.errno == errno.EBADF else error.strerror
            raise DwhError(
                f"the result cannot be written to standard output: {reason}",
                hint="send it to a terminal or to a file on a disk with room",
            ) from error

    def data(self, content: Mapping[str, Any]) -> None:
        """A result as JSON. It is plain ASCII, so every stream takes it, and nothing in it can drive a terminal."""
        self.result(json.dumps(content, indent=2))

    @contextmanager
    def waiting(self, label: str) -> Iterator[Wait]:
        """Show that something long is going on: a line in place, or a heartbeat."""
        wait = Wait(self, label)
        try:
            yield wait
        finally:
            wait.clear()

    @contextmanager
    def busy(self, label: str, status: Callable[[], str] = lambda: "running") -> Iterator[None]:
        """Show that one long call goes on: in place on a terminal, a line a minute otherwise.

        Args:
            label: what goes on.
            status: asked each time, on a thread of its own, how far it is.
        """
        done = threading.Event()
        pause = 1.0 if self.colored(self.err) else HEARTBEAT_SECONDS

        def tick() -> None:
            with self.waiting(label) as wait:
                while not done.wait(pause):
                    wait.update(status())

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()

    def confirm(self, question: str, expected: str, *, yes: bool) -> None:
        """Ask for a word before something is destroyed.

        Raises:
            RefusedError: on another answer, or when there is no terminal.
        """
        if yes:
            return
        if self.stdin.isatty():
            self.tell(question, end=" ")
        if self.err_failed or not self.stdin.isatty():
            raise RefusedError("there is no terminal to confirm on", hint="run the step again with --yes")
        try:
            answer = self.stdin.readline()
        except (OSError, ValueError):  # the terminal is gone, or what was typed is no text
            answer = ""
        if answer.strip() != expected:
            raise RefusedError(f"not confirmed: {expected} was not typed; nothing was changed")

    def _styled(self, text: str, word: str, stream: TextIO | None = None) -> str:
        codes = {
            "created": 32,
            "available": 32,
            "ok": 32,
            "updated": 32,
            "recreated": 33,
            "deleted": 33,
            "warn": 33,
            "error": 31,
            "failed": 31,
        }
        return f"\x1b[{codes[word]}m{text}\x1b[0m" if word in codes and self.colored(stream or self.err) else text


class Wait:
    """One long wait on the screen; made by ``Console.waiting``."""

    def __init__(self, console: Console, label: str) -> None:
        self._console = console
        self._label = label
        self._started = time.monotonic()
        self._shown = self._started
        self._status = ""
        self._live = console.colored(console.err)

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._started

    def update(self, status: str) -> None:
        """Show a status: in place on a terminal; otherwise on change and once a minute."""
        if self._console.quiet:
            return
        text = f"  {self._label}: {status}, {duration(self.elapsed)} elapsed"
        now = time.monotonic()
        if self._live:
            self._console.tell(f"\r\x1b[2K{text}", end="")
        elif status != self._status or now - self._shown >= HEARTBEAT_SECONDS:
            self._console.tell(text)
            self._shown = now
        self._status = status

    def clear(self) -> None:
        """Take the line away again."""
        if self._live and self._status and not self._console.quiet:
            self._console.tell("\r\x1b[2K", end="")
