"""Places for recommendations: how many there are, how many are taken, and what would happen if (HEB-3a, HLJ-21a)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from applications.models import Allotment, Application, Batch, BatchItem, Call
from applications.selectors import calls, screening, shown
from applications.states import BatchState, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area
from greenlist.core import audit
from greenlist.organisations import selectors as organisations
from greenlist.policy import engine, words
from greenlist.policy.engine.types import BoundPolicy, Finding, Quota

FROZEN = (BatchState.SIGNED, BatchState.SENT, BatchState.RECEIVED)
FREED = (State.WITHDRAWN, State.DISQUALIFIED)  # who left gives the place back


@dataclass(frozen=True, slots=True)
class Stand:
    """One quota as it stands for one authority on one day."""

    quota: Quota
    article: str
    number: int | None  # None: not given yet
    taken: int  # in other batches that are signed
    here: int
    stock: int | None = None  # what the share is taken of
    share: int | None = None  # that share, rounded down
    allotted: int | None = None  # the number given to the area
    why_allotted: str = ""

    @property
    def places(self) -> int:
        return self.number or 0

    @property
    def left(self) -> int:
        return max(self.places - self.taken - self.here, 0)

    @property
    def over(self) -> int:
        return max(self.taken + self.here - self.places, 0)

    @property
    def room(self) -> int:
        """How many units of this batch have a place."""
        return max(self.places - self.taken, 0)

    @property
    def label(self) -> str:
        return words.text(self.quota.label)

    @property
    def finding(self) -> Finding:
        return engine.judge_quota(self.quota, places=self.number, taken=self.taken, here=self.here, stock=self.stock)


def basis_of(finding: Finding) -> str:
    """Names a warning as it is: once it says something else, the reason given for it no longer counts."""
    return audit.digest_of({"rule": finding.rule, "params": finding.params, "evidence": list(finding.evidence)})


def stands(batch: Batch, bound: BoundPolicy, here: int) -> tuple[Stand, ...]:
    """The quotas that bear on a batch; no query where the rule set has none."""
    wanted = engine.quotas(bound, batch.step)
    return tuple(
        stand(
            quota,
            bound,
            batch.call,
            batch.sender.area,
            taken=_taken(batch.call, batch.step, quota, batch.sender_id, besides=batch.pk),
            here=here,
        )
        for quota in wanted
    )


def stand(quota: Quota, bound: BoundPolicy, call: Call, area: Area, *, taken: int, here: int) -> Stand:
    """One quota of one area; whoever asks has counted the units."""
    stock = share = None
    if quota.share is not None:
        tier, category = quota.stock_tier, quota.stock_category
        stock = organisations.stock([area.path], tier=tier, category=category)[area.path]
        share = engine.share_of(quota, stock)
    given = newest(call, quota.key, [area.pk]).get(area.pk) if quota.allotted else None
    allotted = given.number if given else None
    return Stand(
        quota=quota,
        article=screening.article(bound, quota.clause),
        number=engine.places(quota, stock or 0, allotted),
        taken=taken,
        here=here,
        stock=stock,
        share=share,
        allotted=allotted,
        why_allotted=given.reason if given else "",
    )


def newest(call: Call, quota: str, areas: Collection[int]) -> dict[int, Allotment]:
    """The number each area has now, by area key; one query."""
    rows = Allotment.objects.filter(call=call, quota=quota, area_id__in=areas).order_by("pk")
    return {row.area_id: row for row in rows}


def _taken(call: Call, step: str, quota: Quota, sender_id: int, *, besides: int | None) -> int:
    """Units that hold a place already: in signed batches of the same call and step, not returned, not withdrawn since."""
    rows = BatchItem.objects.filter(
        batch__call=call, batch__step=step, batch__state__in=FROZEN, returned_at=None
    ).exclude(application__state__in=FREED)
    if quota.per == "sender":
        rows = rows.filter(batch__sender_id=sender_id)
    return rows.exclude(batch_id=besides).count()


def score_of(case: Application) -> Decimal | None:
    """What a panel gave, else what the declared report comes to; expects the report's versions."""
    if case.panel_score is not None:
        return case.panel_score
    version = max(case.report.versions.all(), key=lambda row: row.number, default=None)
    total = version.score.get("total") if version else None
    return Decimal(total) if total else None


# ---- what if ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One quota in a trial: how it stands, the number tried, and how many units of this batch that leaves room for."""

    stand: Stand
    places: int

    @property
    def room(self) -> int:
        return max(self.places - self.stand.taken, 0)


