"""What an expert may see and do, and when it ends (R4, AZ-08, WF-15)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Grant
from applications.services import submission
from greenlist.core.audit import digest_of
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry, Notification
from reviews import selectors
from reviews.models import Panel, Seat, Sheet
from reviews.selectors import seats as reads
from reviews.services import panels, seats
from reviews.states import ConflictKind
from tests.reviews import stage
from tests.world import World

START = stage.START


@pytest.fixture
def panel(world: World, three: list[Application]) -> Panel:
    return stage.opened(world, three)


def save(world: World, panel: Panel, case: Application, character: str = "expert", **given: Any) -> Sheet:
    values: dict[str, Any] = {"version": 0, "score": Decimal("80"), "suggests": True, "comment": "好", "at": START}
    return seats.save_sheet(
        actor=world.actor(character), reference=panel.reference, case=case.reference, **{**values, **given}
    )


# ---- pledge and declaration -------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-9")
def test_nothing_opens_before_pledge_and_declaration(world: World, panel: Panel, three: list[Application]) -> None:
    actor = world.actor("expert")
    assert reads.get(actor, panel.reference).units == ()
    assert list(selectors.seats_to_pledge(actor)) == [stage.seat_of(world, panel, "expert")]
    with pytest.raises(NotVisible):
        save(world, panel, three[0])
    with pytest.raises(NotVisible):
        seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=START)
    seat = seats.pledge(actor=actor, reference=panel.reference, at=START)
    signed = {"panel": panel.reference, "text": stage.PLEDGE, "user": actor.user_id, "name": "专家甲", "at": START}
    assert (seat.pledged_at, seat.pledge_digest) == (START, digest_of(signed))
    assert [unit.name for unit in reads.get(actor, panel.reference).units] == [row.name for row in three]
    assert not Grant.objects.exists()
    with pytest.raises(NotVisible):
        save(world, panel, three[0])
    with pytest.raises(WrongState):
        seats.pledge(actor=actor, reference=panel.reference, at=START)
    seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=START)
    assert set(Application.objects.visible_to(actor)) == set(three)
    assert list(selectors.seats_to_score(actor)) == [seat]
    assert save(world, panel, three[0]).version == 1
    with pytest.raises(WrongState):
        seats.declare(actor=actor, reference=panel.reference, conflicts={}, at=START)


@pytest.mark.case("AZ-08")
def test_a_declared_conflict_keeps_the_unit_closed(world: World, panel: Panel, three: list[Application]) -> None:
    actor = world.actor("expert")
    seats.pledge(actor=actor, reference=panel.reference, at=START)
    with pytest.raises(Invalid) as refused:
        seats.declare(actor=actor, reference=panel.reference, conflicts={three[0].reference: " "}, at=START)
    assert list(refused.value.problems) == [f"reason-{three[0].reference}"]
    with pytest.raises(NotVisible):
        seats.declare(actor=actor, reference=panel.reference, conflicts={"nowhere": "亲属"}, at=START)
    seats.declare(actor=actor, reference=panel.reference, conflicts={three[0].reference: "亲属任职"}, at=START)
    assert set(Application.objects.visible_to(actor)) == set(three[1:])
    sheet = Sheet.objects.get(seat__user=world.user("expert"), item__application=three[0])
    assert (sheet.conflict, sheet.conflict_reason) == (ConflictKind.DECLARED, "亲属任职")
    with pytest.raises(NotVisible):
        reads.scoring(actor, panel.reference, three[0].reference)
    assert reads.scoring(actor, panel.reference, three[1].reference).case == three[1]


@pytest.mark.case("AZ-08")
def test_a_conflict_found_late_closes_the_unit_at_once(world: World, panel: Panel, three: list[Application]) -> None:
    actor = world.actor("expert")
    stage.admitted(world, panel, "expert")
    save(world, panel, three[0])
    seats.keep_away(actor=actor, reference=panel.reference, case=three[0].reference, reason="曾任顾问", at=START)
    assert set(Application.objects.visible_to(actor)) == set(three[1:])
    for row in three[1:]:
        save(world, panel, row)
    seats.lock(actor=actor, reference=panel.reference, versions={row.reference: 1 for row in three[1:]}, at=START)
    assert Sheet.objects.get(seat__user=world.user("expert"), item__application=three[0]).locked_at is None


def test_giving_up_the_seat_ends_access_at_once(world: World, panel: Panel, three: list[Application]) -> None:
    actor = world.actor("expert")
    stage.admitted(world, panel, "expert", "expert2")
    with pytest.raises(Invalid):
        seats.recuse(actor=actor, reference=panel.reference, reason="", at=START)
    assert Application.objects.visible_to(actor).count() == 3
    seats.recuse(actor=actor, reference=panel.reference, reason="时间冲突", at=START)
    assert not Application.objects.visible_to(actor).exists()
    assert Application.objects.visible_to(world.actor("expert2")).count() == 3
    for call in (
        lambda: reads.get(actor, panel.reference),
        lambda: save(world, panel, three[0]),
        lambda: seats.pledge(actor=actor, reference=panel.reference, at=START),
        lambda: seats.recuse(actor=actor, reference=panel.reference, reason="再次", at=START),
    ):
        with pytest.raises(NotVisible):
            call()
    assert Notification.objects.filter(kind="panel.seat_given_up", recipient=world.user("city_handler")).exists()


# ---- sheets -----------------------------------------------------------------------------------------------------
def test_a_stale_sheet_is_not_overwritten(world: World, panel: Panel, three: list[Application]) -> None:
    stage.admitted(world, panel, "expert")
    save(world, panel, three[0], score=Decimal("87.50"), comment="第一稿")
    with pytest.raises(Conflict) as refused:
        save(world, panel, three[0], version=0, comment="另一窗口")
    assert refused.value.theirs == {"score": "87.5", "suggests": "yes", "comment": "第一稿"}
    assert refused.value.version == 1
    assert save(world, panel, three[0], version=1, comment="第二稿").comment == "第二稿"


@pytest.mark.parametrize("score", ["-1", "100.01", "NaN", "Infinity", "88.888"])
def test_a_score_out_of_range_is_refused(world: World, panel: Panel, three: list[Application], score: str) -> None:
    stage.admitted(world, panel, "expert")
    with pytest.raises(Invalid) as refused:
        save(world, panel, three[0], score=Decimal(score))
    assert "score" in refused.value.problems
    for fine in ("0", "100", "88.88", None):
        version = Sheet.objects.get(seat__user=world.user("expert"), item__application=three[0]).version
        save(world, panel, three[0], version=version, score=None if fine is None else Decimal(fine))


def test_sheets_lock_together_complete_and_for_good(world: World, panel: Panel, three: list[Application]) -> None:
    actor = world.actor("expert")
    stage.admitted(world, panel, "expert")
    for row in three:
        save(world, panel, row)
    save(world, panel, three[0], version=1, comment="")
    versions = {three[0].reference: 2, three[1].reference: 1, three[2].reference: 1}
    with pytest.raises(Invalid) as refused:
        seats.lock(actor=actor, reference=panel.reference, versions=versions, at=START)
    assert list(refused.value.problems) == [three[0].reference]
    save(world, panel, three[0], version=2)
    with pytest.raises(Conflict):  # the summary page showed an older text
        seats.lock(actor=actor, reference=panel.reference, versions=versions, at=START)
    seats.lock(actor=actor, reference=panel.reference, versions={**versions, three[0].reference: 3}, at=START)
    with pytest.raises(WrongState):
        save(world, panel, three[0], version=3)
    with pytest.raises(WrongState):
        seats.lock(actor=actor, reference=panel.reference, versions=versions, at=START)
    with pytest.raises(WrongState):
        seats.keep_away(actor=actor, reference=panel.reference, case=three[0].reference, reason="晚了", at=START)
    entry = AuditEntry.objects.get(subject_kind="panel", action="panel.sheets_locked")
    assert entry.payload.data["sheets"][three[0].reference] == {"score": "80.00", "suggests": True, "comment": "好"}


@pytest.mark.case("AZ-08")
def test_no_expert_ever_sees_another_sheet(world: World, panel: Panel, three: list[Application]) -> None:
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "12.34")
    other = world.actor("expert2")
    page = reads.get(other, panel.reference)
    scoring = reads.scoring(other, panel.reference, three[0].reference)
    assert {unit.score for unit in page.units} == {None}
    assert (scoring.sheet.seat, scoring.sheet.score) == (stage.seat_of(world, panel, "expert2"), None)


@pytest.mark.case("AZ-08")
@pytest.mark.authz
def test_who_has_no_seat_sees_nothing_of_the_panel(world: World, panel: Panel, three: list[Application]) -> None:
    stage.admitted(world, panel, "expert")
    assert reads.get(world.actor("expert"), panel.reference).panel == panel
    assert save(world, panel, three[0]).version == 1
    for character in (
        "expert3",
        "conflicted_expert",
        "applicant",
        "city_handler",
        "administrator",
        "stranger",
        "anonymous",
    ):
        with pytest.raises(NotVisible):
            reads.get(world.actor(character), panel.reference)
        with pytest.raises(NotVisible):
            save(world, panel, three[0], character)
        with pytest.raises(NotVisible):
            seats.pledge(actor=world.actor(character), reference=panel.reference, at=START)


@pytest.mark.case("AZ-08")
def test_everything_closes_with_the_panel(world: World, three: list[Application]) -> None:
    panel = stage.concluded(world, three)
    actor = world.actor("expert")
    assert not Seat.objects.of(actor).exists()
    assert not Application.objects.visible_to(actor).exists()
    for call in (
        lambda: reads.get(actor, panel.reference),
        lambda: reads.scoring(actor, panel.reference, three[0].reference),
        lambda: save(world, panel, three[0]),
        lambda: seats.recuse(actor=actor, reference=panel.reference, reason="晚了", at=START),
    ):
        with pytest.raises(NotVisible):
            call()


def test_an_expert_sees_no_contacts(world: World, panel: Panel, three: list[Application]) -> None:
    stage.admitted(world, panel, "expert")
    page = reads.scoring(world.actor("expert"), panel.reference, three[0].reference)
    assert page.sections
    assert not any(one.contact for section in page.sections for one in section.fields)
    assert "13800000000" not in str([page.facts, page.sections])


def test_the_convener_is_told_once_all_have_locked(world: World, panel: Panel) -> None:
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "80")
    told = Notification.objects.filter(kind="panel.all_locked")
    assert not told.exists()
    stage.locked(world, panel, "expert2", "80")
    assert {row.recipient_id for row in told} == {world.user("city_handler").pk}


def test_an_expert_whose_mandate_ended_is_no_expert(world: World, panel: Panel) -> None:
    """The capacity is checked anew on each request; the seat alone opens nothing."""
    stage.admitted(world, panel, "expert")
    stranger = world.actor("stranger")
    nobody = replace(stranger, user_id=world.user("expert").pk)
    with pytest.raises(NotVisible):
        reads.get(nobody, panel.reference)
    assert not Application.objects.visible_to(nobody).exists()


def test_panel_services_refuse_experts(world: World, panel: Panel, three: list[Application]) -> None:
    """A seat shows the panel to the expert; only officials work on it."""
    actor = world.actor("expert")
    with pytest.raises(NotAllowed):
        panels.note_result(
            actor=actor, reference=panel.reference, version=panel.version, result=stage.result(three), at=START
        )
    with pytest.raises(NotAllowed):
        panels.invite(actor=actor, reference=panel.reference, user_id=world.user("expert3").pk, at=START)


@pytest.mark.case("AZ-08")
def test_a_unit_that_left_the_review_closes_to_its_experts(world: World, case: Application) -> None:
    panel = stage.opened(world, [case])
    stage.admitted(world, panel, "expert")
    file, page = stage.evidence(world, case), reverse("applications:case", args=[case.reference])
    expert = world.client("expert")
    assert expert.get(page).status_code == 200
    assert b"".join(expert.get(file)).startswith(b"\x89PNG")
    submission.withdraw(actor=world.actor("applicant"), at=stage.START, reference=case.reference, reason="停产改造")
    assert {expert.get(address).status_code for address in (file, page)} == {404}


def test_an_old_message_leads_to_a_word_and_not_to_a_missing_page(world: World, case: Application) -> None:
    panel = stage.opened(world, [case])
    address, expert = reverse("reviews:seat", args=[panel.reference]), world.client("expert")
    assert expert.get(address).status_code == 200
    seats.recuse(actor=world.actor("expert"), reference=panel.reference, reason="出差", at=stage.START)
    answer = expert.get(address, follow=True)
    assert answer.redirect_chain == [(reverse("reviews:seats"), 302)]
    assert "本次评审已结束" in answer.content.decode()
    assert world.client("expert3").get(address).status_code == 404
