"""What a department answers, unit by unit or for all at once; or what the asking authority enters from its paper."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.states import State
from greenlist.core import attachments, audit, limits
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Text, WrongState
from reviews import rules
from reviews.models import Consultation, ConsultedOffice, ConsultedUnit, Reply
from reviews.selectors import consultations as reads
from reviews.services import consultations
from reviews.states import ConsultationState, Verdict

LONGEST_REASON = 1000
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Opinion:
    """What is said of one unit; `checks` by the key of the rule set's question: yes or no."""

    verdict: str = ""
    reason: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cover:
    """What goes with the answer as a whole."""

    number: str = ""
    note: str = ""
    upload: UploadedFile | None = None


@transaction.atomic
def save(*, actor: Actor, reference: str, said: Mapping[str, Opinion], at: datetime) -> ConsultedOffice:
    """Keeps opinions by the application's reference, complete or not; nobody else sees them before the answer is sent.

    Raises NotVisible (also a unit that is not on the list), NotAllowed, WrongState (answered, or closed), Invalid.
    """
    office = _take(actor, reference)
    _write(office, said, at)
    _written_by(office, actor)
    return office


@transaction.atomic
def no_objection(*, actor: Actor, reference: str, at: datetime) -> int:
    """No objection to every unit that has no opinion yet, the named checks answered in its favour; how many."""
    office = _take(actor, reference)
    checks = reads.checks_of(office.consultation)
    good = {one.key: _other(one.adverse) for one in checks}
    known = set(Reply.objects.filter(office=office).exclude(verdict="").values_list("unit_id", flat=True))
    said = {
        row.application.reference: Opinion(Verdict.NONE, "", good)
        for row in _live(office.consultation)
        if row.pk not in known
    }
    _write(office, said, at)
    _written_by(office, actor)
    return len(said)


def submit(
    *,
    actor: Actor,
    reference: str,
    at: datetime,
    cover: Cover | None = None,
    said: Mapping[str, Opinion] | None = None,
) -> ConsultedOffice:
    """Sends the answer, once; also after the last day, as long as the consultation is not concluded.

    Raises NotVisible, NotAllowed, WrongState, Invalid (a unit without an opinion, an objection without its reason, a paper
    answer without its scan), TooMany (files).
    """
    cover = cover or Cover()
    if cover.upload is not None:
        limits.take("upload", actor=actor, at=at)
    return _submit(actor, reference, at, cover, said or {})


@transaction.atomic
def _submit(actor: Actor, reference: str, at: datetime, cover: Cover, said: Mapping[str, Opinion]) -> ConsultedOffice:
    office = _take(actor, reference)
    _write(office, said, at)
    if len(cover.number.strip()) > 60:
        raise Invalid(
            _("The answer was not sent."), problems={"number": [_("At most %(most)s characters.") % {"most": 60}]}
        )
    office.on_paper = not rules.may_answer(office, actor)
    if office.on_paper and cover.upload is None:
        raise Invalid(_("The answer was not entered."), problems={"upload": [_("Add the scan of the paper.")]})
    _is_complete(office)
    if cover.upload is not None:
        office.file = attachments.store(upload=cover.upload, at=at)
    office.number, office.note = cover.number.strip(), cover.note.strip()[:2000]
    office.answered_at, office.answered_by_id = at, actor.user_id
    office.save()
    _record(office, "answered", actor=actor, at=at)
    consultations.tell_answered(office, at=at)
    return office


@transaction.atomic
def ask_again(*, actor: Actor, reference: str, reason: str, at: datetime) -> ConsultedOffice:
    """The asking authority lets a department change what it sent, with a reason.

    Raises NotVisible, NotAllowed, WrongState (not answered, or not asked any more), Invalid (no reason).
    """
    office = _lock(actor, reference)
    if not rules.may_enter(office, actor):
        raise NotAllowed(rules.ASKING_HANDLERS_ONLY)
    _being_asked(office.consultation)
    if office.answered_at is None:
        raise WrongState(_("This department has not answered yet."))
    if not reason.strip():
        raise Invalid(_("The department must know why."), problems={"reason": [_("Give the reason.")]})
    office.answered_at, office.answered_by = None, None  # whose words they are stays known (`on_paper`)
    office.save()
    _record(office, "asked_again", actor=actor, at=at, reason=reason.strip()[:500])
    return office


# ---- what the verbs share -------------------------------------------------------------------------------------------
def _lock(actor: Actor, reference: str) -> ConsultedOffice:
    """The office, read after its consultation is locked. Raises NotVisible."""
    seen = (
        ConsultedOffice.objects.visible_to(actor).filter(reference=reference).values_list("consultation_id", flat=True)
    )
    key = seen.first()
    if key is None:
        raise NotVisible
    Consultation.objects.filter(pk=key).select_for_update(of=("self",)).values_list("pk", flat=True).first()
    return reads.office(actor, reference)


