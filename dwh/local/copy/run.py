"""COPY, carried out: check, read, convert, load, log."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dwh.local import access
from dwh.local.copy import documents, errors, jsonpaths, logs, objects, tables
from dwh.local.copy.convert import Batch, Converter, Failure
from dwh.local.copy.errors import FieldError, LoadError
from dwh.local.copy.exact import compact
from dwh.local.copy.grammar import Copy, parse
from dwh.local.errors import RedshiftError
from dwh.local.lexer import Tokens

if TYPE_CHECKING:
    from dwh.local.session import Connection

# Documents that are converted together: at least, where one block has them, and at most, from small files.
ENOUGH, BATCH = 100, 500


def copy(session: Connection, tokens: Tokens) -> None:
    """Carry out one COPY statement in the session's transaction; in autocommit, in one of its own.

    Raises:
        RedshiftError: the load failed; STL_LOAD_ERRORS has been written if it failed on data.
    """
    command = parse(tokens)
    own = session.autocommit and not session.in_transaction()
    if not own:
        _copy(session, command)
        return
    with session.plain() as cursor:
        cursor.execute("BEGIN")
        try:
            _copy(session, command)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")


def _copy(session: Connection, command: Copy) -> None:
    table = tables.describe(session, command)
    load = Load(session, command, table)
    try:
        paths = load.prepare()
        load.run(paths)
    except RedshiftError:
        load.log.aborted()
        raise
    load.finish()


class Load:
    """One COPY under way."""

    def __init__(self, session: Connection, command: Copy, table: tables.Table) -> None:
        self.session = session
        self.copy = command
        self.table = table
        self.log = logs.LoadLog(session, command, table)

    def prepare(self) -> list[jsonpaths.Path]:
        """Check the role and read the JSONPaths file.

        Raises:
            RedshiftError: S3 may not be read, or the file is malformed.
        """
        reads = access.authorize(self.session, self.copy, self.log.query, self.log.user)
        self.reads = reads
        names = [column.name for column in self.table.columns]
        if self.copy.json == "noshred":
            if [column.type for column in self.table.columns] != ["super"]:
                raise RedshiftError("JSON 'noshred' needs a table with one column of type SUPER", "22023")
            return [()]
        if self.copy.json.startswith("s3://"):
            reads.check(self.copy.json)
            text = objects.read_one(self.session.aws, self.copy.json)
            paths = jsonpaths.parse_file(text, self.copy.json)
            if paths is not None:
                jsonpaths.check_count(paths, len(names))
                return paths
            self.copy.json = "auto"
        return [(name,) for name in names]

    def run(self, paths: list[jsonpaths.Path]) -> None:
        """Read, convert and send everything.

        Raises:
            RedshiftError: too many errors, or S3 failed.
        """
        chunks = self._converted(Converter(self.table.columns, paths, self.copy))
        if self.copy.has("NOLOAD"):
            for _ in chunks:
                pass
        else:
            stream = _Stream(chunks)
            with self.session.plain() as cursor, _no_collection():
                cursor.copy_expert(self.table.copy_sql, stream)
            if stream.error is not None:
                raise stream.error
        if self.log.failed:
            raise RedshiftError(errors.FAILED.format(self.copy.table.table))

    def finish(self) -> None:
        """Say what was loaded, and log it."""
        self.log.completed()
        with self.session.plain() as cursor:
            name = self.copy.table.table
            cursor.execute("SELECT redshift.inform(%s)", (errors.LOADED.format(name, self.log.loaded),))
            if self.log.errors:
                cursor.execute("SELECT redshift.inform(%s)", (errors.SKIPPED.format(name, len(self.log.errors)),))
            if self.copy.statupdate and not self.copy.has("NOLOAD"):
                cursor.execute(f"ANALYZE {self.copy.table.sql}")

    def _objects(self) -> Iterator[objects.S3Object]:
        if self.copy.has("MANIFEST"):
            yield from objects.from_manifest(self.session.aws, self.copy.source, self.reads.check)
            return
        bucket, prefix = objects.split_url(self.copy.source)
        self.reads.check_list(bucket, prefix)
        found = False
        for item in objects.read_prefix(self.session.aws, bucket, prefix):
            found = True
            self.reads.check(item.url)
            yield item
        if not found:
            raise errors.s3(f"The specified S3 prefix '{prefix}' does not exist", self.log.query)

    def _converted(self, converter: Converter) -> Iterator[bytes]:
        for batch, origins in self._batches():
            lines = converter.lines(batch)
            for row in sorted(batch.failed):
                self._note(batch, row, origins)
                if self.log.failed:
                    return
            self.log.count(origins, batch.failed, len(batch.raws))
            if lines:
                lines.append("")
                yield "\n".join(lines).encode()

    def _batches(self) -> Iterator[tuple[Batch, Origins]]:
        """Documents by the batch. Small files share one, a large file has many."""
        batch, origins = Batch([], []), Origins()
        for item in self._objects():
            self.log.scan(item)
            try:
                blocks = objects.blocks(item, self.copy.compression, self.copy.encoding)
                for chunk in documents.chunks(blocks, self.copy.ignore_lines):
                    if not batch.raws and len(chunk.raws) >= ENOUGH:
                        origins.extend(item.url, 0, chunk.lines)
                        yield Batch(chunk.raws, chunk.values), origins
                        origins = Origins()
                        continue
                    for start in range(0, len(chunk.raws), BATCH):
                        part = slice(start, start + BATCH)
                        origins.extend(item.url, len(batch.raws), chunk.lines[part])
                        batch.raws += chunk.raws[part]
                        batch.documents += chunk.values[part]
                        if len(batch.raws) >= BATCH:
                            yield batch, origins
                            batch, origins = Batch([], []), Origins()
            except FieldError as error:  # the file itself cannot be read
                origins.extend(item.url, len(batch.raws), [0])
                batch.raws.append(b"")
                batch.documents.append(error)
        if batch.raws:
            yield batch, origins

    def _note(self, batch: Batch, row: int, origins: Origins) -> None:
        failure = batch.failed[row]
        url, line = origins.of(row)
        column = failure.column
        self.log.error(
            LoadError(
                filename=url,
                line=line,
                column=column.name if column else "",
                type=column.type if column else "",
                length=column.length if column else "",
                position=failure.error.position,
                raw_line=_shown(batch.raws[row].decode("utf-8", "replace")),
                raw_value=_raw_value(failure),
                code=failure.error.code,
                reason=failure.error.reason,
            )
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking over millions of values that are in no cycle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _raw_value(failure: Failure) -> str:
    value = failure.value
    if value is None:
        return ""
    return _shown(value if isinstance(value, str) else compact(value))


def _shown(text: str) -> str:
    """Text as the log shows it: a period for every multibyte character, 1,024 characters at most."""
    return "".join(char if "\0" < char < "\x7f" else "." for char in text[:1024])


@dataclass
class Origins:
    """Where the documents of a batch come from: runs of documents of one file."""

    runs: list[tuple[int, str, Any]] = field(default_factory=list)

    def extend(self, url: str, first: int, lines: Any) -> None:
        """Note that the documents from ``first`` on come from these lines of a file."""
        self.runs.append((first, url, lines))

    def of(self, row: int) -> tuple[str, int]:
        """File and line of a document."""
        first, url, lines = next(run for run in reversed(self.runs) if run[0] <= row)
        return url, lines[row - first]


class _Stream(io.RawIOBase):
    """What psycopg2 reads the COPY lines from. An error ends the stream; it is raised once COPY is over."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.error: RedshiftError | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return next(self._chunks, b"")
        except RedshiftError as error:
            self.error = error
            return b""
