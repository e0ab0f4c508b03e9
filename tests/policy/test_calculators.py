"""Calculators against figures worked out by hand, and what must be refused or doubted."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy.engine import calculators, factors, forms, json_schema
from greenlist.policy.engine.factors import FactorTable, build_factors, load_factors
from greenlist.policy.engine.form_spec import read_form
from greenlist.policy.engine.reading import Log, parse
from greenlist.policy.engine.types import Form, PolicyErrors

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "factors"
HEBEI = "130000"
FORM = """
[form]
key = "t"
title = { zh = "表", en = "form" }
year = "basic.year"
[unit.percent]
label = { zh = "%", en = "%" }
[[section]]
key = "basic"
title = { zh = "一", en = "one" }
[[section.field]]
key = "year"
type = "number"
label = { zh = "年", en = "year" }
decimals = 0
[[section.field]]
key = "output"
type = "number"
label = { zh = "产值", en = "output" }
[[section]]
key = "energy"
title = { zh = "二", en = "two" }
[[section.field]]
key = "use"
type = "calculator"
calculator = "energy"
label = { zh = "能源", en = "Energy" }
factors = ["energy-gbt2589-2020"]
years = 3
products = 3
required = true
figure = true
[[section.field]]
key = "carbon"
type = "calculator"
calculator = "carbon"
label = { zh = "碳", en = "Carbon" }
factors = ["co2-fuel", "co2-electricity"]
years = 3
rows_from = "energy.use"
[[section.field]]
key = "intensity"
type = "computed"
label = { zh = "强度", en = "Intensity" }
formula = "energy.use.tce / basic.output"
formula_text = { zh = "÷", en = "÷" }
decimals = 4
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, FactorTable]:
    found = [load_factors(path.name, path.read_bytes()) for path in sorted(FOLDER.glob("*.toml"))]
    return {table.slug: table for table in found}


def form_of(text: str) -> Form:
    log = Log()
    form = read_form("t.toml", parse("t.toml", text.encode(), log), clauses={}, prefix="X", facts={}, log=log)
    assert not log.errors, [str(error) for error in log.errors]
    return form


def calculator(kind: str, tables: Mapping[str, FactorTable], home: str = "", **more: Any) -> forms.Field:
    """One bound calculator of the kind, with every table of the kind."""
    slugs = sorted((slug for slug, table in tables.items() if table.kind == kind), reverse=True)
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    text = f'''[form]
key = "t"
title = {{ zh = "表", en = "form" }}
[[section]]
key = "s"
title = {{ zh = "一", en = "one" }}
[[section.field]]
key = "c"
type = "calculator"
calculator = "{kind}"
label = {{ zh = "算", en = "c" }}
factors = [{", ".join(f'"{slug}"' for slug in slugs)}]
{lines}'''
    return calculators.bind(form_of(text), tables, home=home).field("s.c")


def work(spec: forms.Field, *rows: Mapping[str, str], year: int | None = 2025) -> calculators.Calculation:
    return calculators.work_out(spec, forms.entries(spec, list(rows)), year=year)


def near(value: Decimal | None, wanted: str, places: str = "0.0001") -> bool:
    return value is not None and abs(value - Decimal(wanted)) <= Decimal(places)


# ---- the tables -----------------------------------------------------------------------------------------------------
def test_every_shipped_table_loads_and_says_what_is_unverified(tables: Mapping[str, FactorTable]) -> None:
    assert {table.kind for table in tables.values()} == set(factors.KINDS)
    for table in tables.values():
        assert table.verified or table.unverified
        assert all(one.source for one in table.factors)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_stored_table_is_the_same_table(path: Path) -> None:
    table = load_factors(path.name, path.read_bytes())
    assert build_factors(path.name, table.raw) == table


