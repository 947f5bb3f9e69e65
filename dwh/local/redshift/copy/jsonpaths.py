"""JSONPaths files: which element of a document fills which column."""

from __future__ import annotations

import json
import re
from typing import Any

from dwh.local.redshift.copy.errors import BAD_LINE, NOT_AN_ARRAY, NOT_AN_OBJECT, FieldError, internal
from dwh.local.redshift.errors import RedshiftError

Path = tuple[str | int, ...]

_BRACKET = re.compile(r"\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(\d+))\]")
_DOT = re.compile(r"\.([^.'\[\]]+)|\[(\d+)\]")


def parse_file(text: bytes, name: str) -> list[Path] | None:
    """Read a JSONPaths file.

    Returns:
        The paths; None when the object has no key ``jsonpaths``: such a file counts for nothing, and 'auto' is used.

    Raises:
        RedshiftError: the file is malformed. MAXERROR does not apply to it.
    """
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except ValueError as error:
        raise _bad(f"Invalid JSONPaths file {name}: {error}") from None
    if not isinstance(document, dict):
        raise _bad(f"Invalid JSONPaths file {name}: it must hold one object")
    if "jsonpaths" not in document:
        return None
    paths = document["jsonpaths"]
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        raise _bad(f"Invalid JSONPaths file {name}: jsonpaths must be an array of non-empty strings")
    read = [_path(path) for path in paths]
    if len({kind for _, kind in read if kind}) > 1:
        raise _bad(f"Invalid JSONPath format: bracket and dot notation are mixed in {name}")
    return [path for path, _ in read]


def _path(text: str) -> tuple[Path, str]:
    """The steps of a path, and its notation: dot, bracket, or neither (indexes alone)."""
    if not text.startswith("$"):
        raise _bad(f"Invalid JSONPath format: {text}")
    for kind, pattern in (("bracket", _BRACKET), ("dot", _DOT)):
        steps: list[str | int] = []
        place = 1
        while match := pattern.match(text, place):
            index = match[match.lastindex or 0] if match.lastindex == pattern.groups else None
            steps.append(
                int(index) if index is not None else next(group for group in match.groups() if group is not None)
            )
            place = match.end()
        if place == len(text):
            named = any(isinstance(step, str) for step in steps)
            return tuple(_unescape(step) for step in steps), kind if named else ""
    raise _bad(f"Invalid JSONPath format: {text}")


def _unescape(step: str | int) -> str | int:
    return re.sub(r"\\(.)", r"\1", step) if isinstance(step, str) else step


def _bad(message: str) -> RedshiftError:
    return internal(message, 8001, "s3_utility.cpp:677", 0)


def check_count(paths: list[Path], columns: int) -> None:
    """Every column has its path.

    Raises:
        RedshiftError: the numbers differ.
    """
    if len(paths) != columns:
        raise internal(
            f"Number of jsonpaths and the number of columns should match. JSONPath size: {len(paths)}, "
            f"Number of columns in table or column list: {columns}",
            8001,
            "s3_utility.cpp:670",
            0,
        )


def follow(document: Any, path: Path) -> Any:
    """The element that a path names; None when a member on the way is missing.

    Raises:
        FieldError: the path asks a member of what is no object, or an element that an array has not.
    """
    value = document
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                if value is None:
                    return None
                raise FieldError(BAD_LINE, NOT_AN_ARRAY)
            value = value[step]
        elif isinstance(value, dict):
            value = value.get(step)
        elif value is None:
            return None
        else:
            raise FieldError(BAD_LINE, NOT_AN_OBJECT)
    return value
