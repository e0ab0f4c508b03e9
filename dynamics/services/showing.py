"""What a listed unit shows of itself: written by it or an official, public once marked so, taken down with a reason."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dynamics import rules
from dynamics.models import PublicPart
from dynamics.selectors import showing as reads
from greenlist.core import attachments, audit, binding, clock, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.core.models import Blob
from greenlist.organisations import selectors as parties
from registry.models import Listing
from registry.states import IN_FORCE

LONGEST = 8000
MOST_FIGURES = 12
# A mobile number, an e-mail address, an identity number: nobody's belongs on a public page (PR-07).
PERSONAL = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|[\w.+-]+@[\w-]+\.\w+|(?<!\d)\d{17}[\dXx](?![\dA-Za-z])")
PERSONS = _("Leave out telephone numbers, e-mail addresses and identity numbers: everybody reads this page.")


@dataclass(frozen=True, slots=True)
class Words:
    """What is written into one part."""

    text: str = ""
    link: str = ""
    grade: str = ""
    issued_on: date | None = None
    figures: tuple[str, ...] = ()


@transaction.atomic
def write(
    *,
    listing_id: int,
    kind: str,
    version: int,
    given: Words,
    actor: Actor,
    at: datetime,
    upload: UploadedFile | None = None,
) -> PublicPart:
    """Keeps a part; it stays public if it was. A green code is kept as the ministry issued it, with its evidence.

    Raises NotVisible, WrongState (the unit is off the list), Conflict, Invalid.
    """
    listing, row = _part(listing_id, kind, actor, at)
    if row.version != version:
        raise Conflict(_("Somebody else has changed this part since you opened it."), version=row.version)
    offer = next(one for one in reads.offered(listing) if one.kind == kind)
    problems = _problems(offer, given, upload is not None or row.file_id is not None, clock.china_date(at))
    if problems:
        raise Invalid(_("It was not kept."), problems=problems)
    row.text, row.link = given.text.strip(), given.link.strip()
    row.grade, row.issued_on = given.grade, given.issued_on
    if kind == reads.FIGURES:
        row.figures = _chosen(listing, given.figures)
    if upload is not None:
        row.file = attachments.store(upload=upload, at=at)
    row.version += 1
    row.by_id, row.by_unit, row.at = actor.user_id, not actor.is_official, at
    row.taken_down_at, row.taken_down_by, row.reason = None, None, ""
    row.save()
    _record(row, "written", {"kind": kind, "version": row.version, "grade": row.grade}, actor=actor, at=at)
    return row


def _problems(offer: reads.Offered, given: Words, has_file: bool, today: date) -> dict[str, list[Text]]:
    problems: dict[str, list[Text]] = {}
    if len(given.text) > LONGEST:
        problems["text"] = [_("At most %(most)s characters.") % {"most": LONGEST}]
    if PERSONAL.search(given.text) or PERSONAL.search(given.link):
        problems["text"] = [PERSONS]
    if given.link and not given.link.lower().startswith(("https://", "http://")):
        problems["link"] = [_("Give an address that begins with https:// or http://.")]
    if offer.kind == reads.CODE:
        if given.grade not in offer.grades:
            problems["grade"] = [_("Choose the grade that the ministry issued.")]
        if given.issued_on is None or given.issued_on > today:
            problems["issued_on"] = [_("Give the day on which it was issued.")]
        if not has_file:
            problems["file"] = [_("Attach what shows the code as issued.")]
    if len(given.figures) > MOST_FIGURES:
        problems["figures"] = [_("At most %(most)s.") % {"most": MOST_FIGURES}]
    return problems


def _chosen(listing: Listing, keys: Collection[str]) -> list[dict]:
    """The declared numbers as they stand now; a key that is not there is left out."""
    return [one.as_json() for one in reads.figures(listing) if one.key in set(keys)]


@transaction.atomic
def mark(*, listing_id: int, kind: str, public: bool, actor: Actor, at: datetime) -> PublicPart:
    """Public or not; twice is once. What was taken down is public again only after it was written anew, or by an official.

    Raises NotVisible, WrongState, Invalid (nothing in it).
    """
    _listing, row = _part(listing_id, kind, actor, at)
    if public and row.taken_down_at is not None and not actor.is_official:
        raise WrongState(
            _("An official took this down: “%(reason)s”. Please change it first.") % {"reason": row.reason}
        )
    if public and row.kind not in reads.WORKED_OUT and not _holds(row):
        raise Invalid(_("There is nothing in it yet."), problems={"text": [_("There is nothing in it yet.")]})
    if row.is_public == public and row.pk:
        return row
    row.is_public = public
    if public:
        row.taken_down_at, row.taken_down_by, row.reason = None, None, ""
    row.save()
    _record(row, "published" if public else "hidden", {"kind": kind}, actor=actor, at=at)
    return row


def _holds(row: PublicPart) -> bool:
    return bool(row.text or row.link or row.file_id or row.grade or row.figures)


@transaction.atomic
def take_down(*, listing_id: int, kind: str, reason: str, actor: Actor, at: datetime) -> PublicPart:
    """An official of the place takes a part off the public page, with a reason the unit reads.

    Raises NotVisible, NotAllowed, WrongState (not public), Invalid (no reason).
    """
    listing, row = _part(listing_id, kind, actor, at)
    if not rules.covers(actor, listing):
        raise NotAllowed(_("Officials of the place take something down."))
    if not reason.strip():
        raise Invalid(_("Not taken down."), problems={"reason": [_("Write why.")]})
    if not row.is_public:
        raise WrongState(_("It is not public."))
    row.is_public, row.taken_down_at, row.taken_down_by_id = False, at, actor.user_id
    row.reason = reason.strip()[:300]
    row.save()
    _record(row, "taken_down", {"kind": kind, "reason": row.reason}, actor=actor, at=at)
    outbox.notify(
        recipients=parties.told_ids(listing.organisation_id),
        event=f"showing.taken_down:{row.pk}:{row.version}",
        kind="showing.taken_down",
        at=at,
        params={"name": listing.name, "authority": actor.authority_name, "reason": row.reason},
        link=reverse("dynamics:showing", args=[listing.pk]),
    )
    return row


def bare_file(*, place: str, pk: int, kind: str, at: datetime) -> Blob:
    """The public file of a part without what programs wrote about people; made at its first reading (PR-07).

    Raises NotVisible, also while it cannot be made bare.
    """
    listing = reads.listing_of(place, pk)
    original = reads.public_file(listing, kind)
    part = listing.public_parts.select_related("bare").get(kind=kind)
    if part.bare is not None and part.bare_of == original.pk:
        return part.bare
    with attachments.opened(original) as body, binding.bundle() as work:
        (clean,) = work.bared([(work.add(body.chunks()), original.content_type)])
        if clean is None:
            raise NotVisible
        kept = attachments.store_bytes(name=original.name, content=clean, content_type=original.content_type, at=at)
    PublicPart.objects.filter(pk=part.pk).update(bare=kept, bare_of=original.pk)
    return kept


# ---- shared -------------------------------------------------------------------------------------------------------------
def _part(listing_id: int, kind: str, actor: Actor, at: datetime) -> tuple[Listing, PublicPart]:
    """The locked part of a listing in force, begun where there is none yet. Raises NotVisible, WrongState."""
    listing = reads.to_show(actor, listing_id)
    if kind not in {one.kind for one in reads.offered(listing)}:
        raise NotVisible
    if listing.state not in IN_FORCE:
        raise WrongState(_("The unit is not on the list at present: its page shows nothing of its own."))
    Listing.objects.select_for_update(of=("self",)).get(pk=listing.pk)
    row = PublicPart.objects.select_for_update(of=("self",)).filter(listing=listing, kind=kind).first()
    return listing, row or PublicPart(listing=listing, kind=kind, at=at, by_unit=not actor.is_official)


def _record(row: PublicPart, what: str, data: dict, *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("listing", row.listing_id), action=f"showing.{what}", at=at, data=data)
