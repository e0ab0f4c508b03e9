"""Prints what the replay suite asked and was answered, and keeps it in var/replay.json: `record_property("replay", tally)`.

A tally comes from `tests.authz.tally`; with xdist it arrives in the controlling process with the report of its test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
KIND = "replay"


class Counts:
    """One line for each part of the suite that ran."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.parts: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, told in report.user_properties:
            if kind == KIND and report.when == "call" and isinstance(told, dict):
                self.parts[str(told["part"])] = told

    def pytest_sessionfinish(self) -> None:
        if self.parts:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.parts, ensure_ascii=False, indent=1, sort_keys=True)
            self.target.write_text(text + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.parts:
            return
        terminalreporter.section("replay: requests of one made by others")
        for name, told in sorted(self.parts.items()):
            terminalreporter.write_line(
                f"{name}: {told['routes']} routes × {told['actors']} actors, {told['requests']} requests, {told['faults']} faults"
            )
            for title in ("places", "answers"):
                words = ", ".join(f"{what} {number}" for what, number in sorted(told[title].items()))
                terminalreporter.write_line(f"    {title}: {words}")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counts(ROOT / "var" / "replay.json"), "greenlist-replay-counts")
