"""The case file and lists of cases, for whoever may see them; each reader gets only what is theirs to know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications import rules
from applications.models import Application, Call, CheckRun, Document, Evidence, ReportVersion, TimelineEntry
from applications.rules import screening as may
from applications.selectors import calls, desk, drafts, projects, scores, shown, standards, told
from applications.selectors.differing import Pieces, pieces
from applications.selectors.filling import FindingShown, finding_shown
from applications.selectors.hits import HitShown, of_case
from applications.selectors.paging import Page, page_of
from applications.selectors.scores import Scores
from applications.states import FINAL, WITH_APPLICANT, Mode, State
from greenlist.core import clock
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotVisible
from greenlist.organisations.models import Category, Organisation, Site
from greenlist.policy import words
from greenlist.policy.engine.types import BoundPolicy, Finding, Form, Step

MAY_APPLY_AGAIN = (State.WITHDRAWN, State.REJECTED, State.NOT_LISTED)
# What each line of the timeline is called. A later stage's verb without words falls back to the state it led to.
VERBS = {
    "submit": gettext_lazy("Submitted"),
    "resubmit": gettext_lazy("Corrected and submitted again"),
    "return_for_correction": gettext_lazy("Returned for correction"),
    "pass_screening": gettext_lazy("Passed review"),
    "propose": gettext_lazy("Review concluded, put before the approver"),
    "reject": gettext_lazy("Not recommended"),
    "recommend": gettext_lazy("Recommended"),
    "send_back": gettext_lazy("Sent back for review"),
    "reopen": gettext_lazy("Review opened again"),
    "withdraw": gettext_lazy("Withdrawn"),
    "convene": gettext_lazy("Given to the experts"),
    "conclude_review": gettext_lazy("Expert review concluded"),
    "conclude_consultation": gettext_lazy("Opinions of the departments concluded"),
    "put_on_notice": gettext_lazy("Public notice"),
    "clear_notice": gettext_lazy("Public notice ended"),
    "enter_list": gettext_lazy("Listed"),
    "meet_outcome": gettext_lazy("On the published list"),
    "miss_outcome": gettext_lazy("Not on the published list"),
    "decline": gettext_lazy("Not listed"),
    "strike_off": gettext_lazy("Taken off by a correction of the announcement"),
    "disqualify": gettext_lazy("Disqualified"),
}
# The opinions that are written to the applicant; every other opinion stays with the authorities.
TO_APPLICANT = frozenset(
    {
        *("submit", "resubmit", "withdraw", "return_for_correction", "reject", "decline", "disqualify"),
        *("meet_outcome", "miss_outcome", "strike_off"),
    }
)
GRAVE = frozenset({"reject", "decline", "miss_outcome", "strike_off", "disqualify", "withdraw"})
BACK = frozenset({"return_for_correction", "send_back", "reopen"})
TABS = ("report", "evidence", "checks", "documents", "history")
EXPERT_TABS = ("report", "evidence")
LISTED = (  # what a line of the list shows
    *("reference", "name", "number", "state", "due_on", "untold_step"),
    *("call__title", "site__name", "site__area__name", "desk__name"),
)
LIST_ROWS = ("call", "organisation", "site__area", "desk")


# ---- lists ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CaseList:
    page: Page
    calls: tuple[Any, ...]  # open calls an applicant may still apply to
    states: tuple[tuple[str, str], ...]


def case_list(actor: Actor, given: Mapping[str, str], at: datetime) -> CaseList:
    """One page of the cases this actor sees, newest first; three queries at most."""
    found = Application.objects.visible_to(actor).select_related("call", "site__area", "desk").only(*LISTED)
    state = given.get("state", "")
    if state in set(told.states_for(actor)):
        found = found.filter(told.meant(state, actor))
    if text := given.get("q", "").strip():
        found = found.filter(Q(name__holds=text) | Q(number=text) | Q(code=text.upper()))
    seen = tuple((one.value, str(one.label)) for one in told.states_for(actor))
    page = page_of(found, given)
    for case in page.rows:
        told.as_told(case, actor)
    return CaseList(page, tuple(open_calls(actor)), seen)


def open_calls(actor: Actor) -> list[Call]:
    """Open calls for the organisation's sites in which none of its applications lives or came through; two queries.

    A park is shown the lists of parks, everybody else the others.
    """
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        return []
    sites = list(Site.objects.visible_to(actor).values_list("area__path", "organisation__kind"))
    is_park = any(kind == Organisation.Kind.PARK for _path, kind in sites)
    own = Application.objects.filter(organisation_id=actor.organisation_id)
    busy = set(own.exclude(state__in=MAY_APPLY_AGAIN).values_list("call_id", flat=True))
    found = calls.open_calls_at(path for path, _kind in sites)
    return [call for call in found if call.pk not in busy and (call.category == Category.PARK) == is_park]


def applicants_cases(actor: Actor) -> QuerySet[Application]:
    """The own firm's applications, newest first."""
    return Application.objects.visible_to(actor).select_related(*LIST_ROWS).order_by("-pk")


