"""Colleagues: invited by e-mail, joined by a single-use link, ended but never deleted.

An agent (代办人) is asked in until a day: after it nothing lets the person in (`Membership.objects.on`); the row is ended, and
everybody concerned told, by `end_agents`. An owner prolongs it.
"""

import hashlib
import logging
import smtplib
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit, clock, dates, dispatch, limits, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.messages import body_of, signed, subject_of
from greenlist.organisations import rules
from greenlist.organisations.models import Invitation, Membership, Organisation

log = logging.getLogger(__name__)
LIFE = timedelta(days=7)
LEASE = timedelta(minutes=5)
AGENT_AT_MOST = timedelta(days=366)  # prolonged as often as the owner wants
OPEN_AT_MOST = 20  # invitations of one organisation that wait at the same time


class InvitationOver(WrongState):
    """The invitation was used, has run out, or was never given: the same answer for all three."""

    code = "invitation_over"


def token_of(invitation: Invitation) -> str:
    """The secret of the link. Derived, so that the row can be its own mail queue without holding the secret."""
    value = f"{invitation.pk}:{invitation.organisation_id}:{invitation.email}:{invitation.created_at.timestamp()}"
    return salted_hmac("greenlist.organisations.invitation", value, algorithm="sha256").hexdigest()


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(
    *, organisation_id: int, email: str, role: str, actor: Actor, at: datetime, ends_on: date | None = None
) -> Invitation:
    """An owner asks a colleague in; the mail goes to the address whether or not it has an account.

    `ends_on`: the last day of an agent. Raises TooMany (each is a mail to somebody), NotVisible, NotAllowed (not an owner),
    Invalid (too many wait; an agent without a day).
    """
    limits.take("invite", actor=actor, at=at)
    return _invite(organisation_id, email, role, ends_on if role == Membership.Role.AGENT else None, actor, at)


def _end_of(ends_on: date | None, at: datetime) -> date:
    """The last day of an agent. Raises Invalid."""
    today = clock.china_date(at)
    if ends_on is not None and today <= ends_on <= today + AGENT_AT_MOST:
        return ends_on
    problem = _("Say until which day the agent works for you: from today, for one year at most. It can be prolonged.")
    raise Invalid(problem, problems={"ends_on": [problem]})


@transaction.atomic
def _invite(
    organisation_id: int, email: str, role: str, ends_on: date | None, actor: Actor, at: datetime
) -> Invitation:
    organisation = _as_owner(organisation_id, actor)
    assert actor.user_id is not None  # an owner is somebody
    if role == Membership.Role.AGENT:
        _end_of(ends_on, at)
    waiting = organisation.invitations.filter(used_at=None, expires_at__gt=at)
    if waiting.exclude(email__iexact=email).count() >= OPEN_AT_MOST:
        raise Invalid(_("Too many invitations are waiting: let some be accepted or run out first."))
    waiting.filter(email__iexact=email).update(expires_at=at)  # the newest mail is the one that counts
    invitation = Invitation.objects.create(
        organisation=organisation,
        email=email,
        role=role,
        ends_on=ends_on,
        token_digest=f"new-{organisation.pk}-{at.timestamp()}-{email}"[:64],
        invited_by_id=actor.user_id,
        created_at=at,
        expires_at=at + LIFE,
    )
    invitation.token_digest = digest_of(token_of(invitation))
    invitation.save(update_fields=["token_digest"])
    data = {"invitation": invitation.pk, "role": role, "ends_on": ends_on.isoformat() if ends_on else None}
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="member.invited", at=at, data=data)
    dispatch.after_commit("greenlist.organisations.tasks.send_invitations")  # by name: tasks lie above services
    return invitation


def _as_owner(organisation_id: int, actor: Actor) -> Organisation:
    found = Organisation.objects.visible_to(actor).filter(pk=organisation_id).first()
    if found is None:
        raise NotVisible
    if not rules.is_owner(actor, organisation_id):
        raise NotAllowed(_("Only an owner of the organisation invites and ends colleagues."))
    return Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)


def send_due_invitations(*, at: datetime, limit: int = 100) -> int:
    """Hands over invitations that were not mailed yet, each claimed by conditional update; returns how many."""
    due = Invitation.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), sent_at=None, expires_at__gt=at)

    def hand_over(pk: int) -> bool:
        return _hand_over(pk, at)

    return rounds.each(due.order_by("pk").values_list("pk", flat=True)[:limit], hand_over)


