"""Each calculator in the shipped criteria sets, against figures worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from greenlist.policy.engine import forms
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.criteria_types import Criteria
from tests.policy import counted
from tests.policy.conftest import FIXTURES

D = Decimal
FACTORIES = ("factory-2018", "factory-2025", "cement-2025")
ENERGY = [  # the example of docs/policy.md, section 9
    {"item": "electricity", "amount": "1200", "amount_1": "1100", "product": "p1"},
    {"item": "natural_gas", "amount": "80", "own": "35588"},
    {"item": "diesel", "amount": "30", "amount_2": "10", "product": "p2"},
    {"item": "raw_coal", "amount": "300", "use": "feedstock"},
]


def criteria(slug: str) -> Criteria:
    return load_criteria(f"{slug}.toml", (FIXTURES / "criteria" / f"{slug}.toml").read_bytes())


def worked(slug: str, **inputs: Any) -> dict[str, Decimal | None]:
    return counted.values(criteria(slug), {"c_inputs": inputs})


def cents(value: Decimal | None) -> Decimal:
    assert value is not None
    return value.quantize(D("0.01"))


@pytest.mark.parametrize("slug", FACTORIES)
def test_energy_three_years_side_by_side(slug: str) -> None:
    found = worked(slug, energy_table=ENERGY)
    assert cents(found["c_inputs.energy"]) == D("2489.95")  # 1474.80 + 971.43 + 43.71, feedstock not counted
    years = [found[f"c_inputs.energy_table.tce{back}"] for back in ("", "_1", "_2")]
    assert years == [D("2489.95"), D("1351.90"), D("14.57")]  # 1100 × 1.229; 10 × 1.4571


@pytest.mark.parametrize("slug", FACTORIES)
def test_carbon_of_the_same_rows_and_what_the_table_does_not_know(slug: str) -> None:
    found = worked(slug, energy_table=ENERGY, carbon_other="100")
    assert found["c_inputs.carbon_table.tco2"] == D("10376.49")  # 1581.22 + 92.88 + 8702.40
    assert cents(found["c_inputs.carbon"]) == D("10476.49")
    assert found["c_inputs.carbon_table.tco2_1"] == D("7977.20")  # 11,000,000 kWh × 0.7252


def test_carbon_where_no_fuel_has_a_factor_is_what_was_typed() -> None:
    found = worked("factory-2025", energy_table=[{"item": "other", "amount": "100"}], carbon_other="250")
    assert found["c_inputs.carbon"] == 250


@pytest.mark.parametrize("slug", ["factory-2025", "cement-2025"])
def test_water_in_the_units_people_have(slug: str) -> None:
    rows = [
        {"item": "tap", "unit": "wan_m3", "amount": "10"},
        {"item": "ground", "unit": "t", "amount": "20000"},
        {"item": "circulated", "amount": "480000"},
    ]
    found = worked(slug, water_table=rows)
    assert found["c_inputs.water"] == 120000
    assert found["c_resources.water_reuse"] == 80  # 480000 ÷ 600000


def test_waste_water_used_again_of_2018() -> None:
    rows = [
        {"item": "treated_reused", "unit": "wan_m3", "amount": "3"},
        {"item": "discharged", "unit": "wan_m3", "amount": "9"},
    ]
    assert worked("factory-2018", water_table=rows)["c_performance.water_rate"] == 25  # 3 ÷ (9 + 3)


@pytest.mark.parametrize(
    ("slug", "row"), [("factory-2018", "performance.solid_rate"), ("factory-2025", "resources.solid_waste")]
)
def test_solid_waste_with_stock_of_earlier_years(slug: str, row: str) -> None:
    rows = [
        {"item": "generated", "unit": "wan_t", "amount": "0.09"},
        {"item": "used", "amount": "850"},
        {"item": "used_from_stock", "unit": "kg", "amount": "100000"},
    ]
    assert worked(slug, solid_table=rows)[f"c_{row}"] == 95  # (850 + 100) ÷ (900 + 100)


LAND = [
    {"item": "site", "unit": "mu", "amount": "60"},  # 40,000 m²
    {"item": "footprint", "amount": "16000"},
    {"item": "open_storage", "amount": "4000"},
    {"item": "building", "amount": "10000"},
    {"item": "building_high", "amount": "15000"},
]


def test_land() -> None:
    new, old = worked("factory-2025", land_table=LAND), worked("factory-2018", land_table=LAND)
    assert (new["c_land.coverage"], new["c_land.plot_ratio"]) == (50, 1)  # (16000 + 4000), (10000 + 2 × 15000) ÷ 40000
    assert (old["c_performance.density"], old["c_performance.plot_ratio"]) == (40, 1)  # 16000 ÷ 40000


def test_materials_of_up_to_three_products() -> None:
    rows = [
        {"item": "main", "amount": "600", "product": "p1"},
        {"item": "main", "amount": "300", "product": "p2"},
        {"item": "main", "amount": "100", "product": "p3"},
        {"item": "green", "unit": "kg", "amount": "240000"},
    ]
    found = worked("factory-2018", material_table=rows)
    assert found["c_performance.green_material"] == 24
    assert [found[f"c_inputs.material_table.green_share_p{n}"] for n in (1, 2, 3)] == [600, 300, 100]


def test_pollutants_the_least_distance_from_the_limit() -> None:
    rows = [
        {"item": "cod", "amount": "40", "limit": "100"},
        {"item": "ammonia", "amount": "3", "limit": "15"},
        {"item": "so2", "amount": "7", "limit": "50"},
    ]
    found = worked("factory-2025", pollutant_table=rows)
    assert (found["c_production.waste_water"], found["c_production.waste_gas"]) == (60, 86)


def test_products_weigh_by_what_the_calculator_puts_down_to_them_unless_typed() -> None:
    """Gas is shared as electricity and diesel are: 971.43 × 1474.80 ÷ 1518.51 = 943.47."""
    rows = [{"name": "甲", "quantity": "1000"}, {"name": "乙", "energy_own": "50", "quantity": "10"}]
    data = {
        "c_inputs": {"energy_table": ENERGY},
        "c_energy": {"energy_intensity_case": "norm", "energy_intensity_norm": rows},
    }
    found = counted.values(criteria("factory-2025"), data)
    path = "c_energy.energy_intensity_norm"
    assert cents(found[f"{path}.0.energy"]) == D("2418.27")
    assert found[f"{path}.1.energy"] == 50
    assert cents(found[f"{path}.0.value"]) == D("2418.27")  # kgce: × 1000 ÷ 1000
    assert found[f"{path}.1.value"] == 5000


def test_a_park_gives_each_of_three_years() -> None:
    def years(item: str, *amounts: str, **more: str) -> dict[str, str]:
        return {"item": item, "amount": amounts[2], "amount_1": amounts[1], "amount_2": amounts[0], **more}

    found = worked(
        "park-2024",
        energy_table=[years("electricity", "1000", "1100", "1200"), years("other_renewable", "0", "10", "20")],
        water_table=[years("surface", "100", "90", "80", unit="wan_m3"), years("circulated", "100", "210", "320", unit="wan_m3")],
        land_table=[years("site", "1000", "1000", "1200")],
        solid_table=[years("generated", "100", "100", "100"), years("used", "80", "90", "95")],
    )  # fmt: skip
    each = ("y1", "y2", "y3")
    assert [found[f"c_inputs.energy_{year}"] for year in each] == [1229, D("1361.9"), D("1494.8")]
    assert [found[f"c_inputs.renewable_{year}"] for year in each] == [0, 10, 20]
    assert [found[f"c_resource_use.water_reuse_{year}"] for year in each] == [50, 70, 80]
    assert [found[f"c_inputs.land_{year}"] for year in each] == [10, 10, 12]
    assert [found[f"c_resource_use.solid_waste_{year}"] for year in each] == [80, 90, 95]


def test_a_park_is_asked_for_every_year_and_a_factory_for_the_last() -> None:
    for slug, wanted in (("park-2024", True), ("factory-2025", False)):
        table = counted.form(criteria(slug)).field("c_inputs.energy_table")
        assert table.years == 3
        assert [column.required for column in table.columns if column.key in ("amount_1", "amount_2")] == [wanted] * 2


def test_a_unit_of_another_dimension_is_refused() -> None:
    form = counted.form(criteria("factory-2025"))
    data = {"c_inputs": {"energy_table": [{"item": "electricity", "unit": "t", "amount": "1"}]}}
    found = forms.validate_section(form.section("c_inputs"), data["c_inputs"], partial=True)
    assert [(one.path, one.code) for one in found] == [("c_inputs.energy_table.0.unit", "wrong_unit")]
