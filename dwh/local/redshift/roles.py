"""Who may do what in the database of a cluster: the rights of the master user, of other users and of temporary logins.

The master user is a superuser on Redshift. PostgreSQL's superusers run programs
and read files of the machine besides, so here it is an ordinary role that owns the
database, makes users, and has the rights of each of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

# The superuser that a cluster's own machinery uses is called rdsdb on Redshift, and so here.
SYSTEM = "rdsdb"
# What the master may do besides: see what all sessions do, and end them.
MASTER_RIGHTS = ("pg_read_all_stats", "pg_signal_backend")
# A member that has the rights of a user, may act as the user, and may alter and drop it.
# CREATE USER of the master gives it the same (createrole_self_grant, https://www.postgresql.org/docs/18/role-attributes.html).
AS_SUPERUSER = "WITH ADMIN TRUE, INHERIT TRUE, SET TRUE"


def create_master(system: cursor, name: str, password: str) -> None:
    """Make the master user."""
    _run(system, "CREATE ROLE {} CREATEROLE", name)
    for right in MASTER_RIGHTS:
        _run(system, "GRANT {} TO {}", right, name)
    set_password(system, name, password)


def create_user(system: cursor, name: str, master: str) -> None:
    """Make a user without a password, over whom the master has the rights of a superuser."""
    _run(system, "CREATE ROLE {} LOGIN", name)
    _run(system, f"GRANT {{}} TO {{}} {AS_SUPERUSER}", name, master)


def is_user(system: cursor, name: str) -> bool:
    """Whether there is such a user; the system's and the roles of PostgreSQL's own are none."""
    system.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = %s", (name,))
    return system.fetchall() == [(False,)] and not name.startswith("pg_")


def lend(system: cursor, login: str, user: str, password: str, until: datetime) -> None:
    """Let ``login`` act as ``user`` until then; any other member of it would have the rights of the user too."""
    system.execute(
        "SELECT member FROM pg_catalog.pg_auth_members JOIN pg_catalog.pg_roles r ON r.oid = roleid WHERE rolname = %s",
        (login,),
    )
    if system.fetchall():
        _run(system, "DROP ROLE {}", login)
    if not is_user(system, login):
        _run(system, "CREATE ROLE {}", login)
    _run(system, "GRANT {} TO {}", user, login)
    _run(system, "ALTER ROLE {} SET role TO {}", login, user)
    set_password(system, login, password, until.isoformat())


def set_password(system: cursor, name: str, password: str, until: str = "infinity") -> None:
    """Let a role log in with this password. Only its verifier is sent: no log of a failed server can show more."""
    from psycopg2 import sql
    from psycopg2.extensions import encrypt_password

    verifier = encrypt_password(password, name, system.connection, "scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {} VALID UNTIL {}")
    system.execute(statement.format(sql.Identifier(name), sql.Literal(verifier), sql.Literal(until)))


def _run(system: cursor, statement: str, *names: str) -> None:
    from psycopg2 import sql

    system.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
