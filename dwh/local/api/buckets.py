"""The local S3's objects: a mirror of the data folder, and the bulk read that COPY uses.

A mirrored object is a file: nothing is copied, and its bytes are read when
somebody asks for them, so that neither 15,000 small files nor one of a
gigabyte cost memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingKey
from moto.s3.models import FakeBucket, FakeKey, S3Backend, s3_backends

from dwh.local import folder as folders
from dwh.local.folder import File
from dwh.text import split_uri

CHUNK = 1 << 20
# In UTF-8: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
LONGEST_KEY = 1024

# What all mirrored objects have in common (ACL, storage class, metadata, ...), kept once instead of 15,000 times.
_COMMON = FakeKey("", b"", account_id=DEFAULT_ACCOUNT_ID, region_name="us-east-1", version_id="null")


class FileKey(FakeKey):
    """A moto object whose value is a file of the data folder."""

    def __new__(cls, *_: Any, **__: Any) -> FileKey:
        """Without moto's list of all objects ever made, which would keep deleted ones."""
        return object.__new__(cls)

    def __init__(self, name: str, file: File, bucket: str, earlier: datetime | None = None) -> None:
        """Make the object.

        Args:
            name: its key.
            file: its content.
            bucket: the name of its bucket.
            earlier: LastModified of the object whose place it takes. S3 gives the time of the upload, so it is a
                later one then, even where the file is older.
        """
        self.name = name
        self.bucket_name = bucket
        self.file = file
        self.contentsize = file.size
        self.last_modified = _seconds(file.mtime_ns / 10**9)
        if earlier is not None:
            self.last_modified = max(_seconds(time.time()), earlier + timedelta(seconds=1))
        self._etag = None

    def __getattr__(self, name: str) -> Any:
        return getattr(_COMMON, name)

    @property
    def value(self) -> bytes:
        """The whole object."""
        return b"".join(self.chunks())

    @property
    def etag(self) -> str:
        """The MD5 of the content in quotation marks, as S3 gives it; computed when first asked for."""
        if self._etag is None:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._etag = digest.hexdigest()
        return f'"{self._etag}"'

    def chunks(self) -> Iterator[bytes]:
        """The content, in pieces; exactly as long as the object's size says.

        Raises:
            MissingKey: the file is gone, or has another size since the folder was last looked at.
        """
        left = self.contentsize
        try:
            with Path(self.file.path).open("rb") as source:
                while left:
                    chunk = source.read(min(CHUNK, left))
                    if not chunk:
                        raise MissingKey(key=self.name)
                    left -= len(chunk)
                    yield chunk
        except OSError:
            raise MissingKey(key=self.name) from None

    def __getstate__(self) -> dict[str, Any]:
        """Without moto's buffer: it lists versions by copying them."""
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The counterpart."""
        self.__dict__.update(state)

    def dispose(self, garbage: bool = False) -> None:
        """Nothing is held open."""


class Mirror:
    """Keeps the configured buckets the same as a folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.folder = ""
        self.source = ""
        self.counts = {folders.LOGS: 0, folders.SONGS: 0}
        self._request: dict[str, str] | None = None

    def sync(self, request: dict[str, str]) -> dict[str, Any]:
        """Bring new, changed and deleted files to the buckets.

        Args:
            request: ``log_data``, ``song_data``, ``log_jsonpath`` as S3 addresses and ``region`` of
                their buckets; ``folder`` and ``source`` (a word about it) when it is to be another one.

        Returns:
            ``folder`` and ``source`` as they are now, ``before`` (the folder until now), ``counts`` of files,
            and ``left_out``: a sentence about each file that cannot be an object.
        """
        with self._lock:
            self._request = request
            before = self.folder
            self.folder = request.get("folder") or self.folder
            self.source = request.get("source") or self.source
            left_out = self._mirror(request) if self.folder else []
            return {
                "folder": self.folder,
                "source": self.source,
                "before": before,
                "counts": self.counts,
                "left_out": left_out,
            }

    def refresh(self) -> None:
        """Bring the buckets up to date once more, as the last ``sync`` did."""
        with self._lock:
            if self._request and self.folder:
                self._mirror(self._request)

    def _mirror(self, request: dict[str, str]) -> list[str]:
        wanted, left_out = self._wanted(request)
        for name in wanted.keys() - backend().buckets.keys():
            backend().create_bucket(name, request["region"])
        changed = [key for name, bucket in backend().buckets.items() for key in _mirror(bucket, wanted.get(name, {}))]
        if changed:
            # S3 knows an object's ETag from its upload on: who lists 15,000 need not wait until all are read.
            threading.Thread(target=_digest, args=(changed,), daemon=True).start()
        return sorted(left_out)

    def _wanted(self, request: dict[str, str]) -> tuple[dict[str, dict[str, File]], list[str]]:
        """What the buckets should hold: bucket -> key -> file; and what cannot be an object, with the reason."""
        root = Path(self.folder)
        wanted: defaultdict[str, dict[str, File]] = defaultdict(dict)
        left_out: list[str] = []
        for name in (folders.LOGS, folders.SONGS):
            bucket, prefix = split_uri(request[name])
            prefix += "" if prefix.endswith("/") else "/"
            found = {}
            for relative, file in folders.files(root / name, left_out):
                key = prefix + relative
                if len(key.encode()) > LONGEST_KEY:
                    left_out.append(f"{file.path}: its key in S3 would be longer than {LONGEST_KEY:,} bytes")
                else:
                    found[key] = file
            wanted[bucket] |= found
            self.counts[name] = len(found)
        bucket, key = split_uri(request["log_jsonpath"])
        wanted[bucket][key] = folders.jsonpaths(root, left_out)
        return wanted, left_out


def _seconds(moment: float) -> datetime:
    """A moment as S3 gives it: UTC, in whole seconds."""
    return datetime.fromtimestamp(int(moment), UTC).replace(tzinfo=None)


def _digest(keys: Iterable[FileKey]) -> None:
    for key in keys:
        with contextlib.suppress(MissingKey):
            _ = key.etag


def _mirror(bucket: FakeBucket, wanted: dict[str, File]) -> list[FileKey]:
    """Make the bucket's mirrored objects those, and give the new ones; objects that were put through the API stay."""
    changed = []
    for key, found in list(bucket.keys.items()):
        if isinstance(found, FileKey) and key not in wanted:
            bucket.keys.pop(key)
    for key, file in wanted.items():
        found = bucket.keys.get(key)
        if not isinstance(found, FileKey) or found.file != file:
            changed.append(FileKey(key, file, bucket.name, found.last_modified if found else None))
            bucket.keys.setlist(key, changed[-1:])
    return changed


def backend() -> S3Backend:
    """What moto holds of S3."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
