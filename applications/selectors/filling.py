"""The applicant's pages as one object each: start, a section, check before submission."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from applications.models import Application, Call, Correction, Evidence, Figure
from applications.selectors import calls, drafts, prefilling, scores, shown, standards
from applications.selectors.papers import Paper, of_case
from applications.selectors.scores import Scores
from applications.states import FINAL, Mode, State
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations.models import Organisation, Site
from greenlist.policy import engine, words
from greenlist.policy.engine.types import BoundPolicy, Finding, Form, StepKind, Text
from greenlist.policy.engine.types import Section as SectionSpec


def upload_limit() -> int:
    return int(settings.ATTACHMENT_MAX_BYTES)


def shown_number(value: Any) -> str:
    return "" if value is None else f"{value:,f}"


def worked_out(form: Form, data: Mapping[str, Any], values: Mapping[str, Any], section: str) -> dict[str, str]:
    """Every computed value of a section by its path, and the steps and doubts of its calculators, as the page shows them."""
    prefix = f"{section}."
    found = {path: shown_number(value) for path, value in values.items() if path.startswith(prefix)}
    for path, work in shown.works(form, data, values).items():
        if path.startswith(prefix):
            found |= {f"{path}.steps": work.steps, f"{path}.doubts": work.doubts}
    return found


# ---- start ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Choice:
    """One site of the firm, and where its application would go."""

    site: Site
    desk: Authority | None
    live: Application | None
    within: bool

    @property
    def is_possible(self) -> bool:
        return self.within and self.desk is not None


@dataclass(frozen=True, slots=True)
class StartPage:
    call: Call
    bound: BoundPolicy
    choices: tuple[Choice, ...]
    deadline: calls.Deadline | None
    is_over: bool
    is_confirmed: bool
    modes: tuple[tuple[str, str], ...] = ()  # the ways of evaluating the rule set offers
    references: tuple[tuple[str, str], ...] = ()  # what self-evaluators may take as reference (HLJ-13, HEB-1e)


def start_page(actor: Actor, pk: int, at: datetime) -> StartPage:
    """Raises NotVisible, NotAllowed."""
    if actor.capacity != Capacity.APPLICANT:
        raise NotAllowed(_("Only the firm itself starts an application; choose it in the role switcher."))
    if actor.is_body:
        raise NotAllowed(_("A third-party body evaluates for others and does not apply itself."))
    call = calls.call_of(actor, pk)
    bound = calls.rules_of(call)
    organisation = Organisation.objects.filter(pk=actor.organisation_id).first()
    if organisation is None:
        raise NotVisible
    sites = list(Site.objects.visible_to(actor).select_related("area").order_by("-is_default", "pk"))
    live = {
        case.site_id: case for case in Application.objects.filter(call=call, site__in=sites).exclude(state__in=FINAL)
    }
    tier = engine.route(bound, call.category, bound.policy.modes[0])[1].by
    choices = tuple(_choice(call, tier, site, live.get(site.pk)) for site in sites)
    first = next((one.site for one in choices if one.is_possible), None)
    deadline = calls.submission_deadline(call, first.area.path if first else "")
    return StartPage(
        call=call,
        bound=bound,
        choices=choices,
        deadline=deadline,
        is_over=call.state != "open" or bool(deadline and deadline.is_over(at)),
        is_confirmed=organisation.claim == Organisation.Claim.CONFIRMED,
        modes=tuple((mode, str(Mode(mode).label)) for mode in bound.policy.modes),
        references=tuple(
            (words.text(one.text), words.article(bound, one.clause)) for one in engine.bodies.of(bound).references
        ),
    )


def _choice(call: Call, tier: str, site: Site, live: Application | None) -> Choice:
    within = site.area.path.startswith(call.owner.area.path)
    desk = accounts.industry_authority(site.area, tier) if within and tier in set(Tier) else None
    return Choice(site, desk, live, within)


# ---- a section ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Task:
    """One line of the list of sections."""

    key: str
    label: str
    url: str
    state: str  # done | part | todo | problem | locked
    current: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SectionPage:
    case: Application | None
    bound: BoundPolicy
    form: Form
    spec: SectionSpec
    title: str
    intro: str
    article: str
    answers: Mapping[str, Any]
    version: int
    updated_at: datetime | None
    updated_by: str
    computed: Mapping[str, Any]
    files: Mapping[str, tuple[Evidence, ...]]
    problems: Mapping[str, list[str]]
    remarks: Mapping[str, str]
    last: Mapping[str, str]
    tasks: tuple[Task, ...]
    done: int
    total: int
    following: Task | None
    previous: Task | None
    correction: Correction | drafts.Asked | None
    deadline: calls.Deadline | None
    is_open: Callable[[str], bool]
    standard: standards.Told | None
    other_standard: str  # another set that applies by now
    scores: Scores | None  # of this section's rows
    worked: Mapping[str, shown.ShownWork]
    origins: Mapping[str, str]  # where an answer was taken from, by path


def section_page(
    paper: Paper,
    spec: SectionSpec,
    *,
    typed: Mapping[str, Any] | None,
    spare: Mapping[str, int],
    language_at: datetime,
) -> SectionPage:
    """Seven queries however long the form."""
    bound, form, case = paper.bound, paper.form, paper.case
    draft, opened = drafts.draft_of_report(paper.report, form), paper.opened
    data = draft.data | ({spec.key: dict(typed)} if typed is not None else {})
    row = draft.rows.get(spec.key)
    tasks = tuple(_task(paper, one, opened, spec.key) for one in draft.progress)
    keys = [task.key for task in tasks]
    here = keys.index(spec.key)
    clause = bound.clause(spec.clause)
    worked_out = engine.forms.values(form, data)
    found = own_scores(case, form, data, worked_out) if case else None
    return SectionPage(
        case=case,
        bound=bound,
        form=form,
        spec=spec,
        title=words.text(spec.title),
        intro=words.text(spec.intro),
        article=clause.article if clause else "",
        answers=data[spec.key],
        version=row.version if row else 0,
        updated_at=row.updated_at if row else None,
        updated_by=row.updated_by.name if row and row.updated_by else "",
        computed={path: shown_number(value) for path, value in worked_out.items()},
        files=_files(draft),
        problems=problems_by_name(spec, data[spec.key]),
        remarks=opened.remarks or {path: one.text for path, one in drafts.remarks_for(opened.correction).items()},
        last=last_shown(form, paper.figures_before(language_at)),
        tasks=tasks,
        done=sum(task.state == "done" for task in tasks),
        total=len(tasks),
        following=tasks[here + 1] if here + 1 < len(tasks) else None,
        previous=tasks[here - 1] if here else None,
        correction=opened.correction,
        deadline=paper.last_day(),
        is_open=opened.__contains__,
        standard=standards.told(paper.report, bound),
        other_standard=standards.other_now(case, bound) if case and opened.everything else "",
        scores=found.of_section(spec.key) if found else None,
        worked=shown.works(form, data, worked_out),
        origins=prefilling.origins(paper.report, data),
    )


def own_scores(case: Application, form: Form, data: Mapping[str, Any], worked_out: Mapping[str, Any]) -> Scores | None:
    """The provisional score as the applicant may see it; of a returned case with what reviewers judged."""
    if standards.scored(case.report) is None:
        return None
    judged = scores.judged_of(case.report) if case.state == State.RETURNED else {}
    return scores.of_report(case.report, form, data, worked_out, judged=judged, own=True)


def _files(draft: drafts.Draft) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, list[Evidence]] = {}
    for row in draft.evidence:
        found.setdefault(f"{row.section}.{row.field}", []).append(row)
    return {path: tuple(rows) for path, rows in found.items()}


def _task(paper: Paper, one: Any, opened: drafts.Opened, current: str) -> Task:
    if not opened.touches(one.section):
        state = "locked"
    elif one.complete:
        state = "done"
    elif one.problems and one.started:
        state = "problem"
    else:
        state = "part" if one.started else "todo"
    hint = ""
    if state in ("part", "problem"):
        hint = _("%(done)s of %(total)s required answers") % {"done": one.done, "total": one.total}
    url = paper.url("section", one.section)
    return Task(one.section, words.text(one.title), url, state, one.section == current, hint)


def problems_by_name(spec: SectionSpec, answers: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong in what was typed, by the name of the control; what is still missing is not said while typing."""
    found: dict[str, list[str]] = {}
    for problem in engine.forms.validate_section(spec, answers, partial=True):
        found.setdefault(problem.path.partition(".")[2], []).append(words.problem(problem))
    return found


