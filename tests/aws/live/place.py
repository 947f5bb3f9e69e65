"""Where the checks run: a folder with a dwh.cfg of its own, small data, and the project's steps as processes."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from configupdater import ConfigUpdater

from dwh import config
from dwh.console import plain
from dwh.errors import ConfigError
from dwh.local import sample
from dwh.provision import storage
from dwh.target import open_target

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "out" / "aws-check"
NAME = "sparkify-check-"
# One node of the smallest type, whatever the user's cluster is made of.
NODE_TYPE = "ra3.large"
LOCK_SECONDS = 5
STATEMENT_SECONDS = 300
DAY = date(2018, 11, 15)
SONGS = 71
ENDING_SECONDS = 30


class Ran(NamedTuple):
    """What a step printed, its exit code, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Place:
    """A folder with a dwh.cfg, and the target that its steps run on.

    ``begun``: something may be there that has to be removed.
    """

    folder: Path
    target: str
    begun: bool = False

    @property
    def cfg(self):
        """The configuration file."""
        return self.folder / "dwh.cfg"

    @property
    def name(self):
        """The name of the cluster of the checks, and of its folder."""
        return self.folder.name

    def settings(self):
        """The configuration as it is now: create_cluster.py writes to it."""
        return config.load(self.cfg, self.target)

    def open(self, console=None):
        """The target with these settings."""
        return open_target(self.settings(), console)

    def remove_command(self):
        """What a person types to remove what was made, and this folder, without which nobody knows of it."""
        cfg, folder = shlex.quote(str(self.cfg)), shlex.quote(str(self.folder))
        return f"python destroy_cluster.py --config {cfg} --yes && rm -r {folder}"


def make(settings, nodes, where):
    """A new place for a target, with names of its own and the user's other settings.

    Args:
        settings: the user's.
        nodes: of the cluster.
        where: the folder that it gets a folder in. It stays when something could not be removed.

    Raises:
        ConfigError: that folder cannot be written.
    """
    name = NAME + secrets.token_hex(2)
    place = Place(where / name, settings.target)
    try:
        place.folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise ConfigError(f"{where} cannot be written: {error.strerror}", hint="name another with --folder") from None
    configure(
        settings.path,
        place.cfg,
        {
            ("TARGET", "target"): settings.target,
            ("CLUSTER", "cluster_identifier"): name,
            ("CLUSTER", "node_type"): NODE_TYPE,
            ("CLUSTER", "number_of_nodes"): str(nodes),
            ("CLUSTER", "snapshot_days"): "1",
            ("CLUSTER", "multi_az"): "no",
            ("IAM_ROLE", "role_name"): name,
            ("WAREHOUSE", "statement_timeout"): str(STATEMENT_SECONDS),
            ("WAREHOUSE", "lock_timeout"): str(LOCK_SECONDS),
            ("LOCAL", "data_dir"): str(place.folder / "data"),
        },
    )
    secret = settings.path.with_name(".env")
    if settings.target == "aws" and secret.is_file():
        # A link and no copy; so a person can run the steps on this dwh.cfg as well.
        (place.folder / ".env").symlink_to(secret.resolve())
    return place


def twin(place):
    """A place on the local target with the same data, to compare with."""
    made = Place(place.folder / "twin", "local")
    made.folder.mkdir(mode=0o700)
    shutil.copytree(place.folder / "data", made.folder / "data")
    values = {("TARGET", "target"): "local", ("CLUSTER", "cluster_identifier"): "sparkify-twin"}
    values |= {("LOCAL", "data_dir"): str(made.folder / "data")}
    configure(place.cfg, made.cfg, values | addresses("sparkify-twin-data", place.settings().region))
    return made


def addresses(bucket, region):
    """[S3] of a dwh.cfg for data in a bucket."""
    return {
        ("S3", "log_data"): f"s3://{bucket}/log_data/",
        ("S3", "song_data"): f"s3://{bucket}/song_data/",
        ("S3", "log_jsonpath"): f"s3://{bucket}/log_json_path.json",
        ("S3", "region"): region,
    }


