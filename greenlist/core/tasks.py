from celery import shared_task

from greenlist.core import anchors, attachments, clock, limits, outbox


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
