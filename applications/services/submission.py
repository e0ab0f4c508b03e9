"""Declaring and submitting, answering a correction, withdrawing: what the applicant does with its own case (QHD-3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications import facts, rules, selectors
from applications.models import Application, Calculation, Correction, Figure, Report, ReportVersion
from applications.rules import applicant as may
from applications.selectors import calls, drafts, recomputing, scores, told
from applications.selectors import projects as reads
from applications.services import cases, checks, projects
from applications.services import drafts as drafting
from applications.states import WITH_APPLICANT, CallState, Mode, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import clock, dates, numbers, outbox
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import Conflict, Invalid, Refused, WrongState
from greenlist.organisations.models import Organisation
from greenlist.policy import engine, words
from greenlist.policy.engine.types import BoundPolicy, Form, Step, StepKind

OUTSIDE = 9  # Application.priority of a unit without any priority


@dataclass(frozen=True, slots=True)
class Receipt:
    """回执: what the applicant keeps. The same declaration always gives the same receipt."""

    reference: str
    number: str
    name: str
    version: int
    declared_at: datetime
    declared_name: str
    digest: str
    desk: str
    step: str
    due_on: date | None


def submit(*, actor: Actor, at: datetime, reference: str, digest: str, declared_name: str, agreed: bool) -> Receipt:
    """Declares what `digest` names and hands it to the authority of the site's county, or back to whoever asked.

    Sent twice, the second gets the first one's receipt. Raises Invalid (something is missing, not declared), Conflict
    (the report is no longer what was read), Refused (claim not confirmed, too late, file not scanned),
    checks.Blocked (a rule bars it: nothing changes but the kept findings), WrongState.
    """
    try:
        with transaction.atomic():
            return _submit(
                actor=actor, at=at, reference=reference, digest=digest, declared_name=declared_name, agreed=agreed
            )
    except checks.Blocked as blocked:
        blocked.run.save()  # what was found stays known, although the submission was rolled back
        raise


def _submit(*, actor: Actor, at: datetime, reference: str, digest: str, declared_name: str, agreed: bool) -> Receipt:
    case = cases.lock(actor=actor, reference=reference)
    rules.require(may.SUBMIT, case, actor)
    last = last_version(case)
    if case.state not in WITH_APPLICANT:
        if last is not None and last.digest == digest:
            return receipt_of(case, last)
        now = {"state": case.get_state_display()}
        raise WrongState(_("This is not possible any more: the case is now “%(state)s”.") % now)
    bound = selectors.rules_of(case.call)
    correction = drafts.open_correction(case) if case.state == State.RETURNED else None
    deadline = _require_in_time(case, correction, at)
    _require_confirmed(case, bound)
    draft = drafts.draft_of(case, drafts.form_of(case, bound))
    content = _require_complete(case, draft, digest, declared_name, agreed=agreed)
    projects.require_evaluated(case, bound, digest, at=at)
    _require_clear(case, bound, actor=actor, at=at)
    version = _declare(case, bound, draft, content, last, declared_name.strip(), actor=actor, at=at)
    step, desk = _station(case, bound, correction)
    _freeze(case, bound, at)
    _hand_over(case, version, correction, step, desk, deadline, actor=actor, at=at)
    return receipt_of(case, version)


# ---- what must hold -------------------------------------------------------------------------------------------------
def _require_in_time(case: Application, correction: Correction | None, at: datetime) -> calls.Deadline | None:
    """A first submission keeps the call's day, judged by what had been decided at its own moment (WF-09).

    An answer to a correction is taken after its day too, and marked late: the authority decides what follows.
    """
    deadline = calls.submission_deadline(case.call, case.site.area.path, at)
    if correction is not None:
        return deadline
    if case.call.state != CallState.OPEN:
        raise Refused(_("The call has been closed."), code="call_closed", clause=deadline.clause if deadline else "")
    if deadline is not None and deadline.is_over(at):
        raise Refused(
            _("The last day was %(day)s, to 24:00 China time. The authority that keeps the list may extend it.")
            % {"day": dates.day(deadline.day)},
            code="too_late",
            clause=deadline.clause,
        )
    return deadline


def _require_confirmed(case: Application, bound: BoundPolicy) -> None:
    if case.organisation.claim != Organisation.Claim.CONFIRMED:
        raise Refused(
            _(
                "Your local authority has not confirmed yet that you act for this organisation. You can submit once it has."
            ),
            code="claim_not_confirmed",
        )


def _require_complete(
    case: Application, draft: drafts.Draft, digest: str, declared_name: str, *, agreed: bool
) -> dict[str, Any]:
    """The content that is declared. Nothing missing, nothing unscanned (WF-07), declared by name (QHD-N3b), as read."""
    require_whole(draft, declared_name, agreed=agreed)
    content = draft.content()
    require_as_read(content, case.report, digest)
    return content


def require_as_read(content: Mapping[str, Any], report: Report, digest: str) -> None:
    """Raises Conflict when what is declared is not what was read."""
    if drafts.digest(content, report) != digest:
        raise Conflict(_("The report has changed since you read the declaration. Check it again, then submit."))


def require_whole(draft: drafts.Draft, declared_name: str, *, agreed: bool) -> None:
    """Raises Refused (a file is not scanned), Invalid (incomplete, not declared)."""
    if draft.unscanned:
        names = "、".join(row.blob.name for row in draft.unscanned[:5])
        raise Refused(
            _("These files have not been checked yet or were found unsafe: %(names)s. Wait a moment, or remove them.")
            % {"names": names},
            code="file_not_checked",
        )
    problems: dict[str, list] = {}
    for problem in draft.problems:
        problems.setdefault(problem.path, []).append(words.problem(problem))
    if problems:
        raise Invalid(_("The report is not complete yet."), problems=problems)
    if not agreed:
        problems["agreed"] = [_("Without the declaration of truth nothing can be submitted.")]
    if not declared_name.strip():
        problems["declared_name"] = [_("Write the name of the person who declares this.")]
    if problems:
        raise Invalid(_("The declaration is not complete."), problems=problems)


def _require_clear(case: Application, bound: BoundPolicy, *, actor: Actor, at: datetime) -> None:
    point = bound.first(StepKind.DRAFT).point
    if not point:
        return
    found = checks.look(case=case, point=point, at=at)
    run = checks.run_of(case=case, point=point, findings=found, actor=actor, at=at)
    barring = [one for one in found if one.blocks]
    if barring:
        reasons = "；".join(words.sentence(one) for one in barring)
        raise checks.Blocked(_("The application cannot be submitted: %(reasons)s") % {"reasons": reasons}, run)
    run.save()


# ---- what happens ---------------------------------------------------------------------------------------------------
def _declare(
    case: Application,
    bound: BoundPolicy,
    draft: drafts.Draft,
    content: Mapping[str, Any],
    last: ReportVersion | None,
    declared_name: str,
    *,
    actor: Actor,
    at: datetime,
) -> ReportVersion:
    declaration = "\n".join([bound.declaration.text.zh, *_also_signed(case, bound)])
    return keep_declared(case.report, draft, content, last, declaration, declared_name, actor=actor, at=at)


def keep_declared(
    report: Report,
    draft: drafts.Draft,
    content: Mapping[str, Any],
    last: ReportVersion | None,
    declaration: str,
    declared_name: str,
    *,
    actor: Actor,
    at: datetime,
) -> ReportVersion:
    """The next version of a report with its figures and calculations, inside the caller's transaction."""
    version = ReportVersion.objects.create(
        report=report,
        number=last.number + 1 if last else 1,
        data=drafts.frozen(content, report),
        digest=drafts.digest(content, report),
        score=scores.kept(report, content),
        declaration=declaration,
        declared_by_id=actor.user_id,
        declared_name=declared_name[:60],
        declared_at=at,
    )
    Figure.objects.bulk_create(
        Figure(
            version=version,
            site_id=report.site_id,
            key=one.key,
            year=one.year or report.year,
            value=one.value,
            unit=one.unit,
        )
        for one in engine.forms.figures(draft.form, draft.data)
    )
    keep_calculations(version, draft.form, draft.data)
    return version


