"""Pages of the consultation: plain POST from the letter to the conclusion, departments apart, papers, queries of lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import Application
from applications.states import State
from reviews.models import Consultation
from reviews.states import ConsultationState
from tests.journeys.browsing import Person
from tests.journeys.story import _pdf
from tests.reviews import asking
from tests.world import World


@pytest.fixture
def call(db: None, world: World) -> Any:
    return asking.call_of(world)


@pytest.fixture
def now() -> Iterator[None]:
    with time_machine.travel(asking.START, tick=False):
        yield


def person(world: World, character: str) -> Person:
    return Person(character, world.client(character))


@pytest.mark.clause("HEB-3b")
def test_from_the_letter_to_the_conclusion_by_pages(world: World, call: Any, now: None) -> None:
    first, second = asking.waiting(world, call), asking.several(world, call, 1)[0]
    handler, approver, officer = (person(world, one) for one in ("city_handler", "city_approver", "ecology"))
    assert "须先征求有关部门意见" in handler.open("portal:work")
    page = handler.press(handler.open("reviews:consultations"), f"/consultations/new/{call.pk}/")
    found = Consultation.objects.get()
    root = f"/reviews/consultations/{found.reference}"
    assert first.name in page and "生态环境局" in page
    page = handler.press(page, f"{root}/add-office/", name="税务部门")
    page = handler.press(page, f"{root}/save/", number="示工信函〔2026〕8号", button="hand_over=1")
    assert not page.offers("/send/")
    page = approver.open("reviews:consultation", found.reference)
    assert "拟推荐2家单位" in page
    page = approver.press(page, f"{root}/send/")
    letter = _pdf(approver.get(page.link("/documents/letter-")))
    assert first.name in letter and "2026年6月8日" in letter and "秦皇岛市生态环境局" in letter
    # the department
    assert found.title in officer.open("portal:work")
    page = officer.get(officer.open("reviews:opinions").link(asking.office(found).reference))
    assert first.name in page
    officer.open("applications:case", first.reference, status=404)
    assert "秦皇岛市生态环境局" in _pdf(officer.get(page.link("/letter/")))
    page = officer.send(page, {f"verdict-{first.reference}": "objection"}, "/save/", button="submit=1", status=422)
    assert "请写明事实和理由" in page
    said = {f"verdict-{first.reference}": "objection", f"reason-{first.reference}": "2025年发生环境污染事故"}
    page = officer.send(page, said, "/save/", button="all=1")
    page = officer.press(page, "/save/", button="submit=1", number="示环函〔2026〕3号", upload=asking.scan())
    assert "意见已反馈" in page and not page.offers("/save/")
    # the others on paper
    for office in found.offices.filter(answered_at=None):
        page = handler.open("reviews:opinion", office.reference)
        page = handler.press(page, "/save/", button="all=1")
        handler.press(page, "/save/", button="submit=1", number="复函", upload=asking.scan())
    page = handler.open("reviews:consultation", found.reference)
    assert "2025年发生环境污染事故" in page
    page = handler.press(page, f"{root}/conclude/", button="hand_over=1", status=422)
    assert "请选择对该单位的处理" in page
    ruling = {
        f"adjustment-{first.reference}": "leave_out",
        f"reason-{first.reference}": "生态环境部门提出异议，核实属实",
    }
    page = handler.send(page, ruling, f"{root}/conclude/", button="hand_over=1")
    page = approver.open("reviews:consultation", found.reference)
    page = approver.press(page, f"{root}/hand-back/", note="请补充文号")
    page = handler.press(
        handler.open("reviews:consultation", found.reference), f"{root}/conclude/", button="hand_over=1"
    )
    page = approver.press(approver.open("reviews:consultation", found.reference), f"{root}/close/")
    table = _pdf(approver.get(page.link("/documents/opinions/")))
    assert "2025年发生环境污染事故" in table and "不列入" in table
    found.refresh_from_db()
    assert found.state == ConsultationState.CLOSED
    states = {row.pk: row.state for row in Application.objects.filter(pk__in=[first.pk, second.pk])}
    assert states == {first.pk: State.REJECTED, second.pk: State.PASSED}
    owner = person(world, "applicant").open("applications:case-history", first.reference)
    assert "核实属实" in owner and "2025年发生环境污染事故" not in owner


def queries(client: Client, name: str, *parts: Any) -> int:
    url = reverse(f"reviews:{name}", args=parts)
    client.get(url)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_a_consultation_costs_the_same_queries_for_3_and_30_units(world: World, call: Any, now: None) -> None:
    counts: dict[str, list[int]] = {}
    for count, start in ((3, 8000), (30, 8100)):
        asking.several(world, call, count, start=start)
        found = asking.sent(world, call)
        asking.all_answered(world, found)
        office = asking.office(found)
        for character, name, reference in (
            ("city_handler", "consultation", found.reference),
            ("ecology", "opinion", office.reference),
        ):
            counts.setdefault(name, []).append(queries(world.client(character), name, reference))
    assert all(few == many for few, many in counts.values()), counts


def test_lists_of_letters_cost_the_same_for_3_and_12_rows(world: World, call: Any, now: None) -> None:
    counts: dict[str, list[int]] = {"consultations": [], "opinions": []}
    for count, start in ((3, 8200), (9, 8300)):
        for number in range(count):
            asking.several(world, call, 1, start=start + number)
            asking.sent(world, call)
        counts["consultations"].append(queries(world.client("city_handler"), "consultations"))
        counts["opinions"].append(queries(world.client("ecology"), "opinions"))
    assert all(few == many for few, many in counts.values()), counts


def test_the_applicant_reads_of_an_overall_review_while_departments_are_asked(world: World, call: Any) -> None:
    row = asking.waiting(world, call)
    owner, handler = person(world, "applicant"), person(world, "city_handler")
    assert "征求意见中" not in owner.open("applications:cases")
    assert row.name in owner.open("applications:cases", state="deciding")
    assert "征求意见中" in handler.open("applications:case", row.reference)
