"""What a new local database needs to pass for Redshift: types, functions, system tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

FILES = (
    *("support.sql", "types.sql", "functions.sql", "redefined.sql", "conversion.sql"),
    *("keys.sql", "catalogue.sql", "system.sql", "history.sql"),
    "fence.sql",
)


def install(superuser: cursor) -> None:
    """Run the files of ``sql/`` in a new database, in one transaction.

    Args:
        superuser: a cursor of psycopg2's own of a superuser, with no transaction open.

    Raises:
        psycopg2.Error: the database is not new, or the user is no superuser.
    """
    folder = Path(__file__).with_name("sql")
    texts = [(folder / name).read_text(encoding="utf-8") for name in FILES]
    # Redshift's system tables and functions live in pg_catalog, where they are found whatever search_path is.
    superuser.execute("\n".join(["BEGIN; SET LOCAL allow_system_table_mods = on;", *texts, "COMMIT"]))
