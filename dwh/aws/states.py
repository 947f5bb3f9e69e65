"""The states of a cluster that waiting does not change."""

FULL = "storage-full"

# States that no waiting changes, and what to do about each:
# https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html
HOPELESS = {
    "incompatible-network": "the VPC or its subnets changed: python destroy_cluster.py, then create again",
    "incompatible-parameters": "a parameter does not fit: python destroy_cluster.py, then create again",
    "incompatible-hsm": "the hardware key store cannot be reached: python destroy_cluster.py, then create again",
    "incompatible-restore": "the snapshot does not fit: python destroy_cluster.py, then create again",
    "hardware-failure": "a single node has failed: python destroy_cluster.py, then create again",
    "deleting": "it is being deleted: wait until it is gone, then create again",
    "final-snapshot": "it is being deleted: wait until it is gone, then create again",
    "paused": "python create_cluster.py --resume",
}
