"""Lists of removals, bulletins, requests and alarms: as many questions for 3 rows as for 30; a broken cascade finishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dynamics.models import Incident, Removal, RemovalNote
from dynamics.services import cascades, incidents, removals, upward
from dynamics.services.incidents import Told
from greenlist.core.models import AuditEntry, Notification
from registry.models import Bulletin, Entry, Listing
from registry.services import listbooks
from registry.states import EntryKind, ListingState
from tests import factories
from tests.applications import county
from tests.dynamics.listed import AT, listed, proposed
from tests.world import World

MOST = 12


@pytest.fixture(autouse=True)
def rules(world: World) -> None:
    county.load_rules()


def place(world: World, number: int) -> Listing:
    return listed(world, site=factories.site(world.org, world.areas["130302"], f"示例厂区{number}"))


def removal(world: World, number: int) -> Removal:
    row = proposed(world, place(world, number), AT)
    given: dict[str, Any] = {"letter": "现告知。", "answer_by": AT.date() + timedelta(days=10), "at": AT}
    return removals.ask(actor=world.actor("city_handler"), reference=row.reference, **given)


def bulletin(world: World, number: int) -> None:
    book = listbooks.of(world.city, "factory")
    person = world.user("city_handler")
    Bulletin.objects.create(listbook=book, title=f"第{number}次调整", created_by=person, created_at=AT)


def request(world: World, number: int) -> None:
    given: dict[str, Any] = {"kind": "change", "category": "factory", "text": "现报送。", "at": AT}
    actor, to = world.actor("city_handler"), world.province
    upward.draft(actor=actor, to_authority=to, title=f"第{number}号函", **given)


def alarm(world: World, number: int) -> Incident:
    told = Told("safety", 3, AT - timedelta(minutes=number + 1), "一号车间", "示例事故", "通报")
    return incidents.raise_alarm(actor=world.actor("county_handler"), listing=place(world, number).pk, told=told, at=AT)


@pytest.mark.parametrize(
    ("address", "character", "make"),
    [
        ("/after/removals/", "city_handler", removal),
        ("/after/removals/", "applicant", removal),
        ("/after/bulletins/", "city_handler", bulletin),
        ("/after/requests/", "city_handler", request),
        ("/after/incidents/", "city_handler", alarm),
        ("/after/incidents/new/", "county_handler", place),
    ],
)
def test_a_list_asks_the_same_for_3_rows_and_30(
    world: World, address: str, character: str, make: Callable[[World, int], Any]
) -> None:
    client = world.client(character)
    asked = []
    for numbers in (range(3), range(3, 30)):
        for number in numbers:
            make(world, number)
        assert client.get(address).status_code == 200
        with CaptureQueriesContext(connection) as seen:
            client.get(address)
        asked.append(len(seen))
    assert asked[0] == asked[1], "\n".join(one["sql"][:300] for one in seen.captured_queries)
    assert asked[1] <= MOST, "\n".join(one["sql"][:300] for one in seen.captured_queries)


def test_long_lists_come_page_by_page(world: World) -> None:
    for number in range(27):
        removal(world, number)
    first = world.client("city_handler").get("/after/removals/")
    assert first.content.decode().count("table__main") == 25
    after = Removal.objects.order_by("-pk")[24].pk
    assert (
        world.client("city_handler").get(f"/after/removals/?after={after}").content.decode().count("table__main") == 2
    )


# ---- a round that dies ----------------------------------------------------------------------------------------------
class Killed(BaseException):
    """The worker is gone: nobody catches it."""


class Kill:
    """At the `number`-th writing statement."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            self.seen += 1
            if self.seen == self.number:
                raise Killed
        return execute(sql, params, many, context)


def off_the_province(world: World, number: int) -> None:
    """A unit of the city's list that the province has taken off its own."""
    lower = place(world, number)
    above = listed(world, owner="130000", site=lower.site)
    person = world.user("province_handler")
    made = {
        "title": "省级调整公告",
        "created_by": person,
        "created_at": AT,
        "state": "published",
        "issued_on": AT.date(),
    }
    document = Bulletin.objects.create(listbook=above.listbook, **made)
    line = {"kind": EntryKind.REMOVED, "position": 1, "name": above.name, "area_name": above.area_name, "on": AT.date()}
    Entry.objects.create(bulletin=document, listing=above, **line)
    Listing.objects.filter(pk=above.pk).update(state=ListingState.REMOVED)


def stands() -> tuple[Any, ...]:
    rows = Removal.objects.order_by("listing_id").values_list("listing", "ground", "state", "subject_id", "reason")
    told = Notification.objects.filter(kind="removal.proposed").count()
    return tuple(rows), told, RemovalNote.objects.count(), AuditEntry.objects.filter(action="removal.proposed").count()


@pytest.mark.case("BG-07")
def test_a_cascade_that_was_killed_finishes_next_time(world: World) -> None:
    """The round dies at every write in turn; run again, the end is that of an undisturbed one."""
    for number in range(2):
        off_the_province(world, number)
    with transaction.atomic():
        assert cascades.follow_all(at=AT) == 2
        undisturbed = stands()
        transaction.set_rollback(True)
    number, died = 1, True
    while died:
        with transaction.atomic():
            died = False
            try:
                with connection.execute_wrapper(Kill(number)):
                    cascades.follow_all(at=AT)
            except Killed:
                died = True
            cascades.follow_all(at=AT)
            assert stands() == undisturbed, f"write {number}"
            transaction.set_rollback(True)
        number += 1
    assert number > 6
    assert len(undisturbed[0]) == 2


@pytest.mark.case("BG-07")
def test_the_round_asks_as_much_about_thirty_removed_units_as_about_three(world: World) -> None:
    """What every list has heard of already costs nothing more, however many units have left a list."""
    asked = []
    for number in range(30):
        off_the_province(world, number)
        if number in (2, 29):
            cascades.follow_all(at=AT)
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert cascades.follow_all(at=AT) == 0
            asked.append(len(seen))
    assert asked[0] == asked[1] <= MOST
    assert Removal.objects.count() == 30


def test_what_was_let_drop_is_not_followed_again_but_a_new_removal_is(world: World) -> None:
    off_the_province(world, 0)
    assert cascades.follow_all(at=AT) == 1
    row = Removal.objects.get()
    removals.dismiss(actor=world.actor("city_approver"), reference=row.reference, decision="上级已更正", at=AT)
    assert cascades.follow_all(at=AT) == 0
    above = Listing.objects.get(state=ListingState.REMOVED)
    later = AT.date() + timedelta(days=9)
    first = Entry.objects.get(listing=above)
    line = {"kind": EntryKind.REMOVED, "position": 1, "name": above.name, "area_name": above.area_name, "on": later}
    again = Bulletin.objects.create(
        listbook=above.listbook, title="再次调整", created_by=world.user("province_handler"), created_at=AT
    )
    Entry.objects.create(bulletin=again, listing=above, **line)
    assert cascades.follow_all(at=AT) == 1
    assert first.pk == row.subject_id != Removal.objects.latest("pk").subject_id
