"""Records which clauses and cases were proved: `--record FILE` writes {kind: {id: {passed, failed}}} when the run ends.

Marks: @pytest.mark.clause("QHD-10b", …) and @pytest.mark.case("WF-06", …). `--prove clause|case` runs only the marked
tests, `--prove-prefix QHD` only those whose id begins so.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

KINDS = ("clause", "case")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("greenlist")
    group.addoption("--record", metavar="FILE", help="write what the clause and case marks proved to FILE")
    group.addoption("--prove", choices=KINDS, help="run only tests that carry this mark")
    group.addoption("--prove-prefix", action="append", default=[], metavar="PREFIX", help="…and an id beginning so")


def ids(item: pytest.Item, kind: str) -> list[str]:
    """Every id the marks of one test name. Raises UsageError on a mark without an id."""
    found: list[str] = []
    for mark in item.iter_markers(kind):
        if not mark.args or not all(isinstance(one, str) for one in mark.args):
            raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{kind} needs at least one id")
        found.extend(mark.args)
    return list(dict.fromkeys(found))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties.extend((kind, one) for kind in KINDS for one in ids(item, kind))
    kind, prefixes = config.getoption("--prove"), tuple(config.getoption("--prove-prefix"))
    if kind is None:
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        named = ids(item, kind)
        wanted = any(one.startswith(prefixes) for one in named) if prefixes else bool(named)
        (kept if wanted else dropped).append(item)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


class Recorder:
    """Lives in the controlling process only; with xdist the workers' reports arrive there."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.marks: dict[str, list[tuple[str, str]]] = {}
        self.called: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.marks[report.nodeid] = [(k, str(v)) for k, v in report.user_properties if k in KINDS]
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)
        elif report.when == "call":
            self.called.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        result: dict[str, dict[str, dict[str, list[str]]]] = {kind: {} for kind in KINDS}
        for nodeid, marks in sorted(self.marks.items()):
            good = nodeid in self.called and nodeid not in self.failed
            for kind, one in marks:
                row = result[kind].setdefault(one, {"passed": [], "failed": []})
                row["passed" if good else "failed"].append(nodeid)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(result, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--record")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(target)), "greenlist-recorder")
