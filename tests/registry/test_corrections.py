"""更正: a new version with its reason and two people; the old one stays, the list of any day and certificates follow."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import Application, Call
from applications.states import State
from greenlist.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import AuditEntry, Notification
from greenlist.organisations.models import Title
from registry import documents, selectors
from registry.models import Announcement, Certificate, Correction, Entry, Listing
from registry.services import announcements, checks, corrections
from registry.services.corrections import Line
from registry.states import AnnouncementState, EntryKind, ListingState
from tests.applications import county
from tests.registry import stage
from tests.reviews import stage as reviews
from tests.world import World

LATER = timedelta(days=3)
RIGHT = "示例制造更正有限公司"


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.fixture
def published(world: World, call: Call) -> Announcement:
    rows = reviews.several(world, call, 3)
    return stage.published(world, stage.closed(world, call, rows))


def at(announcement: Announcement) -> datetime:
    assert announcement.published_at is not None
    return announcement.published_at + LATER


def propose(world: World, row: Announcement, lines: dict[int, Line], who: str = "city_handler", **given: Any) -> Any:
    reason = given.pop("reason", "单位名称漏字")
    actor = world.actor(who)
    return corrections.propose(actor=actor, reference=row.reference, reason=reason, lines=lines, at=at(row), **given)


def publish(world: World, row: Announcement, made: Correction, who: str = "city_approver") -> Correction:
    actor = world.actor(who)
    return corrections.publish(actor=actor, reference=row.reference, correction=made.reference, at=at(row))


def test_a_wrong_name_makes_a_new_version_and_the_old_one_stays(world: World, published: Announcement) -> None:
    wrong = published.frozen["units"][0]["name"]
    before = Certificate.objects.get(listing__name=wrong)
    made = publish(world, published, propose(world, published, {1: Line(name=RIGHT)}))
    assert (made.number, made.frozen["version"]) == (2, 2)
    assert made.frozen["changes"] == [
        {
            "position": 1,
            "before": {"name": wrong, "area": published.frozen["units"][0]["area"]},
            "after": {"name": RIGHT, "area": published.frozen["units"][0]["area"], "struck": False},
        }
    ]
    published.refresh_from_db()
    assert published.frozen["units"][0]["name"] == wrong
    listing = Listing.objects.get(name=RIGHT)
    assert listing.former == wrong
    assert list(Listing.objects.found_by(wrong[-8:]).values_list("pk", flat=True)).count(listing.pk) == 1
    newer = listing.certificates.order_by("pk").last()
    assert (newer.name, before.name) == (RIGHT, wrong)
    assert newer.number != before.number
    page = Client().get(reverse("registry:certificate", args=[before.token])).content.decode()
    assert newer.number in page
    book = published.listbook
    assert wrong in {entry.name for entry in selectors.as_of(book, published.issued_on)}
    assert {entry.name for entry in selectors.as_of(book, made.issued_on)} >= {RIGHT}
    assert len(selectors.as_of(book, made.issued_on)) == 3
    assert AuditEntry.objects.filter(action="announcement.corrected").count() == 1


def test_a_line_of_a_unit_that_is_off_the_list_already_is_corrected_all_the_same(
    world: World, published: Announcement
) -> None:
    entry = published.entries.order_by("position").first()
    assert entry is not None
    Listing.objects.filter(pk=entry.listing_id).update(state=ListingState.REMOVED)
    made = publish(world, published, propose(world, published, {1: Line(struck=True)}))
    assert made.frozen["units"][0]["struck"] is True


def test_everybody_sees_both_versions(world: World, published: Announcement) -> None:
    wrong = published.frozen["units"][1]["name"]
    publish(world, published, propose(world, published, {2: Line(name=RIGHT)}, reason="公示材料录入有误"))
    place = published.listbook.owner.area.slug
    address = reverse("registry:announcement_public", args=[place, published.reference])
    newest = Client().get(address).content.decode()
    assert RIGHT in newest
    assert "公示材料录入有误" in newest
    assert f"<s>{wrong}" in newest
    first = Client().get(address, {"version": 1}).content.decode()
    assert RIGHT not in first
    assert "较早" in first
    assert Client().get(address, {"version": 3}).status_code == 404
    papers = [documents._announcement(published, number) for number in (None, 1, 2)]
    assert papers[0].digest == papers[2].digest != papers[1].digest
    assert [paper.part for paper in papers] == ["2", "", "2"]
    with pytest.raises(NotVisible):
        documents._announcement(published, 9)


def test_an_old_print_is_told_from_the_newest(world: World, published: Announcement) -> None:
    def printed(number: int | None) -> checks.Verdict:
        blob = documents._made(documents._announcement(published, number), at=at(published), tick=lambda *_: None)
        return checks._verdict(blob.sha256)

    assert printed(None).is_current
    publish(world, published, propose(world, published, {1: Line(name=RIGHT)}))
    assert not printed(1).is_current  # before the new version was ever printed
    assert printed(2).is_current


def test_an_old_print_is_put_right_without_touching_what_a_later_document_says(
    world: World, published: Announcement
) -> None:
    """The unit was entered anew by a later announcement: its listing, title and case are that one's affair."""
    case = Application.objects.get(listing__name=published.frozen["units"][0]["name"])
    listing = case.listing
    later = Announcement.objects.create(
        listbook=published.listbook,
        notice=published.notice,
        title="后一份公告",
        supplement_of=published,
        state=AnnouncementState.PUBLISHED,
        created_by=published.created_by,
        created_at=at(published),
        frozen={"units": []},
    )
    line: dict[str, Any] = {"area_name": listing.area_name, "on": at(published).date()}
    Entry.objects.create(
        announcement=later, listing=listing, kind=EntryKind.ADDED, position=1, name=listing.name, **line
    )
    name, certificates = listing.name, listing.certificates.count()
    made = publish(world, published, propose(world, published, {1: Line(name=RIGHT)}))
    assert made.frozen["units"][0]["name"] == RIGHT  # the print is right
    listing.refresh_from_db()
    assert (listing.name, listing.certificates.count()) == (name, certificates)
    publish(world, published, propose(world, published, {1: Line(struck=True)}, reason="误列"))
    listing.refresh_from_db(), case.refresh_from_db()
    assert (listing.state, case.state) == (ListingState.ACTIVE, State.LISTED)
    assert Title.objects.filter(site=case.site, valid_until=None).exists()
    assert not Notification.objects.filter(kind="announcement.corrected").exists()


