"""调整公告: what changes on a list between two announcements, prepared by one person and published by another.

Whoever hands in lines (a removal that was decided, a change that was verified) finds them again by `source`; here they
are printed, the places on the list follow, and the units are told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from greenlist.accounts import selectors as accounts
from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.organisations import selectors as organisations
from registry import rules
from registry.models import Bulletin, BulletinLine, Entry, ListBook, Listing
from registry.services import announcements, listings, notices
from registry.states import BulletinState, EntryKind

OWNERS_ONLY = _("Only the authority whose list it is prepares a bulletin.")
NOTHING = _("A bulletin needs at least one unit.")


@dataclass(frozen=True, slots=True)
class Line:
    """One unit: what happens to its place and why. `name`, `area`: what is printed from now on; empty: as it is."""

    listing: int
    kind: str  # removed | renamed | corrected
    reason: str
    clause: str = ""
    name: str = ""
    area: str = ""
    source: tuple[str, int] | None = None


@transaction.atomic
def draft(
    *, actor: Actor, listbook: int, title: str, number: str, text: str, lines: Sequence[Line], at: datetime
) -> Bulletin:
    """Raises NotVisible, NotAllowed, Invalid (no line, a unit of another list), WrongState (one is in another bulletin)."""
    book = ListBook.objects.select_for_update(of=("self",)).select_related("owner__area").filter(pk=listbook).first()
    if book is None:
        raise NotVisible
    if not rules.may_prepare(actor, book.owner_id, book.category):
        raise NotAllowed(OWNERS_ONLY)
    made = Bulletin.objects.create(
        listbook=book, title=title, number=number, text=text, created_by_id=actor.user_id, created_at=at
    )
    _add(made, lines)
    _record(made, "drafted", actor, at, title=title)
    return made


def _add(bulletin: Bulletin, lines: Sequence[Line]) -> None:
    if not lines:
        raise Invalid(NOTHING, problems={"lines": [NOTHING]})
    wanted = {line.listing for line in lines}
    rows = {one.pk: one for one in Listing.objects.filter(pk__in=wanted, listbook=bulletin.listbook)}
    if set(rows) != wanted:
        words = _("A bulletin changes one list: some unit is not on it.")
        raise Invalid(words, problems={"lines": [words]})
    busy = (BulletinState.DRAFT, BulletinState.TO_APPROVE)
    taken = BulletinLine.objects.filter(listing__in=rows, bulletin__state__in=busy).exclude(bulletin=bulletin)
    pairs = set(taken.values_list("listing_id", "kind"))
    for line in lines:
        if (line.listing, line.kind) in pairs:
            raise WrongState(
                _("%(name)s is in another bulletin that is in preparation.") % {"name": rows[line.listing].name}
            )
    first = bulletin.lines.count() + 1
    BulletinLine.objects.bulk_create(
        [
            BulletinLine(
                bulletin=bulletin,
                listing=rows[line.listing],
                kind=line.kind,
                position=position,
                name=line.name or rows[line.listing].name,
                area_name=line.area or rows[line.listing].area_name,
                was=rows[line.listing].name,
                reason=line.reason[:500],
                clause=line.clause,
                source_kind=line.source[0] if line.source else "",
                source_id=line.source[1] if line.source else None,
            )
            for position, line in enumerate(lines, start=first)
        ]
    )


def lock(*, actor: Actor, reference: str) -> Bulletin:
    """The bulletin of the actor's own authority, locked until the transaction ends. Raises NotVisible."""
    rows = Bulletin.objects.visible_to(actor).select_for_update(of=("self",)).select_related("listbook__owner__area")
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def _mine(actor: Actor, reference: str) -> Bulletin:
    """Raises NotVisible, NotAllowed."""
    bulletin = lock(actor=actor, reference=reference)
    if not rules.may_prepare(actor, bulletin.listbook.owner_id, bulletin.listbook.category):
        raise NotAllowed(OWNERS_ONLY)
    return bulletin


