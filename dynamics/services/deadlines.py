"""Last days after listing, read by reminders, work lists and calendar feeds (core.deadlines): one source a subject."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Count, Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from dynamics.models import CultivationFiling, Cycle, Hearing, IncidentTold, Rectification, YearlyReport
from dynamics.selectors import cycles
from dynamics.selectors import filings as filing_reads
from dynamics.selectors import incidents as incident_reads
from dynamics.services.cycles import title_of
from dynamics.states import OWED, CycleState, IncidentState, RectificationState, RemovalState, YearlyState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import clock, deadlines
from greenlist.core.actors import OFFICIALS, Actor, Capacity
from greenlist.core.deadlines import AT_ONCE, Deadline
from greenlist.organisations import selectors as organisations
from registry.states import ListingState

T = TypeVar("T", bound=Model)


def _with_people(rows: QuerySet[T], firm: Callable[[T], int]) -> Iterator[tuple[T, tuple[int, ...]]]:
    """Each row with who is told of it: one query for many rows, however many units owe something."""
    left = rows.iterator(chunk_size=AT_ONCE)
    while some := list(islice(left, AT_ONCE)):
        people = organisations.told_of(firm(row) for row in some)
        yield from ((row, tuple(people.get(firm(row), ()))) for row in some)


# ---- cultivation (培育库) -------------------------------------------------------------------------------------------
@deadlines.source("dynamics.filings")
def filings(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Authorities that have not filed plan, library or list of the year (HLJ-14b)."""
    if actor is not None and not actor.is_official:
        return
    rows = Authority.objects.filter(kind=Authority.Kind.INDUSTRY).select_related("area").order_by("pk")
    rows = rows.filter(pk=actor.authority_id) if actor is not None else rows
    sent = set(
        CultivationFiling.objects.filter(year=today.year, state__in=filing_reads.FILED).values_list(
            "authority_id", "rule"
        )
    )

    by_place = filing_reads.rules_by_place()

    def of_office(office: Authority) -> Iterator[Deadline]:
        found = [rule for path in accounts.lineage(office.area.path) for rule in by_place.get(_slug(path), ())]
        for rule in found:
            if rule.by == office.tier and (office.pk, rule.key) not in sent:
                yield Deadline(
                    key=f"filing:{office.pk}:{rule.key}:{today.year}",
                    what=rule.label.zh,
                    last_day=rule.due(today.year),
                    since=date(today.year, 1, 1),
                    ladder=rule.remind or deadlines.usual_ladder(),
                    people=tuple(accounts.people_with(office, OFFICIALS, today)),
                    link=reverse("dynamics:filings"),
                    clause=rule.clause,
                    holder=deadlines.office(office.pk),
                )

    yield from deadlines.each(rows, of_office)


