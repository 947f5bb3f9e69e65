"""What a new local database needs to pass for Redshift: types, functions, system tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import connection

FILES = ("support.sql", "types.sql", "functions.sql", "system.sql")


def install(conn: connection) -> None:
    """Run the files of ``sql/`` in a new database and commit.

    Args:
        conn: a plain psycopg2 connection as a superuser, with no transaction open.

    Raises:
        psycopg2.Error: the database is not new, or the user is no superuser.
    """
    folder = Path(__file__).with_name("sql")
    with conn, conn.cursor() as cursor:
        # Redshift's system tables and functions live in pg_catalog, where they are found whatever search_path is.
        cursor.execute("SET LOCAL allow_system_table_mods = on")
        for name in FILES:
            cursor.execute((folder / name).read_text(encoding="utf-8"))
