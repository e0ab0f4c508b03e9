"""The portal as docker-compose.yml starts it, without an engine: the same settings and commands against private servers."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.source import ROOT
from tests.ops import portal
from tests.tools import check, servers

HOST = "green.example.gov.cn"
PATIENCE = 60


class Mails(socketserver.ThreadingTCPServer):
    """A mail gateway on loopback that takes everything."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Gateway)
        self.taken: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Gateway(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line.strip().upper()[:4]
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) not in {b".\r\n", b""}:
                    body += part
                self.server.taken.append(body.decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Site:
    """Web, worker and beat with their logs; `get` and `post` come through a proxy that did TLS."""

    env: dict[str, str]
    var: Path
    mails: Mails
    port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def start(self, name: str, *words: str) -> None:
        with self.log(name).open("ab") as output:
            self.processes[name] = subprocess.Popen(words, cwd=ROOT, env=self.env, stdout=output, stderr=output)

    def log(self, name: str) -> Path:
        return self.var / f"{name}.log"

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines of a log that are JSON objects."""
        found = []
        for line in self.log(name).read_text(errors="replace").splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.9",
            "Origin": f"https://{HOST}",
            "Cookie": "; ".join(f"{one.key}={one.value}" for one in self.cookies.values()),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body.encode() or None, {k: v for k, v in sent.items() if v})
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name.lower() == "set-cookie":
                    self.cookies.load(value)
            text = answer.read().decode(errors="replace")
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: str) -> Answer:
        return self.ask("POST", path, body)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for something that other processes do."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if found := condition():
                    return found
            except OSError:
                pass
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended:\n{self.log(name).read_text(errors='replace')}"
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {PATIENCE} s")

    def stop(self, name: str) -> int:
        """SIGTERM, as a deployment sends it; the exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)


def command(service: str) -> list[str]:
    """What docker-compose.yml (or the image) runs as this service, from our own environment."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    words = compose["services"][service].get("command")
    if words is None:
        words = " ".join(json.loads(re.findall(r"^CMD (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]))
    return [str(Path(sys.executable).parent / shlex.split(words)[0]), *shlex.split(words)[1:]]


@contextmanager
def site(var: Path, postgres_url: str, redis_url: str) -> Iterator[Site]:
    """A migrated installation under production settings with all its processes."""
    mails, port = Mails(), servers.free_port()
    env = {
        **check.production(
            VAR_DIR=str(var),
            STATIC_ROOT=str(var / "static"),
            METRICS_DIR=str(var / "metrics"),
            METRICS_TOKEN="token-of-the-monitoring",
            DATABASE_URL=postgres_url,
            REDIS_URL=f"{redis_url}/9",
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=str(mails.server_address[1]),
            TRUSTED_PROXIES="1",
            WEB_BIND=f"127.0.0.1:{port}",
        ),
        "TMPDIR": str(var),
        "PYTHONWARNINGS": "ignore",
    }
    collect = {**env, "DJANGO_SETTINGS_MODULE": "greenlist.settings.dev"}  # as the image does
    for words, given in (
        (("migrate", "--no-input", "-v", "0"), env),
        (("collectstatic", "--no-input", "-v", "0"), collect),
    ):
        done = portal.manage(*words, env=given)
        assert done.returncode == 0, done.stderr
    made = Site(env, var, mails, port)
    try:
        for name in ("web", "worker", "beat"):
            program, *words = command(name)
            words = [program, *(word.replace("/tmp/", f"{var}/") for word in words)]
            made.start(name, *words)
        made.until(lambda: made.get("/livez").status == 200, "the web process answers")
        yield made
    finally:
        for process in made.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in made.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        mails.shutdown()
        mails.server_close()


def python(code: str, env: dict[str, str]) -> str:
    """Runs code inside the installation; what it printed."""
    done = portal.manage("shell", "-v", "0", "-c", code, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout
