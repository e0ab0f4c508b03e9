"""动态管理表 as pages show it: the unit's own list and table, what is doubtful, what reviewers see, the board of a cycle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from applications.models import Evidence, Figure, ReportVersion
from applications.selectors import calls, drafts, papers, shown, standards
from applications.selectors.filling import last_shown, missing_shown
from applications.selectors.paging import Page, page_of
from dynamics import rules
from dynamics.models import Cycle, OpinionReport, YearlyOpinion, YearlyReport
from dynamics.selectors import cycles
from dynamics.states import WITH_UNIT, CycleState, Word, YearlyState
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.clock import china_date
from greenlist.core.errors import NotAllowed, NotVisible, WrongState
from greenlist.core.verbs import Action, offered, require
from greenlist.organisations.models import Category, Title
from greenlist.policy import words
from greenlist.policy.engine import duties, forms, plausibility
from greenlist.policy.engine.plausibility import Doubt, Known
from greenlist.policy.engine.types import BoundPolicy, Duty, Field, FieldType, Form
from registry.models import Listing

KIND = "yearly"
CHANGES = "changes"  # the section in which changes are told (JY-21, HLJ-31, QHD-15)
KINDS_OF_CHANGE = ("name", "scope", "address", "boundary")
HEAD = "basic"


# ---- the table as a paper ---------------------------------------------------------------------------------------------
def paper_of(table: YearlyReport) -> papers.Paper:
    """The table as the pages of drafts know it. Raises NotVisible while it was not begun."""
    if table.report is None:
        raise NotVisible
    bound = cycles.rules_of(table.cycle, table.category)
    report = table.report
    return papers.Paper(
        kind=KIND,
        reference=table.reference,
        name=table.name,
        title=title_of(table),
        report=report,
        bound=bound,
        form=standards.form_of(report, bound),
        subject=("yearly", table.pk),
        open_now=lambda: _opened(table),
        last_day=lambda: _last_day(table),
        figures_before=lambda at: figures_before(table, standards.form_of(report, bound), at),
        home=reverse("dynamics:yearly", args=[table.reference]),
        check=reverse("dynamics:yearly-check", args=[table.reference]),
        rail=reverse("dynamics:yearly-own"),
        rail_title=_("Yearly tables"),
    )


def title_of(table: YearlyReport) -> str:
    label = words.text(cycles.duty_of(table.cycle, table.category).label)
    return _("%(label)s %(year)s") % {"label": label, "year": table.cycle.year}


def _opened(table: YearlyReport) -> drafts.Opened:
    """Everything while it is a draft, the named fields after a return."""
    if table.cycle.state != CycleState.OPEN or table.state not in WITH_UNIT:
        return drafts.Opened(everything=False)
    if table.state == YearlyState.DRAFT:
        return drafts.Opened(everything=True)
    back = last_return(table)
    asked = drafts.Asked(back.text, table.answer_by) if back else None
    remarks = dict(back.fields) if back else {}
    return drafts.Opened(everything=False, paths=frozenset(remarks), correction=asked, remarks=remarks)


def _last_day(table: YearlyReport) -> calls.Deadline:
    day = table.answer_by if table.state == YearlyState.RETURNED and table.answer_by else table.due_on
    return calls.Deadline(day=day, step="", clause=cycles.duty_of(table.cycle, table.category).clause)


def last_version(table: YearlyReport) -> ReportVersion | None:
    if table.report_id is None:
        return None
    return ReportVersion.objects.filter(report_id=table.report_id).order_by("-number").first()


def last_return(table: YearlyReport) -> YearlyOpinion | None:
    return YearlyOpinion.objects.filter(report=table, word=Word.RETURNED).order_by("-pk").first()


def opinion_reports(table: YearlyReport, version: ReportVersion) -> QuerySet[OpinionReport]:
    return OpinionReport.objects.filter(report=table, version=version).order_by("-pk")


def paths_of(table: YearlyReport) -> frozenset[str]:
    """What can be returned for correction."""
    form = paper_of(table).form
    return frozenset(
        f"{section.key}.{spec.key}"
        for section in form.sections
        for spec in section.fields
        if spec.is_answered or spec.type is FieldType.FILE
    )


# ---- last year --------------------------------------------------------------------------------------------------------
def figures_before(table: YearlyReport, form: Form, at: datetime | None = None) -> dict[str, Figure]:
    """The newest figure of an earlier year for each field, that the same organisation declared for the site: in a table of
    an earlier year or in an evaluation. By the field's path.
    """
    if table.report is None:
        return {}
    keys = plausibility.last_keys(form)
    own = Q(version__report__yearly__organisation_id=table.organisation_id)
    own |= Q(version__report__application__organisation_id=table.organisation_id)
    rows = Figure.objects.filter(
        own,
        site_id=table.site_id,
        key__in={name for names in keys.values() for name in names},
        year__lt=table.report.year,
    ).exclude(version__report_id=table.report_id)
    if at is not None:
        rows = rows.filter(version__declared_at__lt=at)
    newest = {row.key: row for row in rows.order_by("year", "version__declared_at", "pk")}
    found = {}
    for path, names in keys.items():
        known = [newest[name] for name in names if name in newest]
        if known:
            found[path] = max(known, key=lambda row: row.year)
    return found


@dataclass(slots=True)
class Before:
    """What a new table takes over: section → key → answer, and from where, by path."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(
        self, path: str, value: Any, kind: str, *, year: int | None = None, label: str = "", case: str = ""
    ) -> None:
        section, key = path.split(".")
        self.answers.setdefault(section, {})[key] = value
        self.origins[path] = {"value": value, "kind": kind, "label": label, "case": case, "year": year}


def known_before(table: YearlyReport, form: Form, at: datetime) -> Before:
    """From the list, from last year's table, from the last evaluation: the newest that has something fitting."""
    found = Before()
    for path, value in _of_list(table).items():
        if _has(form, path):
            found.take(path, value, "list")
    sources = [_last_table(table), _last_evaluation(table, at)]
    for section in form.sections:
        for spec in section.fields:
            path = f"{section.key}.{spec.key}"
            if spec.yearly and path not in found.origins:
                _take_first(found, path, spec, [one for one in sources if one is not None])
    return found


@dataclass(frozen=True, slots=True)
class _Source:
    said: Mapping[str, Mapping[str, Any]]
    kind: str
    year: int | None
    label: str = ""
    case: str = ""


def _take_first(found: Before, path: str, spec: Field, sources: Iterable[_Source]) -> None:
    for one in sources:
        for name in (path, *spec.same_as):
            section, key = name.split(".")
            value = (one.said.get(section) or {}).get(key)
            if _fits(spec, value):
                found.take(path, value, one.kind, year=one.year, label=one.label, case=one.case)
                return


def _fits(spec: Field, value: Any) -> bool:
    if forms.is_empty(value):
        return False
    if spec.is_table:
        return isinstance(value, list) and any(isinstance(row, dict) for row in value)
    if spec.type is FieldType.NUMBER:
        return forms.number(value) is not None
    if spec.type is FieldType.CHOICE:
        return value in [choice.key for choice in spec.choices]
    short = spec.max_chars is None or forms.characters(str(value)) <= spec.max_chars
    return spec.type in (FieldType.TEXT, FieldType.LONGTEXT) and isinstance(value, str) and short


def _has(form: Form, path: str) -> bool:
    try:
        form.field(path)
    except (KeyError, ValueError):
        return False
    return True


def _of_list(table: YearlyReport) -> dict[str, Any]:
    """What the list book says: from when, by which batch, on which tiers."""
    with translation.override("zh-hans"):
        tiers = "、".join(str(TIER_NAMES[tier]) for tier in table.tiers if tier in TIER_NAMES)
    rows = Listing.objects.filter(site_id=table.site_id, listbook__category=table.category)
    rows = rows.select_related("listbook").order_by("listed_on", "pk")
    listed = "；".join(f"{row.listbook.title}（{row.year}年）" for row in rows)
    known = {f"{HEAD}.tiers": tiers, f"{HEAD}.listed": listed[:200]}
    found: dict[str, Any] = {path: text for path, text in known.items() if text}
    if table.form.startswith("dynamic-"):
        found[f"{HEAD}.year"] = str(table.cycle.year - 1)
    return found


TIER_NAMES = {
    Tier.COUNTY.value: _lazy("county level"),
    Tier.CITY.value: _lazy("city level"),
    Tier.PROVINCE.value: _lazy("provincial level"),
    Tier.NATION.value: _lazy("national level"),
}


