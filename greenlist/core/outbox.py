"""Messages to people: written in the caller's transaction, handed over by whoever claims the row first.

The row is the queue. The broker only wakes the worker; a sweep each minute finds whatever was not handed over.
"""

import logging
import smtplib
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from greenlist.core import dispatch
from greenlist.core.actors import Actor
from greenlist.core.audit import plain
from greenlist.core.messages import body_of, signed, subject_of
from greenlist.core.models import Notification
from greenlist.core.requests import request_id

log = logging.getLogger(__name__)
LEASE = timedelta(
    minutes=3
)  # of one mail; after that its row is free again: its sender died (F1: all done in 5 minutes)
PATIENCE = 120  # seconds one sweep works at most
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
    address: str = "",
) -> None:
    """Queues one message per recipient and channel; a second call for the same event and period changes nothing.

    `address`: where the mail goes instead of the person's present address.

    Raises KeyError when `kind` is unknown or `params` lack a word of its text: better here than in the worker.
    """
    words = plain(dict(params or {}))
    subject_of(kind, words)
    body_of(kind, words)
    channels = tuple(channels)
    rows = [
        Notification(
            event=event,
            recipient_id=recipient,
            channel=channel,
            period=period,
            kind=kind,
            params=words,
            link=link,
            address=address,
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
    if rows and "email" in channels:
        _wake()


def _wake() -> None:
    from greenlist.core.tasks import sweep_outbox

    dispatch.after_commit(sweep_outbox)


def withdraw(*, event: str, period: str = "") -> int:
    """Drops the mails of an event that nobody needs any more and that were not handed over yet; returns how many."""
    waiting = Notification.objects.mails().filter(event=event, period=period, state=Notification.State.NEW)
    return waiting.update(state=Notification.State.DROPPED)


def mark_read(*, actor: Actor, ids: Iterable[int] | None = None, at: datetime) -> int:
    """Marks messages of this person's inbox as read (all of them without `ids`); others' are left alone."""
    rows = Notification.objects.inbox_of(actor.user_id).unread()
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=at) if actor.is_signed_in else 0


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Hands over what is due, each row claimed by conditional update; returns how many were sent.

    Call it outside a transaction: a claim must be seen by others before the mail leaves. Ends early when the gateway
    itself is away, so that an outage costs one attempt of one row and not of all.
    """
    started = time.monotonic()
    sent = 0
    due = Notification.objects.due(at).order_by("not_before", "pk").values_list("pk", flat=True)[:limit]
    gateway: BaseEmailBackend = mail.get_connection()
    try:
        for pk in list(due):
            elapsed = time.monotonic() - started
            if elapsed > PATIENCE:
                break
            if row := _claimed(pk, at, after=timedelta(seconds=elapsed)):
                sent += _hand_over(row, at, gateway)
    except (OSError, smtplib.SMTPException) as away:
        log.warning("the mail gateway is away: %s", away)
    finally:
        _close(gateway)
    return sent


def _claimed(pk: int, at: datetime, *, after: timedelta = timedelta(0)) -> Notification | None:
    """`after`: how long this sweep has been working already; the lease begins with the mail."""
    lease = {"state": Notification.State.SENDING, "claimed_until": at + after + LEASE}
    if not Notification.objects.due(at).filter(pk=pk).update(**lease):
        return None  # somebody else was faster
    return Notification.objects.select_related("recipient").get(pk=pk)


def _hand_over(row: Notification, at: datetime, gateway: BaseEmailBackend) -> bool:
    """Raises OSError or SMTPException when it is the gateway and not this mail that failed; the row is put back."""
    if not (row.recipient.is_active and (row.address or row.recipient.email)):
        _close_row(row, state=Notification.State.DROPPED)
        return False
    try:
        gateway.open()
        gateway.send_messages([_mail(row)])
    except smtplib.SMTPRecipientsRefused as refusal:
        _refused(row, at, refusal)
        return False
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as refusal:
        _postpone(row, at, str(refusal))
        _close(gateway)
        return False
    except (OSError, smtplib.SMTPException) as away:
        _postpone(row, at, str(away))
        raise
    except Exception as broken:  # one row that cannot be made into a mail must not stop the others
        log.exception("mail %s cannot be made", row.pk)
        _close_row(row, state=Notification.State.FAILED, failure=f"{type(broken).__name__}: {broken}"[:300])
        return False
    _close_row(row, state=Notification.State.SENT, sent_at=at)
    return True


def _close_row(row: Notification, **changes: Any) -> None:
    Notification.objects.filter(pk=row.pk).update(claimed_until=None, **changes)


def _close(gateway: BaseEmailBackend) -> None:
    try:
        gateway.close()
    except (OSError, smtplib.SMTPException) as failure:
        log.info("closing the mail connection: %s", failure)


def _mail(row: Notification) -> EmailMessage:
    language = row.recipient.language or settings.LANGUAGE_CODE
    link = f"{settings.PUBLIC_URL}{row.link}" if row.link else ""
    said = "\n\n".join(part for part in (body_of(row.kind, row.params, language), link) if part)
    return EmailMessage(
        subject=subject_of(row.kind, row.params, language),
        body=signed(said, name=row.recipient.name, language=language),
        to=[row.address or row.recipient.email],
        # The same row always carries the same Message-ID, so a mail sent twice after a kill is recognisable.
        headers={"Message-ID": f"<notification-{row.pk}@greenlist>", "X-Request-Id": row.request_id},
    )


def _refused(row: Notification, at: datetime, refusal: smtplib.SMTPRecipientsRefused) -> None:
    """5xx is the gateway's last word about an address; 4xx means later."""
    answers = [f"{code} {text.decode(errors='replace')}" for code, text in refusal.recipients.values()]
    if all(code >= 500 for code, _ in refusal.recipients.values()):
        failed = {"state": Notification.State.FAILED, "attempts": row.attempts + 1, "failure": "; ".join(answers)[:300]}
        _close_row(row, **failed)
        log.warning("mail %s refused for good", row.pk)
    else:
        _postpone(row, at, "; ".join(answers))


def _postpone(row: Notification, at: datetime, failure: str) -> None:
    final = row.attempts >= len(RETRIES)
    wait = RETRIES[min(row.attempts, len(RETRIES) - 1)]
    spread = 1 + (row.pk % 10) / 50  # up to a fifth longer, so that not all come back at once
    _close_row(
        row,
        state=Notification.State.FAILED if final else Notification.State.NEW,
        attempts=row.attempts + 1,
        not_before=at + timedelta(minutes=wait * spread),
        failure=failure[:300],
    )
    log.warning("mail %s not handed over: %s", row.pk, failure)
