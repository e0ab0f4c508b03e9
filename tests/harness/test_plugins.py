"""The harness itself: a record that could lie, a race helper that ran in turn, a flush that stopped at a trigger."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.tools import suite

MARKED = """
import pytest

@pytest.mark.clause("T-1", "T-2")
def test_good(): pass

@pytest.mark.clause("T-2")
def test_bad(): assert False

@pytest.mark.case("T-3")
def test_case(): pass

@pytest.mark.clause("U-4")
def test_torn(broken): pass

@pytest.fixture
def broken():
    yield
    raise RuntimeError
"""


def recorded(folder: Path, *words: str) -> dict[str, Any]:
    (folder / "test_marked.py").write_text(MARKED)
    target = folder / "record.json"
    plugins = ["-p", "tests.plugins.clauses", "-p", "no:django", "-p", "no:playwright", "-c", "/dev/null"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *plugins,
        "--rootdir",
        str(folder),
        str(folder),
        "--record",
        str(target),
        *words,
    ]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    found: dict[str, Any] = json.loads(target.read_text())
    return found


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_a_clause_counts_only_when_every_test_of_it_passed(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = recorded(tmp_path, *words)
    assert [len(found["clause"]["T-1"][how]) for how in ("passed", "failed")] == [1, 0]
    assert [len(found["clause"]["T-2"][how]) for how in ("passed", "failed")] == [1, 1]
    assert [len(found["clause"]["U-4"][how]) for how in ("passed", "failed")] == [0, 1]
    assert list(found["case"]) == ["T-3"]


def test_only_the_asked_prefix_runs(tmp_path: Path) -> None:
    found = recorded(tmp_path, "--prove", "clause", "--prove-prefix", "U-")
    assert list(found["clause"]) == ["U-4"]
    assert found["case"] == {}


def test_threads_start_together_and_hand_back_what_they_raised(run_threads: Any) -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return get_ident()

    first, second, third = run_threads(3, work)
    assert isinstance(third, ValueError)
    assert first != second


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_tables_are_emptied_past_the_triggers_of_the_audit_trail(turn: int) -> None:
    """Both turns find the trail empty, although its rows can neither be changed nor deleted."""
    from django.db import DatabaseError, connection, transaction

    from greenlist.core.models import AuditEntry

    assert not AuditEntry.objects.exists()
    write_one_entry()
    assert AuditEntry.objects.count() == 1
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {AuditEntry._meta.db_table}")


def write_one_entry() -> None:
    from django.db import transaction

    from greenlist.core import audit, clock
    from greenlist.core.actors import Actor, Capacity

    with transaction.atomic():
        audit.record(subject=("day", "2026-11-23"), action="tested", actor=Actor(Capacity.SYSTEM), at=clock.now())


def test_the_closing_line_adds_both_halves() -> None:
    lines = ["== 2 failed, 10 passed, 3 deselected in 5.00s ==", "== 7 passed, 1 error in 3.00s =="]
    assert suite.closing(lines, 61.5).strip("= ") == "2 failed, 17 passed, 1 error in 61.50s (1:01)"
    assert all(suite.SUMMARY.match(line) for line in lines)


def test_a_lone_surrogate_in_a_log_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_log.py").write_text("def test_it():\n    print('half \\ud800')\n    assert False, '\\udfff'\n")
    plugins = ["-p", "tests.plugins.surrogates", "-p", "no:django", "-p", "no:playwright", "-c", "/dev/null", "-n", "1"]
    command = [sys.executable, "-m", "pytest", *plugins, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 failed" in done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr
