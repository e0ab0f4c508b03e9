"""docs/criteria-factory.md: examples worked out by hand; the portal gives every figure from the answers written there."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from greenlist.policy.engine import scoring
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.scoring import Verdict
from tests.policy import counted

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = re.split(r"^## ", (ROOT / "docs/criteria-factory.md").read_text(encoding="utf-8"), flags=re.M)[1:]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("（")[0])
def test_the_portal_gives_the_figures_worked_out_by_hand(example):
    block = re.search(r"^```toml\n(.*?)^```$", example, flags=re.M | re.S)
    assert block
    given = tomllib.loads(block[1])
    criteria = load_criteria(given["set"], (ROOT / f"fixtures/criteria/{given['set']}.toml").read_bytes())
    verdicts = {path: Verdict(points=Decimal(points), note="x") for path, points in given.get("by_hand", {}).items()}
    found = scoring.evaluate(criteria, given["data"], verdicts=verdicts, values=counted.values(criteria, given["data"]))
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ?([\d.]*) \|[^|\n]*\| ([\d.]+) \|$", example, flags=re.M)
    assert rows
    for path, value, points in rows:
        row = found.row(path)
        assert (path, row.points) == (path, Decimal(points))
        assert row.value == (Decimal(value) if value else None), path
    scores = dict(re.findall(r"^\| `(\w+)` \|[^|\n]*\| ([\d.]+) \|$", example, flags=re.M))
    assert scores == {group.key: str(group.score) for group in found.groups if group.key in scores}
    total = re.search(r"^总分：\*\*([\d.]+)\*\*$", example, flags=re.M)
    assert total
    assert (found.total, found.met, found.provisional) == (Decimal(total[1]), True, False)


def test_every_shipped_factory_set_has_an_example():
    sets = {re.search(r'^set = "(.*)"$', example, flags=re.M)[1] for example in EXAMPLES}
    assert sets >= {"factory-2025", "factory-2018"}
