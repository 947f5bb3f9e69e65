"""Queries: what SELECT has in Redshift and lacks in PostgreSQL (QUALIFY, TOP, aliases used in the same list)."""

from __future__ import annotations

from contextvars import ContextVar

from dwh.local.redshift.dialect import functions, refusals
from dwh.local.redshift.dialect.clauses import alias, cut, replace, top_level
from dwh.local.redshift.dialect.lexer import Token, Tokens, closing, identifier, next_code, render
from dwh.local.redshift.dialect.qualify import qualified
from dwh.local.redshift.errors import not_supported

# Aliases that stand for their expression in the rest of their SELECT list. A column of that name would win, so the
# session first tries without, and names here only what PostgreSQL does not know.
lateral_aliases: ContextVar[frozenset[str]] = ContextVar("lateral_aliases", default=frozenset())

_SET_OPERATORS = frozenset(("UNION", "EXCEPT", "INTERSECT", "MINUS"))


def rewrite(tokens: Tokens) -> str:
    """PostgreSQL's text of any run of Redshift's tokens.

    Raises:
        RedshiftError: it calls a function that Redshift, or the stand-in, does not have.
    """
    output: list[str] = []
    place = 0
    before = ""  # the meaningful token before this one, in upper case
    while place < len(tokens):
        token = tokens[place]
        if token.is_blank:
            output.append(token.text)
            place += 1
            continue
        following = next_code(tokens, place + 1)
        opens = following < len(tokens) and tokens[following].text == "("
        if token.text == "(" and token.kind == "op":
            end = closing(tokens, place)
            inner = tokens[place + 1 : end]
            output.append(f"({rewrite_query(inner)})" if end < len(tokens) else "(" + rewrite(inner))
            place, before = end + 1, ")"
            continue
        if token.kind == "word" and opens and _is_call(token, tokens, before, following):
            end = closing(tokens, following)
            text, place = functions.call(token, tokens, following, end, rewrite)
            output.append(text)
            before = ")"
            continue
        if opens and token.is_name and (token.kind == "quoted" or before == "."):
            refusals.check_hidden(token.name)
            functions.check_window(token.name, tokens, following, closing(tokens, following))
        if token.text == "::":
            text, place = functions.cast_type(tokens, place + 1)
            output.append("::" + text)
        else:
            output.append(_token(token, tokens, following, before))
            place += 1
        before = token.upper
    return "".join(output)


def _is_call(name: Token, tokens: Tokens, before: str, opening: int) -> bool:
    if name.text.lower() in refusals.NO_CALL or before in refusals.BEFORE_TABLE:
        return False
    after = next_code(tokens, closing(tokens, opening) + 1)
    if after < len(tokens) and tokens[after].upper == "AS":  # WITH name (columns) AS (
        beyond = next_code(tokens, after + 1)
        return not (beyond < len(tokens) and tokens[beyond].text == "(")
    return True


def _token(token: Token, tokens: Tokens, following: int, before: str) -> str:
    if schema := _catalogue(token, tokens, following, before):
        return schema
    if token.kind == "quoted" or (token.kind == "word" and token.text.startswith("#")):
        return identifier(token.name)
    after = tokens[following].upper if following < len(tokens) else ""
    if token.kind == "number" and after.isalpha() and tokens[following - 1] is token:
        return f"{token.text} "  # drivers ask with CASE ... THEN 1WHEN
    if token.kind != "word" or before == ".":
        return token.text
    if token.upper == "SYSDATE" and before != "AS":
        return "redshift.sysdate()"
    if token.upper == "APPROXIMATE" and after in ("COUNT", "PERCENTILE_DISC"):
        return ""
    return token.text


def _catalogue(token: Token, tokens: Tokens, following: int, before: str) -> str:
    """The schema of a relation of pg_catalog that is ours: in place of its name, or before it; else nothing."""
    dotted = following < len(tokens) and tokens[following].text == "."
    if dotted and token.text.lower() == "pg_catalog":
        inside = tokens[next_code(tokens, following + 1) :][:1]
        return "redshift" if inside and inside[0].text.lower() in refusals.CATALOGUE else ""
    if not dotted and token.text.lower() in refusals.CATALOGUE and before in ("FROM", "JOIN", ","):
        return f"redshift.{token.text}"
    return ""


def rewrite_query(tokens: Tokens) -> str:
    """PostgreSQL's text of a query, or of any other tokens.

    Raises:
        RedshiftError: something in it is not supported.
    """
    tops = top_level(tokens)
    selects = [place for place in tops if tokens[place].upper == "SELECT"]
    if not selects:
        return rewrite(tokens)
    borders = [place for place in tops if tokens[place].upper in _SET_OPERATORS and place > selects[0]]
    starts = [selects[0], *borders]
    output = [rewrite(tokens[: selects[0]])]
    for start, end in zip(starts, [*borders, len(tokens)], strict=True):
        part = tokens[start:end]
        begin = next((place for place in top_level(part) if part[place].upper == "SELECT"), None)
        if begin is None:
            output.append(rewrite(part))
        else:
            link = [Token("word", "EXCEPT") if token.upper == "MINUS" else token for token in part[:begin]]
            output.append(rewrite(link) + _select(part[begin:], alone=not borders))
    return "".join(output)


def _select(tokens: Tokens, *, alone: bool) -> str:
    core, top = cut(tokens)
    if top is not None and not alone:
        raise not_supported("TOP in a query with UNION, INTERSECT or EXCEPT", "use LIMIT")
    limit = f" LIMIT {top}" if top is not None else ""
    if core.qualify:
        return qualified(core, rewrite, lateral_aliases.get()) + limit
    if lateral_aliases.get() or limit:
        items, known = _laterals(core.items)
        source = rewrite(_with_aliases(core.source, known))
        return f"{render(core.head)} {','.join(items)} {source}{rewrite(core.tail).rstrip()}{limit}"
    return rewrite(tokens)


def _laterals(items: list[Tokens]) -> tuple[list[str], dict[str, Tokens]]:
    """The items of a list, with earlier aliases put in where PostgreSQL does not know them; and these aliases."""
    known: dict[str, Tokens] = {}
    output = []
    for item in items:
        name, expression = alias(item)
        replaced = replace(expression, known) if known else expression
        output.append(rewrite(replaced) + (f" AS {identifier(name)}" if name else ""))
        if name in lateral_aliases.get():
            known[name] = [Token("op", "("), *replaced, Token("op", ")")]
    return output, known


def _with_aliases(source: Tokens, known: dict[str, Tokens]) -> Tokens:
    """FROM and what follows it, with aliases of the list put into WHERE, as queries of Redshift's drivers have them."""
    where = next((place for place in top_level(source) if source[place].upper == "WHERE"), len(source))
    return [*source[:where], *replace(source[where:], known)] if known else source


def aliases_used(tokens: Tokens) -> bool:
    """Could an item of some SELECT list, or QUALIFY, use an alias? Cheap, and wrong only towards yes."""
    words = [token for token in tokens if not token.is_blank]
    if any(token.upper == "QUALIFY" for token in words):
        return True
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
