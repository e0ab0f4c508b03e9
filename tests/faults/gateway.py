"""A mail gateway on loopback that speaks just enough SMTP and behaves as a test tells it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes


class Gateway:
    """`mails`: (address, Message-ID) of everything taken. `behave(address)` gives "ok", "4xx", "5xx", "hang" or "drop"."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.mails: list[tuple[str, str]] = []
        self.changed = threading.Condition()
        self.behaviour: dict[str, str] = {}  # by address; "*" is everybody, "hello" the greeting
        self.delay = 0.0  # seconds before a mail is acknowledged
        self.stopped = threading.Event()

    def behave(self, address: str) -> str:
        return self.behaviour.get(address, self.behaviour.get("*", "ok"))

    def wait_for(self, count: int, seconds: float = 120) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.mails) >= count, seconds)

    def serve(self) -> None:
        while True:
            try:
                wire, _peer = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(wire,), daemon=True).start()

    def _talk(self, wire: socket.socket) -> None:
        with suppress(OSError), wire, wire.makefile("rb") as lines:
            if self.behaviour.get("hello") == "hang":
                self.stopped.wait(120)
                return
            wire.sendall(b"220 test\r\n")
            to = ""
            for line in lines:
                verb = line[:4].upper()
                if verb == b"RCPT":
                    to = line.partition(b"<")[2].partition(b">")[0].decode()
                    answer = {"4xx": b"451 later\r\n", "5xx": b"550 unknown\r\n"}.get(self.behave(to), b"250 ok\r\n")
                    wire.sendall(answer)
                elif verb == b"DATA":
                    wire.sendall(b"354 go\r\n")
                    if not self._take(wire, lines, to):
                        return
                elif verb == b"QUIT":
                    wire.sendall(b"221 bye\r\n")
                    return
                else:
                    wire.sendall(b"250 ok\r\n")

    def _take(self, wire: socket.socket, lines: Iterator[bytes], to: str) -> bool:
        body = b""
        for line in lines:
            if line == b".\r\n":
                break
            body += line
        if self.behave(to) == "hang":
            self.stopped.wait(120)
            return False
        if self.behave(to) == "drop":
            return False
        with self.changed:
            self.mails.append((to, str(message_from_bytes(body)["Message-ID"])))
            self.changed.notify_all()
        self.stopped.wait(self.delay)
        wire.sendall(b"250 taken\r\n")
        return True


@contextmanager
def running() -> Iterator[Gateway]:
    gateway = Gateway()
    thread = threading.Thread(target=gateway.serve, daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.stopped.set()
        with suppress(OSError):
            gateway.server.shutdown(socket.SHUT_RDWR)
        gateway.server.close()
        thread.join(5)
