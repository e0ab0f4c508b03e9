"""Life after listing as programs ask for it: with the visibility of the pages, narrowed by what a query names."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from applications.models import Figure
from applications.selectors.paging import Page, page_of
from dynamics.models import YearlyReport
from dynamics.selectors import boards, cycles
from dynamics.selectors.yearly import TablePage, own_row
from greenlist.accounts.models import Area
from greenlist.core.actors import Actor

NOWHERE = "/nowhere/"


def tables(actor: Actor, given: Mapping[str, Any], today: date) -> Page:
    """Yearly tables one sees, newest first; under the same words as the board finds."""
    rows = YearlyReport.objects.visible_to(actor).select_related(
        "cycle__rules__rule_set", "cycle__owner", "site__area", "desk"
    )
    rows = rows.defer(*cycles.HEAVY_OF_TABLE)
    if given.get("cycle"):
        rows = rows.filter(cycle__reference=given["cycle"])
    if given.get("year"):
        rows = rows.filter(cycle__year=given["year"])
    filters = boards.Filters(
        state=given.get("state", ""),
        area=_path(given.get("place", "")),
        category=given.get("category", ""),
        q=given.get("q", "").strip(),
    )
    page = page_of(boards.narrowed(rows, filters, today), given, size=given["size"])
    return Page(tuple(own_row(row, today) for row in page.rows), page.older, page.is_first)


def _path(place: str) -> str:
    if not place:
        return ""
    return Area.objects.filter(slug=place).values_list("path", flat=True).first() or NOWHERE


def figures(page: TablePage) -> list[Figure]:
    """The numbers of the declared version, each in its base unit."""
    return list(page.version.figures.order_by("key", "-year", "pk")) if page.version else []
