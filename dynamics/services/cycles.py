"""年度周期: opened by the scheduler on its day or by an official, kept true each night, moved, closed; who missed it.

QHD-12a: a cycle has a last day from the beginning, by the rules or by whoever opens it; without one it cannot be opened.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Cycle, DeadlineMove, Removal, YearlyReport
from dynamics.querysets import YearlyReportQuerySet
from dynamics.selectors import cycles as reads
from dynamics.services import removals, rulebook
from dynamics.states import OWED, CycleState, RemovalSource, YearlyState
from greenlist.core import audit, clock, dates, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.policy import selectors as policy
from greenlist.policy.engine import duties
from greenlist.policy.engine.removals import Ground
from greenlist.policy.engine.types import Duty
from greenlist.policy.models import RuleSetVersion
from registry.models import ListBook, Listing
from registry.states import ListingState

NOT_LISTED = "not_listed"
MISSED = "duty_missed"
ON_THE_LIST = (ListingState.ACTIVE, ListingState.RECTIFYING, ListingState.REMOVAL_PROPOSED)
CLOSED_LATELY = timedelta(days=7)  # who closes a cycle before the round came by spares nobody
REASON = "“%(duty)s”（%(year)s年）截止%(day)s未提交"
MOST_DAYS = 400  # a last day lies at most so far ahead


# ---- opening ----------------------------------------------------------------------------------------------------------
def open_due(*, at: datetime) -> int:
    """One round of the scheduler: opens every cycle whose day has come. Two rounds at once have one effect."""
    today = clock.china_date(at)
    there = set(Cycle.objects.filter(year=today.year).values_list("rule_set_id", "duty"))
    waiting = [
        (one.version.pk, one.duty.key)
        for one in reads.offered()
        if (first := duties.opening_day(one.duty, today.year))
        and (last := duties.last_day(one.duty, today.year))
        and first <= today <= last
        and (one.version.rule_set_id, one.duty.key) not in there
    ]

    def open_one(place: int) -> int:
        version, key = waiting[place]
        open_cycle(actor=SYSTEM, at=at, version=version, duty=key, year=today.year)
        return 1

    return rounds.each(range(len(waiting)), open_one)


def open_cycle(*, actor: Actor, at: datetime, version: int, duty: str, year: int, due_on: date | None = None) -> Cycle:
    """Opens the year's cycle of a duty; a second opening gives the one that is there.

    Raises NotVisible, NotAllowed, Invalid (no last day, or an impossible one: QHD-12a), Refused (no such duty).
    """
    try:
        with transaction.atomic():
            return _open(actor=actor, at=at, version=version, duty=duty, year=year, due_on=due_on)
    except IntegrityError:
        rule_set = RuleSetVersion.objects.filter(pk=version).values("rule_set")
        raced = Cycle.objects.filter(rule_set__in=rule_set, duty=duty, year=year).select_related(*reads.CYCLE_ROWS)
        there = raced.first()
        if there is None:
            raise
        return there


def _open(*, actor: Actor, at: datetime, version: int, duty: str, year: int, due_on: date | None) -> Cycle:
    row = policy.all_current().filter(pk=version).first()
    found = next((one for one in reads.offered([row]) if one.duty.key == duty), None) if row else None
    if row is None or found is None:
        raise NotVisible
    if actor is not SYSTEM and not rules.may_open_cycle(actor, found.owner.pk, found.categories):
        raise NotAllowed(rules.APPROVER_OF_OWNER)
    there = Cycle.objects.filter(rule_set=row.rule_set, duty=duty, year=year).select_related(*reads.CYCLE_ROWS).first()
    if there is not None:
        return there
    today = clock.china_date(at)
    last = _last_day(found.duty, year, due_on, today)
    cycle = Cycle.objects.create(
        owner=found.owner,
        rule_set=row.rule_set,
        rules=row,
        duty=duty,
        year=year,
        opens_on=today,
        due_on=last,
        review_due_on=date(year, *found.duty.review_due) if found.duty.review_due else None,
        opened_by_id=actor.user_id,
        opened_at=at,
    )
    counts = _enrol(cycle, reads.units(cycle, today), at)
    audit.record(
        actor=actor,
        subject=("cycle", cycle.pk),
        action="cycle.opened",
        at=at,
        data={"rules": row.digest, "duty": duty, "year": year, "due_on": last.isoformat(), **counts.as_record()},
    )
    return cycle


def _last_day(duty: Duty, year: int, given: date | None, today: date) -> date:
    """The rules' own day wins; where they leave it open it must be said. Raises Invalid."""
    fixed = duties.last_day(duty, year)
    if fixed is not None:
        return fixed
    if given is None:
        text = _("The rules name no last day: say which day the units have. Without one the cycle cannot be opened.")
        raise Invalid(text, problems={"due_on": [text]})
    if not today < given or (given - today).days > MOST_DAYS:
        text = _("The last day must lie ahead, within about a year.")
        raise Invalid(text, problems={"due_on": [text]})
    return given