def _also_signed(case: Application, bound: BoundPolicy) -> list[str]:
    """What the applicant signs beside its declaration when a body evaluated (JY-11c)."""
    return [one.text.zh for one in reads.to_sign_by_applicant(bound)] if case.mode == Mode.BODY else []


def keep_calculations(version: ReportVersion, form: Form, data: Mapping[str, Any]) -> None:
    """Inputs, factors and results of every calculator, so that they can be worked out again (recomputing)."""
    kept = recomputing.calculations_of(form, data, version.report)
    Calculation.objects.bulk_create(Calculation(version=version, **one) for one in kept)


def _station(case: Application, bound: BoundPolicy, correction: Correction | None) -> tuple[Step, Authority]:
    """A first submission goes to the county of the site (QHD-7), a corrected one back to who asked."""
    if correction is not None and case.desk is not None:
        return bound.step(correction.step), case.desk
    return drafting.receiver(bound, case.site)


def _freeze(case: Application, bound: BoundPolicy, at: datetime) -> None:
    """What lists, search and visibility read of the day of submission."""
    firm = case.organisation
    case.name, case.code, case.industry_code = firm.name, firm.code or "", firm.industry_id or ""
    if case.submitted_at is None:  # a plant that moves during a correction does not take the case from who asked
        case.area_path = case.site.area.path
    case.rules_digest, case.call_digest = bound.policy.digest, bound.digest
    # What the report itself tells counts as well (HEB-2.1b: the level of energy efficiency).
    point = bound.first(StepKind.DRAFT).point
    known = facts.gather([case], bound, point, clock.china_date(at), with_events=False)[case.pk].facts
    earned = engine.badges(bound, known)
    case.badges = [{"rule": one.rule, "clause": one.clause, "zh": one.label.zh, "en": one.label.en} for one in earned]
    case.priority = 1 if any(one.sorts for one in earned) else OUTSIDE