def world_page(world: World, case: Application) -> str:
    page = reverse("applications:case-history", args=[case.reference])
    return world.client("city_handler").get(page).content.decode()


def test_a_line_that_should_not_stand_is_taken_off(world: World, published: Announcement) -> None:
    case = Application.objects.get(listing__name=published.frozen["units"][2]["name"])
    assert Title.objects.filter(site=case.site, valid_until=None).exists()
    made = publish(world, published, propose(world, published, {3: Line(struck=True)}, reason="误列"))
    listing = Listing.objects.get(application=case)
    assert listing.state == ListingState.REMOVED
    case.refresh_from_db()
    assert (case.state, case.desk) == (State.NOT_LISTED, None)
    told = case.timeline.order_by("pk").last()
    assert (told.verb, told.opinion) == ("strike_off", "误列")
    assert "误列" in world_page(world, case)
    assert set(Application.objects.exclude(pk=case.pk).values_list("state", flat=True)) == {State.LISTED}
    title = Title.objects.get(site=case.site)
    assert (title.valid_until, title.removed) == (made.issued_on, False)  # no veto: it was our mistake
    assert Entry.objects.get(correction=made).kind == EntryKind.REMOVED
    assert len(selectors.as_of(published.listbook, made.issued_on)) == 2
    assert made.frozen["units"][2]["struck"]
    with pytest.raises(Invalid):  # what was taken off cannot be corrected again
        propose(world, published, {3: Line(name="再改")})
    second = publish(world, published, propose(world, published, {1: Line(name=RIGHT)}))
    assert (second.number, second.frozen["units"][2]["struck"]) == (3, True)


@pytest.mark.authz
def test_two_people_of_the_authority(world: World, published: Announcement) -> None:
    lines = {1: Line(name=RIGHT)}
    for character in ("other_city_handler", "county_handler", "applicant", "supervisor", "anonymous"):
        with pytest.raises(DomainError):
            propose(world, published, lines, character)
    made = propose(world, published, lines, "city_approver")
    with pytest.raises(NotAllowed):
        publish(world, published, made)  # drew it up
    with pytest.raises(NotAllowed):
        publish(world, published, made, "city_handler")
    assert Correction.objects.get().state == "to_approve"
    corrections.refuse(
        actor=world.actor("city_approver"),
        reference=published.reference,
        correction=made.reference,
        note="请附工商资料",
        at=at(published),
    )
    again = propose(world, published, lines)
    assert publish(world, published, again).number == 2
    with pytest.raises(WrongState):
        publish(world, published, again)
    told = Notification.objects.filter(kind="announcement.correction", channel="portal")
    assert world.user("city_approver").pk in {row.recipient_id for row in told}


