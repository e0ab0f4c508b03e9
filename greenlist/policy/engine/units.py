"""Typed units: what a unit measures, and how much of another it is. A wrong dimension is refused, never guessed.

Coal equivalent, CO₂, money, products and gas at standard conditions each have a dimension of their own: tonnes of coal
equivalent are no tonnes, and no cubic metre of gas is one of water. Only a factor leads from one to the other.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any

# `pint` takes 0.3 s to import: only who converts pays for it.
DEFINITIONS = """
kg = [mass]
g = kg / 1000
mg = g / 1000
t = 1000 * kg
wan_t = 10000 * t
m = [length]
m2 = m ** 2
hm2 = 10000 * m2
mu = 10000 * m2 / 15
wan_m2 = 10000 * m2
km2 = 1000000 * m2
m3 = m ** 3
L = m3 / 1000
wan_m3 = 10000 * m3
Nm3 = [standard_gas]
wan_Nm3 = 10000 * Nm3
J = [energy]
kJ = 1000 * J
MJ = 1000 * kJ
GJ = 1000 * MJ
TJ = 1000 * GJ
kWh = 3600000 * J
MWh = 1000 * kWh
wan_kWh = 10000 * kWh
yi_kWh = 10000 * wan_kWh
kgce = [coal_equivalent]
gce = kgce / 1000
tce = 1000 * kgce
wan_tce = 10000 * tce
kgCO2 = [carbon_dioxide]
gCO2 = kgCO2 / 1000
tCO2 = 1000 * kgCO2
tC = 44 * tCO2 / 12
yuan = [money]
wan_yuan = 10000 * yuan
yi_yuan = 10000 * wan_yuan
person = [person]
item = [product]
wan_item = 10000 * item
ratio = []
percent = ratio / 100
year = [time]
"""
# How people and forms write them. Longest first where one begins another.
WRITTEN = {
    "CNY": "yuan",
    "元": "yuan",
    "千瓦时": "kWh",
    "kwh": "kWh",
    "度": "kWh",
    "mwh": "MWh",
    "gj": "GJ",
    "mj": "MJ",
    "吉焦": "GJ",
    "兆焦": "MJ",
    "吨标准煤": "tce",
    "千克标准煤": "kgce",
    "吨": "t",
    "千克": "kg",
    "公斤": "kg",
    "公顷": "hm2",
    "ha": "hm2",
    "亩": "mu",
    "平方米": "m2",
    "立方米": "m3",
    "标准立方米": "Nm3",
    "nm3": "Nm3",
    "升": "L",
    "人": "person",
    "项": "item",
    "件": "item",
    "台": "item",
    "套": "item",
    "unit": "item",
    "%": "percent",
    "wan_kwh": "wan_kWh",
    "wan_nm3": "wan_Nm3",
    "tco2": "tCO2",
    "kgco2": "kgCO2",
}
_PLAIN = re.compile(r"^[A-Za-z]\w*(/[A-Za-z]\w*)*$")


class UnknownUnit(ValueError):
    """No unit of this registry."""

    def __init__(self, unit: str) -> None:
        super().__init__(f"there is no unit {unit}")
        self.unit = unit


class WrongUnit(ValueError):
    """Two units that measure different things."""

    def __init__(self, given: str, wanted: str) -> None:
        super().__init__(f"{given} measures {dimension(given)}, {wanted} measures {dimension(wanted)}")
        self.given, self.wanted = given, wanted


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(None, non_int_type=Decimal)
    for line in DEFINITIONS.strip().splitlines():
        registry.define(line)
    return registry


@lru_cache(maxsize=512)
def name(unit: str) -> str:
    """A unit as the registry calls it: 万kWh → wan_kWh, m³/万元 → m3/wan_yuan, tce_per_wan_yuan → tce/wan_yuan."""
    text = unicodedata.normalize("NFKC", unit).replace(" ", "").replace("₂", "2")
    return "/".join(_single(part) for part in text.replace("_per_", "/").split("/"))


def _single(text: str) -> str:
    if text in WRITTEN:
        return WRITTEN[text]
    for sign, prefix in (("万", "wan_"), ("亿", "yi_")):
        if text.startswith(sign):
            return prefix + _single(text[1:])
    return text


@lru_cache(maxsize=512)
def _parsed(unit: str) -> Any:
    import pint

    if not _PLAIN.match(name(unit)):
        raise UnknownUnit(unit)
    try:
        return _registry().parse_units(name(unit))
    except pint.errors.UndefinedUnitError as unknown:
        raise UnknownUnit(unit) from unknown


def is_known(unit: str) -> bool:
    try:
        _parsed(unit)
    except UnknownUnit:
        return False
    return True


@lru_cache(maxsize=512)
def dimension(unit: str) -> str:
    """What a unit measures: "[mass]", "[coal_equivalent] / [money]". Raises UnknownUnit."""
    return str(_registry().get_dimensionality(_parsed(unit)))


def agree(one: str, other: str) -> bool:
    """Whether both measure the same. Raises UnknownUnit."""
    return dimension(one) == dimension(other)


@lru_cache(maxsize=1024)
def rate(given: str, wanted: str) -> Decimal:
    """How many of `wanted` one `given` is. Raises UnknownUnit, WrongUnit."""
    if not agree(given, wanted):
        raise WrongUnit(given, wanted)
    quantity = _registry().Quantity(Decimal(1), _parsed(given))
    return Decimal(quantity.to(_parsed(wanted)).magnitude)


def convert(amount: Decimal, given: str, wanted: str) -> Decimal:
    """Raises UnknownUnit, WrongUnit."""
    return amount if given == wanted else amount * rate(given, wanted)


def is_true(unit: str, base: str, factor: Decimal) -> bool:
    """Whether 1 `unit` is `factor` `base`: what a form says of its units. Raises UnknownUnit, WrongUnit."""
    found = rate(unit, base)
    return abs(found - factor) <= abs(found) * Decimal("1e-9")
