"""One load: from the objects in S3 to a published star, in one transaction."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

import sql_queries
from dwh import copying, locks, progress, quality, vanishing, warehouse
from dwh.commands import CREATE
from dwh.config import Settings
from dwh.console import Console, duration, plural
from dwh.errors import ConfigError, DataError
from dwh.quality import Account, Answer
from dwh.sources import S3Object, copy_parameters, find_work_bucket, list_objects, listed, put_manifest
from dwh.target import Target
from sql_queries import Staging

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

ROWS_A_STATEMENT = 1_000


@dataclass(frozen=True)
class Sources:
    """What a load reads: the objects of each staging table, and how COPY gets at them.

    ``full``: load everything anew; ``consent``: also if rows vanish by that.
    """

    objects: dict[str, list[S3Object]]
    target: Target
    s3: Any
    work_bucket: str | None
    full: bool = False
    consent: bool = False
    max_errors: int = 0

    @property
    def settings(self) -> Settings:
        """The settings of the target."""
        return self.target.settings

    def copy(self, staging: Staging, load_id: int, wanted: Sequence[S3Object]) -> tuple[str, dict[str, Any]]:
        """The COPY statement of a staging table and its parameters; writes the manifest if there is a bucket for it."""
        if self.work_bucket:
            source = put_manifest(self.s3, self.work_bucket, f"load-{load_id}-{staging.table}", wanted)
        else:
            source = prefix(self.settings, staging)
        statement = staging.copy + (sql_queries.MANIFEST if self.work_bucket else "")
        # COPY fails when it has met MAXERROR errors: N may be left out, N + 1 not.
        return statement, {**copy_parameters(self.settings, source), "max_errors": self.max_errors + 1}


@dataclass
class Load:
    """The state of one load while its transaction runs.

    ``known`` are the objects that were loaded in any version, ``left`` the rows that lie in each staging table,
    ``earlier`` the records that the loads before it have staged there, ``emptied`` the tables whose rows were deleted,
    ``parameters`` those of the statements after the transformation.
    """

    load_id: int
    loaded_at: datetime
    new: dict[str, list[S3Object]]
    known: frozenset[str]
    left: dict[str, int]
    earlier: dict[str, int]
    emptied: list[str]
    copied: dict[str, copying.Copied] = field(default_factory=dict)
    changed: frozenset[S3Object] = frozenset()
    parameters: dict[str, Any] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """Records that COPY left out."""
        return sum(len(copied.rejected) for copied in self.copied.values())

    @property
    def grown(self) -> list[str]:
        """The tables that have grown so much that the planner's statistics of them are of no use any more.

        Redshift's own ANALYZE looks at no table of which less than a tenth has changed:
        https://docs.aws.amazon.com/redshift/latest/dg/r_ANALYZE.html
        """
        fed = [
            table
            for table, before in self.earlier.items()
            if passed_a_tenth(before, before + self.copied[table].records)
        ]
        grown = [name for table in fed for name in sql_queries.GROWS[table]]
        return [*grown, *sql_queries.GROWS_ANYWAY] if grown else []

    def staged(self) -> list[Account]:
        """The account of each staging table of which something was left out."""
        return [
            Account(table.removeprefix("staging_"), copied.read, copied.records, {"left out": count}, "staged")
            for table, copied in self.copied.items()
            if (count := len(copied.rejected))
        ]


def as_data(load: Load | None, *, published: bool) -> dict[str, Any]:
    """The account of a load for JSON: what was read, what became of it, and what the audits found.

    Args:
        load: None if there was none, since there was nothing new.
        published: whether it is.
    """
    copied = load.copied if load else {}
    return {
        "published": published,
        "load_id": load and load.load_id,
        "copied": [
            {"table": table, "objects": len(load.new[table]), "records": one.records, "left_out": list(one.rejected)}
            for table, one in copied.items()
            if load
        ],
        "accounts": [account.as_data() for account in load.accounts] if load else [],
        **quality.as_data(load.answers if load else []),
    }


def find_sources(target: Target, console: Console, *, full: bool, consent: bool, max_errors: int) -> Sources:
    """List what there is to load, and look for the work bucket.

    Args:
        target: where.
        console: for a warning when there is no work bucket.
        full: load everything anew.
        consent: with ``full``: remove what is no longer in S3.
        max_errors: records that COPY may leave out.

    Raises:
        ConfigError: there is no cluster yet, or no role for COPY.
        DataError: a prefix holds no objects.
    """
    settings = target.settings
    settings.endpoint()
    if not settings.dwh_arn_role:
        raise ConfigError(
            f"there is no role to read S3 with: dwh_arn_role is empty in {settings.path.name}",
            hint=CREATE,
        )
    s3, origin = target.client("s3"), target.sources()
    objects = {staging.table: list_objects(s3, prefix(settings, staging), origin) for staging in sql_queries.STAGING}
    bucket = find_work_bucket(target, s3)
    if bucket is None:
        console.warn("there is no work bucket for a manifest: COPY reads the whole prefix, loaded objects too")
    return Sources(objects, target, s3, bucket, full, consent, max_errors)


def prefix(settings: Settings, staging: Staging) -> str:
    """The address that a staging table is loaded from."""
    address: str = getattr(settings, staging.source)
    return address


def preview(cur: cursor, sources: Sources) -> dict[str, list[S3Object]]:
    """What a load would read into each staging table; nothing is changed."""
    warehouse.limit(cur, sources.settings.lock_timeout)
    warehouse.require_tables(cur)
    return sources.objects if sources.full else new_objects(sources.objects, loaded_objects(cur))


def rehearse(cur: cursor, sources: Sources, console: Console) -> list[str]:
    """What would vanish when everything is loaded anew, a line each.

    Only reading all of it can tell. So all of it is copied into the staging tables, by prefix since a
    manifest would be left behind in S3, and rolled back.
    """
    locks.lock_loads(cur, sources.settings)
    load = begin(cur, sources)
    stage(cur, replace(sources, work_bucket=None), load, console)
    transform(cur, load, console)
    lost = vanishing.look(cur)
    warehouse.rollback(cur.connection)
    return lost


def publish(cur: cursor, sources: Sources, console: Console, attempts: list[Load] | None = None) -> Load | None:
    """Load what is new and audit it; the caller commits. None: there was nothing new.

    Args:
        cur: in the transaction.
        sources: what to load.
        console: where each part is said.
        attempts: takes the load as soon as it begins, so that what it found is known even if it fails.

    Raises:
        DataError: a record was refused, an audit failed, or an account does not close.
        RefusedError: rows would vanish, and there is no consent.
        WarehouseError: tables are missing, or another load holds them.
    """
    waiting = f"waiting for another load (at most {duration(sources.settings.lock_timeout)})"
    with console.busy("staging tables", lambda: waiting):
        # The lock comes first: the snapshot that everything else reads must not be older than it.
        locks.lock_loads(cur, sources.settings)
        warehouse.require_tables(cur)
        if not sources.full and not any(new_objects(sources.objects, loaded_objects(cur)).values()):
            return None
        # TRUNCATE leaves nothing for VACUUM, but it ends the transaction, and the lock with it.
        locks.truncate(cur, sources.settings, [staging.table for staging in sql_queries.STAGING])
    load = begin(cur, sources)
    if not any(load.new.values()):  # another load was quicker
        return None
    if attempts is not None:
        attempts.append(load)
    stage(cur, sources, load, console)
    with ThreadPoolExecutor(max_workers=1) as beside:
        again = beside.submit(list_again, sources, load)
        transform(cur, load, console)
        if sources.full:
            vanishing.require_consent(vanishing.look(cur), console, given=sources.consent)
        fill_star(cur, load, console)
    leave_changed(load, console, again.result())
    remember(cur, load)
    since = warehouse.value(cur, sql_queries.FIRST_NEW_PLAY) or load.loaded_at
    quality.close_accounts(console, [*load.staged(), *load.accounts])
    load.answers = quality.audit(cur, console, since=since, staged=True)
    quality.require_passed(console, load.answers, staged=True)
    return load


def passed_a_tenth(before: int, after: int) -> bool:
    """Whether a number has passed a power of 1.1 on its way up: so small steps count, too, once they add up."""
    return after > 0 and (before <= 0 or math.floor(math.log(after, 1.1)) > math.floor(math.log(before, 1.1)))


def begin(cur: cursor, sources: Sources) -> Load:
    """Find out what is new, as the only writer; a full load forgets what is loaded."""
    emptied = forget(cur) if sources.full else []
    loaded = loaded_objects(cur)
    load_id, loaded_at, *counts = warehouse.rows(cur, sql_queries.THIS_LOAD)[0]
    tables = [staging.table for staging in sql_queries.STAGING]
    earlier, left = (dict(zip(tables, map(int, found), strict=True)) for found in (counts[:2], counts[2:]))
    return Load(
        load_id=load_id,
        loaded_at=loaded_at,
        new=new_objects(sources.objects, loaded),
        known=frozenset(loaded),
        left=left,
        earlier=dict.fromkeys(tables, 0) if sources.full else earlier,
        emptied=emptied,
    )


def forget(cur: cursor) -> list[str]:
    """Empty the star and what earlier loads remember of it, all but their history; gives what held rows.

    What was there is noted first, for ``vanishing.look``.
    """
    vanishing.note(cur)
    tables = [*reversed(sql_queries.STAR_TABLES), *sql_queries.LOAD_TABLES]
    return [table for table in tables if table != "load_history" and empty(cur, table)]


def empty(cur: cursor, table: str) -> int:
    """Delete the rows of a table (TRUNCATE would commit); how many there were."""
    return warehouse.execute(cur, warehouse.on_table(sql_queries.DELETE_ROWS, table))


def loaded_objects(cur: cursor) -> dict[str, str]:
    """The objects that loads have read, and in which version."""
    return dict(warehouse.rows(cur, sql_queries.LOADED_OBJECTS))


def new_objects(objects: dict[str, list[S3Object]], loaded: dict[str, str]) -> dict[str, list[S3Object]]:
    """The objects that no load has read in this version."""
    return {
        table: [entry for entry in entries if loaded.get(entry.uri) != entry.etag] for table, entries in objects.items()
    }


def stage(cur: cursor, sources: Sources, load: Load, console: Console) -> None:
    """COPY the new objects into the staging tables, from which a load that was not published may have left rows."""
    for staging in sql_queries.STAGING:
        table, new = staging.table, load.new[staging.table]
        if load.left[table]:
            empty(cur, table)
            load.emptied.append(table)
        if not new:
            load.copied[table] = copying.Copied()
            continue
        session = copying.of_session(cur)
        statement, parameters = sources.copy(staging, load.load_id, new)
        status = progress.of_copy(sources.target, session["session"], len(new))
        with status as asked, console.busy(f"copying {table}", asked):
            copied = copying.copy(cur, table, statement, parameters | session)
        load.copied[table] = copied
        console.step("copy", table, copied.records, plural(len(new), "object"), copied.seconds)
        for record in copied.rejected:
            console.warn(f"left out: {record}")
    if load.left_out > sources.max_errors:
        raise DataError(
            f"{load.left_out:,} bad records, and --max-errors allows {sources.max_errors:,}; nothing was published",
            hint="fix the records listed above, or raise --max-errors",
        )
    if not any(copied.records for copied in load.copied.values()):
        raise DataError("the new objects hold no records; nothing was published", hint="check the files under [S3]")


def list_again(sources: Sources, load: Load) -> set[S3Object]:
    """The objects as they are after COPY. A long listing: on a thread of its own, while the warehouse works."""
    s3 = sources.target.client("s3")
    return {
        entry
        for staging in sql_queries.STAGING
        if load.new[staging.table]
        for entry in listed(s3, prefix(sources.settings, staging))
    }


def leave_changed(load: Load, console: Console, now: set[S3Object]) -> None:
    """Find out which objects are no longer as they were listed: it is not known which version COPY has read.

    They stay out of the ledger, so that the next load reads them again.
    """
    load.changed = frozenset(entry for new in load.new.values() for entry in new) - now
    if load.changed:
        example = min(entry.uri for entry in load.changed)
        console.warn(
            f"{plural(len(load.changed), 'object')} changed while being read, such as {example}: "
            "what was read is loaded, and the next load reads the object again"
        )


def fill_star(cur: cursor, load: Load, console: Console) -> None:
    """Insert what is staged into the star, keeping the account of each table."""
    before = star_rows(cur, load)
    outcomes = quality.outcomes(cur, load.parameters)
    seconds = {}
    for fill in sql_queries.STAR:
        started = time.monotonic()
        staged = any(load.copied[table].records for table in fill.after)
        with console.busy(f"inserting into {fill.table}"):
            for statement in fill.statements if staged else ():
                warehouse.execute(cur, statement, load.parameters)
        seconds[fill.table] = time.monotonic() - started
    records = {table: copied.records for table, copied in load.copied.items()}
    records |= {table: rows - before[table] for table, rows in star_rows(cur, load).items()}
    for fill in sql_queries.STAR:
        account = Account(fill.table, records[fill.source], records[fill.table], outcomes.get(fill.table, {}))
        load.accounts.append(account)
        console.step("insert", fill.table, account.inserted, "", seconds[fill.table])


def star_rows(cur: cursor, load: Load) -> dict[str, int]:
    """The rows of each table of the star, as far as this load can add to them."""
    return dict(warehouse.rows(cur, sql_queries.STAR_ROWS, load.parameters))


def transform(cur: cursor, load: Load, console: Console) -> None:
    """Say in temporary tables what the staged records mean: the new songs and plays, and the latest of the users."""
    with console.busy("transforming what was staged"):
        warehouse.execute(cur, sql_queries.FILLED_EVENTS)
        first, last = warehouse.rows(cur, sql_queries.STAGED_RANGE)[0]
        load.parameters = {
            "load_id": load.load_id,
            "first": first or quality.BEGINNING,
            "last": last or quality.BEGINNING,
        }
        for statement in sql_queries.TRANSFORM:
            warehouse.execute(cur, statement, load.parameters)


def remember(cur: cursor, load: Load) -> None:
    """Write which objects were read, but for those that changed meanwhile, and the account of the load."""
    files = {name: lines for copied in load.copied.values() for name, lines in copied.files.items()}
    objects = [entry for entries in load.new.values() for entry in entries]
    for some in batches([entry for entry in objects if entry.uri in load.known]):
        warehouse.execute(cur, sql_queries.DELETE_LOAD_OBJECTS, {"keys": tuple(entry.uri for entry in some)})
    ledger = [
        (entry.uri, entry.etag, entry.size, files.get(entry.uri)) for entry in objects if entry not in load.changed
    ]
    # What all rows have in common is put in once.
    template = cur.mogrify("(%%s, %%s, %%s, %%s, %s, %s)", (load.loaded_at, load.load_id)).decode()
    execute_values(cur, sql_queries.INSERT_LOAD_OBJECTS, ledger, template, page_size=ROWS_A_STATEMENT)
    execute_values(cur, sql_queries.INSERT_LOAD_HISTORY, list(history(load)), page_size=ROWS_A_STATEMENT)


def history(load: Load) -> Iterator[tuple[Any, ...]]:
    """The rows of load_history: what each staging table read, and what became of it in each table of the star."""

    def row(table: str, outcome: str, records: int, detail: str | None = None) -> tuple[Any, ...]:
        return load.load_id, load.loaded_at, table, outcome, records, detail

    for table, copied in load.copied.items():
        yield row(table, "objects", len(load.new[table]))
        yield row(table, "read", copied.read)
        yield row(table, "staged", copied.records)
        for record in copied.rejected:
            yield row(table, "rejected", 1, record[:1000])
    for account in load.accounts:
        yield row(account.table, "read", account.read)
        yield row(account.table, "inserted", account.inserted)
        for outcome, records in account.outcomes.items():
            yield row(account.table, outcome, records)


def batches(objects: Sequence[S3Object]) -> Iterator[Sequence[S3Object]]:
    """The objects in portions that one statement can name."""
    for start in range(0, len(objects), ROWS_A_STATEMENT):
        yield objects[start : start + ROWS_A_STATEMENT]
