"""How fast is COPY from JSON, beside PostgreSQL's own COPY of the same rows as ready text?

Run from the project's folder: python tests/benchmarks/copy_json.py [ROWS] [--objects N] [--size-mb N]
Prints the ratio of the two, measured in turns in one run, the time to load N small objects, and the
memory that one large file takes.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import boto3
import psycopg2
from moto import mock_aws

from dwh.local import bootstrap, postgres, session

EVENTS = """
    CREATE TABLE {} (
        artist VARCHAR(1024), auth VARCHAR(64), firstname VARCHAR(256), gender VARCHAR(16), iteminsession INTEGER,
        lastname VARCHAR(256), length DOUBLE PRECISION, level VARCHAR(16), location VARCHAR(512), method VARCHAR(16),
        page VARCHAR(64), registration DOUBLE PRECISION, sessionid BIGINT, song VARCHAR(1024), status INTEGER,
        ts TIMESTAMP, useragent VARCHAR(1024), userid VARCHAR(64)
    )
"""
COPY = "COPY {} FROM 's3://bench/{}' IAM_ROLE '{}' JSON 's3://bench/paths' TIMEFORMAT 'epochmillisecs'"
AGENT = (
    '"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36 Safari/537.36"'
)


def event(number: int, chance: random.Random) -> dict[str, Any]:
    played = chance.random() < 0.85
    return {
        "artist": chance.choice(["Björk", "Sigur Rós", "Muse", 'The "Who"']) if played else None,
        "auth": "Logged In",
        "firstName": "Ada",
        "gender": "F",
        "itemInSession": number % 90,
        "lastName": "Lovelace",
        "length": round(chance.uniform(90, 400), 5) if played else None,
        "level": chance.choice(["free", "paid"]),
        "location": "San Francisco-Oakland-Hayward, CA",
        "method": "PUT",
        "page": "NextSong" if played else "Home",
        "registration": 1540919166796.0,
        "sessionId": number // 90,
        "song": f"Song number {number % 5000}" if played else None,
        "status": 200,
        "ts": 1541105830796 + number * 1000,
        "userAgent": AGENT,
        "userId": str(number % 97),
    }


class Bulk(BaseHTTPRequestHandler):
    """The bulk read over a folder; a file's content is given as often as its name's suffix says."""

    folder = Path()

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        names = request.get("keys") or [f"{request['prefix']}*"]
        for path in sorted(path for name in names for path in self.folder.glob(name)):
            times = int(path.suffix[1:] or 1)
            head = {"key": path.name, "size": path.stat().st_size * times, "etag": "", "last_modified": ""}
            data = path.read_bytes()
            self.wfile.write(json.dumps(head).encode() + b"\n")
            for _ in range(times):
                self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def serve(folder: str, ready: Any) -> None:
    Bulk.folder = Path(folder)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Bulk)
    ready.send(httpd.server_address[1])
    httpd.serve_forever()


class Aws:
    def __init__(self, url: str) -> None:
        self.endpoint_url = url
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, region_name="us-west-2", aws_access_key_id="bench", aws_secret_access_key="bench"
            )
        return self._clients[service]


def prepare(aws: Aws) -> str:
    place: Any = {"LocationConstraint": "us-west-2"}
    aws.client("s3").create_bucket(Bucket="bench", CreateBucketConfiguration=place)
    trust = {"Effect": "Allow", "Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"}
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    iam = aws.client("iam")
    arn = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="bench", PolicyName="read", PolicyDocument=policy(read))
    aws.client("redshift").create_cluster(
        ClusterIdentifier="bench",
        NodeType="ra3.large",
        MasterUsername="bench",
        MasterUserPassword="Bench-1234",
        IamRoles=[arn],
    )
    return str(arn)


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(connection: session.Connection, arn: str, folder: Path, rows: int) -> None:
    chance = random.Random(7)
    (folder / "events,1").write_text("".join(json.dumps(event(n, chance)) + "\n" for n in range(rows)))
    ours, bare = [], []
    with connection.cursor() as cursor, connection.plain() as plain:
        for turn in range(4):
            cursor.execute("DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b")
            cursor.execute(EVENTS.format("a") + ";" + EVENTS.format("b"))
            seconds = timed(lambda: cursor.execute(COPY.format("a", "events,", arn)))
            ready = io.BytesIO()
            plain.copy_expert("COPY a TO STDOUT", ready)
            ready.seek(0)
            again = timed(lambda text=ready: plain.copy_expert("COPY b FROM STDIN", text))
            if turn:  # the first turn warms up
                ours.append(seconds)
                bare.append(again)
    print(f"COPY JSON   {rows / min(ours):10,.0f} rows/s")
    print(f"bare COPY   {rows / min(bare):10,.0f} rows/s")
    print(f"ratio       {min(bare) / min(ours):10.2f}  (best of {len(ours)} each)")


def small_objects(connection: session.Connection, arn: str, folder: Path, count: int) -> None:
    for number in range(count):
        song = {"num_songs": 1, "artist_id": f"AR{number:06}", "title": "T" * 60, "duration": 218.93, "pad": "x" * 125}
        (folder / f"song_data,{number:06}").write_text(json.dumps(song))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE songs (num_songs int, artist_id varchar(20), title varchar(99), duration float)")
        copy = COPY.format("songs", "song_data,", arn).replace("'s3://bench/paths'", "'auto'")
        seconds = timed(lambda: cursor.execute(copy))
        cursor.execute("SELECT COUNT(*) FROM songs")
        print(f"{cursor.fetchone()[0]:,} objects {seconds:8.2f} s")


def large_file(connection: session.Connection, arn: str, folder: Path, megabytes: int) -> None:
    chance = random.Random(7)
    block = "".join(json.dumps(event(n, chance)) + "\n" for n in range(2000))
    (folder / f"large,1.{megabytes * 1_000_000 // len(block)}").write_text(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with connection.cursor() as cursor:
        cursor.execute(EVENTS.format("large"))
        seconds = timed(lambda: cursor.execute(COPY.format("large", "large,", arn)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{megabytes:,} MB file {seconds:8.2f} s, {peak} MB at most ({before} before)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=200_000)
    parser.add_argument("--objects", type=int, default=15_000)
    parser.add_argument("--size-mb", type=int, default=0)
    options = parser.parse_args()
    login = {"user": "bench", "password": "Bench-1234"}
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        ours, theirs = multiprocessing.Pipe()
        bulk = multiprocessing.Process(target=serve, args=(folder, theirs), daemon=True)
        bulk.start()
        server = postgres.create(Path(home) / "pg", port=postgres.free_port(), database="bench", **login)
        try:
            measure(server, Aws(f"http://127.0.0.1:{ours.recv()}"), Path(folder), options, login)
        finally:
            server.destroy()
            bulk.terminate()


def measure(
    server: postgres.Server, aws: Aws, folder: Path, options: argparse.Namespace, login: dict[str, str]
) -> None:
    where = {"host": server.host, "port": server.port, "dbname": "bench", **login}
    plain = psycopg2.connect(**where)
    bootstrap.install(plain)
    plain.close()
    paths = {"jsonpaths": [f"$['{key}']" for key in event(0, random.Random(7))]}
    (folder / "paths").write_text(json.dumps(paths))
    with mock_aws():
        arn = prepare(aws)
        connection = session.connect(aws=aws, cluster_identifier="bench", **where)
        connection.autocommit = True
        if options.size_mb:
            large_file(connection, arn, folder, options.size_mb)
        small_objects(connection, arn, folder, options.objects)
        compare(connection, arn, folder, options.rows)
        connection.close()


if __name__ == "__main__":
    main()
