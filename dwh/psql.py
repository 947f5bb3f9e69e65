"""Open psql on the warehouse, logged in as the steps are: nobody types or stores a password.

The login is asked of AWS for this one session and reaches psql through its
environment alone. Both targets answer as Redshift does, COPY and DISTKEY included.

Examples:
  python -m dwh.psql
  python -m dwh.psql -- -c "SELECT COUNT(*) FROM songplays"
  python -m dwh.psql -- --csv -f question.sql > answer.csv
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing

from dwh import cli
from dwh.errors import TargetError
from dwh.step import Step

# libpq's parameters and the variables that psql reads them from.
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "gssencmode": "PGGSSENCMODE",
}


def psql(step: Step) -> None:
    """Turn this process into psql.

    Raises:
        TargetError: psql is not on this machine.
    """
    program = shutil.which("psql")
    if not program:
        raise TargetError(
            "there is no psql on this machine", hint="apt install postgresql-client, or brew install libpq"
        )
    step.console.say(step.target.describe())
    with closing(step.target.connect()) as conn:
        login = environment(conn.info.dsn_parameters, conn.info.password)
    # A variable of the user's own, PGHOSTADDR or PGSERVICE say, must not lead psql elsewhere.
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    os.execve(program, ["psql", *step.args.arguments], ours | login)  # noqa: S606


def environment(parameters: Mapping[str, str], password: str) -> dict[str, str]:
    """The variables that give psql a connection's parameters and its password."""
    return {variable: parameters[name] for name, variable in VARIABLES.items()} | {"PGPASSWORD": password}


def build_parser() -> argparse.ArgumentParser:
    """The options of this command."""
    parser = cli.step_parser(__doc__)
    parser.add_argument("arguments", metavar="-- ARGUMENT", nargs="*", help="arguments of psql")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run psql; its exit code becomes this process's."""
    return cli.run(build_parser, argv, psql)


if __name__ == "__main__":
    sys.exit(main())
