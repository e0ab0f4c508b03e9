"""Which criteria set applies to a unit, and why (QHD-5.9, HEB-2.1a, HLJ-22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from greenlist.policy.engine.criteria_types import Criteria
from greenlist.policy.engine.types import BoundPolicy, CriteriaRule, Json, NotOffered


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a set applies. Never a sentence: words.py makes it from code and params."""

    code: str  # call: the call names it | named: the rule set does | industry: its own | general: no own one
    clause: str
    part: str  # basic | all
    params: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        return {"code": self.code, "clause": self.clause, "part": self.part, "params": dict(self.params)}


def criteria_rule(bound: BoundPolicy, category: str) -> CriteriaRule:
    """The table that names the set of a category, with its clause. Raises NotOffered."""
    for rule in bound.criteria:
        if rule.category == category:
            return rule
    raise NotOffered("category", category, bound.header.clause)


def criteria_for(
    bound: BoundPolicy, category: str, industry: str = "", year: int | None = None, sets: Iterable[Criteria] = ()
) -> tuple[str, Reason]:
    """The slug of the set for a unit of an industry (GB/T 4754) in a year, and the reason. Raises NotOffered.

    `sets`: those there are; only needed where the rule set chooses by industry. The longest code that fits wins, of
    several editions the one that came into force last.
    """
    rule = criteria_rule(bound, category)
    if rule.by != "industry":
        return rule.set, Reason(_named(bound, rule.set), rule.clause, rule.part)
    year = year if year is not None else bound.call.year
    found = [one for one in sets if one.category == category and _fits(one, industry, year)]
    if found:
        best = max(found, key=lambda one: (len(one.covers(industry)), one.valid_from or date.min))
        params = {"industry": industry, "code": best.covers(industry), "year": year}
        return best.slug, Reason("industry", rule.clause, rule.part, params)
    return rule.set, Reason("general", rule.clause, rule.part, {"industry": industry, "year": year})


def _fits(one: Criteria, industry: str, year: int | None) -> bool:
    return bool(one.covers(industry)) and (year is None or one.is_valid_in(year))


def _named(bound: BoundPolicy, slug: str) -> str:
    return "call" if slug in bound.values.values() else "named"
