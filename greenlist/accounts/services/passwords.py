"""Passwords: change, forgotten, locked. Nothing here tells a stranger whether an account exists."""

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset as lift_lock
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Max, Q, Sum
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from greenlist.accounts.models import PasswordReset, User
from greenlist.accounts.services.people import check_password, count_try, demand_password
from greenlist.accounts.services.sessions import end_sessions
from greenlist.core import audit, dispatch, limits, outbox, rounds
from greenlist.core.actors import ANONYMOUS, Actor, Capacity
from greenlist.core.errors import NotAllowed, WrongState
from greenlist.core.messages import signed
from greenlist.core.models import AuditEntry, Notification

log = logging.getLogger(__name__)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=5)
PER_ADDRESS = 3  # mails an hour to one address (AU-10)
PER_CALLER = 60  # rows an hour from one place: beyond, the answer is the same and nothing is written


class LinkUsed(WrongState):
    """The link of a mail has been used, is too old, or was never sent."""

    code = "link_used"


def change_password(
    *, user_id: int, current: str, password: str, actor: Actor, at: datetime, keep: int | None = None
) -> User:
    """A new password; ends every session but the sign-in `keep`.

    Raises NotAllowed, TooMany, Invalid (wrong current one, too weak).
    """
    if actor.user_id != user_id:
        raise NotAllowed(gettext_lazy("You can change your own account only."))
    count_try(actor=actor, at=at)
    return _change(user_id, current, password, actor, at, keep)


@transaction.atomic
def _change(user_id: int, current: str, password: str, actor: Actor, at: datetime, keep: int | None) -> User:
    user = User.objects.select_for_update().get(pk=user_id)
    demand_password(user, current)
    check_password(password, user)
    _set(user, password, at=at, keep=keep)
    entry = audit.record(actor=actor, subject=("user", user_id), action="account.password_changed", at=at)
    _tell(entry, at)
    return user


def _tell(entry: AuditEntry, at: datetime) -> None:
    """To the person whose password it is: it may have been somebody else."""
    kind = "account.password_changed"
    outbox.notify(recipients=[int(entry.subject_id)], event=f"{kind}:{entry.pk}", kind=kind, at=at)


def _set(user: User, password: str, *, at: datetime, keep: int | None = None) -> None:
    user.set_password(password)
    user.password_set_at = at
    user.save(update_fields=["password", "password_set_at"])
    end_sessions(user_id=user.pk, at=at, keep=keep)
    user.refresh_from_db(fields=["session_epoch"])


def request_reset(*, email: str, actor: Actor, at: datetime) -> None:
    """Notes that somebody asks. The same work for every address; who is meant is found out later (AU-01, AU-10)."""
    caller = limits.network(actor.remote)
    recent = PasswordReset.objects.filter(requested_at__gt=at - HOUR, remote=caller)
    if recent.count() < PER_CALLER:
        PasswordReset.objects.create(email=email.strip()[:254], remote=caller, requested_at=at)
        dispatch.after_commit("greenlist.accounts.tasks.send_resets")  # by name: tasks lie above services


def send_due_resets(*, at: datetime, limit: int = 100) -> int:
    """Answers what was asked: one mail per account behind the address, three an hour. Returns how many mails went out."""
    due = PasswordReset.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), done_at=None)

    def answer(pk: int) -> int:
        return _answer(pk, at)

    return rounds.each(due.order_by("pk").values_list("pk", flat=True)[:limit], answer)


def _answer(pk: int, at: datetime) -> int:
    free = PasswordReset.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), pk=pk, done_at=None)
    if not free.update(claimed_until=at + LEASE):
        return 0
    row = PasswordReset.objects.get(pk=pk)
    # Mails count, not questions: who asks all day for somebody else's address must not keep the owner from a link.
    mailed = PasswordReset.objects.filter(email__iexact=row.email, mailed_at__gt=at - HOUR)
    timely = at - row.requested_at < HOUR and mailed.count() < PER_ADDRESS
    people = (
        User.objects.filter(email__iexact=row.email, is_active=True) if timely and row.email else User.objects.none()
    )
    sent = 0
    for user in people.order_by("pk")[:5]:
        try:
            reset_mail(user).send()
        except (OSError, smtplib.SMTPException) as failure:
            log.warning("reset mail for user %s not handed over: %s", user.pk, failure)
            return sent  # stays claimed until the lease is over, then tried again
        audit.record(actor=ANONYMOUS, subject=("user", user.pk), action="account.reset_sent", at=at)
        sent += 1
    PasswordReset.objects.filter(pk=pk).update(done_at=at, mailed_at=at if sent else None)
    return sent


