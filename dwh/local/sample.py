"""Sample data of the shape of Sparkify's: event logs and song files, invented, the same for the same seed.

Writes to the folder OUT:
  log_data/YYYY/MM/YYYY-MM-DD-events.json   the events of a day, one a line
  song_data/A/B/C/TR....json                a song
  log_json_path.json                        which key of an event fills which column

Examples:
  python -m dwh.local.sample data
  python -m dwh.local.sample data --users 5000 --events 1000000 --songs 15000 --days 90
  python create_cluster.py --target local --data data
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from dwh.commands import CREATE
from dwh.console import plural
from dwh.errors import ConfigError
from dwh.local import folder as folders
from dwh.local.catalogue import (
    Song,
    falling_weights,
    make_songs,
    words,
    write_songs,
)
from dwh.options import whole_number

DAY_MS = 86_400_000
# Listening over the hours of a day (UTC), and over the days of a week from Monday.
HOURS = (19, 20, 16, 13, 16, 21, 23, 22, 25, 31, 36, 39, 37, 42, 50, 58, 63, 57, 58, 43, 40, 33, 25, 22)
WEEKDAYS = (1.0, 1.05, 1.25, 1.05, 1.2, 0.6, 0.45)

# Part of the plays whose song is in the catalogue.
KNOWN_PLAYS = 0.86
MOST_ITEMS = 130
NULL = "null"

# page: (method, status)
PAGES = {
    "NextSong": ("PUT", 200),
    "Home": ("GET", 200),
    "Login": ("PUT", 307),
    "Logout": ("PUT", 307),
    "Settings": ("GET", 200),
    "Save Settings": ("PUT", 307),
    "Help": ("GET", 200),
    "About": ("GET", 200),
    "Error": ("GET", 404),
    "Upgrade": ("GET", 200),
    "Submit Upgrade": ("PUT", 307),
    "Downgrade": ("GET", 200),
    "Submit Downgrade": ("PUT", 307),
}
WANDERING = ("NextSong", "Home", "Settings", "Help", "About", "Error", "Change")
WANDERING_WEIGHTS = (880, 82, 7, 5, 3, 1, 12)


@dataclass
class User:
    """A listener; the texts are JSON values, ready to be written."""

    user_id: int
    first: str
    last: str
    gender: str
    location: str
    agent: str
    registration: str
    level: str
    busy_until: int = 0


@dataclass(frozen=True)
class Play:
    """What is played; the texts are JSON values."""

    artist: str
    title: str
    duration: float


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a session, ``offset`` milliseconds after its start."""

    page: str
    play: Play | None
    level: str
    signed_in: bool
    offset: int


def generate(
    target: Path,
    *,
    users: int = 100,
    events: int = 8000,
    songs: int = 1500,
    days: int = 30,
    start: date = date(2018, 11, 1),
    seed: int = 1,
) -> int:
    """Write log_data/, song_data/ and log_json_path.json to a new folder.

    Args:
        target: the folder; it must not exist, or be empty.
        users: listeners; the busiest are subscribers.
        events: lines of all logs together.
        songs: files of the catalogue.
        days: days from ``start`` on; a day without events has no file.
        start: the first day (UTC).
        seed: another seed, other data.

    Returns:
        How many log files there are.

    Raises:
        ConfigError: the folder holds something already.
    """
    if target.exists() and any(target.iterdir()):
        raise ConfigError(f"{target} is not empty", hint="name a new folder")
    rng = Random(seed)  # noqa: S311 - to be the same again is the point
    target.mkdir(parents=True, exist_ok=True)
    catalogue = make_songs(rng, songs)
    write_songs(catalogue, target / folders.SONGS)
    shutil.copyfile(folders.STANDARD_JSONPATHS, target / folders.JSONPATHS)
    listening = _Listening(rng, _make_users(rng, users, start), catalogue)
    files = 0
    for day, lines in listening.days(start, _quotas(rng, events, start, days)):
        place = target / folders.LOGS / f"{day:%Y}" / f"{day:%m}"
        place.mkdir(parents=True, exist_ok=True)
        with (place / f"{day:%Y-%m-%d}-events.json").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        files += 1
    return files


