"""The audits and the account that decide whether a load is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import sql_queries
from dwh import warehouse
from dwh.commands import ETL
from dwh.console import Console, plain, plural
from dwh.errors import DataError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# Redshift's TIMESTAMP has no zone, and means UTC here.
BEGINNING = datetime(1970, 1, 1)
LOW_MATCH_PERCENT = 5.0


class Answer(NamedTuple):
    """What an audit has found: exceptions, of how many records (where that counts), and an example in words."""

    exceptions: int
    among: int | None
    example: str | None


@dataclass(frozen=True)
class Account:
    """What became of the records that a table was fed with.

    ``outcomes`` counts the records that were not inserted, by what became of them;
    ``verb`` is what was done with the others.
    """

    table: str
    read: int
    inserted: int
    outcomes: dict[str, int] = field(default_factory=dict)
    verb: str = "inserted"

    @property
    def unaccounted(self) -> int:
        """Records of which nothing is known: 0, or the load is wrong."""
        return self.read - self.inserted - sum(self.outcomes.values())

    def sentence(self) -> str:
        """``8,056 read = 6,820 inserted + 1,236 not a play``."""
        parts = [f"{self.inserted:,} {self.verb}"]
        parts += [f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()) if count]
        return f"{self.read:,} read = {' + '.join(parts)}"


def outcomes(cur: cursor, parameters: warehouse.Parameters) -> dict[str, dict[str, int]]:
    """What becomes of the staged records that make no new row: by table of the star and outcome."""
    by_table: dict[str, dict[str, int]] = {}
    for table, outcome, records in warehouse.rows(cur, sql_queries.ACCOUNT_OF_RECORDS, parameters):
        by_table.setdefault(table, {})[outcome] = int(records or 0)
    return by_table


def close_accounts(console: Console, accounts: Iterable[Account]) -> None:
    """Show what became of every record.

    Raises:
        DataError: some records of a table are unaccounted for.
    """
    console.say("records")
    for account in accounts:
        console.say(f"  {account.table:<10} {account.sentence()}")
        if account.unaccounted:
            raise DataError(
                f"{account.unaccounted:,} records for {account.table} are unaccounted for; nothing was published",
                hint="run etl.py again; if it stays, please report it",
            )


def audit(cur: cursor, console: Console, *, since: datetime = BEGINNING, staged: bool = False) -> None:
    """Ask the audit questions and show the answers.

    Args:
        cur: in the transaction that is to be judged.
        console: where the answers go.
        since: the first moment of the plays to look at.
        staged: a load is under way: also look at the staging tables.

    Raises:
        DataError: an audit of severity ``error`` failed.
    """
    console.say("checks")
    statements = [sql_queries.AUDIT_STAGING] * staged + [sql_queries.AUDIT_STAR]
    rows = [row for statement in statements for row in warehouse.rows(cur, statement, {"since": since})]
    answers = {name: Answer(*rest) for name, *rest in rows}
    asked = [check for check in sql_queries.AUDITS if staged or not check.staged]
    failed = [check for check in asked if _show(console, check, answers[check.name]) == "failed"]
    _show_matches(console, answers[sql_queries.MATCHES.name])
    if failed:
        raise DataError(
            f"{plural(len(failed), 'check')} failed" + ("; nothing was published" if staged else ""),
            hint="fix the source data, then run the step again" if staged else f"{ETL} --full loads all anew",
            detail="\n".join(check.expectation for check in failed),
        )


def _show(console: Console, check: sql_queries.Audit, answer: Answer) -> str:
    """Show the answer to a question, and give it in a word: ok, warn or failed."""
    if not answer.exceptions:
        console.check("ok", check.expectation)
        return "ok"
    few = check.enough and (answer.among or 0) < check.enough
    word = "warn" if check.severity == "warn" or few else "failed"
    parts = [f"{answer.exceptions:,} exceptions"] if answer.exceptions > 1 else []
    parts += [answer.example] if answer.example else []
    console.check(word, plain(f"{check.expectation}: {', such as '.join(parts)}".removesuffix(": ")))
    return word


def _show_matches(console: Console, answer: Answer) -> None:
    """How many plays have a song: no error, since a song catalogue may be a sample."""
    if answer.among:
        matched = answer.among - answer.exceptions
        percent = 100 * matched / answer.among
        share = "<0.1 %" if 0 < percent < 0.1 else f"{percent:.1f} %"
        console.check(
            "ok" if percent >= LOW_MATCH_PERCENT else "warn",
            f"{matched:,} of {plural(answer.among, 'play')} found a song in the catalogue ({share})",
        )