def _hand_over(
    case: Application,
    version: ReportVersion,
    correction: Correction | None,
    step: Step,
    desk: Authority,
    deadline: calls.Deadline | None,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    first = case.submitted_at is None
    case.reached = max(case.reached, Tier(desk.tier).rank)
    if first:
        case.submitted_at = at
        year = clock.china_date(at).year
        place = case.call.owner.area.slug
        # Taken last, so that the row of the sequence is locked for as short as can be.
        case.number = f"{place}-{year}-{numbers.take(scope=f'case:{place}', year=year):04d}"
    data = {
        "version": version.number,
        "digest": version.digest,
        "declared_name": version.declared_name,
        "rules": case.rules_digest,
        "call": case.call_digest,
        "deadline": deadline.day.isoformat() if deadline else "",
    }
    if correction is not None:
        correction.answered_at = at
        correction.save(update_fields=["answered_at"])
        data["late"] = bool(correction.due_on and at >= clock.day_end(correction.due_on))
    verb = "submit" if correction is None else "resubmit"
    projects.submitted(case, actor=actor, at=at)
    cases.move(case, verb, case.submit, actor=actor, at=at, desk=desk, data=data, to=step.state, step=step.key)
    outbox.notify(
        recipients=_handlers(desk, case, at),
        event=f"case.{verb}:{case.pk}:{version.number}",
        kind="case.submitted" if first else "case.resubmitted",
        at=at,
        params={"name": case.name, "number": case.number},
        link=page_of(case),
    )


@transaction.atomic
def withdraw(
    *, actor: Actor, at: datetime, reference: str, reason: str = "", revision: int | None = None
) -> Application:
    """撤回, by the applicant alone; a submitted case needs a reason. Raises Invalid, WrongState, NotAllowed, Conflict."""
    case = cases.lock(actor=actor, reference=reference)
    rules.require(may.WITHDRAW, case, actor)
    cases.require_revision(told.revision_of(case), revision)
    if case.submitted_at is not None and not reason.strip():
        raise Invalid(
            _("Write why the application is withdrawn; the authority will read it."),
            problems={"reason": [_("Write the reason.")]},
        )
    desk = case.desk
    case.untold_step = ""  # who has withdrawn is told so, whatever was decided
    projects.withdrawn(case, actor=actor, at=at)
    cases.move(case, "withdraw", case.withdraw, actor=actor, at=at, desk=None, opinion=reason.strip())
    if desk is not None:
        outbox.notify(
            recipients=_handlers(desk, case, at),
            event=f"case.withdrawn:{case.pk}",
            kind="case.withdrawn",
            at=at,
            params={"name": case.name, "number": case.number},
            link=page_of(case),
        )
    return case


# ---- receipt --------------------------------------------------------------------------------------------------------
def last_version(case: Application) -> ReportVersion | None:
    return case.report.versions.order_by("-number").first()


def receipt_of(case: Application, version: ReportVersion) -> Receipt:
    """Tells nothing that the applicant is not to know yet: the loaded case is not to be saved afterwards."""
    bound = selectors.rules_of(case.call)
    case = told.to_applicant(case, bound)
    return Receipt(
        reference=case.reference,
        number=case.number,
        name=case.name,
        version=version.number,
        declared_at=version.declared_at,
        declared_name=version.declared_name,
        digest=version.digest,
        desk=case.desk.name if case.desk else "",
        step=words.text(bound.step(case.step).title),
        due_on=case.due_on or next_day(case),
    )


def next_day(case: Application) -> date | None:
    """The first last day of the route that still lies ahead of the case; None where no call sets one."""
    bound, known = selectors.rules_of(case.call), calls.extensions_of(case.call)
    rest = bound.steps[bound.steps.index(bound.step(case.step)) :]
    return next((day for step in rest if (day := calls.moved(step, known, case.area_path))), None)


def page_of(case: Application) -> str:
    return reverse("applications:case", args=[case.reference])


def _handlers(desk: Authority, case: Application, at: datetime) -> list[int]:
    return accounts.people_with(desk, [Capacity.HANDLER], clock.china_date(at), case.category)
