"""Recommendation to a list of the nation by pages: review, departments, batch, the province selects (HEB)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

import pytest
import time_machine

from applications.models import Application, Batch, Call
from applications.states import BatchState, State
from greenlist.organisations.models import Organisation, Title
from registry.models import Listing
from registry.states import Origin
from reviews.models import Consultation, Decision
from reviews.selectors import consultations as reads
from tests import factories
from tests.applications import county
from tests.journeys import stations
from tests.journeys.browsing import Person
from tests.journeys.story import _pdf
from tests.registry import upper
from tests.reviews import asking
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.django_db, pytest.mark.timeout(300)]

OWNERS = {"applicant": "province", "hlj_applicant": "hlj_province"}  # who keeps the call of the firm's case


@contextmanager
def on(moment: str) -> Iterator[datetime]:
    at = datetime.fromisoformat(f"{moment}+08:00")
    with time_machine.travel(at, tick=False):
        yield at


def person(world: World, character: str) -> Person:
    return Person(character, world.client(character))


def titled(world: World, organisation: Organisation, tier: str = "province") -> None:
    site = organisation.sites.first()
    Title.objects.create(site=site, category="factory", tier=tier, listing="省级名单", valid_from=date(2024, 1, 1))


def stock(world: World, area: str) -> None:
    """Provincial factories enough for a place in the city's quota of 40 % (HEB-3a)."""
    for number in range(4):
        titled(world, county.firm(world, area, 6400 + number))


def reviewed(world: World, call: Call, organisation: Organisation, desk: str, who: str, at: datetime) -> Application:
    """Submitted to its city, reviewed by two people there."""
    titled(world, organisation)
    row = county.case(world, call, organisation=organisation, county=desk)
    row.reached = 2
    row.save(update_fields=["reached"])
    return county.passed(world, row, at, handler=f"{who}_handler", approver=f"{who}_approver")


def batched(world: World, row: Application, who: str) -> Batch:
    """Put together, signed by another person and sent, by pages."""
    handler, approver = person(world, f"{who}_handler"), person(world, f"{who}_approver")
    page = handler.press(handler.open("applications:batches"), "/batches/start/")
    batch = Batch.objects.get(sender=row.desk, state=BatchState.DRAFT)
    root = f"/batches/{batch.reference}"
    page = handler.press(page, f"{root}/add/", case=[row.reference])
    page = handler.press(page, f"{root}/letter/", number="示工信〔2026〕7号")
    handler.press(page, f"{root}/hand-over/")
    page = approver.press(approver.open("applications:batch", batch.reference), f"{root}/sign/")
    assert row.name in _pdf(approver.get(f"{root}/letter.pdf")) or "示工信〔2026〕7号" in _pdf(
        approver.get(f"{root}/letter.pdf")
    )
    approver.press(page, f"{root}/send/")
    batch.refresh_from_db()
    row.refresh_from_db()
    return batch


def decided(world: World, call: Call, row: Application, who: str) -> Decision:
    """One person draws the list up, another approves it; no panel has said anything."""
    handler, approver = person(world, f"{who}_handler"), person(world, f"{who}_approver")
    handler.press(handler.open("reviews:decision-new", call.pk), title="省级择优")
    decision = Decision.objects.get(call=call)
    page = handler.open("reviews:decision", decision.reference)
    handler.send(page, {f"outcome-{row.reference}": "propose"}, "/save/", button="hand_over=1")
    approver.press(approver.open("reviews:decision", decision.reference), "/approve/")
    row.refresh_from_db()
    return decision


def heard(world: World, call: Call, who: str) -> Consultation:
    handler, approver = person(world, f"{who}_handler"), person(world, f"{who}_approver")
    found = stations.letter_sent(handler, approver, call)
    stations.answered_on_paper(handler, found)
    stations.concluded(handler, approver, found)
    return found


