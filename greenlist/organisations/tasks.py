from celery import shared_task

from greenlist.core import clock
from greenlist.organisations import services


@shared_task
def send_invitations(**kwargs: object) -> None:
    services.send_due_invitations(at=clock.now())


@shared_task
def end_agents(**kwargs: object) -> None:
    services.end_agents(at=clock.now())
