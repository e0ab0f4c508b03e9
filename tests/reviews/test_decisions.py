"""The overall review: drawn up by one person, approved by another, frozen (QHD-10a, AZ-14)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from applications.models import Application
from applications.services import cases
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core.audit import digest_of
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from reviews import selectors
from reviews.models import Decision, DecisionItem
from reviews.selectors import decisions as reads
from reviews.services import decisions, panels, seats
from reviews.states import DecisionState, Outcome
from tests import factories
from tests.applications import county
from tests.reviews import stage
from tests.world import World

START = stage.START


@pytest.fixture
def reviewed(world: World, three: list[Application]) -> list[Application]:
    """Three units before the overall review; the panel suggests the first two."""
    said = {three[0].reference: True, three[1].reference: True, three[2].reference: False}
    stage.concluded(world, three, said)
    return three


def draft_of(rulings: Mapping[str, tuple[str, str]], title: str = "综合审查") -> decisions.Draft:
    return decisions.Draft(title, "", {key: decisions.Ruling(*value) for key, value in rulings.items()})


def hand_over(world: World, decision: Decision, **rulings: Any) -> Decision:
    given = {"draft": draft_of(rulings["rulings"])} if rulings else {}
    return decisions.hand_over(actor=world.actor("city_handler"), reference=decision.reference, at=START, **given)


def complete(world: World, call: Any, reviewed: list[Application]) -> Decision:
    """Two proposed, one declined with its reason, before the approver."""
    return hand_over(
        world, stage.drafted(world, call), rulings={reviewed[2].reference: (Outcome.DECLINE, "指标证据不足")}
    )


# ---- drawing up -------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-10a")
def test_a_draft_takes_in_what_waits_as_the_panel_suggests(
    world: World, call: Any, reviewed: list[Application]
) -> None:
    actor = world.actor("city_handler")
    assert set(selectors.cases_for_decision(actor)) == set(reviewed)
    decision = stage.drafted(world, call)
    assert (decision.state, decision.step, decision.four_eyes) == (DecisionState.DRAFTING, "decide", True)
    outcomes = {item.application_id: item.outcome for item in decision.items.all()}
    assert [outcomes[row.pk] for row in reviewed] == [Outcome.PROPOSE, Outcome.PROPOSE, Outcome.DECLINE]
    assert not selectors.cases_for_decision(actor).exists()
    assert list(selectors.decisions_to_draw_up(actor)) == [decision]
    with pytest.raises(Invalid):
        stage.drafted(world, call)


@pytest.mark.authz
def test_a_handler_draws_up_and_nobody_else(world: World, call: Any, reviewed: list[Application]) -> None:
    def create(character: str) -> Decision:
        return decisions.create(actor=world.actor(character), call=call, title="综合审查", at=START)

    for character in ("city_approver", "expert", "applicant", "supervisor", "anonymous"):
        with pytest.raises(NotAllowed):
            create(character)
    for character in ("other_city_handler", "county_handler", "province_handler"):
        with pytest.raises(Invalid):  # nothing waits at their desks
            create(character)
    decision = create("city_handler")
    assert reads.get(world.actor("city_approver"), decision.reference) == decision
    for character in ("other_city_handler", "county_handler", "province_approver", "expert", "applicant", "anonymous"):
        with pytest.raises(NotVisible):
            reads.get(world.actor(character), decision.reference)
        with pytest.raises(NotVisible):
            decisions.hand_over(actor=world.actor(character), reference=decision.reference, at=START)


def test_a_draft_is_saved_incomplete_and_a_stale_page_is_told(
    world: World, call: Any, reviewed: list[Application]
) -> None:
    actor, decision = world.actor("city_handler"), stage.drafted(world, call)
    seen, key = decision.version, reviewed[0].reference
    decisions.save(actor=actor, reference=decision.reference, version=seen, draft=draft_of({key: ("", "")}), at=START)
    assert DecisionItem.objects.get(application=reviewed[0]).outcome == ""
    with pytest.raises(Conflict):
        decisions.save(actor=actor, reference=decision.reference, version=seen, draft=draft_of({}), at=START)
    with pytest.raises(Invalid):
        decisions.save(
            actor=actor, reference=decision.reference, version=seen + 1, draft=draft_of({key: ("listed", "")}), at=START
        )


def test_units_are_left_out_and_taken_in_again(world: World, call: Any, reviewed: list[Application]) -> None:
    actor, decision = world.actor("city_handler"), stage.drafted(world, call)
    decisions.leave_out(actor=actor, reference=decision.reference, case=reviewed[0].reference, at=START)
    assert decision.items.count() == 2
    assert list(selectors.cases_for_decision(actor)) == [reviewed[0]]
    made = decisions.take_in(actor=actor, reference=decision.reference, at=START)
    assert [item.application_id for item in made] == [reviewed[0].pk]
    with pytest.raises(NotVisible):
        decisions.leave_out(actor=actor, reference=decision.reference, case="nowhere", at=START)
    decisions.cancel(actor=actor, reference=decision.reference, at=START)
    assert selectors.cases_for_decision(actor).count() == 3


@pytest.mark.clause("QHD-10a")
def test_declining_and_deviating_need_a_reason(world: World, call: Any, reviewed: list[Application]) -> None:
    decision = stage.drafted(world, call)
    first, last = reviewed[0].reference, reviewed[2].reference
    with pytest.raises(
        Invalid
    ) as refused:  # the panel does not suggest it: agreeing declines, the applicant needs reasons
        hand_over(world, decision)
    assert list(refused.value.problems) == [f"reason-{last}"]
    with pytest.raises(Invalid) as refused:  # against the panel, both ways
        hand_over(world, decision, rulings={first: (Outcome.DECLINE, ""), last: (Outcome.PROPOSE, "")})
    assert set(refused.value.problems) == {f"reason-{first}", f"reason-{last}"}
    with pytest.raises(Invalid) as refused:
        hand_over(world, decision, rulings={first: ("", ""), last: (Outcome.DECLINE, "证据不足")})
    assert list(refused.value.problems) == [f"outcome-{first}"]
    rulings = {first: (Outcome.DECLINE, "现场核实不符"), last: (Outcome.PROPOSE, "补充证据后符合")}
    assert hand_over(world, decision, rulings=rulings).state == DecisionState.TO_APPROVE
    told = Notification.objects.filter(kind="decision.to_approve", channel="portal")
    assert [(row.recipient_id, row.params["count"]) for row in told] == [(world.user("city_approver").pk, 2)]


def test_what_was_handed_over_cannot_be_edited(world: World, call: Any, reviewed: list[Application]) -> None:
    actor, decision = world.actor("city_handler"), complete(world, call, reviewed)
    for act in (
        lambda: decisions.save(
            actor=actor, reference=decision.reference, version=decision.version, draft=draft_of({}), at=START
        ),
        lambda: decisions.hand_over(actor=actor, reference=decision.reference, at=START),
        lambda: decisions.cancel(actor=actor, reference=decision.reference, at=START),
        lambda: decisions.leave_out(actor=actor, reference=decision.reference, case=reviewed[0].reference, at=START),
        lambda: decisions.take_in(actor=actor, reference=decision.reference, at=START),
    ):
        with pytest.raises(WrongState):
            act()


# ---- approving --------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-10a")
def test_approval_freezes_the_list_and_each_case_goes_its_way(
    world: World, call: Any, reviewed: list[Application]
) -> None:
    decision = complete(world, call, reviewed)
    shown = reads.content_digest(decision)
    decision = decisions.approve(
        actor=world.actor("city_approver"), reference=decision.reference, digest=shown, at=START
    )
    assert (decision.state, decision.approved_by_id) == (DecisionState.APPROVED, world.user("city_approver").pk)
    assert decision.digest == digest_of(decision.frozen)
    assert [unit["outcome"] for unit in decision.frozen["units"]].count(Outcome.PROPOSE) == 2
    assert (decision.frozen["proposed_by"], decision.frozen["approved_by"]) == ("秦皇岛经办", "秦皇岛审批")
    for row in reviewed:
        row.refresh_from_db()
    assert [(row.state, row.step, row.desk) for row in reviewed] == [
        (State.PROPOSED, "notice", world.city),
        (State.PROPOSED, "notice", world.city),
        (State.NOT_LISTED, "decide", None),
    ]
    assert reviewed[2].timeline.get(verb="decline").opinion == "指标证据不足"
    assert {item.application for item in selectors.approved_items(decision)} == set(reviewed[:2])
    assert list(selectors.approved_decisions(world.actor("city_handler"))) == [decision]
    assert AuditEntry.objects.filter(subject_kind="decision", action="decision.approved").count() == 1
    with pytest.raises(WrongState):
        decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)


def test_the_declined_unit_is_told_its_reasons(world: World, call: Any, case: Application) -> None:
    stage.concluded(world, [case], suggested=False)
    decision = hand_over(
        world, stage.drafted(world, call), rulings={case.reference: (Outcome.DECLINE, "单位产品能耗未达先进水平")}
    )
    assert not Notification.objects.filter(kind="case.not_listed").exists()
    decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    told = Notification.objects.filter(kind="case.not_listed", channel="portal")
    assert {row.recipient_id for row in told} == {world.user("applicant").pk, world.user("colleague").pk}
    assert told[0].params["reason"] == "单位产品能耗未达先进水平"


@pytest.mark.case("AZ-14")
@pytest.mark.authz
def test_two_people_decide(world: World, call: Any, reviewed: list[Application]) -> None:
    """One person with both mandates: the handler's list is approved by somebody else."""
    handler = world.user("city_handler")
    both = factories.mandate(handler, "approver", world.city)
    same_person = accounts.actor_of(both)
    decision = complete(world, call, reviewed)
    with pytest.raises(NotAllowed):
        decisions.approve(actor=same_person, reference=decision.reference, at=START)
    with pytest.raises(NotAllowed):
        decisions.approve(actor=world.actor("city_handler"), reference=decision.reference, at=START)
    assert list(selectors.decisions_to_approve(same_person)) == []
    assert list(selectors.decisions_to_approve(world.actor("city_approver"))) == [decision]
    approved = decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    assert approved.state == DecisionState.APPROVED


