from celery import shared_task
from django.urls import reverse

from greenlist.accounts.models import Mandate
from greenlist.core import clock, condition, outbox


@shared_task
def tell_problems(**kwargs: object) -> None:
    """Tells the system administrators once a day, while there is something to look at."""
    at = clock.now()
    found = condition.problems(at=at)
    if not found:
        return
    today = clock.china_date(at)
    held = Mandate.objects.in_force(today).of_role(Mandate.Role.ADMINISTRATOR)
    outbox.notify(
        recipients=sorted(set(held.values_list("user_id", flat=True))),
        event="system.problems",
        period=today.isoformat(),
        kind="system.problems",
        params={"count": len(found), "first": str(found[0].text), "digest": condition.digest(found)},
        link=reverse("portal:system"),
        at=at,
    )
