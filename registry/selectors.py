"""Page-shaped reads of notices, announcements, listings and certificates. What the public sees is public for everybody."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery

from applications.models import Application, Call
from applications.selectors import rules_of
from applications.states import FINAL, State
from greenlist.accounts.models import Area
from greenlist.core import dates
from greenlist.core.actors import Actor, Capacity
from greenlist.core.clock import day_end
from greenlist.core.errors import NotVisible
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Industry
from registry.models import (
    Announcement,
    Bulletin,
    Certificate,
    Correction,
    Entry,
    ImportedList,
    ImportedRow,
    ListBook,
    Listing,
    Notice,
    NoticeItem,
    Objection,
    RowMatch,
)
from registry.querysets import AnnouncementQuerySet, BulletinQuerySet, NoticeQuerySet
from registry.states import (
    AnnouncementState,
    BulletinState,
    CorrectionState,
    EntryKind,
    ImportState,
    ItemState,
    MatchState,
    NoticeState,
    ObjectionState,
)
from reviews.models import Decision, DecisionItem
from reviews.states import DecisionState, Outcome

PAGE = 25
MOST_CHANGES = 1000  # that are counted between two days
UNITS_OF = 200  # of a notice or an announcement on one page; the document itself is whole


@dataclass(frozen=True)
class Search:
    """What a visitor looks for; empty means everything."""

    words: str = ""
    area_path: str = ""
    industry: str = ""
    category: str = ""
    year: int | None = None
    states: tuple[str, ...] = ()
    tier: str = ""
    organisation: int | None = None


@dataclass(frozen=True)
class Page:
    """One keyset page: `after` continues it, `before` is empty on the first."""

    rows: tuple[Listing, ...]
    after: str = ""


def search(listbook: ListBook | None, wanted: Search, *, after: str = "", size: int = PAGE) -> Page:
    """Listings, newest first; a page costs the same at any depth and is never counted whole."""
    rows: QuerySet[Listing] = Listing.objects.select_related("listbook__owner__area").order_by("-listed_on", "-pk")
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
        # A county is found by its index, a city or more by walking the order: there half the list may be its.
        is_small = wanted.area_path.count("/") > 3
        rows = rows.filter(**{f"area_path__{'begins' if is_small else 'startswith'}": wanted.area_path})
    if wanted.industry:
        rows = rows.filter(industry_code__begins=wanted.industry)
    if wanted.category:
        books = list(ListBook.objects.filter(category=wanted.category).values_list("pk", flat=True)[:2])
        # No list or one: by its index. Several hold enough for a page among the first some hundred.
        rows = rows.filter(listbook__category=wanted.category) if len(books) > 1 else rows.filter(listbook__in=books)
    if wanted.year:
        rows = rows.filter(year=wanted.year)
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.tier:
        rows = rows.filter(listbook__owner__tier=wanted.tier)
    if wanted.organisation:
        rows = rows.filter(organisation=wanted.organisation)
    return rows


def _beyond(rows: QuerySet[Listing], after: str) -> QuerySet[Listing]:
    """The rows after a page's last one. Raises NotVisible on a mark that is none of ours."""
    day, _, pk = after.partition("_")
    try:
        listed_on, last = date.fromisoformat(day), int(pk)
    except ValueError as wrong:
        raise NotVisible from wrong
    return rows.filter(Q(listed_on__lt=listed_on) | Q(listed_on=listed_on, pk__lt=last))


def as_of(listbook: ListBook, on: date) -> list[Entry]:
    """The list as it stood at the end of a day: the fold of its entries, each unit under the name printed last."""
    standing: dict[int, Entry] = {}
    entries = (
        Entry.objects.filter(listing__listbook=listbook, on__lte=on).select_related("listing").order_by("on", "pk")
    )
    for entry in entries:
        if entry.kind == EntryKind.REMOVED:
            standing.pop(entry.listing_id, None)
        else:
            standing[entry.listing_id] = entry
    return list(standing.values())


