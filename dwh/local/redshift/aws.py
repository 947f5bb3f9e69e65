"""What the local Redshift asks of AWS: roles, and the objects of S3. Who starts the server says how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

Policy = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """A role as IAM has it: who may take it, what it may do, and the boundary that bounds that, if it has one."""

    arn: str
    trust: Policy
    policies: list[Policy] = field(default_factory=list)
    boundary: Policy | None = None


@dataclass(frozen=True)
class Roles:
    """The roles of a cluster: its name and region, the ARNs that are attached to it, the default one or nothing."""

    cluster: str
    region: str
    attached: Sequence[str]
    default: str


@dataclass(frozen=True)
class Entry:
    """One object: its key, its size in bytes, and the file on this machine that holds its content, if one does."""

    key: str
    size: int
    path: str = ""


class Aws(Protocol):
    """AWS, as the cluster may ask it."""

    def roles(self) -> Roles:
        """The roles of this cluster.

        Raises:
            LookupError: the cluster is not there.
        """
        ...

    def role(self, arn: str) -> Role | None:
        """A role; None if there is none with this ARN."""
        ...

    def bucket_region(self, bucket: str) -> str:
        """Where a bucket is.

        Raises:
            LookupError: there is no such bucket.
        """
        ...

    def prefix(self, bucket: str, prefix: str) -> list[Entry]:
        """The objects whose keys begin with the prefix, in key order."""
        ...

    def keys(self, bucket: str, keys: Sequence[str]) -> list[Entry | None]:
        """The objects of these keys, in this order; None for one that is not there."""
        ...

    def read(self, bucket: str, key: str) -> AbstractContextManager[IO[bytes]]:
        """The content of an object."""
        ...