@pytest.mark.parametrize(
    ("item", "value"),
    [("raw_coal", "1.742"), ("lignite", "1.173"), ("coke", "2.860"), ("petroleum_coke", "3.212"), ("fuel_oil", "3.171"),
     ("gasoline", "2.925"), ("diesel", "3.096"), ("lpg", "3.101"), ("lng", "2.831"), ("natural_gas", "21.622"),
     ("blast_furnace_gas", "8.481"), ("coke_oven_gas", "8.864")],
)  # fmt: skip
def test_fuel_factors_follow_from_heat_carbon_and_oxidation(
    tables: Mapping[str, FactorTable], item: str, value: str
) -> None:
    found = next(one for one in tables["co2-fuel"].factors if one.item == item)
    assert near(found.value, value, "0.001")


def test_a_broken_table_names_every_mistake_at_once() -> None:
    text = (FOLDER / "materials.toml").read_text(encoding="utf-8")
    broken = (
        text.replace('per = "t/t"', 'per = "kWh/t"', 1)
        .replace('roles = ["green"]', 'roles = ["red"]')
        .replace('factor = "0.001"', 'factor = "0.01"')
        .replace('formula = "green"', 'formula = "green + blue"')
        .replace('key = "recycled"\nitem', 'key = "recycled"\ncolour = "x"\nitem')
        .replace('unverified = "算式按公开转载录入，未对照标准原文"', "")
    )
    with pytest.raises(PolicyErrors) as refused:
        load_factors("materials.toml", broken.encode())
    said = "\n".join(str(error) for error in refused.value.errors)
    for part in (
        "does not lead",
        "knows no red",
        "1 kg is not 0.01 t",
        "names no number: blue",
        "colour",
        "unverified",
    ):
        assert part in said


# ---- energy ---------------------------------------------------------------------------------------------------------
def test_energy_by_hand(tables: Mapping[str, FactorTable]) -> None:
    """1200 万kWh × 1.229 + 80 万Nm³ × 13.3 + 500 t × 0.7143 + 30 t × 1.4571 = 2939.663 tce."""
    found = work(
        calculator("energy", tables),
        {"item": "electricity", "amount": "1,200"},
        {"item": "natural_gas", "amount": "80"},
        {"item": "raw_coal", "amount": "500"},
        {"item": "diesel", "amount": "30"},
    )
    assert found.results["tce"] == Decimal("2939.663")
    assert near(found.results["tce_equivalent"], "5074.463")  # − 1474.8 + 12,000,000 × 0.3008 ÷ 1000
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("amount", "unit"), [("1200", ""), ("1200", "wan_kwh"), ("12000000", "kwh"), ("43200", "gj"), ("43200000", "mj")]
)
def test_the_unit_is_understood_not_guessed(tables: Mapping[str, FactorTable], amount: str, unit: str) -> None:
    found = work(calculator("energy", tables), {"item": "electricity", "amount": amount, "unit": unit})
    assert near(found.results["tce"], "1474.8")


def test_a_unit_of_something_else_is_refused_and_counts_nothing(tables: Mapping[str, FactorTable]) -> None:
    spec = calculator("energy", tables)
    given = forms.entries(spec, [{"item": "electricity", "amount": "5", "unit": "t"}])
    wrong = list(calculators.problems(spec, given))
    assert [(one.code, one.column) for one in wrong] == [("wrong_unit", "unit")]
    assert calculators.work_out(spec, given).lines == ()


def test_measured_gas_takes_the_place_of_the_default(tables: Mapping[str, FactorTable]) -> None:
    """35 588 kJ/Nm³ ÷ 29 307.6 = 1.21429 kgce/Nm³; 80 万Nm³ → 971.435 tce."""
    found = work(calculator("energy", tables), {"item": "natural_gas", "amount": "80", "own": "35588"})
    assert near(found.results["tce"], "971.4340", "0.001")
    assert [line.is_own for line in found.lines] == [True]


@pytest.mark.parametrize(
    ("own", "is_wrong"), [("35588", False), ("35.588", True), ("38931", False), ("389310", True), ("0", True)]
)
def test_a_heat_value_in_the_wrong_unit_is_refused(tables: Mapping[str, FactorTable], own: str, is_wrong: bool) -> None:
    """MJ typed for kJ gives 0.0012 kgce/Nm³: the public error of a factor a thousand times too small."""
    spec = calculator("energy", tables)
    found = list(calculators.problems(spec, forms.entries(spec, [{"item": "natural_gas", "amount": "1", "own": own}])))
    assert bool(found) is is_wrong
    if found:
        assert (found[0].code, found[0].params["min"], found[0].params["max"]) == ("factor_range", "0.5", "2.5")


