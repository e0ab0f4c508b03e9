import threading

from celery import shared_task

from greenlist.core import anchors, attachments, clock, limits, outbox, rendering

_sweeping, _asked = threading.Lock(), threading.Event()


@shared_task
def sweep_outbox(**kwargs: object) -> None:
    """One sweep at a time in one process: who is killed then leaves one mail at most that goes out twice (F1)."""
    _asked.set()
    while _asked.is_set() and _sweeping.acquire(blocking=False):
        try:
            _asked.clear()  # what is queued from now on asks again
            outbox.sweep(at=clock.now())
        finally:
            _sweeping.release()


@shared_task
def anchor_chains(**kwargs: object) -> None:
    anchors.write(at=clock.now())


@shared_task
def scan_files(**kwargs: object) -> None:
    attachments.scan_waiting(at=clock.now())


@shared_task
def forget_uses(**kwargs: object) -> None:
    limits.forget(at=clock.now())


@shared_task
def render_document(job: int, **kwargs: object) -> None:
    rendering.run(pk=job, at=clock.now())


@shared_task
def sweep_documents(**kwargs: object) -> None:
    rendering.sweep(at=clock.now())
