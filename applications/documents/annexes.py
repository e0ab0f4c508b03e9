"""The annexes of a call, empty, for download: report template (PDF) and summary table (PDF, XLSX). QHD-N4d, QHD-N5."""

import io
from typing import Any

from django.utils import translation
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from applications import selectors
from applications.documents import report
from applications.models import Call
from greenlist.core import attachments
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.policy.engine.types import TableSpec

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EMPTY_ROWS = 12
MM_PER_CHARACTER = 2.1  # of the sheet's standard type


def annex(call: Call, kind: str, format_: str) -> tuple[bytes, str, str]:
    """Content, file name, content type. Raises NotVisible for an annex that this call does not have."""
    if (kind, format_) == ("report", "pdf"):
        return report.template_pdf(call), report.template_name(call), report.PDF
    table = selectors.rules_of(call).tables.get(kind)
    if table is None or format_ not in ("pdf", "xlsx"):
        raise NotVisible
    title = words_of(table.title.zh, call)
    name = attachments.safe_name(f"{title}.{format_}")
    if format_ == "xlsx":
        return workbook(table, call), name, XLSX
    with translation.override("zh-hans"):
        blank = {"table": table, "title": title, "foot": words_of(table.foot.zh, call), "rows": range(EMPTY_ROWS)}
        return render_pdf("applications/print_annex_table.html", blank), name, report.PDF


def words_of(text: str, call: Call) -> str:
    """A text with the year filled in and the other places left to be written by hand."""
    filled = text.replace("{year}", str(call.year)).replace("{owner}", call.owner.name)
    return filled.replace("{day}", "　　　　年　　月　　日").replace("{county}", "　　　　　　　　")


def workbook(table: TableSpec, call: Call) -> bytes:
    """The empty table, A4 across, with its head frozen and repeated."""
    book = Workbook()
    page: Any = book.active
    page.title = table.key
    page.append([words_of(table.title.zh, call)])
    page.append([column.label.zh for column in table.columns])
    last = len(table.columns)
    page.merge_cells(start_row=1, start_column=1, end_row=1, end_column=last)
    page["A1"].font, page["A1"].alignment = Font(size=16, bold=True), Alignment(horizontal="center", vertical="center")
    page.row_dimensions[1].height = 30
    thin = Side(style="thin")
    box = Border(left=thin, right=thin, top=thin, bottom=thin)
    for index, column in enumerate(table.columns, start=1):
        page.column_dimensions[get_column_letter(index)].width = (column.width or 30) / MM_PER_CHARACTER
        for row in range(2, EMPTY_ROWS + 3):
            cell = page.cell(row=row, column=index)
            cell.border, cell.number_format = box, "@"
            cell.alignment = Alignment(horizontal="center" if row == 2 else column.align, wrap_text=True)
        page.cell(row=2, column=index).font = Font(bold=True)
    page.cell(row=EMPTY_ROWS + 3, column=1).value = words_of(table.foot.zh, call)
    page.freeze_panes, page.print_title_rows = "A3", "2:2"
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
