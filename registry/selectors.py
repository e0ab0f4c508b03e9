"""Page-shaped reads of notices, announcements, listings and certificates. What the public sees is public for everybody."""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from registry.models import Announcement, Certificate, Entry, ListBook, Listing, Notice, Objection
from registry.states import EntryKind, NoticeState, ObjectionState

PAGE = 25


@dataclass(frozen=True)
class Search:
    """What a visitor looks for; empty means everything."""

    words: str = ""
    area_path: str = ""
    industry: str = ""
    category: str = ""
    year: int | None = None
    state: str = ""


@dataclass(frozen=True)
class Page:
    """One keyset page: `after` continues it, `before` is empty on the first."""

    rows: tuple[Listing, ...]
    after: str = ""


def search(listbook: ListBook | None, wanted: Search, *, after: str = "", size: int = PAGE) -> Page:
    """Listings, newest first; a page costs the same at any depth and is never counted whole."""
    rows = Listing.objects.select_related("listbook").order_by("-listed_on", "-pk")
    if listbook is not None:
        rows = rows.filter(listbook=listbook)
    rows = _narrow(rows, wanted)
    if after:
        rows = _beyond(rows, after)
    found = list(rows[: size + 1])
    more = f"{found[size - 1].listed_on.isoformat()}_{found[size - 1].pk}" if len(found) > size else ""
    return Page(rows=tuple(found[:size]), after=more)


def _narrow(rows: QuerySet[Listing], wanted: Search) -> QuerySet[Listing]:
    if wanted.words:
        rows = rows.found_by(wanted.words)  # type: ignore[attr-defined]
    if wanted.area_path:
        rows = rows.filter(area_path__startswith=wanted.area_path)
    if wanted.industry:
        rows = rows.filter(industry_code__startswith=wanted.industry)
    if wanted.category:
        rows = rows.filter(listbook__category=wanted.category)
    if wanted.year:
        rows = rows.filter(year=wanted.year)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    return rows


def _beyond(rows: QuerySet[Listing], after: str) -> QuerySet[Listing]:
    """The rows after a page's last one. Raises NotVisible on a mark that is none of ours."""
    from django.db.models import Q

    day, _, pk = after.partition("_")
    try:
        listed_on, last = date.fromisoformat(day), int(pk)
    except ValueError as wrong:
        raise NotVisible from wrong
    return rows.filter(Q(listed_on__lt=listed_on) | Q(listed_on=listed_on, pk__lt=last))


def as_of(listbook: ListBook, on: date) -> list[Entry]:
    """The list as it stood at the end of a day: the fold of its entries, each unit under the name printed last."""
    standing: dict[int, Entry] = {}
    entries = Entry.objects.filter(listing__listbook=listbook, on__lte=on).select_related("listing").order_by("on", "pk")
    for entry in entries:
        if entry.kind == EntryKind.REMOVED:
            standing.pop(entry.listing_id, None)
        else:
            standing[entry.listing_id] = entry
    return list(standing.values())


def notice(actor: Actor, reference: str) -> Notice:
    """Raises NotVisible."""
    found = (
        Notice.objects.visible_to(actor)
        .select_related("call", "authority__area", "decision")
        .prefetch_related("items")
        .filter(reference=reference)
        .first()
    )
    if found is None:
        raise NotVisible
    return found


def running_notices(authority_id: int | None = None) -> QuerySet[Notice]:
    """Published and not over, the one that ends first on top."""
    rows = Notice.objects.filter(state=NoticeState.RUNNING).select_related("authority__area").order_by("ends_on", "pk")
    return rows.filter(authority_id=authority_id) if authority_id else rows


def open_objections(actor: Actor) -> QuerySet[Objection]:
    """Objections that wait for a decision of the actor's authority."""
    return (
        Objection.objects.visible_to(actor)
        .filter(state=ObjectionState.RECEIVED)
        .select_related("item__notice")
        .order_by("received_at")
    )


def announcement(actor: Actor, reference: str) -> Announcement:
    """Raises NotVisible."""
    found = (
        Announcement.objects.visible_to(actor)
        .select_related("listbook__owner__area", "notice", "supplement_of", "notice__call")
        .prefetch_related("entries__listing")
        .filter(reference=reference)
        .first()
    )
    if found is None:
        raise NotVisible
    return found


def certificate(token: str) -> Certificate:
    """What a scanned code leads to. Raises NotVisible: not genuine."""
    found = (
        Certificate.objects.select_related("listing__listbook__owner", "listing__site", "listing__organisation")
        .filter(token=token)
        .first()
    )
    if found is None:
        raise NotVisible
    return found
