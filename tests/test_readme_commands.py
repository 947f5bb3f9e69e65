"""Every command that the README shows runs as it is shown, on the local target."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pristine import put_cfg
from project import ROOT, clean_environment

from dwh import config
from dwh.provision import prices

README = (ROOT / "README.md").read_text()


def blocks(kind):
    """The text of the blocks of a kind: sh, python, text."""
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


JOINED = [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]
COMMANDS = [re.sub(r"\s{2,}#.*", "", line).strip() for line in JOINED if line.strip()]
# Those within a sentence. `aws ...` changes an account, `apt ...` and `brew ...` the machine: they are not run.
INLINE = re.findall(r"`(python [^`]+)`", README)

# make, conda and pip install what the tests run with; the rest of `make` is what runs the tests.
INSTALLING = ("make ", "conda ", "python3 -m venv ", "SPARKIFY_DATA=", ".venv/bin/python -m pytest")
DESTROY = "python destroy_cluster.py"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the project's files, in which the README's relative names mean what they say."""
    folder = tmp_path_factory.mktemp("clone")
    for path in ROOT.iterdir():
        if path.suffix == ".py" or path.name in ("dwh", "assets"):
            (folder / path.name).symlink_to(path)
    # Without the cluster that `make run` may have left.
    put_cfg(folder)
    (folder / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
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


def test_the_commands_run_in_their_order_and_the_questions_have_answers(servers, clone):
    shown = [command for command in COMMANDS if not command.startswith(INSTALLING)]
    assert len(shown) > 10
    assert DESTROY in shown
    printed = [priced(clone)]
    needless = (DESTROY,) if shutil.which("psql") else (DESTROY, "python -m dwh.psql")
    for command in (command for command in [*shown, *INLINE] if not command.startswith(needless)):
        ran = shell(clone, command)
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        printed += (ran.stdout + ran.stderr).splitlines()
    compare_with_the_excerpts(printed)
    ask_the_questions(clone)
    refused = shell(clone, DESTROY)
    assert refused.returncode == 3, refused.stderr
    assert "--yes" in refused.stderr


def priced(clone):
    """The one line of the excerpts that is printed on AWS alone."""
    return f"The cluster costs {prices.line(config.load(clone / 'dwh.cfg', 'local', {}))}."


def compare_with_the_excerpts(printed):
    """The lines that the README shows are lines that were printed, but for their figures."""

    def shape(line):
        return " ".join(re.sub(r"[\d.,]*\d(ms\b)?", lambda found: "0s" if found[1] else "0", line).split())

    shapes = set(map(shape, printed))
    excerpts = [line for block in blocks("text") for line in block.splitlines()]
    assert len(excerpts) >= 10
    for line in excerpts:
        assert shape(line) in shapes, line


def ask_the_questions(clone):
    """The SQL and the Python for analysts, on the sample data that the commands have loaded."""
    for query in (ROOT / "assets" / "questions.sql").read_text().split(";")[:-1]:
        code = (
            "from dwh import config; from dwh.target import open_target\n"
            "cur = open_target(config.load()).connect().cursor()\n"
            f"cur.execute({query!r}); print(len(cur.fetchall()))"
        )
        (clone / "question.py").write_text(code)
        ran = shell(clone, "python question.py")
        assert ran.returncode == 0, ran.stderr
        assert int(ran.stdout) > 0, query
    for number, code in enumerate(blocks("python")):
        (clone / f"snippet{number}.py").write_text(code)
        ran = shell(clone, f"python snippet{number}.py")
        assert ran.returncode == 0, ran.stderr


def test_the_installing_commands_name_what_is_there():
    makefile = (ROOT / "Makefile").read_text()
    environment = (ROOT / "environment.yml").read_text()
    for command in (command for command in COMMANDS if command.startswith(INSTALLING)):
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), command
        for name in re.findall(r"(?<!\S)[\w./]+\.(?:yml|txt|py)\b", command):
            assert (ROOT / name).exists(), command
        for name in re.findall(r"conda activate (\S+)", command):
            assert f"name: {name}\n" in environment
