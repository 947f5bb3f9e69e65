"""The questions: each is one file in ``questions/``, whose head says what people read. Nothing heavy is imported here.

A head is the comment at the top of the file, up to the first empty line; ``README.md`` beside this file explains it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import sql_queries
from dwh.errors import ConfigError
from dwh.text import did_you_mean

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
# Formulas that look at the time of a row: the kind that its first column has to have.
NEEDS = {"seen in full": ("week", "month"), "seen in part": ("day",), "7-day mean": ("day",)}
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
            f"there is no insight {', '.join(unknown)}{did_you_mean(unknown[0].lower().replace('-', '_'), by_name)}",
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
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    try:
        head = _words(lines[:end])
        shape = _value(head, "shape")
        if shape not in SHAPES:
            raise _WrongError(head["shape"][0], f"there is no shape {shape}{did_you_mean(shape, SHAPES)}")
        columns = _columns(head, shape)
        question = Question(
            name=name,
            title=lines[0][2:].strip(),
            group=_value(head, "group"),
            order=_number(head, "order"),
            shape=shape,
            things=_value(head, "things", "" if shape == "ranking" else "rows"),
            measure=_measure(head, shape, columns),
            columns=columns,
            notes=_notes(head, columns),
            sql=_statement(lines, end),
        )
    except _WrongError as wrong:
        raise ConfigError(
            f"dwh/insights/questions/{name}.sql, line {wrong.line}: {wrong}",
            hint="fix the head of that file: dwh/insights/README.md explains it",
        ) from None
    return question


class _WrongError(Exception):
    """What is wrong in a file, and in which line of it."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


# The words of a head: the number of the line, the value, and the indented lines below it with theirs.
_Head = dict[str, tuple[int, str, list[tuple[int, str]]]]


def _words(lines: Sequence[str]) -> _Head:
    if not lines or not lines[0].endswith("?"):
        raise _WrongError(1, "the first line has to be the question, as a comment that ends with a question mark")
    head: _Head = {word: (1, "", []) for word in WORDS}
    items: list[tuple[int, str]] = []
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("--   "):
            items.append((number, line[5:].strip()))
        elif line != "--":
            word, _, value = (part.strip() for part in line[2:].partition(":"))
            if word not in WORDS:
                raise _WrongError(number, f"{word!r} is no word of a head{did_you_mean(word, WORDS)}")
            items = []
            head[word] = (number, value, items)
    return head


def _value(head: _Head, word: str, default: str = "") -> str:
    number, value, _ = head[word]
    if not (value or default):
        raise _WrongError(number, f"the head needs {word}: with a value")
    return value or default


def _number(head: _Head, word: str) -> int:
    value = _value(head, word)
    if not value.isdecimal():
        raise _WrongError(head[word][0], f"{word} has to be a whole number, not {value}")
    return int(value)


def _columns(head: _Head, shape: str) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    for number, item in head["columns"][2]:
        name, what, heading, *more = [*(part.strip() for part in item.split("|")), "", ""]
        kind, _, formula = (part.strip() for part in what.partition("="))
        if kind not in KINDS:
            raise _WrongError(number, f"there is no kind {kind or 'given'}{did_you_mean(kind, KINDS)}")
        if not re.fullmatch(r"[a-z]\w*", name) or name in found or any(more[:-1]):
            raise _WrongError(number, "a column is: name | kind | heading; each name once, a heading where it differs")
        if formula and not FORMULA.fullmatch(formula):
            raise _WrongError(number, f"{formula!r} is no formula")
        first = next(iter(found.values()), None)
        if (needs := NEEDS.get(formula.partition(" of ")[0])) and (first is None or first.kind not in needs):
            raise _WrongError(number, f"{formula} needs a first column of kind {' or '.join(needs)}")
        found[name] = Column(name, kind, formula, heading or name.replace("_", " "))
    begins, kinds = SHAPES[shape] or ("|".join(KINDS),), [column.kind for column in found.values()]
    if len(kinds) < len(begins) or not all(kind in of.split("|") for kind, of in zip(kinds, begins, strict=False)):
        told = ", ".join(of.replace("|", " or ") for of in begins) if SHAPES[shape] else "any"
        raise _WrongError(head["columns"][0], f"the columns of a {shape} begin with: {told}")
    return tuple(found.values())


def _measure(head: _Head, shape: str, columns: Sequence[Column]) -> str:
    names = [column.name for column in columns]
    measure = _value(head, "measure", names[-1] if shape in ("facts", "cohorts") else "")
    if measure not in names:
        raise _WrongError(head["measure"][0], f"there is no column {measure}{did_you_mean(measure, names)}")
    return measure


def _notes(head: _Head, columns: Sequence[Column]) -> tuple[str, ...]:
    names = [column.name for column in columns]
    for number, note in head["notes"][2]:
        for hole in re.findall(r"\{.*?\}", note):
            known = HOLE.fullmatch(hole)
            if not known or (known[2] and known[2] not in names):
                raise _WrongError(number, f"{hole} is nothing that can be filled in")
    return tuple(note for _, note in head["notes"][2])


def _statement(lines: Sequence[str], end: int) -> str:
    """What is below the head. A parameter that is not there, or a lone ``%``, would fail with a traceback later."""
    for number, line in enumerate(lines[end:], end + 1):
        for found in re.finditer(r"%(?:%|\((\w+)\)s)?", line):
            if found[0] == "%":
                raise _WrongError(number, "a % in a statement is written %%")
            if found[1] and found[1] not in PARAMETERS:
                raise _WrongError(number, f"there is no parameter {found[1]}{did_you_mean(found[1], PARAMETERS)}")
    statement = "\n".join(lines[end:]).strip() + "\n"
    if not re.search(r"^(SELECT|WITH)\b", statement, re.MULTILINE):
        raise _WrongError(end + 1, "below the head, after an empty line, has to be a SELECT")
    return statement
