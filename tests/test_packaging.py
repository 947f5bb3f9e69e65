"""The two ways to install must agree, and nothing secret may be tracked."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ("requirements.txt", "tests/requirements.txt")


def requirements(lines):
    return sorted(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def test_environment_and_requirements_name_the_same_packages():
    text = (ROOT / "environment.yml").read_text()
    pip_part = text.split("- pip:")[1].splitlines()
    in_conda = [re.sub(r'^- "?(.*?)"?$', r"\1", line.strip()) for line in pip_part if line.strip()]
    in_pip = [line for name in REQUIREMENTS for line in (ROOT / name).read_text().splitlines()]
    assert requirements(in_conda) == requirements(in_pip)


def test_what_the_steps_need_has_the_six_packages_of_the_project_and_no_tool_for_tests():
    named = [re.match(r"[A-Za-z0-9-]+", line)[0] for line in requirements((ROOT / REQUIREMENTS[0]).open())]
    assert {"boto3", "psycopg2-binary", "python-dotenv", "pandas", "pytest", "moto"} <= set(named)
    assert not {"ruff", "mypy", "vulture", "hypothesis", "pytest-xdist", "sqlglot"} & set(named)


def test_environment_is_named_and_has_its_python():
    text = (ROOT / "environment.yml").read_text()
    assert "name: de-aws" in text
    assert "python=3.11" in text


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_secret_is_tracked():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert ".env" not in tracked
    assert not [name for name in tracked if name.endswith((".pem", ".key"))]
    for line in (ROOT / ".env.example").read_text().splitlines():
        assert re.fullmatch(r"#.*|[A-Z_]+=|", line)


def test_every_key_of_dwh_cfg_has_a_comment():
    lines = (ROOT / "dwh.cfg").read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if re.match(r"[a-z_]+ =", line):
            assert above.startswith("#"), line


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


def plan(folder, *arguments, made_with=None):
    """What make would do in a copy of the project, which has a virtual environment or none."""
    for name in ("Makefile", *REQUIREMENTS):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    if made_with:
        (folder / ".venv").mkdir()
        (folder / ".venv/installed").write_text(f"{made_with}\n")
        (folder / ".venv/tested").touch()
    environ = {"PATH": os.environ["PATH"]}  # without what a make around the tests hands on
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout


@needs_make
@pytest.mark.parametrize(
    ("made_with", "arguments", "made_anew_with"),
    [
        (None, [], "python3"),
        (None, ["PYTHON=python3.13"], "python3.13"),
        ("python3.12", [], None),
        ("python3.12", ["PYTHON=python3.12"], None),
        ("python3.12", ["PYTHON=python3.13"], "python3.13"),
        ("python3.12", ["--always-make"], "python3.12"),  # as when requirements.txt has changed
    ],
)
def test_the_python_of_the_virtual_environment(tmp_path, made_with, arguments, made_anew_with):
    planned = plan(tmp_path, "lint", *arguments, made_with=made_with)
    # --clear: half an environment of another Python may be left by a first run that was stopped.
    assert re.findall(r"(\S+) -m venv --clear \.venv", planned) == ([made_anew_with] if made_anew_with else [])
    installed = [f"-r {name}" for name in REQUIREMENTS] if made_anew_with else []
    assert re.findall(r"-r \S+requirements.txt|-r requirements.txt", planned) == installed


@needs_make
def test_make_run_installs_what_the_steps_need_alone_and_pip_shows_it(tmp_path):
    planned = plan(tmp_path, "run")
    (install,) = re.findall(r".* pip install .*", planned)
    assert install.endswith(" -r requirements.txt")
    assert "--quiet" not in install


@needs_make
@pytest.mark.parametrize("goal", ["test", "check", "lint"])
def test_the_tools_are_installed_for_the_goals_that_use_them_and_only_once(tmp_path, goal):
    assert "-r tests/requirements.txt" in plan(tmp_path, goal)
    assert "pip install" not in plan(tmp_path, goal, made_with="python3")
