"""Ctrl-C and SIGTERM: they say what goes on without us, and what it costs."""

from __future__ import annotations

import signal
import threading

import pytest
from project import ROOT

from dwh.errors import Terminated

PRICE = "$0.54 an hour"
GOES_ON = f"the cluster sparkify-dwh goes on and is billed ({PRICE}) until python destroy_cluster.py"
BOTH = [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "interrupted")]


@pytest.mark.parametrize(("signalled", "code", "word"), BOTH)
def test_an_end_while_waiting_says_what_goes_on_and_what_it_costs(aws, answers, signalled, code, word):
    answers("DescribeClusters", None, None, None, signalled())
    ran = aws.create()
    assert ran.code == code
    assert ran.err.endswith(f"\n{word}: {GOES_ON}; the same command finishes it\n")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(("signalled", "code", "word"), BOTH)
def test_an_end_while_creating_says_what_stays(aws, answers, signalled, code, word):
    answers("CreateRole", signalled())
    ran = aws.create()
    assert ran.code == code
    said = f"what was made so far stays, and a cluster that is there is billed ({PRICE})"
    assert ran.err.endswith(f"\n{word}: {said}: the same command goes on, python destroy_cluster.py removes it\n")


@pytest.mark.parametrize(("signalled", "code", "word"), BOTH)
def test_an_end_while_destroying_says_how_to_go_on(aws, answers, signalled, code, word):
    aws.create()
    answers("DescribeClusters", None, None, signalled())
    ran = aws.destroy("--yes")
    assert ran.code == code
    said = f"the deletion of the cluster goes on, and it is billed until then ({PRICE})"
    assert ran.err.endswith(f"\n{word}: {said}; run python destroy_cluster.py again to remove the rest\n")
    assert aws.value("dwh_endpoint")


@pytest.mark.parametrize(
    ("option", "said"), [("--pause", "until it is paused"), ("--resume", "as soon as it has resumed")]
)
def test_an_end_while_switching_says_what_is_billed(aws, answers, option, said):
    aws.create()
    if option == "--resume":
        aws.create("--pause")
    answers(f"{option[2:].title()}Cluster", Terminated())
    ran = aws.create(option)
    assert ran.code == 143
    assert ran.err.endswith(
        f"\ninterrupted: the cluster goes on, and is billed ({PRICE}) {said}; run the step again to see\n"
    )


# --- Real signals, to real processes ---

# A step whose cluster never becomes available, nor goes: moto's is there and gone at once.
SLOW = """
import sys
import botocore.client
original = botocore.client.BaseClient._make_api_call
asked = []
def call(client, called, arguments):
    if called == "DeleteCluster":
        asked.append(called)
        return {}
    answer = original(client, called, arguments)
    if called == "DescribeClusters" and sys.argv[0] == "create":
        answer["Clusters"][0].update(ClusterStatus="creating", Endpoint={})
    if called == "DescribeClusters" and asked:
        answer["Clusters"][0]["ClusterStatus"] = "deleting"
    return answer
botocore.client.BaseClient._make_api_call = call
sys.argv[0] = sys.argv.pop(1)
step = __import__(f"{sys.argv[0]}_cluster")
sys.exit(step.main())
"""


def read_until(process, text):
    """Read what a process says, line by line, until it has said something."""
    watchdog, said = threading.Timer(60, process.kill), []
    watchdog.start()
    for line in process.stderr:
        said.append(line)
        if text in line:
            break
    watchdog.cancel()
    assert said, "nothing"
    assert text in said[-1], "".join(said)


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "interrupted")]
)
def test_a_real_signal_while_waiting(start, number, code, word):
    creating = start("-c", SLOW, "create")
    read_until(creating, "cluster sparkify-dwh: creating")
    creating.send_signal(number)
    _, said = creating.communicate(timeout=30)
    assert creating.returncode == code, said
    assert said.endswith(f"\n{word}: {GOES_ON}; the same command finishes it\n")
    assert "Traceback" not in said
    destroying = start("-c", SLOW, "destroy", "--yes")
    read_until(destroying, "cluster sparkify-dwh: deleting")
    destroying.send_signal(number)
    _, said = destroying.communicate(timeout=30)
    assert destroying.returncode == code, said
    assert f"{word}: the deletion of the cluster goes on, and it is billed until then ({PRICE})" in said
    assert "Traceback" not in said
    for step in ("create", "destroy"):
        done = start(str(ROOT / f"{step}_cluster.py"), *["--yes"] * (step == "destroy"))
        _, said = done.communicate(timeout=60)
        assert done.returncode == 0, said