def as_of_page(listbook: ListBook, on: date, *, after: int = 0, size: int = PAGE) -> tuple[list[Entry], int | None]:
    """The same list in pages by listing, found by the database: a long list is never read whole; and the next `after`."""
    known = Entry.objects.filter(listing=OuterRef("listing"), on__lte=on)
    later = known.filter(Q(on__gt=OuterRef("on")) | Q(on=OuterRef("on"), pk__gt=OuterRef("pk")))
    rows = Entry.objects.filter(~Exists(later), listing__listbook=listbook, listing_id__gt=after, on__lte=on)
    rows = rows.exclude(kind=EntryKind.REMOVED).select_related("listing", "announcement").order_by("listing_id")
    found = list(rows[: size + 1])
    return found[:size], found[size - 1].listing_id if len(found) > size else None


def listbooks(*, place: str = "", category: str = "") -> QuerySet[ListBook]:
    """The lists there are."""
    rows = ListBook.objects.select_related("owner__area")
    rows = rows.filter(owner__area__slug=place) if place else rows
    return rows.filter(category=category) if category else rows


def published_notices(*, place: str = "", state: str = "") -> QuerySet[Notice]:
    """Every notice that was published."""
    rows = Notice.objects.exclude(state=NoticeState.DRAFT).select_related("authority__area", "call")
    rows = rows.filter(authority__area__slug=place) if place else rows
    return rows.filter(state=state) if state else rows


def published_announcements(*, place: str = "", category: str = "") -> QuerySet[Announcement]:
    rows = Announcement.objects.filter(state=AnnouncementState.PUBLISHED).select_related("listbook__owner__area")
    rows = rows.filter(listbook__owner__area__slug=place) if place else rows
    return rows.filter(listbook__category=category) if category else rows


DECIDED = (State.ON_NOTICE, State.APPROVING, *FINAL)


def outcomes(actor: Actor) -> QuerySet[Application]:
    """What became of the cases an actor sees: from the public notice on, nothing earlier (R3)."""
    rows = Application.objects.visible_to(actor).filter(state__in=DECIDED)
    if actor.capacity == Capacity.APPLICANT:
        rows = rows.filter(untold_step="")
    rows = rows.select_related("call", "site__area", "notice_item__notice__authority__area", "listing__listbook")
    return rows.prefetch_related(
        "listing__entries__announcement",
        "listing__entries__imported",
        "listing__entries__bulletin",
        "listing__certificates",
    )


def outcome(actor: Actor, reference: str) -> Application:
    """Raises NotVisible, also before there is one."""
    return _one(outcomes(actor).filter(reference=reference))


def public_notice(place: str, reference: str) -> Notice:
    """A published notice of a place. Raises NotVisible."""
    rows = _bare_notices().exclude(state=NoticeState.DRAFT)
    return _one(rows.filter(authority__area__slug=place, reference=reference))


def _office(actor: Actor) -> int | None:
    """The authority an official acts for; experts and supervisors hold mandates there and are none of its officials."""
    return actor.authority_id if actor.is_official else None


def own_notice(actor: Actor, reference: str) -> Notice:
    """A notice of the actor's own authority, drafts too. Raises NotVisible."""
    return _one(_notices().visible_to(actor).filter(authority_id=_office(actor), reference=reference))


def _bare_notices() -> NoticeQuerySet:
    return Notice.objects.select_related("call__rules", "call__owner", "authority__area", "decision").defer(
        "call__rules__canonical", "call__rules__sources", "decision__frozen"
    )


def _notices() -> NoticeQuerySet:
    return _bare_notices().prefetch_related("items")


def _one(rows: QuerySet[Any]) -> Any:
    found = rows.first()
    if found is None:
        raise NotVisible
    return found


def unit_on_notice(notice: Notice, item: int) -> NoticeItem:
    """Raises NotVisible."""
    return _one(notice.items.exclude(state=ItemState.DROPPED).filter(pk=item))


@dataclass(frozen=True, slots=True)
class Part:
    """A numbered page of a document's units."""

    units: tuple[Any, ...]
    page: int
    pages: int


