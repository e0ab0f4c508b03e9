"""Stays of people in browsers: how they begin, what keeps them alive, what ends them. The row decides, not the cookie."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F
from django.urls import reverse

from greenlist.accounts import rules, selectors
from greenlist.accounts.models import Device, SignIn, User
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import CHINA
from greenlist.core.errors import NotVisible

log = logging.getLogger(__name__)
End = SignIn.End
EVERY = timedelta(minutes=1)  # how exactly the last sign of life is kept


def _held(user_id: int, at: datetime) -> list[Actor]:
    return [selectors.actor_of(one) for one in selectors.mandates_of(user_id, clock.china_date(at))]


@transaction.atomic
def begin_session(
    *, user_id: int, agent: str, device: str, verified: bool, actor: Actor, at: datetime, quiet: bool = False
) -> SignIn:
    """A person has signed in. A second sign-in of an officer ends the first; a new device is told to the person.

    `device` is what the browser's cookie says. `quiet` takes over a session from elsewhere: nothing told, none ended.
    """
    User.objects.select_for_update().get(pk=user_id)  # two at once: the later one wins, both are written down
    held = _held(user_id, at)
    officer = rules.is_officer(held)
    itself = Actor(capacity=Capacity.NONE, user_id=user_id, remote=actor.remote)
    if not quiet:
        if officer:
            _end_others(user_id, End.ELSEWHERE, actor=itself, at=at)
        _meet(user_id, device, agent, actor=itself, at=at)
        data = {"agent": agent, "second_factor": verified}
        audit.record(actor=itself, subject=("user", user_id), action="account.signed_in", at=at, data=data)
    return SignIn.objects.create(
        user_id=user_id,
        agent=agent,
        remote=actor.remote,
        idle_minutes=settings.SESSION_IDLE_MINUTES_OFFICERS if officer else settings.SESSION_IDLE_MINUTES,
        began_at=at,
        seen_at=at,
        verified_at=at if verified else None,
    )


def _meet(user_id: int, token: str, agent: str, *, actor: Actor, at: datetime) -> None:
    """Knows the browser again, or tells the person of a new one; the first of all is no news."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    known = Device.objects.filter(user_id=user_id)
    if known.filter(digest=digest).update(last_at=at):
        return
    news = known.exists()
    row = Device.objects.create(user_id=user_id, digest=digest, first_at=at, last_at=at)
    if news:
        params = {"agent": agent or "?", "remote": actor.remote or "?", "at": f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"}
        event = f"account.new_device:{row.pk}"
        link = reverse("accounts:sessions")
        outbox.notify(recipients=[user_id], event=event, kind="account.new_device", at=at, params=params, link=link)


def continue_session(
    *, sign_in_id: int | None, user_id: int, alive: bool, actor: Actor, at: datetime, over: bool = False
) -> SignIn:
    """The sign-in behind a request; look at `ended_at`. `alive`: whether the request is a sign of life of a person.

    `over`: a page says that its time is over; that is believed a minute early, so that leaving does not begin it anew.
    A session that names no sign-in begins one now, so that the rules hold for it too. One query, a write a minute.
    """
    row = SignIn.objects.filter(pk=sign_in_id, user_id=user_id).first() if sign_in_id else None
    if row is None:
        return begin_session(user_id=user_id, agent="", device="", verified=False, actor=actor, at=at, quiet=True)
    if row.ended_at is None and (end := _overdue(row, at, -EVERY if over else EVERY)):
        end_session(sign_in_id=row.pk, end=end, actor=actor, at=at)
        row.ended_at, row.end = at, end
    elif row.ended_at is None and alive and not over and at - row.seen_at >= EVERY:
        _seen(row, at)
    return row


def _seen(row: SignIn, at: datetime) -> None:
    """A database that takes nothing (its disk is full) keeps nobody from reading (F5)."""
    try:
        SignIn.objects.live().filter(pk=row.pk, seen_at__lt=at).update(seen_at=at)
    except OperationalError as failure:
        log.warning("a sign of life was not kept: %s", failure)
    row.seen_at = at


def _overdue(row: SignIn, at: datetime, patience: timedelta) -> End | None:
    if at - row.began_at >= timedelta(hours=settings.SESSION_HOURS):
        return End.AGE
    # The last sign of life may be up to a minute later than the row says: to the person's favour.
    if at - row.seen_at >= timedelta(minutes=row.idle_minutes) + patience:
        return End.IDLE
    return None


def seconds_left(row: SignIn, *, at: datetime) -> int:
    """Until the session ends if nothing is done; what the page counts down."""
    idle = row.seen_at + timedelta(minutes=row.idle_minutes)
    age = row.began_at + timedelta(hours=settings.SESSION_HOURS)
    return max(0, int((min(idle, age) - at).total_seconds()))


@transaction.atomic
def end_session(*, sign_in_id: int, end: str, actor: Actor, at: datetime) -> None:
    """Ends one sign-in, whoever asks; a second time changes nothing."""
    row = SignIn.objects.filter(pk=sign_in_id).first()
    if row is not None and SignIn.objects.filter(pk=row.pk).close(end, at):
        _tell_trail(row.user_id, [row.pk], end, actor=actor, at=at)


@transaction.atomic
def end_own_session(*, sign_in_id: int, actor: Actor, at: datetime) -> None:
    """A person ends one of their own sign-ins from another device. Raises NotVisible for anybody else's."""
    if not SignIn.objects.filter(pk=sign_in_id, user_id=actor.user_id or 0).exists():
        raise NotVisible
    end_session(sign_in_id=sign_in_id, end=End.CLOSED, actor=actor, at=at)


@transaction.atomic
def end_other_sessions(*, keep: int, actor: Actor, at: datetime) -> None:
    """A person ends all sign-ins but the one in use."""
    _end_others(actor.user_id or 0, End.CLOSED, actor=actor, at=at, keep=keep)


def _end_others(user_id: int, end: str, *, actor: Actor, at: datetime, keep: int | None = None) -> None:
    others = SignIn.objects.live().filter(user_id=user_id).exclude(pk=keep)
    ended = list(others.values_list("pk", flat=True))
    if ended:
        SignIn.objects.filter(pk__in=ended).close(end, at)
        _tell_trail(user_id, ended, end, actor=actor, at=at)


def _tell_trail(user_id: int, ended: Sequence[int], end: str, *, actor: Actor, at: datetime) -> None:
    data = {"sign_ins": list(ended), "end": str(end)}
    audit.record(actor=actor, subject=("user", user_id), action="account.session_ended", at=at, data=data)


def end_sessions(*, user_id: int, at: datetime, keep: int | None = None) -> None:
    """Role, password or account changed: every session of the person is over with its next request.

    Also those that no row knows, by `User.session_epoch`. With `keep` that sign-in goes on: its view gives the session the
    new hash (`update_session_auth_hash`).
    """
    User.objects.filter(pk=user_id).update(session_epoch=F("session_epoch") + 1)
    SignIn.objects.live().filter(user_id=user_id).exclude(pk=keep).close(End.CHANGED, at)


def forget_sign_ins(*, at: datetime) -> int:
    """Deletes old sign-ins and browsers not seen for long: the audit trail keeps what happened. Returns how many."""
    before = at - timedelta(days=settings.SIGN_INS_KEPT_DAYS)
    gone, _by_model = SignIn.objects.filter(seen_at__lt=before).delete()
    unseen, _by_model = Device.objects.filter(last_at__lt=before).delete()
    return gone + unseen
