"""The panel's total by the rule set's own arithmetic, worked out by hand (JY-15b, HLJ-18b, feature 18)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, CallValues, Sheet
from greenlist.policy.facts_table import FACTS
from tests.policy.test_new_place import FILES

TABLE = [
    # given, mean, median, trimmed by one at each end
    (("79.9",), "79.90", "79.90", "79.90"),
    (("80.0",), "80.00", "80.00", "80.00"),
    (("79.9", "80.0"), "79.95", "79.95", "79.95"),
    (("60", "90", "92"), "80.67", "90.00", "90.00"),
    (("88", "90", "92"), "90.00", "90.00", "90.00"),
    (("10", "79", "80", "100"), "67.25", "79.50", "79.50"),
    (("70", "80", "80", "80", "99"), "81.80", "80.00", "80.00"),
    (("0", "79.99", "80", "80.01", "100"), "68.00", "80.00", "80.00"),
]


def bound(aggregate: str, drop: int = 0) -> tuple[BoundPolicy, str]:
    found = engine.bind(engine.load(FILES, FACTS), CallValues())
    rule = replace(found.scores["panel"], aggregate=aggregate, drop=drop)
    return replace(found, scores={"panel": rule}), "panel"


@pytest.mark.clause("JY-15b")
@pytest.mark.parametrize(("given", "mean", "median", "trimmed"), TABLE)
def test_totals(given: tuple[str, ...], mean: str, median: str, trimmed: str) -> None:
    sheets = [Sheet(str(number), Decimal(one), None) for number, one in enumerate(given)]
    for (rules, key), expected in (
        (bound("mean"), mean),
        (bound("median"), median),
        (bound("trimmed_mean", 1), trimmed),
    ):
        found = engine.aggregate(rules, sheets, key)
        assert found.total == Decimal(expected)
        assert found.passed is (Decimal(expected) >= 80)
        assert engine.aggregate(rules, sheets[::-1], key) == found


@pytest.mark.parametrize(("given", "wide"), [(("60", "90", "92"), True), (("88", "90", "92"), False)])
def test_wide_apart_asks_for_another_opinion(given: tuple[str, ...], wide: bool) -> None:
    rules, key = bound("trimmed_mean", 1)  # the spread is of all scores, not of those left
    sheets = [Sheet(str(number), Decimal(one), None) for number, one in enumerate(given)]
    assert bool(engine.aggregate(rules, sheets, key).findings) is wide
