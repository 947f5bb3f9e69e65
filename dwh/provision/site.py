"""Where the resources live, what they are called, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from dwh.config import Settings
from dwh.errors import AwsError

if TYPE_CHECKING:
    from dwh.target import Target

PROJECT = "sparkify-dwh"
NOT_OURS = "not ours, left as it is"
T = TypeVar("T")


class NotOursError(AwsError):
    """Something without our tags already has a name that we need.

    Args:
        message: as for every error.
        hint: likewise.
        note: why it is left as it is, for a list.
    """

    def __init__(self, message: str, hint: str = "", *, note: str = NOT_OURS) -> None:
        super().__init__(message, hint)
        self.note = note


@dataclass(frozen=True)
class Site:
    """One cluster's place: account, region, names and tags.

    Args:
        target: hands out the clients.
        settings: the configuration.
        account: id of the AWS account, twelve digits.
        partition: first part of every ARN: aws, aws-cn or aws-us-gov.
        read_only: refuse every call that could change something.
    """

    target: Target
    settings: Settings
    account: str
    partition: str
    read_only: bool = False
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _known: dict[Callable[[Site], Any], Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, target: Target, *, read_only: bool = False) -> Site:
        """Ask AWS whose account this is."""
        identity = target.client("sts").get_caller_identity()
        return cls(target, target.settings, identity["Account"], identity["Arn"].split(":")[1], read_only)

    def client(self, service: str) -> Any:
        """A boto3 client; on a read-only site one that cannot change anything."""
        if service not in self._clients:
            client = self.target.client(service)
            if self.read_only:
                forbid_changes(client)
            self._clients[service] = client
        return self._clients[service]

    def once(self, look: Callable[[Site], T]) -> T:
        """What a function finds, looked for once: only for what no step of ours changes."""
        if look not in self._known:
            self._known[look] = look(self)
        found: T = self._known[look]
        return found

    @property
    def region(self) -> str:
        """Region of the cluster."""
        return self.settings.region

    @property
    def name(self) -> str:
        """Name of the cluster, and of everything that is made only for it."""
        return self.settings.cluster_identifier

    @property
    def same_region(self) -> bool:
        """Whether the source bucket and the cluster share a region."""
        return self.settings.s3_region == self.region

    @property
    def tags(self) -> dict[str, str]:
        """What marks a resource as ours. The region is one of them because roles know none."""
        return {"project": PROJECT, "cluster": self.name, "region": self.region}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags as AWS takes them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    @property
    def tag_filters(self) -> list[dict[str, Any]]:
        """The tags as a filter of EC2's describe calls."""
        return [{"Name": f"tag:{key}", "Values": [value]} for key, value in self.tags.items()]

    def redshift_arn(self, resource: str) -> str:
        """The ARN of something of Redshift's in this account and region."""
        return f"arn:{self.partition}:redshift:{self.region}:{self.account}:{resource}"

    @property
    def role_arn(self) -> str:
        """ARN of the role that the cluster reads S3 with."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.settings.role_name}"

    def owns(self, tags: Iterable[Mapping[str, str]] | None) -> bool:
        """Whether a resource with these tags was made by us for this cluster."""
        found = {tag["Key"]: tag["Value"] for tag in tags or ()}
        return self.tags.items() <= found.items()

    def adopt(self, kind: str, name: str, tags: Iterable[Mapping[str, str]] | None, key: str) -> None:
        """Refuse a resource that is not ours.

        Args:
            kind: what it is, for the reader.
            name: its name.
            tags: the tags that it carries.
            key: the key of dwh.cfg that would give ours another name.

        Raises:
            NotOursError: it lacks our tags.
        """
        if not self.owns(tags):
            wanted = ", ".join(f"{k}={v}" for k, v in self.tags.items())
            article = "an" if kind.startswith("I") else "a"
            raise NotOursError(
                f"there is already {article} {kind} named {name}, and it is not ours: it lacks the tags {wanted}",
                hint=f"choose another {key} in {self.settings.path.name}; nothing of {name} was touched",
            )


READS = ("Describe", "Get", "Head", "List")


def forbid_changes(client: Any) -> None:
    """Make every call of a client fail that does not merely read."""
    client.meta.events.register_first("before-parameter-build", _only_reads)


def _only_reads(model: Any, **_: Any) -> None:
    # A login is asked for with a Get call, yet it can be used to change the warehouse.
    if not model.name.startswith(READS) or "Credentials" in model.name:
        raise RuntimeError(f"a dry run must not call {model.service_model.service_name}:{model.name}")
