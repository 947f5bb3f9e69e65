"""A Redshift cluster of the local target: moto's record of it, with a PostgreSQL behind.

Creating, pausing, resuming, rebooting and deleting run in a thread of their
own, so that ``ClusterStatus`` goes through the states that a client waits for.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from moto.ec2.models import ec2_backends
from moto.redshift.exceptions import RedshiftClientError
from moto.redshift.models import Cluster, redshift_backends

from dwh.local import endpoint
from dwh.local.endpoint import Endpoint
from dwh.local.redshift import postgres, roles
from dwh.local.redshift.listener import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html, ClusterAvailabilityStatus
AVAILABILITY = {
    "available": "Available",
    "paused": "Unavailable",
    "deleting": "Unavailable",
    "hardware-failure": "Failed",
}
SESSIONS = "sessions"
BROUGHT_BACK = "the local warehouse had ended, and was started again: sessions that were open are rolled back"
# States in which nothing else may be asked of a cluster.
BUSY = ("creating", "deleting", "final-snapshot", "modifying", "pausing", "rebooting", "resuming")


def refuse(code: str, message: str) -> NoReturn:
    """Answer with an error of AWS."""
    raise RedshiftClientError(code, message)


class LocalCluster(Cluster):
    """A cluster whose database can be connected to."""

    # Set once, when the launcher starts: the folder for the servers' files, the endpoints' certificate, and how
    # the endpoints ask the launcher.
    homes: Path
    certificate: Path
    token: str
    api_port = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server: postgres.Server | None = None
        self.listener: Endpoint | None = None
        self.status = "creating"
        self.encrypted = True
        self.multi_az = "Disabled"
        self.default_iam_role_arn: str | None = None
        self.manual_snapshot_retention_period = -1
        self.maintenance_track_name = "current"
        self.pending_parameters = False
        # Whether it was brought back since somebody asked.
        self.healed = False
        self._passwords: dict[str, str] = {}
        # What failed, why, and the state that it would have led to.
        self._failed: tuple[Callable[[], None], str, Exception] | None = None
        self._lock = threading.RLock()

    # --- the life cycle -------------------------------------------------------------------------

    def launch(self, password: str) -> None:
        """Start a database with the master user, its password and the database of the call."""

        def work() -> None:
            home = self.homes / f"{self.region}-{self.cluster_identifier}"
            self.server = postgres.create(home, user=self.master_username, password=password, database=self.db_name)
            self._listen()

        self.master_user_password = ""
        self._begin("creating", work, "available")

    def pause(self) -> None:
        """Stop the database; its files stay."""
        self._expect("available")
        self._begin("pausing", self._stop, "paused")

    def resume(self) -> None:
        """Start the database of a paused cluster again."""
        self._expect("paused")
        self._begin("resuming", self._start, "available")

    def reboot(self) -> None:
        """Stop and start the database; static parameters take effect."""
        self._expect("available")

        def work() -> None:
            self._stop()
            self._start()
            self.pending_parameters = False

        self._begin("rebooting", work, "available")

    def remove(self, then: Callable[[], None]) -> None:
        """Stop the database and delete its files, then do what is left to do."""
        if self.status in BUSY:
            refuse(
                "InvalidClusterState",
                "There is an operation running on the Cluster. Please try to delete it at a later time.",
            )

        def work() -> None:
            self.destroy()
            then()

        self._begin("deleting", work, "deleting")

    def destroy(self) -> None:
        """Stop the database and delete its files, waiting for what is under way."""
        with self._lock:
            self._close()
            if self.server:
                self.server.destroy()

    def heal(self) -> None:
        """Bring a database back that has died, as Redshift replaces a failed node; and do again what failed."""
        if not self._is_ill():
            return
        with self._lock:
            if self._is_ill():
                log.warning("the database of %s does not run: once more", self.cluster_identifier)
                self.healed = self._failed is None
                work, after, _ = self._failed or (self._start, "available", None)
                self._do(work, after)

    def _is_ill(self) -> bool:
        parts = [part for part in (self.server, self.listener) if part]
        has_died = self.status == "available" and not all(part.running() for part in parts)
        return has_died or self._failed is not None

    def trouble(self) -> dict[str, str]:
        """What is wrong with its database and what to do about it, as far as we know; and what it came back from."""
        failed, server = self._failed, self.server
        error: Exception | None = failed[2] if failed else None
        if server and error is None and server.is_full():
            error = server.failed("can hardly write", "")
        message = "" if error is None else str(error) or repr(error)
        healed, self.healed = self.healed, False
        return {"message": message, "hint": getattr(error, "hint", ""), "healed": BROUGHT_BACK if healed else ""}

    def _expect(self, status: str) -> None:
        if self.status != status:
            refuse("InvalidClusterState", f"Cluster {self.cluster_identifier} is {self.status}, and must be {status}.")

    def _begin(self, during: str, work: Callable[[], None], after: str) -> None:
        def run() -> None:
            with self._lock:
                self._do(work, after)

        self.status, self._failed = during, None
        threading.Thread(target=run, daemon=True, name=f"{self.cluster_identifier} {during}").start()

    def _do(self, work: Callable[[], None], after: str) -> None:
        """Do it; when it fails, say why in the log and leave a state that nobody waits on."""
        try:
            work()
        except Exception as error:
            log.exception("cluster %s: %s", self.cluster_identifier, getattr(error, "detail", ""))
            self.status, self._failed = "hardware-failure", (work, after, error)
        else:
            self.status, self._failed = after, None

    def _stop(self) -> None:
        self._close()
        if self.server:
            self.server.stop()

    def _start(self) -> None:
        self._close()
        if self.server:
            self.server.start()
            self._listen()

    def _listen(self) -> None:
        """Open the endpoint, on another port if its own is in use."""
        if self.server is None:
            return
        self.port = endpoint.free_port(self.port)
        settings = Settings(
            port=self.port,
            socket=self.server.place,
            sessions=self.server.home / SESSIONS,
            certificate=self.certificate,
            require_ssl=self._requires_ssl(),
        )
        asks = endpoint.Launcher(self.api_port, self.token, self.region, self.cluster_identifier)
        self.listener = Endpoint(settings, asks)
        self.listener.start()

    def _close(self) -> None:
        """Close the endpoint, and end its sessions."""
        if self.listener:
            self.listener.stop()

    def _requires_ssl(self) -> bool:
        """As the parameter group says when the cluster starts; one of redshift-2.0 does unless it is changed.

        Source: https://docs.aws.amazon.com/redshift/latest/mgmt/connecting-ssl-support.html
        """
        groups = redshift_backends[self.account_id][self.region].parameter_groups
        group = groups.get(self.cluster_parameter_group_name[0])
        usual = "true" if group is None or group.family == "redshift-2.0" else "false"
        set_ = vars(group).get("changes", {}) if group else {}
        return str(set_.get("require_ssl", usual)).lower() == "true"

    # --- logins ---------------------------------------------------------------------------------

    def set_master_password(self, password: str) -> None:
        """Change the password of the admin user."""
        with self._system() as system:
            roles.set_password(system, self.master_username, password)

    def credentials(self, db_user: str, auto_create: bool, seconds: int) -> dict[str, Any]:
        """A login that acts as ``db_user`` and expires.

        The same password is given until the cluster is gone: PostgreSQL keeps one for a
        user, and another caller may not have used the last one yet.
        """
        self.heal()
        self._expect("available")
        login = f"{'IAMA' if auto_create else 'IAM'}:{db_user}"
        expires = datetime.now(UTC) + timedelta(seconds=seconds)
        with self._lock, self._system() as system:
            password = self._passwords.setdefault(login, secrets.token_urlsafe(24))
            if auto_create and not roles.is_user(system, db_user):
                roles.create_user(system, db_user, self.master_username)
            # As on Redshift, a login for a user that does not exist is given, and refused by the database.
            if roles.is_user(system, db_user):
                roles.lend(system, login, db_user, password, expires)
        return {"DbUser": login, "DbPassword": password, "Expiration": expires}

    @contextlib.contextmanager
    def _system(self) -> Iterator[cursor]:
        """A cursor of the system's superuser."""
        import psycopg2

        if self.server is None:
            refuse("InvalidClusterState", f"Cluster {self.cluster_identifier} has no database.")
        try:
            with self.server.system() as found:
                yield found
        except psycopg2.OperationalError as error:
            log.exception("cluster %s", self.cluster_identifier)
            refuse("InvalidClusterState", f"The database of {self.cluster_identifier} does not answer: {error}")

    # --- what describe_clusters shows -----------------------------------------------------------

    @property
    def endpoint(self) -> dict[str, str | int] | None:  # type: ignore[override]
        """Host and port; absent until the database is there, as on Redshift."""
        if self.server is None or self.status == "creating":
            return None
        return {"Address": endpoint.HOST, "Port": self.port}

    @property
    def cluster_availability_status(self) -> str:
        """Whether queries can run."""
        return AVAILABILITY.get(self.status, "Modifying")

    @property
    def iam_roles(self) -> list[dict[str, str]]:
        """The attached roles, and whether they can be used yet."""
        state = "adding" if self.status == "creating" else "in-sync"
        return [{"IamRoleArn": arn, "ApplyStatus": state} for arn in self.iam_roles_arn]

    @property
    def cluster_parameter_group_status_list(self) -> list[dict[str, str]]:
        """The parameter group, and whether a reboot is due."""
        state = "pending-reboot" if self.pending_parameters else "in-sync"
        return [
            {"ParameterGroupName": name, "ParameterApplyStatus": state} for name in self.cluster_parameter_group_name
        ]

    @property
    def vpc_id(self) -> str | None:
        """The VPC of the cluster's security groups."""
        groups = self.vpc_security_groups
        if groups:
            return str(groups[0].vpc_id)
        vpc = ec2_backends[self.account_id][self.region].get_default_vpc()
        return str(vpc.id) if vpc else None

    @property
    def cluster_nodes(self) -> list[dict[str, str]]:
        """Leader and compute nodes, all of them this machine."""
        one = self.number_of_nodes == 1
        roles = ["SHARED"] if one else ["LEADER", *(f"COMPUTE-{i}" for i in range(self.number_of_nodes))]
        return [
            {"NodeRole": role, "PrivateIPAddress": endpoint.HOST, "PublicIPAddress": endpoint.HOST} for role in roles
        ]

    @property
    def cluster_namespace_arn(self) -> str:
        """The ARN that data sharing uses."""
        return f"arn:aws:redshift:{self.region}:{self.account_id}:namespace:{self.unique_cluster_id}"
