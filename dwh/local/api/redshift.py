"""The Redshift API of the local target: moto's, with what moto lacks or lets pass.

Rules and error codes: https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateCluster.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.redshift.models import ParameterGroup, RedshiftBackend
from moto.redshift.responses import RedshiftResponse
from moto.s3.models import s3_backends

from dwh.keys import NODE_TYPES
from dwh.local.api import rules
from dwh.local.api.cluster import LocalCluster, refuse
from dwh.local.redshift.dialect.lexer import word_set

# What the local target models; every other call is refused.
SUPPORTED = word_set(
    """
    CreateCluster DescribeClusters ModifyCluster DeleteCluster PauseCluster ResumeCluster RebootCluster
    ModifyClusterIamRoles GetClusterCredentials DescribeOrderableClusterOptions CreateClusterParameterGroup
    DescribeClusterParameterGroups ModifyClusterParameterGroup DeleteClusterParameterGroup
    DescribeClusterParameters DescribeDefaultClusterParameters CreateClusterSubnetGroup
    DescribeClusterSubnetGroups DeleteClusterSubnetGroup CreateTags DescribeTags DeleteTags EnableLogging
    DisableLogging DescribeLoggingStatus
    """
)
DEFAULT_GROUP = "default.redshift-2.0"
# https://docs.aws.amazon.com/redshift/latest/mgmt/workload-mgmt-config.html and .../working-with-parameter-groups.html
DYNAMIC_PARAMETERS = ("wlm_json_configuration", "max_concurrency_scaling_clusters")
NO_MODIFY = (
    "NewClusterIdentifier",
    "NodeType",
    "NumberOfNodes",
    "ClusterType",
    "Port",
    "ElasticIp",
    "AvailabilityZone",
)


class LocalRedshift(RedshiftResponse):
    """Answers the calls of the Redshift API."""

    @property
    def redshift_backend(self) -> RedshiftBackend:
        """The region's clusters; with the default parameter group of today."""
        backend = super().redshift_backend
        if DEFAULT_GROUP not in backend.parameter_groups:
            backend.create_cluster_parameter_group(
                DEFAULT_GROUP, "redshift-2.0", "Default parameter group", self.region
            )
        return backend

    def call_action(self) -> Any:
        """Run one call.

        Raises:
            NotImplementedError: the local target does not have it.
        """
        if self._get_action() not in SUPPORTED:
            raise NotImplementedError(self._get_action())
        return super().call_action()

    # --- clusters -------------------------------------------------------------------------------

    def create_cluster(self) -> ActionResult:
        """Record the cluster and start its database."""
        params = self._call()
        rules.check_new_cluster(params)
        if params["ClusterIdentifier"] in self.redshift_backend.clusters:
            refuse("ClusterAlreadyExists", "Cluster already exists")
        self._check_references(params)
        result = super().create_cluster()
        cluster = self._cluster()
        cluster.cluster_parameter_group_name = [params.get("ClusterParameterGroupName") or DEFAULT_GROUP]
        cluster.vpc_security_group_ids = params.get("VpcSecurityGroupIds") or self._default_security_group()
        cluster.cluster_subnet_group_name = params.get("ClusterSubnetGroupName") or "default"
        cluster.multi_az = "Enabled" if params.get("MultiAZ") else "Disabled"
        cluster.default_iam_role_arn = params.get("DefaultIamRoleArn")
        cluster.manual_snapshot_retention_period = params.get("ManualSnapshotRetentionPeriod") or -1
        cluster.launch(params["MasterUserPassword"])
        return result

    def describe_clusters(self) -> ActionResult:
        """The clusters; one whose database has died is brought back first."""
        for cluster in self._clusters():
            cluster.heal()
        return super().describe_clusters()

    def modify_cluster(self) -> ActionResult:
        """Change what can be changed without a resize."""
        params = self._call()
        cluster = self._cluster()
        cluster._expect("available")
        for name in NO_MODIFY:
            if params.get(name) is not None:
                raise NotImplementedError(f"ModifyCluster with {name}")
        rules.check_values(params)
        self._check_references(params)
        if group := params.pop("ClusterParameterGroupName", None):
            cluster.pending_parameters = [group] != cluster.cluster_parameter_group_name
            cluster.cluster_parameter_group_name = [group]
        if password := params.pop("MasterUserPassword", None):
            cluster.set_master_password(password)
        if (multi_az := params.pop("MultiAZ", None)) is not None:
            cluster.multi_az = "Enabled" if multi_az else "Disabled"
        for name, value in params.items():
            if name in MODIFIABLE and value is not None:
                setattr(cluster, MODIFIABLE[name], value)
        return ActionResult({"Cluster": cluster})

    def delete_cluster(self) -> ActionResult:
        """Stop the database and forget the cluster; no final snapshot: it could keep no data."""
        params, cluster = self._call(), self._cluster()
        skip, snapshot = params.get("SkipFinalClusterSnapshot") or False, params.get("FinalClusterSnapshotIdentifier")
        if skip == bool(snapshot):
            rule = "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is specified"
            refuse("InvalidParameterCombination", f"{rule}, and cannot be given when it is.")
        if snapshot:
            raise NotImplementedError("DeleteCluster with FinalClusterSnapshotIdentifier")
        backend, name = self.redshift_backend, cluster.cluster_identifier

        def forget() -> None:
            backend.delete_automated_snapshots(name)
            backend.clusters.pop(name, None)

        cluster.remove(forget)
        return ActionResult({"Cluster": cluster})

    def reboot_cluster(self) -> ActionResult:
        """Restart the database."""
        self._cluster().reboot()
        return ActionResult({"Cluster": self._cluster()})

    def modify_cluster_iam_roles(self) -> ActionResult:
        """Attach and detach roles."""
        params, cluster = self._call(), self._cluster()
        cluster._expect("available")
        added, removed = params.get("AddIamRoles") or [], params.get("RemoveIamRoles") or []
        rules.check_roles(added)
        cluster.iam_roles_arn = [arn for arn in dict.fromkeys([*cluster.iam_roles_arn, *added]) if arn not in removed]
        cluster.default_iam_role_arn = params.get("DefaultIamRoleArn") or cluster.default_iam_role_arn
        return ActionResult({"Cluster": cluster})

    def get_cluster_credentials(self) -> ActionResult:
        """A temporary login that the database accepts."""
        params, cluster = self._call(), self._cluster()
        if params.get("DbGroups"):
            raise NotImplementedError("GetClusterCredentials with DbGroups")
        rules.check_values(params)
        seconds = int(params.get("DurationSeconds") or 900)
        if not 900 <= seconds <= 3600:
            refuse("InvalidParameterValue", "Token duration must be between 900 and 3600 seconds")
        return ActionResult(cluster.credentials(params["DbUser"], bool(params.get("AutoCreate")), seconds))

    def describe_orderable_cluster_options(self) -> ActionResult:
        """The node types that a cluster can be made of."""
        wanted = self._get_param("NodeType")
        subnets = self.redshift_backend.ec2_backend.describe_subnets()
        zones = [{"Name": name} for name in sorted({subnet.availability_zone for subnet in subnets})]
        options = [
            {"ClusterVersion": "1.0", "ClusterType": kind, "NodeType": node, "AvailabilityZones": zones}
            for node, (counts, *_) in NODE_TYPES.items()
            for kind in (["single-node"] if counts.start == 1 else []) + ["multi-node"]
            if wanted in (None, node)
        ]
        return ActionResult({"OrderableClusterOptions": options})

    def enable_logging(self) -> ActionResult:
        """Record where audit logs go; a bucket must be there and let Redshift in."""
        bucket = self._get_param("BucketName")
        self._cluster()
        if bucket:
            found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
            if found is None:
                refuse("BucketNotFoundFault", f"Could not find the bucket {bucket}.")
            if b"redshift.amazonaws.com" not in (found.policy or b""):
                refuse(
                    "InsufficientS3BucketPolicyFault",
                    f"Cannot read ACLs of bucket {bucket}: its policy does not let Redshift in.",
                )
        return super().enable_logging()

    # --- parameter groups -----------------------------------------------------------------------

    def create_cluster_parameter_group(self) -> ActionResult:
        """Make a group, unless its name is taken."""
        name, family = self._get_param("ParameterGroupName"), self._get_param("ParameterGroupFamily")
        if name in self.redshift_backend.parameter_groups:
            refuse("ClusterParameterGroupAlreadyExists", f"ParameterGroup {name} already exists")
        if family not in ("redshift-1.0", "redshift-2.0"):
            refuse("InvalidParameterValue", f"ParameterGroupFamily {family} is not a valid parameter group family")
        return super().create_cluster_parameter_group()

    def delete_cluster_parameter_group(self) -> ActionResult:
        """Remove a group that no cluster uses."""
        name = self._get_param("ParameterGroupName")
        self._group(name)
        if name.startswith("default.") or self._users_of(name):
            refuse(
                "InvalidClusterParameterGroupState", f"Parameter group {name} is a default one, or in use by a cluster."
            )
        return super().delete_cluster_parameter_group()

    def modify_cluster_parameter_group(self) -> ActionResult:
        """Set parameters of a group; a static one waits for a reboot of the clusters that use it."""
        name = self._get_param("ParameterGroupName")
        group = self._group(name)
        if name.startswith("default."):
            refuse("InvalidParameterValue", f"The default parameter group {name} cannot be modified.")
        changes = {item["ParameterName"]: item["ParameterValue"] for item in self._get_param("Parameters", [])}
        for parameter in changes:
            if parameter not in self.redshift_backend.default_params:
                refuse("InvalidParameterValue", f"Could not find parameter with name: {parameter}")
        before = _values(group)
        vars(group)["changes"] = before | changes
        if any(before.get(key) != value for key, value in changes.items() if key not in DYNAMIC_PARAMETERS):
            for cluster in self._users_of(name):
                cluster.pending_parameters = True
        status = "Your parameter group has been updated; static parameters wait for a reboot of its clusters."
        return ActionResult({"ParameterGroupName": name, "ParameterGroupStatus": status})

    def describe_cluster_parameters(self) -> ActionResult:
        """The parameters of a group, its own values over the family's."""
        group = self._group(self._get_param("ParameterGroupName"))
        source = self._get_param("Source")
        listed = [
            {
                "ParameterName": name,
                "ParameterValue": _values(group).get(name, value),
                "Source": "user" if name in _values(group) else "engine-default",
                "DataType": "boolean" if value in ("true", "false") else "string",
                "ApplyType": "dynamic" if name in DYNAMIC_PARAMETERS else "static",
                "IsModifiable": True,
            }
            for name, value in self._family(group.family).items()
        ]
        return ActionResult({"Parameters": [item for item in listed if source in (None, item["Source"])]})

    def describe_default_cluster_parameters(self) -> ActionResult:
        """The parameters of a family."""
        family = self._get_param("ParameterGroupFamily")
        listed = [
            {"ParameterName": name, "ParameterValue": value, "Source": "engine-default", "IsModifiable": True}
            for name, value in self._family(family).items()
        ]
        return ActionResult({"DefaultClusterParameters": {"ParameterGroupFamily": family, "Parameters": listed}})

    # --- helpers --------------------------------------------------------------------------------

    def _call(self) -> dict[str, Any]:
        """The parameters of the call."""
        return dict(self.params)

    def _cluster(self) -> LocalCluster:
        found = self.redshift_backend.describe_clusters(self._get_param("ClusterIdentifier"))[0]
        if not isinstance(found, LocalCluster):
            raise TypeError(type(found))
        return found

    def _group(self, name: str) -> ParameterGroup:
        return self.redshift_backend.describe_cluster_parameter_groups(name)[0]

    def _family(self, family: str) -> dict[str, str]:
        # Clusters of the newer family refuse connections without TLS by default.
        return self.redshift_backend.default_params | ({"require_ssl": "true"} if family == "redshift-2.0" else {})

    def _clusters(self) -> list[LocalCluster]:
        return [found for found in list(self.redshift_backend.clusters.values()) if isinstance(found, LocalCluster)]

    def _users_of(self, group: str) -> list[LocalCluster]:
        return [cluster for cluster in self._clusters() if group in cluster.cluster_parameter_group_name]

    def _default_security_group(self) -> list[str]:
        vpc = self.redshift_backend.ec2_backend.get_default_vpc()
        group = vpc and self.redshift_backend.ec2_backend.get_security_group_by_name_or_id("default", vpc.id)
        return [group.id] if group else []

    def _check_references(self, params: Mapping[str, Any]) -> None:
        """Everything that the call names must be there."""
        if group := params.get("ClusterParameterGroupName"):
            self._group(group)
        if (subnets := params.get("ClusterSubnetGroupName")) and subnets != "default":
            self.redshift_backend.describe_cluster_subnet_groups(subnets)
        for group in params.get("VpcSecurityGroupIds") or []:
            if self.redshift_backend.ec2_backend.get_security_group_from_id(group) is None:
                refuse("InvalidParameterValue", f"The security group {group} does not exist")
        rules.check_roles(params.get("IamRoles") or [])


# What ModifyCluster may set, and the attribute of moto's cluster that holds it.
MODIFIABLE = {
    "VpcSecurityGroupIds": "vpc_security_group_ids",
    "AutomatedSnapshotRetentionPeriod": "automated_snapshot_retention_period",
    "ManualSnapshotRetentionPeriod": "manual_snapshot_retention_period",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "AllowVersionUpgrade": "allow_version_upgrade",
    "EnhancedVpcRouting": "enhanced_vpc_routing",
    "PubliclyAccessible": "publicly_accessible",
    "KmsKeyId": "kms_key_id",
    "MaintenanceTrackName": "maintenance_track_name",
}


def _values(group: ParameterGroup) -> dict[str, str]:
    """The parameters that were set in this group."""
    values: dict[str, str] = vars(group).get("changes", {})
    return values
