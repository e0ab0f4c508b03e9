"""The rows of a case's criteria set as an expert scores them, and the sum (QHD-9, HLJ-18a, feature 16)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from applications.models import Application
from applications.selectors import scores as report_scores
from applications.selectors import screening as reports
from applications.selectors import standards
from greenlist.policy import words
from greenlist.policy.engine import scoring
from greenlist.policy.engine.criteria_form import years_of
from greenlist.policy.engine.criteria_types import BINDING, Criteria
from greenlist.policy.engine.scoring import Evaluation, State, Verdict

Rows = Mapping[str, Mapping[str, str]]  # path → {"points", "comment"}


@dataclass(frozen=True, slots=True)
class Line:
    """One row to score. `worked`: what the declared figures bring, as the portal works it out; empty where it cannot."""

    path: str
    field: str  # end of the names of its inputs
    label: str
    rule: str
    full: Decimal
    value: str
    worked: str
    is_binding: bool  # met or not: all its points or none


@dataclass(frozen=True, slots=True)
class Branch:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Everything that scoring one case by its criteria needs."""

    title: str
    branches: tuple[Branch, ...]
    criteria: Criteria
    data: Mapping[str, Any]
    computed: Mapping[str, Any]

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for branch in self.branches for line in branch.lines)

    @property
    def most(self) -> Decimal:
        return self.criteria.total


@dataclass(frozen=True, slots=True)
class Sum:
    """What a sheet's rows come to. `missing`: rows without points; `failed`: rows that must be met and are not."""

    total: Decimal
    missing: tuple[str, ...]
    failed: tuple[str, ...]


def of(case: Application) -> Tree | None:
    """None where the report is judged as a whole: it has no indicators of its own."""
    criteria = standards.scored(case.report)
    version = reports.version_of(case)
    if criteria is None or version is None:
        return None
    data, computed = version.data["sections"], version.data.get("computed", {})
    found = report_scores.evaluate(criteria, data, computed)
    branches = tuple(
        Branch(
            words.text(group.title),
            tuple(
                _line(criteria, row.path, found)
                for row in group.rows
                if found.row(row.path).state is not State.NOT_APPLICABLE
            ),
        )
        for group in criteria.groups
    )
    return Tree(words.text(criteria.title), tuple(one for one in branches if one.lines), criteria, data, computed)


def _line(criteria: Criteria, path: str, found: Evaluation) -> Line:
    row, result = criteria.row(path), found.row(path)
    is_known = result.state in (State.SCORED, State.MET, State.NOT_MET)
    return Line(
        path=path,
        field=path.replace(".", "-"),
        label=words.text(result.label),
        rule=words.text(row.rule),
        full=result.full,
        value=" ".join(part for part in (report_scores.number(result.value), words.text(result.unit)) if part)
        if row.kind not in BINDING
        else "",
        worked=report_scores.number(result.points) or "0" if is_known else "",
        is_binding=row.kind in BINDING,
    )


def points_of(rows: Rows, line: Line) -> Decimal | None:
    """The points given to a row, if they are a number within the row's own."""
    try:
        found = Decimal(rows.get(line.path, {}).get("points", "") or "x")
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found <= line.full else None


def total(tree: Tree, rows: Rows) -> Sum:
    """Summed as the criteria set itself sums: weights of groups, rounding of rows."""
    years = [year or "value" for year in years_of(tree.criteria)]
    verdicts: dict[str, Verdict] = {}
    missing, failed = [], []
    for line in tree.lines:
        points = points_of(rows, line)
        if points is None:
            missing.append(line.path)
        elif line.is_binding and points < line.full:
            failed.append(line.label)
        given = points or Decimal(0)
        if line.is_binding:
            met = Decimal(points is not None and points == line.full)
            verdicts[line.path] = Verdict(values=dict.fromkeys(years, met))
        else:
            verdicts[line.path] = Verdict(points=given)
    values = {path: None if value is None else Decimal(str(value)) for path, value in tree.computed.items()}
    found = scoring.evaluate(tree.criteria, tree.data, verdicts=verdicts, values=values)
    return Sum(found.total, tuple(missing), tuple(failed))
