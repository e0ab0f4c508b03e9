"""Messages to people: written in the caller's transaction, handed over by whoever claims the row first.

Portal messages are there at once. Mails and text messages keep the quiet hours, and mails the day's one mail of who wants it
(core.digests); what is urgent (core.messages) keeps neither.

The row is the queue. The broker only wakes the worker; a sweep each minute finds whatever was not handed over.
"""

import logging
import smtplib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet

from greenlist.core import dispatch, sms
from greenlist.core.actors import Actor
from greenlist.core.audit import plain
from greenlist.core.clock import CHINA
from greenlist.core.messages import SHORT, body_of, is_urgent, signed, subject_of
from greenlist.core.models import Notification
from greenlist.core.requests import request_id

log = logging.getLogger(__name__)
DIGEST = "digest.day"
Rows = QuerySet[Notification]
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
    source: str = "",
) -> None:
    """Queues one message per recipient and channel; a second call for the same event and period changes nothing.

    `address`: where the mail goes instead of the person's present address. `source`: of the deadline that this reminds of.

    Raises KeyError when `kind` is unknown or `params` lack a word of its text: better here than in the worker.
    """
    words = plain(dict(params or {}))
    subject_of(kind, words)
    body_of(kind, words)
    people, channels = tuple(dict.fromkeys(recipients)), tuple(channels)
    leaves = at if is_urgent(kind) else after_quiet_hours(at)
    to = [(person, channel) for person in people for channel in channels]
    to += [(person, "sms") for person in _by_text(people, kind, channels)]
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
            source=source,
            created_at=at,
            not_before=at if channel == "portal" else leaves,
            state=Notification.State.SENT if channel == "portal" else Notification.State.NEW,
            sent_at=at if channel == "portal" else None,
            request_id=request_id.get(),
        )
        for recipient, channel in to
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    if rows and leaves <= at and "email" in channels:
        _wake()


def _by_text(people: Sequence[int], kind: str, channels: Collection[str]) -> list[int]:
    """Who chose text messages and gave a number, where there is a gateway and the kind is fit for it."""
    if not (settings.SMS_SENDER and kind in SHORT and "email" in channels and people):
        return []
    chosen = get_user_model()._default_manager.filter(pk__in=people, is_active=True, texts=True)
    return [person.pk for person in chosen.order_by("pk") if person.phone]


def after_quiet_hours(at: datetime) -> datetime:
    """The moment itself, or the morning when it lies in the quiet hours of China (settings.QUIET_HOURS, "21:00-08:00")."""
    begin, _, end = settings.QUIET_HOURS.partition("-")
    if not end:
        return at
    night, morning, local = time.fromisoformat(begin), time.fromisoformat(end), at.astimezone(CHINA)
    today = datetime.combine(local.date(), morning, tzinfo=CHINA)
    clock = local.time()
    if night <= morning:  # both on one day
        return today if night <= clock < morning else at
    if clock < morning:
        return today
    return today + timedelta(days=1) if clock >= night else at


def _wake() -> None:
    from greenlist.core.tasks import sweep_outbox

    dispatch.after_commit(sweep_outbox)


def withdraw(*, event: str, period: str = "") -> int:
    """Drops the mails of an event that nobody needs any more and that were not handed over yet; returns how many."""
    waiting = Notification.objects.waiting().filter(event=event, period=period)
    return waiting.update(state=Notification.State.DROPPED)


