"""What is open about a place on a list ends with it, in the same transaction, whatever document ended it."""

from datetime import date, datetime

from django.db import transaction

from dynamics.services import changes, inspections, removals
from greenlist.core.actors import Actor
from registry.models import Listing
from registry.services import listings


@listings.at_end
@transaction.atomic
def end(*, listing: Listing, document: str, on: date, actor: Actor, at: datetime) -> None:
    """Removals fall away, changes with which the place was to end are settled, planned visits are not made."""
    removals.end_open(listing=listing.pk, document=document, on=on, actor=actor, at=at)
    changes.end_open(listing=listing.pk, actor=actor, at=at)
    inspections.close_planned(listing=listing.pk, why=document, actor=actor, at=at)
