from celery import shared_task

from greenlist.core import clock
from registry.services import imported, notices


@shared_task
def close_notices(**kwargs: object) -> None:
    notices.close_due(at=clock.now())


@shared_task
def find_listed(**kwargs: object) -> None:
    imported.find_again(at=clock.now())
