"""Figures over the years: which count, whose they are, what a page shows of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from dynamics.models import YearlyReport
from dynamics.selectors import trends
from dynamics.services import inspections, yearly
from dynamics.states import YearlyState
from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.policy import selectors as policy
from greenlist.policy.engine import forms
from greenlist.policy.engine.types import Field, FieldType, Text, Unit
from registry.models import Listing
from registry.services import listings
from tests import places
from tests.applications import county
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.dynamics.tables import SPRING
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SPRING)


@pytest.fixture
def unit(world: World) -> Listing:
    county.load_rules()
    return listed(world, on=date(2024, 6, 20))


def filed(world: World, year: int, output: str) -> YearlyReport:
    at = datetime.fromisoformat(f"{year}-03-01T09:00:00+08:00")
    cycle = tables.opened(world, year=year, due_on=date(year, 4, 30), at=at)
    return tables.filed(world, tables.of(cycle, world), at=at, economy__output=output)


def accepted(world: World, year: int, output: str) -> YearlyReport:
    row = filed(world, year, output)
    at = datetime.fromisoformat(f"{year}-03-02T09:00:00+08:00")
    for who in ("county_handler", "city_handler"):
        row.refresh_from_db()
        yearly.approve(actor=world.actor(who), at=at, reference=row.reference, revision=row.revision, text="属实")
    row.refresh_from_db()
    assert row.state == YearlyState.ACCEPTED
    return row


def row_of(found: trends.Trends | None, label: str) -> trends.Trend:
    assert found is not None
    return next(one for one in found.rows if one.label.startswith(label))


def test_only_what_was_accepted_counts(world: World, unit: Listing) -> None:
    actor = world.actor("city_handler")
    filed(world, 2025, "1000")
    assert trends.of_unit(actor, unit) is None
    accepted(world, 2026, "2000")
    accepted(world, 2027, "3000")
    found = trends.of_unit(actor, unit)
    assert found is not None and found.years == (2025, 2026)
    output = row_of(found, "工业总产值")
    assert (output.values, output.unit, output.change) == (("2,000", "3,000"), "万元", "+50.0 %")
    assert output.dots == (("4.0", "28.0"), ("116.0", "4.0"))
    intensity = row_of(found, "单位产值综合能耗")
    assert intensity.values == ("0.1229", "0.0819")  # kept finely enough to be told by 万元
    assert intensity.is_unverified and not output.is_unverified
    assert any("GB/T 2589" in note for note in found.notes)


@pytest.mark.clause("JY-20")
def test_a_county_of_jieyang_follows_and_analyses_its_units(world: World) -> None:
    """Figures of the years, visits and what stands against a unit on one page; the list says who is in question."""
    county.load_rules()
    places.jieyang(world)
    unit = listed(world, "jy_applicant", "445200", on=date(2025, 6, 20))
    for year, output in ((2026, "2000"), (2027, "3000")):
        at = datetime.fromisoformat(f"{year}-03-01T09:00:00+08:00")
        cycle = tables.opened(world, "jieyang", year=year, due_on=None, at=at, who="jy_city_approver")
        table = YearlyReport.objects.get(cycle=cycle, site=unit.site)
        tables.filed(world, table, "jy_applicant", at=at, economy__output=output)
        for who in ("jy_county_handler", "jy_city_handler"):
            table.refresh_from_db()
            given = {"reference": table.reference, "revision": table.revision, "text": "属实"}
            yearly.approve(actor=world.actor(who), at=at, **given)
    visit = inspections.plan_visit(
        actor=world.actor("jy_county_handler"), listing=unit.pk, planned_on=SPRING.date(), unannounced=True, at=SPRING
    )
    address = reverse("dynamics:unit", args=[unit.pk])
    page = world.client("jy_county_handler").get(address)
    output = row_of(page.context["trends"], "工业总产值")
    assert (output.values, output.change) == (("2,000", "3,000"), "+50.0 %")
    assert reverse("dynamics:inspection", args=[visit.reference]) in page.content.decode()
    listings.propose_removal(listing=unit.pk, reason="核查", actor=SYSTEM, at=SPRING)
    asked = world.client("jy_county_handler").get(reverse("dynamics:units"), {"state": "questioned"})
    assert unit.name in asked.content.decode()
    assert world.client("county_handler").get(address).status_code == 404  # another county's


def test_the_page_shows_a_table_with_drawn_lines(world: World, unit: Listing) -> None:
    accepted(world, 2026, "2000")
    accepted(world, 2027, "3000")
    for who in ("applicant", "county_handler", "province_handler"):
        text = world.client(who).get(reverse("dynamics:unit", args=[unit.pk])).content.decode()
        assert "历年指标" in text, who
        assert '<svg class="spark"' in text
        assert (
            "style=" not in text.split('id="trends"')[1].split("</section>")[0]
        )  # nothing that the page's policy forbids


def test_what_one_may_not_see_does_not_count(world: World, unit: Listing) -> None:
    accepted(world, 2026, "2000")
    for who in ("other_city_handler", "rival", "evaluator", "expert"):
        assert trends.of_unit(world.actor(who), unit) is None, who


@pytest.mark.parametrize("count", [1, 3])
def test_many_years_cost_as_much_as_one(
    world: World, unit: Listing, count: int, django_assert_max_num_queries: Any
) -> None:
    for year in range(2025, 2025 + count):
        accepted(world, year, "2000")
    actor = world.actor("city_handler")
    trends.of_unit(actor, unit)
    with django_assert_max_num_queries(4):
        found = trends.of_unit(actor, unit)
    assert found is not None and len(found.years) == count


WAN = Unit(key="wan", label=Text(zh="万元"), base="CNY", factor=Decimal(10000))
NUMBER = Field(key="x", type=FieldType.NUMBER, label=Text(zh="x"), unit=WAN, decimals=2)


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    [
        (NUMBER, "10000000", "1,000"),
        (NUMBER, "12345678", "1,234.57"),
        (NUMBER, "0", "0"),
        (replace(NUMBER, type=FieldType.COMPUTED), "10000000", "1,000.00"),
        (replace(NUMBER, unit=None, decimals=0), "7", "7"),
    ],
)
def test_a_figure_is_told_in_the_unit_of_its_field(spec: Field, value: str, text: str) -> None:
    assert trends.amount_text(spec, Decimal(value)) == text


@pytest.mark.parametrize("category", ["factory", "park", "supply_chain"])
def test_the_forms_say_what_is_followed(world: World, category: str) -> None:
    county.load_rules()
    bound = policy.standing(policy.current("hebei-provincial"), category)
    form = next(form for key, form in bound.forms.items() if key.startswith("dynamic-"))
    marked = {f"{part.key}.{spec.key}" for part in form.sections for spec in part.fields if spec.trend}
    assert {"energy.total", "energy.intensity", "energy.carbon", "waste.fresh_water"} <= marked
    assert forms.unverified(form, "economy.output") == {}