@transaction.atomic
def edit(*, actor: Actor, reference: str, title: str, number: str, text: str, version: int, at: datetime) -> Bulletin:
    """Changes the words of a draft. Raises NotVisible, NotAllowed, WrongState, Conflict (the page saw an older version)."""
    bulletin = _mine(actor, reference)
    if bulletin.state != BulletinState.DRAFT:
        raise WrongState(_("The bulletin has been handed to the approver and cannot be edited."))
    notices.require_version(bulletin, version, "title", "number", "text")
    bulletin.title, bulletin.number, bulletin.text = title, number, text
    bulletin.version += 1
    bulletin.save(update_fields=["title", "number", "text", "version"])
    _record(bulletin, "edited", actor, at)
    return bulletin


@transaction.atomic
def take_out(*, actor: Actor, reference: str, line: int, at: datetime) -> Bulletin:
    """Leaves a unit out of a draft. Raises NotVisible, NotAllowed, WrongState, Invalid (it is the last one)."""
    bulletin = _mine(actor, reference)
    if bulletin.state != BulletinState.DRAFT:
        raise WrongState(_("The bulletin has been handed to the approver and cannot be edited."))
    row = bulletin.lines.filter(pk=line).first()
    if row is None:
        raise NotVisible
    if bulletin.lines.count() == 1:
        raise Invalid(NOTHING, problems={"lines": [NOTHING]})
    _record(bulletin, "edited", actor, at, without=row.listing_id)
    row.delete()
    for position, other in enumerate(bulletin.lines.order_by("position"), start=1):
        BulletinLine.objects.filter(pk=other.pk).update(position=position)
    return bulletin


@transaction.atomic
def hand_to_approver(*, actor: Actor, reference: str, at: datetime) -> Bulletin:
    """Raises NotVisible, NotAllowed, WrongState."""
    bulletin = _mine(actor, reference)
    _turn(bulletin, "hand_to_approver")
    bulletin.handed_by_id = actor.user_id
    bulletin.save()
    _record(bulletin, "handed", actor, at)
    book = bulletin.listbook
    outbox.notify(
        recipients=accounts.people_with(book.owner_id, ("approver",), china_date(at), book.category),
        event=f"bulletin.handed:{bulletin.pk}:{at:%Y%m%d%H%M%S}",
        kind="bulletin.to_approve",
        params={"title": bulletin.title},
        link=page_of(bulletin),
        at=at,
    )
    return bulletin


def page_of(bulletin: Bulletin) -> str:
    return f"/after/bulletins/{bulletin.reference}/"


@transaction.atomic
def hand_back(*, actor: Actor, reference: str, note: str, at: datetime) -> Bulletin:
    """The approver wants it changed. Raises NotVisible, NotAllowed, WrongState."""
    bulletin = lock(actor=actor, reference=reference)
    if not rules.may_approve_bulletin(actor, bulletin):
        raise NotAllowed(_("An approver of the deciding authority publishes the list."))
    _turn(bulletin, "hand_back")
    bulletin.save()
    _record(bulletin, "handed_back", actor, at, note=note)
    return bulletin


@transaction.atomic
def drop(*, actor: Actor, reference: str, at: datetime) -> Bulletin:
    """Gives it up; what it would have printed may go into another one. Raises NotVisible, NotAllowed, WrongState."""
    bulletin = _mine(actor, reference)
    _turn(bulletin, "drop")
    bulletin.save()
    _record(bulletin, "dropped", actor, at)
    return bulletin


def shown_digest(bulletin: Bulletin) -> str:
    """Of what a page shows before publication: the approver publishes this and nothing else."""
    return audit.digest_of([bulletin.title, bulletin.number, bulletin.text, _units(bulletin)])