# ---- the case file ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the timeline as this reader may see it."""

    title: str
    state: str  # done | current | future | returned | grave
    at: datetime | None = None
    who: str = ""
    where: str = ""
    opinion: str = ""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class CheckShown:
    point: str
    at: datetime
    on: date
    by: str
    outcome: str
    findings: tuple[FindingShown, ...]

    @property
    def notable(self) -> list[FindingShown]:
        return [one for one in self.findings if one.outcome != "clear"]

    @property
    def clear(self) -> list[FindingShown]:
        return [one for one in self.findings if one.outcome == "clear"]


@dataclass(frozen=True, slots=True)
class CasePage:
    """The head of the case file, and the part that the chosen tab shows; the rest is left empty."""

    case: Application
    bound: BoundPolicy
    step: Step
    step_title: str
    tab: str
    tabs: tuple[Tab, ...]
    actions: tuple[Mapping[str, Any], ...]
    due_on: date | None
    is_late: bool
    correction: Any = None
    standard: standards.Told | None = None
    scores: Scores | None = None
    version: ReportVersion | None = None
    sections: tuple[shown.ShownSection, ...] = ()
    is_draft: bool = False
    has_experience: bool = False  # a typical-experience report, to be had as a document of its own
    evidence: tuple[tuple[str, Evidence], ...] = ()
    checks: tuple[CheckShown, ...] = ()
    hits: tuple[HitShown, ...] = ()
    has_paper: bool = False  # the check sheet, for officials
    may_answer: bool = False
    timeline: tuple[Line, ...] = ()
    documents: tuple[Document, ...] = ()
    versions: tuple[ReportVersion, ...] = ()
    body: str = ""  # the third-party body behind the report
    may_review: bool = False  # the review page of the case is open to this reader
    own_days: int | None = None  # working days this authority has had it, without those with the applicant
    applicant_days: int = 0  # days the applicant had it for correction meanwhile
    guided: bool = False  # a cultivation object: its page of visits on site (JY-14)


def case_page(actor: Actor, reference: str, tab: str, at: datetime) -> CasePage:
    """Raises NotVisible, also for a tab that is not this reader's."""
    case = drafts.case_of(actor, reference)
    offered = tabs_for(actor)
    if tab not in offered:
        raise NotVisible
    bound = calls.rules_of(case.call)
    case = told.as_told(case, actor, bound)
    step = bound.step(case.step)
    return CasePage(
        case=case,
        bound=bound,
        step=step,
        step_title=words.text(step.title),
        tab=tab,
        tabs=tuple(_tab(case, key, tab) for key in offered),
        actions=tuple(_action(case, one) for one in rules.available(case, actor)),
        due_on=case.due_on,
        is_late=bool(case.due_on and case.state not in FINAL and at >= clock.day_end(case.due_on)),
        correction=drafts.open_correction(case) if case.state == State.RETURNED else None,
        standard=standards.told(case.report, bound),
        body=projects.bodies_of([case.pk]).get(case.pk, "") if case.mode == Mode.BODY else "",
        guided=is_guided(case, bound) and actor.capacity != Capacity.EXPERT,
        may_review=may.is_at_desk(case, actor),
        **_clock(case, actor, clock.china_date(at)),
        **_PARTS[tab](case, bound, actor),
    )


