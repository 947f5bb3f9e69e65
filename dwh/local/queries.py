"""Queries: what SELECT has in Redshift and lacks in PostgreSQL (QUALIFY, TOP, aliases used in the same list)."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from dwh.local.errors import not_supported, syntax
from dwh.local.expressions import rewrite
from dwh.local.lexer import Token, Tokens, arguments, closing, code, identifier, render

# Aliases that stand for their expression in the rest of their SELECT list. A column of that name would win, so the
# session first tries without, and names here only what PostgreSQL does not know.
lateral_aliases: ContextVar[frozenset[str]] = ContextVar("lateral_aliases", default=frozenset())

_SET_OPERATORS = frozenset(("UNION", "EXCEPT", "INTERSECT", "MINUS"))
_TAIL = frozenset(("ORDER", "LIMIT", "OFFSET"))
_JOINS = frozenset(("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ON", "USING", "OUTER"))


def rewrite_query(tokens: Tokens) -> str:
    """PostgreSQL's text of a query, or of any other tokens.

    Raises:
        RedshiftError: something in it is not supported.
    """
    tops = _top_level(tokens)
    selects = [place for place in tops if tokens[place].upper == "SELECT"]
    if not selects:
        return rewrite(tokens)
    borders = [place for place in tops if tokens[place].upper in _SET_OPERATORS and place > selects[0]]
    starts = [selects[0], *borders]
    output = [rewrite(tokens[: selects[0]])]
    for start, end in zip(starts, [*borders, len(tokens)], strict=True):
        part = tokens[start:end]
        begin = next((place for place in _top_level(part) if part[place].upper == "SELECT"), None)
        if begin is None:
            output.append(rewrite(part))
        else:
            link = [Token("word", "EXCEPT") if token.upper == "MINUS" else token for token in part[:begin]]
            output.append(rewrite(link) + _select(part[begin:], alone=not borders))
    return "".join(output)


def _top_level(tokens: Tokens) -> list[int]:
    """The places of the words that stand outside every parenthesis."""
    places, depth = [], 0
    for place, token in enumerate(tokens):
        if token.kind == "op" and token.text in "()":
            depth += 1 if token.text == "(" else -1
        elif token.kind == "word" and depth == 0:
            places.append(place)
    return places


@dataclass
class _Core:
    """One SELECT, cut at its clauses: the words before the list, the list, and the rest."""

    head: Tokens
    items: list[Tokens]
    source: Tokens
    qualify: Tokens
    tail: Tokens


def _select(tokens: Tokens, *, alone: bool) -> str:
    core, top = _cut(tokens)
    if top is not None and not alone:
        raise not_supported("TOP in a query with UNION, INTERSECT or EXCEPT", "use LIMIT")
    limit = f" LIMIT {top}" if top is not None else ""
    if core.qualify:
        return _qualified(core) + limit
    if lateral_aliases.get() or limit:
        items = ",".join(_laterals(core.items))
        return f"{render(core.head)} {items} {rewrite(core.source)}{rewrite(core.tail).rstrip()}{limit}"
    return rewrite(tokens)


def _cut(tokens: Tokens) -> tuple[_Core, str | None]:
    places = _top_level(tokens)
    marks = {"FROM": len(tokens), "QUALIFY": len(tokens), "TAIL": len(tokens)}
    for place in places:
        word = "TAIL" if tokens[place].upper in _TAIL else tokens[place].upper
        if word in marks and marks[word] == len(tokens) and not (word == "QUALIFY" and marks["FROM"] == len(tokens)):
            marks[word] = place
    begin, top = places[0] + 1, None
    words = [place for place in range(begin, len(tokens)) if not tokens[place].is_blank]
    head_end = begin
    for index, place in enumerate(words):
        if tokens[place].upper in ("ALL", "DISTINCT"):
            head_end = place + 1
        elif tokens[place].upper == "TOP" and tokens[words[index + 1]].kind == "number":
            top = tokens[words[index + 1]].text
            tokens = [
                *tokens[:place],
                *(Token("space", " ") for _ in range(words[index + 1] + 1 - place)),
                *tokens[words[index + 1] + 1 :],
            ]
            break
        else:
            break
    end = min(marks["QUALIFY"], marks["TAIL"])
    list_end = min(marks["FROM"], end)
    return (
        _Core(
            head=tokens[:head_end],
            items=arguments(tokens[head_end:list_end]),
            source=tokens[list_end:end],
            qualify=tokens[marks["QUALIFY"] + 1 : marks["TAIL"]] if marks["QUALIFY"] < len(tokens) else [],
            tail=tokens[marks["TAIL"] :],
        ),
        top,
    )


def _alias(item: Tokens) -> tuple[str, Tokens]:
    """The name that a list item gives itself, if any, and the item's expression."""
    words = code(item)
    if len(words) > 2 and words[-2].upper == "AS" and words[-1].is_name:
        split = max(place for place, token in enumerate(item) if token.upper == "AS")
        return words[-1].name, item[:split]
    if (
        len(words) > 1
        and words[-1].is_name
        and (words[-2].is_name or words[-2].text == ")" or words[-2].kind in ("string", "number"))
    ):
        if words[-2].kind == "word" and words[-2].upper in ("NOT", "IS", "AND", "OR", "THEN", "ELSE", "INTERVAL"):
            return "", item
        if words[-1].upper in ("END", "NULL", "TRUE", "FALSE"):
            return "", item
        split = max(place for place, token in enumerate(item) if token is words[-1])
        return words[-1].name, item[:split]
    return "", item


