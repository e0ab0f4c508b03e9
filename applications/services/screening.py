"""Review at one desk: findings, remarks, return for correction, proposal, signature. Two people, one case row locked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from applications import rules, selectors
from applications.models import Application, Correction, Remark, Screening, TimelineEntry, Verdict
from applications.rules import screening as may
from applications.selectors import drafts
from applications.selectors import screening as reads
from applications.services import cases, checks
from applications.states import Answer, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import Conflict, Invalid, NotAllowed, Refused, WrongState
from greenlist.organisations.models import Membership
from greenlist.policy import engine
from greenlist.policy.engine.types import BoundPolicy, End, Finding, Result, Step, StepKind

LONGEST_REMARK = 500


@dataclass(frozen=True, slots=True)
class Given:
    """What a handler found on one point."""

    answer: str = ""
    remark: str = ""


@transaction.atomic
def save_findings(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    verdicts: Mapping[str, Given],
    remarks: Mapping[str, str] | None = None,
    seen: datetime | None = None,
) -> Application:
    """Keeps answers and remarks of the present round; only what differs is written.

    Raises Invalid (unknown point or field, a remark without an answer), WrongState (not under review, or awaiting
    signature), Conflict when a colleague answered a point differently after `seen`.
    """
    case = _take(actor=actor, reference=reference)
    _refuse_while_proposed(case)
    bound = selectors.rules_of(case.call)
    changes = _save_verdicts(case, bound, verdicts, actor=actor, at=at, seen=seen)
    changes |= _save_remarks(case, bound, remarks or {}, actor=actor, at=at)
    if changes:
        audit.record(actor=actor, subject=("case", case.pk), action="case.findings", at=at, data={"changes": changes})
    return case


def _save_verdicts(
    case: Application,
    bound: BoundPolicy,
    verdicts: Mapping[str, Given],
    *,
    actor: Actor,
    at: datetime,
    seen: datetime | None,
) -> dict[str, list[str]]:
    step = bound.step(case.step)
    rows = {row.key: row for row in case.verdicts.filter(step=case.step)}
    asked = {point.key: point for point in reads.points(bound, step, reads.latest_findings(case), rows.values())}
    _check_given(verdicts, asked)
    changes: dict[str, list[str]] = {}
    for key, given in verdicts.items():
        row = rows.get(key)
        if not given.answer or (row and (row.answer, row.remark) == (given.answer, given.remark)):
            continue
        if row and seen and row.by_id != actor.user_id and row.at > seen:
            raise Conflict(
                _("A colleague has answered “%(point)s” since you opened the page. Reload it to see the answer.")
                % {"point": asked[key].text}
            )
        changes[key] = [row.answer if row else "", given.answer, given.remark]
        Verdict.objects.update_or_create(
            application=case,
            step=case.step,
            key=key,
            defaults={
                "clause": asked[key].clause,
                "answer": given.answer,
                "remark": given.remark,
                "by_id": actor.user_id,
                "at": at,
            },
        )
    return changes


def _check_given(verdicts: Mapping[str, Given], asked: Mapping[str, reads.Point]) -> None:
    problems: dict[str, list] = {}
    for key, given in verdicts.items():
        if key not in asked:
            problems[key] = [_("This point is not asked here.")]
        elif given.answer and given.answer not in Answer:
            problems[key] = [_("Choose yes, no or to be corrected.")]
        elif given.remark and not given.answer:
            problems[key] = [_("Choose yes, no or to be corrected; a remark alone is not kept.")]
        elif len(given.remark) > LONGEST_REMARK:
            problems[key] = [_("At most %(most)s characters.") % {"most": LONGEST_REMARK}]
    if problems:
        raise Invalid(_("Some findings could not be saved."), problems=problems)


def _save_remarks(
    case: Application, bound: BoundPolicy, remarks: Mapping[str, str], *, actor: Actor, at: datetime
) -> dict[str, list[str]]:
    standing = reads.remarks_of(case, case.step)
    changes: dict[str, list[str]] = {}
    for path, text in remarks.items():
        text, row = text.strip(), standing.get(path)
        if text == (row.text if row else ""):
            continue
        section, field = _known_field(case, bound, path)
        if len(text) > LONGEST_REMARK:
            most = {"most": LONGEST_REMARK}
            raise Invalid(
                _("Some findings could not be saved."), problems={path: [_("At most %(most)s characters.") % most]}
            )
        changes[path] = [row.text if row else "", text]
        if row and not text:
            row.delete()
        elif row:
            row.text, row.by_id, row.at = text, actor.user_id, at  # type: ignore[assignment]
            row.save(update_fields=["text", "by", "at"])
        else:
            Remark.objects.create(
                application=case, step=case.step, section=section, field=field, text=text, by_id=actor.user_id, at=at
            )
    return changes


def _known_field(case: Application, bound: BoundPolicy, path: str) -> tuple[str, str]:
    section, _dot, field = path.partition(".")
    try:
        drafts.form_of(case, bound).section(section).field(field)
    except KeyError as unknown:
        raise Invalid(_("The report has no such field: %(path)s") % {"path": path[:80]}) from unknown
    return section, field


def _typed_fields(case: Application, bound: BoundPolicy, paths: Iterable[str]) -> tuple[str, ...]:
    form = drafts.form_of(case, bound)
    known = (".".join(_known_field(case, bound, path)) for path in paths)
    return tuple(dict.fromkeys(one for path in known for one in engine.forms.sources(form, path)))


@transaction.atomic
def recheck(*, actor: Actor, at: datetime, reference: str) -> tuple[Finding, ...]:
    """Asks the engine anew, with what is known today. Raises WrongState."""
    case = _take(actor=actor, reference=reference)
    _asked, findings = _judge(case, selectors.rules_of(case.call), actor=actor, at=at)
    return findings


@transaction.atomic
def return_for_correction(
    *,
    actor: Actor,
    at: datetime,
    reference: str,
    fields: Iterable[str],
    reason: str,
    due_on: date | None = None,
    revision: int | None = None,
) -> Correction:
    """退回补正: only `fields` ("section.field") open; the remarks of this round go with it.

    For a value that is worked out, what it is worked out from opens.

    Raises Invalid (no field, no reason, a day that is past or after the authority's own deadline), WrongState.
    """
    case = _take(actor=actor, reference=reference, revision=revision)
    _refuse_while_proposed(case)
    bound = selectors.rules_of(case.call)
    pairs = [one.split(".") for one in _typed_fields(case, bound, fields)]
    _check_return(case, bound, pairs, reason, due_on, clock.china_date(at))
    version = reads.version_of(case)
    assert version is not None, "a case under review has been declared"
    correction = Correction.objects.create(
        application=case,
        step=case.step,
        reason=reason.strip(),
        fields=pairs,
        before=version,
        asked_by_id=actor.user_id,
        asked_at=at,
        due_on=due_on,
    )
    Remark.objects.filter(application=case, step=case.step, correction=None).update(correction=correction)
    cases.move(
        case,
        "return_for_correction",
        case.return_for_correction,
        actor=actor,
        at=at,
        desk=case.desk,
        opinion=correction.reason,
        data={"fields": pairs, "due_on": due_on.isoformat() if due_on else ""},
    )
    case.due_on = due_on
    case.save(update_fields=["due_on"])
    outbox.notify(
        recipients=applicants_of(case),
        event=f"case.returned:{case.pk}:{correction.pk}",
        kind="case.returned",
        at=at,
        params={
            "number": case.number,
            "authority": actor.authority_name,
            "count": len(pairs),
            "reason": correction.reason,
        },
        link=page_of(case),
    )
    return correction


@transaction.atomic
def take_back_return(*, actor: Actor, at: datetime, reference: str, revision: int | None = None) -> Application:
    """Undoes a request for correction while the applicant has not opened it; its remarks are drafts again.

    Raises WrongState when the applicant has seen or answered it.
    """
    case = cases.lock(actor=actor, reference=reference, revision=revision)
    rules.require(may.PREPARE, case, actor)
    correction = case.corrections.filter(answered_at=None).first()
    if case.state != State.RETURNED or correction is None:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )
    if correction.seen_at is not None:
        raise WrongState(_("The applicant has opened the request: it cannot be taken back any more."))
    Remark.objects.filter(correction=correction).update(correction=None)
    correction.delete()
    cases.move(case, "take_back_return", case.take_back_return, actor=actor, at=at, desk=case.desk)
    outbox.notify(
        recipients=applicants_of(case),
        event=f"case.return_taken_back:{case.pk}:{at.isoformat()}",
        kind="case.return_taken_back",
        at=at,
        params={"number": case.number, "authority": actor.authority_name},
        link=page_of(case),
    )
    return case


def seen(*, actor: Actor, at: datetime, reference: str) -> None:
    """Notes that the applicant has opened a request for correction: from then on it stands. Raises nothing."""
    rows = Application.objects.visible_to(actor).filter(reference=reference, state=State.RETURNED)
    unseen = Correction.objects.filter(application__in=rows, answered_at=None, seen_at=None)
    if unseen.exists():  # whoever only reads takes no lock, and needs no room on a full disk (F5)
        unseen.update(seen_at=at)


def _check_return(
    case: Application, bound: BoundPolicy, pairs: list[list[str]], reason: str, due_on: date | None, today: date
) -> None:
    problems: dict[str, list] = {}
    if not pairs:
        problems["fields"] = [_("Choose at least one field that the applicant is to correct.")]
    if not reason.strip():
        problems["reason"] = [_("Say what is wrong and how to mend it.")]
    last = own_deadline(case, bound)
    if due_on and due_on < today:
        problems["due_on"] = [_("This day has passed.")]
    elif due_on and last and due_on > last:
        problems["due_on"] = [_("Your own recommendation is due on %(day)s; choose an earlier day.") % {"day": last}]
    if problems:
        raise Invalid(_("The case was not returned."), problems=problems)


def own_deadline(case: Application, bound: BoundPolicy) -> date | None:
    """Until when the authority at the desk must itself send the case on; None where the call sets no day (SJZ-8)."""
    rest = iter(bound.steps)
    here = next((step for step in rest if step.key == case.step), None)
    batch = next((step for step in rest if here and step.kind is StepKind.BATCH and step.by == here.by), None)
    return selectors.due_on(case.call, batch.key, case.area_path) if batch else None


@transaction.atomic
def propose(
    *, actor: Actor, at: datetime, reference: str, outcome: str, opinion: str = "", revision: int | None = None
) -> Screening:
    """The handler's conclusion, put before the approver.

    Raises Refused naming every unmet point with its clause (QHD-5.0) when a pass is proposed too early, Invalid when a
    rejection has no reason (QHD-8), WrongState.
    """
    case = _take(actor=actor, reference=reference, revision=revision)
    _refuse_while_proposed(case)
    _refuse_earlier_part(case, actor)
    if outcome not in Screening.Outcome:
        raise Invalid(_("Not saved."), problems={"outcome": [_("Choose a conclusion.")]})
    bound = selectors.rules_of(case.call)
    asked, findings = _judge(case, bound, actor=actor, at=at)
    if outcome == Screening.Outcome.PASS:
        _refuse_unmet(case, bound, asked, findings)
    else:
        opinion = _reasons(asked, opinion)
    proposal = Screening.objects.create(
        application=case,
        step=case.step,
        outcome=Screening.Outcome(outcome),
        opinion=opinion.strip(),
        proposed_by_id=actor.user_id,
        proposed_at=at,
    )
    _note(case, "propose", actor=actor, at=at, opinion=proposal.opinion, data={"outcome": proposal.outcome})
    _raise_revision(case)
    assert case.desk_id is not None
    outbox.notify(
        recipients=accounts.people_with(case.desk_id, [Capacity.APPROVER], clock.china_date(at), case.category),
        event=f"case.to_sign:{case.pk}:{proposal.pk}",
        kind="case.to_sign",
        at=at,
        params={"name": case.name, "number": case.number},
        link=reverse("applications:review", args=[case.reference]),
    )
    return proposal


def _judge(
    case: Application, bound: BoundPolicy, *, actor: Actor, at: datetime
) -> tuple[tuple[reads.Point, ...], tuple[Finding, ...]]:
    step = bound.step(case.step)
    findings = checks.run(case=case, point=step.point, actor=actor, at=at) if step.point else ()
    return reads.points(bound, step, findings, case.verdicts.filter(step=case.step)), tuple(findings)


def _refuse_unmet(
    case: Application, bound: BoundPolicy, asked: tuple[reads.Point, ...], findings: tuple[Finding, ...]
) -> None:
    missing = reads.unmet(bound, bound.step(case.step), asked, findings)
    if missing:
        clauses = "、".join(dict.fromkeys(reads.article(bound, one.clause) for one in missing if one.clause))
        raise Refused(
            _("The case cannot pass yet: %(clauses)s not met or not answered.") % {"clauses": clauses},
            code="unmet_points",
            findings=missing,
            clause=missing[0].clause,
        )


def _reasons(asked: tuple[reads.Point, ...], opinion: str) -> str:
    """The failed points and what the handler adds; in Chinese, as the applicant receives it."""
    with translation.override("zh-hans"):
        composed = reads.reasons(asked)
    text = "\n".join(part for part in (composed, opinion.strip()) if part)
    if not text:
        raise Invalid(
            _("The applicant must be told the reasons."),
            problems={"opinion": [_("Answer at least one point with no, or write the reason here.")]},
        )
    return text


@transaction.atomic
def sign(*, actor: Actor, at: datetime, reference: str, revision: int | None = None, opinion: str = "") -> Application:
    """The approver's signature: the case passes to the next step, or ends with the reasons (QHD-8).

    Raises NotAllowed when the same person prepared it (four eyes) or took part earlier (AZ-14), Refused when something
    that blocks has come up since, WrongState when there is nothing to sign.
    """
    case = _take(actor=actor, reference=reference, revision=revision, verb=may.SIGN)
    proposal = _proposal(case)
    bound = selectors.rules_of(case.call)
    _refuse_same_person(case, bound.step(case.step), proposal, actor)
    _refuse_earlier_part(case, actor)
    if proposal.outcome == Screening.Outcome.PASS:
        asked, findings = _judge(case, bound, actor=actor, at=at)
        _refuse_unmet(case, bound, asked, findings)
    proposal.signed_by_id, proposal.signed_at, proposal.note = actor.user_id, at, opinion.strip()
    proposal.save(update_fields=["signed_by", "signed_at", "note"])
    if proposal.outcome == Screening.Outcome.PASS:
        _pass(case, bound, proposal, actor=actor, at=at)
    else:
        _reject(case, proposal, actor=actor, at=at)
    return case


def _pass(case: Application, bound: BoundPolicy, proposal: Screening, *, actor: Actor, at: datetime) -> None:
    following = engine.after(bound, case.step, Result.PASSED)
    if isinstance(following, End):
        raise WrongState(_("The rule set has no step after this one."))
    cases.move(
        case,
        "pass_screening",
        case.pass_screening,
        actor=actor,
        at=at,
        desk=desk_for(case, following),
        opinion=proposal.note,
        data={"screening": proposal.pk},
        to=following.state,
        step=following.key,
    )
    _tell_applicants(case, "case.passed", proposal, at, {"number": case.number, "authority": actor.authority_name})


def _reject(case: Application, proposal: Screening, *, actor: Actor, at: datetime) -> None:
    cases.move(
        case,
        "reject",
        case.reject,
        actor=actor,
        at=at,
        desk=None,
        opinion=proposal.opinion,
        data={"screening": proposal.pk},
    )
    params = {"number": case.number, "authority": actor.authority_name, "reason": proposal.opinion}
    _tell_applicants(case, "case.rejected", proposal, at, params)


@transaction.atomic
def send_back(*, actor: Actor, at: datetime, reference: str, note: str, revision: int | None = None) -> Screening:
    """The approver does not sign: the proposal goes back to the handler with a note. Raises Invalid, WrongState."""
    case = _take(actor=actor, reference=reference, revision=revision, verb=may.SIGN)
    proposal = _proposal(case)
    if not note.strip():
        raise Invalid(_("The handler must know why."), problems={"reason": [_("Say what is to be looked at again.")]})
    proposal.sent_back_at, proposal.note = at, note.strip()
    proposal.save(update_fields=["sent_back_at", "note"])
    _note(case, "send_back_proposal", actor=actor, at=at, opinion=proposal.note, data={"screening": proposal.pk})
    _raise_revision(case)
    outbox.notify(
        recipients=[proposal.proposed_by_id],
        event=f"case.not_signed:{case.pk}:{proposal.pk}",
        kind="case.not_signed",
        at=at,
        params={"name": case.name, "number": case.number, "reason": proposal.note},
        link=reverse("applications:review", args=[case.reference]),
    )
    return proposal


@transaction.atomic
def reopen(*, actor: Actor, at: datetime, reference: str, reason: str, revision: int | None = None) -> Application:
    """A case that passed and lies in no live batch is reviewed again, with a reason. Raises Invalid, WrongState."""
    case = cases.lock(actor=actor, reference=reference, revision=revision)
    rules.require(may.REOPEN, case, actor)
    if not reason.strip():
        raise Invalid(_("Say why the case is reviewed again."), problems={"reason": [_("Write the reason.")]})
    if case.batch_items.filter(returned_at=None, batch__step=case.step).exists():
        raise WrongState(_("The case lies in a recommendation batch: take it out there first."))
    back = reads.screening_before(selectors.rules_of(case.call), case.step)
    cases.move(
        case, "reopen", case.send_back, actor=actor, at=at, desk=case.desk, opinion=reason.strip(), step=back.key
    )
    return case


# ---- what the verbs share -------------------------------------------------------------------------------------------
def desk_for(case: Application, step: Step) -> Authority | None:
    """The authority whose desk a step is: the one that has it now while the tier stays, else the one in charge."""
    if case.desk is not None and case.desk.tier == step.by:
        return case.desk
    if step.by not in set(Tier):
        return None
    area = Area.objects.get(path=case.area_path)  # as submitted, wherever the firm says its plant is now
    return accounts.industry_authority(area, step.by)


def applicants_of(case: Application) -> list[int]:
    """Who is told about a case on the applicant's side: the members of the organisation."""
    rows = Membership.objects.filter(organisation_id=case.organisation_id, valid_until=None, user__is_active=True)
    return list(rows.order_by("user_id").values_list("user_id", flat=True))


def page_of(case: Application) -> str:
    return reverse("applications:case", args=[case.reference])


def _take(*, actor: Actor, reference: str, revision: int | None = None, verb: rules.Verb = may.PREPARE) -> Application:
    """The locked case, asked by who may, while it is under review."""
    case = cases.lock(actor=actor, reference=reference, revision=revision)
    rules.require(verb, case, actor)
    if case.state != State.SCREENING:
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )
    return case


