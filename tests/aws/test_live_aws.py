"""The checks that only AWS can answer, on answers as AWS gives them; and the whole course against a moto server."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import boto3
import pytest
from aws import account as accounts
from aws.names import ACCOUNT, REGION
from botocore.stub import ANY, Stubber
from moto.iam.exceptions import InvalidInput
from moto.iam.models import IAMBackend
from pristine import put_cfg
from project import ROOT, clean_environment, heed_ctrl_c

from dwh.console import Console
from dwh.errors import AwsError
from dwh.provision import network
from tests.aws.live import __main__ as command
from tests.aws.live import free, place, provision, statements
from tests.aws.live.course import Failed, LeftOut, Run

DENIED = {"service_error_code": "AccessDeniedException", "http_status_code": 403}


@pytest.fixture
def run(aws):
    """A run on moto; the folder is that of the account's dwh.cfg."""
    spot = place.Place(aws.folder, "aws")
    return Run(spot, Console(err=io.StringIO()), aws.site())


@pytest.fixture
def stubbed(run):
    """Make a client of the run answer as told."""

    def stub(service):
        client = boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
        run.site._clients[service] = client
        stubber = Stubber(client)
        stubber.activate()
        return stubber

    return stub


# --- Policies ---


def finding(kind, code):
    return {
        "findingType": kind,
        "issueCode": code,
        "findingDetails": "...",
        "learnMoreLink": "https://example.com",
        "locations": [],
    }


def test_every_policy_goes_through_iam_s_check(run, stubbed):
    stubber, asked = stubbed("accessanalyzer"), list(free.documents(run))
    assert {"iam_policy.json", "trust of the role", "policy of the work bucket"} <= {name for name, _, _ in asked}
    for _, _, resource in asked:
        kind = {"policyType": "IDENTITY_POLICY"}
        if resource:
            kind = {"policyType": "RESOURCE_POLICY", "validatePolicyResourceType": resource}
        answer = {"findings": [finding("SUGGESTION", "EMPTY_ARRAY_ACTION"), finding("WARNING", "OTHER")]}
        stubber.add_response("validate_policy", answer, {"policyDocument": ANY, **kind})
    assert free.policies(run) == f"{len(asked)} policies, {2 * len(asked)} suggestions and warnings"
    stubber.assert_no_pending_responses()


def test_an_error_in_a_policy_is_told_with_its_name(run, stubbed):
    stubber = stubbed("accessanalyzer")
    for kind in ("ERROR", *["WARNING"] * (len(list(free.documents(run))) - 1)):
        stubber.add_response("validate_policy", {"findings": [finding(kind, "INVALID_ACTION")]})
    with pytest.raises(Failed, match=r"^iam_\w+.json: INVALID_ACTION$"):
        free.policies(run)


def test_a_security_warning_is_told_and_is_no_failure(run, stubbed):
    stubber = stubbed("accessanalyzer")
    for kind in ("SECURITY_WARNING", *["SUGGESTION"] * (len(list(free.documents(run))) - 1)):
        stubber.add_response("validate_policy", {"findings": [finding(kind, "PASS_ROLE_WITH_STAR_IN_RESOURCE")]})
    assert re.search(r"warnings; iam_\w+.json: PASS_ROLE_WITH_STAR_IN_RESOURCE$", free.policies(run))


def test_a_user_who_may_not_ask_for_the_check_leaves_it_out(run, stubbed):
    stubbed("accessanalyzer").add_client_error("validate_policy", **DENIED)
    with pytest.raises(LeftOut, match="access-analyzer:ValidatePolicy"):
        free.policies(run)


# --- EC2 and the zones ---


@pytest.fixture
def dry(run):
    """EC2 as it answers a dry run, which moto does not know of all its calls; what was asked for."""
    asked = {}

    def answer(model, params, **_):
        asked[model.name] = params["body"].get("DryRun")
        code = asked.get("code", "DryRunOperation")
        return SimpleNamespace(status_code=412), {"Error": {"Code": code, "Message": "..."}}

    for call in ("CreateSecurityGroup", "CreateVpcEndpoint"):
        run.site.client("ec2").meta.events.register(f"before-call.ec2.{call}", answer)
    return asked


def test_dry_runs_ask_for_what_would_be_made_and_make_nothing(run, aws, dry):
    assert free.dry_runs(run) == "Security group, S3 endpoint"
    assert dry == {"CreateSecurityGroup": "true", "CreateVpcEndpoint": "true"}
    assert aws.left() == []


def test_a_dry_run_that_is_refused_fails(run, dry):
    dry["code"] = "UnauthorizedOperation"
    with pytest.raises(Failed, match="Security group: UnauthorizedOperation; S3 endpoint: UnauthorizedOperation"):
        free.dry_runs(run)


