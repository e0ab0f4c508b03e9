from celery import shared_task

from greenlist.core import anchors, clock, outbox


@shared_task
def sweep_outbox(**kwargs: object) -> None:
    outbox.sweep(at=clock.now())


@shared_task
def anchor_chains(**kwargs: object) -> None:
    anchors.write(at=clock.now())
