"""Options, the environment, .env and dwh.cfg, the first of which wins, read into one frozen ``Settings``.

All problems are reported at once. ``dwh.keys`` says what each key of dwh.cfg must be.
"""

from __future__ import annotations

import configparser
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dotenv.parser import Binding, parse_stream

from dwh.commands import CREATE
from dwh.errors import ConfigError
from dwh.keys import KEYS, NODE_TYPES, Problem
from dwh.text import closest, did_you_mean

SECRET_NAMES = ("KEY", "SECRET", "DB_PASSWORD")
VARIABLES = {key.variable: key for key in KEYS}
# Other tools' names for them.
MEANT = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_KEY", "ACCESS_KEY"), "KEY") | dict.fromkeys(
    ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "SECRET_KEY"), "SECRET"
)
# What boto3 or the aws command would look for, and where the steps do.
ELSEWHERE = dict.fromkeys(
    ("AWS_REGION", "AWS_DEFAULT_REGION"), "the region is in dwh.cfg, under [AWS], or DWH_REGION"
) | {
    "AWS_PROFILE": "set it in the environment, and use --target aws; or give --profile",
    "AWS_SESSION_TOKEN": "set it in the environment",
}
LONGEST_BUCKET = 63  # characters of a bucket's name
# A name in .env that may be shown. Anything else may be a key that was pasted in its place, or a part of one.
NAME = re.compile(r"(?!A[KS]IA)[A-Za-z_][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True)
class Settings:
    """Everything a step may ask about its configuration.

    ``target`` is resolved: "local" or "aws". Secrets are left out of ``repr``. ``profile`` is that of an option, and
    takes the place of key and secret. ``origins`` says of each setting where its value is from: an option such as
    --target, environment, .env, the name of dwh.cfg, or default.
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
    profile: str | None = None
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def endpoint(self) -> str:
        """The host of the warehouse.

        Raises:
            ConfigError: it is not known, so there is no cluster yet.
        """
        if not self.dwh_endpoint:
            raise ConfigError(
                f"there is no cluster yet: dwh_endpoint is empty in {self.path.name}",
                hint=CREATE,
            )
        return self.dwh_endpoint

    def work_bucket(self, account: str) -> str:
        """The name of the cluster's work bucket: always the same, so that every step finds it.

        It holds the account, because bucket names are shared by all the accounts of AWS.

        Args:
            account: id of the account, twelve digits.
        """
        name = f"{self.cluster_identifier}-{account}-{self.region}"
        if len(name) <= LONGEST_BUCKET:
            return name
        digest = hashlib.sha256(self.cluster_identifier.encode()).hexdigest()[:8]
        end = f"-{digest}-{account}-{self.region}"
        return self.cluster_identifier[: LONGEST_BUCKET - len(end)].rstrip("-") + end

    @property
    def state_dir(self) -> Path:
        """The folder of the local target's run-time state, beside dwh.cfg.

        Without links and "..": its processes are recognized by this path in their command lines.
        """
        return self.path.parent.resolve() / ".local"


def load(
    path: str | os.PathLike[str] = "dwh.cfg",
    target: str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    env_file: str | os.PathLike[str] | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Settings:
    """Read and check the whole configuration.

    Args:
        path: dwh.cfg; ``.env`` and ``.local/`` are looked for beside it.
        target: "auto", "local" or "aws"; None takes what is configured.
        environ: the process environment, by default ``os.environ``. A name set
            there wins over the same name in ``.env``.
        env_file: takes the place of ``.env``.
        region: of the cluster; None takes what is configured.
        profile: of AWS's own configuration, whose credentials take the place of KEY and SECRET.

    Raises:
        ConfigError: with every problem found, one a line.
    """
    cfg = _absolute(path)
    env = _absolute(env_file) if env_file else cfg.parent / ".env"
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    slips: dict[str, str] = {}
    warnings: list[str] = []
    in_env_file = _read_env(env, problems, slips, warnings, needed=env_file is not None)
    in_environment = _from_environment(environ, warnings)
    overrides = _overrides(in_env_file, env.name) | _overrides(in_environment, "environment")
    options = {"target": target, "region": region}
    overrides |= {name: Override(text, f"--{name}") for name, text in options.items() if text is not None}
    values, origins = _read_keys(cfg, overrides, problems)
    secrets, from_where = {}, {}
    for where, named in ((env.name, in_env_file), ("environment", in_environment)):
        for name in SECRET_NAMES:
            if name in named and not (profile and name != "DB_PASSWORD"):
                secrets[name], from_where[name] = named[name], where
    if not problems:
        _check_together(values, problems)
    wanted = values.get("target", "auto")
    if wanted == "auto":
        origins["target"] = f"{origins.get('target', 'default')}, auto"
    # A slip could send a step to the wrong place, unless it has credentials anyway or was told to run locally.
    harmless = wanted == "local" or profile or (secrets.get("KEY") and secrets.get("SECRET"))
    (warnings if harmless else problems).extend(
        slip for slip, name in slips.items() if wanted != "aws" or name not in environ
    )
    values["target"] = _resolve_target(wanted, secrets, profile, env.name, problems)
    if values["target"] == "aws":
        _check_pair(secrets, problems)
    if problems:
        raise _all_of(problems, cfg, env)
    return Settings(
        path=cfg,
        key=secrets.get("KEY") or None,
        secret=secrets.get("SECRET") or None,
        db_password=secrets.get("DB_PASSWORD") or None,
        profile=profile,
        warnings=tuple(warnings),
        origins=origins | from_where,
        **values,
    )


class Override(NamedTuple):
    """A setting that wins over dwh.cfg, and where it is from."""

    text: str
    origin: str


def _from_environment(environ: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    """The secrets and settings of the environment. A name that is nearly one is warned about."""
    for name in environ:
        if name.startswith("DWH_") and name not in VARIABLES:
            warnings.append(f"{name} in the environment is not known{did_you_mean(name, VARIABLES)}")
    return {name: environ[name].strip() for name in (*SECRET_NAMES, *VARIABLES) if name in environ}


def _overrides(found: Mapping[str, str], origin: str) -> dict[str, Override]:
    """The variables that are settings; an empty one does not count."""
    return {VARIABLES[name].name: Override(text, origin) for name, text in found.items() if name in VARIABLES and text}


def _all_of(problems: list[str], cfg: Path, env: Path) -> ConfigError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    where = f"{env.name} beside it" if env.parent == cfg.parent else env
    return ConfigError(
        f"{count} in the configuration",
        hint=f"fix {cfg} or {where}, then run the step again",
        detail="\n".join(problems),
    )


def _absolute(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).absolute()
    except OSError as error:
        raise ConfigError(
            f"the folder that you are in cannot be found: {error.strerror}", hint="change to the project's folder"
        ) from None


def _read_keys(
    cfg: Path, overrides: Mapping[str, Override], problems: list[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by name, from dwh.cfg or from what wins over it, and where each is from."""
    parser = _parse_file(cfg)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        where = f"[{key.section}] {key.option}"
        if not parser.has_section(key.section):
            message = f"section [{key.section}] is missing{did_you_mean(key.section, parser.sections())}"
            if message not in problems:
                problems.append(message)
            continue
        text = parser.get(key.section, key.option, fallback=None)
        origins[key.name] = cfg.name if text else "default"
        if override := overrides.get(key.name):
            text, origins[key.name] = override
            where = override.origin if override.origin.startswith("--") else f"{key.variable} ({override.origin})"
        if not text:
            if key.may_be_empty:
                values[key.name] = key.empty
            else:
                problems.append(f"{where} is {'missing' if text is None else 'empty'}: {key.meaning}")
            continue
        try:
            values[key.name] = key.parse(_plain(text))
        except Problem as problem:
            problems.append(f"{where} {problem}; it is {text!r}")
    problems.extend(_unknown(parser))
    if values.get("data_dir") is not None:
        try:
            values["data_dir"] = cfg.parent / values["data_dir"].expanduser()
        except RuntimeError:  # ~name of no user, or ~ of a user without a home
            problems.append(f"[LOCAL] data_dir begins with a home folder that is not there; it is {values['data_dir']}")
    return values, origins


def _parse_file(cfg: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(cfg), source=cfg.name)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {cfg}",
            hint="run the step in the project's folder, or name the file with --config PATH",
        ) from None
    except Problem as problem:
        raise ConfigError(f"{cfg} {problem}", hint="fix the file, or name another with --config PATH") from None
    except configparser.Error as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{cfg} cannot be understood: {reason}", hint="fix that line of the file") from None
    return parser


