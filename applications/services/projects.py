"""An evaluation by a third-party body: offer, acceptance under the caps, release of the report, statement, end."""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications import rules, selectors
from applications.models import Application, BodyNote, Project, Release
from applications.rules import applicant as may
from applications.selectors import bodies, drafts
from applications.selectors import projects as reads
from applications.services import cases
from applications.services.bodies import require_clear, sign, tell_body
from applications.states import AT_WORK, WITH_APPLICANT, Advice, Mode, ProjectState
from greenlist.core import audit, clock, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import BodyProfile, Organisation
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy

LONGEST_NOTE = 2000
DAYS_GONE = _("This day has passed.")


# ---- shared ---------------------------------------------------------------------------------------------------------
def _locked(actor: Actor, reference: str) -> Project:
    """The project, locked. Raises NotVisible."""
    seen = reads.project_seen(actor, reference)
    Project.objects.select_for_update().filter(pk=seen.pk).values_list("pk", flat=True).first()
    return reads.project_seen(actor, reference)


def _of_body(actor: Actor, reference: str) -> Project:
    """The body's own project, locked. Raises NotVisible, NotAllowed."""
    project = _locked(actor, reference)
    if not actor.is_body or project.body_id != actor.organisation_id:
        raise NotAllowed(_("Only the body itself does this."))
    return project


def _of_applicant(actor: Actor, reference: str) -> Project:
    """The project of one's own application, locked. Raises NotVisible, NotAllowed."""
    project = _locked(actor, reference)
    if project.application is None or not may.is_own(project.application, actor):
        raise NotAllowed(may.APPLICANT_ONLY)
    return project


def _go(project: Project, verb: str, at: datetime, reason: str = "") -> None:
    try:
        getattr(project, verb)()
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the project is now “%(state)s”.") % {"state": project.get_state_display()}
        ) from wrong
    if verb != "accept" and verb != "report":
        project.closed_at, project.reason = at, reason.strip()[:300]
    project.save()


def _record(project: Project, action: str, actor: Actor, at: datetime, **data: object) -> None:
    """On the body's chain, and on the case's where there is one."""
    told = {"project": project.reference, **data}
    if project.application_id is not None:
        audit.record(actor=actor, subject=("case", project.application_id), action=action, at=at, data=told)
    audit.record(actor=actor, subject=("organisation", project.body_id), action=action, at=at, data=told)


def _tell_applicant(project: Project, kind: str, at: datetime, reason: str = "") -> None:
    case = project.application
    if case is None:
        return
    outbox.notify(
        recipients=organisations.member_ids(case.organisation_id),
        event=f"{kind}:{project.pk}:{at.isoformat()}",
        kind=kind,
        at=at,
        params={"body": project.body.name, "name": case.name, "reason": reason},
        link=reverse("applications:evaluation", args=[case.reference]),
    )


def _tell_body(project: Project, kind: str, at: datetime, reason: str = "") -> None:
    link = reverse("applications:project", args=[project.reference])
    params = {"name": project.unit, "reason": reason}
    event = f"{kind}:{project.pk}:{at.isoformat()}"
    tell_body(project.body, kind, event=event, at=at, params=params, link=link)


