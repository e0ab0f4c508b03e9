"""绿色工厂自评价报告 as PDF and Word file (QHD-N3a): the declared version, kept once per digest; a draft; the blank template.

The digest printed is that of the declared data; the file's own SHA-256 is known to its blob. Pages ask (`*_file`), the
worker makes (`core.rendering`). One text for everybody, but for the table of scores: officials get the edition `FULL`,
with what the criteria set hides from applicants and what reviewers judged so far.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from applications import selectors
from applications.documents import report_word
from applications.models import Application, Call, Document, Evidence, Report, ReportVersion
from applications.selectors import calls, drafts, scores, shown, standards
from applications.selectors.scores import Scores
from applications.selectors.shown import say
from applications.states import Mode
from greenlist.core import attachments, clock, rendering, word
from greenlist.core.actors import Actor, Capacity
from greenlist.core.audit import digest_of
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible, WrongState
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Field, FieldType, Form, Section, StepKind

KIND, FULL, DRAFT, BLANK = "report", "report-full", "report-draft", "report-template"
TYPES = {"pdf": "application/pdf", "docx": word.TYPE}
TEMPLATE = "applications/print_report.html"
CHINESE = "zh-hans"
ORDINAL = re.compile("[一二三四五六七八九十]+、")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One worked-out value with its formula and the comparison beside it."""

    section: str
    label: str
    value: str
    unit: str
    formula: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One line of the evidence index."""

    number: int
    field: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Paper:
    """What the template prints, in Chinese."""

    title: str
    name: str
    code: str
    call: Call
    rules_title: str
    number: str
    sections: tuple[shown.ShownSection, ...]
    indicators: tuple[Indicator, ...]
    exhibits: tuple[Exhibit, ...]
    declaration: str
    criteria: str
    criteria_why: str
    source: str
    unverified: str
    criteria_unverified: str = ""
    scores: Scores | None = None  # what this edition may show of them
    doubts: tuple[str, ...] = ()  # what nobody has verified of the factors it counts with
    version: ReportVersion | None = None
    is_full: bool = False
    is_draft: bool = False
    is_blank: bool = False

    @property
    def headings(self) -> tuple[str, ...]:
        """Titles of the sections, numbered where the outline does not number them itself."""
        titles = (section.title for section in self.sections)
        return tuple(
            title if ORDINAL.match(title) else f"{number}. {title}" for number, title in enumerate(titles, start=1)
        )


# ---- asked for by pages; the caller has checked who asks ----------------------------------------------------------------
def declared_file(
    case: Application, version: ReportVersion, *, actor: Actor, at: datetime, format_: str = "pdf"
) -> Blob | RenderJob:
    """What was declared, once it is made, in the edition that is this reader's."""
    is_full = has_full(case, actor)
    kind, digest = (FULL, full_digest(case, version)) if is_full else (KIND, version.digest)
    found = _found(case, digest, format_, kind)
    if found is not None:
        return found.blob
    return rendering.ask(kind=kind, subject=case.reference, part=format_, digest=digest, actor=actor, at=at)


def has_full(case: Application, actor: Actor) -> bool:
    """Whether this reader gets the edition with everything the criteria set scores by, and there is any more to tell."""
    criteria = standards.scored(case.report) if actor.is_official else None
    return criteria is not None and bool(criteria.hidden or scores.judged_of(case.report))


def full_digest(case: Application, version: ReportVersion) -> str:
    """Of what was declared and of every judgement that stands on it."""
    judged = sorted(scores.judged_of(case.report).items())
    return digest_of([FULL, version.digest, [[path, one.pk] for path, one in judged]])


def draft_file(case: Application, *, actor: Actor, at: datetime, format_: str = "pdf") -> Blob | RenderJob:
    """The report as it stands, marked 草稿; kept for some days only."""
    about: dict[str, Any] = {"kind": DRAFT, "subject": case.reference, "part": format_, "digest": draft_digest(case)}
    return rendering.ask(**about, actor=actor, at=at)


