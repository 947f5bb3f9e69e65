"""The text of a COPY statement, read into a ``Copy``. Options come in any order; an unknown one is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dwh.local.redshift.dialect.lexer import Name, Tokens, word_set
from dwh.local.redshift.dialect.reader import Reader
from dwh.local.redshift.errors import RedshiftError, not_supported, syntax

# Options that take nothing, one argument, or a word that may be left out.
FLAGS = word_set(
    """
    ACCEPTANYDATE BLANKSASNULL EMPTYASNULL EXPLICIT_IDS IGNOREALLERRORS NOLOAD ROUNDEC TRIMBLANKS
    TRUNCATECOLUMNS MANIFEST
    """
)
COMPRESSIONS = frozenset(("GZIP", "BZIP2", "ZSTD"))
# What Redshift has for other formats and refuses together with JSON.
NOT_WITH_JSON = word_set(
    """
    CSV DELIMITER ESCAPE FILLRECORD FIXEDWIDTH IGNOREBLANKLINES NULL READRATIO REMOVEQUOTES QUOTE
    """
)
OTHER_FORMATS = frozenset(("AVRO", "CSV", "DELIMITER", "FIXEDWIDTH", "ORC", "PARQUET", "SHAPEFILE"))
# What Redshift has and the stand-in has not.
UNSUPPORTED = word_set(
    """
    ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN LZOP ENCRYPTED MASTER_SYMMETRIC_KEY SSH COMPROWS JOB
    """
)
ENCODINGS = {"UTF8": "utf-8", "UTF16": "utf-16", "UTF16LE": "utf-16-le", "UTF16BE": "utf-16-be"}
MAX_ERRORS = 100_000
_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")


@dataclass
class Copy:
    """What a COPY statement asks for."""

    table: Name
    columns: list[str] | None = None
    source: str = ""
    role: str = ""
    json: str = ""
    region: str = ""
    compression: str = ""
    timeformat: str = ""
    dateformat: str = ""
    replacement: str | None = None
    ignore_lines: int = 0
    max_errors: int = 1
    encoding: str = "utf-8"
    statupdate: bool | None = None
    flags: set[str] = field(default_factory=set)

    def has(self, flag: str) -> bool:
        """Was this option given?"""
        return flag in self.flags


def parse(tokens: Tokens) -> Copy:
    """Read the meaningful tokens of a COPY statement.

    Raises:
        RedshiftError: a syntax error, options that exclude each other, or what the stand-in lacks.
    """
    reader = Reader(tokens, 1)
    copy = Copy(reader.name())
    if reader.word == "(":
        copy.columns = reader.names()
    reader.need("FROM")
    copy.source = _string(reader)
    seen: set[str] = set()
    while reader.word:
        name = _option(reader, copy)
        if name in seen:
            raise RedshiftError(f"conflicting or redundant options: {name.lower()}", "42601")
        seen.add(name)
    _check(copy, seen)
    return copy


def _string(reader: Reader) -> str:
    token = reader.next()
    if token.kind != "string":
        raise syntax(token.text)
    return token.value


def _number(reader: Reader, highest: int) -> int:
    token = reader.next()
    text = token.value if token.kind == "string" else token.text
    if not text.isdigit():
        raise syntax(token.text)
    if int(text) > highest:
        raise RedshiftError(f"value {text} is out of range, 0 to {highest}", "22023")
    return int(text)


def _on_off(reader: Reader) -> bool:
    """The word after COMPUPDATE or STATUPDATE; alone they mean ON."""
    if reader.word in ("OFF", "FALSE"):
        reader.next()
        return False
    if reader.word in ("ON", "TRUE"):
        reader.next()
    return True


def _option(reader: Reader, copy: Copy) -> str:
    token = reader.next()
    word = token.upper
    if word in ("WITH", "FORMAT"):
        if word == "WITH" and reader.word not in ("CREDENTIALS", "("):
            raise syntax(reader.raw)
        if word == "FORMAT":
            reader.take("AS")
            if reader.word not in OTHER_FORMATS | {"JSON"}:
                raise syntax(reader.raw)
        return _option(reader, copy)
    if word == "JSON":
        reader.take("AS")
        following = reader.tokens[reader.place : reader.place + 1]
        copy.json = _string(reader) if following and following[0].kind == "string" else "auto"
    elif word in FLAGS:
        copy.flags.add(word)
    elif word in COMPRESSIONS:
        copy.compression = word
        return "compression"
    elif word in _WITH_ARGUMENT:
        _WITH_ARGUMENT[word](reader, copy)
    elif word in NOT_WITH_JSON | OTHER_FORMATS:
        _skip_argument(reader)
        copy.flags.add(word)
    elif word in UNSUPPORTED:
        raise not_supported(f"the COPY option {word}", "the local target reads with IAM_ROLE, GZIP, BZIP2 or ZSTD")
    else:
        raise syntax(token.text)
    return word


def _role(reader: Reader, copy: Copy) -> None:
    copy.role = "default" if reader.take("DEFAULT") else _arns(_string(reader))


def _arns(text: str) -> str:
    if not all(_ARN.fullmatch(part) for part in text.split(",")):
        raise RedshiftError(
            "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or IAM_ROLE 'arn'"
        )
    return text


def _credentials(reader: Reader, copy: Copy) -> None:
    reader.take("AS")
    pairs = dict(part.partition("=")[::2] for part in _string(reader).split(";"))
    if set(pairs) != {"aws_iam_role"}:
        raise not_supported("COPY with access keys", "use IAM_ROLE '<arn>'")
    copy.role = _arns(pairs["aws_iam_role"])


def _format_argument(name: str) -> Any:
    def read(reader: Reader, copy: Copy) -> None:
        reader.take("AS")
        setattr(copy, name, _string(reader))

    return read


def _acceptinvchars(reader: Reader, copy: Copy) -> None:
    reader.take("AS")
    following = reader.tokens[reader.place : reader.place + 1]
    copy.replacement = _string(reader) if following and following[0].kind == "string" else "?"
    if len(copy.replacement) != 1 or not copy.replacement.isascii() or copy.replacement == "\0":
        raise RedshiftError("ACCEPTINVCHARS replacement must be one ASCII character other than NUL", "22023")


def _ignoreheader(reader: Reader, copy: Copy) -> None:
    reader.take("AS")
    copy.ignore_lines = _number(reader, 2**31 - 1)


def _maxerror(reader: Reader, copy: Copy) -> None:
    reader.take("AS")
    copy.max_errors = max(1, _number(reader, MAX_ERRORS))


def _encoding(reader: Reader, copy: Copy) -> None:
    reader.take("AS")
    token = reader.next()
    word = token.value.upper() if token.kind == "string" else token.upper
    if word not in ENCODINGS:
        raise syntax(token.text)
    copy.encoding = ENCODINGS[word]


def _compupdate(reader: Reader, copy: Copy) -> None:
    if not reader.take("PRESET"):
        _on_off(reader)


def _statupdate(reader: Reader, copy: Copy) -> None:
    copy.statupdate = _on_off(reader)


_WITH_ARGUMENT = {
    "IAM_ROLE": _role,
    "CREDENTIALS": _credentials,
    "REGION": _format_argument("region"),
    "TIMEFORMAT": _format_argument("timeformat"),
    "DATEFORMAT": _format_argument("dateformat"),
    "ACCEPTINVCHARS": _acceptinvchars,
    "IGNOREHEADER": _ignoreheader,
    "MAXERROR": _maxerror,
    "ENCODING": _encoding,
    "COMPUPDATE": _compupdate,
    "STATUPDATE": _statupdate,
}


def _skip_argument(reader: Reader) -> None:
    reader.take("AS")
    following = reader.tokens[reader.place : reader.place + 1]
    if following and following[0].kind in ("string", "number"):
        reader.next()


def _check(copy: Copy, seen: set[str]) -> None:
    formats = OTHER_FORMATS & copy.flags
    if not copy.json:
        raise not_supported(
            f"COPY of the format {sorted(formats)[0]}" if formats else "COPY of delimited text", "use FORMAT AS JSON"
        )
    if clash := sorted(NOT_WITH_JSON & copy.flags | formats):
        raise RedshiftError(f"{clash[0]} is not supported with JSON", "0A000")
    if not re.fullmatch(r"s3://[^/]+/.+|s3://[^/]+/?", copy.source):
        raise (
            RedshiftError(f"invalid S3 address '{copy.source}'", "22023")
            if copy.source.startswith("s3://")
            else not_supported("COPY from anything but S3")
        )
    if not copy.role:
        raise RedshiftError("COPY needs an authorization: IAM_ROLE 'arn' or CREDENTIALS 'aws_iam_role=arn'", "42601")
    if copy.json not in ("auto", "auto ignorecase", "noshred") and not copy.json.startswith("s3://"):
        raise RedshiftError(f"Invalid JSON option '{copy.json}'", "22023")
    if copy.has("IGNOREALLERRORS") and "MAXERROR" in seen:
        raise RedshiftError("IGNOREALLERRORS and MAXERROR cannot be specified together", "42601")
