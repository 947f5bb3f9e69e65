"""COPY, carried out: check, read, convert, load, log."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dwh.local.redshift.copy import access, documents, errors, jsonpaths, logs, objects, tables
from dwh.local.redshift.copy.convert import Converter, Failure
from dwh.local.redshift.copy.documents import Piecemeal, Whole
from dwh.local.redshift.copy.errors import FieldError, LoadError
from dwh.local.redshift.copy.exact import compact
from dwh.local.redshift.copy.fields import Doubt, Fields
from dwh.local.redshift.copy.grammar import Copy, parse
from dwh.local.redshift.copy.lines import lines
from dwh.local.redshift.dialect.lexer import Tokens
from dwh.local.redshift.errors import RedshiftError

if TYPE_CHECKING:
    from dwh.local.redshift.backend import Connection

# Documents of small files are sent together, so many at a time.
BATCH = 500


def copy(session: Connection, tokens: Tokens) -> None:
    """Carry out one COPY statement in the session's transaction; in autocommit, in one of its own.

    Raises:
        RedshiftError: the load failed; STL_LOAD_ERRORS has been written if it failed on data.
        Gone: the client has, and with it who wanted the load.
    """
    command = parse(tokens)
    if session.in_transaction():
        _copy(session, command)
        return
    with session.cursor() as cursor:
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
        reads = access.authorize(self.session, self.copy, self.log.query)
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
        self.fields = Fields(self.table.columns, paths, self.copy)
        self.converter = Converter(self.table.columns, paths, self.copy)
        chunks = filter(None, self._lines())  # an empty one would end the stream
        if self.copy.has("NOLOAD"):
            for _ in chunks:
                pass
        else:
            with self.session.cursor() as cursor, _no_collection(), stream(chunks) as source:
                cursor.copy_expert(self.table.copy_sql, source)
        if self.log.failed:
            raise RedshiftError(errors.FAILED.format(self.copy.table.table))

    def finish(self) -> None:
        """Say what was loaded, and log it."""
        self.log.completed()
        with self.session.cursor() as cursor:
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

    def _lines(self) -> Iterator[bytes]:
        """COPY's lines. Small files share a batch, a large one has many."""
        batch: list[tuple[str, Whole]] = []
        rows = 0
        for item in self._objects():
            self.log.scan(item)
            for chunk in self._chunks(item):
                self.log.progress()
                if isinstance(chunk, Whole):
                    batch.append((item.url, chunk))
                    rows += len(chunk.rows)
                    if rows < BATCH:
                        continue
                yield from self._together(batch)
                batch, rows = [], 0
                if isinstance(chunk, Piecemeal):
                    yield self._piecemeal(item.url, chunk)
                if self.log.failed:
                    return
        yield from self._together(batch)

    def _chunks(self, item: objects.S3Object) -> Iterator[documents.Chunk]:
        try:
            blocks = objects.blocks(item, self.copy.compression, self.copy.encoding)
            yield from documents.chunks(blocks, self._read, self.copy.ignore_lines)
        except FieldError as error:  # the file itself cannot be read
            yield Piecemeal([b""], [error], [0])

    def _read(self, data: bytes) -> list[documents.Row] | None:
        try:
            return self.fields.rows(data)
        except Doubt:
            return None

    def _together(self, batch: list[tuple[str, Whole]]) -> Iterator[bytes]:
        """The lines of documents that were read all at once."""
        try:
            text = lines([row for _, whole in batch for row in whole.rows])
        except ValueError:  # a NUL, for which there are rules
            for url, whole in batch:
                yield self._piecemeal(url, documents.piecemeal(whole))
                if self.log.failed:
                    return
            return
        for url, whole in batch:
            self.log.count(url, len(whole.rows))
        yield text

    def _piecemeal(self, url: str, chunk: Piecemeal) -> bytes:
        """The lines of documents by the exact way; those that do not fit are noted."""
        rows: list[list[Any]] = []
        failed = 0
        for raw, value, line in zip(chunk.raws, chunk.values, chunk.lines, strict=True):
            row = self.converter.row(value)
            if not isinstance(row, Failure):
                rows.append(row)
                continue
            failed += 1
            self._note(row, url, line, raw)
            if self.log.failed:
                return b""
        self.log.count(url, len(rows), failed)
        return lines(rows)

    def _note(self, failure: Failure, url: str, line: int, raw: bytes) -> None:
        column = failure.column
        self.log.error(
            LoadError(
                filename=url,
                line=line,
                column=column.name if column else "",
                type=column.type if column else "",
                length=column.length if column else "",
                position=failure.error.position,
                raw_line=_shown(raw.decode("utf-8", "replace")),
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


@contextmanager
def stream(chunks: Iterator[bytes]) -> Iterator[SimpleNamespace]:
    """What psycopg2 reads the COPY lines from.

    psycopg2 makes an error of its own of whatever is raised while it reads, Ctrl-C included. So what is
    raised here ends the stream, and is raised again once COPY is over. A method in Python could be
    interrupted before its first line; ``send`` is in C and goes on inside the ``try``.
    """
    raised: list[BaseException] = []

    def guarded() -> Generator[bytes, int, None]:
        try:
            yield b""  # up to here before psycopg2 reads
            for chunk in chunks:  # noqa: UP028 - `yield from` would hand on to it what is sent
                yield chunk
        except GeneratorExit:  # the server ended COPY early
            raise
        except BaseException as error:
            raised.append(error)
        while True:
            yield b""

    reading = guarded()
    next(reading)
    try:
        yield SimpleNamespace(read=reading.send, readline=reading.send)  # psycopg2 asks that both are there
    finally:
        if raised:
            raise raised[0] from None
