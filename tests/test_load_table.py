"""The table in CONTRIBUTING: which statements a load runs, in which order, and what each writes."""

from __future__ import annotations

import re
from pathlib import Path

from project import PLAY, SONG

import sql_queries

CONTRIBUTING = Path(__file__).parents[1] / ".github" / "CONTRIBUTING.md"
VERBS = {
    "COPY": "fills",
    "CREATE TEMP TABLE": "makes the temporary",
    "INSERT INTO": "inserts into",
    "UPDATE": "updates",
    "DELETE FROM": "deletes from",
}
WRITES = re.compile(rf"^\s*({'|'.join(VERBS)})\s+(\w+)", re.MULTILINE)
# dwh/load.py runs these around what sql_queries lists.
BEFORE_TRANSFORM = ("FILLED_EVENTS",)
REMEMBER = ("DELETE_LOAD_OBJECTS", "INSERT_LOAD_OBJECTS", "INSERT_LOAD_HISTORY")
NAMES = {text: name for name, text in vars(sql_queries).items() if isinstance(text, str)}


def statements():
    """Each statement of a load in its order: the part of the load, and the statement's name."""
    yield from (("stage", NAMES[staging.copy]) for staging in sql_queries.STAGING)
    yield from (("transform", name) for name in BEFORE_TRANSFORM)
    yield from (("transform", NAMES[text]) for text in sql_queries.TRANSFORM)
    yield from ((f"fill {fill.table}", NAMES[text]) for fill in sql_queries.STAR for text in fill.statements)
    yield from (("remember", name) for name in REMEMBER)


def writes(text):
    """What a statement does, and to which table."""
    verb, table = WRITES.search(text).groups()
    return f"{VERBS[verb]} `{table}`"


def load_table():
    lines = ["| | part of the load | statement | what it writes |", "| --- | --- | --- | --- |"]
    for number, (part, name) in enumerate(statements(), start=1):
        lines.append(f"| {number} | {part} | `{name}` | {writes(getattr(sql_queries, name))} |")
    return "\n".join(lines)


def test_the_table_is_that_of_the_code():
    between = CONTRIBUTING.read_text().split("checks it -->\n")[1].split("<!-- end of the load")[0]
    assert between.strip() == load_table()


def test_a_load_runs_these_statements_in_this_order(warehouse):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    warehouse.events("a", PLAY, {**PLAY, "itemInSession": 1})  # loaded again, so that it replaces what is remembered
    warehouse.events("b", PLAY)
    warehouse.songs({**SONG, "year": 2000})
    ran = warehouse.main("etl", "--verbose")
    assert ran.code == 0, ran.err
    listed = [name for _, name in statements()]
    places = [ran.err.find(getattr(sql_queries, name).strip()) for name in listed]
    assert places[-2:] == [-1, -1]  # their rows go in by the thousand, and are not shown
    assert places[0] > 0
    assert places[:-2] == sorted(places[:-2])
    written = [table for verb, table in WRITES.findall(ran.err) if verb != "DELETE FROM" or "staging" not in table]
    assert written == [WRITES.search(getattr(sql_queries, name))[2] for name in listed[:-2]]


def test_no_column_of_the_star_or_of_what_the_loads_remember_stays_empty(warehouse):
    """A column that a statement on the way forgets would be NULL for ever, and no error."""
    warehouse.events("a", PLAY)
    warehouse.songs({**SONG, "artist_location": "Oslo", "artist_latitude": 59.9, "artist_longitude": 10.7})
    assert warehouse.main("etl").code == 0
    unfilled = []
    for table in set(sql_queries.STAR_TABLES + sql_queries.LOAD_TABLES) - {"load_history"}:
        columns = re.findall(r"(?m)^    ([a-z_]+) +[A-Z]", sql_queries.CREATE[table])
        counts = warehouse.query(f"SELECT {', '.join(f'COUNT({column})' for column in columns)} FROM {table}")[0]
        unfilled += [f"{table}.{column}" for column, count in zip(columns, counts, strict=True) if not count]
    assert unfilled == []
