"""What the stand-in raises inside; the cursor turns it into a psycopg2 error from the server."""

from __future__ import annotations


class PostgresError(Exception):
    """There is no PostgreSQL to run, it does not start, or its files are not ours.

    Args:
        message: what went wrong, one sentence.
        hint: what to do about it.
        detail: PostgreSQL's own last lines.
    """

    def __init__(self, message: str, hint: str = "", *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class RedshiftError(Exception):
    """An error as Redshift words it.

    Args:
        message: the primary message.
        sqlstate: five characters; XX000 is Redshift's internal error.
        detail, hint: the further fields of the error.
    """

    def __init__(self, message: str, sqlstate: str = "XX000", *, detail: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint


def not_supported(what: str, hint: str = "") -> RedshiftError:
    """Redshift may have it; the stand-in has not, and says so rather than guess."""
    return RedshiftError(f"{what} is not supported by the local target", "0A000", hint=hint)


def refused(what: str, instead: str = "") -> RedshiftError:
    """PostgreSQL has it, Redshift has not."""
    return RedshiftError(f"{what} is not supported by Amazon Redshift", "0A000", hint=instead)


def syntax(near: str) -> RedshiftError:
    """A syntax error at a word."""
    return RedshiftError(f'syntax error at or near "{near}"' if near else "syntax error at end of input", "42601")
