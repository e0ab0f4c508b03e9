"""Who is on a published list of a higher tier is on this one too, where its rules say so (JY-15c): `[[inherit]]` tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit
from greenlist.core.actors import Actor, Tier
from greenlist.organisations import services as organisations
from greenlist.policy import selectors as policy
from registry.models import ImportedList, ListBook, Listing
from registry.services import listbooks, listings
from registry.states import EntryKind, ListingState, Origin

BY_REMOVAL = "by_removal"


@dataclass(frozen=True)
class Heir:
    """A list that takes over what a higher one publishes, and by which clause."""

    owner: Authority
    tier: str
    clause: str


def heirs(area_path: str, category: str, tier: str) -> Iterator[Heir]:
    """The lists that inherit from a list of this tier, for a unit of this place."""
    for path in accounts.lineage(area_path):
        slug = path.rstrip("/").rpartition("/")[2]
        for version in policy.of_owner(slug, category):
            bound = policy.standing(version, category)
            if Tier(bound.header.tier).rank >= Tier(tier).rank:
                continue
            clause = next((one["clause"] for one in bound.other["inherit"] if tier in one["tiers"]), None)
            owner = next(iter(accounts.authorities(path=path, tier=bound.header.tier)), None) if clause else None
            if clause is not None and owner is not None:
                yield Heir(owner, bound.header.tier, clause)


def _ends_by_removal(book: ListBook, tier: str) -> bool:
    """Whether a place inherited from a list of this tier outlasts it until it is removed by its own list's rules."""
    for version in policy.of_owner(book.owner.area.slug, book.category):
        bound = policy.standing(version, book.category)
        if bound.header.tier == book.owner.tier:
            return any(tier in one["tiers"] and one.get("ends") == BY_REMOVAL for one in bound.other["inherit"])
    return False


def pass_on(*, listing: Listing, imported: ImportedList, position: int, actor: Actor, at: datetime) -> list[Listing]:
    """Puts a unit of a higher list on every list that inherits it; inside the caller's transaction. On it already: nothing."""
    made = []
    for heir in heirs(listing.area_path, listing.listbook.category, listing.listbook.owner.tier):
        book = listbooks.of(heir.owner, listing.listbook.category)
        ListBook.objects.select_for_update().get(pk=book.pk)
        there = Listing.objects.select_for_update().filter(listbook=book, site=listing.site).first()
        if there is not None and there.state != ListingState.REMOVED:
            continue  # decided by the list's own authority, or inherited before
        if there is not None and listbooks.ended_after(there, imported.issued_on):
            continue  # taken off since
        made.append(_inherit(listing, there, book, heir, imported, position, actor=actor, at=at))
    return made


def _inherit(
    listing: Listing,
    there: Listing | None,
    book: ListBook,
    heir: Heir,
    imported: ImportedList,
    position: int,
    *,
    actor: Actor,
    at: datetime,
) -> Listing:
    printed = {
        "organisation": listing.organisation,
        "application": None,
        "origin": Origin.INHERITED,
        "follows": listing,
        "basis": imported.document[:250],
        "name": listing.name,
        "code": listing.code,
        "area_path": listing.area_path,
        "area_name": listing.area_name,
        "industry_code": listing.industry_code,
        "industry_name": listing.industry_name,
        "year": listing.year,
        "ordinal": None,
        "listed_on": imported.issued_on,
    }
    row = listbooks.enter(book, listing.site, there, printed)
    listbooks.print_line(row, imported, EntryKind.ADDED, position, imported.issued_on)
    organisations.grant_title(
        site=listing.site,
        category=book.category,
        tier=heir.tier,
        listing=f"{book.title}（{listing.listbook.title}）",
        on=imported.issued_on,
        source=imported.reference,
        actor=actor,
        at=at,
    )
    data = {"listing": row.pk, "from": listing.pk, "clause": heir.clause}
    audit.record(actor=actor, subject=("listing", row.pk), action="listing.inherited", at=at, data=data)
    return row


def take_back(*, listing: Listing, imported: ImportedList, position: int, on: date, actor: Actor, at: datetime) -> None:
    """What was inherited from a listing ends with it, unless the rules of that list have it removed like any other (JY-22a)."""
    rows = listing.followers.filter(origin=Origin.INHERITED).exclude(state=ListingState.REMOVED)
    for row in rows.select_for_update(of=("self",)).select_related("site", "listbook__owner__area").order_by("pk"):
        if _ends_by_removal(row.listbook, listing.listbook.owner.tier):
            continue
        row.strike()
        row.save()
        listbooks.print_line(row, imported, EntryKind.REMOVED, position, on)
        tier = row.listbook.owner.tier
        organisations.end_title(site=row.site, category=row.listbook.category, tier=tier, on=on, actor=actor, at=at)
        data = {"listing": row.pk, "from": listing.pk}
        audit.record(actor=actor, subject=("listing", row.pk), action="listing.inheritance_ended", at=at, data=data)
        listings.ended(listing=row, document=imported.document, on=on, actor=actor, at=at)
