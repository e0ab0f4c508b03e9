"""A private PostgreSQL that can be crashed and started again over the same data; what it acknowledged it must keep."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.tools import servers

TUNING = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # the machine stays up: what the process wrote is kept by the kernel
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "120",
}


class Server:
    def __init__(self, folder: Path) -> None:
        self.programs, self.owner, self.port = servers.find_postgres(), servers._owner(), servers.free_port()
        self.folder, self.data = folder, str(folder / "data")
        words = [str(self.programs / "initdb"), "-D", self.data, "-U", "greenlist", "-A", "trust", "-E", "UTF8"]
        servers._run([*words, "--locale=C.UTF-8", "--no-sync"], folder, self.owner)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://greenlist@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        tuning = {**TUNING, "unix_socket_directories": str(self.folder)}
        options = [word for name, value in tuning.items() for word in ("-c", f"{name}={value}")]
        words = [str(self.programs / "postgres"), "-D", self.data, "-p", str(self.port), *options]
        self.process = servers._start(words, self.folder, self.owner)
        servers._await(self.port, self.process, self.folder)
        servers._ready(self.programs, self.port, self.folder, self.owner)

    def crash(self) -> None:
        """Every process of it at once, in the middle of whatever it does."""
        assert self.process is not None
        mine = [self.process.pid, *children(self.process.pid)]  # its backends have sessions of their own
        for pid in mine:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        end = time.monotonic() + servers.DEADLINE
        while any(map(lives, mine[1:])) and time.monotonic() < end:
            time.sleep(0.02)  # while one of them lives its shared memory keeps the next start away


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def children(parent: int) -> list[int]:
    """Processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


@contextmanager
def running() -> Iterator[Server]:
    with servers._folder("greenlist-crash-", servers._owner()) as folder:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.crash()
