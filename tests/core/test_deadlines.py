"""Every last day: reminded of once for each rung, whoever fails, however often the round runs (BG-02, BG-03, BG-08, BG-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from greenlist.accounts.models import User
from greenlist.core import deadlines, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import CHINA
from greenlist.core.deadlines import Deadline
from greenlist.core.models import Notification
from tests import factories

LAST = date(2026, 6, 19)
LADDER = (30, 15, 7, 3, 1, -1, -7)
LONG_AGO = date(2026, 1, 1)


def moment(day: date, clock: str = "09:00") -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}:00+08:00")


@pytest.fixture
def person(db: None) -> User:
    return factories.person("催办人")


@pytest.fixture
def owed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Deadline]]:
    """What the only source there is yields."""
    rows: dict[str, Deadline] = {}
    monkeypatch.setattr(deadlines, "_sources", {"test": lambda today: list(rows.values())})
    yield rows


def owe(person: User, key: str = "report:1", **changes: Any) -> Deadline:
    given: dict[str, Any] = {"last_day": LAST, "since": LONG_AGO, "ladder": LADDER, "people": (person.pk,)}
    return Deadline(key=key, what="年度动态信息表", **given | changes)


def periods(person: User, channel: str = "portal") -> list[str]:
    rows = Notification.objects.filter(recipient=person, channel=channel).order_by("pk")
    return [period.partition(":")[2] for period in rows.values_list("period", flat=True)]


@pytest.mark.case("BG-08")
def test_each_rung_before_and_after_once_by_the_days_of_shanghai(person: User, owed: dict[str, Deadline]) -> None:
    """Hour by hour over two months; a day begins at midnight in China, which is 16:00 UTC of the day before."""
    owed["a"] = owe(person)
    day = LAST - timedelta(days=40)
    while day <= LAST + timedelta(days=20):
        for clock in ("00:00", "08:59", "23:59"):
            deadlines.remind(at=moment(day, clock))
        day += timedelta(days=1)
    rows = list(Notification.objects.filter(channel="portal").order_by("pk"))
    assert [(row.created_at.astimezone(CHINA).date() - LAST).days for row in rows] == [-30, -15, -7, -3, -1, 1, 7]
    assert {row.created_at.astimezone(CHINA).hour for row in rows} == {0}
    assert [row.kind for row in rows] == ["deadline.near"] * 5 + ["deadline.passed"] * 2
    assert [row.params["days"] for row in rows] == [30, 15, 7, 3, 1, 1, 7]
    assert periods(person, "email") == periods(person)


@pytest.mark.case("BG-08")
def test_after_days_without_a_worker_only_the_latest_comes(person: User, owed: dict[str, Deadline]) -> None:
    owed["a"] = owe(person)
    deadlines.remind(at=moment(LAST - timedelta(days=16)))
    for _ in range(3):
        deadlines.remind(at=moment(LAST - timedelta(days=2)))  # 15, 7 and 3 passed unnoticed
    deadlines.remind(at=moment(LAST + timedelta(days=9)))
    assert periods(person) == ["30", "3", "-7"]


@pytest.mark.parametrize(
    ("left", "since", "expected"),
    [
        (31, 200, None), (30, 200, 30), (16, 200, 30), (0, 200, 1), (-1, 200, -1), (-6, 200, -1), (-400, 500, -7),
        (9, 10, None),  # known for one day only: the rung of 15 lay before
        (-3, -2, None), (-2, 0, -1),
    ],
)  # fmt: skip
def test_the_rung_that_is_reached(left: int, since: int, expected: int | None) -> None:
    today = LAST - timedelta(days=left)
    assert deadlines.rung(LADDER, LAST, today, LAST - timedelta(days=since)) == expected


def test_without_rungs_after_it_a_day_that_passed_is_silent() -> None:
    assert deadlines.rung((7, 1), LAST, LAST + timedelta(days=1), LONG_AGO) is None
    assert deadlines.rung((7, -3), LAST, LAST + timedelta(days=1), LONG_AGO) is None
    assert deadlines.rung((7, -3), LAST, LAST + timedelta(days=3), LONG_AGO) == -3
    assert deadlines.rung((), LAST, LAST, LONG_AGO) is None


def test_where_no_rule_says_it_the_portals_own_ladder_holds() -> None:
    assert deadlines.usual_ladder() == LADDER


@pytest.mark.case("BG-08")
def test_a_moved_day_begins_a_ladder_of_its_own_and_who_is_done_hears_nothing(
    person: User, owed: dict[str, Deadline]
) -> None:
    owed["a"] = owe(person)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    owed["a"] = owe(person, last_day=LAST + timedelta(days=7))
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    deadlines.remind(at=moment(LAST))
    del owed["a"]  # handed in
    deadlines.remind(at=moment(LAST + timedelta(days=6)))
    found = list(Notification.objects.filter(channel="portal").order_by("pk").values_list("period", flat=True))
    assert found == ["2026-06-19:7", "2026-06-26:15", "2026-06-26:7"]


@pytest.mark.case("BG-08")
def test_a_closed_account_and_who_came_later(person: User, owed: dict[str, Deadline]) -> None:
    closed, late = factories.person("停用", is_active=False), factories.person("新同事")
    owed["a"] = owe(person, people=(person.pk, closed.pk))
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    owed["a"] = owe(person, people=(person.pk, closed.pk, late.pk))
    deadlines.remind(at=moment(LAST - timedelta(days=6)))
    assert periods(person) == ["7"]
    assert periods(late) == ["7"]
    assert periods(closed) == []


@pytest.mark.case("BG-10")
def test_a_source_that_breaks_holds_no_other(
    person: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def half(today: date) -> Iterator[Deadline]:
        yield from deadlines.each(
            [1, 2, 4], lambda number: [owe(person, f"half:{number // (number != 2)}")]
        )  # 2: nothing to divide by

    def broken(today: date) -> Iterator[Deadline]:
        yield owe(person, "before")
        raise RuntimeError("a table that is gone")

    words = {"words": lambda today: [owe(person, "wordless", kind="no.such.kind")]}
    sources = {"broken": broken, "half": half, **words, "whole": lambda today: [owe(person, "whole")]}
    monkeypatch.setattr(deadlines, "_sources", sources)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    told = set(Notification.objects.filter(channel="portal").values_list("event", flat=True))
    assert told == {"before", "half:1", "half:4", "whole"}
    assert "a table that is gone" in caplog.text
    assert "nobody was reminded of wordless" in caplog.text


@pytest.mark.race
@pytest.mark.case("BG-02", "BG-03")
@pytest.mark.django_db(transaction=True)
def test_rounds_at_the_same_moment_tell_once(
    run_threads: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, rounds: int
) -> None:
    people = [factories.person() for _ in range(5)]
    for turn in range(max(rounds // 10, 3)):
        rows = [owe(people[0], f"{turn}:{number}", people=tuple(one.pk for one in people)) for number in range(10)]
        monkeypatch.setattr(deadlines, "_sources", {"test": lambda today, rows=rows: rows})
        run_threads(4, lambda _number: deadlines.remind(at=moment(LAST - timedelta(days=7))))
        mine = Notification.objects.filter(event__startswith=f"{turn}:")
        assert mine.filter(channel="portal").count() == mine.filter(channel="email").count() == 50


# ---- mails that waited ----------------------------------------------------------------------------------------------
@pytest.mark.case("BG-08")
def test_a_mail_that_waited_and_is_useless_by_then_does_not_leave(
    person: User, owed: dict[str, Deadline], mailoutbox: list[Any], settings: Any
) -> None:
    settings.QUIET_HOURS = "21:00-08:00"
    owed |= {key: owe(person, key) for key in ("kept", "done", "moved", "others")}
    night, morning = moment(LAST - timedelta(days=7), "00:10"), moment(LAST - timedelta(days=7), "08:00")
    deadlines.remind(at=night)
    outbox.notify(
        recipients=[person.pk], event="x", kind="case.submitted", at=night, params={"name": "例", "number": "1"}
    )
    assert outbox.sweep(at=night) == 0
    del owed["done"]
    owed["moved"] = owe(person, "moved", last_day=LAST + timedelta(days=1))
    owed["others"] = owe(person, "others", people=())
    assert deadlines.withdraw_useless(at=morning) == 3
    assert outbox.sweep(at=morning) == 2
    assert len(mailoutbox) == 2
    left = Notification.objects.filter(channel="email", state="sent").values_list("event", flat=True)
    assert set(left) == {"kept", "x"}
    assert Notification.objects.filter(channel="portal").count() == 5


def test_who_cannot_be_asked_has_not_said_that_nothing_is_owed(
    person: User, owed: dict[str, Deadline], monkeypatch: pytest.MonkeyPatch
) -> None:
    owed["a"] = owe(person)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))

    def broken(today: date) -> Iterator[Deadline]:
        raise RuntimeError

    monkeypatch.setattr(deadlines, "_sources", {"test": broken})
    assert deadlines.withdraw_useless(at=moment(LAST - timedelta(days=6))) == 0
    assert Notification.objects.waiting().count() == 1


# ---- one's own ------------------------------------------------------------------------------------------------------
@pytest.mark.authz
def test_of_one_person_in_one_capacity(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = Actor(capacity=Capacity.APPLICANT, user_id=person.pk, organisation_id=7)
    office = Actor(capacity=Capacity.HANDLER, user_id=person.pk, authority_id=7)
    stranger = Actor(capacity=Capacity.HANDLER, user_id=person.pk + 1, authority_id=7)

    def all_of(today: date) -> list[Deadline]:
        return [
            owe(person, "office", holder=deadlines.office(7), last_day=LAST - timedelta(days=1)),
            owe(person, "other", holder=deadlines.office(8)),
            owe(person, "own"),
        ]

    def narrow(today: date, *, actor: Actor | None = None) -> list[Deadline]:
        assert actor is not None
        return [owe(person, "firm", holder=deadlines.firm(actor.organisation_id or 0))]

    monkeypatch.setattr(deadlines, "_sources", {"all": all_of, "narrow": narrow})
    assert [one.key for one in deadlines.of(firm, LAST)] == ["firm", "own"]
    assert [one.key for one in deadlines.of(office, LAST)] == ["office", "own"]
    assert deadlines.of(stranger, LAST) == []
    assert deadlines.of(Actor(capacity=Capacity.PUBLIC), LAST) == []


# ---- a calendar full of holidays ------------------------------------------------------------------------------------
@pytest.mark.case("BG-08")
def test_through_a_year_with_its_holidays_every_rung_of_every_day_comes_once(
    person: User, owed: dict[str, Deadline], world_calendar: None
) -> None:
    """Last days on holidays, on days worked instead, on the 29th of February, over the new year: ladders count plain days."""
    days = [
        date(2026, 1, 1), date(2026, 2, 14), date(2026, 2, 17), date(2026, 2, 28), date(2026, 4, 5), date(2026, 5, 1),
        date(2026, 10, 1), date(2026, 10, 10), date(2026, 12, 31),
    ]  # fmt: skip
    for last in days:
        owed[last.isoformat()] = owe(person, last.isoformat(), last_day=last, since=date(2025, 11, 1))
    today = date(2025, 11, 25)
    found: dict[str, list[int]] = {}
    while today < date(2027, 1, 20):
        deadlines.remind(at=moment(today, "08:30"))
        today += timedelta(days=1)
    for row in Notification.objects.filter(channel="portal").order_by("pk"):
        found.setdefault(row.event, []).append(
            (row.created_at.astimezone(CHINA).date() - date.fromisoformat(row.event)).days
        )
    assert found == {last.isoformat(): [-30, -15, -7, -3, -1, 1, 7] for last in days}


@pytest.fixture
def world_calendar(db: None) -> None:
    from greenlist.core.actors import SYSTEM
    from greenlist.policy import services as policies

    policies.load_calendar(actor=SYSTEM, at=moment(LONG_AGO))
