"""Lists above an authority's own: it hears and decides, asks their owner, follows it to the end (JY-22b, HLJ-30b)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from dynamics.models import Removal, UpwardRequest
from dynamics.selectors import removals as reads
from dynamics.services import bulletins, removals, upward, watch
from dynamics.services.incidents import Told, raise_alarm
from dynamics.states import RemovalState, UpwardState
from greenlist.core.errors import NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.policy import selectors as policy
from registry.models import Listing
from registry.states import EntryKind, ListingState
from tests import factories
from tests.applications import county
from tests.dynamics import listed as leaving
from tests.dynamics.listed import AT, jieyang, listed, ministry
from tests.registry import upper
from tests.world import World

LATER = AT + timedelta(days=30)
TOLD = Told("safety", 3, AT - timedelta(hours=5), "一号车间", "示例事故，正在处置。", "应急管理部门通报")
# unit, list above, who decides, its people, clause
PLACES = [
    pytest.param("hlj", "cn", "230000", "hlj_province", "HLJ-30b", marks=pytest.mark.clause("HLJ-30b")),
    pytest.param("jy", "440000", "445200", "jy", "JY-22b", marks=pytest.mark.clause("JY-22b")),
]


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    jieyang(world)
    ministry(world)
    county.load_rules()


def state(listing: Listing) -> str:
    return Listing.objects.get(pk=listing.pk).state


@pytest.mark.parametrize(("unit", "above", "office", "people", "clause"), PLACES)
@pytest.mark.parametrize("by", ["alarm", "record"])
def test_a_unit_of_a_list_above_alone_is_proposed_and_asked_about(
    world: World, unit: str, above: str, office: str, people: str, clause: str, by: str
) -> None:
    place = listed(world, unit, above)
    if by == "alarm":
        raise_alarm(actor=world.actor(f"{unit}_county_handler"), listing=place.pk, told=TOLD, at=AT)
    else:
        factories.adverse(world.orgs[unit], "safety", date(2026, 8, 30), 3)
    watch.round_(at=AT)
    watch.round_(at=AT)
    row = Removal.objects.get()
    assert (row.listing, row.owner, row.clause, row.only_asks) == (place, world.authorities[office], clause, True)
    assert state(place) == ListingState.ACTIVE, "the list is another authority's"
    unit_people = world.user({"hlj": "hlj_applicant", "jy": "jy_applicant"}[unit])
    assert not Notification.objects.filter(recipient=unit_people, kind="removal.unit_suspended").exists()
    with pytest.raises(NotVisible):
        reads.one(world.actor(f"{unit}_applicant"), row.reference)
    with pytest.raises(NotAllowed):
        given: dict[str, Any] = {"letter": "现告知。", "answer_by": AT.date() + timedelta(days=9), "at": AT}
        removals.ask(actor=world.actor(f"{unit}_county_handler"), reference=row.reference, **given)
    row = leaving.decided(world, row, AT)
    letter = UpwardRequest.objects.get()
    assert (letter.listing, letter.to_authority, letter.clause) == (place, world.authorities[above], clause)
    assert place.listbook.title in letter.title and state(place) == ListingState.ACTIVE
    assert not bulletins.waits_for_list(row) and bulletins.ready(place.listbook) == []
    page = world.client(f"{people}_handler").get(reverse("dynamics:removal", args=[row.reference])).content.decode()
    assert world.authorities[above].name in page and reverse("dynamics:request", args=[letter.reference]) in page


def decided(world: World, unit: str, above: str, people: str) -> tuple[Removal, UpwardRequest]:
    listed(world, unit, above)
    factories.adverse(world.orgs[unit], "safety", date(2026, 8, 30), 3)
    watch.round_(at=AT)
    row = leaving.decided(world, Removal.objects.get(), AT)
    return row, UpwardRequest.objects.get()


def sent(world: World, letter: UpwardRequest, people: str) -> UpwardRequest:
    given: dict[str, Any] = {"reference": letter.reference, "at": LATER}
    upward.hand_to_approver(actor=world.actor(f"{people}_handler"), **given)
    return upward.send(actor=world.actor(f"{people}_approver"), number="示工信〔2026〕1号", **given)


@pytest.mark.clause("JY-22b")
def test_it_is_in_force_when_the_list_above_drops_the_unit(world: World) -> None:
    row, letter = decided(world, "jy", "440000", "jy")
    sent(world, letter, "jy")
    firm = world.orgs["jy"]
    lines = (firm.name, firm.code or "", "", EntryKind.REMOVED)
    upper.approved(world, lines, who="jy", tier="province", category="factory")
    row.refresh_from_db()
    assert (row.state, row.bulletin, state(row.listing)) == (RemovalState.EFFECTIVE, None, ListingState.REMOVED)
    assert row.effective_on is not None and "示例公告" in row.notes.get(what="effective").text
    assert upward.settle_all(at=LATER) == 1
    letter.refresh_from_db()
    assert letter.state == UpwardState.SETTLED


@pytest.mark.clause("JY-22b")
def test_a_request_that_is_not_followed_ends_it(world: World) -> None:
    row, letter = decided(world, "jy", "440000", "jy")
    with pytest.raises(WrongState) as kept:
        upward.drop(actor=world.actor("jy_handler"), reference=letter.reference, reason="不再需要", at=LATER)
    assert kept.value.code == "decided_by_two"
    sent(world, letter, "jy")
    upward.refuse(actor=world.actor("gd_handler"), reference=letter.reference, reason="另案处理", at=LATER)
    row.refresh_from_db()
    assert (row.state, row.notes.last().text) == (RemovalState.LAPSED, "另案处理")
    assert state(row.listing) == ListingState.ACTIVE


@pytest.mark.clause("HLJ-30b")
def test_a_decision_that_is_dropped_takes_its_unsent_letter_along(world: World) -> None:
    row, letter = decided(world, "hlj", "cn", "hlj_province")
    handler, approver = world.actor("hlj_province_handler"), world.actor("hlj_province_approver")
    given: dict[str, Any] = {"reference": row.reference, "at": LATER}
    removals.propose_dismissal(actor=handler, reason="事故等级更正", **given)
    removals.dismiss(actor=approver, decision="同意", **given)
    letter.refresh_from_db()
    assert (letter.state, letter.outcome) == (UpwardState.DROPPED, "同意")


@pytest.mark.clause("HLJ-30b")
def test_lower_lists_follow_what_was_decided_about_the_one_above(world: World) -> None:
    """On the national list and a city's, not on the provincial one: from every tier's list."""
    lower = listed(world, "hlj", "230100")
    decided(world, "hlj", "cn", "hlj_province")
    spread = Removal.objects.get(listing=lower)
    assert (spread.owner, spread.when, state(lower)) == (
        world.authorities["230100"], "at_once", ListingState.SUSPENDED,
    )  # fmt: skip


def test_who_stands_on_the_own_list_too_is_asked_about_from_there(world: World) -> None:
    own, above = listed(world, "hlj", "230000"), listed(world, "hlj", "cn")
    factories.adverse(world.orgs["hlj"], "safety", date(2026, 8, 30), 3)
    watch.round_(at=AT)
    assert Removal.objects.get().listing == own
    Listing.objects.filter(pk=own.pk).update(state=ListingState.REMOVED)
    watch.round_(at=AT)
    assert Removal.objects.filter(listing=above).count() == 1


@pytest.mark.parametrize("unit", ["org", "sjz"])
def test_rules_that_ask_nobody_propose_nothing(world: World, unit: str) -> None:
    listed(world, unit, "cn"), listed(world, unit, "130000")
    factories.adverse(world.orgs[unit], "safety", date(2026, 8, 30), 4)
    watch.round_(at=AT)
    assert not Removal.objects.exists()


def test_an_official_proposes_it_by_the_grounds_that_ask(world: World) -> None:
    place = listed(world, "hlj", "cn")
    address = reverse("dynamics:removal-propose", args=[place.pk])
    client = world.client("hlj_city_handler")
    page = client.get(address).content.decode()
    assert "HLJ-30b" in page and "HLJ-30a" not in page
    assert client.post(address, {"ground": "accident", "reason": "重大事故"}).status_code == 302
    row = Removal.objects.get()
    assert row.owner == world.authorities["230000"]


@pytest.mark.clause("HLJ-30b")
def test_what_another_authority_has_proposed_by_its_own_rules_hides_nothing(world: World) -> None:
    """Two offices over the same unit may both ask the owner of the list, each by its own ground of the same name."""
    place = listed(world, "hlj", "cn")
    factories.adverse(world.orgs["hlj"], "safety", date(2026, 8, 30), 3)
    watch.round_(at=AT)
    theirs = Removal.objects.get()
    theirs.owner, theirs.rules = world.authorities["230100"], policy.current("jieyang")
    theirs.save()
    watch.round_(at=AT)
    watch.round_(at=AT)
    rows = Removal.objects.filter(listing=place, ground=theirs.ground).values_list("owner__area__slug", flat=True)
    assert sorted(rows) == ["230000", "230100"]