def configure(source, copy, values):
    """Write a copy of a dwh.cfg: values by (section, option), and no cluster yet."""
    updater = ConfigUpdater()
    updater.read_string(source.read_text(encoding="utf-8-sig"))
    none = {("CLUSTER", "dwh_endpoint"): "", ("IAM_ROLE", "dwh_arn_role"): ""}
    for (section, option), text in (none | values).items():
        updater.set(section, option, text)
    copy.write_text(str(updater), encoding="utf-8")


def leftovers(where):
    """The places of earlier runs that were cut off, or could not remove everything."""
    return sorted(found.parent for found in where.glob(f"{NAME}*/dwh.cfg"))


# --- Data ---


def generate(place):
    """One day of logs and some songs; the song that is held back, and the address that it will have.

    It is one that is heard in the logs: as soon as it is delivered, plays that are there have a song.
    """
    data = place.folder / "data"
    sample.generate(data, users=30, events=600, songs=SONGS + 1, days=1, start=DAY)
    heard = [(event["song"], event["artist"]) for event in events(place)]
    songs = {path: json.loads(path.read_text()) for path in sorted((data / "song_data").rglob("*.json"))}
    titles = [(song["title"], song["artist_name"]) for song in songs.values()]
    held = max(songs, key=lambda path: heard.count((songs[path]["title"], songs[path]["artist_name"])))
    title = songs[held]["title"], songs[held]["artist_name"]
    assert heard.count(title)
    assert titles.count(title) == 1
    held.unlink()
    return str(held.relative_to(data)), songs[held]


def events(place):
    """The events of the day."""
    (log,) = (place.folder / "data" / "log_data").rglob("*.json")
    return [json.loads(line) for line in log.read_text().splitlines()]


def plays(place):
    """Those of them that are plays."""
    return [event for event in events(place) if event["page"] == "NextSong"]


def deliver(place, site):
    """Put the data into the work bucket, and let dwh.cfg name it: what [S3] names, the role may read."""
    configure(place.cfg, place.cfg, addresses(storage.bucket_name(site), site.region))
    data = place.folder / "data"
    for path in sorted(data.rglob("*.json")):
        put(site, str(path.relative_to(data)), path.read_bytes())


def put(site, key, body):
    """Put an object into the work bucket."""
    site.client("s3").put_object(Bucket=storage.bucket_name(site), Key=key, Body=body)


def put_copies(site, source, keys):
    """Copy an object of the work bucket, within S3."""
    bucket = storage.bucket_name(site)
    for key in keys:
        site.client("s3").copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": source})


def take_away(site, keys):
    """Delete objects of the work bucket."""
    objects = [{"Key": key} for key in keys]
    site.client("s3").delete_objects(Bucket=storage.bucket_name(site), Delete={"Objects": objects, "Quiet": True})


# --- Steps ---


def step(place, name, *args, console=None, at=lambda process: None):
    """Run a step of the project as a process.

    Args:
        place: whose configuration it gets.
        name: of the script, or a module with a dot in it.
        args: its options.
        console: where its lines are shown, as they come.
        at: called with the process once it runs, to disturb it.
    """
    script = ["-m", name] if "." in name else [str(ROOT / f"{name}.py")]
    command = [sys.executable, *script, "--config", str(place.cfg), "--target", place.target, *args]
    # In a session of its own: a Ctrl-C is passed on once, by us, and a terminal that closes does not end a removal.
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
    said, began = [], time.monotonic()
    with (
        tempfile.TemporaryFile() as printed,
        subprocess.Popen(command, cwd=ROOT, stdout=printed, start_new_session=True, **streams) as process,
    ):
        try:
            at(process)
            for line in process.stderr:
                said.append(line)
                if console and line.strip():
                    console.say(f"    {plain(line.rstrip())}")
            code = process.wait()
        except BaseException:
            end(process)
            raise
        printed.seek(0)
        return Ran(code, printed.read().decode(), "".join(said), time.monotonic() - began)


def end(process):
    """End a step; it gets the time to roll back."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=ENDING_SECONDS)
        return
    process.kill()
    process.communicate()
