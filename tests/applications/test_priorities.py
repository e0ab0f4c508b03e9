"""Badges at submission come from all that is known: answers, titles, and green factories by the lists (HEB-2, HLJ-21b)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from applications import facts
from applications.models import Application, Call
from applications.selectors import drafts as reads
from applications.selectors import rules_of
from applications.services import drafts
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import Organisation, ParkFirm
from tests import factories
from tests.applications import county, filled
from tests.reviews import asking
from tests.world import World

ON = date(2026, 3, 2)


def retold(world: World, case: Application, section: str, **changes: Any) -> None:
    row = reads.draft_of(case, reads.form_of(case)).rows[section]
    drafts.save_section(
        actor=world.actor("applicant"),
        at=filled.SPRING,
        reference=case.reference,
        section=section,
        answers={**row.data, **changes},
        version=row.version,
    )


def badges(case: Application) -> list[tuple[str, str]]:
    case.refresh_from_db()
    return [(one["rule"], one["clause"]) for one in case.badges]


def call_for(world: World, category: str, **values: Any) -> Call:
    return asking.call_of(world, category=category, values={"city_by": "2026-07-19", **values})


def listed(world: World, count: int, *, start: int = 9700, tier: str = "province") -> list[Organisation]:
    rows = [county.firm(world, "130302", start + number) for number in range(count)]
    for row in rows:
        factories.title(row.sites.get(), tier, valid_from=date(2024, 1, 1))
    return rows


@pytest.mark.clause("HEB-2.1b")
def test_what_the_report_says_of_energy_is_a_badge(world: World) -> None:
    call = call_for(world, "factory")
    factories.title(world.site, "province", valid_from=date(2024, 1, 1))
    case = filled.fill(world, filled.start(world, call))
    retold(world, case, "basic", energy_level="benchmark")
    filled.submit(world, case)
    assert badges(case) == [("energy", "HEB-2.1b")]
    assert case.priority == 1


@pytest.mark.clause("HEB-2.3c")
def test_green_suppliers_are_counted_by_the_lists(world: World) -> None:
    """Three are named: two are on a list, one by its former name; the third says it is, and is on none."""
    Organisation.objects.filter(pk=world.org.pk).update(industry=factories.industry("3041", "平板玻璃制造"))
    call = call_for(world, "supply_chain", chain_green=2)
    factories.title(world.site, "province", valid_from=date(2024, 1, 1))
    first, second = listed(world, 2)
    former = second.names.get().text
    Organisation.objects.filter(pk=second.pk).update(name="改名后示例有限公司")
    case = filled.fill(world, filled.start(world, call))
    no = {"producer_responsibility": False}
    rows = [{"name": first.name, "tier": "province"}, {"name": "名单外示例有限公司", "tier": "nation"}]
    retold(world, case, "work", suppliers_green=rows, **no)
    known = facts.gather([case], rules_of(call), "apply", ON)[case.pk].facts
    assert known["unit.green_partners"] == 1
    retold(world, case, "work", suppliers_green=[*rows, {"name": former, "tier": "city"}], **no)
    filled.submit(world, case)
    assert badges(case) == [("green_suppliers", "HEB-2.3c")]
    assert case.priority == 1


@pytest.mark.clause("HEB-2.3c")
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_reports_of_one_firm_do_not_hide_each_others_suppliers(world: World, order: tuple[int, int]) -> None:
    (green,) = listed(world, 1)
    bound = rules_of(call_for(world, "supply_chain", chain_green=1))
    cases = [Application(pk=pk, organisation_id=world.org.pk, report_id=pk) for pk in order]
    told = {1: {facts.PARTNERS: (green.name,)}, 2: {facts.PARTNERS: ()}}
    found = facts._partners(cases, bound, {world.org.pk: world.org}, told, ON)
    assert [found[pk][facts.COUNT] for pk in order] == [1, 1]


@pytest.mark.clause("HEB-2.2b", "HLJ-21b")
def test_green_factories_inside_a_park_are_counted_by_the_lists(world: World) -> None:
    """Those noted inside count, and those that the report names; the share is of those noted."""
    park = world.org
    park.kind = Organisation.Kind.PARK
    park.save(update_fields=["kind"])
    inside, named, removed = listed(world, 3)
    removed.sites.get().titles.update(valid_until=date(2025, 1, 1))
    plain = county.firm(world, "130302", 9750)
    for firm in (inside, removed, plain):
        ParkFirm.objects.create(park=park, firm=firm, valid_from=date(2024, 1, 1))
    ParkFirm.objects.create(park=park, firm=named, valid_from=date(2023, 1, 1), valid_until=date(2024, 1, 1))
    alone = organisations.green_partners([park], {}, ON)[park.pk]
    assert (alone.count, str(alone.share)) == (1, "33.33")
    told = organisations.green_partners([park], {park.pk: [named.code or "", "别处示例有限公司"]}, ON)[park.pk]
    assert (told.count, str(told.share)) == (2, "33.33")
    with CaptureQueriesContext(connection) as seen:
        organisations.green_partners([park, world.orgs["rival"]], {park.pk: [named.name]}, ON)
    assert len(seen) == 3


@pytest.mark.clause("HEB-2.2b")
def test_a_pilot_park_bears_a_badge_and_keeps_its_place(world: World) -> None:
    park = world.org
    park.kind = Organisation.Kind.PARK
    park.save(update_fields=["kind"])
    call = call_for(world, "park", park_green=1)
    case = filled.fill(world, filled.start(world, call))
    retold(world, case, "basic", kind="hidz", level="province")
    retold(world, case, "conditions", low_carbon_pilot=True, factories=[])
    filled.submit(world, case)
    assert badges(case) == [("low_carbon", "HEB-2.2b"), ("high_tech", "HEB-2.2b")]
    assert case.priority == 9
