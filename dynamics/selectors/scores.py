"""Scores and places of a cycle as pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from applications.selectors.paging import Page, page_of
from dynamics import rules
from dynamics.models import Cycle, YearlyReport, YearlyScore
from dynamics.selectors import cycles
from dynamics.states import YearlyState
from greenlist.core.actors import Actor
from greenlist.core.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Line:
    table: YearlyReport
    score: YearlyScore | None
    before: tuple[YearlyScore, ...]  # of earlier years, the newest first

    @property
    def name(self) -> str:
        return f"score-{self.table.reference}"


@dataclass(frozen=True, slots=True)
class ScoresPage:
    cycle: Cycle
    rows: Page
    may_enter: bool


def page(actor: Actor, reference: str, given: Mapping[str, str]) -> ScoresPage:
    """Tables of the cycle with their scores, and those of earlier years. Four queries. Raises NotVisible, NotAllowed."""
    cycle = cycles.cycle_of(actor, reference)
    if not rules.may_keep_cycle(actor, cycle.owner_id):
        raise NotAllowed(rules.OWNER_ONLY)
    rows = YearlyReport.objects.visible_to(actor).filter(cycle=cycle).exclude(state=YearlyState.EXEMPT)
    found = page_of(rows.select_related("organisation"), given)
    known: dict[tuple[int, str], list[YearlyScore]] = {}
    scores = YearlyScore.objects.filter(
        cycle__rule_set=cycle.rule_set,
        cycle__duty=cycle.duty,
        site__in=[row.site_id for row in found.rows],
        year__lte=cycle.year,
    )
    for one in scores.order_by("-year"):
        known.setdefault((one.site_id, one.category), []).append(one)
    lines = tuple(_line(cycle, row, known.get((row.site_id, row.category), [])) for row in found.rows)
    return ScoresPage(cycle, Page(lines, found.older, found.is_first), may_enter=True)


def _line(cycle: Cycle, row: YearlyReport, scores: list[YearlyScore]) -> Line:
    now = next((one for one in scores if one.year == cycle.year), None)
    return Line(row, now, tuple(one for one in scores if one.year < cycle.year)[:4])


def references_by_code(cycle: Cycle, codes: set[str]) -> dict[str, list[str]]:
    """Tables of the cycle by credit code: several where a firm has several sites."""
    found: dict[str, list[str]] = {}
    rows: Any = YearlyReport.objects.filter(cycle=cycle, code__in=codes).exclude(state=YearlyState.EXEMPT)
    for code, reference in rows.order_by("pk").values_list("code", "reference"):
        found.setdefault(code, []).append(reference)
    return found
