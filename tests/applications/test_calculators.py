"""Calculators in a report: typed, saved, shown with every step, declared, printed, and worked out again years later."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import translation

from applications.documents import report as papers
from applications.models import Application, Calculation, Figure, Report, ReportVersion, Section
from applications.selectors import batches, recomputing
from applications.selectors import drafts as reads
from applications.services import drafts, screening
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.policy import services as policies
from greenlist.policy.models import FactorTableVersion
from tests.applications import filled
from tests.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+08:00")
AUTOSAVE = {"X-Requested-With": "autosave"}
SECTION = """
[unit.kgce_per_wan_yuan]
label = { zh = "kgce/万元", en = "kgce/10,000 CNY" }

[[section]]
key = "count"
title = { zh = "计算器", en = "Calculators" }

[[section.field]]
key = "use"
type = "calculator"
calculator = "energy"
label = { zh = "综合能耗", en = "Energy" }
factors = ["energy-gbt2589-2020"]
years = 3
products = 2
required = true
figure = true

[[section.field]]
key = "carbon"
type = "calculator"
calculator = "carbon"
label = { zh = "碳排放", en = "Carbon" }
factors = ["co2-fuel", "co2-electricity"]
years = 3
rows_from = "count.use"

[[section.field]]
key = "water"
type = "calculator"
calculator = "water"
label = { zh = "用水", en = "Water" }
factors = ["water"]

[[section.field]]
key = "intensity"
type = "computed"
label = { zh = "单位产值综合能耗", en = "Energy per output" }
formula = "count.use.tce * 1000 / last(economy.annual.output_value)"
formula_text = { zh = "综合能耗 ÷ 产值", en = "energy ÷ output" }
unit = "kgce_per_wan_yuan"
decimals = 2
"""
ROWS = [
    {"item": "electricity", "amount": "1200", "amount_1": "1100", "product": "p1"},
    {"item": "natural_gas", "amount": "80", "own": "35588"},
    {"item": "diesel", "amount": "30", "unit": "t", "product": "p2"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped rules, with calculators in the form."""
    for name in ("policies", "forms", "criteria", "factors"):
        shutil.copytree(Path(settings.POLICIES_DIR).parent / name, tmp_path / name)
    form = tmp_path / "forms" / "factory-self-1.toml"
    form.write_text(form.read_text(encoding="utf-8") + SECTION, encoding="utf-8")
    return tmp_path


@pytest.fixture
def case(world: World, folder: Path) -> Application:
    policies.load_policies(actor=SYSTEM, at=filled.SPRING, folder=folder)
    return filled.start(world, filled.open_call(world))


@pytest.fixture
def declared(world: World, case: Application) -> Application:
    filled.fill(world, case)
    save(world, case, version=1, use=ROWS)
    filled.submit(world, case)
    case.refresh_from_db()
    return case


def save(world: World, case: Application, version: int = 0, **answers: Any) -> drafts.Saved:
    return drafts.save_section(
        actor=world.actor("applicant"),
        at=NOON,
        reference=case.reference,
        section="count",
        answers=answers,
        version=version,
    )


def url(case: Application) -> str:
    return reverse("applications:section", args=[case.reference, "count"])


def newer_factors() -> None:
    """The factor table of another year: gas counts differently from now on."""
    path = Path(settings.POLICIES_DIR).parent / "factors" / "energy-gbt2589-2020.toml"
    text = path.read_text(encoding="utf-8").replace('value = "0.1229"', 'value = "0.1300"')
    policies.store_factors(name=path.name, content=text.encode(), actor=SYSTEM, at=NOON)


def posted(rows: list[dict[str, str]], **more: str) -> dict[str, str]:
    return {f"use.{n}.{key}": value for n, row in enumerate(rows) for key, value in row.items()} | more


def check() -> str:
    out = io.StringIO()
    call_command("recompute", "--check", stdout=out)
    return out.getvalue()


# ---- filling in -----------------------------------------------------------------------------------------------------
def test_a_report_is_pinned_to_tables_and_province(case: Application) -> None:
    assert set(case.report.factors["tables"]) == {
        *("energy-gbt2589-2020", "co2-fuel", "co2-electricity", "water", "solid-waste", "land", "materials")
    }
    assert case.report.factors["home"] == "130000"


