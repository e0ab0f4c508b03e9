"""催报看板: the cycles of a place and the board of one. Counts, filter, export and reminder are one queryset."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from applications.selectors.paging import Page, page_of
from dynamics import rules
from dynamics.models import Cycle, YearlyReport
from dynamics.querysets import YearlyReportQuerySet
from dynamics.selectors import cycles
from dynamics.selectors.yearly import own_row
from dynamics.states import CycleState, YearlyState
from greenlist.accounts.models import Area
from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed
from greenlist.policy import selectors as policy
from greenlist.policy import words

# ---- the board --------------------------------------------------------------------------------------------------------
OVERDUE = "overdue"
STATES = ("due", "draft", "filed", "returned", OVERDUE, "accepted", "exempt")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the board is narrowed to; the same words give the page, the export and the reminder."""

    state: str = ""
    area: str = ""  # path
    category: str = ""
    q: str = ""

    def as_query(self) -> dict[str, str]:
        given = {"state": self.state, "area": self.area, "category": self.category, "q": self.q}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class AreaCount:
    path: str
    name: str
    counts: tuple[tuple[str, int], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Board:
    cycle: Cycle
    title: str
    filters: Filters
    counts: tuple[tuple[str, str, int], ...]  # (key, label, number)
    total: int
    areas: tuple[AreaCount, ...]
    rows: Page
    may_close: bool
    may_chase: bool
    may_score: bool
    found: int


def filters_of(actor: Actor, given: Mapping[str, str]) -> Filters:
    """Words from an address, nonsense dropped; an area outside one's own finds nothing of it."""
    state = given.get("state", "")
    area = given.get("area", "")
    return Filters(
        state=state if state in STATES else "",
        area=area if area.startswith(actor.area_path or "/-/") else "",
        category=given.get("category", "")[:15],
        q=given.get("q", "").strip()[:60],
    )


def filtered(actor: Actor, cycle: Cycle, filters: Filters, today: date) -> YearlyReportQuerySet:
    """The tables that the board, its export and its reminder are about."""
    return narrowed(YearlyReport.objects.visible_to(actor).filter(cycle=cycle), filters, today)


def narrowed(rows: YearlyReportQuerySet, filters: Filters, today: date) -> YearlyReportQuerySet:
    """What is past its last day is found as that and as nothing else."""
    if filters.area:
        rows = rows.filter(area_path__startswith=filters.area)
    if filters.category:
        rows = rows.filter(category=filters.category)
    if filters.q:
        rows = rows.filter(Q(name__icontains=filters.q) | Q(code=filters.q.upper()))
    if filters.state == OVERDUE:
        return rows.overdue(today)
    if filters.state:
        late = rows.overdue(today).values("pk")
        rows = rows.filter(state=filters.state)
        return rows.exclude(pk__in=late) if filters.state in ("due", "draft", "returned") else rows
    return rows


def board(actor: Actor, cycle: Cycle, filters: Filters, given: Mapping[str, str], today: date) -> Board:
    """A few queries however many units."""
    everything = Filters(area=filters.area, category=filters.category, q=filters.q)
    counts = counts_of(filtered(actor, cycle, everything, today), today)
    rows = filtered(actor, cycle, filters, today).select_related("organisation", "desk", "cycle__rules__rule_set")
    rows = rows.defer(*cycles.HEAVY_OF_TABLE)
    page = page_of(rows, given)
    label = words.text(cycles.duty_of(cycle).label)
    return Board(
        cycle=cycle,
        title=_("%(label)s %(year)s") % {"label": label, "year": cycle.year},
        filters=filters,
        counts=tuple((key, _state_name(key), counts.get(key, 0)) for key in STATES),
        total=sum(counts.values()),
        areas=_areas(actor, cycle, filters, today),
        rows=Page(tuple(own_row(row, today) for row in page.rows), page.older, page.is_first),
        may_close=rules.may_open_cycle(actor, cycle.owner_id, cycles.lists_of(cycle)),
        may_chase=actor.is_official and cycle.state == CycleState.OPEN,
        may_score=rules.may_keep_cycle(actor, cycle.owner_id),
        found=counts.get(filters.state, 0) if filters.state else sum(counts.values()),
    )


def _state_name(key: str) -> str:
    return _("past the last day") if key == OVERDUE else str(YearlyState(key).label)


def counts_of(rows: YearlyReportQuerySet, today: date) -> dict[str, int]:
    """How many of each state; what is overdue counts as that and as nothing else. Two queries."""
    found = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    late = dict(rows.overdue(today).order_by().values_list("state").annotate(n=Count("pk")))
    counts = {str(state): number - late.get(state, 0) for state, number in found.items()}
    return {**counts, OVERDUE: sum(late.values())}


def _areas(actor: Actor, cycle: Cycle, filters: Filters, today: date) -> tuple[AreaCount, ...]:
    """The places one step below the chosen one, with their counts."""
    here = filters.area or cycle.owner.area.path
    if not here.startswith(actor.area_path):
        here = actor.area_path
    rows = filtered(actor, cycle, Filters(area=here, category=filters.category, q=filters.q), today)
    depth = here.count("/") + 1
    by_place: dict[str, dict[str, int]] = {}
    pairs = rows.order_by().values_list("area_path", "state").annotate(n=Count("pk"))
    late = {
        (path, state): number
        for path, state, number in rows.overdue(today)
        .order_by()
        .values_list("area_path", "state")
        .annotate(n=Count("pk"))
    }
    for path, state, number in pairs:
        place = "/".join(path.split("/")[:depth]) + "/" if path.count("/") >= depth else path
        counts = by_place.setdefault(place, {})
        over = late.get((path, state), 0)
        counts[str(state)] = counts.get(str(state), 0) + number - over
        counts[OVERDUE] = counts.get(OVERDUE, 0) + over
    names = dict(Area.objects.filter(path__in=by_place).values_list("path", "name"))
    return tuple(
        AreaCount(path, names.get(path, path), tuple((key, counts.get(key, 0)) for key in STATES), sum(counts.values()))
        for path, counts in sorted(by_place.items())
    )


# ---- cycles -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CycleRow:
    cycle: Cycle
    title: str
    counts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class CyclesPage:
    rows: Page
    may_open: tuple[tuple[str, str], ...]  # ("version:duty", its name)


def cycles_page(actor: Actor, given: Mapping[str, str], today: date, *, size: int = 20) -> CyclesPage:
    """Cycles of the actor's place, the newest first; what one may open. Raises NotAllowed for everybody but officials."""
    if not actor.is_official:
        raise NotAllowed(_("Only officials see the cycles of their place."))
    rows = Cycle.objects.visible_to(actor).select_related(*cycles.CYCLE_ROWS).defer(*cycles.HEAVY)
    page = page_of(rows, given, size=size)
    visible = YearlyReport.objects.visible_to(actor)
    tables = visible.filter(cycle__in=[one.pk for one in page.rows])
    counts: dict[int, dict[str, int]] = {}
    for cycle_id, state, number in tables.order_by().values_list("cycle_id", "state").annotate(n=Count("pk")):
        counts.setdefault(cycle_id, {})[state] = number
    late = tables.overdue(today).order_by().values_list("cycle_id", "state").annotate(n=Count("pk"))
    for cycle_id, state, number in late:
        mine = counts.setdefault(cycle_id, {})
        mine[state] = mine.get(state, 0) - number
        mine[OVERDUE] = mine.get(OVERDUE, 0) + number
    found = tuple(_cycle_row(one, counts.get(one.pk, {})) for one in page.rows)
    return CyclesPage(Page(found, page.older, page.is_first), _openable(actor))


def _cycle_row(row: Cycle, counts: Mapping[str, int]) -> CycleRow:
    label = words.text(cycles.duty_of(row).label)
    title = _("%(label)s %(year)s") % {"label": label, "year": row.year}
    return CycleRow(row, title, tuple((key, _state_name(key), counts.get(key, 0)) for key in STATES))


def _openable(actor: Actor) -> tuple[tuple[str, str], ...]:
    if not rules.may_open_cycle(actor, actor.authority_id or 0, ()):
        return ()
    return tuple(
        (f"{one.version.pk}:{one.duty.key}", f"{words.text(one.duty.label)} · {words.text(title)}")
        for one in cycles.offered()
        if rules.may_open_cycle(actor, one.owner.pk, one.categories)
        and (title := policy.policy(one.version).header.title)
    )
