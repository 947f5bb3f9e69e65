"""Every command that a page shows runs as it is shown, on the local target."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pages import PAGES, blocks, quoted
from pristine import put_cfg
from project import ROOT, clean_environment

from dwh import config
from dwh.provision import prices

# A command within a sentence or a table.
COMMAND = re.compile(r"([A-Z_]+=\S+ )?(\.venv/bin/)?(python3?|make|conda|pip|aws|apt|brew|psql|eval|cp|\.) \S.*")
# make, conda and pip install what the tests run with; pytest and the rest of `make` run the tests.
# `aws` changes an account, `apt` and `brew` change the machine.
NOT_RUN = re.compile(
    r"([A-Z_]+=\S+ )?((make|conda|pip|aws|apt|brew) |python3 -m venv |\. \.venv/bin/activate"
    r"|(\.venv/bin/)?python -m (pytest|pip|tests\.))"
)
DESTROY = "python destroy_cluster.py"


def lines(block):
    """The commands of a block, without what is said about them; one that is carried on is one."""
    shown = block.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(^|\s+)# .*", "", line).strip() for line in shown) if line]


def commands(page):
    """All that a page tells a reader to type, a block's commands together."""
    inline = [text for text in quoted(page) if COMMAND.fullmatch(text)]
    return [*map(lines, blocks(page, "sh")), *([text] for text in inline)]


def runs(command):
    """A command is run here unless it installs, tests, destroys, or wants a program that is missing."""
    missing = "psql" in command and not shutil.which("psql")
    return not NOT_RUN.match(command) and DESTROY not in command and not missing


def scripts(page):
    """What a page has its reader run, in its order: a block at once, and a command that is named again only once."""
    shown = ("\n".join(filter(runs, together)) for together in commands(page))
    return [script.replace(".venv/bin/python", "python") for script in dict.fromkeys(shown) if script]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the project's files, in which the names of the pages mean what they say."""
    folder = tmp_path_factory.mktemp("clone")
    for path in ROOT.glob("*.py"):
        shutil.copy(path, folder)
    shutil.copytree(ROOT / "dwh", folder / "dwh", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "assets").symlink_to(ROOT / "assets")
    # Without the cluster that `make run` may have left.
    put_cfg(folder)
    (folder / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    # The data of the reader.
    assert shell(folder, "python -m dwh.local.sample ~/sparkify --users 20 --events 900 --songs 90").returncode == 0
    yield folder
    shell(folder, f"{DESTROY} --yes")


def shell(folder, script):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-xeuo", "pipefail", "-c", script],
        cwd=folder,
        env=clean_environment(folder, PATH=path, BROWSER="true"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_commands_run_in_their_order_and_the_questions_have_answers(servers, clone):
    printed = [priced(clone)]
    for page in PAGES:
        if page == ".github/CONTRIBUTING.md":
            add_the_insight_of_the_recipe(clone)
        for script in scripts(page):
            ran = shell(clone, script)
            assert ran.returncode == 0, f"{page}: {script}\n{ran.stdout}\n{ran.stderr}"
            printed += (ran.stdout + ran.stderr).splitlines()
    compare_with_the_excerpts(printed)
    ask_the_questions(clone)
    refused = shell(clone, DESTROY)
    assert refused.returncode == 3, refused.stderr
    assert "--yes" in refused.stderr


def add_the_insight_of_the_recipe(clone):
    """The file that CONTRIBUTING has its reader write."""
    page = PAGES[".github/CONTRIBUTING.md"]
    (name,) = re.findall(r"This one, as `(\w+\.sql)`", page)
    (statement,) = re.findall(r"^ *```sql\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    (clone / "dwh/insights/questions" / name).write_text(textwrap.dedent(statement).rstrip() + "\n")


def priced(clone):
    """The one line of the excerpts that is printed on AWS alone."""
    return f"The cluster costs {prices.line(config.load(clone / 'dwh.cfg', 'local', {}))}."


def compare_with_the_excerpts(printed):
    """The lines that the pages show are lines that were printed, but for their figures and times."""

    def shape(line):
        return " ".join(re.sub(r"[\d.,]*\d(m?s\b)?", "0", line).split())

    shapes = set(map(shape, printed))
    excerpts = [line for page in PAGES for block in blocks(page, "text") for line in block.splitlines()]
    assert len(excerpts) >= 10
    for line in excerpts:
        assert shape(line) in shapes, line


def ask_the_questions(clone):
    """The SQL and the Python for analysts, on the sample data that the commands have loaded."""
    shown = [block for page in PAGES for block in blocks(page, "sql")]
    assert len(shown) == 3
    for query in [*shown, *(ROOT / "assets" / "questions.sql").read_text().split(";")[:-1]]:
        code = (
            "from dwh import config; from dwh.target import open_target\n"
            "cur = open_target(config.load()).connect().cursor()\n"
            f"cur.execute({query!r}); print(len(cur.fetchall()))"
        )
        (clone / "question.py").write_text(code)
        ran = shell(clone, "python question.py")
        assert ran.returncode == 0, ran.stderr
        assert int(ran.stdout) > 0, query
    for number, code in enumerate(block for page in PAGES for block in blocks(page, "python")):
        (clone / f"snippet{number}.py").write_text(code)
        ran = shell(clone, f"python snippet{number}.py")
        assert ran.returncode == 0, ran.stderr


def test_the_commands_are_found():
    assert sum(len(scripts(page)) for page in PAGES) > 20
    assert any(DESTROY in command for together in commands("README.md") for command in together)


def test_the_commands_that_are_not_run_name_what_is_there():
    makefile = (ROOT / "Makefile").read_text()
    environment = (ROOT / "environment.yml").read_text()
    shown = [command for page in PAGES for together in commands(page) for command in together]
    left = [command for command in shown if NOT_RUN.match(command)]
    assert len(left) > 20
    for command in left:
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), command
        for name in re.findall(r"(?<!\S)[\w./]+\.(?:yml|txt|py)\b", command):
            assert (ROOT / name).exists(), command
        for name in re.findall(r"python -m (tests\.\S+)", command):
            assert (ROOT / f"{name.replace('.', '/')}.py").exists(), command
        for name in re.findall(r"conda activate (\S+)", command):
            assert f"name: {name}\n" in environment
