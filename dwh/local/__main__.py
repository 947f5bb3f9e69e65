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
from collections.abc import Sequence

from dwh import cli
from dwh.errors import ConfigError
from dwh.local.target import LocalTarget
from dwh.step import Step


def build_parser() -> argparse.ArgumentParser:
    """The options of this command."""
    parser = cli.step_parser(__doc__)
    parser.prog = "python -m dwh.local"
    parser.add_argument("what", choices=("env",), help="env: the variables that lead other programs here")
    parser.add_argument("--format", choices=("sh", "json"), default="sh", help="how to print them (default: sh)")
    return parser


def print_environment(step: Step) -> None:
    """Print the variables.

    Raises:
        ConfigError: dwh.cfg, .env or --target name the other target.
        TargetError: the local target is not running.
    """
    if not isinstance(step.target, LocalTarget):
        raise ConfigError("these steps run on aws", hint="python -m dwh.local env --target local")
    variables = step.target.environment()
    if step.args.format == "json":
        step.console.result(json.dumps(variables, indent=2))
    else:
        step.console.result("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return cli.run(build_parser, argv, print_environment)


if __name__ == "__main__":
    sys.exit(main())
