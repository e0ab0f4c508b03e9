"""The nightly look at every open case and every listed unit: SQL picks what may matter, the engine says what does.

What the engine has decided stands as long as everything it rested on is the same (`Hit.rests_on`, `basis`, `holds_until`), so
that SQL leaves it out: a night decides what is new, what changed and what a day has turned.

Window by window of the units' keys, each in a transaction of its own: memory stays bounded, a killed run loses one window
and the next run goes on. Rows of `Hit` are the memory: a finding is told to its authority once, however often this runs.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import CharField, Count, Exists, F, Func, Max, Min, OuterRef, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

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

WINDOW = 100_000  # units one round of statements looks at; what SQL picks of them is held in memory
FEW = 5000  # keys a statement names one by one
ANEW = 30  # of so many findings one is decided again each night, whatever is remembered of it
CASE = ("pk", "name", "category", "area_path", "desk_id", "call__owner_id", "organisation__founded_on")
TITLE = ("pk", "site__organisation__name", "category", "site__area__path", "site__organisation__founded_on")
DESK = Coalesce("application__desk", "application__call__owner")


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
        kind = Kind("application", "organisation__", units, CASE, _case_unit, DESK)
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
        # Areas by their keys: from the beginning of a path PostgreSQL expects a handful of sites and walks through them all.
        areas = list(Area.objects.filter(path__startswith=area.path).values_list("pk", flat=True))
        for category in built.categories:
            units = Title.objects.filter(
                valid_until=None, tier=built.header.tier, category=category, site__area__in=areas
            )
            kind = Kind("title", "site__organisation__", units, TITLE, partial(_title_unit, owner.pk), Value(owner.pk))
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
    firm: str  # the way to the organisation
    units: QuerySet[Any]
    columns: tuple[str, ...]
    unit: Any  # row → hits.Unit
    office: Any  # whose word is wanted, as SQL finds it from a row of `Hit`

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
    if not kind.units.exists():
        return 0
    if not any(ways(wanted)) and not _standing(kind).exists():
        return 0
    ends = kind.units.model._default_manager.aggregate(low=Min("pk"), high=Max("pk"))  # by the key alone: at once
    basis = engine.vetoes_digest(bound)

    @transaction.atomic
    def window(low: int) -> int:
        return _Window(kind, bound, version, wanted, basis, low, low + WINDOW, on).look(at)

    return rounds.each(range(ends["low"] - 1, ends["high"], WINDOW), window)


def _standing(kind: Kind) -> QuerySet[Hit]:
    """Findings from events against these units: rules that ask for none any more have them cleared."""
    return Hit.objects.exclude(ref="").exclude(state=HitState.CLEARED).filter(**{f"{kind.field}__in": kind.units})


@dataclass(frozen=True, slots=True)
class _Window:
    """Units between two keys, against one rule set on one day."""

    kind: Kind
    bound: BoundPolicy
    version: RuleSetVersion
    wanted: EventFilter
    basis: str
    low: int
    high: int
    on: date

    @property
    def kept(self) -> QuerySet[Hit]:
        return Hit.objects.filter(**{f"{self.kind.field}__gt": self.low, f"{self.kind.field}__lte": self.high})

    @property
    def live(self) -> QuerySet[Hit]:
        """Of events, about units of this very pass: keys of several lists lie between one another. Conditions are the
        checks' own.
        """
        mine = {f"{self.kind.field}__in": self.kind.within(self.low, self.high).values("pk")}
        return self.kept.filter(**mine).exclude(ref="").exclude(state=HitState.CLEARED)

    def found_by(self) -> dict[str, int]:
        """How many findings each way has made, in one look; "" where nobody knows."""
        ways = {way.name: Count("pk", filter=Q(rests_on__startswith=f"{way.name}|")) for way in EVERY_WAY}
        found = self.live.aggregate(unknown=Count("pk", filter=Q(rests_on="")), **ways)
        return {"": found.pop("unknown"), **found}

    def look(self, at: datetime) -> int:
        """Decides what is not decided yet, clears what SQL does not pick any more; returns how many are new."""
        # What no pass has decided comes first: a hit that a check makes meanwhile is none of ours to clear.
        found_by = self.found_by()
        strange = list(self.live.filter(rests_on="").values("pk", "key")) if found_by.pop("") else []
        found: dict[int, Found] = {}
        for row, event, line in self.undecided():
            unit = found.get(row[0]) or found.setdefault(row[0], Found(self.kind.unit(row)))
            unit.lines[event] = line
        known = self.known(found)
        decided = {hits.event_of(unit.unit.key("", event.place)) for unit in found.values() for event in unit.lines}
        made = hits.reconcile(
            known={key: row for key, row in known.items() if hits.event_of(key) in decided},
            barred=(one for unit in found.values() for one in self.barring(unit)),
            rules=self.version,
            at=at,
            basis=self.basis,
        )
        gone = [row["pk"] for row in strange if hits.event_of(row["key"]) not in decided]
        for way in EVERY_WAY:
            gone += self.vanished(way) if found_by[way.name] else []
        if gone:
            rows = self.live.filter(pk__in=gone)
            rows.update(state=HitState.CLEARED, closed_at=at, rests_on="")
        return made

    def barring(self, found: "Found") -> Iterator[hits.Against]:
        founded = found.unit.founded
        for one in engine.barring(self.bound, list(found.lines), self.on, founded):
            until = engine.holds_until(self.bound, one.event, self.on, founded)
            yield hits.Against(found.unit, one, found.lines[one.event], until)

    def undecided(self) -> Iterator[tuple[Sequence[Any], Event, str]]:
        """(row of the unit, event, what it rests on): what some veto may look at and no row of before answers for."""
        width = len(self.kind.columns)
        for way in ways(self.wanted):
            columns = [*self.kind.columns, *way.reads(self.kind.firm), "line"]
            rows = self.candidates(way).annotate(line=way.line(self.kind.firm)).exclude(self.decided(way))
            for row in rows.values_list(*columns):
                yield row[:width], way.event(row[width:-1]), row[-1]

    def candidates(self, way: "Way") -> QuerySet[Any]:
        return self.kind.within(self.low, self.high).filter(way.condition(self.kind.firm, self.wanted))

    def decided(self, way: "Way") -> Exists:
        """A finding of the same unit that rests on the same, by the same vetoes, still holds and lies at the right desk.

        One in `ANEW` is decided again all the same, each night another one: nothing wrong lasts.
        """
        mine = Q(authority=self.kind.office) | ~Q(state=HitState.OPEN)
        rows = Hit.objects.filter(
            mine,
            way.kept(),
            Q(holds_until=None) | Q(holds_until__gt=self.on),
            **{self.kind.field: OuterRef("pk")},
            rests_on=OuterRef("line"),
            basis=self.basis,
        )
        turn = self.on.toordinal() % ANEW
        return Exists(rows.exclude(state=HitState.CLEARED).annotate(turn=F("pk") % ANEW).exclude(turn=turn))

    def known(self, found: Collection[int]) -> dict[str, hits.Kept]:
        """What is kept about these units: by their keys, or where they are many by the ends of the window."""
        if not found:
            return {}
        return hits.known(self.kept.filter(**{f"{self.kind.field}__in": found}) if len(found) <= FEW else self.kept)

    def vanished(self, way: "Way") -> list[int]:
        """Findings made by this way whose event SQL does not pick on it any more."""
        if way not in ways(self.wanted):  # no veto of these rules looks that way any more
            return list(self.live.filter(rests_on__startswith=f"{way.name}|").values_list("pk", flat=True))
        picked = self.candidates(way).annotate(ref=way.ref(self.kind.firm))
        picked = picked.filter(pk=OuterRef(self.kind.field), ref=OuterRef("ref"))
        rows = self.live.filter(rests_on__startswith=f"{way.name}|")
        if way.members:  # one firm of a park may be out of it while another one is not
            rows = rows.annotate(who=KT("event__who"))
            picked = picked.annotate(who=F(f"{self.kind.firm}park_firms__firm__name")).filter(who=OuterRef("who"))
        rows = rows.filter(~Exists(picked) | ~way.kept())
        return list(rows.values_list("pk", flat=True))


@dataclass(slots=True)
class Found:
    """A unit, what SQL picked about it, and the line each event is known by."""

    unit: hits.Unit
    lines: dict[Event, str] = field(default_factory=dict)


RECORD = ("pk", "kind", "event_on", "severity", "ended_on", "tier")
TAKEN_AWAY = ("pk", "valid_until", "tier")
GRADES = tuple(Severity.of_rank(rank) for rank in range(5))


@dataclass(frozen=True, slots=True)
class Way:
    """How a firm is reached by what may stand against it."""

    name: str
    to: str
    members: bool = False
    doubtful: bool = False
    removal: bool = False

    def reads(self, firm: str) -> list[str]:
        """Everything an event is made of."""
        columns = [f"{firm}{self.to}{name}" for name in (TAKEN_AWAY if self.removal else RECORD)]
        return [*columns, f"{firm}park_firms__firm__name"] if self.members else columns

    def ref(self, firm: str) -> "Line":
        return Line(Value("t" if self.removal else "r"), _text(f"{firm}{self.to}pk"))

    def kept(self) -> Q:
        """Rows keyed by the firm inside as well; one that a release before this kept otherwise is found anew."""
        return Q(key__contains="+") if self.members else Q()

    def line(self, firm: str) -> "Line":
        """What a decision rests on: the event and the day the firm was founded."""
        said = [_text(name) for name in (*self.reads(firm), f"{firm}founded_on")]
        return Line(Value(self.name), *(part for one in said for part in (Value("|"), one)))

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


class Line(Func):
    """Texts one after the other: flat, where `Concat` goes deeper with each part than SQLite reads."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = CharField()


