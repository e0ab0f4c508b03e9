"""The overall review (QHD-10a): one person draws up what is proposed and what is declined, another approves it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application, Call
from applications.services import cases as application_cases
from applications.services import checks, screening
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, Text, WrongState
from greenlist.core.verbs import Verb, require
from greenlist.policy.engine.types import Finding, StepKind
from reviews import rules
from reviews.models import Decision, DecisionItem, PanelItem
from reviews.selectors import conflicts
from reviews.selectors import decisions as reads
from reviews.selectors.decisions import Lines
from reviews.services import cases
from reviews.states import Outcome

LONGEST_REASON = 500


@dataclass(frozen=True)
class Ruling:
    """What is decided on one unit."""

    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Draft:
    """The wording of a decision and its rulings by the application's reference; units left out stay as they are."""

    title: str
    text: str = ""
    rulings: Mapping[str, Ruling] = field(default_factory=dict)
    meeting: "Meeting | None" = None  # None: what was said of it stays


@dataclass(frozen=True)
class Meeting:
    """When and by whom it was decided, and whether the applicants hear of it later."""

    on: date | None = None
    participants: str = ""
    number: str = ""
    announce_later: bool = False


@transaction.atomic
def create(*, actor: Actor, call: Call, title: str, at: datetime, step: str = "") -> Decision:
    """A draft with every case of the call that waits for a decision at a step, filled in as the panels suggested.

    A route may hold several such steps; without `step`, the first at which something waits. Raises NotAllowed, Invalid
    (nothing waits).
    """
    decision = Decision(
        call=call, authority_id=actor.authority_id, title=title.strip(), created_by_id=actor.user_id, created_at=at
    )
    require(rules.DRAW_UP, decision, actor)
    waiting = [case for case in _waiting(call, actor) if step in ("", case.step)]
    if not waiting:
        raise Invalid(_("No application of this call waits for the overall review here."))
    if not decision.title:
        raise Invalid(_("The draft was not made."), problems={"title": [_("Give the decision a title.")]})
    here = cases.step_of(waiting[0])
    decision.step, decision.four_eyes = here.key, here.four_eyes
    decision.save()
    taken = [case for case in waiting if case.step == here.key]
    _take_in(decision, taken)
    _record(decision, "created", actor=actor, at=at, data={"units": [case.reference for case in taken]})
    return decision


@transaction.atomic
def take_in(*, actor: Actor, reference: str, at: datetime) -> list[DecisionItem]:
    """Adds what has come to wait since the draft was made. Raises NotVisible, NotAllowed, WrongState."""
    decision = lock(actor=actor, reference=reference)
    _drafting(decision, actor)
    made = _take_in(decision, [case for case in _waiting(decision.call, actor) if case.step == decision.step])
    decision.version += bool(made)
    decision.save()
    _record(decision, "units_added", actor=actor, at=at, data={"units": [item.application_id for item in made]})
    return made


@transaction.atomic
def leave_out(*, actor: Actor, reference: str, case: str, at: datetime) -> Decision:
    """Takes one unit out of the draft; it waits for another decision. Raises NotVisible, NotAllowed, WrongState."""
    decision = lock(actor=actor, reference=reference)
    _drafting(decision, actor)
    item = decision.items.filter(application__reference=case).first()
    if item is None:
        raise NotVisible
    item.delete()
    decision.version += 1
    decision.save()
    _record(decision, "unit_left_out", actor=actor, at=at, data={"unit": case})
    return decision


@transaction.atomic
def save(*, actor: Actor, reference: str, version: int, draft: Draft, at: datetime) -> Decision:
    """Keeps the draft, complete or not.

    Raises NotVisible, NotAllowed, WrongState (handed over), Conflict (somebody else saved), Invalid (unknown outcome).
    """
    decision = lock(actor=actor, reference=reference, version=version)
    _drafting(decision, actor)
    _write(decision, draft)
    return decision


