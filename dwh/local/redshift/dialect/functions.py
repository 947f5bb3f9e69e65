"""Functions and casts: what Redshift calls otherwise than PostgreSQL, or computes otherwise."""

from __future__ import annotations

from collections.abc import Callable

from dwh.local.redshift.dialect import refusals
from dwh.local.redshift.dialect.clauses import top_level
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
    words,
)
from dwh.local.redshift.errors import RedshiftError, not_supported, refused, syntax

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
    avg chr concat date_part date_trunc exp initcap json_serialize ln log lower pg_get_constraintdef pg_get_indexdef pow
    power quote_literal regexp_count regexp_instr regexp_replace regexp_substr round split_part sqrt stddev stddev_pop
    stddev_samp to_char to_date to_number to_timestamp trunc upper var_pop var_samp variance version
    """
)
# Functions whose first argument is a date part, as a word or as a string.
WITH_PART = word_set(
    """
    dateadd date_add datediff date_diff date_part date_trunc
    """
)
# Functions that may be told, last, that what is no JSON is NULL.
NULL_IF_INVALID = word_set("json_extract_path_text json_extract_array_element_text json_array_length")
# Window functions that need a frame where they have an ORDER BY (guide, "Window function syntax summary").
FRAMED = word_set(
    """
    avg bit_and bit_or bool_and bool_or count first_value last_value max min nth_value stddev stddev_pop stddev_samp
    sum var_pop var_samp variance
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
    if word in _WITH_WINDOW:
        return _WITH_WINDOW[word](tokens, inner, end, rewrite)
    parts = arguments(inner)
    check_window(word, tokens, opening, end)
    if word in NULL_IF_INVALID and len(parts) > 1 and (last := words(parts[-1], 2)) in (["TRUE", ""], ["FALSE", ""]):
        document, *others = map(rewrite, parts[:-1])
        text = ",".join([f"redshift.if_json({document})" if last[0] == "TRUE" else document, *others])
    elif word in WITH_PART and parts:
        texts = [literal(date_part(parts[0]))] + [rewrite(part) for part in parts[1:]]
        text = ",".join(texts)
    else:
        text = rewrite(inner)
    if word == "concat" and len(parts) != 2:
        raise RedshiftError("function concat takes two arguments", "42883", hint="use ||")
    target = RENAMED.get(word, name.text)
    return f"{'redshift.' if word in REDEFINED else ''}{target}({text})", end + 1


def check_window(word: str, tokens: Tokens, opening: int, end: int) -> None:
    """Refuse what Redshift's windows do not have (its words: tidyverse/dplyr#962, OHDSI/Achilles#232).

    Args:
        word: the name of the function.
        tokens: all of them.
        opening: the place of its opening parenthesis.
        end: that of the closing one.

    Raises:
        RedshiftError: saying what.
    """
    window, _ = _clause(tokens, end + 1, "OVER")
    if window is None:
        return
    if word in ("lag", "lead") and len(arguments(tokens[opening + 1 : end])) > 2:
        raise RedshiftError(f"Default parameter not be supported for window function {word}", "0A000", hint="use NVL")
    inside = {token.upper for token in window}
    if "ORDER" in inside and word == "median":
        raise refused("ORDER BY in the window of MEDIAN")
    if "ORDER" in inside and word in FRAMED and "ROWS" not in inside:
        message = "Aggregate window functions with an ORDER BY clause require a frame clause"
        raise RedshiftError(message, "0A000", hint="such as ROWS UNBOUNDED PRECEDING: Redshift has no RANGE")


def date_part(tokens: Tokens) -> str:
    """The name that PostgreSQL has for a date part, given as a word or as a string."""
    meant = code(tokens)
    if len(meant) != 1 or meant[0].kind not in ("word", "string", "quoted"):
        raise syntax(meant[0].text if meant else "")
    name = meant[0].value.lower() if meant[0].kind == "string" else meant[0].name
    if name not in PARTS:
        raise RedshiftError(f'timestamp units "{name}" not recognized', "22023")
    return PARTS[name]


