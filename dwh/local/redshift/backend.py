"""The connection of a session to the PostgreSQL behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, Protocol

import psycopg2
from psycopg2 import errors as pg_errors
from psycopg2 import extensions, extras

from dwh.local.redshift import postgres
from dwh.local.redshift.dialect import lexer
from dwh.local.redshift.errors import RedshiftError

# Redshift takes its snapshot at the first statement that touches data and keeps it, the default isolation
# (SNAPSHOT) of clusters made today; strings have backslash escapes, clocks are UTC, UNKNOWN text is quiet.
SETTINGS = {
    "default_transaction_isolation": "repeatable read",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
}


class AwsApi(Protocol):
    """The AWS API that COPY reads S3 through and asks about roles."""

    def client(self, service: str) -> Any:
        """A boto3 client."""
        ...

    def bulk(self, request: dict[str, Any]) -> AbstractContextManager[IO[bytes] | None]:
        """The launcher's bulk read: one stream for many objects. None where it is not offered (plain moto, real S3)."""
        ...

    def explained(self, cluster: str, error: psycopg2.OperationalError) -> Exception | None:
        """What to raise instead of a full disk or a lost connection, where more is known of it."""
        ...


class Connection(extensions.connection):
    """A connection to PostgreSQL, and what a session of Redshift's knows besides."""

    aws: AwsApi
    cluster_identifier: str
    _arguments: dict[str, Any]
    _log: extensions.connection | None = None
    # Of the open transaction: has it taken its snapshot, and which tables had it locked before that?
    looked = False
    locked_first: tuple[lexer.Name, ...] = ()

    def attach(self, aws: AwsApi, cluster_identifier: str, arguments: dict[str, Any]) -> None:
        """Remember what COPY needs. SUPER values come back as text, as they do from Redshift."""
        self.aws = aws
        self.cluster_identifier = cluster_identifier
        self._arguments = arguments
        extras.register_default_json(self, loads=lambda text: text)

    def plain(self) -> extensions.cursor:
        """A cursor that sends PostgreSQL's SQL as it stands, in this session's transaction."""
        return extensions.connection.cursor(self, cursor_factory=extensions.cursor)

    def log(self) -> extensions.cursor:
        """A cursor on a second connection that commits by itself: what it writes survives a rollback here."""
        if self._log is None or self._log.closed:
            self._log = postgres.dial(**self._arguments)
            self._log.autocommit = True
        return self._log.cursor()

    def in_transaction(self) -> bool:
        """Has a transaction begun, by psycopg2 or by a BEGIN?"""
        return self.get_transaction_status() != extensions.TRANSACTION_STATUS_IDLE

    def commit(self) -> None:
        """Commit."""
        with self.explained():
            super().commit()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """A full disk, and a connection that is lost because of one, in the words of the target that it belongs to.

        Redshift survives a full disk; PostgreSQL may end all its sessions, which then tell nothing.
        """
        try:
            yield
        except psycopg2.OperationalError as error:
            if error.pgcode is not None and not isinstance(error, pg_errors.DiskFull):
                raise
            if better := self.aws.explained(self.cluster_identifier, error):
                raise better from error
            raise

    def commit_now(self) -> None:
        """Commit, whoever began the transaction."""
        if self.autocommit:
            with self.plain() as cursor:
                cursor.execute("COMMIT")
        else:
            self.commit()

    def close(self) -> None:
        """Close the session and its log."""
        if self._log is not None:
            self._log.close()
        super().close()

    def fail(self, error: RedshiftError) -> None:
        """Raise the error from the server, so that it is a true psycopg2 error and ends the transaction."""
        with self.plain() as cursor:
            throw(cursor, error)


def throw(cursor: extensions.cursor, error: RedshiftError) -> None:
    """Let the server raise the error; the line that names the function that did it is cut off."""
    try:
        cursor.execute(
            "SELECT redshift.throw(%s, %s, %s, %s)", (error.message, error.detail, error.hint, error.sqlstate)
        )
    except psycopg2.Error as raised:
        text = re.sub(r"\nCONTEXT: .*", "", str(raised), flags=re.DOTALL)
        raised.args = (text if text.endswith("\n") else text + "\n",)
        raise