@pytest.mark.case("AZ-14")
@pytest.mark.parametrize("part", ["recommended", "scored", "declared"])
def test_who_took_part_earlier_does_not_decide(world: World, call: Any, three: list[Application], part: str) -> None:
    """The county's official, the expert who scored and who declared a tie: none of them approves later as the city."""
    person = {"recommended": "county_handler", "scored": "expert", "declared": "expert2"}[part]
    later = accounts.actor_of(factories.mandate(world.user(person), "approver", world.city))
    if part == "recommended":
        row = Application.objects.get(pk=three[0].pk)
        cases.move(row, "note", lambda at: None, actor=world.actor(person), at=START, desk=row.desk)
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    stage.admitted(world, panel, "expert2", conflicts={three[0].reference: "亲属任职"})
    for character in ("expert", "expert2"):
        stage.filled(world, panel, character, "80")
        seats.lock(
            actor=world.actor(character),
            reference=panel.reference,
            versions=stage.versions(world, panel, character),
            at=START,
        )
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result(three),
        at=START,
    )
    decision = stage.handed_over(world, call)
    with pytest.raises(NotAllowed) as refused:
        decisions.approve(actor=later, reference=decision.reference, at=START)
    assert three[0].name in str(refused.value.message)
    approved = decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    assert approved.state == DecisionState.APPROVED


