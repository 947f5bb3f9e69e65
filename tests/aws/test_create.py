"""create_cluster.py on an account of moto's."""

from __future__ import annotations

import json

import psycopg2
import pytest
from aws.names import ACCOUNT, READING, REGION

NAME = "sparkify-dwh"
ROLE = "sparkify-redshift-s3-read"
BUCKET = f"{NAME}-{ACCOUNT}-{REGION}"
LOOSE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def boundary_of(aws):
    return aws.client("iam").get_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/sparkify-boundary")["Policy"]


def cluster_of(aws):
    return aws.client("redshift").describe_clusters(ClusterIdentifier=NAME)["Clusters"][0]


def test_everything_is_in_place(aws, parameters):
    ran = aws.create()
    assert ran.code == 0, ran.err
    cluster = cluster_of(aws)
    group = aws.client("ec2").describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    expected = {
        "NodeType": "ra3.large",
        "NumberOfNodes": 1,
        "MasterUsername": "sparkify_admin",
        "DBName": "sparkify",
        "Encrypted": True,
        "EnhancedVpcRouting": True,
        "AllowVersionUpgrade": True,
        "AutomatedSnapshotRetentionPeriod": 7,
        "ClusterSubnetGroupName": NAME,
        "PubliclyAccessible": True,
    }
    assert {key: cluster[key] for key in expected} == expected
    assert cluster["ClusterParameterGroups"][0]["ParameterGroupName"] == NAME
    assert parameters == {NAME: {"require_ssl": "true", "enable_user_activity_logging": "true"}}
    assert [one["VpcSecurityGroupId"] for one in cluster["VpcSecurityGroups"]] == [group["GroupId"]]
    assert cluster["IamRoles"] == [{"IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "ApplyStatus": "in-sync"}]
    assert aws.value("dwh_endpoint") == cluster["Endpoint"]["Address"]
    assert aws.value("dwh_arn_role") == f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    assert ran.words()["Connection"] == "ok"
    assert ", TLS" in ran.err
    assert ran.out == ""


def test_one_address_comes_in_and_only_s3_goes_out(aws):
    aws.create()
    ec2 = aws.client("ec2")
    group = ec2.describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    (way_in,) = group["IpPermissions"]
    (way_out,) = group["IpPermissionsEgress"]
    assert (way_in["FromPort"], way_in["ToPort"], way_in["IpProtocol"]) == (5439, 5439, "tcp")
    assert [one["CidrIp"] for one in way_in["IpRanges"]] == ["203.0.113.7/32"]
    assert (way_out["FromPort"], way_out["ToPort"], way_out["IpRanges"]) == (443, 443, [])
    lists = {one["PrefixListId"]: one["PrefixListName"] for one in ec2.describe_prefix_lists()["PrefixLists"]}
    assert [lists[one["PrefixListId"]] for one in way_out["PrefixListIds"]] == [f"com.amazonaws.{REGION}.s3"]


def test_the_default_group_of_the_vpc_is_not_touched(aws):
    def default():
        return aws.client("ec2").describe_security_groups(GroupNames=["default"])["SecurityGroups"]

    before = default()
    aws.create()
    aws.destroy("--yes")
    assert default() == before


def test_the_bucket_is_private_encrypted_versioned_and_empties_itself(aws):
    aws.create()
    s3 = aws.client("s3")
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    days = {
        one["Filter"]["Prefix"]: one["Expiration"]["Days"]
        for one in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    }
    assert days == {"manifests/": 7, "audit/": 90}
    tls = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"][0]
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    logs = aws.client("redshift").describe_logging_status(ClusterIdentifier=NAME)
    assert (logs["LoggingEnabled"], logs["BucketName"], logs["S3KeyPrefix"]) == (True, BUCKET, "audit/")


def test_everything_carries_our_tags(aws):
    aws.create()
    wanted = {"project": NAME, "cluster": NAME, "region": REGION}.items()
    redshift, ec2 = aws.client("redshift"), aws.client("ec2")
    tagged = [
        cluster_of(aws)["Tags"],
        redshift.describe_cluster_subnet_groups(ClusterSubnetGroupName=NAME)["ClusterSubnetGroups"][0]["Tags"],
        redshift.describe_cluster_parameter_groups(ParameterGroupName=NAME)["ParameterGroups"][0]["Tags"],
        ec2.describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]["Tags"],
        ec2.describe_vpc_endpoints()["VpcEndpoints"][0]["Tags"],
        aws.client("iam").get_role(RoleName=ROLE)["Role"]["Tags"],
        aws.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"],
    ]
    for tags in tagged:
        assert wanted <= {tag["Key"]: tag["Value"] for tag in tags}.items()
    # The clusters of an account share the boundary: it is the project's.
    assert boundary_of(aws)["Tags"] == [{"Key": "project", "Value": NAME}]


def test_a_second_run_changes_nothing(aws):
    aws.create()
    before, aws.calls[:] = aws.cfg.read_bytes(), []
    ran = aws.create()
    assert ran.code == 0
    assert set(ran.words().values()) == {"unchanged", "ok"}
    assert "Nothing to do." in ran.err
    assert [call for call in aws.changing_calls if "Credentials" not in call] == []
    assert aws.cfg.read_bytes() == before


def test_a_dry_run_shows_the_same_lines_and_changes_nothing(aws):
    planned = aws.create("--dry-run", "--yes")
    assert planned.code == 0
    assert aws.left() == []
    assert aws.changing_calls == []
    assert aws.value("dwh_endpoint") == ""
    made = aws.create()

    def resources(ran):
        return [line[:46].split("  ")[0] for line in ran.err.splitlines() if line.startswith(tuple(made.words()))]

    assert resources(planned) == [kind for kind in resources(made) if kind != "Connection"]
    assert aws.create("--dry-run").err.count("would") == 1  # "a run would change 0 of 14"


def test_a_dry_run_cannot_make_a_changing_call(aws):
    site = aws.site(read_only=True)
    for service in ("redshift", "ec2", "iam", "s3"):
        client = site.client(service)
        for operation in client.meta.service_model.operation_names:
            if operation.startswith(READING) and "Credentials" not in operation:
                continue
            with pytest.raises(RuntimeError, match="a dry run must not call"):
                client._make_api_call(operation, {})


def widen_boundary(aws):
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    aws.client("iam").create_policy_version(
        PolicyArn=boundary_of(aws)["Arn"], PolicyDocument=json.dumps(everything), SetAsDefault=True
    )


@pytest.mark.parametrize(
    ("drift", "kind"),
    [
        (lambda aws: aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="read-source-data"), "IAM policy"),
        (lambda aws: aws.client("s3").delete_bucket_policy(Bucket=BUCKET), "Bucket rules"),
        (lambda aws: aws.client("s3").delete_public_access_block(Bucket=BUCKET), "Bucket rules"),
        (
            lambda aws: aws.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(LOOSE)),
            "IAM role",
        ),
        (lambda aws: aws.client("iam").delete_role_permissions_boundary(RoleName=ROLE), "IAM role"),
        (lambda aws: widen_boundary(aws), "IAM boundary"),
        (lambda aws: aws.client("redshift").disable_logging(ClusterIdentifier=NAME), "Audit logs"),
        (
            lambda aws: aws.client("redshift").modify_cluster(
                ClusterIdentifier=NAME, AutomatedSnapshotRetentionPeriod=1, EnhancedVpcRouting=False
            ),
            "Cluster",
        ),
        (lambda aws: aws.set("snapshot_days", "14"), "Cluster"),
        (lambda aws: aws.set("access", "198.51.100.0/24"), "Group rules"),
        (lambda aws: aws.set("log_data", "s3://udacity-dend/log_data/2018/"), "IAM policy"),
        (lambda aws: aws.set("dwh_endpoint", "old.us-west-2.redshift.amazonaws.com"), "Configuration"),
    ],
)
def test_what_has_drifted_is_brought_back(aws, drift, kind):
    aws.create()
    drift(aws)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ran.words()[kind] in ("updated", "created")
    others = {word for other, word in ran.words().items() if other != kind}
    assert others <= {"unchanged", "ok"}
    assert "Nothing to do." in aws.create().err