@transaction.atomic
def hand_over(
    *, actor: Actor, reference: str, at: datetime, version: int | None = None, draft: Draft | None = None
) -> Decision:
    """Puts the draft, as given or as saved, before the approver.

    Raises NotVisible, NotAllowed (also who took part in an earlier step: AZ-14), WrongState, Conflict, Refused (a check
    blocks, a unit is not under overall review any more), Invalid (an outcome or a reason is missing).
    """
    decision = lock(actor=actor, reference=reference, version=version)
    require(rules.HAND_OVER, decision, actor)
    _in_state(decision, rules.HAND_OVER)
    if draft is not None:
        _write(decision, draft)
    items, under_review = _items(decision, actor)
    _is_complete(decision, items)
    _refuse_who_took_part(actor, items)
    _check(items, under_review, actor=actor, at=at)
    decision.hand_to_approver(at=at)
    decision.proposed_by_id, decision.note = actor.user_id, ""
    decision.version += 1
    decision.save()
    content = reads.content(decision, items)
    _record(decision, "handed_over", actor=actor, at=at, data={"digest": audit.digest_of(content)})
    outbox.notify(
        recipients=accounts.people_with(
            decision.authority_id, [Capacity.APPROVER], clock.china_date(at), decision.call.category
        ),
        event=f"decision.to_approve:{decision.pk}:{at.isoformat()}",
        kind="decision.to_approve",
        at=at,
        params={"title": decision.title, "count": sum(item.outcome == Outcome.PROPOSE for item in items)},
        link=page_of(decision),
    )
    return decision


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, note: str, at: datetime) -> Decision:
    """The approver wants it changed: the draft opens again. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    decision = lock(actor=actor, reference=reference)
    require(rules.HAND_BACK, decision, actor)
    if not note.strip():
        raise Invalid(_("The handler must know why."), problems={"note": [_("Say what is to be looked at again.")]})
    handler = decision.proposed_by_id
    try:
        decision.hand_back()
    except TransitionNotAllowed as wrong:
        raise WrongState(rules.NOT_HANDED_OVER) from wrong
    decision.proposed_by = None
    decision.note = note.strip()[:LONGEST_REASON]
    decision.handed_back_by_id, decision.handed_back_at = actor.user_id, at
    decision.version += 1
    decision.save()
    _record(decision, "handed_back", actor=actor, at=at, data={"note": decision.note})
    outbox.notify(
        recipients=[handler] if handler else [],
        event=f"decision.handed_back:{decision.pk}:{at.isoformat()}",
        kind="decision.handed_back",
        at=at,
        params={"title": decision.title, "reason": decision.note},
        link=page_of(decision),
    )
    return decision


@transaction.atomic
def cancel(*, actor: Actor, reference: str, at: datetime) -> Decision:
    """Drops a draft; its units wait for another. Raises NotVisible, NotAllowed, WrongState."""
    decision = lock(actor=actor, reference=reference)
    _drafting(decision, actor)
    decision.cancel()
    decision.save()
    decision.items.all().delete()
    _record(decision, "cancelled", actor=actor, at=at)
    return decision


@transaction.atomic
def approve(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Decision:
    """The second person's word: the list is frozen, each unit is proposed or declined with its reasons (QHD-10a).

    `digest` is that of the content the page showed. Raises NotVisible, NotAllowed (the same person handed it over, or
    took part in an earlier step: AZ-14), WrongState, Conflict (the content is another), Refused naming unit and clause
    when a check blocks or a case has moved on.
    """
    decision = lock(actor=actor, reference=reference)
    require(rules.APPROVE, decision, actor)
    _in_state(decision, rules.APPROVE)
    items, under_review = _items(decision, actor)
    _refuse_who_took_part(actor, items)
    content = reads.content(decision, items)
    if digest is not None and digest != audit.digest_of(content):
        raise Conflict(_("The list is not what your page showed any more. Reload it and look again."))
    _check(items, under_review, actor=actor, at=at)
    decision.frozen = reads.frozen(decision, content, actor=actor, at=at)
    decision.digest = audit.digest_of(decision.frozen)
    decision.approved_by_id = actor.user_id
    decision.approve(at=at)
    decision.version += 1
    decision.save()
    _record(decision, "approved", actor=actor, at=at, data={"digest": decision.digest})
    for item in items:
        _carry_out(decision, item, under_review[item.application_id], actor=actor, at=at)
    return decision


@transaction.atomic
def attach_record(
    *, actor: Actor, reference: str, upload: UploadedFile, at: datetime, version: int | None = None
) -> Decision:
    """The signed record of the meeting as a file, while the draft is open.

    Raises NotVisible, NotAllowed, WrongState, Conflict, TooMany, Invalid (the file).
    """
    decision = lock(actor=actor, reference=reference, version=version)
    _drafting(decision, actor)
    limits.take("upload", actor=actor, at=at)
    decision.record_file = attachments.store(upload=upload, at=at)
    decision.version += 1
    decision.save()
    _record(decision, "record_added", actor=actor, at=at, data={"sha256": decision.record_file.sha256})
    return decision


@transaction.atomic
def tell(*, actor: Actor, reference: str, at: datetime) -> Decision:
    """Ends the silence of a decision that is announced later. Raises NotVisible, NotAllowed, WrongState."""
    decision = lock(actor=actor, reference=reference)
    require(rules.TELL, decision, actor)
    if not decision.is_untold:
        raise WrongState(rules.TELL.not_now)
    release(decisions=[decision], actor=actor, at=at)
    decision.refresh_from_db()
    return decision


def release(*, decisions: Collection[Decision], actor: Actor, at: datetime) -> None:
    """Tells the applicants what was decided; the caller is inside `atomic`. Told already: nothing to do.

    Called by the public notice and by the announcement too: with them everybody may know.
    """
    keys = [decision.pk for decision in decisions if decision.is_untold]
    for decision in Decision.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk"):
        if not decision.is_untold:
            continue
        decision.released_at = at
        decision.save(update_fields=["released_at"])
        items = {item.application_id: item for item in decision.items.all()}
        waiting = Application.objects.select_for_update(of=("self",)).filter(pk__in=items).exclude(untold_step="")
        for case in waiting.select_related("call__rules", "organisation", "desk").order_by("pk"):
            case.untold_step = ""
            case.save(update_fields=["untold_step"])
            item = items[case.pk]
            if item.outcome == Outcome.DECLINE and case.state == State.DECIDING and case.step == decision.step:
                _decline(decision, item, case, actor=actor, at=at)
        _record(decision, "told", actor=actor, at=at)


def lock(*, actor: Actor, reference: str, version: int | None = None) -> Decision:
    """The decision, locked. Raises NotVisible, and Conflict when the page that asks saw an older version."""
    rows = (
        Decision.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "call__owner__area", "authority")
    )
    decision = rows.filter(reference=reference).first()
    if decision is None:
        raise NotVisible
    if version is not None and version != decision.version:
        raise Conflict(
            _("Somebody else has changed this draft since you opened the page. Reload it to see what changed."),
            version=decision.version,
        )
    return decision


def page_of(decision: Decision) -> str:
    return reverse("reviews:decision", args=[decision.reference])


def _drafting(decision: Decision, actor: Actor) -> None:
    require(rules.DRAW_UP, decision, actor)
    _in_state(decision, rules.DRAW_UP)


def _in_state(decision: Decision, verb: Verb) -> None:
    if decision.state not in verb.states:
        raise WrongState(verb.not_now)


def _waiting(call: Call, actor: Actor) -> list[Application]:
    """Cases of the call under overall review at the actor's desk that no decision has taken in, locked."""
    rows = (
        Application.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "desk")
        .filter(call=call, state=State.DECIDING, desk_id=actor.authority_id)
        .order_by("pk")
    )
    cases_ = [case for case in rows if cases.is_at(case, StepKind.DECISION, actor=actor)]
    taken = set(DecisionItem.objects.filter(application__in=cases_).values_list("application_id", "step"))
    return [case for case in cases_ if (case.pk, case.step) not in taken]


