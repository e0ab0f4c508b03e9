"""What is open to everybody, or costs room, is counted by account and address: in the database, refusals with their reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from greenlist.core import limits
from greenlist.core.actors import ANONYMOUS, Actor
from greenlist.core.errors import TooMany
from greenlist.core.models import Use

pytestmark = pytest.mark.django_db
HOME = replace(ANONYMOUS, remote="192.0.2.7")


@pytest.fixture(autouse=True)
def _three(settings: Any) -> None:
    settings.LIMITS = {
        "objection": {"address": "3/hour 5/day", "account": "3/hour"},
        "upload": {"account": "2/day"},
    }


def tries(count: int, who: Actor, at: datetime, kind: str = "objection") -> int:
    """How many of so many tries were let through."""
    good = 0
    for _ in range(count):
        try:
            limits.take(kind, actor=who, at=at)
        except TooMany:
            continue
        good += 1
    return good


def test_so_many_within_an_hour_and_a_day_and_the_reason_says_when(now: datetime) -> None:
    assert tries(9, HOME, now) == 3
    with pytest.raises(TooMany) as often:
        limits.take("objection", actor=HOME, at=now)
    assert often.value.status == 429
    assert "最多 3" in str(often.value.message) or "3" in str(often.value.message)
    assert "2026年11月23日 10:00" in str(often.value.message)
    assert often.value.retry_after == 30 * 60
    assert tries(9, HOME, now + timedelta(minutes=30)) == 2  # the day's five are used up
    assert tries(9, HOME, now + timedelta(days=1)) == 3


def test_one_address_does_not_shut_out_another(now: datetime) -> None:
    tries(9, HOME, now)
    assert tries(1, replace(ANONYMOUS, remote="192.0.2.8"), now) == 1


def test_a_customer_with_many_ipv6_addresses_is_one(now: datetime) -> None:
    came = [replace(ANONYMOUS, remote=f"2001:db8:1:2::{number:x}") for number in range(9)]
    assert sum(tries(1, who, now) for who in came) == 3
    assert tries(1, replace(ANONYMOUS, remote="2001:db8:1:3::1"), now) == 1
    assert limits.network("::ffff:192.0.2.7") == limits.network("192.0.2.7")


def test_an_account_is_counted_wherever_it_comes_from(actor: Actor, now: datetime) -> None:
    moved = [replace(actor, remote=f"198.51.100.{number}") for number in range(9)]
    assert sum(tries(1, who, now) for who in moved) == 3
    assert tries(9, actor, now, "upload") == 2
    assert tries(9, HOME, now, "upload") == 9  # nobody without an account uploads a report's files


def test_the_cache_forgets_and_the_count_stays(now: datetime) -> None:
    tries(3, HOME, now)
    cache.clear()
    assert tries(1, HOME, now) == 0


def test_an_address_that_is_not_known_is_one_address(now: datetime) -> None:
    assert tries(9, ANONYMOUS, now) == 3


def test_nobody_reads_addresses_from_the_counts(now: datetime) -> None:
    tries(1, HOME, now)
    assert all("192.0.2" not in row.taker and len(row.taker) == 64 for row in Use.objects.all())


def test_what_is_refused_later_has_been_counted(now: datetime) -> None:
    with pytest.raises(RuntimeError):
        limits.take("objection", actor=HOME, at=now)
        with transaction.atomic():
            raise RuntimeError
    assert tries(9, HOME, now) == 2


def test_old_counts_are_dropped(now: datetime) -> None:
    tries(1, HOME, now)
    assert limits.forget(at=now + timedelta(days=1)) == 0
    assert limits.forget(at=now + timedelta(days=4)) == 2
    assert not Use.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_than_the_limit(run_threads: Any, now: datetime) -> None:
    assert sum(run_threads(12, lambda _number: tries(1, HOME, now))) == 3


@pytest.mark.parametrize("words", ["10", "x/hour", "10/week", "10/hour, 30/day"])
def test_a_limit_that_cannot_be_read_is_told(settings: Any, words: str) -> None:
    from greenlist.core.checks import limited

    assert limited() == []
    settings.LIMITS = {"objection": {"address": words}}
    with pytest.raises(ImproperlyConfigured):
        limits.limits("objection", "address")
    assert [found.id for found in limited()] == ["core.E002"]
