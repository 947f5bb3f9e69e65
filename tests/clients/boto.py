"""boto3 with the variables alone."""

import boto3

(cluster,) = boto3.client("redshift").describe_clusters()["Clusters"]
assert cluster["ClusterStatus"] == "available"
assert boto3.client("s3").list_objects_v2(Bucket="udacity-dend", Prefix="log_data/")["KeyCount"] == 30