def test_one_person_may_decide_where_the_rule_set_says_so(world: World, call: Any, reviewed: list[Application]) -> None:
    both = accounts.actor_of(factories.mandate(world.user("city_handler"), "approver", world.city))
    decision = complete(world, call, reviewed)
    Decision.objects.update(four_eyes=False)
    assert decisions.approve(actor=both, reference=decision.reference, at=START).state == DecisionState.APPROVED


def test_handing_back_opens_the_draft_again(world: World, call: Any, reviewed: list[Application]) -> None:
    decision = complete(world, call, reviewed)
    approver = world.actor("city_approver")
    with pytest.raises(Invalid):
        decisions.hand_back(actor=approver, reference=decision.reference, note=" ", at=START)
    back = decisions.hand_back(actor=approver, reference=decision.reference, note="请补充第三家的理由", at=START)
    assert (back.state, back.note, back.proposed_by) == (DecisionState.DRAFTING, "请补充第三家的理由", None)
    told = Notification.objects.filter(kind="decision.handed_back", channel="portal")
    assert [row.recipient_id for row in told] == [world.user("city_handler").pk]
    with pytest.raises(WrongState):
        decisions.hand_back(actor=approver, reference=decision.reference, note="再次", at=START)
    again = hand_over(world, decision)
    assert (again.state, again.note) == (DecisionState.TO_APPROVE, "")