def _bounds(count: int, asked: int | None) -> tuple[int, int, slice]:
    pages = max(1, -(-count // UNITS_OF))
    page = min(max(asked or 1, 1), pages)
    return page, pages, slice((page - 1) * UNITS_OF, page * UNITS_OF)


def units_of_notice(notice: Notice, asked: int | None) -> Part:
    """Its units in order, a page of them."""
    page, pages, part = _bounds(notice.items.count(), asked)
    return Part(tuple(notice.items.all()[part]), page, pages)


def units_of_announcement(announcement: Announcement, shown: "Version", asked: int | None) -> Part:
    """A page of a version's units, each with its listing where there is one."""
    page, pages, part = _bounds(len(shown.frozen["units"]), asked)
    units = shown.frozen["units"][part]
    rows = announcement.entries.filter(correction=None, position__in=[unit["position"] for unit in units])
    listings = dict(rows.values_list("position", "listing_id"))
    return Part(tuple((unit, listings.get(unit["position"])) for unit in units), page, pages)


def receives_objections(notice: Notice, at: datetime) -> bool:
    """Up to the last instant of the last day."""
    return notice.state == NoticeState.RUNNING and notice.ends_on is not None and at < day_end(notice.ends_on)


def past_notices() -> QuerySet[Notice]:
    """The newest that are over."""
    return (
        Notice.objects.filter(state=NoticeState.CLOSED)
        .select_related("authority__area")
        .order_by("-ends_on", "-pk")[:PAGE]
    )


def own_notices(actor: Actor) -> QuerySet[Notice]:
    """Of the actor's authority, newest first."""
    rows = Notice.objects.visible_to(actor).filter(authority_id=_office(actor))
    return rows.select_related("call", "authority__area").order_by("-pk")[:PAGE]


def decisions_without_notice(actor: Actor) -> QuerySet[Decision]:
    """Approved lists of the actor's authority with units that wait for their notice."""
    rows = Decision.objects.visible_to(actor).filter(state=DecisionState.APPROVED)
    rows = rows.filter(Exists(to_put_on_notice().filter(decision=OuterRef("pk"))))
    return rows.select_related("call").order_by("pk")


def to_put_on_notice() -> QuerySet[DecisionItem]:
    """Units that an approved decision proposes and no notice shows yet; of several decisions the last one counts."""
    later = DecisionItem.objects.filter(application=OuterRef("application"), pk__gt=OuterRef("pk"))
    later = later.filter(decision__state=DecisionState.APPROVED)
    rows = DecisionItem.objects.filter(outcome=Outcome.PROPOSE, application__state=State.PROPOSED)
    return rows.filter(~Exists(later), application__notice_item=None)


def decision(actor: Actor, reference: str) -> Decision:
    """Raises NotVisible."""
    rows = Decision.objects.visible_to(actor).select_related("call__rules", "call__owner", "authority")
    return _one(rows.filter(reference=reference))


STARTS, ENDS = "〔起始日〕", "〔截止日〕"  # stand in a drafted notice until its days are fixed at publication


def notice_words(decision: Decision) -> dict[str, str]:
    """Title and text of a new notice, from the rule set's own texts."""
    rule = next((step.notice for step in rules_of(decision.call).steps if step.notice), None)
    count = to_put_on_notice().filter(decision=decision).count()
    return _words(
        decision.call, "notice", count=str(count), starts=STARTS, ends=ENDS, days=str(rule.days if rule else "")
    )


def announcement_words(notice: Notice) -> dict[str, str]:
    """Title and text of a new announcement, with the ordinal it will get."""
    count = notice.items.filter(state=ItemState.CLEARED, application__state=State.APPROVING).count()
    return _words(notice.call, "announcement", count=str(count), number=str(next_ordinal(notice)))


def next_ordinal(notice: Notice) -> int:
    """第N批 of the announcement to come; a supplement keeps its announcement's. Fixed only when it is published."""
    first = notice.announcements.filter(supplement_of=None).exclude(ordinal=None).first()
    if first is not None and first.ordinal is not None:
        return first.ordinal
    book = {"listbook__owner_id": notice.authority_id, "listbook__category": notice.call.category}
    last = Announcement.objects.filter(**book).aggregate(last=Max("ordinal"))["last"]
    return (last or 0) + 1


def certificate_words(certificate: Certificate) -> dict[str, str]:
    """Title and text of a certificate, from the rule set it was decided under."""
    listing = certificate.listing
    if listing.application is None:
        return {"title": listing.listbook.title, "text": ""}
    day = dates.in_chinese(certificate.issued_on)
    return _words(
        listing.application.call,
        "certificate",
        name=certificate.name,
        code=listing.code,
        number=str(listing.ordinal),
        day=day,
    )


def _words(call: Call, key: str, **places: str) -> dict[str, str]:
    bound = rules_of(call)
    spec = bound.texts.get(key)
    if spec is None:
        return {"title": call.title, "text": ""}
    given = {
        "year": str(call.year),
        "call_title": call.title,
        "rules_title": bound.header.title.zh,
        "owner": call.owner.name,
        "contact": call.contact_name,
        "telephone": call.contact_phone,
        **places,
    }
    filled = {place: given.get(place, "") for place in spec.places}
    return {"title": spec.title.zh.format(**filled), "text": spec.body.zh.strip().format(**filled)}


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


def objections_of(actor: Actor, notice: Notice) -> QuerySet[Objection]:
    """Those against one notice, for its own officials."""
    return (
        Objection.objects.visible_to(actor).filter(item__notice=notice).select_related("item").order_by("received_at")
    )


def followed(token: str) -> Objection:
    """What the objector may see again. Raises NotVisible."""
    return _one(Objection.objects.select_related("item__notice__authority__area").filter(follow_token=token))


def _bare_announcements() -> AnnouncementQuerySet:
    rows = Announcement.objects.select_related(
        "listbook__owner__area", "notice__call__rules", "notice__authority", "supplement_of"
    )
    return rows.defer("notice__call__rules__canonical", "notice__call__rules__sources")


def _announcements() -> AnnouncementQuerySet:
    return _bare_announcements().prefetch_related("entries__listing__certificates")


def public_announcement(place: str, reference: str) -> Announcement:
    """A published announcement of a place. Raises NotVisible."""
    rows = _bare_announcements().filter(state=AnnouncementState.PUBLISHED, listbook__owner__area__slug=place)
    return _one(rows.filter(reference=reference))


def own_announcement(actor: Actor, reference: str) -> Announcement:
    """One of the actor's own authority. Raises NotVisible."""
    rows = _announcements().visible_to(actor).filter(listbook__owner_id=_office(actor))
    return _one(rows.filter(reference=reference))


@dataclass(frozen=True, slots=True)
class Version:
    """One printed version of an announcement: the first, or a correction."""

    number: int
    frozen: dict[str, Any]
    digest: str
    on: date | None
    reason: str = ""


def versions(announcement: Announcement) -> list[Version]:
    """Every published version, oldest first."""
    first = Version(1, announcement.frozen or {"units": []}, announcement.digest, announcement.issued_on)
    later = announcement.corrections.filter(state=CorrectionState.PUBLISHED).order_by("number")
    return [
        first,
        *(Version(row.number or 0, row.frozen or {}, row.digest, row.issued_on, row.reason) for row in later),
    ]


def latest(announcement: Announcement) -> Version:
    return versions(announcement)[-1]


def version(announcement: Announcement, number: int | None) -> Version:
    """The one asked for, else the newest. Raises NotVisible."""
    found = versions(announcement)
    if number is None:
        return found[-1]
    wanted = [one for one in found if one.number == number]
    if not wanted:
        raise NotVisible
    return wanted[0]


def open_correction(announcement: Announcement) -> Correction | None:
    """The one that waits for its approver."""
    rows = announcement.corrections.filter(state=CorrectionState.TO_APPROVE).select_related("created_by")
    return rows.first()


@dataclass(frozen=True, slots=True)
class Changes:
    """What became different on a list between the ends of two days."""

    rows: tuple[Entry, ...]  # each with `was`, the name it had before
    counts: dict[str, int]  # by kind; empty where there are more than MOST_CHANGES
    after: int | None


def changes(listbook: ListBook, since: date, until: date, *, after: int = 0, size: int = PAGE) -> Changes:
    """Added, renamed, corrected and removed, in the order in which it happened; bounded pages."""
    before = Entry.objects.filter(listing=OuterRef("listing"), pk__lt=OuterRef("pk")).order_by("-pk")
    rows = Entry.objects.filter(listing__listbook=listbook, on__gt=since, on__lte=until)
    kinds = list(rows.order_by().values_list("kind", flat=True)[: MOST_CHANGES + 1])  # never the whole history
    counts = dict(Counter(kinds)) if len(kinds) <= MOST_CHANGES else {}
    page = rows.filter(pk__gt=after).annotate(was=Subquery(before.values("name")[:1]))
    about = ("listing", "announcement", "correction", "imported", "bulletin")
    found = list(page.select_related(*about).order_by("pk")[: size + 1])
    return Changes(tuple(found[:size]), counts, found[size - 1].pk if len(found) > size else None)


def own_announcements(actor: Actor) -> QuerySet[Announcement]:
    """Of the actor's authority, newest first."""
    rows = Announcement.objects.visible_to(actor).filter(listbook__owner_id=_office(actor))
    return rows.select_related("listbook__owner__area").order_by("-pk")[:PAGE]


def _bulletins() -> BulletinQuerySet:
    return Bulletin.objects.select_related("listbook__owner__area")


def published_bulletins(*, place: str = "", category: str = "") -> QuerySet[Bulletin]:
    rows = _bulletins().filter(state=BulletinState.PUBLISHED)
    rows = rows.filter(listbook__owner__area__slug=place) if place else rows
    return rows.filter(listbook__category=category) if category else rows


def public_bulletin(place: str, reference: str) -> Bulletin:
    """A published bulletin of a place. Raises NotVisible."""
    rows = _bulletins().filter(state=BulletinState.PUBLISHED, listbook__owner__area__slug=place)
    return _one(rows.filter(reference=reference))


def own_bulletin(actor: Actor, reference: str) -> Bulletin:
    """One of the actor's own authority. Raises NotVisible."""
    return _one(_bulletins().visible_to(actor).filter(listbook__owner_id=_office(actor), reference=reference))


def own_bulletins(actor: Actor, *, after: int | None = None, size: int = PAGE) -> tuple[list[Bulletin], int | None]:
    """Of the actor's authority, newest first, a bounded page."""
    rows = _bulletins().visible_to(actor).filter(listbook__owner_id=_office(actor))
    rows = rows.filter(pk__lt=after) if after else rows
    found = list(rows.order_by("-pk")[: size + 1])
    return found[:size], found[size - 1].pk if len(found) > size else None


def notices_to_announce(actor: Actor) -> QuerySet[Notice]:
    """Ended notices of the actor's authority with cleared units and no announcement in preparation."""
    cleared = NoticeItem.objects.filter(
        notice=OuterRef("pk"), state=ItemState.CLEARED, application__state=State.APPROVING
    )
    rows = Notice.objects.visible_to(actor).filter(authority_id=_office(actor), state=NoticeState.CLOSED)
    busy = (AnnouncementState.DRAFT, AnnouncementState.TO_APPROVE)
    return rows.filter(Exists(cleared)).exclude(announcements__state__in=busy).order_by("ends_on", "pk")


def listbook(place: str, category: str) -> ListBook:
    """Raises NotVisible."""
    return _one(ListBook.objects.select_related("owner__area").filter(owner__area__slug=place, category=category))


def listing(place: str, pk: int) -> Listing:
    """Raises NotVisible."""
    rows = Listing.objects.select_related("listbook__owner__area", "site", "organisation").prefetch_related(
        "entries__announcement", "entries__imported", "entries__bulletin"
    )
    return _one(rows.filter(listbook__owner__area__slug=place, pk=pk))


def former_names(row: Listing) -> list[tuple[str, date | None]]:
    """Names the unit had, each with the day of its renaming where it is known, the latest first."""
    dated = {one.text: one.valid_until for one in organisations.former_names(row.organisation)}
    names = [*dated, *(one for one in reversed(row.former.splitlines()) if one not in dated)]
    return [(one, dated.get(one)) for one in names if one != row.name]


def listing_of(pk: int) -> Listing:
    """By its key alone. Raises NotVisible."""
    return _one(Listing.objects.select_related("listbook__owner__area", "site__area", "organisation").filter(pk=pk))


def listings_found(given: Mapping[str, Any]) -> QuerySet[Listing]:
    """What the clean filters find, newest first, beyond the page that `after` names."""
    rows = _narrow(
        Listing.objects.select_related("listbook__owner__area").order_by("-listed_on", "-pk"), _wanted(given)
    )
    return _beyond(rows, given["after"]) if given.get("after") else rows


def public_search(given: dict[str, Any], *, size: int = PAGE) -> Page:
    """The page of the public list that a set of clean filters asks for."""
    return search(None, _wanted(given), after=given.get("after", ""), size=size)


def all_found(given: Mapping[str, Any], limit: int = 100_000) -> QuerySet[Listing]:
    """Every listing the filters find, for a download; bounded."""
    return listings_found({key: value for key, value in given.items() if key != "after"})[:limit]


def is_longer(given: Mapping[str, Any], most: int) -> bool:
    """Whether the filters find more than so many; never counts further."""
    return bool(all_found(given).values_list("pk", flat=True)[most : most + 1])


def newest_line() -> int:
    """Grows with whatever is printed about any list: what was made from an earlier one is not handed out again."""
    return Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def clean_filters(kept: Mapping[str, str]) -> dict[str, Any]:
    """Filters as they were kept as text beside a document."""
    return {key: int(value) if key == "year" else value for key, value in kept.items()}


def _wanted(given: Mapping[str, Any]) -> Search:
    place = Area.objects.filter(slug=given["place"]).first() if given.get("place") else None
    return Search(
        words=given.get("q", ""),
        area_path=place.path if place else ("/nowhere/" if given.get("place") else ""),
        industry=given.get("industry", ""),
        category=given.get("category", ""),
        year=given.get("year"),
        states=(given["state"],) if given.get("state") else (),
    )


@dataclass(frozen=True)
class Filters:
    """What the public list offers to choose from."""

    places: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, str], ...]
    years: tuple[int, ...]
    industries: tuple[tuple[str, str], ...]


