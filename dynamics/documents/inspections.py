"""Inspections as a workbook."""

import io
from collections.abc import Iterable
from datetime import date

from django.utils.translation import gettext as _
from openpyxl import Workbook

from dynamics.models import Inspection
from greenlist.core import workbooks

MOST = 2000  # lines of one workbook


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def workbook(rows: Iterable[Inspection]) -> bytes:
    """One line for each inspection, in the language of the page."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    heads = (_("Unit"), _("List"), _("Kind of the visit"), _("State"), _("Planned for"), _("Visited"))
    for number, head in enumerate((*heads, _("Who came"), _("Result"), _("Findings")), start=1):
        workbooks.put(sheet.cell(1, number), str(head))
    for line, row in enumerate(rows, start=2):
        cells = (
            row.listing.name,
            row.listing.listbook.title,
            str(row.get_kind_display()),
            str(row.get_state_display()),
            _day(row.planned_on),
            _day(row.visited_on),
            row.persons,
            str(row.get_result_display()),
            row.findings,
        )
        for number, text in enumerate(cells, start=1):
            workbooks.put(sheet.cell(line, number), text)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
