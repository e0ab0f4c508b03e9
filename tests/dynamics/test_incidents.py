"""事故实时上报: which events are alarms, who is told at once, the 24-hour clock, what follows (QHD-13b, JY-20, HLJ-29)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from dynamics.models import Incident, Removal
from dynamics.selectors import incidents as reads
from dynamics.services import incidents
from dynamics.services.incidents import Told
from dynamics.states import IncidentState
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from greenlist.organisations.models import AdverseRecord
from registry.models import Listing
from registry.states import ListingState
from tests.applications import county
from tests.dynamics.listed import AT, jieyang, listed, ministry
from tests.world import World

EVENT = AT - timedelta(hours=5)


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    county.load_rules()


def said(**given: Any) -> Told:
    words: dict[str, Any] = {
        "kind": "safety",
        "severity": 3,
        "event_at": EVENT,
        "place": "一号车间",
        "what": "示例事故，正在处置。",
        "source": "应急管理部门通报",
        **given,
    }
    return Told(**words)


def raised(world: World, listing: Listing, who: str = "county_handler", at: datetime = AT, **given: Any) -> Incident:
    return incidents.raise_alarm(actor=world.actor(who), listing=listing.pk, told=said(**given), at=at)


PLACES = [
    pytest.param("org", "130300", "county_handler", "130300", "any_time", marks=pytest.mark.clause("QHD-13b")),
    pytest.param("jy", "445200", "jy_county_handler", "445200", "at_once", marks=pytest.mark.clause("JY-20")),
    pytest.param("hlj", "230000", "hlj_county_handler", "230000", "at_once", marks=pytest.mark.clause("HLJ-29")),
    pytest.param("sjz", "130100", "sjz_county_handler", "130100", "any_time", marks=pytest.mark.clause("SJZ-12")),
]


@pytest.mark.clause("HLJ-29")
def test_units_of_the_national_list_alone_are_alarmed_too(world: World) -> None:
    """Nobody keeps that list here: the rules of the unit's own province name it."""
    ministry(world)
    listing = listed(world, "hlj", "cn")
    row = raised(world, listing, "hlj_county_handler")
    assert (row.clause, [one.authority for one in row.told.all()]) == ("HLJ-29", [world.authorities["230000"]])
    with pytest.raises(Refused):  # of the other place's documents none names the national list
        raised(world, listed(world, "org", "cn"), "county_handler")


CLAUSES = {"130300": "QHD-13b", "445200": "JY-20", "230000": "HLJ-29", "130100": "SJZ-13b"}


@pytest.mark.parametrize(("firm", "owner", "who", "told", "when"), PLACES)
@pytest.mark.parametrize("kind", ["safety", "quality", "environment"])
def test_grave_events_reach_the_upper_tier_at_once(
    world: World, firm: str, owner: str, who: str, told: str, when: str, kind: str
) -> None:
    if firm == "jy":
        jieyang(world)
    listing = listed(world, firm, owner)
    row = raised(world, listing, who, kind=kind)
    assert (row.clause, row.hours, row.hours_default) == (CLAUSES[owner], 24, True)
    (seen,) = row.told.all()
    assert (seen.authority, seen.told_at) == (world.authorities[told], AT)
    people = set(Notification.objects.filter(kind="incident.raised").values_list("recipient__name", flat=True))
    assert people and all(Notification.objects.filter(kind="incident.raised", channel="portal").values_list("sent_at"))
    record = row.record
    assert record is not None
    assert (record.kind, record.severity, record.organisation) == (kind, 3, world.orgs[firm])
    removal = Removal.objects.get()
    assert (removal.when, removal.subject_id) == (when, record.pk)
    suspended = ListingState.SUSPENDED if when == "at_once" else ListingState.ACTIVE
    assert Listing.objects.get(pk=listing.pk).state == suspended


@pytest.mark.parametrize(("firm", "owner", "who", "told", "when"), PLACES)
def test_events_of_the_gravest_grade_too(world: World, firm: str, owner: str, who: str, told: str, when: str) -> None:
    """Ⅱ级及以上: grade I as well as grade II."""
    if firm == "jy":
        jieyang(world)
    row = raised(world, listed(world, firm, owner), who, kind="environment", severity=4)
    assert [one.authority for one in row.told.all()] == [world.authorities[told]]
    assert Removal.objects.get().when == when


@pytest.mark.parametrize(("firm", "owner", "who", "told", "when"), PLACES)
@pytest.mark.parametrize("severity", [1, 2])
def test_lesser_events_raise_none(
    world: World, firm: str, owner: str, who: str, told: str, when: str, severity: int
) -> None:
    if firm == "jy":
        jieyang(world)
    listing = listed(world, firm, owner)
    with pytest.raises(Refused) as refused:
        raised(world, listing, who, severity=severity)
    assert (refused.value.code, refused.value.clause) == ("no_alarm", CLAUSES[owner])
    assert not Incident.objects.exists() and not AdverseRecord.objects.exists()


def test_the_clock_runs_from_the_event(world: World) -> None:
    listing = listed(world)
    in_time, late = raised(world, listing), raised(world, listing, event_at=AT - timedelta(hours=25), kind="quality")
    assert (reads.hours_taken(in_time), reads.is_late(in_time)) == (5, False)
    assert (reads.hours_taken(late), reads.is_late(late)) == (25, True)
    edge = raised(world, listing, event_at=AT - timedelta(hours=24), kind="environment")
    assert not reads.is_late(edge)


def test_who_raises_and_who_sees(world: World) -> None:
    listing = listed(world)
    with pytest.raises(NotAllowed):
        raised(world, listing, "other_county_handler")
    with pytest.raises(NotAllowed):
        raised(world, listing, "applicant")
    row = raised(world, listing)
    for who in ("county_approver", "city_handler", "province_handler"):
        assert reads.one(world.actor(who), row.reference).pk == row.pk
    for who in ("other_county_handler", "other_city_handler", "applicant", "stranger", "hlj_province_handler"):
        with pytest.raises(NotVisible):
            reads.one(world.actor(who), row.reference)


def test_one_event_is_one_alarm(world: World) -> None:
    listing = listed(world)
    raised(world, listing)
    with pytest.raises(WrongState) as again:
        raised(world, listing, "county_approver")
    assert again.value.code == "raised_already"
    with pytest.raises(Invalid) as wrong:
        raised(world, listing, event_at=AT + timedelta(minutes=1), place=" ", severity=0)
    assert set(wrong.value.problems) == {"event_at", "place", "severity"}


def test_what_follows_is_kept(world: World) -> None:
    row = raised(world, listed(world))
    city, county_ = world.actor("city_handler"), world.actor("county_handler")
    given = {"reference": row.reference, "at": AT + timedelta(hours=1)}
    with pytest.raises(NotAllowed):
        incidents.acknowledge(actor=county_, **given)
    incidents.acknowledge(actor=city, **given)
    with pytest.raises(WrongState):
        incidents.acknowledge(actor=world.actor("city_approver"), **given)
    incidents.follow_up(actor=county_, text="现场已封控。", **given)
    with pytest.raises(NotAllowed):
        incidents.close(actor=county_, text="已处理", **given)
    incidents.close(actor=city, text="事故调查结束。", **given)
    row.refresh_from_db()
    assert row.state == IncidentState.CLOSED
    assert [one.what for one in row.notes.all()] == ["raised", "seen", "followed", "closed"]
    with pytest.raises(WrongState):
        incidents.follow_up(actor=county_, text="补充。", **given)
    with pytest.raises(WrongState):
        incidents.close(actor=city, text="再次。", **given)
