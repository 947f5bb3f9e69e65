"""What CreateCluster and ModifyCluster refuse, as AWS documents it; moto accepts all of it.

https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateCluster.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from dwh.keys import NODE_TYPES
from dwh.local.api.cluster import refuse

# PostgreSQL keeps pg_ to itself, and 63 bytes of a name; a login of GetClusterCredentials puts up to five before it.
# A user of the name of a schema would find his tables there.
USER = r"(?!(?:public|rdsdb|none|redshift|information_schema)$|pg_)[a-z][a-z0-9_+.@-]{0,57}"
PATTERNS = {
    "ClusterIdentifier": r"(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "DBName": r"(?!(?:postgres|template0|template1)$)[a-z][a-z0-9_$]{0,62}",
    "MasterUsername": USER,
    "DbUser": USER,
    "MasterUserPassword": r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[!#-&(-.0-?A-\[\]-~]{8,64}",
    "PreferredMaintenanceWindow": r"(?i)([a-z]{3}:[0-2]\d:[0-5]\d)-([a-z]{3}:[0-2]\d:[0-5]\d)",
}
NEEDED = ("ClusterIdentifier", "NodeType", "MasterUsername")


def check_new_cluster(params: Mapping[str, Any]) -> None:
    """Refuse what CreateCluster refuses, by its values."""
    for name in NEEDED:
        if not params.get(name):
            refuse("MissingParameter", f"The request must contain the parameter {name}")
    if params.get("ManageMasterPassword"):
        raise NotImplementedError("CreateCluster with ManageMasterPassword")
    if not params.get("MasterUserPassword"):
        refuse(
            "InvalidParameterCombination", "MasterUserPassword is required unless ManageMasterPassword is specified."
        )
    check_values(params)
    _check_nodes(params)


def check_values(params: Mapping[str, Any]) -> None:
    """Each value by itself, as far as it is given."""
    for name, pattern in PATTERNS.items():
        if params.get(name) and not re.fullmatch(pattern, params[name]):
            # A password must not come back in an error.
            shown = "" if name == "MasterUserPassword" else f": {params[name]}"
            refuse("InvalidParameterValue", f"The parameter {name} is not valid{shown}")
    port = params.get("Port")
    # The ranges of RA3 and RG nodes.
    if port and not (5431 <= int(port) <= 5455 or 8191 <= int(port) <= 8215):
        refuse("InvalidParameterValue", f"Invalid port {port}: must be 5431-5455 or 8191-8215.")
    if params.get("Encrypted") is False:
        refuse("InvalidParameterValue", "Clusters must be encrypted.")
    days = params.get("AutomatedSnapshotRetentionPeriod")
    if days is not None and not 1 <= int(days) <= 35:
        refuse("InvalidParameterValue", f"Invalid AutomatedSnapshotRetentionPeriod {days}: must be 1 to 35.")
    manual = params.get("ManualSnapshotRetentionPeriod")
    if manual is not None and int(manual) != -1 and not 1 <= int(manual) <= 3653:
        refuse("InvalidParameterValue", f"Invalid ManualSnapshotRetentionPeriod {manual}: must be -1 or 1 to 3653.")
    if params.get("MultiAZ") and params.get("PubliclyAccessible"):
        refuse("InvalidParameterCombination", "A Multi-AZ cluster cannot be publicly accessible.")


def _check_nodes(params: Mapping[str, Any]) -> None:
    node, kind, nodes = params["NodeType"], params.get("ClusterType") or "multi-node", params.get("NumberOfNodes")
    if node not in NODE_TYPES:
        refuse("InvalidParameterValue", f"Invalid node type: {node}")
    if kind not in ("single-node", "multi-node"):
        refuse("InvalidParameterValue", f"Invalid cluster type: {kind}")
    if kind == "single-node":
        if NODE_TYPES[node].nodes.start > 1:
            refuse("InvalidParameterCombination", f"Node type {node} needs a multi-node cluster.")
        if nodes not in (None, 1):
            refuse("InvalidParameterCombination", "NumberOfNodes must be 1 for a single-node cluster.")
    elif nodes is None or int(nodes) not in NODE_TYPES[node].nodes or int(nodes) < 2:
        most = NODE_TYPES[node].nodes.stop - 1
        refuse("InvalidParameterCombination", f"NumberOfNodes must be 2 to {most} for a multi-node cluster of {node}.")
    if params.get("MultiAZ") and not NODE_TYPES[node].multi_az:
        refuse("InvalidParameterCombination", f"Node type {node} does not support Multi-AZ.")
    if params.get("MultiAZ") and kind == "single-node":
        refuse("InvalidParameterCombination", "A Multi-AZ cluster must have two nodes or more.")


def check_roles(arns: list[str]) -> None:
    """Each role must exist, and let Redshift take it on."""
    roles = {role.arn: role for role in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].roles.values()}
    for arn in arns:
        trusted = json.loads(roles[arn].assume_role_policy_document) if arn in roles else {}
        if "redshift.amazonaws.com" not in json.dumps(trusted):
            refuse(
                "InvalidParameterValue",
                f"The IAM role {arn} is not valid. The IAM role must delegate access to an Amazon Redshift account.",
            )
