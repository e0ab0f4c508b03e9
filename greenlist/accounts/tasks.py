from celery import shared_task

from greenlist.accounts import services
from greenlist.core import clock


@shared_task
def send_resets(**kwargs: object) -> None:
    services.send_due_resets(at=clock.now())


@shared_task
def forget_sign_ins(**kwargs: object) -> None:
    services.forget_sign_ins(at=clock.now())
