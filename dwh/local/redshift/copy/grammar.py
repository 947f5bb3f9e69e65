"""The text of a COPY statement, read into a ``Copy``. Options come in any order; an unknown one is an error."""

from __future__ import annotations

import re
from collections.abc import Callable
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
# Words that say nothing by themselves, and what may follow them.
_BEFORE = {"WITH": ("CREDENTIALS", "("), "FORMAT": OTHER_FORMATS | {"JSON"}}
# What Redshift has and the stand-in has not.
UNSUPPORTED = word_set(
    """
    ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN LZOP ENCRYPTED MASTER_SYMMETRIC_KEY SSH COMPROWS JOB
    """
)
ENCODINGS = {"UTF8": "utf-8", "UTF16": "utf-16", "UTF16LE": "utf-16-le", "UTF16BE": "utf-16-be"}
WITHOUT_AS = ("IAM_ROLE", "STATUPDATE")  # before its argument
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
    if word in _BEFORE:
        if word == "FORMAT":
            reader.take("AS")
        if reader.word not in _BEFORE[word]:
            raise syntax(reader.raw)
        return _option(reader, copy)
    if word in FLAGS:
        copy.flags.add(word)
    elif word in COMPRESSIONS:
        copy.compression = word
        return "compression"
    elif word in _WITH_ARGUMENT:
        attribute, read = _WITH_ARGUMENT[word]
        if word not in WITHOUT_AS:
            reader.take("AS")
        setattr(copy, attribute, read(reader))
    elif word == "COMPUPDATE":
        _ = reader.take("PRESET") or _on_off(reader)
    elif word in NOT_WITH_JSON | OTHER_FORMATS:
        _skip_argument(reader)
        copy.flags.add(word)
    elif word in UNSUPPORTED:
        raise not_supported(f"the COPY option {word}", "the local target reads with IAM_ROLE, GZIP, BZIP2 or ZSTD")
    else:
        raise syntax(token.text)
    return word


def _role(reader: Reader) -> str:
    return "default" if reader.take("DEFAULT") else _arns(_string(reader))


def _arns(text: str) -> str:
    if not all(_ARN.fullmatch(part) for part in text.split(",")):
        raise RedshiftError(
            "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or IAM_ROLE 'arn'"
        )
    return text


def _credentials(reader: Reader) -> str:
    pairs = dict(part.partition("=")[::2] for part in _string(reader).split(";"))
    if set(pairs) != {"aws_iam_role"}:
        raise not_supported("COPY with access keys", "use IAM_ROLE '<arn>'")
    return _arns(pairs["aws_iam_role"])


def _optional(reader: Reader, otherwise: str) -> str:
    """The string that comes next; what is meant without one."""
    following = reader.tokens[reader.place : reader.place + 1]
    return _string(reader) if following and following[0].kind == "string" else otherwise


def _replacement(reader: Reader) -> str:
    character = _optional(reader, "?")
    if len(character) != 1 or not character.isascii() or character == "\0":
        raise RedshiftError("ACCEPTINVCHARS replacement must be one ASCII character other than NUL", "22023")
    return character


def _encoding(reader: Reader) -> str:
    token = reader.next()
    word = token.value.upper() if token.kind == "string" else token.upper
    if word not in ENCODINGS:
        raise syntax(token.text)
    return ENCODINGS[word]


# Option -> what it sets, and how its argument is read.
_WITH_ARGUMENT: dict[str, tuple[str, Callable[[Reader], Any]]] = {
    "JSON": ("json", lambda reader: _optional(reader, "auto")),
    "IAM_ROLE": ("role", _role),
    "CREDENTIALS": ("role", _credentials),
    "REGION": ("region", _string),
    "TIMEFORMAT": ("timeformat", _string),
    "DATEFORMAT": ("dateformat", _string),
    "ACCEPTINVCHARS": ("replacement", _replacement),
    "IGNOREHEADER": ("ignore_lines", lambda reader: _number(reader, 2**31 - 1)),
    "MAXERROR": ("max_errors", lambda reader: max(1, _number(reader, MAX_ERRORS))),
    "ENCODING": ("encoding", _encoding),
    "STATUPDATE": ("statupdate", _on_off),
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
