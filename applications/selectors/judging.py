"""The page on which a reviewer judges one indicator row."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from applications import rules
from applications.models import Application, Evidence, Judgement
from applications.rules import screening as may
from applications.selectors import calls, cases, drafts, scores, screening, standards
from applications.selectors.scores import RowShown, Scores
from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy import words
from greenlist.policy.engine import criteria_form
from greenlist.policy.engine.criteria_types import Kind, Row
from greenlist.policy.engine.scoring import State as RowState


@dataclass(frozen=True, slots=True)
class Past:
    """One judgement of the row, as it was made."""

    by: Any
    at: datetime
    note: str
    told: str


@dataclass(frozen=True, slots=True)
class RowPage:
    case: Application
    spec: Row
    row: RowShown
    scores: Scores
    cells: tuple[tuple[str, str, str], ...]  # key, label, declared
    takes_points: bool
    full: str
    files: tuple[Evidence, ...]
    history: tuple[Past, ...]


def row_page(actor: Actor, reference: str, path: str) -> RowPage:
    """Raises NotVisible, also for a report without indicators; NotAllowed, WrongState as the review does."""
    case = drafts.case_of(actor, reference)
    if not actor.is_official:
        raise NotVisible
    rules.require(may.PREPARE, case, actor)
    criteria, version = standards.scored(case.report), screening.version_of(case)
    if criteria is None or version is None or path not in {row.path for row in criteria.rows}:
        raise NotVisible
    spec = criteria.row(path)
    form = drafts.form_of(case, calls.rules_of(case.call))
    judged = scores.judged_of(case.report)
    data, computed = version.data["sections"], version.data["computed"]
    shown = scores.of_report(case.report, form, data, computed, judged=judged)
    assert shown is not None
    plain = scores.evaluate(criteria, data, computed).row(path)
    group = next(one for one in shown.groups if one.key == spec.group)
    row = next(one for one in group.rows if one.path == path)
    files = [one for one in cases.declared_evidence(case, version) if _belongs(criteria, one, spec)]
    past = Judgement.objects.filter(report=case.report, row=path).select_related("by").order_by("-pk")
    return RowPage(
        case=case,
        spec=spec,
        row=row,
        scores=replace(shown, groups=(replace(group, rows=(row,), score=""),)),
        cells=_cells(plain),
        takes_points=spec.kind is Kind.QUALITATIVE or plain.state is RowState.BY_HAND,
        full=scores.number(plain.full),
        files=tuple(files),
        history=tuple(Past(one.by, one.at, one.note, _told(one)) for one in past),
    )


def _belongs(criteria: Any, file: Evidence, spec: Row) -> bool:
    return criteria_form.row_at(criteria, f"{file.section}.{file.field}") == spec


def _cells(found: Any) -> tuple[tuple[str, str, str], ...]:
    if found.kind is Kind.QUALITATIVE:
        return ()
    if not found.parts:
        return (("value", _("Corrected value"), scores.number(found.declared)),)
    return tuple(
        (
            part.key,
            _("Corrected value: %(name)s")
            % {"name": words.text(scores.YEARS[part.key]) if part.key in scores.YEARS else part.name},
            scores.number(part.declared),
        )
        for part in found.parts
    )


def _told(one: Judgement) -> str:
    said = [f"{one.declared.get(cell) or '—'} → {value}" for cell, value in one.values.items()]
    if one.points is not None:
        said.append(_("%(points)s points") % {"points": one.points})
    if one.applies is not None:
        said.append(_("applies") if one.applies else _("not applicable"))
    return "；".join(said) or _("as declared")
