"""Processes of the portal over the test's own database, and what they need: a gateway, a way to kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.architecture.source import ROOT
from tests.faults import gateway as gateways
from tests.ops import portal

DEADLINE = 120


def until(condition: Callable[[], Any], seconds: float = DEADLINE) -> float:
    """Asks again and again; the seconds it took. Fails the test when it never holds."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            pytest.fail(f"not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - started


class Processes:
    """Starts portal processes, each in a group of its own, and ends every one of them."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", *words],
                cwd=ROOT,
                env={**self.env, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As a machine that loses its power: nothing is put in order."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def database_url() -> str:
    if connection.vendor == "postgresql":
        return portal.url()
    return f"sqlite://{connection.settings_dict['NAME']}"


@pytest.fixture
def gateway() -> Iterator[gateways.Gateway]:
    with gateways.running() as found:
        yield found


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path, gateway: gateways.Gateway) -> Iterator[Processes]:
    var = tmp_path / "var"
    var.mkdir()
    env = portal.environment(
        var,
        database_url(),
        DJANGO_SETTINGS_MODULE="tests.faults.settings",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=str(gateway.port),
        LOG_LEVEL="WARNING",
    )
    made = Processes(tmp_path, env)
    yield made
    for process in made.started:
        made.kill(process)
