"""One mail a day instead of many, for who wants it; messages in the portal come at once all the same.

A mail for such a person is put aside as HELD by the sweep, or still waits for the morning. Each day from settings.DIGEST_AT on
they are bundled into one row of the outbox: its key (the person and the day) makes it one, and it is handed over as any mail.
"""

from datetime import datetime, time

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from greenlist.core import outbox, rounds
from greenlist.core.clock import CHINA, china_date
from greenlist.core.messages import URGENT
from greenlist.core.models import Notification

EVENT = "digest"
MOST = 200  # messages in one mail; the rest leave with the next day's


def gather(*, at: datetime) -> int:
    """Bundles what had come by today's settings.DIGEST_AT, each person's once a day; returns for how many people.

    What comes after it waits for tomorrow's; run late, the round bundles what it would have bundled in time.
    """
    until = datetime.combine(china_date(at), time.fromisoformat(settings.DIGEST_AT), tzinfo=CHINA)
    if at < until:
        return 0
    done = Notification.objects.filter(event=EVENT, period=until.date().isoformat()).values("recipient_id")
    people = _waiting(until).filter(recipient__digest=True).exclude(recipient_id__in=done)

    def gather_of(person: int) -> bool:
        return _gather_of(person, until, at)

    return rounds.each(sorted(set(people.values_list("recipient_id", flat=True))), gather_of)


def _waiting(until: datetime) -> QuerySet[Notification]:
    urgent = Q()
    for prefix in URGENT:
        urgent |= Q(kind__startswith=prefix)
    return Notification.objects.waiting().filter(channel="email", created_at__lte=until).exclude(urgent)


@transaction.atomic
def _gather_of(person: int, until: datetime, at: datetime) -> bool:
    """False when somebody else was faster. The row is written first: its key holds a second round off until the end."""
    day = until.date().isoformat()
    bundle = Notification(event=EVENT, period=day, recipient_id=person, channel="email", kind=outbox.DIGEST)
    bundle.params = {"count": 0, "rows": []}
    bundle.created_at = bundle.not_before = at
    try:
        with transaction.atomic():
            bundle.save(force_insert=True)
    except IntegrityError:
        return False
    waiting = _waiting(until).filter(recipient_id=person).order_by("created_at", "pk")
    rows = list(waiting.select_for_update(of=("self",)).values_list("pk", flat=True)[:MOST])
    if not rows:  # withdrawn in this moment
        bundle.delete()
        return False
    _waiting(until).filter(pk__in=rows).update(state=Notification.State.BUNDLED)
    bundle.params = {"count": len(rows), "rows": rows}
    bundle.save(update_fields=["params"])
    return True


def release(*, person: int, at: datetime) -> int:
    """What was put aside for the day's mail leaves by itself: the person does not want that mail any more."""
    held = Notification.objects.held().filter(recipient_id=person)
    return held.update(state=Notification.State.NEW, not_before=outbox.after_quiet_hours(at))
