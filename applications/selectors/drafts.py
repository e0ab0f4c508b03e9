"""Reads of a report in the making: its form, its sections, what is open to the applicant, what is still missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from applications.models import (
    Application,
    Correction,
    Evidence,
    Figure,
    Release,
    Remark,
    Report,
    Section,
)
from applications.selectors import calls, standards
from applications.states import State
from greenlist.core import attachments
from greenlist.core.actors import Actor, Capacity
from greenlist.core.audit import digest_of
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from greenlist.organisations.models import Site
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Field, Form, Problem, Progress
from greenlist.policy.engine.types import Section as SectionSpec

CASE_ROWS = ("call__rules__rule_set", "call__owner__area", "organisation__area", "site__area", "desk", "report")
DRAFT_ROWS = ("call__rules", "report")  # enough to know the form: saved every few seconds, this has to be quick


def own_case(actor: Actor, reference: str, rows: Sequence[str] = CASE_ROWS) -> Application:
    """The applicant's own case with these `rows` read along. Raises NotVisible for everybody else."""
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        raise NotVisible
    return case_of(actor, reference, rows)


def case_at_work(actor: Actor, reference: str, rows: Sequence[str] = CASE_ROWS) -> Application:
    """The same, also for the people of a body it is released to. Raises NotVisible."""
    if actor.capacity != Capacity.APPLICANT:
        raise NotVisible
    return case_of(actor, reference, rows)


def is_released(case: Application, actor: Actor, on: date) -> bool:
    """Whether the report is open to this body's people that day."""
    rows = Release.objects.live().filter(application=case, body_id=actor.organisation_id, ends_on__gte=on)
    return rows.exists()


def case_of(actor: Actor, reference: str, rows: Sequence[str] = CASE_ROWS) -> Application:
    """Raises NotVisible."""
    found = Application.objects.visible_to(actor).select_related(*rows).defer(*calls.HEAVY_OF_CASE)
    case = found.filter(reference=reference).first()
    if case is None:
        raise NotVisible
    return case


def form_of(case: Application, bound: BoundPolicy | None = None) -> Form:
    """The form of the report, as the call has it, with the indicators of its criteria set and the factors it counts with."""
    return standards.form_of(case.report, bound or calls.rules_of(case.call))


def factors_for(form: Form, site: Site, kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a report is pinned to: the newest factor tables of its form, or those it has `kept`, and its province."""
    known = (kept or {}).get("tables", {})
    tables = {slug: known.get(slug, digest) for slug, digest in policy.factor_pins(form).items()}
    return {"tables": tables, "home": site.area.path.strip("/").split("/")[0]} if tables else {}


def spec_of(form: Form, key: str) -> SectionSpec:
    """Raises NotVisible."""
    try:
        return form.section(key)
    except KeyError as unknown:
        raise NotVisible from unknown


# ---- a draft --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Asked:
    """Why a table of a later stage was returned, and by when an answer is wanted."""

    reason: str
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What the applicant may change now: everything in a draft, the named fields after a return, nothing else."""

    everything: bool
    paths: frozenset[str] = frozenset()
    correction: Correction | Asked | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)  # by path, where they lie with the return itself

    def __contains__(self, path: str) -> bool:
        return self.everything or path in self.paths

    def touches(self, section: str) -> bool:
        return self.everything or any(path.startswith(f"{section}.") for path in self.paths)


def opened(case: Application) -> Opened:
    """No query for a draft, one for a returned case."""
    if case.state == State.DRAFT:
        return Opened(everything=True)
    if case.state != State.RETURNED:
        return Opened(everything=False)
    correction = open_correction(case)
    paths = frozenset(".".join(pair) for pair in correction.fields) if correction else frozenset()
    return Opened(everything=False, paths=paths, correction=correction)


def open_correction(case: Application) -> Correction | None:
    return case.corrections.filter(answered_at=None).select_related("before").first()


@dataclass(frozen=True, slots=True)
class Draft:
    """A report in the making, read at one moment."""

    form: Form
    rows: Mapping[str, Section]
    evidence: tuple[Evidence, ...]

    @property
    def data(self) -> dict[str, dict[str, Any]]:
        return {spec.key: row.data if (row := self.rows.get(spec.key)) else {} for spec in self.form.sections}

    @property
    def files(self) -> dict[str, int]:
        return counted(self.evidence)

    def files_of(self, section: str, field: str) -> list[Evidence]:
        return [row for row in self.evidence if (row.section, row.field) == (section, field)]

    @property
    def progress(self) -> tuple[Progress, ...]:
        return engine.forms.progress(self.form, self.data, self.files)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return engine.forms.validate(self.form, self.data, self.files)

    @property
    def unscanned(self) -> list[Evidence]:
        return [row for row in self.evidence if row.blob.scan != Blob.Scan.CLEAN]

    def content(self) -> dict[str, Any]:
        """What a declaration covers, in its frozen form; its digest is the one declared."""
        computed = engine.forms.values(self.form, self.data)
        return {
            "sections": self.data,
            "computed": {path: None if value is None else str(value) for path, value in computed.items()},
            "evidence": [
                {"field": f"{row.section}.{row.field}", "name": row.blob.name, "sha256": row.blob.sha256}
                for row in self.evidence
            ],
        }


def data_of(report: Report) -> dict[str, Any]:
    """What is typed, by section; one query."""
    return dict(Section.objects.filter(report=report).values_list("key", "data"))


