"""The worker is killed in the middle of its mails, again and again: none is lost, none of the inbox is doubled (F1)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from greenlist.core import clock, outbox
from greenlist.core.models import Notification
from tests import factories
from tests.faults.conftest import Processes, until
from tests.faults.gateway import Gateway

pytestmark = pytest.mark.ops
WORDS = {"name": "海港示例精密制造有限公司", "number": "T-1"}


def killed_in_between(processes: Processes, gateway: Gateway, *, mails: int, kills: int, lease: int) -> dict[str, Any]:
    people = [factories.person() for _ in range(mails)]
    recipients = [person.pk for person in people]
    outbox.notify(recipients=recipients, event="case.submitted:1", kind="case.submitted", at=clock.now(), params=WORDS)
    gateway.delay = 0.02
    for _ in range(kills):
        worker = processes.start("-m", "tests.faults.worker", LEASE=str(lease))
        assert gateway.wait_for(len(gateway.mails) + max(mails // (kills + 2), 2)), processes.log()
        processes.kill(worker)
    processes.start("-m", "tests.faults.worker", LEASE=str(lease))
    rows = Notification.objects.mails()
    seconds = until(lambda: not rows.exclude(state=Notification.State.SENT).exists(), lease + 240)
    assert Notification.objects.filter(channel="portal").count() == mails
    sent = Counter(gateway.mails)
    assert {address for address, _ in sent} == {person.email for person in people}  # none is lost
    assert len({message for _, message in sent}) == mails  # a repeated one is recognisable
    repeated = sum(sent.values()) - mails
    assert repeated <= kills
    return {"mails": mails, "kills": kills, "repeated": repeated, "seconds after the last kill": round(seconds, 1)}


@pytest.mark.full
@pytest.mark.case("BG-01", "F1")
def test_a_worker_killed_twice_over_forty_mails(processes: Processes, gateway: Gateway) -> None:
    killed_in_between(processes, gateway, mails=40, kills=2, lease=2)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.case("BG-01", "F1")
def test_a_worker_killed_twenty_times_over_five_hundred_mails(
    processes: Processes, gateway: Gateway, record_property: Any
) -> None:
    figures = killed_in_between(processes, gateway, mails=500, kills=20, lease=180)
    assert figures["seconds after the last kill"] < 300
    print(figures)
