"""Page-shaped reads of requests upward."""

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from dynamics.models import UpwardRequest
from dynamics.querysets import UpwardQuerySet
from dynamics.states import OPEN_UPWARD, UpwardKind
from greenlist.accounts import selectors as accounts
from greenlist.core.actors import OFFICIALS, Actor
from greenlist.core.errors import NotVisible

PAGE = 25
COURSE = {
    "drafted": _("Drafted"),
    "handed": _("Handed to the approver"),
    "handed_back": _("Handed back"),
    "sent": _("Signed and sent"),
    "received": _("Received"),
    "refused": _("Not followed"),
    "settled": _("Done"),
    "dropped": _("Given up"),
}


def rows(actor: Actor) -> UpwardQuerySet:
    """Those an actor sees."""
    found: UpwardQuerySet = UpwardRequest.objects.visible_to(actor).select_related(
        "from_authority", "to_authority", "listing__listbook__owner__area", "removal"
    )
    return found


def one(actor: Actor, reference: str) -> UpwardRequest:
    """Raises NotVisible."""
    found = rows(actor).filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def signed(actor: Actor, reference: str) -> UpwardRequest:
    """One that has been sent. Raises NotVisible."""
    found = one(actor, reference)
    if found.frozen is None:
        raise NotVisible
    return found


def page(
    actor: Actor, *, state: str = "", after: int | None = None, size: int = PAGE
) -> tuple[list[UpwardRequest], int | None]:
    """Newest first, a bounded page; `state` empty: those that are open."""
    found = rows(actor).filter(state=state) if state else rows(actor).filter(state__in=OPEN_UPWARD)
    found = found.filter(pk__lt=after) if after else found
    part = list(found.order_by("-pk")[: size + 1])
    return part[:size], part[size - 1].pk if len(part) > size else None


def may_say_done(actor: Actor, row: UpwardRequest, on: date) -> bool:
    """A change that is done changes the upper list: its own authority says so, the lower one only where that has nobody here."""
    if row.kind != UpwardKind.CHANGE or actor.authority_id == row.to_authority_id:
        return True
    return not accounts.people_with(row.to_authority_id, OFFICIALS, on, row.category)


def course(row: UpwardRequest) -> list[dict[str, Any]]:
    """Its course as items of a timeline."""
    return [
        {
            "title": COURSE.get(one.what, one.what),
            "at": one.at,
            "who": one.person,
            "where": one.authority,
            "opinion": one.text,
            "state": "returned" if one.what in ("handed_back", "refused") else "done",
        }
        for one in row.notes.all()
    ]
