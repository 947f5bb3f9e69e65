"""Load the event logs and songs from S3 into the warehouse: COPY, transform, audit, publish.

Reads the objects under [S3] that are new or changed since the last load, copies
them into the staging tables, and inserts users, songs, artists, time and
songplays from there. All of it is one transaction: readers see the old star or
the new one, and a load that fails changes nothing. Running it again is safe.
Costs the cluster's time only, and S3 requests: about 0.0004 USD per 1,000 objects.

Examples:
  python etl.py
  python etl.py --max-errors 10
  python etl.py --full --dry-run    # what would vanish, because it is no longer in S3
  python etl.py --full
  python etl.py --audit
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from dwh import cli, options
from dwh.console import duration, plural, size
from dwh.errors import if_interrupted
from dwh.step import Step

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.load import Load, Sources
    from dwh.quality import Answer

NEXT = "Next: python business_insights.py"
NOTHING_NEW = "Nothing to do: every object is loaded."
UNDONE = "nothing was published"
MOST_ERRORS = 99_999  # COPY takes no MAXERROR above 100,000


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(
        __doc__,
        changes=True,
        yes="with --full: remove what is no longer in S3 (else: refuse)",
        json="the account of the load with its audits, the plan of a dry run, or the audits of --audit",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--full", action="store_true", help="empty the star and load every object again")
    either.add_argument("--audit", action="store_true", help="check what is there and load nothing")
    parser.add_argument(
        "--max-errors",
        metavar="N",
        type=options.whole_number(0, MOST_ERRORS),
        default=0,
        help=f"records that COPY may leave out, {MOST_ERRORS:,} at most (default: 0)",
    )
    return parser


def etl(step: Step) -> None:
    """Extract, transform, load; or only look, or only audit."""
    step.console.say(step.target.describe())
    work = audit if step.args.audit else look if step.args.dry_run else load
    work(step)


def look(step: Step) -> None:
    """Show what a load would copy, and what --full would remove."""
    from dwh import warehouse
    from dwh.load import preview, rehearse

    sources, console, lost = find(step), step.console, []
    new = warehouse.transaction(step.target, console, lambda cur: preview(cur, sources))
    if step.args.full and warehouse.transaction(step.target, console, warehouse.holds_loads):
        lost = warehouse.transaction(step.target, console, lambda cur: rehearse(cur, sources, console))
    copies = [
        {"table": table, "objects": len(objects), "bytes": sum(entry.size for entry in objects)}
        for table, objects in new.items()
        if objects
    ]
    if step.args.format == "json":
        console.data({"dry_run": True, "copy": copies, "remove": lost})
    else:
        for copy in copies:
            objects = plural(copy["objects"], "object")
            console.line("would copy", copy["table"], objects, size(copy["bytes"]), result=True)
        for line in lost:
            console.result(f"would remove {line}")
    if not copies:
        console.say(NOTHING_NEW)
    if lost and not step.args.yes:
        console.say("They are no longer in S3: without --yes a run would be refused.")
    console.say(f"Plan: {plural(sum(copy['objects'] for copy in copies), 'object')} to copy. Nothing was changed.")


def load(step: Step) -> None:
    """Publish what is new in one transaction, then tidy up behind it."""
    from dwh import quality, warehouse
    from dwh.errors import DataError
    from dwh.load import publish

    started, console = time.monotonic(), step.console
    attempts: list[Load] = []
    with if_interrupted(UNDONE):
        sources = find(step)
    try:
        done = warehouse.transaction(
            step.target, console, lambda cur: publish(cur, sources, console, attempts), undone=UNDONE
        )
    except DataError:
        report(step, attempts[-1] if attempts else None, published=False)
        raise
    if done is None:
        console.say(NOTHING_NEW)
        report(step, None, published=False)
        console.say(f"0 objects loaded. {NEXT}")
        return
    left_out = f"; {plural(done.left_out, 'record')} left out" if done.left_out else ""
    console.say(f"Load {done.load_id} published in {duration(time.monotonic() - started)}{left_out}.")
    with if_interrupted("the load is published; only VACUUM and ANALYZE after it were cut off"):
        warehouse.maintain(step.target, console, done.emptied, done.grown)
    report(step, done, published=True)
    console.say(f"{quality.counts(done.answers)}. {NEXT}")


def report(step: Step, done: Load | None, *, published: bool) -> None:
    """The account of a load as JSON, where that is wanted: also of one that failed."""
    from dwh.load import as_data

    if step.args.format == "json":
        step.console.data(as_data(done, published=published))


def find(step: Step) -> Sources:
    """The objects that there are to load."""
    from dwh.load import find_sources

    args = step.args
    return find_sources(step.target, step.console, full=args.full, consent=args.yes, max_errors=args.max_errors)


def audit(step: Step) -> None:
    """Ask every question of the audits about what is there."""
    from dwh import quality, warehouse

    def work(cur: cursor) -> list[Answer]:
        warehouse.require_rows(cur)
        return quality.audit(cur, step.console)

    answers = warehouse.transaction(step.target, step.console, work)
    if step.args.format == "json":
        step.console.data(quality.as_data(answers))
    quality.require_passed(step.console, answers)
    step.console.say(f"{quality.counts(answers)}.")


def main(
    argv: Sequence[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Run the step, on the streams of the process if no others are given, and return its exit code."""
    return cli.run(build_parser, argv, etl, out=out, err=err, stdin=stdin)


if __name__ == "__main__":
    sys.exit(main())
