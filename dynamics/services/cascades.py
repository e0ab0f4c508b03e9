"""Removals that follow removals: a unit that left a higher list is proposed for removal from the lower ones (QHD-14.5, JY-22a),
a grave accident spreads where the rules say so (HLJ-30b). Proposals only; each has its own hearing and two people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from dynamics.models import Inspection, Removal
from dynamics.selectors import removals as reads
from dynamics.services import removals, rulebook
from dynamics.states import OPEN_REMOVALS, InspectionState, RemovalSource
from greenlist.core import dates, rounds
from greenlist.core.actors import SYSTEM, Tier
from greenlist.core.clock import china_date
from greenlist.policy.engine import removals as engine
from registry.models import Entry, ListBook, Listing
from registry.services import listings
from registry.states import EntryKind, ListingState, Origin

ENTRY = "entry"  # what a proposal rests on: the line by which the place above ended
STANDING = tuple(state for state in ListingState if state != ListingState.REMOVED)


def same_unit(listing: Listing) -> QuerySet[Listing]:
    """Places of the same unit on other lists of the category; what was taken over knows the firm and not always the site."""
    rows = Listing.objects.filter(organisation_id=listing.organisation_id, listbook__category=listing.listbook.category)
    rows = rows.exclude(listbook_id=listing.listbook_id).exclude(state=ListingState.REMOVED)
    taken_over = listing.origin != Origin.DECIDED
    same = Q(site_id=listing.site_id) | ~Q(origin=Origin.DECIDED)
    return (rows if taken_over else rows.filter(same)).select_related("listbook__owner__area").order_by("pk")


@transaction.atomic
def follow(*, listing: Listing, at: datetime) -> list[Removal]:
    """Proposals at every lower list whose rules follow a removal from this one; the same removal is proposed once."""
    entry = _last_removal(listing)
    if entry is None:
        return []
    above = listing.listbook.owner
    listings.lock(reads.unit_places([listing.pk], at_most=above.tier))
    made = []
    for lower in same_unit(listing):
        if Tier(lower.listbook.owner.tier).rank >= Tier(above.tier).rank or entry.on < lower.listed_on:
            continue
        standing = rulebook.of_book(lower.listbook)
        ground = engine.follows_removal(standing.bound, above.tier) if standing else None
        if standing is None or ground is None:
            continue
        made.append(
            removals.propose_by(
                listing=lower,
                standing=standing,
                ground=ground,
                reason=_said(listing, entry),
                source=RemovalSource.CASCADE,
                subject=(ENTRY, entry.pk),
                actor=SYSTEM,
                at=at,
            )
        )
    return made


def _last_removal(listing: Listing) -> Entry | None:
    rows = listing.entries.filter(kind=EntryKind.REMOVED).select_related("announcement", "imported", "bulletin")
    return rows.order_by("on", "pk").last()


def _said(listing: Listing, entry: Entry) -> str:
    """What shows it, in the words of the documents; Chinese, as letters print it."""
    day = dates.in_chinese(entry.on)
    return f"{listing.name}已于{day}移出{listing.listbook.title}（{_document(entry)}）。"


def _document(entry: Entry) -> str:
    return str(entry.bulletin or entry.announcement or (entry.imported.document if entry.imported else ""))


@transaction.atomic
def spread(*, removal: Removal, at: datetime) -> list[Removal]:
    """Proposals at the lists of other tiers that a decided ground reaches, under the same ground (HLJ-30b)."""
    ground = reads.ground_of(removal)
    if ground is None or not ground.spreads:
        return []
    own = removal.owner.tier
    standing = rulebook.standing_of(removal.rules, removal.category)
    made = []
    for other in same_unit(removal.listing):
        if not engine.reaches(ground.spreads, own, other.listbook.owner.tier):
            continue
        made.append(
            removals.propose_by(
                listing=other,
                standing=standing,
                ground=ground,
                reason=removal.reason,
                source=RemovalSource.CASCADE,
                subject=("removal", removal.pk),
                evidence=removal.evidence,
                actor=SYSTEM,
                at=at,
            )
        )
    return made


def follow_all(*, at: datetime) -> int:
    """The nightly round: units that left a higher list by whatever document, and stand on a lower one still (BG-07).

    Safe to run twice, at once, or after a kill. Returns how many listings have a new open proposal by it.
    """

    def one(pk: int) -> int:
        row = Listing.objects.select_related("listbook__owner__area").get(pk=pk)
        return sum(found.state in OPEN_REMOVALS for found in follow(listing=row, at=at))

    return rounds.each(_not_followed(), one) + lapse_all(at=at)


@dataclass(frozen=True, slots=True)
class Gone:
    """A place that ended, with the line that ended it."""

    pk: int
    firm: int
    site: int
    category: str
    tier: str
    origin: str
    line: int
    on: date

    def concerns(self, lower: Listing) -> bool:
        """As `same_unit`, of places that were listed when it ended."""
        same = self.site == lower.site_id or self.origin != Origin.DECIDED or lower.origin != Origin.DECIDED
        return same and lower.listed_on <= self.on


def _not_followed() -> list[int]:
    """Places that ended, where a lower list whose rules follow has not heard of it: as many questions for one as for all."""
    grounds = _following()
    below = _standing(book for book, _tier in grounds)
    about = Removal.objects.filter(subject_kind=ENTRY, listing__state__in=STANDING)
    heard = set(about.values_list("listing", "subject_id"))
    busy = set(Removal.objects.open().values_list("listing", "ground"))

    def is_new(gone: Gone, lower: Listing) -> bool:
        ground = grounds.get((lower.listbook_id, gone.tier))
        known = (lower.pk, gone.line) in heard or (lower.pk, ground) in busy
        return ground is not None and not known and gone.concerns(lower)

    return [
        gone.pk for gone in _gone() if any(is_new(gone, lower) for lower in below.get((gone.firm, gone.category), ()))
    ]


def _following() -> dict[tuple[int, str], str]:
    """(list, tier above it) → the ground on which it follows a removal from a list of that tier."""
    found = {}
    for book in ListBook.objects.select_related("owner__area").order_by("pk"):
        standing = rulebook.of_book(book)
        for tier in Tier:
            ground = engine.follows_removal(standing.bound, tier) if standing else None
            if ground is not None and tier.rank > Tier(book.owner.tier).rank:
                found[book.pk, tier.value] = ground.key
    return found


def _standing(books: Iterable[int]) -> dict[tuple[int, str], list[Listing]]:
    """Places on some lists of units that have lost another one, by firm and category."""
    gone = Listing.objects.filter(organisation=OuterRef("organisation"), state=ListingState.REMOVED)
    rows = Listing.objects.filter(Exists(gone), listbook__in=set(books), state__in=STANDING).select_related("listbook")
    found: dict[tuple[int, str], list[Listing]] = {}
    for row in rows.order_by("pk"):
        found.setdefault((row.organisation_id, row.listbook.category), []).append(row)
    return found


def _gone() -> Iterator[Gone]:
    """Places that ended of units that stand elsewhere."""
    last = Entry.objects.filter(listing=OuterRef("pk"), kind=EntryKind.REMOVED).order_by("-on", "-pk")
    elsewhere = Listing.objects.filter(organisation=OuterRef("organisation"), state__in=STANDING)
    rows = Listing.objects.filter(Exists(elsewhere), state=ListingState.REMOVED)
    rows = rows.annotate(line=Subquery(last.values("pk")[:1]), on=Subquery(last.values("on")[:1])).exclude(line=None)
    of_list = ("listbook__category", "listbook__owner__tier")
    for found in rows.order_by("pk").values_list("pk", "organisation", "site", *of_list, "origin", "line", "on"):
        yield Gone(*found)


def lapse_all(*, at: datetime) -> int:
    """The safety net of `places.end`: what is open about a place that has ended falls away; never counted as followed."""
    from dynamics.services import places  # it ends what follows us

    about = Removal.objects.filter(listing=OuterRef("pk"), state__in=OPEN_REMOVALS)
    planned = Inspection.objects.filter(listing=OuterRef("pk"), state=InspectionState.PLANNED)
    ended = Listing.objects.filter(Exists(about) | Exists(planned), state=ListingState.REMOVED)

    def one(pk: int) -> int:
        row = Listing.objects.get(pk=pk)
        entry = _last_removal(row)
        on = entry.on if entry else china_date(at)
        places.end(listing=row, document=_document(entry) if entry else "", on=on, actor=SYSTEM, at=at)
        return 0

    return rounds.each(ended.order_by("pk").values_list("pk", flat=True), one)