def mark_read(*, actor: Actor, ids: Iterable[int] | None = None, at: datetime) -> int:
    """Marks messages of this person's inbox as read (all of them without `ids`); others' are left alone."""
    rows = Notification.objects.inbox_of(actor.user_id).unread()
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    return rows.update(read_at=at) if actor.is_signed_in else 0


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Hands over what is due, each row claimed by conditional update; returns how many were sent.

    Call it outside a transaction: a claim must be seen by others before the mail leaves. A gateway that is away is left
    alone for the rest of the sweep, so that an outage costs one attempt of one row and not of all; the other goes on.
    """
    started = monotonic()
    sent = 0
    due = Notification.objects.due(at).order_by("not_before", "pk").values_list("pk", "channel")[:limit]
    gateway: BaseEmailBackend = mail.get_connection()
    texts = sms.sender()
    away: set[str] = set()
    try:
        for pk, channel in list(due):
            elapsed = monotonic() - started
            if elapsed > PATIENCE or {"email", "sms"} <= away:
                break
            row = None if channel in away else _claimed(pk, at, after=timedelta(seconds=elapsed))
            if row is None:
                continue
            try:
                sent += _hand_over(row, at, gateway) if channel == "email" else _text(row, at, texts)
            except (OSError, smtplib.SMTPException, sms.Away) as failure:
                log.warning("the gateway of %s is away: %s", channel, failure)
                away.add(channel)
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
    if not _is_wanted(row):
        _close_row(row, state=Notification.State.DROPPED)
        return False
    if row.recipient.digest and not is_urgent(row.kind):
        _close_row(row, state=Notification.State.HELD)
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


def _is_wanted(row: Notification) -> bool:
    """Whether the person can read it, and has not switched the channel off."""
    person = row.recipient
    if row.channel == "sms":
        return person.is_active and person.texts and bool(person.phone)
    return person.is_active and bool(row.address or person.email) and (person.mails or is_urgent(row.kind))


def _text(row: Notification, at: datetime, texts: sms.Sender | None) -> bool:
    """Raises Away or OSError when it is the gateway and not this message that failed; the row is put back."""
    if texts is None or not _is_wanted(row):
        _close_row(row, state=Notification.State.DROPPED)
        return False
    said = subject_of(row.kind, row.params, row.recipient.language or settings.LANGUAGE_CODE)
    try:
        texts.send(number=row.recipient.phone, text=said[: sms.LONGEST], key=f"notification-{row.pk}")
    except sms.Refused as refusal:
        _close_row(row, state=Notification.State.FAILED, attempts=row.attempts + 1, failure=str(refusal)[:300])
        return False
    except (sms.Away, OSError) as away:
        _postpone(row, at, str(away))
        raise
    except Exception as broken:  # a sender is somebody else's code: one text must not stop the others
        log.exception("text message %s was not sent", row.pk)
        _close_row(row, state=Notification.State.FAILED, failure=f"{type(broken).__name__}"[:300])
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
    said = "\n\n".join([_said(row, language), *_bundled(row, language)])
    return EmailMessage(
        subject=subject_of(row.kind, row.params, language),
        body=signed(said, name=row.recipient.name, language=language),
        to=[row.address or row.recipient.email],
        # The same row always carries the same Message-ID, so a mail sent twice after a kill is recognisable.
        headers={"Message-ID": f"<notification-{row.pk}@greenlist>", "X-Request-Id": row.request_id},
    )


def _said(row: Notification, language: str) -> str:
    link = f"{settings.PUBLIC_URL}{row.link}" if row.link else ""
    return "\n\n".join(part for part in (body_of(row.kind, row.params, language), link) if part)


def _bundled(row: Notification, language: str) -> list[str]:
    """What the day's one mail holds, the oldest first, in its reader's language (core.digests)."""
    if row.kind != DIGEST:
        return []
    rows = Notification.objects.filter(pk__in=row.params["rows"], recipient=row.recipient_id).order_by("pk")
    return [f"■ {subject_of(one.kind, one.params, language)}\n{_said(one, language)}" for one in rows]


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
    after = at + timedelta(minutes=wait * spread)
    _close_row(
        row,
        state=Notification.State.FAILED if final else Notification.State.NEW,
        attempts=row.attempts + 1,
        not_before=after if is_urgent(row.kind) else after_quiet_hours(after),
        failure=failure[:300],
    )
    log.warning("mail %s not handed over: %s", row.pk, failure)
