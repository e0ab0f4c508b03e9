"""A private Redis that can be taken away and put back at the same address, empty as after a crash."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import servers


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, servers.free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        words = [servers.find_redis(), *options, "--dir", str(self.folder)]
        self.process = servers._start(words, self.folder, servers._owner())
        servers._await(self.port, self.process, self.folder)

    def stop(self) -> None:
        assert self.process is not None
        servers._stop(self.process, signal.SIGKILL)


@contextmanager
def running() -> Iterator[Server]:
    with servers._folder("greenlist-broker-", servers._owner()) as folder:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
