"""Answer the analytics team's questions from the warehouse: tables, CSV, JSON, charts, a report.

Reads the warehouse and changes nothing. On AWS a run costs seconds of the cluster
that is billed anyway. Times are UTC; a ranking shows its first 10 rows.

Examples:
  python business_insights.py
  python business_insights.py --list
  python business_insights.py --only songs_heard artists_heard --limit 20
  python business_insights.py --since 2018-11-12 --until 2018-11-18
  python business_insights.py --only weekday_hour --format csv > heat.csv
  python business_insights.py --format json | jq .coverage
  python business_insights.py --output out      # CSV files, charts, out/report.html
  python business_insights.py --output out --open
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dwh import cli, fit, insights, options
from dwh.console import plain, tally
from dwh.errors import ConfigError
from dwh.step import Step

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

GENERATED = "The data is generated: a sample."


def build_parser() -> argparse.ArgumentParser:
    """The options of this step."""
    parser = cli.step_parser(__doc__)
    add = parser.add_argument
    add("--list", action="store_true", help="name each insight with its question, and stop")
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
    add("--open", action="store_true", help="with --output, open the report in the browser")
    return parser


def business_insights(step: Step) -> None:
    """Name the questions, or ask them and print or write the answers."""
    if step.args.list:
        step.console.result(_list(step.target.generated()))
        return
    chosen = insights.select(step.args.only)
    _check_together(step.args, len(chosen))
    report = _ask(step, chosen)
    if step.args.output:
        _write(step, report)
    else:
        _print(step, report)
        words = ("answered" if answer.rows else "without rows" for answer in report.answers)
        step.console.say(f"{tally(words, ['answered'])}.")


def _ask(step: Step, chosen: Sequence[insights.Question]) -> insights.Report:
    """All the answers, of one transaction."""
    from dwh import warehouse
    from dwh.insights import ask

    args = step.args
    step.console.say(step.target.describe())
    about = insights.About(
        source=step.target.provenance(),
        generated=step.target.generated(),
        load=warehouse.transaction(step.target, step.console, ask.last_load),
        options=_options(args),
    )

    def work(cur: cursor) -> insights.Report:
        return insights.collect(cur, chosen, limit=args.limit, since=args.since, until=args.until, about=about)

    return warehouse.transaction(step.target, step.console, work)


def _list(generated: bool) -> str:
    """The questions by name, and whether the data that answers them is generated."""
    width = max(len(question.name) for question in insights.questions())
    lines = [f"{question.name:<{width}}  {question.title}" for question in insights.questions()]
    said = GENERATED if generated else "The data is not the generated sample."
    return "\n".join([*lines, "", said])


def _write(step: Step, report: insights.Report) -> None:
    from dwh.insights import files

    args, words = step.args, []
    for path, word in files.write(report, args.output, data_format="json" if args.format == "json" else "csv"):
        step.console.line("File", str(path), word)
        words.append(word)
    address = (args.output / files.PAGE).absolute().as_uri()
    if args.open and not _opened(address):
        step.console.warn("there is no browser here that could be opened")
    step.console.say(f"{tally(words)}.")
    for line in (*_rests_on(report, args), f"Report: {address}"):
        step.console.result(fit.wrapped(line, fit.step_width(step.console.out)))


def _rests_on(report: insights.Report, args: argparse.Namespace) -> list[str]:
    """What a report shows in a line, and that it is generated, if it is."""
    from dwh.insights import words

    what = "In this range" if args.since or args.until else "Loaded"
    lines = [f"{what}: {words.volume(report.survey)}, {words.days(report.survey)}"]
    return lines + [GENERATED] * report.about.generated


def _print(step: Step, report: insights.Report) -> None:
    terminal = step.console.out.isatty()
    if step.args.format == "table":
        from dwh.insights import terminal as tables

        step.console.result(tables.render(report, tables.style_of(step.console)))
        return
    from dwh.insights import export

    if step.args.format == "csv":
        text = export.to_csv(report.answers[0], plain if terminal else str)
    else:
        text = export.to_json(report.answers)
        text = export.shown_json(text) if terminal else text
    step.console.result(text, end="")


def _opened(address: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False


def _options(args: argparse.Namespace) -> str:
    """The options that change what is in the report, as they are typed."""
    only = f"--only {' '.join(args.only)}" if args.only else ""
    limit = f"--limit {args.limit}" if args.limit != build_parser().get_default("limit") else ""
    days = [f"--{name} {day}" for name in ("since", "until") if (day := getattr(args, name))]
    return " ".join(part for part in (only, limit, *days) if part)


def _check_together(args: argparse.Namespace, chosen: int) -> None:
    if args.since and args.until and args.since > args.until:
        raise ConfigError("--since is after --until", hint="give the earlier day to --since")
    if args.format == "csv" and chosen > 1 and not args.output:
        raise ConfigError(
            f"CSV on standard output holds one insight, not {chosen}",
            hint="name one with --only NAME, or write a file each with --output DIR",
        )
    if args.open and not args.output:
        raise ConfigError("--open needs a report to open", hint="add --output DIR")


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