# ---- who is in it -----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Counts:
    """What a look at the lists changed."""

    added: int = 0
    exempt: int = 0
    let_off: int = 0
    owing: int = 0

    def as_record(self) -> dict[str, int]:
        return {"added": self.added, "exempt": self.exempt, "let_off": self.let_off, "owing": self.owing}

    def __bool__(self) -> bool:
        return bool(self.added or self.let_off or self.owing)


def _enrol(cycle: Cycle, units: Iterable[reads.Unit], at: datetime) -> Counts:
    """Writes a table for every unit that is concerned and has none yet; tells those that have to file."""
    counts = Counts()
    there = set(YearlyReport.objects.filter(cycle=cycle).values_list("site_id", "category"))
    fresh = [one for one in units if (one.site.pk, one.category) not in there]
    made = [table_for(cycle, one) for one in fresh]
    for row in made:
        row.told_on = clock.china_date(at) if row.state == YearlyState.DUE else None
    YearlyReport.objects.bulk_create(made, ignore_conflicts=True, batch_size=500)
    counts.added, counts.exempt = len(made), sum(row.state == YearlyState.EXEMPT for row in made)
    for row in YearlyReport.objects.filter(cycle=cycle, reference__in=[one.reference for one in made], state="due"):
        _tell_opened(cycle, row, at)
    return counts


def table_for(cycle: Cycle, unit: reads.Unit) -> YearlyReport:
    """The row of a unit, unsaved: due, or exempt with the clause that lets it off."""
    owed, site = unit.owed, unit.site
    firm = site.organisation
    return YearlyReport(
        cycle=cycle,
        category=unit.category,
        site=site,
        organisation=firm,
        name=firm.name,
        code=firm.code or "",
        industry_code=firm.industry_id or "",
        area_path=site.area.path,
        tiers=list(owed.tiers),
        form=owed.form,
        due_on=cycle.due_on,
        state=YearlyState.EXEMPT if owed.exempt else YearlyState.DUE,
        exempt_clause=owed.exempt.clause if owed.exempt else "",
        exempt_reason=owed.exempt.on if owed.exempt else "",
        exempt_tier=owed.instead,
    )


def _tell_opened(cycle: Cycle, table: YearlyReport, at: datetime) -> None:
    """The unit learns that a table is due, and by when."""
    outbox.notify(
        recipients=organisations.told_ids(table.organisation_id),
        event=f"yearly:{table.pk}:opened",
        kind="yearly.opened",
        at=at,
        params={
            "title": title_of(cycle, table.category),
            "authority": cycle.owner.name,
            "day": table.due_on.isoformat(),
        },
        link=reverse("dynamics:yearly", args=[table.reference]),
    )


def title_of(cycle: Cycle, category: str) -> str:
    """动态管理表 2027: what messages and deadlines call it."""
    return f"{reads.duty_of(cycle, category).label.zh}（{cycle.year}）"


def refresh(*, at: datetime) -> int:
    """One round of the night: units newly listed get their table, who rose to a higher list is let off (QHD-12b), who
    fell back owes it again, who left the list owes nothing.
    """
    keys = Cycle.objects.filter(state=CycleState.OPEN).order_by("pk").values_list("pk", flat=True)
    return rounds.each(keys, lambda pk: _refresh(pk, at))


@transaction.atomic
def _refresh(pk: int, at: datetime) -> int:
    Cycle.objects.select_for_update().filter(pk=pk).first()
    cycle = Cycle.objects.select_related(*reads.CYCLE_ROWS).defer(*reads.HEAVY).get(pk=pk)
    if cycle.state != CycleState.OPEN:
        return 0
    units = reads.units(cycle, clock.china_date(at))
    counts = _enrol(cycle, units, at)
    now = {(one.site.pk, one.category): one for one in units}
    rows = YearlyReport.objects.select_for_update().filter(cycle=cycle, state__in=[*OWED, YearlyState.EXEMPT])
    for row in rows.order_by("pk"):
        unit = now.get((row.site_id, row.category))
        _hand_over(row, unit)
        _settle(row, unit.owed if unit else None, counts, at)
    if counts:
        data = counts.as_record()
        audit.record(actor=SYSTEM, subject=("cycle", cycle.pk), action="cycle.refreshed", at=at, data=data)
    return int(bool(counts))


