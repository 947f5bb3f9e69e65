"""Every insight computed a second time, in plain Python from the rows of a star.

Written from the definitions and not from the statements: loops and sets where
those have joins and windows. Rows are tuples in the order of the columns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from statistics import median

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAY = timedelta(days=1)


class Second:
    """The second opinion on a star, for a range of days."""

    def __init__(self, star, since=None, until=None, limit=10):
        self.star = star
        self.limit = limit
        days = [play.start_time.date() for play in star.plays]
        self.edges = (min(days), max(days))
        self.since = max(since or min(days), min(days))
        self.until = min(until or max(days), max(days))
        self.past = sorted(
            (play for play in star.plays if play.start_time.date() <= self.until),
            key=lambda play: (play.start_time, play.songplay_id),
        )
        self.plays = [play for play in self.past if play.start_time.date() >= self.since]
        self.days = []
        day = self.since
        while day <= self.until:
            self.days.append(day)
            day += DAY
        self.full_days = [day for day in self.days if day not in self.edges]

    def rows(self, name):
        return self.session_rows() if name == "sessions" else getattr(self, name)()

    # --- Helpers ---

    def ranked(self, entries):
        """Entries are (sort key, count, cells): rank by count, cut at the limit."""
        entries = sorted(entries, key=lambda entry: entry[0])
        counts = [entry[1] for entry in entries]
        return [(1 + sum(other > count for other in counts), *cells) for _, count, cells in entries][: self.limit]

    def grouped(self, key):
        groups = defaultdict(list)
        for play in self.plays:
            groups[key(play)].append(play)
        return groups

    @staticmethod
    def users(plays):
        return len({play.user_id for play in plays})

    @staticmethod
    def sessions(plays):
        return len({(play.user_id, play.session_id) for play in plays})

    def share(self, plays):
        return 100 * len(plays) / len(self.plays)

    # --- The insights ---

    def coverage(self):
        matched = [play for play in self.plays if play.song_id]
        return [
            (
                self.plays[0].start_time,
                self.plays[-1].start_time,
                len(self.plays),
                len(matched),
                100 * len(matched) / len(self.plays),
                self.users(self.plays),
                self.sessions(self.plays),
                len({play.song_id for play in matched}),
                len(self.full_days),
            )
        ]

    def heard(self, key):
        """The plays of the range by what they were heard as, trailing blanks dropped."""
        chosen = {play.songplay_id for play in self.plays}
        groups = defaultdict(list)
        for play, song, artist in self.star.heard():
            if play.songplay_id in chosen:
                title, name = (song or "").rstrip(" "), (artist or "").rstrip(" ")
                groups[key(title, name)].append((play, title))
        return groups

    def songs_heard(self):
        known = set(self.star.catalogue().values())
        entries = []
        for (title, artist), plays in self.heard(lambda title, artist: (title, artist)).items():
            if title:
                users = self.users([play for play, _ in plays])
                key = (-len(plays), -users, title.encode(), artist.encode())
                cells = (title, artist or "unknown", len(plays), users, (title, artist) in known)
                entries.append((key, len(plays), cells))
        return self.ranked(entries)

    def artists_heard(self):
        entries = []
        for artist, plays in self.heard(lambda title, artist: artist).items():
            if artist:
                users, songs = self.users([play for play, _ in plays]), {title for _, title in plays if title}
                key = (-len(plays), -users, artist.encode())
                entries.append((key, len(plays), (artist, len(plays), users, len(songs))))
        return self.ranked(entries)

    def top_songs(self):
        songs = {song.song_id: song for song in self.star.songs}
        names = {artist.artist_id: artist.name for artist in self.star.artists}
        entries = []
        for song_id, plays in self.grouped(lambda play: play.song_id).items():
            if song_id:
                title, artist = songs[song_id].title, names[songs[song_id].artist_id]
                key = (-len(plays), -self.users(plays), title.encode(), artist.encode(), song_id)
                entries.append((key, len(plays), (title, artist, len(plays), self.users(plays))))
        return self.ranked(entries)

    def top_artists(self):
        names = {artist.artist_id: artist.name for artist in self.star.artists}
        entries = []
        for artist_id, plays in self.grouped(lambda play: play.artist_id).items():
            if artist_id:
                key = (-len(plays), -self.users(plays), names[artist_id].encode(), artist_id)
                cells = (names[artist_id], len(plays), self.users(plays), len({play.song_id for play in plays}))
                entries.append((key, len(plays), cells))
        return self.ranked(entries)

    def songs_by_decade(self):
        counts = Counter(play.song_id for play in self.plays)
        known = defaultdict(list)
        for song in self.star.songs:
            if song.year is not None:
                known[song.year - song.year % 10].append(counts[song.song_id])
        total = sum(map(sum, known.values()))
        rows = []
        for decade in range(min(known), max(known) + 10, 10) if known else []:
            plays = sum(known[decade])
            rows.append(
                (
                    decade,
                    len(known[decade]),
                    sum(count > 0 for count in known[decade]),
                    plays,
                    100 * plays / total if total else None,
                )
            )
        return rows

    def plays_by_hour(self):
        groups = self.grouped(lambda play: play.start_time.hour)
        return [
            (
                hour,
                len(groups[hour]),
                len(groups[hour]) / len(self.days),
                self.users(groups[hour]),
                self.share(groups[hour]),
            )
            for hour in range(24)
        ]

    def weekday_hour(self):
        rows = []
        for number, name in enumerate(WEEKDAYS):
            observed = sum(day.weekday() == number for day in self.full_days)
            for hour in range(24):
                plays = [p for p in self.plays if (p.start_time.weekday(), p.start_time.hour) == (number, hour)]
                full = [play for play in plays if play.start_time.date() in self.full_days]
                rows.append((name, hour, len(plays), observed, len(full) / observed if observed else None))
        return rows

    def daily_activity(self):
        groups = self.grouped(lambda play: play.start_time.date())
        rows = []
        for n, day in enumerate(self.days):
            plays, users = len(groups[day]), self.users(groups[day])
            week = [len(groups[self.days[k]]) for k in range(n - 6, n + 1)] if n >= 6 else None
            rows.append(
                (
                    day,
                    plays,
                    users,
                    plays / users if users else None,
                    sum(week) / 7 if week else None,
                    day in self.edges,
                )
            )
        return rows

    def plays_by_level(self):
        groups = self.grouped(lambda play: (play.start_time.date(), play.level or "unknown"))
        levels = sorted({"free", "paid", *(level for _, level in groups)})
        rows = []
        for day in self.days:
            total = sum(len(groups[day, level]) for level in levels)
            for level in levels:
                plays = groups[day, level]
                rows.append((day, level, len(plays), self.users(plays), 100 * len(plays) / total if total else None))
        return rows

    def listening_by_level(self):
        rows = []
        for level, plays in sorted(self.grouped(lambda play: play.level or "unknown").items()):
            users = self.users(plays)
            middle = float(median(Counter(play.user_id for play in plays).values()))
            rows.append(
                (level, users, len(plays), len(plays) / users, middle, self.sessions(plays) / users, self.share(plays))
            )
        return rows

    def level_changes(self):
        changes = defaultdict(list)
        last = {}
        for play in self.past:
            if play.level is None:
                continue
            step = (last.get(play.user_id), play.level)
            last[play.user_id] = play.level
            if play.start_time.date() >= self.since and step in (("free", "paid"), ("paid", "free")):
                changes[monday(play.start_time.date())].append((step[1], play.user_id))
        return [
            (
                week,
                sum(level == "paid" for level, _ in changes[week]),
                sum(level == "free" for level, _ in changes[week]),
                len({user for _, user in changes[week]}),
            )
            for week in self.weeks()
        ]

    def top_listeners(self):
        now = {user.user_id: user.level for user in self.star.users}
        order = sorted(
            self.grouped(lambda play: play.user_id).items(),
            key=lambda item: (-len(item[1]), -self.sessions(item[1]), item[0]),
        )
        entries, together = [], 0
        for n, (user_id, plays) in enumerate(order):
            together += len(plays)
            sofar = 100 * together / len(self.plays)
            cells = (user_id, now[user_id], len(plays), self.sessions(plays), self.share(plays), sofar)
            entries.append((n, len(plays), cells))
        return self.ranked(entries)

    def sessions_of(self):
        by_level = defaultdict(list)
        for (user_id, _), plays in self.grouped(lambda play: (play.user_id, play.session_id)).items():
            seconds = whole_seconds(plays[-1].start_time) - whole_seconds(plays[0].start_time)
            # Of two levels at the same moment, the first in the alphabet.
            level = min((play.start_time, play.level or "unknown") for play in plays)[1]
            by_level[level].append((user_id, len(plays), seconds / 60))
        return by_level

    def session_rows(self):
        rows = []
        for level, sessions in sorted(self.sessions_of().items()):
            counts, minutes = sorted(s[1] for s in sessions), sorted(s[2] for s in sessions)
            rows.append(
                (
                    level,
                    len(sessions),
                    len({s[0] for s in sessions}),
                    percentile(counts, 0.5),
                    percentile(counts, 0.9),
                    percentile(minutes, 0.5),
                    percentile(minutes, 0.9),
                    100 * counts.count(1) / len(sessions),
                )
            )
        return rows

    def top_locations(self):
        entries = []
        for location, plays in self.grouped(lambda play: play.location or "unknown").items():
            users = self.users(plays)
            key = (-users, -len(plays), location.encode())
            cells = (location, users, len(plays), len(plays) / users, self.share(plays))
            entries.append((key, users, cells))
        return self.ranked(entries)

    def platforms(self):
        entries = []
        for (browser, system), plays in self.grouped(lambda play: platform(play.user_agent)).items():
            key = (-len(plays), -self.users(plays), browser, system)
            entries.append((key, len(plays), (browser, system, self.users(plays), len(plays), self.share(plays))))
        return self.ranked(entries)

    def stickiness(self):
        rows = []
        for month in sorted({day.replace(day=1) for day in self.days}):
            full = [day for day in self.full_days if day.replace(day=1) == month]
            plays = [play for play in self.plays if play.start_time.date().replace(day=1) == month]
            daily = [self.users([play for play in plays if play.start_time.date() == day]) for day in full]
            average = sum(daily) / len(full) if full else None
            users = self.users(plays)
            sticky = 100 * average / users if users and average is not None else None
            following = (month + 31 * DAY).replace(day=1)
            rows.append((month, len(full), len(full) == (following - month).days, users, average, sticky))
        return rows

    def weekly_retention(self):
        first = {}
        for play in self.past:
            first.setdefault(play.user_id, play.start_time.date())
        rows = []
        weeks = self.weeks()
        for cohort in weeks:
            members = {user for user, day in first.items() if monday(day) == cohort and day >= self.since}
            for offset in range(len(weeks)):
                week = cohort + 7 * offset * DAY
                full = [day for day in self.full_days if monday(day) == week]
                # The last day of all is partial: a play on it is no return.
                counted = [
                    p for p in self.past if monday(p.start_time.date()) == week and p.start_time.date() != self.edges[1]
                ]
                active = len(members & {play.user_id for play in counted}) if offset else len(members)
                if offset and not full:
                    active = None
                retained = None if active is None or not members else 100 * active / len(members)
                rows.append((cohort, offset, len(members), active, retained))
        return rows

    def weeks(self):
        return sorted({monday(day) for day in self.days})


def monday(day):
    return day - day.weekday() * DAY


def whole_seconds(moment):
    return (moment.replace(microsecond=0) - datetime(2000, 1, 1)).total_seconds()


def percentile(ordered, part):
    """Between the two nearest values, in proportion."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def platform(agent):
    """Browser and system of a user agent."""
    if not agent:
        return "unknown", "unknown"
    browsers = {
        "MSIE": "Internet Explorer",
        "Trident": "Internet Explorer",
        "Edge/": "Edge",
        "Edg/": "Edge",
        "OPR/": "Opera",
        "Opera": "Opera",
        "Firefox": "Firefox",
        "Chromium": "Chromium",
        "Chrome": "Chrome",
        "Safari": "Safari",
    }
    systems = {
        "iPhone": "iOS",
        "iPad": "iOS",
        "Android": "Android",
        "Windows": "Windows",
        "Mac OS X": "macOS",
        "Macintosh": "macOS",
        "CrOS": "ChromeOS",
        "Linux": "Linux",
    }
    found = [next((name for sign, name in signs.items() if sign in agent), "other") for signs in (browsers, systems)]
    return found[0], found[1]
