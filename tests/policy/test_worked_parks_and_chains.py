"""The worked examples of docs/criteria.md, figure by figure: parks, supply chains, and one industry set."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlist.policy.engine import scoring
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.engine.criteria_form import form_of
from greenlist.policy.engine.criteria_types import Criteria
from greenlist.policy.engine.scoring import State, Verdict
from tests.policy import counted
from tests.policy.conftest import FIXTURES

D = Decimal
MANUAL = (Path(__file__).resolve().parents[2] / "docs" / "criteria.md").read_text(encoding="utf-8")


def criteria(slug: str, *changes: tuple[str, str]) -> Criteria:
    text = (FIXTURES / "criteria" / f"{slug}.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_criteria(f"{slug}.toml", text.encode())


# ---- parks ------------------------------------------------------------------------------------------------------------
ADDED = {"y1": "1000000", "y2": "1200000", "y3": "1200000"}
SAME = {
    "inputs": {"workers": "100000"},
    "energy_use": {"clean_energy": "60"},
    "resource_use": {"reclaimed": "15", "recycled": "80"},
    "infrastructure": {"sewage": True, "green_industrial": "30", "bus_stops": "45"},
    "industry": {"high_tech": "30", "green_industry": "15"},
    "environment": {"waste_disposal": "100", "carbon_cut": "3", "elasticity": "0.6", "air": "80", "green_cover": "30"},
    "management": {"standards": True, "plan": True, "platform": False},
}  # fmt: skip
TABLES = {
    "energy_table": {"other": "450000", "other_renewable": "50000"},
    "water_table": {"surface": "10000000", "circulated": "90000000", "discharged": "6000000"},
    "land_table": {"site": "1000"},  # hm²
    "solid_table": {"generated": "2000", "used": "1900"},
}
NOT_THERE = {
    "resource_use": ("waste_heat", "waste_gas"), "infrastructure": ("green_public", "clean_buses"),
    "industry": ("services",), "environment": ("shaded_roads", "shaded_parking"),
}  # fmt: skip


def park() -> dict[str, dict[str, Any]]:
    data: dict[str, dict[str, Any]] = {"c_basic": {}}
    for group, values in SAME.items():
        told = {f"{key}_{year}": value for key, value in values.items() for year in ("y1", "y2", "y3")}
        told |= {f"{key}_applies": False for key in NOT_THERE.get(group, ())}
        data[f"c_{group}"] = told
    for table, rows in TABLES.items():
        data["c_inputs"][table] = [
            {"item": item, "amount": amount, "amount_1": amount, "amount_2": amount} for item, amount in rows.items()
        ]
    data["c_inputs"] |= {f"added_value_{year}": value for year, value in ADDED.items()}
    return data


def index(found: Criteria, data: dict[str, dict[str, Any]]) -> scoring.Evaluation:
    return scoring.evaluate(found, data, values=counted.values(found, data))


def test_the_index_of_the_park_by_hand() -> None:
    found = index(criteria("park-2024"), park())
    assert list(found.years.values()) == [D("79.03"), D("81.94"), D("81.94")]
    assert found.total == D("81.94")
    assert sum(row.state is State.NOT_APPLICABLE for row in found.rows) == 7
    assert found.row("energy_use.energy_output").value == D("2.4000")
    assert found.row("environment.elasticity").points == D("50.00")


def test_whether_a_better_value_counts_more_than_full_is_a_switch() -> None:
    data = park()
    data["c_energy_use"]["clean_energy_y3"] = "100"  # 100 ÷ 75: a third over
    capped = index(criteria("park-2024"), data).total
    free = index(criteria("park-2024", ("cap = true", "cap = false")), data).total
    # the other rows stay at or below their leads: 19.8667 ÷ 24, and 20.2 ÷ 24
    assert (capped, free) == (D("82.78"), D("84.17"))


def test_the_park_set_has_thirty_one_indicators_in_six_groups() -> None:
    found = criteria("park-2024")
    assert [len(group.rows) for group in found.groups] == [3, 8, 5, 4, 8, 3]
    assert [row.no for row in found.rows] == [str(number) for number in range(1, 32)]
    assert all(row.unverified for row in found.rows)
    assert (found.years, found.scoring, len(found.requirements)) == (3, "index", 6)


# ---- supply chains ------------------------------------------------------------------------------------------------------
GIVEN = {
    "strategy": {"in_plan": "8", "targets": "4", "body": "6"},
    "suppliers": {"purchasing": "4", "certification": "3", "audit": "2", "performance": "3", "training": "1.5",
                  "low_risk": "3"},
    "production": {"compliance": "10", "hazardous": "8"},
    "recycling": {"products": "3", "packaging": "4", "system": "4", "guidance": "2.5"},
    "platform": {"complete": "7"},
    "disclosure": {"own": "2.5", "audited": "2", "their": "0", "report": "2.5"},
}  # fmt: skip


def test_the_score_of_the_supply_chain_firm_by_hand() -> None:
    found = criteria("supply-2024")
    data: dict[str, dict[str, Any]] = {
        f"c_{group.key}": {f"{row.key}_note": "已开展" for row in group.rows} for group in found.groups
    }
    data["c_suppliers"]["low_risk"] = "75"
    data["c_recycling"] |= {"products": "60", "packaging": "80"}
    verdicts = {
        f"{group}.{row}": Verdict(points=D(points)) for group, rows in GIVEN.items() for row, points in rows.items()
    }
    result = scoring.evaluate(found, data, verdicts=verdicts)
    sums = [sum(result.row(f"{group}.{row}").points for row in rows) for group, rows in GIVEN.items()]
    assert sums == [D("18"), D("16.5"), D("18"), D("13.5"), D("7"), D("7")]
    assert result.total == D("80.00")


def test_the_supply_chain_set_has_twenty_indicators_and_a_hundred_points() -> None:
    found = criteria("supply-2024")
    assert (len(found.rows), len(found.requirements), found.total) == (20, 7, D(100))
    assert [sum(row.points for row in group.rows) for group in found.groups] == [20, 20, 20, 20, 10, 10]


def test_a_row_without_a_rule_waits_for_the_reviewer() -> None:
    found = scoring.evaluate(criteria("supply-2024"), {"c_suppliers": {"low_risk": "75"}})
    assert found.row("suppliers.low_risk").state is State.BY_HAND


# ---- one industry -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("energy", "points"),
    [("150000", "11.00"), ("156000", "4.71"), ("160500", "0.00"), ("170000", "0.00"), ("140000", "11.00")],
)
def test_the_energy_row_of_cement_by_hand(energy: str, points: str) -> None:
    found = scoring.evaluate(criteria("cement-2025"), {"c_inputs": {"clinker_energy": energy, "clinker": "1500000"}})
    assert found.row("energy.energy_intensity").points == D(points)


def test_the_industry_set_differs_from_the_general_one_in_that_row_only() -> None:
    cement, general = criteria("cement-2025"), criteria("factory-2025")
    assert (cement.industries, general.industries) == (("3011",), ())
    mine, theirs = {row.path: row for row in cement.rows}, {row.path: row for row in general.rows}
    assert mine.keys() == theirs.keys()
    assert [path for path, row in mine.items() if row != theirs[path]] == ["energy.energy_intensity"]


# ---- the manual ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("figure", ["79.03", "81.94", "82.78", "84.17", "80.00", "4.71"])
def test_the_manual_shows_the_figures(figure: str) -> None:
    assert figure in MANUAL


@pytest.mark.parametrize("slug", ["park-2024", "supply-2024", "cement-2025"])
def test_what_is_not_verified_says_so(slug: str) -> None:
    found = criteria(slug)
    assert not found.verified
    assert found.unverified
    assert f"`{slug}`" in MANUAL
    for section in form_of(found).sections:
        assert len(section.key) <= 40
        assert all(re.fullmatch(r"[a-z0-9_]{1,60}", field.key) for field in section.fields)
