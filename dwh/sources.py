"""The source objects in S3: which there are, and the manifest that tells COPY which to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from dwh.config import Settings
from dwh.errors import DataError
from dwh.target import Target
from dwh.text import split_uri


@dataclass(frozen=True)
class S3Object:
    """One object as S3 lists it: its address, its content (ETag, size in bytes), and when it was put there.

    The ETag tells whether there is something new to load. Whether an object changed while it was read is
    told by the time as well: the earlier content may be back by then. (S3 gives whole seconds; a COPY
    that reads an object between two changes of one second would have to start and end within it.)
    """

    uri: str
    etag: str
    size: int
    modified: datetime


def listed(s3: Any, prefix: str) -> Iterator[S3Object]:
    """The objects under a prefix, in key order, without the empty ones (folder markers).

    Args:
        s3: a client.
        prefix: address of the prefix.

    Raises:
        botocore.exceptions.ClientError: S3 refused.
    """
    bucket, start = split_uri(prefix)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start):
        for entry in page.get("Contents", []):
            if entry["Size"]:
                uri = f"s3://{bucket}/{entry['Key']}"
                yield S3Object(uri, entry["ETag"].strip('"'), entry["Size"], entry["LastModified"])


def smallest_object(s3: Any, prefix: str, origin: str) -> S3Object:
    """The smallest of the first objects under a prefix: as many as one answer of S3 lists.

    Raises:
        DataError: there are none.
        botocore.exceptions.ClientError: S3 refused.
    """
    first = list(islice(listed(s3, prefix), 1000))
    if not first:
        raise no_data(prefix, origin)
    return min(first, key=lambda entry: entry.size)


def no_data(prefix: str, origin: str) -> DataError:
    """Nothing is under a prefix."""
    return DataError(f"there is no data under {prefix}", hint=f"check {origin}, then run the step again")


def list_objects(s3: Any, prefix: str, origin: str) -> list[S3Object]:
    """The objects under a prefix, as ``listed`` gives them.

    Args:
        s3: a client.
        prefix: address of the prefix.
        origin: what to check when nothing is there.

    Raises:
        DataError: there are none.
        botocore.exceptions.ClientError: S3 refused.
    """
    objects = list(listed(s3, prefix))
    if not objects:
        raise no_data(prefix, origin)
    return objects


def copy_parameters(settings: Settings, source: str) -> dict[str, Any]:
    """The parameters of every COPY.

    Args:
        settings: name the role, the region and the JSONPaths file.
        source: address of a prefix, an object or a manifest.
    """
    return {
        "source": source,
        "role": settings.dwh_arn_role,
        "region": settings.s3_region,
        "jsonpaths": settings.log_jsonpath,
    }


def find_work_bucket(target: Target, s3: Any) -> str | None:
    """The bucket for manifests, or None where there is none that COPY can use.

    A manifest and the objects it names must be in one region:
    https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-source-s3.html
    """
    from botocore.exceptions import ClientError

    settings = target.settings
    if settings.region != settings.s3_region:
        return None
    account = target.client("sts").get_caller_identity()["Account"]
    name = settings.work_bucket(account)
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise
        return None
    return name


def manifest(objects: Iterable[S3Object]) -> bytes:
    """The manifest of a COPY that must find every one of these objects.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    """
    entries = [{"url": entry.uri, "mandatory": True} for entry in objects]
    return json.dumps({"entries": entries}).encode()


def put_manifest(s3: Any, bucket: str, name: str, objects: Iterable[S3Object]) -> str:
    """Write a manifest into the work bucket and return its address."""
    key = f"manifests/{name}.json"
    s3.put_object(Bucket=bucket, Key=key, Body=manifest(objects), ContentType="application/json")
    return f"s3://{bucket}/{key}"