def last_shown(form: Form, known: Mapping[str, Figure]) -> dict[str, str]:
    """The figure of the last report beside each field that becomes one, in the field's own unit."""
    found = {}
    for section in form.sections:
        for spec in section.fields:
            figure = known.get(f"{section.key}.{spec.key}")
            if spec.figure and figure is not None:
                value = figure.value / (spec.unit.factor if spec.unit else 1)
                unit = words.text(spec.unit.symbol) if spec.unit else ""
                shown = {"year": figure.year, "value": f"{value.normalize():,f}", "unit": unit}
                found[f"{section.key}.{spec.key}"] = _("In the report of %(year)s: %(value)s %(unit)s") % shown
    return found


# ---- check before submission ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class FindingShown:
    """One finding as the page shows it."""

    outcome: str
    text: str
    rule: str
    article: str
    clause_text: str
    evidence: tuple[str, ...]
    source: str
    key: str = ""  # "eligibility.registered"

    @property
    def is_condition(self) -> bool:
        """A condition of the rule set, answered apart from events."""
        return self.key.split(".")[0] in engine.CHECKED


@dataclass(frozen=True, slots=True)
class MissingShown:
    section: str
    title: str
    href: str
    text: str
    article: str


@dataclass(frozen=True, slots=True)
class CheckPage:
    missing: tuple[MissingShown, ...]
    findings: tuple[FindingShown, ...]
    unscanned: tuple[str, ...]
    digest: str
    declaration: str
    declaration_source: str
    deadline: calls.Deadline | None
    is_late: bool
    is_confirmed: bool
    is_blocked: bool
    tasks: tuple[Task, ...]
    desk: Authority | None
    correction: Correction | drafts.Asked | None
    scores: Scores | None

    @property
    def notable(self) -> list[FindingShown]:
        return [one for one in self.findings if one.outcome != "clear"]

    @property
    def clear(self) -> list[FindingShown]:
        return [one for one in self.findings if one.outcome == "clear"]

    @property
    def may_submit(self) -> bool:
        late = self.is_late and self.correction is None
        return not (self.missing or self.unscanned or self.is_blocked or late) and self.is_confirmed


