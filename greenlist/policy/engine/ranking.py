"""Order and scores. Both are stable: equal units keep the order they came in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean, median

from greenlist.policy.engine.checks import completed, holds
from greenlist.policy.engine.types import (
    Badge,
    BoundPolicy,
    Candidate,
    Facts,
    Finding,
    Layer,
    Outcome,
    Ranked,
    Rule,
    Score,
    ScoreRule,
    Sheet,
)

CENT = Decimal("0.01")


def badges(bound: BoundPolicy, facts: Facts) -> tuple[Badge, ...]:
    """The priorities a unit has, named as the rule set names the industry group (QHD-N2b)."""
    known = completed(bound, facts)
    return tuple(_badge(bound, rule, known) for rule in bound.rules if rule.group == "priority" and _fits(rule, known))


def _fits(rule: Rule, facts: Facts) -> bool:
    results = [facts.get(test.fact) is not None and holds(test, facts[test.fact]) for test in rule.tests]
    return any(results) if rule.any_of else all(results)


def _badge(bound: BoundPolicy, rule: Rule, facts: Facts) -> Badge:
    labels = {group.key: group.label for group in bound.policy.industry_groups}
    named = (labels[facts[test.fact]] for test in rule.tests if facts.get(test.fact) in labels)
    return Badge(rule=rule.key, label=next(named, rule.label), clause=rule.clause, sorts=rule.sorts)


def order(bound: BoundPolicy, candidates: Sequence[Candidate], *, by_score: bool = False) -> tuple[Ranked, ...]:
    """Default order: priorities first, then higher score, then as given; `by_score` the other way round (HLJ-21a).

    Never leaves a unit out (QHD-N2b).
    """
    marked = [(candidate, badges(bound, candidate.facts)) for candidate in candidates]
    keys = {
        id(candidate): (not any(one.sorts for one in found), -(candidate.score or Decimal(0)))
        for candidate, found in marked
    }
    marked.sort(key=lambda pair: keys[id(pair[0])][:: -1 if by_score else 1])
    return tuple(
        Ranked(ref=candidate.ref, position=position, badges=found)
        for position, (candidate, found) in enumerate(marked, start=1)
    )


def aggregate(bound: BoundPolicy, sheets: Sequence[Sheet], key: str) -> Score:
    """The panel's total, to two decimals, commercially rounded. Raises KeyError for a score rule that is not there."""
    rule = bound.scores[key]
    totals = [sheet.total for sheet in sheets]
    if not totals:
        return Score(total=None, spread=Decimal(0), sheets=0, passed=None, findings=())
    total = Decimal(_middle(rule, totals)).quantize(CENT, rounding=ROUND_HALF_UP)
    spread = max(totals) - min(totals)
    findings = []
    if rule.spread is not None and spread > rule.spread:
        layer = Layer.GUIDE if rule.clause else Layer.PORTAL
        params = {"spread": str(spread), "limit": str(rule.spread)}
        findings.append(Finding(f"score.{key}", rule.clause, Outcome.WARN, "score.spread", params, (), layer))
    passed = None if rule.passing is None else total >= rule.passing
    return Score(total=total, spread=spread, sheets=len(totals), passed=passed, findings=tuple(findings))


def _middle(rule: ScoreRule, totals: Sequence[Decimal]) -> Decimal:
    """Where trimming would leave nothing, nothing is left out: two scores of two count both."""
    if rule.aggregate == "median":
        return median(totals)
    kept = sorted(totals)[rule.drop : len(totals) - rule.drop] if len(totals) > 2 * rule.drop else totals
    return mean(kept)
