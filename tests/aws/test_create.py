"""create_cluster.py on an account of moto's."""

from __future__ import annotations

import json

import psycopg2
import pytest
from aws import account as accounts
from aws.account import cluster_with, in_state, refusal, waits_pass_at_once
from aws.names import ACCOUNT, READING, REGION

from dwh import probe
from dwh.errors import DataError, WarehouseError

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
        return [
            line[:46].split("  ")[0]
            for line in (ran.err + ran.out).splitlines()
            if line.startswith(tuple(made.words()))
        ]

    assert resources(planned) == [kind for kind in resources(made) if kind not in ("Connection", "Probe")]
    again = aws.create("--dry-run")
    assert "would" not in again.out + again.err
    assert again.err.endswith("\nPlan: 14 unchanged. Nothing was changed.\n")


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


@pytest.mark.parametrize("count", [1, 4])
def test_the_s3_endpoint_serves_the_route_tables_of_the_subnets(aws, count):
    """The main one only where a subnet has none of its own."""
    ec2 = aws.client("ec2")
    subnets = ec2.describe_subnets()["Subnets"]
    (main,) = [table["RouteTableId"] for table in ec2.describe_route_tables()["RouteTables"]]
    own = ec2.create_route_table(VpcId=subnets[0]["VpcId"])["RouteTable"]["RouteTableId"]
    ec2.create_route_table(VpcId=subnets[0]["VpcId"])  # of no subnet
    for subnet in subnets[:count]:
        ec2.associate_route_table(RouteTableId=own, SubnetId=subnet["SubnetId"])
    assert aws.create().code == 0
    (endpoint,) = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert sorted(endpoint["RouteTableIds"]) == sorted([own, main] if count < len(subnets) else [own])


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
    assert f"there is already a {kind} named" in ran.err.replace("an IAM role", "a role")
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
    assert lines[-1] == "13 created, 1 updated. Next: python create_tables.py"


def test_an_unreachable_cluster_is_a_warning(aws, monkeypatch):
    def refuse(**_arguments):
        raise psycopg2.OperationalError("connection to server failed: timeout expired")

    monkeypatch.setattr(psycopg2, "connect", refuse)
    ran = aws.create()
    assert ran.code == 0
    assert ran.words()["Connection"] == "failed"
    assert "warning: cannot connect to" in ran.err
    assert "has this machine's address changed" in ran.err


def test_no_wait_leaves_the_rest_to_the_next_run(aws, answers):
    answers("DescribeClusters", then=cluster_with(ClusterStatus="creating", Endpoint={}))
    ran = aws.create("--no-wait")
    assert ran.code == 0
    assert "To finish: python create_cluster.py" in ran.err
    assert aws.value("dwh_endpoint") == ""


def test_pause_and_resume(aws):
    aws.create()
    planned = aws.create("--pause", "--dry-run")
    assert "would be paused" in planned.out
    assert planned.err.endswith("\nPlan: 1 to be paused. Nothing was changed.\n")
    assert aws.create("--pause").err.splitlines()[-2].split()[:3] == ["Cluster", NAME, "paused"]
    assert aws.create("--pause").err.splitlines()[-1] == "1 unchanged."
    ran = aws.create()
    assert ran.code == 1
    assert "hint: python create_cluster.py --resume" in ran.err
    assert aws.create("--resume").code == 0
    assert cluster_of(aws)["ClusterStatus"] == "available"
    assert aws.create("--resume").err.splitlines()[-1] == "1 unchanged."


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
    from dwh.provision.redshift import cluster_request

    request = cluster_request(aws.site(), "sg-1", "secret")
    assert (request["ClusterType"], request["MultiAZ"]) == ("multi-node", True)
    assert "Nothing to do." in aws.create().err


def test_pausing_needs_a_cluster(aws):
    ran = aws.create("--pause")
    assert ran.code == 1
    assert f"there is no cluster {NAME} in {REGION}" in ran.err


# --- Once the cluster is there, it is billed ---

BILLED = "the cluster sparkify-dwh goes on and is billed ($0.54 an hour) until python destroy_cluster.py"


