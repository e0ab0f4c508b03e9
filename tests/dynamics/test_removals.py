"""移出: proposed, heard, concluded, decided by another person; a dismissal leaves the place as it was (QHD-14.1–14.5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from dynamics.models import Rectification, Removal
from dynamics.selectors import removals as reads
from dynamics.services import rectifications, removals
from dynamics.states import RemovalSource, RemovalState
from greenlist.core.actors import SYSTEM
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from registry.models import Listing
from registry.states import ListingState
from tests import factories
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics.listed import AT, dropped, listed
from tests.world import World


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def listing(world: World) -> Listing:
    county.load_rules()
    return listed(world)


def proposed(world: World, listing: Listing, at: datetime, ground: str = "false_data", **given: Any) -> Removal:
    words: dict[str, Any] = {
        "reason": "核查发现能耗数据与统计报表不符",
        "source": RemovalSource.PERSON,
        "actor": world.actor("city_handler"),
        **given,
    }
    return removals.propose(listing=listing, ground=ground, at=at, **words)


def asked(world: World, removal: Removal, at: datetime, days: int = 10) -> Removal:
    return removals.ask(
        actor=world.actor("city_handler"),
        reference=removal.reference,
        letter="现告知拟移出的事实和理由。",
        answer_by=china_date(at) + timedelta(days=days),
        at=at,
    )


def concluded(world: World, removal: Removal, at: datetime, conclusion: str = "remove") -> Removal:
    removals.answer(actor=world.actor("applicant"), reference=removal.reference, statement="已补正。", at=at)
    return removals.conclude(
        actor=world.actor("city_handler"), reference=removal.reference, conclusion=conclusion, opinion="证据充分", at=at
    )


def decided(world: World, removal: Removal, at: datetime, outcome: str = "remove", **given: Any) -> Removal:
    return removals.decide(
        actor=world.actor("city_approver"),
        reference=removal.reference,
        outcome=outcome,
        decision="同意",
        at=at,
        **given,
    )


def state(listing: Listing) -> str:
    return Listing.objects.get(pk=listing.pk).state


def test_the_whole_way_to_a_decision(world: World, listing: Listing, at: datetime) -> None:
    row = proposed(world, listing, at)
    assert (row.state, row.clause, row.when) == (RemovalState.PROPOSED, "QHD-14.2", "any_time")
    assert state(listing) == ListingState.ACTIVE  # nobody has taken it up yet
    row = asked(world, row, at)
    assert state(listing) == ListingState.REMOVAL_PROPOSED
    assert reads.hearing_of(row).is_default  # type: ignore[union-attr]
    row = decided(world, concluded(world, row, at + timedelta(days=2)), at + timedelta(days=3))
    assert row.state == RemovalState.DECIDED
    assert state(listing) == ListingState.REMOVAL_PROPOSED  # in force with the bulletin, not before
    assert [one.what for one in row.notes.all()] == ["proposed", "asked", "answered", "concluded", "decided"]
    kinds = set(Notification.objects.values_list("kind", flat=True))
    assert {"removal.proposed", "removal.unit_asked", "removal.to_decide", "removal.unit_decided"} <= kinds


def test_the_same_ground_twice_is_one(world: World, listing: Listing, at: datetime) -> None:
    first = proposed(world, listing, at)
    assert proposed(world, listing, at, reason="再次发现").pk == first.pk
    assert proposed(world, listing, at, ground="no_table").pk != first.pk
    with pytest.raises(Refused):
        proposed(world, listing, at, ground="weather")


def test_the_portal_does_not_repeat_what_was_dismissed(world: World, listing: Listing, at: datetime) -> None:
    given = {"actor": SYSTEM, "source": RemovalSource.RECORD, "subject": ("adverse", 7)}
    first = proposed(world, listing, at, **given)
    removals.dismiss(actor=world.actor("city_approver"), reference=first.reference, decision="查无实据", at=at)
    assert proposed(world, listing, at, **given).pk == first.pk
    assert proposed(world, listing, at, **{**given, "subject": ("adverse", 8)}).pk != first.pk


def test_the_unit_has_the_days_of_the_rules(world: World, listing: Listing, at: datetime) -> None:
    row = proposed(world, listing, at)
    with pytest.raises(Invalid) as wrong:
        asked(world, row, at, days=9)
    assert "answer_by" in wrong.value.problems
    row = asked(world, row, at, days=10)
    handler = world.actor("city_handler")
    with pytest.raises(WrongState) as early:
        removals.note_silence(actor=handler, reference=row.reference, at=at + timedelta(days=10))
    assert early.value.code == "hearing_runs"
    row = removals.note_silence(actor=handler, reference=row.reference, at=at + timedelta(days=11))
    assert row.state == RemovalState.HEARD


def test_nothing_is_concluded_before_the_unit_was_heard(world: World, listing: Listing, at: datetime) -> None:
    row, actor = proposed(world, listing, at), world.actor("city_handler")
    given = {"conclusion": "remove", "opinion": "证据充分", "at": at}
    with pytest.raises(WrongState):
        removals.conclude(actor=actor, reference=row.reference, **given)
    asked(world, row, at)
    with pytest.raises(WrongState):
        removals.conclude(actor=actor, reference=row.reference, **given)
    with pytest.raises(WrongState):
        decided(world, row, at)


def test_two_people_decide(world: World, listing: Listing, at: datetime) -> None:
    row = asked(world, proposed(world, listing, at), at)
    removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="已补正。", at=at)
    approver = world.actor("city_approver")
    given: dict[str, Any] = {"reference": row.reference, "at": at}
    removals.conclude(actor=approver, conclusion="remove", opinion="证据充分", **given)
    with pytest.raises(NotAllowed) as same:
        removals.decide(actor=approver, outcome="remove", decision="同意", **given)
    assert same.value.code == "four_eyes"
    with pytest.raises(NotAllowed):
        removals.decide(actor=world.actor("city_handler"), outcome="remove", decision="同意", **given)


def test_nobody_leaves_by_the_word_of_one_person(world: World, listing: Listing, at: datetime) -> None:
    """The approver alone cannot turn “leave on the list” into a removal; sent back and concluded anew, it can be decided."""
    row = concluded(world, asked(world, proposed(world, listing, at), at), at, "dismiss")
    with pytest.raises(Invalid) as alone:
        decided(world, row, at)
    assert list(alone.value.problems) == ["outcome"]
    given: dict[str, Any] = {"reference": row.reference, "at": at}
    removals.hand_back(actor=world.actor("city_approver"), text="请再核", **given)
    removals.conclude(actor=world.actor("city_handler"), conclusion="remove", opinion="复核属实", **given)
    assert decided(world, row, at).state == RemovalState.DECIDED


def test_a_dismissal_restores(world: World, listing: Listing, at: datetime) -> None:
    row = concluded(world, asked(world, proposed(world, listing, at), at), at, "dismiss")
    assert state(listing) == ListingState.REMOVAL_PROPOSED
    row = decided(world, row, at, "dismiss")
    assert (row.state, state(listing)) == (RemovalState.DISMISSED, ListingState.ACTIVE)


def test_a_dismissal_leaves_what_another_proposal_holds(world: World, listing: Listing, at: datetime) -> None:
    first = asked(world, proposed(world, listing, at), at)
    asked(world, proposed(world, listing, at, ground="no_table"), at)
    dropped(world, first, at)
    assert state(listing) == ListingState.REMOVAL_PROPOSED


STAGES = ["asked", "heard", "concluded", "decided", "at once", "of a person"]


def at_stage(world: World, listing: Listing, at: datetime, stage: str) -> Removal:
    if stage == "of a person":
        return proposed(world, listing, at)
    given = {"actor": SYSTEM, "source": RemovalSource.RECORD, "subject": ("adverse", 7)}
    row = proposed(world, listing, at, **given)
    if stage == "at once":
        Removal.objects.filter(pk=row.pk).update(when="at_once")
        return row
    row = asked(world, row, at)
    if stage == "heard":
        removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="已补正。", at=at)
    if stage in ("concluded", "decided"):
        row = concluded(world, row, at)
    return decided(world, row, at) if stage == "decided" else row


@pytest.mark.parametrize("stage", STAGES)
def test_what_the_unit_knows_of_is_let_drop_by_two(world: World, listing: Listing, at: datetime, stage: str) -> None:
    """One says why, another decides; the same person cannot do both, whatever was done before."""
    row = at_stage(world, listing, at, stage)
    approver, handler = world.actor("city_approver"), world.actor("city_handler")
    given: dict[str, Any] = {"reference": row.reference, "at": at}
    with pytest.raises(WrongState) as alone:
        removals.dismiss(actor=approver, decision="查无实据", **given)
    assert alone.value.code == "needs_two"
    if stage == "concluded":  # a conclusion waits: it is handed back, and concluded the other way
        with pytest.raises(WrongState):
            removals.propose_dismissal(actor=handler, reason="查无实据", **given)
        with pytest.raises(Invalid):
            decided(world, row, at, "dismiss")
        return
    removals.propose_dismissal(actor=approver, reason="查无实据", **given)
    with pytest.raises(NotAllowed) as same:
        removals.dismiss(actor=approver, decision="查无实据", **given)
    assert same.value.code == "four_eyes"
    with pytest.raises(NotAllowed):
        removals.dismiss(actor=handler, decision="查无实据", **given)
    removals.propose_dismissal(actor=handler, reason="查无实据", **given)
    row = removals.dismiss(actor=approver, decision="同意", **given)
    assert (row.state, row.dismissal, row.decision) == (RemovalState.DISMISSED, "查无实据", "同意")
    assert [one.what for one in row.notes.all()][-2:] == ["to_drop", "dismissed"]
    assert state(listing) == ListingState.ACTIVE


def test_one_approver_drops_alone_only_what_nobody_has_touched(world: World, listing: Listing, at: datetime) -> None:
    """A file of the office ends it, and so does a word to drop it that another person did not agree to."""
    first, second, third = (
        proposed(world, listing, at, ground, subject=("adverse", key), actor=SYSTEM, source=RemovalSource.RECORD)
        for key, ground in enumerate(("false_data", "no_table", "stopped"), 1)
    )
    second_person = factories.person("秦皇岛副局长")
    world.users["city_second"] = second_person
    world.mandates["city_second"] = factories.mandate(second_person, "approver", world.authorities["130300"])
    approver, other = world.actor("city_approver"), world.actor("city_second")
    removals.dismiss(actor=approver, reference=first.reference, decision="查无实据", at=at)
    removals.add_evidence(actor=world.actor("city_handler"), reference=second.reference, upload=picture(), at=at)
    removals.propose_dismissal(actor=approver, reference=third.reference, reason="查无实据", at=at)
    removals.hand_back(actor=other, reference=third.reference, text="请再核", at=at)
    for row in (second, third):
        for actor in (approver, other):
            with pytest.raises(WrongState) as alone:
                removals.dismiss(actor=actor, reference=row.reference, decision="查无实据", at=at)
            assert alone.value.code == "needs_two"
        assert not Removal.objects.filter(pk=row.pk, state=RemovalState.DISMISSED).exists()
        assert dropped(world, row, at).state == RemovalState.DISMISSED


def test_evidence_that_comes_before_it_is_dropped_alone_is_looked_at_first(world: World, listing: Listing) -> None:
    given: dict[str, Any] = {"actor": SYSTEM, "source": RemovalSource.RECORD, "subject": ("adverse", 7)}
    row, approver = proposed(world, listing, AT, **given), world.client("city_approver")
    page = approver.get(f"/after/removals/{row.reference}/").content.decode()
    seen = reads.digest(row)
    assert f'value="{seen}"' in page
    removals.add_evidence(actor=world.actor("city_handler"), reference=row.reference, upload=picture(), at=AT)
    late = approver.post(f"/after/removals/{row.reference}/dismiss/", {"decision": "查无实据", "seen": seen})
    assert late.status_code == 409 and Removal.objects.get(pk=row.pk).state == RemovalState.PROPOSED
    page = approver.get(f"/after/removals/{row.reference}/").content.decode()
    assert f"{row.reference}/drop/" in page and f"{row.reference}/dismiss/" not in page


def test_a_dismissal_that_is_not_agreed_to_changes_nothing(world: World, listing: Listing, at: datetime) -> None:
    row = at_stage(world, listing, at, "decided")
    given: dict[str, Any] = {"reference": row.reference, "at": at}
    removals.propose_dismissal(actor=world.actor("city_handler"), reason="情况有变", **given)
    row = removals.hand_back(actor=world.actor("city_approver"), text="事实清楚", **given)
    assert (row.state, row.dismissal_by) == (RemovalState.DECIDED, None)
    with pytest.raises(WrongState):
        removals.dismiss(actor=world.actor("city_approver"), decision="再议", **given)


def test_the_page_offers_each_of_the_two_his_part(world: World, listing: Listing) -> None:
    row = asked(world, proposed(world, listing, AT), AT)
    page, drop, confirm = (f"/after/removals/{row.reference}/{one}" for one in ("", "drop/", "dismiss/"))
    handler, approver = world.client("city_handler"), world.client("city_approver")
    assert drop in handler.get(page).content.decode() and confirm not in approver.get(page).content.decode()
    assert handler.post(drop, {"reason": "查无实据"}).status_code == 302
    assert confirm not in handler.get(page).content.decode()
    assert confirm in approver.get(page).content.decode() and row.name in approver.get("/work/").content.decode()
    seen = reads.digest(Removal.objects.get(pk=row.pk))
    assert approver.post(confirm, {"decision": "同意", "seen": seen}).status_code == 302
    assert Removal.objects.get(pk=row.pk).state == RemovalState.DISMISSED


def rectification(world: World, listing: Listing, at: datetime) -> Rectification:
    return rectifications.order(
        actor=world.actor("city_handler"), listing=listing.pk, reason="整改", due_on=china_date(at), at=at
    )


def test_a_unit_that_was_rectifying_goes_on(world: World, listing: Listing, at: datetime) -> None:
    rectification(world, listing, at)
    row = asked(world, proposed(world, listing, at), at)
    dropped(world, row, at)
    assert state(listing) == ListingState.RECTIFYING


def test_what_was_put_right_while_a_removal_was_open_leaves_the_place_whole(
    world: World, listing: Listing, at: datetime
) -> None:
    """Accepted meanwhile, nothing is left that could end the rectifying later."""
    order = rectification(world, listing, at)
    row = asked(world, proposed(world, listing, at), at)
    rectifications.hand_in(
        actor=world.actor("applicant"), reference=order.reference, answer="已改", proofs=[picture()], at=at
    )
    rectifications.accept(actor=world.actor("city_handler"), reference=order.reference, at=at)
    assert state(listing) == ListingState.REMOVAL_PROPOSED
    dropped(world, row, at)
    assert state(listing) == ListingState.ACTIVE


def test_an_order_given_while_a_removal_was_open_holds_after_its_dismissal(
    world: World, listing: Listing, at: datetime
) -> None:
    row = asked(world, proposed(world, listing, at), at)
    rectification(world, listing, at)
    dropped(world, row, at)
    assert state(listing) == ListingState.RECTIFYING


def test_a_dismissal_ends_a_rectification_that_was_given_up(world: World, listing: Listing, at: datetime) -> None:
    order, late = rectification(world, listing, at), at + timedelta(days=2)
    row = rectifications.give_up(
        actor=world.actor("city_handler"), reference=order.reference, ground="false_data", note="未整改", at=late
    )
    assert state(listing) == ListingState.RECTIFYING
    dropped(world, row, late)
    assert state(listing) == ListingState.ACTIVE


@pytest.mark.case("WF-16")
def test_a_late_word_is_read_before_anybody_decides(world: World, listing: Listing, at: datetime) -> None:
    row = concluded(world, asked(world, proposed(world, listing, at), at), at)
    seen = reads.digest(row)
    later = at + timedelta(days=12)
    removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="补充说明。", at=later)
    with pytest.raises(WrongState):
        decided(world, row, later)
    handler = world.actor("city_handler")
    removals.conclude(actor=handler, reference=row.reference, conclusion="remove", opinion="仍然成立", at=later)
    with pytest.raises(Conflict):
        decided(world, row, later, seen=seen)
    decided(world, row, later)
    with pytest.raises(WrongState):
        removals.answer(actor=world.actor("applicant"), reference=row.reference, statement="再补充。", at=later)


def test_who_sees_what(world: World, listing: Listing, at: datetime) -> None:
    row = proposed(world, listing, at)
    assert reads.one(world.actor("county_handler"), row.reference).pk == row.pk
    for who in ("applicant", "rival"):
        with pytest.raises(NotVisible):
            reads.one(world.actor(who), row.reference)
    asked(world, row, at)
    assert reads.one(world.actor("applicant"), row.reference).pk == row.pk
    with pytest.raises(NotVisible):
        reads.one(world.actor("rival"), row.reference)
    with pytest.raises(NotAllowed):
        removals.note_silence(actor=world.actor("county_handler"), reference=row.reference, at=at + timedelta(days=11))
