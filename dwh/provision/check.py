"""create_cluster.py --check: what is there, and whether it is well. Every call that it makes only looks.

A check that fails does not stop the others; those that need what failed are skipped. What the next step would stumble
over is ``failed``, what is worth knowing and works all the same is ``warn``.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sql_queries
from dwh import __version__, locks, warehouse
from dwh.aws.errors import explained
from dwh.aws.states import FULL, HOPELESS
from dwh.commands import CREATE, CREATE_TABLES, ETL
from dwh.config import SECRET_NAMES
from dwh.console import duration, plain, plural, size, tally
from dwh.errors import DwhError
from dwh.keys import KEYS
from dwh.load import loaded_objects, new_objects, prefix
from dwh.provision import creation, prices, redshift, storage, waiting
from dwh.provision.site import Site
from dwh.sources import S3Object, list_objects, listed, no_data, smallest_object
from dwh.step import Step
from dwh.target import Target, open_target

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from dwh.provision.plan import Planner

T = TypeVar("T")
STATUSES = ("ok", "warn", "failed", "skipped")
# By the names that they are installed under: conda has psycopg2 under its own.
PACKAGES = (("boto3",), ("psycopg2-binary", "psycopg2"), ("pandas",), ("python-dotenv",))
NAMED = 5
# Bytes of a disk: a load of the public data takes a tenth of it.
LITTLE_SPACE = 10**9


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    ``hint`` is the next step, where one is to be taken; ``details`` are further lines; ``data`` is for JSON.
    """

    message: str
    status: str = "ok"
    hint: str = ""
    details: Sequence[str] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass
class Look:
    """One run, and what several checks look at.

    ``origins`` say where each setting is from. ``reader`` is the target once more: a login is what the clients of the
    site may not ask for, and the warehouse is not read without one.
    """

    step: Step
    origins: Sequence[str]
    reader: Target

    @cached_property
    def site(self) -> Site:
        """The place of the cluster, whose clients cannot change anything."""
        return Site.open(self.step.target, read_only=True)

    @cached_property
    def cluster(self) -> dict[str, Any] | None:
        """Our cluster."""
        return redshift.our_cluster(self.site)

    @cached_property
    def objects(self) -> dict[str, list[S3Object]]:
        """The objects of each staging table."""
        settings, origin = self.step.settings, self.step.target.sources()
        s3 = self.site.client("s3")
        return {one.table: list_objects(s3, prefix(settings, one), origin) for one in sql_queries.STAGING}

    def read(self, work: Callable[[cursor], T]) -> T:
        """Ask the warehouse."""
        return warehouse.transaction(self.reader, self.step.console, work)


class Check(NamedTuple):
    """One row of the list: its name, how it looks, and the checks that it builds on."""

    name: str
    find: Callable[[Look], Finding]
    needs: tuple[str, ...] = ()


def versions(_: Look) -> Finding:
    """Python, this project, and the packages that the steps stand on."""
    found = {"sparkify": __version__, "Python": platform.python_version()}
    missing: list[str] = []
    for names in PACKAGES:
        numbers = {name: number for name in names if (number := _installed(name))}
        found |= numbers
        missing += names[:1] if not numbers else ()
    message = ", ".join(f"{name} {number}" for name, number in found.items())
    if missing:
        message, hint = f"{message}; not installed: {', '.join(missing)}", "pip install -r requirements.txt"
        return Finding(message, "failed", hint, data={"versions": found})
    return Finding(f"{message}; {platform.platform()}", data={"versions": found})


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def settings(look: Look) -> Finding:
    """Each setting, and where it is from."""
    found = look.step.settings
    values = {
        f"[{key.section}] {key.option}": {"value": _plain(getattr(found, key.name)), "from": found.origins[key.name]}
        for key in KEYS
    }
    secrets = {name: {"from": found.origins.get(name)} for name in SECRET_NAMES}
    return Finding(f"{found.path}", details=look.origins, data={"settings": values, "secrets": secrets})


def credentials(look: Look) -> Finding:
    """Where the credentials are from; nothing of them is shown."""
    return Finding(look.step.target.credentials())


def target(look: Look) -> Finding:
    """The place: on AWS account and region, as AWS knows them."""
    where = look.step.target.describe()
    site = look.site
    return Finding(where, data={"target": look.step.settings.target, "account": site.account, "region": site.region})


