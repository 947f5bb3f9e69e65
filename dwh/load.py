"""One load: from the objects in S3 to a published star, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

import sql_queries
from dwh import copying, locks, progress, quality, vanishing, warehouse
from dwh.commands import CREATE
from dwh.config import Settings
from dwh.console import Console, duration, plural, size
from dwh.errors import ConfigError, DataError
from dwh.quality import Account
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

    ``known`` are the objects that were loaded in any version, ``emptied`` the tables whose rows were deleted,
    ``parameters`` those of the statements after the transformation.
    """

    load_id: int
    loaded_at: datetime
    new: dict[str, list[S3Object]]
    known: frozenset[str]
    emptied: list[str]
    copied: dict[str, copying.Copied] = field(default_factory=dict)
    changed: frozenset[S3Object] = frozenset()
    parameters: dict[str, Any] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        """Records that COPY left out."""
        return sum(len(copied.rejected) for copied in self.copied.values())

    def staged(self) -> list[Account]:
        """The account of each staging table of which something was left out."""
        return [
            Account(table.removeprefix("staging_"), copied.read, copied.records, {"left out": count}, "staged")
            for table, copied in self.copied.items()
            if (count := len(copied.rejected))
        ]


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


def preview(cur: cursor, sources: Sources, console: Console) -> bool:
    """Show what a load would read, and change nothing; False: there is nothing new."""
    warehouse.limit(cur, sources.settings.lock_timeout)
    warehouse.require_tables(cur)
    new = sources.objects if sources.full else new_objects(sources.objects, loaded_objects(cur))
    for table, objects in new.items():
        if objects:
            total = sum(entry.size for entry in objects)
            console.line("would copy", table, plural(len(objects), "object"), size(total))
    return any(new.values())


def rehearse(cur: cursor, sources: Sources, console: Console) -> None:
    """Show what would vanish when everything is loaded anew.

    Only reading all of it can tell. So all of it is copied into the staging tables, by prefix since a
    manifest would be left behind in S3, and rolled back.
    """
    load = begin(cur, sources)
    stage(cur, replace(sources, work_bucket=None), load, console)
    transform(cur, load, console)
    lost = vanishing.look(cur)
    warehouse.rollback(cur.connection)
    for line in lost:
        console.say(f"would remove {line}")
    if lost and not sources.consent:
        console.say("They are no longer in S3: without --yes a run would be refused.")


def publish(cur: cursor, sources: Sources, console: Console) -> Load | None:
    """Load what is new and audit it; the caller commits. None: there was nothing new.

    Raises:
        DataError: a record was refused, an audit failed, or an account does not close.
        RefusedError: rows would vanish, and there is no consent.
        WarehouseError: tables are missing, or another load holds them.
    """
    waiting = f"waiting for another load (at most {duration(sources.settings.lock_timeout)})"
    with console.busy("staging tables", lambda: waiting):
        something_new = clear_staging(cur, sources)
    if not something_new:
        return None
    load = begin(cur, sources)
    if not any(load.new.values()):  # another load was quicker
        return None
    stage(cur, sources, load, console)
    look_again(sources, load, console)
    transform(cur, load, console)
    if sources.full:
        vanishing.require_consent(vanishing.look(cur), console, given=sources.consent)
    fill_star(cur, load, console)
    remember(cur, load)
    since = warehouse.value(cur, sql_queries.FIRST_NEW_PLAY) or load.loaded_at
    quality.close_accounts(console, [*load.staged(), *load.accounts])
    quality.audit(cur, console, since=since, staged=True)
    return load


def clear_staging(cur: cursor, sources: Sources) -> bool:
    """Empty the staging tables if there is something new; whether there is.

    By TRUNCATE, which leaves nothing for VACUUM. It commits, so it comes before the transaction that publishes.

    Raises:
        WarehouseError: another load holds them.
    """
    locks.lock_loads(cur, sources.settings)
    warehouse.require_tables(cur)
    new = sources.full or any(new_objects(sources.objects, loaded_objects(cur)).values())
    if new:
        tables = [staging.table for staging in sql_queries.STAGING]
        statements = [warehouse.on_table(sql_queries.TRUNCATE_TABLE, table) for table in tables]
        locks.execute_waiting(cur, sources.settings, statements, tables, "the tables of the load")
        cur.connection.commit()
    return new


def begin(cur: cursor, sources: Sources) -> Load:
    """Become the only load, and find out what is new; a full one forgets what is loaded.

    Raises:
        WarehouseError: tables are missing, or another load holds them.
    """
    # The lock comes first: the snapshot that everything else reads must not be older than it.
    locks.lock_loads(cur, sources.settings)
    emptied = forget(cur) if sources.full else []
    loaded = loaded_objects(cur)
    return Load(
        load_id=warehouse.value(cur, sql_queries.NEXT_LOAD_ID),
        loaded_at=warehouse.value(cur, sql_queries.SERVER_TIME),
        new=new_objects(sources.objects, loaded),
        known=frozenset(loaded),
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
    session = warehouse.value(cur, sql_queries.BACKEND_PID)
    for staging in sql_queries.STAGING:
        table, new = staging.table, load.new[staging.table]
        if empty(cur, table):
            load.emptied.append(table)
        if not new:
            load.copied[table] = copying.Copied()
            continue
        with progress.of_copy(sources.target, session, len(new)) as status, console.busy(f"copying {table}", status):
            copied = copying.copy(cur, table, *sources.copy(staging, load.load_id, new))
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


def look_again(sources: Sources, load: Load, console: Console) -> None:
    """Find out which objects are no longer as they were listed: it is not known which version COPY has read.

    They stay out of the ledger, so that the next load reads them again.
    """
    s3 = sources.target.client("s3")
    now = {
        entry
        for staging in sql_queries.STAGING
        if load.new[staging.table]
        for entry in listed(s3, prefix(sources.settings, staging))
    }
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
        with console.busy(f"inserting into {fill.table}"):
            for statement in fill.statements:
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
        (entry.uri, entry.etag, entry.size, files.get(entry.uri), load.loaded_at, load.load_id)
        for entry in objects
        if entry not in load.changed
    ]
    execute_values(cur, sql_queries.INSERT_LOAD_OBJECTS, ledger, page_size=ROWS_A_STATEMENT)
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
