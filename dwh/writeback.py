"""The two keys of dwh.cfg that the steps write back, comments and order kept."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dwh.errors import ConfigError

# Key of dwh.cfg -> its section.
WRITTEN = {"dwh_endpoint": "CLUSTER", "dwh_arn_role": "IAM_ROLE"}


def check_writable(path: Path) -> None:
    """Make sure that the keys can be written, before anything is created.

    A file without any write bit counts as read-only for root too: whoever took
    the bits away meant it.

    Raises:
        ConfigError: the file or its folder cannot be written.
    """
    if not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(path, os.W_OK):
        raise ConfigError(f"{path} is read-only: the endpoint could not be written to it", hint=f"chmod u+w {path}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(
            f"the folder {path.parent} is read-only: {path.name} could not be replaced in one piece",
            hint=f"chmod u+w {path.parent}",
        )


def write(path: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Replace keys in place; the file is swapped in one piece, so a kill leaves the old or the new one.

    Args:
        path: dwh.cfg.
        values: new value of each key; the empty text clears it.

    Returns:
        The previous value of each key that changed.

    Raises:
        ConfigError: the file cannot be written.
    """
    from configupdater import ConfigUpdater

    updater = ConfigUpdater()
    original = _read(path)
    updater.read_string(original.removeprefix("\ufeff"))
    previous: dict[str, str] = {}
    for option, value in values.items():
        key = updater[WRITTEN[option]][option]
        before = key.value or ""
        if before != value:
            key.value = value
            previous[option] = before
    if previous:
        _replace(path, _stripped(str(updater), original))
    return previous


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def _stripped(text: str, original: str) -> str:
    """The new text with the line ends and the byte order mark of the old one."""
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    if "\r\n" in original:
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if original.startswith("\ufeff") else text


def _replace(path: Path, text: str) -> None:
    real = path.resolve()
    handle = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=real.parent, prefix=f".{real.name}.", delete=False, encoding="utf-8", newline=""
        ) as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(handle.name).chmod(stat.S_IMODE(real.stat().st_mode))
        Path(handle.name).replace(real)
    except OSError as error:
        if handle is not None:
            Path(handle.name).unlink(missing_ok=True)
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", hint="make room or mend its permissions"
        ) from error
