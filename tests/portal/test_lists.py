"""Every list asks the same number of questions for 3 rows as for 30, and at most ten (goal G6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Batch, Call, Project
from greenlist.core.models import Notification
from registry.models import Announcement, ListBook, Listing, Notice
from registry.states import AnnouncementState, NoticeState
from reviews.models import Decision
from reviews.states import DecisionState
from tests import factories
from tests.applications import county
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db
MOST = 10
# The desk has its tools beside the list: kept filters, colleagues, what can be undone, and its own working days.
MORE = {"/desk/": 15}


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


def cases(world: World, call: Call, number: int) -> None:
    county.case(world, call, organisation=county.firm(world, "130302", 7000 + number))


def own_cases(world: World, call: Call, number: int) -> None:
    county.case(world, call, organisation=world.org, state="not_listed")


def recommended(world: World, call: Call, number: int) -> None:
    reviews.recommended(world, call, organisation=county.firm(world, "130302", 7000 + number))


def calls(world: World, call: Call, number: int) -> None:
    same = {"owner": call.owner, "rules": call.rules, "category": call.category, "values": call.values}
    made = {"created_by": call.created_by, "created_at": county.START, "opened_at": county.START}
    Call.objects.create(**same, **made, year=2027, round=number + 1, title=f"第{number}次", state="open")


def batches(world: World, call: Call, number: int) -> None:
    Batch.objects.create(
        call=call,
        step="send",
        sender=world.county,
        receiver=world.city,
        title=f"第{number}批",
        state="sent",
        created_by=world.user("county_handler"),
        created_at=county.START,
    )


def decisions(world: World, call: Call, number: int) -> Decision:
    return Decision.objects.create(
        call=call,
        authority=world.city,
        step="decide",
        title=f"第{number}次综合审查",
        state=DecisionState.APPROVED,
        created_by=world.user("city_handler"),
        created_at=county.START,
    )


def notices(world: World, call: Call, number: int) -> Notice:
    return Notice.objects.create(
        decision=decisions(world, call, number),
        call=call,
        authority=world.city,
        step="notice",
        title=f"第{number}次公示",
        state=NoticeState.RUNNING,
        starts_on=date(2026, 6, 1),
        ends_on=date(2026, 6, 8),
        created_by=world.user("city_handler"),
        created_at=county.START,
    )


def book(world: World) -> ListBook:
    found, _made = ListBook.objects.get_or_create(owner=world.city, category="factory", title="市级绿色工厂名单")
    return found


def announcements(world: World, call: Call, number: int) -> None:
    Announcement.objects.create(
        listbook=book(world),
        notice=notices(world, call, number),
        ordinal=number + 1,
        title=f"第{number}批公告",
        issued_on=date(2026, 6, 20),
        state=AnnouncementState.PUBLISHED,
        created_by=world.user("city_handler"),
        created_at=county.START,
    )


def listings(world: World, call: Call, number: int) -> None:
    firm = county.firm(world, "130302", 7000 + number)
    Listing.objects.create(
        listbook=book(world),
        site=firm.sites.get(),
        organisation=firm,
        name=firm.name,
        area_path=firm.area.path,
        area_name=firm.area.name,
        year=2026,
        listed_on=date(2026, 6, 20),
    )


def messages(world: World, call: Call, number: int) -> None:
    Notification.objects.create(
        event=f"e{number}",
        recipient=world.user("city_handler"),
        channel="portal",
        kind="case.submitted",
        params={"name": "示例", "number": str(number)},
        created_at=county.START,
        not_before=county.START,
    )


def bodies(world: World, call: Call, number: int) -> None:
    factories.organisation(world.areas["130302"], f"示例评价机构{number}", serial=8000 + number, kind="body")


def projects(world: World, call: Call, number: int) -> None:
    Project.objects.create(
        body=world.orgs["evaluator"],
        unit=f"示例单位{number}",
        category="factory",
        tier="city",
        year=2026,
        offered_by=world.user("evaluator"),
        offered_at=county.START,
        state="declared",
    )


@pytest.mark.parametrize(
    ("address", "character", "make"),
    [
        ("/bodies/", "county_handler", bodies),
        ("/body/projects/", "evaluator", projects),
        ("/cases/", "applicant", own_cases),
        ("/cases/", "county_handler", cases),
        ("/cases/", "city_handler", recommended),
        ("/cases/?q=示例", "city_handler", recommended),
        ("/desk/", "county_handler", cases),
        ("/search/?q=示例", "county_handler", cases),
        ("/calls/", "city_handler", calls),
        ("/p/130300/calls/", "anonymous", calls),
        ("/", "anonymous", calls),
        ("/batches/", "city_handler", batches),
        ("/reviews/decisions/", "city_handler", decisions),
        ("/registry/notices/", "city_handler", notices),
        ("/notices/", "anonymous", notices),
        ("/registry/announcements/", "city_handler", announcements),
        ("/lists/", "anonymous", listings),
        ("/lists/?q=示例&place=130300", "anonymous", listings),
        ("/p/130300/lists/factory/", "anonymous", listings),
        ("/inbox/", "city_handler", messages),
    ],
)
def test_a_list_asks_the_same_for_3_rows_and_30(
    world: World, call: Call, address: str, character: str, make: Callable[[World, Call, int], Any]
) -> None:
    client = world.client(character)
    asked = []
    for numbers in (range(3), range(3, 30)):
        for number in numbers:
            make(world, call, number)
        assert client.get(address).status_code == 200  # warm: rule sets are built once a process
        with CaptureQueriesContext(connection) as seen:
            client.get(address)
        asked.append(len(seen))
    assert asked[0] == asked[1], "\n".join(one["sql"][:300] for one in seen.captured_queries)
    assert asked[1] <= MORE.get(address, MOST), "\n".join(one["sql"][:300] for one in seen.captured_queries)
