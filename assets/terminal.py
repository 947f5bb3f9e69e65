"""Run the steps on the local target in a terminal of their own, and draw what it shows as assets/terminal.svg.

Every line of the picture is one that a step printed, in the step's own colours;
an ellipsis stands for lines left out between two of them.

python -m assets.terminal
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "assets" / "terminal.svg"
COLUMNS, ROWS = 80, 60
COLUMN = 12.2  # width of one, in rich's drawing
BLOCKS = "█▉▊▋▌▍▎▏"
NAME = "sparkify-dwh"
# Dark, with an edge of its own: it stands out on a white page and on a dark one.
# Background and text; then black, red, green, yellow, blue, magenta, cyan, white.
GROUND = "161b22 cdd4dc"
NORMAL = "484f58 ff7b72 3fb950 dba032 58a6ff bc8cff 39c5cf b1bac4"
BRIGHT = "7d8590 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd f0f6fc"
GAP = "\x1b[90m…\x1b[0m"
# A line that is redrawn in place: what the terminal shows in the end comes after this.
REDRAWN = "\r\x1b[2K"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
# How a note begins that did not fit beside what it belongs to.
BENEATH = " " * 16
# A question to which the name of the cluster is the answer.
QUESTION = b"to confirm: "

# The run, in order: a command, and how the lines of it begin that are in the picture; without any, no command either.
SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("create_cluster.py", ("local target", "Parameters", "Cluster", "Configuration")),
    ("create_tables.py", ()),
    ("etl.py", ("copy", "records", "  song", "  artists", "  users", "  time", "Load")),
    ("business_insights.py --only songs_heard --limit 5", ("SAMPLE", "Which", "#", "1 ", "2 ", "3 ", "4 ", "5 ")),
    ("destroy_cluster.py", ("Type", f"{'Cluster':<15} {NAME:<26} deleted", "Gone")),
)


def run(folder: Path, command: str) -> list[str]:
    """The lines that a step leaves on a terminal, with their colours."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    script, *options = command.split()
    child = subprocess.Popen(  # noqa: S603 - our own scripts
        [sys.executable, str(ROOT / script), *options],
        cwd=folder,
        env={name: text for name, text in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    text = b""
    for part in _read(ours):
        text += part
        if text.endswith(QUESTION):
            os.write(ours, f"{NAME}\n".encode())
    os.close(ours)
    if child.wait():
        raise SystemExit(f"{command} failed:\n{text.decode()}")
    return [line.rsplit(REDRAWN, 1)[-1].rstrip() for line in text.decode().replace("\r\n", "\n").split("\n")]


def _read(terminal: int) -> Iterator[bytes]:
    """What comes, until the other side is closed: Linux says so with an error, macOS with nothing."""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            return
        if not part:
            return
        yield part


def shorten(lines: list[str], kept: tuple[str, ...]) -> Iterator[str]:
    """The lines that begin so, with the notes beneath them, and a mark where others stood between them."""
    shown: list[int] = []
    for number, line in enumerate(lines):
        if STYLE.sub("", line).startswith(kept) or (line.startswith(BENEATH) and number - 1 in shown):
            shown.append(number)
    for before, number in zip([None, *shown], shown, strict=False):
        if before is not None and number > before + 1:
            yield GAP
        yield lines[number]


def rgb(colours: str) -> list[tuple[int, int, int]]:
    """Colours as rich takes them, from hexadecimal ones."""
    return [(red, green, blue) for red, green, blue in map(bytes.fromhex, colours.split())]


def draw(lines: list[str]) -> str:
    """The lines as a terminal, in SVG; without the fonts that it would fetch from the net."""
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    ground, ink = rgb(GROUND)
    theme = TerminalTheme(ground, ink, rgb(NORMAL), rgb(BRIGHT))
    screen = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        screen.print(Text.from_ansi(line), soft_wrap=True)
    svg = screen.export_svg(title="sparkify", theme=theme, unique_id="terminal")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(rf'<text (class="[^"]*") x="([\d.]+)" y="([\d.]+)" [^>]*>([{BLOCKS}]+)</text>', _bar, svg)


def _bar(found: re.Match[str]) -> str:
    """A bar in one piece: glyphs side by side show seams, since no font's blocks are quite as wide as a column."""
    style, x, y, blocks = found.groups()
    eighths = sum(8 - BLOCKS.index(block) for block in blocks)
    return f'<rect {style} x="{x}" y="{float(y) - 16:.1f}" width="{eighths / 8 * COLUMN:.1f}" height="19" rx="1"/>'


@contextmanager
def project() -> Iterator[Path]:
    """A folder of its own with the configuration; the local target that is made there goes in the end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Without the cluster that `make run` may have left; and never on AWS, whatever the environment says.
        config = re.sub(r"(?m)^(dwh_\w+) =.*", r"\1 =", (ROOT / "dwh.cfg").read_text(encoding="utf-8"))
        (folder / "dwh.cfg").write_text(config.replace("target = auto", "target = local"), encoding="utf-8")
        try:
            yield folder
        finally:
            quietly = [sys.executable, str(ROOT / "destroy_cluster.py"), "--yes", "--quiet"]
            subprocess.run(quietly, cwd=folder, check=True)  # noqa: S603 - our own script


def main() -> int:
    """Run the steps, and draw the lines of them that are shown."""
    picture: list[str] = []
    with project() as folder:
        for command, kept in SHOWN:
            lines = run(folder, command)
            if kept:
                picture += [f"\x1b[1;97m$ python {command}\x1b[0m", *shorten(lines, kept), ""]
    PICTURE.write_text(draw(picture[:-1]), encoding="utf-8")
    print(f"drawn: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
