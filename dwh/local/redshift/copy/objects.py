"""The objects that COPY reads: listed by key prefix or manifest, read as streams, decompressed."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

from dwh.local.redshift.aws import Aws, Entry
from dwh.local.redshift.copy import errors

NO_BUCKET = "S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket"
# Bytes read at a time. Documents of one block are still in the processor's cache when they are converted.
BLOCK = 1 << 17


@dataclass
class S3Object:
    """One object, its body still unread. ``size`` is in bytes."""

    bucket: str
    key: str
    size: int
    body: Body

    @property
    def url(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of an s3:// address."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def read_one(aws: Aws, url: str) -> bytes:
    """The whole content of one small object, such as a JSONPaths file or a manifest.

    Raises:
        RedshiftError: it is not there.
    """
    bucket, key = split_url(url)
    for found in read_keys(aws, bucket, [key]):
        if found is not None:
            return found.body.read()
    raise errors.s3(f"The specified S3 prefix '{key}' does not exist")


def read_prefix(aws: Aws, bucket: str, prefix: str) -> Iterator[S3Object]:
    """Every object whose key begins with the prefix, in key order, whatever the bucket's size."""
    yield from (item for item in _opened(aws, bucket, aws.prefix(bucket, prefix)) if item is not None)


def read_keys(aws: Aws, bucket: str, keys: list[str]) -> Iterator[S3Object | None]:
    """The objects of these keys in this order; None for one that is missing.

    Raises:
        RedshiftError: there is no such bucket.
    """
    try:
        entries = aws.keys(bucket, keys)
    except LookupError:
        raise errors.s3(NO_BUCKET) from None
    return _opened(aws, bucket, entries)


def _opened(aws: Aws, bucket: str, entries: Iterable[Entry | None]) -> Iterator[S3Object | None]:
    """The objects, each closed again when the next one is asked for; None for one that is gone."""
    for entry in entries:
        if entry is None:
            yield None
            continue
        try:
            content: Any = open(entry.path, "rb", buffering=0) if entry.path else aws.read(bucket, entry.key)  # noqa: SIM115
        except OSError:
            yield None
            continue
        with content as body:
            yield S3Object(bucket, entry.key, entry.size, _Frame(body, entry.size))


class Body(Protocol):
    """What the content of an object is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        ...


class _Frame(io.RawIOBase):
    """The next ``size`` bytes of a stream, as a file of its own."""

    def __init__(self, stream: Body, size: int) -> None:
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        if wanted == 0:
            return b""
        data = self._stream.read(wanted)
        if not data:
            raise errors.s3("S3ServiceException:the object ended before its size was reached")
        self._left -= len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def blocks(found: S3Object, compression: str, encoding: str) -> Iterator[bytes]:
    """The content of an object as UTF-8, a block at a time.

    Raises:
        FieldError: it is not compressed as COPY says, or not in that encoding.
    """
    try:
        stream = _decompressed(found.body, compression)
        decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        while block := stream.read(BLOCK):
            yield decoder.decode(block).encode() if decoder else block
        if decoder and (rest := decoder.decode(b"", True)):
            yield rest.encode()
    except (OSError, EOFError, zlib.error) as error:
        raise errors.FieldError(errors.BAD_LINE, f"Invalid {compression or 'input'} file: {error}") from None
    except UnicodeError as error:
        raise errors.FieldError(1221, f"Encoding mismatch: {error}") from None


def _decompressed(body: Body, compression: str) -> Body:
    if compression == "GZIP":
        return gzip.GzipFile(fileobj=cast(IO[bytes], body))
    if compression == "BZIP2":
        return bz2.BZ2File(cast(IO[bytes], body))
    if compression == "ZSTD":
        return _Zstandard(body)
    return body


class _Zstandard(io.RawIOBase):
    """The content of zstandard frames. Unlike the library's own reader it notices that a frame has no end."""

    def __init__(self, body: Body) -> None:
        import zstandard

        self._body = body
        self._decompressor = zstandard.ZstdDecompressor()
        self._error = zstandard.ZstdError
        self._frame: Any = None

    def read(self, size: int = -1) -> bytes:
        while packed := self._body.read(BLOCK):
            try:
                if data := self._decompress(packed):
                    return data
            except self._error as error:
                raise OSError(str(error)) from None
        if self._frame is not None:
            raise EOFError("the compressed file ended before its end mark")
        return b""

    def _decompress(self, packed: bytes) -> bytes:
        output = b""
        while packed:
            self._frame = self._frame or self._decompressor.decompressobj()
            output += self._frame.decompress(packed)
            if not self._frame.eof:
                break
            packed, self._frame = self._frame.unused_data, None
        return output


def from_manifest(aws: Aws, url: str, check: Callable[[str], None]) -> Iterator[S3Object]:
    """The objects that a manifest names, in its order; one that is named twice comes twice.

    Args:
        aws: the API.
        url: the manifest's address.
        check: called with each address before it is read; raises if it must not be.

    Raises:
        RedshiftError: the manifest is malformed, a mandatory object is missing, or none is there at all.
    """
    check(url)
    entries = _manifest_entries(read_one(aws, url), url)
    for address, _ in entries:
        check(address)
    found = False
    for bucket, group in itertools.groupby(entries, key=lambda entry: split_url(entry[0])[0]):
        named = [(split_url(address)[1], mandatory) for address, mandatory in group]
        items = read_keys(aws, bucket, [key for key, _ in named])
        for (key, mandatory), item in zip(named, items, strict=True):
            if item is not None:
                found = True
                yield item
            elif mandatory:
                raise errors.s3(f"The specified S3 prefix '{key}' does not exist")
    if not found:
        raise errors.s3("None of the files of the manifest exists")


def _manifest_entries(text: bytes, url: str) -> list[tuple[str, bool]]:
    try:
        entries = json.loads(text)["entries"]
        return [(_entry_url(entry["url"]), bool(entry.get("mandatory", False))) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise errors.s3(f"Problem reading manifest file - {url}: it must be JSON with an array entries") from None


def _entry_url(url: str) -> str:
    if not url.startswith("s3://") or url.endswith("/") or "/" not in url.removeprefix("s3://"):
        raise errors.s3("COPY with MANIFEST parameter requires full path of an S3 object.")
    return url
