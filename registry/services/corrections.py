"""更正: a published announcement is printed anew, with its reason and by two people; the earlier version stays readable.

Only what was printed wrongly: a name, a place, a line that should not be there. Units that lack go into a supplement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application
from applications.services import cases
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core import audit, outbox
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as organisation_services
from registry import rules, selectors
from registry.models import Announcement, Correction, Entry, Listing
from registry.services import announcements, listings
from registry.states import AnnouncementState, CorrectionState, EntryKind, ListingState

LONGEST_NAME, LONGEST_AREA, LONGEST_REASON = 120, 60, 500


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be printed at one position."""

    name: str = ""
    area: str = ""
    struck: bool = False


@transaction.atomic
def propose(
    *, actor: Actor, reference: str, reason: str, lines: Mapping[int, Line], at: datetime, version: int | None = None
) -> Correction:
    """Draws up a correction for an approver; `version` is the one the page showed.

    Raises NotVisible, NotAllowed, WrongState (not published, one is waiting), Conflict (corrected meanwhile), Invalid.
    """
    announcement = announcements.lock(actor=actor, reference=reference)
    if not rules.may_prepare(actor, announcement.listbook.owner_id, announcement.listbook.category):
        raise NotAllowed(_("Only the deciding authority prepares the announcement."))
    if announcement.state != AnnouncementState.PUBLISHED:
        raise WrongState(_("Only a published announcement is corrected; a draft is simply changed."))
    frozen = selectors.latest(announcement).frozen
    if version is not None and version != frozen.get("version", 1):
        raise Conflict(_("The announcement was corrected since you opened the page. Reload it and look again."))
    changed = _changed(frozen, lines)
    _require(reason, changed)
    try:
        with transaction.atomic():
            made = Correction.objects.create(
                announcement=announcement,
                reason=reason.strip(),
                lines=changed,
                created_by_id=actor.user_id,
                created_at=at,
            )
    except IntegrityError as other:
        raise WrongState(_("A correction of this announcement waits for approval already.")) from other
    about = {"correction": made.reference, "reason": made.reason, "lines": changed}
    _record(announcement, "correction_proposed", actor=actor, at=at, data=about)
    book = announcement.listbook
    outbox.notify(
        recipients=accounts.people_with(book.owner_id, ("approver",), china_date(at), book.category),
        event=f"announcement.correction:{made.pk}",
        kind="announcement.correction",
        params={"title": announcement.title, "reason": made.reason},
        link=f"/registry/announcements/{announcement.reference}/correct/",
        at=at,
    )
    return made


def _changed(frozen: Mapping[str, Any], lines: Mapping[int, Line]) -> dict[str, dict[str, Any]]:
    """Only the positions at which something else is to stand than now."""
    found: dict[str, dict[str, Any]] = {}
    for unit in frozen["units"]:
        line = lines.get(unit["position"])
        if line is None or unit.get("struck"):
            continue
        name, area = line.name.strip() or unit["name"], line.area.strip() or unit["area"]
        if line.struck or (name, area) != (unit["name"], unit["area"]):
            found[str(unit["position"])] = {"name": name, "area": area, "struck": line.struck}
    return found


def _require(reason: str, changed: Mapping[str, Mapping[str, Any]]) -> None:
    problems: dict[str, list[Text]] = {}
    if not reason.strip():
        problems["reason"] = [_("Say what was wrong: the reason is published.")]
    elif len(reason.strip()) > LONGEST_REASON:
        problems["reason"] = [_("At most %(most)s characters.") % {"most": LONGEST_REASON}]
    for position, line in changed.items():
        if len(line["name"]) > LONGEST_NAME or len(line["area"]) > LONGEST_AREA:
            problems[f"name-{position}"] = [_("At most %(most)s characters.") % {"most": LONGEST_NAME}]
    if not changed:
        problems.setdefault("reason", []).append(_("Nothing is changed by this correction."))
    if problems:
        raise Invalid(_("The correction was not drawn up."), problems=problems)


@transaction.atomic
def publish(*, actor: Actor, reference: str, correction: str, at: datetime) -> Correction:
    """The second person's word: the new version is public at once, listings and certificates follow.

    Raises NotVisible, NotAllowed (no approver, or whoever drew it up), WrongState (decided already).
    """
    announcement, found = _waiting(actor, reference, correction)
    if found.created_by_id == actor.user_id:
        raise NotAllowed(rules.CORRECTED_IT, code="four_eyes")
    _turn(found, "publish", at)
    before = selectors.latest(announcement).frozen
    found.approved_by_id, found.issued_on = actor.user_id, china_date(at)
    found.number = before.get("version", 1) + 1
    found.frozen = _printed(before, found)
    found.digest = audit.digest_of(found.frozen)
    found.save()
    for position, line in found.lines.items():
        _apply(announcement, found, int(position), line, actor=actor, at=at)
    about = {"correction": found.reference, "version": found.number, "digest": found.digest}
    _record(announcement, "corrected", actor=actor, at=at, data=about)
    return found


@transaction.atomic
def refuse(*, actor: Actor, reference: str, correction: str, note: str, at: datetime) -> Correction:
    """The approver does not want it. Raises NotVisible, NotAllowed, WrongState, Invalid (no reason)."""
    announcement, found = _waiting(actor, reference, correction)
    if not note.strip():
        raise Invalid(_("The handler must know why."), problems={"note": [_("Say what is to be looked at again.")]})
    _turn(found, "refuse", at)
    found.note = note.strip()[:LONGEST_REASON]
    found.save()
    about = {"correction": found.reference, "note": found.note}
    _record(announcement, "correction_refused", actor=actor, at=at, data=about)
    return found


