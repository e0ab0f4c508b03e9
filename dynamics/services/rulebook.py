"""The rules that hold for a list after it is published: those of its owner, of the list's tier."""

from dataclasses import dataclass

from greenlist.policy import selectors as policy
from greenlist.policy.engine import removals
from greenlist.policy.engine.types import BoundPolicy
from greenlist.policy.models import RuleSetVersion
from registry.models import ListBook


@dataclass(frozen=True)
class Standing:
    """A version as it holds for the units of one list."""

    version: RuleSetVersion
    bound: BoundPolicy

    @property
    def grounds(self) -> tuple[removals.Ground, ...]:
        return removals.grounds(self.bound)


def of_book(book: ListBook) -> Standing | None:
    """None: nobody's rules here say anything about units of this list. `book` comes with its owner and area."""
    for version in policy.of_owner(book.owner.area.slug, book.category):
        bound = policy.standing(version, book.category)
        if bound.header.tier == book.owner.tier:
            return Standing(version, bound)
    return None


def standing_of(version: RuleSetVersion, category: str) -> Standing:
    """A version that is named already."""
    return Standing(version, policy.standing(version, category))
