"""A list that a higher tier publishes: the province calls, cities receive, other conditions for each category (HEB)."""

from datetime import date, datetime
from typing import Any

import pytest

from applications.models import Application, Call
from applications.selectors import drafts as reads
from applications.selectors.batches import cell, table_of
from applications.selectors.calls import rule_sets_of, rules_of
from applications.services import checks, drafts
from applications.states import State
from greenlist.organisations.models import Title
from greenlist.policy.engine.types import Outcome
from tests import factories
from tests.applications import filled
from tests.world import World

MAY = datetime.fromisoformat("2026-05-20T10:00:00+08:00")


@pytest.fixture
def rules(world: World) -> None:
    filled.load_rules()


def call_of(world: World, category: str, place: str = "hebei-national", **changes: Any) -> Call:
    return filled.open_call(world, place, category=category, title="申报通知", **changes)


def title(world: World, tier: str, category: str = "factory") -> Title:
    return Title.objects.create(
        site=world.site, category=category, tier=tier, listing=f"{tier} 名单", valid_from=date(2024, 1, 1)
    )


def found(case: Application, rule: str, point: str = "apply") -> tuple[Outcome, str]:
    finding = next(one for one in checks.look(case=case, point=point, at=MAY) if one.rule == rule)
    return finding.outcome, finding.clause


@pytest.mark.clause("HEB-0", "HEB-1a", "HEB-1c")
def test_a_provincial_factory_goes_straight_to_its_city(world: World, rules: None) -> None:
    case = filled.start(world, call_of(world, "factory"))
    assert case.report.form == "factory-national-1"
    filled.fill(world, case)
    with pytest.raises(checks.Blocked) as blocked:
        filled.submit(world, case, at=MAY)
    assert blocked.value.clause == "HEB-1c"
    title(world, "province")
    filled.submit(world, case, at=MAY)
    case.refresh_from_db()
    assert (case.state, case.step, case.desk) == (State.SCREENING, "city", world.city)
    seen = Application.objects.visible_to
    assert seen(world.actor("city_handler")).get() == case
    for other in ("other_city_handler", "dingzhou_handler", "xiongan_handler", "province_handler"):
        assert not seen(world.actor(other)).exists()


@pytest.mark.clause("HEB-2.2a", "HEB-1c")
@pytest.mark.parametrize(("industry", "outcome"), [("5000", Outcome.BLOCK), ("5010", Outcome.CLEAR)])
def test_what_a_park_answers_is_what_is_checked(world: World, rules: None, industry: str, outcome: Outcome) -> None:
    case = filled.start(world, call_of(world, "park"))
    assert case.report.form == "park-self-1"
    assert found(case, "eligibility.added_value") == (Outcome.CONFIRM, "HEB-2.2a")  # nothing is answered yet
    row = reads.draft_of(case, reads.form_of(case)).rows["conditions"]
    answers = {"added_value_industry": industry, "added_value_all": "10000", "one_body": False}
    drafts.save_section(
        actor=world.actor("applicant"), at=MAY, reference=case.reference, section="conditions", answers=answers,
        version=row.version,
    )  # fmt: skip
    assert found(case, "eligibility.added_value") == (outcome, "HEB-2.2a")
    assert found(case, "eligibility.one_body") == (Outcome.BLOCK, "HEB-2.2a")
    assert found(case, "prerequisite.provincial_first") == (Outcome.WARN, "HEB-1c")


@pytest.mark.clause("HEB-2.3b")
def test_a_supply_chain_firm_is_looked_up_as_a_factory_too(world: World, rules: None) -> None:
    case = filled.start(world, call_of(world, "supply_chain"))
    assert case.report.form == "supply-self-1"
    assert found(case, "prerequisite.factory_first") == (Outcome.WARN, "HEB-2.3b")
    title(world, "province", "factory")
    assert found(case, "prerequisite.factory_first") == (Outcome.CLEAR, "HEB-2.3b")
    assert found(case, "prerequisite.provincial_first") == (Outcome.WARN, "HEB-1c")  # that is about its own list


@pytest.mark.clause("HEB-1d.0")
def test_a_veto_warns_first_and_bars_at_recommendation(world: World, rules: None) -> None:
    case = filled.start(world, call_of(world, "factory"))
    factories.adverse(world.org, "safety", date(2025, 1, 10), 1)
    assert found(case, "veto.accident", "apply") == (Outcome.WARN, "HEB-1d.2")
    assert found(case, "veto.accident", "recommend") == (Outcome.BLOCK, "HEB-1d.2")


@pytest.mark.clause("HEB-A1")
def test_whether_it_is_on_the_provincial_list_comes_from_the_registry(world: World, rules: None) -> None:
    case = filled.start(world, call_of(world, "factory"))
    bound = rules_of(case.call)
    table = table_of(bound)
    assert table is not None
    column = next(one for one in table.columns if one.source == "provincial_list")
    assert cell(column, 1, case, bound) == "否"
    title(world, "province")
    assert cell(column, 1, case, bound) == "是"


@pytest.mark.clause("QHD-3")
def test_an_authority_may_call_for_its_own_list_and_for_one_above_it(world: World, rules: None) -> None:
    """One round a year is counted for each list."""
    first = call_of(world, "factory")
    assert (first.round, first.owner) == (1, world.province)
    slugs = {one.rule_set.slug for one in rule_sets_of(world.actor("hlj_province_handler"))}
    assert slugs == {"heilongjiang", "heilongjiang-national"}
    assert {one.rule_set.slug for one in rule_sets_of(world.actor("city_handler"))} == {"qinhuangdao"}
    assert not rule_sets_of(world.actor("dingzhou_handler"))
