"""The endpoint's certificate, and the authority that signed it: made once for a state folder.

The authority's key is never written down: with the file of its certificate nobody can make another.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dwh.files import write_whole

AUTHORITY = "redshift-ca.pem"
ENDPOINT = "redshift-endpoint.pem"
# For SSL_CERT_FILE, which other programs of a shell read too: ours beside those of the web.
BUNDLE = "redshift-ca-bundle.pem"
LASTS = timedelta(days=3650)
NAME = "Sparkify local target"


def make(folder: Path) -> None:
    """Make the files in a folder that is closed to others, unless they are there."""
    if (folder / AUTHORITY).is_file() and (folder / ENDPOINT).is_file():
        return
    import botocore

    authority, endpoint = _signed()
    web = Path(botocore.__file__).with_name("cacert.pem").read_bytes()
    write_whole(folder / ENDPOINT, endpoint, 0o600)
    write_whole(folder / BUNDLE, web + b"\n" + authority, 0o600)
    write_whole(folder / AUTHORITY, authority, 0o600)


def _signed() -> tuple[bytes, bytes]:
    """The authority's certificate; the endpoint's, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = (
        _begun(x509, NAME, ours)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=_only_here(x509), excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ours.public_key()), critical=False)
        .sign(ours, hashes.SHA256())
    )
    endpoint = (
        _begun(x509, "localhost", theirs)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours.public_key()), critical=False)
        .sign(ours, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = theirs.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), endpoint.public_bytes(pem) + key


def _begun(x509: Any, subject: str, key: Any) -> Any:
    """A certificate of the authority's for a key, still without what it may be used for."""

    def named(text: str) -> Any:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(NAME))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LASTS)
    )


def _only_here(x509: Any) -> list[Any]:
    """The authority vouches for this machine and for nothing else."""
    return [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8"))]
