"""Departments are asked about units by letter; what they say leads to a conclusion on each (HEB-3b, JY-16, HLJ-19, HLJ-21a).

Locks are taken in one order: the consultation, then its cases by their key. Answers: `services.opinions`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications import selectors as applications
from applications.models import Application, Call
from applications.services import cases as application_cases
from applications.services import screening
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit, clock, outbox, rounds
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.core.verbs import Verb, require
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import CalendarUnknown, End, NoticeRule, Result, StepKind
from reviews import rules
from reviews.models import Consultation, ConsultedOffice, ConsultedUnit
from reviews.selectors import conflicts
from reviews.selectors import consultations as reads
from reviews.services import cases
from reviews.states import Adjustment, ConsultationState

MOST_UNITS = 5_000  # of one letter: more than any round so far
LONGEST = {"title": 160, "number": 60, "text": 5000}
LONGEST_REASON = 500
MOST_OFFICES = 20


@dataclass(frozen=True)
class Letter:
    """What a handler writes."""

    title: str
    number: str = ""
    text: str = ""


@dataclass(frozen=True)
class Ruling:
    """What becomes of one unit that somebody objects to."""

    adjustment: str = ""
    reason: str = ""


# ---- the letter -------------------------------------------------------------------------------------------------
@transaction.atomic
def create(*, actor: Actor, call: Call, at: datetime) -> Consultation:
    """A draft with every case of the call that waits, the departments of the rule set and its letter.

    Raises NotAllowed, Invalid (nothing waits).
    """
    made = Consultation(call=call, authority_id=actor.authority_id, created_by_id=actor.user_id, created_at=at)
    require(rules.WRITE_LETTER, made, actor)
    waiting = _waiting(call, actor)
    if not waiting:
        raise Invalid(_("No application of this call waits for the departments' opinions here."))
    step = cases.step_of(waiting[0])
    made.step, made.four_eyes = step.key, step.four_eyes
    made.title = reads.usual_title(call, applications.rules_of(call))
    made.save()
    taken = _take_in(made, [case for case in waiting if case.step == step.key])
    _usual_offices(made)
    _record(made, "created", actor=actor, at=at, data={"units": [one.application_id for one in taken]})
    return made


@transaction.atomic
def take_in(*, actor: Actor, reference: str, at: datetime) -> list[ConsultedUnit]:
    """Adds what has come to wait since the draft was made. Raises NotVisible, NotAllowed, WrongState."""
    found = _take(actor, reference, rules.WRITE_LETTER)
    room = MOST_UNITS - found.units.count()
    made = _take_in(found, [case for case in _waiting(found.call, actor) if case.step == found.step][:room])
    _touch(found)
    _record(found, "units_added", actor=actor, at=at, data={"units": [one.application_id for one in made]})
    return made


@transaction.atomic
def leave_out(*, actor: Actor, reference: str, case: str, at: datetime) -> Consultation:
    """Takes one unit out of the draft; it waits for another letter. Raises NotVisible, NotAllowed, WrongState."""
    found = _take(actor, reference, rules.WRITE_LETTER)
    row = found.units.filter(application__reference=case).first()
    if row is None:
        raise NotVisible
    row.delete()
    _touch(found)
    _record(found, "unit_left_out", actor=actor, at=at, data={"unit": case})
    return found


@transaction.atomic
def save(*, actor: Actor, reference: str, version: int, letter: Letter, at: datetime) -> Consultation:
    """Keeps title, number and text. Raises NotVisible, NotAllowed, WrongState, Conflict, Invalid."""
    found = _take(actor, reference, rules.WRITE_LETTER, version=version)
    _write(found, letter)
    _record(found, "letter_written", actor=actor, at=at, data={"number": found.number})
    return found


@transaction.atomic
def add_office(
    *, actor: Actor, reference: str, at: datetime, authority_id: int | None = None, name: str = ""
) -> ConsultedOffice:
    """Asks one more department: an office of the portal, or one by name whose answer comes on paper.

    Once the letter is sent it is asked at once, with its own last day. Raises NotVisible, NotAllowed, WrongState,
    Invalid (no name, or it is asked already), Refused (the calendar of the year is not confirmed).
    """
    found = _take(actor, reference, rules.ASK_OFFICE)
    offices = reads.offices_of(found)
    if len(offices) >= MOST_OFFICES:
        raise Invalid(_("At most %(most)s departments can be asked.") % {"most": MOST_OFFICES})
    office = _office(found, offices, authority_id, name.strip())
    if found.state == ConsultationState.ASKED:
        office.asked_at, office.due_on = at, due_on(found, clock.china_date(at))
    try:
        with transaction.atomic():
            office.save()
    except IntegrityError as there:
        raise _bad_office(_("This department is asked already.")) from there
    _touch(found)
    _record(found, "office_added", actor=actor, at=at, data={"office": office.name})
    if office.asked_at is not None:
        _tell_office(office, found.units.count(), at)
    return office


def _office(
    found: Consultation, offices: Sequence[ConsultedOffice], authority_id: int | None, name: str
) -> ConsultedOffice:
    if authority_id is not None:
        chosen = next((one for one in reads.addable(found, offices) if one.pk == authority_id), None)
        if chosen is None:
            raise _bad_office(_("Choose a department of the list."))
        return ConsultedOffice(consultation=found, authority=chosen, department=chosen.department, name=chosen.name)
    if not name or len(name) > 100:
        raise _bad_office(_("Choose a department, or write its name in at most 100 characters."))
    return ConsultedOffice(consultation=found, name=name)


def _bad_office(problem: Text) -> Invalid:
    return Invalid(_("The department was not added."), problems={"name": [problem]})


@transaction.atomic
def remove_office(*, actor: Actor, reference: str, office: str, at: datetime) -> Consultation:
    """Takes a department out of the draft. Raises NotVisible, NotAllowed, WrongState (the letter was handed over)."""
    found = _take(actor, reference, rules.WRITE_LETTER)
    row = found.offices.filter(reference=office).first()
    if row is None:
        raise NotVisible
    row.delete()
    _touch(found)
    _record(found, "office_removed", actor=actor, at=at, data={"office": row.name})
    return found


@transaction.atomic
def hand_over(
    *, actor: Actor, reference: str, at: datetime, version: int | None = None, letter: Letter | None = None
) -> Consultation:
    """Puts letter and list before the approver. Raises NotVisible, NotAllowed, WrongState, Conflict, Invalid, Refused."""
    found = _take(actor, reference, rules.HAND_OVER_LETTER, version=version)
    if letter is not None:
        _write(found, letter)
    _still_waiting(found, actor)
    if not found.offices.exists():
        raise Invalid(_("Nobody would be asked."), problems={"name": [_("Add a department.")]})
    found.handed_by_id, found.note = actor.user_id, ""
    _change(found, found.hand_over, at=at)
    _touch(found)
    _record(found, "handed_over", actor=actor, at=at, data={"digest": reads.letter_digest(found)})
    _tell_approvers(found, "letter", actor, at)
    return found


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, note: str, at: datetime) -> Consultation:
    """The approver wants letter or conclusion changed. Raises NotVisible, NotAllowed, WrongState, Invalid (no words)."""
    found = _take(actor, reference, rules.HAND_BACK_LETTER)
    if not note.strip():
        raise Invalid(_("The handler must know why."), problems={"note": [_("Say what is to be looked at again.")]})
    is_letter = found.state == ConsultationState.TO_SEND
    handler = found.handed_by_id if is_letter else found.concluded_by_id
    if is_letter:
        _change(found, found.hand_back)
        found.handed_by = None
    else:
        _change(found, found.reopen)
        found.concluded_by = None
    found.note, found.handed_back_by_id = note.strip()[:LONGEST_REASON], actor.user_id
    _touch(found)
    _record(found, "handed_back", actor=actor, at=at, data={"note": found.note})
    outbox.notify(
        recipients=[handler] if handler else [],
        event=f"consultation.handed_back:{found.pk}:{at.isoformat()}",
        kind="consultation.handed_back",
        at=at,
        params={"title": found.title, "reason": found.note},
        link=page_of(found),
    )
    return found


@transaction.atomic
def cancel(*, actor: Actor, reference: str, at: datetime) -> Consultation:
    """Drops a draft; its units wait for another letter. Raises NotVisible, NotAllowed, WrongState."""
    found = _take(actor, reference, rules.DROP_CONSULTATION)
    _change(found, found.cancel, at=at)
    found.units.all().delete()
    _touch(found)
    _record(found, "cancelled", actor=actor, at=at)
    return found


@transaction.atomic
def send(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Consultation:
    """The second person's word: every department is asked today and has the rule set's working days to answer.

    `digest` is that of the letter the page showed. Raises NotVisible, NotAllowed (wrote it), WrongState, Conflict (the
    letter is another), Refused (a unit has moved on; the calendar of the year is not confirmed).
    """
    found = _take(actor, reference, rules.SEND_LETTER)
    offices, rows = reads.offices_of(found), _still_waiting(found, actor)
    content = reads.letter(found, offices, rows)
    if digest is not None and digest != audit.digest_of(content):
        raise Conflict(_("The letter is not what your page showed any more. Reload it and look again."))
    last_day = due_on(found, clock.china_date(at))
    found.text, found.letter, found.sent_by_id = content["text"], content, actor.user_id
    _change(found, found.send, at=at)
    _touch(found)
    for office in offices:
        office.asked_at, office.due_on = at, last_day
    ConsultedOffice.objects.bulk_update(offices, ["asked_at", "due_on"])
    data = {"digest": audit.digest_of(content), "offices": [one.name for one in offices], "due": last_day.isoformat()}
    _record(found, "sent", actor=actor, at=at, data=data)
    for office in offices:
        _tell_office(office, len(rows), at)
    return found


def due_on(found: Consultation, today: date) -> date:
    """The last day to answer for who is asked today; today is not counted. Raises Refused without a confirmed calendar."""
    rule = reads.rule_of(found)
    counted = NoticeRule(days=rule.days, unit="working", first_day="next", clause=rule.clause)
    try:
        return engine.period(counted, today, policy.calendar()).ends
    except CalendarUnknown as unknown:
        raise Refused(
            _(
                "The holiday plan of %(year)s is not confirmed, so the last day to answer cannot be fixed. "
                "Ask the administrator to enter it under “calendar”."
            )
            % {"year": unknown.year},
            code="calendar_unknown",
            clause=rule.clause,
        ) from unknown


# ---- the conclusion ---------------------------------------------------------------------------------------------
@transaction.atomic
def save_conclusion(
    *, actor: Actor, reference: str, version: int, rulings: Mapping[str, Ruling], at: datetime
) -> Consultation:
    """Keeps what is to become of units, complete or not. Raises NotVisible, NotAllowed, WrongState, Conflict, Invalid."""
    found = _take(actor, reference, rules.CONCLUDE_CONSULTATION, version=version)
    _rule(found, rulings)
    _touch(found)
    _record(found, "conclusion_written", actor=actor, at=at)
    return found


@transaction.atomic
def conclude(
    *,
    actor: Actor,
    reference: str,
    at: datetime,
    version: int | None = None,
    rulings: Mapping[str, Ruling] | None = None,
) -> Consultation:
    """Puts the conclusion before the approver.

    Raises NotVisible, NotAllowed (also who took part in an earlier step elsewhere: AZ-14), WrongState, Conflict, Refused
    while a department has not answered and its last day is not over (HEB-3b), Invalid (an adjustment or reason is missing).
    """
    found = _take(actor, reference, rules.CONCLUDE_CONSULTATION, version=version)
    _rule(found, rulings or {})
    offices = reads.offices_of(found)
    _everybody_heard(found, offices, clock.china_date(at))
    _is_complete(found, offices)
    _refuse_who_took_part(found, actor)
    found.concluded_by_id, found.note = actor.user_id, ""
    _change(found, found.conclude, at=at)
    _touch(found)
    _record(found, "concluded", actor=actor, at=at, data={"digest": reads.opinions_digest(found)})
    _tell_approvers(found, "conclusion", actor, at)
    return found


@transaction.atomic
def close(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Consultation:
    """The second person's word: opinions and conclusion are frozen, every unit goes where the conclusion says.

    `digest` is that of what the page showed. Raises NotVisible, NotAllowed (wrote it, or took part elsewhere: AZ-14),
    WrongState, Conflict (the content is another).
    """
    found = _take(actor, reference, rules.CLOSE_CONSULTATION)
    _refuse_who_took_part(found, actor)
    locked = _locked_cases(found, actor)
    offices = reads.offices_of(found)
    content = reads.opinions(found, offices)
    if digest is not None and digest != audit.digest_of(content):
        raise Conflict(_("The conclusion is not what your page showed any more. Reload it and look again."))
    found.frozen = content | {"concluded_by": _name(found), "closed_by": actor.name, "closed_at": at.isoformat()}
    found.digest, found.closed_by_id = audit.digest_of(found.frozen), actor.user_id
    _change(found, found.close, at=at)
    _touch(found)
    _record(found, "closed", actor=actor, at=at, data={"digest": found.digest})
    rows = list(reads.rows_of(found))
    for row in rows:
        case = locked[row.application_id]
        if case.state == State.CONSULTING and case.step == found.step:
            _carry_out(found, row, case, actor=actor, at=at)
        row.settled_at = at
    ConsultedUnit.objects.bulk_update(rows, ["settled_at"])
    return found


def _name(found: Consultation) -> str:
    return found.concluded_by.name if found.concluded_by else ""


def _everybody_heard(found: Consultation, offices: Iterable[ConsultedOffice], today: date) -> None:
    late = reads.unanswered(offices, today)
    if late:
        names = "、".join(one.name for one in late)
        raise Refused(
            _("Not answered yet, and the last day is not over: %(names)s.") % {"names": names},
            clause=reads.rule_of(found).clause,
        )


def _rule(found: Consultation, rulings: Mapping[str, Ruling]) -> None:
    problems: dict[str, list[Text]] = {}
    allowed = {key for key, _label in reads.adjustments(found)} | {""}
    rows = list(found.units.filter(application__reference__in=list(rulings)).select_related("application"))
    for row in rows:
        ruling, key = rulings[row.application.reference], row.application.reference
        if ruling.adjustment not in allowed:
            problems[f"adjustment-{key}"] = [_("Choose one of these.")]
        if len(ruling.reason.strip()) > LONGEST_REASON:
            problems[f"reason-{key}"] = [_("At most %(most)s characters.") % {"most": LONGEST_REASON}]
        row.adjustment, row.reason = ruling.adjustment, ruling.reason.strip()
    if problems:
        raise Invalid(_("The conclusion was not saved."), problems=problems)
    ConsultedUnit.objects.bulk_update(rows, ["adjustment", "reason"])


def _is_complete(found: Consultation, offices: Sequence[ConsultedOffice]) -> None:
    """Each adjustment has its reason (HLJ-19); without an objection there is nothing to adjust."""
    problems: dict[str, list[Text]] = {}
    for unit in reads.units(found, offices):
        key = unit.reference
        if unit.gone:
            continue
        if not unit.against:
            if unit.row.adjustment not in ("", Adjustment.KEEP):
                problems[f"adjustment-{key}"] = [_("No department objects to this unit: it goes on.")]
            continue
        if not unit.row.adjustment:
            problems[f"adjustment-{key}"] = [_("A department objects: say what becomes of this unit.")]
        if not unit.row.reason:
            problems[f"reason-{key}"] = [_("Give the reason.")]
    if problems:
        raise Invalid(_("The conclusion is not complete."), problems=problems)


def _refuse_who_took_part(found: Consultation, actor: Actor) -> None:
    rows = list(found.units.select_related("application"))
    earlier = conflicts.took_part(actor, [row.application_id for row in rows])
    names = [row.application.name for row in rows if row.application_id in earlier]
    if names:
        raise NotAllowed(
            _("You took part in an earlier step of %(names)s: another person must decide here.")
            % {"names": "、".join(names)}
        )


def _carry_out(found: Consultation, row: ConsultedUnit, case: Application, *, actor: Actor, at: datetime) -> None:
    data = {"consultation": found.reference}
    if row.adjustment == Adjustment.RETURN:
        _send_back(found, row, case, actor=actor, at=at, data=data)
    elif row.adjustment == Adjustment.LEAVE_OUT:
        _drop(found, row, case, actor=actor, at=at, data=data)
    else:
        step = cases.next_step(case)
        application_cases.move(
            case,
            "conclude_consultation",
            case.conclude_consultation,
            actor=actor,
            at=at,
            desk=screening.desk_for(case, step),
            opinion=row.reason,
            applicant_sees=False,  # what departments said of a unit that stays is the offices' own affair
            to=step.state,
            step=step.key,
            data=data,
        )


def _send_back(
    found: Consultation, row: ConsultedUnit, case: Application, *, actor: Actor, at: datetime, data: dict[str, str]
) -> None:
    bound = applications.rules_of(case.call)
    back = bound.step(bound.step(found.step).returned)
    # Whoever recommended it so far recommends it anew after the review (JY-16).
    case.batch_items.filter(returned_at=None).update(
        returned_at=at, returned_by_id=actor.user_id, return_reason=row.reason
    )
    desk = screening.desk_for(case, back)
    application_cases.move(
        case, "send_back", case.send_back, actor=actor, at=at, desk=desk, opinion=row.reason, data=data, step=back.key
    )
    if desk is None:
        return
    outbox.notify(
        recipients=accounts.people_with(
            desk, [Capacity.HANDLER, Capacity.APPROVER], clock.china_date(at), case.call.category
        ),
        event=f"consultation.unit_returned:{row.pk}",
        kind="consultation.unit_returned",
        at=at,
        params={"name": case.name, "reason": row.reason},
        link=reverse("applications:review", args=[case.reference]),
    )


def _drop(
    found: Consultation, row: ConsultedUnit, case: Application, *, actor: Actor, at: datetime, data: dict[str, str]
) -> None:
    """Ends the case as the rule set says: not recommended, or not listed. The applicant is told the reason."""
    end = engine.after(applications.rules_of(case.call), found.step, Result.FAILED)
    rejected = isinstance(end, End) and end.state == State.REJECTED
    verb, transition = ("reject", case.reject) if rejected else ("decline", case.decline)
    application_cases.move(case, verb, transition, actor=actor, at=at, desk=None, opinion=row.reason, data=data)
    kind = "case.rejected" if rejected else "case.not_listed"
    outbox.notify(
        recipients=screening.applicants_of(case),
        event=f"{kind}:{case.pk}:consultation:{found.pk}",
        kind=kind,
        at=at,
        params={"number": case.number, "reason": row.reason}
        | ({"authority": found.authority.name} if rejected else {}),
        link=screening.page_of(case),
    )


# ---- time -------------------------------------------------------------------------------------------------------
def mark_overdue(*, at: datetime) -> int:
    """Marks departments whose last day has passed without an answer, each once, and tells them and who asks."""

    @transaction.atomic
    def mark(pk: int) -> int:
        return _mark_overdue(pk, at)

    late = ConsultedOffice.objects.waiting().filter(overdue_at=None, due_on__lt=clock.china_date(at))
    return rounds.each(late.order_by("pk").values_list("pk", flat=True), mark)


def _mark_overdue(pk: int, at: datetime) -> int:
    found = _locked(Consultation.objects.filter(offices=pk))
    late = ConsultedOffice.objects.waiting().filter(pk=pk, overdue_at=None, due_on__lt=clock.china_date(at))
    office = late.select_related("authority").first()
    if found is None or office is None:
        return 0
    office.consultation, office.overdue_at = found, at
    office.save(update_fields=["overdue_at"])
    _tell_overdue(office, at)
    return 1


def _tell_overdue(office: ConsultedOffice, at: datetime) -> None:
    found = office.consultation
    assert office.due_on is not None
    params = {"office": office.name, "title": found.title, "day": office.due_on.isoformat()}
    for people, link in (
        (_people_of(office, at), reverse("reviews:opinion", args=[office.reference])),
        (_askers(found, at), page_of(found)),
    ):
        outbox.notify(
            recipients=people,
            event=f"consultation.overdue:{office.pk}",
            kind="consultation.overdue",
            at=at,
            params=params,
            link=link,
        )


def tell_answered(office: ConsultedOffice, *, at: datetime) -> None:
    """The handlers who ask learn of the last answer, not of each."""
    found = office.consultation
    if found.offices.filter(answered_at=None).exists():
        return
    outbox.notify(
        recipients=_askers(found, at),
        event=f"consultation.answered:{found.pk}:{at.isoformat()}",
        kind="consultation.answered",
        at=at,
        params={"title": found.title},
        link=page_of(found),
    )


def _tell_office(office: ConsultedOffice, count: int, at: datetime) -> None:
    assert office.due_on is not None
    outbox.notify(
        recipients=_people_of(office, at),
        event=f"consultation.asked:{office.pk}",
        kind="consultation.asked",
        at=at,
        params={
            "authority": office.consultation.authority.name,
            "title": office.consultation.title,
            "count": count,
            "day": office.due_on.isoformat(),
        },
        link=reverse("reviews:opinion", args=[office.reference]),
    )


def _tell_approvers(found: Consultation, what: str, actor: Actor, at: datetime) -> None:
    outbox.notify(
        recipients=accounts.people_with(
            found.authority_id, [Capacity.APPROVER], clock.china_date(at), found.call.category
        ),
        event=f"consultation.{what}_to_approve:{found.pk}:{at.isoformat()}",
        kind=f"consultation.{what}_to_approve",
        at=at,
        params={"title": found.title, "count": found.units.count()},
        link=page_of(found),
    )


def _people_of(office: ConsultedOffice, at: datetime) -> list[int]:
    if office.authority_id is None:
        return []
    category = office.consultation.call.category
    return accounts.people_with(office.authority_id, [Capacity.DEPARTMENT], clock.china_date(at), category)


def _askers(found: Consultation, at: datetime) -> list[int]:
    return accounts.people_with(found.authority_id, [Capacity.HANDLER], clock.china_date(at), found.call.category)


# ---- what the verbs share ---------------------------------------------------------------------------------------
def page_of(found: Consultation) -> str:
    return reverse("reviews:consultation", args=[found.reference])


def lock(*, actor: Actor, reference: str) -> Consultation:
    """The consultation, locked and read after the lock. Raises NotVisible."""
    found = _locked(Consultation.objects.visible_to(actor).filter(reference=reference))
    if found is None:
        raise NotVisible
    return found


def _locked(seen: QuerySet[Consultation]) -> Consultation | None:
    key = seen.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    rows = Consultation.objects.filter(pk=key).select_related(
        "call__rules", "call__owner__area", "authority__area", "concluded_by"
    )
    return rows.first() if key is not None else None


def _take(actor: Actor, reference: str, verb: Verb, *, version: int | None = None) -> Consultation:
    """The locked consultation, asked by who may, in a state that fits, as the page saw it."""
    found = lock(actor=actor, reference=reference)
    require(verb, found, actor)
    if found.state not in verb.states:
        raise WrongState(
            _("This is not possible any more: the consultation is now “%(state)s”.")
            % {"state": found.get_state_display()}
        )
    if version is not None and version != found.version:
        raise Conflict(
            _("Somebody else has changed this draft since you opened the page. Reload it to see what changed."),
            version=found.version,
        )
    return found


def _change(found: Consultation, transition: object, **arguments: object) -> None:
    try:
        transition(**arguments)  # type: ignore[operator]
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the consultation is now “%(state)s”.")
            % {"state": found.get_state_display()}
        ) from wrong


def _touch(found: Consultation) -> None:
    found.version += 1
    found.save()


def _waiting(call: Call, actor: Actor) -> list[Application]:
    """Cases of the call at a step of this kind at the actor's desk that no open consultation holds, locked."""
    rows = (
        Application.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "desk")
        .filter(call=call, state=State.CONSULTING, desk_id=actor.authority_id)
        .order_by("area_path", "pk")
    )
    found = [case for case in rows if cases.is_at(case, StepKind.CONSULT, actor=actor)]
    taken = set(
        ConsultedUnit.objects.filter(application__in=found, settled_at=None).values_list("application_id", flat=True)
    )
    return [case for case in found if case.pk not in taken][:MOST_UNITS]