def test_a_report_without_calculators_is_pinned_to_nothing(world: World, case: Application) -> None:
    form = reads.form_of(case)
    plain = replace(form, sections=tuple(one for one in form.sections if one.key == "basic"))
    assert reads.factors_for(plain, case.site) == {}


def test_typing_answers_with_results_steps_and_doubts(world: World, case: Application) -> None:
    client = world.client("applicant")
    client.post(reverse("applications:section", args=[case.reference, "basic"]), {"year": "2025", "version": "0"})
    answer = client.post(url(case), posted(ROWS, version="0"), headers=AUTOSAVE)
    body = answer.json()
    assert body["computed"]["count.use.tce"] == "2,489.95"  # 1474.8 + 971.434 + 43.713
    assert body["computed"]["count.use.tce_1"] == "1,351.90"
    assert body["computed"]["count.use.0.result"] == "1,474.80"
    assert body["computed"]["count.carbon.scope2"] == "8,702.40"
    steps = body["computed"]["count.use.steps"]
    assert "12,000,000 kWh × 0.1229 kgce/kWh = 1,474.8 tce" in steps
    assert "GB/T 2589-2020" in steps
    assert "2025" in steps and "2024" in steps
    assert body["computed"]["count.use.doubts"] == ""
    doubtful = posted([{"item": "electricity", "amount": "5000000"}], version="1", changed="use.0.amount")
    body = client.post(url(case), doubtful, headers=AUTOSAVE).json()
    assert "单位" in body["computed"]["count.use.doubts"]


def test_a_unit_of_something_else_is_said_at_the_cell(world: World, case: Application) -> None:
    rows = [{"item": "electricity", "amount": "5", "unit": "t"}, {"item": "natural_gas", "amount": "1", "own": "35.5"}]
    body = world.client("applicant").post(url(case), posted(rows, version="0"), headers=AUTOSAVE).json()
    assert set(body["problems"]) == {"use.0.unit", "use.1.own"}
    assert "0.5" in body["problems"]["use.1.own"][0] and "MJ" in body["problems"]["use.1.own"][0]


def test_the_page_shows_rows_results_and_sources(world: World, case: Application) -> None:
    save(world, case, use=ROWS)
    page = world.client("applicant").get(url(case)).content.decode()
    for part in (
        'name="use.0.item"', 'name="use.0.amount_2"', 'name="use.3.item"', 'data-computed="count.use.tce_2"',
        'data-computed="count.use.steps"', 'data-computed="count.carbon.tco2"', "综合能耗（当量值）", "当量值",
    ):  # fmt: skip
        assert part in page, part
    assert 'name="carbon.0' not in page, "counted from the rows of energy"


def test_it_also_works_without_a_script(world: World, case: Application) -> None:
    client = world.client("applicant")
    assert client.post(url(case), posted(ROWS, version="0", stay="1")).status_code == 302
    assert Section.objects.get(report=case.report, key="count").data["use"] == ROWS
    assert "2,489.95" in client.get(url(case)).content.decode()


def test_what_is_worked_out_takes_no_answer(world: World, case: Application) -> None:
    with pytest.raises(Invalid):
        save(world, case, carbon=[{"item": "heat", "amount": "1"}])


# ---- declared -------------------------------------------------------------------------------------------------------
def test_declaring_keeps_inputs_factors_and_results(declared: Application) -> None:
    kept = {one.path: one for one in Calculation.objects.all()}
    shipped = {
        "land.table",
        "material.table",
        "waste.solid_table",
        "waste.water_table",
        "energy.use",
        "energy.carbon_table",
    }
    assert set(kept) == {"count.use", "count.carbon", "count.water"} | shipped
    energy = kept["count.use"]
    assert energy.inputs["rows"] == ROWS
    assert energy.result["tce"] == "2489.95"
    assert set(energy.factors) == {"energy-gbt2589-2020"}
    assert set(kept["count.carbon"].factors) == {"energy-gbt2589-2020", "co2-fuel", "co2-electricity"}
    version = ReportVersion.objects.get()
    assert version.data["computed"]["count.use.tce"] == "2489.95"
    years = dict(Figure.objects.filter(key="count.use.tce").values_list("year", "value"))
    assert sorted(years) == [2024, 2025], "nothing was entered for the year before"


