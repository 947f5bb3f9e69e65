"""What AWS and the network answer, as sentences."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from dwh.aws import errors
from dwh.aws.connecting import refused
from dwh.errors import AwsError

# Every code that a call of the steps may come back with, and a word of what is said.
CODES = {
    "ClusterAlreadyExists": "exists already",
    "ClusterNotFound": "no such cluster",
    "InvalidClusterState": "busy",
    "InsufficientClusterCapacity": "no free machines",
    "ClusterQuotaExceeded": "as many clusters as it may",
    "NumberOfNodesQuotaExceeded": "as many nodes as it may",
    "ClusterParameterGroupNotFound": "parameter group is gone",
    "ClusterParameterGroupAlreadyExists": "exists already",
    "ClusterSubnetGroupNotFoundFault": "subnet group is gone",
    "InvalidVPCNetworkStateFault": "VPC cannot hold",
    "ClusterSnapshotAlreadyExists": "snapshot of this name",
    "UnauthorizedOperation": "does not allow",
    "UnsupportedOperation": "does not offer",
    "DependentServiceUnavailableFault": "is down",
    "InvalidParameterValue": "does not accept a value",
    "InvalidParameterCombination": "values together",
    "Throttling": "slow down",
    "AccessDenied": "does not allow",
    "EntityAlreadyExists": "exists already",
    "NoSuchEntity": "no such role",
    "DeleteConflict": "still attached",
    "DependencyViolation": "still uses it",
    "InvalidClientTokenId": "does not know the access key",
    "SignatureDoesNotMatch": "does not belong to the access key",
    "ExpiredToken": "expired",
    "RequestExpired": "as expired",
    "NoSuchBucket": "no such bucket",
    "BucketAlreadyExists": "another account",
}


def answer(code, text="Because."):
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"RequestId": "req-1"}}
    return ClientError(response, "CreateCluster")


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_a_sentence_and_a_next_step(code):
    with pytest.raises(AwsError) as raised, errors.explained():
        raise answer(code)
    error = raised.value
    assert error.message.startswith("create cluster: ")
    assert CODES[code] in error.message
    assert error.hint
    assert error.debug == f"CreateCluster answered {code}, request id req-1"
    assert error.exit_code == 1


def test_every_sentence_of_the_table_can_stand_in_a_message():
    for code, (sentence, hint) in errors.EXPLAINED.items():
        assert sentence[0].islower() or sentence.startswith(("AWS", "S3", "IAM", "Redshift")), code
        assert not sentence.endswith("."), code
        assert hint, code


def test_a_code_that_nobody_foresaw_shows_aws_own_words():
    error = errors.client_error(answer("SomethingNew", "The moon is full."))
    assert error.detail == "AWS says: The moon is full"
    assert "SomethingNew" in error.debug


def test_the_words_of_a_refused_login_are_not_shown():
    quoted = "The canonical string should have been 'x-amz-security-token:CANARY'"
    error = errors.client_error(answer("SignatureDoesNotMatch", quoted))
    assert "CANARY" not in f"{error.message}{error.hint}{error.detail}{error.debug}"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (exceptions.NoCredentialsError(), "there are no AWS credentials"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="secret"), "there are no AWS credentials"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be reached"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "AWS cannot be reached"),
        (exceptions.ProfileNotFound(profile="x"), "the AWS profile does not exist"),
        (exceptions.UnauthorizedSSOTokenError(), "the login has expired"),
        (ResponseParserError("html"), "the answer is not one of AWS's"),
    ],
)
def test_what_fails_before_aws_answers(raised, said):
    with pytest.raises(AwsError, match=said) as caught, errors.explained():
        raise raised
    assert caught.value.hint


def test_a_refused_request_does_not_show_its_values():
    with pytest.raises(AwsError) as raised, errors.explained():
        raise exceptions.ParamValidationError(report="Invalid type for MasterUserPassword, value: CANARY")
    assert "CANARY" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('connection to server at "x", port 5439 failed: timeout expired', "does not answer"),
        ('could not translate host name "x" to address', "name is not known"),
        ("server does not support SSL, but SSL was required", "no TLS with a certificate of Amazon's"),
        ("SSL error: certificate verify failed", "no TLS with a certificate of Amazon's"),
        ('server certificate for "a" does not match host name "b"', "no TLS with a certificate of Amazon's"),
        ('password authentication failed for user "IAM:x"', "does not accept the login"),
        ("Connection refused", "nothing listens there"),
        ('database "x" does not exist', "no such database"),
        ("something else\nand more", "something else"),
    ],
)
def test_why_a_connection_failed(aws, text, said):
    error = refused(text, "host", aws.settings())
    assert said in error.message
    assert "host:5439" in error.message
    assert error.hint


def test_denied_calls_are_said_before_anything_is_made(aws, monkeypatch):
    import botocore.client

    original = botocore.client.BaseClient._make_api_call

    def denied(client, operation, arguments):
        if operation == "DescribeSubnets":
            error = {"Error": {"Code": "UnauthorizedOperation", "Message": "You are not authorized."}}
            raise ClientError(error, operation)
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", denied)
    ran = aws.create()
    assert ran.code == 1
    assert "error: describe subnets: AWS does not allow it to this user" in ran.err
    assert "hint: attach assets/iam_policy.json to the user" in ran.err
    assert "debug:" not in ran.err
    assert aws.changing_calls == []
    assert "UnauthorizedOperation" in aws.create("-v").err


def test_a_cluster_that_cannot_be_made_says_what_stays(aws, monkeypatch):
    import botocore.client

    original = botocore.client.BaseClient._make_api_call

    def full(client, operation, arguments):
        if operation == "CreateCluster":
            raise ClientError({"Error": {"Code": "ClusterQuotaExceeded", "Message": "Too many."}}, operation)
        return original(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", full)
    ran = aws.create()
    assert ran.code == 1
    assert "create cluster: the account has as many clusters as it may" in ran.err
    assert "what was made so far stays, and a cluster that is there is billed ($0.54 an hour)" in ran.err
    assert "the same command goes on, python destroy_cluster.py removes it" in ran.err