def test_what_is_no_correction_is_refused(world: World, published: Announcement, call: Call) -> None:
    for reason, lines in (("", {1: Line(name=RIGHT)}), ("漏字", {}), ("漏字", {1: Line()}), ("漏字", {9: Line("甲")})):
        with pytest.raises(Invalid):
            propose(world, published, lines, reason=reason)
    with pytest.raises(Invalid) as refused:
        propose(world, published, {1: Line(name="长" * 121)})
    assert list(refused.value.problems) == ["name-1"]
    propose(world, published, {1: Line(name=RIGHT)}, version=1)
    with pytest.raises(WrongState):
        propose(world, published, {2: Line(name=RIGHT)})
    publish(world, published, Correction.objects.get())
    with pytest.raises(Conflict):
        propose(world, published, {2: Line(name="甲厂")}, version=1)
    rows = reviews.several(world, call, 1, start=6500)
    draft = stage.handed(world, stage.closed(world, call, rows))
    with pytest.raises(WrongState):
        corrections.propose(
            actor=world.actor("city_handler"), reference=draft.reference, reason="x", lines={}, at=at(published)
        )


def test_the_pages_lead_through_it(world: World, published: Announcement) -> None:
    handler, approver = world.client("city_handler"), world.client("city_approver")
    address = reverse("registry:correction", args=[published.reference])
    assert address in handler.get(reverse("registry:announcement", args=[published.reference])).content.decode()
    unit = published.frozen["units"][0]
    given = {"version": 1, "reason": "漏字", "name-1": RIGHT, "area-1": unit["area"]}
    assert handler.post(address, {**given, "reason": ""}).status_code == 422
    assert handler.post(address, given).status_code == 302
    page = approver.get(address).content.decode()
    assert RIGHT in page
    made = Correction.objects.get()
    go = reverse("registry:correction_publish", args=[published.reference, made.reference])
    assert go in page
    assert go not in handler.get(address).content.decode()
    assert approver.post(go).status_code == 302
    assert approver.post(go).status_code == 409


def test_changes_between_two_days(world: World, published: Announcement) -> None:
    made = publish(world, published, propose(world, published, {1: Line(name=RIGHT), 3: Line(struck=True)}))
    book, issued = published.listbook, published.issued_on
    wrong = published.frozen["units"][0]["name"]
    found = selectors.changes(book, issued, made.issued_on)
    assert {(entry.kind, entry.name, entry.was) for entry in found.rows} == {
        ("corrected", RIGHT, wrong),
        ("removed", published.frozen["units"][2]["name"], published.frozen["units"][2]["name"]),
    }
    assert found.counts == {"corrected": 1, "removed": 1}
    assert selectors.changes(book, issued - timedelta(days=1), issued).counts == {"added": 3}
    assert not selectors.changes(book, made.issued_on, date(2027, 1, 1)).rows
    first = selectors.changes(book, date(2026, 1, 1), made.issued_on, size=2)
    rest = selectors.changes(book, date(2026, 1, 1), made.issued_on, size=5, after=first.after or 0)
    assert (len(first.rows), len(rest.rows)) == (2, 3)
    address = reverse("registry:changes", args=[book.owner.area.slug, book.category])
    page = Client().get(address, {"since": issued.isoformat(), "until": made.issued_on.isoformat()}).content.decode()
    assert RIGHT in page
    assert wrong in page
    assert Client().get(address, {"since": "x"}).status_code == 200


@pytest.mark.race
@pytest.mark.timeout(900)
def test_two_approvals_make_one_version(race_world: World, run_threads: Any, rounds: int) -> None:
    world = race_world
    county.load_rules()
    call = county.open_call(world)
    row = stage.published(world, stage.closed(world, call, reviews.several(world, call, 1)))
    for number in range(min(rounds, 3)):
        made = propose(world, row, {1: Line(name=f"{RIGHT}{number}")})
        outcomes = run_threads(2, lambda _which, made=made: publish(world, row, made))
        assert [isinstance(one, WrongState) for one in outcomes].count(True) == 1
        assert selectors.latest(row).number == number + 2
    assert announcements.ready(row.notice) == []
