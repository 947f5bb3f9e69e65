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

from dwh import fit
from dwh.errors import DwhError, RefusedError, note

HEARTBEAT_SECONDS = 60.0
COLOURS = {
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
# Takes away the line that the cursor is on.
ERASE = "\r\x1b[2K"
# Columns that a line in place leaves free: what the terminal shows of a Ctrl-C must not begin another line.
LEFT_FREE = 3


def plain(text: str) -> str:
    """Make control characters visible, so that data cannot drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def duration(seconds: float) -> str:
    """``12ms``, ``0.4s``, ``12s``, ``3m41s`` or ``1h02m``."""
    if seconds < 0.1:
        return f"{max(1, round(seconds * 1000))}ms"
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
    return ", ".join(
        f"{count:,} {'exist' if word == 'exists' and count > 1 else word}" for word, count in counts.items()
    )


def size(count: int) -> str:
    """``1 byte``, ``512 bytes``, ``12 kB`` or ``3.7 MB``."""
    if count < 1000:
        return plural(count, "byte")
    power = min(len(str(count)) - 1, 14) // 3
    number = count / 1000**power
    return f"{number:.{0 if number >= 10 else 1}f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


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
        # Whether a line is shown that goes when another one comes.
        self._in_place = False

    def colored(self, stream: TextIO) -> bool:
        """Whether colour and redrawing are welcome on a stream."""
        if self.color is False or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return stream.isatty()

    @property
    def width(self) -> int | None:
        """The columns that a step's lines fit; None where no terminal shows them."""
        return fit.step_width(self.err)

    def tell(self, text: str = "", end: str = "\n", *, in_place: bool = False) -> None:
        """Write on standard error, even if no one reads it.

        Args:
            text: what is written.
            end: what comes after it.
            in_place: the line goes again when another one comes, whatever interrupts this one.
        """
        erase, self._in_place = ERASE * self._in_place, in_place
        try:
            put(self.err, erase + text + end)
        except OSError:
            silence(self.err)
            self.err_failed = True

    def tell_in_place(self, text: str, ending: str) -> None:
        """Show a line that the next one takes the place of; its ending is kept when it is too long."""
        room = (fit.columns(self.err) or fit.WIDTH) - LEFT_FREE
        line = fit.cut(fit.cut(text, max(room - len(ending), 0)) + ending, room)
        self.tell(line, end="", in_place=True)

    def say(self, text: str = "") -> None:
        """One line of progress."""
        if not self.quiet:
            indent = len(text) - len(text.lstrip()) + 2
            self.tell(fit.wrapped(text, self.width, " " * indent))

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
        stream, show = (self.out, self.result) if result else (self.err, self.tell)
        if result or not self.quiet:
            head = f"{kind:<15} {name:<26} {self._styled(word, 10, stream=stream)}"
            show(fit.beside(head, note, fit.step_width(stream), under=16))

    def step(self, verb: str, table: str, rows: int, note: str, seconds: float) -> None:
        """One statement of a load: what it did to which table, and how long it took."""
        line = f"{verb:<7} {table:<15} {rows:>12,} rows   {note:<16} {duration(seconds):>6}"
        if not self.quiet:
            self.tell(fit.beside(line, "", self.width, under=0))

    def check(self, word: str, text: str) -> None:
        """One check and its answer: ok, warn or failed. All but ok are shown even when quiet."""
        if word != "ok" or not self.quiet:
            self.tell(fit.wrapped(f"  {self._styled(word, 7)}{text}", self.width, " " * 9))

    def finding(self, word: str, name: str, lines: Sequence[str]) -> None:
        """What a check has found, as a result: ok, warn, failed or skipped, its name, and lines beside and below it."""
        width, indent = fit.step_width(self.out), " " * 20
        head = f"{self._styled(word, 7, stream=self.out)} {name:<11} "
        for line in lines:
            self.result(fit.wrapped(head + line, width, indent))
            head = indent

    def warn(self, text: str) -> None:
        """One line that is shown even when quiet."""
        self.tell(fit.wrapped(f"{self._styled('warning:', as_word='warn')} {text}", self.width))

    def error(self, error: DwhError) -> None:
        """What went wrong, its details, and the next step: a log that is quoted cannot drive the terminal either."""
        self.tell(fit.wrapped(f"{self._styled('error:', as_word='error')} {plain(error.message)}", self.width))
        for text in [*error.detail.splitlines(), *note(error).splitlines()]:
            self.tell(fit.wrapped(f"  {plain(text)}", self.width, " " * 4))
        if error.hint:
            self.tell(fit.wrapped(f"hint: {plain(error.hint)}", self.width))
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
    def waiting(self, label: str, usually: str = "") -> Iterator[Wait]:
        """Show that something long is going on: a line in place, or a heartbeat.

        Args:
            label: what goes on.
            usually: how long it takes, such as "4 to 8 minutes"; nothing where that depends on the data.
        """
        wait = Wait(self, label, usually)
        try:
            yield wait
        finally:
            wait.clear()

    @contextmanager
    def busy(self, label: str, status: Callable[[], str] = lambda: "running", *, usually: str = "") -> Iterator[None]:
        """Show that one long call goes on: in place on a terminal, a line a minute otherwise.

        Args:
            label: what goes on.
            status: asked each time, on a thread of its own, how far it is.
            usually: how long it takes, as for ``waiting``.
        """
        done = threading.Event()
        pause = 1.0 if self.colored(self.err) else HEARTBEAT_SECONDS

        def tick() -> None:
            with self.waiting(label, usually) as wait:
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
            self.tell(fit.wrapped(question, self.width), end=" ")
        if self.err_failed or not self.stdin.isatty():
            raise RefusedError("there is no terminal to confirm on", hint="run the step again with --yes")
        try:
            answer = self.stdin.readline()
        except (OSError, ValueError):  # the terminal is gone, or what was typed is no text
            answer = "\n"
        if not answer:  # Ctrl-D, which leaves the cursor behind the question
            self.tell()
            raise RefusedError(f"not confirmed: end of input instead of {expected}; nothing was changed")
        if answer.strip() != expected:
            raise RefusedError(f"not confirmed: {expected} was not typed; nothing was changed")

    def _styled(self, text: str, width: int = 0, *, as_word: str = "", stream: TextIO | None = None) -> str:
        """A word in its colour, or in that of another one, and then spaces up to a width."""
        code = COLOURS.get(as_word or text) if self.colored(stream or self.err) else None
        return (f"\x1b[{code}m{text}\x1b[0m" if code else text) + " " * (width - len(text))


class Wait:
    """One long wait on the screen; made by ``Console.waiting``."""

    def __init__(self, console: Console, label: str, usually: str) -> None:
        self._console = console
        self._label = label
        self._usually = f" (usually {usually})" if usually else ""
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
        text, ending = f"  {self._label}: {status}{self._usually}", f", {duration(self.elapsed)} elapsed"
        now = time.monotonic()
        if self._live:
            self._console.tell_in_place(text, ending)
        elif status != self._status or now - self._shown >= HEARTBEAT_SECONDS:
            self._console.tell(text + ending)
            self._shown = now
        self._status = status

    def clear(self) -> None:
        """Take the line away again."""
        if self._live:
            self._console.tell(end="")
