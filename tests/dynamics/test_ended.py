"""A place on the list ends: planned visits are closed with the reason, typical experiences leave the public pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from dynamics.models import Experience, Inspection
from dynamics.services import cascades, experiences, inspections
from dynamics.states import ExperienceState, InspectionState
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import WrongState
from greenlist.core.models import AuditEntry
from registry.models import Listing
from registry.services import listings
from tests import factories
from tests.applications import county
from tests.dynamics.listed import AT, decided, dropped, listed, proposed, removed
from tests.world import World

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(days=30)
TITLE = "余热回收经验"


@pytest.fixture
def unit(world: World) -> Listing:
    county.load_rules()
    return listed(world)


def experience(world: World, unit: Listing) -> Experience:
    """Published by the city."""
    city: dict[str, Any] = {"actor": world.actor("city_handler"), "at": AT}
    row = experiences.pick(listing_id=unit.pk, **city)
    experiences.write(reference=row.reference, version=0, title=TITLE, summary="", text="先摸底，再改造。", **city)
    return experiences.publish(reference=row.reference, **city)


def planned(world: World, unit: Listing, **given: Any) -> Inspection:
    about = {"listing": unit.pk, "planned_on": LATER.date() + timedelta(days=9), **given}
    return inspections.plan_visit(actor=world.actor("county_handler"), at=AT, **about)


def is_public(world: World, row: Experience, unit: Listing) -> bool:
    """On every page that anybody reads, or on none of them."""
    client = world.client("anonymous")
    pages = [
        reverse("dynamics:place-experiences", args=["130300"]),
        reverse("dynamics:listing", args=["130300", unit.pk]),
    ]
    one = reverse("dynamics:place-experience", args=["130300", row.reference])
    found = {TITLE in client.get(page).content.decode() for page in pages} | {client.get(one).status_code == 200}
    assert len(found) == 1, found
    return found.pop()


def test_a_removed_unit_is_not_visited_any_more(world: World, unit: Listing) -> None:
    """In the transaction that removes it; other units and visits that were made stay as they are."""
    second = factories.site(unit.organisation, world.areas["130302"])
    here, there = planned(world, unit), planned(world, listed(world, site=second))
    row = removed(world, decided(world, proposed(world, unit, AT), AT), LATER)
    assert row.bulletin is not None
    here.refresh_from_db()
    there.refresh_from_db()
    assert (here.state, here.reason) == (InspectionState.CANCELLED, row.bulletin.title)
    assert there.state == InspectionState.PLANNED
    kept = AuditEntry.objects.filter(subject_kind="listing", subject_id=str(unit.pk), action="inspection.cancelled")
    assert kept.count() == 1
    for who in ("county_handler", "applicant"):
        page = world.client(who).get(reverse("dynamics:inspection", args=[here.reference])).content.decode()
        assert row.bulletin.title in page, who
    cascades.follow_all(at=LATER)
    assert kept.count() == 1


def test_a_place_that_ended_otherwise_is_followed_by_the_nightly_round(world: World, unit: Listing) -> None:
    row = planned(world, unit)
    listings.remove(listing=unit.pk, reason="更正", on=LATER.date(), actor=SYSTEM, at=LATER)
    cascades.follow_all(at=LATER)
    row.refresh_from_db()
    assert row.state == InspectionState.CANCELLED


def test_the_experience_of_a_removed_unit_leaves_the_public_pages(world: World, unit: Listing) -> None:
    """The office keeps it, with the reason; nobody publishes another one meanwhile."""
    row = experience(world, unit)
    assert is_public(world, row, unit)
    removed(world, decided(world, proposed(world, unit, AT), AT), LATER)
    assert not is_public(world, row, unit)
    officer = world.client("city_handler")
    for page in (reverse("dynamics:experiences"), reverse("dynamics:experience", args=[row.reference])):
        text = officer.get(page).content.decode()
        assert TITLE in text and f"{LATER.year}年{LATER.month}月{LATER.day}日" in text and "不公开" in text
    row.refresh_from_db()
    assert row.state == ExperienceState.PUBLISHED  # nobody took it down
    city: dict[str, Any] = {"actor": world.actor("city_handler"), "at": LATER}
    experiences.withdraw(reference=row.reference, reason="另写", **city)
    with pytest.raises(WrongState):
        experiences.publish(reference=row.reference, **city)


def test_it_is_public_again_when_the_removal_is_dismissed(world: World, unit: Listing) -> None:
    """What is only proposed takes nothing away; what is suspended is not shown until it is let drop."""
    row = experience(world, unit)
    removal = proposed(world, unit, AT)
    assert is_public(world, row, unit)
    listings.suspend(listing=unit.pk, reason="重大事故", actor=SYSTEM, at=AT)
    assert not is_public(world, row, unit)
    dropped(world, removal, LATER)
    assert is_public(world, row, unit)


def test_a_unit_that_is_entered_again_is_shown_again(world: World, unit: Listing) -> None:
    row = experience(world, unit)
    removed(world, decided(world, proposed(world, unit, AT), AT), LATER)
    assert not is_public(world, row, unit)
    place = Listing.objects.get(pk=unit.pk)
    place.enter_again()
    place.since = date(2029, 6, 1)
    place.save()
    assert is_public(world, row, unit)
