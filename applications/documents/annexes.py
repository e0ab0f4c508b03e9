"""The annexes of a call, empty, for download: report template (PDF, DOCX), summary table (PDF, XLSX). QHD-N4d, QHD-N5."""

import io
from datetime import datetime
from typing import Any

from django.utils import translation
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from applications import selectors
from applications.documents import report
from applications.models import Call
from greenlist.core import attachments, rendering
from greenlist.core.actors import Actor
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob
from greenlist.policy.engine.types import TableSpec

TABLE = "annex-table"
EMPTY_ROWS = 12
MM_PER_CHARACTER = 2.1  # of the sheet's standard type


def annex(call: Call, kind: str, format_: str, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The report's template (PDF, DOCX) or a summary table (PDF), once it is made.

    Raises NotVisible for an annex that this call does not have.
    """
    if kind == "report" and format_ in report.TYPES:
        return report.template_file(call, actor=actor, at=at, format_=format_)
    if format_ != "pdf" or kind not in selectors.rules_of(call).tables:
        raise NotVisible
    subject = report.place_of(call)
    return rendering.ask(kind=TABLE, subject=subject, part=kind, digest=report.blank_digest(call), actor=actor, at=at)


@rendering.maker(TABLE)
def _make_table(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    call = report.at_place(job.subject)
    table = selectors.rules_of(call).tables.get(job.part)
    if table is None or report.blank_digest(call) != job.digest:
        raise report.changed()
    with translation.override("zh-hans"):
        title = words_of(table.title.zh, call)
        blank = {"table": table, "title": title, "foot": words_of(table.foot.zh, call), "rows": range(EMPTY_ROWS)}
        body = render_pdf("applications/print_annex_table.html", blank)
    return attachments.store_bytes(name=f"{title}.pdf", content=body, content_type=report.TYPES["pdf"], at=at)


def title_of(call: Call, kind: str) -> str:
    """What the annex is called, in Chinese as its file is."""
    table = selectors.rules_of(call).tables.get(kind)
    return words_of(table.title.zh, call) if table else report.form_of(call).title.zh


def empty_workbook(call: Call, kind: str) -> tuple[bytes, str]:
    """A summary table to be filled in on the computer, and its name. Raises NotVisible."""
    table = selectors.rules_of(call).tables.get(kind)
    if table is None:
        raise NotVisible
    return workbook(table, call), attachments.safe_name(f"{words_of(table.title.zh, call)}.xlsx")


def words_of(text: str, call: Call) -> str:
    """A text with the year filled in and the other places left to be written by hand."""
    filled = text.replace("{year}", str(call.year)).replace("{owner}", call.owner.name)
    for place in ("county", "city", "area"):
        filled = filled.replace("{" + place + "}", "　　　　　　　　")
    return filled.replace("{day}", "　　　　年　　月　　日")


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
