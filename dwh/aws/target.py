"""The target AWS: clients with the user's credentials, and connections to the cluster over verified TLS."""

from __future__ import annotations

import ipaddress
import os
import re
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from dwh import connecting
from dwh.aws.connecting import passing, refused, root_certificates
from dwh.aws.endpoints import is_amazon, is_loopback
from dwh.aws.errors import explained
from dwh.aws.states import HOPELESS
from dwh.clients import ClientHolder, list_quickly
from dwh.commands import CREATE
from dwh.config import Settings
from dwh.console import Console
from dwh.errors import ConfigError, DwhError, TargetError
from dwh.text import did_you_mean

if TYPE_CHECKING:
    from psycopg2.extensions import connection

ADDRESS_SERVICE = "https://checkip.amazonaws.com"
LOGIN_SECONDS = 900
# Seconds between tries while a new cluster's name spreads, or one that restarts comes back.
PAUSES = (2, 5, 10)
# A key as AWS makes them, in contrast to the made-up ones that emulators of AWS are given.
REAL_KEY = re.compile(r"(AKIA|ASIA)[A-Z0-9]{16}")


class AwsTarget(ClientHolder):
    """Amazon Redshift in the account that the credentials belong to."""

    billed = True

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(settings, console)
        self._made: Any = None
        self._caller_ip: str | None = None

    def describe(self) -> str:
        """``aws · account 123456789012 · us-west-2``, and the endpoint where it is not AWS's own.

        Raises:
            AwsError: AWS does not accept the credentials.
            ConfigError: dwh.cfg names a cluster in another region or account.
        """
        _check_region_of(self.settings)
        with explained():
            sts = self.client("sts")
            account = sts.get_caller_identity()["Account"]
        _check_account_of(self.settings, account)
        parts = ["aws", f"account {account}", self.settings.region]
        if self.settings.profile:
            parts.append(f"profile {self.settings.profile}")
        if not is_amazon(sts.meta.endpoint_url):
            parts.append(f"endpoint {sts.meta.endpoint_url}")
        return " · ".join(parts)

    def start(self, data: Path | None = None) -> str:
        """Nothing has to be made ready: S3 is there, and filled by others.

        Raises:
            ConfigError: a folder was given, which only the local target can read.
        """
        if data is not None:
            raise ConfigError(
                "--data is for the local target: on AWS, COPY reads S3",
                hint="set log_data and song_data in dwh.cfg, or run with --target local",
            )
        return ""

    def planned(self, data: Path | None = None) -> AbstractContextManager[Self]:
        """AWS is there already.

        Raises:
            ConfigError: a folder was given, which only the local target can read.
        """
        self.start(data)
        return nullcontext(self)

    def stop(self) -> None:
        """Nothing was made ready."""

    def sources(self) -> str:
        """S3 is where the data comes from."""
        return "[S3] in dwh.cfg"

    def provenance(self) -> str:
        """Cluster, database, region, and the end of the account's number."""
        settings = self.settings
        with explained():
            account = self.client("sts").get_caller_identity()["Account"]
        place = f"cluster {settings.cluster_identifier}, database {settings.db_name}"
        return f"Amazon Redshift, {place}, {settings.region}, account …{account[-4:]}"

    def generated(self) -> bool:
        """What is in S3 was not generated here."""
        return False

    def credentials(self) -> str:
        """KEY and SECRET, or how boto3 has found others; and DB_PASSWORD, or a login that AWS lends.

        Raises:
            AwsError: there are none.
        """
        from botocore.exceptions import NoCredentialsError

        settings, origins = self.settings, self.settings.origins
        login = f"DB_PASSWORD ({origins['DB_PASSWORD']})" if settings.db_password else "a login of 15 minutes from AWS"
        if settings.key:
            return f"KEY ({origins['KEY']}) and SECRET ({origins['SECRET']}); for the database {login}"
        with explained():
            found = self._session.get_credentials()
            if found is None:
                raise NoCredentialsError
        profile = f"profile {self._session.profile_name}"
        return f"boto3's own ({found.method}, {profile}); for the database {login}"

    def free_space(self) -> None:
        """Nothing: the storage of Redshift is managed."""

    def client(self, service: str) -> Any:
        """A boto3 client with standard retries, made once per service.

        Raises:
            ConfigError: the region is unknown, or the credentials would go over the net in the clear.
        """
        return self._once(service, lambda: self._make(service))

    def _make(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)
        with explained():
            client = self._session.client(service, config=config)
        _check_endpoint_url(client.meta.endpoint_url, self._session)
        return client

    @property
    def _session(self) -> Any:
        if self._made is None:
            import boto3

            settings = self.settings
            with explained():
                session = boto3.Session(
                    aws_access_key_id=settings.key,
                    aws_secret_access_key=settings.secret,
                    aws_session_token=_session_token(settings.key),
                    region_name=settings.region,
                    profile_name=settings.profile,
                )
            _check_region(settings.region, session.get_available_regions("redshift", _partition(settings.region)))
            trace_calls(session, self._console)
            list_quickly(session)
            self._made = session
        return self._made

    def caller_ip(self) -> str:
        """The public address of this machine, as an AWS service sees it.

        Raises:
            TargetError: it cannot be found out; the cluster is never opened wider instead.
        """
        if self._caller_ip is None:
            stand_in = is_loopback(urlsplit(self.client("ec2").meta.endpoint_url).hostname)
            self._caller_ip = "127.0.0.1" if stand_in else _ask_address()
        return self._caller_ip

    def connect(self) -> connection:
        """A connection over TLS that checks the certificate and the name.

        Raises:
            ConfigError: there is no cluster yet, or dwh_endpoint is not one of this target.
            TargetError: the cluster cannot be reached, is not available, or does not accept the login.
        """
        import psycopg2

        settings, host = self.settings, self._host()
        user, password = self._login()
        pauses = list(PAUSES) if is_amazon(self.client("redshift").meta.endpoint_url) else []
        while True:
            try:
                return connecting.connect(
                    host=host,
                    port=settings.db_port,
                    database=settings.db_name,
                    user=user,
                    password=password,
                    roots=root_certificates(),
                )
            except psycopg2.OperationalError as error:
                if not pauses or not passing(str(error)):
                    raise self._refused(str(error), host) from None
            time.sleep(pauses.pop(0))

    def failure(self, cluster: str) -> None:
        """Nothing: on AWS the status says all there is to know."""

    def _refused(self, complaint: str, host: str) -> DwhError:
        """Why there is no connection: the state of the cluster where that tells, else libpq's complaint."""
        from botocore.exceptions import BotoCoreError, ClientError

        name, client = self.settings.cluster_identifier, self.client("redshift")
        try:
            status = client.describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"]
        except client.exceptions.ClusterNotFoundFault:
            return TargetError(f"there is no cluster {name} in {self.settings.region}", hint=CREATE)
        except (BotoCoreError, ClientError):
            status = "available"
        if status == "available":
            return refused(complaint, host, self.settings)
        return TargetError(f"the cluster {name} is {status}", hint=HOPELESS.get(status, f"{CREATE} waits for it"))

    def _host(self) -> str:
        host = self.settings.endpoint()
        stand_in = not is_amazon(self.client("redshift").meta.endpoint_url)
        if is_loopback(host) and not stand_in:
            raise ConfigError(
                f"dwh_endpoint is {host}: that is the local target's",
                hint=f"{CREATE} writes the one on AWS; --target local uses this one",
            )
        return host

    def _login(self) -> tuple[str, str]:
        """User and password: a login of 15 minutes from AWS, or DB_PASSWORD where it is set."""
        settings = self.settings
        if settings.db_password:
            return settings.db_user, settings.db_password
        with explained():
            login = self.client("redshift").get_cluster_credentials(
                DbUser=settings.db_user,
                DbName=settings.db_name,
                ClusterIdentifier=settings.cluster_identifier,
                DurationSeconds=LOGIN_SECONDS,
                AutoCreate=False,
            )
        return login["DbUser"], login["DbPassword"]


