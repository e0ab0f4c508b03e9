"""Who supervises panels, what they see, and their notes (HLJ-16b, 一评审四监督)."""

from dataclasses import dataclass
from datetime import date

from greenlist.accounts import selectors as accounts
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotVisible
from reviews.models import Draw, Panel, Remark, Watch
from reviews.selectors import draws, panels
from reviews.selectors.panels import SeatRow, UnitRow
from reviews.states import PanelState


@dataclass(frozen=True, slots=True)
class WatchPage:
    """What a supervisor sees: progress and who sits; scores and comments only once they are locked."""

    watch: Watch
    panel: Panel
    units: tuple[UnitRow, ...]  # of this page
    page: int
    pages: int
    seats: tuple[SeatRow, ...]
    draws: tuple[Draw, ...]
    remarks: tuple[Remark, ...]
    may_remark: bool


def mine(actor: Actor) -> list[Watch]:
    """The supervisor's panels, the newest first."""
    if actor.capacity != Capacity.SUPERVISOR or not actor.user_id:
        return []
    rows = Watch.objects.filter(user_id=actor.user_id, ended_at=None).exclude(panel__state=PanelState.CANCELLED)
    return list(rows.select_related("panel__authority", "panel__call").order_by("-pk"))


def get(actor: Actor, reference: str, *, page: int | None = None) -> WatchPage:
    """Raises NotVisible to everybody who does not watch this panel."""
    if actor.capacity != Capacity.SUPERVISOR:
        raise NotVisible
    panel = panels.visible(actor, reference)
    watch = Watch.objects.get(panel=panel, user_id=actor.user_id, ended_at=None)
    page, pages, part = panels.page_of(panel.items.count(), page)
    return WatchPage(
        watch=watch,
        panel=panel,
        units=tuple(panels.units(panel, part)),
        page=page,
        pages=pages,
        seats=tuple(panels.seats(panel)),
        draws=tuple(draws.of_panel(panel)),
        remarks=tuple(remarks(panel)),
        may_remark=panel.state in (PanelState.PREPARING, PanelState.OPEN, PanelState.CLOSED),
    )


def of_panel(panel: Panel) -> list[Watch]:
    """Those who watch now."""
    return list(panel.watches.filter(ended_at=None).select_related("user").order_by("pk"))


def remarks(panel: Panel) -> list[Remark]:
    """Every note, also of those released since, the first first."""
    return list(Remark.objects.filter(watch__panel=panel).select_related("watch__user").order_by("pk"))


def to_name(panel: Panel, on: date) -> list[tuple[int, str]]:
    """Supervisors of the convening authority who do not watch this panel yet and have no seat on it."""
    taken = set(panel.watches.filter(ended_at=None).values_list("user_id", flat=True))
    taken |= set(panel.seats.values_list("user_id", flat=True))
    return [(user, name) for user, name in accounts.supervisors(panel.authority_id, on) if user not in taken]
