"""The checks of what AWS makes, keeps and removes."""

from __future__ import annotations

import json
import re
import time

from botocore.exceptions import ClientError

from dwh.provision import destruction, plan, storage
from tests.aws.live import place
from tests.aws.live.course import Run, complaint, expect

# Minutes, of create_cluster.py and destroy_cluster.py.
CREATE, DESTROY = "20", "30"
# With its rules, since the tags are among them: what destroy_cluster.py knows it by.
BUCKET = (storage.plan_bucket, storage.plan_bucket_rules)


def bucket(run: Run) -> str:
    """The work bucket is made, as create_cluster.py makes it, and filled."""
    run.place.begun = True
    plan.apply(run.console, run.site, BUCKET, plan.look(run.site, BUCKET))
    place.deliver(run.place, run.site)
    return f"{len(place.events(run.place))} events and {place.SONGS} songs"


def create(run: Run) -> str:
    """create_cluster.py ends well."""
    run.memory["billed since"] = time.monotonic()
    ran = run.step("create_cluster", "--timeout", CREATE, show=True)
    warned = re.findall(r"^warning: (.*)", ran.err, re.MULTILINE)
    run.saw(said=ran.err.splitlines())
    return f"{len(warned)} warnings" if warned else ""


def create_again(run: Run) -> str:
    """A second create_cluster.py finds nothing to do."""
    ran = run.step("create_cluster", "--timeout", CREATE, show=True)
    changed = re.findall(r"^(\S.*?)  +\S+ +(?:created|updated)\b", ran.err, re.MULTILINE)
    expect(not changed, f"changed again: {', '.join(changed)}")
    expect("Nothing to do." in ran.err, "it does not say that there is nothing to do")
    return ""


def well(run: Run) -> str:
    """create_cluster.py --check finds nothing amiss on a cluster that is loaded."""
    counts = json.loads(run.step("create_cluster", "--check", "--format", "json").out)["counts"]
    expect(counts["warn"] == counts["skipped"] == 0, f"it found: {counts}")
    return f"{counts['ok']} looks"


def logging(run: Run) -> str:
    """Redshift can write its audit logs to the work bucket."""
    status = run.site.client("redshift").describe_logging_status(ClusterIdentifier=run.site.name)
    message = status.get("LastFailureMessage", "")
    delivered = str(status.get("LastSuccessfulDeliveryTime", "not yet"))
    run.saw(enabled=status["LoggingEnabled"], failure=message, delivered=delivered)
    expect(status["LoggingEnabled"], "audit logging is off")
    expect(not message, f"the last delivery failed: {message}")
    return f"delivered: {delivered}"


def pause(run: Run) -> str:
    """The cluster can be paused and resumed, and answers afterwards."""
    run.step("create_cluster", "--pause", "--timeout", CREATE, show=True)
    resumed = run.step("create_cluster", "--resume", "--timeout", CREATE, show=True)
    run.saw(said=resumed.err.splitlines())
    with run.session() as cur:
        cur.execute("SELECT COUNT(*) FROM songplays")
        (plays,) = cur.fetchone()
    expect(plays, "the plays are gone")
    return f"{plays} plays are there"


def destroy(run: Run) -> str:
    """destroy_cluster.py removes everything; what a first run could not remove, a second one does."""
    try:
        first = removed(run)
        ran = first if first.code == 0 else removed(run)
    finally:
        if twin := run.memory.get("twin"):
            place.step(twin, "destroy_cluster", "--yes")
    run.saw(said=[*first.err.splitlines(), *(ran.err.splitlines() if ran is not first else [])])
    expect(ran.code == 0, f"destroy_cluster ended with {ran.code}: {complaint(ran.err)}")
    run.place.begun = False
    run.memory["billed until"] = time.monotonic()
    return "" if ran is first else "at the second run"


def removed(run: Run) -> place.Ran:
    """A run of destroy_cluster.py."""
    return place.step(run.place, "destroy_cluster", "--yes", "--timeout", DESTROY, console=run.console)


def gone(run: Run) -> str:
    """Nothing with the tags of this run is left."""
    ec2, redshift = run.site.client("ec2"), run.site.client("redshift")
    values = list(run.site.tags.values())
    clusters = redshift.describe_clusters(TagKeys=["cluster"], TagValues=values)["Clusters"]
    gateways = ec2.describe_vpc_endpoints(Filters=run.site.tag_filters)["VpcEndpoints"]
    left = [
        *(found["ClusterIdentifier"] for found in clusters if found["ClusterIdentifier"] == run.site.name),
        *(found["GroupId"] for found in ec2.describe_security_groups(Filters=run.site.tag_filters)["SecurityGroups"]),
        *(found["VpcEndpointId"] for found in gateways if found["State"].lower() not in ("deleting", "deleted")),
    ]
    expect(not left, f"still there: {', '.join(left)}")
    expect(destruction.find(run.site, keep_network=False).empty, "destroy_cluster.py would find something to do")
    return ""


def bucket_again(run: Run) -> str:
    """A bucket of the same name can be made again, at once or after a wait."""
    began, code = time.monotonic(), "at once"
    run.place.begun = True
    try:
        storage.plan_bucket(run.site).apply()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        plan.apply(run.console, run.site, BUCKET, plan.look(run.site, BUCKET))
    finally:
        seconds = round(time.monotonic() - began)
        run.saw(answer=code, seconds=seconds)
        if storage.find_bucket(run.site) is not None:
            storage.remove_bucket(run.site)
        run.place.begun = False
    return "at once" if code == "at once" else f"{code} at first; after {seconds}s"
