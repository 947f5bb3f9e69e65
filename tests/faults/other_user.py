"""What another user of this machine, and a web page, get out of a local target that runs: nothing.

    sudo python tests/faults/other_user.py

Needs root, to become another user: one of an id that no account has, and nobody. Makes a project in a folder that
everybody may write to, runs the steps in it under umask 000 (once as root, once as an ordinary user), and prints what
the other user tries and what he gets. Exit code 0: nothing, each time.
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - loaded now: another user may not be able to read Python's own files
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import psutil
import psycopg2

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from pristine import put_cfg  # noqa: E402

from dwh.local.redshift.processes import command_line  # noqa: E402

NOTHING = "nothing"
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20261126/us-west-2/{}/aws4_request, SignedHeaders=host, Signature=0"
GUESSES = ("local", "testing", "AKIAEXAMPLE", "AKIAIOSFODNN7EXAMPLE", "A" * 32)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BUCKET = "udacity-dend"
CREDENTIALS = "Action=GetClusterCredentials&Version=2012-12-01&ClusterIdentifier=sparkify-dwh&DbUser=sparkify_admin"
DELETE = "Action=DeleteCluster&Version=2012-12-01&ClusterIdentifier=sparkify-dwh&SkipFinalClusterSnapshot=true"
CALLS = {
    "list buckets": ("GET", "/", {}, None, "s3"),
    "list objects": ("GET", f"/{BUCKET}?list-type=2&prefix=log_data/", {}, None, "s3"),
    "read an object": ("GET", f"/{BUCKET}/log_json_path.json", {}, None, "s3"),
    "write an object": ("PUT", f"/{BUCKET}/planted", {}, "planted", "s3"),
    "post a form to a bucket": (
        "POST", f"/{BUCKET}", {"Content-Type": "multipart/form-data; boundary=x"},
        '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nplanted\r\n--x\r\n'
        'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\nplanted\r\n--x--\r\n', "s3",
    ),
    "delete the bucket": ("DELETE", f"/{BUCKET}", {}, None, "s3"),
    "who am I": ("POST", "/", FORM, "Action=GetCallerIdentity&Version=2011-06-15", "sts"),
    "make a user": ("POST", "/", FORM, "Action=CreateUser&Version=2010-05-08&UserName=planted", "iam"),
    "ask for a login": ("POST", "/", FORM, CREDENTIALS, "redshift"),
    "delete the cluster": ("POST", "/", FORM, DELETE, "redshift"),
    "reset moto": ("POST", "/moto-api/reset", {}, "", "s3"),
    "read a file through the sync": ("POST", "/_local/sync", {}, json.dumps({"folder": "/etc"}), "s3"),
    "the bulk read": ("POST", "/_local/objects", {}, json.dumps({"bucket": BUCKET, "prefix": ""}), "s3"),
    "the status": ("GET", "/_local/status", {}, None, "s3"),
}  # fmt: skip


# --- what he tries while everything runs. Each gives what he got ---


def call(port, name, **headers):
    method, path, own, body, _ = CALLS[name]
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as conn:
        conn.request(method, path, body, own | headers)
        answer = conn.getresponse()
        text = answer.read()
        opened = [key for key in answer.headers if key.lower().startswith("access-control")]
        return NOTHING if answer.status == 403 and not opened else f"{answer.status} {opened} {text[:80]!r}"


def calls(about):
    for name in CALLS:
        yield f"{name}, without a key", call(about["port"], name)
        for guess in GUESSES:
            yield f"{name}, as {guess}", call(about["port"], name, Authorization=SIGNED.format(guess, CALLS[name][4]))


def pages(about):
    """A page in the browser of the user himself, whose requests come from this machine."""
    for name in CALLS:
        for origin in ("https://evil.example", "null"):
            yield f"page of {origin}: {name}", call(about["port"], name, Origin=origin)
        for host in (f"evil.example:{about['port']}", "evil.example", f"localhost.evil.example:{about['port']}"):
            yield f"page whose name {host} leads to loopback: {name}", call(about["port"], name, Host=host)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", about["port"], timeout=10)) as conn:
        asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
        conn.request("OPTIONS", f"/{BUCKET}/planted", headers=asks)
        answer = conn.getresponse()
        allowed = answer.status != 403 or any(key.lower().startswith("access-control") for key in answer.headers)
        yield "preflight", str(answer.headers) if allowed else NOTHING


def logins(about):
    for user in ("sparkify_admin", "IAM:sparkify_admin", "IAMA:sparkify_admin", "rdsdb", "postgres", "root", "nobody"):
        for database in ("sparkify", "postgres", "template1"):
            for password in ("", "local", user, "sparkify"):
                try:
                    psycopg2.connect(
                        host="127.0.0.1", port=about["db_port"], user=user, password=password, dbname=database,
                        connect_timeout=5, sslmode="disable",
                    ).close()  # fmt: skip
                    yield f"log in to {database} as {user}, password {password!r}", "a session"
                except psycopg2.OperationalError:
                    pass
    yield "log in to the database", NOTHING


def files(about):
    for folder in about["closed"]:
        for name, attempt in {
            "list": lambda folder=folder: os.listdir(folder),
            "enter": lambda folder=folder: os.chdir(folder),
            "read launcher.json in": lambda folder=folder: Path(folder, "launcher.json").read_text(),
            "read the log in": lambda folder=folder: Path(folder, "launcher.log").read_text(),
            "read postgresql.conf in": lambda folder=folder: Path(folder, "data/postgresql.conf").read_text(),
            "make a file in": lambda folder=folder: Path(folder, "planted").touch(),
            "make a link in": lambda folder=folder: Path(folder, "launcher.json.new").symlink_to("/etc/passwd"),
            "open": lambda folder=folder: os.chmod(folder, 0o777),
        }.items():
            yield f"{name} {folder}", tried(attempt)


def processes(about):
    for pid in about["pids"]:
        for name, attempt in {
            "end process": lambda pid=pid: os.kill(pid, signal.SIGKILL),
            "read the environment of process": lambda pid=pid: Path(f"/proc/{pid}/environ").read_bytes(),
            "read the memory of process": lambda pid=pid: os.open(f"/proc/{pid}/mem", os.O_RDONLY),
            "see the open files of process": lambda pid=pid: os.listdir(f"/proc/{pid}/fd"),
            "enter the folder of process": lambda pid=pid: os.chdir(f"/proc/{pid}/cwd"),
        }.items():
            yield f"{name} {pid}", tried(attempt)
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            yield f"read the arguments of process {pid}", "the secret" if about["token"].encode() in words else NOTHING


def ports(about):
    for port in (about["port"], about["db_port"]):
        for host, option in (("127.0.0.1", socket.SO_REUSEPORT), ("127.0.0.1", socket.SO_REUSEADDR)):
            with socket.socket() as own:
                own.setsockopt(socket.SOL_SOCKET, option, 1)
                yield f"listen on {host}:{port} too", tried(lambda own=own, host=host, port=port: (
                    own.bind((host, port)), own.listen()))  # fmt: skip


def tried(attempt):
    try:
        return f"done: {attempt()!r}"[:80]
    except OSError:
        return NOTHING


WHILE_IT_RUNS = (calls, pages, logins, files, processes, ports)


# --- the other user, and the one who works ---


def free_id():
    """An id that no account and no process has."""
    taken = {found.pw_uid for found in pwd.getpwall()} | {process.uids().real for process in psutil.process_iter()}
    return next(number for number in range(61_500, 65_000) if number not in taken)


def as_other(uid, work, *arguments):
    """What ``work`` gives when a child of ours does it as another user; its code and Python are loaded already."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.umask(0)
            with os.fdopen(writer, "w") as told:
                json.dump(work(*arguments), told)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as heard:
        text = heard.read()
    os.waitpid(child, 0)
    return json.loads(text)


