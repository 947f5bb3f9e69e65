"""The steps on terminals of several widths: nothing floods them, words stay whole, Ctrl-C and Ctrl-D have a line."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from project import PLAY, SONG, Project
from screen import OnTerminal, Screen

import sql_queries
from dwh import fit
from dwh.console import size

WIDTHS = (40, 80, 100)


def test_the_model_of_a_terminal_wraps_and_erases():
    screen = Screen(10)
    screen.feed("live\r\x1b[2Kgone\r\x1b[2K\x1b[32mcreated\x1b[0m it\n東京東京東京\n")
    assert screen.lines == ["created it", "東京東京東", "京", ""]
    assert screen.broken == ["東京東京東"]


def fits(screen, shown):
    """Whether no line is longer than 80 columns or than the terminal, but for a word that is longer itself."""
    room = min(screen.columns, fit.WIDTH)
    return not [line for line in shown if len(line) > room and len(line.split()[-1]) <= room - 2]


def whole_words(screen):
    """Whether the terminal itself broke no line but a single word, or one of a query to paste, which stays as it is."""
    return not [line for line in screen.broken if len(line.split()) > 1 and not line.startswith(" " * 9)]


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_step_fits_its_terminal(warehouse, columns):
    warehouse.events("a", PLAY, {**PLAY, "itemInSession": 1}, {**PLAY, "itemInSession": 2, "userId": ""})
    warehouse.songs(SONG)
    for step, *args in (
        ("create_cluster", "--dry-run"),
        ("etl",),
        ("create_tables", "--recreate"),
        ("destroy_cluster", "--dry-run"),
    ):
        run = OnTerminal(warehouse, step, *args, columns=columns)
        code, shown = run.end()
        assert code == (3 if step == "create_tables" else 0), shown
        assert fits(run.screen, shown), shown
        assert whole_words(run.screen), run.screen.broken
        assert not [line for line in shown if "elapsed" in line]


LONG = """
import time
from dwh.console import Console
with Console().busy("copying staging_songs from a very long way away", lambda: "8,000 of 14,896 objects, 8,000 rows"):
    time.sleep(2.4)
print("done")
"""


@pytest.mark.parametrize("columns", [12, *WIDTHS])
def test_a_live_line_stays_one_line_and_keeps_how_long_it_takes(folder, columns):
    run = OnTerminal(folder, LONG, columns=columns)
    _, shown = run.end()
    assert shown == ["done", ""]
    assert run.screen.broken == []
    live = run.said.split("\r\x1b[2K")[:-1]
    assert len(live) >= 2
    # Room for the ^C that a terminal shows.
    assert all(len(line) <= columns - 3 for line in live)
    assert columns == 12 or all(re.search(r", \S+s elapsed$", line) for line in live)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A log that takes seconds to copy."""
    path = tmp_path_factory.mktemp("many") / "many.json"
    head, tail = json.dumps({**PLAY, "itemInSession": 777_777}).split("777777")
    path.write_text("".join(f"{head}{n}{tail}\n" for n in range(100_000)))
    return path


@pytest.mark.parametrize("columns", WIDTHS)
def test_ctrl_c_in_a_copy_leaves_a_clean_screen(warehouse, many, columns):
    warehouse.songs(SONG)
    (warehouse.data / "log_data").mkdir(parents=True, exist_ok=True)
    for number in range(12):
        (warehouse.data / f"log_data/{number}.json").symlink_to(many)
    run = OnTerminal(warehouse, "etl", columns=columns)
    code, shown = run.until("elapsed").type("\x03").end()
    assert code == 130
    assert shown[-2:] == ["interrupted: nothing was published", ""]
    assert whole_words(run.screen), run.screen.broken
    assert not [line for line in shown if "elapsed" in line or "Traceback" in line]


def test_a_load_says_that_it_waits_for_another_one_and_how_long_at_most(warehouse):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    with contextlib.closing(warehouse.connect()) as other, other.cursor() as cur:
        cur.execute(sql_queries.LOCK_LOADS)
        run = OnTerminal(warehouse, "etl").until("waiting for another load (at most 1m00s), ")
        code, shown = run.type("\x03").end()
        other.rollback()
    assert code == 130
    assert shown[-2:] == ["interrupted: nothing was published", ""]


@pytest.fixture(scope="module")
def project(servers, tmp_path_factory):
    """A project without a cluster; one that a test makes is destroyed by the next."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.events("a", PLAY)
    project.songs(SONG)
    yield project
    project.step("destroy_cluster", "--yes")


def test_ctrl_c_while_a_cluster_comes_says_what_goes_on(project):
    run = OnTerminal(project, "create_cluster", columns=40)
    code, shown = run.until("cluster sparkify-dwh").type("\x03").end()
    assert code == 130
    assert whole_words(run.screen), run.screen.broken
    said = " ".join(" ".join(shown).split())
    assert "interrupted: the cluster sparkify-dwh goes on until python destroy_cluster.py" in said
    assert "elapsed" not in said


def test_ctrl_d_and_ctrl_c_leave_a_cluster_and_its_removal_with_a_line_of_their_own(project):
    assert project.step("create_cluster", "--no-probe").code == 0
    run = OnTerminal(project, "destroy_cluster")
    code, shown = run.until("to confirm: ").type("\x04").end()
    assert code == 3
    question = next(n for n, line in enumerate(shown) if "to confirm:" in line)
    assert shown[question - 2 : question] == [
        "This is the local target. The cluster holds 0 rows in 0 tables, and has cost",
        "  nothing. There is no undo and no snapshot.",
    ]
    assert shown[question + 1].startswith("error: not confirmed: end of input")
    run = OnTerminal(project, "destroy_cluster")
    code, shown = run.until("to confirm: ").type("sparkify-dwh\n").until("deleting").type("\x03").end()
    assert code == 130
    said = " ".join(" ".join(shown).split())
    assert "interrupted: the deletion of the cluster goes on; run python destroy_cluster.py again" in said
    assert "elapsed" not in said


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (3_712_345, "3.7 MB"),
        (51_000_000, "51 MB"),
        (2 * 10**12, "2.0 TB"),
    ],
)
def test_bytes_are_said_in_a_unit_of_their_size(count, text):
    assert size(count) == text
