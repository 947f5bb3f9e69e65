"""boto3 clients of the local AWS API, which nothing leads elsewhere."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable
from typing import Any

from dwh.clients import list_quickly
from dwh.errors import TargetError
from dwh.local import secret


def make(service: str, region: str, *, port: int, token: str, missing: Callable[[], TargetError | None]) -> Any:
    """A client that no AWS_* variable, profile, configuration file or proxy can lead elsewhere.

    Args:
        service: of AWS.
        region: of AWS.
        port: the launcher's.
        token: the launcher's secret, which is the access key.
        missing: asked when a call fails on its way; an error when the launcher is not there any more.
    """
    from botocore.config import Config

    config = Config(
        proxies={},
        retries={"total_max_attempts": 2, "mode": "standard"},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path"},
        use_fips_endpoint=False,
        use_dualstack_endpoint=False,
    )
    client = _session(region).client(
        service,
        endpoint_url=f"http://{secret.HOST}:{port}",
        config=config,
        aws_access_key_id=token,
        aws_secret_access_key="local",  # noqa: S106 - nothing looks at signatures
    )
    # botocore lets nobody choose the class of its connections.
    pools = client._endpoint.http_session._manager.pool_classes_by_scheme
    pools["http"] = _proving(pools["http"], token)
    client.meta.events.register_first("needs-retry", functools.partial(_give_up, missing))
    return client


def _proving(pool: Any, token: str) -> Any:
    """A class of connection pools whose connections carry no request before the launcher has proven itself on them."""
    from urllib3.exceptions import NewConnectionError

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            made: socket.socket = super()._new_conn()
            try:
                secret.demand(made, token)
            except OSError as error:
                made.close()
                raise NewConnectionError(self, str(error)) from None
            return made

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool


def _give_up(missing: Callable[[], TargetError | None], caught_exception: Exception | None, **_: Any) -> None:
    """Say that the launcher has gone, rather than that AWS cannot be reached."""
    if caught_exception is not None and (error := missing()):
        raise error


@functools.cache
def _session(region: str) -> Any:
    """One for all clients of a process: each session reads the catalogues of AWS anew."""
    import boto3
    import botocore.session

    ignored = ("profile", "ca_bundle", "endpoint_url", "ignore_configured_endpoint_urls")
    alone: dict[str, Any] = dict.fromkeys(ignored, (None, None, None, None))
    alone |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session: Any = boto3.Session(region_name=region, botocore_session=botocore.session.Session(session_vars=alone))
    list_quickly(session)
    return session
