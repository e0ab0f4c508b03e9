"""The work list tells each person what to do today, and nothing that is not theirs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications.models import Application
from applications.states import State
from greenlist.portal import selectors
from tests.applications import county
from tests.registry import stage as registry
from tests.reviews import stage as reviews
from tests.world import World

pytestmark = pytest.mark.django_db
TODAY = date(2026, 4, 2)


@pytest.fixture
def call(world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


def keys(world: World, character: str) -> list[str]:
    return [group.key for group in selectors.work_list(world.actor(character), TODAY)]


def test_a_submitted_case_is_the_handlers_review_and_then_the_approvers_signature(world: World, call: Any) -> None:
    from applications.services import screening

    case = county.case(world, call)
    assert keys(world, "county_handler") == ["review"]
    assert keys(world, "county_approver") == []
    county.answer_all(world, case, county.START)
    screening.propose(actor=world.actor("county_handler"), at=county.START, reference=case.reference, outcome="pass")
    assert keys(world, "county_handler") == []
    assert keys(world, "county_approver") == ["sign"]
    screening.sign(actor=world.actor("county_approver"), at=county.START, reference=case.reference)
    assert keys(world, "county_handler") == ["recommend"]
    for stranger in ("other_county_handler", "other_city_handler", "rival", "expert"):
        assert case.name not in str(selectors.work_list(world.actor(stranger), TODAY))


def test_the_city_is_led_from_panel_to_announcement(world: World, call: Any) -> None:
    from registry.services import announcements, notices

    rows = reviews.several(world, call, 2)
    assert "convene" in keys(world, "city_handler")
    reviews.concluded(world, rows)
    assert "decide" in keys(world, "city_handler")
    decision = reviews.handed_over(world, call)
    assert "decision_approve" in keys(world, "city_approver")
    from reviews.services import decisions

    decisions.approve(actor=world.actor("city_approver"), reference=decision.reference, at=reviews.START)
    assert "notice_draft" in keys(world, "city_handler")
    notice = notices.draft(
        actor=world.actor("city_handler"),
        decision=decision.reference,
        title="公示",
        text="公示。",
        at=registry.PUBLISHED,
    )
    assert "notice_publish" in keys(world, "city_approver")
    notice = notices.publish(actor=world.actor("city_approver"), reference=notice.reference, at=registry.PUBLISHED)
    registry.objection(notice)
    assert "objections" in keys(world, "city_approver")
    notices.close_due(at=registry.after(notice))
    assert "announce" in keys(world, "city_handler")
    notice.refresh_from_db()
    row = registry.handed(world, notice)
    assert "announcement_publish" in keys(world, "city_approver")
    announcements.publish(actor=world.actor("city_approver"), reference=row.reference, at=registry.after(notice))
    assert "announce" not in keys(world, "city_handler")


def test_an_expert_signs_first_and_scores_then(world: World, call: Any) -> None:
    panel = reviews.opened(world, reviews.several(world, call, 2))
    assert keys(world, "expert") == ["pledge"]
    assert keys(world, "expert3") == []
    reviews.admitted(world, panel, "expert")
    assert keys(world, "expert") == ["score"]
    reviews.locked(world, panel, "expert", "85")
    assert keys(world, "expert") == []


@pytest.mark.parametrize("character", ["county_handler", "city_handler"])
def test_the_page_asks_the_same_number_of_questions_for_3_and_30(world: World, call: Any, character: str) -> None:
    def make(numbers: range) -> None:
        for number in numbers:
            firm = county.firm(world, "130302", 7000 + number)
            if character == "city_handler":
                reviews.recommended(world, call, organisation=firm)
            else:
                county.case(world, call, organisation=firm)

    client = world.client(character)
    make(range(3))
    client.get("/work/")
    with CaptureQueriesContext(connection) as few:
        assert client.get("/work/").status_code == 200
    make(range(3, 30))
    with CaptureQueriesContext(connection) as many:
        assert client.get("/work/").status_code == 200
    assert len(few) == len(many)
    assert Application.objects.exclude(state=State.DRAFT).count() == 30


def test_search_finds_only_what_is_visible(world: World, call: Any) -> None:
    case = county.case(world, call)
    words = case.name[:6]
    assert selectors.search(world.actor("county_handler"), words).cases == (case,)
    for stranger in ("other_county_handler", "other_city_handler", "rival", "expert", "stranger"):
        found = selectors.search(world.actor(stranger), words)
        assert found.cases == ()
        assert found.organisations == ()


def test_the_front_page_needs_no_account_and_shows_what_one_may_still_apply_to(world: World, call: Any) -> None:
    client = world.client("anonymous")
    with time_machine.travel(datetime.fromisoformat("2026-05-31T23:59:59+08:00"), tick=False):
        page = client.get("/")
        assert page.status_code == 200
        assert call.title in page.content.decode()
        assert client.get("/work/").status_code == 302
    with time_machine.travel(datetime.fromisoformat("2026-06-01T00:00:00+08:00"), tick=False):
        assert call.title not in client.get("/").content.decode()


def test_a_firm_is_offered_no_list_of_parks_and_a_park_no_other(world: World, call: Any) -> None:
    for_parks = type(call).objects.get(pk=call.pk)
    for_parks.pk, for_parks.category, for_parks.title = None, "park", "关于推荐市级绿色工业园区的通知"
    for_parks.save()
    client = world.client("applicant")

    def offered(page: str) -> tuple[bool, bool]:
        shown = client.get(page).content.decode()
        return call.title in shown, for_parks.title in shown

    with time_machine.travel(datetime.fromisoformat("2026-04-02T10:00:00+08:00"), tick=False):
        assert [offered(page) for page in ("/cases/", "/work/")] == [(True, False)] * 2
        type(world.org).objects.filter(pk=world.org.pk).update(kind="park")
        assert [offered(page) for page in ("/cases/", "/work/")] == [(False, True)] * 2
