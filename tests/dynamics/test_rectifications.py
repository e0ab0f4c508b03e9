"""整改: ordered with a day, handed in with proof, judged by who ordered it; the place on the list says so meanwhile."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from dynamics.models import Rectification, Removal
from dynamics.services import deadlines, rectifications
from dynamics.states import RectificationState
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry, Notification
from registry.models import Listing
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics.listed import listed
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
BY = date(2026, 10, 15)


def order(world: World, row: Listing, who: str = "county_handler", **given: Any) -> Rectification:
    said = {"reason": "补齐能源计量器具。", "due_on": BY, "at": AT, **given}
    return rectifications.order(actor=world.actor(who), listing=row.pk, **said)


def hand_in(world: World, row: Rectification, who: str = "applicant", **given: Any) -> Rectification:
    said = {"answer": "已安装。", "proofs": [picture()], "at": AT + timedelta(days=3), **given}
    return rectifications.hand_in(actor=world.actor(who), reference=row.reference, **said)


@pytest.mark.clause("QHD-13a")
def test_ordered_handed_in_and_accepted(world: World) -> None:
    unit = listed(world)
    row = order(world, unit)
    unit.refresh_from_db()
    assert unit.state == "rectifying"
    assert Notification.objects.filter(kind="rectification.ordered", recipient=world.user("applicant")).exists()
    firm, page = world.client("applicant"), reverse("dynamics:rectification", args=[row.reference])
    assert "补齐能源计量器具。" in firm.get(page).content.decode()
    hand_in(world, row)
    rectifications.accept(actor=world.actor("county_handler"), reference=row.reference, at=AT + timedelta(days=4))
    row.refresh_from_db()
    unit.refresh_from_db()
    assert (row.state, unit.state) == (RectificationState.DONE, "active")
    actions = list(AuditEntry.objects.filter(subject_kind="listing").order_by("pk").values_list("action", flat=True))
    assert actions == [
        "listing.rectify",
        "rectification.ordered",
        "rectification.handed_in",
        "rectification.accepted",
        "listing.resume",
    ]


def test_the_place_is_whole_again_only_after_the_last_one(world: World) -> None:
    unit = listed(world)
    first, second = order(world, unit), order(world, unit, reason="完善台账。")
    for row, state in ((first, "rectifying"), (second, "active")):
        hand_in(world, row)
        rectifications.accept(actor=world.actor("county_approver"), reference=row.reference, at=AT)
        unit.refresh_from_db()
        assert unit.state == state


def test_sent_back_it_is_open_again_and_a_new_round_keeps_the_first_proof(world: World) -> None:
    row = order(world, listed(world))
    hand_in(world, row)
    given = {"actor": world.actor("county_handler"), "reference": row.reference, "at": AT + timedelta(days=4)}
    with pytest.raises(Invalid):
        rectifications.refuse(note=" ", **given)
    rectifications.refuse(note="缺少检定证书。", due_on=BY + timedelta(days=7), **given)
    row.refresh_from_db()
    assert (row.state, row.due_on) == (RectificationState.ORDERED, BY + timedelta(days=7))
    hand_in(world, row)
    assert list(row.proofs.values_list("round", flat=True)) == [1, 2]


def test_what_is_refused(world: World) -> None:
    unit = listed(world)
    with pytest.raises(Invalid) as wrong:
        order(world, unit, reason=" ", due_on=AT.date() - timedelta(days=1))
    assert set(wrong.value.problems) == {"reason", "due_on"}
    row = order(world, unit)
    with pytest.raises(Invalid):
        hand_in(world, row, proofs=[])
    with pytest.raises(WrongState):
        rectifications.accept(actor=world.actor("county_handler"), reference=row.reference, at=AT)
    Listing.objects.filter(pk=unit.pk).update(state="removed")
    with pytest.raises(WrongState):
        order(world, unit)


@pytest.mark.authz
def test_who_may(world: World) -> None:
    unit = listed(world)
    for character in ("other_county_handler", "applicant", "other_city_handler", "expert"):
        with pytest.raises(NotAllowed):
            order(world, unit, character)
    row = order(world, unit)
    with pytest.raises(NotVisible):
        hand_in(world, row, "rival")
    with pytest.raises(NotAllowed):
        hand_in(world, row, "county_handler")
    hand_in(world, row)
    with pytest.raises(NotAllowed):
        rectifications.accept(actor=world.actor("city_handler"), reference=row.reference, at=AT)
    proof = row.proofs.get()
    address = reverse("dynamics:rectification-proof", args=[row.reference, proof.pk])
    found = world.client("city_handler").get(address)
    assert (found.status_code, b"".join(found.streaming_content)[:4]) == (200, b"\x89PNG")  # type: ignore[arg-type]
    assert world.client("other_county_handler").get(address).status_code == 404


def test_the_pages_do_what_the_services_do(world: World) -> None:
    unit = listed(world)
    officer, firm = world.client("county_handler"), world.client("applicant")
    from greenlist.core import clock

    later = clock.china_date(clock.now()) + timedelta(days=30)
    ordering = reverse("dynamics:rectification-order", args=[unit.pk])
    assert officer.get(ordering).status_code == 200
    assert officer.post(ordering, {"reason": ""}).status_code == 422
    assert officer.post(ordering, {"reason": "补齐台账。", "due_on": later.isoformat()}).status_code == 302
    row = Rectification.objects.get()
    assert unit.name in officer.get(reverse("dynamics:rectifications")).content.decode()
    handing = reverse("dynamics:rectification-hand-in", args=[row.reference])
    assert firm.post(handing, {"answer": "已补齐。"}).status_code == 422
    assert firm.post(handing, {"answer": "已补齐。", "proof1": picture()}).status_code == 302
    judging = reverse("dynamics:rectification-judge", args=[row.reference])
    assert officer.post(judging, {"outcome": "refused", "note": ""}).status_code == 422
    assert officer.post(judging, {"outcome": "accepted", "note": ""}).status_code == 302
    row.refresh_from_db()
    assert row.state == RectificationState.DONE


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_the_same_with_many(world: World, django_assert_max_num_queries: Any, count: int) -> None:
    unit = listed(world)
    for _ in range(count):
        order(world, unit)
    client = world.client("county_handler")
    client.get(reverse("dynamics:rectifications"))
    with django_assert_max_num_queries(14):
        client.get(reverse("dynamics:rectifications"))


def test_unmet_in_time_a_removal_is_proposed_and_the_unit_reminded_before(world: World) -> None:
    county.load_rules()
    unit = listed(world)
    row = order(world, unit)
    owed = list(deadlines.rectifications(BY, actor=world.actor("applicant")))
    assert [(one.last_day, one.people) for one in owed] == [
        (BY, tuple(sorted((world.user("applicant").pk, world.user("colleague").pk))))
    ]
    assert not list(deadlines.rectifications(BY, actor=world.actor("rival")))
    given = {
        "actor": world.actor("county_handler"),
        "reference": row.reference,
        "ground": "false_data",
        "note": "未安装。",
    }
    with pytest.raises(WrongState):
        rectifications.give_up(**given, at=AT)
    late = AT + timedelta(days=60)
    with pytest.raises(NotAllowed):
        rectifications.give_up(**{**given, "actor": world.actor("city_handler")}, at=late)
    rectifications.give_up(**given, at=late)
    made = Removal.objects.get()
    assert (made.ground, made.source, made.subject_kind) == ("false_data", "rectification", "rectification")
    row.refresh_from_db()
    assert row.state == RectificationState.UNMET
    assert not list(deadlines.rectifications(BY))


def test_a_late_one_is_ended_by_its_page(world: World) -> None:
    county.load_rules()
    row = order(world, listed(world))
    Rectification.objects.filter(pk=row.pk).update(due_on=date(2026, 1, 1))
    officer, page = world.client("county_handler"), reverse("dynamics:rectification-give-up", args=[row.reference])
    shown = officer.get(reverse("dynamics:rectification", args=[row.reference])).content.decode()
    assert page in shown
    assert officer.post(page, {"ground": "false_data", "note": ""}).status_code == 422
    assert officer.post(page, {"ground": "false_data", "note": "逾期未整改。"}).status_code == 302
    assert Removal.objects.exists()