def _laterals(items: list[Tokens]) -> list[str]:
    """The items of a list, with earlier aliases put in where PostgreSQL does not know them."""
    known: dict[str, Tokens] = {}
    output = []
    for item in items:
        name, expression = _alias(item)
        replaced = _replace(expression, known) if known else expression
        output.append(rewrite(replaced) + (f" AS {identifier(name)}" if name else ""))
        if name in lateral_aliases.get():
            known[name] = [Token("op", "("), *replaced, Token("op", ")")]
    return output


def _replace(tokens: Tokens, known: dict[str, Tokens]) -> Tokens:
    """Put expressions in the place of unqualified names."""
    output: Tokens = []
    words = [token for token in tokens if not token.is_blank]
    for index, token in enumerate(words):
        before = words[index - 1].text if index else ""
        after = words[index + 1].text if index + 1 < len(words) else ""
        if token.is_name and token.name in known and before != "." and after not in (".", "("):
            output += known[token.name]
        else:
            output.append(token)
        output.append(Token("space", " "))
    return output


def _qualified(core: _Core) -> str:
    """QUALIFY as a filter around the query: its condition becomes a column that the outer list leaves out."""
    if any(token.upper == "INTO" for token in code(core.source)):
        raise not_supported("SELECT INTO with QUALIFY")
    inner: list[str] = []
    outer: list[str] = []
    windows: dict[str, Tokens] = {}
    for number, item in enumerate(core.items):
        stars = _star(item, core.source)
        for relation in stars or ():
            name = f"row {len(inner)}"
            inner.append(f"{relation} AS {identifier(name)}")
            outer.append(f"({identifier(name)}).*")
        if stars is not None:
            continue
        name, expression = _alias(item)
        if any(token.upper == "OVER" for token in expression) and name:
            windows[name] = [Token("op", "("), *expression, Token("op", ")")]
        label = name or _label(item, number)
        inner.append(f"{rewrite(expression)} AS {identifier(label)}")
        outer.append(identifier(label))
    condition = rewrite(_replace(core.qualify, windows))
    distinct = "DISTINCT " if any(token.upper == "DISTINCT" for token in core.head) else ""
    order, limit = _order_and_limit(core.tail)
    return (  # made of rewritten tokens, no values
        f'SELECT {distinct}{", ".join(outer)} FROM (SELECT {", ".join(inner)}, ({condition}) AS "qualify?"'  # noqa: S608
        f'{rewrite(core.source)} {order}) AS "qualified" WHERE "qualify?"{limit}'
    )


def _order_and_limit(tail: Tokens) -> tuple[str, str]:
    places = [place for place in _top_level(tail) if tail[place].upper in ("LIMIT", "OFFSET")]
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


def aliases_used(tokens: Tokens) -> bool:
    """Could an item of some SELECT list use an alias of an earlier one? Cheap, and wrong only towards yes."""
    words = [token for token in tokens if not token.is_blank]
    names = {
        words[place + 1].name
        for place in range(len(words) - 1)
        if words[place].upper == "AS" and words[place + 1].is_name
    }
    seen: set[str] = set()
    for place, token in enumerate(words):
        if not token.is_name or token.name not in names:
            continue
        if place and words[place - 1].upper == "AS":
            seen.add(token.name)
        elif token.name in seen and not (place and words[place - 1].text == "."):
            return True
    return False