def _take_in(decision: Decision, waiting: Collection[Application]) -> list[DecisionItem]:
    """New items, filled in as the panel suggested; what the panel does not suggest still needs its reason."""
    suggested = reads.suggestions([case.pk for case in waiting])
    lines = reads.lines_of(decision)
    return DecisionItem.objects.bulk_create(
        DecisionItem(
            decision=decision,
            application=case,
            step=decision.step,
            outcome=_as_suggested(suggested.get(case.pk), lines, case),
        )
        for case in waiting
    )


def _as_suggested(unit: PanelItem | None, lines: Lines, case: Application) -> str:
    if lines.decided_before:
        return Outcome.PROPOSE
    if lines.strict and not lines.reached(case.panel_score):
        return Outcome.DECLINE
    if unit is None or unit.suggested is None:
        return ""
    return Outcome.PROPOSE if unit.suggested else Outcome.DECLINE


def _write(decision: Decision, draft: Draft) -> None:
    problems: dict[str, list[Text]] = {}
    if not draft.title.strip():
        problems["title"] = [_("Give the decision a title.")]
    items = list(decision.items.select_related("application"))
    for item in items:
        ruling = draft.rulings.get(item.application.reference)
        if ruling is None:
            continue
        if ruling.outcome and ruling.outcome not in Outcome:
            problems[f"outcome-{item.application.reference}"] = [_("Choose one of the two.")]
        if len(ruling.reason.strip()) > LONGEST_REASON:
            most = {"most": LONGEST_REASON}
            problems[f"reason-{item.application.reference}"] = [_("At most %(most)s characters.") % most]
        item.outcome, item.reason = ruling.outcome, ruling.reason.strip()
    if problems:
        raise Invalid(_("The draft was not saved."), problems=problems)
    decision.title, decision.text = draft.title.strip(), draft.text.strip()
    if draft.meeting is not None:
        decision.met_on, decision.announce_later = draft.meeting.on, draft.meeting.announce_later
        decision.participants = draft.meeting.participants.strip()
        decision.record_number = draft.meeting.number.strip()
    decision.version += 1
    decision.save()
    DecisionItem.objects.bulk_update(items, ["outcome", "reason"])


