"""Changes as a workbook: what is bundled upward with the yearly recommendation (JY-21, HLJ-31)."""

import io
from collections.abc import Iterable

from django.utils.translation import gettext as _
from openpyxl import Workbook

from dynamics.models import Change
from greenlist.core import workbooks

MOST = 2000  # lines of one workbook


def workbook(rows: Iterable[Change]) -> bytes:
    """One line for each thing that changed, in the language of the page."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    heads = (
        _("Unit"),
        _("Credit code"),
        _("List"),
        _("What"),
        _("Before"),
        _("From now on"),
        _("Day of the formalities"),
    )
    tail = (_("Opinion"), _("Verified by"), _("State"))
    for number, head in enumerate((*heads, *tail), start=1):
        workbooks.put(sheet.cell(1, number), str(head))
    line = 1
    for row in rows:
        for what, before, after in row.lines:
            line += 1
            cells = (
                *(row.listing.name, row.listing.code, row.listing.listbook.title, what, before, after),
                *(row.happened_on.isoformat(), row.opinion, row.verifier.name, str(row.get_state_display())),
            )
            for number, text in enumerate(cells, start=1):
                workbooks.put(sheet.cell(line, number), text)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
