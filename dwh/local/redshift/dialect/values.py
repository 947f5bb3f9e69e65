"""Literals that are a whole value of INSERT, UPDATE or MERGE, marked as such.

PostgreSQL gives a bare literal the type of its column, and would read it as JSON where that is SUPER. Redshift keeps a
string; see ``redshift.literal`` in sql/types.sql.
"""

from __future__ import annotations

import re

from dwh.local.redshift.dialect.lexer import Token, Tokens, code

MARK = "redshift.literal "
# Of rows of nothing but literals, each string that no cast follows.
_STRING = re.compile(r"([eE]?'(?:[^'\\]|''|\\.)*')(?!'|\s*::)", re.DOTALL)
# What stands before such a literal in each clause, and after it.
_BEFORE = {"VALUES": ("(", ","), "SET": ("=",), "SELECT": ("SELECT", "ALL", ",")}
_AFTER = {"VALUES": (")", ","), "SET": (",", "FROM", "WHERE", "WHEN", ""), "SELECT": (",", "AS", "FROM", "WHERE", "")}
# Literals of such queries have a type, or need one; that is VARCHAR, which goes into SUPER as a string anyway.
_TYPED = frozenset(("DISTINCT", "UNION", "EXCEPT", "INTERSECT", "MINUS", "GROUP", "ORDER"))


def marked(statement: Tokens) -> Tokens:
    """A statement that writes, with its literals marked."""
    words = code(statement)
    whole = {id(words[place]) for place in _values(words)}
    return [_mark(token) if token.kind == "rows" or id(token) in whole else token for token in statement]


def _mark(token: Token) -> Token:
    if token.kind == "rows":
        return Token("rows", _STRING.sub(rf"{MARK}\1", token.text))
    return Token("literal", MARK + token.text)


def _values(words: Tokens) -> list[int]:
    """The places of strings that are whole values: of VALUES, of SET, and of the list of INSERT's own SELECT."""
    found, depth, clause, inside = [], 0, "", 0
    opening = {"SET"} if words[0].upper != "INSERT" else set() if _typed(words) else {"SELECT"}
    for place, token in enumerate(words):
        if token.kind == "op" and token.text in "()":
            depth += 1 if token.text == "(" else -1
        elif token.upper == "VALUES":
            clause, inside = "VALUES", depth + 1
        elif depth == 0 and token.upper in opening:
            clause, inside = token.upper, 0
        elif depth == 0 and token.upper in ("FROM", "WHERE", "WHEN"):
            clause = ""
        elif token.kind == "string" and clause and depth == inside and _stands_alone(words, place, clause):
            found.append(place)
    return found


def _typed(words: Tokens) -> bool:
    return not _TYPED.isdisjoint(token.upper for token in words)


def _stands_alone(words: Tokens, place: int, clause: str) -> bool:
    if clause == "SET" and words[place - 3].upper not in ("SET", ","):
        return False
    after = words[place + 1].upper if place + 1 < len(words) else ""
    return words[place - 1].upper in _BEFORE[clause] and after in _AFTER[clause]