def cluster(look: Look) -> Finding:
    """Its state, since when it is there, and what it has cost."""
    found, name = look.cluster, look.site.name
    if found is None:
        return Finding(f"there is no cluster {name} in {look.site.region}", "failed", CREATE)
    state, created = waiting.state(found), found.get("ClusterCreateTime")
    spent = prices.spent(found, created) if look.step.target.billed and created else None
    kind = f"{found['NumberOfNodes']} × {found['NodeType']}"
    since = f", made {_ago(created)}" if created else ""
    cost = f", about ${spent:,.2f} until now (list price, storage and pauses apart)" if spent is not None else ""
    figures = {"state": state, "created": _moment(created), "nodes": kind, "cost_usd": spent and round(spent, 2)}
    message = f"{name} is {state}: {kind}{since}{cost}"
    if state == "available":
        return Finding(message, data=figures)
    known = look.step.target.failure(name) if found.get("ClusterAvailabilityStatus") == "Failed" else None
    if known:
        return Finding(f"{message}; {known.message}", "failed", known.hint, data=figures)
    if state == FULL:
        return Finding(message, "failed", f"delete rows, or: {redshift.resize_command(look.site, found)}", data=figures)
    return Finding(message, "failed", HOPELESS.get(state, f"{CREATE} waits for it"), data=figures)


def resources(look: Look) -> Finding:
    """Whether everything that create_cluster.py makes is as dwh.cfg has it."""
    found = [_planned(look.site, planner) for planner in creation.EVERYTHING]
    others = [finding for finding in found if finding.status != "ok"]
    name, figures = look.step.settings.path.name, {"differing": len(others)}
    if not others:
        return Finding(f"all {len(found)} are as {name} has them", data=figures)
    message = f"{len(others)} of {len(found)} are not as {name} has them"
    lines = [line for finding in others for line in (finding.message, *finding.details)]
    hints = dict.fromkeys(finding.hint for finding in others if finding.hint)
    return Finding(message, "failed", "; ".join(hints) or CREATE, lines, figures)


def _planned(site: Site, planner: Planner) -> Finding:
    """What a run would change about one thing, or why it cannot be told."""
    try:
        with explained():
            change = planner(site)
    except DwhError as error:
        return _failed(error)
    if not change.changes:
        return Finding(change.note)
    return Finding(f"{change.kind} {change.name}: {change.planned} {change.note}".rstrip(), "failed", CREATE)


def work_bucket(look: Look) -> Finding:
    """The bucket for manifests and audit logs, and what is in it."""
    name = storage.bucket_name(look.site)
    if storage.find_bucket(look.site) is None:
        return Finding(f"there is no bucket {name}", "failed", CREATE)
    held = list(listed(look.site.client("s3"), f"s3://{name}/"))
    total = sum(entry.size for entry in held)
    message = f"s3://{name}: {plural(len(held), 'object')}, {size(total)}"
    return Finding(message, data={"bucket": name, "objects": len(held), "bytes": total})


def data(look: Look) -> Finding:
    """The files that there are to load, and the JSONPaths file."""
    counts = {table: len(objects) for table, objects in look.objects.items()}
    jsonpaths = look.step.settings.log_jsonpath
    try:
        smallest_object(look.site.client("s3"), jsonpaths, look.step.target.sources())
    except DwhError:
        raise no_data(jsonpaths, look.step.target.sources()) from None
    message = f"{plural(counts['staging_events'], 'log file')}, {plural(counts['staging_songs'], 'song file')}"
    return Finding(message, data={"files": counts})


def login(look: Look) -> Finding:
    """A connection over verified TLS, and which server answers."""

    def ask(cur: cursor) -> tuple[int, str, str]:
        there = cur.connection.info
        tls = str(there.ssl_attribute("protocol")) if there.ssl_in_use else "no TLS"
        return there.port, tls, warehouse.value(cur, sql_queries.SERVER_VERSION)

    place, started = look.step.settings, time.monotonic()
    port, tls, said = look.read(ask)
    version, seconds = (re.search(r"Redshift [\d.]+", said) or [said])[0], time.monotonic() - started
    message = f"{place.db_user} at {place.dwh_endpoint}:{port}, {tls}, {version}, {duration(seconds)}"
    figures = {"user": place.db_user, "host": place.dwh_endpoint, "port": port, "tls": tls, "version": version}
    return Finding(message, data=figures)


def tables(look: Look) -> Finding:
    """The tables, and the rows of each."""

    def count(cur: cursor) -> dict[str, int]:
        there = warehouse.existing(cur)
        names = [name for name in sql_queries.CREATE if name in there]
        return {name: warehouse.value(cur, warehouse.on_table(sql_queries.COUNT_ROWS, name)) for name in names}

    held_by = look.read(lambda cur: locks.holders(cur, list(sql_queries.CREATE), "AccessExclusiveLock"))
    if held_by:  # a load may take long, and a check does not wait
        message = "not looked at: another session has locked them, as a load does"
        return Finding(message, "skipped", "wait for it to end, then run the step again", held_by)
    there = look.read(count)
    missing = [name for name in sql_queries.CREATE if name not in there]
    lines = [f"{name} {plural(rows, 'row')}" for name, rows in there.items()]
    figures = {"rows": there}
    if missing:
        message = f"{len(missing)} of {len(sql_queries.CREATE)} are missing: {', '.join(missing)}"
        return Finding(message, "failed", CREATE_TABLES, lines, figures)
    return Finding(f"all {len(there)} are there", details=lines, data=figures)