class Worker:
    """Who runs the steps, in a folder that everybody may write to, under umask 000."""

    def __init__(self, account):
        self.account = account
        self.base = Path(tempfile.mkdtemp(prefix="dwh-other-user-"))
        self.base.chmod(0o777)
        self.folder = self.base / "project"
        self.folder.mkdir()
        os.chmod(self.folder, 0o777)
        put_cfg(self.folder)
        self.state = self.folder / ".local"
        self.precious = self.folder / "precious"
        (self.precious / "data").mkdir(parents=True)
        (self.precious / "kept").write_text("kept")
        self.precious.chmod(0o777)
        entry = pwd.getpwnam(account)
        self.uid = entry.pw_uid
        for path in (self.base, *self.base.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def step(self, name, *args):
        """Exit code, and all that was said."""
        entry = pwd.getpwnam(self.account)
        environ = {"PATH": os.defpath, "HOME": str(self.base), "PYTHONDONTWRITEBYTECODE": "1"}
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, str(ROOT / f"{name}.py"), "--target", "local", *args],
            cwd=self.folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
            check=False, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], umask=0,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def run(self, name, *args):
        code, said = self.step(name, *args)
        assert code == 0, said

    def about(self):
        """What the other user knows, or can find out: ports, processes, paths. The token is for comparison."""
        state = json.loads((self.state / "launcher.json").read_text())
        places = [path.read_text().strip() for path in self.state.glob("clusters/*/place")]
        where = [str(self.state / "clusters"), *places]
        servers = [pid for pid in psutil.pids() if any(place in word for word in command_line(pid) for place in where)]
        listening = [found for found in psutil.net_connections("tcp") if found.status == "LISTEN"]
        return {
            **state,
            "db_port": next(found.laddr.port for found in listening if found.pid in servers),
            "pids": [state["pid"], *servers],
            "closed": [str(self.state), *map(str, self.state.glob("clusters/*")), *places],
        }

    def intact(self):
        """What the worker keeps beside the project is there as it was."""
        return (self.precious / "kept").exists() and (self.precious / "data").is_dir()

    def remove(self):
        if self.state.is_dir() and not self.state.is_symlink():
            self.step("destroy_cluster", "--yes")
        shutil.rmtree(self.base)


