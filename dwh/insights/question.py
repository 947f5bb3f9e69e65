"""The questions: each is one file in ``questions/``, whose head says what people read. Nothing heavy is imported here.

A head is the comment at the top of the file, up to the first empty line; ``README.md`` beside this file explains it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import sql_queries
from dwh.errors import ConfigError

# What the values of a column are. The first line: the steps of a row, which may be missing in what a statement returns.
STEPS = ("hour", "weekday", "day", "week", "month", "decade")
NUMBERS = ("rank", "count", "number", "ratio", "percent")
KINDS = (*STEPS, *NUMBERS, "text", "level", "moment", "flag", "mark")
# How an answer is finished, printed and drawn; and the kinds of the columns with which such an answer begins.
SHAPES: Mapping[str, tuple[str, ...]] = {
    "facts": (),
    "ranking": ("rank",),
    "series": ("|".join(STEPS),),
    "levels": ("day|week|month", "level", "count"),
    "heat map": ("weekday", "hour", "count"),
    "cohorts": ("week", "number", "count", "count", "percent"),
}
PARAMETERS = ("since", "until", "full_since", "full_until", "limit")
WORDS = ("group", "order", "shape", "things", "measure", "columns", "notes")
FORMULA = re.compile(r"full days|seen in full|seen in part|7-day mean of (\w+)|(\w+) / (?:all )?(\w+)")
HOLE = re.compile(r"\{(days|partial_days|matched|(?:sum|last) (\w+))\}")


@dataclass(frozen=True)
class Column:
    """One column of an answer.

    Args:
        name: as in CSV and JSON.
        kind: one of ``KINDS``; decides type, alignment and format.
        formula: how it is computed from the others; empty when the statement returns it.
        heading: above the column where people read it, and the unit of its figures.
    """

    name: str
    kind: str
    formula: str
    heading: str

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return self.kind in NUMBERS or self.kind in ("hour", "decade", "month")


@dataclass(frozen=True)
class Question:
    """A question that the analytics team asks, and the statement that answers it.

    Args:
        name: for ``--only``, file names and anchors.
        title: the question itself.
        group: where it is in the report's links.
        order: its place among the questions.
        shape: one of ``SHAPES``.
        things: what a ranking ranks, in the plural.
        measure: the name of the column that is drawn.
        columns: of the answer, in order.
        notes: what a reader must know, a sentence each; ``{holes}`` are filled in when it is asked.
        sql: the statement; its parameters are ``PARAMETERS``.
    """

    name: str
    title: str
    group: str
    order: int
    shape: str
    things: str
    measure: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    sql: str

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def measured(self) -> Column:
        """The column that is drawn."""
        return self.column(self.measure)


@cache
def questions() -> tuple[Question, ...]:
    """All the questions, in their order.

    Raises:
        ConfigError: the head of a file cannot be used; it names file and line.
    """
    try:
        files = sql_queries.INSIGHTS
    except UnicodeDecodeError:
        raise ConfigError("a file in dwh/insights/questions is not UTF-8", hint="save it as UTF-8") from None
    return tuple(sorted((read(*file) for file in files.items()), key=lambda question: (question.order, question.name)))


def select(names: Sequence[str]) -> tuple[Question, ...]:
    """The questions of these names, each once, in the order asked for; all of them when none is named.

    Args:
        names: names, or several with commas between them.

    Raises:
        ConfigError: a name is not known.
    """
    by_name = {question.name: question for question in questions()}
    names = [name for text in names for name in text.split(",") if name]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ConfigError(
            f"there is no insight {', '.join(unknown)}{_meant(unknown[0].lower().replace('-', '_'), by_name)}",
            hint="python business_insights.py --list",
        )
    return tuple(by_name[name] for name in dict.fromkeys(names)) or questions()


def read(name: str, text: str) -> Question:
    """The question of a file.

    Args:
        name: of the file, without ``.sql``.
        text: what is in it.

    Raises:
        ConfigError: the head cannot be used; it names file and line.
    """
    head = _Head(name, text)
    shape = head.shape()
    columns = tuple(head.columns())
    names = [column.name for column in columns]
    measure = head.value("measure", "" if shape in ("ranking", "series", "levels", "heat map") else names[-1])
    if measure not in names:
        head.fail(head.line_of("measure"), f"there is no column {measure}{_meant(measure, names)}")
    head.check_kinds(shape, columns)
    head.check_statement()
    things = head.value("things", "" if shape == "ranking" else "rows")
    title, group, order = head.title(), head.value("group"), head.number("order")
    return Question(
        name, title, group, order, shape, things, measure, columns, tuple(head.notes(names)), head.statement
    )


class _Head:
    """The head of a file while it is read: its lines by their key, and what to say of them."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        lines = text.splitlines()
        self._end = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
        self._lines = [line[2:].rstrip() for line in lines[: self._end]]
        self.statement = "\n".join(lines[self._end :]).strip() + "\n"
        self._places: dict[str, int] = {}
        for number, line in enumerate(self._lines[1:], 2):
            if line.startswith(" ") and not line.startswith("  "):
                word = line.partition(":")[0].strip()
                if word not in WORDS:
                    self.fail(number, f"{word!r} is no word of a head{_meant(word, WORDS)}")
                self._places[word] = number

    def fail(self, number: int, what: str) -> None:
        raise ConfigError(
            f"dwh/insights/questions/{self._name}.sql, line {number}: {what}",
            hint="fix the head of that file: dwh/insights/README.md explains it",
        )

    def line_of(self, word: str) -> int:
        return self._places.get(word, 1)

    def title(self) -> str:
        title = self._lines[0].strip() if self._lines else ""
        if not title.endswith("?"):
            self.fail(1, "the first line has to be the question, as a comment that ends with a question mark")
        return title

    def value(self, word: str, default: str = "") -> str:
        place = self._places.get(word)
        value = self._lines[place - 1].partition(":")[2].strip() if place else default
        if not value:
            self.fail(place or 1, f"the head needs {word}: with a value")
        return value

    def shape(self) -> str:
        value = self.value("shape")
        if value not in SHAPES:
            self.fail(self.line_of("shape"), f"there is no shape {value}{_meant(value, SHAPES)}")
        return value

    def number(self, word: str) -> int:
        value = self.value(word)
        if not value.isdecimal():
            self.fail(self.line_of(word), f"{word} has to be a whole number, not {value}")
        return int(value)

    def items(self, word: str) -> Iterator[tuple[int, str]]:
        """The indented lines below a word, with their numbers."""
        for number in range(self._places.get(word, self._end) + 1, self._end + 1):
            line = self._lines[number - 1]
            if not line.startswith("  "):
                return
            yield number, line.strip()

    def columns(self) -> Iterator[Column]:
        seen = set()
        for number, item in self.items("columns"):
            name, what, heading, *more = [*(part.strip() for part in item.split("|")), "", ""]
            kind, _, formula = (part.strip() for part in what.partition("="))
            if kind not in KINDS:
                self.fail(number, f"there is no kind {kind or 'given'}{_meant(kind, KINDS)}")
            if not re.fullmatch(r"[a-z]\w*", name) or name in seen or any(more[:-1]):
                self.fail(
                    number, "a column is: name | kind | heading; each name once, and no heading where it is the name"
                )
            if formula and not FORMULA.fullmatch(formula):
                self.fail(number, f"{formula!r} is no formula")
            seen.add(name)
            yield Column(name, kind, formula, heading or name.replace("_", " "))
        if not seen:
            self.fail(self.line_of("columns"), "the head needs columns: with a line for each")

    def notes(self, names: Sequence[str]) -> Iterator[str]:
        for number, note in self.items("notes"):
            for hole in re.findall(r"\{.*?\}", note):
                known = HOLE.fullmatch(hole)
                if not known or (known[2] and known[2] not in names):
                    self.fail(number, f"{hole} is nothing that can be filled in")
            yield note

    def check_kinds(self, shape: str, columns: Sequence[Column]) -> None:
        expected = SHAPES[shape]
        kinds = [column.kind for column in columns[: len(expected)]]
        if len(kinds) < len(expected) or any(
            kind not in allowed.split("|") for kind, allowed in zip(kinds, expected, strict=True)
        ):
            begins = ", ".join(allowed.replace("|", " or ") for allowed in expected)
            self.fail(self.line_of("columns"), f"the columns of a {shape} begin with: {begins}")

    def check_statement(self) -> None:
        """A parameter that is not there, or a lone ``%``, would fail with a traceback when the question is asked."""
        for number, line in enumerate(self.statement.splitlines(), self._end + 2):
            for found in re.finditer(r"%(?:%|\((\w+)\)s)?", line):
                if found[0] == "%":
                    self.fail(number, "a % in a statement is written %%")
                if found[1] and found[1] not in PARAMETERS:
                    self.fail(number, f"there is no parameter {found[1]}{_meant(found[1], PARAMETERS)}")
        if not re.search(r"^SELECT\b|^WITH\b", self.statement, re.MULTILINE):
            self.fail(self._end + 1, "below the head, after an empty line, has to be a SELECT")


def _meant(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