def _last_table(table: YearlyReport) -> _Source | None:
    """The newest table of an earlier year that was handed in for the same site."""
    rows = ReportVersion.objects.filter(
        report__yearly__organisation_id=table.organisation_id,
        report__yearly__site_id=table.site_id,
        report__yearly__category=table.category,
        report__yearly__cycle__year__lt=table.cycle.year,
    )
    version = rows.select_related("report").order_by("-report__yearly__cycle__year", "-declared_at", "-pk").first()
    return _Source(version.data.get("sections", {}), "yearly", version.report.year) if version else None


def _last_evaluation(table: YearlyReport, at: datetime) -> _Source | None:
    rows = ReportVersion.objects.filter(
        report__application__organisation_id=table.organisation_id,
        report__site_id=table.site_id,
        report__category=table.category,
        declared_at__lt=at,
    )
    version = rows.select_related("report__application").order_by("-declared_at", "-pk").first()
    if version is None:
        return None
    case = version.report.application
    year = version.report.year
    return _Source(version.data.get("sections", {}), "report", year, case.number or "—", case.reference)


# ---- plausibility -----------------------------------------------------------------------------------------------------
def doubts_of(table: YearlyReport, draft: drafts.Draft, at: datetime | None = None) -> tuple[Doubt, ...]:
    """Figures that want a reason. One query."""
    known = figures_before(table, draft.form, at)
    last = {path: Known(row.value, row.year) for path, row in known.items()}
    return plausibility.doubts(draft.form, draft.data, last, table.industry_code)


def doubt_text(one: Doubt) -> str:
    """Why a figure wants an explanation, for people."""
    said = {**one.params, "label": words.text(one.label), "unit": _unit(one)}
    if one.code == "range":
        if not said["least"]:
            return _("%(label)s: %(now)s %(unit)s is unusual; usually at most %(most)s.") % said
        if not said["most"]:
            return _("%(label)s: %(now)s %(unit)s is unusual; usually at least %(least)s.") % said
        return _("%(label)s: %(now)s %(unit)s is unusual; usually %(least)s to %(most)s.") % said
    if one.code == "unit":
        return (
            _("%(label)s: %(now)s %(unit)s, and %(before)s in %(year)s. Is the unit right? If it is, explain.") % said
        )
    if not said["change"]:
        return _("%(label)s: %(now)s %(unit)s, and %(before)s in %(year)s: explain the change.") % said
    return (
        _(
            "%(label)s: %(now)s %(unit)s, and %(before)s in %(year)s: a change of %(change)s %%. Above %(most)s %% explain it."
        )
        % said
    )


def _unit(one: Doubt) -> str:
    unit = one.params.get("unit")
    if not isinstance(unit, Mapping):
        return ""
    return str(unit["en" if (translation.get_language() or "").startswith("en") else "zh"])


def content_of(table: YearlyReport, draft: drafts.Draft) -> dict[str, Any]:
    """What is declared: answers, results, files, and the reasons of doubtful figures."""
    return {**draft.content(), "reasons": dict(sorted(table.reasons.items()))}


# ---- what the table says of changes -----------------------------------------------------------------------------------
def changed_of(version: ReportVersion) -> dict[str, str]:
    """Kinds of change told in a declared table, with what was said: name | scope | address | boundary (QHD-15, JY-21)."""
    said = (version.data.get("sections") or {}).get(CHANGES) or {}
    return {kind: str(said.get(f"{kind}_text") or "") for kind in KINDS_OF_CHANGE if said.get(kind) is True}


# ---- the unit's own pages ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class OwnRow:
    table: YearlyReport
    title: str
    state: str
    state_label: str
    last_day: date
    is_overdue: bool
    exempt: str


@dataclass(frozen=True, slots=True)
class Again:
    """A site for which an evaluation report may be handed in again."""

    cycle: Cycle
    title: str
    site: int
    category: str
    list: str


@dataclass(frozen=True, slots=True)
class OwnPage:
    rows: Page
    again: tuple[Again, ...]


