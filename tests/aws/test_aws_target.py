"""Credentials, endpoints and connections of the target AWS."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import urllib.request

import psycopg2
import pytest
from aws.names import ACCOUNT
from pristine import cfg_text

from dwh import config
from dwh.aws import connecting, target
from dwh.aws.target import AwsTarget
from dwh.connecting import connect
from dwh.console import Console
from dwh.errors import ConfigError, TargetError

ENDPOINT = "sparkify-dwh.abc123.us-west-2.redshift.amazonaws.com"


@pytest.fixture
def make(tmp_path):
    """A target whose dwh.cfg differs in some keys."""

    def build(environ=None, profile=None, **keys):
        text = cfg_text()
        for key, value in keys.items():
            lines = text.splitlines()
            text = "\n".join(f"{key} = {value}" if line.split(" =")[0] == key else line for line in lines)
        path = tmp_path / "dwh.cfg"
        path.write_text(text + "\n")
        pair = {"KEY": "testing", "SECRET": "testing"}
        settings = config.load(path, "aws", pair if environ is None else environ, profile=profile)
        return AwsTarget(settings, Console(quiet=True))

    return build


def test_it_names_account_and_region(account, make):
    assert make().describe() == f"aws · account {ACCOUNT} · us-west-2"


def test_a_profile_is_used_in_place_of_every_other_credential_and_named(account, make, monkeypatch, tmp_path):
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = of-work\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    place = make(profile="work")
    assert place.describe() == f"aws · account {ACCOUNT} · us-west-2 · profile work"
    assert place.client("s3")._request_signer._credentials.access_key == "of-work"


def test_a_stand_in_is_named(account, make, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:5999")
    assert make().caller_ip() == "127.0.0.1"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_real_credentials_stay_off_an_unencrypted_line(make, monkeypatch, key):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.example.com")
    with pytest.raises(ConfigError, match="real credentials are not sent there"):
        make({"KEY": key, "SECRET": "s" * 40}).client("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5999")
    make({"KEY": key, "SECRET": "s" * 40}).client("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.example.com")
    make().client("s3")


@pytest.mark.parametrize(
    ("region", "said"), [("us-wset-2", "did you mean us-west-2"), ("xx-nowhere-9", "no AWS region")]
)
def test_an_unknown_region_is_said_before_any_call(make, region, said):
    with pytest.raises(ConfigError, match=said):
        make(region=region).client("sts")


def test_without_credentials_the_ways_to_give_some_are_named(make, monkeypatch, tmp_path):
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    from dwh.errors import AwsError

    with pytest.raises(AwsError, match="no AWS credentials") as raised:
        make({}).describe()
    assert "KEY and SECRET in .env" in raised.value.hint


def test_boto3_finds_its_own_credentials_when_aws_is_named(account, make, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFROMTHECHAIN0000")
    made = make({})
    assert made.client("sts")._request_signer._credentials.access_key == "AKIAFROMTHECHAIN0000"


def test_a_temporary_key_comes_with_its_token(account, make, monkeypatch):
    pair = {"KEY": "ASIAIOSFODNN7EXAMPLE", "SECRET": "s" * 40}
    with pytest.raises(ConfigError, match="session token is missing"):
        make(pair).client("sts")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the token")
    assert make(pair).client("sts")._request_signer._credentials.token == "the token"
    assert make().client("sts")._request_signer._credentials.token is None


def test_the_local_endpoint_is_refused(account, make):
    with pytest.raises(ConfigError, match="that is the local target's"):
        make(dwh_endpoint="127.0.0.1").connect()


def test_there_is_no_connection_without_a_cluster(account, make):
    with pytest.raises(ConfigError, match="there is no cluster yet"):
        make().connect()


def test_the_login_expires_and_nothing_less_than_full_verification_is_asked_for(account, make, monkeypatch):
    seen = {}
    monkeypatch.setattr(psycopg2, "connect", lambda *args, **arguments: seen.update(arguments, args=args))
    made = make(dwh_endpoint=ENDPOINT)
    made.client("redshift").create_cluster(
        ClusterIdentifier="sparkify-dwh", NodeType="ra3.large", MasterUsername="x", MasterUserPassword="Xx345678"
    )
    made.connect()
    assert seen["args"] == ()
    assert seen["host"] == ENDPOINT
    assert seen["port"] == 5439
    assert seen["dbname"] == "sparkify"
    assert seen["user"] == "IAM:sparkify_admin"
    assert seen["sslmode"] == "verify-full"
    assert seen["sslrootcert"] == connecting.root_certificates()
    assert seen["connect_timeout"] == 10
    assert seen["keepalives"] == 1
    assert seen["gssencmode"] == "disable"


@pytest.mark.parametrize(
    ("text", "tries"),
    [("could not translate host name", 4), ("password authentication failed", 1), ("timeout expired", 1)],
)
def test_only_what_may_pass_is_tried_again(account, make, monkeypatch, text, tries):
    tried, slept = [], []

    def fail(**_arguments):
        tried.append(text)
        raise psycopg2.OperationalError(text)

    monkeypatch.setattr(psycopg2, "connect", fail)
    monkeypatch.setattr(target.time, "sleep", slept.append)
    with pytest.raises(TargetError):
        make({"KEY": "testing", "SECRET": "testing", "DB_PASSWORD": "Xx345678"}, dwh_endpoint=ENDPOINT).connect()
    assert len(tried) == tries
    assert slept == list(target.PAUSES)[: tries - 1]


def test_the_state_of_the_cluster_is_said_when_it_does_not_answer(account, make, monkeypatch):
    def fail(**_arguments):
        raise psycopg2.OperationalError("timeout expired")

    monkeypatch.setattr(psycopg2, "connect", fail)
    made = make({"KEY": "testing", "SECRET": "testing", "DB_PASSWORD": "Xx345678"}, dwh_endpoint=ENDPOINT)
    with pytest.raises(TargetError, match="there is no cluster sparkify-dwh in us-west-2"):
        made.connect()
    redshift = made.client("redshift")
    redshift.create_cluster(
        ClusterIdentifier="sparkify-dwh", NodeType="ra3.large", MasterUsername="x", MasterUserPassword="Xx345678"
    )
    with pytest.raises(TargetError, match="it does not answer"):
        made.connect()
    redshift.pause_cluster(ClusterIdentifier="sparkify-dwh")
    with pytest.raises(TargetError, match="the cluster sparkify-dwh is paused") as raised:
        made.connect()
    assert raised.value.hint == "python create_cluster.py --resume"


def test_a_password_of_ones_own_goes_before_a_login_from_aws(make, monkeypatch):
    seen = {}
    monkeypatch.setattr(psycopg2, "connect", lambda **arguments: seen.update(arguments))
    environ = {"KEY": "testing", "SECRET": "testing", "DB_PASSWORD": "pa ss'w%rd@/"}
    make(environ, dwh_endpoint=ENDPOINT).connect()
    assert (seen["user"], seen["password"]) == ("sparkify_admin", "pa ss'w%rd@/")
    assert seen["sslmode"] == "verify-full"


def test_the_bundle_holds_the_roots_of_amazon():
    context = ssl.create_default_context(cafile=connecting.root_certificates())
    names = {dict(part[0] for part in root["subject"]).get("commonName", "") for root in context.get_ca_certs()}
    assert {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)} <= names
    assert "Starfield Services Root Certificate Authority - G2" in names


@pytest.fixture
def server_without_tls():
    """Answers the question for TLS with no, as PostgreSQL does with ssl = off, and keeps what comes after."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(8)
            connection.sendall(b"N")
            heard.append(connection.recv(1000))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], heard
    thread.join(5)
    listener.close()


