"""Periodic work after listing: one service call each."""

from celery import shared_task

from dynamics.services import cultivation, cycles, scores, tips, watch
from greenlist.core import clock


@shared_task
def follow_cultivation(**kwargs: object) -> None:
    cultivation.follow(at=clock.now())


@shared_task
def keep_cycles(**kwargs: object) -> None:
    """Opens cycles whose day has come, looks who owes what, proposes what was missed; each as often as one likes."""
    at = clock.now()
    cycles.open_due(at=at)
    cycles.refresh(at=at)
    cycles.propose_missed(at=at)
    scores.propose_lowest(at=at)


@shared_task
def erase_reports(**kwargs: object) -> None:
    tips.erase_due(at=clock.now())


@shared_task
def follow_removals(**kwargs: object) -> None:
    watch.round_(at=clock.now())