def _slug(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


# ---- yearly tables ----------------------------------------------------------------------------------------------------
@deadlines.source("dynamics.yearly")
def yearly_tables(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Units that owe a table: the first time by its last day, after a return by the day to answer."""
    rows = YearlyReport.objects.filter(cycle__state=CycleState.OPEN, state__in=OWED)
    if actor is not None:
        if actor.capacity != Capacity.APPLICANT or actor.is_body:
            return
        rows = rows.visible_to(actor)

    def of_table(pair: tuple[YearlyReport, tuple[int, ...]]) -> Iterator[Deadline]:
        row, people = pair
        duty = cycles.duty_of(row.cycle, row.category)
        back = row.state == YearlyState.RETURNED and row.answer_by is not None
        yield Deadline(
            key=f"yearly:{row.pk}:{'answer' if back else 'table'}",
            what=title_of(row.cycle, row.category),
            last_day=row.answer_by if back and row.answer_by else row.due_on,
            since=row.told_on + timedelta(days=1) if row.told_on else clock.china_date(row.cycle.opened_at),
            ladder=duty.remind,
            people=people,
            link=reverse("dynamics:yearly", args=[row.reference]),
            clause=duty.clause,
            holder=deadlines.firm(row.organisation_id),
        )

    found = (
        rows.select_related("cycle__rules__rule_set").defer(*(f"cycle__{name}" for name in cycles.HEAVY)).order_by("pk")
    )
    yield from deadlines.each(_with_people(found, lambda row: row.organisation_id), of_table)


@deadlines.source("dynamics.cycles")
def outstanding(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Owners of a list while somebody owes the year's table; reviewers of it where the rules name their day (JY-19)."""
    rows = Cycle.objects.filter(state=CycleState.OPEN).select_related("rules__rule_set", "owner").defer(*cycles.HEAVY)
    if actor is not None:
        if not actor.is_official:
            return
        rows = rows.filter(Q(owner_id=actor.authority_id) | Q(reports__desk_id=actor.authority_id)).distinct()

    def of_cycle(cycle: Cycle) -> Iterator[Deadline]:
        duty = cycles.duty_of(cycle)
        given: dict[str, Any] = {
            "since": clock.china_date(cycle.opened_at),
            "ladder": duty.remind,
            "clause": duty.clause,
            "link": reverse("dynamics:cycle", args=[cycle.reference]),
        }
        owing = YearlyReport.objects.filter(cycle=cycle, state__in=OWED).count()
        if owing:
            yield Deadline(
                key=f"cycle:{cycle.pk}:owner",
                what=_("%(title)s: %(count)s not handed in") % {"title": title_of(cycle, ""), "count": owing},
                last_day=cycle.due_on,
                people=tuple(accounts.people_with(cycle.owner_id, OFFICIALS, today)),
                holder=deadlines.office(cycle.owner_id),
                **given,
            )
        if cycle.review_due_on is None:
            return
        filed = YearlyReport.objects.filter(cycle=cycle, state=YearlyState.FILED, desk__isnull=False)
        for desk, count in filed.order_by("desk").values_list("desk").annotate(n=Count("pk")):
            yield Deadline(
                key=f"cycle:{cycle.pk}:review:{desk}",
                what=_("%(title)s: %(count)s to review") % {"title": title_of(cycle, ""), "count": count},
                last_day=cycle.review_due_on,
                people=tuple(accounts.people_with(desk, OFFICIALS, today)),
                holder=deadlines.office(desk),
                **given,
            )

    yield from deadlines.each(rows.order_by("pk"), of_cycle)


# ---- rectifications (整改) -------------------------------------------------------------------------------------------
@deadlines.source("dynamics.rectifications")
def rectifications(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Units that have not handed in yet what they were told to put right."""
    rows = Rectification.objects.filter(state=RectificationState.ORDERED).exclude(listing__state=ListingState.REMOVED)
    if actor is not None:
        if actor.capacity != Capacity.APPLICANT or actor.is_body:
            return
        rows = rows.visible_to(actor)

    def of_unit(pair: tuple[Rectification, tuple[int, ...]]) -> Iterator[Deadline]:
        row, people = pair
        yield Deadline(
            key=f"rectification:{row.pk}",
            what=f"{row.listing.name}：{row.reason[:60]}",
            last_day=row.due_on,
            since=clock.china_date(row.ordered_at),
            ladder=deadlines.usual_ladder(),
            people=people,
            link=reverse("dynamics:rectification", args=[row.reference]),
            clause=row.clause,
            holder=deadlines.firm(row.listing.organisation_id),
        )

    found = rows.select_related("listing").order_by("pk")
    yield from deadlines.each(_with_people(found, lambda row: row.listing.organisation_id), of_unit)


# ---- removals and alarms ----------------------------------------------------------------------------------------------
@deadlines.source("dynamics.hearings")
def hearings(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Units that were asked and have not answered yet; the ladder is the portal's own."""
    rows = Hearing.objects.filter(removal__state=RemovalState.HEARING).select_related("removal__listing")
    if actor is not None:
        if actor.capacity != Capacity.APPLICANT or actor.is_body:
            return
        rows = rows.filter(removal__listing__organisation_id=actor.organisation_id)

    def of_hearing(row: Hearing) -> Iterator[Deadline]:
        firm = row.removal.listing.organisation_id
        yield Deadline(
            key=f"hearing:{row.pk}",
            what=row.title,
            last_day=row.answer_by,
            since=clock.china_date(row.asked_at),
            ladder=deadlines.usual_ladder(),
            people=tuple(organisations.told_ids(firm)),
            link=reverse("dynamics:removal", args=[row.removal.reference]),
            clause=row.removal.clause,
            holder=deadlines.firm(firm),
        )

    yield from deadlines.each(rows.order_by("pk"), of_hearing)


@deadlines.source("dynamics.alarms")
def alarms(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Offices that were told of an alarm and have not confirmed it: until the hours of the rules are over."""
    rows = IncidentTold.objects.filter(seen_at=None, incident__state=IncidentState.RAISED).select_related("incident")
    if actor is not None:
        if not actor.is_official:
            return
        rows = rows.filter(authority_id=actor.authority_id)

    def of_told(row: IncidentTold) -> Iterator[Deadline]:
        yield Deadline(
            key=f"alarm:{row.pk}",
            what=str(row.incident),
            last_day=max(clock.china_date(incident_reads.due_at(row.incident)), clock.china_date(row.told_at)),
            since=clock.china_date(row.told_at),
            ladder=deadlines.usual_ladder(),
            people=tuple(accounts.people_with(row.authority_id, OFFICIALS, today)),
            link=reverse("dynamics:incident", args=[row.incident.reference]),
            clause=row.incident.clause,
            holder=deadlines.office(row.authority_id),
        )

    yield from deadlines.each(rows.order_by("pk"), of_told)
