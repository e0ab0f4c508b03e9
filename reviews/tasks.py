from celery import shared_task

from greenlist.core import clock
from reviews.services import consultations


@shared_task
def mark_overdue(**kwargs: object) -> None:
    """Delivered twice or killed on the way: each message has its key, and what is marked stays marked."""
    consultations.mark_overdue(at=clock.now())