def filters(given: dict[str, Any]) -> Filters:
    """Places with a list, their counties once a place is chosen, years and industry divisions; few short queries."""
    books = list(ListBook.objects.select_related("owner__area").order_by("owner__area__path", "category"))
    places = {book.owner.area.slug: book.owner.area.name for book in books}
    chosen = Area.objects.filter(slug=given.get("place", "")).first()
    if chosen is not None:
        places |= {chosen.slug: chosen.name}
        places |= {area.slug: area.name for area in Area.objects.filter(parent=chosen).order_by("path")}
    announced = Announcement.objects.filter(state=AnnouncementState.PUBLISHED, supplement_of=None)
    years = set(announced.values_list("notice__call__year", flat=True).distinct())
    taken = (
        ImportedList.objects.filter(state=ImportState.IN_FORCE).values_list("issued_on__year", "call__year").distinct()
    )
    years |= {year for pair in taken for year in pair if year}
    categories = {book.category: str(book.get_category_display()) for book in books}
    return Filters(
        places=tuple(places.items()),
        categories=tuple(categories.items()),
        years=tuple(sorted(years, reverse=True)),
        industries=tuple(Industry.objects.filter(level=2).order_by("code").values_list("code", "name")),
    )


def own_certificates(actor: Actor) -> QuerySet[Certificate]:
    """Of the actor's organisation, newest first; none for anybody else."""
    rows = Certificate.objects.select_related("listing__listbook").order_by("-issued_on", "-pk")
    return rows.filter(listing__organisation_id=actor.organisation_id) if actor.organisation_id else rows.none()


