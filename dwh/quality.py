"""The audits and the account that decide whether a load is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sql_queries
from dwh import warehouse
from dwh.commands import ETL
from dwh.console import Console, plain, plural, tally
from dwh.errors import DataError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# Redshift's TIMESTAMP has no zone, and means UTC here.
BEGINNING = datetime(1970, 1, 1)
LOW_MATCH_PERCENT = 5.0
ROWS_SHOWN = 5
STATUSES = ("ok", "warn", "failed")


class Found(NamedTuple):
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

    def as_data(self) -> dict[str, Any]:
        """The account for JSON."""
        return {"table": self.table, "read": self.read, "inserted": self.inserted, "outcomes": self.outcomes}

    def sentence(self) -> str:
        """``8,056 read = 6,820 inserted + 1,236 not a play``."""
        parts = [f"{self.inserted:,} {self.verb}"]
        parts += [f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items()) if count]
        return f"{self.read:,} read = {' + '.join(parts)}"


@dataclass(frozen=True)
class Answer:
    """What an audit has found.

    ``status`` is ok, warn or failed; ``message`` says what should hold, and the exceptions; ``query`` finds their rows,
    as a statement to paste, and is empty where there are none. ``rows`` are the first of those that are rolled back
    with a load, since the query does not find them any more.
    """

    name: str
    status: str
    message: str
    exceptions: int = 0
    query: str = ""
    rows: Sequence[str] = ()


def counts(answers: Iterable[Answer]) -> str:
    """``12 ok, 1 warn, 0 failed``."""
    return tally((answer.status for answer in answers), STATUSES)


def as_data(answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers for JSON, and how many there are of each status."""
    statuses = [answer.status for answer in answers]
    return {
        "checks": [asdict(answer) for answer in answers],
        "counts": {status: statuses.count(status) for status in STATUSES},
    }


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


def audit(cur: cursor, console: Console, *, since: datetime = BEGINNING, staged: bool = False) -> list[Answer]:
    """Ask the audit questions and show the answers; below each that is not ok, the query that finds its rows.

    Args:
        cur: in the transaction that is to be judged.
        console: where the answers go.
        since: the first moment of the plays to look at.
        staged: a load is under way: also look at the staging tables.
    """
    console.say("checks")
    found = _asked(cur, since, staged=staged)
    answers = []
    for check in (*sql_queries.AUDITS, sql_queries.MATCHES):
        if staged or not check.staged:
            judge = _match_rate if check is sql_queries.MATCHES else _judge
            if answer := judge(check, found[check.name]):
                if answer.status != "ok":
                    answer = _with_rows(cur, check, answer, since, staged=staged)
                _show(console, answer)
                answers.append(answer)
    return answers


def require_passed(console: Console, answers: Sequence[Answer], *, staged: bool = False) -> None:
    """Let nothing pass that an audit found to be wrong.

    Raises:
        DataError: an audit of severity ``error`` failed.
    """
    failed = [answer for answer in answers if answer.status == "failed"]
    if not failed:
        return
    console.say(f"{counts(answers)}.")
    rolled_back = ["the load is rolled back, and its rows with it: the first ones are shown below each query"] * staged
    raise DataError(
        f"{plural(len(failed), 'check')} failed" + ("; nothing was published" if staged else ""),
        hint="fix the source data, then run the step again" if staged else f"{ETL} --full loads all anew",
        detail="\n".join([*(answer.message for answer in failed), *rolled_back]),
    )


def _asked(cur: cursor, since: datetime, *, staged: bool) -> dict[str, Found]:
    """Ask all questions, in a statement or two: what each has found, by name."""
    statements = [sql_queries.AUDIT_STAGING] * staged + [sql_queries.AUDIT_STAR]
    rows = [row for statement in statements for row in warehouse.rows(cur, statement, {"since": since})]
    return {name: Found(*rest) for name, *rest in rows}


def _judge(check: sql_queries.Audit, found: Found) -> Answer:
    """What an answer means."""
    if not found.exceptions:
        return Answer(check.name, "ok", check.expectation)
    few = check.enough and (found.among or 0) < check.enough
    status = "warn" if check.severity == "warn" or few else "failed"
    parts = [f"{found.exceptions:,} exceptions"] if found.exceptions > 1 else []
    parts += [found.example] if found.example else []
    message = plain(f"{check.expectation}: {', such as '.join(parts)}".removesuffix(": "))
    return Answer(check.name, status, message, found.exceptions)


def _match_rate(check: sql_queries.Audit, found: Found) -> Answer | None:
    """How many plays have a song: no error, since a song catalogue may be a sample."""
    if not found.among:
        return None
    matched = found.among - found.exceptions
    percent = 100 * matched / found.among
    share = "<0.1 %" if 0 < percent < 0.1 else f"{percent:.1f} %"
    message = f"{matched:,} of {plural(found.among, 'play')} found a song in the catalogue ({share})"
    if percent >= LOW_MATCH_PERCENT:
        return Answer(check.name, "ok", message)
    return Answer(check.name, "warn", message, found.exceptions)


def _with_rows(cur: cursor, check: sql_queries.Audit, answer: Answer, since: datetime, *, staged: bool) -> Answer:
    """An answer with the query that finds its records, and the first of those that are rolled back."""
    query = f"-- {check.name}\n{cur.mogrify(check.rows, {'since': since}).decode().strip()};"
    gone = staged and answer.status == "failed"
    return replace(answer, query=query, rows=_first_rows(cur, check, since) if gone else ())


def _first_rows(cur: cursor, check: sql_queries.Audit, since: datetime) -> list[str]:
    """The first rows of an audit, a line each: ``user_id 7, level gold``."""
    rows = warehouse.rows(cur, f"{check.rows}LIMIT {ROWS_SHOWN}", {"since": since})
    names = [column.name for column in cur.description or ()]
    pairs = [[f"{key} {value}" for key, value in zip(names, row, strict=True) if value is not None] for row in rows]
    return [plain(", ".join(row)) for row in pairs]


def _show(console: Console, answer: Answer) -> None:
    """A line for the answer, and the query that finds its rows."""
    console.check(answer.status, answer.message)
    for line in (*answer.query.splitlines(), *(f"-- {row}" for row in answer.rows)):
        console.tell(f"         {line}")
