"""boto3 clients, as both targets hold them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dwh.config import Settings
from dwh.console import Console

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class ClientHolder:
    """A target's settings, its screen, and its boto3 clients, which are closed with it."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self._console = console
        self._clients: dict[Hashable, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The client of this key, made when it is asked for first."""
        if key not in self._clients:
            self._clients[key] = make()
        return self._clients[key]


def list_quickly(session: Any) -> None:
    """Let the clients of a boto3 session take the pages of ``list_objects_v2`` apart themselves.

    botocore parses a page twice, and then looks for every element in its model: most of the time of a long listing.
    Of an object there is its Key, ETag, Size and LastModified.
    """
    session.events.register_first("before-parse.s3.ListObjectsV2", _take_contents)


def _take_contents(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the objects out of a page, before botocore parses the rest of it."""
    from xml.etree import ElementTree

    try:
        page = ElementTree.fromstring(response_dict["body"])  # noqa: S314 - from S3, as botocore would parse it
    except ElementTree.ParseError:  # cut off: botocore asks for it again
        return
    if not page.tag.endswith("ListBucketResult"):
        return
    space = page.tag.removesuffix("ListBucketResult")
    contents = page.findall(f"{space}Contents")
    if contents:
        customized_response_dict["Contents"] = [_entry(found, space) for found in contents]
        page[:] = [child for child in page if child.tag != contents[0].tag]
        response_dict["body"] = ElementTree.tostring(page)


def _entry(element: Element, space: str) -> dict[str, Any]:
    texts = {child.tag.removeprefix(space): child.text or "" for child in element}
    return {
        "Key": texts["Key"],
        "ETag": texts["ETag"],
        "Size": int(texts["Size"]),
        "LastModified": datetime.fromisoformat(texts["LastModified"]),
    }
