"""Redis is gone, or comes back empty: people sign in and submit all the same, and every mail leaves (F4)."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core import mail
from django.core.cache import caches
from django.test import Client

from applications.models import Application
from greenlist.celery import app
from greenlist.core import audit, clock, dispatch, outbox
from greenlist.core.models import Notification
from greenlist.core.tasks import sweep_outbox
from tests import factories
from tests.applications import county, filled
from tests.faults import broker
from tests.faults.browser import Browser
from tests.faults.conftest import Processes, until
from tests.faults.gateway import Gateway
from tests.faults.test_web_killed import Firm, gunicorn, ready
from tests.tools import servers
from tests.world import World

pytestmark = [pytest.mark.case("BG-04", "F4")]
MAY = datetime.fromisoformat("2026-05-20T10:00:00+08:00")
OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "600"))  # of the long form
PROMISE = 120  # seconds after its return until all notices are out


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


# ---- the long form: web, worker and beat as in production, the broker taken away for ten minutes ------------------------
class Office:
    """One case on a county's desk, put forward and sent back in turn; and a firm's person who signs in anew each time."""

    def __init__(self, world: World, call: Any, port: int) -> None:
        self.case: Application = county.case(
            world, call, organisation=county.firm(world, "130302", 7001), at=clock.now()
        )
        county.answer_all(world, self.case, clock.now())
        self.handler, self.approver = (
            Browser(port, world.client(who).cookies["sessionid"].value) for who in ("county_handler", "county_approver")
        )
        self.visitor, self.user = Browser(port), world.user("rival")
        self.user.password = Argon2PasswordHasher().encode(
            factories.PASSWORD, "salt" * 4
        )  # as the web process keeps it
        self.user.save()
        self.steps = 0

    def work(self) -> None:
        path = f"/cases/{self.case.reference}/review"
        if self.steps % 2 == 0:
            self.case.refresh_from_db()
            self.handler.post(f"{path}/propose/", "propose", outcome="pass", revision=str(self.case.revision))
        else:
            self.approver.post(f"{path}/send-back/", "send back", reason="请再核对一次")
        self.steps += 1
        self.approver.get("/desk/")
        self.visitor.get("/lists/")
        words = {"username": self.user.username, "password": factories.PASSWORD}
        self.visitor.post("/account/login/", "sign in", **words)

    def said(self) -> Counter[tuple[str, int]]:
        return self.handler.said + self.approver.said + self.visitor.said

    def slowest(self) -> float:
        return max(one.slowest for one in (self.handler, self.approver, self.visitor))


def everybody_works(office: Office, firms: list[Firm], seconds: float) -> None:
    """The firms submit one after the other over this time; the desk works and people sign in all the while."""
    started, waiting = time.monotonic(), list(firms)
    pause = threading.Event()
    while (elapsed := time.monotonic() - started) < seconds or waiting:
        if waiting and elapsed >= seconds * (len(firms) - len(waiting)) / len(firms):
            assert waiting.pop(0).send() == 302
        office.work()
        pause.wait(seconds / 120)


def waiting_mails() -> int:
    return Notification.objects.mails().exclude(state=Notification.State.SENT).count()


@pytest.mark.long
@pytest.mark.ops
@pytest.mark.timeout(2400)
def test_redis_is_gone_for_ten_minutes_and_then_flushed(
    race_world: World, processes: Processes, gateway: Gateway
) -> None:
    import redis

    port = servers.free_port()
    county.load_rules()
    firms = ready(race_world, 24, port)
    office = Office(race_world, firms[0].case.call, port)
    with broker.running() as server:
        processes.env |= {"REDIS_URL": server.url, "TICKS": "real"}
        gunicorn(processes, port)
        worker = processes.start("-m", "celery", "-A", "greenlist", "worker", "-c", "2", "-O", "fair", "-l", "WARNING")
        processes.start("-m", "celery", "-A", "greenlist", "beat", "-l", "WARNING")
        everybody_works(office, firms[:2], 5)
        until(lambda: waiting_mails() == 0, PROMISE)  # so it goes while all is well
        server.stop()
        everybody_works(office, firms[2:18], OUTAGE)
        gone = {"waiting at its return": waiting_mails(), "slowest answer": round(office.slowest(), 2)}
        server.start()
        back = until(lambda: waiting_mails() == 0, PROMISE)
        os.killpg(worker.pid, signal.SIGSTOP)  # so that messages lie in the queue when it is emptied
        everybody_works(office, firms[18:], 5)
        with redis.Redis.from_url(server.url) as wire:
            assert wire.llen("celery") > 0
            wire.flushall()
        os.killpg(worker.pid, signal.SIGCONT)
        flushed = until(lambda: waiting_mails() == 0, PROMISE)
    refused = {what: count for what, count in office.said().items() if what[1] not in (200, 302)}
    assert refused == {}, processes.log()[-3000:]
    assert [firm.acknowledged for firm in firms] == [1] * len(firms)
    mails = Notification.objects.mails().count()
    assert len({message for _, message in gateway.mails}) == mails
    assert list(audit.verify()) == []
    print({**gone, "out after the return": round(back, 1), "after the flush": round(flushed, 1), "mails": mails})
    print(dict(office.said()))
