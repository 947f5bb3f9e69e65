"""A full disk, for real: whole steps on a disk of a few megabytes, which this file mounts for itself alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import PLAY, ROOT, SONG, Project, Ran, clean_environment, some

from dwh.local import launcher

# Where the server's files go when its user cannot reach the project's folder, as is so below pytest's.
DISK = "/var/tmp"


class SmallDisk:
    """A mount namespace with a small file system on DISK: nobody else sees it, and it goes with its process."""

    def __init__(self, project):
        self.project = project
        text = f"mount -t tmpfs -o size=100m,mode=1777 small {DISK} && echo mounted && exec sleep 1000"
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", text], stdout=subprocess.PIPE, text=True
        )
        self.mounted = self._keeper.stdout.readline() == "mounted\n"

    def run(self, *command):
        enter = ["nsenter", "--mount", "--target", str(self._keeper.pid), "sh", "-c", 'cd "$0" && exec "$@"']
        done = subprocess.run(
            [*enter, self.project.folder, *command],
            env=clean_environment(self.project.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def step(self, name, *args):
        return self.run(sys.executable, str(ROOT / f"{name}.py"), *args)

    def resize(self, megabytes):
        assert self.run("mount", "-o", f"remount,size={megabytes}m", DISK).code == 0

    def used(self):
        """Megabytes that are taken."""
        return int(self.run("df", "--output=used", "--block-size=1M", DISK).out.split()[-1])

    def close(self):
        self._keeper.kill()
        self._keeper.communicate()


@pytest.fixture
def disk(servers, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("needs unshare and nsenter of util-linux, to mount a small file system for this test alone")
    project = Project(tmp_path)
    project.events("first", {**PLAY, "sessionId": 1})
    project.songs(SONG)
    small = SmallDisk(project)
    try:
        if not small.mounted:
            pytest.skip("this machine lets nobody mount a file system")
        yield small
        small.step("destroy_cluster", "--yes")
    finally:
        small.close()


def log_named_in(ran):
    """The log that the last line names, which must be there."""
    (named,) = [word.rstrip(",.;") for word in ran.err.splitlines()[-1].split() if launcher.LOG in word]
    return named


def says_that_the_disk_is_full(ran):
    assert ran.code == 1, ran.err
    assert "disk" in ran.err.splitlines()[-1]
    assert "free space" in ran.err.splitlines()[-1]
    assert "full" in ran.err or "No space left on device" in ran.err
    for wrong in ("hardware-failure", "node", "Traceback", "Timeout"):
        assert wrong not in ran.err
    return True


@pytest.mark.parametrize("megabytes", some([1, 20, 38], 3))
def test_a_cluster_that_finds_no_room_says_so_and_is_made_once_there_is(disk, megabytes):
    disk.resize(megabytes)
    made = disk.step("create_cluster")
    assert says_that_the_disk_is_full(made)
    assert DISK in made.err
    assert "PostgreSQL cannot be set up" in Path(log_named_in(made)).read_text()
    again = disk.step("create_cluster")
    assert says_that_the_disk_is_full(again)
    tables = disk.step("create_tables")
    assert "hardware-failure" not in tables.err
    disk.resize(400)
    made = disk.step("create_cluster")
    assert made.code == 0, made.err
    assert disk.step("create_tables").code == 0


@pytest.fixture
def loaded(disk):
    """A warehouse that has room, and one play."""
    disk.resize(400)
    for name in ("create_cluster", "create_tables", "etl"):
        ran = disk.step(name)
        assert ran.code == 0, ran.err
    return disk


@pytest.mark.parametrize("left", some([2, 20, 50, 70], 3))
def test_a_load_that_finds_no_room_says_so_and_can_be_run_again(loaded, left):
    seen = ("business_insights", "--format", "csv", "--only", "sessions")
    before = loaded.step(*seen).out
    plays = [{**PLAY, "userId": str(n), "sessionId": n, "userAgent": f"{n:0200}"} for n in range(60_000)]
    loaded.project.events("many", *plays)
    loaded.resize(loaded.used() + left)
    assert says_that_the_disk_is_full(loaded.step("etl"))
    loaded.resize(1000)
    assert loaded.step(*seen).out == before
    ran = loaded.step("etl")
    assert ran.code == 0, ran.err
    assert "60,000" in ran.err