def under_review(*, actor: Actor, reference: str) -> Application:
    """The locked case, for who may record findings on it now. Raises NotVisible, NotAllowed, WrongState."""
    case = _take(actor=actor, reference=reference)
    _refuse_while_proposed(case)
    return case


def _proposal(case: Application) -> Screening:
    proposal = reads.open_proposal(case)
    if proposal is None:
        raise WrongState(_("There is no proposal to sign: it was signed or sent back already."))
    return proposal


def _refuse_while_proposed(case: Application) -> None:
    if reads.open_proposal(case) is not None:
        raise WrongState(_("The review awaits the approver's signature; it can be changed once it is sent back."))


def _refuse_same_person(case: Application, step: Step, proposal: Screening, actor: Actor) -> None:
    given = [*case.verdicts.filter(step=case.step), *reads.judgements_of(case, case.step)]
    if step.four_eyes and may.prepared(proposal, given, actor):
        raise NotAllowed(may.SAME_PERSON)


def _refuse_earlier_part(case: Application, actor: Actor) -> None:
    if may.took_part(case.screenings.all(), case.step, actor):
        raise NotAllowed(may.EARLIER_PART)


def _raise_revision(case: Application) -> None:
    """A page that showed the case before the proposal must not decide on it after."""
    case.revision += 1
    case.save(update_fields=["revision"])


def _note(
    case: Application, verb: str, *, actor: Actor, at: datetime, opinion: str, data: Mapping[str, object]
) -> None:
    """A line of the timeline and the trail where the state stays; not for the applicant's eyes."""
    TimelineEntry.objects.create(
        application=case,
        at=at,
        verb=verb,
        from_state=case.state,
        to_state=case.state,
        step=case.step,
        user_id=actor.user_id,
        person=actor.name,
        capacity=actor.capacity.value,
        authority=actor.authority_name,
        opinion=opinion,
        applicant_sees=False,
        data=dict(data),
    )
    record = {"step": case.step, "opinion": opinion, **data}
    audit.record(actor=actor, subject=("case", case.pk), action=f"case.{verb}", at=at, data=record)


def _tell_applicants(
    case: Application, kind: str, proposal: Screening, at: datetime, params: Mapping[str, object]
) -> None:
    event = f"{kind}:{case.pk}:{proposal.pk}"
    outbox.notify(recipients=applicants_of(case), event=event, kind=kind, at=at, params=params, link=page_of(case))
