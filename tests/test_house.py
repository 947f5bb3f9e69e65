"""The arrows of the house: who imports whom, read from the files."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}
# What a person starts: it may know the command line.
COMMANDS = SCRIPTS | {"dwh.psql"}
# Folders that are one room each; every other file is a room of its own.
ROOMS = (
    "dwh.aws",
    "dwh.provision",
    "dwh.insights",
    "dwh.local.api",
    "dwh.local.redshift.copy",
    "dwh.local.redshift.dialect",
)


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in [*ROOT.glob("*.py"), *(ROOT / "dwh").rglob("*.py")]}


def imported(path):
    """The modules of ours that a file imports: at its head, in functions, and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            found = name if name in MODULES else name.rpartition(".")[0]
            if found in MODULES:
                yield found


ARROWS = {name: set(imported(path)) - {name} for name, path in MODULES.items()}


def room(name):
    return next((folder for folder in ROOMS if name == folder or name.startswith(f"{folder}.")), name)


def circle(arrows):
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


def inside(name, folder):
    return name == folder or name.startswith(f"{folder}.")


def test_the_imports_are_read():
    assert "dwh.local.target" in ARROWS["dwh.target"]  # in a function
    assert "sql_queries" in ARROWS["dwh.load"]
    assert circle({"a": {"b"}, "b": {"a"}})


def test_no_file_imports_in_a_circle():
    assert circle(ARROWS) == ""


def test_no_room_imports_in_a_circle():
    rooms = {}
    for name, others in ARROWS.items():
        rooms.setdefault(room(name), set()).update({room(other) for other in others} - {room(name)})
    assert circle(rooms) == ""


@pytest.mark.parametrize("name", sorted(set(MODULES) - COMMANDS))
def test_only_commands_know_the_command_line(name):
    assert not ARROWS[name] & (COMMANDS - {"sql_queries"} | {"dwh.cli"} - {name})


def test_only_the_seam_knows_the_local_target():
    know = {name for name, others in ARROWS.items() if any(inside(other, "dwh.local") for other in others)}
    assert {name for name in know if not inside(name, "dwh.local")} == {"dwh.target"}


def test_the_local_redshift_imports_nothing_of_the_house():
    for name, others in ARROWS.items():
        if inside(name, "dwh.local.redshift"):
            assert {other for other in others if not inside(other, "dwh.local.redshift")} == set(), name