@pytest.mark.parametrize("code", ["AccessDenied", "InsufficientS3BucketPolicyFault", "Throttling"])
def test_audit_logs_that_are_refused_keep_nothing_back(aws, answers, code):
    answers("EnableLogging", refusal(code, "EnableLogging"))
    ran = aws.create()
    assert ran.code == 1
    assert "error: enable logging: " in ran.err
    assert f"  {BILLED}; the same command finishes it\n" in ran.err
    assert ran.words()["Configuration"] == "updated"
    assert aws.value("dwh_endpoint") == cluster_of(aws)["Endpoint"]["Address"]
    assert aws.create().code == 0


def test_the_endpoint_is_written_before_the_cluster_takes_changes(aws, answers):
    answers("DescribeClusters", then=cluster_with(ClusterAvailabilityStatus="Modifying"))
    ran = aws.create("--timeout", "1")
    assert ran.code == 1
    assert aws.value("dwh_endpoint")
    assert f"  {BILLED}; the same command finishes it\n" in ran.err


def test_a_configuration_that_cannot_be_written_at_last_shows_the_lines(aws, answers):
    def read_only(call):
        aws.cfg.chmod(0o444)
        return call()

    answers("CreateCluster", read_only)
    ran = aws.create()
    assert ran.code == 2
    assert f"error: {aws.cfg} is read-only" in ran.err
    assert f"  dwh_endpoint = {cluster_of(aws)['Endpoint']['Address']}\n" in ran.err
    assert f"  {BILLED}; the same command finishes it\n" in ran.err


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"ClusterAvailabilityStatus": "Modifying"}, "available, but its availability is Modifying"),
        (
            {"IamRoles": [{"IamRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", "ApplyStatus": "adding"}]},
            f"available, but its role {ROLE} is adding, not in-sync",
        ),
        ({"Endpoint": {}}, "available, but without an endpoint"),
    ],
)
def test_what_an_available_cluster_still_lacks_is_named(aws, answers, keys, said):
    answers("DescribeClusters", then=cluster_with(**keys))
    ran = aws.create("--timeout", "1")
    assert ran.code == 1
    assert f"  cluster sparkify-dwh: {said}" in ran.err
    assert f"error: the cluster sparkify-dwh is still {said} after" in ran.err
    assert "hint: run the step again, with a longer --timeout than 1\n" in ran.err


def test_a_refused_look_during_the_wait_says_what_goes_on(aws, answers):
    answers("DescribeClusters", None, None, None, refusal("AccessDenied", "DescribeClusters"))
    ran = aws.create()
    assert ran.code == 1
    assert f"  {BILLED}; the same command finishes it\n" in ran.err
    assert "hint: attach assets/iam_policy.json to the user" in ran.err


def test_no_wait_writes_down_what_is_known(aws, answers):
    answers("DescribeClusters", None, None, None, cluster_with(ClusterAvailabilityStatus="Modifying"))
    ran = aws.create("--no-wait")
    assert ran.code == 0
    assert "To finish: python create_cluster.py" in ran.err
    assert aws.value("dwh_endpoint") == cluster_of(aws)["Endpoint"]["Address"]


# --- A cluster whose disks are full ---


@pytest.mark.parametrize(
    ("nodes", "command"),
    [
        (1, "--node-type ra3.large --number-of-nodes 2 --cluster-type multi-node --classic"),
        (4, "--node-type ra3.large --number-of-nodes 8"),
        (12, "--node-type ra3.large --number-of-nodes 16"),
    ],
)
def test_a_full_cluster_is_brought_up_to_date_and_told_apart(aws, answers, nodes, command):
    aws.set("number_of_nodes", str(nodes))
    aws.create()
    aws.set("dwh_endpoint", "")
    aws.set("access", "198.51.100.0/24")
    answers("DescribeClusters", then=in_state("storage-full"))
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ran.words()["Group rules"] == "updated"
    assert ran.words()["Connection"] == "ok"
    assert aws.value("dwh_endpoint")
    resize = f"aws redshift resize-cluster --region {REGION} --cluster-identifier {NAME} {command}"
    assert "warning: the disks of the cluster are full (storage-full): it can be connected to; delete rows" in ran.err
    assert f" or resize it: {resize} (" in ran.err
    assert "then write its node_type and number_of_nodes into dwh.cfg" in ran.err


