from celery import shared_task

from applications.services import projects, sweep
from greenlist.core import clock


@shared_task
def end_releases(**kwargs: object) -> None:
    projects.end_releases(at=clock.now())


@shared_task
def sweep_checks(**kwargs: object) -> None:
    """Delivered twice or killed on the way: what is done stays done, the rest is for the next run."""
    sweep.sweep(at=clock.now())
