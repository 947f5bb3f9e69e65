#!/usr/bin/env python3
"""Destroy the warehouse: the cluster with all its data, and everything that create_cluster.py made for it.

It lists what will go, asks for the name of the cluster, waits until AWS no
longer knows it, removes the rest and clears the two keys in dwh.cfg. Only what
carries our tags is touched. There is no undo, and no snapshot unless you ask
for one. Run it again at any time: it goes on where it stopped.

Afterwards nothing is billed but a snapshot made with --final-snapshot.

Examples:
  python destroy_cluster.py --dry-run
  python destroy_cluster.py
  python destroy_cluster.py --yes
  python destroy_cluster.py --final-snapshot before-holidays
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import TextIO

from dwh import cli, options
from dwh.step import Step


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__, changes=True, yes="do not ask for the name of the cluster")
    parser.add_argument(
        "--timeout",
        metavar="MIN",
        type=options.minutes,
        default=45.0,
        help="minutes to wait for the end, at most (default: 45)",
    )
    parser.add_argument(
        "--final-snapshot",
        metavar="NAME",
        type=snapshot_name,
        help="keep the data in a snapshot, billed until you delete it; not on the local target (default: none)",
    )
    parser.add_argument(
        "--keep-network", action="store_true", help="leave the S3 gateway endpoint in the VPC (else: it goes too)"
    )
    return parser


def snapshot_name(text: str) -> str:
    """An option's value: a name that Redshift takes for a snapshot."""
    if not re.fullmatch(r"(?=.{1,255}$)[a-z][a-z0-9]*(-[a-z0-9]+)*", text):
        raise argparse.ArgumentTypeError("must be lower-case letters, digits and single hyphens, a letter first")
    return text


def main(
    argv: Sequence[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Run the step, on the streams of the process if no others are given, and return its exit code."""
    return cli.run(build_parser, argv, destroy, out=out, err=err, stdin=stdin)


def destroy(step: Step) -> None:
    """List what is there, ask, and remove it."""
    from dwh.provision import destruction

    remains = destruction.look(step)
    if remains.empty:
        destruction.nothing_to_do(step, remains)
        return
    destruction.show(step, remains)
    if not step.args.dry_run:
        destruction.confirm(step, remains)
        destruction.carry_out(step, remains)


if __name__ == "__main__":
    sys.exit(main())
