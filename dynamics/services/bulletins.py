"""What goes out in the next bulletin of a list, and what follows when it is published.

Subjects that change a list register how: `ready` gives the lines that wait, `check` refuses those that may not go out yet,
`settle` closes the row behind a line. `registry.services.bulletins` prints and carries out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from dynamics.models import Removal
from dynamics.selectors import removals as removal_reads
from dynamics.services import cascades, changes, places, removals, upward
from dynamics.states import RemovalState
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import NotVisible, Refused, WrongState
from registry.models import Announcement, Bulletin, BulletinLine, ListBook, Listing
from registry.services import bulletins as printed
from registry.services import listings
from registry.services.bulletins import Line
from registry.states import AnnouncementState, BulletinState, EntryKind

WITH_LIST = "with_list"
BUSY = (BulletinState.DRAFT, BulletinState.TO_APPROVE)


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of row that changes a list."""

    ready: Callable[[ListBook], Sequence[Line]]
    check: Callable[[BulletinLine, datetime], None]
    settle: Callable[..., None]  # line, bulletin, actor=, at=


SUBJECTS: dict[str, Subject] = {}


def ready(book: ListBook) -> list[Line]:
    """Lines that wait for a bulletin of this list and are in none."""
    taken = BulletinLine.objects.filter(listing__listbook=book, bulletin__state__in=BUSY)
    busy = set(taken.values_list("listing_id", "kind"))
    found = [line for subject in SUBJECTS.values() for line in subject.ready(book)]
    kept: dict[tuple[int, str], Line] = {}
    for line in found:
        if (line.listing, line.kind) not in busy:
            kept.setdefault((line.listing, line.kind), line)
    return list(kept.values())


@transaction.atomic
def draft(
    *,
    actor: Actor,
    listbook: int,
    chosen: Sequence[tuple[str, int]],
    title: str,
    number: str,
    text: str,
    at: datetime,
) -> Bulletin:
    """A bulletin of the chosen rows: (kind of the subject, key). Raises NotVisible, WrongState, and as the printed one."""
    book = ListBook.objects.select_related("owner__area").filter(pk=listbook).first()
    if book is None:
        raise NotVisible
    waiting = {line.source: line for line in ready(book)}
    if any(one not in waiting for one in chosen):
        raise WrongState(_("Some unit does not wait for a bulletin any more. Reload the page."))
    lines = [waiting[one] for one in chosen]
    return printed.draft(actor=actor, listbook=book.pk, title=title, number=number, text=text, lines=lines, at=at)


@transaction.atomic
def publish(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Bulletin:
    """Printed and in force; rows behind the lines are settled, lower lists and requests upward follow at once.

    Raises as the printed one, Refused with the clause (a removal that waits for the yearly list).
    """
    bulletin = printed.lock(actor=actor, reference=reference)
    ListBook.objects.select_for_update().get(pk=bulletin.listbook_id)  # before its places, as announcements do
    lines = list(bulletin.lines.order_by("listing_id", "pk"))
    own = bulletin.listbook.owner.tier
    listings.lock(removal_reads.unit_places((line.listing_id for line in lines), at_most=own))  # lower lists follow
    for line in lines:
        if bulletin.state == BulletinState.TO_APPROVE and line.source_kind in SUBJECTS:
            SUBJECTS[line.source_kind].check(line, at)
    bulletin = printed.publish(actor=actor, reference=reference, at=at, digest=digest)
    for line in lines:
        if line.source_kind in SUBJECTS:
            SUBJECTS[line.source_kind].settle(line, bulletin, actor=actor, at=at)
    for line in lines:
        if line.kind == EntryKind.REMOVED:
            row = Listing.objects.select_related("listbook__owner__area").get(pk=line.listing_id)
            places.end(listing=row, document=bulletin.title, on=china_date(at), actor=actor, at=at)
            cascades.follow(listing=row, at=at)
    if any(line.kind == EntryKind.REMOVED for line in lines):
        upward.settle_all(at=at)
    return bulletin


# ---- removals -------------------------------------------------------------------------------------------------------
def _removals_ready(book: ListBook) -> list[Line]:
    rows = Removal.objects.of_own_list().filter(listing__listbook=book, state=RemovalState.DECIDED).order_by("pk")
    return [
        Line(
            listing=row.listing_id,
            kind=EntryKind.REMOVED,
            reason=str(row.label.get("zh") or row.reason)[:500],
            clause=row.clause,
            source=("removal", row.pk),
        )
        for row in rows
    ]


def waits_for_list(removal: Removal) -> bool:
    """Decided, but its rules say that it takes effect when the yearly list is published (JY-22a, HLJ-30a)."""
    return removal.when == WITH_LIST and not removal.only_asks and not _list_published(removal)


def _list_published(removal: Removal) -> bool:
    """Whether a yearly list of this list book came out since it was decided."""
    if removal.closed_at is None:
        return False
    rows = Announcement.objects.filter(
        listbook=removal.listing.listbook_id,
        state=AnnouncementState.PUBLISHED,
        supplement_of=None,
        issued_on__gte=china_date(removal.closed_at),
    )
    return rows.exists()


def _check_removal(line: BulletinLine, at: datetime) -> None:
    assert line.source_id is not None
    removal = removals.lock_by(line.source_id, line.listing_id)
    if removal.state != RemovalState.DECIDED:
        raise WrongState(
            _("%(name)s: the removal is “%(state)s”; leave it out.")
            % {"name": removal.name, "state": removal.get_state_display()}
        )
    if waits_for_list(removal):
        clause = removal_reads.clause_of(removal)
        raise Refused(
            _("%(name)s is removed when the yearly list is published, not before.") % {"name": removal.name},
            code="waits_for_list",
            clause=clause.id if clause else removal.clause,
        )


def _settle_removal(line: BulletinLine, bulletin: Bulletin, *, actor: Actor, at: datetime) -> None:
    assert line.source_id is not None
    removal = removals.lock_by(line.source_id, line.listing_id)
    assert bulletin.issued_on is not None
    removals.take_effect(
        removal=removal, document=bulletin.title, on=bulletin.issued_on, bulletin=bulletin, actor=actor, at=at
    )


SUBJECTS["removal"] = Subject(_removals_ready, _check_removal, _settle_removal)


# ---- changes --------------------------------------------------------------------------------------------------------
def _check_change(line: BulletinLine, at: datetime) -> None:
    changes.require_confirmed(line)


SUBJECTS["change"] = Subject(changes.ready, _check_change, changes.settle)
