"""How evenly each candidate DISTKEY of songplays would spread the plays over the slices of a cluster.

    python tests/benchmarks/skew.py DATA [--slices 32]

DATA is a folder with log_data/, such as `python -m dwh.local.sample` makes. Redshift does not say how it
hashes; any even hash gives these figures, since what makes a slice heavy is heavy keys. Skew is the fullest
slice against the average one: a query waits for the fullest (1.00 is even). NULL is one key of one slice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

# What a column of songplays is made of; a play finds its song by title and artist.
KEYS = ("user_id", "start_time", "session_id", "song_id", "artist_id", "level", "location")


class Event(msgspec.Struct):
    """What skew depends on."""

    page: str | None = None
    userId: str | None = None
    ts: int | None = None
    sessionId: int | None = None
    song: str | None = None
    artist: str | None = None
    level: str | None = None
    location: str | None = None


def catalogue(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Title and artist name -> song_id and artist_id."""
    found = {}
    for path in folder.rglob("*.json"):
        song = json.loads(path.read_bytes())
        found[song["title"], song["artist_name"]] = song["song_id"], song["artist_id"]
    return found


def plays(data: Path) -> Iterator[tuple[Any, ...]]:
    """The keys of every play, in the order of KEYS."""
    songs = catalogue(data / "song_data")
    decoder = msgspec.json.Decoder(Event)
    for path in sorted((data / "log_data").rglob("*.json")):
        for event in decoder.decode_lines(path.read_bytes()):
            if event.page == "NextSong":
                song, artist = songs.get((event.song, event.artist), (None, None))
                yield event.userId, event.ts, event.sessionId, song, artist, event.level, event.location


def slice_of(value: Any, slices: int) -> int:
    """The slice that a key goes to."""
    digest = hashlib.blake2b(repr(value).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % slices


def main() -> None:
    """Count, and print a line a key."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--slices", type=int, default=32)
    asked = parser.parse_args()
    counters: list[Counter[Any]] = [Counter() for _ in KEYS]
    total = 0
    for found in plays(asked.data):
        total += 1
        for counter, value in zip(counters, found, strict=True):
            counter[value] += 1
    print(f"{total:,} plays over {asked.slices} slices\n\n| DISTKEY | keys | NULL | largest key | skew |")
    print("| --- | --- | --- | --- | --- |")
    for name, counter in zip(KEYS, counters, strict=True):
        filled = [0] * asked.slices
        for value, count in counter.items():
            filled[slice_of(value, asked.slices)] += count
        largest = max(counter.values()) / total
        skew = max(filled) * asked.slices / total
        empty = counter[None] / total
        print(f"| {name} | {len(counter):,} | {empty:.1%} | {largest:.2%} | {skew:.2f} |", flush=True)


if __name__ == "__main__":
    main()
