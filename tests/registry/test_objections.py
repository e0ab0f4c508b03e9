"""异议: in time, under a real name, holding the item and not the batch; read by the handling officials only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.urls import reverse

from applications.models import Application
from applications.states import State
from greenlist.core.errors import NotAllowed, NotVisible, WrongState
from greenlist.core.logs import RequestFilter
from greenlist.core.models import AuditEntry, AuditPayload, Notification
from registry.models import Objection
from registry.services import announcements, notices, objections
from registry.states import ItemState, ObjectionState
from tests.registry import stage
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.clause("QHD-10b")
def test_an_open_objection_holds_its_item_and_not_the_batch(world: World, call: Any, three: list[Application]) -> None:
    notice = stage.running(world, call, three)
    stage.objection(notice, position=2)
    notices.close_due(at=stage.after(notice))
    states = dict(notice.items.values_list("position", "state"))
    assert states == {1: ItemState.CLEARED, 2: ItemState.HELD, 3: ItemState.CLEARED}
    announced = stage.published(world, notice)
    assert announced.entries.count() == 2
    held = notice.items.get(position=2).application
    assert held.state == State.ON_NOTICE


@pytest.mark.clause("QHD-10b")
def test_a_dismissed_objection_lets_the_unit_follow_in_a_supplement(
    world: World, call: Any, three: list[Application]
) -> None:
    notice = stage.running(world, call, three)
    filed = stage.objection(notice, position=2)
    notices.close_due(at=stage.after(notice))
    first = stage.published(world, notice)
    objections.decide(
        actor=world.actor("city_approver"),
        receipt=filed.receipt,
        upheld=False,
        reasons="经核查不属实。",
        at=stage.after(notice),
    )
    supplement = stage.published(world, notice)
    assert supplement.supplement_of == first
    assert supplement.ordinal == first.ordinal
    assert supplement.entries.count() == 1


def test_an_upheld_objection_ends_the_case_with_reasons(world: World, call: Any, case: Application) -> None:
    notice = stage.running(world, call, [case])
    filed = stage.objection(notice)
    objections.decide(
        actor=world.actor("city_approver"), receipt=filed.receipt, upheld=True, reasons="数据不实。", at=stage.PUBLISHED
    )
    case.refresh_from_db()
    assert case.state == State.NOT_LISTED
    assert case.timeline.latest("pk").opinion == "数据不实。"
    with pytest.raises(WrongState):
        objections.decide(
            actor=world.actor("city_approver"),
            receipt=filed.receipt,
            upheld=False,
            reasons="再看。",
            at=stage.PUBLISHED,
        )


def test_the_last_second_counts_and_the_next_does_not(world: World, call: Any, three: list[Application]) -> None:
    notice = stage.running(world, call, three)
    stage.objection(notice, position=1, at=stage.after(notice) - timedelta(seconds=1))
    with pytest.raises(WrongState):
        stage.objection(notice, position=2, at=stage.after(notice))


@pytest.mark.race
@pytest.mark.case("WF-12")
@pytest.mark.django_db(transaction=True)
def test_an_objection_and_the_closing_task_at_once(
    world: World, call: Any, three: list[Application], run_threads: Any
) -> None:
    """Whatever comes first, an objection that got a receipt holds its unit."""
    notice = stage.running(world, call, three)
    end = stage.after(notice)

    def work(number: int) -> Any:
        if number == 0:
            return notices.close_due(at=end)
        return stage.objection(notice, position=number, at=end - timedelta(seconds=1))

    outcomes = run_threads(4, work)
    notices.close_due(at=end)
    received = {outcome.item.position for outcome in outcomes if isinstance(outcome, Objection)}
    refused = [outcome for outcome in outcomes[1:] if not isinstance(outcome, Objection)]
    assert all(isinstance(outcome, WrongState) for outcome in refused), refused
    held = set(notice.items.filter(state=ItemState.HELD).values_list("position", flat=True))
    assert held == received


def test_who_objected_is_seen_by_the_handling_officials_only(world: World, call: Any, case: Application) -> None:
    notice = stage.running(world, call, [case])
    filed = stage.objection(notice, name="王例实密", contact="13912345678")
    page = f"/registry/objections/{filed.receipt}/"
    assert "王例实密" in world.client("city_handler").get(page).content.decode()
    assert AuditEntry.objects.filter(action="objection.read").count() == 1
    for stranger in ("other_city_approver", "county_approver", "applicant", "expert", "province_approver", "anonymous"):
        assert world.client(stranger).get(page).status_code in (404, 302)
    with pytest.raises(NotVisible):
        objections.read(actor=world.actor("county_approver"), receipt=filed.receipt, at=stage.PUBLISHED)
    for words in ("王例实密", "13912345678"):
        public = world.client("anonymous").get(f"/objections/{filed.follow_token}/").content.decode()
        assert words not in public
        assert not Notification.objects.filter(params__icontains=words).exists()
        assert not any(words in str(data) for data in AuditPayload.objects.values_list("data", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, contact, text FROM registry_objection")
            assert words not in str(cursor.fetchall())


def test_a_handler_reads_but_does_not_decide(world: World, call: Any, case: Application) -> None:
    filed = stage.objection(stage.running(world, call, [case]))
    with pytest.raises(NotAllowed):
        objections.decide(
            actor=world.actor("city_handler"), receipt=filed.receipt, upheld=False, reasons="无。", at=stage.PUBLISHED
        )
    decided = objections.decide(
        actor=world.actor("city_approver"), receipt=filed.receipt, upheld=False, reasons="不属实。", at=stage.PUBLISHED
    )
    assert decided.state == ObjectionState.DISMISSED


def test_the_log_does_not_name_who_objects_while_signed_in(
    world: World, call: Any, case: Application, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is signed in by chance is noted nowhere: not in the trail, and not by the line of the request (R6)."""
    notice = stage.running(world, call, [case])
    client = world.client("rival")
    with time_machine.travel(stage.PUBLISHED, tick=False):
        caplog.handler.addFilter(RequestFilter())
        caplog.set_level("INFO")
        client.get("/work/")
        assert {row.user_id for row in caplog.records if row.name == "greenlist.requests"} == {world.user("rival").pk}
        caplog.clear()
        address = reverse("registry:object", args=["130300", notice.reference, notice.items.get().pk])
        given = {"name": "王某", "contact": "13800000000", "text": "数据不实"}
        assert client.post(address, given).status_code == 302
    assert Objection.objects.exists()
    assert {row.user_id for row in caplog.records if hasattr(row, "user_id")} == {None}


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(world: World, call: Any, case: Application) -> None:
    import time_machine

    notice = stage.running(world, call, [case])
    item = notice.items.get()
    page = f"/p/130300/notices/{notice.reference}/objection/{item.pk}/"
    client = world.client("anonymous")
    with time_machine.travel(stage.PUBLISHED + timedelta(hours=2), tick=False):
        wrong = client.post(page, {"name": "", "contact": "13800000000", "text": "数据不实"})
        assert wrong.status_code == 422
        assert "数据不实" in wrong.content.decode()
        right = client.post(page, {"name": "王例实", "contact": "13800000000", "text": "数据不实"})
    assert right.status_code == 302
    assert Objection.objects.get().receipt in client.get(right["Location"]).content.decode()


def test_nothing_is_announced_while_the_notice_runs(world: World, call: Any, case: Application) -> None:
    notice = stage.running(world, call, [case])
    with pytest.raises(WrongState) as refusal:
        announcements.draft(
            actor=world.actor("city_handler"),
            notice=notice.reference,
            title="t",
            number="",
            text="",
            at=stage.PUBLISHED,
        )
    assert refusal.value.code == "notice_runs"
