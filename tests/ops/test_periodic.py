"""The embedded worker with its beat really works: a schedule fires without Redis, and both end on SIGTERM."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

DEADLINE = 60


def wait_until(condition, process: subprocess.Popen[bytes], log: Path) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if condition():
            return
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.05)
    pytest.fail(f"not within {DEADLINE} s:\n{log.read_text(errors='replace')}")


@pytest.mark.ops
@pytest.mark.case("BG-12")
def test_a_periodic_task_fires_in_the_embedded_mode(tmp_path: Path) -> None:
    """Settings of the demo, a schedule of one second; the task appends to a file, twice."""
    (tmp_path / "one_second.py").write_text(
        "from greenlist.settings.dev import *\n"
        "CELERY_BEAT_SCHEDULE = {name: row | {'schedule': 1.0} for name, row in CELERY_BEAT_SCHEDULE.items()}\n"
    )
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "one_second",
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "VAR_DIR": str(tmp_path / "var"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"], cwd=ROOT, env=env, check=True
    )
    log, anchors = tmp_path / "worker.log", tmp_path / "var" / "anchors.jsonl"
    words = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "greenlist",
        "worker",
        "-B",
        "-P",
        "threads",
        "-c",
        "2",
        "-l",
        "INFO",
    ]
    with log.open("wb") as output:
        worker = subprocess.Popen(words, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: anchors.exists() and len(anchors.read_text().splitlines()) >= 2, worker, log)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(DEADLINE) == 0, log.read_text(errors="replace")
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.wait(10)
    said = log.read_text(errors="replace")
    assert "Traceback" not in said, said
    assert "sweep_outbox" in said
    # Each job told of itself under the name in the schedule (OP-07).
    with closing(sqlite3.connect(tmp_path / "var" / "greenlist.sqlite3")) as base:
        beating = base.execute("SELECT name FROM core_heartbeat WHERE succeeded_at IS NOT NULL").fetchall()
    assert {"anchor-chains", "sweep-outbox"} <= {name for (name,) in beating}