def _text(path: Path) -> str:
    """The text of a file.

    Raises:
        FileNotFoundError: there is none.
        Problem: it cannot be read, as the end of a sentence that shows nothing of it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if path.is_symlink():
            raise Problem(f"is a link to {os.readlink(path)}, which is not there") from None
        raise
    except OSError as error:
        raise Problem(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Problem("cannot be read: it is not UTF-8 text") from None
    if "\0" in text:
        raise Problem("cannot be read: it has a NUL byte in it")
    return text


def _plain(text: str) -> str:
    """Refuse what configparser would silently keep as part of the value."""
    if "\n" in text:
        raise Problem("runs on over an indented line")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise Problem("must be without quotes")
    if re.search(r"\s[#;]", text):
        raise Problem("must not have a comment on its own line")
    return text


def _unknown(parser: configparser.ConfigParser) -> list[str]:
    """Every section and key that no step reads: most likely a slip of the pen."""
    sections = sorted({key.section for key in KEYS})
    problems = []
    for section in parser.sections():
        known = [key.option for key in KEYS if key.section == section]
        if not known:
            problems.append(f"section [{section}] is not known{did_you_mean(section, sections)}")
        problems += [
            f"[{section}] {option} is not known{did_you_mean(option, known)}"
            for option in parser.options(section)
            if known and option not in known
        ]
    return problems


def _check_together(values: Mapping[str, Any], problems: list[str]) -> None:
    """The rules that hold between keys."""
    if values["log_jsonpath"].startswith(values["log_data"]):
        problems.append("[S3] log_jsonpath lies under log_data: COPY would read it as a log; move it elsewhere")
    node_type, nodes = values["node_type"], values["number_of_nodes"]
    counts = NODE_TYPES[node_type].nodes
    if nodes not in counts:
        problems.append(
            f"[CLUSTER] number_of_nodes must be {counts.start} to {counts.stop - 1} for {node_type}; it is {nodes}"
        )
    if values["multi_az"] and not NODE_TYPES[node_type].multi_az:
        problems.append(f"[CLUSTER] multi_az needs a node_type of RA3, such as ra3.large; it is {node_type}")
    if values["multi_az"] and nodes < 2:
        problems.append("[CLUSTER] multi_az needs number_of_nodes of 2 or more")
    if values["multi_az"] and values["access"] != "private":
        problems.append("[CLUSTER] multi_az needs access = private: such a cluster has no public endpoint")
    if values["encryption_key"] and values["encryption_key"].split(":")[3] != values["region"]:
        problems.append(f"[CLUSTER] encryption_key must be a key in {values['region']}, the region of the cluster")


def _read_env(
    env_file: Path, problems: list[str], slips: dict[str, str], warnings: list[str], *, needed: bool
) -> dict[str, str]:
    """KEY, SECRET, DB_PASSWORD and the settings as ``.env`` has them.

    What else is in it goes to ``slips``, with its name, where it looks like one of these or is a variable of
    AWS's; else to ``warnings``: other tools keep theirs in such a file too. Nothing of another's value is shown.
    """
    found: dict[str, str] = {}
    others: list[str] = []
    for binding in _bindings(env_file, problems, warnings, needed=needed):
        where, name = f"{env_file.name}, line {_line(binding)}", binding.key
        if binding.error:
            problems.append(f"{where}: cannot be understood")
        elif name is None:  # a comment, or an empty line
            continue
        elif binding.value is None or not NAME.fullmatch(name):
            slips[f"{where}: is not NAME=value"] = ""
        elif name in SECRET_NAMES or name in VARIABLES:
            if binding.value.strip() and found.get(name):
                problems.append(f"{where}: {name} is there a second time")
            found[name] = found.get(name) or binding.value.strip()
        elif wrong := _slip(name):
            slips[f"{where}: {wrong}"] = name
        elif name not in others:
            others.append(name)
    if others:
        known = f"{', '.join(SECRET_NAMES)} and DWH_* settings"
        warnings.append(f"{env_file.name} is read only for {known}, not for {', '.join(others)}")
    return found


def _bindings(env_file: Path, problems: list[str], warnings: list[str], *, needed: bool) -> Iterator[Binding]:
    """The lines of ``.env``, when there is one; when it was named, there has to be one."""
    try:
        # A pipe that nobody writes to would be waited for.
        if env_file.exists() and not env_file.is_file():
            raise Problem("is not a file")
        text = _text(env_file)
        readable = os.name == "posix" and env_file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except FileNotFoundError:
        if needed:
            problems.append(f"there is no file {env_file}")
        return
    except (OSError, Problem) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else error
        problems.append(f"{env_file.name} {reason}")
        return
    if readable:
        warnings.append(f"{env_file.name} can be read by other users: chmod 600 {env_file}")
    # Not dotenv_values(): it drops a line that it cannot parse, and expands ${X} inside a secret.
    yield from parse_stream(io.StringIO(text))


def _line(binding: Binding) -> int:
    """The number of its line. A binding begins with the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _slip(name: str) -> str:
    """What is wrong with a name in ``.env`` that looks like one of these or of AWS's; else nothing."""
    if name.upper().startswith("DWH_"):
        return f"{name} is not known{did_you_mean(name, VARIABLES)}"
    # A lower cutoff would take another tool's DB_PORT or POSTGRES_PASSWORD for a slip.
    close = closest(name, [*SECRET_NAMES, *MEANT, *ELSEWHERE], 0.8)
    if close and close not in ELSEWHERE:
        return f"{name} is not known; did you mean {MEANT.get(close, close)}?"
    if close or name.upper().startswith("AWS_"):
        return f"{name} is not read from .env; {ELSEWHERE.get(close, ELSEWHERE['AWS_SESSION_TOKEN'])}"
    return ""


def _check_pair(secrets: Mapping[str, str], problems: list[str]) -> None:
    problems += [
        f"{name} holds a space, a line break or another character that is never in it: copy it again"
        for name in ("KEY", "SECRET")
        if re.search(r"[^!-~]", secrets.get(name, ""))
    ]


def _resolve_target(
    wanted: str, secrets: Mapping[str, str], profile: str | None, env_file: str, problems: list[str]
) -> str:
    key, secret = bool(secrets.get("KEY")), bool(secrets.get("SECRET"))
    if wanted == "local" and profile:
        problems.append("--profile is for AWS, and the target is local: leave it out, or add --target aws")
    if wanted != "local" and key != secret:
        there, gone = ("KEY", "SECRET") if key else ("SECRET", "KEY")
        problems.append(f"{env_file} has {there} but no {gone}: set both for AWS, or neither for the local target")
    if wanted == "aws" and not key and "KEY" in secrets:
        # Left alone, boto3 would go on to another profile: perhaps another account.
        problems.append("KEY is empty: fill it in, or take the line out of .env to use boto3's own credentials")
    if wanted == "auto":
        return "aws" if profile or (key and secret) else "local"
    return wanted
