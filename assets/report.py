"""Load the sample data on the local target, and photograph its report as assets/report.png.

The first screen of out/report.html, in a browser without a window. It takes
Chromium or Chrome; without one the picture stays as it is.

python -m assets.report
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from assets.terminal import ROOT, project, run

PICTURE = ROOT / "assets" / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Of the page, in its own pixels; sharp screens show one in two.
WIDTH, HEIGHT, SCALE = 880, 760, 1.75
STEPS = ("create_cluster.py", "create_tables.py", "etl.py", "business_insights.py --output out")


def photograph(browser: str, page: Path, picture: Path) -> None:
    """The first screen of a page as a PNG.

    Raises:
        subprocess.CalledProcessError: the browser failed.
    """
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",  # which root cannot have, and a page of our own does not need
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={WIDTH},{HEIGHT}",
            f"--force-device-scale-factor={SCALE}",
            f"--screenshot={picture}",
            page.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own page


def main() -> int:
    """Run the steps and photograph their report; 1 when there is no browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("error: there is no Chromium or Chrome on PATH, so the report is not photographed", file=sys.stderr)
        print("hint: apt-get install chromium", file=sys.stderr)
        return 1
    with project() as folder:
        for step in STEPS:
            run(folder, step)
        photograph(browser, folder / "out" / "report.html", PICTURE)
    print(f"drawn: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