def template_file(call: Call, *, actor: Actor, at: datetime, format_: str = "pdf") -> Blob | RenderJob:
    """Annex 1 of the call: the same form, empty, to be read or filled in by hand (QHD-N4d, QHD-N5)."""
    about: dict[str, Any] = {"kind": BLANK, "subject": place_of(call), "part": format_, "digest": blank_digest(call)}
    return rendering.ask(**about, actor=actor, at=at)


# ---- made by the worker -------------------------------------------------------------------------------------------------
@rendering.maker(KIND)
def _make_declared(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    document(_asked_case(job, at), job.digest, at=at, format_=job.part)


@rendering.maker(FULL)
def _make_full(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    case = _asked_case(job, at)
    version = case.report.versions.order_by("-number").first()
    if version is None or not has_full(case, actor):
        raise NotVisible
    if full_digest(case, version) != job.digest:
        raise changed()
    full(case, version, at=at, format_=job.part)


@rendering.maker(DRAFT)
def _make_draft(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    case = _asked_case(job, at)
    if draft_digest(case) != job.digest:
        raise changed()
    body = draft_content(case, job.part)
    return attachments.store_bytes(name=name_of(case, job.part), content=body, content_type=TYPES[job.part], at=at)


@rendering.maker(BLANK)
def _make_blank(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    call = at_place(job.subject)
    if blank_digest(call) != job.digest:
        raise changed()
    body = template_content(call, job.part)
    return attachments.store_bytes(
        name=template_name(call, job.part), content=body, content_type=TYPES[job.part], at=at
    )


def place_of(call: Call) -> str:
    """Names a call as its public page does."""
    return f"{call.owner.area.slug}/{call.pk}"


def at_place(subject: str) -> Call:
    """Raises NotVisible once the call is no longer public."""
    slug, _slash, pk = subject.partition("/")
    return calls.public_call(slug, int(pk))


def changed() -> WrongState:
    """The data are others than when the document was asked for; whoever still wants it asks anew."""
    return WrongState(_("What the document shows has changed meanwhile."), code="data_changed")


def _asked_case(job: RenderJob, at: datetime) -> Application:
    """The case, while whoever asked may still have its report. Raises NotVisible."""
    actor = organisations.acting(job.user_id, job.capacity, clock.china_date(at))
    may_read(actor)
    return drafts.case_at_work(actor, job.subject) if job.kind == DRAFT else drafts.case_of(actor, job.subject)


def may_read(actor: Actor) -> None:
    """The file prints the contact persons, whom experts never see; the pages show them the rest. Raises NotVisible."""
    if actor.capacity == Capacity.EXPERT:
        raise NotVisible


def kept(case: Application, digest: str, *, at: datetime, format_: str = "pdf") -> Blob:
    """The stored file of what was declared under this digest, rendered at its first use. Raises NotVisible."""
    return document(case, digest, at=at, format_=format_).blob


def document(case: Application, digest: str, *, at: datetime, format_: str = "pdf") -> Document:
    """The same with its row; two at once end with one row. Raises NotVisible, PdfFailed, PdfUnavailable."""
    found = _found(case, digest, format_)
    if found is not None:
        return found
    version = case.report.versions.filter(digest=digest).order_by("-number").first()
    if version is None or format_ not in TYPES:
        raise NotVisible
    return _keep(case, KIND, digest, declared_content(case, version, format_), at=at, format_=format_)


def full(case: Application, version: ReportVersion, *, at: datetime, format_: str = "pdf") -> Document:
    """The edition of officials, as judged by now. Raises PdfFailed, PdfUnavailable."""
    digest = full_digest(case, version)
    found = _found(case, digest, format_, FULL)
    if found is not None:
        return found
    body = declared_content(case, version, format_, is_full=True)
    return _keep(case, FULL, digest, body, at=at, format_=format_)


def _keep(case: Application, kind: str, digest: str, body: bytes, *, at: datetime, format_: str) -> Document:
    blob = attachments.store_bytes(name=name_of(case, format_), content=body, content_type=TYPES[format_], at=at)
    try:
        with transaction.atomic():
            return Document.objects.create(
                application=case, kind=kind, format=format_, data_digest=digest, blob=blob, created_at=at
            )
    except IntegrityError:
        raced = _found(case, digest, format_, kind)
        assert raced is not None
        return raced


def _found(case: Application, digest: str, format_: str, kind: str = KIND) -> Document | None:
    rows = Document.objects.filter(application=case, batch=None, kind=kind, format=format_, data_digest=digest)
    return rows.select_related("blob").first()


def declared_content(case: Application, version: ReportVersion, format_: str, *, is_full: bool = False) -> bytes:
    with translation.override(CHINESE):
        return _content(declared(case, version, is_full=is_full), format_)


def draft_content(case: Application, format_: str) -> bytes:
    with translation.override(CHINESE):
        return _content(unfinished(case), format_)


def template_content(call: Call, format_: str) -> bytes:
    with translation.override(CHINESE):
        return _content(blank(call), format_)


def _content(paper: Paper, format_: str) -> bytes:
    return report_word.content(paper) if format_ == "docx" else render_pdf(TEMPLATE, {"paper": paper})


def draft_digest(case: Application) -> str:
    form = drafts.form_of(case)
    return digest_of([case.number, case.name, case.code, drafts.draft_of(case, form).content()])


def blank_digest(call: Call) -> str:
    """Of what the empty annexes of a call print."""
    _form, form = _general(call)
    return digest_of(
        [call.rules.digest, call.title, call.year, call.owner.name, call.category, call.values, call.layer, form]
    )


def name_of(case: Application, format_: str = "pdf") -> str:
    with translation.override(CHINESE):
        kind = _("Third-party evaluation report") if case.mode == Mode.BODY else _("Self-evaluation report")
    return attachments.safe_name(f"{case.name}-{kind}.{format_}")


def template_name(call: Call, format_: str = "pdf") -> str:
    with translation.override(CHINESE):
        kind = _("template")
    return attachments.safe_name(f"{form_of(call).title.zh}-{kind}.{format_}")


# ---- what is printed ------------------------------------------------------------------------------------------------
def declared(case: Application, version: ReportVersion, *, is_full: bool = False) -> Paper:
    """From the frozen data of the version alone; `is_full` adds what reviewers judged."""
    bound = selectors.rules_of(case.call)
    form = drafts.form_of(case, bound)
    rows = Evidence.objects.filter(report=case.report, added_at__lte=version.declared_at).select_related("blob")
    there = [
        row for row in rows.order_by("added_at", "pk") if row.removed_at is None or row.removed_at > version.declared_at
    ]
    return _paper(bound, case.call, form, version.data, there, case=case, version=version, is_full=is_full)


def unfinished(case: Application) -> Paper:
    bound = selectors.rules_of(case.call)
    form = drafts.form_of(case, bound)
    draft = drafts.draft_of(case, form)
    return _paper(bound, case.call, form, draft.content(), draft.evidence, case=case, is_draft=True)


def blank(call: Call) -> Paper:
    bound = selectors.rules_of(call)
    return _paper(bound, call, form_of(call), {"sections": {}, "computed": {}}, (), is_blank=True)


def form_of(call: Call) -> Form:
    """The form of a call, with the indicators where it asks for all of them."""
    return _general(call)[0]


def _general(call: Call) -> tuple[Form, str]:
    bound = selectors.rules_of(call)
    form, why = standards.general_form(bound, call.category, bound.first(StepKind.DRAFT).form, call.year)
    return policy.with_factors(form, policy.factor_pins(form)), why


def _paper(
    bound: BoundPolicy,
    call: Call,
    form: Form,
    data: Mapping[str, Any],
    evidence: Iterable[Evidence],
    *,
    case: Application | None = None,
    version: ReportVersion | None = None,
    is_draft: bool = False,
    is_blank: bool = False,
    is_full: bool = False,
) -> Paper:
    files: dict[str, list[Evidence]] = {}
    for row in evidence:
        files.setdefault(f"{row.section}.{row.field}", []).append(row)
    parts = shown.sections(form, data.get("sections", {}), data.get("computed", {}), files)
    if is_blank:
        parts = tuple(_to_fill_in(form, part) for part in parts)
    criteria, why, doubt = _criteria(bound, call, case.report if case else None)
    return Paper(
        title=say(form.title),
        name=case.name if case else "",
        code=case.code if case else "",
        call=call,
        rules_title=say(bound.header.title),
        number=case.number if case else "",
        sections=parts,
        indicators=tuple(_indicators(form, data.get("computed", {}))),
        exhibits=tuple(_exhibits(parts)),
        declaration=version.declaration if version else bound.declaration.text.zh,
        criteria=criteria,
        criteria_why=why,
        source=say(form.source),
        unverified=form.unverified,
        criteria_unverified=doubt,
        scores=_scores(case.report, form, data, is_full=is_full) if case else None,
        doubts=tuple(f"《{say(title)}》{why}" for title, why in standards.doubts(case.report)) if case else (),
        version=version,
        is_full=is_full,
        is_draft=is_draft,
        is_blank=is_blank,
    )


def _scores(report: Report, form: Form, data: Mapping[str, Any], *, is_full: bool) -> Scores | None:
    judged = scores.judged_of(report) if is_full else {}
    return scores.of_report(report, form, data["sections"], data["computed"], judged=judged, own=not is_full)


def _to_fill_in(form: Form, part: shown.ShownSection) -> shown.ShownSection:
    """The same section with empty rows where a table is to be filled in by hand."""
    fields = []
    for one in part.fields:
        spec = form.section(part.key).field(one.key)
        if one.table is not None:
            width = len(one.table.head)
            labels = [say(row.label) for row in spec.rows] or [""] * (spec.min_rows + 2)
            rows = tuple((label, *[""] * (width - 1)) for label in labels)
            one = replace(one, table=replace(one.table, rows=rows))
        fields.append(one)
    return replace(part, fields=tuple(fields))


def _criteria(bound: BoundPolicy, call: Call, report: Report | None) -> tuple[str, str, str]:
    """The standard the report is judged by, why (QHD-5.9, HEB-2.1a, HLJ-22), and what is not verified of it.

    Of a blank one the general set.
    """
    if report is not None and (told := standards.told(report, bound)):
        return told.title, f"{told.why}（{told.article}）" if told.article else told.why, told.unverified
    applied = policy.criteria_for(bound, call.category, "", call.year)
    return (say(applied.criteria.title), "", "") if applied else ("", "", "")


def _indicators(form: Form, computed: Mapping[str, Any]) -> Iterable[Indicator]:
    for section in form.sections:
        for spec in section.fields:
            path = f"{section.key}.{spec.key}"
            if spec.type is FieldType.COMPUTED:
                yield _indicator(section, spec, computed.get(path))
            for result in spec.results:
                if shown.says(spec, result.key, computed.get(f"{path}.{result.key}")):
                    yield _indicator(section, result, computed[f"{path}.{result.key}"])


def _indicator(section: Section, spec: Field, value: Any) -> Indicator:
    return Indicator(
        section=say(section.title),
        label=say(spec.label),
        value=shown.text_of(spec, value),
        unit=say(spec.unit.symbol) if spec.unit else "",
        formula=say(spec.formula_text),
    )


def _exhibits(parts: Iterable[shown.ShownSection]) -> Iterable[Exhibit]:
    listed = ((one, file) for part in parts for one in part.fields for file in one.files)
    for number, (one, file) in enumerate(listed, start=1):
        yield Exhibit(number, one.label, file.blob.name, file.blob.size, file.blob.sha256)