def _session_token(key: str | None) -> str | None:
    """The token that belongs to a temporary key; a lasting key has none."""
    if key is None or not key.startswith("ASIA"):
        return None
    token = os.environ.get("AWS_SESSION_TOKEN")
    if not token:
        raise ConfigError(
            "KEY is a temporary key (ASIA...), and its session token is missing",
            hint="set AWS_SESSION_TOKEN; or leave KEY and SECRET out of .env, set AWS_PROFILE and use --target aws",
        )
    return token


def trace_calls(session: Any, console: Console) -> None:
    """With ``--verbose``, name each call to AWS: service and operation, never its parameters.

    botocore's own debug log stays off: it prints passwords.
    """
    if console.verbose:
        session.events.register(
            "before-call",
            lambda model, **_: console.debug(f"aws {model.service_model.service_name}:{model.name}"),
        )


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def _check_region(region: str, known: list[str]) -> None:
    if known and region not in known:
        raise ConfigError(
            f"there is no AWS region {region} with Redshift{did_you_mean(region, known)}",
            hint="set region under [AWS] in dwh.cfg",
        )


def _check_region_of(settings: Settings) -> None:
    """In the wrong region a cluster that is there looks as if it were gone."""
    named = re.search(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.redshift", settings.dwh_endpoint)
    if named and named[1] != settings.region:
        raise ConfigError(
            f"dwh_endpoint is in {named[1]}, and the region is {settings.region} ({settings.origins['region']})",
            hint=f"give --region {named[1]}, or set region = {named[1]} in {settings.path.name}",
        )


def _check_account_of(settings: Settings, account: str) -> None:
    """With the key of another account, too, a cluster that is there looks as if it were gone."""
    written = settings.dwh_arn_role.split(":")[4] if settings.dwh_arn_role else account
    if is_amazon(f"https://{settings.dwh_endpoint}") and written != account:
        raise ConfigError(
            f"dwh.cfg names a cluster of account {written}, and these credentials are of account {account}",
            hint="use the key of that account, or clear dwh_endpoint and dwh_arn_role for a cluster in this one",
        )


def _check_endpoint_url(url: str, session: Any) -> None:
    """Keep real credentials off an unencrypted line that leaves this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or is_loopback(parts.hostname):
        return
    credentials = session.get_credentials()
    if credentials and REAL_KEY.fullmatch(credentials.access_key):
        raise ConfigError(
            f"the endpoint {url} is not encrypted: real credentials are not sent there",
            hint="unset AWS_ENDPOINT_URL, or give it an https address",
        )


def _ask_address() -> str:
    import urllib.request

    try:
        with urllib.request.urlopen(ADDRESS_SERVICE, timeout=connecting.CONNECT_TIMEOUT) as answer:
            return str(ipaddress.ip_address(answer.read(100).decode("ascii").strip()))
    except (OSError, ValueError):
        raise TargetError(
            f"the public address of this machine is not known: {ADDRESS_SERVICE} did not say",
            hint="set access in dwh.cfg to the CIDR that may connect, such as 203.0.113.7/32",
        ) from None
