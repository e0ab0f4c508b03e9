"""Last days of calls and of bodies: what authorities send, what applicants hand in, what bodies report (core.deadlines).

The ladders stand in the rule sets; where a call sets no day nobody is reminded (SJZ-noN).
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from django.db.models import QuerySet
from django.urls import reverse

from applications import selectors
from applications.models import Application, Call, Correction, WorkReport
from applications.selectors import bodies
from applications.selectors.calls import HEAVY
from applications.services import screening
from applications.states import CallState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import clock, deadlines
from greenlist.core.actors import OFFICIALS, Actor, Capacity
from greenlist.core.deadlines import Deadline
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import BoundPolicy, Step, StepKind
from greenlist.policy.engine.types import WorkReport as WorkReportRule

UNSENT = (State.SCREENING, State.RETURNED, State.PASSED)


# ---- authorities ----------------------------------------------------------------------------------------------------
@deadlines.source("applications.sending")
def sending(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Authorities that still have cases of an open call to send (QHD-N4b)."""
    if actor is not None and not actor.is_official:
        return
    unsent = Application.objects.filter(call__state=CallState.OPEN, state__in=UNSENT)
    if actor is not None:
        unsent = unsent.filter(desk_id=actor.authority_id)
    desks: dict[int, list[_Desk]] = {}
    columns = ("call_id", "desk_id", "desk__tier", "desk__area__path")
    for call_id, *desk in unsent.order_by("call_id", "desk_id").values_list(*columns).distinct():
        desks.setdefault(call_id, []).append(_Desk(*desk))
    known = selectors.calls.extensions_by_call(desks)

    def of_call(call: Call) -> Iterator[Deadline]:
        for step in selectors.rules_of(call).steps:
            for desk in desks[call.pk] if step.kind is StepKind.BATCH and step.due else ():
                last_day = selectors.calls.moved(step, known[call.pk], desk.path)
                if last_day and desk.tier == step.by:
                    people = _officials(desk.authority, call.category, today, actor)
                    yield _of_desk(call, step, desk.authority, last_day, people, today)

    yield from deadlines.each(_calls(desks), of_call)


class _Desk(NamedTuple):
    authority: int
    tier: str
    path: str


def _calls(wanted: Collection[int]) -> Iterable[Call]:
    rows = Call.objects.filter(pk__in=wanted).select_related("rules", "owner__area").defer(*HEAVY)
    return rows.order_by("pk") if wanted else ()


def _officials(authority: int, category: str, today: date, actor: Actor | None) -> tuple[int, ...]:
    """Who hears of it; asked for one person, that person or nobody."""
    if actor is None:
        return tuple(accounts.people_with(authority, OFFICIALS, today, category))
    return (actor.user_id,) if actor.user_id and actor.list_kind in ("", category) else ()


def _of_desk(call: Call, step: Step, authority: int, last_day: date, people: tuple[int, ...], today: date) -> Deadline:
    assert step.due is not None
    return Deadline(
        key=f"deadline:{call.pk}:{step.key}:{authority}",
        what=f"{call.title} · {step.title.zh}",
        last_day=last_day,
        since=_opened_on(call, today),
        ladder=step.due.remind,
        people=people,
        link=reverse("applications:desk"),
        clause=step.due.clause,
        holder=deadlines.office(authority),
    )


def _opened_on(call: Call, today: date) -> date:
    return clock.china_date(call.opened_at) if call.opened_at else today


