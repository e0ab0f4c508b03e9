from celery import shared_task

from greenlist.core import anchors, attachments, clock, limits, outbox, rendering


@shared_task
def sweep_outbox(**kwargs: object) -> None:
    outbox.sweep(at=clock.now())


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
