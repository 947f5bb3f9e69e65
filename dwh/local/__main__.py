"""The local target for other programs: ``env`` prints what leads them to it.

After  eval "$(python -m dwh.local env)"  the aws command, boto3, psql,
redshift_connector and dbt meet the local target in this shell, with nothing else
set. What is printed holds the local target's secrets, which open nothing else and
end with it; the login to the database is good for an hour.

Examples:
  eval "$(python -m dwh.local env)"
  python -m dwh.local env --format json
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from dwh import config
from dwh.console import Console
from dwh.errors import DwhError
from dwh.local.target import LocalTarget


def build_parser() -> argparse.ArgumentParser:
    """The options of this command."""
    purpose, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m dwh.local",
        description=purpose,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=("env",), help="env: the variables that lead other programs here")
    parser.add_argument("--format", choices=("sh", "json"), default="sh", help="how to print them (default: sh)")
    parser.add_argument("--config", metavar="PATH", default="dwh.cfg", help="configuration file (default: dwh.cfg)")
    return parser


def shown(variables: Mapping[str, str], kind: str) -> str:
    """The variables for a shell (sh), or as an object (json)."""
    if kind == "json":
        return json.dumps(dict(variables), indent=2)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def main(argv: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Run the command, whatever target dwh.cfg names, and return its exit code."""
    args = build_parser().parse_args(argv)
    console = Console(out=out, err=err)
    try:
        with LocalTarget(config.load(args.config, "local"), console) as target:
            console.result(shown(target.environment(), args.format))
    except DwhError as error:
        console.error(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
