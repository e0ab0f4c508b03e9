"""A panel from its making to its conclusion (QHD-9). What its experts do is in `seats`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application, Call, Grant
from applications.services import cases as application_cases
from applications.services import screening
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Mandate
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotVisible, Refused, Text, WrongState
from greenlist.core.verbs import require
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import Step, StepKind
from reviews import rules
from reviews.models import Expert, Panel, PanelItem, Seat, Sheet, ShownFile
from reviews.selectors import blind, conflicts, scores
from reviews.selectors import panels as reads
from reviews.services import cases
from reviews.states import LIVE_PANELS, DrawKind, OutKind, PanelKind, PanelState

DRAWN = "draw"  # among the reviewers a rule set names: experts, but only drawn


@dataclass(frozen=True)
class Plan:
    """What the convening authority lays down before the panel opens. Applications by reference, experts by person."""

    title: str
    kind: str = PanelKind.EXPERTS
    body: str = ""
    plan: str = ""
    pledge: str = ""
    closes_on: date | None = None
    applications: tuple[str, ...] = ()
    experts: tuple[int, ...] = ()
    chair: int | None = None
    drawn: bool = False  # the experts are drawn at random afterwards, not chosen here
    per_case: int | None = None  # experts for each unit; None: everybody judges everything
    blind: bool = False
    commissioned: int | None = None  # a registered body, by its key


@dataclass(frozen=True)
class Conclusion:
    """What the panel says about one unit; `score` only where a body was commissioned (experts' sheets are counted)."""

    suggested: bool | None = None
    text: str = ""
    score: Decimal | None = None


@dataclass(frozen=True)
class Result:
    """The written opinion, and the conclusion on each unit by the application's reference."""

    opinion: str
    units: Mapping[str, Conclusion] = field(default_factory=dict)
    fewer: str = ""  # why some unit was judged by fewer experts than laid down


@transaction.atomic
def create(*, actor: Actor, call: Call, plan: Plan, at: datetime) -> Panel:
    """A panel in preparation for cases of one call that wait for review at the actor's desk.

    Raises NotAllowed, Invalid (nothing chosen, a case that does not wait here, words missing).
    """
    panel = Panel(call=call, authority_id=actor.authority_id, created_by_id=actor.user_id, created_at=at)
    require(rules.EDIT_PANEL, panel, actor)
    _write(panel, plan, actor=actor, at=at)
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.created", at=at, data=_as_data(plan))
    return panel


@transaction.atomic
def edit(*, actor: Actor, reference: str, version: int, plan: Plan, at: datetime) -> Panel:
    """Replaces what was laid down. Raises NotVisible, NotAllowed, WrongState, Conflict (somebody else edited), Invalid,
    Refused (the members have been drawn: they are not chosen after that).
    """
    panel = lock(actor=actor, reference=reference, version=version)
    require(rules.EDIT_PANEL, panel, actor)
    in_state(panel, rules.EDIT_PANEL.states, rules.IN_PREPARATION)
    if panel.drawn and not (plan.drawn and plan.kind == PanelKind.EXPERTS) and panel.draws.exists():
        raise Refused(rules.STAYS_DRAWN, clause=scores.step_of(panel).clause)
    _write(panel, plan, actor=actor, at=at)
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.edited", at=at, data=_as_data(plan))
    return panel


@transaction.atomic
def cancel(*, actor: Actor, reference: str, at: datetime) -> Panel:
    """Drops a panel in preparation; its cases wait for another. Raises NotVisible, NotAllowed, WrongState."""
    panel = lock(actor=actor, reference=reference)
    require(rules.CANCEL_PANEL, panel, actor)
    try:
        panel.cancel(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(rules.IN_PREPARATION) from wrong
    panel.save()
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.cancelled", at=at)
    return panel


@transaction.atomic
def open_panel(*, actor: Actor, reference: str, at: datetime) -> Panel:
    """Convenes: the cases come under review, the experts are invited. No material opens yet: that takes the pledge.

    Raises NotVisible, NotAllowed, WrongState (opened already, or a case is not waiting any more), Invalid (a case that
    no invited expert may judge).
    """
    panel = lock(actor=actor, reference=reference)
    require(rules.OPEN_PANEL, panel, actor)
    waiting = _cases_of(panel, actor)
    _is_prepared(panel)
    _still_fits(panel, waiting, at)
    try:
        panel.open(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The panel has been opened already.")) from wrong
    panel.save()
    for case in waiting:
        _must_wait(case, actor)
        application_cases.move(
            case, "convene", case.convene, actor=actor, at=at, desk=case.desk, data={"panel": panel.reference}
        )
    seats = list(panel.seats.select_related("user").order_by("pk"))
    _may_sit(panel, [seat.user_id for seat in seats])
    _lay_sheets(panel, seats, waiting, at, _given_out(panel, seats, waiting, actor, at))
    _each_judged(panel, waiting)
    audit.record(
        actor=actor,
        subject=("panel", panel.pk),
        action="panel.opened",
        at=at,
        data={"cases": [case.reference for case in waiting], "experts": [seat.user_id for seat in seats]},
    )
    tell_invited(panel, seats, len(waiting), at=at)
    return panel


@transaction.atomic
def record_talk(
    *, actor: Actor, reference: str, version: int, risks: str, talk_on: date | None, talk: str, at: datetime
) -> Panel:
    """Integrity risk points, and the reminder talk about them (HLJ-17): when, who spoke to whom.

    Raises NotVisible, NotAllowed, WrongState, Conflict, Invalid (words or day missing, a day to come).
    """
    panel = lock(actor=actor, reference=reference, version=version)
    require(rules.TALK, panel, actor)
    in_state(panel, rules.TALK.states, rules.IN_PREPARATION)
    problems: dict[str, list[Text]] = {}
    if not risks.strip():
        problems["risks"] = [_("Write down the risk points.")]
    if talk_on is None:
        problems["talk_on"] = [_("Give the day of the talk.")]
    elif talk_on > clock.china_date(at):
        problems["talk_on"] = [_("The talk must have been held.")]
    if not talk.strip():
        problems["talk"] = [_("Say who spoke to whom.")]
    if problems:
        raise Invalid(_("The record is not complete."), problems=problems)
    panel.risks, panel.talk_on, panel.talk = risks.strip(), talk_on, talk.strip()[:300]
    panel.version += 1
    panel.save()
    data = {"risks": panel.risks, "on": talk_on, "talk": panel.talk}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.talk_recorded", at=at, data=data)
    return panel


@transaction.atomic
def show_files(
    *, actor: Actor, reference: str, shown: Collection[str], at: datetime, cases: Collection[str] | None = None
) -> Panel:
    """Which files a blind panel may see, by their references: those that an official found to name nobody.

    `cases`: only of these units (a page of them); what was said of the others stands.

    Raises NotVisible, NotAllowed, WrongState (not blind, or over).
    """
    panel = lock(actor=actor, reference=reference)
    require(rules.EDIT_PANEL, panel, actor)
    in_state(panel, LIVE_PANELS, rules.NOT_AT_WORK)
    if not panel.blind:
        raise WrongState(_("This panel sees names: it sees the files as well."))
    known = {row.reference: row for _item, rows in blind.to_show(panel, cases=cases) for row, _is_shown in rows}
    if set(shown) - set(known):
        raise NotVisible
    before = panel.shown_files.select_related("evidence")
    there = {row.evidence.reference: row for row in before if cases is None or row.evidence.reference in known}
    for key in sorted(set(there) - set(shown)):
        there[key].delete()
        data = {"file": key}
        audit.record(actor=actor, subject=("panel", panel.pk), action="panel.file_hidden", at=at, data=data)
    for key in sorted(set(shown) - set(there)):
        ShownFile.objects.create(panel=panel, evidence=known[key], shown_by_id=actor.user_id, shown_at=at)
        data = {"file": key, "sha256": known[key].blob.sha256}
        audit.record(actor=actor, subject=("panel", panel.pk), action="panel.file_shown", at=at, data=data)
    return panel


@transaction.atomic
def name_chair(*, actor: Actor, reference: str, seat_id: int, at: datetime) -> Seat:
    """Who leads a panel that is being prepared or at work. Raises NotVisible, NotAllowed, WrongState."""
    panel = lock(actor=actor, reference=reference)
    require(rules.EDIT_PANEL, panel, actor)
    in_state(panel, LIVE_PANELS, rules.NOT_AT_WORK)
    seat = panel.seats.live().filter(pk=seat_id).first()
    if seat is None:
        raise NotVisible
    panel.seats.exclude(pk=seat.pk).update(is_chair=False)
    seat.is_chair = True
    seat.save()
    data = {"expert": seat.user_id}
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.chair_named", at=at, data=data)
    return seat


@transaction.atomic
def invite(*, actor: Actor, reference: str, user_id: int, at: datetime) -> Seat:
    """Another expert joins a panel at work (QHD-9), for instance in place of one who gave up the seat.

    Raises NotVisible, NotAllowed, WrongState, Invalid (no expert, or here already).
    """
    panel = lock(actor=actor, reference=reference)
    require(rules.INVITE, panel, actor)
    in_state(panel, rules.INVITE.states, rules.NOT_AT_WORK)
    if panel.kind != PanelKind.EXPERTS:
        raise Invalid(_("A commissioned body reviews here: it has no seats."))
    if panel.drawn:
        raise Refused(
            _("The experts of this panel are drawn: draw a substitute, or another opinion on a unit."),
            clause=scores.step_of(panel).clause,
        )
    if panel.seats.filter(user_id=user_id).exists():
        raise Invalid(_("This expert has or had a seat on the panel."), problems={"expert": [_("choose another")]})
    (seat,) = _seats(panel, [user_id], None, at)
    seat.save()
    short = reads.short_units(panel)
    waiting = [case for case in _live_cases(panel) if panel.per_case is None or case.pk in short]
    if not waiting:
        raise Invalid(_("Every unit has its experts: ask for another opinion on one of them instead."))
    _lay_sheets(panel, [seat], waiting, at)
    audit.record(actor=actor, subject=("panel", panel.pk), action="panel.invited", at=at, data={"expert": user_id})
    tell_invited(panel, [seat], len(waiting), at=at)
    return seat


@transaction.atomic
def excuse(*, actor: Actor, reference: str, seat_id: int, reason: str, at: datetime) -> Seat:
    """The authority takes an expert off a panel at work; access ends at once, the sheets stay but do not count.

    Raises NotVisible, NotAllowed, WrongState, Invalid (no reason).
    """
    panel = lock(actor=actor, reference=reference)
    require(rules.INVITE, panel, actor)
    in_state(panel, rules.INVITE.states, rules.NOT_AT_WORK)
    seat = panel.seats.live().select_related("user").filter(pk=seat_id).first()
    if seat is None:
        raise NotVisible
    vacate(seat, actor=actor, reason=reason, at=at)
    return seat


def vacate(seat: Seat, *, actor: Actor, reason: str, at: datetime) -> None:
    """A seat is given up for good; the caller holds the panel's lock. Raises Invalid without a reason."""
    reason = reason.strip()
    if not reason:
        raise Invalid(_("Give the reason."), problems={"reason": [_("is needed")]})
    seat.recused_at, seat.recused_by_id, seat.recusal_reason = at, actor.user_id, reason[:300]
    seat.save()
    end_access(seat.panel_id, at=at, users=[seat.user_id])
    audit.record(
        actor=actor,
        subject=("panel", seat.panel_id),
        action="panel.seat_given_up",
        at=at,
        data={"expert": seat.user_id, "reason": reason},
    )


@transaction.atomic
def note_result(*, actor: Actor, reference: str, version: int, result: Result, at: datetime) -> Panel:
    """Keeps an unfinished conclusion. Raises NotVisible, NotAllowed, WrongState, Conflict."""
    panel = lock(actor=actor, reference=reference, version=version)
    require(rules.CONCLUDE, panel, actor)
    in_state(panel, rules.CONCLUDE.states, rules.NOT_AT_WORK)
    panel.opinion, panel.fewer = result.opinion.strip(), result.fewer.strip()[:300]
    panel.version += 1
    panel.save()
    _note_units(panel, result)
    return panel


def conclude(
    *,
    actor: Actor,
    reference: str,
    version: int,
    result: Result,
    at: datetime,
    upload: UploadedFile | None = None,
) -> Panel:
    """Closes the panel with its written opinion and its suggestion on each unit (QHD-9); every case goes on.

    Scores are counted anew from the locked sheets of those who still sit (WF-15). All access ends.
    Raises NotVisible, NotAllowed, WrongState, Conflict, Refused (somebody still has to lock), Invalid (words missing),
    TooMany (files).
    """
    if upload is not None:
        limits.take("upload", actor=actor, at=at)
    return _conclude(actor, reference, version, result, at, upload)


@transaction.atomic
def _conclude(
    actor: Actor, reference: str, version: int, result: Result, at: datetime, upload: UploadedFile | None
) -> Panel:
    panel = lock(actor=actor, reference=reference, version=version)
    require(rules.CONCLUDE, panel, actor)
    under_review = _live_cases(panel, actor)
    _nobody_at_work(panel)
    panel.opinion, panel.fewer = result.opinion.strip(), result.fewer.strip()[:300]
    _note_units(panel, result)
    items = list(
        panel.items.filter(application__in=under_review).select_related("application").order_by("application_id")
    )
    _is_complete(panel, items)
    if upload is not None:
        panel.opinion_file = attachments.store(upload=upload, at=at)
    panel.concluded_by_id = actor.user_id
    panel.version += 1
    try:
        panel.conclude(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(rules.NOT_AT_WORK) from wrong
    panel.save()
    _count(panel, items, under_review)
    for case in under_review:
        step = cases.next_step(case)
        application_cases.move(
            case,
            "conclude_review",
            case.conclude_review,
            actor=actor,
            at=at,
            desk=screening.desk_for(case, step),
            to=step.state,
            step=step.key,
            data={"panel": panel.reference},
        )
    end_access(panel.pk, at=at)
    audit.record(
        actor=actor,
        subject=("panel", panel.pk),
        action="panel.concluded",
        at=at,
        data={
            "opinion": audit.digest_of(panel.opinion),
            "units": [[item.application.reference, item.suggested, item.score, item.spread] for item in items],
        },
    )
    return panel


def lock(*, actor: Actor, reference: str, version: int | None = None) -> Panel:
    """The panel, locked: whatever happens to a panel, its seats or its sheets waits here first.

    Raises NotVisible, and Conflict when the page that asks saw an older version.
    """
    rows = Panel.objects.visible_to(actor).select_for_update(of=("self",)).select_related("call__rules", "authority")
    panel = rows.filter(reference=reference).first()
    if panel is None:
        raise NotVisible
    if version is not None and version != panel.version:
        raise Conflict(
            _("Somebody else has changed this panel since you opened the page. Reload it to see what changed."),
            version=panel.version,
        )
    return panel


def end_access(panel_id: int, *, at: datetime, users: Collection[int] | None = None) -> None:
    """Ends the right to read the panel's cases: of all its experts, or of some."""
    if users is None:
        users = list(Seat.objects.filter(panel_id=panel_id).values_list("user_id", flat=True))
    before = PanelItem.objects.filter(panel_id=panel_id).values("application_id")
    Grant.objects.live().filter(user_id__in=users, application_id__in=before).update(ended_at=at)


def open_material(seat: Seat, *, at: datetime) -> None:
    """Facts fall downhill: the right to read is a row of `applications`, one per unit without a conflict.

    A blind panel has no such rows: its experts read through their seat alone, without names.
    """
    if seat.panel.blind:
        return
    there = set(Grant.objects.live().filter(user_id=seat.user_id).values_list("application_id", flat=True))
    rows = seat.sheets.filter(conflict="", item__application__state=State.UNDER_REVIEW)
    Grant.objects.bulk_create(
        Grant(application_id=case, user_id=seat.user_id, granted_at=at)
        for case in rows.order_by("item__application_id").values_list("item__application_id", flat=True)
        if case not in there
    )


# ---- what is laid down ------------------------------------------------------------------------------------------
def _write(panel: Panel, plan: Plan, *, actor: Actor, at: datetime) -> None:
    chosen = list(
        Application.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "desk")
        .filter(reference__in=plan.applications, call=panel.call)
        .order_by("pk")
    )
    _plan_is_complete(panel, plan, chosen, actor)
    step = cases.step_of(chosen[0])
    _reviewers_fit(plan, step)
    panel.step = step.key
    panel.title, panel.kind, panel.body = plan.title.strip(), plan.kind, plan.body.strip()
    panel.plan, panel.pledge = plan.plan.strip(), plan.pledge.strip()
    panel.scored = bool(step.score)
    panel.closes_on = plan.closes_on
    panel.drawn, panel.blind = plan.drawn and plan.kind == PanelKind.EXPERTS, plan.blind
    before = panel.commissioned_id
    _commission(panel, plan, chosen, at)
    kept = panel.drawn or (before is not None and before == panel.commissioned_id)
    stays = kept and panel.pk is not None and _same_units(panel, chosen)
    if not panel.drawn:
        panel.per_case = plan.per_case if plan.kind == PanelKind.EXPERTS else None
    panel.version += 1
    panel.save()
    panel.items.exclude(application__in=chosen).delete()
    there = set(panel.items.values_list("application_id", flat=True))
    PanelItem.objects.bulk_create(PanelItem(panel=panel, application=case) for case in chosen if case.pk not in there)
    if panel.commissioned is not None and (before != panel.commissioned_id or not stays):
        _ask_for_people(panel, at)
    if stays:
        return  # who was drawn, or named by the body, for these units stands
    panel.seats.all().delete()  # nobody was invited yet: a panel in preparation has no history to keep
    if plan.kind == PanelKind.EXPERTS and not panel.drawn:
        Seat.objects.bulk_create(_seats(panel, plan.experts, plan.chair, at))


def _same_units(panel: Panel, chosen: Collection[Application]) -> bool:
    return set(panel.items.values_list("application_id", flat=True)) == {case.pk for case in chosen}


def _commission(panel: Panel, plan: Plan, chosen: Collection[Application], at: datetime) -> None:
    """A registered body, or one named in words; never one that wrote a report before the panel or is banned."""
    panel.commissioned = None
    if plan.kind != PanelKind.BODY or plan.commissioned is None:
        return
    offered = {one.body.pk: one for one in reads.bodies_to_commission(panel.call, chosen, clock.china_date(at))}
    found = offered.get(plan.commissioned)
    if found is None or found.why_not:
        problem = found.why_not if found else _("Choose one of the registered bodies.")
        raise Invalid(problem, problems={"commissioned": [problem]})
    panel.commissioned, panel.body = found.body, found.body.name


def _ask_for_people(panel: Panel, at: datetime) -> None:
    """The body is told that its people are to be named; anew where the units have changed, for that changes who may."""
    assert panel.commissioned is not None
    outbox.notify(
        recipients=organisations.member_ids(panel.commissioned.pk),
        event=f"panel.commissioned:{panel.pk}:{panel.version}",
        kind="panel.commissioned",
        at=at,
        params={"title": panel.title, "authority": panel.authority.name},
        link=reverse("reviews:commission", args=[panel.reference]),
    )


def _still_fits(panel: Panel, waiting: Collection[Application], at: datetime) -> None:
    """A body that has evaluated one of the units meanwhile, or was banned, does not review. Raises Refused."""
    if panel.commissioned is None or panel.state != PanelState.PREPARING:
        return
    offered = {one.body.pk: one for one in reads.bodies_to_commission(panel.call, waiting, clock.china_date(at))}
    found = offered.get(panel.commissioned.pk)
    if found is None or found.why_not:
        why = found.why_not if found else _("It is not approved for this place any more.")
        raise Refused(
            _("“%(name)s” cannot review any more: %(why)s") % {"name": panel.body, "why": why},
            clause=scores.step_of(panel).clause,
        )


def _plan_is_complete(panel: Panel, plan: Plan, chosen: list[Application], actor: Actor) -> None:
    problems: dict[str, list[Text]] = {}
    if not plan.title.strip():
        problems["title"] = [_("Give the panel a title.")]
    if plan.kind == PanelKind.EXPERTS:
        if not plan.experts and not plan.drawn:
            problems["experts"] = [_("Choose at least one expert.")]
        if not plan.pledge.strip():
            problems["pledge"] = [_("Give the text of the pledge: nothing opens before it is signed.")]
        if plan.per_case is not None and not plan.drawn and not 1 <= plan.per_case <= len(plan.experts):
            problems["per_case"] = [_("No unit can have more experts than are chosen.")]
    elif not plan.body.strip() and plan.commissioned is None:
        problems["body"] = [_("Name the body that is commissioned.")]
    elif plan.commissioned is not None and not plan.pledge.strip():
        problems["pledge"] = [_("Give the text of the pledge: nothing opens before it is signed.")]
    taken = set(
        PanelItem.objects.filter(panel__in=Panel.objects.live(), application__in=chosen)
        .exclude(panel_id=panel.pk)
        .values_list("application_id", flat=True)
    )
    waiting = [case for case in chosen if _waits(case, actor) and case.pk not in taken]
    if not waiting or len(waiting) != len(set(plan.applications)):
        problems["applications"] = [
            _("Choose at least one application that waits for review.")
            if not plan.applications
            else _("Some of the chosen applications do not wait for review here, or are before another panel.")
        ]
    if problems:
        raise Invalid(_("The panel is not complete."), problems=problems)


def _reviewers_fit(plan: Plan, step: Step) -> None:
    way = DRAWN if plan.drawn and plan.kind == PanelKind.EXPERTS else plan.kind
    if step.reviewers and way not in step.reviewers and not (way == DRAWN and PanelKind.EXPERTS in step.reviewers):
        problem = _("The rule set does not offer this way of review.")
        raise Invalid(problem, problems={"kind": [problem]})


def _seats(panel: Panel, experts: Collection[int], chair: int | None, at: datetime) -> list[Seat]:
    """Unsaved seats for people who hold a mandate as expert today. Raises Invalid for others."""
    held: dict[int, Mandate] = {}
    for mandate in accounts.experts(clock.china_date(at)).filter(user_id__in=experts):
        held.setdefault(mandate.user_id, mandate)
    if set(held) != set(experts):
        raise Invalid(
            _("Choose among the experts."), problems={"experts": [_("Some of them hold no mandate as expert.")]}
        )
    _may_sit(panel, experts)
    return [
        Seat(
            panel=panel,
            user_id=user,
            employer=held[user].employer,
            field=held[user].field,
            is_chair=user == chair,
            invited_at=at,
        )
        for user in dict.fromkeys(experts)
    ]


def _may_sit(panel: Panel, experts: Collection[int]) -> None:
    """The rules of the pool bind whoever chooses too: nobody suspended, nobody who supervises this panel. Raises Invalid."""
    suspended = set(
        Expert.objects.exclude(suspended_at=None).filter(user__in=experts).values_list("user_id", flat=True)
    )
    watching = set(panel.watches.filter(ended_at=None, user__in=experts).values_list("user_id", flat=True))
    for people, why in ((suspended, OutKind.SUSPENDED), (watching, OutKind.WATCHES)):
        if people:
            problem = _("Some of the experts cannot take part: %(why)s.") % {"why": why.label}
            raise Invalid(problem, problems={"experts": [problem]})


def _as_data(plan: Plan) -> dict[str, object]:
    return {
        "title": plan.title,
        "kind": plan.kind,
        "cases": list(plan.applications),
        "experts": list(plan.experts),
        "pledge": audit.digest_of(plan.pledge),
    }


def _is_prepared(panel: Panel) -> None:
    """What must be laid down before anybody is told: plan, risk points and talk, the draw (HLJ-16b, HLJ-17)."""
    step = scores.step_of(panel)
    if panel.state != PanelState.PREPARING:
        return  # the transition says so
    if step.plan and not panel.plan:
        raise Refused(_("The review plan is not written yet: lay it down first."), clause=step.clause)
    # A body that is only named in words has nobody here whom the talk, like the pledge, could be with.
    if step.review.talk and panel.has_seats and not (panel.risks and panel.talk_on):
        raise Refused(
            _("Risk points and the reminder talk are not recorded yet: record them first."),
            clause=step.review.talk_clause,
        )
    if panel.commissioned is not None and not panel.seats.exists():
        raise Refused(_("The body has not named its people yet: they review, and sign first."), clause=step.clause)
    if panel.drawn and not panel.seats.exists():
        raise Refused(_("Nobody has been drawn for these units yet: draw first."), clause=step.clause)


# ---- at work ------------------------------------------------------------------------------------------------------
def _waits(case: Application, actor: Actor) -> bool:
    return case.state == State.RECOMMENDED and cases.is_at(case, StepKind.PANEL, actor=actor)


def _must_wait(case: Application, actor: Actor) -> None:
    if not cases.is_at(case, StepKind.PANEL, actor=actor):
        raise WrongState(_("“%(name)s” does not wait for review here any more.") % {"name": case.name})


def in_state(panel: Panel, states: Collection[str], reason: Text) -> None:
    """Raises WrongState with the reason."""
    if panel.state not in states:
        raise WrongState(reason)


def _cases_of(panel: Panel, actor: Actor) -> list[Application]:
    return cases.lock_many(actor=actor, ids=list(panel.items.values_list("application_id", flat=True)))


def _live_cases(panel: Panel, actor: Actor | None = None) -> list[Application]:
    """The panel's cases still under review (not withdrawn, not disqualified); locked for an actor who will move them."""
    if actor is not None:
        return [case for case in _cases_of(panel, actor) if case.state == State.UNDER_REVIEW]
    return list(Application.objects.filter(panel_items__panel=panel, state=State.UNDER_REVIEW).order_by("pk"))


GivenOut = Mapping[str, Collection[str]]  # unit → experts, both as a draw names them


def _given_out(
    panel: Panel, seats: list[Seat], waiting: list[Application], actor: Actor, at: datetime
) -> GivenOut | None:
    """Who judges what, as drawn; None where everybody judges everything."""
    if panel.kind != PanelKind.EXPERTS:
        return None
    if panel.drawn:
        made = panel.draws.filter(kind=DrawKind.FIRST).order_by("-number").first()
        return made.result["units"] if made else None
    if panel.per_case is None:
        return None
    from reviews.services import draws  # it builds on this module

    units: GivenOut = draws.give_out(panel, seats, waiting, actor=actor, at=at).result["units"]
    return units


def _lay_sheets(
    panel: Panel,
    seats: Collection[Seat],
    waiting: Collection[Application],
    at: datetime,
    given_out: GivenOut | None = None,
) -> None:
    """One sheet per expert and unit given out; where the portal finds a conflict the sheet only says so (AZ-08)."""
    rule, on = scores.step_of(panel).review, clock.china_date(at)
    known = conflicts.found({seat.user_id: seat.employer for seat in seats}, waiting, rule=rule, on=on)
    items = list(panel.items.filter(application__in=waiting).select_related("application").order_by("application_id"))
    Sheet.objects.bulk_create(
        Sheet(seat=seat, item=item, conflict=known.get((seat.user_id, item.application_id), ""))
        for seat in seats
        for item in items
        if given_out is None or str(seat.user_id) in given_out.get(item.application.reference, ())
    )


def _each_judged(panel: Panel, waiting: Collection[Application]) -> None:
    """Refuses a panel in which nobody may judge some unit: every invited expert would have to keep away."""
    if not panel.has_seats:
        return
    judged = set(Sheet.objects.filter(item__panel=panel, conflict="").values_list("item__application_id", flat=True))
    alone = [case.name for case in waiting if case.pk not in judged]
    if alone:
        raise Invalid(
            _("No expert may judge: %(names)s. Invite somebody without a conflict.") % {"names": "、".join(alone)},
            problems={"experts": [_("every one of them must keep away from some unit")]},
        )


def seat_at_work(panel: Panel, seats: Collection[Seat], *, at: datetime) -> None:
    """Sheets for people of a commissioned body who join a panel at work; the caller holds its lock. Raises Invalid."""
    waiting = _live_cases(panel)
    if not waiting:
        raise Invalid(_("No unit of this panel is under review any more."))
    _lay_sheets(panel, seats, waiting, at)
    tell_invited(panel, seats, len(waiting), at=at)


def tell_invited(panel: Panel, seats: Collection[Seat], count: int, *, at: datetime) -> None:
    """Each of them is told that a panel waits."""
    outbox.notify(
        recipients=[seat.user_id for seat in seats],
        event=f"panel.invited:{panel.pk}",
        kind="panel.invited",
        at=at,
        params={"title": panel.title, "count": count},
        link=reverse("reviews:seat", args=[panel.reference]),
    )


# ---- the conclusion ---------------------------------------------------------------------------------------------
def _nobody_at_work(panel: Panel) -> None:
    """Refuses while somebody who still sits has not locked (QHD-9: the opinion rests on all of them)."""
    names = reads.at_work(panel)
    if names:
        raise Refused(
            _("Not locked yet: %(names)s. Wait for them, or take them off the panel with a reason.")
            % {"names": "、".join(names)},
            clause=scores.step_of(panel).clause,
        )


def _note_units(panel: Panel, result: Result) -> None:
    items = list(panel.items.filter(application__reference__in=result.units).select_related("application"))
    for item in items:
        unit = result.units[item.application.reference]
        item.suggested, item.conclusion = unit.suggested, unit.text.strip()
        if not panel.has_seats:
            item.score = unit.score
    PanelItem.objects.bulk_update(items, ["suggested", "conclusion", "score"])


def _is_complete(panel: Panel, items: Collection[PanelItem]) -> None:
    problems: dict[str, list[Text]] = {}
    if not panel.opinion:
        problems["opinion"] = [_("The written review opinion is needed.")]
    counted = scores.counted(panel)
    for item in items:
        key = item.application.reference
        if item.suggested is None:
            problems[f"suggested-{key}"] = [_("Say whether the panel suggests this unit.")]
        if not item.conclusion:
            problems[f"conclusion-{key}"] = [_("Write the conclusion on this unit.")]
        if not panel.has_seats and panel.scored and item.score is None:
            problems[f"score-{key}"] = [_("Give the score.")]
        if panel.has_seats and item.pk not in counted:
            problems[f"conclusion-{key}"] = [_("No locked sheet judges this unit: invite another expert.")]
        elif panel.per_case and len(counted.get(item.pk, ())) < panel.per_case and not panel.fewer:
            problems["fewer"] = [
                _("“%(name)s” was judged by fewer experts than laid down: draw another one, or say why not.")
                % {"name": item.application.name}
            ]
    if problems:
        raise Invalid(_("The conclusion is not complete."), problems=problems)


def _count(panel: Panel, items: Collection[PanelItem], under_review: Collection[Application]) -> None:
    """Writes score and spread on the items, and the score on the application (facts fall downhill)."""
    if panel.scored:
        counted = scores.counted(panel)
        for item in items:
            if panel.has_seats:
                result = scores.total(panel, counted[item.pk])
                item.score, item.spread = result.total, result.spread
    PanelItem.objects.bulk_update(items, ["score", "spread"])
    totals = {item.application_id: item.score for item in items}
    for case in under_review:
        case.panel_score = totals[case.pk]  # saved by the move that follows
