"""Whatever JSON comes: it is loaded as it is, or refused with file and line; nothing is ever half loaded."""

from __future__ import annotations

import json

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.conftest import BUCKET

KEYS = ("i", "f", "s", "b", "d")
TABLE = "n int, i bigint, f float, s varchar(300), b boolean, d super"
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=75)
documents = st.fixed_dictionaries(
    {},
    optional={
        "i": st.none() | st.integers(-(2**63), 2**63 - 1),
        "f": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "s": st.none() | text,
        "b": st.none() | st.booleans(),
        "d": st.recursive(
            st.none() | st.booleans() | st.integers() | text,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
            max_leaves=8,
        ),
        "unknown": text,
    },
)
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def laid_out(document, shape):
    if shape == "pretty":
        return json.dumps(document, indent=2)
    return json.dumps(document, ensure_ascii=shape == "ascii")


@some
@given(
    st.lists(documents, max_size=12),
    st.sampled_from(["ascii", "plain", "pretty"]),
    st.sampled_from(["\n", "", " \r\n"]),
)
def test_what_a_table_can_hold_comes_back_equal(copies, items, shape, between):
    body = between.join(laid_out({"n": number, **item}, shape) for number, item in enumerate(items))
    copies.run("SET extra_float_digits TO 2")  # all of them
    rows = copies.loaded(TABLE, body)
    assert [row[0] for row in rows] == list(range(len(items)))
    for row, item in zip(rows, items, strict=True):
        found = dict(zip(KEYS, row[1:], strict=True))
        found["d"] = None if found["d"] is None else json.loads(found["d"])
        assert found == {key: item.get(key) for key in KEYS}
        assert all(type(found[key]) is type(item[key]) for key in ("i", "b") if item.get(key) is not None)


spoilt = st.sampled_from(
    [
        '{"n": "x"}',
        '{"n": 1, "i": 9223372036854775808}',
        '{"n": 1, "s": "' + "é" * 151 + '"}',
        '{"n": 1, "b": "perhaps"}',
        '{"n": 1, "f": "much"}',
        '{"n": 1,',
        '{"n" 1}',
        "nonsense",
        "[1]",
        '{"n": 1, "s": "\\ud800"}',
    ]
)


@some
@given(st.lists(documents, max_size=5), spoilt, st.lists(documents, max_size=5))
def test_anything_else_is_an_error_with_its_line_and_loads_nothing(copies, before, bad, after):
    lines = [json.dumps(item) for item in before] + [bad] + [json.dumps(item) for item in after]
    with pytest.raises(psycopg2.errors.InternalError_, match="stl_load_errors"):
        copies.loaded(TABLE, "\n".join(lines))
    assert copies.one("SELECT COUNT(*) FROM t") == 0
    (found,) = copies.errors()
    assert found["filename"] == f"s3://{BUCKET}/data/file.json"
    assert found["line_number"] == len(before) + 1
    copies.copy("\n".join(lines), "MAXERROR 2")
    assert copies.one("SELECT COUNT(*) FROM t") == len(before) + len(after)


@some
@given(st.binary(max_size=60))
def test_no_bytes_break_it(copies, body):
    try:
        rows = copies.loaded("a int, b varchar(9)", b'{"a":1}\n' + body)
    except psycopg2.errors.InternalError_:
        assert copies.one("SELECT COUNT(*) FROM t") == 0
        assert copies.errors()
    else:
        assert (1, None) in rows