def own_page(actor: Actor, given: Mapping[str, str], today: date) -> OwnPage:
    """Every table of one's own, the newest first. Raises NotAllowed for everybody but a unit's people."""
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        raise NotAllowed(rules.UNIT_ONLY)
    rows = YearlyReport.objects.visible_to(actor).select_related("cycle__rules__rule_set", "cycle__owner")
    rows = rows.defer(*cycles.HEAVY_OF_TABLE)
    page = page_of(rows, given, size=30)
    rows_shown = Page(tuple(own_row(row, today) for row in page.rows), page.older, page.is_first)
    return OwnPage(rows_shown, _may_aspire(actor, today))


def _may_aspire(actor: Actor, today: date) -> tuple[Again, ...]:
    """Sites on a list for which the unit may say that it means to apply higher (JY-19). Few cycles are of that kind."""
    found = []
    rows = Cycle.objects.open().filter(due_on__gte=today).select_related(*cycles.CYCLE_ROWS).defer(*cycles.HEAVY)
    for cycle in rows.order_by("pk"):
        duty = cycles.duty_of(cycle)
        if duty.who != duties.ASPIRING:
            continue
        there = YearlyReport.objects.filter(cycle=cycle, organisation_id=actor.organisation_id)
        known = set(there.values_list("site_id", "category"))
        titles = Title.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=today),
            site__organisation_id=actor.organisation_id,
            site__area__path__startswith=cycle.owner.area.path,
            tier__in=duty.tiers,
        )
        pairs = dict.fromkeys(titles.order_by("pk").values_list("site_id", "site__name", "category"))
        label = words.text(duty.label)
        found += [
            Again(cycle, f"{label} · {name}", site, category, str(Category(category).label))
            for site, name, category in pairs
            if (site, category) not in known
        ]
    return tuple(found)


def own_row(row: YearlyReport, today: date) -> OwnRow:
    return OwnRow(
        table=row,
        title=title_of(row),
        state=row.state,
        state_label=state_label(row, today),
        last_day=row.answer_by if row.state == YearlyState.RETURNED and row.answer_by else row.due_on,
        is_overdue=is_overdue(row, today),
        exempt=exempt_words(row),
    )


def is_overdue(row: YearlyReport, today: date) -> bool:
    """The same as `YearlyReportQuerySet.overdue`."""
    if row.state in (YearlyState.DUE, YearlyState.DRAFT):
        return row.due_on < today
    back = row.state == YearlyState.RETURNED and row.answer_by is not None
    return bool(back and row.answer_by and row.answer_by < today and row.due_on < today)


def state_label(row: YearlyReport, today: date) -> str:
    return _("past the last day") if is_overdue(row, today) else str(row.get_state_display())


def exempt_words(row: YearlyReport) -> str:
    """Why a unit need not file."""
    if row.state != YearlyState.EXEMPT:
        return ""
    if row.exempt_reason == "higher_title":
        tier = TIER_NAMES.get(row.exempt_tier, row.exempt_tier)
        return _("On a higher list as well: only the table of the %(tier)s list is filed.") % {"tier": tier}
    if row.exempt_reason == "applied":
        return _("The evaluation report of this year's application counts.")
    return _("Not on the list any more.")


@dataclass(frozen=True, slots=True)
class OpinionShown:
    row: YearlyOpinion
    label: str
    tier: str
    fields: tuple[tuple[str, str], ...]  # (label, what is to be corrected)


@dataclass(frozen=True, slots=True)
class TablePage:
    """One table, as it may be seen by who asks: declared answers; a draft is nobody's but the unit's."""

    table: YearlyReport
    title: str
    duty: Duty
    bound: BoundPolicy
    article: str
    version: ReportVersion | None
    sections: tuple[shown.ShownSection, ...]
    reasons: tuple[tuple[str, str], ...]  # (what was doubtful, why it is right)
    opinions: tuple[OpinionShown, ...]
    reports: tuple[OpinionReport, ...]
    actions: tuple[Action, ...]
    is_overdue: bool
    is_late: bool
    state_label: str
    exempt: str
    exempt_article: str
    instead: YearlyReport | None
    changed: tuple[str, ...]


