"""The data folder that the local S3 mirrors: which it is, what must be in it, and what is in it now."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dwh.console import plain
from dwh.errors import ConfigError
from dwh.local import state

LOGS, SONGS, JSONPATHS = "log_data", "song_data", "log_json_path.json"

# For a folder that has no log_json_path.json of its own.
STANDARD_JSONPATHS = Path(__file__).with_name(JSONPATHS)
# Of many files that cannot be objects, the first ones are named.
MOST_NAMED = 10
# 10000-01-01 in nanoseconds: the times of S3 have four digits for the year.
END_OF_TIME = 253_402_300_800 * 10**9
# In the state folder: what --data named last, and what data_dir in dwh.cfg was then.
GIVEN = "data.json"


@dataclass(frozen=True)
class File:
    """A file as it is now: enough to see that it has changed, also when it was put back with its old time."""

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
        note = json.loads(state.read(state_dir, GIVEN))
    except ValueError:
        return None
    return Path(note["folder"]) if note["data_dir"] == str(data_dir or "") else None


def seen(path: str) -> File | None:
    """The file as it is now; None when it is gone."""
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
    if not os.path.isdir(folder):
        raise ConfigError(f"there is no data folder {folder}", hint=hint)
    left_out: list[str] = []
    missing = [
        f"{what} files under {name}/"
        for name, what in ((LOGS, "log"), (SONGS, "song"))
        if not any(name.endswith(".json") or ".json." in name for name, _ in files(folder / name, left_out))
    ]
    if missing:
        told = "\n".join(plain(f"left out: {text}") for text in left_out[:MOST_NAMED])
        raise ConfigError(f"the data folder {folder} has no {' and no '.join(missing)}", hint=hint, detail=told)


def files(root: Path, left_out: list[str] | None = None) -> Iterator[tuple[str, File]]:
    """Every file under ``root`` with its path relative to it, "/"-separated; hidden ones (.DS_Store) are left out.

    Links are followed, as ``aws s3 sync`` does.

    Args:
        root: the folder.
        left_out: takes a sentence about each entry that cannot be an object of S3.
    """
    skipped = [] if left_out is None else left_out
    waiting = [(os.fspath(root), "")]
    while waiting:
        folder, relative = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:  # gone, or never there: nothing to mirror
            continue
        except OSError as error:
            skipped.append(f"{folder}: {error.strerror}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                found = _look(entry)
            except (OSError, ValueError) as error:
                skipped.append(f"{entry.path}: {_reason(error)}")
                continue
            if found is None:
                waiting.append((entry.path, f"{relative}{entry.name}/"))
            else:
                yield f"{relative}{entry.name}", found


def _look(entry: os.DirEntry[str]) -> File | None:
    """A file that can be an object; None for a folder.

    Raises:
        OSError: it cannot be looked at.
        ValueError: it can be no object.
    """
    if not entry.name.isascii() and not _is_utf8(entry.name):
        raise ValueError("its name is not UTF-8")
    if entry.is_dir():
        if entry.is_symlink() and _leads_back(entry.path):
            raise ValueError("a link that leads back to a folder around it")
        return None
    return _as_object(entry.path, entry.stat())


def _as_object(path: str, status: os.stat_result) -> File:
    """The file as it is now.

    Raises:
        ValueError: it can be no object.
    """
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("neither a file nor a folder")
    if not 0 <= status.st_mtime_ns < END_OF_TIME:
        raise ValueError("its date is not between 1970 and 9999")
    if not status.st_mode & stat.S_IROTH and not os.access(path, os.R_OK):
        raise ValueError("you may not read it")
    return _file(path, status)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that the system could not decode
        return False
    return True


def _leads_back(path: str) -> bool:
    """Whether a link to a folder leads to one that it is in: following it would have no end."""
    return any(os.path.samefile(path, folder) for folder in Path(path).parents)


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", error))


def jsonpaths(root: Path, left_out: list[str]) -> File:
    """The folder's JSONPaths file, or the standard one; ``left_out`` takes a sentence about one that will not do."""
    own = os.fspath(root / JSONPATHS)
    if os.path.lexists(own):
        try:
            return _as_object(own, os.stat(own))
        except (OSError, ValueError) as error:
            left_out.append(f"{own}: {_reason(error)}; the standard one takes its place")
    return _as_object(os.fspath(STANDARD_JSONPATHS), STANDARD_JSONPATHS.stat())
