"""The worked examples of docs/criteria*.md as what somebody types: answers by section, points by hand, the score worked out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.policy import test_worked_parks_and_chains as worked

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass(frozen=True)
class Example:
    answers: Mapping[str, Mapping[str, Any]]  # by section c_…
    by_hand: Mapping[str, str]  # row → points a reviewer gives
    total: str  # as the manual works it out
    row: str  # one row the reviewer corrects, and to what
    corrected: Mapping[str, str]
    afterwards: str  # the total with that correction


def factory() -> Example:
    """Section 1 of docs/criteria-factory.md: GB/T 36132-2025."""
    text = (DOCS / "criteria-factory.md").read_text(encoding="utf-8").split("\n## ")[1]
    block = re.search(r"^```toml\n(.*?)^```$", text, flags=re.M | re.S)
    total = re.search(r"^总分：\*\*([\d.]+)\*\*$", text, flags=re.M)
    assert block and total
    given = tomllib.loads(block[1])
    # 8 × 4.76 ÷ 11.9 = 3.20 in place of 4.00: (59.76 − 0.80) ÷ 90 × 100 = 65.51
    return Example(given["data"], given["by_hand"], total[1], "energy.renewable", {"value": "4.76"}, "65.51")


def park() -> Example:
    """Section 1 of docs/criteria.md: the index of the third year."""
    # clean energy 45 ÷ 75 = 0.6 in place of 0.8: 19.4667 ÷ 24 × 100 = 81.11
    return Example(worked.park(), {}, "81.94", "energy_use.clean_energy", {"y3": "45"}, "81.11")


def supply_chain() -> Example:
    """Section 2 of docs/criteria.md: all by hand."""
    rows = {f"{group}.{row}": points for group, given in worked.GIVEN.items() for row, points in given.items()}
    answers = {"c_suppliers": {"low_risk": "75"}, "c_recycling": {"products": "60", "packaging": "80"}}
    # the reviewer counts recycled products anew, and gives 2 points in place of 3
    return Example(answers, rows, "80.00", "recycling.products", {"value": "40"}, "79.00")


EXAMPLES = {"factory": factory, "park": park, "supply_chain": supply_chain}
