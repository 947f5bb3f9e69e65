"""dwh.cfg, .env and the environment, read into one frozen ``Settings``.

All problems are reported at once. What each key must be stands in ``dwh.keys``.
"""

from __future__ import annotations

import configparser
import difflib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from dwh.errors import ConfigError
from dwh.keys import KEYS, NODE_COUNTS, TARGETS, Problem

SECRET_NAMES = ("KEY", "SECRET", "DB_PASSWORD")


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
        """The folder of the local target's run-time state, beside dwh.cfg.

        Without links and "..": its processes are told by this path in their command lines.
        """
        return self.path.parent.resolve() / ".local"


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
        except Problem as problem:
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
        raise Problem("runs on over an indented line")
    if text[0] in "'\"" or text[-1] in "'\"":
        raise Problem("must stand without quotes")
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
    if values["log_jsonpath"].startswith(values["log_data"]):
        problems.append("[S3] log_jsonpath lies under log_data: COPY would read it as a log; move it elsewhere")
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
    if values["encryption_key"] and values["encryption_key"].split(":")[3] != values["region"]:
        problems.append(f"[CLUSTER] encryption_key must be a key in {values['region']}, the region of the cluster")


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