def _clock(case: Application, actor: Actor, on: date) -> dict[str, Any]:
    """The authority's own time and the applicant's, as on the desk; nothing for who is no official of a tier."""
    if not actor.is_official or actor.tier is None or case.submitted_at is None:
        return {}
    own, applicant = desk.clocks([case], actor, on, desk.calendar(on))[case.pk]
    return {"own_days": own, "applicant_days": applicant}


def is_guided(case: Application, bound: BoundPolicy) -> bool:
    """Beyond the step that makes it a cultivation object (JY-14)."""
    keys = [step.key for step in bound.steps]
    return any(step.guidance and keys.index(case.step) > place for place, step in enumerate(bound.steps))


def tabs_for(actor: Actor) -> tuple[str, ...]:
    """An expert reads the report and its evidence, nothing of what officials wrote."""
    return EXPERT_TABS if actor.capacity == Capacity.EXPERT else TABS


def _tab(case: Application, key: str, current: str) -> Tab:
    labels = {
        "report": _("Report"),
        "evidence": _("Evidence"),
        "checks": _("Checks"),
        "documents": _("Documents"),
        "history": _("Progress"),
    }
    url = reverse("applications:case", args=[case.reference])
    return Tab(key, labels[key], url if key == TABS[0] else f"{url}{key}/", key == current)


def _action(case: Application, one: rules.Action) -> dict[str, Any]:
    return {
        "label": one.label,
        "url": reverse(one.page, args=[case.reference]),
        "primary": one.primary,
        "grave": one.danger,
        "allowed": one.allowed,
        "reason": one.reason,
    }


# ---- tabs -------------------------------------------------------------------------------------------------------------
def _report(case: Application, bound: BoundPolicy, actor: Actor) -> dict[str, Any]:
    """The declared version; for the applicant the draft while there is none, or while it is being corrected."""
    form = drafts.form_of(case, bound)
    version = case.report.versions.order_by("-number").first()
    own = actor.capacity == Capacity.APPLICANT
    if version is None or (own and case.state in WITH_APPLICANT):
        if not own:
            return {}
        draft = drafts.draft_of(case, form)
        content, rows = draft.content(), list(draft.evidence)
        found = scores_for(case, form, content, actor)
        more = {"is_draft": True, "has_experience": _has_experience(form, content)}
        return {"sections": _shown(form, content, rows, actor), "version": version, "scores": found, **more}
    rows = declared_evidence(case, version)
    found = scores_for(case, form, version.data, actor)
    more = {"has_experience": _has_experience(form, version.data)}
    return {"sections": _shown(form, version.data, rows, actor), "version": version, "scores": found, **more}


def _has_experience(form: Form, content: Mapping[str, Any]) -> bool:
    said = content["sections"]
    return any(one.paper == "experience" and any((said.get(one.key) or {}).values()) for one in form.sections)


def scores_for(case: Application, form: Any, content: Mapping[str, Any], actor: Actor) -> Scores | None:
    """With what reviewers judged: both values and the reason; for the applicant once they are done with it."""
    if standards.scored(case.report) is None:
        return None
    judged = scores.visible(case, actor, scores.judged_of(case.report))
    own = actor.capacity == Capacity.APPLICANT
    return scores.of_report(case.report, form, content["sections"], content["computed"], judged=judged, own=own)


def declared_evidence(case: Application, version: ReportVersion) -> list[Evidence]:
    """The files that stood when a version was declared."""
    rows = Evidence.objects.filter(report=case.report, added_at__lte=version.declared_at).select_related("blob")
    kept = rows.filter(Q(removed_at=None) | Q(removed_at__gt=version.declared_at))
    return list(kept.order_by("added_at", "pk"))