def published(world: World, call: Call, row: Application, who: str) -> None:
    """The ministry publishes elsewhere: its list comes back as the outcome, and everybody finds the unit on it."""
    upper.ministry(world)
    owner = Person(who, world.client(who))
    with on("2026-10-12T09:00:00"):
        assert row.name not in Person("visitor").open("registry:lists", q=row.name)
        made = stations.list_taken(
            person(world, f"{OWNERS[who]}_handler"),
            person(world, f"{OWNERS[who]}_approver"),
            call,
            (row.name, row.code, "别处市"),
            ("别处示例有限公司", factories.credit_code(9951), "别处市"),
            title="2026年度国家绿色工厂名单",
            number="示例公告〔2026〕31号",
            issued=date(2026, 10, 9),
        )
        row.refresh_from_db()
        assert row.state == State.LISTED
        listing = Listing.objects.get(application=row)
        assert (listing.origin, listing.listbook.owner.tier) == (Origin.IMPORTED, "nation")
        assert "nation" in set(Title.objects.filter(site=row.site).values_list("tier", flat=True))
    with on("2026-10-13T09:00:00"):
        page = Person("visitor").open("registry:lists", q=row.name)
        assert row.name in page and "导入名单" in page
        history = owner.open("applications:case-history", row.reference)
        assert f"{made.title}（{made.number}）" in history


@pytest.mark.clause("HEB-0", "HEB-3b", "HEB-3c", "HEB-3d", "HEB-3e")
def test_a_city_asks_recommends_and_the_province_selects(world: World) -> None:
    """No panel, no score, no notice: from the review to the recommendation (HEB-3e); the last day is included (HEB-3c)."""
    call = asking.call_of(world)
    stock(world, "130302")
    with on("2026-06-01T09:00:00") as at:
        row = reviewed(world, call, world.org, "130300", "city", at)
        assert (row.state, row.step) == (State.CONSULTING, "consult")
        handler = person(world, "city_handler")
        assert row.name not in handler.open("applications:batches"), "no batch before the departments are heard"
        assert not reads.waiting(world.actor("other_city_handler")).exists()  # each city its own (HEB-0)
        heard(world, call, "city")
        row.refresh_from_db()
        assert (row.state, row.step) == (State.PASSED, "send")
    with on("2026-07-19T23:30:00"):
        batch = batched(world, row, "city")
        assert (row.state, row.step, row.desk) == (State.DECIDING, "select", world.province)
    with on("2026-07-20T09:00:00"):
        handler = person(world, "province_handler")
        handler.press(handler.open("applications:batch", batch.reference), f"/batches/{batch.reference}/receive/")
        decided(world, call, row, "province")
        assert (row.state, row.step) == (State.FORWARDED, "outcome")
    published(world, call, row, "applicant")


@pytest.mark.clause("HLJ-21a", "HLJ-21d")
def test_a_province_selects_asks_three_departments_and_forwards(world: World) -> None:
    """The second batch of the route goes from the province to the ministry by 31 July, that day included."""
    place = "heilongjiang-national"
    call = asking.call_of(world, place, values={**asking.VALUES[place], "ministry_number": 3})
    with on("2026-06-01T09:00:00") as at:
        row = reviewed(world, call, world.orgs["hlj"], "230100", "hlj_city", at)
        assert (row.state, row.step) == (State.PASSED, "send")
        batched(world, row, "hlj_city")
        assert (row.state, row.step) == (State.DECIDING, "select")
    with on("2026-07-01T09:00:00"):
        decided(world, call, row, "hlj_province")
        assert (row.state, row.step) == (State.CONSULTING, "consult")
        handler, approver = person(world, "hlj_province_handler"), person(world, "hlj_province_approver")
        found = stations.letter_sent(handler, approver, call, more=["税务部门"])  # others can be added
        assert {one.department for one in found.offices.all()} == {"ecology", "emergency", "market", ""}
    with on("2026-07-10T09:00:00"):
        handler, approver = person(world, "hlj_province_handler"), person(world, "hlj_province_approver")
        stations.concluded(handler, approver, found)  # the last day is over: marked as no answer
        row.refresh_from_db()
        assert (row.state, row.step) == (State.PASSED, "forward")
    with on("2026-07-31T23:30:00"):
        batch = batched(world, row, "hlj_province")
        assert batch.receiver is None and batch.outside  # the ministry is no office of the portal
        assert (row.state, row.step) == (State.FORWARDED, "outcome")
    published(world, call, row, "hlj_applicant")
