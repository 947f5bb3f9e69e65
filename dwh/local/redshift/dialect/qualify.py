"""QUALIFY, which PostgreSQL does not have."""

from __future__ import annotations

from dwh.local.redshift.dialect.clauses import Core, alias, replace, top_level
from dwh.local.redshift.dialect.functions import Rewrite
from dwh.local.redshift.dialect.lexer import Token, Tokens, closing, code, identifier
from dwh.local.redshift.errors import not_supported, syntax

_JOINS = frozenset(("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ON", "USING", "OUTER"))


def qualified(core: Core, rewrite: Rewrite, unknown: frozenset[str]) -> str:
    """QUALIFY as a filter around the query: its condition becomes a column that the outer list leaves out.

    Args:
        core: the query.
        rewrite: makes PostgreSQL's text of tokens.
        unknown: aliases that PostgreSQL did not know in the condition, as it does no alias of the list.
    """
    if any(token.upper == "INTO" for token in code(core.source)):
        raise not_supported("SELECT INTO with QUALIFY")
    inner: list[str] = []
    outer: list[str] = []
    aliases: dict[str, Tokens] = {}
    for number, item in enumerate(core.items):
        stars = _star(item, core.source)
        for relation in stars or ():
            name = f"row {len(inner)}"
            inner.append(f"{relation} AS {identifier(name)}")
            outer.append(f"({identifier(name)}).*")
        if stars is not None:
            continue
        name, expression = alias(item)
        if name and (name in unknown or any(token.upper == "OVER" for token in expression)):
            aliases[name] = [Token("op", "("), *expression, Token("op", ")")]
        label = name or _label(item, number)
        inner.append(f"{rewrite(expression)} AS {identifier(label)}")
        outer.append(identifier(label))
    condition = rewrite(replace(core.qualify, aliases))
    distinct = "DISTINCT " if any(token.upper == "DISTINCT" for token in core.head) else ""
    order, limit = _order_and_limit(core.tail, rewrite)
    return (  # made of rewritten tokens, no values
        f'SELECT {distinct}{", ".join(outer)} FROM (SELECT {", ".join(inner)}, ({condition}) AS "qualify?"'  # noqa: S608
        f'{rewrite(core.source)} {order}) AS "qualified" WHERE "qualify?"{limit}'
    )


def _order_and_limit(tail: Tokens, rewrite: Rewrite) -> tuple[str, str]:
    places = [place for place in top_level(tail) if tail[place].upper in ("LIMIT", "OFFSET")]
    split = places[0] if places else len(tail)
    return rewrite(tail[:split]).rstrip(), (" " + rewrite(tail[split:])) if places else ""


def _label(item: Tokens, number: int) -> str:
    """The name of a column without an alias."""
    words = code(item)
    if words and words[-1].is_name and all(token.is_name or token.text == "." for token in words):
        return words[-1].name
    if len(words) > 2 and words[0].kind == "word" and words[1].text == "(":
        return words[0].name
    return f"?column{number}?"


def _star(item: Tokens, source: Tokens) -> list[str] | None:
    """The relations that ``*`` or ``name.*`` stands for; None for any other item."""
    words = code(item)
    if len(words) == 3 and words[1].text == "." and words[2].text == "*":
        return [identifier(words[0].name)]
    if len(words) != 1 or words[0].text != "*":
        return None
    return [identifier(name) for name in _relations(code(source))]


def _relations(words: Tokens) -> list[str]:
    """The names under which the relations of a FROM clause are known."""
    names: list[str] = []
    place, expect = 0, False
    while place < len(words):
        word = words[place].upper
        if word in ("WHERE", "GROUP", "HAVING"):
            break
        if word in ("USING", "NATURAL"):
            raise not_supported("SELECT * with JOIN USING and QUALIFY", "name the columns")
        if word in ("FROM", "JOIN", ","):
            expect, place = True, place + 1
            continue
        if expect:
            name, place = _relation(words, place)
            names.append(name)
            expect = False
            continue
        place = closing(words, place) + 1 if words[place].text == "(" else place + 1
    return names


def _relation(words: Tokens, place: int) -> tuple[str, int]:
    name = ""
    if words[place].text == "(":
        place = closing(words, place) + 1
    else:
        while place < len(words) and (words[place].is_name or words[place].text == "."):
            name = words[place].name if words[place].is_name else name
            place += 1
            if place < len(words) and words[place].text != "." and words[place - 1].text != ".":
                break
    if place < len(words) and words[place].upper == "AS":
        place += 1
    if place < len(words) and words[place].is_name and words[place].upper not in _JOINS | {"WHERE", "GROUP", "HAVING"}:
        return words[place].name, place + 1
    if not name:
        raise syntax(words[place].text if place < len(words) else "")
    return name, place
