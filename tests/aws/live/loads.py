"""The checks of the loads: the first, the second, one with bad records, one that is killed, and what they leave."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import re
import signal
import time

import etl
import sql_queries
from dwh import load, locks, warehouse
from dwh.console import Console
from dwh.errors import DataError
from dwh.provision import storage
from tests.aws.live import place
from tests.aws.live.course import Run, complaint, expect, refusal

# Every column of the star but songplay_id, whose numbers differ from run to run.
COLUMNS = {
    "users": "user_id, first_name, last_name, gender, level",
    "songs": "song_id, title, artist_id, year, duration",
    "artists": "artist_id, name, location, latitude, longitude",
    "time": "start_time, hour, day, week, month, year, weekday",
    "songplays": "start_time, user_id, level, song_id, artist_id, session_id, location, user_agent",
}
# Of the delivery with three bad records, and of the play that is loaded after a killed load.
BAD, LATE = "log_data/2018/11/2018-11-16-events.json", "log_data/2018/11/2018-11-17-events.json"
GOOD_RECORDS, BAD_RECORDS = 5, {"ts": "yesterday", "status": "two hundred", "itemInSession": 99_999_999_999}
DAY_MS = 86_400_000
# For a COPY that lasts long enough to be met.
LARGE, COPIES, LINES = "log_data/2018/12/large-{:02}.json", 40, 5_000
RUNNING = "SELECT COUNT(*) FROM sys_load_history WHERE status = 'running'"
PATIENCE = 60


def first_load(run: Run) -> str:
    """etl.py loads every play of the day, once."""
    ran = run.step("etl")
    wanted = len(place.plays(run.place))
    found = count(run)
    run.saw(seconds=ran.seconds)
    expect(found == wanted, f"{found} plays of {wanted}")
    return f"{found} plays in {ran.seconds:.1f}s"


def count(run: Run, where: str = "TRUE") -> int:
    """How many plays are there."""
    with run.session() as cur:
        return warehouse.value(cur, f"SELECT COUNT(*) FROM songplays WHERE {where}")


def audit(run: Run) -> str:
    """etl.py --audit finds nothing wrong."""
    ran = run.step("etl", "--audit")
    return f"{ran.err.count('  ok ')} ok"


def insights(run: Run) -> str:
    """business_insights.py answers every question, and gives the same answers a second time."""
    answers = [run.step("business_insights", "--format", "json") for _ in range(2)]
    run.memory["insights"] = answers[0].out
    run.saw(seconds=[answer.seconds for answer in answers])
    expect(answers[0].out == answers[1].out, "the second answers differ from the first")
    return " and ".join(f"{answer.seconds:.1f}s" for answer in answers)


# --- The same on the local target ---


def same(run: Run) -> str:
    """The star and the insights are those of the same data on the local target, byte by byte."""
    made = run.memory["twin"] = place.twin(run.place)
    for name in ("create_cluster", "create_tables", "etl"):
        ran = place.step(made, name)
        expect(ran.code == 0, f"on the local target: {complaint(ran.err)}")
    compare(run, made)
    answers = place.step(made, "business_insights", "--format", "json").out
    expect(answers == run.memory["insights"], f"insights: {first_difference(run.memory['insights'], answers)}")
    return "5 tables and all insights"


def same_in_the_end(run: Run) -> str:
    """After all deliveries the star is the same as on a local target that got them in one load."""
    made = run.memory["twin"]
    name, song = run.memory["late song"]
    delivered = {name: json.dumps(song), BAD: delivery(run, repaired=True), LATE: late_play(run)}
    for key, text in delivered.items():
        path = made.folder / "data" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ran = place.step(made, "etl")
    expect(ran.code == 0, f"on the local target: {complaint(ran.err)}")
    compare(run, made)
    return "5 tables"


def compare(run: Run, made: place.Place) -> None:
    """Hold the star of the cluster to that of the local target."""
    with run.session() as cur:
        ours = star(cur)
    with made.open() as target, contextlib.closing(target.connect()) as conn, conn.cursor() as cur:
        theirs = star(cur)
    run.saw(rows={table: len(rows) for table, rows in ours.items()}, digests=digests(ours))
    for table, rows in ours.items():
        expect(rows == theirs[table], f"{table}: {first_difference(chr(10).join(rows), chr(10).join(theirs[table]))}")


def star(cur) -> dict[str, list[str]]:
    """The rows of the star as text, in an order of our own: that of the server is not asked for."""
    return {
        table: sorted(map(repr, warehouse.rows(cur, f"SELECT {columns} FROM {table}")))
        for table, columns in COLUMNS.items()
    }


def digests(tables: dict[str, list[str]]) -> dict[str, str]:
    """One digest a table."""
    return {table: hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16] for table, rows in tables.items()}


def first_difference(ours: str, theirs: str) -> str:
    """The first line that is not the same."""
    pairs = zip([*ours.splitlines(), ""], [*theirs.splitlines(), ""], strict=False)
    found = next(((one, other) for one, other in pairs if one != other), ("", ""))
    return f"{found[0]!r} here, {found[1]!r} on the local target"


@contextlib.contextmanager
def unchanged(run: Run):
    """The star stays as it is."""
    with run.session() as cur:
        before = digests(star(cur))
    yield
    with run.session() as cur:
        after = digests(star(cur))
    changed = [table for table in before if before[table] != after[table]]
    expect(not changed, f"{', '.join(changed)} changed")


# --- Further loads ---


def second_load(run: Run) -> str:
    """A second etl.py finds nothing to do."""
    with unchanged(run):
        ran = run.step("etl")
    expect(etl.NOTHING_NEW in ran.err, f"it did something: {complaint(ran.err)}")
    return ""


def audits_find(run: Run) -> str:
    """An audit finds a key without its row, and a row that is there twice, although keys are declared."""
    breaches = {
        "keys_of_plays": "DELETE FROM users WHERE user_id IN (SELECT MIN(user_id) FROM songplays)",
        "unique_dimensions": "INSERT INTO users SELECT * FROM users WHERE user_id IN (SELECT MIN(user_id) FROM users)",
        "unique_plays": "INSERT INTO songplays SELECT * FROM songplays WHERE songplay_id IN "
        "(SELECT MIN(songplay_id) FROM songplays)",
        "songs_and_artists": "DELETE FROM artists WHERE artist_id IN (SELECT MIN(artist_id) FROM songs)",
    }
    queries = {check.name: check.query for check in sql_queries.AUDITS}
    blind = []
    for name, breach in breaches.items():
        with run.session() as cur:
            warehouse.execute(cur, breach)
            if not warehouse.rows(cur, queries[name], {"since": "1970-01-01"})[0][0]:
                blind.append(name)
    expect(not blind, f"nothing was found by {', '.join(blind)}")
    return f"{len(breaches)} breaches found"


def bad_records(run: Run) -> str:
    """A file with three bad records is refused; with --max-errors 3 its good ones are loaded."""
    before = count(run)
    place.put(run.site, BAD, delivery(run).encode())
    with unchanged(run):
        run.saw(refused=publish(run, max_errors=0), left_out=publish(run, max_errors=len(BAD_RECORDS)))
        refused = run.step("etl", code=1)
    expect(f"{storage.bucket_name(run.site)}/{BAD}" in refused.err, f"no file is named: {complaint(refused.err)}")
    ran = run.step("etl", "--max-errors", str(len(BAD_RECORDS)))
    named = re.findall(r"left out: .*", ran.err)
    run.saw(named=named)
    expect(f"{len(BAD_RECORDS)} records left out" in ran.err, f"not left out: {complaint(ran.err)}")
    expect(not any(warehouse.UNNAMED in line for line in named), f"not all are named: {named}")
    added = count(run) - before
    expect(added == GOOD_RECORDS, f"{added} plays of {GOOD_RECORDS} were added")
    return f"{len(named)} records named"


def publish(run: Run, max_errors: int) -> dict:
    """What the server says of a load with bad records, which is rolled back."""
    console = Console(err=io.StringIO())
    with run.place.open() as target, contextlib.closing(target.connect()) as conn:
        sources = load.find_sources(target, console, full=False, consent=False, max_errors=max_errors)
        with conn.cursor() as cur, warehouse.interruptible(conn):
            try:
                load.publish(cur, sources, console)
            except DataError as error:
                cause = refusal(error.__cause__) if error.__cause__ else {}
                run.saw_alike(sqlstate=cause.get("sqlstate"))
                return {**cause, "records": error.detail.splitlines()}
            return {"notices": [notice.strip() for notice in conn.notices if "Load into table" in notice]}


def late_song(run: Run) -> str:
    """Plays that are there get the song that arrives after them."""
    name, song = run.memory["late song"]
    heard = sum(
        (play["song"], play["artist"]) == (song["title"], song["artist_name"]) for play in place.plays(run.place)
    )
    before = count(run, "song_id IS NOT NULL")
    place.put(run.site, name, json.dumps(song).encode())
    run.step("etl")
    matched = count(run, "song_id IS NOT NULL") - before
    expect(matched == heard, f"{matched} plays of {heard} have it")
    return f"{matched} plays"


def changed_object(run: Run) -> str:
    """Of an object that comes in a new version, only the new records are added."""
    before = count(run)
    place.put(run.site, BAD, delivery(run, repaired=True).encode())
    run.step("etl")
    added = count(run) - before
    expect(added == len(BAD_RECORDS), f"{added} plays of {len(BAD_RECORDS)} were added")
    return f"{added} plays"


def delivery(run: Run, *, repaired: bool = False) -> str:
    """Plays of the next day, some of which have a value that does not fit its column."""
    records = [moved(play, DAY_MS) for play in place.plays(run.place)[: GOOD_RECORDS + len(BAD_RECORDS)]]
    if not repaired:
        for record, (key, value) in zip(records, BAD_RECORDS.items(), strict=False):
            record[key] = value
    return lines(records)


def late_play(run: Run) -> str:
    """A play of the day after that."""
    return lines([moved(place.plays(run.place)[0], 2 * DAY_MS)])


def moved(event: dict, by: int) -> dict:
    """The same event at another time."""
    return {**event, "ts": event["ts"] + by}


def lines(records) -> str:
    """Events as a log file has them."""
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)


# --- Loads that do not end ---


def interrupted(run: Run) -> str:
    """Ctrl-C during COPY: exit code 130, and nothing is published."""
    keys = [LARGE.format(number) for number in range(COPIES)]
    day = place.events(run.place)
    many = lines(day * (LINES // len(day)))
    place.put(run.site, keys[0], many.encode())
    place.put_copies(run.site, keys[0], keys[1:])
    try:
        with unchanged(run):
            ran = run.step("etl", code=130, at=lambda process: press_in_copy(run, process))
    finally:
        place.take_away(run.site, keys)
    run.saw(text=ran.err.strip().rpartition("\n")[2], seconds=ran.seconds)
    expect("interrupted: nothing was published" in ran.err, complaint(ran.err))
    return f"after {ran.seconds:.1f}s"


def press_in_copy(run: Run, process) -> None:
    """Wait for the COPY of a load, and press Ctrl-C in it."""
    deadline = time.monotonic() + PATIENCE
    with run.session(autocommit=True) as cur:
        while not warehouse.value(cur, RUNNING):
            expect(process.poll() is None, "the load ended before its COPY was seen")
            expect(time.monotonic() < deadline, "no COPY was seen")
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)


def killed(run: Run) -> str:
    """A load that is killed between COPY and COMMIT leaves nothing, and the next one goes through."""
    before = count(run)
    place.put(run.site, LATE, late_play(run).encode())
    with unchanged(run):
        run.step("tests.aws.live.killed", code=-signal.SIGKILL)
        began = time.monotonic()
        patient = dataclasses.replace(run.settings, lock_timeout=PATIENCE)
        with run.session() as cur:
            locks.lock_loads(cur, patient)
        seconds = time.monotonic() - began
    run.saw(seconds_until_the_lock_is_free=round(seconds, 1))
    run.step("etl")
    added = count(run) - before
    expect(added == 1, f"{added} plays of 1 were added")
    return f"its lock is free after {seconds:.1f}s"
