"""The scores of a report as a reader may see them: officials everything, applicants nothing that their set hides.

What is hidden is left out here, so that no page, file or interface can show it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.models import Application, Judgement, Report
from applications.selectors import standards
from applications.states import State as CaseState
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.policy import words
from greenlist.policy.engine import criteria_form, scoring
from greenlist.policy.engine.criteria_types import PREFIX, YESNO_KINDS, Criteria, Row
from greenlist.policy.engine.scoring import Evaluation, RowResult, State, Verdict
from greenlist.policy.engine.types import Form

LABELS = {
    State.SCORED: _("scored"),
    State.MET: _("met"),
    State.NOT_MET: _("not met"),
    State.BY_HAND: _("to be scored by a reviewer"),
    State.NOT_APPLICABLE: _("not applicable"),
    State.MISSING: _("not answered yet"),
}
UNSCORED = {State.SCORED: _("answered")}  # where points are hidden
YEARS = criteria_form.YEARS
LIVE = "score:"  # before the path of a row, among the worked-out values a page shows


@dataclass(frozen=True, slots=True)
class PartShown:
    name: str
    value: str
    declared: str
    base: str
    lead: str
    weight: str


@dataclass(frozen=True, slots=True)
class RowShown:
    """One row. Empty texts where the reader may not see the figure."""

    path: str
    live: str
    section: str
    key: str
    label: str
    state: str
    state_label: str
    kind: str
    value: str = ""
    declared: str = ""
    unit: str = ""
    base: str = ""
    lead: str = ""
    points: str = ""
    full: str = ""
    rule: str = ""
    source: str = ""
    size: str = ""
    case: str = ""
    note: str = ""
    unverified: str = ""
    is_corrected: bool = False
    is_outdated: bool = False
    is_by_hand: bool = False
    is_yesno: bool = False
    may_not_apply: bool = False
    parts: tuple[PartShown, ...] = ()
    judged: Judgement | None = None


@dataclass(frozen=True, slots=True)
class GroupShown:
    key: str
    section: str
    title: str
    rows: tuple[RowShown, ...]
    score: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    groups: tuple[GroupShown, ...]
    total: str
    most: str
    bonus: str
    years: tuple[tuple[str, str], ...]
    is_met: bool
    is_provisional: bool
    failed: tuple[str, ...]
    shows_points: bool
    shows_reference: bool

    def of_section(self, section: str) -> "Scores | None":
        """Only the rows of one section; None where it has none."""
        found = tuple(group for group in self.groups if group.section == section)
        return replace(self, groups=found) if found else None

    @property
    def live(self) -> dict[str, str]:
        """Points by the name of their place on the page: what autosave sends back. Empty where points are hidden."""
        if not self.shows_points:
            return {}
        found = {row.live: row.points for group in self.groups for row in group.rows}
        return found | {f"{LIVE}total": self.total}


def number(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():,f}"


# ---- working out ----------------------------------------------------------------------------------------------------
def evaluate(
    criteria: Criteria,
    data: Mapping[str, Any],
    computed: Mapping[str, Any],
    judged: Mapping[str, Judgement] | None = None,
) -> Evaluation:
    """`computed`: as worked out, or as kept with a declared version."""
    values = {path: None if value is None else Decimal(str(value)) for path, value in computed.items()}
    verdicts = {
        path: verdict_of(one) for path, one in (judged or {}).items() if not is_outdated(criteria, one, data, computed)
    }
    return scoring.evaluate(criteria, data, verdicts=verdicts, values=values)


def verdict_of(one: Judgement) -> Verdict:
    values = {cell: Decimal(value) for cell, value in one.values.items()}
    return Verdict(applies=one.applies, points=one.points, values=values, note=one.note)


def judged_of(report: Report) -> dict[str, Judgement]:
    """The judgement that stands on each row; one query."""
    rows = Judgement.objects.filter(report=report).select_related("by").order_by("pk")
    return {one.row: one for one in rows}


def visible(case: Application, actor: Actor, judged: dict[str, Judgement]) -> dict[str, Judgement]:
    """The judgements this reader sees: an applicant none that officials are still at work on."""
    if actor.is_official or case.state != CaseState.SCREENING:
        return judged
    return {path: one for path, one in judged.items() if one.step != case.step}


def basis_of(criteria: Criteria, path: str, data: Mapping[str, Any], computed: Mapping[str, Any]) -> str:
    """The digest of what a row rests on: a judgement holds while that is what was judged."""
    row = criteria.row(path)
    given = data.get(row.section) or {}
    answers = {
        key: value for key, value in given.items() if criteria_form.row_at(criteria, f"{row.section}.{key}") == row
    }
    worked = {
        name: None if value is None else str(value)
        for name, value in computed.items()
        if name.startswith(f"{row.section}.{row.key}")
    }
    return digest_of({"answers": answers, "computed": worked})


def is_outdated(criteria: Criteria, one: Judgement, data: Mapping[str, Any], computed: Mapping[str, Any]) -> bool:
    """The applicant changed the row after it was judged."""
    return one.basis != basis_of(criteria, one.row, data, computed)


def kept(report: Report, content: Mapping[str, Any]) -> dict[str, Any]:
    """The score of what is declared, to be kept with it; empty where the report has no indicators."""
    criteria = standards.scored(report)
    return evaluate(criteria, content["sections"], content["computed"]).as_json() if criteria else {}


# ---- showing --------------------------------------------------------------------------------------------------------
def of_report(
    report: Report,
    form: Form,
    data: Mapping[str, Any],
    computed: Mapping[str, Any],
    *,
    judged: Mapping[str, Judgement] | None = None,
    own: bool = False,
) -> Scores | None:
    """None where the report has no indicators. `own`: for the applicant, without what the set hides."""
    criteria = standards.scored(report)
    if criteria is None:
        return None
    known = judged or {}
    found = evaluate(criteria, data, computed, known)
    hidden = criteria.hidden if own else frozenset()
    points, reference = (criteria.shows_score or not own), "reference" not in hidden
    outdated = {path for path, one in known.items() if is_outdated(criteria, one, data, computed)}
    groups = tuple(
        GroupShown(
            key=group.key,
            section=f"{PREFIX}{group.key}",
            title=words.text(group.title),
            rows=tuple(
                _row(criteria, row, found.row(row.path), known.get(row.path), outdated, points, reference, hidden)
                for row in group.rows
            ),
            score=number(result.score) if points else "",
            weight=number(result.weight) if points else "",
        )
        for group, result in zip(criteria.groups, found.groups, strict=True)
    )
    years = tuple((words.text(YEARS[year]), number(total)) for year, total in found.years.items())
    return Scores(
        groups=groups,
        total=number(found.total) if points else "",
        most=number(found.most) if points else "",
        bonus=number(found.bonus) if points and found.bonus else "",
        years=years if points else (),
        is_met=found.met,
        is_provisional=found.provisional,
        failed=tuple(words.text(found.row(path).label) for path in found.failed),
        shows_points=points,
        shows_reference=reference,
    )


def _row(
    criteria: Criteria,
    row: Row,
    found: RowResult,
    judged: Judgement | None,
    outdated: Iterable[str],
    points: bool,
    reference: bool,
    hidden: frozenset[str],
) -> RowShown:
    label = LABELS[found.state] if points else UNSCORED.get(found.state, LABELS[found.state])
    return RowShown(
        path=row.path,
        live=f"{LIVE}{row.path}",
        section=row.section,
        key=row.key,
        label=words.text(found.label),
        state=found.state.value,
        state_label=str(label),
        kind=row.kind.value,
        value=_value(found),
        declared=number(found.declared) if found.corrected else "",
        unit=words.text(found.unit),
        base=number(found.reference.base) if reference else "",
        lead=number(found.reference.lead) if reference else "",
        points=number(found.points) if points else "",
        full=number(found.full) if points else "",
        rule=words.text(row.rule) if "rule" not in hidden else "",
        source=words.text(row.source) if not hidden else "",
        size=words.text(found.size) if reference else "",
        case=found.case,
        note=judged.note if judged else "",
        unverified=_unverified(row) if not hidden else "",
        is_corrected=found.corrected,
        is_outdated=row.path in set(outdated),
        is_by_hand=found.state is State.BY_HAND or bool(judged and judged.points is not None),
        is_yesno=found.kind in YESNO_KINDS,
        may_not_apply=row.may_be_not_applicable,
        parts=tuple(_part(part, reference) for part in found.parts),
        judged=judged,
    )


def _value(found: RowResult) -> str:
    if found.kind in YESNO_KINDS:
        return ""
    return number(found.value)


def _unverified(row: Row) -> str:
    said = [row.unverified, row.points_unverified]
    for measure in row.measures:
        for one in (measure.reference, *(size.reference for size in measure.classes)):
            said += [one.base_unverified, one.lead_unverified]
    return "；".join(dict.fromkeys(text for text in said if text))


def _part(part: scoring.Part, reference: bool) -> PartShown:
    return PartShown(
        name=part.name or (words.text(YEARS[part.key]) if part.key in YEARS else part.key),
        value=number(part.value),
        declared=number(part.declared) if part.declared != part.value else "",
        base=number(part.reference.base) if reference else "",
        lead=number(part.reference.lead) if reference else "",
        weight=number(part.weight),
    )
