"""The pages that people read: the README, and those beside what they describe."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
# In the order in which a reader meets them.
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "dwh/README.md",
        "dwh/aws/README.md",
        "dwh/insights/README.md",
        "dwh/local/README.md",
        ".github/CONTRIBUTING.md",
    )
}


def blocks(page: str, kind: str) -> list[str]:
    """The text of a page's blocks of a kind: sh, python, sql, text."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A page without its blocks, those in lists included."""
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def quoted(page: str) -> list[str]:
    """What a page's sentences and tables name as code."""
    return re.findall(r"`([^`\n]+)`", prose(PAGES[page]))


def anchors(text: str) -> set[str]:
    """The places of a page that a link can lead to, named as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