def _items(decision: Decision, actor: Actor) -> tuple[list[DecisionItem], dict[int, Application]]:
    """The decision's items in the order of the list, and their cases, locked. Raises Refused for one that moved on."""
    ids = list(decision.items.values_list("application_id", flat=True))
    locked = {case.pk: case for case in cases.lock_many(actor=actor, ids=ids)}
    items = reads.items_of(decision)
    for item in items:
        case = locked[item.application_id]
        item.application = case
        if case.state != State.DECIDING or case.step != decision.step or case.desk_id != decision.authority_id:
            raise Refused(
                _("%(name)s is not under overall review any more (%(state)s): hand the draft back and leave it out.")
                % {"name": case.name, "state": case.get_state_display()}
            )
    return items, locked


def _is_complete(decision: Decision, items: Collection[DecisionItem]) -> None:
    problems: dict[str, list[Text]] = {}
    suggested = reads.suggestions([item.application_id for item in items])
    lines = reads.lines_of(decision)
    for item in items:
        problems |= _lacking(item, suggested.get(item.application_id), lines)
    if reads.step_of(decision).record:
        if decision.met_on is None:
            problems["met_on"] = [_("Say on which day the meeting was held.")]
        if not decision.participants:
            problems["participants"] = [_("Say who took part in the meeting.")]
    if not items:
        problems["title"] = [_("The draft holds no unit.")]
    if problems:
        raise Invalid(_("The draft is not complete."), problems=problems)


