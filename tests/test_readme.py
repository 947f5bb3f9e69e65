"""The README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import sql_queries
from dwh import config, keys

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def configuration_table():
    """The configuration reference, made from the rows that the parser works with."""
    defaults = config._parse_file(ROOT / "dwh.cfg")
    lines = ["| section | key | default | meaning |", "| --- | --- | --- | --- |"]
    for key in keys.KEYS:
        default = defaults.get(key.section, key.option)
        lines.append(f"| {key.section} | `{key.option}` | {f'`{default}`' if default else ''} | {key.meaning} |")
    return "\n".join(lines)


def test_the_configuration_reference_is_that_of_the_parser():
    between = README.split("checks it -->\n")[1].split("<!-- end of configuration")[0]
    assert between.strip() == configuration_table()


def test_every_package_has_its_reason():
    reasons = README.split("## Dependencies")[1].split("## Development")[0]
    named = re.findall(r"^([A-Za-z0-9-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    for package in named:
        assert package in reasons, package


def test_the_star_schema_is_that_of_the_ddl():
    for table in sql_queries.STAR_TABLES:
        columns = re.findall(r"^    ([a-z_]+) +[A-Z]", sql_queries.CREATE[table], re.MULTILINE)
        row = re.search(rf"^\| `{table}` \| ((?:\w+(?: \(.*?\))?(?:, )?)+) \|$", README, re.MULTILINE)
        assert row, table
        assert re.sub(r" \(.*?\)", "", row[1]).split(", ") == columns


def test_every_file_the_readme_links_to_is_there():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
