"""Where the benchmarks run: a folder with a local target of its own, and commands timed as whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.pristine import put_cfg

ROOT = Path(__file__).parents[2]
# ru_maxrss is in kilobytes, but in bytes on macOS.
MEGABYTE = 1 << 20 if sys.platform == "darwin" else 1 << 10


@dataclass(frozen=True)
class Ran:
    """One run of a command: seconds, the memory of its process in MB, and what it printed."""

    seconds: float
    megabytes: float
    out: str


def run(command: Sequence[str | Path], cwd: Path = ROOT) -> Ran:
    """Run a command and wait for it.

    Raises:
        RuntimeError: it failed; the message holds what it said.
    """
    return _runner().submit(_run, command, cwd).result()


@cache
def _runner() -> ProcessPoolExecutor:
    """A small process that runs them: Linux counts the memory of a process from that of the one that started it."""
    return ProcessPoolExecutor(1, get_context("spawn"))


def _run(command: Sequence[str | Path], cwd: Path) -> Ran:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "DWH_", "KEY"))}
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    out = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: exit {process.returncode}\n{out}")
    return Ran(time.perf_counter() - started, used.ru_maxrss / MEGABYTE, out)


class Place:
    """A folder with dwh.cfg, and the steps run there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        put_cfg(folder)

    def step(self, name: str, *arguments: str | Path) -> Ran:
        """Run a step script."""
        where = ["--config", self.folder / "dwh.cfg", "--target", "local", "--quiet"]
        return run([sys.executable, ROOT / f"{name}.py", *where, *arguments])

    def create(self, data: Path) -> None:
        """A new warehouse over a data folder, its tables empty."""
        self.step("destroy_cluster", "--yes")
        self.step("create_cluster", "--data", data)
        self.step("create_tables")

    def target(self) -> Any:
        """The target as the steps open it."""
        from dwh import config
        from dwh.target import open_target

        return open_target(config.load(self.folder / "dwh.cfg", "local", {}))

    def connect(self) -> Any:
        """A connection as the steps have it."""
        return self.target().connect()

    @contextmanager
    def bare(self) -> Iterator[Any]:
        """A cursor on the PostgreSQL behind the cluster, past the endpoint; in autocommit."""
        from dwh.local.redshift import homes, postgres

        target = self.target()
        name, database = target.settings.cluster_identifier, target.settings.db_name
        login = target.client("redshift").get_cluster_credentials(
            ClusterIdentifier=name, DbUser=target.settings.db_user, DbName=database
        )
        place = homes.place_of(self.folder / ".local" / "clusters" / f"{target.settings.region}-{name}")
        made = postgres.dial(place, dbname=database, user=login["DbUser"], password=login["DbPassword"])
        made.autocommit = True
        with closing(made), made.cursor() as cursor:
            yield cursor


def in_turn(times: int, *works: Callable[[], Any]) -> list[list[Any]]:
    """Do several works in turn, A B A B, so that a drift of the machine meets all; their answers."""
    answers = [[work() for work in works] for _ in range(times)]
    return [list(found) for found in zip(*answers, strict=True)]


def median(found: Sequence[float]) -> float:
    """The median."""
    return statistics.median(found)


def seconds(work: Callable[[], Any]) -> float:
    """How long a work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
