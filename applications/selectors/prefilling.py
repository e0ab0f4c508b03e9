"""What a report in the making may take over: from the firm's profile, and from what the same site declared before.

Only empty answers get an offer. Words and choices come from the newest report that has them; figures keep the year they
are of: those of an earlier year land in that year's column, or nowhere. Declarations (yes or no) are given anew each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from applications.models import Application, Report, ReportVersion
from applications.selectors import calls, drafts, shown
from greenlist.core.actors import Actor, Tier
from greenlist.core.audit import digest_of
from greenlist.policy import engine, words
from greenlist.policy.engine import calculators, forms
from greenlist.policy.engine.types import Field, FieldType, Form

WORDS = frozenset({FieldType.TEXT, FieldType.LONGTEXT, FieldType.CHOICE})
BACK = {"y3": 0, "y2": 1, "y1": 2}  # suffixes of a criteria set's years → years before the one evaluated
SAME_ROW = ("item", "unit", "use", "factor", "product")
MOST_SOURCES = 6  # reports looked through, newest first


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from. `kind`: profile | lower (an application for a lower tier) | report (any other before) |
    yearly (last year's table) | list (the list book).
    """

    kind: str
    label: str = ""
    case: str = ""  # reference
    year: int | None = None

    @property
    def told(self) -> str:
        if self.kind == "profile":
            return _("from the profile")
        said = {"label": self.label, "year": self.year or "—"}
        if self.kind == "list":
            return _("from the list")
        if self.kind == "yearly":
            return _("from last year (table of %(year)s)") % said
        if self.kind == "lower":
            return _("from the application for the lower list, %(label)s (year %(year)s)") % said
        return _("from the report %(label)s (year %(year)s)") % said


PROFILE = Source("profile")


@dataclass(frozen=True, slots=True)
class Offer:
    """One answer that may be taken over."""

    path: str
    section: str
    key: str
    title: str  # of the section
    label: str
    value: Any
    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Offers:
    """What a page shows and what a confirmation names."""

    rows: tuple[Offer, ...]
    sources: tuple[Source, ...]
    year: int | None  # the year evaluated; None: not answered yet, so no figure has a place

    @property
    def digest(self) -> str:
        return digest_of([[one.path, one.value] for one in self.rows])

    @property
    def sections(self) -> tuple[tuple[str, tuple[Offer, ...]], ...]:
        titles = dict.fromkeys(one.title for one in self.rows)
        return tuple((title, tuple(one for one in self.rows if one.title == title)) for title in titles)


@dataclass(frozen=True, slots=True)
class _Declared:
    """A report declared before, with the year it is of."""

    source: Source
    form: Form
    said: Mapping[str, Mapping[str, Any]]
    year: int | None
    paths: Mapping[str, Field] = field(default_factory=dict)


# ---- offers -----------------------------------------------------------------------------------------------------------
def offers(actor: Actor, case: Application, told: Mapping[str, Any], at: datetime) -> Offers:
    """What the draft may take over, of what this actor may see; `told`: the profile by fact name. A few queries."""
    form = drafts.form_of(case)
    data = drafts.draft_of(case, form).data
    year = forms.year_of(form, data)
    before = _declared(actor, case, at)
    known = _profile(form, told)
    rows = []
    for section in form.sections:
        for spec in section.fields:
            path = f"{section.key}.{spec.key}"
            current = data[section.key].get(spec.key)
            found = _offered(path, spec, current, known, before, year)
            if found is not None:
                value, source = found
                text = _text(spec, value)
                label = words.text(spec.label)
                rows.append(Offer(path, section.key, spec.key, words.text(section.title), label, value, text, source))
    return Offers(tuple(rows), tuple(one.source for one in before), year)


def _offered(
    path: str, spec: Field, current: Any, known: Mapping[str, Any], before: Sequence[_Declared], year: int | None
) -> tuple[Any, Source] | None:
    """The first source that has something for an empty place."""
    if path in known:
        return (known[path], PROFILE) if forms.is_empty(current) else None
    for one in before:
        value = _taken(path, spec, current, one, year)
        if value is not None:
            return value, one.source
    return None


def _profile(form: Form, told: Mapping[str, Any]) -> dict[str, Any]:
    blank = engine.forms.blank(form, told)
    return {
        f"{section.key}.{spec.key}": blank[section.key][spec.key]
        for section in form.sections
        for spec in section.fields
        if spec.prefill and spec.key in blank[section.key] and not spec.rows
    }


def _declared(actor: Actor, case: Application, at: datetime) -> list[_Declared]:
    """The reports that the same site declared in the same category, newest first, as far as the actor sees their cases."""
    own = Application.objects.visible_to(actor).filter(
        organisation_id=case.organisation_id, site_id=case.site_id, category=case.category
    )
    rows = ReportVersion.objects.filter(report__application__in=own, declared_at__lt=at).exclude(report=case.report_id)
    related = (
        "report__application__call__rules__rule_set",
        "report__application__call__owner__area",
        "report__criteria",
    )
    newest: dict[int, ReportVersion] = {}
    for version in rows.select_related(*related).order_by("-report__year", "-declared_at", "-pk"):
        newest.setdefault(version.report_id, version)
        if len(newest) == MOST_SOURCES:
            break
    return [_read(version, case) for version in newest.values()]


def _read(version: ReportVersion, case: Application) -> _Declared:
    earlier = version.report.application
    form = drafts.form_of(earlier)
    said = version.data.get("sections", {})
    year = forms.year_of(form, said)
    lower = _rank(earlier) < _rank(case)
    source = Source("lower" if lower else "report", earlier.number or earlier.call.title, earlier.reference, year)
    paths = {f"{section.key}.{spec.key}": spec for section in form.sections for spec in section.fields}
    return _Declared(source, form, said, year, paths)