def last_load(look: Look) -> Finding:
    """The load that was published last, and how old it is."""
    loads = look.read(lambda cur: warehouse.rows(cur, sql_queries.LAST_LOAD))
    if not loads:
        return Finding("nothing is loaded yet", "failed", ETL)
    number, moment = loads[0][0], loads[0][1].replace(tzinfo=UTC)
    return Finding(f"load {number}, published {_ago(moment)}", data={"load_id": number, "published": _moment(moment)})


def new_files(look: Look) -> Finding:
    """The files in S3 that no load has read as they are now, and those that were loaded and are not there any more."""
    loaded = look.read(loaded_objects)
    by_table = new_objects(look.objects, loaded)
    new = [entry.uri for entries in by_table.values() for entry in entries]
    gone = len(set(loaded) - {entry.uri for entries in look.objects.values() for entry in entries})
    figures = {"new": {table: len(entries) for table, entries in by_table.items()}, "gone": gone}
    if not new and not gone:
        return Finding("none: every file is loaded", data=figures)
    more = [f"and {len(new) - NAMED:,} more"] if len(new) > NAMED else []
    said = [f"{plural(len(new), 'file')} not loaded yet, or changed since"] if new else []
    said += [f"{plural(gone, 'file')} loaded but no longer in S3, whose rows are still there"] if gone else []
    hint = f"{ETL} --full --dry-run" if gone else ETL
    return Finding("; ".join(said), "warn", hint, [*new[:NAMED], *more], figures)


def space(look: Look) -> Finding:
    """What the tables take, and what is left."""
    used = int(look.read(lambda cur: warehouse.value(cur, sql_queries.SPACE_OF_TABLES))) * 2**20
    free = look.step.target.free_space()
    figures = {"used_bytes": used, "free_bytes": free}
    message = f"the tables take {size(used)}"
    if free is None:
        return Finding(message, data=figures)
    message = f"{message}, {size(free)} are free on the disk"
    if problem := look.step.target.failure(look.site.name):
        return Finding(f"{message}: {problem.message}", "failed", problem.hint, data=figures)
    if free < LITTLE_SPACE:
        return Finding(message, "warn", f"make room on the disk of {look.step.settings.state_dir}", data=figures)
    return Finding(message, data=figures)


CHECKS = (
    Check("versions", versions),
    Check("settings", settings),
    Check("credentials", credentials),
    Check("target", target),
    Check("cluster", cluster, ("target",)),
    Check("resources", resources, ("cluster",)),
    Check("work bucket", work_bucket, ("target",)),
    Check("data", data, ("target",)),
    Check("login", login, ("cluster",)),
    Check("tables", tables, ("login",)),
    Check("last load", last_load, ("tables",)),
    Check("new files", new_files, ("data", "tables")),
    Check("space", space, ("tables",)),
)


def run(step: Step, origins: Sequence[str]) -> int:
    """Make every check, print what they find, and give the exit code: 0 if none failed.

    Args:
        step: what the script was given.
        origins: a line for each setting: its value, and where it is from.
    """
    found: dict[str, Finding] = {}
    with open_target(step.settings, step.console) as reader:
        look = Look(step, origins, reader)
        for check in CHECKS:
            broken = [name for name in check.needs if found[name].status in ("failed", "skipped")]
            found[check.name] = _skipped(broken[0]) if broken else _found(look, check)
            if step.args.format == "table":
                _show(step, check.name, found[check.name])
    statuses = [finding.status for finding in found.values()]
    well = "failed" not in statuses
    if step.args.format == "json":
        checks = [{"name": name, **asdict(finding)} for name, finding in found.items()]
        step.console.data({"ok": well, "checks": checks, "counts": {word: statuses.count(word) for word in STATUSES}})
    step.console.say(f"{tally(statuses, STATUSES)}. Nothing was changed.")
    return 0 if well else 1


def _skipped(name: str) -> Finding:
    return Finding(f"not looked at: it needs {name}", "skipped")


def _found(look: Look, check: Check) -> Finding:
    """What a check finds; an error that could be foreseen is a finding, too."""
    try:
        with explained():
            return check.find(look)
    except DwhError as error:
        return _failed(error)


def _failed(error: DwhError) -> Finding:
    return Finding(error.message, "failed", error.hint, error.detail.splitlines())


def _show(step: Step, name: str, finding: Finding) -> None:
    """A finding as a result, its lines below it."""
    lines = [finding.message, *finding.details]
    if finding.hint:
        lines.append(f"next: {finding.hint}")
    step.console.finding(finding.status, name, [plain(line) for line in lines])


def _ago(moment: datetime) -> str:
    """``2026-11-27 05:00 UTC (2h02m ago)``."""
    age = datetime.now(UTC) - moment
    words = f"{age.days} days" if age.days > 1 else duration(max(age.total_seconds(), 0))
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({words} ago)"


def _plain(value: object) -> object:
    """A setting for JSON."""
    return value if isinstance(value, bool | int | str | None) else str(value)


def _moment(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None
