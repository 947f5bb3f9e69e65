"""What a person sends with a report when a step stops with an error that was not foreseen."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import traceback
from collections.abc import Iterable

from dwh import __version__
from dwh.config import Settings

REPORT = "that is a fault of this project: please report it to the maintainers, with all of the lines below"
SECRET_VARIABLES = ("KEY", "SECRET", "DB_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
HIDDEN = "****"


def report(
    error: Exception, parser: argparse.ArgumentParser, args: argparse.Namespace, settings: Settings | None
) -> str:
    """The lines to send: versions, target, options, and the traceback last.

    Args:
        error: what stopped the step.
        parser: of the step's options.
        args: what it has read.
        settings: name the target, and hold the secrets to leave out; None when they could not be read.
    """
    target = settings.target if settings else "not known"
    # What could not be read may be quoted by the error, secrets too: then its kind has to do.
    if settings:
        said = traceback.format_exception(error)
    else:
        said = [*traceback.format_tb(error.__traceback__), type(error).__name__]
    lines = [
        versions(),
        f"step: {parser.prog}, target: {target}, options: {' '.join(given(parser, args)) or 'none'}",
        "".join(said).rstrip(),
    ]
    return without("\n".join(lines), secrets(settings))


def versions() -> str:
    """The versions that matter, in a line."""
    packages = [f"{name} {_version(name)}" for name in ("boto3", "psycopg2")]
    return ", ".join([f"sparkify {__version__}", f"Python {platform.python_version()}", *packages, platform.platform()])


def _version(package: str) -> str:
    try:
        return str(importlib.import_module(package).__version__).split()[0]
    except ImportError:
        return "is missing"


def given(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Iterable[str]:
    """The options that differ from their defaults; a value only where it is a number or one of a few words."""
    for action in parser._actions:
        value = getattr(args, action.dest, action.default)
        if not action.option_strings or value == action.default:
            continue
        name = action.option_strings[-1]
        if isinstance(value, bool):
            yield name
        elif action.choices or isinstance(value, int | float):
            yield f"{name} {value}"
        else:  # a path or a name of the user's own
            yield f"{name} ..."


def secrets(settings: Settings | None) -> set[str]:
    """The secrets that this process knows of."""
    known = {*map(os.environ.get, SECRET_VARIABLES)}
    if settings:
        known |= {settings.key, settings.secret, settings.db_password}
    return {secret for secret in known if secret}


def without(text: str, hidden: Iterable[str]) -> str:
    """A text in which some words cannot be read."""
    for word in sorted(hidden, key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return text
