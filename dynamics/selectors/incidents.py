"""Page-shaped reads of alarms."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from dynamics.models import Incident, IncidentNote, IncidentTold, Removal
from dynamics.querysets import IncidentQuerySet
from dynamics.states import IncidentState
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Clause
from registry.models import Listing
from registry.states import ListingState

PAGE = 25


def rows(actor: Actor) -> IncidentQuerySet:
    """Those an actor sees."""
    found: IncidentQuerySet = Incident.objects.visible_to(actor).select_related("raised_from", "organisation")
    return found


def one(actor: Actor, reference: str) -> Incident:
    """Raises NotVisible."""
    found = rows(actor).select_related("rules", "record", "file", "raised_by").filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def page(
    actor: Actor, *, state: str = "", after: int | None = None, size: int = PAGE
) -> tuple[list[Incident], int | None]:
    """Newest first, a bounded page; `state` empty: those that are open."""
    found = rows(actor).filter(state=state or IncidentState.RAISED)
    found = found.filter(pk__lt=after) if after else found
    part = list(found.prefetch_related("told__authority").order_by("-pk")[: size + 1])
    return part[:size], part[size - 1].pk if len(part) > size else None


def unseen(actor: Actor) -> QuerySet[Incident]:
    """Open alarms that the actor's office has not confirmed yet."""
    mine = IncidentTold.objects.filter(incident=OuterRef("pk"), authority_id=actor.authority_id, seen_at=None)
    return rows(actor).filter(Exists(mine), state=IncidentState.RAISED).order_by("pk")


def told_to(actor: Actor, incident: Incident) -> IncidentTold | None:
    """Whether the actor's office had to be told."""
    return incident.told.filter(authority_id=actor.authority_id).first() if actor.authority_id else None


def hours_taken(incident: Incident) -> int:
    """Whole hours between the event and the alarm; a started one counts once it is over."""
    return int((incident.raised_at - incident.event_at).total_seconds() // 3600)


def is_late(incident: Incident) -> bool:
    """Told after the hours of the rules were over."""
    return incident.hours is not None and incident.raised_at > due_at(incident)


def due_at(incident: Incident) -> datetime:
    return incident.event_at + timedelta(hours=incident.hours or 0)


def clause_of(incident: Incident) -> Clause | None:
    category = incident.categories.split(",")[0]
    return policy.standing(incident.rules, category).clause(incident.clause)


def file_of(incident: Incident, pk: int | None = None) -> Blob:
    """The source file, or that of a note. Raises NotVisible."""
    if pk is None:
        blob = incident.file
    else:
        note = IncidentNote.objects.filter(incident=incident, pk=pk).select_related("file").first()
        blob = note.file if note else None
    if blob is None:
        raise NotVisible
    return blob


def places(actor: Actor, words: str = "") -> QuerySet[Listing]:
    """Listed units of an official's area that an alarm may be about."""
    found = (
        Listing.objects.under(actor.area_path).exclude(state=ListingState.REMOVED)
        if actor.area_path
        else Listing.objects.none()
    )
    found = found.filter(listbook__category=actor.list_kind) if actor.list_kind else found
    found = found.found_by(words) if words else found
    return found.select_related("listbook__owner__area").order_by("name", "pk")[:PAGE]


COURSE = {
    "raised": _("Raised"),
    "seen": _("Confirmed as seen"),
    "followed": _("News"),
    "closed": _("Closed"),
}


def course(incident: Incident) -> list[dict[str, Any]]:
    """What followed, as items of a timeline."""
    return [
        {
            "title": COURSE.get(one.what, one.what),
            "at": one.at,
            "who": one.person,
            "where": one.authority,
            "opinion": one.text,
            "documents": [{"name": one.file.name, "url": f"files/{one.pk}/"}] if one.file else [],
        }
        for one in incident.notes.select_related("file")
    ]


def removals_of(actor: Actor, incident: Incident) -> QuerySet[Removal]:
    """Proposals that rest on the same event, as far as the actor sees them."""
    rows = Removal.objects.visible_to(actor).filter(subject_kind="adverse", subject_id=incident.record_id or 0)
    return rows.select_related("listing__listbook").order_by("pk")[:PAGE]