def test_an_item_without_a_heat_value_takes_none(tables: Mapping[str, FactorTable]) -> None:
    spec = calculator("energy", tables)
    found = list(calculators.problems(spec, forms.entries(spec, [{"item": "electricity", "amount": "1", "own": "5"}])))
    assert [one.code for one in found] == ["no_own"]


def test_feedstock_is_left_out_and_what_is_passed_on_taken_off(tables: Mapping[str, FactorTable]) -> None:
    """GB/T 2589-2020: 1000 t − 300 t feedstock is not counted, 200 t sold: (1000 − 200) × 0.7143."""
    found = work(
        calculator("energy", tables),
        {"item": "raw_coal", "amount": "1000"},
        {"item": "raw_coal", "amount": "300", "use": "feedstock"},
        {"item": "raw_coal", "amount": "200", "use": "sold"},
    )
    assert found.results["tce"] == Decimal("571.44")


def test_own_solar_power_counts_once_and_green_power_is_part_of_what_is_bought(
    tables: Mapping[str, FactorTable],
) -> None:
    """1000 万kWh bought (300 of it green), 200 own: total 1474.8; renewable 614.5; share 41.667 %."""
    found = work(
        calculator("energy", tables),
        {"item": "electricity", "amount": "1000"},
        {"item": "green_power", "amount": "300"},
        {"item": "pv_own", "amount": "200"},
    )
    assert found.results["tce"] == Decimal("1474.8")
    assert found.results["renewable"] == Decimal("614.5")
    assert near(found.results["renewable_share"], "41.6667")
    assert near(found.results["tce_equivalent"], "3253.8")  # own power stays at equal value


def test_more_renewable_than_energy_is_doubted(tables: Mapping[str, FactorTable]) -> None:
    found = work(calculator("energy", tables), {"item": "green_power", "amount": "3"})
    assert [one.code for one in found.warnings] == ["check"]


def test_what_is_carried_by_water_counts_by_tonnes_or_cubic_metres(tables: Mapping[str, FactorTable]) -> None:
    spec = calculator("energy", tables)
    for unit in ("", "t", "m3"):
        found = work(spec, {"item": "fresh_water", "amount": "10000", "unit": unit})
        assert found.results["tce"] == Decimal("2.571")


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([{"item": "electricity", "amount": "5000000"}], "large"),  # kWh typed as 万kWh
        ([{"item": "diesel", "amount": "30", "amount_1": "29000"}], "jump"),  # kg typed as t
        ([{"item": "diesel", "amount": "30"}, {"item": "diesel", "amount": "31"}], "twice"),
    ],
)
def test_unit_traps_are_named(tables: Mapping[str, FactorTable], rows: list[dict[str, str]], code: str) -> None:
    found = work(calculator("energy", tables, years=3), *rows)
    assert code in [one.code for one in found.warnings]
    assert found.results["tce"] is not None, "a doubt stops nothing"


def test_nothing_entered_gives_nothing(tables: Mapping[str, FactorTable]) -> None:
    found = work(calculator("energy", tables, years=3))
    assert set(found.results.values()) == {None}


def test_three_years_and_three_products(tables: Mapping[str, FactorTable]) -> None:
    """Product 1 and 2 use 100 and 300 t of coal of their own; 200 t are shared 1 : 3."""
    found = work(
        calculator("energy", tables, years=3, products=3),
        {"item": "raw_coal", "amount": "100", "amount_1": "90", "product": "p1"},
        {"item": "raw_coal", "amount": "300", "product": "p2"},
        {"item": "raw_coal", "amount": "200", "amount_2": "80"},
    )
    assert found.results["tce"] == Decimal("428.58")
    assert found.results["tce_1"] == Decimal("64.287")
    assert found.results["tce_2"] == Decimal("57.144")
    assert found.results["tce_p1"] == Decimal("107.145")
    assert found.results["tce_p2"] == Decimal("321.435")
    assert found.results["tce_p3"] == 0


