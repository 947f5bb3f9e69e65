"""The local target: the seam's answer when the steps run on this machine.

A launcher process (``launcher.py``) holds the AWS API and the databases; it is
found through ``.local/launcher.json`` beside dwh.cfg.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from dwh.config import Settings
from dwh.console import Console
from dwh.errors import ConfigError, TargetError, UnreachableError
from dwh.local import folder, launcher, postgres
from dwh.target import endpoint, read_times_quickly

if TYPE_CHECKING:
    import psycopg2
    from psycopg2.extensions import connection

START_SECONDS = 60
STOP_SECONDS = 40
QUIET_SECONDS = 3  # a start takes less than two
CREATE = "python create_cluster.py"
SAMPLE = "generated sample"
# Threads of the launcher share their memory pools.
SPARING = {"MALLOC_ARENA_MAX": "2"}
# What a process needs of our environment; secrets, proxies and AWS_* variables are none of the launcher's business.
PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV")
PROJECT = Path(__file__).parents[2]


class LocalTarget:
    """AWS and Redshift on this machine; opening it reaches out to nothing yet."""

    billed = False

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self._console = console
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @property
    def endpoint_url(self) -> str:
        """Where the local AWS API listens.

        Raises:
            TargetError: it is not running.
        """
        state = self._state()
        if state is None or self._status() is None:
            raise TargetError("the local target is not running", hint=CREATE)
        return f"http://{postgres.HOST}:{state['port']}"

    def describe(self) -> str:
        """Name the target in one line, with the data that its S3 holds."""
        state = self._state()
        if state is None or self._status() is None:
            return "local target · not running"
        self._sync()
        status = self._status() or {}
        if not status["folder"]:  # create_cluster.py was cut off in its first second
            return f"local target · {postgres.HOST}:{state['port']} · no data yet"
        counts = status["counts"]
        what = f"{counts[folder.LOGS]:,} log files, {counts[folder.SONGS]:,} songs"
        source = SAMPLE if status["source"] == SAMPLE else status["folder"]
        return f"local target · {postgres.HOST}:{state['port']} · data: {source} ({what})"

    def start(self, data: Path | None = None) -> str:
        """Start the launcher unless it runs, and fill the local S3.

        Args:
            data: the folder to fill it from; by default the one given before with this argument
                (until ``stop``, or a change of data_dir), else ``[LOCAL] data_dir``, else generated sample data.

        Returns:
            The folder that it was filled from until now, if that is another one; else nothing.

        Raises:
            ConfigError: the folder is not there, or has no song or log files.
            TargetError: the launcher does not come up.
        """
        chosen, source = self._choose(data)
        if source != SAMPLE:
            folder.check(chosen)
        try:
            self.settings.state_dir.mkdir(parents=True, exist_ok=True)
            if source == SAMPLE:
                _generate(chosen)
            if data is not None:
                folder.remember(self.settings.state_dir, chosen, self.settings.data_dir)
        except OSError as error:
            raise TargetError(
                f"{self.settings.state_dir} cannot be written: {error.strerror}",
                hint="run the step in a folder that is yours",
            ) from None
        status = self._status()
        if status is None:
            self._launch()
        self._sync(folder=str(chosen), source=source)
        before: str = status["folder"] if status else ""
        return before if before != str(chosen) else ""

    def stop(self) -> None:
        """End the launcher and remove all that the local target keeps; nothing to do when there is nothing."""
        state_dir = self.settings.state_dir
        if not state_dir.is_dir():
            return
        with self._end_launcher():
            launcher.clear_homes(state_dir)
        try:
            shutil.rmtree(state_dir)
        except OSError as error:
            raise TargetError(f"{state_dir} cannot be removed: {error.strerror}", hint="remove it by hand") from None
        self._clients.clear()

    def sources(self) -> str:
        """The addresses in S3, and the folder whose files are there."""
        return f"[S3] in dwh.cfg, and the folder {(self._status() or {}).get('folder')} that fills the local S3"

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS API; asking for S3 brings changed data files to it.

        Raises:
            TargetError: the local target is not running.
        """
        url = self.endpoint_url
        if service == "s3":
            self._sync()
        if (service, url) not in self._clients:
            self._clients[service, url] = _client(service, url, self.settings.region)
        return self._clients[service, url]

    def caller_ip(self) -> str:
        """The address from which this machine reaches the cluster: its own."""
        return postgres.HOST

    def connect(self) -> connection:
        """A connection to the cluster's database that speaks Redshift's SQL, autocommit off.

        Raises:
            ConfigError: no cluster has been created yet, or dwh_endpoint is not of this target.
            TargetError: the local target is not running, or the cluster is not available.
        """
        import psycopg2

        from dwh.local import session

        self._check_endpoint()
        redshift = self.client("redshift")
        name, address = self._cluster(redshift)
        try:
            login = redshift.get_cluster_credentials(
                ClusterIdentifier=name, DbUser=self.settings.db_user, DbName=self.settings.db_name, AutoCreate=False
            )
            return session.connect(
                host=address["Address"],
                port=address["Port"],
                dbname=self.settings.db_name,
                user=login["DbUser"],
                password=login["DbPassword"],
                aws=self,
                cluster_identifier=name,
            )
        except (psycopg2.OperationalError, redshift.exceptions.ClientError) as error:
            raise self.failure(name) or UnreachableError(
                f"cannot connect to the cluster {name}: {str(error).strip()}", hint=f"{CREATE}; or see {self._log}"
            ) from None

    def failure(self, cluster: str) -> TargetError | None:
        """What the local target knows of why the cluster's database does not run, or hardly."""
        known = self._trouble(cluster)
        if not known.get("message"):
            return None
        fix = f"{known['hint']} and run the step again; " if known["hint"] else ""
        return TargetError(f"the local warehouse has failed: {known['message']}", hint=f"{fix}see {self._log}")

    def explained(self, cluster: str, error: psycopg2.OperationalError) -> TargetError | None:
        """What to tell a person instead of an error of the database: that its disk is full, and which one that is."""
        if error.pgcode is None:
            return self.failure(cluster)
        said, place = str(error).partition("\n")[0], self._trouble(cluster).get("place") or self.settings.state_dir
        hint = f"free space on the disk of {place} and run the step again"
        return TargetError(f"the disk of the warehouse is full: {said}", hint=hint)

    def _trouble(self, cluster: str) -> dict[str, str]:
        found: dict[str, str] = (self._status() or {}).get("clusters", {}).get(cluster, {})
        return found

    # --- the cluster ----------------------------------------------------------------------------

    def _check_endpoint(self) -> None:
        host = endpoint(self.settings)
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host).is_loopback:
                return
        raise ConfigError(f"dwh_endpoint {host} belongs to the other target", hint=CREATE)

    def _cluster(self, redshift: Any) -> tuple[str, dict[str, Any]]:
        """Name and endpoint of the cluster, when it is available."""
        name = self.settings.cluster_identifier
        try:
            cluster = redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]
        except redshift.exceptions.ClusterNotFoundFault:
            raise TargetError(f"there is no cluster {name} on the local target", hint=CREATE) from None
        if cluster["ClusterStatus"] != "available":
            status = cluster["ClusterStatus"]
            hint = f"{CREATE} --resume" if status == "paused" else f"{CREATE} waits for it"
            raise self.failure(name) or TargetError(f"the cluster {name} is {status}", hint=hint)
        return name, cluster["Endpoint"]

    # --- the launcher ---------------------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self.settings.state_dir / launcher.LOG

    def _state(self) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = json.loads((self.settings.state_dir / launcher.STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state

    def _status(self) -> dict[str, Any] | None:
        """What our launcher says of itself; None when nothing answers, or somebody else on its port."""
        state = self._state()
        if state is None:
            return None
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            status = _ask(state["port"], "GET", "/_local/status", timeout=5)
            if status.get("token") == state["token"]:
                return status
        return None

    def _sync(self, **more: str) -> None:
        settings = self.settings
        places = {"log_data": settings.log_data, "song_data": settings.song_data, "log_jsonpath": settings.log_jsonpath}
        state = self._state()
        try:
            if state is None:
                raise ConnectionError
            _ask(state["port"], "POST", "/_local/sync", places | {"region": settings.s3_region} | more)
        except (OSError, ValueError, http.client.HTTPException):
            raise TargetError("the local target does not answer", hint=f"{CREATE}; or see {self._log}") from None

    def _choose(self, data: Path | None) -> tuple[Path, str]:
        """The data folder, and a word on where it was named."""
        if data is not None:
            return data.expanduser().absolute(), "--data"
        given = folder.remembered(self.settings.state_dir, self.settings.data_dir)
        if given is not None:
            return given, "--data"
        if self.settings.data_dir is not None:
            return self.settings.data_dir.absolute(), "data_dir"
        return self.settings.state_dir / "sample", SAMPLE

    def _launch(self) -> None:
        """Start the launcher, detached from this step, and wait until it answers."""
        environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environ |= SPARING | {
            "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        }
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", launcher.MODULE, str(self.settings.state_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environ,
                start_new_session=True,
            )
        with self._console.waiting("local target") as wait:
            while self._status() is None:
                # Another step may have been faster; then ours ends, and the other's is waited for.
                if process.poll() not in (None, launcher.LOCKED) or wait.elapsed > START_SECONDS:
                    raise TargetError(
                        "the local target does not come up", hint=f"read {self._log}", detail=self._log_end()
                    )
                if wait.elapsed > QUIET_SECONDS:
                    wait.update("starting")
                time.sleep(0.05)

    def _log_end(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:])

    def _end_launcher(self) -> IO[bytes]:
        """End the launcher if it runs, and take its lock, which it holds until its databases are gone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline, told = time.monotonic() + STOP_SECONDS, 0
            while time.monotonic() < deadline:
                # Looked up each time: one that is just starting has no state file yet.
                pid = told or (self._state() or {}).get("pid", 0)
                if self._is_launcher(pid):
                    if not told:
                        os.kill(pid, number)
                    told = pid
                elif lock := launcher.take_lock(self.settings.state_dir):
                    return lock
                time.sleep(0.02)
        raise TargetError("the local target does not end", hint=f"read {self._log}")

    def _is_launcher(self, pid: int) -> bool:
        """Whether it is the launcher of this folder: by its command line, since process ids are used again."""
        words = postgres.command_line(pid) if pid else []
        return words[-2:] == [launcher.MODULE, str(self.settings.state_dir)]


def _ask(port: int, method: str, path: str, body: dict[str, str] | None = None, timeout: float = 60) -> dict[str, Any]:
    """One request to the launcher. Not through urllib, which would ask a proxy."""
    with contextlib.closing(http.client.HTTPConnection(postgres.HOST, port, timeout=timeout)) as http_connection:
        http_connection.request(method, path, json.dumps(body) if body else None)
        answer = http_connection.getresponse()
        if answer.status != 200:
            raise http.client.HTTPException(f"{path}: {answer.status}")
        found: dict[str, Any] = json.load(answer)
        return found


def _generate(target: Path) -> None:
    """Sample data, once; complete or not there at all."""
    from dwh.local import sample

    if target.is_dir():
        return
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    sample.generate(draft)
    try:
        draft.rename(target)
    except OSError:  # another step was faster
        shutil.rmtree(draft)


def _client(service: str, url: str, region: str) -> Any:
    """A boto3 client that no AWS_* variable, profile, configuration file or proxy can lead elsewhere."""
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
    return _session(region).client(service, endpoint_url=url, config=config)


@functools.cache
def _session(region: str) -> Any:
    """One for all clients of a process: each session reads the catalogues of AWS anew."""
    import boto3
    import botocore.session

    ignored = ("profile", "ca_bundle", "endpoint_url", "ignore_configured_endpoint_urls")
    alone: dict[str, Any] = dict.fromkeys(ignored, (None, None, None, None))
    alone |= dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    session: Any = boto3.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - moto takes any
        region_name=region,
        botocore_session=botocore.session.Session(session_vars=alone),
    )
    read_times_quickly(session)
    return session
