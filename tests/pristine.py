"""dwh.cfg as it comes: what create_cluster.py may have written to the project's own is taken out."""

from __future__ import annotations

import re
from pathlib import Path

CFG = Path(__file__).parent.parent / "dwh.cfg"


def cfg_text():
    """The text of an unused dwh.cfg."""
    return re.sub(r"(?m)^(dwh_\w+) =.*", r"\1 =", CFG.read_text())


def put_cfg(folder):
    """Write it to a folder; its path."""
    path = Path(folder) / "dwh.cfg"
    path.write_text(cfg_text())
    return path