def test_officials_read_it_and_it_is_printed(world: World, declared: Application) -> None:
    page = world.client("county_handler").get(reverse("applications:case", args=[declared.reference]))
    text = page.content.decode()
    assert "2,489.95" in text and "kgce/kWh" in text
    version = ReportVersion.objects.get()
    with translation.override("zh-hans"):
        paper = papers.declared(declared, version)
        word = papers._content(paper, "docx")
    field = next(one for part in paper.sections for one in part.fields if one.path == "count.use")
    assert field.work is not None and any("2,489.95" in row for row in field.work.table.rows)
    assert word[:2] == b"PK"
    assert any(one.value == "2,489.95" for one in paper.indicators)


def test_a_list_may_print_a_result(declared: Application) -> None:
    from applications import selectors

    bound = selectors.rules_of(declared.call)
    assert batches._form_cell("count.use.tce", declared, bound) == "2,489.95"


def test_a_correction_opens_a_calculator_as_any_field(world: World, declared: Application) -> None:
    given = {"actor": world.actor("county_handler"), "at": NOON, "reference": declared.reference}
    screening.return_for_correction(**given, fields=["count.use"], reason="电量单位有误", due_on=None)
    row = Section.objects.get(report=declared.report, key="count")
    rows = [{**ROWS[0], "amount": "120"}, *ROWS[1:]]
    save(world, declared, version=row.version, use=rows)
    with pytest.raises(NotAllowed):
        save(world, declared, version=row.version + 1, water=[])
    page = world.client("applicant").get(url(declared)).content.decode()
    assert 'name="use.0.amount"' in page and 'name="water.0.amount"' not in page


# ---- years later ----------------------------------------------------------------------------------------------------
def test_old_results_stand_when_a_newer_table_comes(world: World, declared: Application) -> None:
    assert "differing: 0" in check()
    newer_factors()
    assert FactorTableVersion.objects.filter(slug="energy-gbt2589-2020").count() == 2
    assert "differing: 0" in check()
    out = io.StringIO()
    call_command("recompute", stdout=out)
    assert "9" in out.getvalue()


def test_a_report_started_later_counts_with_the_newer_table(world: World, case: Application) -> None:
    newer_factors()
    save(world, case, use=ROWS[:1])
    assert reads.draft_of(case, reads.form_of(case)).content()["computed"]["count.use.tce"] == "1474.80"
    form = reads.form_of(case)
    assert reads.factors_for(form, case.site)["tables"] != case.report.factors["tables"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"result": {"tce": "1"}}, "result"),
        ({"inputs": {"rows": [], "year": 2025, "home": "130000"}}, "inputs"),
        ({"digest": "0" * 64}, "digest"),
    ],
)
def test_a_changed_row_is_found_and_named(declared: Application, changed: dict[str, Any], why: str) -> None:
    check()
    Calculation.objects.filter(path="count.use").update(**changed)
    with pytest.raises(CommandError):
        check()
    found = list(recomputing.differences(ReportVersion.objects.select_related(*recomputing.CASE).get()))
    assert why in {one.why for one in found}
    assert all(one.path.startswith("count.use") for one in found)


def test_a_changed_report_is_found_and_named(declared: Application) -> None:
    check()
    version = ReportVersion.objects.get()
    version.data["computed"]["count.intensity"] = "0.01"
    ReportVersion.objects.filter(pk=version.pk).update(data=version.data)
    with pytest.raises(CommandError):
        check()
    found = list(recomputing.differences(ReportVersion.objects.select_related(*recomputing.CASE).get()))
    assert {(one.path, one.why) for one in found} == {("-", "digest"), ("count.intensity", "computed")}


def test_a_lost_table_is_said(declared: Application) -> None:
    check()
    pins = {**declared.report.factors, "tables": {**declared.report.factors["tables"], "water": "f" * 64}}
    Report.objects.filter(pk=declared.report_id).update(factors=pins)
    with pytest.raises(CommandError):
        check()