def check_page(case: Application, draft: drafts.Draft, findings: tuple[Finding, ...], at: datetime) -> CheckPage:
    bound = calls.rules_of(case.call)
    opened = drafts.opened(case)
    deadline = calls.submission_deadline(case.call, case.site.area.path, at)
    clause = bound.clause(bound.declaration.clause)
    first = bound.first(StepKind.DRAFT)
    tier = bound.steps[bound.steps.index(first) + 1].by
    return CheckPage(
        missing=missing_shown(of_case(case), draft),
        findings=tuple(finding_shown(bound, one) for one in findings),
        unscanned=tuple(row.blob.name for row in draft.unscanned),
        digest=drafts.digest(draft.content(), case.report),
        declaration=words.text(bound.declaration.text),
        declaration_source=clause.article if clause else _("the portal's own rule"),
        deadline=deadline,
        is_late=bool(deadline and deadline.is_over(at)) or case.call.state != "open",
        is_confirmed=case.organisation.claim == Organisation.Claim.CONFIRMED,
        is_blocked=any(one.blocks for one in findings),
        tasks=tuple(_task(of_case(case), one, opened, "") for one in draft.progress),
        desk=case.desk or (accounts.industry_authority(case.site.area, tier) if tier in set(Tier) else None),
        correction=opened.correction,
        scores=own_scores(case, draft.form, draft.data, engine.forms.values(draft.form, draft.data)),
    )


def missing_shown(paper: Paper, draft: drafts.Draft) -> tuple[MissingShown, ...]:
    """What keeps the report from being declared, each with the way to its place."""
    return tuple(_missing(paper, draft, one) for one in drafts.missing(draft.problems))


def _missing(paper: Paper, draft: drafts.Draft, one: drafts.Missing) -> MissingShown:
    clause = paper.bound.clause(one.clause)
    page = paper.url("section", one.section)
    field = one.anchor.partition(".")[0]
    return MissingShown(
        section=one.section,
        title=words.text(draft.form.section(one.section).title),
        href=f"{page}#b-{field}",
        text=one.text,
        article=clause.article if clause else "",
    )


def finding_shown(bound: BoundPolicy, one: Finding) -> FindingShown:
    clause = words.cited(bound, one.clause)
    return FindingShown(
        outcome=one.outcome.value,
        text=words.sentence(one),
        rule=words.text(Text(**label)) if isinstance(label := one.params.get("label"), Mapping) else "",
        article=clause.article if clause else "",
        clause_text=words.text(clause.text) if clause else "",
        evidence=one.evidence,
        source=words.source(one),
        key=one.rule,
    )


# ---- after submission -------------------------------------------------------------------------------------------------
def next_words(receipt: Any) -> list[str]:
    """What happens now, and by when."""
    lines = [_("%(authority)s reviews your report: %(step)s.") % {"authority": receipt.desk, "step": receipt.step}]
    if receipt.due_on:
        lines.append(_("This is to be done by %(day)s at the latest.") % {"day": _day(receipt.due_on)})
    lines.append(
        _("If something has to be corrected, you are told here and by e-mail, with the fields and the reason.")
    )
    return lines


def _day(day: date) -> str:
    return date_format(day, _("l j F Y"))
