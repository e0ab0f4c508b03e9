"""The code beside the password: made by an app from a shared seed (TOTP), each once; recovery codes, each once.

The arithmetic is django-otp's. Row, lock and pause are ours: the seed is encrypted and the clock is an argument.
"""

import base64
import hashlib
import json
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_otp.oath import TOTP

from greenlist.accounts import rules, selectors
from greenlist.accounts.models import RecoveryCode, SecondFactor, SignIn, User
from greenlist.accounts.services.people import count_try, demand_password
from greenlist.accounts.services.sessions import end_sessions
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.crypto import decrypt, encrypt
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState

STEP = 30  # seconds of one code, as every app reckons
TOLERANCE = 1  # steps before and after: clocks of telephones differ
DIGITS = 6
SEED_BYTES = 20
TICKET_LASTS = timedelta(hours=1)
SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
CODE_LENGTH = 16


class WrongCode(Invalid):
    """The code is not the present one, or has been used."""

    code = "wrong_code"


class Paused(Invalid):
    """Too many wrong codes in a row; right ones do not count either for a while."""

    code = "second_factor_paused"


def has_second_factor(user_id: int) -> bool:
    return SecondFactor.objects.filter(user_id=user_id).exists()


# ---- codes -----------------------------------------------------------------------------------------------------------
def take_code(*, user_id: int, code: str, actor: Actor, at: datetime, field: str = "code") -> None:
    """Uses a code of the app or a recovery code up. Raises WrongCode, Paused; a wrong one is counted all the same.

    Not to be called inside a transaction: the count of wrong codes would be taken back with the refusal.
    """
    refusal: Invalid | None
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user_id).first()
        refusal = _wrong(field, code) if factor is None else _judge(factor, clean_code(code), field, actor=actor, at=at)
    if refusal is not None:
        raise refusal


def clean_code(text: str) -> str:
    """As typed or pasted: any width, with blanks or hyphens between."""
    return re.sub(r"[\s\-]+", "", unicodedata.normalize("NFKC", text)).lower()


def _judge(factor: SecondFactor, code: str, field: str, *, actor: Actor, at: datetime) -> Invalid | None:
    if factor.blocked_until and at < factor.blocked_until:
        return _paused(field)
    right = _take_step(factor, code, at) if len(code) == DIGITS else _take_recovery(factor, code, actor=actor, at=at)
    if right:
        SecondFactor.objects.filter(pk=factor.pk).update(failures=0, blocked_until=None)
        return None
    return _count_failure(factor, field, code, actor=actor, at=at)


def _take_step(factor: SecondFactor, code: str, at: datetime) -> bool:
    """Whether it is a code of about now, and of a later step than any that counted before."""
    step = _step_of(factor.seed, code, at)
    if step is None:
        return False
    later = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
    return later.update(last_step=step) == 1  # of two at once one finds the row as it was (AU-04)


def _step_of(seed: str, code: str, at: datetime) -> int | None:
    """The time step of which this is the code; None where it is the code of no step near."""
    if not (code.isascii() and code.isdecimal() and len(code) == DIGITS):
        return None
    totp = TOTP(base64.b32decode(seed), step=STEP, digits=DIGITS)
    totp.time = at.timestamp()
    return int(totp.t()) if totp.verify(int(code), tolerance=TOLERANCE) else None


def _take_recovery(factor: SecondFactor, code: str, *, actor: Actor, at: datetime) -> bool:
    unused = RecoveryCode.objects.filter(user_id=factor.user_id, digest=_digest(factor.user_id, code), used_at=None)
    if not unused.update(used_at=at):
        return False
    left = RecoveryCode.objects.filter(user_id=factor.user_id, used_at=None).count()
    _tell(factor.user_id, "account.recovery_used", actor=actor, at=at, left=str(left))
    return True


