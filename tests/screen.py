"""A terminal of some width that steps run on, and what a person sees on it in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
import unicodedata

from project import ROOT, clean_environment, heed_ctrl_c

# A colour, erasing the line, or another sequence, which no step sends.
PART = re.compile(r"\x1b\[[0-9;]*m|\x1b\[2K|\x1b.|[^\x1b]", re.DOTALL)


class Screen:
    """A model of a terminal: lines, wrapped where they are longer than it is wide.

    ``broken`` are the lines, as far as the edge, that the terminal went on with in the next one.
    """

    def __init__(self, columns):
        self.columns = columns
        self.broken = []
        self._rows = [[]]
        self._at = 0

    @property
    def lines(self):
        """The text of each line."""
        return ["".join(row) for row in self._rows]

    def feed(self, text):
        """Take what a step writes."""
        for part in PART.findall(text):
            if part == "\r":
                self._at = 0
            elif part == "\n":
                self._begin_line()
            elif part == "\x1b[2K":
                self._rows[-1] = []
            elif part.startswith("\x1b"):
                assert part.endswith("m"), f"not known to this terminal: {part!r}"
            else:
                self._put(part)

    def _begin_line(self):
        self._rows.append([])
        self._at = 0

    def _put(self, character):
        wide = unicodedata.east_asian_width(character) in "WF"
        if self._at + 1 + wide > self.columns:
            self.broken.append(self.lines[-1])
            self._begin_line()
        row = self._rows[-1]
        row += [" "] * (self._at + 1 + wide - len(row))
        row[self._at : self._at + 1 + wide] = [character, ""][: 1 + wide]
        self._at += 1 + wide


def take_terminal():
    """In a child: be the program of its terminal, and take what that sends."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    heed_ctrl_c()


class OnTerminal:
    """A step that runs on a terminal of its own, which Ctrl-C and Ctrl-D reach as from a keyboard."""

    def __init__(self, project, step, *args, columns=80, **environ):
        self._here, there = pty.openpty()
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        written = "\n" in step  # a program of the test's own
        program = [sys.executable, "-c", step] if written else [sys.executable, str(ROOT / f"{step}.py")]
        self._step = subprocess.Popen(
            [*program, *args],
            cwd=project.folder,
            env=clean_environment(project.folder, TERM="xterm", **environ),
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(there)
        project.started |= not written
        self.screen = Screen(columns)
        self._said = b""

    def until(self, text, seconds=60):
        """Show what the step writes until that is in it, live lines included."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self._said:
            assert self._read(), f"it ended before {text!r}:\n{self.said}"
            assert time.monotonic() < deadline, self.said
        return self

    def type(self, keys):
        """Press keys."""
        os.write(self._here, keys.encode())
        return self

    def end(self):
        """The exit code, and the lines that are left on the screen."""
        while self._read():
            pass
        os.close(self._here)
        code = self._step.wait(60)
        self.screen.feed(self.said.replace("\r\n", "\n"))
        return code, self.screen.lines

    @property
    def said(self):
        """All that it wrote, with what the terminal made of it."""
        return self._said.decode()

    def _read(self):
        try:
            part = os.read(self._here, 65536)
        except OSError:  # Linux: the other side is closed
            part = b""
        self._said += part
        return bool(part)