class _Listening:
    """Makes the events, one day at a time, so that a million of them need no more memory than a day's."""

    def __init__(self, rng: Random, users: list[User], catalogue: list[Song]) -> None:
        self._rng = rng
        self._users = users
        self._user_weights = falling_weights(len(users), 0.9)
        ranked = [Play(_text(song.artist.name), _text(song.title), song.duration) for song in catalogue]
        rng.shuffle(ranked)
        self._plays = ranked
        self._play_weights = falling_weights(len(ranked), 0.75)
        # What people listen to and the catalogue does not have.
        self._unknown = [
            Play(_text(song.artist.name), _text(song.title), song.duration)
            for song in make_songs(rng, len(ranked) // 2 + 1)
        ]
        self._session = 0

    def days(self, start: date, quotas: list[int]) -> Iterator[tuple[date, list[str]]]:
        """The lines of each day in the order of their time; a session may run past midnight."""
        begin = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1000
        end = begin + len(quotas) * DAY_MS
        later: list[tuple[int, int, str]] = []
        for number, quota in enumerate(quotas):
            midnight = begin + (number + 1) * DAY_MS
            made = later
            wanted = len(made) + quota
            while len(made) < wanted:
                made += self._one_session(midnight - DAY_MS, end, wanted - len(made))
            made.sort()
            later = [event for event in made if event[0] >= midnight]
            lines = [line for ts, _, line in made if ts < midnight]
            if lines:
                yield start + timedelta(days=number), lines

    def _one_session(self, day: int, end: int, most: int) -> list[tuple[int, int, str]]:
        rng = self._rng
        ts = day + rng.choices(range(24), HOURS)[0] * 3_600_000 + rng.randrange(3_600_000)
        user = self._pick_user(ts)
        items = self._items(user, most)
        # The last day's sessions end with it.
        ts -= max(0, ts + items[-1].offset + 1 - end)
        self._session += rng.randint(1, 3)
        user.busy_until = ts + items[-1].offset
        lines = (_line(user, item, number, self._session, ts + item.offset) for number, item in enumerate(items))
        return [(ts + item.offset, self._session, line) for item, line in zip(items, lines, strict=True)]

    def _pick_user(self, ts: int) -> User:
        """Somebody who is not listening already; when all tries fail, on a second device."""
        for _ in range(8):
            user = self._rng.choices(self._users, cum_weights=self._user_weights)[0]
            if user.busy_until < ts:
                break
        return user

    def _items(self, user: User, most: int) -> list[Item]:
        """One session: perhaps a login, then songs with other pages in between, perhaps a logout."""
        rng = self._rng
        mean = 18 if user.level == "paid" else 4
        length = min(most, MOST_ITEMS, 1 + int(rng.expovariate(1 / mean)))
        items: list[Item] = []
        offset = 0
        for page, signed_in in self._pages(user, length):
            play = self._play() if page == "NextSong" else None
            items.append(Item(page, play, user.level, signed_in, offset))
            if page == "Submit Upgrade":
                user.level = "paid"
            elif page == "Submit Downgrade":
                user.level = "free"
            offset += self._pause(play)
        return items

    def _pages(self, user: User, length: int) -> Iterator[tuple[str, bool]]:
        """Page and whether the user is signed in; as many as ``length``."""
        left = length
        for page, signed_in in self._wander(user):
            if not left:
                return
            left -= 1
            yield page, signed_in

    def _wander(self, user: User) -> Iterator[tuple[str, bool]]:
        rng = self._rng
        if rng.random() < 0.09:
            yield from (("Home", False), ("Login", False), ("Home", True))
        elif rng.random() < 0.5:
            yield "Home", True
        while True:
            page = rng.choices(WANDERING, WANDERING_WEIGHTS)[0]
            if page == "Change":
                yield from ((page, True) for page in self._change(user))
            elif page == "Settings" and rng.random() < 0.25:
                yield from (("Settings", True), ("Save Settings", True))
            else:
                yield page, True
            if rng.random() < 0.011:
                yield from (("Logout", True), ("Home", False))
                if rng.random() < 0.2:
                    yield rng.choice(("Help", "About")), False
                yield "Login", False

    def _change(self, user: User) -> list[str]:
        """Looks at the other level, and sometimes takes it."""
        page, taken = ("Upgrade", 0.4) if user.level == "free" else ("Downgrade", 0.03)
        return [page, f"Submit {page}"] if self._rng.random() < taken else [page]

    def _play(self) -> Play:
        rng = self._rng
        if rng.random() < KNOWN_PLAYS:
            return rng.choices(self._plays, cum_weights=self._play_weights)[0]
        return self._unknown[int(len(self._unknown) * rng.random() ** 2)]

    def _pause(self, play: Play | None) -> int:
        """Milliseconds until the next event: the song, unless it is skipped at once."""
        rng = self._rng
        if play and rng.random() > 0.02:
            return int(play.duration * 1000)
        return rng.randrange(200, 900) if play else rng.randrange(1_000, 60_000)


def _make_users(rng: Random, count: int, start: date) -> list[User]:
    """Listeners, the busiest first; those are mostly subscribers."""
    first_day = int(datetime(start.year, start.month, start.day, tzinfo=UTC).timestamp()) * 1000
    return [
        User(
            user_id=number + 2,
            first=_text(rng.choice(words()["first_names"][gender])),
            last=_text(rng.choice(words()["last_names"])),
            gender=_text(gender),
            location=_text(rng.choice(words()["cities"])),
            agent=_text(rng.choice(words()["agents"])),
            registration=f"{first_day - rng.randrange(DAY_MS, 120 * DAY_MS)}.0",
            level="paid" if rng.random() < (0.6 if number < count // 6 else 0.08) else "free",
        )
        for number, gender in enumerate(rng.choices("FM", (5, 4), k=count))
    ]


def _quotas(rng: Random, events: int, start: date, days: int) -> list[int]:
    """How many events begin on each day; they add up."""
    weights = [WEEKDAYS[(start + timedelta(days=number)).weekday()] * rng.uniform(0.75, 1.25) for number in range(days)]
    so_far, quotas = 0.0, [0]
    for weight in weights:
        so_far += weight
        quotas.append(round(events * so_far / sum(weights)))
    return [after - before for before, after in pairwise(quotas)]


def _line(user: User, item: Item, number: int, session: int, ts: int) -> str:
    """One event: 18 keys in the order of the alphabet, null where an anonymous visitor or a page has no value."""
    play, known = item.play, item.signed_in
    method, status = PAGES[item.page]
    return (
        f'{{"artist":{play.artist if play else NULL},"auth":"{"Logged In" if known else "Logged Out"}",'
        f'"firstName":{user.first if known else NULL},"gender":{user.gender if known else NULL},'
        f'"itemInSession":{number},"lastName":{user.last if known else NULL},'
        f'"length":{play.duration if play else NULL},"level":"{item.level}",'
        f'"location":{user.location if known else NULL},"method":"{method}","page":"{item.page}",'
        f'"registration":{user.registration if known else NULL},"sessionId":{session},'
        f'"song":{play.title if play else NULL},"status":{status},"ts":{ts},'
        f'"userAgent":{user.agent if known else NULL},"userId":"{user.user_id if known else ""}"}}\n'
    )


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def generate_once(out: Path) -> None:
    """The usual data in a folder that is not there yet; complete, or not there at all."""
    if out.is_dir():
        return
    draft = out.with_name(f"{out.name}.{os.getpid()}")
    generate(draft)
    try:
        draft.rename(out)
    except OSError:  # another step was faster
        shutil.rmtree(draft)


def main(argv: list[str] | None = None) -> int:
    """Write sample data to a folder; the exit code."""
    purpose, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m dwh.local.sample",
        description=purpose,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write to; new or empty")
    for name, default, meaning in (
        ("users", 100, "listeners"),
        ("events", 8000, "lines of the logs"),
        ("songs", 1500, "songs of the catalogue"),
        ("days", 30, "days of the logs"),
    ):
        parser.add_argument(
            f"--{name}", metavar="N", type=whole_number(1), default=default, help=f"{meaning} (default: {default})"
        )
    first = date(2018, 11, 1)
    parser.add_argument(
        "--start", metavar="DATE", type=date.fromisoformat, default=first, help=f"first day (default: {first})"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="another seed, other data (default: 1)")
    options = vars(parser.parse_args(argv))
    out = options.pop("out")
    try:
        files = generate(out, **options)
    except ConfigError as error:
        parser.exit(error.exit_code, f"error: {error.message}\nhint: {error.hint}\n")
    except OSError as error:
        parser.exit(1, f"error: {error}\n")
    logs = f"{plural(options['events'], 'event')} in {plural(files, 'log file')}"
    print(f"{out}: {logs}, {plural(options['songs'], 'song')}, {folders.JSONPATHS}")
    print(f"Next: {CREATE} --target local --data {shlex.quote(str(out))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
