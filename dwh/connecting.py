"""How psycopg2 is told to connect to the warehouse, on both targets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import connection

CONNECT_TIMEOUT = 10
# Long COPYs are silent, and NAT gateways forget silent connections after minutes.
KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 5}


def arguments(*, host: str, port: int, database: str, user: str, password: str, roots: str) -> dict[str, Any]:
    """The keyword arguments of ``psycopg2.connect``.

    Keywords and never a connection string: the errors of one quote parts of the password.
    ``verify-full`` refuses a server without TLS, a certificate that another authority signed, and another's name.

    Args:
        host: of the cluster.
        port: of the cluster.
        database: its name.
        user: of the database.
        password: the user's.
        roots: a file with the certificates of the authorities that may have signed the cluster's.
    """
    return {
        "host": host,
        "port": port,
        "dbname": database,
        "user": user,
        "password": password,
        "sslmode": "verify-full",
        "sslrootcert": roots,
        "gssencmode": "disable",  # else a Kerberos ticket would go before TLS
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "sparkify-dwh",
        **KEEPALIVES,
    }


def connect(**place: Any) -> connection:
    """A connection over verified TLS, autocommit off, whatever variables of libpq are set.

    They are hidden and not overruled, because PGHOSTADDR, PGTZ, PGOPTIONS and PGSERVICE have no argument that would do
    it. A step connects from one thread.

    Args:
        place: see ``arguments``.

    Raises:
        psycopg2.OperationalError: in libpq's words.
    """
    import psycopg2

    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        made: connection = psycopg2.connect(**arguments(**place))
        return made
    finally:
        os.environ.update(hidden)
