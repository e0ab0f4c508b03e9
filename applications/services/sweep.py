"""The nightly look at every open case and every listed unit: SQL picks what may matter, the engine says what does.

Window by window of the units' keys, each in a transaction of its own: memory stays bounded, a killed run loses one window
and the next run goes on. Rows of `Hit` are the memory: a finding is told to its authority once, however often this runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max, Min, Q, QuerySet

from applications import selectors
from applications.models import Application, Call, Hit
from applications.services import hits
from applications.states import BEYOND_SUBMISSION, FINAL, HitState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area
from greenlist.core import clock, rounds
from greenlist.core.actors import Tier
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as organisation_services
from greenlist.organisations.models import Title
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Event, EventFilter, Severity
from greenlist.policy.models import RuleSetVersion

WINDOW = 25_000  # units one round of statements looks at; what SQL picks of them is held in memory
CASE = ("pk", "name", "category", "area_path", "desk_id", "call__owner_id", "organisation__founded_on")
TITLE = ("pk", "site__organisation__name", "category", "site__area__path", "site__organisation__founded_on")


def sweep(*, at: datetime) -> int:
    """One pass over everything; returns how many findings are new. Safe to run twice, at once or after a kill."""
    organisation_services.link_codes()
    organisation_services.find_matches(at=at)
    _close_finished(at)
    found = sweep_cases(at=at) + sweep_titles(at=at)
    tell(at=at)
    return found


def sweep_cases(*, at: datetime) -> int:
    """Submitted cases that are still open, call by call: each is judged by the rules it was submitted under."""
    calls = Application.objects.filter(state__in=BEYOND_SUBMISSION).order_by("call").values_list("call", flat=True)

    def one(pk: int) -> int:
        call = Call.objects.select_related("rules").get(pk=pk)
        units = Application.objects.filter(call=call, state__in=BEYOND_SUBMISSION)
        kind = Kind("application", "c", "organisation__", units, CASE, _case_unit)
        return _pass(kind, selectors.rules_of(call), call.rules, at)

    return rounds.each(calls.distinct(), one)


def sweep_titles(*, at: datetime) -> int:
    """Listed units, by the newest rules of the list's owner; whose word is wanted is the owner's."""
    found = 0
    for version in policy.all_current():
        built = policy.policy(version)
        area = Area.objects.filter(slug=built.header.owner).first()
        owner = _authority_of(area) if area else None
        if area is None or owner is None:
            continue
        for category in built.categories:
            units = Title.objects.filter(
                valid_until=None, tier=built.header.tier, category=category, site__area__path__startswith=area.path
            )
            kind = Kind("title", "t", "site__organisation__", units, TITLE, partial(_title_unit, owner.pk))
            found += _pass(kind, policy.standing(version, category), version, at)
    return found


def _authority_of(area: Area) -> Any:
    found = [accounts.industry_authority(area, tier) for tier in (Tier.COUNTY, Tier.CITY, Tier.PROVINCE)]
    return next((one for one in found if one is not None and one.area_id == area.pk), None)


# ---- one kind of units, one rule set --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Kind:
    """Cases or titles: how to reach their firm, and what to read of them."""

    field: str  # of `Hit`
    letter: str  # of its key
    firm: str  # the way to the organisation
    units: QuerySet[Any]
    columns: tuple[str, ...]
    unit: Any  # row → hits.Unit

    def within(self, low: int, high: int) -> QuerySet[Any]:
        return self.units.filter(pk__gt=low, pk__lte=high)


def _case_unit(row: Sequence[Any]) -> hits.Unit:
    pk, name, category, path, desk, owner, founded = row
    return hits.Unit("application", pk, name, category, path, desk or owner, founded)


def _title_unit(owner: int, row: Sequence[Any]) -> hits.Unit:
    pk, name, category, path, founded = row
    return hits.Unit("title", pk, name, category, path, owner, founded)


def _pass(kind: Kind, bound: BoundPolicy, version: RuleSetVersion, at: datetime) -> int:
    on = clock.china_date(at)
    wanted = engine.candidates(bound, on)
    ends = kind.units.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None or not wanted.windows:
        return 0

    @transaction.atomic
    def window(low: int) -> int:
        return _window(kind, bound, version, wanted, (low, low + WINDOW), on, at)

    return rounds.each(range(ends["low"] - 1, ends["high"], WINDOW), window)


def _window(
    kind: Kind,
    bound: BoundPolicy,
    version: RuleSetVersion,
    wanted: EventFilter,
    ends: tuple[int, int],
    on: date,
    at: datetime,
) -> int:
    # What is known comes first: a hit that a faster run makes meanwhile is none of ours to clear.
    known = hits.known(Hit.objects.filter(**{f"{kind.field}__gt": ends[0], f"{kind.field}__lte": ends[1]}))
    units: dict[int, Found] = {}
    for row, event in _candidates(kind, wanted, ends):
        found = units.get(row[0]) or units.setdefault(row[0], Found(kind.unit(row)))
        found.events.append(event)
    barred = [
        (found.unit, one)
        for found in units.values()
        for one in engine.barring(bound, found.events, on, found.unit.founded)
    ]
    return hits.reconcile(known=known, barred=barred, rules=version, at=at)


@dataclass(slots=True)
class Found:
    """A unit and what SQL picked about it."""

    unit: hits.Unit
    events: list[Event] = field(default_factory=list)


def _candidates(kind: Kind, wanted: EventFilter, ends: tuple[int, int]) -> Iterator[tuple[Sequence[Any], Event]]:
    """(row of the unit, event): everything that some veto may look at, by one statement for each way to it."""
    units, width = kind.within(*ends), len(kind.columns)
    for way in ways(wanted):
        to = f"{kind.firm}{way.to}"
        rows = units.filter(way.condition(kind.firm, wanted))
        columns = [f"{to}{name}" for name in way.columns]
        who = [f"{kind.firm}park_firms__firm__name"] if way.members else []
        for row in rows.values_list(*kind.columns, *columns, *who):
            yield row[:width], way.event(row[width:])


RECORD = ("pk", "kind", "event_on", "severity", "ended_on", "tier")
GRADES = tuple(Severity.of_rank(rank) for rank in range(5))


@dataclass(frozen=True, slots=True)
class Way:
    """How a firm is reached by what may stand against it."""

    to: str
    members: bool = False
    doubtful: bool = False
    removal: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return ("pk", "valid_until", "tier") if self.removal else RECORD

    def condition(self, firm: str, wanted: EventFilter) -> Q:
        windows = [one for one in wanted.windows if not self.members or "members" in one.subjects]
        to = f"{firm}{self.to}"
        kept = (
            Q(**{f"{to}removed": True, f"{to}valid_until__isnull": False})
            if self.removal
            else organisations.in_windows(windows, to)
        )
        if self.doubtful:
            kept &= Q(**{f"{to.removesuffix('record__')}state": "open"})
        return kept & Q(**{f"{firm}kind": "park", f"{firm}park_firms__valid_until": None}) if self.members else kept

    def event(self, row: Sequence[Any]) -> Event:
        subject, who = ("members", row[-1]) if self.members else ("unit", "")
        if self.removal:
            return Event(organisations.REMOVED, row[1], tier=row[2], subject=subject, who=who, ref=f"t{row[0]}")
        pk, kind, day, grade, ended, tier = row[:6]
        return Event(kind, day, GRADES[grade], ended, subject, "", tier, who, self.doubtful, f"r{pk}")


def ways(wanted: EventFilter) -> Iterator[Way]:
    removals = organisations.REMOVED in wanted.kinds
    for members, to in ((False, ""), (True, "park_firms__firm__")) if wanted.members else ((False, ""),):
        yield Way(f"{to}adverse_records__", members)
        yield Way(f"{to}adverse_matches__record__", members, doubtful=True)
        if removals:
            yield Way(f"{to}sites__titles__", members, removal=True)


# ---- afterwards -----------------------------------------------------------------------------------------------------
def _close_finished(at: datetime) -> None:
    """What stands against a case that ended, or a title that ended, asks nobody any more."""
    over = Q(application__state__in=FINAL) | Q(title__valid_until__isnull=False)
    gone = Hit.objects.filter(over, state=HitState.OPEN).values("pk")
    Hit.objects.filter(pk__in=gone).update(state=HitState.CLEARED, closed_at=at)


def tell(*, at: datetime) -> None:
    """One message to each authority and list kind about what is new there; a row is marked as it is told."""
    waiting = Hit.objects.untold().order_by("authority", "category").values_list("authority", "category").distinct()
    for authority, category in list(waiting):
        hits.tell(authority=authority, category=category, at=at)
