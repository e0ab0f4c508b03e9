"""JY-14: who passes the conformity check is a cultivation object; visits on site are planned, recorded, and read by the unit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application
from applications.states import State
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from reviews.models import GuidanceVisit
from reviews.services import guidance
from tests.applications import county
from tests.reviews import rounds
from tests.world import World

AT = datetime.fromisoformat("2026-06-10T09:00:00+08:00")


@pytest.fixture
def guided(rules: None, world: World) -> Application:
    """Beyond the conformity check, under the rules of 揭阳."""
    call = rounds.call_of(world, "jieyang", world.city)
    case = county.case(world, call, state=State.RECOMMENDED)
    Application.objects.filter(pk=case.pk).update(step="panel", reached=2, desk=world.city)
    return case


def plan(world: World, case: Application, who: str = "city_handler", day: date | None = date(2026, 6, 18)) -> Any:
    actor = world.actor(who)
    return guidance.plan(actor=actor, reference=case.reference, planned_on=day, purpose="能源管理", at=AT)


def record(world: World, case: Application, visit: GuidanceVisit, who: str = "city_handler", **given: Any) -> Any:
    said = {"visited_on": date(2026, 6, 18), "persons": "示例甲、示例乙", "advice": "建议安装分项计量。", **given}
    return guidance.record(actor=world.actor(who), reference=case.reference, visit=visit.pk, at=AT, **said)


@pytest.mark.clause("JY-14")
def test_planned_recorded_and_read_by_the_unit(world: World, guided: Application) -> None:
    visit = plan(world, guided)
    assert Notification.objects.filter(kind="guidance.planned", recipient=world.user("applicant")).exists()
    firm, address = world.client("applicant"), reverse("reviews:guidance", args=[guided.reference])
    case_page = firm.get(reverse("applications:case", args=[guided.reference])).content.decode()
    assert address in case_page
    page = firm.get(address).content.decode()
    assert "能源管理" in page
    assert "<textarea" not in page  # the unit reads, it does not write
    record(world, guided, visit)
    page = firm.get(address).content.decode()
    assert "建议安装分项计量。" in page
    assert "示例甲、示例乙" in page
    assert Notification.objects.filter(kind="guidance.recorded", recipient=world.user("applicant")).exists()
    with pytest.raises(WrongState):
        record(world, guided, visit)


@pytest.mark.clause("JY-14")
def test_nobody_is_a_cultivation_object_before_the_check(world: World, guided: Application) -> None:
    Application.objects.filter(pk=guided.pk).update(step="conformity", state=State.SCREENING)
    with pytest.raises(WrongState):
        plan(world, guided)
    address = reverse("reviews:guidance", args=[guided.reference])
    assert world.client("city_handler").get(address).status_code == 404
    page = world.client("city_handler").get(reverse("applications:case", args=[guided.reference]))
    assert address not in page.content.decode()


@pytest.mark.authz
def test_only_who_called_plans_and_records(world: World, guided: Application) -> None:
    visit = plan(world, guided, "city_approver")
    for character in ("county_handler", "applicant"):
        with pytest.raises(NotAllowed):
            plan(world, guided, character)
        with pytest.raises(NotAllowed):
            record(world, guided, visit, character)
    for character in ("other_city_handler", "rival", "expert", "supervisor", "anonymous"):
        with pytest.raises(NotVisible):
            plan(world, guided, character)
    for wrong, name in (
        ({"visited_on": None}, "visited_on"),
        ({"persons": " "}, "persons"),
        ({"advice": ""}, "advice"),
    ):
        with pytest.raises(Invalid) as refused:
            record(world, guided, visit, **wrong)
        assert list(refused.value.problems) == [name]
    with pytest.raises(Invalid):
        plan(world, guided, day=None)


def test_the_pages_keep_what_was_typed(world: World, guided: Application) -> None:
    client, address = world.client("city_handler"), reverse("reviews:guidance", args=[guided.reference])
    assert client.post(f"{address}plan/", {"planned_on": "never"}).status_code == 422
    assert client.post(f"{address}plan/", {"purpose": "能源"}).status_code == 422
    assert client.post(f"{address}plan/", {"planned_on": "2026-06-18", "purpose": "能源"}).status_code == 302
    visit = GuidanceVisit.objects.get()
    again = client.post(f"{address}{visit.pk}/record/", {"visited_on": "2026-06-18", "advice": "分项计量"})
    assert again.status_code == 422
    assert "分项计量" in again.content.decode()
    given = {"visited_on": "2026-06-18", "persons": "甲", "advice": "分项计量"}
    assert client.post(f"{address}{visit.pk}/record/", given).status_code == 302
    assert client.post(f"{address}{visit.pk}/record/", given).status_code == 409
    assert client.post(f"{address}9999/record/", given).status_code == 404
