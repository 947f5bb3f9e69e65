"""The AWS API of the local target, as one WSGI application: moto, and what we change in it.

Everything that depends on moto's internals is here, in ``cluster.py``, in
``redshift_api.py`` and in ``buckets.py``; requirements.txt pins moto's minor
version, and the tests of test_launcher, test_clusters and test_buckets go through all of them.

It answers nobody but the user who started it: a request must show the launcher's secret (see secret.py), and may not
come from a web page.

Beside the AWS services the application answers paths of its own:

    POST /_local/sync      make the buckets the same as the data folder; answers what they hold
    POST /_local/clusters  what is wrong with the databases of the clusters
    POST /_local/content   the content of an object that is no file of this machine
    POST /_local/...       what the local Redshift asks of AWS besides (see inside.py)

One more, /_local/status, is the launcher's: there it proves that it knows the secret.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import botocore.session
from moto.core.config import default_user_config
from moto.utilities import utils

from dwh.local import certificate, secret

SERVICES = ("iam", "sts", "ec2", "redshift", "s3")
# Another name that leads to loopback is that of a web page.
HERE = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE | re.ASCII)
# What a request was signed for: KEY/DATE/REGION/SERVICE/aws4_request.
SCOPE = re.compile(r"Credential=[^/,]*/\d+/[^/,]+/([a-z0-9-]+)/aws4_request")
# What AWS calls an access key that it does not know, and one that is missing.
ERRORS = {"s3": ("InvalidAccessKeyId", "AccessDenied"), "ec2": ("AuthFailure", "AuthFailure")}

log = logging.getLogger(__name__)

Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


@contextmanager
def _read_once() -> Iterator[None]:
    """Let botocore read its catalogue of regions once: moto has it read for every session, a second of the start."""
    create = botocore.session.create_loader
    loader = create()
    botocore.session.create_loader = lambda *_: loader
    try:
        yield
    finally:
        botocore.session.create_loader = create
        getattr(loader, "_cache", {}).clear()  # 23 MB that nobody reads again


def create_app(state: Path, homes: Path, token: str) -> Application:
    """The application.

    Args:
        state: the state folder, with the certificate of the endpoints.
        homes: a folder for the files of the clusters, which only this user can enter.
        token: the secret that every request must show.
    """
    # Before moto.ec2 is imported, which would read its catalogue of EC2 instances: 55 MB, and half a second.
    utils.load_resource = lambda resource: {}
    # The policies that AWS manages, as AmazonS3ReadOnlyAccess: 18 MB and a tenth of a second, when IAM is first called.
    default_user_config["iam"]["load_aws_managed_policies"] = True
    with _read_once():
        import moto.moto_server.werkzeug_app
        import moto.redshift.models
        import moto.redshift.urls
        import moto.s3.models

        from dwh.local.api.cluster import LocalCluster
        from dwh.local.api.redshift import LocalRedshift

        # The variable that says so is read when moto is first imported, which may have been long ago.
        moto.moto_server.werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]
        LocalCluster.homes, LocalCluster.certificate, LocalCluster.token = homes, state / certificate.ENDPOINT, token
        moto.redshift.models.Cluster = LocalCluster  # type: ignore[misc]
        moto.redshift.urls.url_paths = {"{0}/$": LocalRedshift.dispatch}
        _keep_groups_in_use()
        _count_boundaries()
        moto.s3.models.FakeBucket.get_permission = _neutral  # type: ignore[method-assign,assignment]
        return Application(token)


def _keep_groups_in_use() -> None:
    """A security group that a cluster uses cannot be deleted; moto lets it go."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.responses.security_groups import SecurityGroups

    delete = SecurityGroups.delete_security_group

    def delete_security_group(self: Any) -> Any:
        group = self._get_param("GroupId")
        if any(group in cluster.vpc_security_group_ids for cluster in clusters()):
            raise DependencyViolationError(f"resource {group} has a dependent object")
        return delete(self)

    SecurityGroups.delete_security_group = delete_security_group  # type: ignore[method-assign]


def _count_boundaries() -> None:
    """IAM says how many roles a policy bounds; moto always says none."""
    from moto.iam.models import ManagedPolicy

    def count(self: Any) -> int:
        return sum(role.permissions_boundary_arn == self.arn for role in self.backend.roles.values())

    ManagedPolicy.permissions_boundary_usage_count = property(count)  # type: ignore[attr-defined]


def clusters() -> list[Any]:
    """All clusters of all regions."""
    from moto.redshift.models import redshift_backends

    return [
        cluster
        for account in list(redshift_backends.values())
        for backend in list(account.values())
        for cluster in list(backend.clusters.values())
    ]


def _neutral(*_: Any) -> Any:
    """No bucket policy decides: moto reads over its conditions, and a policy that demands TLS would deny everything."""
    from moto.iam.access_control import PermissionResult

    return PermissionResult.NEUTRAL


