"""The portal's own proposals: events and vetoes that stand against listed units (QHD-14.3, 14.4, JY-22a, HLJ-30a).

It proposes and suspends where the rules say at once; it removes nobody. What it proposed once for a record it does not propose
again, whatever officials decided. Accidents below the grade of the ground block an application and remove nobody (QHD-14.4).
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from applications.models import Hit
from applications.states import HitState
from dynamics.models import Removal
from dynamics.services import cascades, changes, removals, rulebook, upward
from dynamics.states import RemovalSource
from greenlist.core import dates, rounds
from greenlist.core.actors import SYSTEM
from greenlist.core.clock import china_date
from greenlist.organisations.models import AdverseRecord
from greenlist.policy import selectors as policy
from greenlist.policy.engine.removals import Ground
from greenlist.policy.engine.types import BoundPolicy, Event, Outcome, Severity
from registry.models import ListBook, Listing
from registry.states import ListingState

ADVERSE = "adverse"


def round_(*, at: datetime) -> int:
    """Everything that follows by itself; safe to run twice, at once or after a kill (BG-07). Returns how much was proposed."""
    made = propose_all(at=at)
    cascades.follow_all(at=at)
    upward.settle_all(at=at)
    changes.follow_requests(at=at)
    return made


def propose_all(*, at: datetime) -> int:
    """Every list whose owner's rules have grounds, ground by ground."""
    made = 0
    for book in ListBook.objects.select_related("owner__area").order_by("pk"):
        standing = rulebook.of_book(book)
        if standing is None:
            made += _from_below(book, at)
            continue
        for ground in standing.grounds:
            if ground.on == "event":
                made += _from_records(Listing.objects.filter(listbook=book), standing, ground, at)
            elif ground.on == "veto":
                made += _from_hits(book, ground, at)
    return made


def _from_below(book: ListBook, at: datetime) -> int:
    """Events of units of a higher list, by the rules below that ask its owner (JY-22b, HLJ-30b)."""
    made = 0
    for version in policy.all_current().select_related("rule_set"):
        if book.category not in policy.policy(version).categories:
            continue
        standing = rulebook.asking(rulebook.standing_of(version, book.category), book)
        if standing is None:
            continue
        for ground in standing.grounds:
            if ground.on == "event":
                made += _from_records(_around(book, version.rule_set.owner, standing), standing, ground, at)
    return made


def _around(book: ListBook, owner: str, standing: rulebook.Standing) -> QuerySet[Listing]:
    """Units of a list that lie in the area of lower rules and do not stand on the list of those rules."""
    tier = standing.bound.header.tier
    own = Listing.objects.filter(
        organisation=OuterRef("organisation"), listbook__category=book.category, listbook__owner__tier=tier
    )
    own = own.filter(listbook__owner__area__slug=owner).exclude(state=ListingState.REMOVED)
    return Listing.objects.filter(~Exists(own), listbook=book, area_path__contains=f"/{owner}/")


# ---- events ---------------------------------------------------------------------------------------------------------
def _from_records(places: QuerySet[Listing], standing: rulebook.Standing, ground: Ground, at: datetime) -> int:
    """Adverse records of listed units; SQL picks, the ground decides.

    Other places of the unit, lost or not, hide nothing; nor does what another authority has proposed by its own rules.
    """
    on, rules = china_date(at), standing.version.rule_set_id
    places = places.exclude(state=ListingState.REMOVED)
    rows = AdverseRecord.objects.filter(kind__in=ground.events, event_on__lte=on)
    rows = rows.annotate(place=F("organisation__listings"), listed_on=F("organisation__listings__listed_on"))
    rows = rows.filter(place__in=places)
    if ground.at_least:
        rows = rows.filter(severity__gte=ground.at_least.rank)
    lasting = Q(ended_on=None) | Q(ended_on__gt=on)
    rows = rows.filter(lasting if ground.until else Q(event_on__gte=F("listed_on")))
    known = Removal.objects.filter(
        listing=OuterRef("place"),
        rules__rule_set=rules,
        ground=ground.key,
        subject_kind=ADVERSE,
        subject_id=OuterRef("pk"),
    )
    found = list(rows.filter(~Exists(known)).order_by("pk", "place").values_list("pk", "place"))
    return rounds.each(range(len(found)), lambda number: from_record(*found[number], rules, ground.key, at=at))


@transaction.atomic
def from_record(record: int, listing: int, rules: int, ground: str, *, at: datetime) -> bool:
    """One proposal from one record, if the ground of that rule set names it."""
    row = AdverseRecord.objects.get(pk=record)
    place = Listing.objects.select_related("listbook__owner__area").get(pk=listing)
    standings = (one for one in rulebook.of_listing(place) if one.version.rule_set_id == rules)
    found = next(((standing, one) for standing in standings for one in standing.grounds if one.key == ground), None)
    if found is None or place.state == ListingState.REMOVED:
        return False
    if not found[1].names(event_of(row), china_date(at), place.listed_on):
        return False
    removals.propose_by(
        listing=place,
        standing=found[0],
        ground=found[1],
        reason=_said(row),
        source=RemovalSource.RECORD,
        subject=(ADVERSE, row.pk),
        evidence=row.evidence,
        actor=SYSTEM,
        at=at,
    )
    return True


