"""What a criteria set's own sections come to with the shipped factor tables: calculators included."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from greenlist.policy import engine
from greenlist.policy.engine import calculators, factors
from greenlist.policy.engine.criteria_form import form_of
from greenlist.policy.engine.criteria_types import Criteria
from greenlist.policy.engine.factors import FactorTable
from greenlist.policy.engine.types import Form
from tests.policy.conftest import FIXTURES


@cache
def tables() -> dict[str, FactorTable]:
    found = (factors.load_factors(path.name, path.read_bytes()) for path in (FIXTURES / "factors").glob("*.toml"))
    return {table.slug: table for table in found}


def form(criteria: Criteria, home: str = "130000") -> Form:
    return calculators.bind(form_of(criteria), tables(), home=home)


def values(criteria: Criteria, data: Mapping[str, Any]) -> dict[str, Decimal | None]:
    return engine.forms.values(form(criteria), data)