def open_wide(aws):
    ec2 = aws.client("ec2")
    group = ec2.describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]["GroupId"]
    anywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anywhere])


def test_a_group_that_was_opened_is_closed_again(aws):
    aws.create()
    open_wide(aws)
    assert aws.create().words()["Group rules"] == "updated"
    (way_in,) = aws.client("ec2").describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]["IpPermissions"]
    assert [one["CidrIp"] for one in way_in["IpRanges"]] == ["203.0.113.7/32"]


def test_private_admits_the_members_of_the_group_alone(aws):
    aws.set("access", "private")
    assert aws.create().code == 0
    group = aws.client("ec2").describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    (way_in,) = group["IpPermissions"]
    assert (way_in["IpRanges"], way_in.get("Ipv6Ranges", [])) == ([], [])
    assert [one["GroupId"] for one in way_in["UserIdGroupPairs"]] == [group["GroupId"]]
    assert cluster_of(aws)["PubliclyAccessible"] is False
    assert "Nothing to do." in aws.create().err


def test_a_bucket_in_another_region_is_not_reached_through_the_vpc(aws):
    aws.set("region", "us-west-2")
    text = aws.cfg.read_text()
    aws.cfg.write_text(text.replace("[AWS]\n", "[AWS]\n").replace("region = us-west-2", "region = eu-west-1", 1))
    assert aws.value("s3_region") == "us-west-2" or aws.value("region") == "us-west-2"
    aws.cfg.write_text(text[: text.index("[S3]")] + text[text.index("[S3]") :].replace("us-west-2", "us-east-1"))
    assert aws.create().code == 0
    assert cluster_of(aws)["EnhancedVpcRouting"] is False
    assert aws.client("ec2").describe_vpc_endpoints()["VpcEndpoints"] == []
    group = aws.client("ec2").describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    assert group["IpPermissionsEgress"] == []


