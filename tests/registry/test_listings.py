"""What may follow what in the life of a place on a list; a removal ends title, place and case together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from applications.models import Application, Call
from applications.states import State
from greenlist.core.clock import china_date
from greenlist.core.errors import WrongState
from greenlist.core.models import AuditEntry
from greenlist.organisations.models import Title
from registry.models import Announcement, Listing
from registry.services import listings
from registry.states import ListingState
from tests.applications import county
from tests.registry import stage
from tests.reviews import stage as reviews
from tests.world import World

VERBS = {
    "rectify": listings.rectify,
    "resume": listings.resume,
    "propose_removal": listings.propose_removal,
    "suspend": listings.suspend,
    "restore": listings.restore,
}
A, R, P, S, X = (
    ListingState.ACTIVE,
    ListingState.RECTIFYING,
    ListingState.REMOVAL_PROPOSED,
    ListingState.SUSPENDED,
    ListingState.REMOVED,
)
# state → verb → the state it leads to; what is not here is refused
LEADS = {
    A: {"rectify": R, "propose_removal": P, "suspend": S},
    R: {"resume": A, "propose_removal": P, "suspend": S},
    P: {"suspend": S, "restore": A},
    S: {"restore": A},
    X: {},
}


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.fixture
def published(world: World, call: Call) -> Announcement:
    return stage.published(world, stage.closed(world, call, reviews.several(world, call, 1)))


def later(published: Announcement) -> datetime:
    assert published.published_at is not None
    return published.published_at + timedelta(days=30)


def test_every_verb_from_every_state(world: World, published: Announcement) -> None:
    row = Listing.objects.get()
    actor, at = world.actor("city_handler"), later(published)
    for state, ways in LEADS.items():
        for name, verb in VERBS.items():
            Listing.objects.filter(pk=row.pk).update(state=state)
            if name in ways:
                assert verb(listing=row.pk, reason="测试", actor=actor, at=at).state == ways[name]
                assert AuditEntry.objects.filter(action=f"listing.{name}").exists()
            else:
                with pytest.raises(WrongState):
                    verb(listing=row.pk, reason="测试", actor=actor, at=at)
            assert Listing.objects.get().state == ways.get(name, state)


def test_a_removal_ends_place_title_and_case_and_bars(world: World, published: Announcement) -> None:
    row, at = Listing.objects.get(), later(published)
    assert row.application_id is not None
    listings.remove(
        listing=row.pk, reason="未按规定提交动态管理表", on=china_date(at), actor=world.actor("city_approver"), at=at
    )
    assert Listing.objects.get().state == X
    title = Title.objects.get(site=row.site)
    assert (title.valid_until, title.removed) == (china_date(at), True)
    assert Application.objects.get(pk=row.application_id).state != State.LISTED
    with pytest.raises(WrongState):
        listings.remove(listing=row.pk, reason="再来一次", on=china_date(at), actor=world.actor("city_approver"), at=at)
