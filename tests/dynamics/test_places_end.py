"""What is open about a place ends in the transaction in which the place ends, by whatever document."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dynamics.models import Change, Removal, UpwardRequest
from dynamics.services import cascades, changes, places, removals
from dynamics.states import ChangeState, RemovalSource, RemovalState
from greenlist.core.actors import SYSTEM
from registry.models import Announcement, Listing
from registry.services import listings
from registry.states import EntryKind, ListingState, Origin
from tests.applications import county
from tests.dynamics import test_changes as story
from tests.dynamics.listed import AT, listed
from tests.places import jieyang
from tests.registry import test_corrections as corrected
from tests.registry import upper
from tests.world import World

LATER = AT + timedelta(days=30)


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    jieyang(world)
    county.load_rules()


def state(row: Listing) -> str:
    return Listing.objects.get(pk=row.pk).state


def taken(world: World, kind: str = "", number: str = "1号") -> None:
    """What the province published about the firm, taken over by the city."""
    firm = world.orgs["jy_applicant"]
    lines = (firm.name, firm.code or "", "", kind) if kind else (firm.name, firm.code or "", "")
    given = {"tier": "province", "category": "factory", "said": {"number": number}, "digest": f"{kind}{number}"}
    upper.approved(world, lines, who="jy_city", **given)


def proposed(place: Listing) -> Removal:
    return removals.propose(
        listing=place, ground="false_data", reason="数据不符", source=RemovalSource.RECORD, actor=SYSTEM, at=AT
    )


def test_a_place_that_ends_and_is_entered_anew_has_nothing_open(world: World, tmp_path: Path) -> None:
    """No round in between: the removal fell away with the place, and does not come back with it."""
    upper.inherited_end_with_upper(tmp_path)
    taken(world)
    own = Listing.objects.get(origin=Origin.INHERITED)
    row = proposed(own)
    taken(world, EntryKind.REMOVED, "2号")
    row.refresh_from_db()
    assert (row.state, state(own)) == (RemovalState.LAPSED, ListingState.REMOVED)
    assert "2号" in row.notes.get(what="lapsed").text or "示例公告" in row.notes.get(what="lapsed").text
    taken(world, number="3号")
    assert state(own) == ListingState.ACTIVE
    assert not Removal.objects.open().exists()


def test_a_list_taken_over_ends_what_is_open_about_its_own_places(world: World) -> None:
    above = listed(world, "jy_applicant", "440000")
    row = removals.propose(
        listing=above, ground="accident", reason="重大事故", source=RemovalSource.RECORD, actor=SYSTEM, at=AT
    )
    taken(world, EntryKind.REMOVED)
    row.refresh_from_db()
    assert (row.state, state(above)) == (RemovalState.LAPSED, ListingState.REMOVED)


def test_nothing_stays_open_when_one_of_both_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One action: a place does not end without what is open about it."""
    upper.inherited_end_with_upper(tmp_path)
    taken(world)
    own = Listing.objects.get(origin=Origin.INHERITED)
    row = proposed(own)
    monkeypatch.setattr(listings, "_endings", [_broken])
    with pytest.raises(RuntimeError):
        taken(world, EntryKind.REMOVED, "2号")
    row.refresh_from_db()
    assert (row.state, state(own)) == (RemovalState.PROPOSED, ListingState.ACTIVE)
    monkeypatch.setattr(listings, "_endings", [])  # a place that ended before this was known
    taken(world, EntryKind.REMOVED, "3号")
    cascades.lapse_all(at=LATER)
    row.refresh_from_db()
    assert row.state == RemovalState.LAPSED, "the safety net"


def _broken(**given: object) -> None:
    raise RuntimeError


def test_every_document_that_ends_a_place_says_so() -> None:
    assert listings._endings == [places.end]


# ---- changes with which a place ends ----------------------------------------------------------------------------------
def ending(world: World) -> tuple[Change, UpwardRequest]:
    """Merged away: the city's and the province's place end; the province is told in the yearly letter."""
    unit = listed(world, "jy_applicant", "445200")
    listed(world, "jy_applicant", "440000")
    story.report(world, unit, after={"merger": "被吸收合并"}, successor_name="惠来示例控股有限公司")
    above = Change.objects.get(bundles=True)
    story.verify(world, above, disposition="ends")
    story.confirm(world, above)
    given = {"actor": world.actor("jy_city_handler"), "category": "factory", "year": 2026, "at": LATER}
    (letter,) = changes.bundle(**given)
    return above, letter


@pytest.mark.clause("JY-21")
def test_a_bundled_change_is_open_until_the_upper_list_has_dropped_the_place(world: World) -> None:
    change, letter = ending(world)
    UpwardRequest.objects.filter(pk=letter.pk).update(state="settled")
    for _round in range(2):
        changes.follow_requests(at=LATER)
        change.refresh_from_db()
        assert (change.state, state(change.listing)) == (ChangeState.BUNDLED, ListingState.ACTIVE)
    taken(world, EntryKind.REMOVED, "2号")
    change.refresh_from_db()
    assert (change.state, state(change.listing)) == (ChangeState.SETTLED, ListingState.REMOVED)
    assert changes.follow_requests(at=LATER) == 0


@pytest.mark.clause("JY-21")
def test_a_place_that_ended_before_the_letter_was_answered_settles_the_change(world: World) -> None:
    change, _letter = ending(world)
    taken(world, EntryKind.REMOVED, "2号")
    change.refresh_from_db()
    assert change.state == ChangeState.SETTLED


def test_a_corrected_announcement_ends_it_too(world: World, published: Announcement) -> None:
    place = Listing.objects.get(name=published.frozen["units"][2]["name"])
    row = proposed(place)
    corrected.publish(world, published, corrected.propose(world, published, {3: corrected.Line(struck=True)}))
    row.refresh_from_db()
    assert (row.state, state(place)) == (RemovalState.LAPSED, ListingState.REMOVED)


@pytest.mark.clause("JY-22a")
def test_an_inherited_place_waits_for_the_yearly_list_like_any_other(world: World) -> None:
    """The province drops the unit: the city's place is proposed for removal with the yearly list, and stands until then."""
    taken(world)
    own = Listing.objects.get(origin=Origin.INHERITED)
    taken(world, EntryKind.REMOVED, "2号")
    assert cascades.follow_all(at=LATER) == 1
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when, row.source) == (own, "JY-22a", "with_list", RemovalSource.CASCADE)
    assert state(own) == ListingState.ACTIVE
