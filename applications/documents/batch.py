"""The papers of a recommendation batch: letter, summary table, check page, and all of it in one package.

Drafts are rendered for looking only; a signed batch's papers are rendered once from its frozen content and kept. Pages ask
(`*_file`), the worker makes (`core.rendering`).
"""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.http.response import HttpResponseBase
from django.utils import formats, translation
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from applications import selectors
from applications.documents import report as reports
from applications.models import Application, Batch, BatchItem, Document
from applications.selectors import batches as reads
from applications.selectors import screening
from greenlist.core import archives, attachments, audit, clock, rendering, signatures, workbooks
from greenlist.core.actors import Actor
from greenlist.core.documents import PdfFailed, render_pdf, response, title_lines
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine.types import BoundPolicy, Finding, TableSpec
from greenlist.policy.words import sentence

log = logging.getLogger(__name__)
STAMPED = ("letter", "summary")  # what the approver's visible signature goes on, where a certificate is set
SIGNED, DRAFT, PACKAGE = "batch", "batch-draft", "package"
TYPES = {
    "pdf": "application/pdf",
    "xlsx": workbooks.XLSX,
    "zip": "application/zip",
}
TEMPLATES = {
    "letter": "applications/print_batch_letter.html",
    "summary": "applications/print_batch_summary.html",
    "check": "applications/print_batch_check.html",
    "transmittal": "applications/print_batch_transmittal.html",
}
MM_PER_CHARACTER = 2.1  # of the sheet's standard type


