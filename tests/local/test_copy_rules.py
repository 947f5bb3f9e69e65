"""COPY from JSON: every documented rule, on data made for it."""

from __future__ import annotations

import bz2
import gzip
import json
from datetime import date, datetime
from decimal import Decimal

import psycopg2
import pytest
import zstandard

from tests.local.conftest import BUCKET, REGION, ROLE

FROM = f"FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}'"


# --- Documents ---


DOCUMENTS = [
    ("one a line", '{"a":1}\n{"a":2}\n', [1, 2]),
    ("no final line end", '{"a":1}\n{"a":2}', [1, 2]),
    ("CRLF and empty lines", '{"a":1}\r\n\r\n   \n{"a":2}\r\n\n', [1, 2]),
    ("touching", '{"a":1}{"a":2} {"a":3}\n{"a":4}{\n"a":5}', [1, 2, 3, 4, 5]),
    ("over lines", '{\n  "a": 1,\n  "b": {"x": "}{"}\n}\n{"a":\n2}', [1, 2]),
    ("a BOM", b'\xef\xbb\xbf{"a":1}', [1]),
    ("nothing", "", []),
    ("only white space", " \n\t\n", []),
    ("a brace in a string", '{"b":"\\"}{","a":1}{"a":2}', [1, 2]),
]


@pytest.mark.parametrize(("body", "values"), [case[1:] for case in DOCUMENTS], ids=[case[0] for case in DOCUMENTS])
def test_documents(copies, body, values):
    assert [row[0] for row in copies.loaded("a int", body)] == values


BAD_DOCUMENTS = [
    ("a truncated line", '{"a":1}\n{"a":2, "b"\n{"a":3}\n', 2, [1, 3]),
    ("an open string", '{"a":1}\n{"a":"2\n{"a":3}\n', 2, [1, 3]),
    ("the last line cut", '{"a":1}\n{"a":2', 2, [1]),
    ("a comma between", '{"a":1},\n{"a":2}', 1, [1, 2]),
    ("a bare word", '{"a":1}\nhello\n{"a":2}', 2, [1, 2]),
    ("a bad value over lines", '{"a":1}\n{\n"a": tru\n}\n{"a":3}', 4, [1, 3]),
    ("an array at the top", '{"a":1}\n[{"a":2}]\n', 2, [1]),
    ("a lone surrogate", '{"a":1}\n{"b":"\\ud800"}\n', 2, [1]),
    ("NaN", '{"a":1}\n{"a":NaN}\n', 2, [1]),
]


@pytest.mark.parametrize(("body", "line", "kept"), [c[1:] for c in BAD_DOCUMENTS], ids=[c[0] for c in BAD_DOCUMENTS])
def test_bad_documents(copies, body, line, kept):
    with pytest.raises(psycopg2.errors.InternalError_) as raised:
        copies.loaded("a int, b varchar(9)", body)
    assert raised.value.diag.message_primary == (
        "Load into table 't' failed.  Check 'stl_load_errors' system table for details."
    )
    assert raised.value.pgcode == "XX000"
    assert copies.one("SELECT COUNT(*) FROM t") == 0
    (error,) = copies.errors()
    assert (error["filename"], error["line_number"]) == (f"s3://{BUCKET}/data/file.json", line)
    assert [row[0] for row in copies.loaded("a int, b varchar(9)", body, "MAXERROR 5")] == kept


def test_line_numbers_in_a_large_file(copies):
    body = "".join(json.dumps({"a": n, "b": "x" * 900}) + "\n" for n in range(5000))
    bad = body.replace('{"a": 4321,', '{"a": "no",')
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a int, b varchar(900)", bad)
    assert [error["line_number"] for error in copies.errors()] == [4322]


def test_keys_match_exactly_and_are_folded_with_ignorecase(copies):
    body = '{"userId": 1, "userid": null, "other": 2}'
    assert copies.loaded("userid int", body) == [(None,)]
    assert copies.loaded("userId int", '{"USERID": 3}', json="'auto ignorecase'") == [(3,)]


def test_a_missing_key_is_null_and_not_the_default(copies):
    assert copies.loaded("a int, b int default 7", '{"a":1}\n{"a":2,"b":null}\n{"a":3,"b":5}') == [
        (1, None),
        (2, None),
        (3, 5),
    ]
    assert copies.loaded("a int, b int default 7", '{"a":1,"b":5}', columns="(a)") == [(1, 7)]


