"""Panels: laid down, opened, staffed, concluded (QHD-9, AZ-08, WF-15)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applications.models import Application, Grant
from applications.services import cases
from applications.states import State
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from reviews import selectors
from reviews.models import Expert, Panel, PanelItem, Seat, Sheet, Watch
from reviews.selectors import panels as reads
from reviews.services import panels, seats
from reviews.states import ConflictKind, PanelKind, PanelState
from tests import factories
from tests.applications import county
from tests.reviews import stage
from tests.world import World

START = stage.START


# ---- laying down ------------------------------------------------------------------------------------------------
def test_a_panel_in_preparation_tells_nobody_and_moves_nothing(world: World, three: list[Application]) -> None:
    panel = stage.laid_down(world, three)
    assert (panel.state, panel.step, panel.scored) == (PanelState.PREPARING, "panel", True)
    assert {seat.user_id for seat in panel.seats.all()} == {world.user("expert").pk, world.user("expert2").pk}
    assert panel.items.count() == 3
    assert not Notification.objects.exists()
    assert {row.state for row in Application.objects.all()} == {State.RECOMMENDED}
    assert list(selectors.cases_for_panel(world.actor("city_handler"))) == []


def test_who_may_lay_down_a_panel(world: World, three: list[Application]) -> None:
    for character in ("city_handler", "city_approver"):
        panel = stage.laid_down(world, three, handler=character)
        panels.cancel(actor=world.actor(character), reference=panel.reference, at=START)
    with pytest.raises(Invalid):  # their own offices, but these cases are not theirs
        stage.laid_down(world, three, handler="other_city_handler")
    with pytest.raises(Invalid):
        stage.laid_down(world, three, handler="county_handler")
    for character in ("expert", "applicant", "supervisor", "anonymous"):
        with pytest.raises(NotAllowed):
            stage.laid_down(world, three, handler=character)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"pledge": ""}, "pledge"),
        ({"experts": ()}, "experts"),
        ({"applications": ()}, "applications"),
        ({"kind": PanelKind.BODY, "body": " "}, "body"),
    ],
)
def test_what_is_missing_is_named(world: World, three: list[Application], change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        stage.laid_down(world, three, **change)
    assert field in refused.value.problems


def test_a_case_comes_before_one_panel_only(world: World, three: list[Application]) -> None:
    first = stage.laid_down(world, three[:2])
    with pytest.raises(Invalid) as refused:
        stage.laid_down(world, three[1:])
    assert "applications" in refused.value.problems
    panels.cancel(actor=world.actor("city_handler"), reference=first.reference, at=START)
    assert stage.laid_down(world, three[1:]).items.count() == 2


def test_only_experts_get_seats(world: World, three: list[Application]) -> None:
    with pytest.raises(Invalid):
        stage.laid_down(world, three, experts=("expert", "stranger"))
    mandate = world.mandates["expert2"]
    mandate.ended_at = START
    mandate.save()
    with pytest.raises(Invalid):
        stage.laid_down(world, three)
    assert stage.laid_down(world, three, experts=("expert",)).seats.count() == 1


def test_editing_replaces_and_a_stale_page_is_told(world: World, three: list[Application]) -> None:
    actor = world.actor("city_approver")
    panel = stage.laid_down(world, three)
    seen = panel.version
    changed = stage.plan(three[:1], world, ("expert3",), title="改组")
    edited = panels.edit(actor=actor, reference=panel.reference, version=seen, plan=changed, at=START)
    assert edited.title == "改组"
    assert [seat.user_id for seat in edited.seats.all()] == [world.user("expert3").pk]
    assert [item.application_id for item in edited.items.all()] == [three[0].pk]
    with pytest.raises(Conflict):
        panels.edit(actor=actor, reference=panel.reference, version=seen, plan=changed, at=START)


def test_another_office_does_not_even_see_it(world: World, three: list[Application]) -> None:
    panel = stage.laid_down(world, three)
    assert reads.get(world.actor("city_handler"), panel.reference) == panel
    for character in (
        "other_city_handler",
        "county_handler",
        "province_handler",
        "hlj_city_handler",
        "expert",
        "applicant",
    ):
        with pytest.raises(NotVisible):
            reads.get(world.actor(character), panel.reference)
        with pytest.raises(NotVisible):
            panels.open_panel(actor=world.actor(character), reference=panel.reference, at=START)


def test_a_mandate_for_another_list_does_not_count(world: World, three: list[Application]) -> None:
    panel = stage.laid_down(world, three)
    actor = world.actor("city_handler")
    assert Panel.objects.visible_to(replace(actor, list_kind="factory")).get() == panel
    assert not Panel.objects.visible_to(replace(actor, list_kind="park")).exists()


# ---- conflicts --------------------------------------------------------------------------------------------------
@pytest.mark.case("AZ-08")
def test_known_conflicts_are_shown_before_anybody_is_invited(world: World, case: Application) -> None:
    """Employer by present or former name, membership past or present, and who handled the case as an official."""
    actor, county_person = world.actor("city_handler"), world.user("county_handler")
    factories.mandate(county_person, "expert", world.city, employer="示例检测中心")
    cases.move(case, "note", lambda at: None, actor=world.actor("county_handler"), at=START, desk=case.desk)
    world.org.names.create(text="海港旧名（集团）厂")
    mandate = world.mandates["expert"]
    mandate.employer = "海港旧名(集团) 厂"
    mandate.save()
    factories.member(world.user("expert2"), world.org, valid_until=START.date())
    found = {one.name: [away.why for away in one.keeps_away] for one in reads.candidates(START.date(), [case])}
    assert actor
    assert found == {
        "专家甲": [ConflictKind.EMPLOYER.label],
        "专家乙": [ConflictKind.MEMBER.label],
        "专家丙": [],
        "专家丁": [ConflictKind.EMPLOYER.label],
        county_person.name: [ConflictKind.ACTED.label],
    }


@pytest.mark.case("AZ-08")
def test_a_conflicted_expert_gets_no_sheet_and_no_access_for_that_unit(
    world: World, case: Application, three: list[Application]
) -> None:
    panel = stage.opened(world, [case, *three], ("expert", "conflicted_expert"))
    own = Sheet.objects.filter(seat=stage.seat_of(world, panel, "conflicted_expert"))
    assert own.get(item__application=case).conflict == ConflictKind.EMPLOYER
    assert own.filter(conflict="").count() == 3
    stage.admitted(world, panel, "expert", "conflicted_expert")
    visible = Application.objects.visible_to
    assert set(visible(world.actor("expert"))) == {case, *three}
    assert set(visible(world.actor("conflicted_expert"))) == set(three)
    with pytest.raises(NotVisible):
        seats.save_sheet(
            actor=world.actor("conflicted_expert"),
            reference=panel.reference,
            case=case.reference,
            version=0,
            score=Decimal(100),
            suggests=True,
            comment="很好",
            at=START,
        )


@pytest.mark.case("AZ-08")
def test_a_unit_that_nobody_may_judge_stops_the_opening(world: World, case: Application) -> None:
    panel = stage.laid_down(world, [case], ("conflicted_expert",))
    with pytest.raises(Invalid) as refused:
        panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    assert case.name in str(refused.value.message)
    case.refresh_from_db()
    assert case.state == State.RECOMMENDED


# ---- opening ----------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-9")
def test_opening_convenes_and_invites_but_opens_no_material(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    assert panel.state == PanelState.OPEN
    assert {row.state for row in Application.objects.all()} == {State.UNDER_REVIEW}
    assert {row.step for row in Application.objects.all()} == {"panel"}
    told = Notification.objects.filter(kind="panel.invited", channel="portal")
    assert {row.recipient_id for row in told} == {world.user("expert").pk, world.user("expert2").pk}
    assert told[0].params == {"title": panel.title, "count": 3}
    assert not Grant.objects.exists()
    assert not Application.objects.visible_to(world.actor("expert")).exists()
    with pytest.raises(WrongState):
        panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)


def test_opening_fails_whole_when_a_case_was_withdrawn(world: World, three: list[Application]) -> None:
    panel = stage.laid_down(world, three)
    gone = Application.objects.get(pk=three[1].pk)
    cases.move(gone, "withdraw", gone.withdraw, actor=world.actor("applicant"), at=START, desk=None)
    with pytest.raises(WrongState) as refused:
        panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    assert gone.name in str(refused.value.message)
    panel.refresh_from_db()
    assert panel.state == PanelState.PREPARING
    assert Application.objects.filter(state=State.UNDER_REVIEW).count() == 0


def test_an_expert_joins_and_another_is_taken_off(world: World, three: list[Application]) -> None:
    actor = world.actor("city_handler")
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert")
    assert Application.objects.visible_to(world.actor("expert")).count() == 3
    seat = stage.seat_of(world, panel, "expert")
    with pytest.raises(Invalid):
        panels.excuse(actor=actor, reference=panel.reference, seat_id=seat.pk, reason=" ", at=START)
    panels.excuse(actor=actor, reference=panel.reference, seat_id=seat.pk, reason="出差", at=START)
    assert not Application.objects.visible_to(world.actor("expert")).exists()
    assert not Panel.objects.visible_to(world.actor("expert")).exists()
    panels.invite(actor=actor, reference=panel.reference, user_id=world.user("expert3").pk, at=START)
    stage.admitted(world, panel, "expert3")
    assert Application.objects.visible_to(world.actor("expert3")).count() == 3
    for character in ("expert", "expert3"):  # gave up, and here already
        with pytest.raises(Invalid):
            panels.invite(actor=actor, reference=panel.reference, user_id=world.user(character).pk, at=START)


# ---- concluding -------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-9")
def test_the_conclusion_gives_opinion_suggestion_and_score_and_the_cases_go_on(
    world: World, three: list[Application]
) -> None:
    said = {three[0].reference: True, three[1].reference: True, three[2].reference: False}
    panel = stage.concluded(world, three, said)
    assert (panel.state, bool(panel.opinion), panel.concluded_by) == (
        PanelState.CLOSED,
        True,
        world.user("city_handler"),
    )
    items = {item.application_id: item for item in PanelItem.objects.all()}
    assert [items[row.pk].suggested for row in three] == [True, True, False]
    assert {(item.score, item.spread) for item in items.values()} == {(Decimal("85.00"), Decimal("10.00"))}
    for row in three:
        row.refresh_from_db()
        assert (row.state, row.step, row.panel_score, row.desk) == (
            State.DECIDING,
            "decide",
            Decimal("85.00"),
            world.city,
        )
        assert not row.timeline.filter(opinion__contains="专家").exists()
    assert not Grant.objects.live().exists()
    assert not Application.objects.visible_to(world.actor("expert")).exists()
    assert not Panel.objects.visible_to(world.actor("expert")).exists()
    assert AuditEntry.objects.filter(subject_kind="panel", action="panel.concluded").count() == 1


@pytest.mark.clause("QHD-9")
@pytest.mark.authz
def test_nobody_suspended_or_supervising_is_chosen_invited_or_opened_with(
    world: World, three: list[Application]
) -> None:
    """What keeps somebody out of a draw keeps out of a choice as well."""
    city: dict[str, Any] = {"actor": world.actor("city_handler"), "at": START}
    panel = stage.opened(world, three[:1], ("expert",))
    entry = Expert.objects.create(user=world.user("expert2"), suspended_at=START, suspension_reason="考核")
    invite = {"reference": panel.reference, "user_id": entry.user_id}
    with pytest.raises(Invalid):
        panels.invite(**city, **invite)
    with pytest.raises(Invalid):
        stage.laid_down(world, three[1:2], ("expert", "expert2"))
    page = world.client("city_handler").get(reverse("reviews:panel", args=[panel.reference])).content.decode()
    assert "专家丙" in page and "专家乙" not in page
    Expert.objects.filter(pk=entry.pk).update(suspended_at=None)
    watch = Watch.objects.create(panel=panel, user=entry.user, named_by=world.user("city_handler"), named_at=START)
    with pytest.raises(Invalid):
        panels.invite(**city, **invite)
    watch.delete()
    panels.invite(**city, **invite)
    prepared = stage.laid_down(world, three[1:2], ("expert", "expert2"))
    Expert.objects.filter(pk=entry.pk).update(suspended_at=START)  # after the choice
    with pytest.raises(Invalid):
        panels.open_panel(**city, reference=prepared.reference)


def test_a_commissioned_body_gives_the_same_result_without_seats(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, (), kind=PanelKind.BODY, body="示例评价中心", pledge="")
    assert not panel.seats.exists()
    given = stage.result(three, score=Decimal("88.5"))
    upload = SimpleUploadedFile(
        "意见.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", "application/pdf"
    )
    closed = panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=given,
        upload=upload,
        at=START,
    )
    assert closed.opinion_file is not None
    assert {row.panel_score for row in Application.objects.all()} == {Decimal("88.50")}
    assert {row.state for row in Application.objects.all()} == {State.DECIDING}


def test_a_body_without_score_is_not_complete(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, (), kind=PanelKind.BODY, body="示例评价中心")
    with pytest.raises(Invalid) as refused:
        panels.conclude(
            actor=world.actor("city_handler"),
            reference=panel.reference,
            version=panel.version,
            result=stage.result(three),
            at=START,
        )
    assert {path.partition("-")[0] for path in refused.value.problems} == {"score"}


def test_conclusion_waits_for_everybody_who_still_sits(world: World, three: list[Application]) -> None:
    actor = world.actor("city_handler")
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "80")
    assert list(selectors.panels_to_conclude(actor)) == []

    def conclude() -> Panel:
        return panels.conclude(
            actor=actor, reference=panel.reference, version=panel.version, result=stage.result(three), at=START
        )

    with pytest.raises(Refused) as refused:
        conclude()
    assert "专家乙" in str(refused.value.message)
    assert refused.value.clause == "QHD-9"
    seats.recuse(actor=world.actor("expert2"), reference=panel.reference, reason="身体原因", at=START)
    assert list(selectors.panels_to_conclude(actor)) == [panel]
    assert conclude().state == PanelState.CLOSED


def test_who_has_nothing_to_judge_keeps_nobody_waiting(
    world: World, case: Application, three: list[Application]
) -> None:
    """An expert in conflict with every unit that is left has no sheet to lock."""
    actor = world.actor("city_handler")
    panel = stage.opened(world, [case, three[0]], ("expert", "conflicted_expert"))
    stage.admitted(world, panel, "expert", "conflicted_expert")
    stage.locked(world, panel, "expert", "80")
    assert reads.at_work(panel) == ["专家丁"]
    gone = Application.objects.get(pk=three[0].pk)
    cases.move(gone, "withdraw", gone.withdraw, actor=world.actor("applicant"), at=START, desk=None)
    assert reads.at_work(panel) == []
    assert list(selectors.panels_to_conclude(actor)) == [panel]
    panels.conclude(
        actor=actor, reference=panel.reference, version=panel.version, result=stage.result([case]), at=START
    )


@pytest.mark.case("WF-15")
def test_only_locked_sheets_of_those_who_still_sit_count(world: World, three: list[Application]) -> None:
    """An expert is replaced mid-round: the old sheets stay on record, the total is counted without them."""
    actor = world.actor("city_handler")
    panel = stage.opened(world, three)
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "80")
    stage.locked(world, panel, "expert2", "20")
    assert {row.total for row in reads.units(panel)} == {Decimal("50.00")}
    gone = stage.seat_of(world, panel, "expert2")
    panels.excuse(actor=actor, reference=panel.reference, seat_id=gone.pk, reason="未声明的利益关系", at=START)
    panels.invite(actor=actor, reference=panel.reference, user_id=world.user("expert3").pk, at=START)
    stage.admitted(world, panel, "expert3")
    stage.filled(world, panel, "expert3", "10")
    assert {row.total for row in reads.units(panel)} == {Decimal("80.00")}  # what is not locked does not count
    stage.locked(world, panel, "expert3", "90")
    panel.refresh_from_db()
    panels.conclude(actor=actor, reference=panel.reference, version=panel.version, result=stage.result(three), at=START)
    assert {row.panel_score for row in Application.objects.all()} == {Decimal("85.00")}
    assert {sheet.score for sheet in gone.sheets.all()} == {Decimal("20.00")}


@pytest.mark.parametrize("missing", ["opinion", "suggested", "conclusion"])
def test_an_incomplete_conclusion_names_what_is_missing(world: World, three: list[Application], missing: str) -> None:
    panel = stage.opened(world, three, ("expert",))
    stage.admitted(world, panel, "expert")
    stage.locked(world, panel, "expert", "80")
    given = stage.result(three)
    units = dict(given.units)
    key = three[0].reference
    if missing == "opinion":
        given = panels.Result("  ", units)
    else:
        units[key] = replace(units[key], suggested=None) if missing == "suggested" else replace(units[key], text="")
        given = panels.Result(given.opinion, units)
    with pytest.raises(Invalid) as refused:
        panels.conclude(
            actor=world.actor("city_handler"), reference=panel.reference, version=panel.version, result=given, at=START
        )
    assert list(refused.value.problems) == [missing if missing == "opinion" else f"{missing}-{key}"]
    assert {row.state for row in Application.objects.all()} == {State.UNDER_REVIEW}


def test_an_unfinished_conclusion_is_kept_and_a_stale_page_is_told(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    actor, seen = world.actor("city_handler"), panel.version
    panels.note_result(actor=actor, reference=panel.reference, version=seen, result=panels.Result("初稿", {}), at=START)
    panel.refresh_from_db()
    assert (panel.opinion, panel.state) == ("初稿", PanelState.OPEN)
    with pytest.raises(Conflict):
        panels.note_result(
            actor=actor, reference=panel.reference, version=seen, result=panels.Result("另一稿", {}), at=START
        )


def test_a_unit_withdrawn_meanwhile_is_left_alone(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, ("expert",))
    stage.admitted(world, panel, "expert")
    gone = Application.objects.get(pk=three[0].pk)
    cases.move(gone, "withdraw", gone.withdraw, actor=world.actor("applicant"), at=START, desk=None)
    actor, rest = world.actor("expert"), three[1:]
    for row in rest:
        seats.save_sheet(
            actor=actor,
            reference=panel.reference,
            case=row.reference,
            version=0,
            score=Decimal(80),
            suggests=True,
            comment="好",
            at=START,
        )
    seats.lock(actor=actor, reference=panel.reference, versions={row.reference: 1 for row in rest}, at=START)
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result(rest),
        at=START,
    )
    states = {row.pk: row.state for row in Application.objects.all()}
    assert [states[row.pk] for row in three] == [State.WITHDRAWN, State.DECIDING, State.DECIDING]
    assert not Grant.objects.live().exists()


@pytest.mark.clause("SJZ-all")
def test_shijiazhuang_reviews_by_its_own_rules(world: World, rules: None) -> None:
    call = county.open_call(world, "shijiazhuang")
    rows = [stage.recommended(world, call, organisation=world.orgs["sjz"])]
    panel = stage.opened(world, rows, handler="other_city_handler")
    with pytest.raises(Refused) as refused:
        panels.conclude(
            actor=world.actor("other_city_handler"),
            reference=panel.reference,
            version=panel.version,
            result=stage.result(rows),
            at=START,
        )
    assert refused.value.clause.startswith("SJZ-")
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "70")
    stage.locked(world, panel, "expert2", "80")
    panel.refresh_from_db()
    panels.conclude(
        actor=world.actor("other_city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result(rows),
        at=START,
    )
    row = Application.objects.get()
    assert (row.state, row.panel_score, row.desk) == (State.DECIDING, Decimal("75.00"), world.authorities["130100"])


def test_seats_keep_the_employer_of_the_day(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three)
    mandate = world.mandates["expert"]
    mandate.employer = "别的单位"
    mandate.save()
    assert Seat.objects.get(panel=panel, user=world.user("expert")).employer == "示例大学"
