"""psycopg2 connections to the local PostgreSQL whose cursors speak Redshift's SQL.

Every statement passes through ``Statements.execute``: it is cut into tokens,
COPY is carried out here, what only PostgreSQL has is refused, and the rest is
sent on with small rewrites.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import psycopg2
from psycopg2 import errors as pg_errors
from psycopg2 import extensions

from dwh.local.redshift import postgres
from dwh.local.redshift.backend import SETTINGS, AwsApi, Connection, throw
from dwh.local.redshift.copy import run
from dwh.local.redshift.dialect import lexer, statements
from dwh.local.redshift.errors import RedshiftError


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
) -> Session:
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
    session: Session = postgres.dial(connection_factory=Session, **arguments)
    session.attach(aws, cluster_identifier, arguments)
    return session


class Session(Connection):
    """A connection whose cursors speak Redshift's SQL."""

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor; one of psycopg2's own classes given as ``cursor_factory`` learns Redshift's SQL too."""
        factory = kwargs.pop("cursor_factory", None) or cast(Any, self).cursor_factory or extensions.cursor
        return super().cursor(*args, cursor_factory=_speaking(factory), **kwargs)


_classes: dict[type, type] = {}


def _speaking(factory: type) -> type:
    if issubclass(factory, Statements):
        return factory
    if factory not in _classes:
        _classes[factory] = type(f"Redshift{factory.__name__.capitalize()}", (Statements, factory), {})
    return _classes[factory]


class Statements:
    """Mixed into a cursor class: what it executes is Redshift's SQL."""

    connection: Session
    _changed: int | None = None

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run one statement, or several separated by semicolons.

        Raises:
            psycopg2.Error: as Redshift would raise it; SQLSTATE 0A000 for what it, or the stand-in, lacks.
        """
        parts = lexer.split(self._text(query, vars))
        if not parts:
            super().execute(query)  # type: ignore[misc]
        for statement in parts:
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
            statements.check_names(statement)
            if lexer.words(statement, 1) == ["COPY"]:
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
        plan = statements.translate(statement, laterals)
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

    def _submit(self, plan: statements.Plan) -> None:
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
