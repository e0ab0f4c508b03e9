from celery import shared_task

from greenlist.core import clock
from greenlist.organisations import services


@shared_task
def send_invitations(**kwargs: object) -> None:
    services.send_due_invitations(at=clock.now())
