"""One SELECT, cut at its clauses."""

from __future__ import annotations

from dataclasses import dataclass

from dwh.local.redshift.dialect.lexer import Token, Tokens, arguments, code

TAIL = frozenset(("ORDER", "LIMIT", "OFFSET"))


def top_level(tokens: Tokens) -> list[int]:
    """The places of the words that stand outside every parenthesis."""
    places, depth = [], 0
    for place, token in enumerate(tokens):
        if token.kind == "op" and token.text in "()":
            depth += 1 if token.text == "(" else -1
        elif token.kind == "word" and depth == 0:
            places.append(place)
    return places


@dataclass
class Core:
    """One SELECT, cut at its clauses: the words before the list, the list, and the rest."""

    head: Tokens
    items: list[Tokens]
    source: Tokens
    qualify: Tokens
    tail: Tokens


def cut(tokens: Tokens) -> tuple[Core, str | None]:
    """The clauses of one SELECT, and the number of its TOP."""
    places = top_level(tokens)
    marks = {"FROM": len(tokens), "QUALIFY": len(tokens), "TAIL": len(tokens)}
    for place in places:
        word = "TAIL" if tokens[place].upper in TAIL else tokens[place].upper
        if word in marks and marks[word] == len(tokens) and not (word == "QUALIFY" and marks["FROM"] == len(tokens)):
            marks[word] = place
    begin, top = places[0] + 1, None
    words = [place for place in range(begin, len(tokens)) if not tokens[place].is_blank]
    head_end = begin
    for index, place in enumerate(words):
        if tokens[place].upper in ("ALL", "DISTINCT"):
            head_end = place + 1
        elif tokens[place].upper == "TOP" and tokens[words[index + 1]].kind == "number":
            after = words[index + 1] + 1
            top = tokens[after - 1].text
            tokens = tokens[:place] + [Token("space", " ")] * (after - place) + tokens[after:]
            break
        else:
            break
    end = min(marks["QUALIFY"], marks["TAIL"])
    list_end = min(marks["FROM"], end)
    return (
        Core(
            head=tokens[:head_end],
            items=arguments(tokens[head_end:list_end]),
            source=tokens[list_end:end],
            qualify=tokens[marks["QUALIFY"] + 1 : marks["TAIL"]] if marks["QUALIFY"] < len(tokens) else [],
            tail=tokens[marks["TAIL"] :],
        ),
        top,
    )


def alias(item: Tokens) -> tuple[str, Tokens]:
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


def replace(tokens: Tokens, known: dict[str, Tokens]) -> Tokens:
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
