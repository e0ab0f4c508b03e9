"""Third-party bodies before an authority: registration, bans, supervision, work reports, the published list (HLJ-23 to 26)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import CheckRun, Registration, Release, SignedStatement, WhiteList, WorkReport
from applications.selectors import bodies as reads
from applications.services.checks import run_of
from applications.states import RegistrationState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Ban, BodyProfile, Organisation, Supervision
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BodyRules, Finding, Policy, Statement

OFFICE = (Capacity.HANDLER, Capacity.APPROVER)
NEEDS_REASON = _("Write the reason.")


# ---- shared ---------------------------------------------------------------------------------------------------------
def require_clear(found: Iterable[Finding], message: Text, clauses: Policy) -> None:
    """Raises Refused with every barring finding: what is not met, by which clause."""
    barring = [one for one in found if one.blocks]
    if barring:
        reasons = "；".join(words.sentence(one) + _cited(one.clause, clauses) for one in barring)
        raise Refused(
            _("%(message)s %(reasons)s") % {"message": message, "reasons": reasons},
            code="not_qualified",
            findings=barring,
            clause=barring[0].clause,
        )


def _cited(clause: str, rules: Policy) -> str:
    found = rules.clauses.get(clause)
    return f"（{found.article}）" if found else ""


def sign(
    statements: Iterable[Statement],
    *,
    actor: Actor,
    at: datetime,
    signed_name: str,
    agreed: bool,
    digest: str = "",
    **about: Any,
) -> list[SignedStatement]:
    """Keeps what was signed, word for word. `about`: registration or project. Raises Invalid (no name, not agreed)."""
    listed = list(statements)
    problems: dict[str, list[Text]] = {}
    if not signed_name.strip():
        problems["signed_name"] = [_("Write the name of the person who signs.")]
    if listed and not agreed:
        problems["agreed"] = [_("Without these statements nothing can be done here.")]
    if problems:
        raise Invalid(_("The statement is not signed yet."), problems=problems)
    return SignedStatement.objects.bulk_create(
        SignedStatement(
            by=one.by,
            key=one.key,
            clause=one.clause,
            text=one.text.zh,
            digest=digest,
            signed_name=signed_name.strip()[:60],
            signed_by_id=actor.user_id,
            signed_at=at,
            **about,
        )
        for one in listed
    )


def tell_body(body: Organisation, kind: str, *, event: str, at: datetime, params: dict[str, Any], link: str) -> None:
    outbox.notify(recipients=organisations.member_ids(body.pk), event=event, kind=kind, at=at, params=params, link=link)


def lock_profile(body_id: int) -> BodyProfile | None:
    """Whoever decides about a body holds its profile: ban, approval and acceptance come one after the other."""
    return BodyProfile.objects.select_for_update().filter(organisation_id=body_id).first()


# ---- registration ---------------------------------------------------------------------------------------------------
@transaction.atomic
def register(*, actor: Actor, at: datetime, authority_id: int, signed_name: str, agreed: bool) -> Registration:
    """The body asks to be let to work in an area. Raises NotVisible, Refused (not confirmed, a condition, banned),
    Invalid (statement not signed), WrongState (asked already).
    """
    body = organisations.own_body(actor)
    office = reads.office(authority_id)
    profile = lock_profile(body.pk)
    if body.claim != Organisation.Claim.CONFIRMED:
        raise Refused(
            _("Your local authority has not confirmed yet that you act for this organisation."),
            code="claim_not_confirmed",
        )
    if profile is None or not profile.representative_key:
        raise Refused(
            _(
                "Enter the identity number of the legal representative in the profile first: projects are counted by it."
            ),
            code="no_representative",
        )
    today = clock.china_date(at)
    found = _standing(office.rules, body, office.authority.area.path, "register", today)
    require_clear(found, _("The body cannot be registered:"), office.policy)
    if reads.standing(body.pk, authority_id) is not None:
        raise WrongState(_("The body has asked this authority already."))
    try:
        with transaction.atomic():
            row = Registration.objects.create(
                body=body,
                authority=office.authority,
                rules=office.version,
                findings=[one.as_json() for one in found],
                submitted_by_id=actor.user_id,
                submitted_at=at,
            )
    except IntegrityError as faster:
        raise WrongState(_("The body has asked this authority already.")) from faster
    statements = office.rules.signed("register")
    sign(statements, actor=actor, at=at, signed_name=signed_name, agreed=agreed, registration=row)
    _record(body, "body.registered", actor, at, {"authority": authority_id, "signed_name": signed_name.strip()})
    outbox.notify(
        recipients=accounts.people_with(office.authority, OFFICE, today),
        event=f"body.registered:{row.pk}",
        kind="body.registered",
        at=at,
        params={"name": body.name},
        link=reverse("applications:body-registration", args=[row.pk]),
    )
    return row


def _standing(rules: BodyRules, body: Organisation, path: str, point: str, on: date) -> list[Finding]:
    """Conditions, proofs and bans at a point."""
    ban = reads.ban_over(body.pk, path, on)
    found = list(reads.qualify(rules, point, body, on))
    return [*found, engine.bodies.banned(rules.ban, ban.until)] if ban else found


def _record(body: Organisation, action: str, actor: Actor, at: datetime, data: dict[str, Any]) -> None:
    audit.record(actor=actor, subject=("organisation", body.pk), action=action, at=at, data=data)


@transaction.atomic
def decide(*, actor: Actor, at: datetime, registration_id: int, approve: bool, reason: str = "") -> Registration:
    """The authority's word on a registration. Approval looks at the conditions once more.

    Raises NotVisible, NotAllowed (not the approver of that authority), Invalid (refused without reason), Refused,
    WrongState.
    """
    seen = reads.registration_seen(actor, registration_id)
    if actor.capacity != Capacity.APPROVER or actor.authority_id != seen.authority_id:
        raise NotAllowed(_("Only an approver of the authority the body asked decides this."))
    if not approve and not reason.strip():
        raise Invalid(NEEDS_REASON, problems={"reason": [_("The body reads it: say what is missing.")]})
    lock_profile(seen.body_id)
    row = Registration.objects.select_for_update(of=("self",)).get(pk=seen.pk)
    today = clock.china_date(at)
    if approve and row.state == RegistrationState.SUBMITTED:
        rules = policy.policy(seen.rules)
        found = _standing(rules.bodies, seen.body, seen.authority.area.path, "register", today)
        require_clear(found, _("The body cannot be approved:"), rules)
    _go(row.approve if approve else row.refuse)
    row.decided_by_id, row.decided_at, row.reason = actor.user_id, at, reason.strip()
    row.save()
    action = "body.approved" if approve else "body.refused"
    _record(seen.body, action, actor, at, {"registration": row.pk, "reason": row.reason})
    params = {"authority": seen.authority.name, "reason": row.reason}
    tell_body(seen.body, action, event=f"{action}:{row.pk}", at=at, params=params, link=reverse("applications:body"))
    return row


def _go(transition: Any) -> None:
    try:
        transition()
    except TransitionNotAllowed as wrong:
        raise WrongState(_("This has been decided already.")) from wrong


# ---- bans -----------------------------------------------------------------------------------------------------------
def ban_rules(authority: Authority | None, authority_id: int | None = None) -> Policy | None:
    """The rule set by which an authority bans bodies; None where none of its rule sets knows a ban."""
    return next((one for one in reads.rule_sets_of(authority, authority_id) if one.bodies.ban), None)


@transaction.atomic
def ban(
    *, actor: Actor, at: datetime, body_id: int, ground: str, reason: str, upload: UploadedFile | None = None
) -> Ban:
    """Proven wrongdoing: nothing of the body is accepted for the years the rules name, and open cases are flagged
    (HEB-2.4b, HLJ-26). Raises NotVisible, NotAllowed, Invalid, WrongState (banned already).
    """
    body = reads.body_seen(actor, body_id)
    rules = ban_rules(None, actor.authority_id)
    if actor.capacity != Capacity.APPROVER or rules is None or rules.bodies.ban is None:
        raise NotAllowed(_("Only an approver of an authority whose rules know such a ban decides this."))
    rule = rules.bodies.ban
    problems: dict[str, list[Text]] = {}
    if ground not in rule.grounds:
        problems["ground"] = [_("The rules do not name this ground.")]
    if not reason.strip():
        problems["reason"] = [_("Say what was proven, and by what.")]
    if problems:
        raise Invalid(_("The ban is not complete."), problems=problems)
    lock_profile(body_id)
    today = clock.china_date(at)
    if Ban.objects.running(today).filter(organisation=body, authority_id=actor.authority_id).exists():
        raise WrongState(_("This authority has banned the body already."))
    if upload:
        limits.take("upload", actor=actor, at=at)
    row = Ban.objects.create(
        organisation=body,
        authority_id=actor.authority_id,
        ground=ground,
        reason=reason.strip(),
        evidence=attachments.store(upload=upload, at=at) if upload else None,
        clause=rule.clause,
        since=today,
        until=engine.bodies.ban_ends(rule, today),
        decided_by_id=actor.user_id,
        decided_at=at,
    )
    if rule.withdraws:
        _revoke(row, reason, actor=actor, at=at)
    until = row.until.isoformat()
    _record(body, "body.banned", actor, at, {"ground": ground, "until": until, "reason": row.reason})
    params = {"until": until, "authority": row.authority.name, "reason": row.reason}
    tell_body(
        body, "body.banned", event=f"body.banned:{row.pk}", at=at, params=params, link=reverse("applications:body")
    )
    _flag(row, engine.bodies.banned(rule, row.until), actor=actor, at=at)
    return row


def _revoke(row: Ban, reason: str, *, actor: Actor, at: datetime) -> None:
    rows = Registration.objects.select_for_update().filter(body=row.organisation, authority_id=row.authority_id)
    for one in rows.filter(state__in=(RegistrationState.SUBMITTED, RegistrationState.APPROVED)).order_by("pk"):
        one.revoke()
        one.decided_by_id, one.decided_at, one.reason = actor.user_id, at, reason.strip()
        one.save()


def _flag(row: Ban, finding: Finding, *, actor: Actor, at: datetime) -> None:
    """Each open case that rests on the body shows the finding and is closed to it; desk and applicant are told."""
    today = clock.china_date(at)
    cases = reads.cases_resting_on(row.organisation, row.authority.area.path)
    CheckRun.objects.bulk_create(
        run_of(case=case, point="ban", findings=[finding], actor=actor, at=at) for case in cases
    )
    open_ = Release.objects.live().filter(body=row.organisation, application__in=[case.pk for case in cases])
    open_.update(ended_at=at, ended_why="banned")
    for case in cases:
        audit.record(actor=actor, subject=("case", case.pk), action="case.body_banned", at=at, data={"ban": row.pk})
        people = set(organisations.member_ids(case.organisation_id))
        people |= set(accounts.people_with(case.desk, OFFICE, today, case.category)) if case.desk else set()
        outbox.notify(
            recipients=sorted(people),
            event=f"case.body_banned:{row.pk}:{case.pk}",
            kind="case.body_banned",
            at=at,
            params={"name": case.name, "body": row.organisation.name, "until": row.until.isoformat()},
            link=reverse("applications:case", args=[case.reference]),
        )


@transaction.atomic
def lift_ban(*, actor: Actor, at: datetime, ban_id: int, reason: str) -> Ban:
    """Ends a ban before its day, with a reason (a decision set aside). Raises NotVisible, NotAllowed, Invalid, WrongState."""
    row = Ban.objects.select_related("organisation", "authority").filter(pk=ban_id).first()
    if row is None:
        raise NotVisible
    reads.body_seen(actor, row.organisation_id)
    if actor.capacity != Capacity.APPROVER or actor.authority_id != row.authority_id:
        raise NotAllowed(_("Only an approver of the authority that decided it lifts a ban."))
    if not reason.strip():
        raise Invalid(NEEDS_REASON, problems={"reason": [NEEDS_REASON]})
    lock_profile(row.organisation_id)
    row = Ban.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=row.pk)
    if row.lifted_at is not None:
        raise WrongState(_("This has been decided already."))
    row.lifted_at, row.lifted_reason = at, reason.strip()[:300]
    row.save(update_fields=["lifted_at", "lifted_reason"])
    _record(row.organisation, "body.ban_lifted", actor, at, {"ban": row.pk, "reason": row.lifted_reason})
    return row


# ---- supervision ----------------------------------------------------------------------------------------------------
@transaction.atomic
def supervise(
    *, actor: Actor, at: datetime, body_id: int, finding: str, upload: UploadedFile | None = None
) -> Supervision:
    """A finding about a body at work here goes to the next authority above at once (HLJ-26b).

    Raises NotVisible, Invalid (nothing written). At the top of the tree it stays with the authority itself.
    """
    body = reads.body_seen(actor, body_id)
    if not finding.strip():
        raise Invalid(_("Write what was found."), problems={"finding": [_("Write what was found.")]})
    authority = Authority.objects.select_related("area").get(pk=actor.authority_id)
    above = accounts.superior(authority)
    if upload:
        limits.take("upload", actor=actor, at=at)
    row = Supervision.objects.create(
        organisation=body,
        authority=authority,
        sent_to=above,
        finding=finding.strip(),
        evidence=attachments.store(upload=upload, at=at) if upload else None,
        made_by_id=actor.user_id,
        made_at=at,
    )
    _record(body, "body.supervised", actor, at, {"supervision": row.pk, "to": above.name if above else ""})
    if above is not None:
        outbox.notify(
            recipients=accounts.people_with(above, OFFICE, clock.china_date(at)),
            event=f"body.supervised:{row.pk}",
            kind="body.supervised",
            at=at,
            params={"authority": authority.name, "name": body.name},
            link=reverse("applications:body-supervision", args=[row.pk]),
        )
    return row


@transaction.atomic
def receive_supervision(*, actor: Actor, at: datetime, supervision_id: int) -> Supervision:
    """The receipt of the authority it was sent to. Raises NotVisible, NotAllowed, WrongState (received already)."""
    seen = reads.supervision_seen(actor, supervision_id)
    if seen.sent_to_id != actor.authority_id:
        raise NotAllowed(_("Only the authority it was sent to gives the receipt."))
    row = Supervision.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=seen.pk)
    if row.received_at is not None:
        raise WrongState(_("The receipt has been given already."))
    row.received_by_id, row.received_at = actor.user_id, at
    row.save(update_fields=["received_by", "received_at"])
    _record(row.organisation, "body.supervision_received", actor, at, {"supervision": row.pk})
    return row


# ---- work reports ---------------------------------------------------------------------------------------------------
@transaction.atomic
def file_work_report(
    *,
    actor: Actor,
    at: datetime,
    authority_id: int,
    year: int,
    text: str,
    problems: str = "",
    upload: UploadedFile | None = None,
) -> WorkReport:
    """The annual work report (HLJ-25); a second one of the year replaces the first. After the day it is marked late.

    Raises NotVisible (owes none), Invalid (empty).
    """
    body = organisations.own_body(actor)
    owed = next((one for one in reads.owed_by(body, year) if one.office.pk == authority_id), None)
    if owed is None:
        raise NotVisible
    if not text.strip():
        raise Invalid(
            _("Write about the work of the year."), problems={"text": [_("Write about the work of the year.")]}
        )
    new: dict[str, Any] = {
        "text": text.strip(),
        "problems": problems.strip(),
        "counts": reads.counts_of(body.pk, owed.office.area.path, year),
        "filed_by_id": actor.user_id,
        "filed_at": at,
        "late": at >= clock.day_end(owed.due_on),
    }
    if upload:
        limits.take("upload", actor=actor, at=at)
        new["blob"] = attachments.store(upload=upload, at=at)
    row, _created = WorkReport.objects.update_or_create(body=body, authority=owed.office, year=year, defaults=new)
    data = {"year": year, "authority": authority_id, "late": row.late}
    _record(body, "body.work_reported", actor, at, data)
    return row


# ---- the published list ---------------------------------------------------------------------------------------------
@transaction.atomic
def publish_list(*, actor: Actor, at: datetime, title: str, white: Iterable[int]) -> WhiteList:
    """Pass rates of the bodies at work in the area, and those commended, as they stand now (HLJ-25).

    Raises NotAllowed, Invalid (no title, nobody to name, somebody commended who is banned or has not worked here).
    """
    authority = Authority.objects.select_related("area").filter(pk=actor.authority_id).first()
    rules = next((one for one in reads.rule_sets_of(authority) if one.bodies.publication), None)
    if actor.capacity != Capacity.APPROVER or authority is None or rules is None:
        raise NotAllowed(_("Only an approver of an authority whose rules know such a list publishes it."))
    if not title.strip():
        raise Invalid(_("Write a title."), problems={"title": [_("Write a title.")]})
    path, today, chosen = authority.area.path, clock.china_date(at), set(white)
    found = reads.rates(path)
    if not found:
        raise Invalid(_("No body has worked in this area yet."))
    wrong = [one.body.name for one in found if one.body.pk in chosen and reads.ban_over(one.body.pk, path, today)]
    if wrong:
        names = "、".join(wrong)
        text: Text = _("Under a ban and not to be commended: %(names)s") % {"names": names}
        raise Invalid(text, problems={"white": [text]})
    publication = rules.bodies.publication
    row = WhiteList.objects.create(
        authority=authority,
        title=title.strip()[:160],
        clause=publication.clause if publication else "",
        rows=[
            {
                "name": one.body.name,
                "code": one.body.code or "",
                "reported": one.reported,
                "decided": one.decided,
                "listed": one.listed,
                "rate": one.percent,
                "white": one.body.pk in chosen,
            }
            for one in found
        ],
        published_by_id=actor.user_id,
        published_at=at,
    )
    audit.record(
        actor=actor,
        subject=("authority", authority.pk),
        action="bodies.published",
        at=at,
        data={"list": row.pk, "title": row.title, "white": sorted(chosen)},
    )
    return row
