"""Whoever reminds is killed, comes twice, or finds no broker: each reminder is there once, every mail leaves (BG-01, F1, F4)."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from greenlist.accounts.models import User
from greenlist.celery import app
from greenlist.core import clock, deadlines, dispatch, outbox
from greenlist.core.deadlines import Deadline
from greenlist.core.models import Notification
from tests import factories
from tests.faults.conftest import Processes, until
from tests.faults.gateway import Gateway
from tests.tools import servers

IN_A_WEEK = timedelta(days=7)


def owing(count: int) -> list[User]:
    return [factories.person(username=f"owing{number}") for number in range(count)]


def reminded() -> int:
    return Notification.objects.filter(event__startswith="owing:", channel="portal").count()


def last_day() -> str:
    return (clock.china_date(clock.now()) + IN_A_WEEK).isoformat()


def once_each(people: list[User]) -> None:
    """One row for each person and channel: none is lost, none is doubled."""
    rows = Notification.objects.filter(event__startswith="owing:")
    for channel in ("portal", "email"):
        told = Counter(rows.filter(channel=channel).values_list("recipient_id", flat=True))
        assert told == Counter(person.pk for person in people)


def killed_while_reminding(processes: Processes, *, people: int, kills: int) -> None:
    """The round itself is killed at some row, again and again, and begun anew."""
    crowd = owing(people)
    for turn in range(kills):
        wanted = (turn + 1) * people // (kills + 1)
        process = processes.start("-m", "tests.faults.owing", LAST_DAY=last_day())
        until(lambda wanted=wanted, process=process: reminded() >= wanted or process.poll() is not None)
        processes.kill(process)
    two = [processes.start("-m", "tests.faults.owing", LAST_DAY=last_day()) for _ in range(2)]
    for process in two:  # by two at once at the end, and once more
        assert process.wait(120) == 0, processes.log()
    assert processes.start("-m", "tests.faults.owing", LAST_DAY=last_day()).wait(120) == 0
    once_each(crowd)


@pytest.mark.ops
@pytest.mark.full
@pytest.mark.case("BG-01", "BG-02", "BG-03")
def test_a_round_killed_twice_and_done_by_two_at_once(processes: Processes) -> None:
    killed_while_reminding(processes, people=60, kills=2)


@pytest.mark.ops
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.case("BG-01", "F1")
def test_a_round_killed_twenty_times_over_five_hundred_reminders(processes: Processes) -> None:
    killed_while_reminding(processes, people=500, kills=20)


def worker_killed(processes: Processes, gateway: Gateway, *, people: int, kills: int, lease: int) -> dict[str, Any]:
    """Beat, round and sweep live in one worker; it is killed in the middle of the mails of its own reminders."""
    crowd = owing(people)
    gateway.delay = 0.02
    given = {"LEASE": str(lease), "LAST_DAY": last_day()}
    for _ in range(kills):
        worker = processes.start("-m", "tests.faults.owing", "worker", **given)
        assert gateway.wait_for(len(gateway.mails) + max(people // (kills + 2), 2)), processes.log()
        processes.kill(worker)
    processes.start("-m", "tests.faults.owing", "worker", **given)
    rows = Notification.objects.mails().filter(event__startswith="owing:")
    seconds = until(lambda: rows.filter(state=Notification.State.SENT).count() == people, lease + 240)
    once_each(crowd)
    sent = Counter(gateway.mails)
    assert {address for address, _ in sent} == {person.email for person in crowd}
    assert len({message for _, message in sent}) == people
    assert sum(sent.values()) - people <= kills
    return {
        "reminders": people,
        "kills": kills,
        "repeated mails": sum(sent.values()) - people,
        "seconds": round(seconds, 1),
    }


@pytest.mark.ops
@pytest.mark.full
@pytest.mark.case("BG-01", "F1")
def test_the_whole_chain_from_beat_to_mail_killed_twice(processes: Processes, gateway: Gateway) -> None:
    worker_killed(processes, gateway, people=30, kills=2, lease=2)


@pytest.mark.ops
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.case("BG-01", "F1")
def test_the_whole_chain_killed_twenty_times_over_five_hundred(processes: Processes, gateway: Gateway) -> None:
    figures = worker_killed(processes, gateway, people=500, kills=20, lease=180)
    assert figures["seconds"] < 300
    print(figures)


@pytest.mark.case("BG-04", "F4", "BG-12")
@pytest.mark.django_db
def test_without_a_broker_reminders_are_there_and_leave_when_somebody_sweeps(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The round asks the broker to wake the worker; that nobody answers costs a minute and no reminder."""
    url = f"redis://127.0.0.1:{servers.free_port()}"
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr(dispatch, "_quiet_until", 0.0)
    settings.CELERY_BROKER_URL = url
    people, at = owing(5), datetime.fromisoformat("2026-06-01T09:00:00+08:00")
    given: dict[str, Any] = {"last_day": date(2026, 6, 8), "since": date(2026, 1, 1), "ladder": (7,)}
    rows = [Deadline(key=f"owing:{one.pk}", what="x", people=(one.pk,), **given) for one in people]
    monkeypatch.setattr(deadlines, "_sources", {"test": lambda today: rows})
    assert deadlines.remind(at=at) == 5
    assert deadlines.remind(at=at) == 0
    once_each(people)
    assert outbox.sweep(at=at + timedelta(minutes=1)) == 5
    assert len(mail.outbox) == 5
