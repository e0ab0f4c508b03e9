"""The ranking of a decision: units by score with the pass line, the key line and, as a question, a quota."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Rank

from applications.selectors import shown
from greenlist.accounts.models import Area
from reviews.models import Decision, PanelItem
from reviews.selectors.decisions import IN_ORDER, Lines, lines_of
from reviews.states import Outcome, PanelState

SIZE = 100  # rows of one page
BY_SCORE, BY_CITY = "score", "city"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page was asked for; `quota` changes nothing, it only draws a line."""

    order: str = BY_SCORE
    page: int = 1
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One unit: equal scores share a place."""

    rank: int | None  # None: it has no score
    tied: bool
    reference: str
    name: str
    number: str
    area: str
    badges: tuple[str, ...]
    score: Decimal | None
    reached: bool | None
    marked: bool
    suggested: bool | None
    outcome: str
    deviates: bool
    within: bool | None  # the quota asked about; None: nobody asked, or the line falls among equals
    at_line: bool  # shares its score with the last one within, and there is not room for all of them


@dataclass(frozen=True, slots=True)
class Totals:
    units: int
    scored: int
    reached: int
    marked: int
    proposed: int


@dataclass(frozen=True, slots=True)
class Ranking:
    rows: tuple[Place, ...]
    totals: Totals
    lines: Lines
    asked: Asked
    pages: int
    cut: Decimal | None  # the score of the last place within the quota
    room: int | None  # of those who share that score, so many still fit; None: all


def ranking(decision: Decision, asked: Asked) -> Ranking:
    """A bounded page; the same number of queries for three units and for thirteen hundred."""
    lines = lines_of(decision)
    totals = _totals(decision, lines)
    cut, room = _cut(decision, asked.quota)
    pages = max(1, -(-totals.units // SIZE))
    page = min(max(asked.page, 1), pages)
    rows = list(_ordered(decision, asked.order)[(page - 1) * SIZE : page * SIZE])
    areas = _cities(rows)
    places = tuple(_place(row, lines, cut, room, asked.quota, areas) for row in rows)
    return Ranking(places, totals, lines, Asked(asked.order, page, asked.quota), pages, cut, room)


def _ordered(decision: Decision, order: str) -> QuerySet[Any]:
    score = F("application__panel_score")
    last = PanelItem.objects.filter(application=OuterRef("application"), panel__state=PanelState.CLOSED)
    rows = decision.items.select_related("application__site__area").annotate(
        rank=Window(Rank(), order_by=score.desc(nulls_last=True)),
        equals=Window(Count("pk"), partition_by=[score]),
        suggested=Subquery(last.order_by("-panel__closed_at", "-pk").values("suggested")[:1]),
    )
    return rows.order_by("application__area_path", *IN_ORDER) if order == BY_CITY else rows.order_by(*IN_ORDER)


def _totals(decision: Decision, lines: Lines) -> Totals:
    scored = Q(application__panel_score__isnull=False)
    over = {
        name: scored & Q(application__panel_score__gte=line) if line is not None else Q(pk=None)
        for name, line in (("reached", lines.passing), ("marked", lines.marking))
    }
    found = decision.items.aggregate(
        units=Count("pk"),
        scored=Count("pk", filter=scored),
        reached=Count("pk", filter=over["reached"]),
        marked=Count("pk", filter=over["marked"]),
        proposed=Count("pk", filter=Q(outcome=Outcome.PROPOSE)),
    )
    return Totals(**found)


def _cut(decision: Decision, quota: int | None) -> tuple[Decimal | None, int | None]:
    """The score of place `quota`, and how many of those who share it still fit."""
    if not quota:
        return None, None
    scored = decision.items.exclude(application__panel_score=None)
    last = scored.order_by("-application__panel_score").values_list("application__panel_score", flat=True)
    cut = last[quota - 1 : quota].first()
    if cut is None:  # the quota holds everybody
        return None, None
    above = Count("pk", filter=Q(application__panel_score__gt=cut))
    found = scored.aggregate(above=above, equal=Count("pk", filter=Q(application__panel_score=cut)))
    room = quota - found["above"]
    return cut, room if room < found["equal"] else None


def _cities(rows: list[Any]) -> dict[str, str]:
    """Names of the cities that the counties lie in, by their paths."""
    paths = {_city(row.application.area_path) for row in rows}
    return dict(Area.objects.filter(path__in=paths).values_list("path", "name"))


def _city(path: str) -> str:
    """`/130000/130300/130302/` → `/130000/130300/`."""
    parts = path.strip("/").split("/")
    return f"/{'/'.join(parts[:2])}/"


def _place(
    row: Any, lines: Lines, cut: Decimal | None, room: int | None, quota: int | None, areas: dict[str, str]
) -> Place:
    case = row.application
    score = case.panel_score
    at_line = cut is not None and room is not None and score == cut
    within = None if quota is None or at_line else score is not None and (cut is None or score >= cut)
    proposed = row.outcome == Outcome.PROPOSE
    reached = None if lines.passing is None else lines.reached(score)
    against = (row.suggested is not None and row.suggested != proposed) or (reached is not None and reached != proposed)
    city = areas.get(_city(case.area_path), "")
    county = case.site.area.name
    return Place(
        rank=None if score is None else row.rank,
        tied=score is not None and row.equals > 1,
        reference=case.reference,
        name=case.name,
        number=case.number,
        area=county if city in ("", county) else f"{city} {county}",
        badges=shown.badges(case.badges),
        score=score,
        reached=reached,
        marked=lines.marked(score),
        suggested=row.suggested,
        outcome=row.outcome,
        deviates=bool(row.outcome) and (not proposed if lines.decided_before else against),
        within=within,
        at_line=at_line,
    )