# ---- the offer ------------------------------------------------------------------------------------------------------
@transaction.atomic
def invite(*, actor: Actor, at: datetime, reference: str, body_id: int) -> Project:
    """The applicant asks a body to evaluate. The same body asked twice is the same offer.

    Raises NotVisible, NotAllowed, WrongState (not in third-party mode, submitted, another body is asked), Refused (ban,
    not approved, a condition).
    """
    case = cases.lock(actor=actor, reference=reference, rows=drafts.CASE_ROWS)
    rules.require(may.EVALUATE, case, actor)
    if case.mode != Mode.BODY:
        raise WrongState(_("This application is a self-evaluation: no body works on it."))
    if case.state not in WITH_APPLICANT:
        raise WrongState(_("What was submitted cannot be changed: the case is now “%(state)s”.") % _named(case))
    body = Organisation.objects.filter(pk=body_id, kind=Organisation.Kind.BODY).first()
    if body is None or body.claim != Organisation.Claim.CONFIRMED:
        raise NotVisible
    live = reads.live_project(case)
    if live is not None and live.body_id == body.pk:
        return live
    if live is not None:
        raise WrongState(
            _("“%(body)s” has been asked already: take that offer back, or end the project, first.")
            % {"body": live.body.name}
        )
    bound, today = selectors.rules_of(case.call), clock.china_date(at)
    found = reads.judge(bound, body, case.call, today)
    require_clear(found, _("This body cannot be asked:"), bound.policy)
    try:
        with transaction.atomic():
            project = Project.objects.create(
                body=body,
                application=case,
                unit=case.name,
                category=case.category,
                tier=bound.header.tier,
                batch=reads.batch_of_call(case.call),
                year=today.year,
                offered_by_id=actor.user_id,
                offered_at=at,
            )
    except IntegrityError as faster:
        raise WrongState(_("A body has been asked already.")) from faster
    _record(project, "project.offered", actor, at, body=body.name)
    _tell_body(project, "project.offered", at)
    return project


def _named(case: Application) -> dict[str, object]:
    return {"state": case.get_state_display()}


@transaction.atomic
def retract(*, actor: Actor, at: datetime, reference: str) -> Project:
    """The applicant takes back an offer nobody has accepted. Raises NotVisible, NotAllowed, WrongState."""
    project = _of_applicant(actor, reference)
    _go(project, "retract", at)
    _record(project, "project.retracted", actor, at)
    _tell_body(project, "project.retracted", at)
    return project


