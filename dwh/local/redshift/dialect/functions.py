"""Functions and casts: what Redshift calls otherwise than PostgreSQL, or computes otherwise."""

from __future__ import annotations

from collections.abc import Callable

from dwh.local.redshift.dialect import refusals
from dwh.local.redshift.dialect.datatypes import read_type
from dwh.local.redshift.dialect.lexer import (
    Token,
    Tokens,
    arguments,
    closing,
    code,
    literal,
    next_code,
    render,
    word_set,
)
from dwh.local.redshift.errors import RedshiftError, not_supported, syntax

Rewrite = Callable[[Tokens], str]
# Date parts and their abbreviations (guide, "Date parts for date or timestamp functions").
PARTS = {
    alias: part
    for part, aliases in {
        "millennium": "millennia mil mils",
        "century": "centuries c cent cents",
        "decade": "decades dec decs",
        "epoch": "",
        "year": "years y yr yrs",
        "quarter": "quarters qtr qtrs",
        "month": "months mon mons",
        "week": "weeks w",
        "dow": "dayofweek dw weekday",
        "doy": "dayofyear dy yearday",
        "day": "days d",
        "hour": "hours h hr hrs",
        "minute": "minutes m min mins",
        "second": "seconds s sec secs",
        "milliseconds": "millisecond ms msec msecs msecond mseconds millisec millisecs millisecon",
        "microseconds": "microsecond microsec microsecs microsecond usecond useconds us usec usecs",
        "timezone": "",
        "timezone_hour": "",
        "timezone_minute": "",
    }.items()
    for alias in (part, *aliases.split())
}
# Functions of PostgreSQL that Redshift defines otherwise: its versions live in the schema redshift.
REDEFINED = word_set(
    """
    avg concat date_part date_trunc json_serialize pg_get_constraintdef pg_get_indexdef regexp_replace round trunc
    version
    """
)
# Functions whose first argument is a date part, as a word or as a string.
WITH_PART = word_set(
    """
    dateadd date_add datediff date_diff date_part date_trunc
    """
)
RENAMED = {"nvl": "coalesce", "date_add": "dateadd", "date_diff": "datediff", "pow": "power"}


def cast_type(tokens: Tokens, place: int) -> tuple[str, int]:
    """The type after ``::``; gives its text and the place after it."""
    meaningful = [index for index in range(place, len(tokens)) if not tokens[index].is_blank]
    kind, used = read_type([tokens[index] for index in meaningful[:12]], 0, cast=True)
    return kind, meaningful[used - 1] + 1


def call(name: Token, tokens: Tokens, opening: int, end: int, rewrite: Rewrite) -> tuple[str, int]:
    """PostgreSQL's text of a function call.

    Args:
        name: of the function.
        tokens: all of them.
        opening: the place of its opening parenthesis.
        end: that of the closing one.
        rewrite: makes PostgreSQL's text of its arguments.

    Returns:
        The text, and the place after what it stands for.

    Raises:
        RedshiftError: Redshift, or the stand-in, does not have the function.
    """
    word = name.text.lower()
    inner = tokens[opening + 1 : end]
    if word in _MACROS:
        return _MACROS[word](inner, rewrite), end + 1
    refusals.check_function(word)
    if word == "listagg":
        return _listagg(tokens, inner, end, rewrite)
    parts = arguments(inner)
    if word in WITH_PART and parts:
        texts = [literal(date_part(parts[0]))] + [rewrite(part) for part in parts[1:]]
        text = ",".join(texts)
    else:
        text = rewrite(inner)
    if word == "concat" and len(parts) != 2:
        raise RedshiftError("function concat takes two arguments", "42883", hint="use ||")
    target = RENAMED.get(word, name.text)
    return f"{'redshift.' if word in REDEFINED else ''}{target}({text})", end + 1


def date_part(tokens: Tokens) -> str:
    """The name that PostgreSQL has for a date part, given as a word or as a string."""
    words = code(tokens)
    if len(words) != 1 or words[0].kind not in ("word", "string", "quoted"):
        raise syntax(words[0].text if words else "")
    name = words[0].value.lower() if words[0].kind == "string" else words[0].name
    if name not in PARTS:
        raise RedshiftError(f'timestamp units "{name}" not recognized', "22023")
    return PARTS[name]


def _extract(inner: Tokens, rewrite: Rewrite) -> str:
    words = code(inner)
    if len(words) < 3 or words[1].upper != "FROM":
        raise syntax(words[1].text if len(words) > 1 else "")
    split = next(place for place, token in enumerate(inner) if token.upper == "FROM")
    return f"redshift.extract({literal(date_part(inner[:split]))},{rewrite(inner[split + 1 :])})"


