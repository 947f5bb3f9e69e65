"""Answer the analytics team's questions from the warehouse: tables, CSV, JSON, charts, a report.

Reads the star and changes nothing. On AWS a run costs seconds of the cluster
that is billed anyway. Times are UTC; a ranking shows its first 10 rows.

Examples:
  python business_insights.py
  python business_insights.py --list
  python business_insights.py --only top_songs top_artists --limit 20
  python business_insights.py --since 2018-11-12 --until 2018-11-18
  python business_insights.py --only weekday_hour --format csv > heat.csv
  python business_insights.py --format json | jq .coverage
  python business_insights.py --output out      # CSV files, charts, out/report.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dwh import cli, insights, options
from dwh.console import plain
from dwh.errors import ConfigError
from dwh.step import Step

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__)
    add = parser.add_argument
    add("--list", action=_List, nargs=0, help="name each insight with its question, and stop")
    add("--only", metavar="NAME", nargs="+", action="extend", default=[], help="these insights (default: all)")
    add("--limit", metavar="N", type=options.whole_number(1), default=10, help="rows of a ranking (default: 10)")
    add("--since", metavar="DATE", type=_day, help="from this day on, such as 2018-11-01 (default: the first play)")
    add("--until", metavar="DATE", type=_day, help="up to and with this day (default: the last play)")
    add(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="how to print: table, csv or json; with --output, json writes JSON in place of CSV (default: table)",
    )
    add(
        "--output",
        metavar="DIR",
        type=Path,
        help="write files: data, charts and report.html (default: none, print on the screen)",
    )
    return parser


def business_insights(step: Step) -> None:
    """Ask in one transaction, then print or write the answers."""
    from dwh import warehouse

    args = step.args
    chosen = insights.select(args.only)
    _check_together(args, len(chosen))
    step.console.say(step.target.describe())

    def work(cur: cursor) -> insights.Report:
        return insights.collect(cur, chosen, limit=args.limit, since=args.since, until=args.until)

    report = warehouse.transaction(step.target, step.console, work)
    if args.output:
        from dwh.insights.files import write

        for path, word in write(report, args.output, data_format="json" if args.format == "json" else "csv"):
            step.console.line("File", str(path), word)
    elif args.format == "table":
        from dwh.insights import tables

        step.console.result(tables.render(report, tables.style_of(step.console)))
    else:
        from dwh.insights import export

        terminal = step.console.out.isatty()
        if args.format == "csv":
            text = export.to_csv(report.answers[0], plain if terminal else str)
        else:
            text = export.to_json(report.answers)
            text = export.shown_json(text) if terminal else text
        step.console.result(text, end="")


def _check_together(args: argparse.Namespace, chosen: int) -> None:
    if args.since and args.until and args.since > args.until:
        raise ConfigError("--since is after --until", hint="give the earlier day to --since")
    if args.format == "csv" and chosen > 1 and not args.output:
        raise ConfigError(
            f"CSV on standard output holds one insight, not {chosen}",
            hint="name one with --only NAME, or write a file each with --output DIR",
        )


class _List(argparse.Action):
    """Print the insights and stop, as --version does: with no warehouse, nor any configuration."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        width = max(map(len, insights.NAMES))
        lines = [f"{insight.name:<{width}}  {insight.question}" for insight in insights.INSIGHTS]
        parser._print_message("\n".join(lines) + "\n", sys.stdout)
        parser.exit()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2018-11-30, not {text!r}") from None


def main(
    argv: Sequence[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    stdin: TextIO | None = None,
) -> int:
    """Run the step, on the streams of the process if no others are given, and return its exit code."""
    return cli.run(build_parser, argv, business_insights, out=out, err=err, stdin=stdin)


if __name__ == "__main__":
    sys.exit(main())
