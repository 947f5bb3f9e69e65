"""The data folder that the local S3 mirrors: which it is, what must be in it, and what is in it now."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dwh.errors import ConfigError

LOGS, SONGS, JSONPATHS = "log_data", "song_data", "log_json_path.json"

# For a folder that has no log_json_path.json of its own.
STANDARD_JSONPATHS = Path(__file__).with_name(JSONPATHS)
# In the state folder: what --data named last, and what data_dir in dwh.cfg was then.
GIVEN = "data.json"


@dataclass(frozen=True)
class File:
    """A file as it stands: enough to see that it has changed, also when it was put back with its old time."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int


def remember(state_dir: Path, folder: Path, data_dir: Path | None) -> None:
    """Note the folder that ``--data`` named, for the runs to come."""
    (state_dir / GIVEN).write_text(json.dumps({"folder": str(folder), "data_dir": str(data_dir or "")}))


def remembered(state_dir: Path, data_dir: Path | None) -> Path | None:
    """The folder that ``--data`` named last; None when data_dir was changed since: the later word counts."""
    try:
        note = json.loads((state_dir / GIVEN).read_text())
    except (OSError, ValueError):
        return None
    return Path(note["folder"]) if note["data_dir"] == str(data_dir or "") else None


def seen(path: str) -> File | None:
    """The file as it stands now; None when it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _file(path, status)


def _file(path: str, status: os.stat_result) -> File:
    return File(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def check(folder: Path) -> None:
    """Refuse a folder that the local S3 cannot be filled from.

    Raises:
        ConfigError: it is not there, or has no song or log files; the message names what is missing.
    """
    hint = (
        "name a folder that holds log_data/ and song_data/ with --data DIR or as data_dir in dwh.cfg; "
        "with neither, sample data is generated"
    )
    if not folder.is_dir():
        raise ConfigError(f"there is no data folder {folder}", hint=hint)
    missing = [
        f"{what} files under {name}/"
        for name, what in ((LOGS, "log"), (SONGS, "song"))
        if not any(name.endswith(".json") or ".json." in name for name, _ in files(folder / name))
    ]
    if missing:
        raise ConfigError(f"the data folder {folder} has no {' and no '.join(missing)}", hint=hint)


def files(root: Path) -> Iterator[tuple[str, File]]:
    """Every file under ``root`` with its path relative to it, "/"-separated; hidden ones (.DS_Store) are left out."""
    waiting = [(os.fspath(root), "")]
    while waiting:
        folder, relative = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:  # gone, or never there: nothing to mirror
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{relative}{entry.name}/"))
            elif entry.is_file():
                yield f"{relative}{entry.name}", _file(entry.path, entry.stat())


def jsonpaths(root: Path) -> File:
    """The folder's JSONPaths file, or the standard one."""
    own = root / JSONPATHS
    path = own if own.is_file() else STANDARD_JSONPATHS
    return _file(os.fspath(path), path.stat())