def _hand_over(row: YearlyReport, unit: reads.Unit | None) -> None:
    """A site that went to a successor (merger, split) takes along what it owes: the former firm files nothing for it."""
    if unit is None or row.organisation_id == unit.site.organisation_id:
        return
    firm = unit.site.organisation
    row.organisation, row.name, row.code, row.industry_code = firm, firm.name, firm.code or "", firm.industry_id or ""
    row.save(update_fields=["organisation", "name", "code", "industry_code"])


def _settle(row: YearlyReport, owed: duties.Owed | None, counts: Counts, at: datetime) -> None:
    """One table as the lists have it now."""
    let_off = owed is None or owed.exempt is not None
    said = (
        (NOT_LISTED, "", "")
        if owed is None
        else (owed.exempt.on, owed.exempt.clause, owed.instead)
        if owed.exempt
        else ()
    )
    if let_off and (row.state != YearlyState.EXEMPT or (row.exempt_reason, row.exempt_clause, row.exempt_tier) != said):
        row.exempt_reason, row.exempt_clause, row.exempt_tier = said
        if row.state != YearlyState.EXEMPT:
            row.let_off(at=at)
            counts.let_off += 1
        row.save()
    elif not let_off and row.state == YearlyState.EXEMPT:
        row.exempt_reason = row.exempt_clause = row.exempt_tier = ""
        row.owe()
        row.save()
        counts.owing += 1
    elif owed is not None and list(owed.tiers) != row.tiers:
        row.tiers = list(owed.tiers)
        row.save(update_fields=["tiers"])


# ---- moving and closing -----------------------------------------------------------------------------------------------
def _lock(actor: Actor, reference: str) -> Cycle:
    """Raises NotVisible."""
    seen = Cycle.objects.visible_to(actor).filter(reference=reference)
    seen.select_for_update(of=("self",)).values_list("pk", flat=True).first()
    cycle = seen.select_related(*reads.CYCLE_ROWS).first()
    if cycle is None:
        raise NotVisible
    return cycle


@transaction.atomic
def move_last_day(*, actor: Actor, at: datetime, reference: str, due_on: date, reason: str, table: str = "") -> Cycle:
    """Gives everybody, or one unit (`table`), a later last day, with a reason.

    Raises NotVisible, NotAllowed, Invalid, WrongState (the cycle is closed).
    """
    cycle = _lock(actor, reference)
    row = None
    if table:
        there = YearlyReport.objects.visible_to(actor).filter(cycle=cycle, reference=table).values("pk")
        row = YearlyReport.objects.select_for_update().filter(pk__in=there).first()
        if row is None:
            raise NotVisible
    if not rules.may_open_cycle(actor, cycle.owner_id, [row.category] if row else reads.lists_of(cycle)):
        raise NotAllowed(rules.APPROVER_OF_OWNER)
    _require_open(cycle)
    old = row.due_on if row else cycle.due_on
    problems: dict[str, list] = {}
    if due_on <= old or (due_on - old).days > MOST_DAYS:
        problems["due_on"] = [_("A last day can only be moved further on.")]
    if not reason.strip():
        problems["reason"] = [_("Say why.")]
    if problems:
        raise Invalid(_("The last day was not moved."), problems=problems)
    DeadlineMove.objects.create(
        cycle=cycle, report=row, old_day=old, new_day=due_on, reason=reason[:300], by_id=actor.user_id, at=at
    )
    if row is not None:
        row.due_on = due_on
        row.save(update_fields=["due_on"])
    else:
        YearlyReport.objects.filter(cycle=cycle, due_on__lt=due_on).update(due_on=due_on)
        cycle.due_on = due_on
        cycle.save(update_fields=["due_on"])
    data = {"from": old.isoformat(), "to": due_on.isoformat(), "reason": reason, "table": row.pk if row else None}
    audit.record(actor=actor, subject=("cycle", cycle.pk), action="cycle.moved", at=at, data=data)
    return cycle


def _require_open(cycle: Cycle) -> None:
    if cycle.state != CycleState.OPEN:
        raise WrongState(_("The cycle is closed."))


