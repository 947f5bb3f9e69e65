"""The protocol's messages, made and read without a connection."""

from __future__ import annotations

import struct

import pytest

from dwh.local.redshift import protocol
from dwh.local.redshift.protocol import ProtocolError
from dwh.local.redshift.relay import _END


def test_a_startup_message_is_names_and_values():
    assert protocol.startup(b"user\0me\0database\0d\0\0") == {"user": "me", "database": "d"}


@pytest.mark.parametrize("body", [b"", b"user\0me\0", b"user\0\0", b"user\0me\0database\0\0\0x", b"us\xffer\0me\0\0"])
def test_another_one_is_refused(body):
    with pytest.raises(ProtocolError):
        protocol.startup(body)


def bound(formats, parameters=(b"1", None)):
    values = b"".join(struct.pack("!i", -1 if value is None else len(value)) + (value or b"") for value in parameters)
    return (
        b"p\0s\0" + struct.pack("!hhh", 1, 0, len(parameters)) + values
        + struct.pack(f"!h{len(formats)}h", len(formats), *formats)
    )  # fmt: skip


@pytest.mark.parametrize("formats", [(), (0,), (1,), (0, 1, 1)])
def test_a_bind_message_is_read_and_made_again(formats):
    asked = protocol.bind(bound(formats))
    assert (asked.portal, asked.statement, asked.parameters, asked.formats) == ("p", "s", 2, formats)
    assert asked.message() == protocol.message(b"B", bound(formats))


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_bind_message_that_is_cut_off_is_refused(cut):
    with pytest.raises(ProtocolError):
        protocol.bind(bound((1,))[:-cut])


CUSTOM = 16999  # the number of a type that is not PostgreSQL's own


def test_columns_that_clients_do_not_know_come_as_text():
    asked = protocol.bind(bound((1,)))
    assert asked.as_text([23, CUSTOM]) == protocol.message(b"B", bound((1, 0)))
    assert asked.as_text([]) == protocol.message(b"B", bound((1,)))
    assert asked.as_text([23, 25]) == protocol.message(b"B", bound((1,)))
    assert protocol.bind(bound((0,))).as_text([CUSTOM]) == protocol.message(b"B", bound((0,)))


def described(*columns):
    return struct.pack("!h", len(columns)) + b"".join(
        name + b"\0" + struct.pack("!ihihih", 0, 0, kind, -1, -1, 0) for name, kind in columns
    )


def test_super_is_announced_as_varchar():
    description = described((b"a", 23), (b"doc", CUSTOM))
    assert protocol.column_types(description) == [23, CUSTOM]
    assert protocol.column_types(protocol.known_types(description)) == [23, protocol.VARCHAR]
    assert len(protocol.known_types(description)) == len(description)


def test_fields_of_an_error_are_read_and_made():
    made = protocol.error("no", "42601", hint="yes")
    assert protocol.read_fields(made[5:]) == {"S": "ERROR", "V": "ERROR", "C": "42601", "M": "no", "H": "yes"}


def row(*values):
    cells = b"".join(struct.pack("!i", len(value)) + value for value in values)
    return protocol.message(b"D", struct.pack("!h", len(values)) + cells)


@pytest.mark.parametrize(
    "before",
    [protocol.complete("SELECT 1"), protocol.complete("FETCH 12"), b"s\0\0\0\4"],
)
def test_the_end_of_an_answer_is_seen(before):
    assert _END.search(row(b"a") + before + protocol.ready(b"I"))


@pytest.mark.parametrize("values", [(b"Z", b"I" * 5), (b"\4Z", b"I....", b""), (b"x" * 90, b"T")])
def test_no_row_of_text_looks_like_the_end_wherever_it_is_cut(values):
    data = row(*values) * 3
    assert not any(_END.search(data[:end]) for end in range(1, len(data)))
