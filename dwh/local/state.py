"""The state folder ``.local``: closed to others, and nothing in it but ours.

What another user has put there, or in its place, is refused: never followed, never removed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dwh.errors import TargetError

# In every state folder from its first moment on: another folder that was moved to its place has none.
MARK = "launcher.lock"
MADE = ("clusters", "data", "launcher", "redshift", "sample")  # what the names of our files and folders begin with
CLOSED = 0o700


def prepare(folder: Path) -> None:
    """Make the folder, or close the one that is there.

    Raises:
        TargetError: it is not ours, or something in it is not.
        OSError: it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(CLOSED)
        folder.chmod(CLOSED)  # the umask may have taken from it
    with _opened(folder) as there:
        os.close(os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=there))


def check(folder: Path) -> bool:
    """Whether there is one; it is closed if it was open.

    Raises:
        TargetError: it is not ours, or something in it is not.
    """
    try:
        with _opened(folder):
            return True
    except FileNotFoundError:
        return False


def read(folder: Path, name: str) -> str:
    """The text of a file in it; nothing when there is none.

    Raises:
        TargetError: the folder, or something in it, is not ours.
    """
    try:
        with (
            _opened(folder) as there,
            open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=there), encoding="utf-8") as file,
        ):
            return file.read()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def remove(folder: Path) -> None:
    """Delete it with all that is in it.

    Raises:
        TargetError: it is not ours, or something in it is not.
        OSError: it cannot be deleted.
    """
    with _opened(folder) as there:
        for name in os.listdir(there):
            if stat.S_ISDIR(os.lstat(name, dir_fd=there).st_mode):
                shutil.rmtree(name, dir_fd=there)
            else:
                os.unlink(name, dir_fd=there)
    folder.rmdir()


def open_to_all(folder: Path) -> bool:
    """Whether every user of the machine may put other files in the place of those in a folder."""
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The folder's descriptor, once it is closed to others and all that is in it is known to be ours."""
    try:
        there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = "is a link" if os.path.islink(folder) else f"cannot be opened: {error.strerror}"
        raise _refused(folder, reason) from None
    try:
        _check_owner(folder, os.fstat(there))
        names = os.listdir(there)
        if MARK not in names and not all(name.startswith(MADE) for name in names):
            raise _refused(folder, "was not made by the local target")
        _close(folder, there)
        for name in os.listdir(there):
            with suppress(FileNotFoundError):  # replaced by another step just now
                _check_owner(folder / name, os.lstat(name, dir_fd=there))
        yield there
    finally:
        os.close(there)


def _close(folder: Path, there: int) -> None:
    if stat.S_IMODE(os.fstat(there).st_mode) != CLOSED:
        os.fchmod(there, CLOSED)
    if stat.S_IMODE(os.fstat(there).st_mode) != CLOSED:
        raise _refused(folder, "cannot be closed to other users")


def _check_owner(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _refused(path, "is a link")
    if status.st_uid != os.geteuid():
        raise _refused(path, f"belongs to {_name(status.st_uid)}")
    if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
        raise _refused(path, "has a second name elsewhere")


def _refused(path: Path, reason: str) -> TargetError:
    return TargetError(
        f"{path} {reason}: it is left alone",
        hint="run the step as the user who began, or look at it and remove it by hand",
    )


def _name(uid: int) -> str:
    with suppress(KeyError):
        return f"the user {pwd.getpwuid(uid).pw_name}"
    return f"the user of id {uid}"