def reset_mail(user: User) -> EmailMessage:
    """The mail with the link; its token dies with the next password or sign-in, and after PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    link = settings.PUBLIC_URL + reverse("accounts:password_reset_confirm", args=[uid, token])
    with translation.override(user.language):
        subject = _("Set a new password")
        body = _("Your user name is %(username)s. To set a new password, open this address within an hour:") % {
            "username": user.username
        }
        ignore = _("If you did not ask for this, nothing needs to be done: your password is unchanged.")
    said = signed(f"{body}\n\n{link}\n\n{ignore}", name=user.name, language=user.language)
    return EmailMessage(subject=subject, body=said, to=[user.email])


def user_of_link(uid: str, token: str) -> User:
    """The person a reset link belongs to. Raises LinkUsed: same answer for every reason."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(uid).decode()), is_active=True).first()
    except (ValueError, OverflowError):
        user = None
    if user is None or not default_token_generator.check_token(user, token):
        raise LinkUsed(gettext_lazy("This link has been used or is too old. Ask for a new one."))
    return user


@transaction.atomic
def reset_password(*, uid: str, token: str, password: str, actor: Actor, at: datetime) -> User:
    """Sets a new password by the link of a mail; ends every session and lifts the lock. Raises LinkUsed, Invalid."""
    user = User.objects.select_for_update().get(pk=user_of_link(uid, token).pk)
    if not default_token_generator.check_token(user, token):  # somebody else was faster with the same link
        raise LinkUsed(gettext_lazy("This link has been used or is too old. Ask for a new one."))
    check_password(password, user)
    _set(user, password, at=at)
    lift_lock(username=user.username)
    itself = Actor(capacity=Capacity.NONE, user_id=user.pk, name=user.name, remote=actor.remote)
    entry = audit.record(actor=itself, subject=("user", user.pk), action="account.password_reset", at=at)
    _tell(entry, at)
    return user


def tell_of_locks(*, at: datetime) -> int:
    """Tells the owners of accounts that were locked for somebody's address, once a lock; returns how many it told.

    Not done by the request: there it would take longer for a name that exists than for one that does not (AU-01).
    """
    cooling = timedelta(hours=settings.AXES_COOLOFF_TIME)
    tries = AccessAttempt.objects.filter(attempt_time__gt=at - cooling).values("username", "ip_address").order_by()
    found = tries.annotate(tries=Sum("failures_since_start"), last=Max("attempt_time"))
    locked = found.filter(tries__gte=settings.AXES_FAILURE_LIMIT)
    names = {row["username"] for row in locked}
    people = dict(User.objects.filter(username__in=names, is_active=True).values_list("username", "pk"))
    return sum(_tell_of_lock(people[row["username"]], row, at) for row in locked if row["username"] in people)


@transaction.atomic
def _tell_of_lock(user_id: int, row: dict[str, Any], at: datetime) -> bool:
    remote, kind = row["ip_address"] or "?", "account.locked"
    event = f"{kind}:{user_id}:{remote}:{int(row['last'].timestamp() // (settings.AXES_COOLOFF_TIME * 3600))}"[:120]
    if Notification.objects.filter(event=event, recipient=user_id).exists():
        return False
    nobody = Actor(capacity=Capacity.PUBLIC, remote=remote)
    audit.record(actor=nobody, subject=("user", user_id), action=kind, at=at)
    outbox.notify(recipients=[user_id], event=event, kind=kind, at=at, params={"remote": remote})
    return True
