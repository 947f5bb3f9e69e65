"""Which certificates Redshift's are signed with, and what it means when it cannot be connected to."""

from __future__ import annotations

from pathlib import Path

from dwh.commands import CREATE
from dwh.config import Settings
from dwh.errors import DwhError, TargetError, UnreachableError


def root_certificates() -> str:
    """A bundle that holds Amazon Root CA 1 to 4 and the Starfield roots that sign Redshift's certificates.

    It is botocore's: certifi's holds the Amazon roots too, but nothing here
    depends on certifi, and without botocore there is no call to AWS at all.
    """
    import botocore

    return str(Path(botocore.__file__).with_name("cacert.pem"))


SILENT, CLOSED = "it does not answer", "nothing listens there"
# What a cluster that starts again looks like for a while.
PASSING = (SILENT, CLOSED)

# Part of libpq's text -> what it means, and what to do.
REASONS = (
    (
        ("timeout expired", "timed out", "No route to host", "Network is unreachable"),
        SILENT,
        "is access = private, has this machine's address changed, or is the cluster paused? "
        f"{CREATE} brings the security group up to date",
    ),
    (
        ("could not translate host name", "Name or service not known", "nodename nor servname"),
        "its name is not known",
        f"a new cluster's name takes a minute to spread; if the cluster is gone: {CREATE}",
    ),
    (
        ("does not support SSL", "certificate verify failed", "certificate for", "SSL error", "root certificate"),
        "it has no TLS with a certificate of Amazon's, so nothing was sent to it",
        f"does dwh_endpoint name the cluster itself? {CREATE} writes it",
    ),
    (
        ("password authentication failed",),
        "it does not accept the login",
        "is db_user the admin of the cluster? DB_PASSWORD in .env, where set, must be its password",
    ),
    (("Connection refused",), CLOSED, "is db_port the cluster's, and is the cluster available?"),
    (("does not exist",), "it has no such database", "is db_name in dwh.cfg the one that the cluster was made with?"),
)


def refused(text: str, host: str, settings: Settings) -> DwhError:
    """Libpq's complaint as a sentence and the likely remedy."""
    where = f"{host}:{settings.db_port}"
    for parts, meaning, hint in REASONS:
        if any(part in text for part in parts):
            kind = UnreachableError if meaning in PASSING else TargetError
            return kind(f"cannot connect to {where}: {meaning}", hint=hint, debug=" ".join(text.split()))
    first = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    return TargetError(f"cannot connect to {where}: {first}", hint=f"{CREATE} shows its state")


def passing(text: str) -> bool:
    """Whether a complaint of libpq's may pass by itself: a name not known yet, a port not open yet."""
    return any(part in text for part in ("could not translate host name", "Connection refused"))