def _take(actor: Actor, reference: str) -> ConsultedOffice:
    office = _lock(actor, reference)
    if not (rules.may_answer(office, actor) or rules.may_enter(office, actor)):
        raise NotAllowed(rules.ASKED_ONLY)
    _being_asked(office.consultation)
    if office.answered_at is not None:
        raise WrongState(_("The answer has been sent already. Ask the authority to open it again."))
    if not rules.may_answer(office, actor) and reads.is_writing(office):
        raise WrongState(rules.DEPARTMENT_WRITES)
    return office


def _written_by(office: ConsultedOffice, actor: Actor) -> None:
    """Whose draft it is: nobody writes over, or sends, what the other side has begun."""
    office.on_paper = not rules.may_answer(office, actor)
    office.save(update_fields=["on_paper"])


def _being_asked(consultation: Consultation) -> None:
    if consultation.state != ConsultationState.ASKED:
        raise WrongState(rules.NOT_ASKED)


def _live(consultation: Consultation) -> list[ConsultedUnit]:
    """The units whose case is still at the step."""
    rows = reads.rows_of(consultation)
    return list(rows.filter(application__state=State.CONSULTING, application__step=consultation.step))


def _write(office: ConsultedOffice, said: Mapping[str, Opinion], at: datetime) -> None:
    rows = {row.application.reference: row for row in _live(office.consultation)}
    keys = {one.key for one in reads.checks_of(office.consultation)}
    on_list = set(office.consultation.units.values_list("application__reference", flat=True))
    if set(said) - on_list:
        raise NotVisible
    problems: dict[str, list[Text]] = {}
    for case, opinion in said.items():
        if opinion.verdict and opinion.verdict not in Verdict:
            problems[f"verdict-{case}"] = [_("Choose one of these.")]
        if len(opinion.reason.strip()) > LONGEST_REASON:
            problems[f"reason-{case}"] = [_("At most %(most)s characters.") % {"most": LONGEST_REASON}]
        if set(opinion.checks) - keys or any(value not in (*YES_NO, "") for value in opinion.checks.values()):
            problems[f"verdict-{case}"] = [_("Choose one of these.")]
    if problems:
        raise Invalid(_("The answer was not saved."), problems=problems)
    standing = {case: opinion for case, opinion in said.items() if case in rows}
    Reply.objects.bulk_create(
        [
            Reply(
                office=office,
                unit=rows[case],
                verdict=opinion.verdict,
                reason=opinion.reason.strip(),
                checks={key: value for key, value in opinion.checks.items() if value},
                saved_at=at,
            )
            for case, opinion in standing.items()
        ],
        update_conflicts=True,
        unique_fields=["office", "unit"],
        update_fields=["verdict", "reason", "checks", "saved_at"],
    )


def _is_complete(office: ConsultedOffice) -> None:
    replies = {one.unit_id: one for one in Reply.objects.filter(office=office)}
    checks = reads.checks_of(office.consultation)
    problems: dict[str, list[Text]] = {}
    for row in _live(office.consultation):
        case, reply = row.application.reference, replies.get(row.pk)
        if reply is None or not reply.verdict:
            problems[f"verdict-{case}"] = [_("%(name)s: give your opinion.") % {"name": row.application.name}]
            continue
        if any(reply.checks.get(one.key, "") not in YES_NO for one in checks):
            problems[f"verdict-{case}"] = [_("%(name)s: answer every question.") % {"name": row.application.name}]
        against = reply.verdict == Verdict.OBJECTION or any(reply.checks.get(one.key) == one.adverse for one in checks)
        if against and not reply.reason:
            problems[f"reason-{case}"] = [
                _("%(name)s: state the facts and the reason.") % {"name": row.application.name}
            ]
    if problems:
        raise Invalid(_("The answer is not complete."), problems=problems)


def _other(answer: str) -> str:
    return "no" if answer == "yes" else "yes"


def _record(office: ConsultedOffice, what: str, *, actor: Actor, at: datetime, **data: object) -> None:
    found = office.consultation
    said = {
        one.unit.application.reference: one.verdict
        for one in Reply.objects.filter(office=office).select_related("unit__application")
    }
    audit.record(
        actor=actor,
        subject=("consultation", found.pk),
        action=f"consultation.{what}",
        at=at,
        data={"office": office.name, "on_paper": office.on_paper, "number": office.number, "said": said, **data},
    )
