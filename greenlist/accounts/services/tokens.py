"""Tokens of the API: made by a person for a program, shown once, kept as a digest, revoked by the owner or the security
administrator; and the answers kept for requests that come twice.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules
from greenlist.accounts.models import ApiToken, KeptAnswer, User
from greenlist.accounts.services.people import count_try, demand_password
from greenlist.accounts.services.second_factor import has_second_factor
from greenlist.accounts.states import SCOPES_OF
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotVisible, Text

PREFIX = "glt_"  # so that a secret scan of somebody's repository knows it for what it is
LONGEST = timedelta(days=366)
MOST = 10  # of one person that are in force
USED_EVERY = timedelta(hours=1)  # how exactly the last use is kept
REFUSED_EVERY = timedelta(hours=1)  # a program that knocks all night leaves one line an hour in the trail
ANSWERS_KEPT = timedelta(days=7)


class TokenRefused(DomainError):
    """The token opens nothing: never made, run out, revoked, or its person has lost the capacity."""

    status = 401
    code = "token_refused"


class SecondFactorMissing(NotAllowed):
    """Somebody entrusted with an office has not set up the second factor: no page opens, and no token (AU-03)."""

    code = "second_factor_missing"


class PasswordDue(NotAllowed):
    """The grading rules want a new password: no page opens, and no token."""

    code = "password_due"


class KeyReused(Conflict):
    """The Idempotency-Key came with another request before."""

    code = "key_reused"


@dataclass(frozen=True, slots=True)
class NewToken:
    """The row, and the secret that nobody can read again."""

    row: ApiToken
    secret: str


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


# ---- making and revoking --------------------------------------------------------------------------------------------
def make_token(
    *, actor: Actor, at: datetime, name: str, scopes: Collection[str], valid_until: date, current: str
) -> NewToken:
    """A token for the capacity the person acts in; asks for the password, and tells the person.

    Raises NotAllowed (a capacity the API does not serve), TooMany, Invalid (password, scopes, day, too many).
    """
    if not rules.may_hold_token(actor):
        raise NotAllowed(rules.NO_TOKENS)
    count_try(actor=actor, at=at)
    return _make_token(actor, at, name, scopes, valid_until, current)


@transaction.atomic
def _make_token(
    actor: Actor, at: datetime, name: str, scopes: Collection[str], valid_until: date, current: str
) -> NewToken:
    user = User.objects.select_for_update().get(pk=actor.user_id)
    demand_password(user, current)
    today = clock.china_date(at)
    if problems := _problems(actor, scopes, valid_until, today):
        raise Invalid(_("The token cannot be made like this."), problems=problems)
    if _in_force(today).filter(user=user).count() >= MOST:
        raise Invalid(_("You hold %(most)s tokens already: revoke one first.") % {"most": MOST})
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user,
        capacity=actor.key,
        capacity_name=(actor.authority_name or actor.organisation_name)[:140],
        name=name.strip(),
        scopes=[scope.value for scope in SCOPES_OF[actor.capacity] if scope.value in scopes],
        digest=digest_of(secret),
        tail=secret[-4:],
        valid_until=valid_until,
        created_at=at,
    )
    _record(row, "token.made", actor=actor, at=at, name=row.name, scopes=row.scopes, until=valid_until)
    told = {"name": row.name, "capacity": row.capacity_name, "until": valid_until}
    kind = "account.token_made"  # it outlives a new password: who did not make it must hear of it
    outbox.notify(recipients=[user.pk], event=f"{kind}:{row.pk}", kind=kind, at=at, params=told)
    return NewToken(row, secret)


def _problems(actor: Actor, scopes: Collection[str], until: date, today: date) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    if not scopes or set(scopes) - {scope.value for scope in SCOPES_OF[actor.capacity]}:
        found["scopes"] = [_("Choose at least one of what is offered.")]
    if not today <= until <= today + LONGEST:
        found["valid_until"] = [_("From today, and for one year at most.")]
    return found


def _in_force(on: date) -> Any:
    return ApiToken.objects.filter(revoked_at=None, valid_until__gte=on)


@transaction.atomic
def revoke_token(*, token_id: int, actor: Actor, at: datetime, reason: str = "") -> ApiToken:
    """Ends a token with the next request; a second time changes nothing. By its owner, in any capacity, or an administrator.

    Raises NotVisible.
    """
    mine = Q() if rules.may_keep_people(actor) else Q(user_id=actor.user_id or 0)
    row = ApiToken.objects.select_for_update(of=("self",)).filter(mine, pk=token_id).first()
    if row is None:
        raise NotVisible
    if row.revoked_at is None:
        row.revoked_at = at
        row.save(update_fields=["revoked_at"])
        _record(row, "token.revoked", actor=actor, at=at, name=row.name, reason=reason)
    return row


def _record(row: ApiToken, action: str, *, actor: Actor, at: datetime, **data: Any) -> None:
    audit.record(actor=actor, subject=("user", row.user_id), action=action, at=at, data={"token": row.pk, **data})


# ---- use ------------------------------------------------------------------------------------------------------------
def open_token(*, secret: str, at: datetime, remote: str) -> ApiToken:
    """The token behind a secret, in force, with its person. Whether the capacity is still held the caller asks.

    Raises TokenRefused, always with the same words.
    """
    row = ApiToken.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if row is None:
        raise refusal()
    if row.revoked_at is not None:
        raise refuse(row=row, reason="revoked", at=at, remote=remote)
    if row.valid_until < clock.china_date(at):
        raise refuse(row=row, reason="run out", at=at, remote=remote)
    if not row.user.is_active:
        raise refuse(row=row, reason="account closed", at=at, remote=remote)
    if row.used_at is None or at - row.used_at >= USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(used_at=at)
    return row


def refusal() -> TokenRefused:
    return TokenRefused(
        _("This token is not valid: it was never made, has run out, was revoked, or its role has ended.")
    )


@transaction.atomic
def refuse(*, row: ApiToken, reason: str, at: datetime, remote: str) -> TokenRefused:
    """Writes the refusal into the person's trail, once an hour at most, and gives the error to raise."""
    due = ApiToken.objects.filter(Q(refused_at=None) | Q(refused_at__lte=at - REFUSED_EVERY), pk=row.pk)
    if due.update(refused_at=at):
        nobody = Actor(capacity=Capacity.NONE, user_id=row.user_id, remote=remote)
        _record(row, "token.refused", actor=nobody, at=at, reason=reason)
    return refusal()