@given(
    amounts=st.lists(st.decimals("0.01", "100000", places=2), min_size=1, max_size=6), shared=st.decimals("0", "9999")
)
def test_the_products_together_are_the_whole(
    tables: Mapping[str, FactorTable], amounts: list[Decimal], shared: Decimal
) -> None:
    spec = calculator("energy", tables, products=3)
    rows = [{"item": "coke", "amount": str(one), "product": f"p{i % 3 + 1}"} for i, one in enumerate(amounts)]
    found = work(spec, *rows, {"item": "coke", "amount": f"{shared:f}"}).results
    together = sum((found[f"tce_p{n}"] or Decimal(0) for n in (1, 2, 3)), Decimal(0))
    assert abs(together - (found["tce"] or 0)) < Decimal("0.000001")


# ---- carbon ---------------------------------------------------------------------------------------------------------
def test_carbon_by_hand(tables: Mapping[str, FactorTable]) -> None:
    """80 万Nm³ × 21.621888 = 1729.751; 12,000,000 kWh × 0.7252 = 8702.4 t; 5000 GJ × 0.11 = 550 t."""
    found = work(
        calculator("carbon", tables, home=HEBEI),
        {"item": "natural_gas", "amount": "80"},
        {"item": "electricity", "amount": "1200"},
        {"item": "heat", "amount": "5000"},
    )
    assert near(found.results["scope1"], "1729.7510", "0.01")
    assert found.results["scope2"] == Decimal("9252.4")
    assert near(found.results["tco2"], "10982.151", "0.01")


@pytest.mark.parametrize(
    ("home", "year", "chosen", "key", "why"),
    [
        (HEBEI, 2022, "", "hebei_2022", ""),
        (HEBEI, 2025, "", "hebei_2022", "older"),
        ("990000", 2023, "", "china_2023", "wider"),
        ("", 2025, "", "china_2023", "older"),
        ("", 2021, "", "china_2021", ""),
        ("", 2019, "", "china_2021", "later"),
        (HEBEI, 2025, "north_2023", "north_2023", "chosen"),
        (HEBEI, 2025, "china_fossil_2023", "china_fossil_2023", "chosen"),
    ],
)
def test_the_electricity_factor_is_that_of_place_and_year(
    tables: Mapping[str, FactorTable], home: str, year: int, chosen: str, key: str, why: str
) -> None:
    found = calculators.choose(tables["co2-electricity"], "electricity", home=home, year=year, chosen=chosen)
    assert (found[0].key, found[1]) == (key, why)


def test_each_year_takes_its_own_factor(tables: Mapping[str, FactorTable]) -> None:
    spec = calculator("carbon", tables, years=3)
    found = work(spec, {"item": "electricity", "amount": "1", "amount_1": "1", "amount_2": "1"}, year=2023)
    assert [line.factor.key for line in found.lines] == ["china_2023", "china_2022", "china_2021"]
    assert [found.results[key] for key in ("tco2", "tco2_1", "tco2_2")] == [
        Decimal("5.306"), Decimal("5.366"), Decimal("5.568"),
    ]  # fmt: skip


def test_carbon_takes_the_rows_of_energy(tables: Mapping[str, FactorTable]) -> None:
    """The same rows, once typed: feedstock burns nothing, a measured heat value goes along in its own unit."""
    form = calculators.bind(form_of(FORM), tables, home=HEBEI)
    rows = [
        {"item": "electricity", "amount": "1200", "amount_1": "1000"},
        {"item": "natural_gas", "amount": "80", "own": "35588"},
        {"item": "raw_coal", "amount": "300", "use": "feedstock"},
        {"item": "fresh_water", "amount": "100"},
    ]
    data = {"basic": {"year": "2025", "output": "20000"}, "energy": {"use": rows}}
    found = forms.values(form, data)
    gas = Decimal("355.88") * Decimal("15.3") * Decimal("0.99") * 44 / 12 / 1000 * 80
    assert near(found["energy.carbon.scope1"], str(gas), "0.01")
    assert found["energy.carbon.scope2"] == Decimal("8702.40")
    assert found["energy.carbon.scope2_1"] == Decimal("7252.00")
    water = forms.calculations(form, data)["energy.carbon"].warnings
    assert [one.code for one in water] == ["no_factor"]


