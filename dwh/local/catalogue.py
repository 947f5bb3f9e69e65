"""Invented songs, artists and listeners for the sample data. None of them is meant to be real."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any


@cache
def words() -> dict[str, Any]:
    """Word lists; among the artists and titles are some with other alphabets and signs that SQL and shells read."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Artist:
    """One artist as the song files spell it."""

    artist_id: str
    name: str
    location: str
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True)
class Song:
    """One song; ``artist`` may be another spelling of the same artist_id."""

    track_id: str
    song_id: str
    title: str
    artist: Artist
    duration: float
    year: int

    def as_json(self) -> str:
        """The text of its file: ten keys, as the Million Song subset writes them."""
        record = {
            "num_songs": 1,
            "artist_id": self.artist.artist_id,
            "artist_latitude": self.artist.latitude,
            "artist_longitude": self.artist.longitude,
            "artist_location": self.artist.location,
            "artist_name": self.artist.name,
            "song_id": self.song_id,
            "title": self.title,
            "duration": self.duration,
            "year": self.year,
        }
        return json.dumps(record)


def make_songs(rng: Random, count: int) -> list[Song]:
    """A catalogue: a few songs an artist, some artists with many, and the oddities that real ones have."""
    artists = _artists(rng, max(1, count // 4))
    songs: list[Song] = []
    for index in range(count):
        artist = artists[int(len(artists) * rng.random() ** 1.5)]
        title, duration = _title(rng), round(rng.triangular(45, 620, 230), 5)
        if index and rng.random() < 0.01:
            title = songs[-1].title  # a cover: the same title by another artist
        elif index and rng.random() < 0.01:
            # The same title by the same artist, a little longer: a remaster.
            title, artist, duration = songs[-1].title, songs[-1].artist, round(songs[-1].duration + 1.5, 5)
        elif rng.random() < 0.03:
            artist = _another_spelling(rng, artist)
        year = 0 if rng.random() < 0.45 else rng.randint(1958, 2011)
        songs.append(Song(_id(rng, "TRA"), _id(rng, "SO"), title, artist, duration, year))
    return songs


def write_songs(songs: list[Song], folder: Path) -> None:
    """One file a song, in folders named after the letters of its track."""
    for song in songs:
        place = folder.joinpath(*song.track_id[2:5])
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{song.track_id}.json").write_text(song.as_json(), encoding="utf-8")


def falling_weights(count: int, steepness: float) -> list[float]:
    """Cumulative weights of a popularity that falls with the rank, as in Zipf's law."""
    return list(accumulate(1 / (rank + 3) ** steepness for rank in range(count)))


def _artists(rng: Random, count: int) -> list[Artist]:
    found = [_artist(rng, name, location) for name, location in words()["odd_artists"][:count]]
    names = {artist.name for artist in found}
    while len(found) < count:
        name = _band(rng)
        if name not in names:
            names.add(name)
            found.append(_artist(rng, name, _word(rng, "cities") if rng.random() < 0.55 else ""))
    rng.shuffle(found)
    return found


def _artist(rng: Random, name: str, location: str) -> Artist:
    placed = location != "" and rng.random() < 0.8
    latitude = round(rng.uniform(-55, 70), 5) if placed else None
    longitude = round(rng.uniform(-180, 180), 5) if placed else None
    return Artist(_id(rng, "AR"), name, location, latitude, longitude)


def _another_spelling(rng: Random, artist: Artist) -> Artist:
    name = artist.name.removeprefix("The ") if artist.name.startswith("The ") else f"{artist.name} feat. {_band(rng)}"
    location = rng.choice(("", _word(rng, "cities")))
    return Artist(artist.artist_id, name, location, None, None)


def _band(rng: Random) -> str:
    adjective, noun, other = (
        _word(rng, "adjectives"),
        _word(rng, "nouns"),
        _word(rng, "nouns"),
    )
    first, last = rng.choice(words()["first_names"][rng.choice("FM")]), _word(rng, "last_names")
    shapes = (
        f"The {adjective} {_many(noun)}",
        f"{noun} & {other}",
        f"{first} {last}",
        f"{adjective} {noun} Club",
        f"{last} Trio",
    )
    return rng.choice((*shapes, f"{noun} of {_word(rng, 'places')}", f"{first} and the {_many(noun)}"))


def _many(noun: str) -> str:
    """The plural of one of the nouns."""
    if noun.endswith(("s", "x", "ch", "sh")) or noun == "Echo":
        return f"{noun}es"
    return f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"


def _word(rng: Random, kind: str) -> str:
    word: str = rng.choice(words()[kind])
    return word


def _title(rng: Random) -> str:
    if rng.random() < 0.02:
        return _word(rng, "odd_titles")
    adjective, noun, other, place = (
        _word(rng, "adjectives"),
        _word(rng, "nouns"),
        _word(rng, "nouns"),
        _word(rng, "places"),
    )
    shapes = (
        f"{adjective} {noun}",
        f"{noun} and {other}",
        f"The {noun} in {place}",
        f"{adjective} {noun} ({rng.choice(('Live', 'Radio Edit', 'Album Version', 'Demo'))})",
        f"My {adjective} {noun}",
        f"Leaving {place}",
        f"{noun}, {other}",
        f"No More {_many(noun)}",
        f"{place} {noun} Blues",
    )
    return rng.choice(shapes)


def _id(rng: Random, prefix: str) -> str:
    """An identifier of 18 signs, as Echo Nest made them."""
    letters = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=9 - len(prefix)))
    return f"{prefix}{letters}{rng.getrandbits(36):09X}"
