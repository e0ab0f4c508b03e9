"""The whole case as one file: report, evidence and opinions, joined into one PDF with bookmarks, or side by side in a ZIP.

What is in it is what the reader may see of the case: the timeline differs between the applicant and officials, so the
digest does too.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font

from applications.documents import experience, report
from applications.models import Application, Evidence, ReportVersion
from applications.selectors import cases, drafts, told
from applications.states import WITH_APPLICANT
from greenlist.core import archives, attachments, binding, clock, rendering, workbooks
from greenlist.core.actors import Actor, Capacity
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import Refused
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations

KIND = "dossier"
MOST = 150 * 1024**2  # bytes that are joined; more is handed out as ZIP, which lies in nobody's memory
TEMPLATE = "applications/print_dossier.html"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One file of the evidence, with its place in the index of the report."""

    number: int
    section: str
    field: str
    blob: Blob
    pages: int = 0
    reason: str = ""  # why its pages are missing: unscanned, type, password, broken

    @property
    def is_there(self) -> bool:
        return not self.reason


@dataclass(frozen=True, slots=True)
class Dossier:
    """What one reader gets of one case, in Chinese."""

    case: Application
    version: ReportVersion | None  # None: the applicant's own unfinished report
    paper: report.Paper
    exhibits: tuple[Exhibit, ...]
    opinions: tuple[cases.Line, ...]
    is_full: bool = False  # the edition of officials
    state: str = ""  # as the reader is told: a file made anew would say that the case moved on

    @property
    def digest(self) -> str:
        """Of everything that is printed."""
        files = [[one.blob.sha256, one.blob.scan, one.field] for one in self.exhibits]
        said = [[line.title, str(line.at), line.who, line.where, line.opinion] for line in self.opinions]
        return digest_of([self.report_digest, self.state, files, said])

    @property
    def report_digest(self) -> str:
        if self.version is None:
            return report.draft_digest(self.case)
        return report.full_digest(self.case, self.version) if self.is_full else self.version.digest