def test_after_the_dry_runs_calls_are_made_again(run, aws, dry):
    free.dry_runs(run)
    run.site.client("ec2").authorize_security_group_ingress(
        GroupId=aws.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"],
        IpPermissions=[network.permission(5439, cidr="203.0.113.7/32")],
    )


def options(*zones):
    return {
        "OrderableClusterOptions": [
            {"NodeType": "ra3.large", "ClusterType": "single-node", "AvailabilityZones": [{"Name": zone}]}
            for zone in zones
        ]
    }


def test_the_node_type_is_looked_for_in_the_zones_of_the_subnets(run, stubbed):
    stubbed("redshift").add_response(
        "describe_orderable_cluster_options", options("us-west-2a", "us-west-2b", "us-west-2z"), {"NodeType": ANY}
    )
    assert free.zones(run) == "ra3.large in us-west-2a, us-west-2b"


def test_a_node_type_in_one_zone_alone_fails(run, stubbed):
    stubbed("redshift").add_response("describe_orderable_cluster_options", options("us-west-2a", "eu-west-1a"))
    with pytest.raises(AwsError, match=r"ra3\.large is offered in fewer than 2 of the zones"):
        free.zones(run)


# --- After the cluster was made ---


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"LoggingEnabled": True, "LastFailureMessage": "Access denied"}, "the last delivery failed: Access denied"),
        ({"LoggingEnabled": False}, "audit logging is off"),
    ],
)
def test_audit_logs_that_redshift_cannot_write_fail(run, stubbed, answer, message):
    stubbed("redshift").add_response("describe_logging_status", answer)
    with pytest.raises(Failed, match=message):
        provision.logging(run)


def test_audit_logs_that_redshift_can_write(run, stubbed):
    stubbed("redshift").add_response("describe_logging_status", {"LoggingEnabled": True})
    assert provision.logging(run) == "delivered: not yet"


def test_what_is_left_with_the_tags_is_found(run, aws):
    assert provision.gone(run) == ""
    assert aws.create().code == 0
    with pytest.raises(Failed, match="still there: sparkify-dwh, sg-"):
        provision.gone(run)


def test_a_name_that_s3_still_holds_is_waited_for_and_given_back(run, aws, monkeypatch):
    from dwh.provision import storage
    from tests.aws.live.provision import plan

    refusals = [True]
    real = boto3.client("s3", region_name=REGION).exceptions.ClientError
    make = storage.plan_bucket

    def busy(site):
        change = make(site)

        def apply():
            if refusals:
                refusals.pop()
                raise real({"Error": {"Code": "OperationAborted", "Message": "..."}}, "CreateBucket")
            change.apply()

        return plan.Change(change.kind, change.name, change.word, change.note, apply)

    monkeypatch.setattr(storage, "plan_bucket", busy)
    monkeypatch.setattr(provision, "BUCKET", (busy,))
    assert provision.bucket_again(run).startswith("OperationAborted at first; after ")
    assert run.now.seen["answer"] == "OperationAborted"
    assert aws.left() == []
    assert not run.place.begun


def test_an_authority_that_signs_nothing_of_amazon_s_is_found():
    assert statements.other_root().startswith("-----BEGIN CERTIFICATE-----")


