"""Which rules hold for a listed unit after listing: those of the places it lies in, where they name its list's tier."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from greenlist.accounts import selectors as accounts
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, ChangeRule, ReportRule, SupervisionRule
from greenlist.policy.models import RuleSetVersion
from registry.models import Listing

Rule = TypeVar("Rule", ChangeRule, ReportRule, SupervisionRule)


@dataclass(frozen=True)
class Standing:
    """A rule set as it holds for units on a list, and whose it is."""

    version: RuleSetVersion
    bound: BoundPolicy

    @property
    def slug(self) -> str:
        return self.bound.header.slug


def over(area_path: str, category: str) -> Iterator[Standing]:
    """The rule sets of a place and of those it lies in, nearest first."""
    for path in accounts.lineage(area_path):
        owner = path.rstrip("/").rpartition("/")[2]
        for version in policy.of_owner(owner, category):
            yield Standing(version, policy.standing(version, category))


def _holds(rule: Rule, bound: BoundPolicy, tier: str) -> bool:
    return tier in rule.lists if rule.lists else bound.header.tier == tier


def change_rule(listing: Listing) -> tuple[Standing, ChangeRule] | None:
    """How a change of this unit is verified and published (JY-21, QHD-15, HLJ-31); None: its rules do not say."""
    return next(_found(listing, lambda bound: bound.changes), None)


def report_rule(listing: Listing) -> tuple[Standing, ReportRule] | None:
    """Who receives reports about this unit (JY-23, HLJ-32)."""
    found = ((one, rule) for one, rule in _found(listing, lambda bound: bound.reports) if "listed" in rule.about)
    return next(found, None)


def supervision_rule(listing: Listing) -> tuple[Standing, SupervisionRule] | None:
    """What is looked at on site (QHD-13a, JY-20, HLJ-29)."""
    return next(_found(listing, lambda bound: bound.supervision), None)


def _found(listing: Listing, tables: Callable[[BoundPolicy], tuple[Rule, ...]]) -> Iterator[tuple[Standing, Rule]]:
    tier = listing.listbook.owner.tier
    for one in over(listing.area_path, listing.listbook.category):
        for rule in tables(one.bound):
            if _holds(rule, one.bound, tier):
                yield one, rule


def body_rules() -> Iterator[tuple[Standing, ReportRule]]:
    """Rule sets under which reports about third-party bodies are received (HLJ-32)."""
    for version in policy.all_current():
        for category in policy.policy(version).categories[:1]:
            bound = policy.standing(version, category)
            rule = next((one for one in bound.reports if "body" in one.about), None)
            if rule is not None:
                yield Standing(version, bound), rule
