"""Create the tables of the warehouse: staging, star schema, and what the loads remember.

Creates what is missing and changes nothing else. --recreate drops all
tables of this project first; tables that hold rows are dropped only with --yes.
Costs nothing beyond the running cluster.

Examples:
  python create_tables.py
  python create_tables.py --dry-run
  python create_tables.py --recreate --yes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import sql_queries
from dwh import cli
from dwh.commands import CREATE_TABLES, ETL
from dwh.console import plural
from dwh.step import Step

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.provision.plan import Change


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__, changes=True, yes="with --recreate: drop tables that hold rows (else: refuse)")
    parser.add_argument("--recreate", action="store_true", help="drop all tables of this project first")
    return parser


def create_tables(step: Step) -> None:
    """Create what is missing, in one transaction."""
    from dwh import warehouse

    step.console.say(step.target.describe())
    there = warehouse.transaction(step.target, step.console, warehouse.existing)
    work = look if step.args.dry_run else change
    rows = warehouse.transaction(step.target, step.console, lambda cur: work(step, cur, there))
    show(step, changes(step, there, rows), refused=any(rows.values()) and not step.args.yes)


def look(step: Step, cur: cursor, there: set[str]) -> dict[str, int]:
    """How many rows each table holds that --recreate would drop."""
    from dwh import warehouse

    tables = [name for name in sql_queries.TABLES if name in there and step.args.recreate]
    return {name: warehouse.value(cur, warehouse.on_table(sql_queries.COUNT_ROWS, name)) for name in tables}


def change(step: Step, cur: cursor, there: set[str]) -> dict[str, int]:
    """Drop what is there if asked to, create what is missing, and say how many rows each dropped table held."""
    from dwh import locks, warehouse

    if step.args.recreate and there.issuperset(sql_queries.LOCKED_TABLES):
        # First of all, so that rows are counted that a load publishes meanwhile.
        locks.lock_loads(cur, step.settings)
    rows = look(step, cur, there)
    require_consent(step, rows)
    if step.args.recreate:
        drops = [warehouse.on_table(sql_queries.DROP_TABLE, name) for name in reversed(sql_queries.CREATE)]
        with locks.waiting(cur, step.settings, sql_queries.TABLES, "the tables to drop"):
            for drop in drops:
                warehouse.execute(cur, drop)
    for name, statement in sql_queries.CREATE.items():
        if step.args.recreate or name not in there:
            warehouse.execute(cur, statement)
    return rows


def require_consent(step: Step, rows: dict[str, int]) -> None:
    """Refuse to drop rows unless told so.

    Raises:
        RefusedError: tables hold rows, and --yes was not given.
    """
    from dwh.errors import RefusedError

    filled = [f"{name} has {plural(count, 'row')}" for name, count in rows.items() if count]
    if filled and not step.args.yes:
        raise RefusedError(
            "--recreate would drop tables that hold rows; nothing was changed",
            hint=f"{CREATE_TABLES} --recreate --yes drops them, rows and all",
            detail="\n".join(filled),
        )


def changes(step: Step, there: set[str], rows: dict[str, int]) -> list[Change]:
    """What became of each table, or would in a dry run."""
    from dwh.provision.plan import Change

    dropped = "would drop {}" if step.args.dry_run else "{} dropped"

    def change(name: str) -> Change:
        word = "created" if name not in there else "recreated" if step.args.recreate else "exists"
        count = rows.get(name)
        return Change("Table", name, word, dropped.format(plural(count, "row")) if count else "")

    return [change(name) for name in sql_queries.CREATE]


def show(step: Step, tables: list[Change], *, refused: bool) -> None:
    """A line for each table, and one that counts them."""
    from dwh.provision import plan

    if step.args.dry_run:
        plan.propose(step, tables)
        reason = "; without --yes a run would be refused, since tables hold rows" if refused else ""
        plan.close(step, tables, f"Nothing was changed{reason}.")
        return
    plan.show(step.console, tables)
    done = any(table.changes for table in tables)
    plan.close(step, tables, f"{'' if done else 'Nothing to do. '}Next: {ETL}")


def main(
    argv: Sequence[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Run the step, on the streams of the process if no others are given, and return its exit code."""
    return cli.run(build_parser, argv, create_tables, out=out, err=err, stdin=stdin)


if __name__ == "__main__":
    sys.exit(main())
