"""Answers as files in a folder: data, charts, and a page with all of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dwh.errors import ConfigError

if TYPE_CHECKING:
    from dwh.insights import Report

PAGE = "report.html"


def write(report: Report, folder: Path, data_format: Literal["csv", "json"] = "csv") -> Iterator[tuple[Path, str]]:
    """Write the files of a report: NAME.csv or NAME.json, NAME.png where there is a chart, and report.html.

    Yields:
        Each file with what became of it: created, updated or unchanged.

    Raises:
        ConfigError: the folder cannot be written.
    """
    for name, content in _contents(report, data_format):
        try:
            yield folder / name, _write(folder / name, content)
        except OSError as error:
            raise ConfigError(
                f"{folder / name} cannot be written: {error.strerror}", hint="name another folder with --output DIR"
            ) from error


def _contents(report: Report, data_format: str) -> Iterator[tuple[str, bytes]]:
    from dwh.insights import charts, export
    from dwh.insights.report import page

    for answer in report.answers:
        text = export.to_csv(answer) if data_format == "csv" else export.to_json([answer])
        yield f"{answer.insight.name}.{data_format}", text.encode()
    drawn = {}
    for answer in report.answers:
        if answer.insight.chart:
            wide = charts.draw(answer, report)
            drawn[answer.insight.name] = (wide, charts.draw(answer, report, charts.PHONE))
            yield f"{answer.insight.name}.png", wide
    yield PAGE, page(report, drawn).encode()


def _write(path: Path, content: bytes) -> str:
    """Put a file in its place whole, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.is_file()
    if there and path.read_bytes() == content:
        return "unchanged"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return "updated" if there else "created"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