@transaction.atomic
def decline(*, actor: Actor, at: datetime, reference: str, reason: str) -> Project:
    """The body says no, with a reason. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    project = _of_body(actor, reference)
    if not reason.strip():
        text = _("Write the reason: the applicant reads it.")
        raise Invalid(text, problems={"reason": [text]})
    _go(project, "decline", at, reason)
    _record(project, "project.declined", actor, at, reason=project.reason)
    _tell_applicant(project, "project.declined", at, project.reason)
    return project


# ---- acceptance -----------------------------------------------------------------------------------------------------
def _lock_group(body_id: int) -> BodyProfile:
    """The body's profile, with those of all bodies of the same representative or legal person locked in one order.

    Two bodies of one person thus accept one after the other, and the second counts what the first took (HEB-2.4c).
    """
    own = BodyProfile.objects.filter(organisation_id=body_id).first()
    if own is None:
        raise Refused(_("Fill in the profile of the body first."), code="no_profile")
    while True:
        same = Q(pk=own.pk)
        for name in ("representative_key", "legal_person_code"):
            if key := getattr(own, name):
                same |= Q(**{name: key})
        list(BodyProfile.objects.select_for_update().filter(same).order_by("pk").values_list("pk", flat=True))
        now = BodyProfile.objects.get(pk=own.pk)
        if (now.representative_key, now.legal_person_code) == (own.representative_key, own.legal_person_code):
            return now
        own = now  # changed while we waited: its new group has to be locked


@transaction.atomic
def accept(*, actor: Actor, at: datetime, reference: str, signed_name: str, agreed: bool) -> Project:
    """The body takes the project: under no ban, approved, qualified, within the caps, its statement signed (HEB-2.4d).

    Raises NotVisible, NotAllowed, Refused (with clause), Invalid (not signed), WrongState.
    """
    project = _of_body(actor, reference)
    case = project.application
    if project.state != ProjectState.OFFERED or case is None:
        raise WrongState(
            _("This is not possible any more: the project is now “%(state)s”.") % {"state": project.get_state_display()}
        )
    if case.state not in WITH_APPLICANT:
        raise WrongState(_("What was submitted cannot be changed: the case is now “%(state)s”.") % _named(case))
    profile = _lock_group(project.body_id)
    bound, today = selectors.rules_of(case.call), clock.china_date(at)
    asked = engine.bodies.of(bound)
    if cap := reads.lacks_key(asked, profile):
        raise Refused(
            _(
                "Enter the identity number of the legal representative in the profile first: projects are counted by it."
            ),
            code="no_representative",
            clause=cap.clause,
        )
    found = reads.judge(bound, project.body, case.call, today)
    found += reads.rooms(asked, profile, tier=project.tier, batch=project.batch, year=today.year)
    require_clear(found, _("The body cannot take this project:"), bound.policy)
    _go(project, "accept", at)
    project.accepted_at, project.year = at, today.year
    project.representative_key, project.legal_person_code = profile.representative_key, profile.legal_person_code
    project.save()
    sign(asked.signed("project"), actor=actor, at=at, signed_name=signed_name, agreed=agreed, project=project)
    _record(project, "project.accepted", actor, at, signed_name=signed_name.strip())
    _tell_applicant(project, "project.accepted", at)
    return project


@transaction.atomic
def declare_outside(*, actor: Actor, at: datetime, version_id: int, unit: str, category: str, year: int) -> Project:
    """A project done outside the portal: it counts towards the caps (HEB-2.4c, HLJ-24b).

    Raises NotVisible, Invalid (no name, a list the rule set does not have).
    """
    body = organisations.own_body(actor)
    version = next((one for one in bodies.rule_sets_with_body() if one.pk == version_id), None)
    if version is None:
        raise NotVisible
    rules_ = policy.policy(version)
    if not unit.strip():
        raise Invalid(_("Name the unit."), problems={"unit": [_("Name the unit.")]})
    if category not in rules_.categories:
        text = _("This list is not offered there.")
        raise Invalid(text, problems={"category": [text]})
    profile = _lock_group(body.pk)
    project = Project(
        body=body,
        unit=unit.strip()[:120],
        category=category,
        tier=rules_.header.tier,
        batch=reads.batch_of(version.rule_set.slug, year, 1),
        year=year,
        representative_key=profile.representative_key,
        legal_person_code=profile.legal_person_code,
        offered_by_id=actor.user_id,
        offered_at=at,
        accepted_at=at,
        state=ProjectState.DECLARED,
    )
    project.save()
    _record(project, "project.declared", actor, at, unit=project.unit, year=year)
    return project


# ---- work on the report ---------------------------------------------------------------------------------------------
@transaction.atomic
def release(*, actor: Actor, at: datetime, reference: str, ends_on: date) -> Release:
    """The applicant opens the report to the body's people, until a day. A new release takes the place of the last.

    Raises NotVisible, NotAllowed, Invalid (the day has passed), Refused (banned), WrongState (not accepted, submitted).
    """
    project = _of_applicant(actor, reference)
    case = project.application
    assert case is not None
    if project.state not in AT_WORK:
        raise WrongState(_("The body has not accepted yet."))
    if case.state not in WITH_APPLICANT:
        raise WrongState(_("What was submitted cannot be changed: the case is now “%(state)s”.") % _named(case))
    if ends_on < clock.china_date(at):
        raise Invalid(DAYS_GONE, problems={"ends_on": [DAYS_GONE]})
    _require_no_ban(project, case, at)
    _end_releases(Q(application=case), "taken_back", at)
    row = Release.objects.create(
        project=project,
        application=case,
        body=project.body,
        ends_on=ends_on,
        given_by_id=actor.user_id,
        given_at=at,
    )
    _record(project, "project.released", actor, at, ends_on=ends_on.isoformat())
    _tell_body(project, "project.released", at)
    return row


def _require_no_ban(project: Project, case: Application, at: datetime) -> None:
    """Nothing of a banned body is accepted, so no report is opened to it (HEB-2.4b, HLJ-26). Raises Refused."""
    ban = bodies.ban_over(project.body_id, case.call.owner.area.path, clock.china_date(at))
    if ban is not None:
        bound = selectors.rules_of(case.call)
        finding = engine.bodies.banned(engine.bodies.of(bound).ban, ban.until)
        require_clear([finding], _("Its results are not accepted; ask another body."), bound.policy)


def _end_releases(which: Q, why: str, at: datetime) -> int:
    return Release.objects.live().filter(which).update(ended_at=at, ended_why=why)


@transaction.atomic
def take_back(*, actor: Actor, at: datetime, reference: str) -> Project:
    """The applicant closes the report to the body again. Raises NotVisible, NotAllowed."""
    project = _of_applicant(actor, reference)
    if _end_releases(Q(project=project), "taken_back", at):
        _record(project, "project.closed", actor, at)
    return project


def end_releases(*, at: datetime) -> None:
    """Ends what reached its day; run by the clock."""
    today = clock.china_date(at)

    @transaction.atomic
    def end(pk: int) -> None:
        row = Release.objects.select_related("project").get(pk=pk)
        if _end_releases(Q(pk=pk), "day", at):
            _record(row.project, "project.closed", SYSTEM, at)

    rounds.each(Release.objects.over_by(today).order_by("pk").values_list("pk", flat=True), end)


@transaction.atomic
def note(*, actor: Actor, at: datetime, reference: str, kind: str, text: str, to: int | None = None) -> BodyNote:
    """A matched body suggests an improvement, or says how one goes on; unit and authority see it (HLJ-11).

    Raises NotVisible (a suggestion of another project too), NotAllowed, WrongState (not accepted, or over), Refused (banned),
    Invalid (nothing written, no suggestion named).
    """
    project = _of_body(actor, reference)
    case = project.application
    if case is None or project.state not in AT_WORK:
        raise WrongState(_("Only a body that has accepted and is still at work notes this."))
    site = case.site
    ban = bodies.ban_over(project.body_id, site.area.path, clock.china_date(at))
    if ban is not None:
        raise Refused(_("The body is banned here until %(day)s.") % {"day": ban.until.isoformat()}, clause=ban.clause)
    problems: dict[str, list[Text]] = {}
    if kind not in Advice:
        problems["kind"] = [_("Choose what you note.")]
    if not text.strip() or len(text.strip()) > LONGEST_NOTE:
        problems["text"] = [_("Write 1 to %(most)s characters.") % {"most": LONGEST_NOTE}]
    if kind == Advice.FOLLOW_UP and to is None:
        problems["to"] = [_("Choose the suggestion that this follows up.")]
    if problems:
        raise Invalid(_("Nothing was noted."), problems=problems)
    about = project.notes.filter(kind=Advice.SUGGESTION, pk=to).first() if kind == Advice.FOLLOW_UP else None
    if kind == Advice.FOLLOW_UP and about is None:
        raise NotVisible
    made = BodyNote.objects.create(
        project=project,
        body=project.body,
        unit_id=case.organisation_id,
        area_path=site.area.path,
        category=case.category,
        kind=kind,
        to=about,
        text=text.strip(),
        by_id=actor.user_id,
        person=actor.name,
        at=at,
    )
    _record(project, "project.noted", actor, at, note=made.pk, kind=kind)
    _tell_applicant(project, "project.noted", at)
    return made


@transaction.atomic
def sign_report(*, actor: Actor, at: datetime, reference: str, digest: str, signed_name: str, agreed: bool) -> Project:
    """The body answers for the report as `digest` names it; whatever changes afterwards makes the statement void.

    Raises NotVisible, NotAllowed, WrongState (not released), Invalid (incomplete, not signed), Conflict (changed since).
    """
    project = _of_body(actor, reference)
    case = project.application
    if case is None or project.state not in AT_WORK or case.state not in WITH_APPLICANT:
        raise WrongState(_("There is no report to sign now."))
    given = reads.live_release(case)
    if given is None or given.body_id != project.body_id or given.ends_on < clock.china_date(at):
        raise WrongState(_("The applicant has not released the report to you."))
    bound = selectors.rules_of(case.call)
    draft = drafts.draft_of(case, drafts.form_of(case, bound))
    problems = {one.path: [words.problem(one)] for one in draft.problems}
    if problems:
        raise Invalid(_("The report is not complete yet."), problems=problems)
    if drafts.digest(draft.content(), case.report) != digest:
        raise Conflict(_("The report has changed since you read it. Read it again, then sign."))
    statements = reads.to_sign(bound)
    sign(statements, actor=actor, at=at, signed_name=signed_name, agreed=agreed, digest=digest, project=project)
    _record(project, "project.signed", actor, at, digest=digest, signed_name=signed_name.strip())
    _tell_applicant(project, "project.signed", at)
    return project


# ---- at submission and at the end -----------------------------------------------------------------------------------
def require_evaluated(case: Application, bound: BoundPolicy, digest: str, *, at: datetime) -> None:
    """In third-party mode both sides have signed the same report, and the body may still work (JY-11c, HEB-1b, HLJ-13).

    Raises Refused with the clause and the way out.
    """
    if case.mode != Mode.BODY:
        return
    now = reads.standing(case, bound, digest)
    clause = next((one.clause for one in now.wanted if one.clause), bound.policy.modes_clause)
    if now.project is None or now.project.state not in AT_WORK:
        raise Refused(
            _("This application is evaluated by a third-party body: ask one, and wait for its acceptance."),
            code="no_body",
            clause=clause,
        )
    _require_no_ban(now.project, case, at)
    if not now.is_signed:
        void = bool(now.void)
        text = (
            _("The report has changed since the body signed it: the statement is void, and the body has to sign again.")
            if void
            else _("The body has not signed for this report yet: release it to the body and wait for its statement.")
        )
        raise Refused(text, code="not_signed", clause=clause)


def submitted(case: Application, *, actor: Actor, at: datetime) -> None:
    """Closes the report to the body and marks its project; called inside the submission."""
    if case.mode != Mode.BODY:
        return
    _end_releases(Q(application=case), "submitted", at)
    for project in Project.objects.at_work().select_for_update().filter(application=case):
        project.report()
        project.save()
        _record(project, "project.reported", actor, at)


def withdrawn(case: Application, *, actor: Actor, at: datetime) -> None:
    """Ends offer, project and release of a withdrawn application; called inside the withdrawal."""
    if case.mode != Mode.BODY:
        return
    _end_releases(Q(application=case), "withdrawn", at)
    for project in (
        Project.objects.live().select_for_update(of=("self",)).select_related("body").filter(application=case)
    ):
        if project.state == ProjectState.REPORTED:
            continue
        _go(project, "retract" if project.state == ProjectState.OFFERED else "end", at, str(_("application withdrawn")))
        _record(project, "project.ended", actor, at)
        _tell_body(project, "project.ended", at, project.reason)


@transaction.atomic
def end(*, actor: Actor, at: datetime, reference: str, reason: str) -> Project:
    """Either side ends a project that delivered nothing; it frees its place. A declared one is struck by the body.

    Raises NotVisible, NotAllowed, Invalid (no reason), WrongState.
    """
    project = _locked(actor, reference)
    if not actor.is_body and (project.application is None or not may.is_own(project.application, actor)):
        raise NotAllowed(_("Only the body or the applicant ends a project."))
    if not reason.strip():
        text = _("Write the reason: the other side reads it.")
        raise Invalid(text, problems={"reason": [text]})
    _go(project, "end", at, reason)
    _end_releases(Q(project=project), "over", at)
    _record(project, "project.ended", actor, at, reason=project.reason)
    if actor.is_body:
        _tell_applicant(project, "project.ended_by_body", at, project.reason)
    else:
        _tell_body(project, "project.ended", at, project.reason)
    return project
