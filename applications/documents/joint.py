"""附件 1 as the province asks for it: one summary table with a section for each list, from the batches of one round (HEB-A1).

Each section comes from the batch of its own call, frozen or not; a list nobody is recommended to keeps its empty section.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from applications import selectors
from applications.documents import batch as papers
from applications.documents import report as reports
from applications.models import Batch
from applications.selectors import batches as reads
from greenlist.core import attachments, audit, clock, rendering, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import render_pdf, response
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Column, TableSpec

JOINT = "joint"
KIND = "batch-joint"
EMPTY = "（无）"


@dataclass(frozen=True, slots=True)
class Part:
    """One section: its heading, its columns, its rows."""

    number: int
    table: TableSpec
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.table.columns

    @property
    def cells(self) -> list[list[dict[str, str]]]:
        """The rows with the alignment of each column."""
        return [
            [{"text": text, "align": one.align} for text, one in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Joint:
    """The whole paper, in Chinese."""

    sheet: papers.Sheet  # of the batch it was asked for: title and foot
    parts: tuple[Part, ...]
    is_draft: bool  # some batch of it is not signed yet
    digest: str

    @property
    def column_rules(self) -> SafeString:
        """The column widths of the rule set as a style sheet: a template may carry no inline style."""
        rules = [
            f".part-{part.number} col:nth-child({n}){{width:{column.width}mm}}"
            for part in self.parts
            for n, column in enumerate(part.columns, start=1)
            if column.width
        ]
        return format_html("<style>{}</style>", mark_safe("".join(rules)))  # noqa: S308  # nosec B308 B703: numbers


def joint_of(batch: Batch, actor: Actor) -> Joint:
    """The sections in the order of the rule set, each from the batches that this actor sees. Expects a joint table."""
    with translation.override("zh-hans"):
        bound = selectors.rules_of(batch.call)
        sheets = [papers.sheet_of(one) for one in reads.siblings(actor, batch)]
        own = next(sheet for sheet in sheets if sheet.batch.pk == batch.pk)
        parts = []
        for number, category in enumerate(bound.policy.categories, start=1):
            here = [sheet for sheet in sheets if sheet.batch.call.category == category]
            table = here[0].table if here else reads.table_of(policy.standing(batch.call.rules, category))
            if table is not None:
                parts.append(Part(number, table, tuple(_rows(here, table))))
        is_draft = any(sheet.is_draft for sheet in sheets)
        rows = [[part.table.section.zh, [list(row) for row in part.rows]] for part in parts]
        said: dict[str, Any] = {"title": own.table_title, "foot": own.foot, "rows": rows, "draft": is_draft}
        return Joint(own, tuple(parts), is_draft, audit.digest_of(said))


def _rows(sheets: Sequence[papers.Sheet], table: TableSpec) -> list[tuple[str, ...]]:
    """The units that still stand, numbered through where an authority sent more than one batch."""
    found: list[tuple[str, ...]] = []
    for sheet in sheets:
        gone = {item.application.reference for item in sheet.items if item.returned_at}
        units = zip(sheet.frozen["units"], sheet.rows, strict=True)
        for row in (row for unit, row in units if unit["case"] not in gone):
            number = str(len(found) + 1)
            found.append(
                tuple(
                    number if column.source == "position" else text
                    for column, text in zip(table.columns, row, strict=True)
                )
            )
    return found


# ---- asked for by pages; the caller has checked who asks ----------------------------------------------------------------
def paper_file(batch: Batch, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The PDF of what the batches hold now, once it is made; another content is another paper."""
    digest = joint_of(batch, actor).digest
    return rendering.ask(kind=KIND, subject=batch.reference, part=JOINT, digest=digest, actor=actor, at=at)


def workbook_response(batch: Batch, *, actor: Actor) -> HttpResponseBase:
    """The same as XLSX: cheap, so it is made at once."""
    body = workbook(joint_of(batch, actor))
    return response(body, papers.name_of(batch, JOINT, "xlsx"), papers.TYPES["xlsx"])


@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    batch = reads.get(actor, job.subject)
    found = joint_of(batch, actor)
    if found.digest != job.digest:
        raise reports.changed()
    body = render(found, tick)
    name = papers.name_of(batch, JOINT, "pdf")
    return attachments.store_bytes(name=name, content=body, content_type=papers.TYPES["pdf"], at=at)


def render(found: Joint, tick: rendering.Tick | None = None) -> bytes:
    """Raises PdfUnavailable, PdfFailed."""
    with translation.override("zh-hans"):
        context = {"joint": found, "sheet": found.sheet, "empty": EMPTY}
        return render_pdf("applications/print_batch_joint.html", context, tick=tick)


# ---- as a workbook --------------------------------------------------------------------------------------------------
def workbook(found: Joint) -> bytes:
    """One sheet, A4 across: title, the sections one below the other, the foot; every cell text."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "汇总表"
    width = max(len(part.columns) for part in found.parts)
    line = _across(page, 1, found.sheet.table_title, width, Font(size=16, bold=True))
    for part in found.parts:
        line = _part(page, line + 1, part)
    for text in found.sheet.foot_lines:
        line = _across(page, line, text, width, Font(), "right")
    for index, column in enumerate(found.parts[0].columns, start=1):
        page.column_dimensions[get_column_letter(index)].width = (column.width or 40) / papers.MM_PER_CHARACTER
    _set_up(page)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _set_up(page: Any) -> None:
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.oddFooter.center.text = "第 &P 页 / 共 &N 页"


def _across(page: Any, line: int, text: str, width: int, font: Font, align: str = "center") -> int:
    """A text over the whole width; the next free line."""
    cell = page.cell(row=line, column=1)
    workbooks.put(cell, text)
    cell.font, cell.alignment = font, Alignment(horizontal=align, vertical="center")
    page.merge_cells(start_row=line, start_column=1, end_row=line, end_column=width)
    return line + 1


def _part(page: Any, line: int, part: Part) -> int:
    line = _across(page, line, part.table.section.zh, len(part.columns), Font(size=13, bold=True))
    thin = Side(style="thin")
    heads = tuple(column.label.zh for column in part.columns)
    for row in (heads, *(part.rows or ((EMPTY, *[""] * (len(heads) - 1)),))):
        for index, (column, text) in enumerate(zip(part.columns, row, strict=True), start=1):
            cell = page.cell(row=line, column=index)
            workbooks.put(cell, text)
            cell.border = Border(left=thin, right=thin, top=thin, bottom=thin)
            centred = row is heads or column.align == "center"
            cell.alignment = Alignment(
                horizontal="center" if centred else column.align, vertical="center", wrap_text=True
            )
            cell.font = Font(bold=row is heads)
        line += 1
    return line
