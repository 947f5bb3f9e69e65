"""The local target: the seam's answer when the steps run on this machine.

A launcher process (``launcher.py``) holds the AWS API and the databases; it is
found through ``.local/launcher.json`` beside dwh.cfg.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from dwh import connecting
from dwh.clients import ClientHolder
from dwh.commands import CREATE
from dwh.config import Settings
from dwh.console import Console, plain, plural
from dwh.errors import ConfigError, TargetError, UnreachableError
from dwh.local import certificate, clients, folder, launcher, secret, state
from dwh.local.redshift import processes

if TYPE_CHECKING:
    from psycopg2.extensions import connection

LONGEST_LOGIN = 3600  # seconds, as AWS has it
START_SECONDS = 60
STOP_SECONDS = 40
QUIET_SECONDS = 3  # a start takes less than two
JUST_NOW = 0.5  # seconds: then what ``describe`` has seen is what the client asked for next lists
ANEW = "its warehouse starts empty, so run create_tables.py and etl.py after it"
SAMPLE = "generated sample"
# Threads of the launcher share their memory pools. Moto makes no images of machines, which no service here starts.
SPARING = {"MALLOC_ARENA_MAX": "2", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
# What a process needs of our environment; secrets, proxies and AWS_* variables are none of the launcher's business.
PASSED_ON = ("PATH", "PYTHONPATH", "HOME", "USER", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV")
PROJECT = Path(__file__).parents[2]


class Launched(NamedTuple):
    """What is in launcher.json."""

    pid: int
    port: int
    token: str


class LocalTarget(ClientHolder):
    """AWS and Redshift on this machine; opening it reaches out to nothing yet."""

    billed = False

    def __init__(self, settings: Settings, console: Console) -> None:
        super().__init__(settings, console)
        self._mirrored: dict[str, Any] = {}
        self._warned: set[str] = set()
        self._described = -math.inf

    def describe(self) -> str:
        """Name the target in one line, with the data that its S3 holds."""
        launched = self._launcher()
        if launched is None:
            return "local target · not running"
        where = f"local target · {secret.HOST}:{launched.port}"
        data = self._sync()
        self._described = time.monotonic()
        if not data["folder"]:  # create_cluster.py was cut off in its first second
            return f"{where} · no data yet"
        return f"{where} · {SAMPLE if self.generated() else 'data: ' + data['folder']} ({_counted(data)})"

    def start(self, data: Path | None = None) -> str:
        """Start the launcher unless it runs, and fill the local S3.

        Args:
            data: the folder to fill it from; by default the one given before with this argument
                (until ``stop``, or a change of data_dir), else ``[LOCAL] data_dir``, else generated sample data.

        Returns:
            The folder that it was filled from until now, if that is another one; else nothing.

        Raises:
            ConfigError: the folder is not there, or has no song or log files.
            TargetError: the launcher does not come up, or ``.local`` is not ours.
        """
        state.check(self.settings.state_dir)
        chosen, source = self._choose(data)
        if source != SAMPLE:
            folder.check(chosen)
        try:
            state.prepare(self.settings.state_dir)
            if state.open_to_all(project := self.settings.state_dir.parent):
                self._console.warn(f"every user of this machine may change the files in {project}: chmod o-w {project}")
            if source == SAMPLE:
                from dwh.local import sample

                sample.generate_once(chosen)
            if data is not None:
                folder.remember(self.settings.state_dir, chosen, self.settings.data_dir)
        except OSError as error:
            raise TargetError(
                f"{self.settings.state_dir} cannot be written: {error.strerror}",
                hint="free space on its disk"
                if error.errno == errno.ENOSPC
                else "run the step in a folder that is yours",
            ) from None
        if self._launcher() is None:
            self._launch()
        before: str = self._sync(folder=str(chosen), source=source)["before"]
        return before if before != str(chosen) else ""

    @contextlib.contextmanager
    def planned(self, data: Path | None = None) -> Iterator[LocalTarget]:
        """This target; if it does not run, one whose AWS API is empty, in this process and without a file.

        Raises:
            ConfigError: the folder is not there, or has no song or log files.
        """
        chosen, source = self._choose(data)
        if source != SAMPLE:
            folder.check(chosen)
        if self._launcher() is not None:
            yield self
            return
        with launcher.empty() as (port, token), _Empty(self.settings, self._console) as empty:
            empty.launched = Launched(os.getpid(), port, token)
            yield empty

    def stop(self) -> None:
        """End the launcher and remove all that the local target keeps; nothing to do when there is nothing."""
        state_dir = self.settings.state_dir
        if not state.check(state_dir):
            return
        with self._end_launcher():
            launcher.clear_homes(state_dir)
        try:
            state.remove(state_dir)
        except OSError as error:
            raise TargetError(f"{state_dir} cannot be removed: {error.strerror}", hint="remove it by hand") from None
        self._clients.clear()

    def sources(self) -> str:
        """The addresses in S3, and the folder whose files are there."""
        return f"[S3] in dwh.cfg, and the folder {self._mirrored.get('folder')} that fills the local S3"

    def provenance(self) -> str:
        """The data folder by its name alone, and what is in it."""
        data = self._mirrored or self._sync()
        name = f"{SAMPLE} data" if self.generated() else plain(Path(data["folder"]).name)
        return f"local target, {name} ({_counted(data)})"

    def generated(self) -> bool:
        """Whether the local S3 is filled, or would be, with generated sample data."""
        source: str = self._mirrored["source"] if self._mirrored else self._choose(None)[1]
        return source == SAMPLE

    def credentials(self) -> str:
        """None: it answers the user who started it."""
        return "none are needed: the local target makes up its own"

    def free_space(self) -> int:
        """On the disk of the state folder."""
        return shutil.disk_usage(self.settings.state_dir).free

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS API; asking for S3 brings changed files to it, unless ``describe`` just did.

        Raises:
            TargetError: the local target is not running.
        """
        launched = self._launched() or self._running()
        if service == "s3":
            # A step says what S3 holds, and lists it at once: that is one look at the folder, and not two.
            if time.monotonic() - self._described > JUST_NOW:
                self._sync()
            self._described = -math.inf
        key = service, launched.token
        return self._once(key, lambda: self._make(service))  # a client finds out by itself when the launcher has gone

    def _make(self, service: str) -> Any:
        launched, region = self._running(), self.settings.region
        return clients.make(service, region, port=launched.port, token=launched.token, missing=self._missing)

    def caller_ip(self) -> str:
        """The address from which this machine reaches the cluster: its own."""
        return secret.HOST

    def connect(self) -> connection:
        """A connection to the cluster's database that speaks Redshift's SQL, autocommit off.

        Raises:
            ConfigError: no cluster has been created yet, or dwh_endpoint is not of this target.
            TargetError: the local target is not running, or the cluster is not available.
        """
        import psycopg2

        self._check_endpoint()
        redshift = self.client("redshift")
        name, address = self._cluster(redshift)
        if healed := self._trouble(name).get("healed"):
            self._console.warn(healed)
        try:
            login = redshift.get_cluster_credentials(
                ClusterIdentifier=name, DbUser=self.settings.db_user, DbName=self.settings.db_name, AutoCreate=False
            )
            return connecting.connect(
                host=address["Address"],
                port=address["Port"],
                database=self.settings.db_name,
                user=login["DbUser"],
                password=login["DbPassword"],
                roots=str(self.settings.state_dir / certificate.AUTHORITY),
            )
        except (psycopg2.OperationalError, redshift.exceptions.ClientError) as error:
            raise self.failure(name) or UnreachableError(
                f"cannot connect to the cluster {name}: {str(error).strip()}", hint=f"{CREATE}; or see {self._log}"
            ) from None

    def environment(self) -> dict[str, str]:
        """The variables that lead other programs here: AWS's, libpq's, and OpenSSL's for drivers that ask no other.

        Raises:
            ConfigError: no cluster has been created yet.
            TargetError: the local target is not running, or the cluster is not available.
        """
        self._check_endpoint()
        redshift, settings = self.client("redshift"), self.settings
        name, address = self._cluster(redshift)
        login = redshift.get_cluster_credentials(
            ClusterIdentifier=name, DbUser=settings.db_user, DbName=settings.db_name, DurationSeconds=LONGEST_LOGIN
        )
        launched = self._running()
        return {
            "AWS_ENDPOINT_URL": f"http://{secret.HOST}:{launched.port}",
            "AWS_ACCESS_KEY_ID": launched.token,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": settings.region,
            "PGHOST": address["Address"],
            "PGPORT": str(address["Port"]),
            "PGUSER": login["DbUser"],
            "PGPASSWORD": login["DbPassword"],
            "PGDATABASE": settings.db_name,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(settings.state_dir / certificate.AUTHORITY),
            "SSL_CERT_FILE": str(settings.state_dir / certificate.BUNDLE),
        }

    def failure(self, cluster: str) -> TargetError | None:
        """What the local target knows of why the cluster's database does not run, or hardly."""
        known = self._trouble(cluster)
        if not known.get("message"):
            return None
        fix = f"{known['hint']} and run the step again; " if known["hint"] else ""
        return TargetError(f"the local warehouse has failed: {known['message']}", hint=f"{fix}see {self._log}")

    def _trouble(self, cluster: str) -> dict[str, str]:
        """What the launcher knows of a cluster's database; nothing if the launcher does not answer."""
        with contextlib.suppress(TargetError), self._asked("/_local/clusters", {}) as reply:
            found: dict[str, str] = json.load(reply).get(cluster, {})
            return found
        return {}

    # --- the cluster ----------------------------------------------------------------------------

    def _check_endpoint(self) -> None:
        host = self.settings.endpoint()
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

    def _launched(self) -> Launched | None:
        """What the launcher wrote down when it came up; that of a killed one stays."""
        try:
            return Launched(**json.loads(state.read(self.settings.state_dir, launcher.STATE)))
        except (ValueError, TypeError):
            return None

    def _launcher(self) -> Launched | None:
        """Our launcher; None when nothing answers, or another program on its port."""
        found = self._launched()
        if found is None:
            return None
        with contextlib.suppress(OSError):
            secret.connect(found.port, found.token, timeout=5).close()
            return found
        return None

    def _running(self) -> Launched:
        found = self._launcher()
        if found is None:
            raise self._not_running()
        return found

    def _missing(self) -> TargetError | None:
        """What to say of a call that failed, if it is because the launcher has gone."""
        return None if self._launcher() else self._not_running()

    def _not_running(self) -> TargetError:
        if self._launched() is None:
            return TargetError("the local target is not running", hint=CREATE)
        return TargetError("the local target is not running: its process was ended", hint=f"{CREATE}; {ANEW}")

    @contextlib.contextmanager
    def _asked(self, path: str, body: dict[str, Any]) -> Iterator[http.client.HTTPResponse]:
        """One request to the launcher's own paths. Not through urllib, which would ask a proxy."""
        launched = self._launched()
        if launched is None:
            raise self._not_running()
        try:
            with contextlib.closing(secret.connect(launched.port, launched.token, timeout=60)) as connection:
                connection.request("POST", path, json.dumps(body), secret.credential(launched.token))
                yield connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise self._missing() or TargetError("the local target does not answer", hint=f"see {self._log}") from None

    def _sync(self, **more: str) -> dict[str, Any]:
        """Bring the local S3 up to date, and say which files it cannot hold; what it holds."""
        settings = self.settings
        places = {"log_data": settings.log_data, "song_data": settings.song_data, "log_jsonpath": settings.log_jsonpath}
        with self._asked("/_local/sync", places | {"region": settings.s3_region} | more) as reply:
            if reply.status != http.client.OK:
                raise TargetError("the local target cannot read the data folder", hint=f"see {self._log}")
            self._mirrored = json.load(reply)
        self._warn(self._mirrored["left_out"])
        return self._mirrored

    def _warn(self, left_out: list[str]) -> None:
        new = [text for text in left_out if text not in self._warned]
        self._warned.update(new)
        for text in new[: folder.MOST_NAMED]:
            self._console.warn(plain(f"left out of the local S3: {text}"))
        if len(new) > folder.MOST_NAMED:
            self._console.warn(f"left out of the local S3: {len(new) - folder.MOST_NAMED:,} more")

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
        environ |= SPARING
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", launcher.MODULE, str(self.settings.state_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,  # which is where Python finds its modules; a path with ":" cannot be in PYTHONPATH
                env=environ,
                start_new_session=True,
            )
        with self._console.waiting("local target", "2 seconds") as wait:
            while self._launcher() is None:
                # Another step may have been faster; then ours ends, and the other's is waited for.
                if process.poll() not in (None, launcher.LOCKED) or wait.elapsed > START_SECONDS:
                    launcher.check_homes(self.settings.state_dir)  # a reason that has a sentence of its own
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
                found = self._launched()
                pid = told or (found.pid if found else 0)
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
        words = processes.command_line(pid) if pid else []
        return words[-2:] == [launcher.MODULE, str(self.settings.state_dir)]


class _Empty(LocalTarget):
    """A local target on which nothing has been made yet."""

    launched: Launched | None = None

    def _launched(self) -> Launched | None:
        return self.launched


def _counted(data: dict[str, Any]) -> str:
    counts = data["counts"]
    return f"{plural(counts[folder.LOGS], 'log file')}, {plural(counts[folder.SONGS], 'song')}"