def test_a_cluster_that_was_resized_is_taken_as_dwh_cfg_says_then(aws):
    aws.create()
    aws.client("redshift").modify_cluster(ClusterIdentifier=NAME, ClusterType="multi-node", NumberOfNodes=2)
    assert "number_of_nodes is 2 on the cluster, 1 in dwh.cfg" in aws.create().err
    aws.set("number_of_nodes", "2")
    assert "Nothing to do." in aws.create().err


def test_a_paused_cluster_gets_its_rules_too(aws):
    aws.create()
    aws.create("--pause")
    aws.set("access", "198.51.100.0/24")
    ran = aws.create()
    assert ran.code == 1
    assert ran.words()["Group rules"] == "updated"
    assert "error: the cluster sparkify-dwh is paused" in ran.err


@pytest.mark.parametrize("status", ["deleting", "final-snapshot", "hardware-failure", "incompatible-network"])
def test_nothing_is_made_for_a_cluster_without_a_future(aws, answers, status):
    aws.create()
    aws.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="read-source-data")
    aws.calls.clear()
    answers("DescribeClusters", then=in_state(status))
    ran = aws.create()
    assert ran.code == 1
    assert f"error: the cluster sparkify-dwh is {status}\n  nothing was changed; {BILLED}" in ran.err
    assert aws.changing_calls == []


# --- AWS catches up with itself ---


def test_rules_are_made_also_where_the_new_group_is_seen_late(aws, answers):
    def nothing_yet(_call):
        return {"SecurityGroups": []}

    # Looked at for the plan (twice), before it is made, and then for its rules.
    answers("DescribeSecurityGroups", None, None, None, nothing_yet, nothing_yet)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert "Group rules sparkify-dwh: AWS does not find what was made a moment ago" in ran.err
    group = aws.client("ec2").describe_security_groups(GroupNames=[NAME])["SecurityGroups"][0]
    (way_in,) = group["IpPermissions"]
    assert [one["CidrIp"] for one in way_in["IpRanges"]] == ["203.0.113.7/32"]
    assert group["IpPermissionsEgress"][0]["IpRanges"] == []


def test_the_way_of_a_deleted_endpoint_is_waited_for(aws, answers):
    """EC2 takes a while to take the route away; an endpoint that goes does not count as one that is there."""
    assert aws.create().code == 0
    answers("DescribeVpcEndpoints", then=lambda call: shown_as(call(), "Deleting"))
    answers("CreateVpcEndpoint", *[refusal("RouteAlreadyExists", "CreateVpcEndpoint")] * 5, lambda _call: {})
    ran = aws.create()
    assert "S3 endpoint com.amazonaws.us-west-2.s3: the route of a deleted endpoint is still there" in ran.err
    assert ran.code == 0, ran.err


def shown_as(answer, state):
    return {**answer, "VpcEndpoints": [{**found, "State": state} for found in answer["VpcEndpoints"]]}


def test_the_name_of_a_deleted_bucket_is_waited_for_with_an_end(aws, answers, monkeypatch):
    clock = waits_pass_at_once(monkeypatch)
    answers("CreateBucket", then=refusal("OperationAborted", "CreateBucket"))
    ran = aws.create()
    assert ran.code == 1
    assert 600 <= clock.slept < 630
    assert "Work bucket sparkify-dwh: S3 is busy with the bucket, or has not let go of its name yet" in ran.err
    assert "error: create bucket: S3 is busy with the bucket: it keeps the name of a deleted one for minutes" in ran.err
    assert "hint: wait a few minutes, then run the step again\n" in ran.err


def test_an_endpoint_whose_answer_was_lost_is_asked_for_with_the_same_token(aws, monkeypatch):
    import botocore.endpoint
    from botocore.exceptions import ConnectionClosedError

    sent, original = [], botocore.endpoint.Endpoint._do_get_response

    def lost(endpoint, request, model, context):
        answer = original(endpoint, request, model, context)
        if model.name != "CreateVpcEndpoint":
            return answer
        sent.append([part for part in str(request.body).split("&") if part.startswith("ClientToken=")])
        return (None, ConnectionClosedError(endpoint_url="https://x")) if len(sent) == 1 else answer

    monkeypatch.setattr(botocore.endpoint.Endpoint, "_do_get_response", lost)
    assert aws.create().code == 0
    assert len(sent) == 2
    assert sent[0] == sent[1] != []
    assert len(aws.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]) == 1


