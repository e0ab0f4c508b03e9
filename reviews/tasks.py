from celery import shared_task

from greenlist.core import clock
from reviews.services import consultations


@shared_task
def remind_departments(**kwargs: object) -> None:
    """Delivered twice or killed on the way: each message has its key, and what is marked stays marked."""
    consultations.remind(at=clock.now())