def _count_failure(factor: SecondFactor, field: str, code: str, *, actor: Actor, at: datetime) -> Invalid:
    factor.failures += 1
    if factor.failures < settings.SECOND_FACTOR_TRIES:
        factor.save(update_fields=["failures"])
        return _wrong(field, code)
    factor.failures, factor.blocked_until = 0, at + timedelta(minutes=settings.SECOND_FACTOR_PAUSE_MINUTES)
    factor.save(update_fields=["failures", "blocked_until"])
    _tell(factor.user_id, "account.codes_wrong", actor=actor, at=at, remote=actor.remote or "?")
    return _paused(field)


def _wrong(field: str, code: str) -> WrongCode:
    if len(clean_code(code)) == DIGITS:
        reason = _("This code is not right, or was used already. Wait for the next one in your app.")
    else:
        reason = _("This recovery code is not right, or was used or replaced already. Take another one.")
    return WrongCode(reason, problems={field: [reason]})


def _paused(field: str) -> Paused:
    reason = _("Too many wrong codes. Try again in %(minutes)s minutes.") % {
        "minutes": settings.SECOND_FACTOR_PAUSE_MINUTES
    }
    return Paused(reason, problems={field: [reason]})


def _digest(user_id: int, code: str) -> str:
    return hashlib.sha256(f"{user_id}:{code}".encode()).hexdigest()


# ---- setting up ------------------------------------------------------------------------------------------------------
def new_ticket(*, user_id: int, at: datetime) -> str:
    """A fresh seed on its way through the person's form, encrypted: nothing is stored until a code confirms it."""
    seed = base64.b32encode(secrets.token_bytes(SEED_BYTES)).decode()
    return encrypt(json.dumps({"user": user_id, "seed": seed, "at": at.timestamp()}))


def seed_of(ticket: str, *, user_id: int, at: datetime) -> str:
    """The seed of a ticket made for this person within the hour. Raises WrongState."""
    try:
        data = json.loads(decrypt(ticket))
        fresh = timedelta(0) <= at - datetime.fromtimestamp(data["at"], tz=at.tzinfo) <= TICKET_LASTS
        if fresh and data["user"] == user_id:
            return str(data["seed"])
    except (InvalidToken, ValueError, KeyError, TypeError):
        pass  # the same answer as for one that is too old
    raise WrongState(_("This page has been open for too long. Begin again."))


def app_address(seed: str, username: str) -> str:
    """What the QR code says: otpauth://totp/…, understood by every authenticator app."""
    issuer = urlsplit(settings.PUBLIC_URL).hostname or "greenlist"
    label = quote(f"{issuer}:{username}")
    words = urlencode({"secret": seed, "issuer": issuer, "digits": DIGITS, "period": STEP, "algorithm": "SHA1"})
    return f"otpauth://totp/{label}?{words}"


def enrol(
    *, user_id: int, ticket: str, current: str, code: str, actor: Actor, at: datetime, old_code: str = "", keep: int
) -> list[str]:
    """Sets a second factor up, or another one in its place; returns recovery codes, which nobody can read again.

    Asks for the password, a code of the new app, and one of the present app where there is one. Ends every other session.
    Raises NotAllowed, WrongState (ticket too old), TooMany, Invalid (password), WrongCode, Paused.
    """
    _own(user_id, actor)
    seed = seed_of(ticket, user_id=user_id, at=at)
    count_try(actor=actor, at=at)
    demand_password(User.objects.get(pk=user_id), current)
    step = _step_of(seed, clean_code(code), at)
    if step is None:
        raise _wrong("code", code)
    if has_second_factor(user_id):
        take_code(user_id=user_id, code=old_code, actor=actor, at=at, field="old_code")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user_id)
        values = {"seed": seed, "since": at, "last_step": step, "failures": 0, "blocked_until": None}
        SecondFactor.objects.update_or_create(user_id=user_id, defaults=values)
        codes = _new_codes(user_id)
        end_sessions(user_id=user_id, at=at, keep=keep)
        SignIn.objects.filter(pk=keep, user_id=user_id).update(verified_at=at)
        _tell(user_id, "account.second_factor_on", actor=actor, at=at)
    return codes