def test_a_change_waits_for_the_one_before_it(aws, answers):
    """A cluster that is being modified takes the next change later, and is not left without it."""
    aws.create()
    redshift = aws.client("redshift")
    redshift.modify_cluster(ClusterIdentifier=NAME, AutomatedSnapshotRetentionPeriod=1)
    answers("DescribeClusters", *[in_state("modifying")] * 5)
    answers("ModifyCluster", *[refusal("InvalidClusterState", "ModifyCluster")] * 2)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ran.words()["Cluster"] == "updated"
    assert cluster_of(aws)["AutomatedSnapshotRetentionPeriod"] == 7


# --- Others are at work, too ---


def test_a_role_that_somebody_deletes_in_the_middle_is_said_and_made_again(aws, answers):
    def deleted(call):
        aws.client("iam").delete_role(RoleName=ROLE)
        return call()

    answers("PutRolePolicy", deleted)
    ran = aws.create()
    assert ran.code == 1
    assert "error: put role policy: there is no such role or policy" in ran.err
    assert "hint: python create_cluster.py" in ran.err
    assert aws.create().code == 0


def test_two_creations_at_once_both_end_well(aws, answers):
    other = []

    def faster(call):
        if not other:
            other.append(None)
            other[0] = aws.create()
        return call()

    answers("CreateRole", faster)
    ran = aws.create()
    assert other[0].code == 0, other[0].err
    assert ran.code == 0, ran.err
    assert len(aws.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]) == 1


def test_a_way_to_s3_that_another_made_meanwhile_serves(aws, answers):
    def made(call):
        ec2 = aws.client("ec2")
        tables = [table["RouteTableId"] for table in ec2.describe_route_tables()["RouteTables"]]
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        ec2.create_vpc_endpoint(
            VpcId=vpc,
            ServiceName=f"com.amazonaws.{REGION}.s3",
            VpcEndpointType="Gateway",
            RouteTableIds=tables,
        )
        return call()

    answers("CreateVpcEndpoint", made)
    ran = aws.create()
    assert ran.code == 0, ran.err
    assert ran.words()["S3 endpoint"] == "exists"
    assert aws.destroy("--yes").code == 0
    assert len(aws.left()) == 1


def test_what_another_took_meanwhile_is_refused_by_name(aws, answers):
    def taken(call):
        aws.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(LOOSE))
        return call()

    answers("CreateRole", taken)
    ran = aws.create()
    assert ran.code == 1
    assert f"error: there is already an IAM role named {ROLE}, and it is not ours" in ran.err
    assert aws.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"] == LOOSE


def test_another_policy_of_our_role_is_named_and_left(aws):
    aws.create()
    iam = aws.client("iam")
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=ROLE, PolicyName="by-hand", PolicyDocument=json.dumps(anything))
    arn = iam.create_policy(PolicyName="attached", PolicyDocument=json.dumps(anything))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    for ran in (aws.create(), aws.create("--dry-run")):
        assert ran.code == 0
        for policy in ("by-hand", "attached"):
            assert f"warning: the role {ROLE} has another policy, {policy}: " in ran.err
        assert "read-source-data:" not in ran.err
    assert sorted(iam.list_role_policies(RoleName=ROLE)["PolicyNames"]) == ["by-hand", "read-source-data"]


@pytest.mark.parametrize("option", ["log_data", "song_data", "log_jsonpath"])
@pytest.mark.parametrize("mark", ["*", "?", "${aws:username}"])
def test_an_address_that_opens_more_than_it_names_is_refused_before_any_call(aws, option, mark):
    aws.set(option, f"s3://udacity-dend/data{mark}/x")
    ran = aws.create()
    assert ran.code == 2
    assert f"[S3] {option} must not have {mark[:2]} in it: in the policy of the cluster's role" in ran.err
    assert aws.calls == []


# --- What AWS would refuse late is refused early ---


def test_only_zones_that_offer_the_node_type_are_taken(aws, monkeypatch):
    accounts.offered(monkeypatch, zones="bc")
    assert aws.create().code == 0
    groups = aws.client("redshift").describe_cluster_subnet_groups()["ClusterSubnetGroups"]
    taken = [subnet["SubnetIdentifier"] for subnet in groups[0]["Subnets"]]
    subnets = aws.client("ec2").describe_subnets(SubnetIds=taken)["Subnets"]
    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == [f"{REGION}b", f"{REGION}c"]