@transaction.atomic
def close(*, actor: Actor, at: datetime, reference: str) -> Cycle:
    """Nothing can be handed in any more. Who missed it is proposed for removal, by the rules, also after it (propose_missed).

    Raises NotVisible, NotAllowed, WrongState (closed already), Refused (somebody has time left, tables wait for a review).
    """
    cycle = _lock(actor, reference)
    if not rules.may_open_cycle(actor, cycle.owner_id, reads.lists_of(cycle)):
        raise NotAllowed(rules.APPROVER_OF_OWNER)
    _require_open(cycle)
    today = clock.china_date(at)
    if today <= cycle.due_on:
        day = {"day": dates.day(cycle.due_on)}
        raise Refused(_("Units may hand in until %(day)s.") % day, code="too_early")
    owing = YearlyReport.objects.filter(cycle=cycle).owed()
    left = owing.exclude(pk__in=YearlyReport.objects.filter(cycle=cycle).overdue(today).values("pk")).count()
    if left:
        text = _("Units that still have time to hand in or to answer: %(count)s.") % {"count": left}
        raise Refused(text, code="too_early")
    waiting = YearlyReport.objects.filter(cycle=cycle, state=YearlyState.FILED).count()
    if waiting:
        text = _("Tables that wait for a review: %(count)s. Review them first.") % {"count": waiting}
        raise Refused(text, code="unreviewed")
    try:
        cycle.close(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(_("The cycle is closed.")) from wrong
    cycle.save()
    audit.record(actor=actor, subject=("cycle", cycle.pk), action="cycle.closed", at=at)
    return cycle


# ---- missed -----------------------------------------------------------------------------------------------------------
def propose_missed(*, at: datetime) -> int:
    """One round of the night: where the last day is over, the portal proposes what the rules say (QHD-14.1, JY-22a, HLJ-30a).

    Only proposes. Not for who is exempt, handed in (late or not), or has time to answer a return.
    """
    today = clock.china_date(at)
    recent = Q(cycle__state=CycleState.OPEN) | Q(cycle__closed_at__gte=at - CLOSED_LATELY)
    known = Removal.objects.filter(subject_kind="yearly").values("subject_id")
    late = _removable(YearlyReport.objects.overdue(today).filter(recent).exclude(pk__in=known))
    return rounds.each(
        list(late.order_by("pk").values_list("pk", flat=True)), lambda pk: _propose_missed(pk, at, today)
    )


def _removable(late: YearlyReportQuerySet) -> YearlyReportQuerySet:
    """What is late where the rules of the list make it a ground and the unit stands there: others are not looked at each hour."""
    wanted = Q(pk__in=[])
    for cycle_id, category in late.order_by().values_list("cycle_id", "category").distinct():
        cycle = Cycle.objects.get(pk=cycle_id)
        books = ListBook.objects.filter(owner=cycle.owner_id, category=category).select_related("owner__area")
        if any(_missed_grounds(rulebook.of_book(book), cycle.duty) for book in books):
            wanted |= Q(cycle=cycle_id, category=category)
    there = Listing.objects.filter(
        site=OuterRef("site"),
        listbook__category=OuterRef("category"),
        listbook__owner=OuterRef("cycle__owner"),
        state__in=ON_THE_LIST,
    )
    return late.filter(wanted).filter(Exists(there))


def _missed_grounds(standing: rulebook.Standing | None, duty: str) -> list[Ground]:
    return [one for one in (standing.grounds if standing else ()) if one.on == MISSED and one.duty == duty]


@transaction.atomic
def _propose_missed(pk: int, at: datetime, today: date) -> int:
    locked = YearlyReport.objects.select_for_update().filter(pk=pk).first()
    if locked is None or not YearlyReport.objects.overdue(today).filter(pk=pk).exists():
        return 0
    table = YearlyReport.objects.select_related(*reads.TABLE_ROWS).get(pk=pk)
    made = 0
    for listing in places_of(table):
        for ground in _missed_grounds(rulebook.of_book(listing.listbook), table.cycle.duty):
            removals.propose(
                listing=listing,
                ground=ground.key,
                reason=_why(table),
                source=RemovalSource.DUTY,
                subject=("yearly", table.pk),
                actor=SYSTEM,
                at=at,
            )
            made += 1
    if made:
        audit.record(
            actor=SYSTEM,
            subject=("yearly", table.pk),
            action="yearly.missed",
            at=at,
            data={"cycle": table.cycle_id, "due_on": table.due_on.isoformat(), "proposed": made},
        )
    return made


def _why(table: YearlyReport) -> str:
    label = reads.duty_of(table.cycle, table.category).label.zh
    return REASON % {"duty": label, "year": table.cycle.year, "day": dates.in_chinese(table.due_on)}


def places_of(table: YearlyReport) -> Iterable[Listing]:
    """The unit's place on the list of the cycle's owner."""
    rows = Listing.objects.filter(
        site_id=table.site_id, listbook__category=table.category, listbook__owner_id=table.cycle.owner_id
    )
    rows = rows.filter(state__in=ON_THE_LIST)
    return rows.select_related("listbook__owner__area").order_by("pk")