def certificate_numbered(number: str) -> Certificate | None:
    return Certificate.objects.filter(number=number.upper()).first()


def find_certificate(token: str) -> Certificate | None:
    """What a scanned code leads to; None: not genuine."""
    rows = Certificate.objects.select_related(
        "listing__listbook__owner__area", "listing__site", "listing__organisation", "listing__application__call__rules"
    )
    return rows.filter(token=token).first()


def newer_certificate(certificate: Certificate) -> Certificate | None:
    """The one that took its place: the name was corrected, or the unit was evaluated anew."""
    return Certificate.objects.filter(listing_id=certificate.listing_id, pk__gt=certificate.pk).order_by("pk").last()


def certificate(token: str) -> Certificate:
    """Raises NotVisible."""
    found = find_certificate(token)
    if found is None:
        raise NotVisible
    return found


# ---- lists of other tiers -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Leaf:
    """A bounded page of rows, newest or first first; `after` continues it."""

    rows: tuple[Any, ...]
    after: int | None = None


def _leaf(found: list[Any], size: int, mark: str = "pk") -> Leaf:
    return Leaf(tuple(found[:size]), getattr(found[size - 1], mark) if len(found) > size else None)


def calls_waiting(actor: Actor) -> QuerySet[Call]:
    """Calls of which cases wait at this authority for another tier's list, with how many."""
    waiting = Q(applications__state=State.FORWARDED, applications__desk_id=_office(actor))
    rows = Call.objects.select_related("owner__area", "rules__rule_set").defer("rules__canonical", "rules__sources")
    return rows.filter(waiting).annotate(waiting=Count("applications", filter=waiting)).order_by("-year", "-pk")[:PAGE]


