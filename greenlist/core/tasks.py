import threading
from typing import Any

from celery import Task, shared_task
from celery.signals import before_task_publish, task_failure, task_success

from greenlist.core import (
    anchors,
    attachments,
    clock,
    deadlines,
    digests,
    heartbeats,
    limits,
    outbox,
    pieces,
    rendering,
)
from greenlist.core.queues import SENT_AT

_sweeping, _asked = threading.Lock(), threading.Event()


@shared_task
def sweep_outbox(**kwargs: object) -> None:
    """One sweep at a time in one process: who is killed then leaves one mail at most that goes out twice (F1)."""
    _asked.set()
    while _asked.is_set() and _sweeping.acquire(blocking=False):
        try:
            _asked.clear()  # what is queued from now on asks again
            deadlines.withdraw_useless(at=clock.now())
            outbox.sweep(at=clock.now())
        finally:
            _sweeping.release()


@shared_task
def remind_deadlines(**kwargs: object) -> None:
    """Delivered twice or killed on the way: each message has its key, the rest is for the next round."""
    deadlines.remind(at=clock.now())


@shared_task
def gather_digests(**kwargs: object) -> None:
    deadlines.withdraw_useless(at=clock.now())
    digests.gather(at=clock.now())


@shared_task
def anchor_chains(**kwargs: object) -> None:
    anchors.write(at=clock.now())


@shared_task
def scan_files(**kwargs: object) -> None:
    attachments.scan_waiting(at=clock.now())


@shared_task
def forget_pieces(**kwargs: object) -> None:
    pieces.forget(at=clock.now())


@shared_task
def forget_uses(**kwargs: object) -> None:
    limits.forget(at=clock.now())


@shared_task(
    soft_time_limit=1000, time_limit=1100
)  # ten thousand rows take minutes; each of their parts has its own limit
def render_document(job: int, **kwargs: object) -> None:
    rendering.run(pk=job, at=clock.now())


@shared_task
def sweep_documents(**kwargs: object) -> None:
    rendering.sweep(at=clock.now())


@before_task_publish.connect
def _say_when(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers[SENT_AT] = clock.now().timestamp()


@task_success.connect
def _on_success(sender: Task, **_: Any) -> None:
    if name := heartbeats.job_of(sender):
        heartbeats.succeeded(name, at=clock.now())


@task_failure.connect
def _on_failure(sender: Task, exception: BaseException, **_: Any) -> None:
    if name := heartbeats.job_of(sender):
        heartbeats.failed(name, at=clock.now(), failure=f"{type(exception).__name__}: {exception}")
