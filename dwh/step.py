"""What the work of a step is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dwh.config import Settings
from dwh.console import Console
from dwh.target import Target

if TYPE_CHECKING:
    from argparse import Namespace


@dataclass(frozen=True)
class Step:
    """One run of a step script: its options, the configuration, the screen and the target."""

    args: Namespace
    settings: Settings
    console: Console
    target: Target
