"""The process of the local target is killed while a step runs: each step says what helps, and it does.

The suite tries some of the moments. FAULTS=all tries every one.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import ALL_FAULTS, PLAY, SONG, Project, clean_environment, some

from dwh.local.redshift import homes, processes

KILLED = Path(__file__).with_name("launcher_killed.py")
# The moment that the suite tries.
MOMENTS = {"create_cluster": 20, "create_tables": 5, "etl": 22, "business_insights": 4, "destroy_cluster": 16}
NOT_RUNNING = "the local target is not running"


@pytest.fixture
def project(servers, tmp_path):
    made = Project(tmp_path)
    made.events("a", PLAY, {**PLAY, "itemInSession": 1})
    made.songs(SONG)
    yield made
    assert made.step("destroy_cluster", "--yes").code == 0
    assert not (made.folder / ".local").exists()


def run(project, number, name, *args):
    done = subprocess.run(
        [sys.executable, str(KILLED), str(number), name, *args],
        cwd=project.folder,
        env=clean_environment(project.folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def ready(project):
    """Everything up to a loaded warehouse."""
    for name, args in (("create_cluster", ()), ("create_tables", ()), ("etl", ())):
        done = project.step(name, *args)
        assert done.code == 0, done.err


def databases(project):
    """The processes of PostgreSQL that the project's databases run in."""
    found = []
    for home in (project.folder / ".local" / "clusters").glob("*"):
        found.append(processes.recorded_pid(homes.place_of(home) / "data"))
    return found


@pytest.mark.parametrize("name", some(MOMENTS, 5))
def test_killed_at_any_moment_of_a_step(project, name):
    ready(project)
    star = project.star()
    # Before the first one it is a target that does not run.
    for number in itertools.count(2) if ALL_FAULTS else [MOMENTS[name]]:
        args = {"destroy_cluster": ("--yes",), "etl": ("--full",)}.get(name, ())
        code, said = run(project, number, name, *args)
        assert "Traceback" not in said, said
        if int(re.search(r"turned to it: (\d+)", said)[1]) < number:
            break  # the step was over by then
        if code:
            assert code == 1, said
            assert NOT_RUNNING in said, f"killed before call {number}: {said}"
        orphans = databases(project)
        if name != "destroy_cluster":
            after = project.step("etl")
            assert (after.code, NOT_RUNNING in after.err) == (1, True), after.err
            assert "hint: python create_cluster.py" in after.err
        ready(project)
        assert not [pid for pid in orphans if processes.command_line(pid)]
        project._target = None
        assert project.star() == star
