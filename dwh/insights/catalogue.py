"""The insights: their names, questions and columns. Nothing heavy is imported here."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sql_queries
from dwh.errors import ConfigError

# rank, count and number are whole numbers, of which counts have thousands separators; ratio and
# percent are not whole. A month is its first day. A mark is a flag that shows only when it is set.
Kind = Literal["rank", "count", "number", "ratio", "percent", "text", "date", "month", "moment", "flag", "mark"]


@dataclass(frozen=True)
class Column:
    """One column of an insight.

    Args:
        name: as in CSV and JSON.
        kind: what the values are; decides type, alignment and format.
        heading: above the column where people read it; by default the name.
        bar: the values are magnitudes, drawn as a bar beside them.
    """

    name: str
    kind: Kind
    heading: str = ""
    bar: bool = False

    @property
    def title(self) -> str:
        """The heading of the column."""
        return self.heading or self.name.replace("_", " ")


@dataclass(frozen=True)
class Insight:
    """A question that the analytics team asks, and the statement that answers it.

    Args:
        name: for ``--only``, file names and anchors.
        question: the title of its table and chart.
        sql: the statement; its parameters are those of ``Window.parameters``.
        columns: of the answer, in order.
        things: what a ranking ranks, in the plural; empty when it is not a ranking.
        matched_only: plays without a known song are left out.
        chart: it deserves a chart.
    """

    name: str
    question: str
    sql: str
    columns: tuple[Column, ...]
    things: str = ""
    matched_only: bool = False
    chart: bool = False

    @property
    def bar(self) -> Column | None:
        """The column that is drawn as a bar."""
        return next((column for column in self.columns if column.bar), None)


INSIGHTS = (
    Insight(
        "coverage",
        "What do these figures rest on?",
        sql_queries.COVERAGE,
        (
            Column("first_play", "moment"),
            Column("last_play", "moment"),
            Column("plays", "count"),
            Column("matched_plays", "count", "plays of a known song"),
            Column("match_pct", "percent", "share of a known song"),
            Column("users", "count", "listeners"),
            Column("sessions", "count"),
            Column("songs_played", "count", "known songs played"),
            Column("full_days", "count", "days observed in full"),
        ),
    ),
    Insight(
        "top_songs",
        "Which songs are played most?",
        sql_queries.TOP_SONGS,
        (
            Column("rank", "rank", "#"),
            Column("title", "text"),
            Column("artist", "text"),
            Column("plays", "count", bar=True),
            Column("listeners", "count"),
        ),
        things="songs",
        matched_only=True,
        chart=True,
    ),
    Insight(
        "top_artists",
        "Which artists are played most?",
        sql_queries.TOP_ARTISTS,
        (
            Column("rank", "rank", "#"),
            Column("artist", "text"),
            Column("plays", "count", bar=True),
            Column("listeners", "count"),
            Column("songs", "count"),
        ),
        things="artists",
        matched_only=True,
        chart=True,
    ),
    Insight(
        "songs_by_decade",
        "From which decades are the songs, and which are played?",
        sql_queries.SONGS_BY_DECADE,
        (
            Column("decade", "number"),
            Column("songs", "count", "songs known"),
            Column("songs_played", "count"),
            Column("plays", "count", bar=True),
            Column("share_pct", "percent", "share"),
        ),
        matched_only=True,
    ),
    Insight(
        "plays_by_hour",
        "At what hour of the day do people listen?",
        sql_queries.PLAYS_BY_HOUR,
        (
            Column("hour", "number", "hour UTC"),
            Column("plays", "count", bar=True),
            Column("plays_per_day", "ratio", "a day"),
            Column("users", "count", "listeners"),
            Column("share_pct", "percent", "share"),
        ),
        chart=True,
    ),
    Insight(
        "weekday_hour",
        "When in the week do people listen?",
        sql_queries.WEEKDAY_HOUR,
        (
            Column("weekday", "text"),
            Column("hour", "number"),
            Column("plays", "count"),
            Column("days_observed", "count"),
            Column("avg_plays", "ratio"),
        ),
        chart=True,
    ),
    Insight(
        "daily_activity",
        "How much do people listen each day?",
        sql_queries.DAILY_ACTIVITY,
        (
            Column("date", "date"),
            Column("plays", "count", bar=True),
            Column("active_users", "count", "listeners"),
            Column("plays_per_user", "ratio", "each"),
            Column("plays_7d_avg", "ratio", "7-day avg"),
            Column("partial_day", "mark", "partial"),
        ),
        chart=True,
    ),
    Insight(
        "plays_by_level",
        "How do free and paid listening develop?",
        sql_queries.PLAYS_BY_LEVEL,
        (
            Column("date", "date"),
            Column("level", "text"),
            Column("plays", "count"),
            Column("users", "count", "listeners"),
            Column("share_pct", "percent", "share"),
        ),
        chart=True,
    ),
    Insight(
        "listening_by_level",
        "How much do free and paid users listen?",
        sql_queries.LISTENING_BY_LEVEL,
        (
            Column("level", "text"),
            Column("users", "count"),
            Column("plays", "count", bar=True),
            Column("plays_per_user", "ratio", "each"),
            Column("median_plays_per_user", "ratio", "median"),
            Column("sessions_per_user", "ratio", "sessions each"),
            Column("share_pct", "percent", "share"),
        ),
    ),
    Insight(
        "level_changes",
        "How many users change level, as seen in their plays?",
        sql_queries.LEVEL_CHANGES,
        (
            Column("week", "date", "week from"),
            Column("upgrades", "count"),
            Column("downgrades", "count"),
            Column("users", "count"),
        ),
    ),
    Insight(
        "top_listeners",
        "Who listens most, and how much of all listening is theirs?",
        sql_queries.TOP_LISTENERS,
        (
            Column("rank", "rank", "#"),
            Column("user_id", "number", "user"),
            Column("level_now", "text"),
            Column("plays", "count", bar=True),
            Column("sessions", "count"),
            Column("share_pct", "percent", "share"),
            Column("cumulative_pct", "percent", "together"),
        ),
        things="listeners",
    ),
    Insight(
        "sessions",
        "How long is a listening session?",
        sql_queries.SESSIONS,
        (
            Column("level", "text", "level"),
            Column("sessions", "count"),
            Column("users", "count"),
            Column("median_plays", "ratio"),
            Column("p90_plays", "ratio"),
            Column("median_minutes", "ratio", "median min"),
            Column("p90_minutes", "ratio", "p90 min"),
            Column("single_play_pct", "percent", "one play"),
        ),
    ),
    Insight(
        "top_locations",
        "Where do the listeners live?",
        sql_queries.TOP_LOCATIONS,
        (
            Column("rank", "rank", "#"),
            Column("location", "text"),
            Column("users", "count"),
            Column("plays", "count", bar=True),
            Column("plays_per_user", "ratio", "each"),
            Column("share_pct", "percent", "share"),
        ),
        things="locations",
        chart=True,
    ),
    Insight(
        "platforms",
        "With which browsers and systems do people listen?",
        sql_queries.PLATFORMS,
        (
            Column("rank", "rank", "#"),
            Column("browser", "text"),
            Column("os", "text", "system"),
            Column("users", "count"),
            Column("plays", "count", bar=True),
            Column("share_pct", "percent", "share"),
        ),
        things="platforms",
    ),
    Insight(
        "stickiness",
        "How much of a month's audience listens on an average day?",
        sql_queries.STICKINESS,
        (
            Column("month", "month"),
            Column("days_observed", "count", "full days"),
            Column("full_month", "flag"),
            Column("mau", "count", "monthly users"),
            Column("avg_dau", "ratio", "daily users"),
            Column("stickiness_pct", "percent", "stickiness"),
        ),
    ),
    Insight(
        "weekly_retention",
        "Do listeners come back in the weeks after their first play?",
        sql_queries.WEEKLY_RETENTION,
        (
            Column("cohort", "date"),
            Column("week_offset", "number"),
            Column("cohort_size", "count"),
            Column("active", "count"),
            Column("retained_pct", "percent"),
        ),
        chart=True,
    ),
)
NAMES = tuple(insight.name for insight in INSIGHTS)


def select(names: Sequence[str]) -> tuple[Insight, ...]:
    """The insights of these names, each once, in the order asked for; all of them when none is named.

    Args:
        names: names, or several with commas between them.

    Raises:
        ConfigError: a name is not known.
    """
    by_name = {insight.name: insight for insight in INSIGHTS}
    names = [name for text in names for name in text.split(",") if name]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ConfigError(
            f"there is no insight {', '.join(unknown)}{_suggestion(unknown[0])}",
            hint="python business_insights.py --list",
        )
    return tuple(by_name[name] for name in dict.fromkeys(names)) or INSIGHTS


def _suggestion(word: str) -> str:
    close = difflib.get_close_matches(word.lower().replace("-", "_"), NAMES, n=1)
    return f"; did you mean {close[0]}?" if close else ""