def _waiting(actor: Actor, reference: str, correction: str) -> tuple[Announcement, Correction]:
    """Both locked, the announcement first. Raises NotVisible, NotAllowed."""
    announcement = announcements.lock(actor=actor, reference=reference)
    if announcement.listbook.owner_id != actor.authority_id or not actor.is_official:
        raise NotVisible  # the announcement is public, what is to be corrected is not yet
    if not rules.may_approve(actor, announcement):
        raise NotAllowed(_("An approver of the deciding authority publishes the list."))
    found = announcement.corrections.select_for_update().filter(reference=correction).first()
    if found is None:
        raise NotVisible
    return announcement, found


def _turn(correction: Correction, verb: str, at: datetime) -> None:
    try:
        getattr(correction, verb)(at=at)
    except TransitionNotAllowed as wrong:
        raise WrongState(
            _("This is not possible any more: the correction is “%(state)s”.")
            % {"state": CorrectionState(correction.state).label}
        ) from wrong


def _printed(before: Mapping[str, Any], correction: Correction) -> dict[str, Any]:
    """The whole announcement as it is printed from now on, with what was changed and why."""
    assert correction.issued_on is not None
    units, changes = [], []
    for unit in before["units"]:
        line = correction.lines.get(str(unit["position"]))
        after = unit if line is None else {**unit, **line}
        units.append(after)
        if line is not None:
            was = {"name": unit["name"], "area": unit["area"]}
            changes.append({"position": unit["position"], "before": was, "after": line})
    return {
        **before,
        "version": correction.number,
        "corrected_on": correction.issued_on.isoformat(),
        "reason": correction.reason,
        "changes": changes,
        "units": units,
    }


def _apply(
    announcement: Announcement,
    correction: Correction,
    position: int,
    line: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    first = announcement.entries.filter(position=position, correction=None, kind=EntryKind.ADDED).get()
    listing = (
        Listing.objects.select_for_update(of=("self",))
        .select_related("site", "listbook__owner")
        .get(pk=first.listing_id)
    )
    assert correction.issued_on is not None
    Entry.objects.create(
        announcement=announcement,
        correction=correction,
        listing=listing,
        kind=EntryKind.REMOVED if line["struck"] else EntryKind.CORRECTED,
        position=position,
        name=line["name"],
        area_name=line["area"],
        on=correction.issued_on,
    )
    if _is_superseded(listing, first):
        return  # the print is put right; the place on the list is what a later document says
    if line["struck"]:
        listing.strike()
        listing.save()
        organisation_services.end_title(
            site=listing.site,
            category=announcement.listbook.category,
            tier=announcement.listbook.owner.tier,
            on=correction.issued_on,
            actor=actor,
            at=at,
        )
        _strike_case(correction, listing, actor=actor, at=at)
        listings.ended(listing=listing, document=announcement.title, on=correction.issued_on, actor=actor, at=at)
    else:
        _rename(announcement, correction, listing, line)
    outbox.notify(
        recipients=organisations.told_ids(listing.organisation_id),
        event=f"announcement.corrected:{correction.pk}:{listing.pk}",
        kind="announcement.corrected",
        params={"name": listing.name, "title": announcement.title, "reason": correction.reason},
        link=f"/p/{announcement.listbook.owner.area.slug}/listed/{listing.pk}/",
        at=at,
    )


def _strike_case(correction: Correction, listing: Listing, *, actor: Actor, at: datetime) -> None:
    """The case behind the line follows the new version: it does not go on reading “listed”."""
    case = Application.objects.select_for_update(of=("self",)).filter(pk=listing.application_id).first()
    if case is None or case.state != State.LISTED:
        return
    related = ("call__rules", "call__owner__area", "site__area", "desk")
    case = Application.objects.select_related(*related).get(pk=case.pk)
    data = {"announcement": correction.announcement.reference, "version": correction.number}
    opinion = correction.reason
    cases.move(case, "strike_off", case.strike_off, actor=actor, at=at, desk=None, opinion=opinion, data=data)


def _is_superseded(listing: Listing, first: Entry) -> bool:
    """Whether a later document has entered the unit anew or taken it off: an old print changes nothing of that."""
    later = listing.entries.filter(pk__gt=first.pk, kind__in=(EntryKind.ADDED, EntryKind.REMOVED), correction=None)
    return listing.state == ListingState.REMOVED or later.exists()


def _rename(announcement: Announcement, correction: Correction, listing: Listing, line: Mapping[str, Any]) -> None:
    """The listing carries the corrected words; a wrong name gets a new certificate, found as a former name for ever."""
    renamed = listing.name != line["name"]
    if renamed and listing.name not in listing.former.splitlines():
        listing.former = "\n".join([*listing.former.splitlines(), listing.name])
    listing.name, listing.area_name = line["name"], line["area"]
    listing.save()
    if renamed:
        announcements.certify(announcement, listing, year=listing.year, on=correction.issued_on)


def _record(announcement: Announcement, what: str, *, actor: Actor, at: datetime, data: Mapping[str, Any]) -> None:
    audit.record(
        actor=actor, subject=("announcement", announcement.pk), action=f"announcement.{what}", at=at, data=dict(data)
    )
