"""A part of the suite in other orders, and with Python's optimiser, which takes every `assert` out of the product (OP-09)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

PART = "core/test_audit.py core/test_outbox.py core/test_crypto.py core/test_numbers.py core/test_clock.py core/test_errors.py"
WHOLE = "core accounts organisations policy"


def run(part: str, folder: Path, *words: str, **env: str) -> None:
    """Runs these tests in a process of their own; fails with what they said."""
    paths = [f"tests/{name}" for name in part.split()]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *paths, *words]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TEST_RUN"))}
    given = {**clean, "DATABASE_URL": "", "REDIS_URL": "", "TMPDIR": str(folder), **env}
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\d{2,} passed", done.stdout)
    assert "skipped" not in done.stdout
    assert list(folder.glob("greenlist-*")) == []  # nothing is left behind


@pytest.mark.case("OP-09")
@pytest.mark.ops
@pytest.mark.full
@pytest.mark.timeout(600)
def test_any_order_gives_the_same(tmp_path: Path) -> None:
    run(PART, tmp_path, "--order", "random:1")


@pytest.mark.case("OP-09")
@pytest.mark.ops
@pytest.mark.full
@pytest.mark.timeout(600)
def test_backwards_and_optimised(tmp_path: Path) -> None:
    """pytest keeps the asserts of the tests alive, and warns that those elsewhere are gone: that is what is tried."""
    words = ["--order", "reverse", "-W", "ignore::pytest.PytestConfigWarning"]
    run(PART, tmp_path, *words, PYTHONOPTIMIZE="1")


@pytest.mark.case("OP-09")
@pytest.mark.ops
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(5))
def test_the_foundation_in_any_order(seed: int, tmp_path: Path) -> None:
    run(WHOLE, tmp_path, "--order", f"random:{seed}")