def test_an_s3_endpoint_of_somebody_else_serves_as_it_is(aws):
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    tables = [table["RouteTableId"] for table in ec2.describe_route_tables()["RouteTables"]]
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=tables
    )
    ran = aws.create()
    assert ran.words()["S3 endpoint"] == "exists"
    aws.destroy("--yes")
    assert len(aws.left()) == 1


FOREIGN = {
    "role": lambda aws: aws.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(LOOSE)),
    "security group": lambda aws: aws.client("ec2").create_security_group(GroupName=NAME, Description="theirs"),
    "parameter group": lambda aws: aws.client("redshift").create_cluster_parameter_group(
        ParameterGroupName=NAME, ParameterGroupFamily="redshift-2.0", Description="theirs"
    ),
    "subnet group": lambda aws: aws.client("redshift").create_cluster_subnet_group(
        ClusterSubnetGroupName=NAME,
        Description="theirs",
        SubnetIds=[aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]],
    ),
    "cluster": lambda aws: aws.client("redshift").create_cluster(
        ClusterIdentifier=NAME, NodeType="ra3.large", MasterUsername="theirs", MasterUserPassword="Theirs123"
    ),
    "bucket": lambda aws: (
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}),
        aws.client("s3").put_object(Bucket=BUCKET, Key="theirs", Body=b""),
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_not_ours_is_refused_by_name_before_anything_is_made(aws, kind):
    FOREIGN[kind](aws)
    before = aws.left()
    aws.calls.clear()
    ran = aws.create()
    assert ran.code == 1
    assert f"there is already a {kind} named" in ran.err.replace("IAM role", "role")
    assert "not ours" in ran.err
    assert aws.changing_calls == []
    gone = aws.destroy("--yes")
    assert gone.code == 0
    assert aws.left() == before


def test_another_kind_of_cluster_is_not_made_in_place(aws):
    aws.create()
    aws.set("node_type", "ra3.xlplus")
    aws.set("db_name", "other")
    ran = aws.create()
    assert ran.code == 2
    assert "node_type is ra3.large on the cluster, ra3.xlplus in dwh.cfg" in ran.err
    assert "db_name is sparkify on the cluster, other in dwh.cfg" in ran.err
    assert "hint: set the keys back, or python destroy_cluster.py first" in ran.err


def test_a_read_only_configuration_is_said_before_anything_is_made(aws):
    aws.cfg.chmod(0o444)
    ran = aws.create()
    assert ran.code == 2
    assert "is read-only" in ran.err
    assert "hint: chmod u+w" in ran.err
    assert aws.calls == []


def test_a_password_that_redshift_would_refuse_is_said_first_and_not_shown(aws, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "all-lower-case-1")
    ran = aws.create()
    assert ran.code == 2
    assert "DB_PASSWORD is not one that Redshift takes" in ran.err
    assert "all-lower-case-1" not in ran.err
    assert aws.calls == []


