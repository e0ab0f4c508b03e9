"""The whole evaluation in depth: each category, by oneself and by a third-party body, from the draft to the figures."""

from __future__ import annotations

import pytest

from tests.applications import filled
from tests.journeys.evaluation import HEBEI, HEILONGJIANG, Evaluation, issue
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(300), pytest.mark.django_db]


@pytest.mark.parametrize("mode", ["self", "body"])
@pytest.mark.clause("HLJ-13", "HLJ-22", "HLJ-23", "HLJ-24a")
def test_a_factory_by_the_set_of_2025(world: World, mode: str) -> None:
    filled.load_rules()
    issue("heilongjiang")
    Evaluation(world, HEILONGJIANG, "factory", mode).told()


@pytest.mark.parametrize("mode", ["self", "body"])
@pytest.mark.clause("HEB-1b", "HEB-2.2c", "HEB-2.4a", "HEB-2.4d")
def test_a_park(world: World, mode: str) -> None:
    filled.load_rules()
    Evaluation(world, HEBEI, "park", mode).told()


@pytest.mark.parametrize("mode", ["self", "body"])
@pytest.mark.clause("HEB-1b", "HEB-2.3a", "HEB-2.4d")
def test_a_supply_chain_firm(world: World, mode: str) -> None:
    filled.load_rules()
    Evaluation(world, HEBEI, "supply_chain", mode).told()
