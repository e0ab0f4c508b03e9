"""`./dev demo` and `./dev run`: prepare the database, start web and worker, stop both together.

Everything lives in var/ (VAR_DIR). A lock there refuses a second start; var/demo.state tells a finished seed from a broken
one. `--reset` deletes only what this script and the portal made.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var")
MADE = (
    "greenlist.sqlite3*",
    "files",
    "mail",
    "broker",
    "broker-control",
    "celerybeat-schedule*",
    "static*",
    "anchors*",
    "demo.state",
    "signing.p12",
)
WORKER = ["-m", "celery", "-A", "greenlist", "worker", "-B", "-P", "threads", "-c", "2", "--loglevel", "INFO"]
PATIENCE = 45  # seconds for a child to answer or to end; the worker may finish a task of half a minute


class Stop(Exception):
    """A signal asked us to end."""


def manage(*words: str, quiet: bool = True) -> None:
    """Run one management command. Raises SystemExit with its output when it fails."""
    started = time.monotonic()
    if quiet:
        print(f"  {words[0]} … ", end="", flush=True)
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, text=True, capture_output=quiet, env=os.environ, check=False
    )
    if done.returncode != 0:
        said = (done.stdout or "") + (done.stderr or "")
        (VAR / "demo.log").write_text(said, encoding="utf-8")
        end = "\n".join(said.rstrip().splitlines()[-12:])
        sys.exit(f"\nmanage.py {' '.join(words)} failed; all it said is in {VAR / 'demo.log'}, the end:\n{end}")
    if quiet:
        print(f"{time.monotonic() - started:.1f} s")


def reset() -> None:
    """Remove the embedded database, its files, mails and queue. Refuses where the data are not in var/."""
    if os.environ.get("DATABASE_URL"):
        sys.exit("--reset deletes the embedded database only; DATABASE_URL names another one.")
    for pattern in MADE:
        for path in VAR.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def prepare(*, seed: bool) -> None:
    """Migrate, load policies and calendar, seed a new database, collect the static files."""
    state, database = VAR / "demo.state", VAR / "greenlist.sqlite3"
    if state.exists() and state.read_text() == "seeding":
        print("The last start was interrupted while seeding; starting afresh.")
        reset()
    new = not os.environ.get("DATABASE_URL") and is_empty(database)
    if new and seed:
        state.write_text("seeding")
    print("Preparing:")
    manage("migrate", "--no-input", "--verbosity", "0")
    for name in ("load_reference", "load_policies", "load_calendar"):  # each safe to repeat: an upgrade brings new rows
        manage(name)
    if new and seed:
        manage("demo_data")
        state.write_text("ready")
    elif seed and not state.exists():
        print("  The database is not a demonstration one; it was left as it is (--reset replaces it).")
    certify()
    collect()


def certify() -> None:
    """A certificate made anew at each start, known to nobody, where the packages that sign are there and none is set."""
    if find_spec("pyhanko") is None or os.environ.get("SIGNING_CERTIFICATE"):
        return
    os.environ |= {"SIGNING_CERTIFICATE": str(VAR / "signing.p12"), "SIGNING_PASSPHRASE": secrets.token_urlsafe(24)}
    manage("make_test_certificate")


def is_empty(database: Path) -> bool:
    """No file, or one without a table: a command that only looked leaves such a file behind."""
    if not database.exists():
        return True
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def collect() -> None:
    """Collect the static files, but only when ours or the installed packages have changed: it takes seconds."""
    stamp = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted(path for path in (ROOT / "static").rglob("*") if path.is_file()):
        stamp.update(str(path).encode() + path.read_bytes())
    kept = VAR / "static.stamp"
    if not kept.exists() or kept.read_text() != stamp.hexdigest():
        manage("collectstatic", "--no-input", "--clear", "--verbosity", "0")
        kept.write_text(stamp.hexdigest())


def port() -> int:
    """PORT (8000), or a free one where it is taken."""
    wanted = int(os.environ.get("PORT") or 8000)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host(), wanted))
        except OSError:
            print(f"Port {wanted} is in use; taking another.")
            with socket.socket() as other:
                other.bind((host(), 0))
                return int(other.getsockname()[1])
    return wanted


def host() -> str:
    return os.environ.get("HOST") or "127.0.0.1"


def die_with_parent() -> None:
    """Linux: the child gets SIGTERM when this script is killed, so that nothing is left behind holding the database."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def child(name: str, *words: str) -> subprocess.Popen[bytes]:
    """Start one process with its output in var/<name>.log, in a session of its own: Ctrl-C reaches only this script."""
    with (VAR / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # safe here: this script has one thread
        )


def web(number: int, *, develop: bool) -> list[str]:
    if develop:
        return ["manage.py", "runserver", f"{host()}:{number}"]
    embedded = not os.environ.get("DATABASE_URL")
    crowd = ["--workers", "1", "--threads", "8"] if embedded else ["--workers", "2", "--threads", "4"]
    return ["-m", "gunicorn", "greenlist.wsgi", "--worker-class", "gthread", *crowd, "--bind", f"{host()}:{number}"]


def wait_for(address: str, processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Until the web process answers. Raises SystemExit with a log when a process ends or nothing comes."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        check(processes)
        try:
            with urllib.request.urlopen(f"{address}/livez", timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers; what it says is for the pages
        except OSError:
            time.sleep(0.2)
    fail("web")


def check(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            fail(name)


def fail(name: str) -> None:
    tail = (VAR / f"{name}.log").read_text(errors="replace").splitlines()[-25:]
    sys.exit("\n".join([f"The {name} process ended or did not answer; the end of var/{name}.log:", *tail]))


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    for name, process in processes.items():
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            print(f"The {name} process did not end in {PATIENCE} s and was killed.")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


@contextmanager
def alone() -> Iterator[None]:
    """Raises SystemExit when another start holds this var/."""
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            sys.exit(f"The portal already runs from {VAR} (process {lock.read().strip()}). Stop that one first.")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def serve(*, develop: bool) -> None:
    """Both processes until a signal or the end of one of them."""
    number = port()
    address = f"http://127.0.0.1:{number}"
    os.environ.setdefault("PUBLIC_URL", address)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        processes["web"] = child("web", *web(number, develop=develop))
        processes["worker"] = child("worker", *WORKER)
        wait_for(address, processes)
        print(f"\nThe portal is open: {address}\n", flush=True)
        if not develop:
            manage("demo_logins", quiet=False)
        print("\nLogs: var/web.log, var/worker.log; mails: var/mail/. Stop with Ctrl-C; the data stay.", flush=True)
        while True:
            check(processes)
            time.sleep(1)
    finally:
        for caught in (signal.SIGINT, signal.SIGTERM):
            signal.signal(caught, signal.SIG_IGN)  # a second Ctrl-C must not leave one of the two behind
        stop(processes)


def asked(number: int, _frame: object) -> None:
    raise Stop(number)


def main(words: list[str]) -> int:
    unknown = set(words) - {"--reset", "--develop"}
    if unknown:
        sys.exit(f"unknown option: {' '.join(sorted(unknown))}")
    develop = "--develop" in words
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")
    if develop:
        os.environ["DEBUG"] = "true"
    signal.signal(signal.SIGINT, asked)
    signal.signal(signal.SIGTERM, asked)
    with alone():
        try:
            if "--reset" in words:
                reset()
            prepare(seed=not develop)
            serve(develop=develop)
        except Stop:
            print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
