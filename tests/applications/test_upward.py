"""From a list to the next one up: what the lower list's rules ask, reasons given in spite of a warning, a prefilled start."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Call, CheckRun, Override
from applications.selectors import batches as batch_reads
from applications.selectors import upward as reads
from applications.services import batches, checks, screening, upward
from applications.states import State
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed, Refused, WrongState
from greenlist.policy.engine.types import Outcome
from tests import factories
from tests.applications import county, filled
from tests.registry import upper
from tests.world import World

AT = county.START


@pytest.fixture
def call(world: World) -> Call:
    return upper.open_call(world, "hebei-provincial")


def at_city(world: World, call: Call, state: str = State.SCREENING, **given: Any) -> Application:
    row = county.case(world, call, county="130300", **given)
    row.reached = 2
    step = {State.SCREENING: "city", State.PASSED: "send"}[State(state)]
    Application.objects.filter(pk=row.pk).update(step=step, state=state, reached=2)
    row.refresh_from_db()
    return row


def found(case: Application) -> dict[str, tuple[str, str]]:
    return {
        one.rule: (one.outcome.value, one.clause)
        for one in checks.look(case=case, point="recommend", at=AT)
        if one.rule.startswith("upward.")
    }


@pytest.mark.clause("QHD-11", "SJZ-all")
def test_the_lower_list_asks_for_itself_first_and_only_warns(world: World, call: Call) -> None:
    case = at_city(world, call)
    county.open_call(world)
    assert found(case) == {"upward.city_first": ("warn", "QHD-11")}
    said = checks.look(case=case, point="recommend", at=AT)
    assert any("第十一条" in text for one in said for text in one.evidence)
    elsewhere = at_city(world, call, organisation=world.orgs["sjz"])
    assert found(elsewhere) == {"upward.city_first": ("warn", "SJZ-11")}
    factories.title(world.site, "city")
    assert {outcome for outcome, _clause in found(case).values()} == {"clear"}
    assert not [one for one in checks.look(case=case, point="apply", at=AT) if one.rule.startswith("upward.")]


@pytest.mark.clause("QHD-N3d")
@pytest.mark.parametrize("wanted", ["warn", "block"])
def test_the_upward_check_cites_both_and_the_call_says_how_grave_it_is(world: World, call: Call, wanted: str) -> None:
    case = at_city(world, call)
    county.open_call(world, values={"city_first": wanted})
    assert found(case) == {
        "upward.city_first": ("warn", "QHD-11"),
        "upward.city_first_notice": (wanted, "QHD-N3d"),
    }


def checked(world: World, case: Application) -> None:
    checks.run(case=case, point="recommend", actor=SYSTEM, at=AT)


@pytest.mark.clause("QHD-11", "HEB-2.3b")
def test_a_warning_is_overridden_with_a_reason_by_who_recommends(world: World, call: Call) -> None:
    county.open_call(world)
    case = at_city(world, call)
    given = {"actor": world.actor("city_handler"), "at": AT, "reference": case.reference, "rule": "upward.city_first"}
    with pytest.raises(WrongState):  # nothing was checked yet
        upward.override(**given, reason="省厅点名")
    checked(world, case)
    with pytest.raises(Invalid):
        upward.override(**given, reason=" ")
    with pytest.raises(NotAllowed):
        upward.override(**given | {"actor": world.actor("applicant")}, reason="省厅点名")
    with pytest.raises(WrongState):
        upward.override(**given | {"rule": "eligibility.located"}, reason="省厅点名")
    upward.override(**given, reason="省厅点名，基础扎实")
    assert reads.without_reason(case, screening_findings(case)) == []
    page = world.client("city_handler").get(reverse("applications:review", args=[case.reference])).content.decode()
    assert "省厅点名，基础扎实" in page


def screening_findings(case: Application) -> tuple[Any, ...]:
    newest = CheckRun.objects.filter(application=case).latest("pk")
    return checks.findings_of(newest)


@pytest.mark.clause("QHD-11")
def test_a_batch_waits_for_the_reason_and_carries_it(world: World, call: Call) -> None:
    county.open_call(world)
    case = at_city(world, call)
    county.answer_all(world, case, AT, handler="city_handler")
    screening.propose(actor=world.actor("city_handler"), at=AT, reference=case.reference, outcome="pass")
    screening.sign(actor=world.actor("city_approver"), at=AT, reference=case.reference)
    batch = batches.start(actor=world.actor("city_handler"), at=AT, call=call)
    batches.add(actor=world.actor("city_handler"), at=AT, reference=batch.reference, cases_=[case.reference])
    county.write(world, batch, AT, handler="city_handler")
    given = {"actor": world.actor("city_handler"), "at": AT, "reference": batch.reference}
    with pytest.raises(Refused) as refused:
        batches.hand_over(**given)
    assert refused.value.clause == "QHD-11"
    checked(world, case)
    upward.override(
        actor=world.actor("city_handler"), at=AT, reference=case.reference, rule="upward.city_first", reason="特殊情况"
    )
    batches.hand_over(**given)
    view = batch_reads.view(world.actor("city_approver"), batch.reference, on=AT.date())
    batches.sign(actor=world.actor("city_approver"), at=AT, reference=batch.reference, digest=view.digest)
    batch = batches.send(actor=world.actor("city_approver"), at=AT, reference=batch.reference)
    assert batch.frozen["units"][0]["overrides"][0]["reason"] == "特殊情况"
    case.refresh_from_db()
    assert (case.state, case.step, case.desk) == (State.FORWARDED, "outcome", world.city)


def test_a_title_that_comes_later_needs_no_reason(world: World, call: Call) -> None:
    case = at_city(world, call)
    checked(world, case)
    assert [one.outcome for one in reads.overridable(screening_findings(case))] == [Outcome.WARN]
    factories.title(world.site, "city")
    checked(world, case)
    assert reads.overridable(screening_findings(case)) == []
    assert not Override.objects.exists()


# ---- the next tier ----------------------------------------------------------------------------------------------------
def listed(world: World) -> Application:
    """On the city's list, by a whole report."""
    lower = filled.submitted(world, filled.open_call(world))
    Application.objects.filter(pk=lower.pk).update(state=State.LISTED, desk=None)
    factories.title(world.site, "city", valid_from=date(2026, 1, 1))
    return lower


