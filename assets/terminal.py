"""Run the steps on the local target with sample data and draw what they print as assets/terminal.svg.

python -m assets.terminal
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "assets" / "terminal.svg"
WIDTH = 84
SHOWN = (
    ("etl.py",),
    ("business_insights.py", "--only", "top_songs", "weekday_hour"),
)


def run(folder: Path, *command: str) -> str:
    """What a step prints, both streams as they come."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, str(ROOT / command[0]), *command[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def draw(text: str) -> str:
    """The text as a terminal, in SVG; without the fonts that it would fetch from the net."""
    from rich.console import Console
    from rich.text import Text

    screen = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in text.splitlines():
        styled = Text(line)
        styled.highlight_regex(r"^\$ .*", "bold")
        styled.highlight_regex(r"^  ok\b", "green")
        styled.highlight_regex(r"^  warn\b", "yellow")
        styled.highlight_regex(r"^[A-Z][^.:]*\?", "bold cyan")
        screen.print(styled, soft_wrap=True)
    svg = screen.export_svg(title="sparkify", unique_id="terminal")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main() -> int:
    """Run, draw, and take the local target down again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "dwh.cfg", folder)
        try:
            for step in ("create_cluster.py", "create_tables.py"):
                run(folder, step, "--target", "local")
            parts = [f"$ python {' '.join(command)}\n{run(folder, *command)}" for command in SHOWN]
        finally:
            run(folder, "destroy_cluster.py", "--target", "local", "--yes")
    PICTURE.write_text(draw("\n".join(parts)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
