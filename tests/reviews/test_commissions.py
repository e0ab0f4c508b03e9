"""A registered body reviews instead of drawn experts: its own people, the same record (HLJ-16b, HLJ-17, HLJ-18a)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Grant, Project
from applications.states import ProjectState
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import Membership
from reviews import documents
from reviews.models import Employment, Expert, Panel, Sheet
from reviews.selectors import commissions as reads
from reviews.services import commissions, panels, seats
from reviews.states import PanelKind, PanelState
from tests import factories
from tests.reviews import stage
from tests.reviews.test_watches import registered
from tests.world import World

START, DAY = stage.START, date(2026, 6, 1)


@pytest.fixture
def panel(world: World, three: list[Application]) -> Panel:
    """Two experts of the pool are the body's people: one is its member, one employed there."""
    registered(world)
    body = world.orgs["evaluator"]
    Membership.objects.create(user=world.user("expert"), organisation=body, role="staff", valid_from=factories.LONG_AGO)
    entry = Expert.objects.create(user=world.user("expert2"))
    Employment.objects.create(expert=entry, employer=body.name, added_by=entry.user, added_at=START)
    return stage.laid_down(world, three, (), kind=PanelKind.BODY, commissioned=body.pk)


def name(world: World, panel: Panel, *people: str, who: str = "evaluator", **given: Any) -> Panel:
    panel.refresh_from_db()
    fields = {"version": panel.version, "people": [world.user(one).pk for one in people], "at": START} | given
    return commissions.name_people(actor=world.actor(who), reference=panel.reference, **fields)


def open_it(world: World, panel: Panel) -> Panel:
    panels.open_panel(actor=world.actor("city_handler"), reference=panel.reference, at=START)
    panel.refresh_from_db()
    return panel


@pytest.mark.clause("HLJ-16b", "HLJ-17", "HLJ-18a")
def test_the_bodys_own_people_sign_declare_score_and_lock_and_the_minutes_are_the_same(
    world: World, panel: Panel, three: list[Application]
) -> None:
    with pytest.raises(Refused):  # nobody is named yet
        open_it(world, panel)
    name(world, panel, "expert", "expert2", chair=world.user("expert").pk)
    open_it(world, panel)
    assert not Grant.objects.exists()
    with pytest.raises(NotVisible):  # pledge and interest come first
        stage.filled(world, panel, "expert", "90")
    seats.pledge(actor=world.actor("expert"), reference=panel.reference, at=START)
    assert not Grant.objects.exists()
    away = {three[0].reference: "旧同事"}
    seats.declare(actor=world.actor("expert"), reference=panel.reference, conflicts=away, at=START)
    stage.admitted(world, panel, "expert2")
    assert Grant.objects.filter(ended_at=None).count() == 5
    stage.locked(world, panel, "expert", "90")
    panel.refresh_from_db()
    done = {"reference": panel.reference, "version": panel.version, "result": stage.result(three), "at": START}
    with pytest.raises(Refused):  # expert2 has not locked
        panels.conclude(actor=world.actor("city_handler"), **done)
    stage.locked(world, panel, "expert2", "80")
    panel.refresh_from_db()
    typed = stage.result(three, score=Decimal("12"))  # a score that somebody types counts for nothing
    panels.conclude(actor=world.actor("city_handler"), **{**done, "version": panel.version, "result": typed})
    scores = {item.application.reference: item.score for item in panel.items.select_related("application")}
    assert scores == {three[0].reference: 80, three[1].reference: 85, three[2].reference: 85}
    assert not Grant.objects.filter(ended_at=None).exists()
    panel.refresh_from_db()
    data = documents.record_data(panel)
    assert data["by_experts"] and [row["name"] for row in data["seats"]] == ["专家甲", "专家乙"]
    assert all(row["pledge_digest"] for row in data["seats"])
    deeds = set(AuditEntry.objects.filter(subject_kind="panel").values_list("action", flat=True))
    assert {"panel.people_named", "panel.pledged", "panel.declared", "panel.sheets_locked"} <= deeds


@pytest.mark.authz
def test_only_the_commissioned_body_names_and_only_its_own_people_of_the_pool(world: World, panel: Panel) -> None:
    name(world, panel, "expert")
    for who in ("city_handler", "applicant", "expert", "province_handler"):
        with pytest.raises((NotVisible, NotAllowed)):
            name(world, panel, "expert", who=who)
    for other in ("expert3", "applicant"):  # of somebody else, and in no pool
        with pytest.raises(Invalid):
            name(world, panel, "expert", other)
    with pytest.raises(Invalid):
        name(world, panel)
    with pytest.raises(Conflict):
        name(world, panel, "expert", version=0)
    assert [seat.user.username for seat in panel.seats.all()] == ["expert"]
    entry = Expert.objects.get_or_create(user=world.user("expert"))[0]
    Expert.objects.filter(pk=entry.pk).update(suspended_at=START, suspension_reason="考核")
    with pytest.raises(Invalid):  # kept out by the rules of the pool
        name(world, panel, "expert")
    with pytest.raises(NotVisible):  # a body sees nothing else of the panel, nor its units
        seats.pledge(actor=world.actor("evaluator"), reference=panel.reference, at=START)
    client = world.client("evaluator")
    assert client.get(reverse("reviews:panel", args=[panel.reference])).status_code in (403, 404)
    page = client.get(reverse("reviews:commission", args=[panel.reference])).content.decode()
    assert not [item.application.name for item in panel.items.all() if item.application.name in page]


