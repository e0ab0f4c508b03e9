"""Reminders before a last day. The outbox's unique key makes each go out once, however often the task runs.

A ladder names days before the last day (Due.remind). Only the newest rung that is reached is sent: after two days
without a worker people get one message, not a burst (BG-08). Who has nothing left to do is not reminded.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _

from applications import selectors
from applications.models import Application, Call, Correction, WorkReport
from applications.selectors import bodies
from applications.selectors.calls import HEAVY
from applications.services import screening
from applications.states import CallState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import clock, outbox, rounds
from greenlist.core.actors import Capacity
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import BoundPolicy, Step, StepKind

UNSENT = (State.SCREENING, State.RETURNED, State.PASSED)


def remind(*, at: datetime) -> None:
    """One round over all open calls: authorities that have cases to send, applicants with drafts and corrections."""

    @transaction.atomic
    def remind_of(pk: int) -> None:
        _remind_of(pk, at)

    rounds.each(Call.objects.filter(state=CallState.OPEN).order_by("pk").values_list("pk", flat=True), remind_of)
    remind_bodies(at=at)


@transaction.atomic
def remind_bodies(*, at: datetime) -> None:
    """Bodies that owe an authority this year's work report and have not filed it (HLJ-25)."""
    today = clock.china_date(at)
    for authority, rules in bodies.reporting():
        rule = rules.bodies.report
        reached = rung(rule.remind, rule.due(today.year), today, date(today.year, 1, 1)) if rule else None
        if rule is None or reached is None:
            continue
        filed = WorkReport.objects.filter(authority=authority, year=today.year).values_list("body_id", flat=True)
        last_day = rule.due(today.year)
        for body_id in sorted(bodies.worked(authority, today.year) - set(filed)):
            outbox.notify(
                recipients=organisations.member_ids(body_id),
                event=f"work_report:{authority.pk}:{body_id}:{today.year}",
                kind="body.report_due",
                at=at,
                period=f"{last_day.isoformat()}:{reached}",
                params={
                    "authority": authority.name,
                    "day": _spelled(last_day),
                    "days": (last_day - today).days,
                },
                link=reverse("applications:body-work-report", args=[authority.pk, today.year]),
            )


def _spelled(day: date) -> str:
    with translation.override("zh-hans"):
        return str(formats.date_format(day, _("j F Y")))


def _remind_of(pk: int, at: datetime) -> None:
    today = clock.china_date(at)
    call = Call.objects.select_related("rules", "owner__area").defer(*HEAVY).get(pk=pk)
    bound = selectors.rules_of(call)
    for step in bound.steps:
        if step.kind is StepKind.BATCH and step.due:
            _remind_senders(call, step, today, at)
    _remind_applicants(call, bound, today, at)


def rung(ladder: Iterable[int], last_day: date, today: date, since: date) -> int | None:
    """The newest rung that is reached: the fewest days before the last day that are not ahead of us.

    None when it is too early, when the last day has passed, or when the rung lay before `since` (the call's opening).
    """
    days_left = (last_day - today).days
    reached = [days for days in ladder if days >= days_left]
    if days_left < 0 or not reached or last_day - timedelta(days=min(reached)) < since:
        return None
    return min(reached)


def _opened_on(call: Call, today: date) -> date:
    return clock.china_date(call.opened_at) if call.opened_at else today


def _remind_senders(call: Call, step: Step, today: date, at: datetime) -> None:
    """Officials of each authority of the step that still has cases of the call to send (QHD-N4b)."""
    assert step.due is not None
    desks = Application.objects.filter(call=call, state__in=UNSENT, desk__tier=step.by).values("desk")
    for authority in Authority.objects.filter(pk__in=desks).select_related("area").order_by("pk"):
        last_day = selectors.due_on(call, step.key, authority.area.path)
        reached = rung(step.due.remind, last_day, today, _opened_on(call, today)) if last_day else None
        if last_day is None or reached is None:
            continue
        _tell(
            accounts.people_with(authority, [Capacity.HANDLER, Capacity.APPROVER], today, call.category),
            event=f"deadline:{call.pk}:{step.key}:{authority.pk}",
            what=f"{call.title} · {step.title.zh}",
            last_day=last_day,
            reached=reached,
            today=today,
            at=at,
            link=reverse("applications:desk"),
        )


def _remind_applicants(call: Call, bound: BoundPolicy, today: date, at: datetime) -> None:
    ladder = _ladder_for_applicants(bound)
    first = bound.first(StepKind.DRAFT)
    drafts = Application.objects.filter(call=call, state=State.DRAFT).select_related("site__area")
    for case in drafts.order_by("pk").iterator(chunk_size=500):
        last_day = selectors.due_on(call, first.key, case.site.area.path)
        _remind_applicant(case, f"deadline:{case.pk}:{first.key}", call, ladder, last_day, today, at)
    waiting = Correction.objects.filter(application__call=call, application__state=State.RETURNED, answered_at=None)
    for correction in waiting.exclude(due_on=None).select_related("application").order_by("pk"):
        event = f"deadline:{correction.application_id}:correction:{correction.pk}"
        asked_on = clock.china_date(correction.asked_at)
        _remind_applicant(correction.application, event, call, ladder, correction.due_on, today, at, since=asked_on)


def _ladder_for_applicants(bound: BoundPolicy) -> tuple[int, ...]:
    """Of the first step that has one: a call has one rhythm of reminders."""
    return next((step.due.remind for step in bound.steps if step.due and step.due.remind), ())


def _remind_applicant(
    case: Application,
    event: str,
    call: Call,
    ladder: tuple[int, ...],
    last_day: date | None,
    today: date,
    at: datetime,
    since: date | None = None,
) -> None:
    reached = rung(ladder, last_day, today, since or _opened_on(call, today)) if last_day else None
    if last_day is None or reached is None:
        return
    _tell(
        screening.applicants_of(case),
        event=event,
        what=call.title,
        last_day=last_day,
        reached=reached,
        today=today,
        at=at,
        link=screening.page_of(case),
    )


def _tell(
    people: Iterable[int], *, event: str, what: str, last_day: date, reached: int, today: date, at: datetime, link: str
) -> None:
    outbox.notify(
        recipients=people,
        event=event,
        kind="deadline.near",
        at=at,
        # An extension makes another last day, so another row of reminders.
        period=f"{last_day.isoformat()}:{reached}",
        params={"days": (last_day - today).days, "title": what, "day": _spelled(last_day)},
        link=link,
    )
