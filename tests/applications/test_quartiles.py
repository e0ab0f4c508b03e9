"""The report beside its industry: quartiles of five or more other units, and never a word below that."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Application, Figure
from applications.selectors import drafts as reads
from applications.selectors import quartiles
from applications.services import drafts
from applications.states import State
from tests.applications import county, filled
from tests.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+08:00")
AREA = "130302"


@pytest.fixture
def case(world: World) -> Application:
    """A draft with a site area of 40 in 3911."""
    filled.load_rules()
    found = filled.start(world, filled.open_call(world))
    Application.objects.filter(pk=found.pk).update(industry_code="3911")
    drafts.save_section(
        actor=world.actor("applicant"),
        at=NOON,
        reference=found.reference,
        section="land",
        answers={"table": [{"item": "site", "amount": "40"}]},
        version=0,
    )
    found.refresh_from_db()
    return found


def declare(peer: Application, value: int, unit: str, at: datetime = NOON) -> None:
    version = county.declare(peer, peer.call, at)
    Figure.objects.create(
        version=version, site=peer.site, key="basic.site_area", year=2026, value=Decimal(value), unit=unit
    )


def peers(world: World, case: Application, values: list[int], industry: str = "3911", start: int = 7700) -> Any:
    form = reads.form_of(case)
    unit = form.field("basic.site_area").unit
    assert unit is not None
    found = []
    for serial, value in enumerate(values, start + 10 * int(industry)):
        firm = county.firm(world, AREA, serial)
        peer = county.case(world, case.call, organisation=firm, industry=industry)
        declare(peer, int(value * unit.factor), unit.base)
        found.append(peer)
    return found


def look(case: Application) -> quartiles.Comparison:
    return quartiles.compared(case, reads.draft_of(case, reads.form_of(case)))


def test_five_others_are_told_as_quartiles(world: World, case: Application) -> None:
    peers(world, case, [10, 20, 30, 40, 50])
    found = look(case)
    assert found.industry == "3911"
    (place,) = found.places
    assert (place.lower, place.middle, place.upper, place.others) == (20, 30, 40, 5)
    assert (place.own, place.quarter) == (40, 3)


def test_four_others_are_never_told(world: World, case: Application) -> None:
    peers(world, case, [10, 20, 30, 40])
    assert look(case) == quartiles.Comparison("", ())


def test_withdrawn_units_and_the_own_firm_do_not_count(world: World, case: Application) -> None:
    found = peers(world, case, [10, 20, 30, 40, 50])
    Application.objects.filter(pk=found[0].pk).update(state=State.WITHDRAWN)
    assert look(case).industry == ""
    Application.objects.filter(pk=found[0].pk).update(state=State.SCREENING, organisation=case.organisation)
    assert look(case).industry == ""


def test_enough_units_but_too_few_of_a_figure(world: World, case: Application) -> None:
    found = peers(world, case, [10, 20, 30, 40, 50])
    Figure.objects.filter(version__report=found[0].report).delete()
    assert look(case) == quartiles.Comparison("3911", ())


def test_a_wider_class_is_taken_when_the_own_one_is_too_small(world: World, case: Application) -> None:
    peers(world, case, [10, 20])
    peers(world, case, [30, 40, 50], industry="3912")
    assert look(case).industry == "391"
    assert look(case).places[0].others == 5


def test_no_difference_of_two_classes_gives_one_unit_away(world: World, case: Application) -> None:
    """Five of 3912 are told to their own; with one of 3911 the wider class would give that one away."""
    peers(world, case, [10, 20, 30, 40, 50], industry="3912")
    (lonely,) = peers(world, case, [99])
    assert look(case).industry == ""
    Application.objects.filter(pk=lonely.pk).update(state=State.WITHDRAWN)
    assert look(case).industry == "391"
    peers(world, case, [1, 2, 3, 4], start=9100)
    assert look(case).industry == ""
    peers(world, case, [5], start=9400)
    assert look(case).industry == "3911"


def test_the_newest_declaration_of_a_unit_counts_once(world: World, case: Application) -> None:
    first, *_others = peers(world, case, [10, 20, 30, 40, 50])
    unit = reads.form_of(case).field("basic.site_area").unit
    assert unit is not None
    declare(first, int(60 * unit.factor), unit.base, NOON + timedelta(days=1))
    (place,) = look(case).places
    assert (place.lower, place.middle, place.upper, place.others) == (30, 40, 50, 5)


def test_values_are_told_to_three_digits_and_no_name_is_on_the_page(world: World, case: Application) -> None:
    found = peers(world, case, [123456, 123457, 123458, 123459, 123460])
    (place,) = look(case).places
    assert place.middle == 123000
    page = world.client("applicant").get(reverse("applications:compare", args=[case.reference])).content.decode()
    assert "123,000" in page
    assert not [one.name for one in found if one.name in page]