def _text(name: str) -> Coalesce:
    return Coalesce(Cast(F(name), CharField()), Value(""))


def _every_way() -> Iterator[Way]:
    for members, to in ((False, ""), (True, "park_firms__firm__")):
        letter = "m" if members else ""
        yield Way(f"{letter}r", f"{to}adverse_records__", members)
        yield Way(f"{letter}d", f"{to}adverse_matches__record__", members, doubtful=True)
        yield Way(f"{letter}t", f"{to}sites__titles__", members, removal=True)


EVERY_WAY = tuple(_every_way())


def ways(wanted: EventFilter) -> Iterator[Way]:
    """Those on which some veto looks."""
    if not wanted.windows:
        return iter(())
    removals = organisations.REMOVED in wanted.kinds
    return (way for way in EVERY_WAY if (wanted.members or not way.members) and (removals or not way.removal))


# ---- afterwards -----------------------------------------------------------------------------------------------------
def _close_finished(at: datetime) -> None:
    """What stands against a case that ended, or a title that ended, asks nobody any more."""
    over = Q(application__state__in=FINAL) | Q(title__valid_until__isnull=False)
    gone = Hit.objects.filter(over, state=HitState.OPEN).values("pk")
    Hit.objects.filter(pk__in=gone).update(state=HitState.CLEARED, closed_at=at, rests_on="")


def tell(*, at: datetime) -> None:
    """One message to each authority and list kind about what is new there; a row is marked as it is told."""
    waiting = Hit.objects.untold().order_by("authority", "category").values_list("authority", "category").distinct()
    for authority, category in list(waiting):
        hits.tell(authority=authority, category=category, at=at)
