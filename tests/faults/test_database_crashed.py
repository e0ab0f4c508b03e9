"""PostgreSQL is killed and started again while officials work: nothing acknowledged is lost, nothing stands half (F2)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.faults import database
from tests.faults.conftest import until
from tests.ops import portal

# It brings its own PostgreSQL, so it runs once, in the first half: nothing here touches the test database.
pytestmark = pytest.mark.ops


def crashed(folder: Path, *, writers: int, crashes: int, acts: int) -> dict[str, Any]:
    """`acts`: acknowledged actions of all writers together before each crash."""
    ledger = folder / "ledger"
    ledger.touch()

    def done() -> list[float]:
        return [float(line.split()[1]) for line in ledger.read_text().splitlines()]

    with database.running() as server:
        env = portal.environment(folder, server.url)
        run = [sys.executable, "-W", "ignore"]
        subprocess.run([*run, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)

        def act(what: str, **more: Any) -> subprocess.Popen[bytes]:
            words = [*run, "-m", "tests.faults.writers", what, str(folder), str(writers)]
            return subprocess.Popen(words, cwd=ROOT, env=env, **more)

        assert act("prepare").wait(300) == 0
        slowest = 0.0
        with (folder / "log").open("wb") as log, act("write", stdin=subprocess.PIPE, stderr=log) as process:
            for _ in range(crashes):
                so_far = len(done())
                until(lambda seen=so_far: len(done()) >= seen + acts)
                server.crash()
                server.start()
                so_far = len(done())
                slowest = max(slowest, until(lambda seen=so_far: len(done()) > seen))
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(120) == 0, (folder / "log").read_text()
        assert act("check").wait(120) == 0
    result = json.loads((folder / "result").read_text())
    assert result.pop("problems") == []
    assert result["unheard"] <= crashes * writers
    assert slowest < 10
    return {**result, "writers": writers, "crashes": crashes, "slowest first answer": round(slowest, 2)}


@pytest.mark.full
@pytest.mark.case("BG-06", "F2")
def test_two_crashes_under_ten_writers(tmp_path: Path) -> None:
    assert crashed(tmp_path, writers=10, crashes=2, acts=20)["acknowledged"] >= 40


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.case("BG-06", "F2")
def test_ten_crashes_under_fifty_writers(tmp_path: Path) -> None:
    print(crashed(tmp_path, writers=50, crashes=10, acts=200))
