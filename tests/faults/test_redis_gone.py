"""Redis is gone, or comes back empty: people sign in and submit all the same, and every mail leaves (F4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.cache import caches
from django.test import Client

from greenlist.celery import app
from greenlist.core import dispatch, outbox
from greenlist.core.models import Notification
from greenlist.core.tasks import sweep_outbox
from tests import factories
from tests.applications import filled
from tests.tools import servers
from tests.world import World

pytestmark = [pytest.mark.case("BG-04", "F4")]
MAY = datetime.fromisoformat("2026-05-20T10:00:00+08:00")


@pytest.fixture
def redis_at(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """`redis_at(url)`: broker and cache are there, as in production."""
    import kombu.transport.redis  # noqa: F401  loading it is no part of what is measured

    def use(url: str) -> None:
        monkeypatch.setattr(app.conf, "broker_url", url)
        monkeypatch.setattr(dispatch, "_quiet_until", 0.0)
        settings.CELERY_BROKER_URL = url
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 1200}
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}}

    yield use
    caches.close_all()


@pytest.mark.django_db(transaction=True)
def test_without_redis_people_sign_in_submit_and_are_told(race_world: World, redis_at: Any) -> None:
    filled.load_rules()
    case = filled.fill(race_world, filled.start(race_world, filled.open_call(race_world)))
    digest = filled.digest_of(case)
    user = race_world.user("applicant")
    user.set_password(factories.PASSWORD)
    user.save()
    redis_at(f"redis://127.0.0.1:{servers.free_port()}")
    client, started = Client(), time.monotonic()
    assert (
        client.post("/account/login/", {"username": user.username, "password": factories.PASSWORD}).status_code == 302
    )
    for page in ("/", f"/cases/{case.reference}/", "/inbox/", "/lists/"):
        assert client.get(page, follow=True).status_code == 200
    filled.submit(race_world, case, at=MAY, digest=digest)
    reset = client.post("/account/password/forgotten/", {"email": user.email})
    assert reset.status_code in (200, 302)
    assert time.monotonic() - started < 30  # no request waits for what does not answer
    waiting = Notification.objects.mails().filter(state=Notification.State.NEW).count()
    assert waiting > 0
    assert outbox.sweep(at=MAY + timedelta(minutes=1)) == waiting  # the next tick, whoever gives it
    assert len(mail.outbox) >= waiting


@pytest.mark.ops
@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_a_redis_that_comes_back_empty_has_lost_nothing(race_world: World, redis_at: Any, now: datetime) -> None:
    import redis

    with servers.redis() as url:
        redis_at(url)
        people = [race_world.user(who).pk for who in ("applicant", "rival")]
        words = {"name": "示例", "number": "T-1"}
        outbox.notify(recipients=people, event="e:1", kind="case.submitted", at=now, params=words)
        assert dispatch.send(sweep_outbox) is True
        with redis.Redis.from_url(url) as wire:
            assert wire.llen("celery") >= 1
            wire.flushall()
            assert wire.llen("celery") == 0
        app.pool.force_close_all()
        app._pool = None  # the next to ask gets one that is open
    assert outbox.sweep(at=now) == 2