def lose_capacity(*, row: ApiToken, at: datetime, remote: str) -> TokenRefused:
    """The person does not hold the capacity any more: the token ends for good, even if the role is given again."""
    ApiToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=at)
    return refuse(row=row, reason="capacity lost", at=at, remote=remote)


def demand_second_factor(*, row: ApiToken, actor: Actor) -> None:
    """Raises SecondFactorMissing."""
    if rules.needs_second_factor([actor]) and not has_second_factor(row.user_id):
        raise SecondFactorMissing(_("Set up the second factor on your account page first; until then no token works."))


def demand_fresh_password(*, row: ApiToken, held: Iterable[Actor], at: datetime) -> None:
    """What stops a person at every page stops the person's programs too. Raises PasswordDue."""
    if rules.password_is_due(row.user.password_set_at or row.user.created_at, held, at):
        raise PasswordDue(
            _("Your password is too old: choose a new one on your account page; until then no token works.")
        )


# ---- the same request twice ------------------------------------------------------------------------------------------
def once(
    *, token_id: int, key: str, asked: Any, at: datetime, work: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Does the work and keeps its answer; the same key again gives that answer again, also to twenty at once.

    A refusal is not kept: what was refused may be asked again. Raises KeyReused, and whatever `work` raises.
    """
    refused: DomainError | None = None
    answer: Mapping[str, Any] = {}
    fingerprint = audit.digest_of(asked)
    with transaction.atomic():
        KeptAnswer.objects.filter(token_id=token_id, created_at__lt=at - ANSWERS_KEPT).delete()
        row = _claim(token_id, key, fingerprint, at)
        if row.body:
            if row.fingerprint != fingerprint:
                raise KeyReused(_("This Idempotency-Key was used for another request."))
            return _ordered(row.body)
        try:
            answer = work()
        except DomainError as error:  # outside the transaction: what the service kept of its refusal stays
            refused = error
            row.delete()
        else:
            row.body = audit.plain(answer)
            row.save(update_fields=["body"])
    if refused is not None:
        raise refused
    return _ordered(row.body)


def _ordered(body: Any) -> dict[str, Any]:
    """In one order of members, whichever the database keeps: the same answer is the same text."""
    found: dict[str, Any] = json.loads(audit.canonical(body))
    return found


def _claim(token_id: int, key: str, fingerprint: str, at: datetime) -> KeptAnswer:
    """The row of the key, ours to fill in or filled by who was faster: the unique key makes the second one wait."""
    named = {"token_id": token_id, "key": key}
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(**named, fingerprint=fingerprint, created_at=at)
    except IntegrityError:
        return KeptAnswer.objects.select_for_update().get(**named)