@pytest.mark.authz
def test_somebody_tied_to_every_unit_is_not_named_and_one_tied_to_some_judges_the_others(
    world: World, panel: Panel, three: list[Application]
) -> None:
    entry = Expert.objects.get(user=world.user("expert2"))
    for case in three[:2]:
        Employment.objects.create(expert=entry, employer=case.name, added_by=entry.user, added_at=START)
    found = {one.name: one for one in reads.nominees(panel, DAY)}
    assert (found["专家乙"].away, found["专家乙"].why_not) == (2, ())
    name(world, panel, "expert", "expert2")
    open_it(world, panel)
    mine = Sheet.objects.filter(seat__user=entry.user)
    assert set(mine.filter(conflict="").values_list("item__application", flat=True)) == {three[2].pk}
    Employment.objects.create(expert=entry, employer=three[2].name, added_by=entry.user, added_at=START)
    assert {one.name: bool(one.why_not) for one in reads.nominees(panel, DAY)} == {"专家甲": False, "专家乙": True}


def test_a_body_that_evaluates_a_unit_meanwhile_does_not_open(
    world: World, panel: Panel, three: list[Application]
) -> None:
    name(world, panel, "expert")
    project = Project.objects.create(
        body=world.orgs["evaluator"],
        application=three[1],
        unit=three[1].name,
        category="factory",
        tier="city",
        year=2026,
        state=ProjectState.REPORTED,
        offered_by=world.user("applicant"),
        offered_at=START,
    )
    with pytest.raises(Refused):
        open_it(world, panel)
    project.delete()
    assert open_it(world, panel).state == PanelState.OPEN


def test_who_gives_up_is_replaced_by_the_body_and_an_edit_keeps_those_named(
    world: World, panel: Panel, three: list[Application]
) -> None:
    name(world, panel, "expert")
    same = stage.plan(three, world, (), kind=PanelKind.BODY, commissioned=world.orgs["evaluator"].pk, title="另一题目")
    city: dict[str, Any] = {"actor": world.actor("city_handler"), "reference": panel.reference, "at": START}
    panel.refresh_from_db()
    panels.edit(**city, version=panel.version, plan=same)
    assert panel.seats.count() == 1
    fewer = stage.plan(three[:2], world, (), kind=PanelKind.BODY, commissioned=world.orgs["evaluator"].pk)
    panel.refresh_from_db()
    panels.edit(**city, version=panel.version, plan=fewer)  # other units: other people may be kept out
    assert panel.seats.count() == 0
    name(world, panel, "expert")
    open_it(world, panel)
    seats.recuse(actor=world.actor("expert"), reference=panel.reference, reason="出差", at=START)
    with pytest.raises(Invalid):  # the authority does not choose for the body
        panels.invite(**city, user_id=world.user("expert3").pk)
    with pytest.raises(Invalid):  # nobody new
        name(world, panel, "expert")
    name(world, panel, "expert2")
    stage.admitted(world, panel, "expert2")
    stage.locked(world, panel, "expert2", "88")
    panel.refresh_from_db()
    panels.conclude(**city, version=panel.version, result=stage.result(three[:2]))
    with pytest.raises(NotVisible):  # over: the body sees it no more
        name(world, panel, "expert2")


def test_by_pages(world: World, panel: Panel) -> None:
    client = world.client("evaluator")
    assert Notification.objects.filter(kind="panel.commissioned", recipient=world.user("evaluator")).exists()
    address = reverse("reviews:commission", args=[panel.reference])
    assert panel.title in client.get("/work/").content.decode()
    assert address in client.get(reverse("reviews:commissions")).content.decode()
    page = client.get(address)
    assert "专家甲" in page.content.decode() and "专家丙" not in page.content.decode()
    assert client.post(address, {"version": panel.version}).status_code == 422
    people = [world.user("expert").pk, world.user("expert2").pk]
    sent = {"version": panel.version, "people": people, "chair": people[0]}
    assert client.post(address, sent).status_code == 302
    assert client.post(address, sent).status_code == 409  # somebody's other window
    assert panel.title not in client.get("/work/").content.decode()
    official = world.client("city_handler")
    shown = official.get(reverse("reviews:panel", args=[panel.reference])).content.decode()
    assert "专家甲" in shown and "专家乙" in shown
    official.post(reverse("reviews:panel-open", args=[panel.reference]))
    assert world.client("expert").get(reverse("reviews:seat", args=[panel.reference])).status_code == 200
    assert "专家甲" in client.get(address).content.decode()
    assert world.client("applicant").get(reverse("reviews:commissions")).status_code == 403
    assert world.client("applicant").get(address).status_code == 404
    with pytest.raises(WrongState):
        panels.cancel(actor=world.actor("city_handler"), reference=panel.reference, at=START)


@pytest.mark.parametrize("count", [2, 20])
def test_the_page_costs_the_same_however_many_people(
    world: World, panel: Panel, count: int, django_assert_max_num_queries: Any
) -> None:
    for user in stage.pool(world, count):
        Membership.objects.create(
            user=user, organisation=world.orgs["evaluator"], role="staff", valid_from=factories.LONG_AGO
        )
    client = world.client("evaluator")
    with django_assert_max_num_queries(40):
        page = client.get(reverse("reviews:commission", args=[panel.reference]))
    assert page.content.decode().count('name="people"') == count + 2
    with django_assert_max_num_queries(16):
        assert client.get(reverse("reviews:commissions")).status_code == 200