def test_the_worked_example_of_the_manual(tables: Mapping[str, FactorTable]) -> None:
    """docs/policy.md, section nine: energy and CO₂ of one works, every line by hand."""
    form = calculators.bind(form_of(FORM), tables, home=HEBEI)
    rows = [
        {"item": "electricity", "amount": "1200"},
        {"item": "natural_gas", "amount": "80", "own": "35588"},
        {"item": "diesel", "amount": "30"},
        {"item": "raw_coal", "amount": "300", "use": "feedstock"},
    ]
    data = {"basic": {"year": "2025"}, "energy": {"use": rows}}
    counted = [
        round(line.counted, 2) for line in forms.calculations(form, data)["energy.use"].lines if not line.factor.measure
    ]
    assert counted == [Decimal("1474.80"), Decimal("971.43"), Decimal("43.71"), 0]
    assert forms.values(form, data)["energy.use.tce"] == Decimal("2489.95")
    assert forms.values(form, data)["energy.carbon.tco2"] == Decimal("10376.49")
    manual = (FOLDER.parents[1] / "docs" / "policy.md").read_text(encoding="utf-8")
    assert all(f"{value:,}" in manual for value in (*counted[:3], Decimal("2489.95"), Decimal("10376.49")))


# ---- the others -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "rows", "results"),
    [
        (
            "water",
            [
                {"item": "tap", "amount": "2", "unit": "wan_m3"},
                {"item": "ground", "amount": "5000"},
                {"item": "circulated", "amount": "225000", "unit": "t"},
                {"item": "discharged", "amount": "8000"},
                {"item": "treated_reused", "amount": "2000"},
            ],
            {"intake": "25000", "reuse_rate": "90", "discharged": "8000", "treated_reuse_rate": "20"},
        ),
        (
            "solid_waste",
            [
                {"item": "generated", "amount": "900"},
                {"item": "used", "amount": "800000", "unit": "kg"},
                {"item": "used_from_stock", "amount": "100"},
            ],
            {"use_rate": "90", "used": "900", "from_stock": "100"},
        ),
        (
            "land",
            [
                {"item": "site", "amount": "60", "unit": "mu"},
                {"item": "building", "amount": "20000"},
                {"item": "building_high", "amount": "8000"},
                {"item": "structure", "amount": "4000"},
                {"item": "footprint", "amount": "18000"},
                {"item": "open_storage", "amount": "2000"},
            ],
            {"plot_ratio": "1", "coverage": "45", "coefficient": "50", "site_area": "40000", "building_area": "40000"},
        ),
        (
            "materials",
            [
                {"item": "main", "amount": "5000"},
                {"item": "green", "amount": "1750"},
                {"item": "recycled", "amount": "250000", "unit": "kg"},
            ],
            {"green_share": "35", "recycled_share": "5", "total": "5000"},
        ),
        (
            "pollutants",
            [
                {"item": "cod", "amount": "20", "limit": "50"},
                {"item": "ammonia", "amount": "1", "limit": "5"},
                {"item": "nox", "amount": "60", "limit": "50"},
            ],
            {"water_margin": "60", "air_margin": "-20"},
        ),
    ],
)
def test_by_hand(
    tables: Mapping[str, FactorTable], kind: str, rows: list[dict[str, str]], results: Mapping[str, str]
) -> None:
    found = work(calculator(kind, tables), *rows)
    for key, value in results.items():
        assert near(found.results[key], value, "0.000001"), key
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("water", [{"item": "tap", "amount": "10"}, {"item": "discharged", "amount": "8000"}]),
        ("solid_waste", [{"item": "generated", "amount": "9"}, {"item": "used", "amount": "9000"}]),
        ("land", [{"item": "site", "amount": "1", "unit": "mu"}, {"item": "footprint", "amount": "9000"}]),
        ("materials", [{"item": "main", "amount": "10"}, {"item": "green", "amount": "90"}]),
    ],
)
def test_parts_greater_than_the_whole_are_doubted(
    tables: Mapping[str, FactorTable], kind: str, rows: list[dict[str, str]]
) -> None:
    assert "check" in [one.code for one in work(calculator(kind, tables), *rows).warnings]


