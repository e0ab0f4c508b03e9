"""Removals in force: bulletins, what waits for the yearly list, lower lists that follow, requests upward."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from applications.services import checks, sweep
from applications.states import State
from dynamics.models import Removal, UpwardRequest
from dynamics.selectors import removals as reads
from dynamics.services import bulletins, cascades, changes, removals, upward, watch
from dynamics.services.changes import Report, Verification
from dynamics.states import RemovalSource, RemovalState, UpwardState
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations.models import ParkFirm, Title
from greenlist.policy.engine.types import Outcome
from registry import selectors as registry
from registry.models import Announcement, Bulletin, Entry, Listing
from registry.services import bulletins as printed
from registry.states import BulletinState, EntryKind, ListingState
from tests import factories
from tests.applications import county, filled
from tests.dynamics.listed import AT, bulletin, decided, dropped, jieyang, listed, ministry, proposed, removed
from tests.registry import upper
from tests.reviews import rounds
from tests.world import World

MAJOR = 3
LATER = AT + timedelta(days=30)


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    county.load_rules()


def state(listing: Listing) -> str:
    return Listing.objects.get(pk=listing.pk).state


# ---- bulletins ------------------------------------------------------------------------------------------------------
def test_a_bulletin_takes_the_unit_off_with_everything(world: World) -> None:
    listing = listed(world)
    row = decided(world, proposed(world, listing, AT), AT)
    row = removed(world, row, LATER)
    assert (row.state, row.effective_on, state(listing)) == (RemovalState.EFFECTIVE, LATER.date(), ListingState.REMOVED)
    entry = Entry.objects.get(listing=listing)
    assert (entry.kind, entry.on, entry.bulletin) == (EntryKind.REMOVED, LATER.date(), row.bulletin)
    title = Title.objects.get(site=listing.site)
    assert (title.valid_until, title.removed) == (LATER.date(), True)
    assert registry.as_of(listing.listbook, LATER.date()) == []
    changed = registry.changes(listing.listbook, LATER.date() - timedelta(days=1), LATER.date())
    assert [one.kind for one in changed.rows] == [EntryKind.REMOVED]


def test_two_people_publish_a_bulletin_and_only_what_they_saw(world: World) -> None:
    row = decided(world, proposed(world, listed(world), AT), AT)
    made = bulletin(world, row, LATER)
    with pytest.raises(NotAllowed):
        bulletins.publish(actor=world.actor("city_handler"), reference=made.reference, at=LATER)
    with pytest.raises(Conflict):
        bulletins.publish(actor=world.actor("city_approver"), reference=made.reference, at=LATER, digest="other")
    approver = world.actor("city_approver")
    printed.hand_back(actor=approver, reference=made.reference, note="再核", at=LATER)
    printed.hand_to_approver(actor=approver, reference=made.reference, at=LATER)
    with pytest.raises(NotAllowed) as same:
        bulletins.publish(actor=approver, reference=made.reference, at=LATER)
    assert same.value.code == "four_eyes"
    with pytest.raises(NotVisible):
        printed.lock(actor=world.actor("other_city_approver"), reference=made.reference)


def test_what_is_dismissed_meanwhile_does_not_go_out(world: World) -> None:
    listing = listed(world)
    row = decided(world, proposed(world, listing, AT), AT)
    made = bulletin(world, row, LATER)
    dropped(world, row, LATER, "情况有变")
    assert state(listing) == ListingState.ACTIVE
    with pytest.raises(WrongState):
        bulletins.publish(actor=world.actor("city_approver"), reference=made.reference, at=LATER)
    assert Bulletin.objects.get().state == BulletinState.TO_APPROVE


def test_other_proposals_fall_away(world: World) -> None:
    listing = listed(world)
    other = proposed(world, listing, AT, ground="no_table")
    removed(world, decided(world, proposed(world, listing, AT), AT), LATER)
    assert Removal.objects.get(pk=other.pk).state == RemovalState.LAPSED


# ---- what waits for the yearly list ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("place", "who", "owner", "clause"),
    [
        pytest.param("jieyang", "jy", "445200", "JY-22a", marks=pytest.mark.clause("JY-22a")),
        pytest.param("heilongjiang", "hlj", "230000", "HLJ-30a", marks=pytest.mark.clause("HLJ-30a")),
    ],
)
def test_drafts_remove_with_the_yearly_list(world: World, place: str, who: str, owner: str, clause: str) -> None:
    if place == "jieyang":
        jieyang(world)
    listing = listed(world, who, owner)
    approver = world.actor("jy_approver" if place == "jieyang" else "hlj_province_approver")
    for ground in ("veto", "refused", "false_data"):
        row = proposed(world, listing, AT, ground=ground)
        assert (row.clause, row.when) == (clause, "with_list")
    row = decided(world, Removal.objects.get(ground="refused"), AT)
    made = bulletin(world, row, LATER)
    with pytest.raises(Refused) as waits:
        bulletins.publish(actor=approver, reference=made.reference, at=LATER)
    assert (waits.value.code, waits.value.clause) == ("waits_for_list", clause)
    assert state(listing) == ListingState.REMOVAL_PROPOSED
    yearly_list(world, listing, LATER)
    bulletins.publish(actor=approver, reference=made.reference, at=LATER)
    assert state(listing) == ListingState.REMOVED


def yearly_list(world: World, listing: Listing, at: datetime) -> Announcement:
    """The list of the year, published without the way there."""
    from applications.models import Call
    from greenlist.policy import selectors as policy
    from registry.models import Notice
    from registry.states import AnnouncementState
    from reviews.models import Decision

    owner, person = listing.listbook.owner, world.user("city_handler")
    call = Call.objects.create(
        owner=owner,
        rules=policy.of_owner(owner.area.slug, "factory")[0],
        category="factory",
        year=at.year,
        round=9,
        title="年度通知",
        created_by=person,
        created_at=at,
    )
    given = {"created_by": person, "created_at": at}
    decision = Decision.objects.create(call=call, authority=owner, step="decide", **given)
    notice = Notice.objects.create(decision=decision, call=call, authority=owner, step="notice", title="公示", **given)
    return Announcement.objects.create(
        listbook=listing.listbook,
        notice=notice,
        ordinal=1,
        title="年度名单公告",
        issued_on=at.date(),
        state=AnnouncementState.PUBLISHED,
        published_at=at,
        **given,
    )


# ---- lower lists follow ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("who", "city", "clause", "prefix"),
    [
        pytest.param("org", "130300", "QHD-14.5", "QHD", marks=pytest.mark.clause("QHD-14.5")),
        pytest.param("sjz", "130100", "SJZ-14.5", "SJZ", marks=pytest.mark.clause("SJZ-12")),
    ],
)
@pytest.mark.parametrize("tier", ["nation", "province"])
def test_off_the_higher_list_by_an_imported_one(
    world: World, who: str, city: str, clause: str, prefix: str, tier: str
) -> None:
    listing, firm = listed(world, who, city), world.orgs[who]
    office = "cn" if tier == "nation" else "130000"
    if tier == "nation":
        ministry(world)
    above = listed(world, who, office)
    actor = "province" if tier == "nation" else "city" if who == "org" else "other_city"
    lines = (firm.name, firm.code or "", "", EntryKind.REMOVED)
    upper.approved(world, lines, who=actor, tier=tier, category="factory", at=upper.AT)
    assert state(above) == ListingState.REMOVED
    assert not Removal.objects.exists()
    assert cascades.follow_all(at=LATER) == 1
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when, row.source) == (listing, clause, "any_time", RemovalSource.CASCADE)
    assert above.listbook.title in row.reason and "示例公告" in row.reason  # the evidence
    assert state(listing) == ListingState.ACTIVE  # proposed, no more
    cascades.follow_all(at=LATER)
    removals.dismiss(actor=world.actor(f"{'city' if who == 'org' else 'other_city'}_approver"),
                     reference=row.reference, decision="上级已更正", at=LATER)  # fmt: skip
    cascades.follow_all(at=LATER)
    assert Removal.objects.count() == 1  # the same removal is proposed once


@pytest.mark.clause("JY-22a")
def test_in_jieyang_the_cascade_waits_for_the_yearly_list(world: World) -> None:
    jieyang(world)
    listing, above = listed(world, "jy", "445200"), listed(world, "jy", "440000")
    firm = world.orgs["jy"]
    lines = (firm.name, firm.code or "", "", EntryKind.REMOVED)
    upper.approved(world, lines, who="jy", tier="province", category="factory", at=upper.AT)
    assert state(above) == ListingState.REMOVED
    cascades.follow_all(at=LATER)
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when) == (listing, "JY-22a", "with_list")
    row = decided(world, row, AT)
    made = bulletin(world, row, LATER)
    given = {"actor": world.actor("jy_approver"), "reference": made.reference, "at": LATER}
    with pytest.raises(Refused) as waits:
        bulletins.publish(**given)
    assert waits.value.code == "waits_for_list"
    assert state(listing) == ListingState.REMOVAL_PROPOSED
    yearly_list(world, listing, LATER)
    bulletins.publish(**given)
    assert state(listing) == ListingState.REMOVED


@pytest.mark.parametrize(
    ("who", "owner", "clause"),
    [
        pytest.param("jy", "445200", "JY-22a", marks=pytest.mark.clause("JY-22a")),
        pytest.param("hlj", "230000", "HLJ-30a", marks=pytest.mark.clause("HLJ-30a")),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_cases_of_the_veto_article_are_proposed_for_the_yearly_list(
    world: World, who: str, owner: str, clause: str, inside: bool
) -> None:
    """An accident of any grade bars from these lists; of a park also when it befalls a firm inside (articles 17 and 15)."""
    if who == "jy":
        jieyang(world)
    firm, listing = world.orgs[who], None
    if inside:
        park = factories.organisation(world.sites[who].area, "示例工业园区", serial=8650, kind="park")
        ParkFirm.objects.create(park=park, firm=firm, valid_from=date(2026, 1, 1))
        listing = listed(world, who, owner, category="park", site=park.sites.get())
    else:
        listing = listed(world, who, owner)
    sweep.sweep(at=AT)
    assert watch.propose_all(at=AT) == 0
    factories.adverse(firm, "safety", date(2026, 8, 1), 1)
    sweep.sweep(at=AT)
    assert watch.propose_all(at=AT) == 1
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when) == (listing, clause, "with_list")
    article = "第十七条（二）" if who == "jy" else "第十五条（二）"
    whose = f"{firm.name}，" if inside else ""
    assert (
        row.reason.startswith(f"{article}：{whose}2026年8月1日：") and "信用中国" in row.reason
    )  # what the unit reads
    assert state(listing) == ListingState.ACTIVE  # proposed, no more
    assert watch.propose_all(at=AT) == 0


# ---- grave accidents ------------------------------------------------------------------------------------------------
@pytest.mark.clause("JY-22b")
def test_a_grave_accident_in_jieyang(world: World) -> None:
    jieyang(world)
    listing, above = listed(world, "jy", "445200"), listed(world, "jy", "440000")
    factories.adverse(world.orgs["jy"], "safety", date(2026, 8, 30), MAJOR)
    watch.round_(at=AT)
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when, row.subject_kind) == (listing, "JY-22b", "at_once", "adverse")
    assert state(listing) == ListingState.SUSPENDED  # the same day
    assert reads.least_day(row, AT) == date(2026, 9, 4)  # heard within a short term
    row = decided(world, row, AT)
    request = UpwardRequest.objects.get()
    assert (request.to_authority, request.listing, request.clause) == (world.authorities["440000"], above, "JY-22b")
    row = removed(world, row, AT + timedelta(days=5))  # no yearly list is waited for
    assert (row.state, state(listing), state(above)) == (
        RemovalState.EFFECTIVE, ListingState.REMOVED, ListingState.ACTIVE,
    )  # fmt: skip


@pytest.mark.clause("JY-22b")
def test_the_request_to_the_province_is_followed_to_its_end(world: World) -> None:
    jieyang(world)
    listing, above = listed(world, "jy", "445200"), listed(world, "jy", "440000")
    factories.adverse(world.orgs["jy"], "safety", date(2026, 8, 30), MAJOR)
    watch.round_(at=AT)
    decided(world, Removal.objects.get(), AT)
    row = UpwardRequest.objects.get()
    handler, approver, asked = (world.actor(who) for who in ("jy_handler", "jy_approver", "gd_handler"))
    given = {"reference": row.reference, "at": LATER}
    with pytest.raises(NotVisible):
        upward.lock(actor=asked, reference=row.reference)  # not sent yet
    upward.hand_to_approver(actor=handler, **given)
    with pytest.raises(NotAllowed):
        upward.send(actor=handler, number="揭工信〔2026〕1号", **given)
    upward.send(actor=approver, number="揭工信〔2026〕1号", **given)
    upward.receive(actor=asked, on=LATER.date(), **given)
    with pytest.raises(WrongState) as still:
        upward.settle(actor=handler, document="口头答复", **given)
    assert still.value.code == "still_listed"
    firm = world.orgs["jy"]
    upper.approved(
        world, (firm.name, firm.code or "", "", EntryKind.REMOVED), who="jy", tier="province", category="factory",
    )  # fmt: skip
    assert state(above) == ListingState.REMOVED
    assert upward.settle_all(at=LATER) == 1 and upward.settle_all(at=LATER) == 0
    row.refresh_from_db()
    assert row.state == UpwardState.SETTLED and "示例公告" in row.outcome
    assert [one.what for one in row.notes.all()] == ["drafted", "handed", "sent", "received", "settled"]
    assert listing.pk != above.pk


@pytest.mark.clause("JY-22b")
def test_a_request_that_is_refused_keeps_the_reason(world: World) -> None:
    jieyang(world)
    listed(world, "jy", "445200"), listed(world, "jy", "440000")
    factories.adverse(world.orgs["jy"], "quality", date(2026, 8, 30), MAJOR)
    watch.round_(at=AT)
    decided(world, Removal.objects.get(), AT)
    row = UpwardRequest.objects.get()
    given = {"reference": row.reference, "at": LATER}
    upward.hand_to_approver(actor=world.actor("jy_handler"), **given)
    upward.send(actor=world.actor("jy_approver"), number="揭工信〔2026〕1号", **given)
    upward.refuse(actor=world.actor("jy_handler"), reason="省厅电话答复：另案处理", **given)  # recorded by who asked
    row.refresh_from_db()
    assert (row.state, row.outcome) == (UpwardState.REFUSED, "省厅电话答复：另案处理")


@pytest.mark.clause("HLJ-30b")
def test_a_grave_accident_in_heilongjiang_reaches_every_list(world: World) -> None:
    ministry(world)
    own, lower, nation = (listed(world, "hlj", office) for office in ("230000", "230100", "cn"))
    factories.adverse(world.orgs["hlj"], "environment", date(2026, 8, 30), MAJOR)
    watch.round_(at=AT)
    row = Removal.objects.get()
    assert (row.listing, row.clause, row.when) == (own, "HLJ-30b", "at_once")
    assert (state(own), state(lower)) == (ListingState.SUSPENDED, ListingState.ACTIVE)
    decided(world, row, AT)
    spread = Removal.objects.exclude(pk=row.pk).get()
    assert (spread.listing, spread.clause, spread.when, spread.owner) == (
        lower, "HLJ-30b", "at_once", world.authorities["230100"],
    )  # fmt: skip
    assert state(lower) == ListingState.SUSPENDED
    request = UpwardRequest.objects.get()
    assert (request.listing, request.to_authority.tier, request.clause) == (nation, "nation", "HLJ-30b")
    assert state(nation) == ListingState.ACTIVE  # asked, never done by ourselves
    cascades.spread(removal=Removal.objects.get(pk=row.pk), at=LATER)
    assert Removal.objects.count() == 2
    spread = removed(world, decided(world, spread, AT), LATER)  # with a hearing of its own
    assert spread.state == RemovalState.EFFECTIVE


# ---- the portal's own proposals -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["safety", "quality", "environment"])
@pytest.mark.parametrize(
    ("who", "city", "prefix"),
    [
        pytest.param("org", "130300", "QHD", marks=pytest.mark.clause("QHD-14.4")),
        pytest.param("sjz", "130100", "SJZ", marks=pytest.mark.clause("SJZ-12")),
    ],
)
def test_only_grave_accidents_are_proposed(world: World, kind: str, who: str, city: str, prefix: str) -> None:
    listing = listed(world, who, city)
    for severity in (1, 2):  # 较大 blocks an application and removes nobody
        factories.adverse(world.orgs[who], kind, date(2026, 8, 1), severity)
    assert watch.propose_all(at=AT) == 0
    for day, severity in ((2, 3), (3, 4)):
        factories.adverse(world.orgs[who], kind, date(2026, 8, day), severity)
    factories.adverse(world.orgs[who], kind, date(2020, 8, 1), 4)  # long before it was listed
    watch.propose_all(at=AT)
    row = Removal.objects.get()
    assert (row.clause, row.when, row.listing) == (f"{prefix}-14.4", "any_time", listing)
    assert state(listing) == ListingState.ACTIVE
    watch.propose_all(at=AT)
    assert Removal.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "city", "prefix"),
    [
        pytest.param("org", "130300", "QHD", marks=pytest.mark.clause("QHD-14.3")),
        pytest.param("sjz", "130100", "SJZ", marks=pytest.mark.clause("SJZ-12")),
    ],
)
@pytest.mark.parametrize("kind", ["deregistered", "stopped_12m", "abnormal_list"])
def test_units_that_do_not_operate_are_proposed(world: World, kind: str, who: str, city: str, prefix: str) -> None:
    listed(world, who, city)
    record = factories.adverse(world.orgs[who], kind, date(2026, 3, 1), ended_on=date(2026, 8, 1))
    assert watch.propose_all(at=AT) == 0  # over
    record.ended_on = None
    record.save()
    assert watch.propose_all(at=AT) == 1
    row = Removal.objects.get()
    assert row.clause == f"{prefix}-14.3" and "信用中国" in row.reason


@pytest.mark.parametrize(
    ("who", "city", "prefix"),
    [
        pytest.param("org", "130300", "QHD", marks=(pytest.mark.clause("QHD-14.1"), pytest.mark.clause("QHD-14.2"))),
        pytest.param("sjz", "130100", "SJZ", marks=pytest.mark.clause("SJZ-12")),
    ],
)
def test_what_a_person_proposes_cites_its_clause(world: World, who: str, city: str, prefix: str) -> None:
    listing = listed(world, who, city)
    actor = world.actor("city_handler" if who == "org" else "other_city_handler")
    for ground, number in (("no_table", 1), ("false_data", 2), ("stopped", 3)):
        row = proposed(world, listing, AT, ground=ground, actor=actor)
        assert row.clause == f"{prefix}-14.{number}"
        assert reads.clause_of(row).text.zh  # type: ignore[union-attr]


@pytest.mark.clause("QHD-14.4", "HLJ-30b")
def test_a_place_lost_on_another_list_hides_nothing(world: World) -> None:
    """An accident counts on the list the unit still stands on, whatever became of its other places."""
    listing, above = listed(world), listed(world, "org", "130000")
    Listing.objects.filter(pk=above.pk).update(state=ListingState.REMOVED)
    factories.adverse(world.org, "safety", date(2026, 8, 2), MAJOR)
    assert watch.propose_all(at=AT) == 1
    assert Removal.objects.get().listing == listing


@pytest.mark.parametrize(
    ("who", "city", "prefix"),
    [
        pytest.param("org", "130300", "QHD", marks=pytest.mark.clause("QHD-14.3")),
        pytest.param("sjz", "130100", "SJZ", marks=pytest.mark.clause("SJZ-12")),
    ],
)
def test_other_cases_of_not_operating_want_a_reason(world: World, who: str, city: str, prefix: str) -> None:
    """The list of the article ends with 等: an official says what the case is."""
    listing = listed(world, who, city)
    with pytest.raises(Invalid) as wrong:
        proposed(world, listing, AT, ground="stopped", reason=" ")
    assert "reason" in wrong.value.problems
    assert not Removal.objects.exists()
    row = proposed(world, listing, AT, ground="stopped", reason="厂区已整体腾退，设备全部拆除")
    assert (row.clause, row.reason) == (f"{prefix}-14.3", "厂区已整体腾退，设备全部拆除")


@pytest.mark.clause("JY-17.3", "JY-22b")
def test_who_left_the_list_of_jieyang_meets_the_bar_for_three_years(world: World) -> None:
    jieyang(world)
    listing, firm = listed(world, "jy", "445200"), world.orgs["jy"]
    call = rounds.call_of(world, "jieyang", world.authorities["445200"])
    case = county.case(world, call, organisation=firm, county="445202", state=State.SCREENING)

    def bars(at: datetime) -> list[Outcome]:
        found = [one for point in ("apply", "recommend") for one in checks.look(case=case, point=point, at=at)]
        return [one.outcome for one in found if one.clause == "JY-17.3"]

    assert set(bars(LATER)) == {Outcome.CLEAR}
    removed(world, decided(world, proposed(world, listing, AT, ground="accident"), AT), AT + timedelta(days=5))
    assert state(listing) == ListingState.REMOVED
    assert bars(LATER) == [Outcome.BLOCK, Outcome.BLOCK]
    assert set(bars(LATER + timedelta(days=3 * 366))) == {Outcome.CLEAR}


@pytest.mark.clause("HLJ-31")
def test_who_no_longer_meets_the_standard_after_a_change_leaves_the_list(world: World) -> None:
    """Verified and confirmed by the city, proposed by the portal; the province hears the unit and takes it off."""
    listing = listed(world, "hlj", "230000")
    given = Report(
        after={"scope": "改为仓储"}, happened_on=date(2026, 8, 20), explanation="停止生产。", files=[filled.picture()]
    )
    (change,) = changes.report(actor=world.actor("hlj_applicant"), listing=listing.pk, given=given, at=AT)
    said = Verification(opinion="情况属实。", agreed=True, meets=False, meets_reason="已无生产活动，不再符合标准。")
    changes.verify(actor=world.actor("hlj_city_handler"), reference=change.reference, given=said, at=AT)
    changes.confirm(actor=world.actor("hlj_city_approver"), reference=change.reference, at=AT)
    row = Removal.objects.get()
    assert (row.clause, state(listing)) == ("HLJ-31", ListingState.ACTIVE)
    row = decided(world, row, AT)
    yearly_list(world, listing, LATER)
    assert removed(world, row, LATER).state == RemovalState.EFFECTIVE
    assert state(listing) == ListingState.REMOVED
