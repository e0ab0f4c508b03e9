from celery import shared_task

from applications.services import reminders
from greenlist.core import clock


@shared_task
def remind_deadlines(**kwargs: object) -> None:
    reminders.remind(at=clock.now())
