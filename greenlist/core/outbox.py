"""Messages to people: written in the caller's transaction, handed over by whoever claims the row first."""

import logging
import smtplib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from greenlist.core.messages import body_of, subject_of
from greenlist.core.models import Notification
from greenlist.core.requests import request_id

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)  # after that a claimed row is free again: its sender died
RETRIES = (1, 5, 15, 60, 240, 1440)  # minutes after each failed hand-over; then the row is parked as failed


def notify(
    *,
    recipients: Iterable[int],
    event: str,
    kind: str,
    at: datetime,
    params: Mapping[str, Any] | None = None,
    link: str = "",
    period: str = "",
    channels: Iterable[str] = ("portal", "email"),
) -> None:
    """Queues one message per recipient and channel; a second call for the same event and period changes nothing."""
    rows = [
        Notification(
            event=event,
            recipient_id=recipient,
            channel=channel,
            period=period,
            kind=kind,
            params=dict(params or {}),
            link=link,
            created_at=at,
            not_before=at,
            state=Notification.State.SENT if channel == "portal" else Notification.State.NEW,
            sent_at=at if channel == "portal" else None,
            request_id=request_id.get(),
        )
        for recipient in dict.fromkeys(recipients)
        for channel in channels
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    from greenlist.core.tasks import sweep_outbox

    sweep_outbox.delay()  # the sweeper comes every minute anyway; a lost broker costs that minute


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Hands over what is due, each row claimed by conditional update; returns how many were sent."""
    return sum(_hand_over(pk, at) for pk in Notification.objects.due(at).order_by("pk").values_list("pk", flat=True)[:limit])


def _hand_over(pk: int, at: datetime) -> bool:
    claimed = Notification.objects.due(at).filter(pk=pk).update(state=Notification.State.SENDING, claimed_until=at + LEASE)
    if not claimed:
        return False
    row = Notification.objects.select_related("recipient").get(pk=pk)
    try:
        if row.recipient.email:
            _mail(row).send()
    except (OSError, smtplib.SMTPException) as failure:
        _postpone(row, at, str(failure))
        return False
    Notification.objects.filter(pk=pk).update(state=Notification.State.SENT, sent_at=at, claimed_until=None)
    return True


def _mail(row: Notification) -> EmailMessage:
    link = f"{settings.PUBLIC_URL}{row.link}" if row.link else ""
    return EmailMessage(
        subject=subject_of(row.kind, row.params),
        body="\n\n".join(part for part in (body_of(row.kind, row.params), link) if part),
        to=[row.recipient.email],
        # The same row always carries the same Message-ID, so a mail sent twice after a kill is recognisable.
        headers={"Message-ID": f"<notification-{row.pk}@greenlist>", "X-Request-Id": row.request_id},
    )


def _postpone(row: Notification, at: datetime, failure: str) -> None:
    final = row.attempts >= len(RETRIES)
    wait = RETRIES[min(row.attempts, len(RETRIES) - 1)]
    Notification.objects.filter(pk=row.pk).update(
        state=Notification.State.FAILED if final else Notification.State.NEW,
        attempts=row.attempts + 1,
        not_before=at + timedelta(minutes=wait),
        claimed_until=None,
        failure=failure[:300],
    )
    log.warning("mail %s not handed over: %s", row.pk, failure)