def test_data_is_for_the_local_target(aws, tmp_path):
    ran = aws.create("--data", str(tmp_path))
    assert ran.code == 2
    assert "--data is for the local target" in ran.err
    assert aws.left() == []


def test_a_vpc_that_is_not_there_is_said_before_anything_is_made(aws):
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ran = aws.create()
    assert ran.code == 1
    assert "fewer than 2 availability zones" in ran.err
    ec2.delete_vpc(VpcId=vpc)
    ran = aws.create()
    assert "there is no default VPC in us-west-2" in ran.err
    assert "hint: as an administrator: aws ec2 create-default-vpc" in ran.err
    assert aws.changing_calls == ["ec2:DeleteSubnet"] * 4 + ["ec2:DeleteVpc"] or aws.left() == []


def test_the_first_line_names_account_and_region_and_the_price_comes_before_the_cluster(aws):
    lines = aws.create().err.splitlines()
    assert lines[0].startswith(f"aws · account {ACCOUNT} · {REGION}")
    assert "$0.54 an hour" in lines[1]
    assert "list price of 20" in lines[1]
    assert lines[-2] == "The cluster is billed, $0.54 an hour, until you run: python destroy_cluster.py"
    assert lines[-1] == "Next: python create_tables.py"


def test_an_unreachable_cluster_is_a_warning(aws, monkeypatch):
    def refuse(**_arguments):
        raise psycopg2.OperationalError("connection to server failed: timeout expired")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    ran = aws.create()
    assert ran.code == 0
    assert ran.words()["Connection"] == "failed"
    assert "warning: cannot connect to" in ran.err
    assert "has this machine's address changed" in ran.err


def test_no_wait_leaves_the_rest_to_the_next_run(aws, monkeypatch):
    from dwh.aws import waiting

    monkeypatch.setattr(waiting, "usable", lambda _cluster: False)
    ran = aws.create("--no-wait")
    assert ran.code == 0
    assert "To finish: python create_cluster.py" in ran.err
    assert aws.value("dwh_endpoint") == ""
    monkeypatch.undo()


def test_pause_and_resume(aws):
    aws.create()
    assert "would be paused" in aws.create("--pause", "--dry-run").err
    assert aws.create("--pause").err.splitlines()[-1].split()[:3] == ["Cluster", NAME, "paused"]
    assert aws.create("--pause").err.splitlines()[-1].split()[2] == "unchanged"
    ran = aws.create()
    assert ran.code == 1
    assert "hint: python create_cluster.py --resume" in ran.err
    assert aws.create("--resume").code == 0
    assert cluster_of(aws)["ClusterStatus"] == "available"
    assert aws.create("--resume").err.splitlines()[-1].split()[2] == "unchanged"


def test_a_key_of_another_region_is_said_before_any_call(aws):
    aws.set("encryption_key", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234")
    ran = aws.create()
    assert ran.code == 2
    assert "encryption_key must be a key in us-west-2" in ran.err
    assert aws.calls == []


def test_more_nodes_two_zones_and_a_key_of_ones_own(aws):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
    for option, text in {
        "node_type": "ra3.xlplus",
        "number_of_nodes": "4",
        "access": "private",
        "multi_az": "yes",
        "encryption_key": key,
        "maintenance_window": "sun:04:00-sun:05:00",
        "snapshot_days": "35",
    }.items():
        aws.set(option, text)
    assert aws.create().code == 0
    cluster = cluster_of(aws)
    assert (cluster["NodeType"], cluster["NumberOfNodes"], cluster["KmsKeyId"]) == ("ra3.xlplus", 4, key)
    assert (cluster["PreferredMaintenanceWindow"], cluster["AutomatedSnapshotRetentionPeriod"]) == (
        "sun:04:00-sun:05:00",
        35,
    )
    from dwh.aws.redshift import cluster_request

    request = cluster_request(aws.site(), "sg-1", "secret")
    assert (request["ClusterType"], request["MultiAZ"]) == ("multi-node", True)
    assert "Nothing to do." in aws.create().err


def test_pausing_needs_a_cluster(aws):
    ran = aws.create("--pause")
    assert ran.code == 1
    assert f"there is no cluster {NAME} in {REGION}" in ran.err
