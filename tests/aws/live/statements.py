"""The checks of the connection, and of every statement before data goes through it."""

from __future__ import annotations

import contextlib
import io
import re
import ssl
from datetime import datetime
from pathlib import Path
from unittest import mock

import psycopg2

import sql_queries
from dwh import insights, load, probe, warehouse
from dwh.aws.connecting import root_certificates
from dwh.console import Console
from dwh.errors import TargetError
from tests.aws.live.course import Failed, Run, expect

SINCE, UNTIL = datetime(2018, 11, 15), datetime(2018, 11, 16)
# A value for every parameter of sql_queries.
PARAMETERS = {
    "etag": "0",
    "first": SINCE,
    "full_since": SINCE,
    "full_until": UNTIL,
    "keys": ("s3://bucket/key",),
    "last": UNTIL,
    "limit": 10,
    "load_id": 1,
    "session": 1,
    "since": SINCE,
    "tables": ("users",),
    "mode": "%",
    "until": UNTIL,
}
ROWS = {
    "load_history": "VALUES (1, TIMESTAMP '2018-11-15 00:00:00', 'users', 'read', 1, NULL)",
    "load_objects": "VALUES ('s3://bucket/key', '0', 1, 1, TIMESTAMP '2018-11-15 00:00:00', 1)",
}
# What EXPLAIN takes: https://docs.aws.amazon.com/redshift/latest/dg/r_EXPLAIN.html
EXPLAINABLE = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE|CREATE TEMP TABLE \w+ (DISTKEY \(\w+\) )?AS)\b")
SNAPSHOT = "snapshot"
AMAZON = ("Amazon", "Starfield")


def connect(run: Run) -> str:
    """The connection is encrypted and verified; the server says what it is and who is logged in."""
    with run.session() as cur:
        server = warehouse.value(cur, "SELECT version()")
        user = warehouse.value(cur, "SELECT current_user")
        timeout = warehouse.value(cur, "SHOW statement_timeout")
        encrypted = cur.connection.info.ssl_in_use
    run.saw(version=server, user=user, timeout=timeout, tls=encrypted)
    expect(encrypted or not run.on_aws, "the connection is not encrypted")
    expect("Redshift" in server or not run.on_aws, f"it is no Redshift: {server}")
    return f"{server}; as {user}"


def wrong_root(run: Run) -> str:
    """A server is refused when its certificate is not signed by a root that the project trusts."""
    path = run.place.folder / "other-root.pem"
    path.write_text(other_root())
    with (
        mock.patch("dwh.aws.connecting.root_certificates", return_value=str(path)),
        run.place.open() as target,
    ):
        try:
            conn = target.connect()
        except TargetError as error:
            run.saw(text=error.message, said=error.debug)
            expect("certificate" in error.message, f"refused for another reason: {error.message}")
            return error.message
    conn.close()
    raise Failed("the connection was made")


def other_root() -> str:
    """A certificate authority that signs nothing of Amazon's."""
    for found in re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", Path(root_certificates()).read_text(), re.DOTALL):
        (authority,) = ssl.create_default_context(cadata=found).get_ca_certs()
        if not any(name in str(authority["subject"]) for name in AMAZON):
            return found
    raise Failed("botocore's bundle holds no other authority")


def isolation(run: Run) -> str:
    """The database has snapshot isolation, which the loads rely on."""
    with run.session() as cur:
        levels = dict(warehouse.rows(cur, "SELECT TRIM(db_name), TRIM(isolation_level) FROM stv_db_isolation_level"))
    level = levels.get(run.settings.db_name, "not listed")
    run.saw(level=level)
    expect(SNAPSHOT in level.lower(), f"it is {level}")
    return level


def probe_copy(run: Run) -> str:
    """COPY reads one object, and loads nothing: role, trust, network, JSONPaths and region are right."""
    with run.place.open() as target:
        return probe.probe(target, run.console)


def tables(run: Run) -> str:
    """create_tables.py makes every table."""
    run.step("create_tables")
    with run.session() as cur:
        missing = set(sql_queries.CREATE) - warehouse.existing(cur)
    expect(not missing, f"missing: {', '.join(sorted(missing))}")
    return f"{len(sql_queries.CREATE)} tables"


def explain(run: Run) -> str:
    """The server plans every statement of sql_queries."""
    refused, planned = {}, 0
    with run.session(autocommit=True) as cur:
        for name, text in explainable():
            try:
                plan = warehouse.rows(cur, f"EXPLAIN {text}", PARAMETERS)
                # So that the statements after it find the table; it is empty, as the staging tables are.
                if text.lstrip().startswith("CREATE"):
                    warehouse.execute(cur, text, PARAMETERS)
            except psycopg2.Error as error:
                refused[name] = f"{warehouse.first_line(error)} (SQLSTATE {error.pgcode})"
            else:
                planned += 1
                if moved := moves(plan):
                    run.now.seen.setdefault("moves", {})[name] = moved
    run.saw(refused=refused, planned=planned)
    expect(not refused, f"{len(refused)} refused: {'; '.join(f'{name}: {text}' for name, text in refused.items())}")
    return f"{planned} statements"


def explainable():
    """The name and text of every statement that can be explained, in the order of sql_queries."""
    named = [(name, text) for name, text in vars(sql_queries).items() if name.isupper() and isinstance(text, str)]
    audits = [(f"audit {check.name}", check.query) for check in sql_queries.AUDITS]
    asked = [(f"insight {each.name}", re.sub(r"^(--.*\n)+", "", each.sql)) for each in insights.questions()]
    for name, text in [*named, *audits, *asked]:
        if EXPLAINABLE.match(text):
            table = re.search(r"INSERT INTO (\w+)", text)
            text = text.replace("VALUES %s", ROWS.get(table[1] if table else "", "VALUES %s"))
            yield name, text.format("users") if re.search(r"\{\}", text) else text


def moves(plan) -> list[str]:
    """What a plan sends between the nodes: the words that begin with DS_."""
    return sorted({word for (line,) in plan for word in re.findall(r"\bDS_\w+", line)})


def rehearse(run: Run) -> str:
    """A whole load runs in one transaction, with its audits and all the insights, and is rolled back."""
    console = Console(err=io.StringIO())
    with run.place.open() as target, contextlib.closing(target.connect()) as conn, conn.cursor() as cur:
        sources = load.find_sources(target, console, full=False, consent=False, max_errors=0)
        with warehouse.interruptible(conn):
            load.publish(cur, sources, console)
            report = insights.collect(cur)
        conn.rollback()
        plays = warehouse.value(cur, "SELECT COUNT(*) FROM songplays")
    expect(plays == 0, f"{plays} plays are there after the rollback")
    return f"{len(report.answers)} insights answered"
