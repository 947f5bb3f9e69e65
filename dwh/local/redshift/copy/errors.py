"""Codes and texts of COPY's errors: of a field, of a file, of the whole load.

Texts: Redshift Database Developer Guide, "Load error reference" and "Multibyte character load errors",
and public logs of failed loads.
"""

from __future__ import annotations

from dataclasses import dataclass

from dwh.local.redshift.errors import RedshiftError

INVALID_DIGIT = 1207
OUT_OF_RANGE = 1204
BAD_DATE = 1205
BAD_TIMESTAMP = 1206
BAD_FLOAT = 1208
BAD_BOOLEAN = 1210
NULL_IN_NOT_NULL = 1213
BAD_LINE = 1216
NUL = 1218
BAD_UTF8 = 1220

MULTIBYTE = "Multibyte character not supported for CHAR (Hint: Try using VARCHAR). Invalid char: {}"
CODEPOINTS = "String contains invalid or unsupported UTF-8 codepoints. Bad UTF-8 hex sequence: {} (error {})"
TOO_LONG = "String length exceeds DDL length"
MISSING = "Missing data for not-null field"
NOT_AN_OBJECT = "Invalid JSONPath format: Member is not an object."
NOT_AN_ARRAY = "Invalid JSONPath format: Not an array or index out of range."
TOO_DEEP = "Invalid JSON: nested too deep"
_CHECK = "Check 'stl_load_errors' system table for details."
LOADED = "Load into table '{}' completed, {} record(s) loaded successfully."
SKIPPED = "Load into table '{}' completed, {} record(s) could not be loaded.  " + _CHECK
FAILED = "Load into table '{}' failed.  " + _CHECK


class FieldError(Exception):
    """One value does not fit its column, or one document is not as it must be."""

    def __init__(self, code: int, reason: str, *, position: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.position = position


@dataclass(frozen=True)
class LoadError:
    """One row of STL_LOAD_ERRORS."""

    filename: str
    line: int
    column: str
    type: str
    length: str
    position: int
    raw_line: str
    raw_value: str
    code: int
    reason: str


def internal(message: str, code: int, location: str, query: int, hint: str = "") -> RedshiftError:
    """An error of the load as a whole: SQLSTATE XX000, and a DETAIL block with the code."""
    rule = "-" * 47
    detail = (
        f"\n  {rule}\n  error:  {message}\n  code:      {code}\n  context:   \n  query:     {query}\n"
        f"  location:  {location}\n  process:   padbmaster [pid=1]\n  {rule}"
    )
    return RedshiftError(message, detail=detail, hint=hint)


def s3(message: str, query: int = 0, hint: str = "") -> RedshiftError:
    """An error of S3 or of the role, code 8001."""
    return internal(message, 8001, "s3_utility.cpp:677", query, hint)
