"""Create the tables of the warehouse: staging, star schema, and what the loads remember.

Creates what is missing and leaves everything else alone. --recreate drops all
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
from typing import TYPE_CHECKING

import sql_queries
from dwh import cli

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__, changes=True)
    parser.add_argument("--recreate", action="store_true", help="drop all tables of this project first")
    return parser


def create_tables(step: cli.Step) -> None:
    """Create what is missing, in one transaction."""
    from dwh import warehouse

    step.console.say(step.target.describe())
    there = warehouse.transaction(step.target, step.console, warehouse.existing)
    kept = set() if step.args.recreate else there
    missing = [name for name in sql_queries.CREATE if name not in kept]
    if not step.args.dry_run:
        warehouse.transaction(step.target, step.console, lambda cur: change(step, cur, there, missing))
    for name in sql_queries.CREATE:
        word = "would create" if step.args.dry_run else "created"
        step.console.line("Table", name, word if name in missing else "exists")
    step.console.say("Next: python etl.py" if missing else "Nothing to do. Next: python etl.py")


def change(step: cli.Step, cur: cursor, there: set[str], missing: list[str]) -> None:
    """Drop what is there if asked to, and create what is missing."""
    from dwh import load, warehouse

    if step.args.recreate:
        if there.issuperset(sql_queries.LOCKED_TABLES):
            # First of all, so that rows are counted that a load publishes meanwhile.
            load.lock(cur, step.settings)
        require_consent(step, cur, there)
        for name in reversed(sql_queries.CREATE):
            warehouse.execute(cur, warehouse.on_table(sql_queries.DROP_TABLE, name))
    for name in missing:
        warehouse.execute(cur, sql_queries.CREATE[name])


def require_consent(step: cli.Step, cur: cursor, there: set[str]) -> None:
    """Refuse to drop rows unless told so.

    Raises:
        RefusedError: tables hold rows, and --yes was not given.
    """
    from dwh import warehouse
    from dwh.errors import RefusedError

    tables = [name for name in sql_queries.TABLES if name in there]
    counts = {name: warehouse.value(cur, warehouse.on_table(sql_queries.COUNT_ROWS, name)) for name in tables}
    filled = [f"{name} has {count:,} rows" for name, count in counts.items() if count]
    if filled and not step.args.yes:
        raise RefusedError(
            "--recreate would drop tables that hold rows; nothing was changed",
            hint="python create_tables.py --recreate --yes drops them, rows and all",
            detail="\n".join(filled),
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step and return its exit code."""
    return cli.run(build_parser(), argv, create_tables)


if __name__ == "__main__":
    sys.exit(main())
