"""How far a COPY is, while it runs."""

from __future__ import annotations

import contextlib
import re
import threading

from project import PLAY, SONG

from dwh import console, progress
from dwh.local.redshift.copy import logs


def test_a_long_copy_says_what_it_has_read(warehouse, monkeypatch):
    """A line a minute where lines stay; here the minute is short, and the stand-in's log quick."""
    monkeypatch.setattr(console, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(logs, "PAUSE", 0.0)
    for number in range(3):
        warehouse.events(f"{number}", *({**PLAY, "ts": PLAY["ts"] + number * 10**6 + n} for n in range(20_000)))
    warehouse.songs(SONG)
    ran = warehouse.main("etl")
    assert ran.code == 0, ran.err
    said = re.findall(r"copying staging_events: (\d) of 3 objects, ([\d,]+) rows, \S+ elapsed", ran.err)
    counts = [int(rows.replace(",", "")) for _, rows in said]
    assert counts
    assert counts == sorted(counts)
    assert counts[-1] <= 60_000


def test_a_copy_that_is_over_runs_no_more(warehouse):
    warehouse.events("a", PLAY)
    warehouse.songs(SONG)
    assert warehouse.main("etl").code == 0
    assert warehouse.value("SELECT COUNT(*) FROM sys_load_history WHERE status = 'running' OR end_time IS NULL") == 0


def test_nobody_knows_how_far_is_no_failure(warehouse):
    with progress.of_copy(warehouse, session=-1, objects=1) as how_far:
        assert how_far() == "running"

    class Unreachable:
        def connect(self):
            raise console.RefusedError("no")

    with progress.of_copy(Unreachable(), session=1, objects=1) as how_far:
        assert how_far() == "running"


def test_another_session_sees_a_running_copy(warehouse, monkeypatch):
    monkeypatch.setattr(logs, "PAUSE", 0.0)
    warehouse.events("a", *({**PLAY, "ts": PLAY["ts"] + n} for n in range(40_000)))
    warehouse.songs(SONG)
    seen, over = set(), threading.Event()

    def look():
        with contextlib.closing(warehouse.connect()) as conn, conn.cursor() as cur:
            conn.autocommit = True
            while not over.is_set():
                cur.execute("SELECT table_name, loaded_rows FROM sys_load_history WHERE status = 'running'")
                seen.update((table.strip(), rows) for table, rows in cur.fetchall())

    watcher = threading.Thread(target=look)
    watcher.start()
    ran = warehouse.main("etl")
    over.set()
    watcher.join()
    assert ran.code == 0, ran.err
    counts = [rows for table, rows in seen if table == "staging_events"]
    assert counts
    assert max(counts) <= 40_000