def _take_in(found: Consultation, waiting: Collection[Application]) -> list[ConsultedUnit]:
    last = found.units.aggregate(last=Max("position"))["last"] or 0
    return ConsultedUnit.objects.bulk_create(
        ConsultedUnit(consultation=found, application=case, position=last + number)
        for number, case in enumerate(waiting, start=1)
    )


def _usual_offices(found: Consultation) -> None:
    """The departments of the rule set: the place's own offices; where the portal knows none, by name (on paper)."""
    area = Authority.objects.select_related("area").get(pk=found.authority_id).area
    for one in reads.rule_of(found).departments:
        own = [office for office in accounts.departments(area, one.key) if office.area_id == area.pk]
        office = own[0] if own else None
        ConsultedOffice.objects.create(
            consultation=found,
            department=one.key,
            authority=office,
            name=office.name if office else one.label.zh,
        )


def _write(found: Consultation, letter: Letter) -> None:
    problems: dict[str, list[Text]] = {}
    values = {"title": letter.title.strip(), "number": letter.number.strip(), "text": letter.text.strip()}
    if not values["title"]:
        problems["title"] = [_("Give the letter a title.")]
    for key, value in values.items():
        if len(value) > LONGEST[key]:
            problems.setdefault(key, []).append(_("At most %(most)s characters.") % {"most": LONGEST[key]})
    if problems:
        raise Invalid(_("The letter was not saved."), problems=problems)
    usual = reads.usual_text(found, found.units.count())
    # The rule set's own words stay unwritten, so that they follow the units while they change.
    found.text = "" if values["text"].split() == usual.split() else values["text"]
    found.title, found.number = values["title"], values["number"]
    _touch(found)


def _still_waiting(found: Consultation, actor: Actor) -> list[ConsultedUnit]:
    """The units, their cases locked. Raises Refused for one that has moved on, Invalid for an empty list."""
    locked = _locked_cases(found, actor)
    rows = list(reads.rows_of(found))
    if not rows:
        raise Invalid(_("The list holds no unit."), problems={"title": [_("The list holds no unit.")]})
    for row in rows:
        case = locked[row.application_id]
        if case.state != State.CONSULTING or case.step != found.step:
            raise Refused(
                _("%(name)s is not waiting for opinions any more (%(state)s): leave it out.")
                % {"name": case.name, "state": case.get_state_display()}
            )
    return rows


def _locked_cases(found: Consultation, actor: Actor) -> dict[int, Application]:
    ids = list(found.units.values_list("application_id", flat=True))
    return {case.pk: case for case in cases.lock_many(actor=actor, ids=ids)}


def _record(
    found: Consultation, what: str, *, actor: Actor, at: datetime, data: Mapping[str, object] | None = None
) -> None:
    audit.record(
        actor=actor,
        subject=("consultation", found.pk),
        action=f"consultation.{what}",
        at=at,
        data={"state": found.state, "title": found.title, **(data or {})},
    )
