"""What each rule set wants a unit to be on already before it is recommended a tier higher: a bar, or a warning with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import Held, Outcome
from tests.policy.test_cases import ON, bind

SAME, FACTORY = "site.titles.same_category", "site.titles.factory"


def said(slug: str, category: str, rule: str, facts: dict[str, Any]) -> Outcome:
    found = engine.check(bind(slug, category), "recommend", facts, (), ON)
    (one,) = [finding for finding in found if finding.rule == f"prerequisite.{rule}"]
    return one.outcome


@pytest.mark.parametrize(
    ("slug", "category", "rule", "fact", "lacks", "has", "outcome"),
    [
        pytest.param(*row, marks=pytest.mark.clause(clause))
        for *row, clause in [
            ("hebei-national", "factory", "provincial_factory", SAME, "city", "province", Outcome.BLOCK, "HEB-1c"),
            ("hebei-national", "park", "provincial_first", SAME, "city", "province", Outcome.WARN, "HEB-1c"),
            ("hebei-national", "supply_chain", "factory_first", FACTORY, "city", "province", Outcome.WARN, "HEB-2.3b"),
            ("heilongjiang", "factory", "pooled", SAME, "province", "city", Outcome.WARN, "HLJ-14c"),
            ("heilongjiang-national", "factory", "provincial", SAME, "city", "province", Outcome.BLOCK, "HLJ-21c"),
            # a provincial title is not enough here, unlike HEB-2.3b
            (
                *("heilongjiang-national", "supply_chain", "national_factory", FACTORY),
                *("province", "nation", Outcome.WARN, "HLJ-21e"),
            ),
            ("jieyang-province", "park", "on_city_list", SAME, "province", "city", Outcome.BLOCK, "JY-16"),
        ]
    ],
)
def test_a_title_that_is_lacking_bars_or_warns(
    slug: str, category: str, rule: str, fact: str, lacks: str, has: str, outcome: Outcome
) -> None:
    for held in ((), (Held(lacks, "名单"),)):
        assert said(slug, category, rule, {fact: held}) is outcome
    assert said(slug, category, rule, {fact: (Held(has, "名单"),)}) is Outcome.CLEAR
