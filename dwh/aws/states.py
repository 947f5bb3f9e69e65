"""The states of a cluster that waiting does not change."""

from dwh.commands import CREATE, DESTROY

FULL = "storage-full"

# States that no waiting changes, and what to do about each:
# https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html
HOPELESS = {
    "incompatible-network": f"the VPC or its subnets changed: {DESTROY}, then create again",
    "incompatible-parameters": f"a parameter does not fit: {DESTROY}, then create again",
    "incompatible-hsm": f"the hardware key store cannot be reached: {DESTROY}, then create again",
    "incompatible-restore": f"the snapshot does not fit: {DESTROY}, then create again",
    "hardware-failure": f"a single node has failed: {DESTROY}, then create again",
    "deleting": "it is being deleted: wait until it is gone, then create again",
    "final-snapshot": "it is being deleted: wait until it is gone, then create again",
    "paused": f"{CREATE} --resume",
}
