"""公示: draft, publish with fixed counted days, close when the last day is over."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application
from applications.selectors import rules_of
from applications.services import cases, checks
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core import audit, dates, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import CalendarUnknown, Period, Result, Step
from registry import rules, selectors
from registry.models import Announcement, Bulletin, Notice, NoticeItem
from registry.states import ItemState, NoticeState
from reviews.models import Decision
from reviews.services import decisions as deciding
from reviews.states import DecisionState


@transaction.atomic
def draft(*, actor: Actor, decision: str, title: str, text: str, at: datetime) -> Notice:
    """A notice of those an approved decision proposes, a second one of those that departments held back meanwhile (HLJ-19).

    Raises NotVisible, NotAllowed, WrongState (not approved, or nobody is without a notice).
    """
    source = (
        Decision.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "authority")
        .filter(reference=decision)
        .first()
    )
    if source is None:
        raise NotVisible
    if not rules.may_prepare(actor, source.authority_id, source.call.category):
        raise NotAllowed(_("Only the deciding authority prepares the notice."))
    if source.state != DecisionState.APPROVED:
        raise WrongState(_("The proposed list is not approved yet."))
    proposed = list(
        selectors.to_put_on_notice()
        .filter(decision=source)
        .select_related("application__site__area")
        .order_by("application__area_path", "application_id")
    )
    if not proposed:
        if Notice.objects.filter(decision=source).exists():
            raise WrongState(_("There is a notice of this proposed list already."))
        raise WrongState(_("No unit is proposed for the list."))
    notice = Notice.objects.create(
        decision=source,
        call=source.call,
        authority=source.authority,
        step=proposed[0].application.step,
        title=title,
        text=text,
        created_by_id=actor.user_id,
        created_at=at,
        prepared_by_id=actor.user_id,
        four_eyes=rules_of(source.call).step(proposed[0].application.step).four_eyes,
    )
    NoticeItem.objects.bulk_create(
        NoticeItem(
            notice=notice,
            application=item.application,
            position=position,
            name=item.application.name,
            area_name=item.application.site.area.name,
        )
        for position, item in enumerate(proposed, start=1)
    )
    audit.record(actor=actor, subject=("notice", notice.pk), action="notice.drafted", at=at, data={"title": title})
    return notice


@transaction.atomic
def edit(
    *,
    actor: Actor,
    reference: str,
    title: str,
    text: str,
    site_address: str,
    at: datetime,
    version: int | None = None,
) -> Notice:
    """Changes the words of a draft; of a published notice only the address where the bureau's own site carries it.

    Raises Conflict with what stands now when the page that asks saw an older version.
    """
    notice = lock(actor=actor, reference=reference)
    if not rules.may_prepare(actor, notice.authority_id, notice.call.category):
        raise NotAllowed(_("Only the deciding authority prepares the notice."))
    require_version(notice, version, "title", "text", "site_address")
    if notice.state == NoticeState.DRAFT and (notice.title, notice.text) != (title, text):
        notice.title, notice.text, notice.prepared_by_id = title, text, actor.user_id
    notice.site_address = site_address
    notice.version += 1
    notice.save(update_fields=["title", "text", "prepared_by", "site_address", "version"])
    audit.record(
        actor=actor, subject=("notice", notice.pk), action="notice.edited", at=at, data={"site_address": site_address}
    )
    return notice


def require_version(row: Notice | Announcement | Bulletin, version: int | None, *words: str) -> None:
    """Raises Conflict with what stands now when `version` is not the newest."""
    if version is not None and version != row.version:
        raise Conflict(
            _("Somebody else has changed this draft since you opened the page."),
            theirs={name: getattr(row, name) for name in words},
            version=row.version,
        )


def lock(*, actor: Actor, reference: str) -> Notice:
    """The notice, locked until the transaction ends. Raises NotVisible."""
    notice = (
        Notice.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("call__rules", "authority")
        .filter(reference=reference)
        .first()
    )
    if notice is None:
        raise NotVisible
    return notice


def period_of(notice: Notice, starts_on: date, *, estimate: bool = False) -> Period:
    """The counted days of a notice published on a day (QHD-10b). Raises Refused where the calendar is not confirmed."""
    rule = _step(notice).notice
    if rule is None:
        raise Refused(_("This rule set has no public notice."))
    try:
        return engine.period(rule, starts_on, policy.calendar(), estimate=estimate)
    except CalendarUnknown as unknown:
        raise Refused(
            _(
                "The holiday plan of %(year)s is not confirmed, so the notice period cannot be fixed. "
                "Ask the administrator to enter it under “calendar”."
            )
            % {"year": unknown.year},
            code="calendar_unknown",
            clause=rule.clause,
        ) from unknown


def _step(notice: Notice) -> Step:
    return rules_of(notice.call).step(notice.step)


def shown_digest(notice: Notice) -> str:
    """Of what a page shows of a draft: the approver publishes this and nothing else."""
    return audit.digest_of([notice.title, notice.text, sorted(item.application_id for item in notice.items.all())])


@transaction.atomic
def publish(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Notice:
    """Publishes today and fixes the period; `digest` is that of the draft the page showed.

    Raises NotAllowed (no approver, or whoever wrote it), Conflict (the draft is another by now), Refused naming each unit
    that a check stops, WrongState.
    """
    notice = lock(actor=actor, reference=reference)
    if not rules.may_publish_notice(actor, notice):
        raise NotAllowed(_("An approver of the deciding authority publishes the notice."))
    if rules.wrote_it(actor, notice):
        raise NotAllowed(rules.WROTE_IT, code="four_eyes")
    period = period_of(notice, china_date(at))
    step = _step(notice)
    try:
        notice.publish(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The notice has been published already.")) from wrong
    if digest is not None and digest != shown_digest(notice):
        raise Conflict(_("The notice is not what your page showed any more. Reload it and look again."))
    found = lock_cases(notice.items.all())
    gone = {case.pk for case in found if case.state != State.PROPOSED}
    for item in notice.items.filter(application__in=gone):
        drop(item, at=at)  # disqualified while the notice was a draft
    found = [case for case in found if case.pk not in gone]
    if not found:
        raise WrongState(_("No unit is proposed for the list."))
    require_clear(found, point=step.point, actor=actor, at=at)
    notice.published_by_id = actor.user_id
    notice.starts_on, notice.ends_on = period.starts, period.ends
    notice.counted_days = [day.isoformat() for day in period.counted]
    rule = step.notice
    assert rule is not None  # period_of has refused otherwise
    notice.text = notice.text.replace(selectors.STARTS, dates.in_chinese(period.starts)).replace(
        selectors.ENDS, dates.in_chinese(period.ends)
    )
    notice.rule = {"days": rule.days, "unit": rule.unit, "first_day": rule.first_day, "clause": rule.clause}
    notice.save()
    for case in found:
        case.untold_step = ""
        cases.move(
            case,
            "put_on_notice",
            case.put_on_notice,
            actor=actor,
            at=at,
            desk=notice.authority,
            data={"notice": notice.reference, "ends_on": period.ends.isoformat()},
        )
    audit.record(
        actor=actor,
        subject=("notice", notice.pk),
        action="notice.published",
        at=at,
        data={"starts_on": period.starts, "ends_on": period.ends, "units": [case.number for case in found]},
    )
    _tell_applicants(notice, found, at)
    release_decisions([case.pk for case in found], also=[notice.decision_id], actor=actor, at=at)
    return notice


def release_decisions(cases_: Sequence[int], *, also: Sequence[int] = (), actor: Actor, at: datetime) -> None:
    """What was decided on these units may now be known to everybody, also to those who were declined beside them."""
    kept_back = Q(pk__in=also) | Q(items__application_id__in=cases_)
    untold = Decision.objects.filter(kept_back, announce_later=True, released_at=None).distinct()
    deciding.release(decisions=list(untold), actor=actor, at=at)


def lock_cases(items: object) -> list[Application]:
    """The cases of some items, locked in one order so that two publications cannot wait for each other."""
    keys = list(items.values_list("application_id", flat=True))  # type: ignore[attr-defined]
    return list(
        Application.objects.filter(pk__in=keys)
        .select_for_update(of=("self",))
        .select_related("call__rules", "call__owner__area", "organisation", "site__area", "desk", "report")
        .order_by("pk")
    )


def require_clear(found: Sequence[Application], *, point: str, actor: Actor, at: datetime) -> None:
    """Checks the cases at a point and keeps the runs. Raises Refused naming each unit that a rule stops, and its clause."""
    if not point:
        return
    results = checks.run_many(cases=found, point=point, actor=actor, at=at)
    stopped = [(case, finding) for case in found for finding in results[case.pk] if finding.blocks]
    if stopped:
        names = "、".join(dict.fromkeys(case.name for case, _finding in stopped))
        raise Refused(
            _("These units are stopped by the rules: %(names)s. Disqualify or settle them first.") % {"names": names},
            findings=[finding for _case, finding in stopped],
            clause=stopped[0][1].clause,
        )


def _tell_applicants(notice: Notice, found: Sequence[Application], at: datetime) -> None:
    for case in found:
        outbox.notify(
            recipients=organisations.member_ids(case.organisation_id),
            event=f"notice.published:{notice.pk}:{case.pk}",
            kind="notice.published",
            params={"title": notice.title, "starts": str(notice.starts_on), "ends": str(notice.ends_on)},
            link=f"/cases/{case.reference}/",
            at=at,
        )


def close_due(*, at: datetime) -> int:
    """Closes every notice whose last day is over; safe to run twice and by two workers. Returns how many it closed."""
    due = Notice.objects.due_to_close(china_date(at)).order_by("pk").values_list("pk", flat=True)

    def close(pk: int) -> bool:
        return _close(pk, at)

    return rounds.each(due, close)


@transaction.atomic
def _close(pk: int, at: datetime) -> bool:
    notice = (
        Notice.objects.due_to_close(china_date(at))
        .select_for_update(of=("self",))
        .select_related("call__rules", "authority")
        .filter(pk=pk)
        .first()
    )
    if notice is None:  # another worker was faster
        return False
    notice.close(at=at)
    notice.save()
    for item in notice.items.select_for_update(of=("self",)).select_related("application"):
        if item.application.state != State.ON_NOTICE:
            drop(item, at=at)  # disqualified meanwhile
        elif item.state == ItemState.ON_NOTICE:
            clear(item, notice=notice, actor=SYSTEM, at=at)
    held = notice.items.filter(state=ItemState.HELD).count()
    audit.record(actor=SYSTEM, subject=("notice", notice.pk), action="notice.closed", at=at, data={"held": held})
    outbox.notify(
        recipients=accounts.people_with(
            notice.authority_id, ("handler", "approver"), china_date(at), notice.call.category
        ),
        event=f"notice.closed:{notice.pk}",
        kind="notice.closed",
        params={"title": notice.title, "held": held},
        link=f"/registry/notices/{notice.reference}/",
        at=at,
    )
    return True


def drop(item: NoticeItem, *, at: datetime) -> None:
    """Takes a unit off the notice; dropped already: nothing to do."""
    if item.state in (ItemState.ON_NOTICE, ItemState.HELD):
        item.drop(at=at)
        item.save()


def clear(item: NoticeItem, *, notice: Notice, actor: Actor, at: datetime) -> None:
    """No objection stands and the period is over: the unit goes on to its announcement."""
    item.clear(at=at)
    item.save()
    (case,) = lock_cases(NoticeItem.objects.filter(pk=item.pk))
    bound = rules_of(notice.call)
    step = engine.after(bound, notice.step, Result.PASSED)
    if not isinstance(step, Step):
        raise WrongState(_("The route of this rule set ends before the announcement."))
    cases.move(
        case,
        "clear_notice",
        case.clear_notice,
        actor=actor,
        at=at,
        desk=notice.authority,
        to=step.state,
        step=step.key,
        data={"notice": notice.reference},
    )
