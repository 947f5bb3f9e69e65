"""Which objects COPY reads, with which role, and what it leaves in the system tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from tests.local.conftest import BUCKET, CLUSTER, ROLE, USER, reading


def copy(warehouse, source, options="", role=ROLE):
    warehouse.run(f"COPY t FROM 's3://{BUCKET}/{source}' IAM_ROLE '{role}' JSON 'auto' {options}")


@pytest.fixture
def t(warehouse):
    warehouse.run("CREATE TABLE t (a int)")
    return warehouse


def loaded(t):
    return [row[0] for row in t.run("SELECT a FROM t ORDER BY a")]


# --- Objects ---


def test_the_source_is_a_prefix(t):
    for number, key in enumerate(["log/1.json", "log/x/2.json", "log.json", "log2/3", "log/_hidden", "other"]):
        t.aws.put(key, json.dumps({"a": number}))
    t.aws.put("log/folder/", b"")
    copy(t, "log")
    assert loaded(t) == [0, 1, 2, 3, 4]
    t.run("TRUNCATE t")
    copy(t, "log/")
    assert loaded(t) == [0, 1, 4]


def test_more_than_one_page_of_objects(t):
    for number in range(1100):
        t.aws.put(f"many/{number:04}", json.dumps({"a": number}))
    copy(t, "many/")
    assert loaded(t) == list(range(1100))
    assert t.one("SELECT source_file_count FROM sys_load_history ORDER BY query_id DESC LIMIT 1") == 1100


def test_no_object_at_all(t):
    with pytest.raises(psycopg2.errors.InternalError_) as raised:
        copy(t, "nothing/here")
    assert raised.value.diag.message_primary == "The specified S3 prefix 'nothing/here' does not exist"
    assert "code:      8001" in raised.value.diag.message_detail
    assert "location:  s3_utility.cpp" in raised.value.diag.message_detail
    assert raised.value.pgcode == "XX000"
    assert t.errors() == []


def test_copy_appends(t):
    t.aws.put("x/1", '{"a":1}')
    copy(t, "x/")
    copy(t, "x/")
    assert loaded(t) == [1, 1]


def test_one_bad_file_undoes_all(t):
    for key, body in (("y/1", '{"a":1}'), ("y/2", '{"a":"x"}'), ("y/3", '{"a":3}')):
        t.aws.put(key, body)
    with pytest.raises(psycopg2.InternalError):
        copy(t, "y/")
    assert loaded(t) == []
    copy(t, "y/", "MAXERROR 2")
    assert loaded(t) == [1, 3]


def manifest(t, entries):
    t.aws.put("manifests/m", json.dumps({"entries": entries}))
    copy(t, "manifests/m", "MANIFEST")


def entry(key, **more):
    return {"url": f"s3://{BUCKET}/{key}", **more}


def test_manifest(t):
    t.aws.put("z/1", '{"a":1}')
    t.aws.put("z/2", '{"a":2}')
    manifest(t, [entry("z/2"), entry("z/1", mandatory=True), entry("z/9"), entry("z/2")])
    assert loaded(t) == [1, 2, 2]
    for entries in ([entry("z/1"), entry("z/9", mandatory=True)], [entry("z/9")], [], [{"u": 1}], [entry("z/")]):
        with pytest.raises(psycopg2.InternalError):
            manifest(t, entries)
    assert loaded(t) == [1, 2, 2]


def test_a_manifest_without_the_word_is_data(t):
    t.aws.put("manifests/m", json.dumps({"entries": [entry("z/1")]}))
    copy(t, "manifests/m")
    assert loaded(t) == [None]


def test_another_region_must_be_named(t):
    t.aws.make_bucket("far-away", "eu-west-1")
    t.aws.client("s3").put_object(Bucket="far-away", Key="d/1", Body=b'{"a":1}')
    role = t.aws.make_role("far", reading("far-away"))
    t.aws.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    t.aws.make_cluster(CLUSTER, [role])
    statement = f"COPY t FROM 's3://far-away/d/' IAM_ROLE '{role}' JSON 'auto'"
    for options in ("", "REGION 'us-east-1'"):
        with pytest.raises(psycopg2.InternalError, match="must be addressed using the specified endpoint"):
            t.run(f"{statement} {options}")
    t.run(f"{statement} REGION 'eu-west-1'")
    assert loaded(t) == [1]


def test_no_such_bucket(t):
    with pytest.raises(psycopg2.InternalError, match="NoSuchBucket"):
        t.run(f"COPY t FROM 's3://no-such-bucket/d/' IAM_ROLE '{ROLE}' JSON 'auto'")


# --- Roles ---


def assume_error(arn):
    return (
        f"User arn:aws:redshift:us-west-2:123456789012:dbuser:{CLUSTER}/{USER} is not authorized to"
        f" assume IAM Role {arn}"
    )


@pytest.mark.parametrize("fault", ["not there", "not attached", "trusts another"])
def test_a_role_that_cannot_be_assumed(t, fault):
    arn = "arn:aws:iam::123456789012:role/other"
    if fault != "not there":
        t.aws.make_role(
            "other", reading(BUCKET), "ec2.amazonaws.com" if fault == "trusts another" else "redshift.amazonaws.com"
        )
    if fault != "not attached":
        t.aws.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
        t.aws.make_cluster(CLUSTER, [arn])
    with pytest.raises(psycopg2.errors.InternalError_) as raised:
        copy(t, "data/", role=arn)
    assert raised.value.diag.message_primary == assume_error(arn)
    assert "code:      8001" in raised.value.diag.message_detail


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


ARN = f"arn:aws:s3:::{BUCKET}"
LIST, GET = allow("s3:ListBucket", ARN), allow(["s3:Get*"], [f"{ARN}/data/*"])
LISTED = {"Condition": {"StringLike": {"s3:prefix": ["data/*"]}}}
POLICIES = [
    ([LIST, GET], True),
    ([allow("s3:*", "*")], True),
    ([allow("S3:LISTBUCKET", ARN, **LISTED), GET], True),
    ([allow("s3:ListBucket", ARN, Condition={"StringEquals": {"s3:prefix": "other/"}}), GET], False),
    ([allow("s3:ListBucket", ARN, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), GET], False),
    ([GET], False),
    ([LIST], False),
    ([LIST, allow("s3:GetObject", f"{ARN}/other/*")], False),
    ([LIST, GET, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{ARN}/data/1"}], False),
    ([], False),
]


def check_reading(t, may):
    if may:
        copy(t, "data/")
        assert loaded(t) == [1]
        return
    with pytest.raises(psycopg2.InternalError, match="S3ServiceException:Access Denied,Status 403,Error AccessDenied"):
        copy(t, "data/")


@pytest.mark.parametrize(("statements", "may"), POLICIES)
def test_what_the_role_may_read(t, statements, may):
    t.aws.put("data/1", '{"a":1}')
    policy = {"Version": "2012-10-17", "Statement": statements}
    t.aws.client("iam").delete_role_policy(RoleName="reader", PolicyName="read")
    if statements:
        t.aws.client("iam").put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(policy))
    check_reading(t, may)


def test_a_managed_policy_and_an_external_id(t):
    t.aws.put("data/1", '{"a":1}')
    iam = t.aws.client("iam")
    iam.delete_role_policy(RoleName="reader", PolicyName="read")
    policy = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(reading(BUCKET)))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="reader", PolicyArn=policy)
    copy(t, "data/")
    for user, may in ((USER, True), ("somebody", False)):
        external = f"arn:aws:redshift:us-west-2:123456789012:dbuser:{CLUSTER}/{user}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "redshift.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external}},
        }
        iam.update_assume_role_policy(
            RoleName="reader", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        if may:
            copy(t, "data/")
        else:
            with pytest.raises(psycopg2.InternalError, match="is not authorized to assume"):
                copy(t, "data/")


UNDER = allow("s3:ListBucket", ARN, Condition={"StringLike": {"s3:prefix": "data/*"}})
OVER = allow("s3:ListBucket", ARN, Condition={"StringEquals": {"s3:prefix": "data"}})
DENIALS = [
    # What the role may do, what it is asked for, and what is said of it.
    ([UNDER, GET], "data", f"may not list s3://{BUCKET}/data, only s3://{BUCKET}/data/: mind the slash at its end"),
    ([OVER, GET], "data/", f"may not list s3://{BUCKET}/data/, only s3://{BUCKET}/data: mind the slash at its end"),
    ([UNDER, GET], "other/", f"the role may not list s3://{BUCKET}/other/"),
    ([LIST], "data/", f"the role may not read s3://{BUCKET}/data/1"),
]


@pytest.mark.parametrize(("statements", "prefix", "hint"), DENIALS)
def test_a_403_names_the_prefix_and_the_slash(t, statements, prefix, hint):
    t.aws.put("data/1", '{"a":1}')
    policy = {"Version": "2012-10-17", "Statement": statements}
    t.aws.client("iam").put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(policy))
    with pytest.raises(psycopg2.InternalError, match="Status 403") as raised:
        copy(t, prefix)
    assert raised.value.diag.message_hint.endswith(hint)


LIST_ONLY = {"Version": "2012-10-17", "Statement": [LIST]}
NO_SUCH_POLICY = "arn:aws:iam::123456789012:policy/nobody"


@pytest.mark.parametrize(
    ("bound", "may"), [(reading(BUCKET), True), (reading("other-bucket"), False), (LIST_ONLY, False), (None, False)]
)
def test_a_role_reads_no_more_than_its_boundary_allows(t, bound, may):
    t.aws.put("data/1", '{"a":1}')
    iam = t.aws.client("iam")
    arn = NO_SUCH_POLICY
    if bound:
        arn = iam.create_policy(PolicyName="bound", PolicyDocument=json.dumps(bound))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="reader", PermissionsBoundary=arn)
    check_reading(t, may)


# --- What is left behind ---


def test_load_errors_survive_a_rollback(connect, aws):
    connection = connect()
    aws.put("data/1", '{"a":"x"}')
    began = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=5)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int)")
        connection.commit()
        cursor.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(psycopg2.InternalError):
            cursor.execute(f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto'")
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("SELECT 1")
        connection.rollback()
        cursor.execute("SELECT COUNT(*) FROM t")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT TRIM(err_reason), starttime >= %s, tbl = 't'::regclass::int, LEN(colname) FROM stl_load_errors"
            " WHERE session = pg_backend_pid()",
            (began,),
        )
        assert cursor.fetchall() == [("Invalid digit, Value 'x', Pos 0, Type: Integer", True, True, 1)]
        cursor.execute(
            "SELECT status, TRIM(table_name), loaded_rows, error_count FROM sys_load_history ORDER BY"
            " query_id DESC LIMIT 1"
        )
        assert cursor.fetchone() == ("aborted", "t", 0, 1)


def test_a_load_is_seen_in_its_own_transaction(connect, aws):
    connection = connect()
    aws.put("data/1", '{"a":1}\n{"a":"x"}')
    aws.put("data/2", '{"a":2}\n{"a":3}')
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int)")
        cursor.execute("SELECT pg_last_copy_id(), pg_last_copy_count()")
        assert cursor.fetchone() == (-1, 0)
        cursor.execute(f"COPY t FROM 's3://{BUCKET}/data/' IAM_ROLE '{ROLE}' JSON 'auto' MAXERROR 5")
        for turn in ("before", "after"):
            cursor.execute("SELECT pg_last_copy_count()")
            assert cursor.fetchone() == (3,), turn
            cursor.execute(
                "SELECT TRIM(filename), lines_scanned, errors FROM stl_load_commits"
                " WHERE query = pg_last_copy_id() ORDER BY filename"
            )
            assert cursor.fetchall() == [(f"s3://{BUCKET}/data/1", 2, 1), (f"s3://{BUCKET}/data/2", 2, 0)]
            cursor.execute("SELECT COUNT(*) FROM stl_load_errors WHERE query = pg_last_copy_id()")
            assert cursor.fetchone() == (1,)
            cursor.execute(
                "SELECT status, loaded_rows, source_file_count, source_file_bytes FROM sys_load_history WHERE"
                " query_id = pg_last_copy_id()"
            )
            assert cursor.fetchone() == ("completed", 3, 2, 32)
            connection.commit()


def test_last_copy_after_a_failure(connect, aws):
    connection = connect()
    connection.autocommit = True
    aws.put("good/1", '{"a":1}')
    aws.put("bad/1", '{"a":"x"}')
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int)")
        source = f"COPY t FROM 's3://{BUCKET}/%s/' IAM_ROLE '{ROLE}' JSON 'auto' %s"
        cursor.execute(source % ("good", ""))
        cursor.execute("SELECT pg_last_copy_id()")
        first = cursor.fetchone()[0]
        with pytest.raises(psycopg2.Error):
            cursor.execute(source % ("good", "BOGUS"))  # it never began
        cursor.execute("SELECT pg_last_copy_id(), pg_last_copy_count()")
        assert cursor.fetchone() == (first, 1)
        with pytest.raises(psycopg2.Error):
            cursor.execute(source % ("bad", ""))
        cursor.execute("SELECT pg_last_copy_id() > %s, pg_last_copy_count()", (first,))
        assert cursor.fetchone() == (True, 0)


def test_copy_inside_an_explicit_transaction_of_an_autocommit_session(t):
    t.aws.put("data/1", '{"a":1}')
    t.run("BEGIN")
    copy(t, "data/")
    t.run("ROLLBACK")
    assert loaded(t) == []
