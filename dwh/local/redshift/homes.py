"""The files of a PostgreSQL server: where they are, whether we made them, and how they are removed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from dwh.local.redshift import binaries
from dwh.local.redshift.errors import PostgresError

LOG = "postgres.log"
# In the home of root's server: where its files are.
PLACE = "place"
# The name of such a folder has the inode number of the home in it: that stays when a project is moved, and is another
# one in a copy of it.
SOCKET = ".s.PGSQL.5432"
# Bytes of a socket's path, on macOS one or two fewer than on Linux (unix(4), unix(7)).
LONGEST_SOCKET = 103
PLACES = "sparkify-postgres-{}-"


def make_place(home: Path) -> Path:
    """A folder that the server's user can write to: ``home``, or for root one under the temporary directory.

    So it is where the path of ``home`` is too long for that of a socket.
    """
    home.mkdir(0o700, parents=True)
    if not binaries.as_root() and len(os.fsencode(home / SOCKET)) <= LONGEST_SOCKET:
        return home
    lasting = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a private folder there; /tmp may be cleared while we run
    prefix = PLACES.format(home.stat().st_ino)
    place = Path(tempfile.mkdtemp(prefix=prefix, dir=lasting if lasting.is_dir() else None))
    (home / PLACE).write_text(f"{place}\n", encoding="utf-8")
    binaries.hand_over(place)
    return place


def place_of(home: Path) -> Path:
    """Where the files of the server of this home are.

    Raises:
        PostgresError: we made neither it nor the home.
    """
    # A new home is empty; from then on it has one of the two.
    if not _made_by_us(home) or not any(name in (LOG, PLACE) for name in os.listdir(home) or [PLACE]):
        raise _foreign(home)
    place = _named_place(home)
    if place is None:
        return home
    parents = ("/var/tmp", tempfile.gettempdir())  # noqa: S108 - where mkdtemp made it
    named = os.fspath(place.parent) in parents and place.name.startswith(PLACES.format(home.stat().st_ino))
    if not named or (os.path.lexists(place) and not _made_by_us(place)):
        raise _foreign(place)
    return place


def _named_place(home: Path) -> Path | None:
    try:
        with open(os.open(home / PLACE, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
            text = file.read().rstrip("\n")
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise _foreign(home / PLACE) from None
    return Path(text) if text else None  # it is just being written


def _made_by_us(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid in {os.geteuid(), *binaries.user_ids()}


def _foreign(path: Path) -> PostgresError:
    return PostgresError(
        f"{path} was not made by the local target: it is left alone",
        hint="look at it, remove it (or what names it under .local/clusters) by hand, and run the step again",
    )


def delete_all(home: Path, place: Path) -> None:
    """Delete the files of a server; what tells that they are ours goes last, or a removal cut off could not go on."""
    for folder in (place / "data", place, home):
        _delete(folder)


def _delete(folder: Path) -> None:
    """Delete a folder; a server that is just going may still write to it."""
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(folder)
