"""psycopg2 connections to the local PostgreSQL whose cursors speak Redshift's SQL.

Every statement passes through ``Statements.execute``: it is cut into tokens,
COPY is carried out here, what only PostgreSQL has is refused, and the rest is
sent on with small rewrites.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any, Protocol, cast

import psycopg2
from psycopg2 import errors as pg_errors
from psycopg2 import extensions, extras

from dwh.local import dialect, lexer, postgres
from dwh.local.errors import RedshiftError

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


def connect(
    *,
    host: str,
    port: int,
    dbname: str,
    user: str,
    password: str,
    aws: AwsApi,
    cluster_identifier: str,
    connect_timeout: int = 10,
    **options: Any,
) -> Connection:
    """Open a session that behaves as one on Redshift; autocommit is off.

    Args:
        host: of the local PostgreSQL, after ``bootstrap.install``.
        port: its port.
        dbname: its database.
        user: whose rights the session has.
        password: the user's.
        aws: the API that holds the buckets, the roles and the cluster.
        cluster_identifier: the cluster whose roles COPY may use.
        connect_timeout: in seconds.
        options: further arguments of ``psycopg2.connect``.

    Raises:
        psycopg2.OperationalError: the server cannot be reached.
    """
    settings = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in SETTINGS.items())
    options["options"] = f"{options.get('options', '')} {settings}".strip()
    arguments: dict[str, Any] = dict(
        host=host, port=port, dbname=dbname, user=user, password=password, connect_timeout=connect_timeout, **options
    )
    session: Connection = postgres.dial(connection_factory=Connection, **arguments)
    session.attach(aws, cluster_identifier, arguments)
    return session


class Connection(extensions.connection):
    """A connection whose cursors speak Redshift's SQL."""

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

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor; one of psycopg2's own classes given as ``cursor_factory`` learns Redshift's SQL too."""
        factory = kwargs.pop("cursor_factory", None) or cast(Any, self).cursor_factory or extensions.cursor
        return super().cursor(*args, cursor_factory=_speaking(factory), **kwargs)

    def plain(self) -> extensions.cursor:
        """A cursor that sends PostgreSQL's SQL as it stands, in this session's transaction."""
        return super().cursor(cursor_factory=extensions.cursor)

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


_classes: dict[type, type] = {}


def _speaking(factory: type) -> type:
    if issubclass(factory, Statements):
        return factory
    if factory not in _classes:
        _classes[factory] = type(f"Redshift{factory.__name__.capitalize()}", (Statements, factory), {})
    return _classes[factory]


class Statements:
    """Mixed into a cursor class: what it executes is Redshift's SQL."""

    connection: Connection
    _changed: int | None = None

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run one statement, or several separated by semicolons.

        Raises:
            psycopg2.Error: as Redshift would raise it; SQLSTATE 0A000 for what it, or the stand-in, lacks.
        """
        statements = lexer.split(self._text(query, vars))
        if not statements:
            super().execute(query)  # type: ignore[misc]
        for statement in statements:
            self._run(statement)

    def executemany(self, query: Any, vars_list: Iterable[Any]) -> None:
        """Run the statement once for each set of parameters."""
        total = 0
        for parameters in vars_list:
            self.execute(query, parameters)
            total += max(self.rowcount, 0)
        self._changed = total

    @property
    def rowcount(self) -> int:
        """The rows of the last statement; after ``executemany``, of all of them."""
        return super().rowcount if self._changed is None else self._changed  # type: ignore[misc]

    def copy_expert(self, *_: Any, **__: Any) -> None:
        """Redshift has no COPY from or to the client."""
        self.connection.fail(RedshiftError("COPY from or to the client is not supported by Amazon Redshift", "0A000"))

    copy_from = copy_to = copy_expert

    def _text(self, query: Any, parameters: Any) -> str:
        cursor = cast(extensions.cursor, self)
        if hasattr(query, "as_string"):
            query = query.as_string(cursor)
        if parameters is not None:
            query = cursor.mogrify(query, parameters)
        return query.decode() if isinstance(query, bytes) else str(query)

    def _run(self, statement: lexer.Tokens) -> None:
        session = self.connection
        self._changed = None
        if not session.in_transaction():
            session.looked, session.locked_first = False, ()
        try:
            dialect.check_names(statement)
            if lexer.words(statement, 1) == ["COPY"]:
                from dwh.local.copy import run

                session.looked = True
                with session.explained():
                    run.copy(session, lexer.code(statement))
                return
            with session.explained():
                self._send(statement)
        except RedshiftError as error:
            session.fail(error)
        except (pg_errors.SerializationFailure, pg_errors.CardinalityViolation) as error:
            # The transaction is lost, so the second connection raises the error in Redshift's words.
            if worded := _in_redshifts_words(error):
                with session.log() as cursor:
                    throw(cursor, worded)
            raise

    def _send(self, statement: lexer.Tokens, laterals: frozenset[str] = frozenset()) -> None:
        session = self.connection
        plan = dialect.translate(statement, laterals)
        if plan.alone and (session.in_transaction() or not session.autocommit):
            raise RedshiftError(f"{plan.alone} cannot run inside a transaction block", "25001")
        try:
            self._submit(plan)
        except pg_errors.UndefinedColumn as error:
            # An alias used in its own SELECT list: a column of that name would have been preferred.
            unknown = re.search(r'column "([^"]+)" does not exist', str(error.diag.message_primary))
            if not plan.laterals or unknown is None or unknown[1] in laterals:
                raise
            self._send(statement, laterals | {unknown[1]})
            return
        if plan.commits and session.in_transaction():
            session.commit_now()

    def _submit(self, plan: dialect.Plan) -> None:
        """Send a plan. Writers of one table wait for each other: the lock lets readers pass."""
        session, execute = self.connection, super().execute  # type: ignore[misc]
        sql = plan.sql
        session.looked = session.looked or plan.looks
        if not session.looked:
            session.locked_first += plan.locks
        own = session.autocommit and not session.in_transaction()
        if plan.writes is not None:
            lock = f"LOCK TABLE {plan.writes.sql} IN SHARE ROW EXCLUSIVE MODE"
            if own:
                sql = f"{lock};{sql}"  # one string is one transaction
            else:
                with session.plain() as cursor:
                    cursor.execute(lock)
                    if plan.empties and session.locked_first:
                        locked = [name.sql for name in session.locked_first]
                        cursor.execute("SELECT redshift.empty(%s, %s::regclass[])", (plan.writes.sql, locked))
                        ((self._changed,),) = cursor.fetchall()
        if own or not plan.laterals:
            execute(sql)
            return
        with session.plain() as cursor:
            cursor.execute("SAVEPOINT redshift")
            try:
                execute(sql)
            except pg_errors.UndefinedColumn:
                cursor.execute("ROLLBACK TO SAVEPOINT redshift; RELEASE SAVEPOINT redshift")
                raise
            cursor.execute("RELEASE SAVEPOINT redshift")


def _in_redshifts_words(error: psycopg2.Error) -> RedshiftError | None:
    if isinstance(error, pg_errors.SerializationFailure):
        return RedshiftError("1023", detail="Serializable isolation violation on table")
    if str(error.diag.message_primary).startswith("MERGE"):
        return RedshiftError("Found multiple matches to update the same tuple.")
    return None
