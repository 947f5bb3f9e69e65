"""A statement read from left to right."""

from __future__ import annotations

from dwh.local.redshift.dialect.lexer import Name, Token, Tokens, arguments, closing, take_name
from dwh.local.redshift.errors import syntax


class Reader:
    """Meaningful tokens, read from left to right."""

    def __init__(self, tokens: Tokens, place: int = 0) -> None:
        self.tokens = tokens
        self.place = place

    @property
    def word(self) -> str:
        """The next token in upper case, or nothing at the end."""
        return self.tokens[self.place].upper if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> bool:
        """Step over these words if they come next."""
        ahead = [token.upper for token in self.tokens[self.place : self.place + len(expected)]]
        if ahead != list(expected):
            return False
        self.place += len(expected)
        return True

    def need(self, *expected: str) -> None:
        """Step over these words.

        Raises:
            RedshiftError: something else comes next.
        """
        if not self.take(*expected):
            raise syntax(self.raw)

    @property
    def raw(self) -> str:
        """The next token as it was written."""
        return self.tokens[self.place].text if self.place < len(self.tokens) else ""

    def next(self) -> Token:
        """The next token.

        Raises:
            RedshiftError: there is none.
        """
        if self.place >= len(self.tokens):
            raise syntax("")
        self.place += 1
        return self.tokens[self.place - 1]

    def name(self) -> Name:
        """A table's name."""
        name, self.place = take_name(self.tokens, self.place)
        if name is None:
            raise syntax(self.raw)
        return name

    def inside(self) -> Tokens:
        """What the parentheses that open here hold."""
        if self.word != "(":
            raise syntax(self.raw)
        end = closing(self.tokens, self.place)
        inner = self.tokens[self.place + 1 : end]
        self.place = end + 1
        return inner

    def names(self) -> list[str]:
        """A list of columns in parentheses."""
        found = [part[0].name for part in arguments(self.inside()) if part]
        if not found:
            raise syntax(")")
        return found