def _hand_over(pk: int, at: datetime) -> bool:
    free = Invitation.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=at), pk=pk, sent_at=None)
    if not free.update(claimed_until=at + LEASE):
        return False
    row = Invitation.objects.select_related("organisation", "invited_by").get(pk=pk)
    try:
        invitation_mail(row).send()
    except (OSError, smtplib.SMTPException) as failure:
        log.warning("invitation %s not handed over: %s", pk, failure)
        return False
    Invitation.objects.filter(pk=pk).update(sent_at=at)
    return True


def invitation_mail(row: Invitation) -> EmailMessage:
    """The mail to the colleague, in the language of who invites."""
    params = {"name": row.invited_by.name, "organisation": row.organisation.name}
    language = row.invited_by.language
    link = settings.PUBLIC_URL + reverse("organisations:accept", args=[token_of(row)])
    with translation.override(language):
        until = str(_("The link can be used once, until %(day)s.") % {"day": dates.day(row.expires_at)})
    return EmailMessage(
        subject=subject_of("account.invited", params, language),
        body=signed("\n\n".join([body_of("account.invited", params, language), link, until]), language=language),
        to=[row.email],
        headers={"Message-ID": f"<invitation-{row.pk}@greenlist>"},
    )


def invitation_of(token: str, *, at: datetime) -> Invitation:
    """The open invitation behind a link, of somebody who may still invite. Raises InvitationOver.

    Whose claim was refused, or who has left, has let nobody in behind himself.
    """
    owners = Membership.objects.open().filter(
        organisation=OuterRef("organisation"),
        user=OuterRef("invited_by"),
        role=Membership.Role.OWNER,
        user__is_active=True,
    )
    found = Invitation.objects.filter(Exists(owners), token_digest=digest_of(token), used_at=None, expires_at__gt=at)
    invitation = found.select_related("organisation", "invited_by").first()
    if invitation is None:
        raise InvitationOver(_("This invitation has been used or has run out. Ask for a new one."))
    return invitation


@transaction.atomic
def accept_invitation(*, token: str, actor: Actor, at: datetime) -> Membership:
    """The signed-in person joins; the link is spent. Raises NotAllowed (nobody signed in), InvitationOver, Conflict."""
    if actor.user_id is None:
        raise NotAllowed(_("Please sign in first."))
    invitation = invitation_of(token, at=at)
    # Its claim may be refused, or who invites be ended, in this moment: one of the two waits and sees what the other did.
    Organisation.objects.select_for_update(of=("self",)).get(pk=invitation.organisation_id)
    invitation = invitation_of(token, at=at)
    spent = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_at=at)
    if not spent:  # two clicks at once: the conditional update lets one through
        raise InvitationOver(_("This invitation has been used or has run out. Ask for a new one."))
    membership = Membership(
        user_id=actor.user_id,
        organisation=invitation.organisation,
        role=invitation.role,
        valid_from=clock.china_date(at),
        ends_on=invitation.ends_on,
    )
    lapsed = Membership.objects.open().filter(user_id=actor.user_id, organisation=invitation.organisation)
    lapsed.filter(ends_on__lt=clock.china_date(at)).update(valid_until=F("ends_on"))
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError as twice:
        raise Conflict(_("You belong to this organisation already: choose it in the role switcher.")) from twice
    data = {"invitation": invitation.pk, "user": actor.user_id, "role": membership.role}
    subject = ("organisation", invitation.organisation_id)
    audit.record(actor=actor, subject=subject, action="member.joined", at=at, data=data)
    outbox.notify(
        recipients=[invitation.invited_by_id],
        event=f"member.joined:{membership.pk}",
        kind="member.joined",
        at=at,
        params={"name": actor.name, "organisation": invitation.organisation.name},
        link=reverse("organisations:members"),
    )
    return membership