def test_noshred(copies):
    document = {"b": [1, 2.50, {"c": None}], "a": "ä\n"}
    copies.run("DROP TABLE IF EXISTS t; CREATE TABLE t (doc super)")
    copies.copy(json.dumps(document), json="'noshred'")
    text = copies.one("SELECT doc FROM t")
    assert json.loads(text) == document
    with pytest.raises(psycopg2.Error, match="noshred"):
        copies.loaded("a int, doc super", "{}", json="'noshred'")


# --- Values ---

VALUES = [
    ("int", "12", 12),
    ("int", '"12"', 12),
    ("int", "12.0", 12),
    ("int", '""', None),
    ("int", '"  "', None),
    ("int", '"-7"', -7),
    ("smallint", "-32768", -32768),
    ("bigint", "1540919166796.0", 1540919166796),
    ("bigint", "9223372036854775807", 9223372036854775807),
    ("float", "1e3", 1000.0),
    ("float", '"1.5"', 1.5),
    ("float", '""', None),
    ("real", "0.5", 0.5),
    ("decimal(8,2)", "20.259", Decimal("20.25")),
    ("decimal(8,2)", '"-20.259"', Decimal("-20.25")),
    ("decimal(30,10)", "12345678901234567890.0123456789", Decimal("12345678901234567890.0123456789")),
    ("decimal(8,2)", "0.2999999999999999999", Decimal("0.29")),
    ("decimal(8,2)", '" "', None),
    ("decimal", "7.9", Decimal(7)),
    ("boolean", "true", True),
    ("boolean", '"F"', False),
    ("boolean", "1", True),
    ("boolean", '"no"', False),
    ("boolean", '""', None),
    ("date", '"2018-11-01"', date(2018, 11, 1)),
    ("date", '"2018-11-01 10:00:00"', date(2018, 11, 1)),
    ("date", '""', None),
    ("timestamp", '"2018-11-01 20:57:10.796"', datetime(2018, 11, 1, 20, 57, 10, 796000)),
    ("varchar(9)", "1.50", "1.50"),
    ("varchar(9)", "1e2", "1e2"),
    ("varchar(30)", "12345678901234567890123", "12345678901234567890123"),
    ("varchar(9)", "true", "true"),
    ("varchar(9)", '""', ""),
    ("varchar(9)", '"  "', "  "),
    ("varchar(9)", '"\\\\N"', "\\N"),
    ("varchar(9)", '"\\\\D"', "\\D"),
    ("varchar(9)", '"\\u0001"', "\x01"),
    ("varchar(9)", '"\\u00e9\\t\\n\\r\\b"', "é\t\n\r\b"),
    ("varchar(9)", '"\\ud83d\\ude00"', "😀"),
    ("varchar(4)", '"😀"', "😀"),
    ("varchar(9)", '"ab\\u0000cd"', "ab"),
    ("varchar(99)", '{"x": [1,\n 2.0], "y": "\\u00e9"}', '{"x":[1,2.0],"y":"é"}'),
    ("char(3)", '"ab"', "ab "),
]


@pytest.mark.parametrize(("kind", "value", "stored"), VALUES, ids=[f"{kind} {value}" for kind, value, _ in VALUES])
def test_value(copies, kind, value, stored):
    assert copies.loaded(f"a {kind}", f'{{"a": {value}}}') == [(stored,)]