def new_recovery_codes(*, user_id: int, current: str, code: str, actor: Actor, at: datetime) -> list[str]:
    """Ten new recovery codes; the former ones open nothing any more. Raises NotAllowed, Invalid, WrongCode, Paused."""
    _prove(user_id, current, code, actor=actor, at=at)
    with transaction.atomic():
        codes = _new_codes(user_id)
        _tell(user_id, "account.recovery_renewed", actor=actor, at=at)
    return codes


def _new_codes(user_id: int) -> list[str]:
    RecoveryCode.objects.filter(user_id=user_id).delete()
    codes = ["".join(secrets.choice(SIGNS) for _sign in range(CODE_LENGTH)) for _code in range(settings.RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user_id=user_id, digest=_digest(user_id, one)) for one in codes)
    return ["-".join(one[start : start + 4] for start in range(0, CODE_LENGTH, 4)) for one in codes]


# ---- giving up -------------------------------------------------------------------------------------------------------
def drop_second_factor(*, user_id: int, current: str, code: str, actor: Actor, at: datetime, keep: int) -> None:
    """A person goes without it from now on. Raises NotAllowed for whom it is required, Invalid, WrongCode, Paused."""
    held = [selectors.actor_of(one) for one in selectors.mandates_of(user_id, clock.china_date(at))]
    if rules.needs_second_factor(held):
        raise NotAllowed(rules.FACTOR_NEEDED)
    _prove(user_id, current, code, actor=actor, at=at)
    _remove(user_id, actor=actor, at=at, keep=keep)


def remove_second_factor(*, user_id: int, reason: str, actor: Actor, at: datetime) -> None:
    """For somebody who has lost app and recovery codes; they set up another one at their next sign-in.

    By the security administrator, who has seen who asks. Raises NotAllowed (also for oneself), Invalid (no reason).
    """
    if not rules.may_keep_people(actor) or actor.user_id == user_id:
        raise NotAllowed(_("Only another security administrator may remove a second factor."))
    if not reason.strip():
        needed: list[Text] = [_("Say why.")]
        raise Invalid(_("A reason is needed."), problems={"factor_reason": needed})
    _remove(user_id, actor=actor, at=at, reason=reason)


@transaction.atomic
def _remove(user_id: int, *, actor: Actor, at: datetime, keep: int | None = None, reason: str = "") -> None:
    SecondFactor.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.filter(user_id=user_id).delete()
    end_sessions(user_id=user_id, at=at, keep=keep)
    _tell(user_id, "account.second_factor_off", actor=actor, at=at, reason=reason)


# ---- shared ----------------------------------------------------------------------------------------------------------
def _own(user_id: int, actor: Actor) -> None:
    if actor.user_id != user_id:
        raise NotAllowed(_("You can change your own account only."))


def _prove(user_id: int, current: str, code: str, *, actor: Actor, at: datetime) -> None:
    """Password and code, before anything that weakens the account (AU-06)."""
    _own(user_id, actor)
    count_try(actor=actor, at=at)
    demand_password(User.objects.get(pk=user_id), current)
    take_code(user_id=user_id, code=code, actor=actor, at=at)


def _tell(user_id: int, kind: str, *, actor: Actor, at: datetime, **words: str) -> None:
    """Writes it into the trail and tells the person, also by mail: it may have been somebody else."""
    who = actor if actor.user_id else Actor(capacity=Capacity.NONE, user_id=user_id, remote=actor.remote)
    entry = audit.record(actor=who, subject=("user", user_id), action=kind, at=at, data=words)
    outbox.notify(recipients=[user_id], event=f"{kind}:{entry.pk}", kind=kind, at=at, params=words)