def _units(bulletin: Bulletin) -> list[dict[str, object]]:
    rows = bulletin.lines.select_related("listing").order_by("position")
    return [
        {
            "position": line.position,
            "kind": line.kind,
            "name": line.name,
            "was": line.was,
            "area": line.area_name,
            "code": line.listing.code,
            "reason": line.reason,
            "clause": line.clause,
        }
        for line in rows
    ]


@transaction.atomic
def publish(*, actor: Actor, reference: str, at: datetime, digest: str | None = None) -> Bulletin:
    """The second person's word: printed, and in force the same day. `digest` is that of what the page showed.

    Services of later stages call it: they ask first whether their lines may go out, and settle their own rows after it.
    Raises NotVisible, NotAllowed (no approver, the same person), WrongState (also: a unit has left the list), Conflict.
    """
    bulletin = lock(actor=actor, reference=reference)
    if not rules.may_approve_bulletin(actor, bulletin):
        raise NotAllowed(_("An approver of the deciding authority publishes the list."))
    if bulletin.handed_by_id == actor.user_id:
        raise NotAllowed(_("Whoever prepared the bulletin cannot approve it: two people are needed."), code="four_eyes")
    _turn(bulletin, "publish", at=at)
    if digest is not None and digest != shown_digest(bulletin):
        raise Conflict(_("The bulletin is not what your page showed any more. Reload it and look again."))
    ListBook.objects.select_for_update().get(pk=bulletin.listbook_id)
    bulletin.approved_by_id, bulletin.issued_on = actor.user_id, china_date(at)
    bulletin.frozen = {
        "title": bulletin.title,
        "number": bulletin.number,
        "issued_on": bulletin.issued_on.isoformat(),
        "units": _units(bulletin),
    }
    bulletin.digest = audit.digest_of(bulletin.frozen)
    bulletin.save()
    for line in bulletin.lines.order_by("listing_id", "pk"):
        _apply(bulletin, line, actor=actor, at=at)
    _record(bulletin, "published", actor, at, digest=bulletin.digest, units=len(bulletin.frozen["units"]))
    return bulletin


def _apply(bulletin: Bulletin, line: BulletinLine, *, actor: Actor, at: datetime) -> None:
    assert bulletin.issued_on is not None
    on = bulletin.issued_on
    if line.kind == EntryKind.REMOVED:
        listing = listings.remove(listing=line.listing_id, reason=line.reason, on=on, actor=actor, at=at)
    else:
        listing = listings.rename(
            listing=line.listing_id, name=line.name, area=line.area_name, reason=line.reason, actor=actor, at=at
        )
    Entry.objects.create(
        bulletin=bulletin,
        listing=listing,
        kind=line.kind,
        position=line.position,
        name=line.name,
        area_name=line.area_name,
        on=on,
    )
    if line.kind != EntryKind.REMOVED and line.name != line.was and listing.certificates.exists():
        announcements.certify(bulletin, listing, year=listing.year, on=on)
    outbox.notify(
        recipients=organisations.told_ids(listing.organisation_id),
        event=f"bulletin.{line.kind}:{bulletin.pk}:{listing.pk}",
        kind="bulletin.removed" if line.kind == EntryKind.REMOVED else "bulletin.changed",
        params={"name": line.name, "list": bulletin.listbook.title, "title": bulletin.title, "reason": line.reason},
        link=f"/p/{bulletin.listbook.owner.area.slug}/bulletins/{bulletin.reference}/",
        at=at,
    )


def _turn(bulletin: Bulletin, verb: str, **arguments: datetime) -> None:
    try:
        getattr(bulletin, verb)(**arguments)
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the bulletin is “%(state)s”.") % {"state": bulletin.get_state_display()}
        ) from wrong


def _record(bulletin: Bulletin, what: str, actor: Actor, at: datetime, **data: object) -> None:
    audit.record(actor=actor, subject=("bulletin", bulletin.pk), action=f"bulletin.{what}", at=at, data=data)
