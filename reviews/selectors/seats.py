"""What an expert sees: the panel's title before the pledge, the own units after it, never anybody else's sheet (R4)."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from applications import selectors as applications
from applications.models import Application
from applications.selectors import screening as reports
from applications.selectors.shown import ShownSection
from applications.states import State
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from reviews.models import Panel, Seat, Sheet
from reviews.selectors import panels, scores


@dataclass(frozen=True, slots=True)
class Unit:
    """One of the expert's units and the own sheet."""

    reference: str
    name: str
    state: str  # todo | part | done | locked | away | gone
    score: Decimal | None
    suggests: bool | None
    comment: str
    version: int
    why_away: str


@dataclass(frozen=True, slots=True)
class SeatPage:
    """Everything a seat page may show; `units` is empty before the pledge."""

    panel: Panel
    seat: Seat
    stage: str  # pledge | declare | score | locked
    units: tuple[Unit, ...]
    done: int
    total: int

    @property
    def can_lock(self) -> bool:
        return self.stage == "score" and self.done == self.total > 0


@dataclass(frozen=True, slots=True)
class ScoringPage:
    panel: Panel
    seat: Seat
    sheet: Sheet
    case: Application
    facts: tuple[tuple[str, str], ...]  # label key, value: nothing personal
    sections: tuple[ShownSection, ...]  # the declared report without contacts
    highest: Decimal
    before: str  # reference of the unit before and after this one, for walking through
    after: str


def mine(actor: Actor) -> list[Seat]:
    """The expert's live seats, the oldest invitation first."""
    return list(Seat.objects.of(actor).select_related("panel__authority").order_by("invited_at", "pk"))


def get(actor: Actor, reference: str) -> SeatPage:
    """Raises NotVisible when the actor has no live seat on an open panel of this reference."""
    seat = (
        Seat.objects.of(actor)
        .select_related("panel__call__rules", "panel__authority", "user")
        .filter(panel__reference=reference)
        .first()
    )
    if seat is None:
        raise NotVisible
    units = tuple(_units(seat)) if seat.pledged_at else ()
    own = [unit for unit in units if unit.state not in ("away", "gone")]
    done = sum(unit.state in ("done", "locked") for unit in own)
    return SeatPage(panel=seat.panel, seat=seat, stage=_stage(seat), units=units, done=done, total=len(own))


def _stage(seat: Seat) -> str:
    if seat.pledged_at is None:
        return "pledge"
    if seat.declared_at is None:
        return "declare"
    return "score" if seat.locked_at is None else "locked"


def _units(seat: Seat) -> list[Unit]:
    rows = seat.sheets.select_related("item__application").order_by(
        "item__application__priority", "item__application_id"
    )
    return [_unit(seat, sheet) for sheet in rows]


def _unit(seat: Seat, sheet: Sheet) -> Unit:
    case = sheet.item.application
    state = _state(seat.panel, sheet)
    why = sheet.conflict_reason or sheet.get_conflict_display() if sheet.conflict else ""
    return Unit(case.reference, case.name, state, sheet.score, sheet.suggests, sheet.comment, sheet.version, why)


def _state(panel: Panel, sheet: Sheet) -> str:
    if sheet.conflict:
        return "away"
    if sheet.item.application.state != State.UNDER_REVIEW:
        return "gone"
    if sheet.locked_at is not None:
        return "locked"
    if panels.is_complete(panel, sheet):
        return "done"
    return "part" if sheet.version else "todo"


def scoring(actor: Actor, reference: str, case: str) -> ScoringPage:
    """The unit's declared report beside the own sheet.

    The case is reached through the expert's grant: no pledge, a conflict or a closed panel all mean NotVisible.
    """
    page = get(actor, reference)
    sheet = page.seat.sheets.select_related("item").filter(item__application__reference=case, conflict="").first()
    found = (
        Application.objects.visible_to(actor)
        .select_related("call__rules", "report", "organisation", "site__area")
        .filter(reference=case, state=State.UNDER_REVIEW)
        .first()
    )
    if sheet is None or found is None or page.stage not in ("score", "locked"):
        raise NotVisible
    open_units = [unit.reference for unit in page.units if unit.state not in ("away", "gone")]
    here = open_units.index(case)
    return ScoringPage(
        panel=page.panel,
        seat=page.seat,
        sheet=sheet,
        case=found,
        facts=_facts(found),
        sections=_report(found),
        highest=scores.highest(page.panel),
        before=open_units[here - 1] if here else "",
        after=open_units[here + 1] if here + 1 < len(open_units) else "",
    )


def _facts(case: Application) -> tuple[tuple[str, str], ...]:
    rows: tuple[tuple[str, Any], ...] = (
        ("name", case.name),
        ("code", case.code),
        ("area", case.site.area.full_name or case.site.area.name),
        ("products", case.organisation.products),
    )
    return tuple((key, str(value)) for key, value in rows if value)


def _report(case: Application) -> tuple[ShownSection, ...]:
    """Without contact fields: what an expert must not see is not in the object handed to the template."""
    version = reports.version_of(case)
    if version is None:
        return ()
    shown = reports.report_as_declared(applications.rules_of(case.call), case, version)
    return tuple(replace(section, fields=tuple(one for one in section.fields if not one.contact)) for section in shown)