# ---- asked for by pages; the caller has checked who asks ----------------------------------------------------------------
def joined_file(case: Application, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """One PDF with bookmarks, once it is made. Raises NotVisible (experts), Refused (too large to be joined)."""
    found = dossier(case, actor)
    if sum(one.blob.size for one in found.exhibits) > MOST:
        raise Refused(
            _("The files are together larger than %(most)s MB: take them as ZIP.") % {"most": MOST // 1024**2},
            code="too_large",
        )
    return rendering.ask(kind=KIND, subject=case.reference, digest=found.digest, part="pdf", actor=actor, at=at)


def package_file(case: Application, *, actor: Actor, at: datetime) -> tuple[str, Iterator[bytes]] | RenderJob:
    """Name and bytes of the ZIP, once the report in it is made. Raises NotVisible (experts)."""
    found = dossier(case, actor)
    made = (
        report.declared_file(case, found.version, actor=actor, at=at)
        if found.version
        else report.draft_file(case, actor=actor, at=at)
    )
    if isinstance(made, RenderJob):
        return made
    papers = [made]
    if found.version and experience.has_one(found.case, found.version.data["sections"]):
        more = experience.declared_file(case, found.version, actor=actor, at=at)
        if isinstance(more, RenderJob):
            return more
        papers.append(more)
    return name_of(case, "zip"), archives.zipped(_files(found, papers))


def dossier(case: Application, actor: Actor) -> Dossier:
    """What this reader gets. Raises NotVisible for experts: the report prints contact persons."""
    report.may_read(actor)
    version = case.report.versions.order_by("-number").first()
    if version is None or (actor.capacity == Capacity.APPLICANT and case.state in WITH_APPLICANT):
        version = None
        case = drafts.case_at_work(actor, case.reference)
    with translation.override(report.CHINESE):
        paper = report.declared(case, version) if version else report.unfinished(case)
        lines = tuple(line for line in cases.timeline(case, actor) if line.at)
    state = told.state_for(case, actor)
    return Dossier(case, version, paper, tuple(_exhibits(paper)), lines, report.has_full(case, actor), state)


def name_of(case: Application, format_: str) -> str:
    with translation.override(report.CHINESE):
        kind = _("Case file")
    return attachments.safe_name(f"{case.name}-{kind}.{format_}")


def _exhibits(paper: report.Paper) -> Iterator[Exhibit]:
    """In the order and with the numbers of the report's own index."""
    number = 0
    for section in paper.sections:
        for field in section.fields:
            for file in field.files:
                assert isinstance(file, Evidence)
                number += 1
                reason = "" if file.blob.is_clean else "unscanned"
                yield Exhibit(number, section.title, field.label, file.blob, reason=reason)


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker(KIND)
def _make(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    report.may_read(actor)
    case = drafts.case_of(actor, job.subject)
    found = dossier(case, actor)
    if found.digest != job.digest:
        raise report.changed()
    body = content(found, at=at, tick=tick)
    return attachments.store_bytes(name=name_of(case, "pdf"), content=body, content_type=PDF, at=at)


def content(found: Dossier, *, at: datetime, tick: rendering.Tick = lambda done, total: None) -> bytes:
    """Index, opinions, report, then each file behind a sheet with its number. Raises PdfFailed, PdfUnavailable."""
    with translation.override(report.CHINESE), binding.bundle() as bundle:
        main = bundle.add(_report(found, at))
        tick(1, 4)
        files = {one.number: bundle.add(_chunks(one.blob)) for one in found.exhibits if one.is_there}
        exhibits = _counted(found.exhibits, files, bundle)
        tick(2, 4)
        made = {
            kind: bundle.add(render_pdf(TEMPLATE, {"found": found, "exhibits": exhibits, "kind": kind}))
            for kind in ("index", "opinions", "sheets")
            if kind == "index" or (found.opinions if kind == "opinions" else exhibits)
        }
        tick(3, 4)
        counts = bundle.count([(main, PDF), *((name, PDF) for name in made.values())])
        pages = dict(zip(["report", *made], (one.pages for one in counts), strict=True))
        parts = [binding.Part(made["index"], pages["index"], _("Index"))]
        if "opinions" in made:
            parts.append(binding.Part(made["opinions"], pages["opinions"], _("Opinions and steps")))
        parts.append(binding.Part(main, pages["report"], found.paper.title))
        parts += _evidence(exhibits, files, made)
        return bundle.join(parts, title=name_of(found.case, "pdf").removesuffix(".pdf"))


def _report(found: Dossier, at: datetime) -> bytes:
    if found.version is None:
        return report.draft_content(found.case, "pdf")
    if found.is_full:
        kept = report.full(found.case, found.version, at=at).blob
    else:
        kept = report.kept(found.case, found.version.digest, at=at)
    with attachments.opened(kept) as source:
        return bytes(source.read())


def _chunks(blob: Blob) -> Iterator[bytes]:
    with attachments.opened(blob) as source:
        yield from source.chunks()


def _counted(exhibits: Sequence[Exhibit], files: dict[int, str], bundle: binding.Bundle) -> list[Exhibit]:
    """The same with their pages, or why they have none."""
    there = [one for one in exhibits if one.is_there]
    counts = bundle.count([(files[one.number], one.blob.content_type) for one in there]) if there else []
    known = {one.number: pages for one, pages in zip(there, counts, strict=True)}
    return [
        Exhibit(one.number, one.section, one.field, one.blob, known[one.number].pages, known[one.number].reason)
        if one.number in known
        else one
        for one in exhibits
    ]


def _evidence(exhibits: Sequence[Exhibit], files: dict[int, str], made: dict[str, str]) -> Iterator[binding.Part]:
    """Each sheet with the pages behind it; the first bookmark opens the group."""
    for place, one in enumerate(exhibits):
        if place == 0:
            yield binding.Part(made["sheets"], 0, _("Evidence"))
        title = f"{one.number}. {one.blob.name}"
        yield binding.Part(made["sheets"], 1, title, level=1, first=place)
        if one.pages:
            yield binding.Part(files[one.number], one.pages, type=one.blob.content_type)


# ---- side by side -------------------------------------------------------------------------------------------------------
def _files(found: Dossier, papers: Sequence[Blob]) -> list[tuple[str, Blob | bytes]]:
    with translation.override(report.CHINESE):
        folder = _("Evidence")
        files: list[tuple[str, Blob | bytes]] = [(f"00-{_('Index')}.xlsx", _index(found))]
        files += [(f"{number:02d}-{one.name}", one) for number, one in enumerate(papers, start=1)]
        for one in found.exhibits:
            if one.is_there:
                files.append((f"{folder}/{attachments.safe_name(f'{one.number:03d}-{one.blob.name}')}", one.blob))
    return files


def _index(found: Dossier) -> bytes:
    """The index as a workbook, in the order of the report."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = _("Index")
    head = [_("No."), _("Section"), _("Belongs to"), _("File"), _("Size (bytes)"), "SHA-256", _("Note")]
    rows = [
        [
            str(one.number),
            one.section,
            one.field,
            one.blob.name,
            str(one.blob.size),
            one.blob.sha256,
            "" if one.is_there else _("not checked yet or found unsafe: left out"),
        ]
        for one in found.exhibits
    ]
    for number, row in enumerate([head, *rows], start=1):
        for column, text in enumerate(row, start=1):
            workbooks.put(page.cell(row=number, column=column), text)
            if number == 1:
                page.cell(row=1, column=column).font = Font(bold=True)
    for letter, width in zip("ABCDEFG", (6, 24, 36, 44, 12, 68, 24), strict=True):
        page.column_dimensions[letter].width = width
    page.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