def _rank(case: Application) -> int:
    return Tier(calls.rules_of(case.call).header.tier).rank


# ---- what fits where ----------------------------------------------------------------------------------------------------
def _taken(path: str, spec: Field, current: Any, one: _Declared, year: int | None) -> Any:
    """What one earlier report gives for a place; None where nothing of it belongs there."""
    section, key = path.split(".")
    answers = one.said.get(section) or {}
    if spec.type in WORDS:
        return (
            answers.get(key) if forms.is_empty(current) and _fits(spec, one.paths.get(path), answers.get(key)) else None
        )
    back = year - one.year if year is not None and one.year is not None else None
    if back is None or back < 0:
        return None
    if spec.type is FieldType.NUMBER:
        return _number(key, spec, current, one, section, back)
    there = one.paths.get(path)
    if there is None or there.type is not spec.type or not spec.is_answered:
        return None
    if spec.calculator:
        return _shifted(spec, there, current, answers.get(key), back)
    if spec.type is FieldType.TABLE:
        return _table(spec, current, answers.get(key), back, year)
    return None


def _fits(spec: Field, there: Field | None, value: Any) -> bool:
    """The same kind of field, an answer that the field of today takes."""
    if there is None or there.type is not spec.type or forms.is_empty(value):
        return False
    if spec.type is FieldType.CHOICE:
        return value in [choice.key for choice in spec.choices]
    return isinstance(value, str) and (spec.max_chars is None or forms.characters(value) <= spec.max_chars)


def _number(key: str, spec: Field, current: Any, one: _Declared, section: str, back: int) -> Any:
    """A figure of the same year; of an earlier year only where the form has a place for that year."""
    if not forms.is_empty(current):
        return None
    stem, _sign, suffix = key.rpartition("_")
    if stem and suffix in BACK:
        wanted = BACK[suffix] - back  # how long before the older report's own year
        old = next((name for name, years in BACK.items() if years == wanted), None)
        key = f"{stem}_{old}" if old else ""
    elif back:
        return None
    there = one.paths.get(f"{section}.{key}")
    if there is None or there.type is not spec.type or there.unit != spec.unit:
        return None
    value = (one.said.get(section) or {}).get(key)
    return None if forms.is_empty(value) else value


def _shifted(spec: Field, there: Field, current: Any, given: Any, back: int) -> Any:
    """Rows of a calculator with each amount in the column of its year; cells that are filled stay as they are."""
    if there.calculator != spec.calculator or back >= spec.years:
        return None
    moved = [_moved(spec, there, row, back) for row in forms.rows_of(there, given)]
    moved = [row for row in moved if any(name in row for name in calculators.AMOUNTS)]
    rows = [dict(row) for row in forms.rows_of(spec, current) if forms.has_input(spec, row)]
    if not moved or (rows and not back):
        return None
    if not rows:
        return moved
    changed = False
    for row in rows:
        older = next((one for one in moved if all(one.get(name) == row.get(name) for name in SAME_ROW)), {})
        for name in calculators.AMOUNTS:
            if name in older and forms.is_empty(row.get(name)):
                row[name], changed = older[name], True
    return rows if changed else None


def _moved(spec: Field, there: Field, row: Mapping[str, Any], back: int) -> dict[str, Any]:
    asked = {column.key for column in spec.columns}
    amounts = dict(zip(calculators.AMOUNTS[back : spec.years], calculators.AMOUNTS[: there.years], strict=False))
    found = {name: row[old] for name, old in amounts.items() if not forms.is_empty(row.get(old))}
    kept = {name: value for name, value in row.items() if name in asked and name not in calculators.AMOUNTS}
    if back:  # a limit or a measured heat value is of its year
        kept = {name: value for name, value in kept.items() if name in SAME_ROW}
    return {**{name: value for name, value in kept.items() if not forms.is_empty(value)}, **found}


def _table(spec: Field, current: Any, given: Any, back: int, year: int | None) -> Any:
    """A table whose rows name their year; others only of the same year."""
    rows = [dict(row) for row in forms.rows_of(spec, given)]
    filled = [row for row in forms.rows_of(spec, current) if forms.has_input(spec, row)]
    has_year = any(column.key == "year" for column in spec.columns)
    if filled or not any(forms.has_input(spec, row) for row in rows):
        return None
    if has_year:
        rows = [row for row in rows if (own := forms.number(row.get("year"))) is not None and own <= (year or 0)]
        rows = sorted(rows, key=lambda row: forms.number(row["year"]) or 0)
        kept = rows[-(spec.max_rows or len(rows)) :] if not back else rows[-max((spec.max_rows or 3) - back, 0) :]
        return kept or None
    return rows if not back else None


# ---- showing ------------------------------------------------------------------------------------------------------------
def _text(spec: Field, value: Any) -> str:
    if not spec.is_table:
        return shown.text_of(spec, value)
    lines = []
    for row in forms.rows_of(spec, value):
        cells = [
            f"{words.text(column.label)} {shown.text_of(column, row[column.key])}"
            for column in spec.columns
            if not forms.is_empty(row.get(column.key))
        ]
        if cells:
            lines.append("；".join(cells))
    return "\n".join(lines)


def origins(report: Report, data: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Where answers that stand unchanged were taken from, by path: said beside the field."""
    found = {}
    for path, kept in (report.origins or {}).items():
        section, key = path.split(".")
        if (data.get(section) or {}).get(key) == kept["value"]:
            source = Source(kept["kind"], kept.get("label", ""), kept.get("case", ""), kept.get("year"))
            found[path] = source.told
    return found