class Application:
    """The WSGI application."""

    def __init__(self, token: str) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication

        from dwh.local.api import inside, listing
        from dwh.local.api.buckets import Mirror

        self.token = token
        self.mirror = Mirror()
        self._listing = listing.answer
        self._own: dict[str, Wsgi] = {
            "/_local/sync": self._sync,
            "/_local/clusters": self._clusters,
            **dict.fromkeys((inside.CONTENT, *inside.ANSWERS), self._inside),
        }
        dispatcher = DomainDispatcherApplication(_service_app)  # type: ignore[arg-type]
        dispatcher.app_instances = {service: _service_app(service) for service in SERVICES}  # type: ignore[misc]
        self._moto: Wsgi = dispatcher

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request."""
        if _of_a_web_page(environ):
            return _answer(start, "403 Forbidden", b"")
        if not secret.shown(environ, self.token):
            return _unknown_caller(environ, start)
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_local/"):
            return self._own.get(path, _not_found)(environ, start)
        if environ["REQUEST_METHOD"] == "GET" and (page := self._listing(path, environ.get("QUERY_STRING", ""))):
            return _answer(start, "200 OK", page, "application/xml")
        return self._moto(environ, start)

    def serve_from(self, port: int) -> None:
        """Tell the clusters on which port they find us."""
        from dwh.local.api.cluster import LocalCluster

        LocalCluster.api_port = port

    def _inside(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer the local Redshift; a COPY asks for the roles first, and finds the files as they are now."""
        from dwh.local.api import inside

        if environ["PATH_INFO"] == inside.ROLES:
            self.mirror.refresh()
        return inside.answer(environ, start)

    def _clusters(self, _: dict[str, Any], start: Start) -> Iterable[bytes]:
        body = {cluster.cluster_identifier: cluster.trouble() for cluster in clusters()}
        return _answer(start, "200 OK", json.dumps(body).encode())

    def _sync(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        from dwh.local.api import inside

        return _answer(start, "200 OK", json.dumps(self.mirror.sync(inside.body(environ))).encode())


def _of_a_web_page(environ: dict[str, Any]) -> bool:
    """Whether a browser sends it for some page: one of another name, one that got its own to resolve to loopback."""
    host = environ.get("HTTP_HOST", "")
    return "HTTP_ORIGIN" in environ or environ["REQUEST_METHOD"] == "OPTIONS" or not HERE.fullmatch(host)


def _unknown_caller(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """AWS's answer to a request without an access key, or with an unknown one."""
    if environ.get("PATH_INFO", "").startswith("/_local/"):
        return _answer(start, "403 Forbidden", b"{}")
    scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    other = re.search("x-www-form-urlencoded|json", environ.get("CONTENT_TYPE", ""))
    service = scope[1] if scope else "query" if other else "s3"
    unknown, missing = ERRORS.get(service, ("InvalidClientTokenId", "MissingAuthenticationToken"))
    code = unknown if secret.access_key(environ) else missing
    return _refuse(environ, start, "403 Forbidden", service, code, "The local target answers its own user only")


def _answer(start: Start, status: str, body: bytes, kind: str = "application/json") -> Iterable[bytes]:
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _not_found(_: dict[str, Any], start: Start) -> Iterable[bytes]:
    return _answer(start, "404 Not Found", b"{}")


def _service_app(service: str | None) -> Wsgi:
    """Moto's application for one service, whose errors are always errors of AWS and never a web page."""
    if service not in SERVICES:
        return _unsupported_service(service or "this service")
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Response

    app = create_backend_app(service)  # type: ignore[arg-type]

    def fail(error: Exception) -> Any:
        if isinstance(error, HTTPException):
            return error
        if isinstance(error, NotImplementedError):
            text = f"{error or 'This call'} is not supported by the local target"
            return Response(_error_body(service, "UnsupportedOperation", text), 400, content_type="text/xml")
        log.exception("%s", service, exc_info=error)
        text = "The local target failed; the reason is in its log"
        return Response(_error_body(service, "InternalFailure", text), 500, content_type="text/xml")

    app.register_error_handler(Exception, fail)
    return app


def _error_body(service: str, code: str, message: str) -> str:
    """An error in the shape of the service's protocol, so that boto3 makes a ClientError of it."""
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    if service == "s3":
        return error
    if service == "ec2":
        return f"<Response><Errors>{error}</Errors><RequestID>local</RequestID></Response>"
    return f"<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>"


def _refuse(
    environ: dict[str, Any], start: Start, status: str, service: str, code: str, message: str
) -> Iterable[bytes]:
    if "json" in environ.get("CONTENT_TYPE", ""):
        body = json.dumps({"__type": code, "message": message}).encode()
        return _answer(start, status, body, "application/x-amz-json-1.1")
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else _error_body(service, code, message).encode()
    return _answer(start, status, body, "text/xml")


def _unsupported_service(name: str) -> Wsgi:
    message = f"{name} is not part of the local target, which has {', '.join(SERVICES)}"

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        return _refuse(environ, start, "400 Bad Request", "query", "UnsupportedOperation", message)

    return app