def draft_of(case: Application, form: Form) -> Draft:
    """Two queries."""
    return draft_of_report(case.report, form)


def draft_of_report(report: Report, form: Form) -> Draft:
    """Two queries."""
    rows = {row.key: row for row in Section.objects.filter(report=report).select_related("updated_by")}
    return Draft(form, rows, tuple(evidence_of(report)))


def evidence_of(report: Report) -> list[Evidence]:
    """The files that stand, oldest first."""
    return list(
        Evidence.objects.filter(report=report, removed_at=None).select_related("blob").order_by("added_at", "pk")
    )


def counted(evidence: Iterable[Evidence]) -> dict[str, int]:
    """How many files stand beside each field, by "section.field"."""
    found: dict[str, int] = {}
    for row in evidence:
        path = f"{row.section}.{row.field}"
        found[path] = found.get(path, 0) + 1
    return found


def frozen(content: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The data of a report version: content plus the digest of the form it was filled in with."""
    return {**content, "form": report.form_digest}


def digest(content: Mapping[str, Any], report: Report) -> str:
    return digest_of(frozen(content, report))


def form_digest(bound: BoundPolicy, key: str) -> str:
    """The digest of the form's own file: two rule-set versions with the same form share it."""
    return policy.form_digest(bound.policy, key)


# ---- last year ------------------------------------------------------------------------------------------------------
def last_figures(report: Report, before: datetime) -> dict[str, Figure]:
    """The newest earlier figure of each key that the same organisation declared for the site: shown beside the field,
    never filled in. A site that changed hands tells its new owner nothing of the former one's.
    """
    owner = Application.objects.filter(report=report).values("organisation")
    rows = Figure.objects.filter(site_id=report.site_id, version__declared_at__lt=before)
    rows = rows.filter(version__report__application__organisation__in=owner)
    rows = rows.exclude(version__report=report).order_by("year", "version__declared_at", "pk")
    return {row.key: row for row in rows}


# ---- before submission ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Missing:
    """One thing to mend, with the section where it is mended."""

    section: str
    path: str
    anchor: str
    text: str
    clause: str


def missing(problems: Sequence[Problem]) -> list[Missing]:
    return [
        Missing(
            section=one.path.partition(".")[0],
            path=one.path,
            anchor=one.path.partition(".")[2],
            text=words.problem(one),
            clause=one.clause,
        )
        for one in problems
    ]


def remarks_for(correction: Correction | Asked | None) -> dict[str, Remark]:
    """The official's remarks that came with a return, by path."""
    if not isinstance(correction, Correction):
        return {}
    return {f"{row.section}.{row.field}": row for row in Remark.objects.filter(correction=correction).order_by("pk")}


def find_evidence(actor: Actor, report: Report, reference: str) -> Evidence:
    """A file of a visible report: the applicant's own as they stand, for everybody else what was declared (R1).

    Raises NotVisible.
    """
    row = Evidence.objects.filter(report=report, reference=reference).select_related("blob", "report").first()
    stands = row is not None and row.removed_at is None and actor.capacity == Capacity.APPLICANT
    if row is None or not (stands or _was_declared(row)):
        raise NotVisible
    return row


def is_shown(row: Evidence) -> bool:
    """Whether a page can show the file itself: a clean PDF or picture."""
    return row.blob.is_clean and row.blob.content_type in attachments.PREVIEWED


def reusable(standing: Mapping[str, Iterable[Evidence]], path: str) -> list[Evidence]:
    """Files of the report that do not stand beside the field at `path` yet, each once."""
    here = {row.blob_id for row in standing.get(path, ())}
    found = {row.blob_id: row for rows in standing.values() for row in rows if row.blob_id not in here}
    return sorted((row for row in found.values() if row.blob.scan != Blob.Scan.INFECTED), key=lambda row: row.blob.name)


@dataclass(frozen=True, slots=True)
class Preview:
    """One file on a page of its own, and its neighbours in the order of the report."""

    row: Evidence
    label: str
    is_pdf: bool
    previous: Evidence | None
    following: Evidence | None


def preview_of(actor: Actor, form: Form, row: Evidence) -> Preview:
    """Only the applicant leafs through what stands. Raises NotVisible for a file that no page can show."""
    if not is_shown(row):
        raise NotVisible
    places = [(section.key, spec.key) for section in form.sections for spec in section.fields]
    rows = sorted(
        (
            one
            for one in (evidence_of(row.report) if actor.capacity == Capacity.APPLICANT else ())
            if is_shown(one) and (one.section, one.field) in places
        ),
        key=lambda one: places.index((one.section, one.field)),
    )
    here = next((place for place, one in enumerate(rows) if one.pk == row.pk), None)
    return Preview(
        row=row,
        label=words.text(field_of(form, row.section, row.field).label),
        is_pdf=row.blob.content_type == "application/pdf",
        previous=rows[here - 1] if here else None,
        following=rows[here + 1] if here is not None and here + 1 < len(rows) else None,
    )


def _was_declared(row: Evidence) -> bool:
    versions = row.report.versions.filter(declared_at__gte=row.added_at)
    return (versions.filter(declared_at__lt=row.removed_at) if row.removed_at else versions).exists()


def field_of(form: Form, section: str, key: str) -> Field:
    """Raises NotVisible."""
    try:
        return form.section(section).field(key)
    except KeyError as unknown:
        raise NotVisible from unknown