def _shown(
    form: Any, data: Mapping[str, Any], rows: Iterable[Evidence], actor: Actor
) -> tuple[shown.ShownSection, ...]:
    files: dict[str, list[Evidence]] = {}
    for row in rows:
        files.setdefault(f"{row.section}.{row.field}", []).append(row)
    parts = shown.sections(form, data.get("sections", {}), data.get("computed", {}), files)
    if actor.capacity != Capacity.EXPERT:
        return parts
    return tuple(
        shown.ShownSection(
            part.key, part.title, part.intro, part.clause, tuple(one for one in part.fields if not one.contact)
        )
        for part in parts
    )


def _evidence(case: Application, bound: BoundPolicy, actor: Actor) -> dict[str, Any]:
    form = drafts.form_of(case, bound)
    version = case.report.versions.order_by("-number").first()
    own = actor.capacity == Capacity.APPLICANT
    if version is None or (own and case.state in WITH_APPLICANT):
        rows = drafts.evidence_of(case.report) if own else []
    else:
        rows = declared_evidence(case, version)
    labels = {f"{s.key}.{f.key}": words.text(f.label) for s in form.sections for f in s.fields}
    return {"evidence": tuple((labels.get(f"{row.section}.{row.field}", row.field), row) for row in rows)}


def _checks(case: Application, bound: BoundPolicy, actor: Actor) -> dict[str, Any]:
    """Officials see every run; the applicant its own last one, for the rest is the authorities' work."""
    if actor.capacity == Capacity.APPLICANT:
        runs = case.checks.filter(point="apply").order_by("-at", "-pk")[:1]
        return {"checks": tuple(_check(bound, run) for run in runs)}
    return {
        "checks": runs_of(case, bound),
        "hits": of_case(case),
        "has_paper": actor.is_official,
        "may_answer": actor.is_official and actor.authority_id is not None and actor.authority_id == case.desk_id,
    }


def runs_of(case: Application, bound: BoundPolicy | None = None) -> tuple[CheckShown, ...]:
    """What was checked and found, the newest first."""
    bound = bound or calls.rules_of(case.call)
    listed: list[CheckRun] = list(case.checks.order_by("-at", "-pk")[:20])
    return tuple(_check(bound, run) for run in listed)


def _check(bound: BoundPolicy, run: CheckRun) -> CheckShown:
    points = {
        "apply": _("At submission"),
        "recommend": _("At recommendation"),
        "list": _("Before listing"),
        "ban": _("Ban of the body"),
    }
    findings = tuple(finding_shown(bound, Finding.from_json(one)) for one in run.findings)
    return CheckShown(points.get(run.point, run.point), run.at, run.on, run.by, run.outcome, findings)


def _history(case: Application, bound: BoundPolicy, actor: Actor) -> dict[str, Any]:
    return {"timeline": tuple(timeline(case, actor, bound))}


def _documents(case: Application, bound: BoundPolicy, actor: Actor) -> dict[str, Any]:
    rows = Document.objects.filter(application=case).select_related("blob").order_by("-created_at", "-pk")
    versions = case.report.versions.order_by("-number")
    return {"documents": tuple(rows), "versions": tuple(versions)}


_PARTS = {
    "report": _report,
    "evidence": _evidence,
    "checks": _checks,
    "history": _history,
    "documents": _documents,
}


# ---- timeline ---------------------------------------------------------------------------------------------------------
def timeline(case: Application, actor: Actor, bound: BoundPolicy | None = None) -> list[Line]:
    """What happened, then what is to come. An applicant sees authorities, not the persons in them, and no opinion that
    was not written to it; an expert sees nothing. One query.
    """
    if actor.capacity == Capacity.EXPERT:
        return []
    bound = bound or calls.rules_of(case.call)
    entries = case.timeline.order_by("at", "pk")
    own = actor.capacity == Capacity.APPLICANT
    if own:
        entries = entries.filter(applicant_sees=True)
    lines = [_line(bound, entry, own) for entry in entries]
    return lines if case.state in FINAL else [*lines, *_ahead(case, bound)]


