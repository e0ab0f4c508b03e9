"""What an expert sees: the panel's title before the pledge, the own units after it, never anybody else's sheet (R4)."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from applications import selectors as applications
from applications.models import Application
from applications.selectors import screening as reports
from applications.selectors.shown import ShownSection
from applications.states import State
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from reviews.models import Panel, Seat, Sheet, ShownFile
from reviews.selectors import blind, draws, panels, scores, tree
from reviews.selectors.tree import Tree


@dataclass(frozen=True, slots=True)
class Unit:
    """One of the expert's units and the own sheet. On a blind panel reference and name say nothing of the unit."""

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
    drawn_from: int  # how many stood in the pool when the members were drawn; 0: they were chosen
    left_out: int  # of them could not be drawn

    @property
    def can_lock(self) -> bool:
        return self.stage == "score" and self.done == self.total > 0


@dataclass(frozen=True, slots=True)
class ScoringPage:
    panel: Panel
    seat: Seat
    sheet: Sheet
    name: str
    key: str  # of the unit, in addresses
    case: Application | None  # None on a blind panel
    facts: tuple[tuple[str, str], ...]  # label key, value: nothing personal
    sections: tuple[ShownSection, ...]  # the declared report without contacts
    files: tuple[ShownFile, ...]  # of a blind panel: what may be seen
    tree: Tree | None  # where the unit is scored row by row
    highest: Decimal
    before: str  # reference of the unit before and after this one, for walking through
    after: str


def mine(actor: Actor) -> list[Seat]:
    """The expert's live seats, the oldest invitation first."""
    return list(Seat.objects.of(actor).select_related("panel__authority").order_by("invited_at", "pk"))


def is_over(actor: Actor, reference: str) -> bool:
    """The expert sat here once and does not any more: a link in an old message leads to it."""
    return Seat.objects.ended(actor).filter(panel__reference=reference).exists()


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
    drawn_from, left_out = draws.counts(seat)
    return SeatPage(
        panel=seat.panel,
        seat=seat,
        stage=_stage(seat),
        units=units,
        done=done,
        total=len(own),
        drawn_from=drawn_from,
        left_out=left_out,
    )


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
    if not seat.panel.blind:
        return [_unit(seat, sheet) for sheet in rows]
    known = blind.numbers(seat.panel)
    # Which unit an expert keeps away from would say whose it is: such units are not shown at all.
    own = sorted((sheet for sheet in rows if not sheet.conflict), key=lambda sheet: known[sheet.item_id])
    return [_unit(seat, sheet, known[sheet.item_id]) for sheet in own]


def _unit(seat: Seat, sheet: Sheet, number: int | None = None) -> Unit:
    case = sheet.item.application
    state = _state(seat.panel, sheet)
    why = sheet.conflict_reason or sheet.get_conflict_display() if sheet.conflict else ""
    key, name = (case.reference, case.name) if number is None else (sheet.item.alias, blind_name(number))
    return Unit(key, name, state, sheet.score, sheet.suggests, sheet.comment, sheet.version, why)


def blind_name(number: int) -> str:
    return _("Unit %(n)s") % {"n": f"{number:02}"}


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
    sheet, found = _sheet_and_case(actor, page, case)
    if page.stage not in ("score", "locked"):
        raise NotVisible
    open_units = [unit for unit in page.units if unit.state not in ("away", "gone")]
    here = [unit.reference for unit in open_units].index(case)
    panel = page.panel
    shown = _report(found)
    return ScoringPage(
        panel=panel,
        seat=page.seat,
        sheet=sheet,
        name=open_units[here].name,
        key=case,
        case=None if panel.blind else found,
        facts=() if panel.blind else _facts(found),
        sections=blind.sections(panel, found, shown) if panel.blind else shown,
        files=tuple(blind.files(panel, found)) if panel.blind else (),
        tree=tree.of(found) if panel.scored else None,
        highest=scores.highest(panel),
        before=open_units[here - 1].reference if here else "",
        after=open_units[here + 1].reference if here + 1 < len(open_units) else "",
    )


def _sheet_and_case(actor: Actor, page: SeatPage, key: str) -> tuple[Sheet, Application]:
    """Through the expert's grant; on a blind panel, which gives none, through the sheet itself. Raises NotVisible."""
    rows = page.seat.sheets.select_related("item").filter(conflict="")
    rows = rows.filter(item__alias=key) if page.panel.blind else rows.filter(item__application__reference=key)
    sheet = rows.first()
    if sheet is None:
        raise NotVisible
    seen = Application.objects.all() if page.panel.blind else Application.objects.visible_to(actor)
    found = (
        seen.select_related("call__rules", "report", "organisation", "site__area")
        .filter(pk=sheet.item.application_id, state=State.UNDER_REVIEW)
        .first()
    )
    if found is None:
        raise NotVisible
    return sheet, found


def file_of(actor: Actor, reference: str, case: str, alias: str) -> ShownFile:
    """A file that a blind panel may see. Raises NotVisible."""
    found = next((one for one in scoring(actor, reference, case).files if one.alias == alias), None)
    if found is None:
        raise NotVisible
    return found


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
