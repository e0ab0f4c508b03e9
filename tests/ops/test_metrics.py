"""Figures for the monitoring: right, bounded, not public; a job that falls silent is noticed within two periods."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from greenlist.core import attachments, clock, heartbeats, metrics, outbox, queues, tasks
from greenlist.core.models import Blob, Heartbeat, Notification
from tests import factories

pytestmark = pytest.mark.django_db


def figures(at: datetime) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    text = metrics.exposition(at=at).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def one(at: datetime, name: str, **labels: str) -> float:
    return figures(at)[f"greenlist_{name}", tuple(sorted(labels.items()))]


# ---- who may read them ----------------------------------------------------------------------------------------------
@pytest.mark.case("OP-07")
@pytest.mark.parametrize(
    ("token", "headers", "address", "status"),
    [
        ("", {}, "127.0.0.1", 200),
        ("", {}, "::1", 200),
        ("", {}, "192.0.2.7", 404),
        ("", {"x-forwarded-for": "127.0.0.1"}, "127.0.0.1", 404),  # through a proxy on this machine
        (
            "a-long-token-of-the-monitoring",
            {"authorization": "Bearer a-long-token-of-the-monitoring"},
            "192.0.2.7",
            200,
        ),
        ("a-long-token-of-the-monitoring", {"authorization": "Bearer another"}, "192.0.2.7", 404),
        ("a-long-token-of-the-monitoring", {"authorization": "Bearer 令牌"}, "192.0.2.7", 404),
        ("a-long-token-of-the-monitoring", {}, "127.0.0.1", 404),
    ],
)
def test_the_figures_are_not_public(
    token: str, headers: dict[str, str], address: str, status: int, settings: Any
) -> None:
    settings.METRICS_TOKEN = token
    raw = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    answer = Client(REMOTE_ADDR=address, **raw).get("/metrics")
    assert answer.status_code == status
    assert (b"greenlist_" in answer.content) is (status == 200)


# ---- requests -------------------------------------------------------------------------------------------------------
@pytest.mark.case("OP-07")
def test_requests_are_counted_by_route_and_never_by_address(client: Client) -> None:
    at = clock.now()
    before = figures(at)
    for number in range(40):
        client.get(f"/p/no-such-place-{number}/?token={number}")
        client.get(f"/nowhere/{number}")
        client.generic("BREW", "/livez")
    after = figures(at)
    new = {labels for name, labels in set(after) - set(before) if name == "greenlist_request_seconds_count"}
    assert len(new) <= 4
    text = metrics.exposition(at=at).decode()
    assert "no-such-place" not in text
    assert "BREW" not in text
    count = ("greenlist_request_seconds_count", (("method", "GET"), ("route", "none"), ("status", "4xx")))
    assert after[count] - before.get(count, 0) == 80
    refused = ("greenlist_refusals_total", (("status", "404"),))
    assert after[refused] - before.get(refused, 0) >= 40


@pytest.mark.case("OP-07")
def test_every_label_comes_from_a_closed_list(client: Client) -> None:
    from tests.authz.test_matrix import routes

    client.get("/")
    client.get("/livez")
    closed = {
        "route": {*routes(), "none", "static", "unnamed"},
        "method": {*metrics.METHODS, "other"},
        "status": {f"{n}xx" for n in range(1, 6)} | {str(code) for code in metrics.REFUSALS},
        "state": {"new", "sending", "failed"},
        "job": set(django_settings.CELERY_BEAT_SCHEDULE),
        "queue": {"celery", "documents"},
        "le": {f"{float(edge)}" for edge in metrics.BUCKETS} | {"+Inf"},
    }
    for name, labels in figures(clock.now()):
        for label, value in labels:
            if label not in {"django", "database"} and not value.startswith("tests."):  # views that other tests made
                assert value in closed[label], (name, label, value)


@pytest.mark.case("OP-06")
def test_each_request_is_logged_by_its_route_with_its_id(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "greenlist.requests")
    client.get("/account/login/?next=/secret-token")
    (line,) = [row.getMessage() for row in caplog.records if row.name == "greenlist.requests"]
    assert re.fullmatch(r"GET accounts:login 200 \d+ ms", line)
    caplog.clear()
    client.get("/livez")
    assert not [row for row in caplog.records if row.name == "greenlist.requests"]


# ---- what waits -----------------------------------------------------------------------------------------------------
@pytest.mark.case("OP-07")
def test_the_age_of_what_waits_is_told(now: datetime, settings: Any) -> None:
    person = factories.person()
    outbox.notify(
        recipients=[person.pk], event="x", kind="case.submitted", params={"name": "甲", "number": "1"}, at=now
    )
    blob = attachments.store_bytes(name="a.pdf", content=b"%PDF-", content_type="application/pdf", at=now)
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.WAITING)
    later = now + timedelta(minutes=7)
    assert one(later, "outbox_seconds") == 420
    assert one(later, "mails", state="new") == 1
    assert one(later, "file_unscanned_seconds") == 420
    assert one(later, "files_unscanned") == 1
    Notification.objects.update(state="failed")
    assert (one(later, "outbox_seconds"), one(later, "mails", state="failed")) == (0, 1)
    assert one(later, "backup_timestamp_seconds") == 0
    heartbeats.succeeded("backup", at=now)
    assert one(later, "backup_timestamp_seconds") == now.timestamp()


@pytest.mark.case("OP-07")
def test_without_a_database_the_scrape_says_so(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    from django.db import OperationalError

    def gone(**_: Any) -> None:
        raise OperationalError("away")

    assert one(now, "database_up") == 1
    monkeypatch.setattr(metrics.condition, "state", gone)
    assert one(now, "database_up") == 0


# ---- periodic jobs --------------------------------------------------------------------------------------------------
def run_as_beat_does(name: str) -> None:
    """Runs the task of a schedule entry with the headers that the scheduler sends."""
    entry = django_settings.CELERY_BEAT_SCHEDULE[name]
    task = tasks.sweep_outbox.app.tasks[entry["task"]]
    task.apply(headers=entry["options"]["headers"])


@pytest.mark.case("OP-07")
def test_a_job_that_falls_silent_is_overdue_after_two_periods() -> None:
    run_as_beat_does("sweep-outbox")
    told = Heartbeat.objects.get(name="sweep-outbox").succeeded_at
    assert told is not None
    assert one(told + timedelta(seconds=119), "job_overdue", job="sweep-outbox") == 0
    assert one(told + timedelta(seconds=121), "job_overdue", job="sweep-outbox") == 1
    assert one(told, "job_period_seconds", job="sweep-outbox") == 60
    assert one(told, "job_success_timestamp_seconds", job="sweep-outbox") == pytest.approx(told.timestamp())


@pytest.mark.case("OP-07")
def test_work_that_people_ask_for_does_not_hide_a_dead_scheduler() -> None:
    tasks.sweep_outbox.apply()
    assert not Heartbeat.objects.exists()


@pytest.mark.case("OP-07")
def test_a_job_that_fails_keeps_its_last_success_and_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    run_as_beat_does("anchor-chains")
    before = Heartbeat.objects.get(name="anchor-chains").succeeded_at

    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tasks.anchors, "write", full)
    run_as_beat_does("anchor-chains")
    row = Heartbeat.objects.get(name="anchor-chains")
    assert row.succeeded_at == before
    assert row.failed_at is not None
    assert "No space left" in row.failure


def test_every_job_names_itself_and_expires() -> None:
    for name, entry in django_settings.CELERY_BEAT_SCHEDULE.items():
        assert entry["options"] == {"headers": {"job": name}, "expires": entry["schedule"]}


# ---- queues ---------------------------------------------------------------------------------------------------------
@pytest.mark.case("OP-07")
def test_the_embedded_queue_is_looked_into(settings: Any, tmp_path: Path) -> None:
    settings.CELERY_BROKER_URL = "filesystem://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": str(tmp_path)}
    assert [(one.name, one.messages, one.oldest) for one in queues.look(at=clock.now()) or ()] == [
        ("celery", 0, 0),
        ("documents", 0, 0),
    ]
    old = tmp_path / "1_a.documents.msg"
    old.write_text("{}")
    os.utime(old, (clock.now().timestamp() - 100,) * 2)
    found = {one.name: one for one in queues.look(at=clock.now()) or ()}
    assert found["documents"].messages == 1
    assert found["documents"].oldest >= 100


@pytest.mark.case("OP-07")
@pytest.mark.ops
@pytest.mark.once
def test_the_redis_queue_is_looked_into(settings: Any, redis_url: str, now: datetime) -> None:
    import redis

    settings.CELERY_BROKER_URL = f"{redis_url}/5"
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        for age in (100, 50):
            message = {"headers": {queues.SENT_AT: clock.now().timestamp() - age}}
            client.lpush("celery", json.dumps(message))
    found = {one.name: one for one in queues.look(at=clock.now()) or ()}
    assert (found["celery"].messages, found["documents"].messages) == (2, 0)
    assert 99 < found["celery"].oldest < 160
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert queues.look(at=clock.now()) is None
    assert one(now, "broker_up") == 0