def _line(bound: BoundPolicy, entry: TimelineEntry, own: bool) -> Line:
    hidden = own and entry.capacity != Capacity.APPLICANT
    label = VERBS.get(entry.verb)
    return Line(
        title=str(label) if label else _state(entry.to_state),
        state="grave" if entry.verb in GRAVE else "returned" if entry.verb in BACK else "done",
        at=entry.at,
        who="" if hidden else entry.person,
        where=entry.authority,
        opinion=entry.opinion if not own or entry.verb in TO_APPLICANT else "",
    )


def _state(value: str) -> str:
    return str(State(value).label) if value in set(State) else value


def _ahead(case: Application, bound: BoundPolicy) -> list[Line]:
    """The step the case is at, and those still ahead, with their days."""
    known = calls.extensions_of(case.call)
    here = bound.steps.index(bound.step(case.step))
    lines = []
    for index, step in enumerate(bound.steps[here:]):
        day = calls.moved(step, known, case.area_path or case.site.area.path)
        due = _("by %(day)s") % {"day": shown_day(day)} if day else ""
        where = case.desk.name if index == 0 and case.desk else ""
        lines.append(Line(words.text(step.title), "future" if index else "current", where=where, due=due))
    return lines


def shown_day(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


# ---- old and new --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Changed:
    """One field that differs between two declared versions."""

    path: str
    label: str
    old: str
    new: str
    section: str = ""  # its title

    @property
    def pieces(self) -> tuple[Pieces, Pieces]:
        """Old and new, cut where they differ."""
        return pieces(self.old, self.new)


def changes(case: Application, older: ReportVersion, newer: ReportVersion) -> list[Changed]:
    """What a correction changed, in the order of the form; tables and files as text."""
    form = drafts.form_of(case)
    sides = [
        shown.by_path(shown.sections(form, one.data.get("sections", {}), one.data.get("computed", {}), _named(one)))
        for one in (older, newer)
    ]
    titles = {one.key: shown.say(one.title) for one in form.sections}
    return [
        Changed(path, new.label, _as_text(old), _as_text(new), titles[new.section])
        for path, new in sides[1].items()
        if (old := sides[0].get(path)) is not None and _as_text(old) != _as_text(new)
    ]


def _named(version: ReportVersion) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in version.data.get("evidence", ()):
        found.setdefault(one["field"], []).append(f"{one['name']} ({one['sha256'][:12]})")
    return found


def _as_text(one: shown.ShownField) -> str:
    """A table row by row, each cell under the name of its column; below it what a calculator made of it."""
    if one.table is None and one.work is None:
        return "\n".join(str(file) for file in one.files) if one.files else one.value
    lines = []
    for table in (one.table, one.work.table if one.work else None):
        for row in table.rows if table else ():
            assert table is not None
            cells = (f"{head}: {cell}" for head, cell in zip(table.head, row, strict=True) if cell)
            lines.append("; ".join(cells))
    return "\n".join(lines)


def version_changes(
    actor: Actor, reference: str, number: int
) -> tuple[Application, ReportVersion, ReportVersion, list[Changed]]:
    """A version against the one before it. Raises NotVisible where there are not two, and for experts."""
    case = drafts.case_of(actor, reference)
    versions = {one.number: one for one in case.report.versions.filter(number__in=[number - 1, number])}
    if actor.capacity == Capacity.EXPERT or len(versions) < 2:
        raise NotVisible
    older, newer = versions[number - 1], versions[number]
    return case, older, newer, changes(case, older, newer)


def case_to_end(actor: Actor, reference: str) -> Application:
    """A case for the page that disqualifies it. Raises NotVisible, NotAllowed (not an approver at its desk)."""
    case = (
        Application.objects.visible_to(actor)
        .select_related("call__rules", "call__owner__area", "organisation", "site__area", "desk", "report")
        .filter(reference=reference)
        .first()
    )
    if case is None:
        raise NotVisible
    rules.require(rules.screening.DISQUALIFY, case, actor)
    return case