def _lacking(item: DecisionItem, unit: PanelItem | None, lines: Lines) -> dict[str, list[Text]]:
    """What is missing of one unit, by the name of its field."""
    key = item.application.reference
    if not item.outcome:
        return {f"outcome-{key}": [_("Decide on this unit, or leave it out.")]}
    if item.outcome == Outcome.PROPOSE and lines.strict and not lines.reached(item.application.panel_score):
        line = {"line": f"{lines.passing:f}", "article": lines.article}
        return {
            f"outcome-{key}": [_("Below the pass line of %(line)s points (%(article)s): it cannot be proposed.") % line]
        }
    if item.reason:
        return {}
    if item.outcome == Outcome.DECLINE:
        return {f"reason-{key}": [_("Give the reasons: the applicant receives them.")]}
    if reads.deviates(item, unit, lines):
        said = _("This differs from what the panel suggests or from the pass line: give the reason.")
        return {f"reason-{key}": [said]}
    return {}


def _refuse_who_took_part(actor: Actor, items: Collection[DecisionItem]) -> None:
    """AZ-14: who recommended a case elsewhere, judged it or declared a conflict does not decide on it here."""
    earlier = conflicts.took_part(actor, [item.application_id for item in items])
    names = [item.application.name for item in items if item.application_id in earlier]
    if names:
        raise NotAllowed(
            _("You took part in an earlier step of %(names)s: another person must decide here.")
            % {"names": "、".join(names)}
        )


def _check(
    items: Collection[DecisionItem],
    under_review: Mapping[int, Application],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Checks each unit that is proposed once more; refuses naming unit and clause where the rule set blocks."""
    proposed = [under_review[item.application_id] for item in items if item.outcome == Outcome.PROPOSE]
    point = _point(proposed)
    found = checks.run_many(cases=proposed, point=point, actor=actor, at=at) if point else {}
    blocking: list[Finding] = []
    named: list[str] = []
    for case in proposed:
        stops = [one for one in found.get(case.pk, ()) if one.blocks]
        if stops:
            blocking += stops
            named.append(reads.with_clauses(case, stops))
    if blocking:
        raise Refused(
            _("Cannot be proposed: %(units)s") % {"units": "；".join(named)},
            findings=blocking,
            clause=blocking[0].clause,
        )


def _point(proposed: list[Application]) -> str:
    """Where the rule set checks: this step, or the one it leads to (QHD-10b: the notice)."""
    return (cases.step_of(proposed[0]).point or cases.next_step(proposed[0]).point) if proposed else ""


def _carry_out(decision: Decision, item: DecisionItem, case: Application, *, actor: Actor, at: datetime) -> None:
    data = {"decision": decision.reference}
    case.untold_step = decision.step if decision.announce_later else ""
    if item.outcome == Outcome.PROPOSE:
        step = cases.next_step(case)
        application_cases.move(
            case,
            "propose",
            case.propose,
            actor=actor,
            at=at,
            desk=screening.desk_for(case, step),
            opinion=item.reason,
            applicant_sees=False,  # who is proposed is told by the public notice, to everybody at once
            to=step.state,
            step=step.key,
            data=data,
        )
        return
    if decision.announce_later:  # it stays where it is until `release`
        case.save(update_fields=["untold_step"])
        return
    _decline(decision, item, case, actor=actor, at=at)


def _decline(decision: Decision, item: DecisionItem, case: Application, *, actor: Actor, at: datetime) -> None:
    data = {"decision": decision.reference}
    application_cases.move(case, "decline", case.decline, actor=actor, at=at, desk=None, opinion=item.reason, data=data)
    outbox.notify(
        recipients=screening.applicants_of(case),
        event=f"case.not_listed:{case.pk}:{decision.pk}",
        kind="case.not_listed",
        at=at,
        params={"number": case.number, "reason": item.reason},
        link=screening.page_of(case),
    )


def _record(
    decision: Decision, what: str, *, actor: Actor, at: datetime, data: Mapping[str, object] | None = None
) -> None:
    audit.record(
        actor=actor,
        subject=("decision", decision.pk),
        action=f"decision.{what}",
        at=at,
        data={"state": decision.state, "title": decision.title, **(data or {})},
    )