def test_a_node_type_that_too_few_zones_offer_is_refused_before_anything_is_made(aws, monkeypatch):
    accounts.offered(monkeypatch, zones="a")
    ran = aws.create()
    assert ran.code == 1
    assert "error: ra3.large is offered in fewer than 2 of the zones of the default subnets\n" in ran.err
    assert f"  offered in: {REGION}a\n" in ran.err
    assert aws.left() == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"node_type": "rg.large", "number_of_nodes": "2", "access": "private"}, "multi_az needs a node_type of RA3"),
        ({"access": "private"}, "multi_az needs number_of_nodes of 2 or more"),
        ({"number_of_nodes": "2"}, "multi_az needs access = private"),
    ],
)
def test_what_multi_az_needs_is_said_before_the_first_call(aws, settings, problem):
    for key, value in settings.items():
        aws.set(key, value)
    aws.set("multi_az", "yes")
    ran = aws.create()
    assert ran.code == 2
    assert problem in ran.err
    assert aws.calls == []


def test_more_nodes_than_a_new_cluster_can_have(aws):
    """ra3.xlplus goes up to 32 nodes by a resize, and to 16 when it is created."""
    aws.set("node_type", "ra3.xlplus")
    aws.set("number_of_nodes", "17")
    assert "number_of_nodes must be 1 to 16 for ra3.xlplus; it is 17" in aws.create().err


def test_an_adopted_cluster_with_another_port_or_key_is_named(aws):
    assert aws.create().code == 0
    aws.set("db_port", "5440")
    aws.set("encryption_key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234")
    ran = aws.create()
    assert ran.code == 2
    assert "  db_port is 5439 on the cluster, 5440 in dwh.cfg\n" in ran.err
    assert "  encryption_key is " in ran.err


def test_a_failed_delivery_of_audit_logs_is_shown(aws, answers):
    assert aws.create().code == 0
    bucket = f"sparkify-dwh-{ACCOUNT}-{REGION}"
    answers(
        "DescribeLoggingStatus",
        lambda _call: {
            "LoggingEnabled": True,
            "BucketName": bucket,
            "LastFailureMessage": "Access denied to the bucket",
        },
    )
    assert "AWS says: Access denied to the bucket" in aws.create("--dry-run").out


def test_a_cluster_that_aws_still_shows_as_paused_is_waited_for_after_resuming(aws, answers, monkeypatch):
    aws.create()
    aws.create("--pause")
    still = {"ClusterStatus": "paused", "ClusterAvailabilityStatus": "Unavailable"}

    def late(call):
        answer = call()
        answer["Clusters"][0].update(still)
        return answer

    answers("DescribeClusters", None, None, late, late)
    ran = aws.create("--resume")
    assert ran.code == 0, ran.err


# --- The probe of COPY ---


def test_copy_is_tried_on_one_object_unless_told_otherwise(aws):
    ran = aws.create()
    assert ran.words()["Probe"] == "ok"
    assert "s3://udacity-dend/log_data/one.json" in ran.err
    assert "Probe" not in aws.create("--no-probe").words()


def test_a_failed_probe_says_what_is_wrong_and_what_the_cluster_costs(aws, monkeypatch):
    def refused(_target, _console):
        raise WarehouseError("COPY may not take the role: ...", hint="the role's trust ...")

    monkeypatch.setattr(probe, "probe", refused)
    ran = aws.create()
    assert ran.code == 1
    assert ran.words()["Probe"] == "failed"
    assert "error: COPY may not take the role" in ran.err
    assert "hint: the role's trust" in ran.err
    assert "the cluster sparkify-dwh goes on and is billed ($0.54 an hour)" in ran.err
    assert aws.value("dwh_endpoint")


def test_a_cluster_without_data_is_made_all_the_same(aws, monkeypatch):
    def nothing(_target, _console):
        raise DataError("there is no data under s3://udacity-dend/log_data/")

    monkeypatch.setattr(probe, "probe", nothing)
    ran = aws.create()
    assert ran.code == 0
    assert "warning: there is no data under s3://udacity-dend/log_data/: whether COPY can read it" in ran.err