WRONG = [
    ("int", '"a"', 1207, "Invalid digit, Value 'a', Pos 0, Type: Integer"),
    ("int", '"12x"', 1207, "Invalid digit, Value 'x', Pos 2, Type: Integer"),
    ("int", '"20200407.0"', 1207, "Invalid digit, Value '.', Pos 8, Type: Integer"),
    ("bigint", '"a"', 1207, "Invalid digit, Value 'a', Pos 0, Type: Long"),
    ("smallint", "32768", 1204, "Overflow, Column type: Short"),
    ("int", "2147483648", 1204, "Overflow, Column type: Integer"),
    ("bigint", "9223372036854775808", 1204, "Overflow, Column type: Long"),
    ("int", "true", 1207, "Invalid digit, Value 't', Pos 0, Type: Integer"),
    ("int", "[1]", 1207, "Invalid digit, Value '[', Pos 0, Type: Integer"),
    ("decimal(4,2)", "100", 1204, "overflow"),
    ("decimal(4,2)", '"x"', 1207, "Invalid digit"),
    ("float", '"NaN"', 1208, "Invalid digit"),
    ("float", '"1e999"', 1204, "Overflow"),
    ("real", "1e39", 1204, "Overflow"),
    ("boolean", '"maybe"', 1210, "boolean"),
    ("date", '"1/2/18"', 1205, "Invalid Date Format - length must be 10 or more"),
    ("date", '"2018-02-30"', 1205, "Invalid date format or value [YYYY-MM-DD]"),
    ("timestamp", '"2018-11-01T20:57:10Z"', 1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
    ("timestamp", "1541105830796", 1206, "Invalid timestamp format or value"),
    ("varchar(3)", '"ééé"', 1204, "String length exceeds DDL length"),
    ("varchar", f'"{"x" * 257}"', 1204, "String length exceeds DDL length"),
    (
        "char(9)",
        '"é"',
        1220,
        "Multibyte character not supported for CHAR (Hint: Try using VARCHAR). Invalid char: c3 a9",
    ),
    ("char(2)", '"abc"', 1204, "String length exceeds DDL length"),
    ("int not null", "null", 1213, "Missing data for not-null field"),
    ("int not null", '""', 1213, "Missing data for not-null field"),
    ("varchar(9)", '"\\u0000a"', 1218, "null"),
]


@pytest.mark.parametrize(
    ("kind", "value", "code", "reason"), WRONG, ids=[f"{case[0]} {case[1][:20]}" for case in WRONG]
)
def test_wrong_value(copies, kind, value, code, reason):
    with pytest.raises(psycopg2.InternalError):
        copies.loaded(f"a {kind}, b int", f'{{"a": {value}, "b": 1}}')
    (error,) = copies.errors()
    assert (error["err_code"], error["colname"], error["line_number"]) == (code, "a", 1)
    assert reason in error["err_reason"]


def test_a_column_that_is_left_out_and_may_not_be_null(copies):
    with pytest.raises(psycopg2.InternalError, match='Missing data for not-null field: "b"') as error:
        copies.loaded("a int, b int NOT NULL", '{"a": 1, "b": 2}', columns="(a)")
    assert error.value.pgcode == "XX000"
    assert "code:      1213" in error.value.diag.message_detail
    filled = "a int, b int NOT NULL DEFAULT 7, c int IDENTITY(5, 1) NOT NULL"
    assert copies.loaded(filled, '{"a": 1, "b": 2}', columns="(a)") == [(1, 7, 5)]


def test_the_log_cuts_a_type_to_its_ten_characters(copies):
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a timestamptz", '{"a": "never"}')
    assert [error["type"] for error in copies.errors()] == ["timestampt"]  # seen on Redshift


def test_a_failed_value_is_described(copies):
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a int, b varchar(4)", '{"a": 1, "b": "ok"}\n{"a": 2, "b": "größer"}')
    (error,) = copies.errors()
    assert error == {
        "filename": f"s3://{BUCKET}/data/file.json",
        "line_number": 2,
        "colname": "b",
        "type": "varchar",
        "col_length": "4",
        "position": 0,
        "raw_line": '{"a": 2, "b": "gr..er"}',
        "raw_field_value": "gr..er",
        "err_code": 1204,
        "err_reason": "String length exceeds DDL length",
    }
    detail = copies.run(
        "SELECT TRIM(column_name), error_code, TRIM(error_message), line_number FROM"
        " sys_load_error_detail WHERE session_id = pg_backend_pid() ORDER BY query_id DESC LIMIT 1"
    )
    assert detail == [("b", 1204, "String length exceeds DDL length", 2)]


# --- Options ---

OPTIONS = [
    ("varchar(3)", '"ééé"', "TRUNCATECOLUMNS", "é"),
    ("char(2)", '"abc"', "TRUNCATECOLUMNS", "ab"),
    ("varchar(9)", '""', "EMPTYASNULL", None),
    ("varchar(9)", '" "', "EMPTYASNULL", " "),
    ("varchar(9)", '"  "', "BLANKSASNULL", None),
    ("varchar(9)", '" a  "', "TRIMBLANKS", " a"),
    ("decimal(8,2)", "20.259", "ROUNDEC", Decimal("20.26")),
    ("decimal(8,2)", "-20.255", "ROUNDEC", Decimal("-20.26")),
    ("date", '"00/00/0000"', "DATEFORMAT 'MM/DD/YYYY' ACCEPTANYDATE", None),
    ("timestamp", '"never"', "TIMEFORMAT 'auto' DATEFORMAT 'auto' ACCEPTANYDATE", None),
    ("date", '"11.02.2018"', "DATEFORMAT AS 'MM.DD.YYYY'", date(2018, 11, 2)),
    ("date", '"02-Nov-18"', "DATEFORMAT 'DD-MON-YY'", date(2018, 11, 2)),
    ("timestamp", "1541105830796", "TIMEFORMAT 'epochmillisecs'", datetime(2018, 11, 1, 20, 57, 10, 796000)),
    ("timestamp", '"1541105830796"', "TIMEFORMAT 'epochmillisecs'", datetime(2018, 11, 1, 20, 57, 10, 796000)),
    ("timestamp", "-1", "TIMEFORMAT 'epochmillisecs'", datetime(1969, 12, 31, 23, 59, 59, 999000)),
    ("timestamp", "1541105830", "TIMEFORMAT AS 'epochsecs'", datetime(2018, 11, 1, 20, 57, 10)),
    ("timestamp", '"2018-11-01T20:57:10"', "TIMEFORMAT 'YYYY-MM-DDTHH:MI:SS'", datetime(2018, 11, 1, 20, 57, 10)),
    ("timestamp", '"11/01/2018 08:57 PM"', "TIMEFORMAT 'MM/DD/YYYY HH12:MI AM'", datetime(2018, 11, 1, 20, 57)),
    ("timestamp", '"2019-02-11T05:09:12.195Z"', "TIMEFORMAT 'auto'", datetime(2019, 2, 11, 5, 9, 12, 195000)),
    ("date", '"J2451187"', "DATEFORMAT 'auto'", date(1999, 1, 8)),
    ("date", '"J2451187 04:05:06"', "DATEFORMAT 'auto'", date(1999, 1, 8)),
    ("timestamp", '"J2451187 04:05:06"', "TIMEFORMAT 'auto'", datetime(1999, 1, 8, 4, 5, 6)),
]
AUTO = {
    "J2451187": datetime(1999, 1, 8),
    "19960108 040809": datetime(1996, 1, 8, 4, 8, 9),
    "960108 040809": datetime(1996, 1, 8, 4, 8, 9),
    "1996.008": datetime(1996, 1, 8),
    "1996-01-08 04:05:06.789": datetime(1996, 1, 8, 4, 5, 6, 789000),
    "17 Dec 07:37:16 1997 PST": datetime(1997, 12, 17, 7, 37, 16),
    "12/17/1997 07:37:16.00 PST": datetime(1997, 12, 17, 7, 37, 16),
    "1997-12-17 07:37:16-08": datetime(1997, 12, 17, 7, 37, 16),
    "12.17.1997 07:37:16.00 PST": datetime(1997, 12, 17, 7, 37, 16),
    "1996-01-08": datetime(1996, 1, 8),
}
OPTIONS += [("timestamp", json.dumps(text), "TIMEFORMAT 'auto'", value) for text, value in AUTO.items()]


@pytest.mark.parametrize(("kind", "value", "options", "stored"), OPTIONS, ids=[f"{c[2]} {c[1]}" for c in OPTIONS])
def test_option(copies, kind, value, options, stored):
    assert copies.loaded(f"a {kind}", f'{{"a": {value}}}', options) == [(stored,)]


def test_columns_that_are_null_throughout(copies):
    table = "n int, a int, b boolean, c decimal(8,2), d timestamp, e date, f float, g varchar(9), h super"
    assert copies.loaded(table, '{"n":1}\n{"n":2}', "TIMEFORMAT 'epochmillisecs'") == [
        (1, *[None] * 8),
        (2, *[None] * 8),
    ]


@pytest.mark.parametrize(("option", "value"), [("EMPTYASNULL", '""'), ("BLANKSASNULL", '"  "')])
def test_what_is_made_null_meets_not_null(copies, option, value):
    body = f'{{"a": "x"}}\n{{"a": {value}}}'
    assert sorted(copies.loaded("a varchar(9)", body, option), key=str) == [("x",), (None,)]
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a varchar(9) NOT NULL", body, option)
    assert copies.errors()[0]["err_code"] == 1213


def test_a_date_before_christ(copies):
    copies.loaded("a timestamp, b varchar(9)", '{"b": "x"}')
    copies.copy('{"a": "Jan-08-95 BC"}', "TIMEFORMAT 'auto'")
    assert copies.one("SELECT TO_CHAR(a, 'YYYY-MM-DD BC') FROM t WHERE a IS NOT NULL") in (
        "0095-01-08 BC",
        "1995-01-08 BC",
    )


def test_timestamptz_takes_an_offset(copies):
    rows = copies.loaded("a timestamptz", '{"a": "2018-11-01 20:57:10+02"}\n{"a": "2018-11-01 20:57:10"}')
    assert [row[0].astimezone().timestamp() for row in rows] == [1541098630.0, 1541105830.0]


@pytest.mark.parametrize("keyword", ["AUTO", "EpochMillisecs"])
def test_timeformat_keywords_are_case_sensitive(copies, keyword):
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a timestamp", '{"a": "2018-11-01 20:57:10"}', f"TIMEFORMAT '{keyword}'")


def test_acceptinvchars(copies):
    body = b'{"a": "x\xc3\x28y\xe2\x82z", "b": 1}'
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a varchar(20), b int", body)
    assert copies.errors()[0]["err_code"] == 1220
    assert copies.errors()[0]["err_reason"].startswith("String contains invalid or unsupported UTF-8 codepoints.")
    assert copies.loaded("a varchar(20), b int", body, "ACCEPTINVCHARS") == [("x?(y??z", 1)]
    assert copies.loaded("a varchar(20), b int", body, "ACCEPTINVCHARS AS '^'") == [("x^(y^^z", 1)]


def test_the_number_of_a_bad_sequence(copies):
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a varchar(9)", b'{"a": "\xa4"}')
    assert copies.errors()[0]["err_reason"].endswith("Bad UTF-8 hex sequence: a4 (error 3)")


def test_ignoreheader_skips_lines(copies):
    assert copies.loaded("a int", 'head\n{"no\n{"a":1}\n', "IGNOREHEADER 2") == [(1,)]
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a int", 'head\n{"a":"x"}\n', "IGNOREHEADER AS 1")
    assert copies.errors()[0]["line_number"] == 2


def test_maxerror(copies):
    body = "".join(f'{{"a": {value}}}\n' for value in ('"x"', 1, '"y"', 2))
    assert copies.loaded("a int", body, "MAXERROR 3") == [(1,), (2,)]
    assert len(copies.errors()) == 2
    assert "Load into table 't' completed, 2 record(s) loaded successfully." in copies.notices()
    assert (
        "Load into table 't' completed, 2 record(s) could not be loaded.  "
        "Check 'stl_load_errors' system table for details." in copies.notices()
    )
    assert copies.one("SELECT pg_last_copy_count()") == 2
    for options in ("MAXERROR 2", "MAXERROR 1", "MAXERROR 0", ""):
        with pytest.raises(psycopg2.InternalError):
            copies.loaded("a int", body, options)
        assert copies.one("SELECT COUNT(*) FROM t") == 0
        assert copies.one("SELECT pg_last_copy_count()") == 0
    assert copies.loaded("a int", body, "IGNOREALLERRORS") == [(1,), (2,)]


def test_noload_reports_and_loads_nothing(copies):
    assert copies.loaded("a int", '{"a":1}', "NOLOAD") == []
    with pytest.raises(psycopg2.InternalError):
        copies.loaded("a int", '{"a":"x"}', "NOLOAD")
    assert len(copies.errors()) == 1


@pytest.mark.parametrize(
    ("option", "compress"),
    [("GZIP", gzip.compress), ("BZIP2", bz2.compress), ("ZSTD", zstandard.ZstdCompressor().compress)],
)
def test_compression(copies, option, compress):
    body = b'{"a":1}\n{"a":2}\n'
    packed = compress(body) + compress(b'{"a":3}')
    assert copies.loaded("a int", packed, option) == [(1,), (2,), (3,)]
    for wrong, options in ((packed, ""), (body, option), (packed[:-9], option)):
        with pytest.raises(psycopg2.InternalError):
            copies.loaded("a int", wrong, options)
        assert copies.one("SELECT COUNT(*) FROM t") == 0
        assert copies.errors()[0]["filename"].endswith("data/file.json")


@pytest.mark.parametrize(("name", "codec"), [("UTF16", "utf-16"), ("UTF16LE", "utf-16-le"), ("UTF16BE", "utf-16-be")])
def test_encoding(copies, name, codec):
    assert copies.loaded("a varchar(9)", '{"a":"é😀"}'.encode(codec), f"ENCODING {name}") == [("é😀",)]


def test_identity(copies):
    table = "id int identity(10, 5), a int"
    assert copies.loaded(table, '{"a":1,"id":99}\n{"a":2}') == [(10, 1), (15, 2)]
    assert copies.loaded(table, '{"a":1,"id":99}', "EXPLICIT_IDS") == [(99, 1)]
    assert copies.loaded(table, '{"a":1,"id":99}', "EXPLICIT_IDS", columns="(id, a)") == [(99, 1)]
    for options, columns in (("EXPLICIT_IDS", "(a)"), ("", "(id, a)")):
        with pytest.raises(psycopg2.Error, match="EXPLICIT_IDS"):
            copies.loaded(table, '{"a":1,"id":99}', options, columns=columns)


def test_identity_by_default_takes_values(copies):
    table = "id int generated by default as identity(1, 1), a int"
    assert copies.loaded(table, '{"a":1}\n{"a":2,"id":7}') == [(1, 1), (7, 2)]


def test_options_that_change_nothing_here(copies):
    options = "COMPUPDATE OFF STATUPDATE ON COMPUPDATE"
    with pytest.raises(psycopg2.errors.SyntaxError, match="redundant"):
        copies.loaded("a int", '{"a":1}', options)
    for options in ("COMPUPDATE PRESET STATUPDATE ON", "COMPUPDATE ON STATUPDATE OFF", "STATUPDATE TRUE COMPUPDATE"):
        assert copies.loaded("a int", '{"a":1}', options) == [(1,)]


# --- The statement ---


REFUSED = [
    ("JSON 'auto' DELIMITER '|'", "DELIMITER is not supported with JSON"),
    ("JSON 'auto' CSV", "CSV is not supported with JSON"),
    ("JSON 'auto' NULL AS 'x'", "NULL is not supported with JSON"),
    ("JSON 'auto' ESCAPE", "ESCAPE is not supported with JSON"),
    ("JSON 'auto' FILLRECORD", "FILLRECORD is not supported with JSON"),
    ("JSON 'auto' FIXEDWIDTH 'a:1'", "FIXEDWIDTH is not supported with JSON"),
    ("JSON 'auto' IGNOREBLANKLINES", "IGNOREBLANKLINES is not supported with JSON"),
    ("JSON 'auto' READRATIO 50", "READRATIO is not supported with JSON"),
    ("JSON 'auto' REMOVEQUOTES", "REMOVEQUOTES is not supported with JSON"),
    ("CSV", "COPY of the format CSV is not supported by the local target"),
    ("FORMAT AS PARQUET", "COPY of the format PARQUET is not supported by the local target"),
    ("", "COPY of delimited text is not supported by the local target"),
    ("JSON 'auto' LZOP", "LZOP is not supported by the local target"),
    ("JSON 'auto' BOGUS", 'syntax error at or near "BOGUS"'),
    ("JSON 'auto' MAXERROR 100001", "out of range"),
    ("JSON 'auto' IGNOREALLERRORS MAXERROR 3", "cannot be specified together"),
    ("JSON 'automatic'", "Invalid JSON option"),
    ("JSON 'auto' GZIP ZSTD", "redundant"),
    ("JSON 'auto' ACCEPTINVCHARS 'ab'", "one ASCII character"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[options for options, _ in REFUSED])
def test_refused(copies, options, message):
    copies.run("DROP TABLE IF EXISTS t; CREATE TABLE t (a int)")
    with pytest.raises(psycopg2.Error, match=".*" + message.replace("(", r"\(")):
        copies.run(f"COPY t {FROM} {options}")


ACCEPTED = [
    f"copy t from 's3://{BUCKET}/data/' iam_role '{ROLE}' json 'auto'",
    f"COPY t FROM 's3://{BUCKET}/data/' CREDENTIALS 'aws_iam_role={ROLE}' FORMAT AS JSON 'auto' REGION '{REGION}'",
    f"COPY t FROM 's3://{BUCKET}/data/' WITH CREDENTIALS AS 'aws_iam_role={ROLE}' JSON AS 'auto' REGION AS '{REGION}'",
    f"COPY public.t (a) FROM 's3://{BUCKET}/data/' FORMAT JSON MAXERROR AS 5 IAM_ROLE '{ROLE}' -- at the end",
    f"COPY \"T\" FROM 's3://{BUCKET}/data/file' TRUNCATECOLUMNS JSON 'auto' MAXERROR 5 IAM_ROLE"
    f" '{ROLE}' STATUPDATE OFF;",
]


@pytest.mark.parametrize("statement", ACCEPTED)
def test_accepted(copies, statement):
    copies.loaded("a int", '{"a":1}')
    copies.run(statement)
    assert copies.run("SELECT a FROM t") == [(1,), (1,)]
