"""Try the whole project on your own AWS account: make a cluster, run every check, remove it, write down what was seen.

It takes about half an hour and costs less than a dollar. Everything gets names
of its own (sparkify-check-...), so that a warehouse of yours is not touched.
Whatever happens, what was made is removed at the end: Ctrl-C, SIGTERM, a
failed check and the end of the budget lead there too.

Examples:
  make aws-check                   # asks for the number of the account
  make aws-check ONLY=free         # only the calls that cost nothing and change nothing
  make aws-check YES=1 NODES=2     # two nodes: twice the price
  make aws-check TARGET=local      # the same checks on the local target
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import traceback
from pathlib import Path

from dwh import config, options
from dwh.aws.errors import explained
from dwh.console import Console, duration
from dwh.errors import DwhError, RefusedError
from dwh.provision import prices
from dwh.provision.site import Site
from tests.aws.live import checks, place, record
from tests.aws.live.course import FAILED, Run, run_all

# US dollars for an hour of a public IPv4 address: https://aws.amazon.com/vpc/pricing/
ADDRESS = 0.005
REMOVAL_MINUTES = 10


def build_parser():
    """The options."""
    purpose, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.aws.live",
        description=purpose,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config", metavar="PATH", default="dwh.cfg", help="the configuration that is copied (default: dwh.cfg)")
    add("--target", choices=("aws", "local"), default="aws", help="where to run (default: aws)")
    add("--yes", action="store_true", help="do not ask for the number of the account")
    add("--only", metavar="NAME", nargs="+", default=[], help="free, or names of checks, with what they build on")
    add("--nodes", type=int, choices=(1, 2), default=1, help="nodes of the cluster (default: 1)")
    add("--pause", action="store_true", help="also pause and resume the cluster, which takes about 8 minutes")
    add(
        "--budget-minutes",
        metavar="N",
        type=options.minutes,
        default=60.0,
        help="nothing begins after N (default: 60)",
    )
    add("--folder", metavar="DIR", type=Path, default=place.FOLDER, help="where it gets its dwh.cfg (out/aws-check)")
    add("--results", metavar="DIR", type=Path, help="where to write (default: beside the checks; local: the folder)")
    add("--list", action="store_true", help="name each check, and stop")
    add("-v", "--verbose", action="store_true", help="show tracebacks")
    return parser


def main(argv=None) -> int:
    """Run the checks and return the exit code: 0 when none failed."""
    args = build_parser().parse_args(argv)
    console = Console(verbose=args.verbose)
    # What is to be done at the end comes after the error too: its words are the last ones.
    with contextlib.ExitStack() as at_the_end:
        try:
            if args.list:
                show_checks(console)
                return 0
            return check_all(args, console, at_the_end)
        except DwhError as error:
            console.error(error)
            return error.exit_code
        except KeyboardInterrupt:
            console.tell("\ninterrupted")
            return 130
        except Exception:
            console.tell(traceback.format_exc())
            return 1


def check_all(args, console, at_the_end) -> int:
    """Run the chosen checks, remove what was made, and write down what was seen."""
    selected = checks.chosen(args.only, optional=args.pause or args.target == "local")
    settings = config.load(args.config, args.target)
    folder = args.folder.absolute()
    warn_of_leftovers(folder, console)
    spot = place.make(settings, args.nodes, folder)
    at_the_end.callback(leave, spot, console, hourly(spot.settings()))
    late_song = place.generate(spot)
    with spot.open(console) as target, explained():
        run = opened(spot, target, console, args.nodes)
        run.memory["late song"] = late_song
        if target.billed and any(check in checks.PAID for check in selected):
            consent(run, selected, args)
        stopped = run_all(run, selected, checks.ENDING, args.budget_minutes)
    return report(run, stopped, args.results or (record.HERE if run.on_aws else folder))


def leave(spot, console, price: float) -> None:
    """Remove the folder; or say how what is left is removed by hand, and what it costs until then."""
    if not spot.begun:
        shutil.rmtree(spot.folder, ignore_errors=True)
        return
    cost = f", and costs ${price:.2f} an hour" * (spot.target == "aws")
    console.tell(f"NOT REMOVED: the cluster {spot.name} may still be there{cost}. Remove it:")
    console.tell(f"  {spot.remove_command()}")


def opened(spot, target, console, nodes) -> Run:
    """The target made ready, and the account behind it."""
    try:
        target.start()
        console.say(target.describe())
        spot.begun = not target.billed  # the local target is a process
        return Run(spot, console, Site.open(target), nodes)
    except BaseException:
        target.stop()
        spot.begun = False
        raise


def consent(run: Run, selected, args) -> None:
    """Say what it costs, and have the number of the account typed.

    Raises:
        RefusedError: it was not typed, or this is a machine that builds and tests.
    """
    if os.environ.get("CI"):
        raise RefusedError("CI is set: a cluster is not made by a build", hint="run it by hand, or unset CI")
    console, rate = run.console, hourly(run.settings)
    usual = sum(check.minutes for check in [*selected, *checks.ENDING])
    most = args.budget_minutes + REMOVAL_MINUTES
    costs = (f"about {minutes:.0f} minutes, ${rate * minutes / 60:.2f}" for minutes in (usual, most))
    console.say(f"This makes the cluster {run.site.name} and removes it again: {prices.line(run.settings)}.")
    console.say(f"Its dwh.cfg is in {run.place.folder}; your own cluster is not touched.")
    console.say(f"It takes {'; at most '.join(costs)}.")
    account = run.site.account
    try:
        console.confirm(f"Type the number of the account ({account}) to begin:", account, yes=args.yes)
    except RefusedError as refusal:
        raise RefusedError(refusal.message, hint="make aws-check YES=1 does not ask; nothing was made") from None


def hourly(settings) -> float:
    """US dollars for an hour of the cluster and its address."""
    return prices.hourly(settings) + (0 if settings.access == "private" else ADDRESS)


def warn_of_leftovers(folder: Path, console) -> None:
    """Name the runs that were cut off, or go on: their clusters may be billed."""
    for left in place.leftovers(folder):
        console.warn(f"an earlier run did not end, or goes on; to remove it: {place.Place(left, '').remove_command()}")


def report(run: Run, stopped, folder: Path) -> int:
    """Show what became of each check and what it cost, and write it down; the exit code."""
    console = run.console
    console.say()
    rows = [
        (check.name, outcome.status, duration(outcome.seconds) if outcome.seconds else "", shortened(outcome.note))
        for check in checks.ALL
        if (outcome := run.outcomes.get(check.name))
    ]
    for line in columns(rows):
        console.say(line)
    counts = {status: sum(row[1] == status for row in rows) for status in dict.fromkeys(row[1] for row in rows)}
    console.say(f"\n{', '.join(f'{count} {status}' for status, count in counts.items())}.")
    try:
        console.say(f"Written: {record.keep(run, folder)}")
    except OSError as error:
        console.warn(f"what was seen cannot be written to {folder}: {error.strerror}")
    tell_cost(run)
    failed = counts.get(FAILED, 0)
    return stopped.exit_code if stopped else int(bool(failed))


def shortened(note: str, width: int = 90) -> str:
    """A note in a line of a table."""
    line = " ".join(note.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def tell_cost(run: Run) -> None:
    """What the cluster has cost."""
    since, until = run.memory.get("billed since"), run.memory.get("billed until")
    if run.on_aws and since and until:
        cost = hourly(run.settings) * (until - since) / 3600
        run.console.say(f"The cluster was there for {duration(until - since)}: about ${cost:.2f} (list price).")


def show_checks(console) -> None:
    """A line for each check."""
    rows = [
        (
            check.name,
            f"{check.minutes:g} min" if check.minutes else "free",
            "only AWS" if check.aws_only else "optional" if check.optional else "",
            check.tries,
        )
        for check in checks.ALL
    ]
    console.result("\n".join(columns(rows)))


def columns(rows) -> list[str]:
    """Rows of text in left-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
