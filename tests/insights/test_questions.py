"""The files of the questions: what their heads may say, and that one more is enough."""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from pathlib import Path

import pytest
from made import made_star

import sql_queries
from dwh import insights
from dwh.errors import ConfigError, WarehouseError
from dwh.insights import export, files, terminal
from dwh.insights.layout import Style
from dwh.insights.question import KINDS, SHAPES, questions, read

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "dwh/insights/README.md").read_text(encoding="utf-8")


@pytest.fixture
def recipe(monkeypatch):
    """The file of CONTRIBUTING's recipe, among the others."""
    (block,) = re.findall(r"^ *```sql\n(.*?)```", RECIPE, re.DOTALL | re.MULTILINE)
    text = textwrap.dedent(block).rstrip() + "\n"
    monkeypatch.setattr(sql_queries, "INSIGHTS", {**sql_queries.INSIGHTS, "listening_days": text}, raising=False)
    questions.cache_clear()
    yield text
    questions.cache_clear()


@pytest.mark.usefixtures("recipe")
def test_the_recipe_adds_table_csv_json_chart_and_section(database, tmp_path):
    report = database.ask(made_star(), "listening_days")
    written = {path.name: path for path, _ in files.write(report, tmp_path)}
    assert set(written) == {f"listening_days.{ending}" for ending in ("csv", "svg", "png")} | {"report.html"}
    rows = list(csv.DictReader(io.StringIO(written["listening_days.csv"].read_text())))
    assert [row["rank"] for row in rows] == ["1", "2", "2", "4", "5"]
    assert json.loads(export.to_json(report.answers))["listening_days"][0]["days"] == int(rows[0]["days"])
    assert 'id="listening_days"' in written["report.html"].read_text()
    assert "listening_days" in terminal.render(report, Style())
    assert report.answers[0].question in insights.questions()


@pytest.mark.parametrize("question", insights.questions(), ids=lambda question: question.name)
def test_a_head_leaves_nothing_to_guess(question):
    assert question.sql.startswith("-- ")
    assert question.title.endswith("?")
    assert question.group
    assert question.notes or question.shape in ("cohorts", "facts")


HEAD = """-- Why?
--
-- group: Music
-- order: 10
-- shape: ranking
-- things: songs
-- measure: plays
-- columns:
--   rank  | rank
--   plays | count
-- notes:
--   {days} of it.

SELECT 1 AS rank, COUNT(*) AS plays FROM songplays WHERE start_time < %(until)s LIMIT %(limit)s
"""


def test_a_head_as_it_should_be():
    question = read("why", HEAD)
    assert (question.title, question.group, question.order, question.measure) == ("Why?", "Music", 10, "plays")
    assert question.sql.startswith("SELECT 1")


@pytest.mark.parametrize(
    ("wrong", "right", "line", "said"),
    [
        ("-- Why.", "-- Why?", 1, "the first line has to be the question"),
        ("-- gruop: Music", "-- group: Music", 3, "'gruop' is no word of a head; did you mean group?"),
        ("-- order: ten", "-- order: 10", 4, "order has to be a whole number, not ten"),
        ("-- shape: rankings", "-- shape: ranking", 5, "there is no shape rankings; did you mean ranking?"),
        ("-- things:", "-- things: songs", 6, "the head needs things: with a value"),
        ("-- measure: play", "-- measure: plays", 7, "there is no column play; did you mean plays?"),
        ("--   rank  | count", "--   rank  | rank", 8, "the columns of a ranking begin with: rank"),
        ("--   rank  | rnak", "--   rank  | rank", 9, "there is no kind rnak; did you mean rank?"),
        ("--   rank | count", "--   plays | count", 10, "each name once"),
        ("--   plays | count = magic", "--   plays | count", 10, "'magic' is no formula"),
        ("--   plays | mark = seen in part", "--   plays | count", 10, "seen in part needs a first column of kind day"),
        ("{dyas}", "{days}", 12, "{dyas} is nothing that can be filled in"),
        ("%(untill)s", "%(until)s", 14, "there is no parameter untill; did you mean until?"),
        ("LIKE '%a'", "< %(until)s", 14, "a % in a statement is written %%"),
        ("DELETE", "SELECT", 13, "below the head, after an empty line, has to be a SELECT"),
    ],
)
def test_a_mistake_is_said_by_name_and_line(wrong, right, line, said):
    assert HEAD.count(right) == 1
    with pytest.raises(ConfigError) as error:
        read("why", HEAD.replace(right, wrong))
    assert error.value.message.startswith(f"dwh/insights/questions/why.sql, line {line}: ")
    assert said in error.value.message
    assert "dwh/insights/README.md" in error.value.hint


def test_a_file_with_no_head_at_all():
    for text in ("", "SELECT 1\n", "\n-- Why?\n"):
        with pytest.raises(ConfigError, match=r"why\.sql, line 1: "):
            read("why", text)


@pytest.mark.parametrize(("right", "wrong"), [("AS plays", "AS played"), ("| count", "| ratio = plays / days")])
def test_a_column_that_the_statement_does_not_return(database, right, wrong):
    question = read("why", HEAD.replace(right, wrong).replace("= plays /", "= all_plays /"))
    with pytest.raises(ConfigError, match=r"why\.sql: the statement returns no column (all_)?plays"):
        database.put(made_star(), [question])


def test_a_statement_that_is_refused_names_its_file(database):
    question = read("why", HEAD.replace("COUNT(*)", "COUNT(nothing)"))
    with pytest.raises(WarehouseError, match="the warehouse refused the question why: ") as error:
        database.put(made_star(), [question])
    assert error.value.hint == "fix dwh/insights/questions/why.sql"


def test_the_guide_explains_every_shape_kind_and_question():
    for word in (*SHAPES, *KINDS, *(question.name for question in insights.questions())):
        assert re.search(rf"`{word}`", GUIDE), word