def _extract(inner: Tokens, rewrite: Rewrite) -> str:
    meant = code(inner)
    if len(meant) < 3 or meant[1].upper != "FROM":
        raise syntax(meant[1].text if len(meant) > 1 else "")
    split = next(place for place, token in enumerate(inner) if token.upper == "FROM")
    return f"redshift.extract({literal(date_part(inner[:split]))},{rewrite(inner[split + 1 :])})"


def _cast(inner: Tokens, rewrite: Rewrite) -> str:
    split = max((place for place in top_level(inner) if inner[place].upper == "AS"), default=-1)
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
    if [token.kind for part in arguments(inner)[1:] for token in code(part)] == ["string", "number"]:
        parts[1:] = [f"({part})::varchar" for part in parts[1:]]  # PostgreSQL would take the type of the number
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
    if distinct:  # trailing blanks do not count
        text = f"rtrim({text}, ' ')"
    separator = rewrite(parts[1]) if len(parts) > 1 else "''"
    order, place = _within_group(tokens, end + 1)
    window, place = _window(tokens, place, rewrite)
    if window is not None:
        if distinct:
            raise not_supported("LISTAGG(DISTINCT x) as a window function")
        by = f"ORDER BY {rewrite(_with_spaces(order))}" if order else ""
        return f"redshift.listagg(string_agg({text}, {separator}) OVER ({window} {by} {_ALL_ROWS}))", place
    if order and distinct:
        by = " ".join(token.text for token in order).removesuffix(" ASC").removesuffix(" asc")
        if by != " ".join(token.text for token in value[1:]):
            raise not_supported("LISTAGG(DISTINCT x) ordered by anything but x")
        ordering = f" ORDER BY {text}"
    else:
        ordering = f" ORDER BY {rewrite(_with_spaces(order))}" if order else ""
    return f"redshift.listagg(string_agg({'DISTINCT ' if distinct else ''}{text}, {separator}{ordering}))", place


_ALL_ROWS = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def _ratio(tokens: Tokens, inner: Tokens, end: int, rewrite: Rewrite) -> tuple[str, int]:
    """RATIO_TO_REPORT: the part that a value is of the sum of its window."""
    window, place = _window(tokens, end + 1, rewrite)
    if window is None:
        raise syntax(")")
    value = f"CAST(({rewrite(inner)}) AS double precision)"
    return f"redshift.ratio_to_report({value}, sum({value}) OVER ({window}))", place


# Functions that stand before WITHIN GROUP or OVER, and are rewritten together with it.
_WITH_WINDOW = {"listagg": _listagg, "ratio_to_report": _ratio}


def _clause(tokens: Tokens, place: int, *words: str) -> tuple[Tokens | None, int]:
    """What the parentheses after these words hold, None if the words do not come next; and the place after them."""
    opening = place - 1
    for word in (*words, "("):
        opening = next_code(tokens, opening + 1)
        if opening >= len(tokens) or tokens[opening].upper != word:
            return None, place
    end = closing(tokens, opening)
    return tokens[opening + 1 : end], end + 1


def _window(tokens: Tokens, place: int, rewrite: Rewrite) -> tuple[str | None, int]:
    """PostgreSQL's text of the window, if OVER comes next, else None; and the place after it."""
    inside, place = _clause(tokens, place, "OVER")
    if inside is None:
        return None, place
    if any(token.upper == "ORDER" for token in inside):
        raise syntax("ORDER")  # the guide allows PARTITION BY only
    return rewrite(inside), place


def _with_spaces(tokens: Tokens) -> Tokens:
    return [piece for token in tokens for piece in (token, Token("space", " "))]


def _within_group(tokens: Tokens, place: int) -> tuple[Tokens, int]:
    """The order in WITHIN GROUP, if that comes next; and the place after it."""
    inside, place = _clause(tokens, place, "WITHIN", "GROUP")
    if inside is None:
        return [], place
    inside = code(inside)
    if [token.upper for token in inside[:2]] != ["ORDER", "BY"]:
        raise syntax(render(inside[:1]))
    return inside[2:], place
