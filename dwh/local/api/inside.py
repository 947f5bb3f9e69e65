"""What the local Redshift asks of AWS, answered from moto's own records: as a service of AWS's, it signs no request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, iam_backends
from moto.redshift.models import redshift_backends
from moto.s3.models import FakeKey

from dwh.local import folder as folders
from dwh.local.api.buckets import FileKey, backend


def roles(region: str, cluster: str) -> dict[str, Any] | None:
    """The roles of a cluster (``dwh.local.redshift.aws.Roles``); None if it is not there."""
    found: Any = redshift_backends[DEFAULT_ACCOUNT_ID][region].clusters.get(cluster)
    if found is None:
        return None
    default = getattr(found, "default_iam_role_arn", None) or ""
    return {"cluster": cluster, "region": region, "attached": list(found.iam_roles_arn), "default": default}


def role(arn: str) -> dict[str, Any] | None:
    """A role (``dwh.local.redshift.aws.Role``); None if there is none."""
    iam: IAMBackend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    found = next((role for role in list(iam.roles.values()) if role.arn == arn), None)
    if found is None:
        return None
    attached = [_managed(iam, policy) for policy in list(found.managed_policies)]
    return {
        "arn": arn,
        "trust": _document(found.assume_role_policy_document),
        "policies": [*map(_document, list(found.policies.values())), *attached],
        "boundary": _managed(iam, found.permissions_boundary_arn) if found.permissions_boundary_arn else None,
    }


def _managed(iam: IAMBackend, arn: str) -> dict[str, Any]:
    """What a managed policy says; one that is gone allows nothing."""
    found: Any = iam.managed_policies.get(arn)
    versions = found.versions if found else []
    documents = [version.document for version in versions if version.version_id == found.default_version_id]
    return _document(documents[0]) if documents else {"Statement": []}


def _document(text: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(unquote(text)) if isinstance(text, str) else text
    return document


def bucket_region(name: str) -> str | None:
    """Where a bucket is; None if there is none."""
    found = backend().buckets.get(name)
    return None if found is None else found.region_name


def prefix(name: str, start: str) -> list[dict[str, Any]]:
    """The objects whose keys begin so (``dwh.local.redshift.aws.Entry``), in the order of S3: that of UTF-8 bytes."""
    found = backend().buckets.get(name)
    if found is None:
        return []
    names = sorted(key for key in list(found.keys) if key.startswith(start))
    return [entry for key in names if (entry := _entry(key, found.keys.get(key)))]


def keys(name: str, wanted: Sequence[str]) -> list[dict[str, Any] | None] | None:
    """The objects of these keys, None in the place of one that is not there; None for a bucket that is not."""
    found = backend().buckets.get(name)
    return None if found is None else [_entry(key, found.keys.get(key)) for key in wanted]


def content(name: str, key: str) -> bytes | None:
    """The content of an object that is no file."""
    found = backend().buckets.get(name)
    kept = found.keys.get(key) if found else None
    return bytes(kept.value) if isinstance(kept, FakeKey) else None


def _entry(name: str, found: Any) -> dict[str, Any] | None:
    if isinstance(found, FileKey):
        there = found.file == folders.seen(found.file.path)
        return {"key": name, "size": found.size, "path": found.file.path} if there else None
    return {"key": name, "size": found.size} if isinstance(found, FakeKey) else None  # no delete marker


def body(environ: dict[str, Any]) -> Any:
    """The JSON that a request brings."""
    return json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request of the local Redshift's: its body is a list of what the function below is asked about."""
    about, path = body(environ), environ["PATH_INFO"]
    found = content(*about) if path == CONTENT else json.dumps(ANSWERS[path](*about)).encode()
    told = found or b""
    status = "404 Not Found" if found is None else "200 OK"
    start(status, [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(told)))])
    return [told]


CONTENT, ROLES = "/_local/content", "/_local/roles"
# The paths of the local Redshift -> what answers them.
ANSWERS: dict[str, Callable[..., Any]] = {
    ROLES: roles,
    "/_local/role": role,
    "/_local/bucket": bucket_region,
    "/_local/prefix": prefix,
    "/_local/keys": keys,
}
