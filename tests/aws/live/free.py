"""The checks that cost nothing and change nothing: who we are, what we may do, what the region offers."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from dwh.provision import destruction, iam, network, storage
from dwh.sources import listed
from tests.aws.live.course import Failed, LeftOut, Run, denied, expect
from tests.aws.live.place import ROOT

EXTRA = "tests/aws/live/iam_policy.json allows it"
CHANGING = ("Authorize", "Create", "Delete", "Modify", "Revoke")


def identity(run: Run) -> str:
    """The credentials are known, and nothing has the names that this run takes."""
    identity = run.site.client("sts").get_caller_identity()
    kind = identity["Arn"].split(":")[5].split("/")[0]
    run.saw(principal=kind, partition=run.site.partition)
    expect(destruction.find(run.site, keep_network=False).empty, "destroy_cluster.py would find something to remove")
    return f"a login of kind {kind}; nothing is named {run.site.name}"


def policies(run: Run) -> str:
    """IAM's own check finds no error in the policies of this project."""
    client = run.site.client("accessanalyzer")
    found = {name: validated(client, document, kind) for name, document, kind in documents(run)}
    run.saw(findings=found)
    words = [(kind, f"{name}: {code}") for name, codes in found.items() for kind, code in codes]
    errors = [text for kind, text in words if kind == "ERROR"]
    expect(not errors, "; ".join(errors))
    # Such as a role that is passed on by a part of its name, which is meant.
    warnings = [text for kind, text in words if kind == "SECURITY_WARNING"]
    return "; ".join([f"{len(found)} policies, {len(words)} suggestions and warnings", *warnings])


def documents(run: Run):
    """The policies: name, text, and the type of the resource that one belongs to."""
    for path in sorted((ROOT / "assets").glob("iam_*.json")):
        yield path.name, json.loads(path.read_text()), None
    yield "policy of the role", iam.role_policy(run.site), None
    yield "trust of the role", iam.trust_policy(run.site), "AWS::IAM::AssumeRolePolicyDocument"
    yield "policy of the work bucket", storage.bucket_policy(run.site), "AWS::S3::Bucket"


def validated(client, document, resource):
    """What IAM says of a policy: kind and code of each finding."""
    kind = {"policyType": "RESOURCE_POLICY", "validatePolicyResourceType": resource}
    request = kind if resource else {"policyType": "IDENTITY_POLICY"}
    try:
        answer = client.validate_policy(policyDocument=json.dumps(document), **request)
    except ClientError as error:
        if denied(error):
            raise LeftOut(f"the user may not call access-analyzer:ValidatePolicy; {EXTRA}") from None
        raise
    return [(finding["findingType"], finding["issueCode"]) for finding in answer["findings"]]


def dry_runs(run: Run) -> str:
    """EC2 would accept the requests of create_cluster.py for the security group and the endpoint (dry runs)."""
    run.site.client("ec2").meta.events.register_first("before-parameter-build.ec2", only_try)
    try:
        answers = {
            change.kind: tried(change)
            for plan in (network.plan_group, network.plan_endpoint)
            if (change := plan(run.site)).changes
        }
    finally:
        run.site.client("ec2").meta.events.unregister("before-parameter-build.ec2", only_try)
    run.saw(answers=answers)
    refused = [f"{kind}: {answer}" for kind, answer in answers.items() if answer != "DryRunOperation"]
    expect(not refused, "; ".join(refused))
    return ", ".join(answers) or "nothing would be made"


def only_try(params, model, **_):
    """Make a changing call of EC2's a dry run."""
    if model.name.startswith(CHANGING):
        params["DryRun"] = True


def tried(change) -> str:
    """The code with which EC2 answers the dry run of a change."""
    try:
        change.apply()
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise Failed(f"{change.kind} was made, and not only tried")


def zones(run: Run) -> str:
    """The node type is offered in two zones or more of the default subnets."""
    offered = run.site.once(network.offering_zones)
    subnets = run.site.client("ec2").describe_subnets(SubnetIds=network.subnets(run.site))["Subnets"]
    ours = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    run.saw(subnets=ours, offered=sorted(offered or ()))
    return f"{run.settings.node_type} in {', '.join(ours)}"


def sources(run: Run) -> str:
    """The data that the user's dwh.cfg names can be listed."""
    settings, s3 = run.settings, run.site.client("s3")
    places = (settings.log_data, settings.song_data, settings.log_jsonpath)
    missing = [place for place in places if next(listed(s3, place), None) is None]
    expect(not missing, f"there is nothing at {', '.join(missing)}")
    return f"log_data, song_data and log_jsonpath of {settings.path.name}"
