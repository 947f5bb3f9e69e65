"""COPY examples from a folder: a table, a COPY, files, and what must be true afterwards."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.local.conftest import CLUSTER, Aws, Warehouse, reading

BUCKET = "copy-vectors"
FOLDER = Path(os.environ.get("COPY_VECTORS", ""))
CASES = sorted(path.parent.name for path in FOLDER.glob("*/expected.json")) if os.environ.get("COPY_VECTORS") else []


def plain(value: Any) -> Any:
    """A value of a row as the expected file writes it."""
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def wanted(value: Any) -> Any:
    """An expected value in the same spelling as ``plain``."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return plain(moment) if len(value) > 10 else value
    return value


def canonical(row: list[Any], columns: list[str], case: dict[str, Any]) -> str:
    cells = []
    for name, value in zip(columns, row, strict=True):
        if name in case.get("any_value_columns", ()):
            value = "(any)"
        elif name in case.get("json_columns", ()) and value is not None:
            value = json.loads(value)
        cells.append(value)
    return json.dumps(cells, sort_keys=True, default=str)


def check_rows(warehouse: Warehouse, case: dict[str, Any]) -> None:
    columns = case["columns"]
    rows = [list(map(plain, row)) for row in warehouse.run(f"SELECT {', '.join(columns)} FROM {case['table']}")]
    expected = [list(map(wanted, row)) for row in case["rows"]]
    found = Counter(canonical(row, columns, case) for row in rows)
    assert found == Counter(canonical(row, columns, case) for row in expected)
    for name in case.get("unique_columns", ()):
        values = [row[columns.index(name)] for row in rows]
        assert len(values) == len(set(values))
    for name, forbidden in case.get("forbidden_values", {}).items():
        assert not {row[columns.index(name)] for row in rows} & set(forbidden)


def matches(row: dict[str, Any], expected: dict[str, Any]) -> bool:
    for name, value in expected.items():
        if name == "err_reason_contains":
            fits = value in row["err_reason"]
        elif name == "err_code_any":
            fits = row["err_code"] in value
        elif name == "filename_endswith":
            fits = row["filename"].endswith(value)
        else:
            fits = row[name] == (value.strip() if isinstance(value, str) else value)
        if not fits:
            return False
    return True


def check_errors(warehouse: Warehouse, case: dict[str, Any], raised: psycopg2.Error | None) -> None:
    errors = warehouse.errors()
    for expected in case.get("errors", ()):
        assert any(matches(row, expected) for row in errors), (expected, errors)
    if case.get("logs_in_stl_load_errors") is False:
        assert not errors
    if "rejected_count" in case:
        assert len(errors) == case["rejected_count"]
    assert len(errors) >= case.get("rejected_count_min", 0)
    for text in listed(case.get("error_text_anywhere")):
        assert text in str(raised) or any(text in row["err_reason"] for row in errors)


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


@pytest.mark.skipif(not CASES, reason="COPY_VECTORS names no folder of COPY examples")
@pytest.mark.parametrize("name", CASES or ["none"])
def test_example(name: str, connect: Callable[..., Any], aws: Aws) -> None:
    case = json.loads((FOLDER / name / "expected.json").read_text())
    aws.make_bucket(BUCKET)
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file():
            aws.put(path.relative_to(FOLDER).as_posix(), path.read_bytes(), BUCKET)
    aws.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    aws.make_cluster(CLUSTER, [aws.make_role("CopyVectors", reading(BUCKET))])
    connection = connect()
    connection.autocommit = True
    warehouse = Warehouse(connection, aws)
    warehouse.run((FOLDER / name / "table.sql").read_text())
    raised = None
    try:
        warehouse.run((FOLDER / name / "copy.sql").read_text())
    except psycopg2.Error as error:
        raised = error
    assert ("failed" if raised else "loaded") == case["outcome"], raised
    if raised:
        for text in listed(case.get("message_contains")):
            assert text in raised.diag.message_primary
        for text in listed(case.get("detail_contains")):
            assert text in raised.diag.message_detail
        assert raised.pgcode == case.get("sqlstate", raised.pgcode)
    if "columns" in case:
        check_rows(warehouse, case)
    if "loaded_count" in case and not case.get("loaded_count_unspecified"):
        assert warehouse.one("SELECT pg_last_copy_count()") == case["loaded_count"]
    check_errors(warehouse, case, raised)
    for text in listed(case.get("notice_contains")):
        assert text.rstrip(".") in warehouse.notices()