# ---- applicants -----------------------------------------------------------------------------------------------------
@deadlines.source("applications.drafts")
def drafts(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Applicants whose draft is not submitted."""
    if not _may_apply(actor):
        return
    waiting = _own(Application.objects.filter(state=State.DRAFT, call__state=CallState.OPEN), actor)
    calls = set(waiting.values_list("call_id", flat=True))
    known = selectors.calls.extensions_by_call(calls)

    def of_call(call: Call) -> Iterator[Deadline]:
        bound = selectors.rules_of(call)
        first, ladder = bound.first(StepKind.DRAFT), _ladder_for_applicants(bound)
        for case in waiting.filter(call=call).select_related("site__area").order_by("pk").iterator(chunk_size=500):
            last_day = selectors.calls.moved(first, known[call.pk], case.site.area.path)
            key = f"deadline:{case.pk}:{first.key}"
            if last_day:
                yield _of_case(case, call, key, ladder, last_day, _opened_on(call, today), actor)

    yield from deadlines.each(_calls(calls), of_call)


@deadlines.source("applications.corrections")
def corrections(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Applicants who were asked to correct something and have not yet."""
    if not _may_apply(actor):
        return
    returned = _own(Application.objects.filter(state=State.RETURNED, call__state=CallState.OPEN), actor)
    waiting = Correction.objects.filter(application__in=returned, answered_at=None, due_on__isnull=False)

    def of_one(one: Correction) -> Iterator[Deadline]:
        case, call = one.application, one.application.call
        assert one.due_on is not None
        key = f"deadline:{case.pk}:correction:{one.pk}"
        ladder = _ladder_for_applicants(selectors.rules_of(call))
        yield _of_case(case, call, key, ladder, one.due_on, clock.china_date(one.asked_at), actor)

    rows = waiting.select_related("application__call__rules").defer(*(f"application__call__{name}" for name in HEAVY))
    yield from deadlines.each(rows.order_by("pk"), of_one)


def _may_apply(actor: Actor | None) -> bool:
    return actor is None or (actor.capacity == Capacity.APPLICANT and not actor.is_body)


def _own(rows: QuerySet[Application], actor: Actor | None) -> QuerySet[Application]:
    return rows if actor is None else rows.filter(organisation_id=actor.organisation_id)


def _ladder_for_applicants(bound: BoundPolicy) -> tuple[int, ...]:
    """Of the first step that has one: a call has one rhythm of reminders."""
    return next((step.due.remind for step in bound.steps if step.due and step.due.remind), ())


def _of_case(
    case: Application,
    call: Call,
    key: str,
    ladder: tuple[int, ...],
    last_day: date,
    since: date,
    actor: Actor | None,
) -> Deadline:
    people = screening.applicants_of(case) if actor is None else [actor.user_id or 0]
    return Deadline(
        key=key,
        what=call.title,
        last_day=last_day,
        since=since,
        ladder=ladder,
        people=tuple(people),
        link=screening.page_of(case),
        holder=deadlines.firm(case.organisation_id),
    )


# ---- bodies ---------------------------------------------------------------------------------------------------------
@deadlines.source("applications.work_reports")
def work_reports(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Bodies that owe an authority this year's work report and have not filed it (HLJ-25)."""
    if actor is not None and not actor.is_body:
        return
    for authority, rules in bodies.reporting():
        if rule := rules.bodies.report:
            for year in (today.year - 1, today.year):
                yield from _work_reports(authority, rule, year, actor)


def _work_reports(authority: Authority, rule: WorkReportRule, year: int, actor: Actor | None) -> Iterator[Deadline]:
    filed = WorkReport.objects.filter(authority=authority, year=year).values_list("body_id", flat=True)
    owing = bodies.worked(authority, year) - set(filed)
    for body_id in sorted(owing if actor is None else owing & {actor.organisation_id}):
        yield Deadline(
            key=f"work_report:{authority.pk}:{body_id}:{year}",
            what=f"{authority.name} · {rule.label.zh}",
            last_day=rule.due(year),
            since=date(year, 1, 1),
            ladder=rule.remind,
            people=tuple(organisations.member_ids(body_id)),
            link=reverse("applications:body-work-report", args=[authority.pk, year]),
            clause=rule.clause,
            holder=deadlines.firm(body_id),
            kind="body.report_due",
            params={"authority": authority.name},
        )
