"""Private PostgreSQL and Redis for one run, on free ports, in a temporary folder, owned by an unprivileged user.

`python -m tests.tools.servers COMMAND…` runs COMMAND with DATABASE_URL and REDIS_URL set and stops the servers after it.
Nothing here is for production: fsync is off, because these databases die with the run.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")
DEADLINE = 60  # seconds for a server to answer


class Missing(Exception):
    """A server program is not installed; the message says which."""


def find_postgres() -> Path:
    """The newest folder with initdb and postgres. Raises Missing."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    for folder in [*folders, *([Path(on_path).parent] if on_path else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Missing("postgresql")


def find_redis() -> str:
    """The redis-server (or valkey-server) program. Raises Missing."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise Missing("redis-server")
    return found


def missing() -> list[str]:
    """Packages without which the second half of the tests cannot run."""
    names = []
    for find in (find_postgres, find_redis):
        try:
            find()
        except Missing as absent:
            names.append(str(absent))
    return names


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _owner() -> pwd.struct_passwd | None:
    """Whom to become: PostgreSQL refuses to run as root. None when we are nobody special already."""
    if os.getuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("an unprivileged user (postgres or nobody)")


def _start(command: list[str], folder: Path, owner: pwd.struct_passwd | None) -> subprocess.Popen[bytes]:
    identity: dict[str, int | list[int]] = {}
    if owner:
        identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(  # type: ignore[call-overload]
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **identity
        )


def _run(command: list[str], folder: Path, owner: pwd.struct_passwd | None) -> None:
    process = _start(command, folder, owner)
    if process.wait(DEADLINE) != 0:
        raise RuntimeError(f"{command[0]} failed:\n{(folder / 'log').read_text(errors='replace')}")


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until the port answers. Raises RuntimeError with the server's log when it ends first or takes too long."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"no answer on port {port}:\n{(folder / 'log').read_text(errors='replace')}")


@contextmanager
def _folder(prefix: str, owner: pwd.struct_passwd | None) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=prefix))
    if owner:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """A private PostgreSQL; yields its DATABASE_URL; `durable` writes as a real one does. Raises Missing, RuntimeError."""
    programs, owner, port = find_postgres(), _owner(), free_port()
    with _folder("greenlist-pg-", owner) as folder:
        data = str(folder / "data")
        initdb = [
            str(programs / "initdb"),
            "-D",
            data,
            "-U",
            "greenlist",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        _run([*initdb, "--no-sync"], folder, owner)
        tuning = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            **({} if durable else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}),
            "shared_buffers": "128MB",
            "max_connections": "200",
        }
        options = [word for name, value in tuning.items() for word in ("-c", f"{name}={value}")]
        server = _start([str(programs / "postgres"), "-D", data, "-p", str(port), *options], folder, owner)
        try:
            _await(port, server, folder)
            _ready(programs, port, folder, owner)
            yield f"postgresql://greenlist@127.0.0.1:{port}/postgres"
        finally:
            _stop(server, signal.SIGINT)  # "fast shutdown"


def _ready(programs: Path, port: int, folder: Path, owner: pwd.struct_passwd | None) -> None:
    """An open port may still say "the database system is starting up"."""
    command = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:  # pg_isready answers at once; it does not wait for a server that is starting up
        if _start(command, folder, owner).wait(DEADLINE) == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"not ready on port {port}:\n{(folder / 'log').read_text(errors='replace')}")


@contextmanager
def redis() -> Iterator[str]:
    """A private Redis that writes nothing to disk; yields its REDIS_URL. Raises Missing, RuntimeError."""
    program, owner, port = find_redis(), _owner(), free_port()
    with _folder("greenlist-redis-", owner) as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        server = _start([program, *options], folder, owner)
        try:
            _await(port, server, folder)
            yield f"redis://127.0.0.1:{port}"
        finally:
            _stop(server, signal.SIGTERM)


@contextmanager
def both() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL: the given ones where the environment names them, else private servers."""
    with ExitStack() as stack:
        yield {
            "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or stack.enter_context(postgres()),
            "REDIS_URL": os.environ.get("TEST_REDIS_URL") or stack.enter_context(redis()),
        }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with both() as given:
        sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, **given}))
