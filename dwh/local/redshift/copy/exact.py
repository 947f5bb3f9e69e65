"""JSON read so that every number keeps the text it was written with."""

from __future__ import annotations

import json
from typing import Any


class Literal(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(parse_float=Literal, parse_int=Literal, parse_constant=_refuse)


def loads(raw: bytes) -> Any:
    """Parse a document; bytes that are no UTF-8 become lone surrogates.

    Raises:
        ValueError: it is no JSON object or array.
    """
    document = _DECODER.decode(raw.decode("utf-8", "surrogateescape"))
    if not isinstance(document, (dict, list)):
        raise ValueError("not an object or array")
    return document


def value(raw: bytes) -> Any:
    """Parse a JSON value of any kind.

    Raises:
        ValueError: it is none, or no UTF-8.
    """
    return _DECODER.decode(raw.decode())


def compact(value: Any) -> str:
    """The JSON text of a value without white space, numbers as they were written."""
    if type(value) is Literal:
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{compact(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