@transaction.atomic
def end_membership(*, organisation_id: int, membership_id: int, actor: Actor, at: datetime) -> Membership:
    """Ends a colleague's membership, or one's own: the next request loses the capacity.

    Raises NotVisible, NotAllowed (not an owner), WrongState (ended already; the last owner cannot leave).
    """
    organisation = Organisation.objects.visible_to(actor).filter(pk=organisation_id).first()
    if organisation is None:
        raise NotVisible
    Organisation.objects.select_for_update(of=("self",)).get(pk=organisation_id)
    membership = organisation.memberships.filter(pk=membership_id).first()
    if membership is None:
        raise NotVisible
    itself = rules.is_member(actor, organisation_id) and membership.user_id == actor.user_id
    if not (itself or rules.is_owner(actor, organisation_id)):
        raise NotAllowed(_("Only an owner of the organisation invites and ends colleagues."))
    if membership.valid_until is not None:
        raise WrongState(_("This membership has ended already."))
    owners = organisation.memberships.open().filter(role=Membership.Role.OWNER)
    if membership.role == Membership.Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        raise WrongState(_("An organisation keeps at least one owner: invite another owner first."))
    membership.valid_until = clock.china_date(at)
    membership.save(update_fields=["valid_until"])
    data = {"membership": membership.pk, "user": membership.user_id}
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="member.ended", at=at, data=data)
    return membership


# ---- agents -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def prolong_agent(
    *, organisation_id: int, membership_id: int, ends_on: date | None, actor: Actor, at: datetime
) -> Membership:
    """Another last day for an agent, later or sooner; one whose days were over comes back.

    Raises NotVisible, NotAllowed (not an owner), Invalid (no such day), WrongState (no agent), Conflict (back already).
    """
    organisation = _as_owner(organisation_id, actor)
    membership = organisation.memberships.select_for_update(of=("self",)).filter(pk=membership_id).first()
    if membership is None:
        raise NotVisible
    lapsed = membership.ends_on is not None and membership.valid_until == membership.ends_on
    if membership.role != Membership.Role.AGENT or not (membership.valid_until is None or lapsed):
        raise WrongState(_("Only the days of an agent who was not ended are prolonged; invite the person anew."))
    last = _end_of(ends_on, at)
    before, membership.ends_on, membership.valid_until = membership.ends_on, last, None
    try:
        with transaction.atomic():
            membership.save(update_fields=["ends_on", "valid_until"])
    except IntegrityError as twice:
        raise Conflict(_("The person belongs to this organisation again already.")) from twice
    data = {"membership": membership.pk, "from": str(before), "until": last.isoformat()}
    audit.record(actor=actor, subject=("organisation", organisation.pk), action="member.prolonged", at=at, data=data)
    outbox.notify(
        recipients=[membership.user_id],
        event=f"member.prolonged:{membership.pk}:{at.isoformat()}",
        kind="member.prolonged",
        at=at,
        params={"organisation": organisation.name, "day": last},
        link="",
    )
    return membership


def end_agents(*, at: datetime) -> int:
    """Ends agents whose last day is over and tells them and the owners; returns how many. Told before: `deadlines.agents`."""
    today = clock.china_date(at)

    def end(pk: int) -> bool:
        return _end_agent(pk, today, at)

    over = Membership.objects.open().filter(role=Membership.Role.AGENT, ends_on__lt=today)
    return rounds.each(over.order_by("pk").values_list("pk", flat=True), end)


@transaction.atomic
def _end_agent(pk: int, today: date, at: datetime) -> bool:
    """False when an owner prolonged it in this moment."""
    row = Membership.objects.select_for_update(of=("self",)).select_related("user", "organisation").get(pk=pk)
    if row.valid_until is not None or row.ends_on is None or row.ends_on >= today:
        return False
    row.valid_until = row.ends_on
    row.save(update_fields=["valid_until"])
    data = {"membership": row.pk, "user": row.user_id}
    audit.record(actor=SYSTEM, subject=("organisation", row.organisation_id), action="member.lapsed", at=at, data=data)
    _tell_of_end(row, at)
    return True


def _tell_of_end(row: Membership, at: datetime) -> None:
    """The agent and the owners, once for each last day."""
    owners = Membership.objects.open().filter(organisation=row.organisation_id, role=Membership.Role.OWNER)
    people = [row.user_id, *owners.filter(user__is_active=True).order_by("pk").values_list("user_id", flat=True)]
    outbox.notify(
        recipients=list(dict.fromkeys(people)),
        event=f"member.lapsed:{row.pk}:{row.ends_on}:0",
        kind="member.lapsed",
        at=at,
        params={"name": row.user.name, "organisation": row.organisation.name, "day": row.ends_on},
        link=reverse("organisations:members"),
    )
