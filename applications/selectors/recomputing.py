"""Stored results worked out again: from the inputs, factor tables and formulas they were declared with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from applications.models import Application, Calculation, Report, ReportVersion
from applications.selectors import calls, drafts
from greenlist.core.audit import digest_of
from greenlist.core.errors import NotVisible
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine import calculators
from greenlist.policy.engine.types import Field, Form

CASE = ("report__application__call__rules__rule_set", "report__site")


@dataclass(frozen=True, slots=True)
class Difference:
    """One stored figure that is not what its inputs give. `why`: digest | inputs | result | computed | factors."""

    report: str
    version: int
    path: str
    why: str
    stored: str = ""
    found: str = ""


def calculations_of(form: Form, data: Mapping[str, Any], report: Report) -> Iterator[dict[str, Any]]:
    """What is kept of each calculator of a declared report: the fields of `Calculation`."""
    year = engine.forms.year_of(form, data)
    for section in form.sections:
        for spec in section.fields:
            if spec.calculator:
                yield _kept(form, f"{section.key}.{spec.key}", spec, data, report, year)


def _kept(
    form: Form, path: str, spec: Field, data: Mapping[str, Any], report: Report, year: int | None
) -> dict[str, Any]:
    tables = dict((report.factors or {}).get("tables", {}))
    source = form.field(spec.rows_from) if spec.rows_from else spec
    used = {*spec.factors, *source.factors}
    kept = {
        "path": path,
        "kind": spec.calculator,
        "inputs": {"rows": _rows(spec.rows_from or path, data), "year": year, "home": spec.home},
        "factors": {slug: digest for slug, digest in tables.items() if slug in used},
        "formulas": calculators.VERSION,
        "result": _result(form, path, data),
    }
    return {**kept, "digest": digest_of(kept)}


def _rows(path: str, data: Mapping[str, Any]) -> Any:
    section, key = path.split(".")
    return (data.get(section) or {}).get(key) or []


def _result(form: Form, path: str, data: Mapping[str, Any]) -> dict[str, str | None]:
    """Every result, rounded as shown."""
    found = engine.forms.values(form, data)
    names = (one.key for one in form.field(path).results)
    return {name: None if (value := found.get(f"{path}.{name}")) is None else str(value) for name in names}


def versions() -> Iterator[ReportVersion]:
    """Every declared report, oldest first, few at a time."""
    rows = ReportVersion.objects.select_related(*CASE).order_by("pk")
    return rows.iterator(chunk_size=50)


def differences(version: ReportVersion) -> Iterator[Difference]:
    """What of a declared report cannot be worked out again as it was. Nothing when all is well."""
    case: Application | None = getattr(version.report, "application", None)  # none: a table of a later stage
    name = str(case or version.report)
    if digest_of(version.data) != version.digest:
        yield Difference(name, version.number, "-", "digest", version.digest[:12], digest_of(version.data)[:12])
    try:
        form = drafts.form_of(case, calls.rules_of(case.call)) if case else _own_form(version.report)
    except NotVisible:
        yield Difference(name, version.number, "-", "factors")
        return
    data = version.data.get("sections", {})
    found = {path: None if value is None else str(value) for path, value in engine.forms.values(form, data).items()}
    for path, stored in version.data.get("computed", {}).items():
        if found.get(path) != stored:
            yield Difference(name, version.number, path, "computed", str(stored), str(found.get(path)))
    for one in version.calculations.order_by("path"):
        yield from _of_calculation(name, version, form, one, data)


def _own_form(report: Report) -> Form:
    """The form of a report that belongs to no call, by its digest. Raises NotVisible."""
    pins = report.factors or {}
    return policy.with_factors(policy.form_with(report.form_digest), pins.get("tables", {}), pins.get("home", ""))


def _of_calculation(
    name: str, version: ReportVersion, form: Form, one: Calculation, data: Mapping[str, Any]
) -> Iterator[Difference]:
    kept = {key: getattr(one, key) for key in ("path", "kind", "inputs", "factors", "formulas", "result")}
    if digest_of(kept) != one.digest:
        yield Difference(name, version.number, one.path, "digest", one.digest[:12], digest_of(kept)[:12])
    spec = form.field(one.path)
    if one.inputs.get("rows") != _rows(spec.rows_from or one.path, data):
        yield Difference(name, version.number, one.path, "inputs")
    again = _again(form, one, data)
    for key, stored in one.result.items():
        if again.get(key) != stored:
            yield Difference(name, version.number, f"{one.path}.{key}", "result", str(stored), str(again.get(key)))


def _again(form: Form, one: Calculation, data: Mapping[str, Any]) -> dict[str, str | None]:
    """The result of a stored row, from its own inputs and factor versions."""
    spec = form.field(one.path)
    section, key = (spec.rows_from or one.path).split(".")
    typed = {**data, section: {**(data.get(section) or {}), key: one.inputs.get("rows")}}
    counted = policy.with_factors(form, one.factors, one.inputs.get("home") or "")
    return _result(counted, one.path, typed)
