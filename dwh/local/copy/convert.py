"""A batch of JSON documents made into lines of PostgreSQL's COPY text, a column at a time.

Each column first tries the fast way; when that has a doubt, this column alone is done value by value, the
exact way, which knows every rule and finds the value at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

from dwh.local.copy import columns, errors, exact, values
from dwh.local.copy.documents import Unclean
from dwh.local.copy.errors import FieldError
from dwh.local.copy.grammar import Copy
from dwh.local.copy.jsonpaths import Path, follow
from dwh.local.copy.values import Column

NULL = columns.NULL
_LONG_NUMBER = re.compile(rb"\d[\d.]{15}")
GENERATED = "\\D"  # takes the column's default: COPY ... WITH (DEFAULT '\D')


@dataclass
class Failure:
    """The first value of a document that does not fit."""

    column: Column | None
    error: FieldError
    value: Any = None


@dataclass
class Batch:
    """Documents to convert; what fails is noted by the document's place."""

    raws: list[bytes]
    documents: list[Any]
    failed: dict[int, Failure] = field(default_factory=dict)
    _exact: list[Any] | None = None

    def exact(self) -> list[Any]:
        """The documents with every number as it was written."""
        if self._exact is None:
            self._exact = [_exactly(raw, document) for raw, document in zip(self.raws, self.documents, strict=True)]
        return self._exact

    @cached_property
    def longest(self) -> int:
        """The bytes of the longest document."""
        return max(map(len, self.raws))

    @cached_property
    def long_numbers(self) -> bool:
        """Might there be a number with more digits than a float keeps?"""
        return _LONG_NUMBER.search(b"\n".join(self.raws)) is not None


def _exactly(raw: bytes, document: Any) -> Any:
    if isinstance(document, Unclean):
        return document.document
    try:
        return document if isinstance(document, FieldError) else exact.loads(raw)
    except RecursionError:
        return FieldError(errors.BAD_LINE, errors.TOO_DEEP)


class Converter:
    """Converts documents to lines for the columns of one COPY.

    Args:
        loaded: the columns, in the order of the lines.
        paths: where each column's value is: a key of the document, or a path into it.
        copy: the options.
    """

    def __init__(self, loaded: Sequence[Column], paths: Sequence[Path], copy: Copy) -> None:
        self._columns = loaded
        self._paths = paths
        self._fast = [columns.reader(column, copy) for column in loaded]
        self._exact = [values.reader(column, copy) for column in loaded]
        self._fold = copy.json == "auto ignorecase"
        self._objects_only = copy.json.startswith("auto")
        keys = [path[0] for path in paths if len(path) == 1 and isinstance(path[0], str)]
        self._keys = keys if len(keys) == len(paths) else None
        self._getter: Callable[[Any], Any] | None = itemgetter(*keys) if self._keys and len(keys) > 1 else None

    def lines(self, batch: Batch) -> list[str]:
        """The COPY lines of the documents that fit, without line ends; the others are in ``batch.failed``."""
        kinds = set(map(type, batch.documents))
        if kinds != {dict}:
            self._note_unsound(batch)
        if Unclean in kinds:
            texts: list[Sequence[str]] = [self._exactly(place, batch) for place in range(len(self._columns))]
        else:
            texts = [self._texts(place, found, batch) for place, found in enumerate(self._extract(batch))]
        rows = zip(*texts, strict=True)
        if not batch.failed:
            return list(map("\t".join, rows))
        return ["\t".join(row) for place, row in enumerate(rows) if place not in batch.failed]

    def _note_unsound(self, batch: Batch) -> None:
        """Note the documents that could not be parsed, or are no objects where only objects will do."""
        for place, document in enumerate(batch.documents):
            if isinstance(document, FieldError):
                batch.failed[place] = Failure(None, document)
            elif self._objects_only and isinstance(getattr(document, "document", document), list):
                batch.failed[place] = Failure(None, FieldError(errors.BAD_LINE, errors.NOT_AN_OBJECT))

    def _folded(self, documents: list[Any]) -> list[Any]:
        if not self._fold:
            return documents
        return [{key.lower(): value for key, value in document.items()} for document in documents]

    def _extract(self, batch: Batch) -> Sequence[Sequence[Any]]:
        """The values of every column; a document that failed already counts as empty."""
        documents = batch.documents
        if batch.failed:
            documents = [{} if place in batch.failed else document for place, document in enumerate(documents)]
        documents = self._folded(documents)
        if self._keys is not None and set(map(type, documents)) == {dict}:
            if self._getter is not None:
                try:
                    return list(zip(*map(self._getter, documents), strict=True))
                except KeyError:
                    pass
            return [[document.get(key) for document in documents] for key in self._keys]
        return [[_followed(document, path) for document in documents] for path in self._paths]

    def _texts(self, place: int, found: Sequence[Any], batch: Batch) -> Sequence[str]:
        column, read = self._columns[place], self._fast[place]
        if column.type == "numeric" and batch.long_numbers:
            return self._exactly(place, batch)
        if not (column.not_null or column.generated) or None not in found:
            try:
                return read(found, batch.longest)
            except columns.Doubt:
                pass
        return self._exactly(place, batch)

    def _exactly(self, place: int, batch: Batch) -> list[str]:
        null = GENERATED if self._columns[place].generated else NULL
        return [self._text(place, row, document, null, batch) for row, document in enumerate(batch.exact())]

    def _text(self, place: int, row: int, document: Any, null: str, batch: Batch) -> str:
        if row in batch.failed:
            return null
        column, value = self._columns[place], None
        try:
            if isinstance(document, FieldError):
                raise document
            document = self._folded([document])[0]
            value = follow(document, self._paths[place])
            text = None if value is None else self._exact[place](value)
            if text is None and column.not_null and not column.generated:
                raise FieldError(errors.NULL_IN_NOT_NULL, errors.MISSING)
            return null if text is None else text.translate(columns.ESCAPES)
        except (FieldError, RecursionError) as error:
            known = error if isinstance(error, FieldError) else FieldError(errors.BAD_LINE, errors.TOO_DEEP)
            batch.failed[row] = Failure(column, known, value if known is error else None)
            return null


def _followed(document: Any, path: Path) -> Any:
    try:
        return follow(document, path)
    except FieldError as error:
        return error
