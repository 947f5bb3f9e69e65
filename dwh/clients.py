"""boto3 clients, as both targets hold them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, Self

from dwh.config import Settings
from dwh.console import Console


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


def read_times_quickly(session: Any) -> None:
    """Let the clients of a boto3 session read times with the standard library.

    dateutil, which botocore uses, takes more than half of the time of a long listing.
    """
    from datetime import datetime

    from botocore.utils import parse_timestamp

    def read(text: Any) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except (TypeError, ValueError):  # seconds since the epoch, or the format of a header
            moment: datetime = parse_timestamp(text)
            return moment

    session._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read)
