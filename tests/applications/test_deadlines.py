"""Reminders before a last day: each exactly once, never to who has nothing left to do, never a burst (QHD-N4b, BG-08)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from applications.models import Application, Correction, Extension, Report
from applications.selectors import screening as reads
from applications.states import CallState, State
from greenlist.core import deadlines
from greenlist.core.models import Notification
from tests.applications import county
from tests.world import World

LAST = date(2026, 5, 31)


def moment(day: date, hour: int = 9) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T{hour:02d}:00:00+08:00")


def sent(who: str) -> list[str]:
    rows = Notification.objects.filter(kind="deadline.near", channel="portal", recipient__username=who)
    return list(rows.order_by("pk").values_list("period", flat=True))


@pytest.fixture
def call(db: None, world: World) -> Any:
    county.load_rules()
    return county.open_call(world)


@pytest.fixture
def case(world: World, call: Any) -> Application:
    return county.case(world, call)


def every_hour(first: date, last: date) -> None:
    day = first
    while day <= last:
        for hour in (0, 9, 23):
            deadlines.remind(at=moment(day, hour))
        day += timedelta(days=1)


@pytest.mark.clause("QHD-N4b")
@pytest.mark.case("BG-08")
def test_each_rung_goes_out_once(world: World, case: Application) -> None:
    every_hour(LAST - timedelta(days=40), LAST + timedelta(days=3))
    assert sent("county_handler") == [f"2026-05-31:{days}" for days in (15, 7, 3, 1)]
    assert sent("county_approver") == sent("county_handler")
    assert sent("applicant") == []


@pytest.mark.case("BG-08")
def test_after_two_days_without_a_worker_only_the_latest_is_sent(world: World, case: Application) -> None:
    every_hour(LAST - timedelta(days=20), LAST - timedelta(days=8))
    deadlines.remind(at=moment(LAST - timedelta(days=2)))  # the rungs of 7 and 3 passed unnoticed
    assert sent("county_handler") == ["2026-05-31:15", "2026-05-31:3"]


@pytest.mark.case("BG-08")
def test_who_has_sent_everything_is_not_reminded(world: World, case: Application) -> None:
    other = county.case(world, case.call, organisation=world.orgs["rival"])
    Application.objects.filter(pk=case.pk).update(state=State.RECOMMENDED, desk=world.city)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    assert sent("county_handler") == []
    assert sent("other_county_handler") == ["2026-05-31:7"]
    assert sent("city_handler") == []
    assert other.desk == world.authorities["130322"]


@pytest.mark.clause("QHD-N4b")
def test_an_extension_starts_the_ladder_anew_for_its_area(world: World, case: Application) -> None:
    county.case(world, case.call, organisation=world.orgs["rival"])
    deadlines.remind(at=moment(LAST - timedelta(days=1)))
    given = {
        "call": case.call,
        "step": "send",
        "old_day": LAST,
        "reason": "系统维护",
        "by": world.user("city_approver"),
    }
    Extension.objects.create(area=world.areas["130302"], new_day=date(2026, 6, 10), at=moment(LAST), **given)
    every_hour(LAST, date(2026, 6, 12))
    assert sent("county_handler") == ["2026-05-31:1", "2026-06-10:15", "2026-06-10:7", "2026-06-10:3", "2026-06-10:1"]
    assert sent("other_county_handler") == ["2026-05-31:1"]


def test_a_closed_call_reminds_nobody(world: World, case: Application) -> None:
    type(case.call).objects.filter(pk=case.call_id).update(state=CallState.CLOSED)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    assert sent("county_handler") == []
    type(case.call).objects.filter(pk=case.call_id).update(state=CallState.OPEN)
    deadlines.remind(at=moment(LAST - timedelta(days=7)))
    assert sent("county_handler") == ["2026-05-31:7"]


@pytest.mark.clause("QHD-N4b")
def test_applicants_with_drafts_are_reminded_of_the_day_their_county_set(world: World, case: Application) -> None:
    """The notice sets no day for firms; without one of the county nobody is reminded."""
    firm = county.firm(world, "130302", 9500)
    site = firm.sites.get()
    report = Report.objects.create(site=site, category="factory", year=2026, form="x", form_digest="x")
    draft = Application.objects.create(
        call=case.call, category="factory", organisation=world.org, site=site, report=report, name=firm.name,
        step="fill", entered_at=moment(date(2026, 4, 2)), started_at=moment(date(2026, 4, 2)), started_by=world.user("applicant"),
    )  # fmt: skip
    deadlines.remind(at=moment(date(2026, 5, 8)))
    assert sent("applicant") == []
    Extension.objects.create(
        call=case.call, step="fill", old_day=None, new_day=date(2026, 5, 15), reason="县区截止", area=world.areas["130302"],
        by=world.user("county_approver"), at=moment(date(2026, 4, 20)),
    )  # fmt: skip
    every_hour(date(2026, 5, 8), date(2026, 5, 12))
    assert sent("applicant") == ["2026-05-15:7", "2026-05-15:3"]
    Application.objects.filter(pk=draft.pk).update(state=State.WITHDRAWN)
    every_hour(date(2026, 5, 13), date(2026, 5, 15))
    assert sent("applicant") == ["2026-05-15:7", "2026-05-15:3"]


def test_an_open_correction_is_reminded_of_its_own_day(world: World, case: Application) -> None:
    version = reads.version_of(case)
    assert version is not None
    Correction.objects.create(
        application=case, step="county", reason="补正", fields=[], before=version, asked_by=world.user("county_handler"),
        asked_at=moment(date(2026, 5, 10)), due_on=date(2026, 5, 20),
    )  # fmt: skip
    Application.objects.filter(pk=case.pk).update(state=State.RETURNED)
    every_hour(date(2026, 5, 10), date(2026, 5, 21))
    assert sent("applicant") == ["2026-05-20:7", "2026-05-20:3", "2026-05-20:1"]


@pytest.mark.parametrize(
    ("days_left", "since", "expected"),
    [(16, 40, None), (15, 40, 15), (9, 40, 15), (7, 40, 7), (2, 40, 3), (0, 40, 1), (-1, 40, None), (9, 10, None)],
)
def test_the_rung_that_is_reached(days_left: int, since: int, expected: int | None) -> None:
    today = LAST - timedelta(days=days_left)
    assert deadlines.rung((15, 7, 3, 1), LAST, today, LAST - timedelta(days=since)) == expected


@pytest.mark.clause("SJZ-noN")
def test_where_the_call_sets_no_day_nobody_is_reminded(world: World, db: None) -> None:
    county.load_rules()
    county.case(world, county.open_call(world, "shijiazhuang"), organisation=world.orgs["sjz"])
    every_hour(LAST - timedelta(days=20), LAST)
    assert sent("sjz_county_handler") == []