@dataclass(frozen=True, slots=True)
class Tried:
    """One unit of a trial order, and whether it would have a place under every quota."""

    case: Application
    badges: tuple[str, ...]
    score: Decimal | None
    rank: int
    was: int  # its place in the batch now; 0: not in it
    had_place: bool
    over: tuple[str, ...]  # the quotas under which it would have none

    @property
    def has_place(self) -> bool:
        return not self.over


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial with so many places under each quota, in an order that nobody keeps."""

    lines: tuple[Line, ...]
    rows: tuple[Tried, ...]

    @property
    def gained(self) -> tuple[Tried, ...]:
        return tuple(row for row in self.rows if row.has_place and not row.had_place)

    @property
    def lost(self) -> tuple[Tried, ...]:
        return tuple(row for row in self.rows if row.had_place and not row.has_place)


def reordered(shown_: Sequence[tuple[str, int]]) -> list[str]:
    """The order as it was shown, with those moved whose number somebody changed: (reference, number typed) in that order."""
    moved = sorted((typed, reference) for place, (reference, typed) in enumerate(shown_, start=1) if typed != place)
    order = [reference for place, (reference, typed) in enumerate(shown_, start=1) if typed == place]
    for typed, reference in moved:
        order.insert(max(typed - 1, 0), reference)
    return order


def trial(
    stands: Sequence[Stand],
    inside: Sequence[Application],
    outside: Sequence[Application],
    *,
    places: Mapping[str, int | None],
    order: Sequence[str],
) -> Trial:
    """Who would have a place with other numbers or another order: under all quotas that bear on the batch together.

    `inside`: the batch as it is ordered now; `places`: the number tried, by key of the quota.
    """
    was = {case.reference: position for position, case in enumerate(inside, start=1)}
    rank = {reference: position for position, reference in enumerate(order)}
    rows = sorted([*inside, *outside], key=lambda case: rank.get(case.reference, len(rank)))
    tried = {one.quota.key: places.get(one.quota.key) for one in stands}
    lines = tuple(Line(one, _number(tried[one.quota.key], one.places)) for one in stands)
    room = min(one.room for one in stands)
    return Trial(
        lines=lines,
        rows=tuple(
            Tried(
                case=case,
                badges=shown.badges(case.badges),
                score=score_of(case),
                rank=position,
                was=was.get(case.reference, 0),
                had_place=0 < was.get(case.reference, 0) <= room,
                over=tuple(line.stand.label for line in lines if position > line.room),
            )
            for position, case in enumerate(rows, start=1)
        ),
    )


def _number(tried: int | None, usual: int) -> int:
    return usual if tried is None else tried


# ---- who has how many -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class AreaPlaces:
    """One line of the table in which who opened the call gives places to areas."""

    area: Area
    stock: int
    share: int | None
    allotted: int | None
    reason: str
    taken: int

    @property
    def above(self) -> bool:
        """Given more than the share: a reason is written beside it."""
        return self.allotted is not None and self.share is not None and self.allotted > self.share


def by_area(call: Call, quota: Quota) -> list[AreaPlaces]:
    """Every area that recommends, or the call's own where the number is for all together; a fixed number of queries."""
    rows = [call.owner.area]
    if quota.per == "sender":
        tier = calls.rules_of(call).step(quota.step).by
        rows = [one.area for one in accounts.authorities(path=call.owner.area.path, tier=tier)]
    tier, category = quota.stock_tier, quota.stock_category
    stock = organisations.stock([row.path for row in rows], tier=tier, category=category) if tier else {}
    given = newest(call, quota.key, [row.pk for row in rows])
    taken: dict[int, int] = {}
    used = BatchItem.objects.filter(
        batch__call=call, batch__step=quota.step, batch__state__in=FROZEN, returned_at=None
    ).exclude(application__state__in=FREED)
    for area in used.values_list("batch__sender__area_id", flat=True):
        taken[area] = taken.get(area, 0) + 1
    return [
        AreaPlaces(
            area=row,
            stock=stock.get(row.path, 0),
            share=engine.share_of(quota, stock.get(row.path, 0)),
            allotted=given[row.pk].number if row.pk in given else None,
            reason=given[row.pk].reason if row.pk in given else "",
            taken=taken.get(row.pk, 0),
        )
        for row in rows
    ]
