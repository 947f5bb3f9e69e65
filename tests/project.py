"""A copy of the project's configuration in a folder of its own, and the steps run on it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from pristine import put_cfg, set_key

from dwh import config
from dwh.target import open_target

ROOT = Path(__file__).parent.parent
STEPS = ("create_cluster", "create_tables", "etl", "business_insights", "destroy_cluster")
CONFIGURED_ELSEWHERE = ("KEY", "SECRET", "DB_PASSWORD", "NO_COLOR", "TERM")

EVENT = {
    "artist": None,
    "auth": "Logged In",
    "firstName": "Ada",
    "gender": "F",
    "itemInSession": 0,
    "lastName": "Byron",
    "length": None,
    "level": "free",
    "location": "London",
    "method": "GET",
    "page": "Home",
    "registration": 1540919166796.0,
    "sessionId": 1,
    "song": None,
    "status": 200,
    "ts": 1541105830796,
    "userAgent": '"Mozilla/5.0"',
    "userId": "7",
}
PLAY = {**EVENT, "page": "NextSong", "method": "PUT", "artist": "The Example", "song": "First Song", "length": 200.5}
SONG = {
    "num_songs": 1,
    "artist_id": "AR1",
    "artist_latitude": None,
    "artist_longitude": None,
    "artist_location": "",
    "artist_name": "The Example",
    "song_id": "SO1",
    "title": "First Song",
    "duration": 200.5,
    "year": 1999,
}


def without_powers():
    """In a child: let the permissions of files hold for root too."""
    if os.geteuid() == 0:
        drop = ctypes.CDLL(None).prctl
        for power in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert drop(24, power, 0, 0, 0) == 0  # PR_CAPBSET_DROP


# As make faults has it: whole tables of faults, and what takes its time.
ALL_FAULTS = os.environ.get("FAULTS") == "all"
slow = pytest.mark.skipif(not ALL_FAULTS, reason="takes its time: make faults")


def some(cases, every):
    """One of so many cases, always the same; with FAULTS=all, as make faults has it, all of them."""
    cases = list(cases)
    return cases if ALL_FAULTS else cases[every // 2 :: every]


def heed_ctrl_c():
    """In a child: take SIGINT as a terminal's programs do, also when the tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Ran(NamedTuple):
    """What a step printed, and its exit code."""

    code: int
    out: str
    err: str

    def words(self):
        """Kind of resource -> what became of it."""
        columns = [(line[:15].strip(), line[16:]) for line in (self.err + self.out).splitlines() if line[:1].isupper()]
        known = ("created", "updated", "unchanged", "exists", "deleted", "failed", "unknown", "ok")
        return {kind: word for kind, rest in columns for word in known if f" {word}" in rest}


def clean_environment(home, **more):
    """An environment in which nothing of the machine's own AWS setup shows."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("AWS_", "DWH_")) and name not in CONFIGURED_ELSEWHERE
    }
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def run_main(step, args, stdin=None):
    """Run a step inside this process, on streams of its own."""
    out, err = io.StringIO(), io.StringIO()
    try:
        code = importlib.import_module(step).main(args, out=out, err=err, stdin=stdin)
    except SystemExit as end:  # argparse's
        code = end.code
    return Ran(code, out.getvalue(), err.getvalue())


class Project:
    """A folder with a dwh.cfg, a data folder, and the state of a local target."""

    def __init__(self, folder, data=None):
        self.folder = Path(folder)
        self.cfg = put_cfg(self.folder)
        self._target = None
        self.started = False
        self.data = Path(data) if data else self.folder / "data"
        self.set("data_dir", str(self.data))

    def set(self, option, text):
        set_key(self.cfg, option, text)

    def events(self, name, *events):
        lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
        self.file(f"log_data/2018/11/{name}.json", "\n".join(lines) + "\n")

    def songs(self, *songs):
        for number, song in enumerate(songs):
            self.file(f"song_data/A/B/C/TRABC{number:05}.json", song if isinstance(song, str) else json.dumps(song))

    def file(self, name, content):
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def empty(self):
        """Take every source file away, and start with new tables."""
        shutil.rmtree(self.data, ignore_errors=True)

    def step(self, name, *args, stdin=subprocess.DEVNULL, timeout=120, preexec_fn=None, **environ):
        """Run a step as a process of its own."""
        done = subprocess.run(
            [sys.executable, str(ROOT / f"{name}.py"), *args],
            cwd=self.folder,
            env=clean_environment(self.folder, **environ),
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            preexec_fn=preexec_fn,
            check=False,
        )
        self.started |= (self.folder / ".local").exists()
        return Ran(done.returncode, done.stdout, done.stderr)

    def main(self, name, *args):
        """Run a step inside this process: quicker, and it can be patched."""
        return run_main(name, ["--config", str(self.cfg), "--target", "local", *args])

    def settings(self):
        return config.load(self.cfg, "local", {})

    def connect(self):
        if self._target is None:  # its clients take a while to make
            self._target = open_target(self.settings())
        return self._target.connect()

    def query(self, statement, parameters=None):
        with contextlib.closing(self.connect()) as conn, conn.cursor() as cur:
            cur.execute(statement, parameters)
            return cur.fetchall()

    def value(self, statement, parameters=None):
        return self.query(statement, parameters)[0][0]

    def digest(self):
        """One digest a table of staging and star; songplay_id and the order of rows do not count."""
        columns = {
            "staging_events": "*",
            "staging_songs": "*",
            "users": "*",
            "songs": "*",
            "artists": "*",
            "time": "*",
            "songplays": "start_time, user_id, level, song_id, artist_id, session_id, location, user_agent",
        }
        return {
            table: hashlib.sha256(
                "\n".join(sorted(map(repr, self.query(f"SELECT {names} FROM {table}")))).encode()
            ).hexdigest()
            for table, names in columns.items()
        }

    def star(self):
        return {table: digest for table, digest in self.digest().items() if not table.startswith("staging")}