# --- traps, laid where the folder is open to him ---


def plant_folder(worker):
    worker.state.mkdir()
    (worker.state / "launcher.lock").touch()


def plant_link(worker):
    worker.state.symlink_to(worker.precious)


def plant_launcher(worker):
    plant_folder(worker)
    (worker.state / "launcher.json").write_text(json.dumps({"pid": 1, "port": 1, "token": "A" * 32}))


def plant_another(worker):
    """A folder of the worker's, moved to where the state folder will be."""
    worker.precious.rename(worker.state)


def lay(trap, worker):
    return lambda: trap(worker) or "laid"


def traps_before(worker, uid):
    """He was there first; the steps must refuse his things, and leave them."""
    for trap in (plant_folder, plant_link, plant_launcher, plant_another):
        as_other(uid, lay(trap, worker))
        for name, args in (("create_cluster", ()), ("etl", ()), ("destroy_cluster", ("--yes",))):
            code, said = worker.step(name, *args)
            well = code == 1 and "left alone" in said and "Traceback" not in said and os.path.lexists(worker.state)
            kept = worker.intact() or (worker.state / "kept").exists()
            yield f"{trap.__name__.replace('_', ' ')}, then {name}", NOTHING if well and kept else said
        if (worker.state / "kept").exists() and not worker.state.is_symlink():
            worker.state.rename(worker.precious)
        else:
            worker.state.unlink() if worker.state.is_symlink() else shutil.rmtree(worker.state)


def open_as_before(worker, target):
    """A state folder that is open to everybody, as one of an older version under umask 000: with a killed launcher."""
    worker.run("create_cluster", "-q")
    os.kill(json.loads((worker.state / "launcher.json").read_text())["pid"], signal.SIGKILL)
    worker.state.chmod(0o777)
    (worker.state / "clusters").chmod(0o777)


def plant_place(worker):
    """A database's folder whose ``place`` names a folder of the worker's."""
    home = worker.state / "clusters" / "planted"
    home.mkdir()
    (home / "place").write_text(f"{worker.precious}\n")


def plant_home(worker):
    (worker.state / "clusters" / "planted").symlink_to(worker.precious)


def move_in(worker):
    """A folder of the worker's, moved to where the databases are."""
    worker.precious.rename(worker.state / "clusters" / "planted")


def plant_sample(worker):
    (worker.state / "sample").rename(worker.state / "sample.old")
    (worker.state / "sample").symlink_to(worker.precious)


def plant_log(worker):
    (worker.state / "launcher.log").unlink()
    (worker.state / "launcher.log").symlink_to(worker.precious / "kept")


