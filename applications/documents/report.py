"""绿色工厂自评价报告 as PDF (QHD-N3a): the declared version, kept once per digest; a draft for looking; the blank template.

The digest printed is that of the declared data; the file's own SHA-256 is known to its blob.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from applications import selectors
from applications.models import Application, Call, Document, Evidence, ReportVersion
from applications.selectors import drafts, shown
from applications.selectors.shown import say
from greenlist.core import attachments
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.policy.engine.types import BoundPolicy, FieldType, Form, StepKind

KIND, FORMAT, PDF = "report", "pdf", "application/pdf"
TEMPLATE = "applications/print_report.html"
CHINESE = "zh-hans"


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
    source: str
    unverified: str
    version: ReportVersion | None = None
    is_draft: bool = False
    is_blank: bool = False


# ---- the three kinds ------------------------------------------------------------------------------------------------
def kept(case: Application, digest: str, *, at: datetime) -> Blob:
    """The stored PDF of what was declared under this digest, rendered at its first use. Raises NotVisible."""
    return document(case, digest, at=at).blob


def document(case: Application, digest: str, *, at: datetime) -> Document:
    """The same with its row; two at once end with one row."""
    found = _found(case, digest)
    if found is not None:
        return found
    version = case.report.versions.filter(digest=digest).order_by("-number").first()
    if version is None:
        raise NotVisible
    body = declared_pdf(case, version)
    blob = attachments.store_bytes(name=name_of(case), content=body, content_type=PDF, at=at)
    try:
        with transaction.atomic():
            return Document.objects.create(
                application=case, kind=KIND, format=FORMAT, data_digest=digest, blob=blob, created_at=at
            )
    except IntegrityError:
        raced = _found(case, digest)
        assert raced is not None
        return raced


def _found(case: Application, digest: str) -> Document | None:
    rows = Document.objects.filter(application=case, batch=None, kind=KIND, format=FORMAT, data_digest=digest)
    return rows.select_related("blob").first()


def declared_pdf(case: Application, version: ReportVersion) -> bytes:
    with translation.override(CHINESE):
        return render_pdf(TEMPLATE, {"paper": declared(case, version)})


def draft_pdf(case: Application) -> bytes:
    """The report as it stands, marked 草稿; kept nowhere."""
    with translation.override(CHINESE):
        return render_pdf(TEMPLATE, {"paper": unfinished(case)})


def template_pdf(call: Call) -> bytes:
    """Annex 1 of the call: the same form, empty, to be read or filled in by hand (QHD-N4d, QHD-N5)."""
    with translation.override(CHINESE):
        return render_pdf(TEMPLATE, {"paper": blank(call)})


def response(content: bytes, name: str, content_type: str = PDF, *, inline: bool = False) -> HttpResponse:
    """A file just made and kept nowhere: a draft, a template."""
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = attachments.disposition(name, inline=inline)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def name_of(case: Application) -> str:
    with translation.override(CHINESE):
        return attachments.safe_name(f"{case.name}-{_('Self-evaluation report')}.pdf")


def template_name(call: Call) -> str:
    with translation.override(CHINESE):
        return attachments.safe_name(f"{form_of(call).title.zh}-{_('template')}.pdf")


# ---- what is printed ------------------------------------------------------------------------------------------------
def declared(case: Application, version: ReportVersion) -> Paper:
    """From the frozen data of the version alone."""
    bound = selectors.rules_of(case.call)
    form = drafts.form_of(case, bound)
    rows = Evidence.objects.filter(report=case.report, added_at__lte=version.declared_at).select_related("blob")
    there = [
        row for row in rows.order_by("added_at", "pk") if row.removed_at is None or row.removed_at > version.declared_at
    ]
    return _paper(bound, case.call, form, version.data, there, case=case, version=version)


def unfinished(case: Application) -> Paper:
    bound = selectors.rules_of(case.call)
    form = drafts.form_of(case, bound)
    draft = drafts.draft_of(case, form)
    return _paper(bound, case.call, form, draft.content(), draft.evidence, case=case, is_draft=True)


def blank(call: Call) -> Paper:
    bound = selectors.rules_of(call)
    return _paper(bound, call, form_of(call), {"sections": {}, "computed": {}}, (), is_blank=True)


def form_of(call: Call) -> Form:
    bound = selectors.rules_of(call)
    return bound.forms[bound.first(StepKind.DRAFT).form]


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
) -> Paper:
    files: dict[str, list[Evidence]] = {}
    for row in evidence:
        files.setdefault(f"{row.section}.{row.field}", []).append(row)
    parts = shown.sections(form, data.get("sections", {}), data.get("computed", {}), files)
    if is_blank:
        parts = tuple(_to_fill_in(form, part) for part in parts)
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
        criteria=_criteria(bound, call),
        source=say(form.source),
        unverified=form.unverified,
        version=version,
        is_draft=is_draft,
        is_blank=is_blank,
    )


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


def _criteria(bound: BoundPolicy, call: Call) -> str:
    """The edition of the standard that the call pins, as the call names it (QHD-5.9)."""
    chosen = {rule.set for rule in bound.criteria if rule.category == call.category}
    labels = [say(option.label) for ask in bound.policy.asks.values() for option in ask.of if option.key in chosen]
    return "、".join(dict.fromkeys(labels))


def _indicators(form: Form, computed: Mapping[str, Any]) -> Iterable[Indicator]:
    for section in form.sections:
        for spec in section.fields:
            if spec.type is FieldType.COMPUTED:
                yield Indicator(
                    section=say(section.title),
                    label=say(spec.label),
                    value=shown.text_of(spec, computed.get(f"{section.key}.{spec.key}")),
                    unit=say(spec.unit.label) if spec.unit else "",
                    formula=say(spec.formula_text),
                )


def _exhibits(parts: Iterable[shown.ShownSection]) -> Iterable[Exhibit]:
    listed = ((one, file) for part in parts for one in part.fields for file in one.files)
    for number, (one, file) in enumerate(listed, start=1):
        yield Exhibit(number, one.label, file.blob.name, file.blob.size, file.blob.sha256)
