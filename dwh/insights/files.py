"""Answers as files in a folder: data, charts, and a page with all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dwh.errors import ConfigError
from dwh.files import write_whole
from dwh.insights.question import questions

if TYPE_CHECKING:
    from dwh.insights import Report

PAGE = "report.html"
ENDINGS = ("csv", "json", "svg", "png")


def write(report: Report, folder: Path, data_format: Literal["csv", "json"] = "csv") -> Iterator[tuple[Path, str]]:
    """Write the files of a report: NAME.csv or NAME.json, NAME.svg and NAME.png of a chart, and report.html.

    Yields:
        Each file with what became of it: created, updated or unchanged. Then, as not renewed, the files of questions
        that an earlier run has left there.

    Raises:
        ConfigError: the folder cannot be written.
    """
    written = set()
    for name, content in _contents(report, data_format):
        written.add(name)
        try:
            yield folder / name, _write(folder / name, content)
        except OSError as error:
            raise ConfigError(
                f"{folder / name} cannot be written: {error.strerror}", hint="name another folder with --output DIR"
            ) from error
    for name in _left(folder, written):
        yield folder / name, "not renewed"


def _left(folder: Path, written: Set[str]) -> list[str]:
    ours = [f"{question.name}.{ending}" for question in questions() for ending in ENDINGS]
    return [name for name in ours if name not in written and (folder / name).is_file()]


def _contents(report: Report, data_format: str) -> Iterator[tuple[str, bytes]]:
    from dwh.insights import export, page, slides
    from dwh.insights.shapes import SHAPES

    for answer in report.answers:
        text = export.to_csv(answer) if data_format == "csv" else export.to_json([answer])
        yield f"{answer.question.name}.{data_format}", text.encode()
    for answer in report.answers:
        drawing = SHAPES[answer.question.shape].chart(answer) if answer.rows else None
        if drawing:
            drawn = slides.draw(answer, report, drawing)
            yield f"{answer.question.name}.svg", drawn.encode()
            yield f"{answer.question.name}.png", slides.png(drawn)
    yield PAGE, page.page(report).encode()


def _write(path: Path, content: bytes) -> str:
    """Put a file in its place whole, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.is_file()
    if there and path.read_bytes() == content:
        return "unchanged"
    write_whole(path, content, 0o666 & ~_umask())
    return "updated" if there else "created"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
