"""JSONPaths files."""

from __future__ import annotations

import json

import psycopg2
import pytest

from tests.local.conftest import BUCKET, ROLE

DOCUMENT = {"a": {"b": [10, {"c": "x"}], "it's": 1, "D": "up"}, "e.f": 7, "n": None}


def load(copies, table, paths, body, options="", columns=""):
    text = paths if isinstance(paths, (str, bytes)) else json.dumps({"jsonpaths": paths})
    copies.aws.put("paths.json", text)
    return copies.loaded(table, body, options, columns=columns, json=f"'s3://{BUCKET}/paths.json'")


PATHS = [
    ("$['a']['b'][0]", "10"),
    ("$.a.b[0]", "10"),
    ("$.a.b[1].c", "x"),
    ("$['a']['b'][1]['c']", "x"),
    ('$["a"]["D"]', "up"),
    ("$['e.f']", "7"),
    ("$['a']['it\\'s']", "1"),
    ("$['a']['d']", None),  # names are case-sensitive
    ("$['x']['y'][3]", None),
    ("$['n']['y']", None),
    ("$['a']['b']", '[10,{"c":"x"}]'),
]


@pytest.mark.parametrize(("path", "value"), PATHS)
def test_path(copies, path, value):
    assert load(copies, "a varchar(99)", [path], json.dumps(DOCUMENT)) == [(value,)]


def test_paths_fill_the_column_list_in_order(copies):
    rows = load(copies, "a int, b int default 9, c int", ["$.z", "$.y"], '{"y":1,"z":2}', columns="(c, a)")
    assert rows == [(1, 9, 2)]


def test_arrays_are_rows(copies):
    assert load(copies, "a int, b varchar(9)", ["$[0]", "$[1]"], '[1,"x"][2,\n"y"]\n[3,null]') == [
        (1, "x"),
        (2, "y"),
        (3, None),
    ]


def test_the_root_goes_whole_into_super(copies):
    rows = load(copies, "a int, doc super", ["$.a", "$"], '{"a": 1, "b": [1.50, 2]}')
    assert rows == [(1, '{"a":1,"b":[1.50,2]}')]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("$['a'][5]", "Invalid JSONPath format: Not an array or index out of range."),
        ("$['b'][0]", "Invalid JSONPath format: Not an array or index out of range."),
        ("$['b']['c']", "Invalid JSONPath format: Member is not an object."),
        ("$['a']['c']", "Invalid JSONPath format: Member is not an object."),
    ],
)
def test_an_element_that_cannot_be_there_is_an_error_of_the_record(copies, path, reason):
    body = '{"a": [1], "b": 2}\n{"a": [1, 2, 3, 4, 5, 6], "b": {"c": [8]}}'
    with pytest.raises(psycopg2.InternalError):
        load(copies, "a varchar(20)", [path], body)
    assert copies.errors()[0]["err_reason"] == reason
    load(copies, "a varchar(20)", [path], body, "MAXERROR 3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        '{"jsonpaths": ["$.a"]} {"jsonpaths": ["$.a"]}',
        '{"jsonpaths": "$.a"}',
        '{"jsonpaths": ["$.a", ""]}',
        '{"jsonpaths": ["$.a", 1]}',
        '["$.a"]',
        '{"jsonpaths": ["a"]}',
        '{"jsonpaths": ["$.a[*]"]}',
        '{"jsonpaths": ["$.a[-1]"]}',
        '{"jsonpaths": ["$..a"]}',
        '{"jsonpaths": ["$[\'a\'].b"]}',
        '{"jsonpaths": ["$[\'a\']", "$.a"]}',
    ],
)
def test_a_bad_file_fails_the_load_whatever_maxerror_says(copies, text):
    with pytest.raises(psycopg2.errors.InternalError_) as raised:
        load(copies, "a int, b int", text, '{"a":1}', "MAXERROR 100")
    assert raised.value.pgcode == "XX000"
    assert copies.run("SELECT 1 FROM stl_load_errors WHERE query = (SELECT MAX(query_id) FROM sys_load_history)") == []


def test_another_key_counts_for_nothing(copies):
    assert load(copies, "a int", '{"paths": ["$.z"]}', '{"a":1,"z":2}') == [(1,)]


def test_there_must_be_one_path_for_each_column(copies):
    with pytest.raises(psycopg2.InternalError) as raised:
        load(copies, "a int, b int, c int", ["$.a", "$.b"], '{"a":1}')
    assert raised.value.diag.message_primary == (
        "Number of jsonpaths and the number of columns should match. JSONPath size: 2, "
        "Number of columns in table or column list: 3"
    )


def test_identity_needs_no_path(copies):
    assert load(copies, "id int identity(0,1), a int", ["$.a"], '{"a":1}') == [(0, 1)]
    assert load(copies, "id int identity(0,1), a int", ["$.i", "$.a"], '{"a":1,"i":7}', "EXPLICIT_IDS") == [(7, 1)]


def test_a_missing_file(copies):
    with pytest.raises(psycopg2.InternalError) as raised:
        copies.loaded("a int", '{"a":1}', json=f"'s3://{BUCKET}/nowhere.json'")
    assert "nowhere.json" in raised.value.diag.message_primary


def test_a_paths_file_under_the_prefix_is_data_too(copies):
    copies.aws.put("own/data.json", '{"a":1}')
    copies.aws.put("own/data.jsonpaths", '{"jsonpaths": ["$.a"]}')
    copies.run("DROP TABLE IF EXISTS t; CREATE TABLE t (a int)")
    copies.run(f"COPY t FROM 's3://{BUCKET}/own/data.json' IAM_ROLE '{ROLE}' JSON 's3://{BUCKET}/own/data.jsonpaths'")
    assert sorted(copies.run("SELECT a FROM t"), key=str) == [(1,), (None,)]