def event_of(row: AdverseRecord) -> Event:
    return Event(row.kind, row.event_on, Severity.of_rank(row.severity), row.ended_on, ref=f"r{row.pk}")


def _said(row: AdverseRecord) -> str:
    """The record in the words of letters."""
    from django.utils import translation

    with translation.override("zh-hans"):
        grade = f"（{row.get_severity_display()}）" if row.severity else ""
        number = f"，{row.reference}" if row.reference else ""
        day = dates.in_chinese(row.event_on)
        return f"{day}：{row.get_kind_display()}{grade}。来源：{row.source}{number}。"


def propose_for(*, record: AdverseRecord, at: datetime) -> list[Removal]:
    """Directly after an alarm: every list the firm is on whose rules name it, or rules below that ask its owner."""
    rows = Listing.objects.filter(organisation_id=record.organisation_id).exclude(state=ListingState.REMOVED)
    for place in rows.select_related("listbook__owner__area").order_by("pk"):
        for standing in rulebook.of_listing(place):
            for ground in standing.grounds:
                if ground.on == "event":
                    from_record(record.pk, place.pk, standing.version.rule_set_id, ground.key, at=at)
    return list(Removal.objects.filter(subject_kind=ADVERSE, subject_id=record.pk).order_by("pk"))


# ---- vetoes ---------------------------------------------------------------------------------------------------------
def _from_hits(book: ListBook, ground: Ground, at: datetime) -> int:
    """What the nightly sweep found against titles of this list and no official has set aside (applications.services.sweep)."""
    rows = _hits(book).exclude(_own_list_gone()).order_by("pk")
    found = list(rows.values_list("pk", "place", "ref"))
    known = _subjects(place for _pk, place, _ref in found)

    def one(number: int) -> bool:
        pk, place, ref = found[number]
        subject = _subject(ref)
        if (place, *subject) in known:
            return False
        return _from_hit(pk, place, ground.key, subject, at=at)

    return rounds.each(range(len(found)), one)


def _hits(book: ListBook) -> QuerySet[Hit]:
    certain = Q(state=HitState.OPEN, outcome=Outcome.BLOCK) | Q(state=HitState.ANSWERED)
    rows = Hit.objects.filter(
        certain,
        rule__startswith="veto.",
        title__category=book.category,
        title__tier=book.owner.tier,
        title__valid_until=None,
        title__site__listings__listbook=book,
    ).exclude(ref="")
    places = Listing.objects.filter(listbook=book).exclude(state=ListingState.REMOVED)
    return rows.annotate(place=F("title__site__listings")).filter(place__in=places)


def _own_list_gone() -> Q:
    """A title of the unit itself that was taken away on another list: `cascades` follows that."""
    return Q(ref__startswith="t", event__subject="unit")


def _subject(ref: str) -> tuple[str, int]:
    return (ADVERSE if ref.startswith("r") else "title", int(ref[1:]))


def _subjects(places: Iterable[int]) -> set[tuple[int, str, int | None]]:
    """What something was proposed for already, on whatever ground: one accident is one matter."""
    rows = Removal.objects.filter(listing__in=set(places)).exclude(subject_kind="")
    return set(rows.values_list("listing_id", "subject_kind", "subject_id"))


@transaction.atomic
def _from_hit(pk: int, place: int, ground: str, subject: tuple[str, int], *, at: datetime) -> bool:
    hit = Hit.objects.get(pk=pk)
    row = Listing.objects.select_related("listbook__owner__area").get(pk=place)
    standing = rulebook.of_book(row.listbook)
    found = next((one for one in standing.grounds if one.key == ground), None) if standing else None
    if standing is None or found is None:
        return False
    removals.propose_by(
        listing=row,
        standing=standing,
        ground=found,
        reason=_said_of(hit, row, standing.bound)[: removals.LONGEST],
        source=RemovalSource.RECORD,
        subject=subject,
        actor=SYSTEM,
        at=at,
    )
    return True


def _said_of(hit: Hit, place: Listing, bound: BoundPolicy) -> str:
    """The article and what happened, as the unit reads it; of a firm inside a park, whose it was."""
    clause = bound.clause(hit.clause)
    article = clause.article if clause else hit.clause
    kind, key = _subject(hit.ref)
    record = AdverseRecord.objects.filter(pk=key).first() if kind == ADVERSE else None
    if record is None:
        return f"{article}：{hit.evidence}"
    whose = "" if record.organisation_id == place.organisation_id else f"{record.name}，"
    return f"{article}：{whose}{_said(record)}"
