"""Whoever types the code of a listed unit is not the unit: nothing is seen, done or told before the claim is confirmed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from dynamics.models import CultivationObject, Inspection, Rectification, Removal
from dynamics.services import changes, cultivation, deadlines, inspections, rectifications, removals, showing
from dynamics.services.changes import Report
from dynamics.states import RemovalSource
from greenlist.core.clock import china_date
from greenlist.core.errors import NotVisible
from greenlist.core.models import Notification
from greenlist.organisations.models import Organisation
from registry.models import Listing
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics.listed import AT, dropped, listed
from tests.world import World

pytestmark = pytest.mark.django_db
BY = date(2026, 10, 15)


@pytest.fixture
def unit(world: World) -> Listing:
    """With something open of every kind."""
    county.load_rules()
    row = listed(world)
    city = world.actor("city_handler")
    made = removals.propose(
        listing=row, ground="false_data", reason="数据不符", source=RemovalSource.PERSON, actor=city, at=AT
    )
    removals.ask(actor=city, reference=made.reference, letter="告知", answer_by=BY, at=AT)
    rectifications.order(actor=city, listing=row.pk, reason="补齐器具", due_on=BY, at=AT)
    inspections.plan_visit(actor=world.actor("county_handler"), listing=row.pk, planned_on=BY, at=AT)
    one = cultivation.add(site_id=row.site_id, category="factory", actor=world.actor("county_handler"), at=AT)
    cultivation.take_up(reference=one.reference, actor=world.actor("county_handler"), at=AT)
    return row


def claim(unit: Listing, state: str) -> None:
    Organisation.objects.filter(pk=unit.organisation_id).update(claim=state)


def change(world: World, unit: Listing) -> Any:
    given = Report(after={"name": "新名"}, happened_on=china_date(AT), explanation="更名", files=[picture()])
    return changes.report(actor=world.actor("applicant"), listing=unit.pk, given=given, at=AT)


def answer(world: World, at: datetime = AT) -> Any:
    reference = Removal.objects.get().reference
    return removals.answer(actor=world.actor("applicant"), reference=reference, statement="已补正。", at=at)


def hand_in(world: World) -> Any:
    reference = Rectification.objects.get().reference
    return rectifications.hand_in(
        actor=world.actor("applicant"), reference=reference, answer="已改", proofs=[picture()], at=AT
    )


def show(world: World, unit: Listing) -> Any:
    return showing.mark(listing_id=unit.pk, kind="standing", public=True, actor=world.actor("applicant"), at=AT)


KINDS = (Removal, Rectification, Inspection, CultivationObject)


def test_a_claim_that_waits_opens_nothing(world: World, unit: Listing) -> None:
    actor = world.actor("applicant")
    assert all(kind.objects.visible_to(actor).exists() for kind in KINDS)
    claim(unit, "claimed")
    assert not any(kind.objects.visible_to(actor).exists() for kind in KINDS)
    for deed in (lambda: change(world, unit), lambda: answer(world), lambda: hand_in(world)):
        with pytest.raises(NotVisible):
            deed()
    claim(unit, "confirmed")
    assert change(world, unit) and answer(world) and hand_in(world)


def test_nor_writes_the_units_page(world: World) -> None:
    county.load_rules()
    unit = listed(world)
    claim(unit, "claimed")
    with pytest.raises(NotVisible):
        show(world, unit)
    claim(unit, "confirmed")
    assert show(world, unit).is_public


def test_and_is_told_nothing(world: World, unit: Listing) -> None:
    person = world.user("applicant")
    assert Notification.objects.filter(recipient=person, kind="removal.unit_asked").exists()
    assert list(deadlines.rectifications(BY)) and list(deadlines.hearings(BY))
    claim(unit, "claimed")
    before = Notification.objects.filter(recipient=person).count()
    dropped(world, Removal.objects.get(), AT)
    assert Notification.objects.filter(recipient=person).count() == before
    assert [one.people for one in deadlines.rectifications(BY)] == [()]
