"""A local Redshift for tests that need no launcher: PostgreSQL, and the endpoint in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from dwh import connecting
from dwh.local import certificate, launcher, secret
from dwh.local.api import inside
from dwh.local.endpoint import Endpoint, Launcher, free_port
from dwh.local.redshift import postgres
from dwh.local.redshift.listener import Settings


@dataclass
class Place:
    """Where sessions are opened, and by whom unless another is named."""

    port: int
    authority: str
    login: dict[str, str]
    endpoint: Endpoint
    server: postgres.Server

    def connect(self, **options: Any) -> connection:
        """A session as a step has it, or with options of ``psycopg2.connect`` besides; autocommit is off."""
        login = {"database": self.login["dbname"], "user": self.login["user"], "password": self.login["password"]}
        place = {"host": "127.0.0.1", "port": self.port, "roots": self.authority} | login
        if not options:
            return connecting.connect(**place)
        made: connection = psycopg2.connect(**connecting.arguments(**place) | options)
        return made

    def plain(self) -> connection:
        """A connection to PostgreSQL, past the endpoint."""
        return self.server.connect(self.login["dbname"], self.login["user"], self.login["password"])


@contextmanager
def running(
    folder: Path,
    *,
    user: str,
    password: str,
    database: str,
    region: str = "us-west-2",
    cluster: str = "test-cluster",
    answer: Callable[..., Any] = inside.answer,
) -> Iterator[Place]:
    """The two, with their files in a folder; ``answer`` says what there is on AWS, by default moto in this process."""
    certificate.make(folder)
    token = secret.new()
    server = postgres.create(folder / "home", user=user, password=password, database=database)
    api = launcher.serve(answer, token)
    port = free_port(0)
    settings = Settings(port, server.place, folder / "sessions", folder / certificate.ENDPOINT, require_ssl=True)
    endpoint = Endpoint(settings, Launcher(api.port, token, region, cluster))
    try:
        endpoint.start()
        login = {"user": user, "password": password, "dbname": database}
        yield Place(port, str(folder / certificate.AUTHORITY), login, endpoint, server)
    finally:
        endpoint.stop()
        api.shutdown()
        server.destroy()
