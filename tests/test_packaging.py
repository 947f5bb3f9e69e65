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


def requirements(lines):
    return sorted(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def test_environment_and_requirements_name_the_same_packages():
    text = (ROOT / "environment.yml").read_text()
    pip_part = text.split("- pip:")[1].splitlines()
    in_conda = [re.sub(r'^- "?(.*?)"?$', r"\1", line.strip()) for line in pip_part if line.strip()]
    assert requirements(in_conda) == requirements((ROOT / "requirements.txt").read_text().splitlines())


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


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
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
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    if made_with:
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv/installed").write_text(f"{made_with}\n")
    environ = {"PATH": os.environ["PATH"]}  # without what a make around the tests hands on
    command = ["make", "--dry-run", "lint", *arguments]
    plan = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True).stdout
    # --clear: half an environment of another Python may be left by a first run that was stopped.
    assert re.findall(r"(\S+) -m venv --clear \.venv", plan) == ([made_anew_with] if made_anew_with else [])
