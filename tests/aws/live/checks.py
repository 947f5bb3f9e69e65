"""Every check, in the order in which they run: the cheapest and the riskiest first."""

from __future__ import annotations

from dwh.errors import ConfigError
from tests.aws.live import free, loads, provision, statements, together
from tests.aws.live.course import Check

# What AWS's documentation leaves open, so that only a run there can tell.
QUESTIONS = {
    1: "Which external id does Redshift send for a login of GetClusterCredentials: .../USER or .../IAM:USER? "
    "And may a role whose trust has such a condition be attached to a new cluster?",
    2: "Does COPY need more of the network than HTTPS to S3 through the gateway endpoint?",
    3: "On a table that is on every node, do INSERT, UPDATE and DELETE report its rows, or those of all nodes?",
    4: "How long does S3 keep the name of a bucket that was deleted?",
    5: "Does IAM's own check find an error in the policies, and does the operator's policy hold every call?",
    6: "Does statement_timeout count the wait for LOCK and DROP?",
    7: "What do the notices and the load errors of COPY say, in which order, and can they be read in its transaction?",
    8: "Does the planner answer the audits from the declared keys, without looking at the rows?",
    9: "Are the star and the insights the same as on the local target, NULLs, collation and GROUPING SETS included?",
    12: "What state does a cluster show right after ResumeCluster?",
    13: "How long do the network interfaces of a deleted cluster hold its security group?",
    16: "Can Redshift write its audit logs when the bucket policy allows only audit/*?",
    17: "Do two zones with default subnets offer the node type?",
    18: "How long do a first load and the first insights take, while every statement is compiled?",
    19: "What does error 1023 look like: its SQLSTATE, its text, its detail?",
    26: "Does the server accept every statement: types of literals, casts, operators, windows?",
}

# name, function, questions, needs, minutes on a cluster
FREE = [
    Check("identity", free.identity),
    Check("sources", free.sources),
    Check("policies", free.policies, (5,), aws_only=True),
    Check("dry_runs", free.dry_runs, (5,), aws_only=True),
    Check("zones", free.zones, (17,), aws_only=True),
]
PAID = [
    Check("bucket", provision.bucket, minutes=0.2),
    Check("create", provision.create, (1, 5), ("bucket",), 8),
    Check("connect", statements.connect, (), ("create",), 0.1),
    Check("wrong_root", statements.wrong_root, (), ("connect",), 0.1, True),
    Check("isolation", statements.isolation, (), ("connect",), 0.1, True),
    Check("probe", statements.probe_copy, (1, 2), ("connect",), 0.5),
    Check("tables", statements.tables, (26,), ("connect",), 0.3),
    Check("explain", statements.explain, (26,), ("tables",), 1),
    Check("rehearsal", statements.rehearse, (8, 9, 26), ("tables",), 3),
    Check("load", loads.first_load, (2, 18), ("tables",), 2),
    Check("audit", loads.audit, (26,), ("load",), 0.3),
    Check("well", provision.well, (26,), ("load",), 0.3),
    Check("insights", loads.insights, (9, 18, 26), ("load",), 1),
    Check("same", loads.same, (8, 9), ("insights",), 0.5),
    Check("create_again", provision.create_again, (), ("create",), 0.3),
    Check("second_load", loads.second_load, (), ("load",), 0.2),
    Check("audits_find", loads.audits_find, (8,), ("load",), 0.5),
    Check("bad_records", loads.bad_records, (7,), ("load",), 1.5),
    Check("late_song", loads.late_song, (), ("load",), 0.7),
    Check("changed_object", loads.changed_object, (), ("bad_records",), 0.5),
    Check("ctrl_c", loads.interrupted, (), ("load",), 0.5),
    Check("killed", loads.killed, (), ("load",), 0.7),
    Check(
        "same_in_the_end",
        loads.same_in_the_end,
        (9,),
        ("same", "late_song", "changed_object", "killed"),
        0.5,
    ),
    Check("lock", together.lock, (6,), ("load",), 0.2),
    Check("drop", together.drop, (6,), ("load",), 0.2),
    Check("conflict", together.conflict, (19,), ("load",), 0.2),
    Check("tags", together.tags, (3,), ("load",), 0.2),
    Check("logging", provision.logging, (16,), ("create",), 0.1),
    Check("pause", provision.pause, (12,), ("load",), 8, optional=True),
]
# In any case, and in this order: the first one removes everything.
ENDING = [
    Check("destroy", provision.destroy, (5, 13), minutes=5),
    Check("gone", provision.gone, (), ("destroy",), aws_only=True),
    Check("bucket_again", provision.bucket_again, (4,), ("destroy",), aws_only=True),
]
ALL = FREE + PAID + ENDING


def chosen(only: list[str], *, optional: bool) -> list[Check]:
    """The checks to run, with all that they build on; without names, all of them.

    Args:
        only: names, or "free" for those that cost nothing.
        optional: also those that have to be asked for.

    Raises:
        ConfigError: there is no check of a name.
    """
    named = {check.name: check for check in FREE + PAID}
    wanted = [] if only else [name for name, check in named.items() if optional or not check.optional]
    for name in only:
        if name != "free" and name not in named:
            raise ConfigError(f"there is no check {name}", hint=f"free, or some of: {', '.join(named)}")
        wanted += [check.name for check in FREE] if name == "free" else [name]
    for name in wanted:  # it grows
        wanted += [needed for needed in named[name].needs if needed not in wanted]
    return [check for name, check in named.items() if name in wanted]
