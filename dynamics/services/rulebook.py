"""The rules that hold for a list after it is published: those of its owner, of the list's tier.

Of a list whose owner has no rules here, those of an authority below that ask it for removals (JY-22b, HLJ-30b).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dynamics.selectors import standing as standing_rules
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core.actors import Tier
from greenlist.policy import selectors as policy
from greenlist.policy.engine import removals
from greenlist.policy.engine.types import BoundPolicy
from greenlist.policy.models import RuleSetVersion
from registry.models import ListBook, Listing
from registry.states import ListingState


@dataclass(frozen=True)
class Standing:
    """A version as it holds for the units of one list."""

    version: RuleSetVersion
    bound: BoundPolicy
    asked: str = ""  # tier of the higher list whose owner is only asked: the grounds that ask it

    @property
    def grounds(self) -> tuple[removals.Ground, ...]:
        found, own = removals.grounds(self.bound), self.bound.header.tier
        if not self.asked:
            return found
        return tuple(one for one in found if removals.reaches(one.asks, own, self.asked))


def of_book(book: ListBook) -> Standing | None:
    """None: nobody's rules here say anything about units of this list. `book` comes with its owner and area."""
    for version in policy.of_owner(book.owner.area.slug, book.category):
        bound = policy.standing(version, book.category)
        if bound.header.tier == book.owner.tier:
            return Standing(version, bound)
    return None


def of_listing(listing: Listing) -> list[Standing]:
    """Those by which a removal from this place is proposed, nearest first. `listing` comes with its list's owner and area."""
    own = of_book(listing.listbook)
    return [own] if own is not None else list(_below(listing))


def _below(listing: Listing) -> Iterator[Standing]:
    """Of authorities of the unit's place on whose own list it does not stand: a removal from there asks by itself."""
    for one in standing_rules.over(listing.area_path, listing.listbook.category):
        found = asking(Standing(one.version, one.bound), listing.listbook)
        office = handler_of(listing, found) if found else None
        own = Listing.objects.filter(organisation=listing.organisation_id, listbook__category=listing.listbook.category)
        if found and office and not own.filter(listbook__owner=office).exclude(state=ListingState.REMOVED).exists():
            yield found


def asking(standing: Standing, book: ListBook) -> Standing | None:
    """The rules as far as they ask the owner of a higher list for removals; None: they do not."""
    asked, own = Tier(book.owner.tier), Tier(standing.bound.header.tier)
    found = Standing(standing.version, standing.bound, asked.value)
    return found if asked.rank > own.rank and found.grounds else None


def handler_of(listing: Listing, standing: Standing) -> Authority | None:
    """Who handles a removal by these rules: the list's owner, or the authority below that can only ask it."""
    own = Tier(standing.bound.header.tier)
    if own.rank >= Tier(listing.listbook.owner.tier).rank:
        return listing.listbook.owner
    return accounts.authority_over(listing.area_path, own.value)


def standing_of(version: RuleSetVersion, category: str) -> Standing:
    """A version that is named already."""
    return Standing(version, policy.standing(version, category))
