"""Who is put first, who only bears a badge, by the rule sets of the provinces: never a condition (HEB-2, HLJ-7b, HLJ-21b)."""

from __future__ import annotations

from typing import Any

import pytest

from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, CallValues, Candidate
from tests.policy.test_cases import bind, policy_of

ELECTRONICS, GLASS = "3911", "3041"


def with_values(slug: str, category: str, **values: Any) -> BoundPolicy:
    policy = policy_of(slug)
    given = {key: value for key, value in engine.suggest(policy, 2026).items() if value is not None}
    given |= {key: "2026-06-30" for key, ask in policy.asks.items() if ask.type == "day" and ask.required}
    return engine.bind(policy, CallValues(values=given | values, category=category, year=2026))


def earned(bound: BoundPolicy, **facts: Any) -> dict[str, str]:
    known = {key.replace("__", "."): value for key, value in facts.items()}
    return {one.rule: one.clause for one in engine.badges(bound, known)}


@pytest.mark.parametrize(
    ("slug", "clause"),
    [
        pytest.param("hebei-national", "HEB-2.1b", marks=pytest.mark.clause("HEB-2.1b")),
        pytest.param("heilongjiang-national", "HLJ-21b", marks=pytest.mark.clause("HLJ-21b")),
    ],
)
def test_leading_energy_efficiency_goes_ahead(slug: str, clause: str) -> None:
    bound = bind(slug, "factory")
    for level in ("benchmark", "advanced", "grade_1"):
        assert earned(bound, unit__energy_level=level) == {"energy": clause}
    assert not earned(bound, unit__energy_level="other")
    assert not earned(bound)  # not said is nothing earned, and nothing lost
    units = [Candidate("plain", {}), Candidate("leading", {"unit.energy_level": "benchmark"})]
    assert [one.ref for one in engine.order(bound, units)] == ["leading", "plain"]


@pytest.mark.clause("HEB-2.2b")
def test_parks_with_many_green_factories_go_ahead_pilots_and_high_tech_zones_bear_a_badge() -> None:
    bound = with_values("hebei-national", "park", park_green=3)
    assert earned(bound, unit__green_partners=3) == {"green_inside": "HEB-2.2b"}
    assert not earned(bound, unit__green_partners=2)
    encouraged = {"park.low_carbon_pilot": True, "park.kind": "hidz"}
    assert {one.rule: one.sorts for one in engine.badges(bound, encouraged)} == {
        "low_carbon": False,
        "high_tech": False,
    }
    units = [Candidate("pilot", encouraged), Candidate("many", {"unit.green_partners": 4})]
    assert [one.ref for one in engine.order(bound, units)] == ["many", "pilot"]
    silent = with_values("hebei-national", "park")  # the document gives no number: without one nobody is many
    assert not earned(silent, unit__green_partners=99)


@pytest.mark.parametrize(
    ("slug", "clause"),
    [
        pytest.param("hebei-national", "HEB-2.3c", marks=pytest.mark.clause("HEB-2.3c")),
        pytest.param("heilongjiang-national", "HLJ-21b", marks=pytest.mark.clause("HLJ-21b")),
    ],
)
def test_of_supply_chain_firms_industries_green_suppliers_and_pilots_go_ahead(slug: str, clause: str) -> None:
    bound = with_values(slug, "supply_chain", chain_green=5)
    for code in ("3610", "3411", ELECTRONICS, "1711", "3921"):  # vehicles, machinery, electronics, textiles, telecom
        assert earned(bound, org__industry=code) == {"industry": clause}
    assert not earned(bound, org__industry=GLASS, unit__green_partners=4, unit__producer_responsibility=False)
    assert earned(bound, org__industry=GLASS, unit__green_partners=5) == {"green_suppliers": clause}
    assert earned(bound, org__industry=GLASS, unit__producer_responsibility=True) == {"pilot": clause}


@pytest.mark.clause("HLJ-21b")
def test_a_provincial_park_goes_ahead_with_many_and_a_high_share_of_green_factories() -> None:
    bound = with_values("heilongjiang-national", "park", park_green=3, park_share=30)
    good = {"park__level": "province", "unit__green_partners": 3, "unit__green_share": 30}
    assert earned(bound, **good) == {"level": "HLJ-21b"}
    for short in ({"park__level": "city"}, {"unit__green_partners": 2}, {"unit__green_share": 29}):
        assert not earned(bound, **{**good, **short})
    half = with_values("heilongjiang-national", "park", park_green=3)  # with one number of two the rule cannot be asked
    assert not earned(half, **good)


@pytest.mark.clause("HLJ-7b")
def test_the_focus_of_cultivation_is_a_badge_and_neither_condition_nor_rank() -> None:
    bound = bind("heilongjiang", "park")
    for key in ("circular", "micro_grid", "zero_waste", "zero_carbon"):
        (badge,) = engine.badges(bound, {f"park.{key}": True})
        assert (badge.rule, badge.clause, badge.sorts) == (key, "HLJ-7b", False)
        assert not earned(bound, **{f"park__{key}": False})
    units = [Candidate("first", {}), Candidate("second", {"park.zero_carbon": True})]
    assert [one.ref for one in engine.order(bound, units)] == ["first", "second"]
    asked = {test.fact for rule in bound.rules if rule.group != "priority" for test in rule.tests}
    assert not asked & {"park.circular", "park.micro_grid", "park.zero_waste", "park.zero_carbon"}
