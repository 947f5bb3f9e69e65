"""What was seen: observed.json for tests, RESULTS.md for people. Never a secret, an account or an address."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.aws.live.checks import ALL, QUESTIONS
from tests.aws.live.course import FAILED, OK, Run
from tests.aws.live.place import NODE_TYPE

HERE = Path(__file__).parent
OBSERVED, RESULTS = "observed.json", "RESULTS.md"
# What looks like one, wherever it comes from: an account, an access key, an IPv4 address.
PATTERNS = (
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "ACCOUNT"),
    (re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,}\b"), "KEY"),
    (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), "ADDRESS"),
    (re.compile(r"(?<=\.)[a-z0-9]{8,}(?=\.[a-z0-9-]+\.redshift\.)"), "HOST"),
)


def masked(text: str, secrets: dict[str, str]) -> str:
    """A text without what must not be written down.

    Args:
        text: any.
        secrets: what it may hold, and the word that takes its place.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, secrets[secret])
    for pattern, word in PATTERNS:
        text = pattern.sub(word, text)
    return text


def secrets_of(run: Run) -> dict[str, str]:
    """What this run knows and must not write down."""
    settings = run.settings
    known = {"SECRET": settings.secret, "PASSWORD": settings.db_password, "KEY": settings.key}
    known |= {"ACCOUNT": run.site.account, "NAME": run.site.name, "FOLDER": str(run.place.folder)}
    return {text: word for word, text in known.items() if text}


def keep(run: Run, folder: Path) -> Path:
    """Write what this run has seen over what earlier ones have seen of the same checks; the file for people."""
    folder.mkdir(parents=True, exist_ok=True)
    when = {"on": f"{datetime.now(UTC):%Y-%m-%d}", "region": run.site.region, "cluster": f"{run.nodes} × {NODE_TYPE}"}
    when["target"] = run.place.target
    entries = {
        name: when | asdict(outcome) | {"seconds": round(outcome.seconds, 1)}
        for name, outcome in run.outcomes.items()
        if outcome.status in (OK, FAILED)
    }
    clean = masked(json.dumps(entries, ensure_ascii=False, default=str), secrets_of(run))
    names = [check.name for check in ALL]
    known = {name: seen for name, seen in (read(folder) | json.loads(clean)).items() if name in names}
    text = json.dumps(known, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / OBSERVED).write_text(f"{text}\n", encoding="utf-8")
    (folder / RESULTS).write_text(results(known), encoding="utf-8")
    return folder / RESULTS


def read(folder: Path = HERE) -> dict[str, dict]:
    """What runs so far have seen, by the name of the check; nothing where there was none."""
    path = folder / OBSERVED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def results(known: dict[str, dict]) -> str:
    """The page for people."""
    when = sorted({f"{seen['on']}, {seen['region']}, {seen['cluster']}" for seen in known.values()})
    rows = [
        f"| `{check.name}` | {check.tries} | {numbers(check.settles)} | {told(known.get(check.name))} |"
        for check in ALL
    ]
    asked = [f"{number}. {question}" for number, question in QUESTIONS.items()]
    local = any(seen["target"] == "local" for seen in known.values())
    runs = f"Runs: {'; '.join(when)}." if when else "No run on AWS yet: each line below is a check that waits for one."
    return "\n".join(
        [
            f"# What {'the local target' if local else 'AWS'} answered",
            "",
            "`make aws-check` writes this page and `observed.json` beside it. Do not edit them by hand.",
            runs,
            "",
            "| check | what is tried | settles | answer |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "## Open questions",
            "",
            "AWS's documentation does not answer these. The column *settles* has their numbers.",
            "",
            *asked,
            "",
        ]
    )


def numbers(settles) -> str:
    """Numbers of questions, for a cell."""
    return ", ".join(map(str, settles))


def told(seen: dict | None) -> str:
    """What became of a check, for a cell."""
    if seen is None:
        return "not run yet"
    note = f": {seen['note']}" if seen["note"] else ""
    return f"{seen['status']}, {seen['seconds']:.1f}s{note}".replace("|", "\\|").replace("\n", " ")


def differences(aws: dict[str, dict], local: dict[str, dict]) -> list[str]:
    """Where the local target gives another answer than AWS did, of what has to be alike."""
    return [
        f"{name}: {key} is {seen['alike'][key]!r} on AWS, {other!r} on the local target"
        for name, seen in aws.items()
        for key in seen["alike"]
        if name in local and (other := local[name]["alike"].get(key)) != seen["alike"][key]
    ]
