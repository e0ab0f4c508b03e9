"""The only place where a listing's state changes after it was entered; for services of later stages, in their transaction.

Whoever calls has asked who may and when; here: lock → transition → save → record.
"""

from collections.abc import Callable
from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_fsm import TransitionNotAllowed

from applications.models import Application
from applications.services import cases
from applications.states import State
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.errors import WrongState
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Organisation
from registry.models import Listing
from registry.states import ListingState


def lock(rows: QuerySet[Listing]) -> None:
    """Several places at once, in the one order in which several are ever locked: by key. Inside a transaction."""
    list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


Ending = Callable[..., None]  # listing=, document=, on=, actor=, at=
_endings: list[Ending] = []


def at_end(function: Ending) -> Ending:
    """Registers what a later stage ends together with a place on a list."""
    _endings.append(function)
    return function


def ended(*, listing: Listing, document: str, on: date, actor: Actor, at: datetime) -> None:
    """Asked by every document of this stage that struck a place, in its transaction; bulletins are the later stage's own."""
    for function in _endings:
        function(listing=listing, document=document, on=on, actor=actor, at=at)


@transaction.atomic
def rectify(*, listing: int, reason: str, actor: Actor, at: datetime) -> Listing:
    """Raises WrongState unless it stands on the list without anything open."""
    return _move(listing, "rectify", lambda row: row.rectify(), reason=reason, actor=actor, at=at)


@transaction.atomic
def resume(*, listing: int, reason: str, actor: Actor, at: datetime) -> Listing:
    """What had to be put right is. Raises WrongState."""
    return _move(listing, "resume", lambda row: row.resume(), reason=reason, actor=actor, at=at)


@transaction.atomic
def propose_removal(*, listing: int, reason: str, actor: Actor, at: datetime) -> Listing:
    """The place is in question; its certificate says so. Raises WrongState."""
    return _move(listing, "propose_removal", lambda row: row.propose_removal(), reason=reason, actor=actor, at=at)


@transaction.atomic
def suspend(*, listing: int, reason: str, actor: Actor, at: datetime) -> Listing:
    """Off the public list for the time being (JY-22b, HLJ-30b). Raises WrongState."""
    return _move(listing, "suspend", lambda row: row.suspend(), reason=reason, actor=actor, at=at)


@transaction.atomic
def restore(*, listing: int, reason: str, actor: Actor, at: datetime) -> Listing:
    """A dismissed proposal leaves the place as it was. Raises WrongState."""
    return _move(listing, "restore", lambda row: row.restore(), reason=reason, actor=actor, at=at)


@transaction.atomic
def remove(*, listing: int, reason: str, on: date, actor: Actor, at: datetime) -> Listing:
    """Takes the unit off the list from a day on: title ended as removed (the bar of JY-17.3), the case behind it too.

    The printed line is the caller's: it belongs to the document that announces it. Raises WrongState.
    """
    row = _move(listing, "remove", lambda one: one.strike(), reason=reason, actor=actor, at=at)
    book = row.listbook
    organisations.remove_title(
        site=row.site, category=book.category, tier=book.owner.tier, on=on, reason=reason, actor=actor, at=at
    )
    _strike_case(row, reason, actor=actor, at=at)
    return row


@transaction.atomic
def hand_over(*, listing: int, organisation: Organisation, reason: str, actor: Actor, at: datetime) -> Listing:
    """The place belongs to a successor (merger, split); its words are changed by `rename`. Raises WrongState."""
    Listing.objects.select_for_update(of=("self",)).get(pk=listing)
    row = Listing.objects.select_related("site", "organisation", "listbook__owner__area").get(pk=listing)
    if row.state == ListingState.REMOVED:
        raise WrongState(_("%(name)s is not on this list any more.") % {"name": row.name}, code="listing_moved_on")
    was, row.organisation, row.code = row.organisation_id, organisation, organisation.code or ""
    row.save(update_fields=["organisation", "code"])
    data = {"listing": row.pk, "reason": reason, "was": was, "organisation": organisation.pk}
    audit.record(actor=actor, subject=("listing", row.pk), action="listing.hand_over", at=at, data=data)
    return row


def _move(pk: int, what: str, verb: Callable[[Listing], None], *, reason: str, actor: Actor, at: datetime) -> Listing:
    Listing.objects.select_for_update(of=("self",)).get(pk=pk)
    row = Listing.objects.select_related("site", "organisation", "listbook__owner__area").get(pk=pk)
    try:
        verb(row)
    except TransitionNotAllowed as wrong:
        said = _("%(name)s is “%(state)s” on this list; that cannot follow from there.")
        words = said % {"name": row.name, "state": row.get_state_display()}
        raise WrongState(words, code="listing_moved_on") from wrong
    row.since = china_date(at)
    row.save()
    data = {"listing": row.pk, "reason": reason}
    audit.record(actor=actor, subject=("listing", row.pk), action=f"listing.{what}", at=at, data=data)
    return row


def _strike_case(row: Listing, reason: str, *, actor: Actor, at: datetime) -> None:
    case = Application.objects.select_for_update(of=("self",)).filter(pk=row.application_id).first()
    if case is None or case.state != State.LISTED:
        return
    related = ("call__rules", "call__owner__area", "site__area", "desk")
    case = Application.objects.select_related(*related).get(pk=case.pk)
    data = {"listing": row.pk}
    cases.move(case, "strike_off", case.strike_off, actor=actor, at=at, desk=None, opinion=reason, data=data)


@transaction.atomic
def rename(*, listing: int, name: str, area: str, reason: str, actor: Actor, at: datetime) -> Listing:
    """The place under its new words; the old name is found for ever. Raises WrongState once the unit is off the list."""
    Listing.objects.select_for_update(of=("self",)).get(pk=listing)
    row = Listing.objects.select_related("site", "organisation", "listbook__owner__area").get(pk=listing)
    if row.state == ListingState.REMOVED:
        raise WrongState(_("%(name)s is not on this list any more.") % {"name": row.name}, code="listing_moved_on")
    if row.name != name and row.name not in row.former.splitlines():
        row.former = "\n".join([*row.former.splitlines(), row.name])
    was, row.name, row.area_name = row.name, name, area
    row.save(update_fields=["name", "area_name", "former"])
    data = {"listing": row.pk, "reason": reason, "was": was, "name": name}
    audit.record(actor=actor, subject=("listing", row.pk), action="listing.rename", at=at, data=data)
    return row
