"""整改: ordered with a day, handed in with proof, accepted or sent back; unmet it may lead to a proposal for removal."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from dynamics import rules
from dynamics.models import Rectification, RectificationProof, Removal
from dynamics.services import removals
from dynamics.states import RectificationSource, RemovalSource
from greenlist.accounts import selectors as accounts
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.organisations import selectors as organisations
from registry.models import Listing
from registry.services import listings
from registry.states import ListingState

ONLY_UNIT = _("Only the unit hands in what it has put right.")
ONLY_ORDERER = _("The authority that ordered it judges what was handed in.")
OFFICE = ("handler", "approver")
NEEDED = _("is needed")


@transaction.atomic
def order(
    *,
    listing: int,
    reason: str,
    due_on: date | None,
    source: str = RectificationSource.OTHER,
    subject: tuple[str, int] | None = None,
    clause: str = "",
    actor: Actor,
    at: datetime,
) -> Rectification:
    """Orders a listed unit to put something right by a day; the unit is told and its place says so.

    Raises NotVisible, NotAllowed (not of its place), Invalid (no reason; a day that is over), WrongState (off the list).
    """
    row = Listing.objects.select_for_update(of=("self",)).select_related("listbook").filter(pk=listing).first()
    if row is None:
        raise NotVisible
    if not rules.covers(actor, row):
        raise NotAllowed(_("Only an authority of the unit's place orders a rectification."))
    problems: dict[str, list[Text]] = {}
    if not reason.strip():
        problems["reason"] = [_("Say what is to be put right: the unit reads it.")]
    if due_on is None or due_on < clock.china_date(at):
        problems["due_on"] = [_("Give a day that is still to come.")]
    if problems:
        raise Invalid(_("The rectification was not ordered."), problems=problems)
    if row.state == ListingState.REMOVED:
        raise WrongState(_("The unit is not on the list any more."))
    made = Rectification.objects.create(
        listing=row,
        authority_id=actor.authority_id,
        source=source,
        subject_kind=subject[0] if subject else "",
        subject_id=subject[1] if subject else None,
        clause=clause,
        reason=reason.strip(),
        due_on=due_on,
        ordered_by_id=actor.user_id,
        ordered_at=at,
    )
    if row.state == ListingState.ACTIVE:
        listings.rectify(listing=row.pk, reason=made.reason, actor=actor, at=at)
    _record(made, "ordered", {"due_on": made.due_on, "reason": made.reason, "clause": clause}, actor=actor, at=at)
    _tell_unit(made, "rectification.ordered", {"day": str(made.due_on), "reason": made.reason}, at)
    return made


@transaction.atomic
def hand_in(
    *, reference: str, answer: str, proofs: Sequence[UploadedFile], actor: Actor, at: datetime
) -> Rectification:
    """The unit says what it did, with files that show it. Raises NotVisible, NotAllowed, Invalid, WrongState."""
    row = _locked(actor, reference)
    if not rules.is_unit(actor, row.listing):
        raise NotAllowed(ONLY_UNIT)
    problems: dict[str, list[Text]] = {}
    if not answer.strip():
        problems["answer"] = [_("Say what was done.")]
    if not proofs:
        problems["proof1"] = [_("Add at least one file that shows it.")]
    if problems:
        raise Invalid(_("Nothing was handed in."), problems=problems)
    rounds = row.proofs.order_by("-round").values_list("round", flat=True).first() or 0
    attachments.check_count(stored=row.proofs.count(), adding=len(proofs))
    _go(row, lambda: row.hand_in(at=at))
    row.answer, row.answered_by_id = answer.strip(), actor.user_id
    row.save()
    for upload in proofs:
        limits.take("upload", actor=actor, at=at)
        blob = attachments.store(upload=upload, at=at)
        RectificationProof.objects.create(rectification=row, blob=blob, round=rounds + 1, added_at=at)
    _record(row, "handed_in", {"files": len(proofs)}, actor=actor, at=at)
    today = clock.china_date(at)
    outbox.notify(
        recipients=accounts.people_with(row.authority_id, OFFICE, today, row.listing.listbook.category),
        event=f"rectification.handed_in:{row.pk}:{rounds + 1}",
        kind="rectification.handed_in",
        at=at,
        params={"name": row.listing.name},
        link=page_of(row),
    )
    return row


@transaction.atomic
def accept(*, reference: str, note: str = "", actor: Actor, at: datetime) -> Rectification:
    """It is put right; the last open one gives the unit its place back whole. Raises NotVisible, NotAllowed, WrongState."""
    row = _judged(actor, reference)
    _go(row, lambda: row.accept(at=at))
    _close(row, note, actor=actor, at=at)
    _record(row, "accepted", {"note": row.note}, actor=actor, at=at)
    _tell_unit(row, "rectification.accepted", {}, at)
    if row.listing.state == ListingState.RECTIFYING and not _others(row):
        listings.resume(listing=row.listing_id, reason=row.reason, actor=actor, at=at)
    return row


@transaction.atomic
def refuse(*, reference: str, note: str, due_on: date | None = None, actor: Actor, at: datetime) -> Rectification:
    """What was handed in does not do: open again, by the same day or a later one.

    Raises NotVisible, NotAllowed, Invalid (no reason, a day that is over), WrongState.
    """
    row = _judged(actor, reference)
    problems: dict[str, list[Text]] = {}
    if not note.strip():
        problems["note"] = [_("Say what is still lacking: the unit reads it.")]
    if due_on is not None and due_on < clock.china_date(at):
        problems["due_on"] = [_("Give a day that is still to come.")]
    if problems:
        raise Invalid(_("It was not sent back."), problems=problems)
    _go(row, row.refuse)
    row.due_on = due_on or row.due_on
    _close(row, note, actor=actor, at=at)
    _record(row, "refused", {"note": row.note, "due_on": row.due_on}, actor=actor, at=at)
    round_ = row.proofs.order_by("-round").values_list("round", flat=True).first() or 0
    params = {"reason": row.note, "day": str(row.due_on)}
    _tell_unit(row, "rectification.refused", params, at, more=f":{round_}")
    return row


@transaction.atomic
def give_up(*, reference: str, ground: str, note: str, actor: Actor, at: datetime) -> Removal:
    """Its day is over and it is not put right: the unit may have to leave the list, heard first.

    Raises NotVisible, NotAllowed, Invalid (no reason), WrongState (its day is not over), Refused (no such ground).
    """
    row = _judged(actor, reference)
    if not note.strip():
        said = _("Say what is still lacking: the unit reads it.")
        raise Invalid(said, problems={"note": [said]})
    if row.due_on >= clock.china_date(at):
        raise WrongState(_("The unit still has time to put it right."))
    _go(row, lambda: row.give_up(at=at))
    _close(row, note, actor=actor, at=at)
    _record(row, "given_up", {"note": row.note, "ground": ground}, actor=actor, at=at)
    return removals.propose(
        listing=row.listing_id,
        ground=ground,
        reason=row.note,
        source=RemovalSource.RECTIFICATION,
        subject=("rectification", row.pk),
        actor=actor,
        at=at,
    )


def page_of(row: Rectification) -> str:
    return reverse("dynamics:rectification", args=[row.reference])


def _locked(actor: Actor, reference: str) -> Rectification:
    """Locks the listing first, as everything does that changes its state. Raises NotVisible."""
    seen = Rectification.objects.visible_to(actor).filter(reference=reference).only("pk", "listing_id").first()
    if seen is None:
        raise NotVisible
    Listing.objects.select_for_update(of=("self",)).get(pk=seen.listing_id)
    Rectification.objects.select_for_update(of=("self",)).get(pk=seen.pk)
    return Rectification.objects.select_related("listing__listbook", "listing__organisation", "authority").get(
        pk=seen.pk
    )


def _judged(actor: Actor, reference: str) -> Rectification:
    row = _locked(actor, reference)
    if not rules.may_judge_rectification(actor, row):
        raise NotAllowed(ONLY_ORDERER)
    return row


def _go(row: Rectification, verb: Any) -> None:
    try:
        verb()
    except TransitionNotAllowed as wrong:
        said = _("The rectification is “%(state)s”; that cannot follow from there.")
        raise WrongState(said % {"state": row.get_state_display()}) from wrong


def _close(row: Rectification, note: str, *, actor: Actor, at: datetime) -> None:
    row.note, row.judged_by_id = note.strip(), actor.user_id
    row.save()


def _others(row: Rectification) -> bool:
    return Rectification.objects.open().filter(listing=row.listing).exclude(pk=row.pk).exists()


def _record(row: Rectification, what: str, data: dict[str, Any], *, actor: Actor, at: datetime) -> None:
    audit.record(
        actor=actor,
        subject=("listing", row.listing_id),
        action=f"rectification.{what}",
        at=at,
        data={"rectification": row.reference, **data},
    )


def _tell_unit(row: Rectification, kind: str, params: dict[str, str], at: datetime, more: str = "") -> None:
    outbox.notify(
        recipients=organisations.told_ids(row.listing.organisation_id),
        event=f"{kind}:{row.pk}{more}",
        kind=kind,
        at=at,
        params={"name": row.listing.name, **params},
        link=page_of(row),
    )
