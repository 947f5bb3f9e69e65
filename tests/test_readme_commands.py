"""Every command that the README shows runs as it is shown, on the local target."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import ROOT, clean_environment

BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
JOINED = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
COMMANDS = [re.sub(r"\s{2,}#.*", "", line).strip() for line in JOINED if line.strip()]

# make, conda and pip install what the tests run with; the rest of `make` is what runs the tests.
INSTALLING = ("make ", "conda ", "pip ", "SPARKIFY_DATA=", ".venv/bin/python -m pytest")
DESTROY = "python destroy_cluster.py"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the project's files, in which the README's relative names mean what they say."""
    folder = tmp_path_factory.mktemp("clone")
    for path in ROOT.iterdir():
        if path.suffix == ".py" or path.name in ("dwh", "assets"):
            (folder / path.name).symlink_to(path)
    for name in ("dwh.cfg", ".env.example"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    yield folder
    shell(folder, f"{DESTROY} --yes")


def shell(folder, command):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=clean_environment(folder, PATH=path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_commands_run_in_their_order_and_the_questions_have_answers(clone):
    shown = [command for command in COMMANDS if not command.startswith(INSTALLING)]
    assert len(shown) > 10
    assert DESTROY in shown
    for command in (command for command in shown if command != DESTROY):
        ran = shell(clone, command)
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    ask_the_questions(clone)
    refused = shell(clone, DESTROY)
    assert refused.returncode == 3, refused.stderr
    assert "--yes" in refused.stderr


def ask_the_questions(clone):
    """The SQL and the Python for analysts, on the sample data that the commands have loaded."""
    readme = (ROOT / "README.md").read_text()
    for query in re.findall(r"^```sql\n(.*?)^```", readme, re.MULTILINE | re.DOTALL):
        code = (
            "from dwh import config; from dwh.target import open_target\n"
            "cur = open_target(config.load()).connect().cursor()\n"
            f"cur.execute({query!r}); print(len(cur.fetchall()))"
        )
        (clone / "question.py").write_text(code)
        ran = shell(clone, "python question.py")
        assert ran.returncode == 0, ran.stderr
        assert int(ran.stdout) > 0, query
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)):
        (clone / f"snippet{number}.py").write_text(code)
        ran = shell(clone, f"python snippet{number}.py")
        assert ran.returncode == 0, ran.stderr


def test_the_installing_commands_name_what_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for command in COMMANDS:
        for target in re.findall(r"\bmake ([a-z]+)", command):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), command
