"""JSON documents made into rows by the exact way: value by value, with every rule, to the value at fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dwh.local.redshift.copy import errors, values
from dwh.local.redshift.copy.errors import FieldError
from dwh.local.redshift.copy.grammar import Copy
from dwh.local.redshift.copy.jsonpaths import Path, follow
from dwh.local.redshift.copy.lines import GENERATED
from dwh.local.redshift.copy.values import Column


@dataclass(frozen=True)
class Failure:
    """The first value of a document that does not fit."""

    column: Column | None
    error: FieldError
    value: Any = None


class Converter:
    """Converts documents to rows of the columns of one COPY.

    Args:
        columns: the columns, in the order of the rows.
        paths: where each column's value is: a key of the document, or a path into it.
        copy: the options.
    """

    def __init__(self, columns: Sequence[Column], paths: Sequence[Path], copy: Copy) -> None:
        self._columns = list(zip(columns, paths, (values.reader(column, copy) for column in columns), strict=True))
        self._fold = copy.json == "auto ignorecase"
        self._objects_only = copy.json.startswith("auto")

    def row(self, document: Any) -> list[Any] | Failure:
        """The row of a document with its numbers as they were written, or why there is none."""
        if isinstance(document, FieldError):
            return Failure(None, document)
        if isinstance(document, list) and self._objects_only:
            return Failure(None, FieldError(errors.BAD_LINE, errors.NOT_AN_OBJECT))
        if self._fold:
            document = {key.lower(): value for key, value in document.items()}
        row: list[Any] = []
        for column, path, read in self._columns:
            value = None
            try:
                value = follow(document, path)
                text = None if value is None else read(value)
                if text is None and column.not_null and not column.generated:
                    raise FieldError(errors.NULL_IN_NOT_NULL, errors.MISSING)
            except FieldError as error:
                return Failure(column, error, value)
            except RecursionError:
                return Failure(column, FieldError(errors.BAD_LINE, errors.TOO_DEEP))
            row.append(GENERATED if text is None and column.generated else text)
        return row
