"""Who may talk to the local target: its user, and neither another user of the machine nor a web page."""

# ruff: noqa: F811 - the fixtures are imported by the name under which they are asked for
from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import re
import signal
import socket
import threading
import time
import urllib.parse

import boto3
import psycopg2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from launcher_fixtures import BUCKET, available, place, refused, shared, target, wait_for  # noqa: F401

from dwh import connecting
from dwh.errors import TargetError
from dwh.local import endpoint, secret
from dwh.local.redshift import processes

WRONG = "A" * 32
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20261126/us-west-2/{}/aws4_request, SignedHeaders=host, Signature=0"
CALLS = {
    "sts": ("get_caller_identity", {}, "InvalidClientTokenId"),
    "iam": ("list_roles", {}, "InvalidClientTokenId"),
    "redshift": ("describe_clusters", {}, "InvalidClientTokenId"),
    "ec2": ("describe_vpcs", {}, "AuthFailure"),
    "s3": ("list_buckets", {}, "InvalidAccessKeyId"),
    "redshift-data": ("list_databases", {"Database": "sparkify"}, "InvalidClientTokenId"),
}


def client(place, service, key, **more):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **more)
    url = f"http://127.0.0.1:{place.state_file()['port']}"
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-west-2",
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=config,
    )


def ask(place, method, path, headers=None, body=None):
    """A request by somebody who knows nothing; status, headers and body."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", place.state_file()["port"], timeout=10)) as conn:
        conn.request(method, path, body, headers or {})
        answer = conn.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()


def raw(place, text):
    """What comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", place.state_file()["port"]), timeout=10) as conn:
        conn.sendall(text)
        return b"".join(iter(lambda: conn.recv(65536), b""))


def signed(place, service="s3"):
    return {"Authorization": SIGNED.format(place.state_file()["token"], service)}


# --- another user ---


@pytest.mark.parametrize("service", CALLS)
def test_an_unknown_key_is_refused_as_aws_refuses_it(shared, service):
    call, options, code = CALLS[service]
    with pytest.raises(ClientError) as error:
        getattr(client(shared, service, WRONG), call)(**options)
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("service", CALLS)
def test_the_key_is_what_lets_in(shared, service):
    call, options, _ = CALLS[service]
    ours = client(shared, service, shared.state_file()["token"])
    if service == "redshift-data":
        refused(getattr(ours, call), "UnsupportedOperation", **options)
    else:
        getattr(ours, call)(**options)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "code"),
    [
        ("GET", "/", {}, None, "AccessDenied"),
        ("GET", f"/{BUCKET}?list-type=2", {}, None, "AccessDenied"),
        ("PUT", "/new-bucket", {}, None, "AccessDenied"),
        ("DELETE", f"/{BUCKET}", {}, None, "AccessDenied"),
        ("GET", f"/{BUCKET}/log_json_path.json", {"Authorization": "nonsense"}, None, "AccessDenied"),
        ("GET", f"/{BUCKET}/log_json_path.json", {"Authorization": f"AWS {WRONG}:0"}, None, "InvalidAccessKeyId"),
        ("GET", f"/{BUCKET}/log_json_path.json?AWSAccessKeyId={WRONG}&Expires=9&Signature=0", {}, None,
         "InvalidAccessKeyId"),
        ("GET", f"/{BUCKET}/log_json_path.json?X-Amz-Credential={WRONG}%2F20261126%2Fus-west-2%2Fs3%2Faws4_request", {},
         None, "InvalidAccessKeyId"),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"},
         "Action=DescribeClusters&Version=2012-12-01", "MissingAuthenticationToken"),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"},
         "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=b&WebIdentityToken=c",
         "MissingAuthenticationToken"),
        ("POST", "/", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "RedshiftData.ListDatabases"},
         "{}", "MissingAuthenticationToken"),
        ("POST", f"/{BUCKET}", {"Content-Type": "multipart/form-data; boundary=x"},
         '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--x\r\n'
         'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--x--\r\n',
         "AccessDenied"),
        ("GET", "/moto-api/data.json", {}, None, "AccessDenied"),
        ("POST", "/moto-api/reset", {}, None, "AccessDenied"),
        ("GET", "/latest/meta-data/iam/security-credentials/", {}, None, "AccessDenied"),
    ],
)  # fmt: skip
def test_a_call_without_the_key_is_refused(shared, target, method, path, headers, body, code):
    before = target.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]
    status, _, answer = ask(shared, method, path, headers, body)
    assert status == 403
    assert code.encode() in answer
    assert target.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == before


