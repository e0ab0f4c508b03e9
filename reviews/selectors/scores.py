"""How a panel's scores are counted: by the score rule that its step names; without one, sheets carry no score."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from django.db.models import Q
from django.urls import reverse

from applications import selectors as applications
from greenlist.policy import engine
from greenlist.policy.engine.types import Score, Step
from greenlist.policy.engine.types import Sheet as Counted
from reviews.models import Panel, Sheet

HIGHEST = Decimal(100)  # what a sheet can hold (models.Sheet); a score rule may ask for less


def page_of(panel: Panel) -> str:
    return reverse("reviews:panel", args=[panel.reference])


def step_of(panel: Panel) -> Step:
    return applications.rules_of(panel.call).step(panel.step)


def highest(panel: Panel) -> Decimal:
    """The best possible score."""
    bound = applications.rules_of(panel.call)
    key = bound.step(panel.step).score
    return min(bound.scores[key].max, HIGHEST) if key else HIGHEST


def counting(to: str = "") -> Q:
    """Sheets that count: locked, without a conflict, of somebody who still sits (WF-15)."""
    wanted = {"conflict": "", "seat__recused_at": None, "locked_at__isnull": False}
    return Q(**{f"{to}{name}": value for name, value in wanted.items()})


def counted(panel: Panel, items: Collection[int] | None = None) -> dict[int, list[Sheet]]:
    """Per item the sheets that count; of all items, or of some."""
    found: dict[int, list[Sheet]] = {}
    rows = Sheet.objects.filter(counting(), item__panel=panel)
    rows = rows if items is None else rows.filter(item_id__in=items)
    for sheet in rows.select_related("seat__user").order_by("pk"):
        found.setdefault(sheet.item_id, []).append(sheet)
    return found


def total(panel: Panel, sheets: Sequence[Sheet]) -> Score:
    """The panel's score of one unit, by the score rule that the step names. Raises KeyError where it names none."""
    bound = applications.rules_of(panel.call)
    given = [Counted(str(sheet.seat_id), sheet.score or Decimal(0), sheet.suggests) for sheet in sheets]
    return engine.aggregate(bound, given, bound.step(panel.step).score)