def call_waiting(actor: Actor, pk: int | None) -> Call:
    """Raises NotVisible."""
    rows = Call.objects.visible_to(actor).select_related("owner__area", "rules__rule_set")
    return _one(rows.filter(pk=pk or 0))


def cases_waiting(actor: Actor, call: Call, *, after: int | None = None, size: int = PAGE) -> Leaf:
    """Cases of a call that wait for another tier's list, in the order of their keys."""
    rows = Application.objects.visible_to(actor).filter(call=call, state=State.FORWARDED, desk_id=_office(actor))
    rows = rows.filter(pk__gt=after) if after else rows
    return _leaf(list(rows.select_related("site__area").order_by("pk")[: size + 1]), size)


def case_waiting(actor: Actor, reference: str) -> Application:
    """Raises NotVisible."""
    rows = Application.objects.visible_to(actor).filter(state=State.FORWARDED, desk_id=_office(actor))
    return _one(
        rows.select_related("call__owner__area", "call__rules__rule_set", "site__area").filter(reference=reference)
    )


def imported_lists(actor: Actor, *, after: int | None = None, size: int = PAGE) -> Leaf:
    """Lists the authority took over, newest first."""
    rows = ImportedList.objects.visible_to(actor).select_related("listbook__owner__area", "call")
    rows = rows.filter(pk__lt=after) if after else rows
    return _leaf(list(rows.order_by("-pk")[: size + 1]), size)


