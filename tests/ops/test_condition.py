"""What an administrator is told to look at: on the page, by the command, by one mail a day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from greenlist.core import attachments, clock, condition, guards, health, heartbeats, outbox
from greenlist.core.models import Blob, Notification
from greenlist.policy.models import CalendarYear
from greenlist.portal import selectors, tasks
from tests import factories
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def well(settings: Any, now: datetime) -> Iterator[None]:
    """An installation with nothing to look at."""
    for name in settings.CELERY_BEAT_SCHEDULE:
        heartbeats.succeeded(name, at=now)
    for year in (now.year, now.year + 1):
        CalendarYear.objects.create(year=year, confirmed=True)
    settings.DEMO = False
    settings.ATTACHMENT_SCANNER = "clamd://127.0.0.1:3310"
    heartbeats.succeeded("backup", at=now)
    yield


def codes(at: datetime) -> list[str]:
    return [one.code for one in condition.problems(at=at)]


@pytest.mark.case("OP-07")
def test_when_all_is_well_there_is_nothing_to_look_at(well: None, now: datetime) -> None:
    assert codes(now) == []


@pytest.mark.case("OP-07")
def test_each_trouble_is_named(well: None, now: datetime, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    person = factories.person()
    words = {"name": "甲", "number": "1"}
    outbox.notify(recipients=[person.pk], event="x", kind="case.submitted", params=words, at=now)
    outbox.notify(recipients=[person.pk], event="y", kind="case.submitted", params=words, at=now)
    Notification.objects.filter(event="y", channel="email").update(state="failed")
    blob = attachments.store_bytes(name="a.pdf", content=b"%PDF-", content_type="application/pdf", at=now)
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.WAITING)
    CalendarYear.objects.filter(year=now.year + 1).delete()
    settings.DOCUMENT_FONTS = "FangSong=/nowhere.ttf"

    def away() -> None:
        raise ConnectionError("gone")

    monkeypatch.setitem(health.USEFUL, "broker", away)
    found = condition.problems(at=now + timedelta(hours=27))
    assert {one.code for one in found} >= {
        "backup.old",
        "calendar.2027",
        "check.core.W001",
        "files.unscanned",
        "health.broker",
        "job.sweep-outbox",
        "outbox.failed",
        "outbox.late",
    }
    assert [one.grave for one in found] == sorted((one.grave for one in found), reverse=True)
    assert condition.digest(found) != condition.digest(found[1:])


@pytest.mark.django_db(transaction=True)
def test_a_lost_guard_is_named(now: datetime) -> None:
    guards.remove(connection)
    try:
        assert "guard.core_entry_kept" in codes(now)
    finally:
        guards.install(connection)


def test_a_check_that_fails_is_told_and_hides_no_other(well: None, now: datetime, monkeypatch: Any) -> None:
    def broken(at: datetime) -> list[condition.Problem]:
        raise RuntimeError("inside")

    monkeypatch.setattr(condition, "_checks", [broken, *condition._checks])
    heartbeats.succeeded("backup", at=now - timedelta(hours=30))
    assert set(codes(now)) == {"check.broken", "backup.old"}


def test_the_command_says_the_same_and_fails(well: None, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    call_command("check_config", stdout=StringIO())
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=27))
    said = StringIO()
    with pytest.raises(CommandError, match="problem"):
        call_command("check_config", "--json", stdout=said)
    told = json.loads(said.getvalue())
    assert "backup.old" in {one["code"] for one in told["problems"]}
    assert len(told["digest"]) == 12
    with pytest.raises(CommandError):
        call_command("check_config", stdout=StringIO())


@pytest.mark.case("OP-07")
def test_the_page_is_for_the_system_administrator(world: World, well: None, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=27))
    page = world.client("administrator").get("/system/")
    assert page.status_code == 200
    assert "最近一次备份是 27 小时前" in page.content.decode()
    assert "sweep-outbox" in page.content.decode()
    for other in ("security_administrator", "audit_administrator", "province_handler", "applicant"):
        assert world.client(other).get("/system/").status_code == 403


def test_every_periodic_job_has_words_and_a_frequency(well: None, now: datetime, settings: Any) -> None:
    assert set(selectors.JOBS) == set(settings.CELERY_BEAT_SCHEDULE)
    jobs = {job.beat.name: job for job in selectors.jobs(condition.state(at=now))}
    assert str(jobs["sweep-outbox"].label) == "发送邮件"
    assert (jobs["sweep-outbox"].every, jobs["sweep-documents"].every) == ("每 1 分钟", "每 20 秒")
    assert (jobs["anchor-chains"].every, jobs["tell-problems"].every) == ("每 1 小时", "每 1 天")


def test_administrators_are_told_once_a_day_while_there_is_something(
    world: World, well: None, now: datetime, monkeypatch: Any
) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    tasks.tell_problems()
    assert not Notification.objects.filter(kind="system.problems").exists()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=27))
    tasks.tell_problems()
    tasks.tell_problems()
    row = Notification.objects.get(kind="system.problems", channel="email")
    assert row.recipient == world.user("administrator")
    assert row.link == "/system/"
