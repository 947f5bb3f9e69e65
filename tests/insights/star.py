"""The star as plain Python rows: how tests make one, read one from the public data, and store one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

LOADED = datetime(2018, 12, 1, 6, 30, 15)


class Play(NamedTuple):
    """One row of songplays."""

    songplay_id: int
    start_time: datetime
    user_id: int
    level: str | None
    song_id: str | None = None
    artist_id: str | None = None
    session_id: int = 1
    location: str | None = None
    user_agent: str | None = None


class User(NamedTuple):
    """One row of users."""

    user_id: int
    first_name: str
    last_name: str
    gender: str | None
    level: str


class Song(NamedTuple):
    """One row of songs."""

    song_id: str
    title: str
    artist_id: str
    year: int | None
    duration: float


class Artist(NamedTuple):
    """One row of artists."""

    artist_id: str
    name: str
    location: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass
class Star:
    """The rows of the five tables, and the texts of plays as they were heard; time follows from the plays.

    A play whose text is not given was heard as its song is called in the catalogue, or as "Unknown" by "Nobody".
    """

    plays: list[Play] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    songs: list[Song] = field(default_factory=list)
    artists: list[Artist] = field(default_factory=list)
    texts: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)

    def heard(self) -> list[tuple[Play, str | None, str | None]]:
        """Every play with song and artist as the logs call them."""
        called = self.catalogue()
        return [
            (play, *self.texts.get(play.songplay_id, called.get(play.song_id or "", ("Unknown", "Nobody"))))
            for play in self.plays
        ]

    def catalogue(self) -> dict[str, tuple[str, str]]:
        """Title and artist of each song."""
        names = {artist.artist_id: artist.name for artist in self.artists}
        return {song.song_id: (song.title, names[song.artist_id]) for song in self.songs}

    def ledger(self) -> list[tuple[Any, ...]]:
        """The rows of load_plays."""
        return [
            (play.songplay_id, play.user_id, play.session_id, play.start_time, play.songplay_id, song, artist, 200.0, 1)
            for play, song, artist in self.heard()
        ]

    def spellings(self) -> list[tuple[Any, ...]]:
        """The rows of load_songs."""
        called = self.catalogue()
        return [
            (
                song.song_id,
                song.title,
                song.artist_id,
                song.year,
                song.duration,
                called[song.song_id][1],
                *[None] * 3,
                1,
            )
            for song in self.songs
        ]

    def time_rows(self) -> list[tuple[Any, ...]]:
        """One row a distinct start_time; weekday 0 is Sunday."""
        moments = sorted({play.start_time for play in self.plays})
        return [(t, t.hour, t.day, t.isocalendar().week, t.month, t.year, t.isoweekday() % 7) for t in moments]


def fill(connection: Any, star: Star) -> None:
    """Replace what the tables hold, on a plain connection: its COPY also fills IDENTITY columns."""
    rows: dict[str, Sequence[Iterable[Any]]] = {
        "songplays": star.plays,
        "users": star.users,
        "songs": star.songs,
        "artists": star.artists,
        "time": star.time_rows(),
        "load_plays": star.ledger(),
        "load_songs": star.spellings(),
        "load_history": [(7, LOADED, "songplays", "inserted", len(star.plays), None)],
    }
    with connection.cursor() as cursor:
        for table, values in rows.items():
            cursor.execute(f"DELETE FROM {table}")
            cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO("".join(_line(row) for row in values)))
    connection.commit()


def _line(row: Iterable[Any]) -> str:
    return "\t".join(_field(value) for value in row) + "\n"


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    for character, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, escaped)
    return text


def read_sparkify(folder: Path) -> Star:
    """The star of the public data, built without the warehouse."""
    songs, artists = _read_songs(folder)
    by_name = {(song.title, artist.name): song for song, artist in songs}
    events = [
        json.loads(line)
        for file in sorted(folder.glob("log_data/**/*.json"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    events.sort(key=lambda event: (event["ts"], event["sessionId"], event["itemInSession"]))
    star = Star(songs=[song for song, _ in songs], artists=artists)
    users: dict[int, User] = {}
    for event in events:
        if event["userId"]:
            user_id = int(event["userId"])
            users[user_id] = User(user_id, event["firstName"], event["lastName"], event["gender"], event["level"])
        if event["page"] == "NextSong":
            star.texts[len(star.plays)] = event["song"], event["artist"]
            star.plays.append(_play(len(star.plays), event, by_name.get((event["song"], event["artist"]))))
    star.users = list(users.values())
    return star


def _read_songs(folder: Path) -> tuple[list[tuple[Song, Artist]], list[Artist]]:
    songs, artists = {}, {}
    for file in sorted(folder.glob("song_data/**/*.json")):
        row = json.loads(file.read_text(encoding="utf-8"))
        artist = Artist(row["artist_id"], row["artist_name"])
        artists.setdefault(artist.artist_id, artist)
        song = Song(row["song_id"], row["title"], artist.artist_id, row["year"] or None, row["duration"])
        songs.setdefault(song.song_id, (song, artist))
    return list(songs.values()), list(artists.values())


def _play(number: int, event: dict[str, Any], song: Song | None) -> Play:
    return Play(
        number,
        datetime.fromtimestamp(event["ts"] / 1000, UTC).replace(tzinfo=None),
        int(event["userId"]),
        event["level"],
        song and song.song_id,
        song and song.artist_id,
        event["sessionId"],
        event["location"],
        event["userAgent"],
    )