def _cast(inner: Tokens, rewrite: Rewrite) -> str:
    depth, split = 0, -1
    for place, token in enumerate(inner):
        depth += (token.text == "(") - (token.text == ")") if token.kind == "op" else 0
        if depth == 0 and token.upper == "AS":
            split = place
    if split < 0:
        raise syntax(")")
    kind, used = cast_type(inner, split + 1)
    if code(inner[used:]):
        raise syntax(code(inner[used:])[0].text)
    return f"CAST({rewrite(inner[:split])} AS {kind})"


def _convert(inner: Tokens, rewrite: Rewrite) -> str:
    parts = arguments(inner)
    if len(parts) != 2:
        raise syntax(")")
    kind, _ = cast_type(parts[0], 0)
    return f"CAST({rewrite(parts[1])} AS {kind})"


def _nvl2(inner: Tokens, rewrite: Rewrite) -> str:
    parts = [rewrite(part) for part in arguments(inner)]
    if len(parts) != 3:
        raise RedshiftError("function nvl2 takes three arguments", "42883")
    return f"CASE WHEN ({parts[0]}) IS NOT NULL THEN {parts[1]} ELSE {parts[2]} END"


def _decode(inner: Tokens, rewrite: Rewrite) -> str:
    """DECODE finds a NULL by a NULL, unlike CASE."""
    parts = [rewrite(part) for part in arguments(inner)]
    if len(parts) < 3:
        raise RedshiftError("function decode takes three arguments or more", "42883")
    subject, rest = parts[0], parts[1:]
    pairs = [(rest[place], rest[place + 1]) for place in range(0, len(rest) - 1, 2)]
    whens = " ".join(f"WHEN ({subject}) IS NOT DISTINCT FROM ({found}) THEN {result}" for found, result in pairs)
    default = f" ELSE {rest[-1]}" if len(rest) % 2 else ""
    return f"CASE {whens}{default} END"


_MACROS: dict[str, Callable[[Tokens, Rewrite], str]] = {
    "extract": _extract,
    "cast": _cast,
    "convert": _convert,
    "nvl2": _nvl2,
    "decode": _decode,
}


def _listagg(tokens: Tokens, inner: Tokens, end: int, rewrite: Rewrite) -> tuple[str, int]:
    """LISTAGG skips NULLs and empty strings; its order stands behind it, and in PostgreSQL within."""
    parts = arguments(inner)
    if not 1 <= len(parts) <= 2:
        raise syntax(")")
    value = code(parts[0])
    distinct = value[0].upper == "DISTINCT"
    text = rewrite(value[1:] if distinct else parts[0])
    text = f"NULLIF(CAST(({text.strip()}) AS varchar), '')"
    separator = rewrite(parts[1]) if len(parts) > 1 else "''"
    order, place = _within_group(tokens, end + 1)
    if order and distinct:
        by = " ".join(token.text for token in order).removesuffix(" ASC").removesuffix(" asc")
        if by != " ".join(token.text for token in value[1:]):
            raise not_supported("LISTAGG(DISTINCT x) ordered by anything but x")
        ordering = f" ORDER BY {text}"
    else:
        ordering = f" ORDER BY {rewrite(_with_spaces(order))}" if order else ""
    return f"redshift.listagg_fits(string_agg({'DISTINCT ' if distinct else ''}{text}, {separator}{ordering}))", place


def _with_spaces(tokens: Tokens) -> Tokens:
    return [piece for token in tokens for piece in (token, Token("space", " "))]


def _within_group(tokens: Tokens, place: int) -> tuple[Tokens, int]:
    start = next_code(tokens, place)
    if start >= len(tokens) or tokens[start].upper != "WITHIN":
        if start < len(tokens) and tokens[start].upper == "OVER":
            raise not_supported("LISTAGG as a window function")
        return [], place
    group = next_code(tokens, start + 1)
    opening = next_code(tokens, group + 1)
    end = closing(tokens, opening)
    inside = code(tokens[opening + 1 : end])
    if [token.upper for token in inside[:2]] != ["ORDER", "BY"]:
        raise syntax(render(inside[:1]))
    after = next_code(tokens, end + 1)
    if after < len(tokens) and tokens[after].upper == "OVER":
        raise not_supported("LISTAGG as a window function")
    return inside[2:], end + 1
