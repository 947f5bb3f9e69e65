"""The checks with two sessions at once, and of what the server says of a statement."""

from __future__ import annotations

import time

import psycopg2

from dwh import locks, warehouse
from dwh.errors import WarehouseError
from tests.aws.live.course import Failed, Run, complaint, expect, refusal
from tests.aws.live.loads import unchanged
from tests.aws.live.place import LOCK_SECONDS

# Both go with the cluster.
ROWS, EVERYWHERE = "check_rows", "check_everywhere"


def lock(run: Run) -> str:
    """A load that waits for another one's lock ends in time, and names who holds it."""
    with run.session() as holder, run.session() as waiting:
        holder.execute("LOCK load_objects")
        began = time.monotonic()
        try:
            locks.lock_loads(waiting, run.settings)
        except WarehouseError as error:
            seconds = time.monotonic() - began
            run.saw(**refusal(error.__cause__), seconds=round(seconds, 1), holders=error.detail)
            run.saw_alike(sqlstate=error.__cause__.pgcode)
            expect("held by" in error.detail, "the holder is not named")
            # By the time-out of the server, else by our own timer.
            by = "statement_timeout" if seconds < LOCK_SECONDS + warehouse.GRACE_SECONDS / 2 else "our own timer"
            run.saw(ended_by=by)
            return f"after {seconds:.1f}s, by {by}"
    raise Failed("the lock was given to both")


def drop(run: Run) -> str:
    """create_tables.py --recreate waits no longer for a reader than for a load, and drops nothing then."""
    with run.session() as reader, unchanged(run):
        reader.execute("SELECT COUNT(*) FROM songplays")
        ran = run.step("create_tables", "--recreate", "--yes", code=1)
        reader.connection.rollback()
    run.saw(text=complaint(ran.err), seconds=round(ran.seconds, 1))
    expect("another session has held the tables to drop" in ran.err, complaint(ran.err))
    return f"after {ran.seconds:.1f}s"


def conflict(run: Run) -> str:
    """Of two transactions that change the same row, the second one fails with an error that a load would retry."""
    with run.session(autocommit=True) as cur:
        cur.execute(f"DROP TABLE IF EXISTS {ROWS}")
        cur.execute(f"CREATE TABLE {ROWS} (number INTEGER)")
        cur.execute(f"INSERT INTO {ROWS} VALUES (1)")
    with run.session() as first, run.session() as second:
        for cur in (first, second):
            cur.execute(f"SELECT number FROM {ROWS}")  # the snapshot
        first.execute(f"UPDATE {ROWS} SET number = 2")
        first.connection.commit()
        try:
            second.execute(f"UPDATE {ROWS} SET number = 3")
        except psycopg2.Error as error:
            run.saw(**refusal(error), shown=warehouse.first_line(error))
            run.saw_alike(sqlstate=error.pgcode)
            expect(warehouse.is_transient(error), f"it would not be tried again: {warehouse.first_line(error)}")
            return warehouse.first_line(error)
    raise Failed("the second change overwrote the first")


def tags(run: Run) -> str:
    """How many rows INSERT, UPDATE and DELETE report on a table that is on every node, against COUNT(*)."""
    statements = {
        "INSERT": f"INSERT INTO {EVERYWHERE} SELECT user_id FROM users",
        "UPDATE": f"UPDATE {EVERYWHERE} SET user_id = user_id + 1",
        "DELETE": f"DELETE FROM {EVERYWHERE}",
    }
    with run.session() as cur:
        cur.execute(f"CREATE TABLE {EVERYWHERE} (user_id INTEGER) DISTSTYLE ALL")
        rows = warehouse.value(cur, "SELECT COUNT(*) FROM users")
        told = {}
        for verb, statement in statements.items():
            cur.execute(statement)
            told[verb] = cur.rowcount
    run.saw(nodes=run.nodes, rows=rows, told=told)
    logical = all(count == rows for count in told.values())
    run.saw_alike(rows_are_those_of_the_table=logical)
    words = f"{rows} rows; told {', '.join(map(str, told.values()))}"
    return words if run.nodes > 1 or not logical else f"{words}; one node cannot tell (NODES=2)"
