"""The seam between the steps and where they run: AWS, or the local target.

Nothing else asks which of the two it is, and nothing else imports ``dwh.local``.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from dwh.config import Settings
from dwh.console import Console
from dwh.errors import DwhError

if TYPE_CHECKING:
    from psycopg2.extensions import connection


class Target(Protocol):
    """Where the steps run."""

    settings: Settings
    billed: bool
    """Whether what is made here costs money by the hour."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def describe(self) -> str:
        """Name the target in one line; on AWS with account and region (this asks AWS)."""
        ...

    def start(self, data: Path | None = None) -> str:
        """Make ready what the AWS calls need. ``data`` fills the local S3.

        Returns:
            The folder whose place in S3 another one has taken just now; else nothing.
        """
        ...

    def stop(self) -> None:
        """End what ``start`` made ready, once the cluster is gone."""
        ...

    def planned(self, data: Path | None = None) -> AbstractContextManager[Target]:
        """The target for a dry run, which looks at it and changes nothing; ``data`` as for ``start``.

        What would have to be started first is taken as started, with nothing in it, and is gone with the context.
        """
        ...

    def sources(self) -> str:
        """Where the data in S3 comes from, for a user who finds none there."""
        ...

    def provenance(self) -> str:
        """Where the figures come from, for a reader elsewhere: no path, user or address of this machine."""
        ...

    def generated(self) -> bool:
        """Whether the data is the generated sample. This reaches out to nothing but the local target."""
        ...

    def credentials(self) -> str:
        """Where the credentials for AWS and for the warehouse are from, and nothing of them.

        Raises:
            AwsError: there are none.
        """
        ...

    def free_space(self) -> int | None:
        """Bytes that are free on the disk of the warehouse; None where AWS looks after it."""
        ...

    def client(self, service: str) -> Any:
        """A boto3 client."""
        ...

    def caller_ip(self) -> str:
        """The address from which this machine reaches the cluster.

        Raises:
            TargetError: it cannot be found out.
        """
        ...

    def connect(self) -> connection:
        """A psycopg2 connection to the warehouse, autocommit off.

        Raises:
            ConfigError: no cluster has been created yet.
            TargetError: the cluster cannot be reached.
        """
        ...

    def failure(self, cluster: str) -> DwhError | None:
        """What the target itself knows of why a cluster has failed, beyond the status that its API shows."""
        ...


def open_target(settings: Settings, console: Console | None = None) -> Target:
    """The target that the settings name. Opening it reaches out to nothing yet."""
    if settings.target == "local":
        from dwh.local.target import LocalTarget

        return LocalTarget(settings, console or Console())
    from dwh.aws.target import AwsTarget

    return AwsTarget(settings, console or Console())
