"""The two keys of dwh.cfg that the steps write back, comments and order kept."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from dwh.errors import ConfigError
from dwh.files import write_whole

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
        raise ConfigError(f"{path} is read-only", hint=f"chmod u+w {path}")
    folder = path.resolve().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"the folder {folder} is read-only: {path.name} could not be replaced in one piece",
            hint=f"chmod u+w {folder}",
        )


def written(path: Path) -> dict[str, str]:
    """The values that the keys have in the file, whatever wins over them."""
    from configupdater import ConfigUpdater

    updater = ConfigUpdater()
    updater.read_string(_read(path).removeprefix("\ufeff"))
    return {option: updater[section][option].value or "" for option, section in WRITTEN.items()}


def write(path: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Replace keys in place; the file is swapped in one piece, so a kill leaves the old or the new one.

    A file that needs no change need not be writable.

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
    previous: dict[str, str] = {}
    try:
        original = _read(path)
        updater.read_string(original.removeprefix("\ufeff"))
        for option, value in values.items():
            key = updater[WRITTEN[option]][option]
            before = key.value or ""
            if before != value:
                key.value = value
                previous[option] = before
        if previous:
            check_writable(path)
            text = _as_before(str(updater), original)
            write_whole(path.resolve(), text.encode(), stat.S_IMODE(path.stat().st_mode))
    except (ConfigError, OSError) as error:
        reason = error.message if isinstance(error, ConfigError) else f"{path} cannot be written: {error.strerror}"
        raise ConfigError(
            reason,
            hint="make room or fix its permissions, then run the step again; or write the lines yourself",
            detail="\n".join(f"{option} = {value}".rstrip() for option, value in values.items()),
        ) from error
    return previous


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def _as_before(text: str, original: str) -> str:
    """The new text with the line ends and the byte order mark of the old one; a cleared key ends with its ``=``."""
    text = re.sub(rf"^((?:{'|'.join(WRITTEN)})\s*=) +$", r"\1", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    if "\r\n" in original:
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if original.startswith("\ufeff") else text
