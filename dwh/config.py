"""dwh.cfg, .env and the environment, read into one frozen ``Settings``.

Every key that exists is one row of ``KEYS``; the configuration reference of
the README is made from the same rows. All problems are reported at once.
"""

from __future__ import annotations

import configparser
import difflib
import ipaddress
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from dwh.errors import ConfigError

TARGETS = ("auto", "local", "aws")
SECRET_NAMES = ("KEY", "SECRET", "DB_PASSWORD")

# Valid node types and the node counts that each can be created with:
# https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-clusters.html
NODE_COUNTS = {
    "ra3.large": range(1, 17),
    "ra3.xlplus": range(1, 33),
    "ra3.4xlarge": range(2, 33),
    "ra3.16xlarge": range(2, 129),
    "rg.large": range(1, 17),
    "rg.xlarge": range(2, 17),
    "rg.4xlarge": range(2, 33),
    "rg.12xlarge": range(2, 129),
}


@dataclass(frozen=True)
class Settings:
    """Everything a step may ask about its configuration.

    ``target`` is resolved: "local" or "aws". Secrets are left out of ``repr``.
    """

    path: Path
    target: str
    region: str
    dwh_endpoint: str
    cluster_identifier: str
    db_name: str
    db_user: str
    db_port: int
    node_type: str
    number_of_nodes: int
    access: str
    encryption_key: str
    snapshot_days: int
    multi_az: bool
    maintenance_window: str
    role_name: str
    dwh_arn_role: str
    log_data: str
    log_jsonpath: str
    song_data: str
    s3_region: str
    statement_timeout: int
    lock_timeout: int
    data_dir: Path | None
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    db_password: str | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def state_dir(self) -> Path:
        """The folder of the local target's run-time state, beside dwh.cfg."""
        return self.path.parent / ".local"


class _Problem(ValueError):
    """What is wrong with one value, as the end of a sentence."""


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise _Problem(f"must be {meaning}")
        return text

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise _Problem(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _integer(*ranges: range, unit: str = "") -> Callable[[str], int]:
    meaning = " or ".join(f"{r.start} to {r.stop - 1}" for r in ranges)

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not any(int(text) in r for r in ranges):
            raise _Problem(f"must be a whole number{unit and ' of ' + unit}, {meaning}")
        return int(text)

    return parse


def _yes_no(text: str) -> bool:
    if text.lower() not in configparser.ConfigParser.BOOLEAN_STATES:
        raise _Problem("must be yes or no")
    return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]


def _access(text: str) -> str:
    """Who may reach the cluster: never the whole internet, nor half of it."""
    if text in ("my-ip", "private"):
        return text
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise _Problem("must be my-ip, private or one CIDR such as 203.0.113.0/24") from None
    widest = 8 if network.version == 4 else 32
    if network.prefixlen < widest:
        raise _Problem(f"would open the cluster to too many addresses; /{widest} is the widest accepted")
    return str(network)


_identifier = _matching(
    r"(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "1 to 63 lower-case letters, digits and single hyphens, beginning with a letter",
)
_s3_name = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.*()/=+-]+"
_object = _matching(_s3_name, "an S3 address such as s3://bucket/key.json")
_folder = _matching(_s3_name, "an S3 address such as s3://bucket/prefix/")


def _prefix(text: str) -> str:
    """A prefix that ends with a slash: COPY reads every key that begins with it, log_data_old/ too."""
    return _folder(text).rstrip("/") + "/"


_region = _matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as us-west-2")


@dataclass(frozen=True)
class Key:
    """One key of dwh.cfg: where it stands, how it is checked, whether it may be empty."""

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
    Key("CLUSTER", "node_type", _one_of(*NODE_COUNTS), "size of a node"),
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


