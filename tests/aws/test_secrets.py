"""Secrets planted everywhere are found nowhere."""

from __future__ import annotations

import logging

import botocore.client
import psycopg2
import pytest
from botocore.exceptions import ClientError

KEY, SECRET, TOKEN = "ASIACANARYKEYCANARY1", "canary/secret+canary/secret+canary/secre", "canarytoken0123456789"
PASSWORD = "CanaryPassword1"
CANARIES = (KEY, SECRET, TOKEN, PASSWORD)


@pytest.fixture
def planted(aws, monkeypatch, caplog):
    """The steps with secrets in the environment, and all of Python's logging listened to."""
    caplog.set_level(logging.INFO)
    for name, value in (("KEY", KEY), ("SECRET", SECRET), ("DB_PASSWORD", PASSWORD), ("AWS_SESSION_TOKEN", TOKEN)):
        monkeypatch.setenv(name, value)
    aws.heard = lambda: caplog.text
    return aws


def seen(aws, *runs):
    files = [path.read_text(errors="replace") for path in aws.folder.rglob("*") if path.is_file()]
    return "\n".join([*(text for ran in runs for text in (ran.out, ran.err)), *files, aws.heard()])


def assert_no_canary(text):
    assert [canary for canary in CANARIES if canary in text] == []


@pytest.mark.parametrize("flag", ["-v", "-q"])
def test_a_whole_life_of_a_cluster_shows_none(planted, flag):
    runs = [
        planted.create(flag),
        planted.create(flag, "--dry-run"),
        planted.create(flag),
        planted.destroy(flag, "--yes"),
    ]
    assert [ran.code for ran in runs] == [0, 0, 0, 0]
    checks = [planted.create(flag, "--check", "--format", form) for form in ("table", "json")]
    assert all("KEY = **** (environment)" in ran.out for ran in checks)
    assert_no_canary(seen(planted, *runs, *checks))


def test_verbose_names_the_calls_without_what_they_carry(planted):
    ran = planted.create("-v")
    assert "aws redshift:CreateCluster\n" in ran.err
    assert "MasterUserPassword" not in ran.err


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "CreateCluster", "CreateRole", "GetClusterCredentials"])
@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "AccessDenied", "InternalFailure"])
def test_a_refusal_at_any_call_shows_none(planted, monkeypatch, operation, code):
    monkeypatch.delenv("DB_PASSWORD")
    original = botocore.client.BaseClient._make_api_call

    def refuse(client, called, arguments):
        if called == operation:
            text = f"should have been x-amz-security-token:{TOKEN}" if code == "SignatureDoesNotMatch" else "No."
            raise ClientError({"Error": {"Code": code, "Message": text}}, called)
        return original(client, called, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", refuse)
    ran = planted.create("-v")
    # Without a login for the last line the cluster is there all the same.
    assert ran.code == (0 if operation == "GetClusterCredentials" else 1)
    assert_no_canary(seen(planted, ran))


def test_a_refused_login_shows_none(planted, monkeypatch):
    def refuse(**arguments):
        raise psycopg2.OperationalError(f'password authentication failed for user "{arguments["user"]}"')

    monkeypatch.setattr(psycopg2, "connect", refuse)
    ran = planted.create("-v")
    assert ran.code == 0
    assert "it does not accept the login" in ran.err
    assert_no_canary(seen(planted, ran))


def test_settings_and_targets_do_not_print_them(planted):
    site = planted.site()
    assert_no_canary(f"{site!r} {site.settings!r} {site.target!r} {vars(site.settings).keys()}")


def test_botocore_keeps_its_debug_log_to_itself(planted):
    planted.create("-v")
    assert logging.getLogger("botocore").getEffectiveLevel() > logging.DEBUG