def imported_list(actor: Actor, reference: str) -> ImportedList:
    """Raises NotVisible."""
    rows = ImportedList.objects.visible_to(actor).select_related(
        "listbook__owner__area", "authority__area", "call", "created_by", "approved_by", "complete_by"
    )
    return _one(rows.filter(reference=reference))


def imported_rows(imported: ImportedList, *, after: int = 0, state: str = "", words: str = "", size: int = 50) -> Leaf:
    """A page of its lines."""
    rows = lines_of(imported, after=after, state=state, words=words)
    return _leaf(list(rows[: size + 1]), size, "position")


def lines_of(imported: ImportedList, *, after: int = 0, state: str = "", words: str = "") -> QuerySet[ImportedRow]:
    """Its lines as printed, by position; `words`: part of the name, or the whole code."""
    rows = ImportedRow.objects.filter(imported=imported, position__gt=after).select_related(
        "organisation", "application"
    )
    rows = rows.filter(state=state) if state else rows
    rows = rows.filter(Q(name__holds=words) | Q(code=words.upper())) if words else rows
    return rows.order_by("position")


def rows_by_state(imported: ImportedList) -> dict[str, int]:
    """How many lines are in which state; bounded by the size of a file."""
    return dict(imported.rows.values_list("state").annotate(count=Count("pk")).order_by("state"))


def row_matches(actor: Actor, *, imported: ImportedList | None = None, after: int = 0, size: int = PAGE) -> Leaf:
    """Lines whose name is to be confirmed, oldest first."""
    rows = RowMatch.objects.visible_to(actor).filter(state=MatchState.OPEN, pk__gt=after)
    rows = rows.filter(row__imported=imported) if imported else rows
    rows = rows.select_related("row__imported__listbook__owner", "organisation", "proposed_by")
    return _leaf(list(rows.order_by("pk")[: size + 1]), size)


def row_match(actor: Actor, pk: int) -> RowMatch:
    """Raises NotVisible."""
    rows = RowMatch.objects.visible_to(actor).select_related(
        "row__imported__listbook__owner", "organisation__area", "by", "proposed_by"
    )
    return _one(rows.filter(pk=pk))