def test_the_approver_approves_what_the_page_showed(world: World, call: Any, reviewed: list[Application]) -> None:
    decision = complete(world, call, reviewed)
    seen = reads.content_digest(decision)
    DecisionItem.objects.filter(application=reviewed[0]).update(outcome=Outcome.DECLINE, reason="改")
    with pytest.raises(Conflict):
        decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, digest=seen, at=START)
    assert {row.state for row in Application.objects.all()} == {State.DECIDING}


@pytest.mark.clause("QHD-N3c", "QHD-5.4")
@pytest.mark.parametrize(
    ("what", "clause"), [("title", "QHD-N3c"), ("accident", "QHD-5.4")], ids=["higher title", "accident"]
)
def test_what_blocks_meanwhile_stops_the_list_and_names_unit_and_clause(
    world: World, call: Any, reviewed: list[Application], what: str, clause: str
) -> None:
    decision = complete(world, call, reviewed)
    unit = reviewed[0]
    if what == "title":
        factories.title(unit.site, "province")
    else:
        factories.adverse(unit.organisation, "environment", date(2026, 5, 1), severity=2)
    with pytest.raises(Refused) as refused:
        decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    assert unit.name in str(refused.value.message)
    assert clause in {finding.clause for finding in refused.value.findings}
    assert {row.state for row in Application.objects.all()} == {State.DECIDING}
    decision.refresh_from_db()
    assert decision.state == DecisionState.TO_APPROVE


def test_a_case_that_moved_on_is_named(world: World, call: Any, reviewed: list[Application]) -> None:
    decision = complete(world, call, reviewed)
    gone = Application.objects.get(pk=reviewed[1].pk)
    cases.move(gone, "withdraw", gone.withdraw, actor=world.actor("applicant"), at=START, desk=None)
    with pytest.raises(Refused) as refused:
        decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    assert gone.name in str(refused.value.message)
    decisions.hand_back(actor=world.actor("city_approver"), reference=decision.reference, note="撤回一家", at=START)
    decisions.leave_out(actor=world.actor("city_handler"), reference=decision.reference, case=gone.reference, at=START)
    hand_over(world, decision)
    decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=START)
    assert Application.objects.filter(state=State.PROPOSED).count() == 1


def test_the_list_is_ordered_by_score_then_number(world: World, call: Any, reviewed: list[Application]) -> None:
    Application.objects.filter(pk=reviewed[2].pk).update(panel_score=Decimal("95"))
    decision = stage.drafted(world, call)
    names = [unit.name for unit in reads.units(decision)]
    assert names == [reviewed[2].name, reviewed[0].name, reviewed[1].name]


@pytest.mark.clause("SJZ-all")
def test_shijiazhuang_decides_by_its_own_rules(world: World, rules: None) -> None:
    """Articles 9 and 10 hold there word for word; a title of a higher tier does not stop a firm (SJZ-noN)."""
    call = county.open_call(world, "shijiazhuang")
    row = stage.recommended(world, call, organisation=world.orgs["sjz"])
    factories.title(row.site, "province")
    cases.move(row, "convene", row.convene, actor=world.actor("other_city_handler"), at=START, desk=row.desk)
    cases.move(
        row,
        "conclude_review",
        row.conclude_review,
        actor=world.actor("other_city_handler"),
        at=START,
        desk=row.desk,
        to=State.DECIDING,
        step="decide",
    )
    decision = decisions.create(actor=world.actor("other_city_handler"), call=call, title="综合审查", at=START)
    ruling = draft_of({row.reference: (Outcome.PROPOSE, "")})
    decisions.hand_over(actor=world.actor("other_city_handler"), reference=decision.reference, draft=ruling, at=START)
    decisions.approve(actor=world.actor("other_city_approver"), reference=decision.reference, at=START)
    row.refresh_from_db()
    assert (row.state, row.desk) == (State.PROPOSED, world.authorities["130100"])
