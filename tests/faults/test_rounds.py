"""A thousand rounds of each race that a wrong outcome would be worst in (F6): no interleaving is forced, luck has its turns.

`./dev test --long` runs a thousand; every other run ten, so that the harness itself keeps working.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from applications.models import Application, ReportVersion
from applications.services import drafts, screening
from applications.states import State
from greenlist.core import audit, numbers
from greenlist.core.errors import DomainError
from registry import models as listed
from registry.services import notices
from registry.states import ItemState
from tests.applications import county, filled
from tests.faults import deciding, snapshot
from tests.registry import stage as registry
from tests.world import World

pytestmark = [pytest.mark.race, pytest.mark.full, pytest.mark.django_db(transaction=True), pytest.mark.timeout(3600)]
Act = Callable[[], Any]
Judge = Callable[[list[Any]], str]  # names the outcome of a round; raises on a wrong one


@pytest.fixture
def many(rounds: int) -> int:
    return rounds if rounds >= 1000 else 10


def fought(run_threads: Any, many: int, acts: list[Act], judge: Judge) -> Counter[str]:
    """How often each outcome came. Anything but a refusal in words is a defect."""
    came: Counter[str] = Counter()
    with snapshot.kept() as restore:
        for number in range(many):
            order = acts if number % 2 else acts[::-1]
            outcomes = run_threads(len(order), lambda one, order=order: order[one]())
            for outcome in outcomes:
                assert not isinstance(outcome, Exception) or isinstance(outcome, DomainError), repr(outcome)
            came[judge(outcomes if number % 2 else outcomes[::-1])] += 1
            if number % 50 == 0:
                assert list(audit.verify()) == []
            restore()
    assert came.total() == many
    print(dict(came))
    return came


def failed(outcomes: list[Any]) -> int:
    return sum(isinstance(one, Exception) for one in outcomes)


@pytest.mark.case("WF-02", "F6")
def test_signed_or_sent_back_never_both(race_world: World, run_threads: Any, many: int) -> None:
    sign = deciding.sign(race_world)
    case = Application.objects.get()
    back = {"actor": race_world.actor("county_approver"), "at": county.START, "reference": case.reference}

    def judge(outcomes: list[Any]) -> str:
        assert failed(outcomes) == 1
        case.refresh_from_db()
        won = "signed" if not isinstance(outcomes[0], Exception) else "sent back"
        assert (case.state == State.PASSED) == (won == "signed")
        return won

    fought(run_threads, many, [sign, lambda: screening.send_back(**back, note="再看")], judge)


@pytest.mark.case("WF-03", "F6")
def test_two_submissions_have_one_receipt(race_world: World, run_threads: Any, many: int) -> None:
    submit = deciding.submit(race_world)
    case = Application.objects.get()

    def judge(outcomes: list[Any]) -> str:
        assert failed(outcomes) == 0
        assert outcomes[0] == outcomes[1]
        assert ReportVersion.objects.count() == case.timeline.filter(verb="submit").count() == 1
        return "one receipt"

    fought(run_threads, many, [submit, submit], judge)


@pytest.mark.case("F6")
def test_two_of_a_firm_begin_one_application(race_world: World, run_threads: Any, many: int) -> None:
    filled.load_rules()
    call = filled.open_call(race_world)

    def start(who: str) -> Act:
        given = {"call_id": call.pk, "site_id": race_world.site.pk, "at": filled.SPRING}
        return lambda: drafts.start(actor=race_world.actor(who), **given)

    def judge(outcomes: list[Any]) -> str:
        assert Application.objects.count() == 1
        return f"{failed(outcomes)} told"

    fought(run_threads, many, [start("applicant"), start("colleague")], judge)


@pytest.mark.case("WF-05", "F6")
def test_a_list_is_published_once(race_world: World, run_threads: Any, many: int) -> None:
    publish = deciding.publish_list(race_world)
    units = listed.NoticeItem.objects.count()

    def judge(outcomes: list[Any]) -> str:
        assert failed(outcomes) == 1
        for model in (listed.Listing, listed.Entry, listed.Certificate):
            assert model._default_manager.count() == units
        return "once"

    fought(run_threads, many, [publish, publish], judge)


@pytest.mark.case("WF-12", "F6")
def test_an_objection_in_the_last_second_holds_its_unit(race_world: World, run_threads: Any, many: int) -> None:
    notice = deciding._running(race_world)
    end = registry.after(notice)

    def judge(outcomes: list[Any]) -> str:
        notices.close_due(at=end)
        taken = not isinstance(outcomes[1], Exception)
        assert (notice.items.get(position=1).state == ItemState.HELD) == taken
        return "held" if taken else "too late"

    objection = lambda: registry.objection(notice, at=end - timedelta(seconds=1))  # noqa: E731
    fought(run_threads, many, [lambda: notices.close_due(at=end), objection], judge)


@pytest.mark.case("F6")
def test_no_number_is_given_twice(transactional_db: None, run_threads: Any, many: int) -> None:
    def take() -> int:
        return numbers.take(scope="race", year=2026)

    def judge(outcomes: list[Any]) -> str:
        assert sorted(outcomes) == [1, 2, 3, 4]
        return "four numbers"

    fought(run_threads, many, [take] * 4, judge)