def table_page(actor: Actor, reference: str, today: date) -> TablePage:
    """Raises NotVisible."""
    table = cycles.table_of(actor, reference)
    bound = cycles.rules_of(table.cycle, table.category)
    duty = cycles.duty_of(table.cycle, table.category)
    version = last_version(table)
    clause = bound.clause(duty.clause)
    exempt = bound.clause(table.exempt_clause) if table.exempt_clause else None
    sections: tuple[shown.ShownSection, ...] = ()
    labels: dict[str, str] = {}
    if version is not None and table.report is not None:
        form = standards.form_of(table.report, bound)
        sections = declared(form, version)
        labels = labels_of(form)
    return TablePage(
        table=table,
        title=title_of(table),
        duty=duty,
        bound=bound,
        article=clause.article if clause else "",
        version=version,
        sections=sections,
        reasons=tuple(
            (labels.get(path, path), text)
            for path, text in ((version.data if version else {}).get("reasons") or {}).items()
        ),
        opinions=_opinions(table, labels),
        reports=tuple(OpinionReport.objects.filter(report=table).select_related("authority").order_by("-pk"))
        if actor.is_official
        else (),
        actions=tuple(offered(rules.TABLE_VERBS, table, actor)),
        is_overdue=is_overdue(table, today),
        is_late=bool(table.filed_at and _day(table.filed_at) > table.due_on),
        state_label=state_label(table, today),
        exempt=exempt_words(table),
        exempt_article=exempt.article if exempt else "",
        instead=_instead(table),
        changed=tuple(changed_of(version)) if version else (),
    )


def _day(at: datetime) -> date:
    return china_date(at)


def declared(form: Form, version: ReportVersion) -> tuple[shown.ShownSection, ...]:
    """The answers of a declared version with the files that stood then."""
    rows = Evidence.objects.filter(report_id=version.report_id, added_at__lte=version.declared_at).select_related(
        "blob"
    )
    kept = rows.filter(Q(removed_at=None) | Q(removed_at__gt=version.declared_at)).order_by("added_at", "pk")
    files: dict[str, list[Evidence]] = {}
    for row in kept:
        files.setdefault(f"{row.section}.{row.field}", []).append(row)
    return shown.sections(form, version.data.get("sections", {}), version.data.get("computed", {}), files)


def labels_of(form: Form) -> dict[str, str]:
    return {f"{part.key}.{spec.key}": words.text(spec.label) for part in form.sections for spec in part.fields}


def _opinions(table: YearlyReport, labels: Mapping[str, str]) -> tuple[OpinionShown, ...]:
    rows = YearlyOpinion.objects.filter(report=table).select_related("authority", "version").order_by("-pk")
    return tuple(
        OpinionShown(
            row,
            str(row.get_word_display()),
            str(TIER_NAMES.get(row.tier, row.tier)),
            tuple((labels.get(path, path), why) for path, why in row.fields.items()),
        )
        for row in rows
    )


def _instead(table: YearlyReport) -> YearlyReport | None:
    """The table of the higher list that the unit files instead (QHD-12b), where its cycle is kept here."""
    if table.exempt_reason != "higher_title":
        return None
    rows = YearlyReport.objects.filter(
        site_id=table.site_id, category=table.category, cycle__year=table.cycle.year, cycle__duty=table.cycle.duty
    )
    rows = rows.exclude(pk=table.pk).exclude(state=YearlyState.EXEMPT).select_related("cycle__owner")
    return next((row for row in rows.order_by("pk") if table.exempt_tier in row.tiers), None)


def own_table(actor: Actor, reference: str) -> YearlyReport:
    """The unit's own table, to begin, fill in or hand in. Raises NotVisible, NotAllowed."""
    table = cycles.table_of(actor, reference)
    require(rules.FILL_TABLE, table, actor)
    return table


# ---- check before handing in ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class DoubtShown:
    path: str
    text: str
    reason: str
    href: str

    @property
    def name(self) -> str:
        return f"why-{self.path}"


@dataclass(frozen=True, slots=True)
class CheckPage:
    table: YearlyReport
    title: str
    paper: papers.Paper
    missing: tuple[Any, ...]
    doubts: tuple[DoubtShown, ...]
    unscanned: tuple[str, ...]
    digest: str
    declaration: str
    deadline: calls.Deadline | None
    is_late: bool
    is_open: bool

    @property
    def silent(self) -> tuple[DoubtShown, ...]:
        return tuple(one for one in self.doubts if not one.reason)

    @property
    def may_file(self) -> bool:
        return self.is_open and not (self.missing or self.unscanned or self.silent)


