"""The pool of experts as an authority sees it, and as each expert sees the own entry (feature 13)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from applications.selectors.paging import Page, page_of
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Mandate, User, places_above
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import day_start
from greenlist.core.errors import NotVisible
from reviews.models import Absence, Employment, Expert, Sheet
from reviews.states import PanelState

SEPARATORS = str.maketrans("，,；;/|", "、" * 6)


@dataclass(frozen=True, slots=True)
class Entry:
    """One expert of the pool."""

    user_id: int
    name: str
    fields: tuple[str, ...]
    employer: str
    area: Area | None
    is_away: bool
    is_suspended: bool
    suspension_reason: str
    load: int  # units of this year
    cap_per_panel: int | None
    cap_per_year: int | None
    keepers: tuple[int, ...]  # authorities that keep the entry
    version: int

    @property
    def is_full(self) -> bool:
        return self.cap_per_year is not None and self.load >= self.cap_per_year


@dataclass(frozen=True, slots=True)
class PoolPage:
    rows: tuple[Entry, ...]
    older: str
    fields: tuple[str, ...]  # to filter by
    areas: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class EntryPage:
    entry: Entry
    employments: tuple[Employment, ...]
    absences: tuple[Absence, ...]
    may_keep: bool  # profile and standing: the keeping authority
    may_add: bool  # history and days away: also the expert


def mandates(path: str, on: date) -> QuerySet[Mandate]:
    """Expert mandates of a place: given by authorities at, above or below it, or by none in particular."""
    near = (
        Q(authority=None) | Q(authority__area__path__startswith=path) | Q(authority__area__path__in=places_above(path))
    )
    return accounts.experts(on).filter(near)


def page(actor: Actor, given: Mapping[str, str], on: date) -> PoolPage:
    """A page of the pool, filtered by words, field, area and standing; a fixed number of queries."""
    if not actor.is_official:
        raise NotVisible
    held = mandates(actor.area_path, on)
    people = User.objects.filter(Exists(held.filter(user=OuterRef("pk")).order_by()))
    shown: Page = page_of(_filtered(people, held, given, on), given)
    known = list(Expert.objects.filter(user__in=people).values_list("fields", "area_id"))
    words = {word for fields, _area in known for word in fields}
    words |= {word for field in set(held.values_list("field", flat=True)) for word in fields_of(field)}
    areas = Area.objects.filter(pk__in={area for _fields, area in known if area}).order_by("path")
    rows = entries([user.pk for user in shown.rows], on)
    return PoolPage(tuple(rows), shown.older, tuple(sorted(words)), tuple(areas))


def _filtered(people: QuerySet[User], held: QuerySet[Mandate], given: Mapping[str, str], on: date) -> QuerySet[User]:
    words = given.get("q", "").strip()[:60]
    if words:
        by_mandate = held.filter(user=OuterRef("pk"), employer__icontains=words).order_by()
        by_history = Employment.objects.filter(expert__user=OuterRef("pk"), employer__icontains=words)
        people = people.filter(Q(name__icontains=words) | Exists(by_mandate) | Exists(by_history))
    if given.get("field"):
        people = _of_field(people, held, given["field"][:60])
    if given.get("area"):
        people = people.filter(expertise__area__slug=given["area"][:30])
    away = Absence.objects.filter(expert__user=OuterRef("pk"), since__lte=on, until__gte=on)
    suspended = Expert.objects.filter(user=OuterRef("pk")).exclude(suspended_at=None)
    match given.get("standing", ""):
        case "away":
            people = people.filter(Exists(away))
        case "suspended":
            people = people.filter(Exists(suspended))
        case "available":
            people = people.exclude(Exists(away)).exclude(Exists(suspended))
    return people


def _of_field(people: QuerySet[User], held: QuerySet[Mandate], field: str) -> QuerySet[User]:
    """By the expert's own fields, or by the mandate's where there are none. JSON lists are searched here, not by SQL."""
    own = Expert.objects.exclude(fields=[]).values_list("user_id", "fields")
    described = dict(own)
    named = {user for user, fields in described.items() if field in fields}
    for user, words in held.values_list("user_id", "field"):
        if user not in described and field in fields_of(words):
            named.add(user)
    return people.filter(pk__in=named)


def fields_of(words: str) -> tuple[str, ...]:
    """Fields as they are typed: separated by 、 or commas."""
    return tuple(dict.fromkeys(word.strip() for word in words.translate(SEPARATORS).split("、") if word.strip()))


def entries(users: Collection[int], on: date, path: str = "") -> list[Entry]:
    """What the pool says of these people, in their order; a fixed number of queries."""
    held: dict[int, list[Mandate]] = {}
    for mandate in accounts.experts(on).filter(user_id__in=users):
        held.setdefault(mandate.user_id, []).append(mandate)
    known = {
        row.user_id: row
        for row in Expert.objects.filter(user_id__in=users).select_related("area").prefetch_related("employments")
    }
    away = set(
        Absence.objects.filter(expert__user_id__in=users, since__lte=on, until__gte=on).values_list(
            "expert__user_id", flat=True
        )
    )
    loads = loads_of(users, on)
    return [
        _entry(user, held[user], known.get(user), user in away, loads.get(user, 0), on)
        for user in users
        if user in held
    ]


def _entry(user: int, held: list[Mandate], known: Expert | None, is_away: bool, load: int, on: date) -> Entry:
    now = [one.employer for one in known.employments.all() if one.until is None or one.until >= on] if known else []
    employers = dict.fromkeys(name for name in (*now, *(mandate.employer for mandate in held)) if name)
    return Entry(
        user_id=user,
        name=held[0].user.name,
        fields=tuple(known.fields) if known and known.fields else _fields(held),
        employer="、".join(employers),
        area=known.area if known else None,
        is_away=is_away,
        is_suspended=bool(known and known.suspended_at),
        suspension_reason=known.suspension_reason if known else "",
        load=load,
        cap_per_panel=known.cap_per_panel if known else None,
        cap_per_year=known.cap_per_year if known else None,
        keepers=tuple(one.authority_id for one in held if one.authority_id),
        version=known.version if known else 0,
    )


def _fields(held: Iterable[Mandate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for mandate in held for word in fields_of(mandate.field)))


def loads_of(users: Collection[int], on: date) -> dict[int, int]:
    """Units that each judges on panels opened this year: assigned, without a conflict, the seat not given up."""
    rows = Sheet.objects.filter(
        seat__user_id__in=users,
        seat__recused_at=None,
        seat__panel__state__in=(PanelState.OPEN, PanelState.CLOSED),
        seat__panel__opened_at__gte=day_start(on.replace(month=1, day=1)),
        conflict="",
    )
    return dict(rows.values_list("seat__user_id").annotate(n=Count("pk")))


def entry(actor: Actor, user_id: int, on: date) -> EntryPage:
    """Raises NotVisible for people who are in no pool that the actor sees."""
    own = is_own(actor, user_id)
    if not own and not (actor.is_official and mandates(actor.area_path, on).filter(user_id=user_id).exists()):
        raise NotVisible
    found = entries([user_id], on)
    if not found:
        raise NotVisible
    known = Expert.objects.filter(user_id=user_id).first()
    keeps = may_keep(actor, found[0])
    return EntryPage(
        entry=found[0],
        employments=tuple(known.employments.order_by("-since", "-pk")) if known else (),
        absences=tuple(known.absences.filter(until__gte=on).order_by("since", "pk")) if known else (),
        may_keep=keeps,
        may_add=keeps or own,
    )


def is_own(actor: Actor, user_id: int) -> bool:
    return actor.capacity == Capacity.EXPERT and actor.user_id == user_id


def may_keep(actor: Actor, one: Entry) -> bool:
    """Officials of an authority that gave the mandate; of any where none did."""
    return actor.is_official and (not one.keepers or actor.authority_id in one.keepers)


def away_between(users: Collection[int], first: date, last: date) -> set[int]:
    """Who is away on some day of these."""
    rows = Absence.objects.filter(expert__user_id__in=users, since__lte=last, until__gte=first)
    return set(rows.values_list("expert__user_id", flat=True))


def areas_to_choose(actor: Actor) -> list[Area]:
    """Places an expert may be from: at, above or directly below the authority's own and its parts."""
    tops = [Q(path__in=places_above(actor.area_path)), Q(path__startswith=actor.area_path)]
    return list(Area.objects.filter(reduce(or_, tops)).order_by("path")[:400])
