"""The broker only wakes; the request id travels with the task; a dead broker never holds a request up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from django.db import transaction

from greenlist.celery import app
from greenlist.core import dispatch
from greenlist.core.requests import request_id

SEEN: list[tuple[str, dict[str, Any]]] = []


@shared_task
def look(**arguments: Any) -> None:
    SEEN.append((request_id.get(), arguments))


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    monkeypatch.setattr(dispatch, "_quiet_until", 0.0)


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield int(listener.getsockname()[1])


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """`broker(port)`: Celery publishes to a Redis there."""

    import kombu.transport.redis  # noqa: F401  loading it is no part of what is measured

    def use(port: int) -> None:
        url = f"redis://127.0.0.1:{port}/0"
        monkeypatch.setattr(app.conf, "broker_url", url)  # first: Celery reads the settings when first asked
        settings.CELERY_BROKER_URL = url
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 1200}

    return use


@pytest.mark.case("BG-04")
@pytest.mark.parametrize("how", ["closed_port", "deaf_port"])
def test_a_dead_broker_costs_a_request_hardly_anything(how: str, broker: Any, request: pytest.FixtureRequest) -> None:
    broker(request.getfixturevalue(how))
    started = time.monotonic()
    assert dispatch.send(look, number=1) is False
    first = time.monotonic() - started
    assert first < (1 if how == "closed_port" else 2.5)
    started = time.monotonic()
    assert [dispatch.send(look, number=n) for n in range(50)] == [False] * 50
    assert time.monotonic() - started < 0.05


@pytest.mark.case("BG-04")
@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_does_not_break_the_action(broker: Any, closed_port: int) -> None:
    broker(closed_port)
    with transaction.atomic():
        dispatch.after_commit(look)


@pytest.mark.case("BG-05")
@pytest.mark.django_db(transaction=True)
def test_a_task_is_asked_for_only_after_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(dispatch, "send", lambda task, **arguments: sent.append(task.name))
    with pytest.raises(RuntimeError), transaction.atomic():
        dispatch.after_commit(look)
        raise RuntimeError
    assert sent == []
    with transaction.atomic():
        dispatch.after_commit(look)
        assert sent == []
    assert sent == [look.name]


@pytest.mark.case("OP-06")
def test_the_request_id_travels_into_the_task() -> None:
    """Published into the in-memory broker, taken out and run as a worker does."""
    with app.connection_for_write() as connection:
        app.control.purge(connection=connection)  # what other tests asked for
    token = request_id.set("web-request-1")
    assert dispatch.send(look, number=7) is True
    request_id.reset(token)
    with app.connection_for_write() as connection:
        message = connection.SimpleQueue(app.conf.task_default_queue).get(timeout=5)
        message.ack()
    assert message.headers[dispatch.HEADER] == "web-request-1"
    _args, arguments, _embed = message.decode()
    look.push_request(**message.headers, called_directly=False)
    try:
        dispatch._take_request_id(task=look, task_id=message.headers["id"])
        look.run(**arguments)
    finally:
        dispatch._leave_request_id()
        look.pop_request()
    assert SEEN == [("web-request-1", {"number": 7})]
    assert request_id.get() == ""


def test_a_task_that_nobody_asked_for_has_an_id_of_its_own() -> None:
    look.apply(task_id="0123456789abcdef0123").get()
    assert SEEN[0][0] == "0123456789abcdef"
