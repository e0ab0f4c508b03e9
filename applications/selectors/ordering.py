"""Why a unit stands where it stands in a recommendation: the rule's order, and what a hand has changed (QHD-N2b, HLJ-21a)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from applications.models import Application, Batch
from applications.selectors import quotas, screening, shown
from greenlist.core import audit
from greenlist.policy import engine, words
from greenlist.policy.engine.types import Badge, BoundPolicy, Candidate, Finding, OrderRule, Outcome, Ranked, Rule, Text


@dataclass(frozen=True, slots=True)
class Priority:
    """One rule of the rule set that gives priority, as the page explains it."""

    label: str
    article: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """One unit: the place the rule gives it, what that rests on, and whether a hand put it elsewhere."""

    by_rule: int
    badges: tuple[tuple[str, str], ...]  # label, article
    score: Decimal | None
    submitted_at: datetime | None
    moved: bool


@dataclass(frozen=True, slots=True)
class Ordering:
    """What decides the places at this step, and how the order as it is stands to it."""

    rule: OrderRule
    article: str
    keys: tuple[str, ...]  # in words, the first one first
    priorities: tuple[Priority, ...]
    places: Mapping[str, Place]  # by reference
    finding: Finding

    @property
    def label(self) -> str:
        return words.text(self.rule.label)

    @property
    def wants_reason(self) -> bool:
        """Whether departing from the rule takes a reason, departed from or not."""
        return self.rule.otherwise is Outcome.WARN

    @property
    def moved(self) -> int:
        return sum(one.moved for one in self.places.values())


def by_rule(batch: Batch, bound: BoundPolicy, cases: Sequence[Application]) -> tuple[Ranked, ...]:
    """The units as the rule orders them; equal ones as they were submitted. Expects the reports' versions."""
    in_time = sorted(cases, key=lambda case: (str(case.submitted_at or "~"), case.pk))
    known = {rule.key for rule in _priority_rules(bound)}
    rule = engine.order_rule(bound, batch.step)
    scored = "score" in rule.by
    candidates = [
        Candidate(case.reference, {}, quotas.score_of(case) if scored else None, _earned(case, known))
        for case in in_time
    ]
    return engine.order(bound, candidates, rule)


def _earned(case: Application, known: Collection[str]) -> tuple[Badge, ...]:
    """The priorities the unit was given when it applied: what the pages show is what the order goes by."""
    return tuple(
        Badge(one["rule"], Text(zh=one.get("zh", ""), en=one.get("en", "")), one.get("clause", ""))
        for one in case.badges
        if one.get("rule") in known
    )


def _priority_rules(bound: BoundPolicy) -> list[Rule]:
    """Those that go ahead; what is a badge only stays out of the order (HLJ-7b)."""
    return [rule for rule in bound.rules if rule.group == "priority" and rule.sorts]


def ordering(batch: Batch, bound: BoundPolicy, cases: Sequence[Application]) -> Ordering:
    """The rule, and every unit's place under it. `cases`: in the order of the batch, with the reports' versions."""
    rule = engine.order_rule(bound, batch.step)
    ranked = {one.ref: one for one in by_rule(batch, bound, cases)}
    moved = engine.out_of_order([ranked[case.reference].rank for case in cases])
    arrangement = audit.digest_of([case.reference for case in cases])
    return Ordering(
        rule=rule,
        article=screening.article(bound, rule.clause) if rule.clause else "",
        keys=tuple(_key(key) for key in (*rule.by, "submitted")),
        priorities=tuple(_priorities(bound)) if "priority" in rule.by else (),
        places={
            case.reference: _place(case, ranked[case.reference], bound, moved=place in moved, scored="score" in rule.by)
            for place, case in enumerate(cases)
        },
        finding=engine.judge_order(rule, moved=len(moved), arrangement=arrangement),
    )


def _key(key: str) -> str:
    return {
        "priority": _("Units with a priority of the rule set come first."),
        "score": _("The higher score comes first: the panel's, else that of the declared report."),
        "submitted": _("Where nothing else decides, who submitted first comes first."),
    }[key]


def _priorities(bound: BoundPolicy) -> list[Priority]:
    found = []
    for rule in _priority_rules(bound):
        clause = bound.clause(rule.clause)
        text = shown.say(clause.text) if clause else ""
        found.append(Priority(words.text(rule.label), screening.article(bound, rule.clause), text))
    return found


def _place(case: Application, ranked: Ranked, bound: BoundPolicy, *, moved: bool, scored: bool) -> Place:
    return Place(
        by_rule=ranked.position,
        badges=tuple((words.text(one.label), screening.article(bound, one.clause)) for one in ranked.badges),
        score=quotas.score_of(case) if scored else None,
        submitted_at=case.submitted_at,
        moved=moved,
    )
