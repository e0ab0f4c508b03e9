"""Waking the worker. A row in the database is what is to be done; a message that gets lost costs a minute (the sweeper).

Also carries the request id from whoever asks into the task, through message headers.
"""

import logging
import time
from typing import Any

from celery import Task, current_app
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.db import transaction

from greenlist.core.requests import request_id

log = logging.getLogger(__name__)
HEADER = "request_id"
PAUSE = 30.0  # seconds without another try after the broker failed: a web request must not wait for it again

_quiet_until = 0.0  # on the stopwatch of this process


def after_commit(task: Task | str, **arguments: Any) -> None:
    """Asks the worker for a task (or its name) once the caller's transaction is committed; arguments are ids and plain values.

    Never raises and never waits longer than a broken connection takes to be noticed: whatever a task does is also found
    by a sweep, so a broker that is away only delays it.
    """
    transaction.on_commit(lambda: send(task, **arguments), robust=True)


def send(task: Task | str, **arguments: Any) -> bool:
    """Publishes now; False when the broker cannot be reached or was found unreachable a moment ago."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return False
    try:
        app = current_app if isinstance(task, str) else task.app
        with app.connection_for_write(transport_options=_options()) as connection:
            sent = {"kwargs": arguments, "connection": connection, "retry": False, "ignore_result": True}
            if isinstance(task, str):
                app.send_task(task, **sent)
            else:
                task.apply_async(**sent)
    except Exception as failure:  # kombu, redis and the file system each raise their own
        _quiet_until = time.monotonic() + PAUSE
        log.warning("the broker cannot be reached, the sweeper will do %s: %s", task, failure)
        return False
    return True


def _options() -> dict[str, Any]:
    """The broker's options, with a publisher's patience: one try, one second."""
    options = dict(settings.CELERY_BROKER_TRANSPORT_OPTIONS)
    if settings.CELERY_BROKER_URL.startswith(("redis", "rediss")):
        options |= {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0, "retry_on_timeout": False}
    return options


@before_task_publish.connect
def _put_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and request_id.get():
        headers[HEADER] = request_id.get()


@task_prerun.connect
def _take_request_id(task: Task, task_id: str, **_: Any) -> None:
    request_id.set(str(getattr(task.request, HEADER, None) or task_id.replace("-", "")[:16])[:32])


@task_postrun.connect
def _leave_request_id(**_: Any) -> None:
    request_id.set("")
