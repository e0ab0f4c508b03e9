from celery import shared_task

from applications.services import projects, reminders
from greenlist.core import clock


@shared_task
def remind_deadlines(**kwargs: object) -> None:
    reminders.remind(at=clock.now())


@shared_task
def end_releases(**kwargs: object) -> None:
    projects.end_releases(at=clock.now())