def load(
    path: str | os.PathLike[str] = "dwh.cfg",
    target: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read and check the whole configuration.

    Args:
        path: dwh.cfg; ``.env`` and ``.local/`` are looked for beside it.
        target: "auto", "local" or "aws"; None takes the ``[TARGET]`` section.
        environ: the process environment, by default ``os.environ``. A name set
            there wins over the same name in ``.env``.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    cfg = Path(path).absolute()
    problems: list[str] = []
    values = _read_keys(cfg, problems)
    secrets, warnings = _read_secrets(cfg.with_name(".env"), os.environ if environ is None else environ, problems)
    if not problems:
        _check_together(values, problems)
    if target is not None and target not in TARGETS:
        problems.append(f"--target must be one of {', '.join(TARGETS)}, not {target}")
    wanted = target or values.get("target", "auto")
    values["target"] = _resolve_target(wanted, secrets, problems)
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(
            f"{count} in the configuration",
            hint=f"mend {cfg} or .env beside it, then run the step again",
            detail="\n".join(problems),
        )
    return Settings(
        path=cfg,
        key=secrets.get("KEY") or None,
        secret=secrets.get("SECRET") or None,
        db_password=secrets.get("DB_PASSWORD") or None,
        warnings=tuple(warnings),
        **values,
    )


def _read_keys(cfg: Path, problems: list[str]) -> dict[str, Any]:
    parser = _parse_file(cfg)
    values: dict[str, Any] = {}
    for key in KEYS:
        where = f"[{key.section}] {key.option}"
        if not parser.has_section(key.section):
            message = f"section [{key.section}] is missing{_suggestion(key.section, parser.sections())}"
            if message not in problems:
                problems.append(message)
            continue
        text = parser.get(key.section, key.option, fallback=None)
        if not text:
            if key.may_be_empty:
                values[key.name] = key.empty
            else:
                problems.append(f"{where} is {'missing' if text is None else 'empty'}: {key.meaning}")
            continue
        try:
            values[key.name] = key.parse(_plain(text))
        except _Problem as problem:
            problems.append(f"{where} {problem}; it is {text!r}")
    problems.extend(_unknown(parser))
    if values.get("data_dir") is not None:
        values["data_dir"] = cfg.parent / values["data_dir"].expanduser()
    return values


def _parse_file(cfg: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(cfg.read_text(encoding="utf-8-sig"), source=cfg.name)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {cfg}",
            hint="run the step in the project's folder, or name the file with --config PATH",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"{cfg} cannot be read: {reason}", hint="mend the file, or name another with --config PATH"
        ) from None
    except configparser.Error as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{cfg} cannot be understood: {reason}", hint="mend that line of the file") from None
    return parser


def _plain(text: str) -> str:
    """Refuse what configparser would silently keep as part of the value."""
    if "\n" in text:
        raise _Problem("runs on over an indented line")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise _Problem("must stand without quotes")
    if re.search(r"\s[#;]", text):
        raise _Problem("must not have a comment on its own line")
    return text


def _unknown(parser: configparser.ConfigParser) -> list[str]:
    """Every section and key that no step reads: most likely a slip of the pen."""
    sections = sorted({key.section for key in KEYS})
    problems = []
    for section in parser.sections():
        known = [key.option for key in KEYS if key.section == section]
        if not known:
            problems.append(f"section [{section}] is not known{_suggestion(section, sections)}")
        problems += [
            f"[{section}] {option} is not known{_suggestion(option, known)}"
            for option in parser.options(section)
            if known and option not in known
        ]
    return problems


def _suggestion(word: str, known: list[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _check_together(values: Mapping[str, Any], problems: list[str]) -> None:
    """The rules that hold between keys."""
    node_type, nodes = values["node_type"], values["number_of_nodes"]
    counts = NODE_COUNTS[node_type]
    if nodes not in counts:
        problems.append(
            f"[CLUSTER] number_of_nodes must be {counts.start} to {counts.stop - 1} for {node_type}; it is {nodes}"
        )
    if values["multi_az"] and nodes < 2:
        problems.append("[CLUSTER] multi_az needs number_of_nodes of 2 or more")
    if values["multi_az"] and values["access"] != "private":
        problems.append("[CLUSTER] multi_az needs access = private: such a cluster has no public endpoint")


def _read_secrets(env_file: Path, environ: Mapping[str, str], problems: list[str]) -> tuple[dict[str, str], list[str]]:
    """KEY, SECRET and DB_PASSWORD; the environment wins over ``.env``."""
    secrets: dict[str, str] = {}
    warnings: list[str] = []
    if env_file.is_file():
        if os.name == "posix" and env_file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            warnings.append(f"{env_file.name} can be read by other users: chmod 600 {env_file}")
        with env_file.open(encoding="utf-8-sig") as stream:
            # Not dotenv_values(): it drops a line that it cannot parse, and expands ${X} inside a secret.
            for binding in parse_stream(stream):
                if binding.error:
                    problems.append(f"{env_file.name}, line {binding.original.line}: cannot be understood")
                elif binding.key in SECRET_NAMES:
                    secrets[binding.key] = (binding.value or "").strip()
    secrets.update({name: environ[name].strip() for name in SECRET_NAMES if name in environ})
    problems += [
        f"{name} holds a space or a line break: copy it again"
        for name in ("KEY", "SECRET")
        if re.search(r"\s", secrets.get(name, ""))
    ]
    return secrets, warnings


def _resolve_target(wanted: str, secrets: Mapping[str, str], problems: list[str]) -> str:
    key, secret = bool(secrets.get("KEY")), bool(secrets.get("SECRET"))
    if wanted != "local" and key != secret:
        there, gone = ("KEY", "SECRET") if key else ("SECRET", "KEY")
        problems.append(f".env has {there} but no {gone}: set both for AWS, or neither for the local target")
    if wanted == "aws" and not key and "KEY" in secrets:
        # Left alone, boto3 would go on to another profile: perhaps another account.
        problems.append("KEY is empty: fill it in, or take the line out of .env to use boto3's own credentials")
    if wanted == "auto":
        return "aws" if key and secret else "local"
    return wanted
