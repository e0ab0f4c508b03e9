"""Scores of a filled report by a criteria set. Pure and exact: decimals throughout, so that it can be worked out by hand.

A row's points are rounded to two decimals (half up) and sums are made of the rounded points, as a person would add them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from greenlist.policy.engine import forms
from greenlist.policy.engine.criteria_form import form_of, resolve, title_of, years_of
from greenlist.policy.engine.criteria_types import (
    BASIC,
    BINDING,
    NO_REFERENCE,
    NO_TEXT,
    PREFIX,
    YESNO_KINDS,
    Criteria,
    Group,
    Kind,
    Level,
    Measure,
    Reference,
    Row,
    SizeClass,
)
from greenlist.policy.engine.types import Data, Json, Text

VERSION = "1"  # of the arithmetic here: kept with every stored score
CENT = Decimal("0.01")
FULL_INDEX = Decimal(100)  # what a row brings at most where an index counts all alike
ZERO, ONE = Decimal(0), Decimal(1)


class State(StrEnum):
    SCORED = "scored"
    MET = "met"
    NOT_MET = "not_met"
    BY_HAND = "by_hand"  # waits for a reviewer's points
    NOT_APPLICABLE = "not_applicable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer decided on a row. `values` by cell: "value", "y1" …, or a product's number from 0."""

    applies: bool | None = None
    points: Decimal | None = None
    values: Mapping[str, Decimal] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One product, or one year, of a row."""

    key: str
    name: str = ""
    value: Decimal | None = None
    declared: Decimal | None = None
    reference: Reference = NO_REFERENCE
    ratio: Decimal | None = None
    weight: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RowResult:
    path: str
    no: str
    label: Text
    kind: Kind
    state: State
    full: Decimal
    points: Decimal = ZERO
    value: Decimal | None = None
    declared: Decimal | None = None  # what the applicant gave, where a reviewer corrected it
    unit: Text = NO_TEXT
    reference: Reference = NO_REFERENCE
    ratio: Decimal | None = None
    case: str = ""
    size: Text = NO_TEXT
    parts: tuple[Part, ...] = ()
    bonus: bool = False
    corrected: bool = False
    note: str = ""

    @property
    def counts(self) -> bool:
        return not self.bonus and self.state is not State.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class GroupResult:
    key: str
    title: Text
    weight: Decimal | None
    points: Decimal
    full: Decimal
    score: Decimal | None  # of 100; None where nothing applies


@dataclass(frozen=True, slots=True)
class Gap:
    """Something between a report and full points: what to look at first."""

    path: str
    code: str  # missing | not_met | by_hand | below_base | below_lead
    points: Decimal


@dataclass(frozen=True, slots=True)
class Evaluation:
    rows: tuple[RowResult, ...]
    groups: tuple[GroupResult, ...]
    total: Decimal
    most: Decimal
    bonus: Decimal
    failed: tuple[str, ...]  # vetoes and must rows that are not met
    open: tuple[str, ...]  # rows without an answer, or without a reviewer's points
    gaps: tuple[Gap, ...]
    years: Mapping[str, Decimal]  # the total of each year, oldest first; empty where one year is asked
    criteria: str  # digest of the criteria
    version: str = VERSION

    @property
    def met(self) -> bool:
        """Whether every binding row is met."""
        waiting = {row.path for row in self.rows if row.kind in BINDING and row.state is State.MISSING}
        return not self.failed and not waiting

    @property
    def provisional(self) -> bool:
        return bool(self.open)

    def row(self, path: str) -> RowResult:
        """Raises KeyError."""
        for row in self.rows:
            if row.path == path:
                return row
        raise KeyError(path)

    def as_json(self) -> dict[str, Json]:
        """What is kept with a report: enough to see and to recompute the score years later."""
        return {
            "total": str(self.total),
            "bonus": str(self.bonus),
            "years": {key: str(value) for key, value in self.years.items()},
            "failed": list(self.failed),
            "open": list(self.open),
            "rows": {row.path: _kept(row) for row in self.rows},
            "criteria": self.criteria,
            "version": self.version,
        }


def _kept(row: RowResult) -> dict[str, Json]:
    value = None if row.value is None else str(row.value)
    return {"state": row.state.value, "value": value, "points": str(row.points), "full": str(row.full)}


Verdicts = Mapping[str, Verdict]  # by "group.row"
Values = Mapping[str, Decimal | None]


def evaluate(
    criteria: Criteria, data: Data, *, verdicts: Verdicts | None = None, values: Values | None = None
) -> Evaluation:
    """The scores of a filled report. `values`: its computed values, where the caller has them (calculators' too)."""
    computed = forms.values(form_of(criteria), data) if values is None else values
    reader = _Reader(criteria, data, computed, verdicts or {})
    years = years_of(criteria)
    by_year = {year: tuple(reader.row(row, year) for row in criteria.rows) for year in years}
    latest = by_year[years[-1]]
    rows = tuple(_with_years(row, by_year, index) for index, row in enumerate(latest)) if len(years) > 1 else latest
    totals = {year: _total(criteria, found)[0] for year, found in by_year.items()}
    groups, bonus = _groups(criteria, latest), _bonus(criteria, latest)
    every = (*reader.requirements(), *rows)
    return Evaluation(
        rows=every,
        groups=groups,
        total=totals[years[-1]],
        most=criteria.total,
        bonus=bonus,
        failed=tuple(row.path for row in every if row.kind in BINDING and row.state is State.NOT_MET),
        open=tuple(row.path for row in every if row.state in (State.MISSING, State.BY_HAND) and not row.bonus),
        gaps=tuple(_gaps(every)),
        years=totals if len(years) > 1 else {},
        criteria=criteria.digest,
    )


# ---- one row --------------------------------------------------------------------------------------------------------
class _Reader:
    def __init__(self, criteria: Criteria, data: Data, values: Values, verdicts: Verdicts) -> None:
        self.criteria, self.data, self.values, self.verdicts = criteria, data, values, verdicts

    def answer(self, section: str, key: str) -> Any:
        return (self.data.get(section) or {}).get(key)

    def number(self, path: str) -> Decimal | None:
        """A typed or a computed number."""
        if path in self.values:
            return self.values[path]
        section, _dot, key = path.partition(".")
        return forms.number(self.answer(section, key))

    def requirements(self) -> Iterator[RowResult]:
        for item in self.criteria.requirements:
            path = f"{BASIC}.{item.key}"
            state = _yesno(forms.yes(self.answer(f"{PREFIX}{BASIC}", item.key)))
            note = self.verdicts[path].note if path in self.verdicts else ""
            yield RowResult(path=path, no="", label=item.text, kind=Kind.VETO, state=state, full=ZERO, note=note)

    def row(self, row: Row, year: str) -> RowResult:
        verdict = self.verdicts.get(row.path, Verdict())
        result = RowResult(
            path=row.path,
            no=row.no,
            label=title_of(row),
            kind=row.kind,
            state=State.MISSING,
            full=FULL_INDEX if self.criteria.scoring == "index" else row.points,
            bonus=row.bonus,
            note=verdict.note,
        )
        if not self.applies(row, verdict):
            return replace(result, state=State.NOT_APPLICABLE)
        result = self.scored(row, result, year, verdict)
        if verdict.points is not None and row.kind not in BINDING:
            points = min(max(verdict.points, ZERO), result.full)
            return replace(result, state=State.SCORED, points=points, ratio=_share_of(points, result.full))
        return result

    def applies(self, row: Row, verdict: Verdict) -> bool:
        """What the reviewer says, else the applicant; a row that always applies says nothing."""
        if verdict.applies is not None:
            return verdict.applies
        return not row.may_be_not_applicable or forms.yes(self.answer(row.section, f"{row.key}_applies")) is not False

    def scored(self, row: Row, result: RowResult, year: str, verdict: Verdict) -> RowResult:
        tail = f"_{year}" if year else ""
        if row.kind in YESNO_KINDS:
            given = forms.yes(self.answer(row.section, f"{row.key}{tail}"))
            corrected = verdict.values.get(year or "value")
            held = given if corrected is None else bool(corrected)
            points = result.full if held else ZERO
            return replace(
                result,
                state=_yesno(held),
                points=points,
                ratio=None if held is None else Decimal(held),
                value=None if held is None else Decimal(held),
                declared=None if given is None else Decimal(given),
                corrected=corrected is not None,
            )
        if row.kind is Kind.QUALITATIVE:
            return self.qualitative(row, result, tail)
        measure, key = self.measure(row)
        if measure is None:
            return result
        return self.measured(row, measure, key, result, year, verdict)

    def qualitative(self, row: Row, result: RowResult, tail: str) -> RowResult:
        if not row.levels:
            said = not forms.is_empty(self.answer(row.section, f"{row.key}_note"))
            return replace(result, state=State.BY_HAND if said else State.MISSING)
        chosen = self.answer(row.section, f"{row.key}{tail}")
        level = next((one for one in row.levels if one.key == chosen), None)
        if level is None:
            return result
        ratio = _level_share(level, row.levels)
        return replace(result, state=State.SCORED, points=_cents(result.full * ratio), ratio=ratio, case=level.key)

    def measure(self, row: Row) -> tuple[Measure | None, str]:
        """The way the row is measured, and the key of its field."""
        if not row.has_alternatives:
            return row.measures[0], row.key
        case = self.answer(row.section, f"{row.key}_case")
        found = next((one for one in row.measures if one.key == case), None)
        return found, f"{row.key}_{found.key}" if found else ""

    def measured(
        self, row: Row, measure: Measure, key: str, result: RowResult, year: str, verdict: Verdict
    ) -> RowResult:
        size, reference, is_known = self.reference(row, measure, key, year)
        result = replace(
            result,
            case=measure.key,
            unit=measure.unit.symbol if measure.unit else NO_TEXT,
            size=size.label if size else NO_TEXT,
            reference=reference,
        )
        if self.criteria.scoring != "index":
            result = replace(result, full=row.full(measure))
        parts = tuple(self.products(row, measure, key, reference, verdict)) if measure.products else ()
        if measure.products:
            result = _weighted(result, parts)
        else:
            given = self.counted(row, f"{key}{f'_{year}' if year else ''}")
            corrected = verdict.values.get(year or "value")
            value = given if corrected is None else corrected
            ratio = self.ratio(row, value, reference)
            result = replace(result, value=value, declared=given, corrected=corrected is not None, ratio=ratio)
        if result.value is None or not is_known:
            return replace(result, state=State.MISSING, ratio=None)
        if result.ratio is None:
            return replace(result, state=State.BY_HAND)
        return replace(result, state=State.SCORED, points=_cents(result.full * result.ratio))

    def counted(self, row: Row, key: str) -> Decimal | None:
        """The number of a measured row; of a list, how many items hold."""
        if not row.items:
            return self.number(f"{row.section}.{key}")
        given = self.answer(row.section, key)
        cells = [one.get("met") for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
        answers = [forms.yes(cell) for cell in cells]
        if all(answer is None for answer in answers):
            return None
        return Decimal(sum(answer is True for answer in answers[: len(row.items)]))

    def reference(self, row: Row, measure: Measure, key: str, year: str) -> tuple[SizeClass | None, Reference, bool]:
        """The size class, base and lead that hold, and whether everything they depend on is known."""
        if measure.typed and not measure.products:
            base, lead = (self.number(f"{row.section}.{key}_{one}") for one in ("base", "lead"))
            return None, Reference(base, lead), base is not None and lead is not None
        for one in measure.classes:
            if not one.sign:
                return one, one.reference, True
            size = self.number(resolve(self.criteria, one.of, year) or "")
            if size is None:
                return None, Reference(), False
            if _holds(size, one):
                return one, one.reference, True
        return None, measure.reference, True

    def products(self, row: Row, measure: Measure, key: str, reference: Reference, verdict: Verdict) -> Iterator[Part]:
        table = self.answer(row.section, key)
        cells = [one for one in table if isinstance(one, Mapping)] if isinstance(table, list) else []
        for index, cell in enumerate(cells[: measure.products.most if measure.products else 0]):
            weight = self.values.get(f"{row.section}.{key}.{index}.energy", forms.number(cell.get("energy")))
            given = self.values.get(f"{row.section}.{key}.{index}.value", forms.number(cell.get("value")))
            if given is None and weight is None:
                continue
            value = verdict.values.get(str(index), given)
            norm = Reference(forms.number(cell.get("base")), forms.number(cell.get("lead")))
            held = norm if measure.typed else reference
            ratio = None if value is None else self.ratio(row, value, held)
            yield Part(str(index), str(cell.get("name") or ""), value, given, held, ratio, weight)

    def ratio(self, row: Row, value: Decimal | None, reference: Reference) -> Decimal | None:
        """The share of full points; None where there is no value, or no reference to hold it against."""
        if value is None:
            return None
        if self.criteria.scoring == "index":
            return _quotient(row.kind, value, reference.lead, cap=self.criteria.cap)
        return linear(row.kind, value, reference)


def linear(kind: Kind, value: Decimal, reference: Reference) -> Decimal | None:
    """From 0 at the base to 1 at the lead, cut off at both ends. None where base and lead do not fit the kind."""
    base, lead = reference.base, reference.lead
    if base is None or lead is None:
        return None
    if kind is Kind.REVERSE:
        base, lead, value = -base, -lead, -value
    if base == lead:  # a norm with one grade only: reached or not
        return ONE if value >= lead else ZERO
    if base > lead:
        return None
    return min(max((value - base) / (lead - base), ZERO), ONE)


def _quotient(kind: Kind, value: Decimal, lead: Decimal | None, *, cap: bool) -> Decimal | None:
    """Value ÷ lead, or lead ÷ value of a reverse row (586号's index); a reverse value of nothing is as good as can be."""
    if lead is None or lead <= 0:
        return None
    if kind is Kind.REVERSE:
        if value <= 0:
            return ONE if cap else None
        found = lead / value
    else:
        found = max(value, ZERO) / lead
    return min(found, ONE) if cap else found


def _weighted(result: RowResult, parts: Sequence[Part]) -> RowResult:
    """Several products as one: each weighted by its energy, or alike where none has any."""
    if not parts or any(part.value is None for part in parts):
        return replace(result, parts=tuple(parts))
    weights = [part.weight or ZERO for part in parts]
    weights = weights if any(weights) else [ONE] * len(parts)
    whole = sum(weights, ZERO)
    value = sum(((part.value or ZERO) * w for part, w in zip(parts, weights, strict=True)), ZERO) / whole
    ratio = None
    if all(part.ratio is not None for part in parts):
        ratio = sum(((part.ratio or ZERO) * w for part, w in zip(parts, weights, strict=True)), ZERO) / whole
    corrected = any(part.value != part.declared for part in parts)
    return replace(result, value=value, declared=value, ratio=ratio, parts=tuple(parts), corrected=corrected)


def _holds(size: Decimal, one: SizeClass) -> bool:
    limit = one.limit or ZERO
    return {">=": size >= limit, ">": size > limit, "<=": size <= limit, "<": size < limit}[one.sign]


def _yesno(answer: bool | None) -> State:
    return State.MISSING if answer is None else State.MET if answer else State.NOT_MET


def _level_share(level: Level, levels: Iterable[Level]) -> Decimal:
    best = max(one.points for one in levels)
    return level.points / best if best else ZERO


def _share_of(points: Decimal, full: Decimal) -> Decimal:
    return points / full if full else ZERO


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def _with_years(row: RowResult, by_year: Mapping[str, Sequence[RowResult]], index: int) -> RowResult:
    found = ((year, rows[index]) for year, rows in by_year.items())
    parts = (Part(year, "", one.value, one.declared, one.reference, one.ratio) for year, one in found)
    return replace(row, parts=tuple(parts))


# ---- totals ---------------------------------------------------------------------------------------------------------
def _worth(criteria: Criteria, row: RowResult) -> Decimal:
    """What the row can bring to the total: the points of the row, whichever case it was measured by."""
    return FULL_INDEX if criteria.scoring == "index" else criteria.row(row.path).points


def _sums(criteria: Criteria, rows: Sequence[RowResult]) -> tuple[Decimal, Decimal]:
    """Points and possible points, by the set's rule for what does not apply."""
    counted = [row for row in rows if row.counts]
    earned = sum((row.points for row in counted), ZERO)
    possible = sum((_worth(criteria, row) for row in counted), ZERO)
    if criteria.not_applicable == "full":
        given = [row for row in rows if row.state is State.NOT_APPLICABLE and not row.bonus]
        full = sum((_worth(criteria, row) for row in given), ZERO)
        earned, possible = earned + full, possible + full
    return earned, possible


def _groups(criteria: Criteria, rows: Sequence[RowResult]) -> tuple[GroupResult, ...]:
    return tuple(_group(criteria, group, rows) for group in criteria.groups)


def _group(criteria: Criteria, group: Group, rows: Sequence[RowResult]) -> GroupResult:
    inside = {row.path for row in group.rows}
    earned, possible = _sums(criteria, [row for row in rows if row.path in inside])
    score = _cents(earned / possible * 100) if possible else None
    return GroupResult(group.key, group.title, group.weight, earned, possible, score)


def _bonus(criteria: Criteria, rows: Sequence[RowResult]) -> Decimal:
    found = sum((row.points for row in rows if row.bonus and row.state is not State.NOT_APPLICABLE), ZERO)
    return found if criteria.bonus_most is None else min(found, criteria.bonus_most)


def _total(criteria: Criteria, rows: Sequence[RowResult]) -> tuple[Decimal, Decimal]:
    """The total with the bonus, and the bonus."""
    bonus = _bonus(criteria, rows)
    if criteria.scoring == "weights":
        groups = [group for group in _groups(criteria, rows) if group.score is not None]
        weight = sum((group.weight or ZERO for group in groups), ZERO)
        earned = sum(((group.weight or ZERO) * (group.score or ZERO) for group in groups), ZERO)
        share = earned / weight / 100 if weight else ZERO
    else:
        points, possible = _sums(criteria, rows)
        share = points / possible if possible else ZERO
    return _cents(share * criteria.total) + bonus, bonus


def _gaps(rows: Iterable[RowResult]) -> Iterator[Gap]:
    """In the order of what they cost, dearest first; what bars the unit before everything else."""
    found = [Gap(row.path, code, row.full - row.points) for row in rows if (code := _gap(row))]
    yield from sorted(found, key=lambda gap: (gap.code != "not_met", -gap.points))


def _gap(row: RowResult) -> str:
    if row.bonus or row.state is State.NOT_APPLICABLE:
        return ""
    if row.state in (State.MISSING, State.BY_HAND, State.NOT_MET):
        return row.state.value
    if row.state is State.SCORED and row.points < row.full:
        return "below_lead" if row.points else "below_base"
    return ""
