"""Typed units: conversion is exact, round trips lose nothing, what measures something else is refused."""

import subprocess
import sys
import tomllib
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlist.policy.engine import units

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
FAMILIES = [
    ("kg", "g", "t", "万t", "吨", "千克"),
    ("tce", "kgce", "gce", "吨标准煤"),
    ("kWh", "万kWh", "MWh", "亿kWh", "GJ", "MJ", "kJ", "TJ"),
    ("m3", "m³", "万m³", "L", "立方米"),
    ("Nm3", "万Nm³", "标准立方米"),
    ("m2", "㎡", "hm²", "亩", "公顷", "km2"),
    ("元", "万元", "亿元", "CNY"),
    ("kgCO2", "tCO₂", "gCO2", "tC"),
    ("件", "万件", "台"),
    ("tce/万元", "kgce/万元", "tce/CNY", "tce_per_wan_yuan"),
    ("m³/t", "L/kg"),
    ("kgce/t", "kgce/kg", "tce/t"),
    ("%", "ratio"),
]
AMOUNTS = st.decimals(min_value="0.000001", max_value="1000000000000", places=6)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0])
@given(amount=AMOUNTS, data=st.data())
def test_there_and_back_is_the_same(family: tuple[str, ...], amount: Decimal, data: st.DataObject) -> None:
    one, other = data.draw(st.sampled_from(family)), data.draw(st.sampled_from(family))
    back = units.convert(units.convert(amount, one, other), other, one)
    assert abs(back - amount) <= amount * Decimal("1e-20")


@given(a=AMOUNTS, b=AMOUNTS)
def test_conversion_keeps_the_order(a: Decimal, b: Decimal) -> None:
    assert (a < b) == (units.convert(a, "万kWh", "GJ") < units.convert(b, "万kWh", "GJ"))


@pytest.mark.parametrize(
    ("amount", "unit", "wanted", "found"),
    [
        ("1", "t", "kg", "1000"),
        ("1", "万kWh", "kWh", "10000"),
        ("1", "万kWh", "GJ", "36"),
        ("1", "GJ", "MJ", "1000"),
        ("2.5", "万m³", "m3", "25000"),
        ("1.5", "万Nm³", "Nm3", "15000"),
        ("15", "亩", "hm2", "1"),
        ("3", "tce", "kgce", "3000"),
        ("12", "tC", "tCO2", "44"),
        ("0.5", "tce/万元", "kgce/万元", "500"),
        ("1.2", "亿元", "万元", "12000"),
        ("35", "%", "ratio", "0.35"),
    ],
)
def test_known_conversions(amount: str, unit: str, wanted: str, found: str) -> None:
    assert units.convert(Decimal(amount), unit, wanted) == Decimal(found)


@pytest.mark.parametrize(
    ("first", "second"), list(combinations([family[0] for family in FAMILIES], 2)), ids=lambda unit: str(unit)
)
def test_what_measures_something_else_is_refused(first: str, second: str) -> None:
    """Tonnes are no tonnes of coal equivalent, kilowatt hours no gas, water no gas: only a factor leads across."""
    with pytest.raises(units.WrongUnit) as refused:
        units.convert(Decimal(1), first, second)
    assert first in str(refused.value)
    assert second in str(refused.value)


@pytest.mark.parametrize("unit", ["bogus", "", "1/0", "kWh*t", "__import__('os')", "tce/", "kg kg"])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    assert not units.is_known(unit)
    with pytest.raises(units.UnknownUnit):
        units.rate(unit, "kg")


@pytest.mark.parametrize("path", sorted((FIXTURES / "forms").glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_forms_say_the_truth_about_their_units(path: Path) -> None:
    declared = tomllib.loads(path.read_text(encoding="utf-8")).get("unit", {})
    for key, unit in declared.items():
        written = unit.get("unit", key)
        assert units.is_known(written), f"{path.name}: unit.{key} has no meaning; name one with unit = …"
        base, factor = unit.get("base", key), Decimal(str(unit.get("factor", 1)))
        if written != base:
            assert units.is_true(written, base, factor), f"{path.name}: 1 {key} is not {factor} {base}"


def test_pint_is_loaded_only_by_who_converts() -> None:
    code = "import sys, greenlist.policy.engine, greenlist.policy.engine.units; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