# ---- as a field of a form -------------------------------------------------------------------------------------------
def test_a_formula_names_a_result(tables: Mapping[str, FactorTable]) -> None:
    form = calculators.bind(form_of(FORM), tables)
    rows = [{"item": "raw_coal", "amount": "1000", "amount_2": "10"}]
    data = {"basic": {"year": "2025", "output": "14286"}, "energy": {"use": rows}}
    found = forms.values(form, data)
    assert found["energy.use.tce"] == Decimal("714.30")
    assert found["energy.intensity"] == Decimal("0.0500")
    assert found["energy.use.0.result"] == Decimal("714.30")
    figures = {(one.key, one.year): one.value for one in forms.figures(form, data)}
    assert figures["energy.use.tce", 2025] == Decimal("714.30")
    assert figures["energy.use.tce", 2023] == Decimal("7.14")


@pytest.mark.parametrize("name", ["energy.use.nothing", "energy.use.amount", "energy.use.item"])
def test_a_formula_may_name_only_results(name: str) -> None:
    log = Log()
    text = FORM.replace("energy.use.tce /", f"{name} /")
    read_form("t.toml", parse("t.toml", text.encode(), log), clauses={}, prefix="X", facts={}, log=log)
    assert any("names no number" in str(error) for error in log.errors)


def test_without_its_table_a_calculator_counts_nothing_and_breaks_nothing() -> None:
    form = form_of(FORM)
    data = {"basic": {"year": "2025", "output": "1"}, "energy": {"use": [{"item": "raw_coal", "amount": "1"}]}}
    assert forms.values(form, data)["energy.intensity"] is None
    assert forms.validate(form, data, partial=True) == ()
    schema = json_schema.of_form(form, "x", lambda text: text.zh)
    assert schema["$defs"]["energy"]["properties"]["use"]["x-factors"] == ["energy-gbt2589-2020"]


def test_problems_lie_at_the_cell(tables: Mapping[str, FactorTable]) -> None:
    form = calculators.bind(form_of(FORM), tables)
    rows = [{"item": "bogus", "amount": "1"}, {"item": "diesel", "amount": "x", "unit": "m3", "own": "1"}]
    found = {(one.path, one.code) for one in forms.validate(form, {"energy": {"use": rows}}, partial=True)}
    assert found == {
        ("energy.use.0.item", "not_choice"),
        ("energy.use.1.amount", "not_number"),
        ("energy.use.1.unit", "wrong_unit"),
        ("energy.use.1.own", "factor_range"),
    }


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["coke", "t", "p1", "1e9"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["item", "amount", "amount_1", "unit", "own", "use", "product"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_answer_is_survived(tables: Mapping[str, FactorTable], value: Any) -> None:
    form = calculators.bind(form_of(FORM), tables, home=HEBEI)
    data = {"basic": {"year": "2025"}, "energy": {"use": value}}
    forms.validate(form, data)
    forms.values(form, data)
    forms.figures(form, data)
    forms.progress(form, data)


def test_a_newer_table_changes_nothing_counted_with_the_old(tables: Mapping[str, FactorTable]) -> None:
    spec = calculator("energy", tables)
    table = tables["energy-gbt2589-2020"]
    newer = replace(table, factors=tuple(replace(one, value=one.value * 2) for one in table.factors), digest="new")
    row = {"item": "coke", "amount": "100"}
    old = work(spec, row).results["tce"]
    assert work(replace(spec, tables=(newer,)), row).results["tce"] == (old or 0) * 2
    assert work(spec, row).results["tce"] == old
