"""Accounts of people: made by themselves or by an administrator, kept by themselves, closed but never deleted."""

import secrets
import unicodedata
from datetime import datetime

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules
from greenlist.accounts.models import User
from greenlist.accounts.services.sessions import end_sessions
from greenlist.core import audit, limits, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, Text

KEEPERS = _("Only the security administrator keeps people and mandates.")


class UsernameTaken(Invalid):
    """Somebody else has this user name."""

    code = "username_taken"


def clean_username(text: str) -> str:
    """User names are compared without width, case and outer blanks: "Ｗang " and "wang" are one."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def check_password(password: str, user: User, field: str = "password") -> None:
    """Raises Invalid with every reason why this password is too weak for this person."""
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise Invalid(_("Please choose a stronger password."), problems={field: weak.messages}) from weak


def demand_password(user: User, password: str, field: str = "current") -> None:
    """Raises Invalid unless this is the person's password: asked before anything that could take the account over."""
    if not user.check_password(password):
        wrong: list[Text] = [_("This is not your current password.")]
        raise Invalid(_("Please enter your current password."), problems={field: wrong})


def count_try(*, actor: Actor, at: datetime) -> None:
    """Before `demand_password`, outside the transaction: a wrong one counts although all else is taken back.

    Raises TooMany.
    """
    limits.take("password", actor=actor, at=at)


def register(
    *, username: str, name: str, email: str, phone: str, password: str, actor: Actor, at: datetime, language: str = ""
) -> User:
    """Somebody makes an account. It may do nothing until it joins or claims an organisation.

    Raises TooMany, UsernameTaken, Invalid (weak password).
    """
    limits.take("register", actor=actor, at=at)
    user = User(username=clean_username(username), name=name.strip(), email=email.strip(), phone=phone.strip())
    user.language = language or settings.LANGUAGE_CODE
    check_password(password, user)
    user.set_password(password)
    user.password_set_at = at
    with transaction.atomic():
        _insert(user)
        data = {"username": user.username}
        audit.record(actor=actor, subject=("user", user.pk), action="account.registered", at=at, data=data)
    return user


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as taken:
        reason = _("This user name is taken. Choose another one, or sign in if it is yours.")
        raise UsernameTaken(reason, problems={"username": [reason]}) from taken


@transaction.atomic
def create_person(*, user: User, actor: Actor, at: datetime) -> User:
    """An administrator makes an account without a password; the person sets one by “forgotten password”.

    Raises NotAllowed, UsernameTaken.
    """
    if not rules.may_keep_people(actor):
        raise NotAllowed(KEEPERS)
    user.username = clean_username(user.username)
    if not user.password:
        # A usable hash of a secret nobody knows: an unusable one would be left out of password resets.
        user.set_password(secrets.token_urlsafe(32))
    _insert(user)
    audit.record(
        actor=actor, subject=("user", user.pk), action="account.created", at=at, data={"username": user.username}
    )
    return user


@transaction.atomic
def change_profile(*, user_id: int, name: str, actor: Actor, at: datetime) -> User:
    """The name. Raises NotAllowed for another person's account."""
    if not rules.may_change_person(actor, user_id):
        raise NotAllowed(_("You can change your own account only."))
    user = User.objects.select_for_update().get(pk=user_id)
    if user.name != name:
        user.name = name
        user.save(update_fields=["name"])
        data = {"fields": ["name"]}
        audit.record(actor=actor, subject=("user", user_id), action="account.changed", at=at, data=data)
    return user


def change_contact(*, user_id: int, email: str, phone: str, current: str, actor: Actor, at: datetime) -> User:
    """E-mail, which receives resets, and telephone: asks for the password (AU-06). Raises NotAllowed, TooMany, Invalid."""
    if actor.user_id != user_id:
        raise NotAllowed(_("You can change your own account only."))
    count_try(actor=actor, at=at)
    return _change_contact(user_id, email, phone, current, actor, at)


@transaction.atomic
def _change_contact(user_id: int, email: str, phone: str, current: str, actor: Actor, at: datetime) -> User:
    user = User.objects.select_for_update().get(pk=user_id)
    demand_password(user, current)
    changed = [field for field, value in {"email": email, "phone": phone}.items() if getattr(user, field) != value]
    if changed:
        former = user.email
        user.email, user.phone = email, phone
        user.save(update_fields=["email", "phone"])
        kind = "account.contact_changed"
        entry = audit.record(actor=actor, subject=("user", user_id), action=kind, at=at, data={"fields": changed})
        _tell_of_contact(user, former, entry.pk, at)
    return user


def _tell_of_contact(user: User, former: str, entry: int, at: datetime) -> None:
    """Also at the address that is no longer theirs: whoever took the account over reads the new one."""
    kind = "account.contact_changed"
    outbox.notify(recipients=[user.pk], event=f"{kind}:{entry}", kind=kind, at=at)
    if former and former != user.email:
        event = f"{kind}:{entry}:former"
        outbox.notify(recipients=[user.pk], event=event, kind=kind, at=at, channels=["email"], address=former)


def choose_language(*, user_id: int, language: str) -> None:
    """The language of pages and mails; a preference, not an event."""
    if language in dict(settings.LANGUAGES):
        User.objects.filter(pk=user_id).update(language=language)


@transaction.atomic
def set_active(*, user_id: int, active: bool, reason: str, actor: Actor, at: datetime) -> User:
    """Closes or reopens an account; closing ends every session. Raises NotAllowed (also for oneself)."""
    if not rules.may_keep_people(actor) or actor.user_id == user_id:
        raise NotAllowed(_("Only another administrator may close or reopen this account."))
    user = User.objects.select_for_update().get(pk=user_id)
    if user.is_active != active:
        user.is_active = active
        user.save(update_fields=["is_active"])
        end_sessions(user_id=user_id, at=at)
        action = "account.reopened" if active else "account.closed"
        audit.record(actor=actor, subject=("user", user_id), action=action, at=at, data={"reason": reason})
    return user


@transaction.atomic
def change_person(*, user: User, actor: Actor, at: datetime) -> User:
    """An administrator mends name, e-mail, telephone or language of somebody else. Raises NotAllowed."""
    if not rules.may_keep_people(actor) or actor.user_id == user.pk:
        raise NotAllowed(_("Your own account you keep on its own page; other accounts are an administrator's affair."))
    stored = User.objects.select_for_update().get(pk=user.pk)
    kept = ("name", "email", "phone", "language")
    changed = [field for field in kept if getattr(stored, field) != getattr(user, field)]
    if changed:
        user.save(update_fields=changed)
        data = {"fields": changed}
        entry = audit.record(actor=actor, subject=("user", user.pk), action="account.changed", at=at, data=data)
        if {"email", "phone"} & set(changed):
            _tell_of_contact(user, stored.email, entry.pk, at)
    return user