@dataclass(frozen=True)
class Sheet:
    """What the templates and the workbook print, in Chinese."""

    batch: Batch
    frozen: Mapping[str, Any]
    bound: BoundPolicy
    items: Sequence[BatchItem]
    table: TableSpec | None
    is_draft: bool

    @property
    def rows(self) -> list[tuple[str, ...]]:
        cases = {item.application.reference: item.application for item in self.items}
        return [reads.cells_of(unit, self.table, cases[unit["case"]]) for unit in self.frozen["units"]]

    @property
    def title_lines(self) -> tuple[str, ...]:
        """The letter's title in one or two lines that end where a reader would pause."""
        return title_lines(self.frozen["letter"]["title"])

    @property
    def column_rules(self) -> SafeString:
        """The column widths of the rule set as a style sheet: a template may carry no inline style."""
        columns = self.table.columns if self.table else ()
        rules = [f"col:nth-child({n}){{width:{one.width}mm}}" for n, one in enumerate(columns, start=1) if one.width]
        return format_html("<style>{}</style>", mark_safe("".join(rules)))  # noqa: S308  # nosec B308 B703: numbers

    @property
    def cells(self) -> list[list[dict[str, str]]]:
        """The rows with the alignment of each column, as the template prints them."""
        aligns = [column.align for column in self.table.columns] if self.table else []
        return [[{"text": text, "align": align} for text, align in zip(row, aligns, strict=True)] for row in self.rows]

    @property
    def day(self) -> str:
        """The day of the signature; open while it is a draft."""
        if not self.batch.signed_at:
            return "　　　　年　　月　　日"
        return formats.date_format(clock.china_date(self.batch.signed_at), _("j F Y"))

    def words(self, text: str) -> str:
        """A text of the rule set with the places that the day of printing fills."""
        filled = reads.fill(text, self.batch, self.bound, [unit["name"] for unit in self.frozen["units"]])
        return filled.replace("{day}", self.day).replace("{recommended_on}", self.day)

    @property
    def table_title(self) -> str:
        return self.words(self.table.title.zh) if self.table else ""

    @property
    def foot(self) -> str:
        return self.words(self.table.foot.zh) if self.table else ""

    @property
    def foot_lines(self) -> list[str]:
        """Who recommends, the place of the seal, the day: each on a line of its own where the rule set says so."""
        return self.foot.splitlines()

    @property
    def letter_lines(self) -> list[str]:
        return [line.strip() for line in self.words(self.frozen["letter"]["text"]).splitlines() if line.strip()]

    @property
    def annexes(self) -> list[str]:
        """What goes with the letter, as its foot lists it."""
        package = self.frozen["package"]
        there = [self.table_title] if "summary" in package["documents"] and self.table else []
        if "report" in package["documents"]:
            there.append(_("Self-evaluation reports (%(n)s)") % {"n": len(self.frozen["units"])})
        return there

    @property
    def enclosed(self) -> list[dict[str, Any]]:
        """What the transmittal lists: each paper, how many, and how many of them on paper."""
        package, units = self.frozen["package"], len(self.frozen["units"])
        copies = package["paper_copies"]
        letter = self.frozen["letter"]
        found: list[dict[str, Any]] = [{"name": letter["title"], "note": letter["number"], "n": 1, "paper": 1}]
        if "summary" in package["documents"] and self.table:
            found.append({"name": self.table_title, "note": "", "n": 1, "paper": 1})
        if "report" in package["documents"]:
            found.append({"name": _("Self-evaluation reports"), "note": "", "n": units, "paper": units * copies})
        return found

    @property
    def quotas(self) -> tuple[reads.QuotaShown, ...]:
        return reads.quotas_shown(self.frozen, self.bound)

    @property
    def order(self) -> reads.OrderShown | None:
        return reads.order_shown(self.frozen, self.bound)

    @property
    def checked(self) -> list[dict[str, Any]]:
        """The check page, unit by unit: every point with its answer and article, what the engine noted, who signed."""
        return [self._checked(unit) for unit in self.frozen["units"]]

    def _checked(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        answers = {"yes": _("yes"), "no": _("no"), "fix": _("to be corrected")}
        texts = {point.key: point.text.zh for listed in self.bound.checklists.values() for point in listed.items}
        signed_at = unit["review"]["signed_at"]
        return {
            "unit": unit,
            "verdicts": [
                {
                    "text": texts.get(one["key"], one["key"]),
                    "article": screening.article(self.bound, one["clause"]),
                    "answer": answers[one["answer"]],
                    "remark": one["remark"],
                }
                for one in unit["verdicts"]
            ],
            "findings": [
                {"text": sentence(finding), "article": screening.article(self.bound, finding.clause)}
                for finding in map(Finding.from_json, unit["findings"])
            ],
            "signed_at": datetime.fromisoformat(signed_at) if signed_at else None,
        }


def sheet_of(batch: Batch) -> Sheet:
    bound = selectors.rules_of(batch.call)
    items = reads.items_of(batch)
    frozen = batch.frozen or reads.content(batch, bound, items)
    return Sheet(batch, frozen, bound, items, reads.table_of(bound), is_draft=batch.frozen is None)


# ---- one paper ------------------------------------------------------------------------------------------------------
def name_of(batch: Batch, kind: str, format_: str) -> str:
    """The download name: sender, kind, batch."""
    with translation.override("zh-hans"):
        kinds = {
            "letter": _("Recommendation document"),
            "summary": _("Summary table"),
            "joint": _("Summary table of all lists"),
            "check": _("Check page"),
            "transmittal": _("Transmittal"),
            "package": _("Recommendation package"),
        }
        return attachments.safe_name(f"{batch.sender.name}-{kinds[kind]}.{format_}")


def render(sheet: Sheet, kind: str, format_: str, tick: rendering.Tick | None = None) -> bytes:
    """The bytes of one paper. Raises PdfUnavailable, PdfFailed, NotVisible for a paper this rule set does not have."""
    if kind == "summary" and sheet.table is None:
        raise NotVisible
    with translation.override("zh-hans"):
        if format_ == "xlsx":
            return workbook(sheet)
        return render_pdf(TEMPLATES[kind], {"sheet": sheet, "batch": sheet.batch, "frozen": sheet.frozen}, tick=tick)


# ---- asked for by pages; the caller has checked who asks ----------------------------------------------------------------
def paper_file(batch: Batch, kind: str, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """One PDF of the batch, once it is made: of a signed one kept with its checksum, of a draft for some days."""
    if batch.frozen is None:
        digest = audit.digest_of(sheet_of(batch).frozen)
        return rendering.ask(kind=DRAFT, subject=batch.reference, part=kind, digest=digest, actor=actor, at=at)
    found = _found(batch, kind, "pdf")
    if found is not None:
        return found.blob
    return rendering.ask(kind=SIGNED, subject=batch.reference, part=kind, digest=batch.digest, actor=actor, at=at)


def workbook_response(batch: Batch, *, at: datetime) -> HttpResponseBase:
    """The summary table as XLSX: cheap, so it is made at once; of a signed batch it is kept."""
    if batch.frozen is None:
        sheet = sheet_of(batch)
        return response(render(sheet, "summary", "xlsx"), name_of(batch, "summary", "xlsx"), TYPES["xlsx"])
    return attachments.response(kept(batch, "summary", "xlsx", at=at).blob)


def package_file(batch: Batch, *, actor: Actor, at: datetime) -> tuple[str, Iterator[bytes]] | RenderJob:
    """Name and bytes of the package if all its papers are made, else the job that makes them."""
    papers = _papers(sheet_of(batch))
    made = _made(batch, papers)
    if all(paper.key in made for paper in papers):
        return name_of(batch, PACKAGE, "zip"), archives.zipped([(paper.name, made[paper.key]) for paper in papers])
    job = rendering.ask(kind=SIGNED, subject=batch.reference, part=PACKAGE, digest=batch.digest, actor=actor, at=at)
    assert isinstance(job, RenderJob)  # a package leaves no blob of its own
    return job


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker(SIGNED)
def _make_signed(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    batch = _asked_batch(job, at)
    if batch.frozen is None or batch.digest != job.digest:
        raise reports.changed()
    if job.part == PACKAGE:
        make_package(batch, at=at, tick=tick)
    else:
        kept(batch, job.part, "pdf", at=at, tick=tick)


@rendering.maker(DRAFT)
def _make_draft(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    batch = _asked_batch(job, at)
    sheet = sheet_of(batch)
    if batch.frozen is not None or audit.digest_of(sheet.frozen) != job.digest:
        raise reports.changed()
    body = render(sheet, job.part, "pdf", tick)
    name = name_of(batch, job.part, "pdf")
    return attachments.store_bytes(name=name, content=body, content_type=TYPES["pdf"], at=at)


def _asked_batch(job: RenderJob, at: datetime) -> Batch:
    """The batch, while whoever asked may still see it and this paper of it. Raises NotVisible."""
    batch = reads.get(organisations.acting(job.user_id, job.capacity, clock.china_date(at)), job.subject)
    if job.part not in {kind for kind, _format in reads.papers_of(batch)}:
        raise NotVisible
    return batch


def kept(
    batch: Batch,
    kind: str,
    format_: str,
    *,
    at: datetime,
    sheet: Sheet | None = None,
    tick: rendering.Tick | None = None,
) -> Document:
    """The stored paper of a signed batch, rendered at its first use; two at once end with one row."""
    found = _found(batch, kind, format_)
    if found is not None:
        return found
    body = render(sheet or sheet_of(batch), kind, format_, tick)
    if format_ == "pdf" and kind in STAMPED and signatures.is_ready():
        body = _stamped(batch, body)
    name = name_of(batch, kind, format_)
    blob = attachments.store_bytes(name=name, content=body, content_type=TYPES[format_], at=at)
    try:
        with transaction.atomic():
            return Document.objects.create(
                batch=batch, kind=kind, format=format_, data_digest=batch.digest, blob=blob, created_at=at
            )
    except IntegrityError:
        found = _found(batch, kind, format_)
        assert found is not None
        return found


def _stamped(batch: Batch, body: bytes) -> bytes:
    """With the visible signature of who approved the batch; its digest goes along. Raises PdfFailed."""
    assert batch.signed_at is not None and batch.signed_by is not None
    words = signatures.Words(batch.sender.name, batch.signed_by.name, batch.signed_at, f"SHA-256 {batch.digest}")
    try:
        return signatures.signed(body, words)
    except (OSError, ValueError) as wrong:
        log.error("the batch %s cannot be signed: %s", batch.reference, wrong)
        raise PdfFailed(_("The certificate for signatures cannot be used. Tell the administrator.")) from wrong


def signature_of(batch: Batch, kind: str) -> tuple[Blob, signatures.Said] | None:
    """The kept paper and what the signature in it says; None where it is not made yet or bears none."""
    found = _found(batch, kind, "pdf")
    if found is None or not signatures.can_read():
        return None
    with attachments.opened(found.blob) as file:
        said = signatures.said(file.read())
    return (found.blob, said) if said else None


def _found(batch: Batch, kind: str, format_: str) -> Document | None:
    rows = Document.objects.filter(batch=batch, kind=kind, format=format_, data_digest=batch.digest)
    return rows.select_related("blob").first()


# ---- the summary table as a workbook --------------------------------------------------------------------------------
def workbook(sheet: Sheet) -> bytes:
    """推荐汇总表 as XLSX: A4 across, head frozen and repeated, every cell text."""
    assert sheet.table is not None
    columns = sheet.table.columns
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "汇总表"
    _title(page, sheet, len(columns))
    thin = Side(style="thin")
    box = Border(left=thin, right=thin, top=thin, bottom=thin)
    first = 2
    if sheet.table.section:
        workbooks.put(page.cell(row=first, column=1), sheet.table.section.zh)
        page.cell(row=first, column=1).font = Font(size=13, bold=True)
        page.merge_cells(start_row=first, start_column=1, end_row=first, end_column=len(columns))
        first += 1
    for index, column in enumerate(columns, start=1):
        head = page.cell(row=first, column=index)
        workbooks.put(head, column.label.zh)
        head.font, head.border = Font(bold=True), box
        head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        page.column_dimensions[get_column_letter(index)].width = (column.width or 30) / MM_PER_CHARACTER
    for number, row in enumerate(sheet.rows, start=first + 1):
        for index, (column, value) in enumerate(zip(columns, row, strict=True), start=1):
            cell = page.cell(row=number, column=index)
            workbooks.put(cell, value)
            cell.border = box
            cell.alignment = Alignment(horizontal=column.align, vertical="center", wrap_text=True)
    last = len(sheet.rows) + first + 1
    workbooks.put(page.cell(row=last, column=1), sheet.foot)
    page.merge_cells(start_row=last, start_column=1, end_row=last, end_column=len(columns))
    _set_up(page, first)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _title(page: Any, sheet: Sheet, width: int) -> None:
    title = page.cell(row=1, column=1)
    workbooks.put(title, sheet.table_title)
    title.font = Font(size=16, bold=True)
    title.alignment = Alignment(horizontal="center", vertical="center")
    page.merge_cells(start_row=1, start_column=1, end_row=1, end_column=width)
    page.row_dimensions[1].height = 30


def _set_up(page: Any, head: int) -> None:
    page.freeze_panes = f"A{head + 1}"
    page.print_title_rows = f"{head}:{head}"
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.oddFooter.center.text = "第 &P 页 / 共 &N 页"


# ---- the package ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Paper:
    """One file of the package: a paper of the batch itself, or the report of one of its cases."""

    name: str
    kind: str
    format: str
    digest: str
    case: Application | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        return self.case.pk if self.case else None, self.kind, self.format, self.digest


def make_package(batch: Batch, *, at: datetime, tick: rendering.Tick) -> None:
    """Makes the papers that are missing, one after the other; whatever was made stays made."""
    sheet = sheet_of(batch)
    papers = _papers(sheet)
    there = _made(batch, papers)
    for number, paper in enumerate(papers):
        tick(number, len(papers))
        if paper.key in there:
            continue
        if paper.case is None:
            kept(batch, paper.kind, paper.format, at=at, sheet=sheet, tick=_alive(tick, number, len(papers)))
        else:
            reports.kept(paper.case, paper.digest, at=at)
    tick(len(papers), len(papers))


def _alive(tick: rendering.Tick, done: int, total: int) -> rendering.Tick:
    """The parts of one paper are signs of life; papers are what is counted."""
    return lambda _part, _parts: tick(done, total)


def _made(batch: Batch, papers: Sequence[_Paper]) -> dict[tuple[Any, ...], Blob]:
    """The papers that exist, by their keys; two queries."""
    rows = Document.objects.select_related("blob")
    cases = [paper.case.pk for paper in papers if paper.case]
    found = [*rows.filter(batch=batch), *rows.filter(batch=None, application__in=cases, kind=reports.KIND)]
    return {(row.application_id, row.kind, row.format, row.data_digest): row.blob for row in found}


def _papers(sheet: Sheet) -> list[_Paper]:
    """In the order of the batch; names are numbered, so that none can collide."""
    package_ = sheet.frozen["package"]
    wanted = [*package_["documents"], *package_["optional"]]
    kinds: list[tuple[str, str]] = []
    if "letter" in wanted:
        kinds.append(("letter", "pdf"))
    if "summary" in wanted and sheet.table is not None:
        kinds += [("summary", "pdf"), ("summary", "xlsx")]
    kinds.append(("check", "pdf"))
    batch = sheet.batch
    found = [_Paper(name_of(batch, kind, format_), kind, format_, batch.digest) for kind, format_ in kinds]
    if "report" in wanted:
        cases = {item.application.reference: item.application for item in sheet.items}
        for unit in sheet.frozen["units"]:
            name = attachments.safe_name(f"{unit['position']:03d}-{unit['name']}.pdf")
            digest = unit["report"]["digest"]
            found.append(_Paper(f"{_folder()}/{name}", reports.KIND, "pdf", digest, cases[unit["case"]]))
    return found


def _folder() -> str:
    with translation.override("zh-hans"):
        return _("Self-evaluation reports")