def check_page(table: YearlyReport, today: date) -> CheckPage:
    """Raises NotVisible while it was not begun."""
    paper = paper_of(table)
    draft = drafts.draft_of_report(paper.report, paper.form)
    found = doubts_of(table, draft)
    return CheckPage(
        table=table,
        title=title_of(table),
        paper=paper,
        missing=missing_shown(paper, draft),
        doubts=tuple(
            DoubtShown(
                one.path,
                doubt_text(one),
                table.reasons.get(one.path, ""),
                f"{paper.url('section', one.path.split('.')[0])}#b-{one.path.split('.')[1]}",
            )
            for one in found
        ),
        unscanned=tuple(row.blob.name for row in draft.unscanned),
        digest=drafts.digest(content_of(table, draft), paper.report),
        declaration=words.text(paper.bound.declaration.text),
        deadline=paper.last_day(),
        is_late=today > table.due_on and table.filed_at is None,
        is_open=table.state in WITH_UNIT and table.cycle.state == CycleState.OPEN,
    )


# ---- the opinion report -----------------------------------------------------------------------------------------------
def opinion_data(
    table: YearlyReport,
    version: ReportVersion,
    text: str,
    points: list[dict[str, Any]],
    meets: bool | None,
    actor: Actor,
    at: datetime,
) -> dict[str, Any]:
    """What the opinion report is printed from (HLJ-28)."""
    duty = cycles.duty_of(table.cycle, table.category)
    bound = cycles.rules_of(table.cycle, table.category)
    clause = bound.clause(duty.opinion_clause)
    said = changed_of(version)
    return {
        "table": duty.label.zh,
        "year": table.cycle.year,
        "name": table.name,
        "code": table.code,
        "category": table.category,
        "tiers": list(table.tiers),
        "filed": _day(table.filed_at).isoformat() if table.filed_at else "",
        "due": table.due_on.isoformat(),
        "version": version.number,
        "digest": version.digest,
        "article": clause.article if clause else "",
        "rules": bound.header.title.zh,
        "text": text,
        "points": points,
        "meets": meets,
        "changes": [{"kind": kind, "text": told} for kind, told in said.items()],
        "authority": actor.authority_name,
        "person": actor.name,
        "on": _day(at).isoformat(),
    }


# ---- reviewing --------------------------------------------------------------------------------------------------------
def explained(
    table: YearlyReport, version: ReportVersion, form: Form, before: Mapping[str, Figure]
) -> tuple[tuple[str, str], ...]:
    """What was doubtful in a declared table, and why the unit says that it is right."""
    known = {path: Known(row.value, row.year) for path, row in before.items()}
    found = plausibility.doubts(form, version.data.get("sections", {}), known, table.industry_code)
    reasons = version.data.get("reasons") or {}
    return tuple((doubt_text(one), reasons.get(one.path, "")) for one in found)


@dataclass(frozen=True, slots=True)
class ReviewPage:
    page: TablePage
    doubts: tuple[tuple[str, str], ...]  # (what was doubtful, why it is right)
    last: Mapping[str, str]
    labels: Mapping[str, str]
    wants_report: bool
    has_report: bool


def returnable(table: YearlyReport) -> dict[str, str]:
    """Every field that can be returned, with its section, by path. Raises NotVisible while it was not begun."""
    form = paper_of(table).form
    known = paths_of(table)
    return {
        path: f"{words.text(section.title)} · {words.text(spec.label)}"
        for section in form.sections
        for spec in section.fields
        if (path := f"{section.key}.{spec.key}") in known
    }


def review_page(actor: Actor, reference: str, today: date) -> ReviewPage:
    """The table with what helps to judge it. Raises NotVisible, NotAllowed (not at this desk), WrongState."""
    page = table_page(actor, reference, today)
    require(rules.REVIEW_TABLE, page.table, actor)
    if page.table.state != YearlyState.FILED or page.version is None or page.table.report is None:
        now = {"state": page.table.get_state_display()}
        raise WrongState(_("This is not possible any more: the table is now “%(state)s”.") % now)
    form = standards.form_of(page.table.report, page.bound)
    before = figures_before(page.table, form, page.version.declared_at)
    wants = page.duty.opinion == "document"
    return ReviewPage(
        page=page,
        doubts=explained(page.table, page.version, form, before),
        last=last_shown(form, before),
        labels=returnable(page.table),
        wants_report=wants,
        has_report=wants and opinion_reports(page.table, page.version).filter(tier=page.table.tier).exists(),
    )
