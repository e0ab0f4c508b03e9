"""An applicant learns of a proposed list with the public notice, not before (R3)."""

from __future__ import annotations

from typing import Any

import pytest

from applications import selectors
from applications.documents import dossier
from applications.models import Application
from applications.selectors import outside, told
from applications.services import cases, submission
from applications.states import State
from greenlist.core.actors import SYSTEM
from reviews.services import decisions
from tests.applications import county
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db


def test_proposed_is_told_with_the_notice(world: World) -> None:
    from registry.services import notices

    county.load_rules()
    call: Any = county.open_call(world)
    case: Application = reviews.recommended(world, call)
    draft = registry.drafted(world, call, [case])
    case.refresh_from_db()
    assert case.state == State.PROPOSED
    label = str(State.PROPOSED.label)
    pages = [
        f"/cases/{case.reference}/",
        f"/cases/{case.reference}/history/",
        "/cases/",
        "/work/",
        f"/search/?q={case.code}",
    ]
    for page in pages:
        assert label not in world.client("applicant").get(page).content.decode(), page
    assert label in world.client("city_handler").get(f"/cases/{case.reference}/").content.decode()
    notices.publish(actor=world.actor("city_approver"), reference=draft.reference, at=registry.PUBLISHED)
    shown = world.client("applicant").get(f"/cases/{case.reference}/").content.decode()
    assert str(State.ON_NOTICE.label) in shown


@pytest.mark.authz
@pytest.mark.parametrize("later", [False, True])
def test_step_day_revision_and_receipt_tell_no_more_than_the_state(world: World, later: bool) -> None:
    """Each of them changes when a unit is proposed: read before and after, they would give the result away."""
    county.load_rules()
    call: Any = county.open_call(world)
    case: Application = reviews.recommended(world, call)
    reviews.concluded(world, [case])
    actor, bound, at = world.actor("applicant"), selectors.rules_of(call), registry.PUBLISHED
    decision = decisions.create(actor=world.actor("city_handler"), call=call, title="评定", at=at)
    before = shown(case, actor)
    receipt = world.client("applicant").get(f"/cases/{case.reference}/receipt/").context["receipt"]
    ruling = {case.reference: decisions.Ruling("propose", "同意")}
    meeting = decisions.Meeting(on=at.date(), participants="甲、乙", announce_later=later)
    given: dict[str, Any] = {"reference": decision.reference, "at": at}
    draft = decisions.Draft("评定", rulings=ruling, meeting=meeting)
    decisions.hand_over(actor=world.actor("city_handler"), draft=draft, **given)
    decisions.approve(actor=world.actor("city_approver"), **given)
    now = Application.objects.get(pk=case.pk)
    assert (now.state, bound.step(now.step).key) != (before[0], before[1]) and now.revision > before[3]
    assert shown(case, actor) == before
    assert world.client("applicant").get(f"/cases/{case.reference}/receipt/").context["receipt"] == receipt
    page = world.client("applicant").get(f"/cases/{case.reference}/withdraw/")
    assert page.context["form"].initial["revision"] == before[3]
    ended = submission.withdraw(actor=actor, at=at, reference=case.reference, reason="停产", revision=before[3])
    assert told.as_told(Application.objects.get(pk=ended.pk), actor).state == State.WITHDRAWN


@pytest.mark.authz
def test_who_is_told_that_it_is_over_reads_so_although_the_decision_is_kept_back(world: World) -> None:
    """Otherwise a disqualified case, or one a department sent back, would read “under overall review” for ever."""
    county.load_rules()
    call: Any = county.open_call(world)
    case: Application = reviews.recommended(world, call)
    reviews.concluded(world, [case])
    Application.objects.filter(pk=case.pk).update(untold_step="decide")
    page, client = f"/cases/{case.reference}/", world.client("applicant")
    assert told.as_told(Application.objects.get(pk=case.pk), world.actor("applicant")).state == State.DECIDING
    row = Application.objects.select_related(*cases.CASE_ROWS).get(pk=case.pk)
    cases.move(row, "disqualify", row.disqualify, actor=SYSTEM, at=registry.PUBLISHED, desk=None, opinion="查实")
    assert Application.objects.get(pk=case.pk).untold_step == ""
    assert str(State.DISQUALIFIED.label) in client.get(page).content.decode()


def shown(case: Application, actor: Any) -> tuple[Any, ...]:
    """As the interface lists it."""
    row = told.as_told(outside.cases_of(actor).get(pk=case.pk), actor)
    return row.state, row.step, row.due_on, row.revision, row.desk and row.desk.name, row.handler_id


@pytest.mark.authz
def test_whose_desk_it_lies_on_by_now_is_not_told_either(world: World) -> None:
    """Where the next step is another authority's, its name alone would say that the unit was proposed."""
    county.load_rules()
    call: Any = county.open_call(world)
    case: Application = reviews.recommended(world, call)
    reviews.concluded(world, [case])
    pages = (f"/cases/{case.reference}/", f"/cases/{case.reference}/history/", "/cases/", "/work/")
    elsewhere = world.province.name
    rows = Application.objects.filter(pk=case.pk)
    client, actor = world.client("applicant"), world.actor("applicant")
    kept = dossier.dossier(rows.get(), actor).digest
    rows.update(desk=world.province, state=State.ON_NOTICE)  # told: everybody may read it
    assert elsewhere in client.get(pages[0]).content.decode() and elsewhere in client.get("/cases/").content.decode()
    for given in ({"state": State.PROPOSED}, {"state": State.APPROVING, "untold_step": "decide"}):
        rows.update(desk=world.province, **given)
        for page in pages:
            assert elsewhere not in client.get(page).content.decode(), (page, given)
        assert world.city.name in client.get(pages[0]).content.decode()
        assert shown(case, actor)[4] == world.city.name
        assert dossier.dossier(rows.get(), actor).digest == kept  # nor does a file that is made anew say so
        officials = world.client("city_handler").get(pages[0]).content.decode()
        assert elsewhere in officials
