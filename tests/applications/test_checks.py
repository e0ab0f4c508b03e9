"""Checks of cases against the rules: kept as they were, few queries however many cases, what the county sees."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from applications import selectors
from applications.facts import gather
from applications.models import CheckRun
from applications.services import checks
from greenlist.policy import words
from greenlist.policy.engine.types import Outcome
from tests import factories
from tests.applications import county
from tests.world import World

MAY = datetime.fromisoformat("2026-05-06T10:00:00+08:00")


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


def test_a_run_is_kept_as_it_was(world: World, call: Any) -> None:
    case = county.case(world, call)
    found = checks.run(case=case, point="recommend", actor=world.actor("county_handler"), at=MAY)
    run = CheckRun.objects.get()
    assert checks.findings_of(run) == found
    assert (run.point, run.outcome, run.by, run.on) == ("recommend", "clear", world.county.name, date(2026, 5, 6))
    factories.adverse(world.org, "safety", date(2026, 5, 1), 3)
    assert checks.latest(case) == found  # what was found then stays
    again = checks.run(case=case, point="recommend", actor=world.actor("county_handler"), at=MAY)
    assert checks.gravest(again) is Outcome.BLOCK
    assert checks.latest(case) == again


@pytest.mark.clause("QHD-8")
def test_looking_keeps_nothing(world: World, call: Any) -> None:
    case = county.case(world, call)
    assert checks.look(case=case, point="recommend", at=MAY)
    assert not CheckRun.objects.exists()
    assert checks.look(case=case, point="", at=MAY) == ()


@pytest.mark.clause("QHD-5.4")
def test_an_ungraded_accident_and_a_repaired_listing_ask_for_a_person(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, "quality", date(2026, 1, 1), 0)
    factories.adverse(world.org, "serious_dishonesty", date(2024, 1, 1), ended_on=date(2025, 1, 1))
    found = {one.rule: one.outcome for one in checks.look(case=case, point="recommend", at=MAY)}
    assert found["veto.accident"] is Outcome.CONFIRM
    assert found["veto.was_dishonest"] is Outcome.CONFIRM
    assert found["veto.dishonest"] is Outcome.CLEAR


@pytest.mark.clause("QHD-5.4")
def test_a_young_firm_is_looked_at_from_its_founding(world: World, call: Any) -> None:
    case = county.case(world, call)
    factories.adverse(world.org, "safety", date(2024, 1, 1), 3)
    assert checks.gravest(checks.look(case=case, point="recommend", at=MAY)) is Outcome.BLOCK
    type(world.org).objects.filter(pk=world.org.pk).update(founded_on=date(2025, 1, 1))
    found = {one.rule: one for one in checks.look(case=case, point="recommend", at=MAY)}["veto.accident"]
    assert (found.outcome, found.code) == (Outcome.CONFIRM, "veto.before")  # the date or the record is wrong
    with translation.override("en"):
        assert "before the founding day" in words.sentence(found)
    type(world.org).objects.filter(pk=world.org.pk).update(founded_on=date(2023, 12, 31))
    assert checks.gravest(checks.look(case=case, point="recommend", at=MAY)) is Outcome.BLOCK


def test_many_cases_cost_as_few_queries_as_one(world: World, call: Any) -> None:
    cases = [county.case(world, call, organisation=county.firm(world, "130302", 7000 + serial)) for serial in range(30)]
    actor = world.actor("county_handler")
    checks.look_many(cases=cases[:1], point="recommend", at=MAY)

    def cost(count: int) -> int:
        with CaptureQueriesContext(connection) as caught:
            checks.run_many(cases=cases[:count], point="recommend", actor=actor, at=MAY)
        return len(caught)

    assert cost(3) == cost(30) <= 14
    single = checks.look(case=cases[0], point="recommend", at=MAY)
    assert checks.look_many(cases=cases, point="recommend", at=MAY)[cases[0].pk] == single


def test_facts_are_those_of_the_case_alone(world: World, call: Any) -> None:
    here, there = county.case(world, call), county.case(world, call, organisation=world.orgs["rival"])
    factories.title(world.site, "province", listing="河北省绿色工厂")
    factories.adverse(world.orgs["rival"], "tax_offence", date(2025, 5, 1))
    known = gather([here, there], selectors.rules_of(call), "recommend", MAY.date())
    titles = "site.titles.same_category"
    assert [str(one) for one in known[here.pk].facts[titles]] == ["河北省绿色工厂"]
    assert known[there.pk].facts[titles] == ()
    assert [event.kind for event in known[there.pk].events] == ["tax_offence"]
    assert known[here.pk].events == ()
