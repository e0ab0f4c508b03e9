"""Reads for other systems (the API): what pages show, as rows and plain data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet

from applications.models import Application, Call, Evidence, ReportVersion, Section
from applications.selectors import calls, cases, drafts, filling, standards, told
from applications.selectors.scores import Scores
from applications.selectors.standards import Told
from applications.states import WITH_APPLICANT, CallState
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotVisible
from greenlist.policy import engine, words
from greenlist.policy.engine.types import BoundPolicy, Finding, Form


# ---- calls ----------------------------------------------------------------------------------------------------------
def opened_calls(*, place: str = "", category: str = "", state: str = "", year: int | None = None) -> QuerySet[Call]:
    """Every call that was opened."""
    rows = Call.objects.exclude(state=CallState.DRAFT).select_related(*calls.CALL_ROWS).defer(*calls.HEAVY)
    rows = rows.filter(owner__area__slug=place) if place else rows
    rows = rows.filter(category=category) if category else rows
    rows = rows.filter(year=year) if year else rows
    return rows.filter(state=state) if state else rows


def opened_call(pk: int) -> Call:
    """Raises NotVisible."""
    call = opened_calls().filter(pk=pk).first()
    if call is None:
        raise NotVisible
    return call


def last_days(rows: Iterable[Call]) -> dict[int, date | None]:
    """Until when firms may submit in each of these calls; one query."""
    found = list(rows)
    known = calls.extensions_by_call([call.pk for call in found])
    days = {call.pk: calls.submission_deadline(call, "", known=known[call.pk]) for call in found}
    return {pk: deadline.day if deadline else None for pk, deadline in days.items()}


def forms_of(call: Call) -> list[tuple[str, str]]:
    """Key and digest of each form that a step of the call's route asks for."""
    bound = calls.rules_of(call)
    keys = dict.fromkeys(key for step in bound.steps for key in step.every_form)
    return [(key, standards.general_form(bound, call.category, key, call.year)[1]) for key in keys]


# ---- cases ----------------------------------------------------------------------------------------------------------
def cases_of(actor: Actor, *, state: str = "", call: int | None = None, words: str = "") -> QuerySet[Application]:
    """The cases an actor sees; `as_told` each of them before it is shown."""
    rows = Application.objects.visible_to(actor).select_related("call__rules", "site__area", "desk")
    rows = rows.filter(told.meant(state, actor)) if state in told.states_for(actor) else rows
    rows = rows.filter(call_id=call) if call else rows
    return rows.filter(Q(name__holds=words) | Q(number=words) | Q(code=words.upper())) if words else rows


def case_page(actor: Actor, reference: str, at: datetime) -> cases.CasePage:
    """The case with what happened. Raises NotVisible."""
    return cases.case_page(actor, reference, "history", at)


# ---- reports --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SectionRead:
    """One section of a report; `revision` is None once it is declared."""

    key: str
    title: str
    revision: int | None
    is_open: bool
    answers: Mapping[str, Any]
    problems: Mapping[str, list[str]]
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportRead:
    """A report as the reader may see it: the draft for the applicant who fills it in, else what was declared last."""

    case: Application
    form: Form
    is_draft: bool
    version: ReportVersion | None
    sections: tuple[SectionRead, ...]
    computed: Mapping[str, Any]
    evidence: tuple[Evidence, ...]
    digest: str  # what a declaration of this content names
    standard: Told | None = None  # the criteria set it is judged by, and why
    scores: Scores | None = None  # as much of them as the reader may see; None where the report has no indicators


def report_of(actor: Actor, reference: str) -> ReportRead:
    """Raises NotVisible, also for an official while nothing has been declared."""
    case = drafts.case_of(actor, reference)
    bound = calls.rules_of(case.call)
    form = drafts.form_of(case, bound)
    version = case.report.versions.order_by("-number").first()
    if actor.capacity == Capacity.APPLICANT and case.state in WITH_APPLICANT:
        draft = drafts.draft_of(case, form)
        content, opened = draft.content(), drafts.opened(case)
        sections = tuple(_of_draft(spec, draft.rows.get(spec.key), opened) for spec in form.sections)
        digest = drafts.digest(content, case.report)
        told_ = standards.told(case.report, bound)
        found = cases.scores_for(case, form, content, actor)
        return ReportRead(
            case, form, True, version, sections, content["computed"], draft.evidence, digest, told_, found
        )
    if version is None:
        raise NotVisible
    said = version.data.get("sections", {})
    sections = tuple(
        SectionRead(spec.key, words.text(spec.title), None, False, said.get(spec.key, {}), {}) for spec in form.sections
    )
    files = tuple(cases.declared_evidence(case, version))
    return ReportRead(
        *(case, form, False, version, sections, version.data.get("computed", {}), files, version.digest),
        standard=standards.told(case.report, bound),
        scores=cases.scores_for(case, form, version.data, actor),
    )


def _of_draft(spec: Any, row: Section | None, opened: drafts.Opened) -> SectionRead:
    answers = row.data if row else {}
    return SectionRead(
        key=spec.key,
        title=words.text(spec.title),
        revision=row.version if row else 0,
        is_open=opened.touches(spec.key),
        answers=answers,
        problems=filling.problems_by_name(spec, answers),
        updated_at=row.updated_at if row else None,
    )


def section_of(actor: Actor, reference: str, key: str) -> SectionRead:
    """One section of the applicant's own draft. Raises NotVisible."""
    found = report_of(actor, reference)
    section = next((one for one in found.sections if one.key == key and found.is_draft), None)
    if section is None:
        raise NotVisible
    return section


@dataclass(frozen=True, slots=True)
class CheckRead:
    """What stands between a draft and its submission."""

    digest: str
    declaration: str
    last_day: date | None
    may_submit: bool
    missing: tuple[drafts.Missing, ...]
    unscanned: tuple[str, ...]
    findings: tuple[tuple[Finding, str], ...]  # each with its sentence


def check_of(case: Application, bound: BoundPolicy, findings: tuple[Finding, ...], at: datetime) -> CheckRead:
    draft = drafts.draft_of(case, drafts.form_of(case, bound))
    page = filling.check_page(case, draft, findings, at)
    return CheckRead(
        digest=page.digest,
        declaration=page.declaration,
        last_day=page.deadline.day if page.deadline else None,
        may_submit=page.may_submit,
        missing=tuple(drafts.missing(draft.problems)),
        unscanned=page.unscanned,
        findings=tuple((one, words.sentence(one)) for one in findings),
    )


def computed_of(case: Application) -> dict[str, str | None]:
    """Every computed value of a draft by its path."""
    form = drafts.form_of(case)
    found = engine.forms.values(form, drafts.draft_of(case, form).data)
    return {path: None if value is None else str(value) for path, value in found.items()}