def test_a_listed_unit_is_offered_the_open_call_above_and_starts_from_what_is_known(world: World) -> None:
    filled.load_rules()
    lower = listed(world)
    actor = world.actor("applicant")
    assert reads.openings(actor, filled.SPRING) == []
    call = upper.open_call(world, "hebei-provincial")
    (offered,) = reads.openings(actor, filled.SPRING)
    assert (offered.call, offered.site) == (call, world.site)
    client = world.client("applicant")
    assert call.title in client.get(reverse("applications:cases")).content.decode()
    later = filled.SPRING + timedelta(days=1)
    case = upward.apply(actor=actor, at=later, call_id=call.pk, site_id=world.site.pk)
    assert case.grown_from == lower and case.report.origins
    assert {one["kind"] for one in case.report.origins.values()} >= {"lower"}
    again = upward.apply(actor=actor, at=later, call_id=call.pk, site_id=world.site.pk)
    assert again == case and reads.openings(actor, filled.SPRING) == []


def test_nobody_else_starts_it(world: World) -> None:
    filled.load_rules()
    listed(world)
    call = upper.open_call(world, "hebei-provincial")
    sent = {"call": call.pk, "site": world.site.pk}
    assert world.client("rival").post(reverse("applications:upward"), sent).status_code == 404
    assert world.client("city_handler").post(reverse("applications:upward"), sent).status_code == 403
    assert world.client("applicant").post(reverse("applications:upward"), sent).status_code == 302


@pytest.mark.clause("QHD-18")
def test_a_listed_unit_sees_how_far_it_is_from_the_lists_above(
    world: World, django_assert_max_num_queries: Any
) -> None:
    county.load_rules()
    page = reverse("dynamics:upgrade")
    assert "尚无在册称号" in world.client("applicant").get(page).content.decode()
    factories.title(world.site, "city")
    found = upward.gaps(actor=world.actor("applicant"), at=AT)
    named = {(one.bound.header.slug, one.category) for one in found}
    assert {("hebei-provincial", "factory"), ("hebei-national", "factory"), ("hebei-national", "supply_chain")} <= named
    national = next(one for one in found if one.bound.header.slug == "hebei-national" and one.category == "factory")
    assert ("prerequisite.provincial_factory", Outcome.BLOCK) in [(one.rule, one.outcome) for one in national.findings]
    client = world.client("applicant")
    client.get(page)
    with django_assert_max_num_queries(40):
        shown = client.get(page).content.decode()
    assert "已列入省级绿色工厂名单" in shown
    factories.title(world.site, "province")
    left = upward.gaps(actor=world.actor("applicant"), at=AT)
    assert "hebei-provincial" not in {one.bound.header.slug for one in left if one.category == "factory"}