def test_a_certificate_of_another_root_must_be_refused(run, monkeypatch):
    """moto has no cluster with TLS: the connection that is made in the test is one too many."""
    target = SimpleNamespace(connect=lambda: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(place.Place, "open", lambda _place: __import__("contextlib").nullcontext(target))
    with pytest.raises(Failed, match="the connection was made"):
        statements.wrong_root(run)


# --- Consent ---


@pytest.fixture
def check(aws, tmp_path, capsys):
    """Run the command in this process, on moto."""

    def run(*args):
        options = ["--config", str(aws.cfg), "--folder", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
        code = command.main([*options, *args])
        return code, capsys.readouterr().err

    return run


def test_without_consent_nothing_is_made(check, aws, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    code, said = check()
    assert code == 3
    assert "error: there is no terminal to confirm on" in said
    assert "hint: make aws-check YES=1 does not ask; nothing was made" in said
    assert re.search(r"about \d\d minutes, \$0\.\d\d; at most about 70 minutes, \$0\.64", said)
    assert aws.left() == []
    assert list((tmp_path / "runs").iterdir()) == []
    assert aws.changing_calls == []


def test_another_word_than_the_number_of_the_account_is_no_consent(check, aws, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    code, said = check()
    assert code == 3
    assert f"Type the number of the account ({ACCOUNT}) to begin:" in said
    assert "not confirmed" in said
    assert aws.changing_calls == []


def test_a_build_makes_no_cluster_even_with_yes(check, aws, monkeypatch):
    monkeypatch.setenv("CI", "true")
    code, said = check("--yes")
    assert code == 3
    assert "CI is set" in said
    assert aws.changing_calls == []


def test_what_is_free_asks_nothing_and_changes_nothing(check, aws):
    code, said = check("--only", "identity", "zones")
    assert code in (0, 1)  # moto does not know the offers
    assert "confirm" not in said
    assert "identity" in said
    assert aws.changing_calls == []
    assert "NOT REMOVED" not in said


# --- The whole course, as a process against a moto server ---


@pytest.fixture
def server(servers):
    """A server in this process, so that the fixtures for moto hold for it."""
    with accounts.server() as url:
        yield url


@pytest.fixture
def start(tmp_path, server):
    put_cfg(tmp_path)
    (tmp_path / ".env").write_text("KEY=testing\nSECRET=canary-secret\n")
    (tmp_path / ".env").chmod(0o600)
    environ = clean_environment(tmp_path, AWS_ENDPOINT_URL=server, AWS_EC2_METADATA_DISABLED="true")
    environ.pop("CI", None)

    def run(*args, **more):
        options = ["--config", "dwh.cfg", "--folder", "runs", "--results", "results", *args]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.aws.live", *options],
            cwd=tmp_path,
            env=environ | more,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,
        )

    return run


def left(server):
    names = ("redshift", "iam", "s3")
    redshift, iam, s3 = (
        boto3.client(
            name, endpoint_url=server, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        for name in names
    )
    return [
        *(found["ClusterIdentifier"] for found in redshift.describe_clusters()["Clusters"]),
        *(found["RoleName"] for found in iam.list_roles()["Roles"]),
        *(found["Name"] for found in s3.list_buckets()["Buckets"]),
    ]


def test_what_it_makes_on_aws_has_names_of_its_own_and_goes_again(start, server, tmp_path):
    before = (tmp_path / "dwh.cfg").read_text()
    code, said = ended(start("--yes", "--only", "create"))
    assert code == 0, said
    assert re.search(r"Cluster         sparkify-check-[0-9a-f]{4}  ", said)
    assert "ok     gone" in said
    assert "ok     bucket_again: at once" in said
    assert re.search(r"The cluster was there for .*: about \$0\.\d\d \(list price\)", said)
    assert left(server) == []
    assert list((tmp_path / "runs").iterdir()) == []
    assert (tmp_path / "dwh.cfg").read_text() == before
    written = "".join(path.read_text() for path in (tmp_path / "results").iterdir())
    assert '"create"' in written
    assert ACCOUNT not in written
    assert "canary-secret" not in said + written


def ended(process):
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def test_ctrl_c_while_the_cluster_is_made_removes_it(start, server, tmp_path):
    process = start("--yes")
    said = read_until(process, "create: ")
    time.sleep(1)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
    code, rest = ended(process)
    assert code == 130, said + rest
    assert "Removing what was made" in rest
    assert left(server) == []
    assert list((tmp_path / "runs").iterdir()) == []
    assert "Traceback" not in rest


def read_until(process, words):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


def test_what_cannot_be_removed_is_the_last_thing_that_is_said(start, server, tmp_path, monkeypatch):
    def refuse(*_):
        raise InvalidInput("The request was rejected.")

    with monkeypatch.context() as patch:
        patch.setattr(IAMBackend, "delete_role", refuse)
        code, said = ended(start("--yes", "--only", "create"))
    assert code == 1, said
    assert len(re.findall("^    error: ", said, re.MULTILINE)) == 2, "destroy_cluster.py was not run a second time"
    (folder,) = (tmp_path / "runs").iterdir()
    *_, words, by_hand = said.strip().splitlines()
    assert words == f"NOT REMOVED: the cluster {folder.name} may still be there, and costs $0.55 an hour. Remove it:"
    assert by_hand == f"  python destroy_cluster.py --config {folder / 'dwh.cfg'} --yes && rm -r {folder}"
    warning = f"warning: an earlier run did not end, or goes on; to remove it: {by_hand.strip()}"
    assert warning in ended(start("--only", "identity"))[1]
    remove_by_hand(by_hand.strip(), tmp_path, server)
    assert not folder.exists()
    assert left(server) == []


def remove_by_hand(command, home, server):
    done = subprocess.run(
        command.replace("python", sys.executable, 1),
        shell=True,
        cwd=ROOT,
        env=clean_environment(home, AWS_ENDPOINT_URL=server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_without_credentials_it_is_a_sentence(start, tmp_path):
    (tmp_path / ".env").unlink()
    code, said = ended(start("--only", "free", HOME=str(tmp_path), AWS_ENDPOINT_URL=""))
    assert code == 1
    assert said.startswith("error: there are no AWS credentials\nhint: ")
    assert "Traceback" not in said
    assert list((tmp_path / "runs").iterdir()) == []
    assert not os.path.exists(tmp_path / "results")
