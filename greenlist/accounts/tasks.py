from celery import shared_task

from greenlist.accounts import services
from greenlist.core import clock


@shared_task
def send_resets(**kwargs: object) -> None:
    """What signing in leaves to be told: links for new passwords, accounts locked for an address."""
    services.send_due_resets(at=clock.now())
    services.tell_of_locks(at=clock.now())


@shared_task
def forget_sign_ins(**kwargs: object) -> None:
    services.forget_sign_ins(at=clock.now())
