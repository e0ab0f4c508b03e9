"""The mail gateway misbehaves in every way it can; a stub on loopback speaks SMTP to the real backend (BG-09)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from greenlist.accounts.models import User
from greenlist.core import outbox
from greenlist.core.models import Notification
from tests import factories
from tests.faults.gateway import Gateway

pytestmark = [pytest.mark.django_db, pytest.mark.case("BG-09")]
WORDS = {"name": "海港示例精密制造有限公司", "number": "T-1"}
State = Notification.State


@pytest.fixture
def people(gateway: Gateway, settings: Any, now: datetime) -> list[User]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", gateway.port, 1
    found = [factories.person() for _ in range(4)]
    ids = [person.pk for person in found]
    outbox.notify(recipients=ids, event="case.submitted:1", kind="case.submitted", at=now, params=WORDS)
    return found


def states() -> list[str]:
    return list(Notification.objects.mails().order_by("pk").values_list("state", flat=True))


def test_all_is_well(people: list[User], gateway: Gateway, now: datetime) -> None:
    assert outbox.sweep(at=now) == 4
    assert len(set(gateway.mails)) == 4


@pytest.mark.parametrize(("answer", "state"), [("4xx", State.NEW), ("5xx", State.FAILED)])
def test_one_refused_address_and_its_reason(
    people: list[User], gateway: Gateway, now: datetime, answer: str, state: str
) -> None:
    gateway.behaviour[people[1].email] = answer
    assert outbox.sweep(at=now) == 3
    assert states() == [State.SENT, state, State.SENT, State.SENT]
    row = Notification.objects.mails().get(recipient=people[1])
    assert row.failure.startswith({"4xx": "451 later", "5xx": "550 unknown"}[answer])
    gateway.behaviour.clear()
    assert outbox.sweep(at=now + timedelta(minutes=2)) == (1 if answer == "4xx" else 0)


@pytest.mark.parametrize("how", ["hang", "drop"])
def test_a_gateway_that_dies_in_the_middle_of_a_mail(
    people: list[User], gateway: Gateway, now: datetime, how: str
) -> None:
    """Nobody knows whether it took the mail; it is sent again under the same Message-ID, later."""
    gateway.behaviour[people[1].email] = how
    started = time.monotonic()
    assert outbox.sweep(at=now) == 1
    assert time.monotonic() - started < 10
    assert states() == [State.SENT, State.NEW, State.NEW, State.NEW]  # one attempt of one row
    gateway.behaviour.clear()
    assert outbox.sweep(at=now) == 2  # the others do not wait for it
    assert outbox.sweep(at=now + timedelta(minutes=2)) == 1
    assert sorted(address for address, _ in gateway.mails) == sorted(person.email for person in people)


def test_a_gateway_that_takes_the_call_and_says_nothing(people: list[User], gateway: Gateway, now: datetime) -> None:
    gateway.behaviour["hello"] = "hang"
    assert outbox.sweep(at=now) == 0
    assert states() == [State.NEW] * 4
    assert sorted(Notification.objects.mails().values_list("attempts", flat=True)) == [0, 0, 0, 1]


def test_after_a_day_it_is_parked_and_told(people: list[User], gateway: Gateway, now: datetime) -> None:
    """Dead letters are counted for the operator (outbox_status); the officer reads the reason."""
    gateway.behaviour[people[0].email] = "4xx"
    at = now
    for _ in range(len(outbox.RETRIES) + 1):
        outbox.sweep(at=at)
        at += timedelta(days=2)
    row = Notification.objects.mails().get(recipient=people[0])
    assert (row.state, row.attempts) == (State.FAILED, len(outbox.RETRIES) + 1)
    assert outbox.sweep(at=at) == 0
