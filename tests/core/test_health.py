"""Alive is one thing, ready another; neither tells a stranger anything."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.test import Client

from greenlist.core import health


def fail(*_: Any, **__: Any) -> None:
    raise DatabaseError("secret host db-7 is down")


@pytest.mark.case("OP-05")
def test_alive_does_not_touch_the_database(client: Client, db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.case("OP-05")
def test_ready_when_all_is_well(client: Client, db: None) -> None:
    assert client.get("/readyz").json() == {"ready": True, "status": "ready"}


@pytest.mark.case("OP-05")
@pytest.mark.parametrize("what", health.NEEDED)
def test_not_ready_without_what_pages_need(
    what: str, client: Client, db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(health.NEEDED, what, fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "status": "unavailable"})
    assert f"not well: {what}: DatabaseError: secret host db-7 is down" in caplog.text


@pytest.mark.case("OP-05")
@pytest.mark.parametrize("what", health.USEFUL)
def test_degraded_but_ready_without_broker_or_documents(
    what: str, client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(health.USEFUL, what, fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "status": "degraded"})


@pytest.mark.case("OP-05")
def test_a_broker_that_is_away_is_noticed_fast(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    started = time.monotonic()
    assert "broker" in health.faults(health.USEFUL)
    assert time.monotonic() - started < 1
    settings.CELERY_BROKER_URL = "filesystem://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": "/nonexistent"}
    assert "broker" in health.faults(health.USEFUL)


@pytest.mark.case("OP-05")
def test_a_full_disk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    assert "No space left" in health.faults({"storage": health.storage})["storage"]


@pytest.mark.case("OP-05")
@pytest.mark.django_db(transaction=True)
def test_a_database_behind_the_code_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    assert health.faults({"migrations": health.migrations}) == {}
    monkeypatch.setattr(health, "_migrated", False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT applied FROM django_migrations WHERE app = 'core' AND name = '0002_guards'")
        (applied,) = cursor.fetchone()
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core' AND name = '0002_guards'")
        try:
            assert "migrations are missing" in health.faults({"migrations": health.migrations})["migrations"]
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('core', '0002_guards', %s)", [applied]
            )


@pytest.mark.parametrize("cookies", [{}, {"sessionid": "anything"}])
def test_only_answers_to_a_session_are_kept_out_of_caches(client: Client, db: None, cookies: dict[str, str]) -> None:
    client.cookies.load(cookies)
    assert ("no-store" in client.get("/livez").get("Cache-Control", "")) is bool(cookies)


@pytest.mark.case("OP-05")
def test_what_gives_no_answer_is_not_waited_for(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing: told in time, and asked once only."""
    free, asked = threading.Event(), []

    def silent() -> None:
        asked.append(1)
        assert free.wait(60)

    monkeypatch.setattr(health, "_hanging", None)
    assert health.faults({"storage": silent}, patience=0.05) == {"storage": "no answer within 0.05 s"}
    assert health.PATIENCE < 3
    monkeypatch.setitem(health.NEEDED, "storage", silent)
    assert [client.get("/readyz").status_code for _ in range(5)] == [503] * 5
    assert client.get("/livez").status_code == 200
    assert asked == [1]
    free.set()
    assert health._hanging is not None
    health._hanging.join(60)
    monkeypatch.setitem(health.NEEDED, "storage", health.storage)
    assert client.get("/readyz").status_code == 200
