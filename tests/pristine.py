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


def set_key(cfg, option, text):
    """Give a key of a dwh.cfg another value."""
    lines = cfg.read_text().splitlines()
    changed = [f"{option} = {text}" if line.split(" =")[0] == option else line for line in lines]
    assert changed != lines or f"{option} = {text}" in lines
    cfg.write_text("\n".join(changed) + "\n")