def test_a_refused_head_has_no_body(shared):
    status, headers, _ = ask(shared, "HEAD", f"/{BUCKET}")
    assert (status, headers["content-length"]) == (403, "0")


@pytest.mark.parametrize("path", ["/_local/sync", "/_local/objects", "/_local/status", "/_local/nonsense", "/_local/"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_the_own_paths_answer_nothing_without_the_key(shared, path, method):
    body = json.dumps({"folder": "/etc", "bucket": BUCKET, "prefix": ""})
    for headers in ({}, {"Authorization": f"Local Credential={WRONG}"}, {secret.NONCE: "0", secret.PROOF: "0" * 64}):
        status, _, answer = ask(shared, method, path, headers, body)
        assert (status, answer.strip(b"{}")) == (403, b"")
    assert json.loads(shared.ask("POST", "/_local/sync", places(shared))[1])["folder"] == str(shared.data)


def places(place):
    settings = place.target().settings
    return {
        "log_data": settings.log_data,
        "song_data": settings.song_data,
        "log_jsonpath": settings.log_jsonpath,
        "region": "us-west-2",
    }


def test_a_presigned_address_works_for_its_user(shared):
    for version in ("s3v4", "s3"):
        ours = client(shared, "s3", shared.state_file()["token"], signature_version=version)
        address = ours.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "log_json_path.json"})
        assert (
            ask(shared, "GET", address.partition("127.0.0.1")[2].partition("/")[1] + address.split("/", 3)[3])[0] == 200
        )


def test_the_account_is_the_usual_one(target):
    who = target.client("sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == ("123456789012", "arn:aws:sts::123456789012:user/moto")
    role = target.client("iam").create_role(RoleName="of-the-account", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    assert role.startswith("arn:aws:iam::123456789012:role/")
    target.client("iam").delete_role(RoleName="of-the-account")


def test_the_secret_is_compared_as_a_whole(shared):
    token = shared.state_file()["token"]
    for almost in (token[:-1], token + "A", token.lower(), f"{token}x"[1:], "*", "ä" * 32):
        headers = {"Authorization": SIGNED.format(almost, "s3").encode("latin-1")}
        assert ask(shared, "GET", "/", headers)[0] == 403


# --- a web page ---


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/"), ("OPTIONS", "/"), ("OPTIONS", f"/{BUCKET}"),
                                              ("PUT", f"/{BUCKET}/x"), ("POST", "/_local/sync")])  # fmt: skip
def test_a_request_of_a_page_is_refused_even_with_the_key(shared, origin, method, path):
    status, headers, body = ask(shared, method, path, signed(shared) | {"Origin": origin})
    assert (status, body) == (403, b"")
    assert not [name for name in headers if name.startswith("access-control")]