def undo(worker):
    planted = worker.state / "clusters" / "planted"
    if planted.is_dir() and not planted.is_symlink() and (planted / "kept").exists():
        planted.rename(worker.precious)
    elif planted.is_symlink():
        planted.unlink()
    elif planted.exists():
        shutil.rmtree(planted)
    for name in ("sample", "launcher.log"):
        if (worker.state / name).is_symlink():
            (worker.state / name).unlink()
    if (worker.state / "sample.old").exists():
        (worker.state / "sample.old").rename(worker.state / "sample")


def traps_in_an_open_folder(worker, uid):
    for trap in (plant_place, plant_home, move_in, plant_sample, plant_log):
        open_as_before(worker, trap)
        as_other(uid, lay(trap, worker))
        for name, args in (("destroy_cluster", ("--yes",)), ("create_cluster", ())):
            code, said = worker.step(name, *args)
            well = code == 1 and "left alone" in said and "Traceback" not in said
            closed = stat.S_IMODE(worker.state.stat().st_mode) == 0o700
            kept = worker.intact() or (worker.state / "clusters/planted/kept").exists()
            yield f"{trap.__name__.replace('_', ' ')}, then {name}", NOTHING if well and closed and kept else said
        undo(worker)
        worker.run("destroy_cluster", "--yes")


def listen(port, seconds, heard):
    """Take the port of a launcher that was killed, and write down what comes."""
    server = socket.create_server(("127.0.0.1", port))
    server.settimeout(seconds)
    with open(heard, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            conn, _ = server.accept()
            with conn:
                conn.settimeout(2)
                with contextlib.suppress(OSError):
                    while data := conn.recv(65536):
                        file.write(data)
                        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + b"0" * 64)
    return "listened"


def on_the_port_of_a_killed_launcher(worker, uid):
    worker.run("create_cluster", "-q")
    state = json.loads((worker.state / "launcher.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    time.sleep(0.5)
    heard = worker.base / "heard"
    listener = threading.Thread(target=as_other, args=(uid, listen, state["port"], 12, str(heard)))
    listener.start()
    while not heard.exists():
        time.sleep(0.05)
    for name in ("etl", "business_insights"):
        code, said = worker.step(name)
        yield f"be taken for the launcher by {name}", NOTHING if code == 1 and "not running" in said else said
    listener.join()
    text = heard.read_bytes()
    yield "hear the secret", "it" if state["token"].encode() in text or not text else NOTHING
    worker.run("create_cluster", "-q")
    worker.run("destroy_cluster", "--yes")


# --- all of it ---


def accounts():
    """Who runs the steps: root, and an ordinary user where he can reach this project."""
    yield "root"
    needed = (ROOT, Path(sys.executable).parent, Path(sys.executable).resolve().parent, Path(os.__file__).parent)
    if all(folder.stat().st_mode & stat.S_IXOTH for path in needed for folder in (path, *path.parents)):
        yield "nobody"


def attempts(account):
    """What was tried and what it gave, in pairs."""
    uid = free_id()
    worker = Worker(account)
    try:
        yield from traps_before(worker, uid)
        worker.run("create_cluster")
        worker.run("create_tables")
        worker.run("etl")
        about = worker.about()
        for other in {uid, *([pwd.getpwnam("nobody").pw_uid] if account == "root" else [])}:
            for attack in WHILE_IT_RUNS:
                yield from as_other(other, lambda attack=attack: list(attack(about)))
        worker.run("business_insights")  # it is all there still
        worker.run("destroy_cluster", "--yes")
        yield from traps_in_an_open_folder(worker, uid)
        yield from on_the_port_of_a_killed_launcher(worker, uid)
    finally:
        worker.remove()


def main():
    if os.geteuid() != 0:
        print("skipped: only root can become another user of the machine", file=sys.stderr)
        return 0
    got = 0
    for account in accounts():
        print(f"The steps are run by {account}.")
        for what, result in attempts(account):
            print(f"  {what:<90} {result}", flush=True)
            got += result != NOTHING
    print(f"He got something {got} times." if got else "He got nothing.")
    return 1 if got else 0


if __name__ == "__main__":
    sys.exit(main())
