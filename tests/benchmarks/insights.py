"""How long the insights take on many plays, on the local target's warehouse.

python tests/benchmarks/insights.py
python tests/benchmarks/insights.py --plays 100000

The plays are the public month of November 2018 made large: as many users and
sessions to the play as there, two plays of three matched to a song.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg2

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "insights"))

import star as stars

import sql_queries
from dwh import insights
from dwh.insights import ask
from dwh.local import bootstrap, postgres, session

LOGIN = {"user": "bench", "password": "Correct-Horse-1", "dbname": "bench"}
SONGS, ARTISTS = 15_000, 9_500
PLAYS_A_USER, PLAYS_A_SESSION = 71, 9
AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/36.0.1985.{} Safari/537.36"
)


class NoAws:
    """Insights read no S3."""

    endpoint_url = ""

    def client(self, service: str) -> Any:
        """Never called."""
        raise NotImplementedError(service)


def make_star(plays: int, seed: int = 1) -> stars.Star:
    """A star with that many plays, the same for the same seed."""
    dice = Random(seed)
    users = max(1, plays // PLAYS_A_USER)
    return stars.Star(
        list(_plays(plays, users, dice)),
        [stars.User(n, "First", "Last", None, "free") for n in range(1, users + 1)],
        [stars.Song(_song(n), f"Title {n}", _artist(n), 1950 + n % 70, 200.0) for n in range(SONGS)],
        [stars.Artist(_artist(n), f"Artist {n}") for n in range(ARTISTS)],
    )


def _plays(plays: int, users: int, dice: Random) -> Iterator[stars.Play]:
    made = visit = 0
    while made < plays:
        visit += 1
        user = 1 + int(users * dice.random() ** 2.5)
        level = "paid" if user % 4 == 0 else "free"
        moment = datetime(2018, 11, 1) + timedelta(seconds=dice.randrange(30 * 86_400 - 40_000))
        for _ in range(min(plays - made, 1 + int(dice.expovariate(1 / (PLAYS_A_SESSION - 1))))):
            level = level if dice.random() > 0.0005 else {"free": "paid", "paid": "free"}[level]
            song = int(SONGS * dice.random() ** 2) if dice.random() < 0.67 else None
            yield stars.Play(
                made,
                moment,
                user,
                level,
                None if song is None else _song(song),
                None if song is None else _artist(song),
                visit % 30_000,
                f"Metropolis-Somewhere {user % 300}, CA",
                AGENT.format(user % 40),
            )
            made += 1
            moment += timedelta(seconds=dice.randrange(120, 400), milliseconds=796)


def _song(number: int) -> str:
    return f"SO{number:016d}"


def _artist(number: int) -> str:
    return f"AR{number % ARTISTS:016d}"


def main() -> int:
    """Measure, and print a line an insight."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plays", type=int, default=1_000_000)
    plays = parser.parse_args().plays
    with tempfile.TemporaryDirectory() as folder:
        port = postgres.free_port()
        server = postgres.create(
            Path(folder) / "home", port=port, user=LOGIN["user"], password=LOGIN["password"], database=LOGIN["dbname"]
        )
        try:
            _fill(port, plays)
            with closing(_connect(port)) as conn, conn.cursor() as cur:
                _measure(cur)
        finally:
            server.destroy()
    return 0


def _connect(port: int) -> session.Connection:
    return session.connect(host=postgres.HOST, port=port, **LOGIN, aws=NoAws(), cluster_identifier="none")


def _fill(port: int, plays: int) -> None:
    with closing(psycopg2.connect(host=postgres.HOST, port=port, **LOGIN)) as plain:
        bootstrap.install(plain)
        with closing(_connect(port)) as conn, conn.cursor() as cur:
            for name in sql_queries.STAR_TABLES:
                cur.execute(sql_queries.CREATE[name])
            conn.commit()
        stars.fill(plain, make_star(plays))
        plain.autocommit = True
        plain.cursor().execute("ANALYZE")


def _measure(cur: Any) -> None:
    began = time.perf_counter()
    window = ask.find_window(cur, None, None)
    survey: dict[str, Any] = {}
    for insight in insights.INSIGHTS:
        started = time.perf_counter()
        answer = ask.answer(cur, insight, window, 10, survey)
        survey = survey or answer.records[0]
        print(f"{insight.name:<20} {time.perf_counter() - started:5.2f} s")
    print(f"{'all':<20} {time.perf_counter() - began:5.2f} s for {survey['plays']:,} plays")


if __name__ == "__main__":
    sys.exit(main())
