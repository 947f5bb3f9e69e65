"""The values of options on the command line, each checked by a function for argparse's ``type``."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

LARGEST = 2**31 - 1


def whole_number(least: int, most: int = LARGEST) -> Callable[[str], int]:
    """Reads a whole number, written in digits.

    Args:
        least: the smallest that is accepted.
        most: the largest.
    """
    limits = f"from {least:,}" if most == LARGEST else f"from {least:,} to {most:,}"

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ArgumentTypeError(f"must be a whole number {limits}, not {text!r}")
        return int(text)

    return read


def minutes(text: str) -> float:
    """Minutes, more than none."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise ArgumentTypeError("must be more than 0")
    return value


def folder(text: str) -> Path:
    """A folder, from the root on."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ArgumentTypeError(f"{text!r} begins with a home folder that is not there") from None
    except OSError as error:
        raise ArgumentTypeError(f"{text!r}: the folder that you are in is gone: {error.strerror}") from None
