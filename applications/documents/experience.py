"""典型经验报告 as a document of its own (HEB-4a): insight, headline, introduction, highlights with pictures, next steps.

Made of the section of the report that says `paper = "experience"`, from the declared version once and for all, or, marked 草稿,
from the applicant's draft. Pictures are made small by a child process; the files themselves stand in the evidence.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from applications.documents import report
from applications.models import Application, Document, Evidence, ReportVersion
from applications.selectors import cases, drafts
from applications.selectors.shown import say
from greenlist.core import attachments, binding, clock, rendering, word
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import WrongState
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy.engine import forms
from greenlist.policy.engine.types import Field, FieldType, Form, Section

KIND, DRAFT = "experience", "experience-draft"
TEMPLATE = "applications/print_experience.html"
HEADLINE, INSIGHT = "headline", "insight"
WIDTH = 120.0  # millimetres of a picture


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    content: bytes | None = None  # a small JPEG; None where the file is no picture, or not known to be clean

    @property
    def data(self) -> str:
        """A data: address, for <img src>."""
        return "data:image/jpeg;base64," + base64.b64encode(self.content or b"").decode()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the outline: its heading, the text, the pictures below it."""

    heading: str
    text: str = ""
    count: int = 0  # characters as readers count them
    most: int | None = None
    least: int | None = None
    files: tuple[Evidence, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """What is printed, in Chinese."""

    title: str
    headline: str
    insight: str
    case: Application
    source: str
    parts: tuple[Part, ...] = field(default=())
    version: ReportVersion | None = None

    @property
    def is_draft(self) -> bool:
        return self.version is None


# ---- asked for by pages; the caller has checked who asks ----------------------------------------------------------------
def section_of(form: Form) -> Section | None:
    return next((one for one in form.sections if one.paper == KIND), None)


def has_one(case: Application, data: Mapping[str, Any]) -> bool:
    """Whether the form has such a section and anything is written in it."""
    section = section_of(drafts.form_of(case))
    return section is not None and any(not forms.is_empty(value) for value in (data.get(section.key) or {}).values())


def require_one(case: Application, data: Mapping[str, Any]) -> None:
    """Raises WrongState."""
    if not has_one(case, data):
        raise WrongState(_("This report has no typical-experience report."), code="no_experience")


def declared_file(
    case: Application, version: ReportVersion, *, actor: Actor, at: datetime, format_: str = "pdf"
) -> Blob | RenderJob:
    """What was declared, once it is made. Raises WrongState where there is none."""
    require_one(case, version.data["sections"])
    found = _found(case, version.digest, format_)
    if found is not None:
        return found.blob
    about: dict[str, Any] = {"kind": KIND, "subject": case.reference, "part": format_, "digest": version.digest}
    return rendering.ask(**about, actor=actor, at=at)


def draft_file(case: Application, *, actor: Actor, at: datetime, format_: str = "pdf") -> Blob | RenderJob:
    """As it stands in the draft. Raises WrongState where nothing is written."""
    require_one(case, drafts.data_of(case.report))
    about: dict[str, Any] = {"kind": DRAFT, "subject": case.reference, "part": format_, "digest": _draft_digest(case)}
    return rendering.ask(**about, actor=actor, at=at)


def name_of(case: Application, format_: str = "pdf") -> str:
    with translation.override(report.CHINESE):
        kind = _("Typical-experience report")
    return attachments.safe_name(f"{case.name}-{kind}.{format_}")


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker(KIND)
def _make_declared(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    report.may_read(actor)
    case = drafts.case_of(actor, job.subject)
    version = case.report.versions.filter(digest=job.digest).order_by("-number").first()
    if version is None:
        raise report.changed()
    kept(case, version, at=at, format_=job.part)


@rendering.maker(DRAFT)
def _make_draft(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    case = drafts.own_case(organisations.acting(job.user_id, job.capacity, clock.china_date(at)), job.subject)
    if _draft_digest(case) != job.digest:
        raise report.changed()
    body = content(unfinished(case), job.part)
    return attachments.store_bytes(
        name=name_of(case, job.part), content=body, content_type=report.TYPES[job.part], at=at
    )


def kept(case: Application, version: ReportVersion, *, at: datetime, format_: str = "pdf") -> Blob:
    """The stored file of a declared version, rendered at its first use. Raises PdfFailed, PdfUnavailable."""
    found = _found(case, version.digest, format_)
    if found is not None:
        return found.blob
    body, kind = content(declared(case, version), format_), report.TYPES[format_]
    blob = attachments.store_bytes(name=name_of(case, format_), content=body, content_type=kind, at=at)
    try:
        with transaction.atomic():
            Document.objects.create(
                application=case, kind=KIND, format=format_, data_digest=version.digest, blob=blob, created_at=at
            )
    except IntegrityError:
        raced = _found(case, version.digest, format_)
        assert raced is not None
        return raced.blob
    return blob


def _found(case: Application, digest: str, format_: str) -> Document | None:
    rows = Document.objects.filter(application=case, batch=None, kind=KIND, format=format_, data_digest=digest)
    return rows.select_related("blob").first()


def _draft_digest(case: Application) -> str:
    return digest_of([KIND, report.draft_digest(case)])


# ---- what is printed ------------------------------------------------------------------------------------------------
def declared(case: Application, version: ReportVersion) -> Paper:
    return _paper(case, version.data["sections"], cases.declared_evidence(case, version), version)


def unfinished(case: Application) -> Paper:
    draft = drafts.draft_of(case, drafts.form_of(case))
    return _paper(case, draft.data, draft.evidence, None)


def _paper(
    case: Application, data: Mapping[str, Any], evidence: Iterable[Evidence], version: ReportVersion | None
) -> Paper:
    form = drafts.form_of(case)
    section = section_of(form)
    assert section is not None
    answers = data.get(section.key) or {}
    files = [row for row in evidence if row.section == section.key]
    with translation.override(report.CHINESE):
        return Paper(
            title=say(section.title),
            headline=str(answers.get(HEADLINE) or ""),
            insight=str(answers.get(INSIGHT) or ""),
            case=case,
            source=say(form.title),
            parts=tuple(_parts(section, answers, files)),
            version=version,
        )


def _parts(section: Section, answers: Mapping[str, Any], files: list[Evidence]) -> Iterator[Part]:
    """In the order of the form: a short text opens a part, the long text and the files that share its name belong to it."""
    part: Part | None = None
    stem = ""
    for spec in section.fields:
        if spec.key == HEADLINE:
            continue
        value = str(answers.get(spec.key) or "")
        if part is not None and stem and spec.key.startswith(f"{stem}_"):
            part = _grown(part, spec, value, files)
            continue
        if part is not None:
            yield part
        stem = spec.key
        label = say(spec.label).partition("：")[0]
        if spec.type is FieldType.TEXT:
            part = Part(heading=f"{label}　{value}".strip())
        else:
            part = _grown(Part(heading=label), spec, value, files)
    if part is not None:
        yield part


def _grown(part: Part, spec: Field, value: str, files: list[Evidence]) -> Part:
    if spec.type is FieldType.FILE:
        return replace(part, files=(*part.files, *(row for row in files if row.field == spec.key)))
    return replace(part, text=value, count=forms.characters(value), most=spec.max_chars, least=spec.min_chars)


def content(paper: Paper, format_: str) -> bytes:
    """Raises PdfFailed, PdfUnavailable."""
    with translation.override(report.CHINESE):
        whole = _with_pictures(paper)
        return _word(whole) if format_ == "docx" else render_pdf(TEMPLATE, {"paper": whole})


def _with_pictures(paper: Paper) -> Paper:
    files = [row for part in paper.parts for row in part.files]
    small = _shrunk([row.blob for row in files])
    made = {row.pk: Picture(row.blob.name, content) for row, content in zip(files, small, strict=True)}
    parts = tuple(replace(part, pictures=tuple(made[row.pk] for row in part.files)) for part in paper.parts)
    return replace(paper, parts=parts)


def _shrunk(blobs: list[Blob]) -> list[bytes | None]:
    if not blobs:
        return []
    with binding.bundle() as bundle:
        names = [
            (bundle.add(_chunks(one)), one.content_type) if one.is_clean else (bundle.add(b""), "") for one in blobs
        ]
        return bundle.shrunk(names)


def _chunks(blob: Blob) -> Iterator[bytes]:
    with attachments.opened(blob) as source:
        yield from source.chunks()


def _word(paper: Paper) -> bytes:
    """What `print_experience.html` prints."""
    file = word.Paper(
        title=f"{paper.case.name} {paper.title}",
        author=paper.case.name,
        mark="草稿" if paper.is_draft else "",
        written=paper.version.declared_at if paper.version else None,
    )
    file.title(paper.headline or paper.title)
    file.text(f"{paper.case.name}　{paper.title}", align="center")
    for part in paper.parts:
        limit = _limit(part) if paper.is_draft else ""
        file.heading(f"{part.heading}{limit}", level=2)
        for line in part.text.splitlines():
            if line.strip():
                file.text(line, indent=True)
        for picture in part.pictures:
            if picture.content:
                file.picture(picture.content, width=WIDTH, caption=picture.name)
            else:
                file.text(f"（附件：{picture.name}）", style="Small")
    if paper.version:
        file.text(f"摘自《{paper.source}》第 {paper.version.number} 版，SHA-256：{paper.version.digest}", style="Small")
    return file.bytes()


def _limit(part: Part) -> str:
    """How long a text is and may be, for whoever still writes it."""
    if part.most is None:
        return ""
    span = f"{part.least}—{part.most}" if part.least else f"不超过 {part.most}"
    return f"（{part.count} 字，{span} 字）"