def test_no_answer_carries_a_cors_header(shared, target):
    s3 = target.client("s3")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket="shop", CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket="shop", Key="a", Body=b"1")
    for method, path, headers in (
        ("GET", "/shop/a", signed(shared)),
        ("HEAD", "/shop/a", signed(shared)),
        ("GET", "/", signed(shared)),
        ("GET", f"/{BUCKET}?list-type=2", signed(shared)),
        ("OPTIONS", "/shop/a", signed(shared)),
        ("OPTIONS", "/shop", signed(shared) | {"Access-Control-Request-Method": "GET"}),
        ("GET", "/shop/missing", signed(shared)),
        ("GET", "/", {}),
    ):
        status, found, _ = ask(shared, method, path, headers)
        assert not [name for name in found if name.startswith("access-control")], (method, path)
        assert status == (403 if method == "OPTIONS" or not headers else 404 if "missing" in path else 200)
    s3.delete_object(Bucket="shop", Key="a")
    s3.delete_bucket(Bucket="shop")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:{port}@evil.example", "",
     "localhost.evil.example", "[::1]:{port}", "127.0.0.1:{port},evil.example", "evil.example:127.0.0.1", "127.0.0.1:",
     "0.0.0.0:{port}", "127.0.0.1:{port}:80", "２.0.0.1", "127.0.0.1:１", "localhost:80 evil.example"],
)  # fmt: skip
def test_another_name_of_the_host_is_refused(shared, host):
    name = host.format(port=shared.state_file()["port"]).encode()
    line = signed(shared)["Authorization"].encode()
    answer = raw(shared, b"GET / HTTP/1.1\r\nHost: " + name + b"\r\nAuthorization: " + line + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"<" not in answer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:{port}", "127.0.0.1:{port}", "127.0.0.1:80"])
def test_the_names_of_loopback_are_taken(shared, host):
    name = host.format(port=shared.state_file()["port"])
    assert ask(shared, "GET", "/", signed(shared) | {"Host": name})[0] == 200


def test_a_host_in_the_address_counts(shared):
    line = signed(shared)["Authorization"].encode()
    head = b"\r\nHost: 127.0.0.1\r\nAuthorization: " + line + b"\r\n\r\n"
    assert raw(shared, b"GET http://evil.example/ HTTP/1.1" + head).startswith(b"HTTP/1.1 403")
    assert raw(shared, b"GET / HTTP/1.0\r\nAuthorization: " + line + b"\r\n\r\n").startswith(b"HTTP/1.1 403")  # no host


# --- who is the launcher ---


class Stranger:
    """Another user's program on the port of a launcher that was killed; it answers everything with this."""

    def __init__(self, port, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
        self.heard = b""
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self._server.accept()
                threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    drip = False

    def _talk(self, conn):
        with conn, contextlib.suppress(OSError):
            while data := conn.recv(65536):
                self.heard += data
                for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" if self.drip else b"":
                    conn.sendall(bytes([letter]))
                    time.sleep(0.5)
                conn.sendall(self._answer)

    def close(self):
        self._server.close()


@contextlib.contextmanager
def taken_over(place, answer=None):
    """The launcher is killed, and a stranger listens on its port."""
    state = place.state_file()
    os.kill(state["pid"], signal.SIGKILL)
    wait_for(lambda: endpoint.free_port(state["port"]) == state["port"])
    stranger = Stranger(state["port"], *[answer] if answer else [])
    try:
        yield stranger
    finally:
        stranger.close()


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + b"0" * 64,
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n" + b"\xff" * 64,
    b"no HTTP at all\r\n\r\n",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stranger_on_the_port_learns_nothing_and_is_not_taken_for_it(place, answer):
    target = place.target()
    target.start()
    clients = {service: target.client(service) for service in ("s3", "sts", "redshift", "iam", "ec2")}
    token = place.state_file()["token"]
    with taken_over(place, answer) as stranger:
        assert place.target().describe() == "local target · not running"
        for call in (
            lambda: clients["s3"].list_buckets(),
            lambda: clients["s3"].put_object(Bucket=BUCKET, Key="a", Body=b"1"),
            lambda: clients["sts"].get_caller_identity(),
            lambda: clients["redshift"].describe_clusters(),
            lambda: clients["iam"].list_roles(),
            lambda: target.client("s3"),
            target.connect,
        ):
            with pytest.raises(TargetError, match="the local target is not running") as error:
                call()
            assert token not in str(error.value) + error.value.hint + error.value.detail + error.value.debug
        assert stranger.heard
        assert token.encode() not in stranger.heard


def test_a_stranger_who_answers_drop_by_drop_holds_nobody_up(place):
    place.target().start()
    with taken_over(place) as stranger:
        stranger.drip = True
        started = time.monotonic()
        assert place.target().describe() == "local target · not running"
        assert time.monotonic() - started < 3 * secret.PATIENCE_SECONDS


def test_what_a_stranger_hears_does_not_help_him(place):
    """He passes on the question that he was asked, to the launcher that came after; and shows the answer."""
    place.target().start()
    with taken_over(place) as stranger:
        place.target().describe()
        heard = stranger.heard.decode()
    headers = dict(re.findall(r"(X-\w+): (\w+)", heard))
    assert headers.keys() == {secret.NONCE, secret.PROOF}
    place.target().start()
    assert ask(place, "GET", secret.PROOF_PATH, headers)[0] == 403


def test_the_launcher_proves_itself_to_the_caller_who_does(shared):
    state = shared.state_file()
    conn = secret.connect(state["port"], state["token"], timeout=5)
    conn.request("POST", "/_local/sync", json.dumps(places(shared)), secret.credential(state["token"]))
    assert json.load(conn.getresponse())["folder"] == str(shared.data)
    with pytest.raises(secret.Unproven):
        secret.connect(state["port"], WRONG, timeout=5)


# --- the secret itself ---


def test_the_secret_is_new_for_each_launcher_and_looks_like_an_access_key(place):
    place.target().start()
    first = place.state_file()["token"]
    place.target().stop()
    place.target().start()
    assert first != place.state_file()["token"]
    assert re.fullmatch(r"[A-Z2-7]{32}", first)


def test_the_secret_is_in_no_log_argument_or_variable_and_in_one_file(shared, capfd, caplog):
    state = shared.state_file()
    token = state["token"]
    caplog.set_level(logging.DEBUG, logger="dwh")
    query = urllib.parse.urlencode({"X-Amz-Credential": f"{token}/20261126/us-west-2/s3/aws4_request"})
    raw(shared, f"GET /%zz?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n".encode())
    raw(shared, f"GET /?{query} NONSENSE\r\n\r\n".encode())
    raw(shared, f"BREW /{BUCKET}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    raw(shared, f"PUT /{BUCKET}?acl&{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\n<a>".encode())
    raw(shared, f"POST /_local/sync?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\n?".encode())
    log = (shared.state / "launcher.log").read_text()
    assert "_local/sync" in log  # it is written where a request failed, but for the secret
    assert token not in log
    holding = [path.name for path in shared.state.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert holding == ["launcher.json"]
    assert (shared.state / "launcher.json").stat().st_mode & 0o777 == 0o600
    assert token not in " ".join(processes.command_line(state["pid"]))
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{state['pid']}/environ", "rb") as environ:
        assert token.encode() not in environ.read()
    assert token not in "".join(capfd.readouterr()) + caplog.text


# --- the endpoint's port ---


class FakeDatabase(Stranger):
    """On the port of an endpoint that has ended; it asks for the password in clear text."""

    def __init__(self, answer):
        super().__init__(0, answer)
        self.port = self._server.getsockname()[1]


@pytest.mark.parametrize("answer", [b"N", b"S", b"R\0\0\0\x08\0\0\0\x03"])
def test_a_stranger_on_the_endpoints_port_is_not_told_the_password(available, answer):
    stranger = FakeDatabase(answer)
    login = {"database": "sparkify", "user": "sparkify_admin", "password": "Correct-Horse-1"}
    try:
        with pytest.raises(psycopg2.OperationalError):
            connecting.connect(
                host="127.0.0.1", port=stranger.port, roots=str(available.state / "redshift-ca.pem"), **login
            )
    finally:
        stranger.close()
    assert stranger.heard
    assert b"Correct-Horse-1" not in stranger.heard
