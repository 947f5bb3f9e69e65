"""Redshift SQL cut into tokens, so that rewrites never touch a string, a comment or a quoted name.

Nothing here knows grammar. Joining the texts of all tokens gives the statement back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Redshift reads a backslash in a plain string as an escape, as PostgreSQL 8.0 did (its guide doubles
# every backslash of a pattern); the sessions of the stand-in run with standard_conforming_strings off.
# Names may hold every character that is not ASCII, blanks among them.
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n\r]*|/\*)
    | (?P<string>[eE]?'(?:[^'\\]|''|\\.)*(?:'|\Z))
    | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)
    | (?P<quoted>"(?:[^"]|"")*"?)
    | (?P<number>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>\#?[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)
    | (?P<op>\$\d+|::|<=|>=|<>|!=|!?~~?\*?|\|\||->>?|\#>>?|@>|<@|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
# Rows of nothing but literals behind VALUES: nothing in them is ever rewritten, and
# a thousand rows taken as one token cost a hundredth. (A possessive ``++`` is not tried again in pieces.)
_LITERAL = r"(?:[eE]?'(?:[^'\\]++|''|\\.)*+'|[-+]?\d[\d.]*(?:[eE][+-]?\d+)?|NULL|TRUE|FALSE)(?:::(?:timestamp|date))?"
_ROWS = re.compile(
    rf"(?:\s*\(\s*{_LITERAL}\s*(?:,\s*{_LITERAL}\s*)*\)\s*(?:,|(?=;|\Z)))+", re.IGNORECASE | re.DOTALL | re.ASCII
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL: ``kind`` is space, comment, string, dollar, quoted, number, word, op or rows (of literals)."""

    kind: str
    text: str

    @property
    def upper(self) -> str:
        """The word in upper case; for other kinds the text as it stands."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str:
        """An identifier as Redshift stores it: its ASCII letters in lower case, even when it was quoted."""
        text = self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text
        return text.encode().lower().decode()

    @property
    def value(self) -> str:
        """The content of a string literal."""
        body = self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), body, flags=re.DOTALL)

    @property
    def is_name(self) -> bool:
        """Could this be an identifier?"""
        return self.kind in ("word", "quoted")

    @property
    def is_blank(self) -> bool:
        """Is this a space or a comment?"""
        return self.kind in ("space", "comment")


Tokens = list[Token]


def tokenize(sql: str) -> Tokens:
    """Cut SQL into tokens, spaces and comments among them."""
    tokens: Tokens = []
    position = 0
    while match := _TOKEN.match(sql, position):
        kind, position = str(match.lastgroup), match.end()
        if match[0] == "/*" and kind == "comment":
            position = _end_of_comment(sql, position)
        if kind == "dollar":  # everything up to the same mark is one string
            end = sql.find(match[0], position)
            position = len(sql) if end < 0 else end + len(match[0])
        tokens.append(Token(kind, sql[match.start() : position]))
        if kind == "word" and tokens[-1].upper == "VALUES" and (rows := _ROWS.match(sql, position)):
            tokens.append(Token("rows", rows[0]))
            position = rows.end()
    return tokens


def _end_of_comment(sql: str, place: int) -> int:
    """The place after a comment that began before ``place``: comments nest."""
    depth = 1
    while depth and (mark := _COMMENT_MARK.search(sql, place)):
        depth += 1 if mark[0] == "/*" else -1
        place = mark.end()
    return len(sql) if depth else place


def split(sql: str) -> list[Tokens]:
    """The statements of a string, without their semicolons; empty ones are left out."""
    statements: list[Tokens] = [[]]
    for token in tokenize(sql):
        if token.text == ";" and token.kind == "op":
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if code(statement)]


def code(tokens: Iterable[Token]) -> Tokens:
    """The tokens that mean something: no spaces, no comments."""
    return [token for token in tokens if not token.is_blank]


def render(tokens: Iterable[Token]) -> str:
    """The SQL text of tokens."""
    return "".join(token.text for token in tokens)


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The place of the parenthesis that closes the one at ``opening``; the end if there is none."""
    depth = 0
    for place in range(opening, len(tokens)):
        if tokens[place].kind == "op" and tokens[place].text in "()":
            depth += 1 if tokens[place].text == "(" else -1
            if depth == 0:
                return place
    return len(tokens)


def arguments(tokens: Sequence[Token]) -> list[Tokens]:
    """Tokens cut at the commas that stand outside every parenthesis."""
    parts: list[Tokens] = [[]]
    depth = 0
    for token in tokens:
        if token.kind == "op":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and depth == 0:
                parts.append([])
                continue
        parts[-1].append(token)
    return parts if len(parts) > 1 or code(parts[0]) else []


def blanked(tokens: Iterable[Token]) -> str:
    """The statement in lower case with strings, quoted names and comments emptied, for pattern search."""
    blanks = {"string": "''", "dollar": "''", "quoted": '"q"', "comment": " ", "space": " ", "rows": " (0)"}
    return "".join(blanks.get(token.kind, token.text.lower()) for token in tokens)


def words(tokens: Iterable[Token], count: int) -> list[str]:
    """The first ``count`` meaningful tokens in upper case, padded with empty strings."""
    first = [token.upper for token in tokens if not token.is_blank][:count]
    return first + [""] * (count - len(first))


def word_set(text: str) -> frozenset[str]:
    """A set of words, written in one text."""
    return frozenset(text.split())


def literal(text: str) -> str:
    """A string literal that means the same whatever standard_conforming_strings is."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a table, perhaps with its schema."""

    parts: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The name, quoted for PostgreSQL."""
        return ".".join(map(identifier, self.parts))

    @property
    def table(self) -> str:
        """The last part."""
        return self.parts[-1]


def take_name(tokens: Sequence[Token], start: int) -> tuple[Name | None, int]:
    """Read a dotted name of meaningful tokens at ``start``; gives the place after it."""
    parts: list[str] = []
    place = start
    while place < len(tokens) and tokens[place].is_name:
        parts.append(tokens[place].name)
        place += 1
        if place < len(tokens) and tokens[place].text == ".":
            place += 1
            continue
        break
    return (Name(tuple(parts)), place) if parts else (None, start)


def next_code(tokens: Tokens, place: int) -> int:
    """The place of the next meaningful token, from this one on."""
    while place < len(tokens) and tokens[place].is_blank:
        place += 1
    return place
