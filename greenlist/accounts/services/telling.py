"""How a person hears of things: mails, the day's one mail, text messages; and the calendar address of their last days."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts.models import CalendarFeed, User
from greenlist.core import audit, digests
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible

READ_EVERY = timedelta(hours=1)  # how exactly the last reading is kept


@dataclass(frozen=True, slots=True)
class NewFeed:
    """The row, and the secret that nobody can read again."""

    row: CalendarFeed
    secret: str


@transaction.atomic
def choose_messages(*, actor: Actor, at: datetime, mails: bool, digest: bool, texts: bool) -> User:
    """What leaves the portal for this person; messages in the portal and urgent mails stay as they are.

    Raises NotAllowed (nobody signed in), Invalid (text messages without a number, or without a gateway).
    """
    if actor.user_id is None:
        raise NotAllowed(_("You can change your own account only."))
    user = User.objects.select_for_update().get(pk=actor.user_id)
    if texts and not settings.SMS_SENDER:
        raise _no_texts(_("This installation sends no text messages."))
    if texts and not user.phone:
        raise _no_texts(_("Give your mobile telephone under “E-mail and telephone” first."))
    chosen = {"mails": mails, "digest": mails and digest, "texts": texts}
    changed = [name for name, value in chosen.items() if getattr(user, name) != value]
    if not changed:
        return user
    for name in changed:
        setattr(user, name, chosen[name])
    user.save(update_fields=changed)
    _record(user.pk, "account.messages_chosen", actor, at, **chosen)
    if not user.digest:
        digests.release(person=user.pk, at=at)
    return user


def _no_texts(problem: Any) -> Invalid:
    return Invalid(_("The choice was not saved."), problems={"texts": [problem]})


# ---- the calendar address -------------------------------------------------------------------------------------------
@transaction.atomic
def make_feed(*, actor: Actor, at: datetime) -> NewFeed:
    """A new address for the capacity the person acts in; the one before it opens nothing any more. Raises NotAllowed."""
    if actor.user_id is None:
        raise NotAllowed(_("You can change your own account only."))
    User.objects.select_for_update().get(pk=actor.user_id)  # two at once: one after the other
    CalendarFeed.objects.filter(user_id=actor.user_id, capacity=actor.key, revoked_at=None).update(revoked_at=at)
    secret = secrets.token_urlsafe(32)
    row = CalendarFeed.objects.create(
        user_id=actor.user_id,
        capacity=actor.key,
        capacity_name=(actor.authority_name or actor.organisation_name)[:140],
        digest=_digest_of(secret),
        created_at=at,
    )
    _record(actor.user_id, "feed.made", actor, at, feed=row.pk, capacity=actor.key)
    return NewFeed(row, secret)


@transaction.atomic
def revoke_feed(*, actor: Actor, feed_id: int, at: datetime) -> CalendarFeed:
    """Ends an address with the next reading; a second time changes nothing. By its owner, in any capacity. Raises NotVisible."""
    rows = CalendarFeed.objects.select_for_update(of=("self",)).filter(user_id=actor.user_id or 0, pk=feed_id)
    row = rows.first()
    if row is None:
        raise NotVisible
    if row.revoked_at is None:
        row.revoked_at = at
        row.save(update_fields=["revoked_at"])
        _record(row.user_id, "feed.revoked", actor, at, feed=row.pk, capacity=row.capacity)
    return row


def open_feed(*, secret: str, at: datetime) -> CalendarFeed:
    """The feed behind a secret, with its person. Whether the capacity is still held the caller asks.

    Raises NotVisible: never made, revoked, or the account is closed; nobody learns which.
    """
    found = CalendarFeed.objects.filter(digest=_digest_of(secret), revoked_at=None, user__is_active=True)
    row = found.select_related("user").first()
    if row is None:
        raise NotVisible
    if row.read_at is None or at - row.read_at >= READ_EVERY:
        CalendarFeed.objects.filter(pk=row.pk).update(read_at=at)
    return row


def _digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _record(user_id: int, action: str, actor: Actor, at: datetime, **data: Any) -> None:
    audit.record(actor=actor, subject=("user", user_id), action=action, at=at, data=data)
