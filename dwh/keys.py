"""The keys of dwh.cfg: the section of each, how it is checked, what it means."""

from __future__ import annotations

import configparser
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

TARGETS = ("auto", "local", "aws")


class NodeType(NamedTuple):
    """What AWS says of a node type.

    Args:
        nodes: how many of them a new cluster can have. (More can be had by a resize.)
        hourly: US dollars for one node and one hour, on demand, in us-east-1 and us-west-2.
        multi_az: whether it can be in two availability zones.
    """

    nodes: range
    hourly: float
    multi_az: bool


# https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-clusters.html
# https://aws.amazon.com/redshift/pricing/
# https://docs.aws.amazon.com/redshift/latest/mgmt/managing-cluster-multi-az.html: only RA3
NODE_TYPES = {
    "ra3.large": NodeType(range(1, 17), 0.543, True),
    "ra3.xlplus": NodeType(range(1, 17), 1.086, True),
    "ra3.4xlarge": NodeType(range(2, 33), 3.26, True),
    "ra3.16xlarge": NodeType(range(2, 129), 13.04, True),
    "rg.large": NodeType(range(1, 17), 0.3801, False),
    "rg.xlarge": NodeType(range(2, 17), 0.7602, False),
    "rg.4xlarge": NodeType(range(2, 33), 3.0427, False),
    "rg.12xlarge": NodeType(range(2, 129), 9.128, False),
}


class Problem(ValueError):
    """What is wrong with one value, as the end of a sentence."""


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise Problem(f"must be {meaning}")
        return text

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise Problem(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _integer(*ranges: range, unit: str = "") -> Callable[[str], int]:
    meaning = " or ".join(f"{r.start} to {r.stop - 1}" for r in ranges)

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not any(int(text) in r for r in ranges):
            raise Problem(f"must be a whole number{unit and ' of ' + unit}, {meaning}")
        return int(text)

    return parse


def _yes_no(text: str) -> bool:
    if text.lower() not in configparser.ConfigParser.BOOLEAN_STATES:
        raise Problem("must be yes or no")
    return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]


def _access(text: str) -> str:
    """Who may reach the cluster: never the whole internet, nor half of it."""
    if text in ("my-ip", "private"):
        return text
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise Problem("must be my-ip, private or one CIDR such as 203.0.113.0/24") from None
    widest = 8 if network.version == 4 else 32
    if network.prefixlen < widest:
        raise Problem(f"would open the cluster to too many addresses; /{widest} is the widest accepted")
    return str(network)


_identifier = _matching(
    r"(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "1 to 63 lower-case letters, digits and single hyphens, beginning with a letter",
)
_s3_name = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.()/=+-]+"
# In the policy of the role, which holds the addresses of [S3], these mean more than themselves:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
_WILDCARDS = ("*", "?", "${")


def _address(meaning: str) -> Callable[[str], str]:
    """An address in S3 that opens in the role's policy what it names, and nothing else."""
    check = _matching(_s3_name, meaning)

    def parse(text: str) -> str:
        for mark in _WILDCARDS:
            if mark in text:
                raise Problem(
                    f"must not have {mark} in it: in the policy of the cluster's role it opens other keys too"
                )
        return check(text)

    return parse


_object = _address("an S3 address such as s3://bucket/key.json")
_folder = _address("an S3 address such as s3://bucket/prefix/")


def _prefix(text: str) -> str:
    """A prefix that ends with a slash: COPY reads every key that begins with it, log_data_old/ too."""
    return _folder(text).rstrip("/") + "/"


_region = _matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as us-west-2")


@dataclass(frozen=True)
class Key:
    """One key of dwh.cfg: its section, how it is checked, whether it may be empty."""

    section: str
    option: str
    parse: Callable[[str], Any]
    meaning: str
    setting: str = ""
    empty: Any = None
    may_be_empty: bool = False

    @property
    def name(self) -> str:
        """The field of ``Settings`` that the key fills."""
        return self.setting or self.option

    @property
    def variable(self) -> str:
        """The variable of the environment, or of .env, that wins over dwh.cfg."""
        return f"DWH_{self.name.upper().removeprefix('DWH_')}"


KEYS = (
    Key("TARGET", "target", _one_of(*TARGETS), "where the steps run: auto, local or aws"),
    Key("AWS", "region", _region, "region of the cluster"),
    Key(
        "CLUSTER",
        "dwh_endpoint",
        _matching(r"[A-Za-z0-9.-]+", "a host name"),
        "host of the cluster, written by create_cluster.py",
        empty="",
        may_be_empty=True,
    ),
    Key("CLUSTER", "cluster_identifier", _identifier, "name of the cluster"),
    Key(
        "CLUSTER",
        "db_name",
        _matching(r"(?!dev$)[a-z][a-z0-9_]{0,63}", "1 to 64 lower-case letters, digits or _, and not the default dev"),
        "name of the database",
    ),
    Key(
        "CLUSTER",
        "db_user",
        _matching(
            r"(?!(?:awsuser|public|admin|administrator)$)[a-z][a-z0-9_]{0,62}",
            "lower-case letters, digits or _, and not awsuser, admin, administrator or public",
        ),
        "name of the admin user",
    ),
    Key("CLUSTER", "db_port", _integer(range(5431, 5456), range(8191, 8216)), "port of the cluster"),
    Key("CLUSTER", "node_type", _one_of(*NODE_TYPES), "size of a node"),
    Key("CLUSTER", "number_of_nodes", _integer(range(1, 129)), "1 is a single-node cluster, more is multi-node"),
    Key("CLUSTER", "access", _access, "who may connect: my-ip, private, or one CIDR"),
    Key(
        "CLUSTER",
        "encryption_key",
        _matching(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+", "the ARN of a KMS key"),
        "KMS key that encrypts the cluster; empty is the key that AWS owns",
        empty="",
        may_be_empty=True,
    ),
    Key("CLUSTER", "snapshot_days", _integer(range(1, 36), unit="days"), "days that automated snapshots are kept"),
    Key("CLUSTER", "multi_az", _yes_no, "a second copy in another availability zone: yes or no"),
    Key(
        "CLUSTER",
        "maintenance_window",
        _matching(
            r"(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]",
            "a window such as sun:04:00-sun:05:00 (UTC)",
        ),
        "weekly maintenance window in UTC; empty lets AWS choose",
        empty="",
        may_be_empty=True,
    ),
    Key("IAM_ROLE", "role_name", _matching(r"[A-Za-z0-9+=,.@_-]{1,64}", "a role name"), "role that COPY reads S3 with"),
    Key(
        "IAM_ROLE",
        "dwh_arn_role",
        _matching(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+", "the ARN of a role"),
        "ARN of that role, written by create_cluster.py",
        empty="",
        may_be_empty=True,
    ),
    Key("S3", "log_data", _prefix, "prefix of the event logs"),
    Key("S3", "log_jsonpath", _object, "JSONPaths file of the event logs"),
    Key("S3", "song_data", _prefix, "prefix of the song metadata"),
    Key("S3", "region", _region, "region of the bucket", setting="s3_region"),
    Key(
        "WAREHOUSE",
        "statement_timeout",
        _integer(range(86_401), unit="seconds"),
        "seconds that one statement may take; 0 is no limit",
    ),
    Key(
        "WAREHOUSE",
        "lock_timeout",
        _integer(range(1, 86_401), unit="seconds"),
        "seconds that a load waits for another load",
    ),
    Key(
        "LOCAL",
        "data_dir",
        Path,
        "folder with log_data and song_data for the local S3; empty is generated sample data",
        may_be_empty=True,
    ),
)
