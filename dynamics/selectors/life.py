"""What each subject knows of one listed unit, for the page where it all meets. What an actor may not see is not asked for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dynamics.models import (
    Change,
    CultivationObject,
    Incident,
    Inspection,
    Rectification,
    Removal,
    UpwardRequest,
    YearlyReport,
)
from dynamics.states import (
    CULTIVATED,
    OPEN_CHANGES,
    OPEN_RECTIFICATIONS,
    OPEN_REMOVALS,
    OPEN_UPWARD,
    OWED,
    ChangeKind,
    IncidentState,
    InspectionState,
    YearlyState,
)
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from registry.models import Listing

MOST = 50  # of each subject: who has more is looked at there


@dataclass(frozen=True)
class Line:
    """One thing that happened to a unit after it was listed, or is open about it."""

    on: date
    what: str
    state: str = ""
    state_label: str = ""
    url: str = ""
    open: bool = False
    note: str = ""


def lines(actor: Actor, listing: Listing) -> list[Line]:
    """Everything this actor may know, newest first; what is open comes before what is over."""
    known = [line for part in PARTS for line in part(actor, listing)]
    return sorted(known, key=lambda line: (line.open, line.on), reverse=True)


def _yearly(actor: Actor, listing: Listing) -> Iterator[Line]:
    rows = YearlyReport.objects.visible_to(actor).filter(site=listing.site_id, category=listing.listbook.category)
    for row in rows.select_related("cycle").order_by("-pk")[:MOST]:
        yield Line(
            on=row.cycle.due_on,
            what=_("Yearly dynamic table %(year)s") % {"year": row.cycle.year},
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:yearly", args=[row.reference]),
            open=row.state in (*OWED, YearlyState.FILED),
            note=row.exempt_clause,
        )


def _rectifications(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in Rectification.objects.visible_to(actor).filter(listing=listing).order_by("-pk")[:MOST]:
        yield Line(
            on=china_date(row.ordered_at),
            what=_("Rectification: %(reason)s") % {"reason": row.reason[:60]},
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:rectification", args=[row.reference]),
            open=row.state in OPEN_RECTIFICATIONS,
            note=row.clause,
        )


def _removals(actor: Actor, listing: Listing) -> Iterator[Line]:
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    for row in Removal.objects.visible_to(actor).filter(listing=listing).order_by("-pk")[:MOST]:
        yield Line(
            on=china_date(row.proposed_at),
            what=_("Removal: %(ground)s") % {"ground": row.label.get(language, row.ground)},
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:removal", args=[row.reference]),
            open=row.state in OPEN_REMOVALS,
            note=row.clause,
        )


def _incidents(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in Incident.objects.visible_to(actor).filter(listings=listing).order_by("-pk")[:MOST]:
        yield Line(
            on=china_date(row.event_at),
            what=_("Alarm: %(kind)s") % {"kind": row.get_kind_display()},
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:incident", args=[row.reference]),
            open=row.state == IncidentState.RAISED,
        )


def _requests(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in UpwardRequest.objects.visible_to(actor).filter(listing=listing).order_by("-pk")[:MOST]:
        yield Line(
            on=china_date(row.created_at),
            what=row.title,
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:request", args=[row.reference]),
            open=row.state in OPEN_UPWARD,
            note=row.clause,
        )


def _changes(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in Change.objects.visible_to(actor).filter(listing=listing).order_by("-pk")[:MOST]:
        kinds = "、".join(str(ChangeKind(kind).label) for kind in row.kinds)
        yield Line(
            on=row.happened_on,
            what=_("Change: %(kinds)s") % {"kinds": kinds},
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:change", args=[row.reference]),
            open=row.state in OPEN_CHANGES,
            note=row.clause,
        )


def _inspections(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in Inspection.objects.visible_to(actor).filter(listing=listing).order_by("-pk")[:MOST]:
        yield Line(
            on=row.visited_on or row.planned_on or china_date(row.created_at),
            what=str(row.get_kind_display()),
            state=row.state,
            state_label=str(row.get_result_display() or row.get_state_display()),
            url=reverse("dynamics:inspection", args=[row.reference]),
            open=row.state == InspectionState.PLANNED,
            note=row.clause,
        )


def _cultivation(actor: Actor, listing: Listing) -> Iterator[Line]:
    for row in CultivationObject.objects.visible_to(actor).filter(site=listing.site_id).order_by("-pk")[:MOST]:
        yield Line(
            on=china_date(row.created_at),
            what=_("In the cultivation library"),
            state=row.state,
            state_label=str(row.get_state_display()),
            url=reverse("dynamics:cultivation-object", args=[row.reference]),
            open=row.state in CULTIVATED,
        )


Part = Callable[[Actor, Listing], Iterable[Line]]
PARTS: tuple[Part, ...] = (
    _yearly,
    _incidents,
    _removals,
    _requests,
    _changes,
    _inspections,
    _rectifications,
    _cultivation,
)
