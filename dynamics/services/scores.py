"""Scores of a year: from an accepted table that has criteria, else entered; ranked within the list, kept by year.

The lowest share several years running is a ground that a rule set may switch on (`on = "score"`); it is only proposed.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import ReportVersion
from dynamics import rules
from dynamics.models import Cycle, Removal, YearlyReport, YearlyScore
from dynamics.selectors import cycles as reads
from dynamics.services import removals, rulebook
from dynamics.states import CycleState, RemovalSource, ScoreSource
from greenlist.core import audit, rounds
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.policy.engine import rankings
from registry.models import Listing
from registry.states import ListingState

MOST = Decimal(1000)
REASON = "连续%(years)s年得分处于名单后%(percent)s%%（%(list)s）"


def keep(table: YearlyReport, version: ReportVersion, *, actor: Actor, at: datetime) -> YearlyScore | None:
    """The score of an accepted table, where its form has criteria; inside the caller's transaction."""
    total = (version.score or {}).get("total")
    if total is None:
        return None
    kept = _write(table, Decimal(str(total)), ScoreSource.REPORT, actor, at)
    _rank(table.cycle_id, table.category)
    return kept


@transaction.atomic
def enter(*, actor: Actor, at: datetime, cycle: str, scores: Mapping[str, Decimal], imported: bool = False) -> int:
    """Scores by the table's reference, entered or from a file; all of them or none. Gives how many.

    Raises NotVisible, NotAllowed, Invalid (out of range, no table of this cycle).
    """
    row = reads.cycle_of(actor, cycle)
    if not rules.may_keep_cycle(actor, row.owner_id):
        raise NotAllowed(rules.OWNER_ONLY)
    tables = {
        one.reference: one
        for one in YearlyReport.objects.visible_to(actor).filter(cycle=row, reference__in=list(scores))
    }
    problems: dict[str, list[Any]] = {}
    for reference, score in scores.items():
        if reference not in tables:
            problems[reference] = [_("There is no such table in this cycle.")]
        elif not Decimal(0) <= score <= MOST:
            problems[reference] = [_("A score lies between 0 and %(most)s.") % {"most": MOST}]
    if problems:
        raise Invalid(_("No score was kept."), problems=problems)
    source = ScoreSource.IMPORTED if imported else ScoreSource.ENTERED
    for reference, score in sorted(scores.items()):
        _write(tables[reference], score, source, actor, at)
    for category in sorted({one.category for one in tables.values()}):
        _rank(row.pk, category)  # once, however many scores a file brings
    data = {"count": len(scores), "scores": {tables[key].pk: str(value) for key, value in list(scores.items())[:200]}}
    audit.record(actor=actor, subject=("cycle", row.pk), action="cycle.scored", at=at, data=data)
    return len(scores)


def _write(table: YearlyReport, score: Decimal, source: str, actor: Actor, at: datetime) -> YearlyScore:
    Cycle.objects.select_for_update().filter(pk=table.cycle_id).values_list("pk", flat=True).first()
    kept, _new = YearlyScore.objects.update_or_create(
        cycle_id=table.cycle_id,
        site_id=table.site_id,
        category=table.category,
        defaults={
            "year": table.cycle.year,
            "name": table.name,
            "area_path": table.area_path,
            "score": score,
            "source": source,
            "by_id": actor.user_id,
            "at": at,
        },
    )
    return kept


def _rank(cycle: int, category: str) -> None:
    """Places of all that have a score in the cycle and category; only what changed is written."""
    rows = list(YearlyScore.objects.filter(cycle_id=cycle, category=category).order_by("pk"))
    places = rankings.ranks({row.pk: row.score for row in rows})
    changed = [row for row in rows if (row.rank, row.among) != (places[row.pk], len(rows))]
    for row in changed:
        row.rank, row.among = places[row.pk], len(rows)
    YearlyScore.objects.bulk_update(changed, ["rank", "among"], batch_size=500)


# ---- the lowest share ---------------------------------------------------------------------------------------------------
def propose_lowest(*, at: datetime) -> int:
    """One round: where the rules switch it on, who lay in the lowest share so many years running is proposed for removal.

    Only of closed cycles: until then places change.
    """
    keys = Cycle.objects.filter(state=CycleState.CLOSED, scores__isnull=False).distinct().order_by("pk")
    return rounds.each(list(keys.values_list("pk", flat=True)), lambda pk: _propose_of(pk, at))


def _propose_of(pk: int, at: datetime) -> int:
    cycle = Cycle.objects.select_related(*reads.CYCLE_ROWS).get(pk=pk)
    later = Cycle.objects.filter(rule_set=cycle.rule_set, duty=cycle.duty, year__gt=cycle.year, state=CycleState.CLOSED)
    if later.exists():
        return 0  # the newest closed year decides
    made = 0
    categories = YearlyScore.objects.filter(cycle=cycle).order_by().values_list("category", flat=True).distinct()
    for category in categories:
        made += _propose_in(cycle, category, at)
    return made


def _propose_in(cycle: Cycle, category: str, at: datetime) -> int:
    books = Listing.objects.filter(listbook__owner_id=cycle.owner_id, listbook__category=category)
    first = books.select_related("listbook__owner__area").first()
    standing = rulebook.of_book(first.listbook) if first else None
    grounds = [one for one in (standing.grounds if standing else ()) if one.on == "score"]
    made = 0
    for ground in grounds:
        percent, running = ground.percent or Decimal(0), ground.years or 0
        low = rankings.lowest_running(_years(cycle, category, running), percent, running)
        for site in sorted(low):
            made += _propose(cycle, category, site, ground.key, percent, running, at)
    return made


def _years(cycle: Cycle, category: str, running: int) -> list[dict[int, Decimal]]:
    """Scores by site of this year and the ones before it, the newest first; a year without any ends the row."""
    rows = YearlyScore.objects.filter(
        cycle__rule_set_id=cycle.rule_set_id, cycle__duty=cycle.duty, category=category, year__gt=cycle.year - running,
        year__lte=cycle.year,
    )  # fmt: skip
    by_year: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for year, site, score in rows.values_list("year", "site_id", "score"):
        by_year[year][site] = score
    return [by_year[year] for year in range(cycle.year, cycle.year - running, -1) if year in by_year]


@transaction.atomic
def _propose(cycle: Cycle, category: str, site: int, ground: str, percent: Decimal, running: int, at: datetime) -> int:
    score = YearlyScore.objects.get(cycle=cycle, site_id=site, category=category)
    rows = Listing.objects.filter(site_id=site, listbook__owner_id=cycle.owner_id, listbook__category=category).exclude(
        state=ListingState.REMOVED
    )
    listing = rows.select_related("listbook__owner__area").first()
    if listing is None or Removal.objects.filter(subject_kind="yearly_score", subject_id=score.pk).exists():
        return 0
    said = {"years": running, "percent": f"{percent.normalize():f}", "list": listing.listbook.title}
    removals.propose(
        listing=listing,
        ground=ground,
        reason=REASON % said,
        source=RemovalSource.SCORE,
        subject=("yearly_score", score.pk),
        actor=SYSTEM,
        at=at,
    )
    return 1
