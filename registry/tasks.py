from celery import shared_task

from greenlist.core import clock
from registry.services import notices


@shared_task
def close_notices(**kwargs: object) -> None:
    notices.close_due(at=clock.now())
