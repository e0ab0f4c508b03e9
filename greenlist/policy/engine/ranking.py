"""Order and scores. Both are stable: equal units keep the order they came in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean, median

from greenlist.policy.engine.checks import completed, holds
from greenlist.policy.engine.types import (
    USUAL_ORDER,
    Badge,
    BoundPolicy,
    Candidate,
    Facts,
    Finding,
    Json,
    Layer,
    OrderRule,
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


def order_rule(bound: BoundPolicy, step: str) -> OrderRule:
    """What decides the places at a step; the portal's own order where the rule set says nothing."""
    return next((rule for rule in bound.orders if rule.step == step), USUAL_ORDER)


def order(bound: BoundPolicy, candidates: Sequence[Candidate], rule: OrderRule = USUAL_ORDER) -> tuple[Ranked, ...]:
    """By the keys of the rule, then as given. Units that no key tells apart share their `rank`.

    Never leaves a unit out (QHD-N2b).
    """
    marked = [
        (candidate, badges(bound, candidate.facts) if candidate.badges is None else candidate.badges)
        for candidate in candidates
    ]
    keyed = sorted(((_key(rule, one, found), one, found) for one, found in marked), key=lambda row: row[0])
    ranks = {key: rank for rank, key in enumerate(sorted({key for key, _one, _found in keyed}), start=1)}
    return tuple(
        Ranked(ref=one.ref, position=position, badges=found, rank=ranks[key])
        for position, (key, one, found) in enumerate(keyed, start=1)
    )


def _key(rule: OrderRule, one: Candidate, found: Sequence[Badge]) -> tuple[Decimal, ...]:
    values = {"priority": Decimal(not any(badge.sorts for badge in found)), "score": -(one.score or Decimal(0))}
    return tuple(values[key] for key in rule.by)


def out_of_order(ranks: Sequence[int]) -> frozenset[int]:
    """The places (from 0) of as few units as can be that break an order that should only rise: who was moved by hand."""
    ends: list[int] = []  # the lowest end of a rising row of each length
    holders: list[int] = []
    before: list[int] = []
    for place, rank in enumerate(ranks):
        length = bisect_right(ends, rank)
        before.append(holders[length - 1] if length else -1)
        ends[length:] = [rank, *ends[length + 1 :]]
        holders[length:] = [place, *holders[length + 1 :]]
    kept, place = set(), holders[-1] if holders else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    return frozenset(range(len(ranks))) - kept


def judge_order(rule: OrderRule, *, moved: int, arrangement: str) -> Finding:
    """What it means that `moved` units stand elsewhere than the rule places them; `arrangement` names the order as it is."""
    label: Json = {"zh": rule.label.zh, "en": rule.label.en}
    outcome = rule.otherwise if moved else Outcome.CLEAR
    code = "order.departs" if moved else "order.kept"
    params: dict[str, Json] = {"label": label, "moved": moved, "arrangement": arrangement}
    return Finding(f"order.{rule.key}", rule.clause, outcome, code, params, (), rule.layer)


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