def test_a_server_without_tls_hears_nothing(aws_settings, server_without_tls):
    port, heard = server_without_tls
    place = {"host": "127.0.0.1", "port": port, "database": "d", "user": "user", "password": "canary-password"}
    with pytest.raises(psycopg2.OperationalError) as raised:
        connect(**place, roots=connecting.root_certificates())
    assert "no TLS with a certificate of Amazon's" in connecting.refused(str(raised.value), "x", aws_settings).message
    assert "canary-password" not in str(raised.value)
    assert b"canary" not in b"".join(heard)


@pytest.fixture
def aws_settings(make):
    return make().settings


class Answer(io.BytesIO):
    def __enter__(self):
        return self


@pytest.mark.parametrize("answer", [b"203.0.113.7\n", b"2001:db8::7\n"])
def test_the_address_of_this_machine_is_asked_of_aws(account, make, monkeypatch, answer):
    asked = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: asked.append((url, timeout)) or Answer(answer))
    made = make()
    assert made.caller_ip() == made.caller_ip() == answer.decode().strip()
    assert asked == [("https://checkip.amazonaws.com", 10)]


@pytest.mark.parametrize("answer", [b"<html>log in to the hotel</html>", b"", b"\xff", b"0.0.0.0/0"])
def test_an_unknown_address_opens_nothing(account, make, monkeypatch, answer):
    monkeypatch.setattr(urllib.request, "urlopen", lambda _url, timeout: Answer(answer))
    with pytest.raises(TargetError, match="is not known") as raised:
        make().caller_ip()
    assert "set access in dwh.cfg to the CIDR" in raised.value.hint


def test_no_network_opens_nothing(account, make, monkeypatch):
    def fail(_url, timeout):
        raise OSError("unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    with pytest.raises(TargetError, match="is not known"):
        make().caller_ip()
