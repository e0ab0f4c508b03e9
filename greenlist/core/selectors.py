"""Page-shaped reads of core: the inbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import get_language

from greenlist.core.actors import Actor
from greenlist.core.messages import body_of, subject_of
from greenlist.core.models import Notification

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTED = 100  # more unread messages than this are shown as "99+"; nobody counts further


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its reader sees it."""

    id: int
    kind: str
    subject: str
    body: str
    link: str
    created_at: datetime
    is_read: bool


@dataclass(frozen=True, slots=True)
class InboxPage:
    messages: tuple[Message, ...]
    older: str  # cursor of the next page; empty on the last


def inbox(actor: Actor, *, cursor: str = "", limit: int = 30) -> InboxPage:
    """One page of a person's messages, newest first; `cursor` is `older` of the page before, nonsense means the start."""
    rows = list(Notification.objects.inbox_of(actor.user_id).newest_first(_position(cursor))[: limit + 1])
    shown = rows[:limit]
    older = _cursor(shown[-1]) if len(rows) > limit else ""
    return InboxPage(tuple(_message(row) for row in shown), older)


def unread_count(actor: Actor) -> int:
    """How many messages are unread, at most COUNTED; 0 for who is not signed in."""
    if not actor.is_signed_in:
        return 0
    return Notification.objects.inbox_of(actor.user_id).unread()[:COUNTED].count()


def _cursor(row: Notification) -> str:
    """Microseconds since 1970 and the key: whole numbers, so that nothing is lost on the way."""
    return f"{(row.created_at - EPOCH) // timedelta(microseconds=1)}_{row.pk}"


def _position(cursor: str) -> tuple[datetime, int] | None:
    stamp, _, pk = cursor.partition("_")
    try:
        return EPOCH + timedelta(microseconds=int(stamp)), int(pk)
    except (ValueError, OverflowError):
        return None


def _message(row: Notification) -> Message:
    language = get_language() or "zh-hans"
    params: Mapping[str, Any] = row.params
    return Message(
        id=row.pk,
        kind=row.kind,
        subject=subject_of(row.kind, params, language),
        body=body_of(row.kind, params, language),
        link=row.link,
        created_at=row.created_at,
        is_read=row.read_at is not None,
    )
