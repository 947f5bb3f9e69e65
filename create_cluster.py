#!/usr/bin/env python3
"""Create the warehouse: the cluster and what it needs; then write its endpoint to dwh.cfg.

It makes a work bucket, an IAM role that reads only the source data, an S3
gateway endpoint, a security group that admits one address, a subnet group, a
parameter group and a provisioned Redshift cluster (not Redshift Serverless).
Run it again at any time: what is there is kept or brought up to date, and
a run that was cut off is finished.

On AWS the cluster is billed by the hour until destroy_cluster.py (ra3.large:
about $0.54); the rest is free or cents. The local target costs nothing.

The S3 of the local target holds the files of a folder: the one of --data, which
is remembered until destroy_cluster.py or a change of data_dir in dwh.cfg; else
that of data_dir; else generated sample data.

Examples:
  python create_cluster.py --dry-run
  python create_cluster.py
  python create_cluster.py --target local --data ~/sparkify
  python create_cluster.py --check     # what is there, and whether all is well
  python create_cluster.py --pause     # until --resume, only storage is billed
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TextIO

from dwh import cli, options
from dwh.step import Step


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__, changes=True, json=f"{cli.RESOURCES}; or the findings of --check")
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=options.folder,
        help="folder that fills the S3 of the local target; an error on aws "
        "(default: the one given before, else data_dir in dwh.cfg, else generated sample data)",
    )
    parser.add_argument(
        "--timeout",
        metavar="MIN",
        type=options.minutes,
        default=45.0,
        help="minutes to wait for the cluster, at most (default: 45)",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="do not wait: run the step again to finish (else: wait for the cluster)"
    )
    parser.add_argument(
        "--no-probe", action="store_true", help="do not try COPY on one object (else: it is tried, and loads nothing)"
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--pause", action="store_true", help="pause the cluster: only storage is billed")
    either.add_argument("--resume", action="store_true", help="resume the paused cluster")
    either.add_argument(
        "--check",
        action="store_true",
        help="say what is there and whether it is well (exit code 1: it is not), and stop",
    )
    return parser


def main(
    argv: Sequence[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Run the step, on the streams of the process if no others are given, and return its exit code."""
    return cli.run(build_parser, argv, create, out=out, err=err, stdin=stdin)


def create(step: Step) -> int:
    """Show the plan, or carry it out and write down where the cluster is; or only look whether all is well."""
    from dwh.provision import creation, pausing

    if step.args.check:
        from dwh.provision import check

        return check.run(step, list(cli.origins(step.settings)))
    with creation.prepared(step) as site:
        if step.args.pause or step.args.resume:
            pausing.switch(step, site)
        elif step.args.dry_run:
            creation.show_plan(step, site)
        else:
            creation.carry_out(step, site)
    return 0


if __name__ == "__main__":
    sys.exit(main())
