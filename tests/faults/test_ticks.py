"""The same tick twice, by two schedulers at once, and the last second of the last day (BG-02, BG-03, BG-08)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.conf import settings as configured
from django.core import mail
from django.urls import reverse

from applications.states import State
from greenlist.accounts import services as accounts
from greenlist.core import outbox
from greenlist.core.actors import ANONYMOUS
from greenlist.core.models import Notification
from registry.models import NoticeItem
from tests.applications import county
from tests.faults.test_broken_statements import fingerprint
from tests.registry import stage
from tests.reviews import stage as reviews
from tests.world import World

# Each run says when it was: signs of life are theirs to renew.
ALIVE = {"core_heartbeat"}


def round_of_tasks() -> None:
    """Everything the schedule names, once."""
    for row in configured.CELERY_BEAT_SCHEDULE.values():
        current_app.tasks[row["task"]]()


def lasting() -> dict[str, str]:
    return {table: rows for table, rows in fingerprint().items() if table not in ALIVE}


@pytest.mark.race
@pytest.mark.full
@pytest.mark.case("BG-03", "BG-02")
@pytest.mark.django_db(transaction=True)
def test_two_schedulers_do_each_thing_once(
    race_world: World, run_threads: Callable[..., list[Any]], settings: Any, tmp_path: Any
) -> None:
    settings.VAR = tmp_path
    current_app.loader.import_default_modules()
    county.load_rules()
    call = county.open_call(race_world, values={"county_by": "2026-06-18"})
    notice = stage.running(race_world, call, reviews.several(race_world, call, 2))
    county.case(race_world, call)  # a county is reminded of it
    at = stage.after(notice) + timedelta(minutes=1)
    accounts.request_reset(email=race_world.user("rival").email, actor=ANONYMOUS, at=at)
    with time_machine.travel(at, tick=False):
        outcomes = run_threads(2, lambda _number: round_of_tasks())
        assert outcomes == [None, None]
        for _ in range(2):  # what the first tick queued is handed over by the next
            outbox.sweep(at=at)
        after = lasting()
        sent = len(mail.outbox)
        round_of_tasks()
        assert lasting() == after
        assert len(mail.outbox) == sent
    assert set(NoticeItem.objects.values_list("application__state", flat=True)) == {State.APPROVING}
    mails = Counter(message.extra_headers.get("Message-ID") for message in mail.outbox)
    assert not [name for name, times in mails.items() if name and times > 1]
    resets = [message for message in mail.outbox if message.to == [race_world.user("rival").email]]
    assert len(resets) == 1
    assert Notification.objects.filter(kind="notice.closed").count() == len(
        {(row.recipient_id, row.channel) for row in Notification.objects.filter(kind="notice.closed")}
    )


@pytest.mark.clause("QHD-10b")
@pytest.mark.case("BG-03")
@pytest.mark.django_db
def test_the_last_second_of_the_last_day_by_the_page(world: World) -> None:
    """The clock stands at 23:59:59 in China: received; one second later the page says that it is over."""
    county.load_rules()
    call = county.open_call(world)
    notice = stage.running(world, call, reviews.several(world, call, 2))
    end = stage.after(notice)
    client, place = world.client("anonymous"), notice.authority.area.slug
    words = {"name": "王例实", "contact": "13800000000", "text": "能耗数据不一致。"}
    items = [item.pk for item in notice.items.order_by("position")]
    for moment, item, status in ((end - timedelta(seconds=1), items[0], 302), (end, items[1], 409)):
        address = reverse("registry:object", args=[place, notice.reference, item])
        with time_machine.travel(moment, tick=False):
            assert client.post(address, words).status_code == status
    assert end == datetime.fromisoformat("2026-06-16T00:00:00+08:00")
    assert list(NoticeItem.objects.order_by("position").values_list("state", flat=True)) == ["held", "on_notice"]
